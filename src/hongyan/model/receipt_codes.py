"""What carriers' codes mean: a category for each of some 2,000, with the code's own words where a standard gives them.

Two tables lie beside this module. `receipt_codes.tsv` (code, carrier, category) was made from Tencent's page of receipt codes.
`status_codes.tsv` has what the standards and Huawei's pages list: answers to submits and words of receipts of SMPP 3.4 and 5.0 (names of
command_status without ESME_), CMPP 2.0 and 3.0, SGIP 1.2 and SMGP 3.0 (the result's number behind the protocol's name), Huawei's report
codes (sms_05_0051). A code that ends in * stands for all that begin so and have no line of their own.
"""

import enum
import functools
import importlib.resources
from collections.abc import Iterator

import msgspec


class Category(enum.StrEnum):
    """What a code comes down to."""

    DELIVERED = "delivered"
    EMPTY_NUMBER = "empty_number"
    POWERED_OFF = "powered_off"
    SUSPENDED = "suspended"
    OFF_OR_SUSPENDED = "off_or_suspended"
    EMPTY_OR_OFF = "empty_or_off"
    HANDSET_SIGNAL = "handset_signal"
    HANDSET_FULL = "handset_full"
    NO_SMS_SERVICE = "no_sms_service"
    BLACKLIST = "blacklist"
    UNSUBSCRIBED = "unsubscribed"
    PROTECTED = "protected"
    CONTENT_BLOCK = "content_block"
    GATEWAY_BLOCK = "gateway_block"
    FREQUENCY = "frequency"
    MNP = "mnp"
    SIGNATURE = "signature"
    TEMPLATE = "template"
    MANUAL_REJECT = "manual_reject"
    TIMEOUT = "timeout"
    TIME_WINDOW = "time_window"
    CONTENT_LENGTH = "content_length"
    ENCODING = "encoding"
    MARKETING_DENIED = "marketing_denied"
    BAD_NUMBER = "bad_number"
    ROUTING = "routing"
    CARRIER_BUSY = "carrier_busy"
    CARRIER_QUOTA = "carrier_quota"
    LINK_SETUP = "link_setup"
    DUPLICATE = "duplicate"
    DELETED = "deleted"
    UNDELIVERED = "undelivered"
    UNKNOWN_STATE = "unknown_state"
    GATEWAY_ERROR = "gateway_error"
    OTHER = "other"
    """The list has the code and says nothing of use."""


class Stage(enum.StrEnum):
    """When a carrier says a code: the same number can mean two things."""

    SUBMIT = "submit"
    RECEIPT = "receipt"


class Meaning(msgspec.Struct, frozen=True):
    """What one list says of a code."""

    source: str
    """"tencent", "huawei", or the protocol whose standard it is."""
    category: Category
    en: str = ""
    zh: str = ""
    """The code's own words; empty where the list has none."""
    family: bool = False
    """The list has not this code, but says what those that begin like it are about."""


def category(code: str) -> str | None:
    """One of the categories of Tencent's list ("empty_number", "blacklist", ...); None for a code that it does not have."""
    return categories().get(code)


def meanings(code: str, stage: Stage) -> tuple[Meaning, ...]:
    """What the lists say of a code, one meaning for each category, the likeliest in front; none for a code that no list has.

    Carriers use codes of one list in different ways, and nobody is told whose list a carrier follows: where the lists disagree, all are
    told. What stands for a family of codes, or says little, counts only where nothing better is known.
    """
    found = [*_exact(code, stage), *_families(code, stage)]
    if not found and stage is Stage.SUBMIT:
        # What is told of a submit after all can be a receipt's word.
        found = [*_exact(code, Stage.RECEIPT), *_families(code, Stage.RECEIPT)]
    best = min((_vagueness(meaning) for meaning in found), default=0)
    chosen: dict[Category, Meaning] = {}
    for meaning in found:
        known = chosen.get(meaning.category)
        if _vagueness(meaning) == best and (known is None or not known.en):
            chosen[meaning.category] = meaning
    return tuple(chosen.values())


def _vagueness(meaning: Meaning) -> int:
    """How little it says: only what says most is told."""
    if meaning.category is Category.OTHER:
        return 3
    if meaning.family:
        return 2
    return int(meaning.category in {Category.UNDELIVERED, Category.UNKNOWN_STATE})


def _exact(code: str, stage: Stage) -> Iterator[Meaning]:
    if stage is Stage.RECEIPT and (found := category(code)) is not None:
        yield Meaning("tencent", Category(found))
    yield from statuses().get((stage, code), ())


def _families(code: str, stage: Stage) -> Iterator[Meaning]:
    for (at, begin), found in statuses().items():
        if at is stage and begin.endswith("*") and code.startswith(begin[:-1]):
            yield from found


@functools.cache
def categories() -> dict[str, str]:
    """Category by code, as Tencent's list has it."""
    return {code: category for code, _, category in _rows("receipt_codes.tsv")}


@functools.cache
def statuses() -> dict[tuple[Stage, str], tuple[Meaning, ...]]:
    """What the other lists say, by stage and code."""
    found: dict[tuple[Stage, str], tuple[Meaning, ...]] = {}
    for source, stage, code, named, en, zh in _rows("status_codes.tsv"):
        key = (Stage(stage), code)
        found[key] = (*found.get(key, ()), Meaning(source, Category(named), en, zh, family=code.endswith("*")))
    return found


def _rows(name: str) -> Iterator[list[str]]:
    text = importlib.resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return (line.split("\t") for line in text.splitlines()[1:])
