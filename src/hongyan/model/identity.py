"""Who an account says it is: a person or an organisation of mainland China."""

import datetime as dt
import enum

import msgspec

from hongyan.model.snapshot import AccountKind

_WEIGHTS = tuple(pow(2, 17 - place, 11) for place in range(17))
_CHECKS = "10X98765432"
LENGTH = 18


class VerificationStatus(enum.StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    INCOMPLETE = "incomplete"
    """More papers are asked for: hand in again."""
    WITHDRAWN = "withdrawn"


class VerificationDraft(msgspec.Struct, frozen=True):
    """What an account says of itself."""

    kind: AccountKind
    name: str
    """As on the papers."""
    number: str
    """A person's identity number, an organisation's unified social credit code."""
    documents: tuple[int, ...]
    contact: str = ""
    """Whom to ask."""
    remark: str = ""


def is_identity_number(text: str) -> bool:
    """18 characters with a day of birth and a check that agrees (GB 11643-1999, ISO 7064 MOD 11-2)."""
    body, check = text[:-1], text[-1:]
    if len(text) != LENGTH or not (body.isascii() and body.isdigit()) or _CHECKS[_sum(body)] != check:
        return False
    try:
        dt.date(int(body[6:10]), int(body[10:12]), int(body[12:14]))
    except ValueError:
        return False
    return True


def _sum(body: str) -> int:
    return sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11


def masked_number(text: str) -> str:
    """The first three and the last two characters, for screens and logs."""
    return f"{text[:3]}{'*' * (len(text) - 5)}{text[-2:]}"
