"""What all v5 calls share: how they are read, and the answers around what was asked for.

Programs write numbers as text and the reverse: both are read. Fields that a call does not know are left alone, null is an absent field.
"""

import re
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from hongyan.doors.tencent.words import LONGEST_ID, decimal
from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.errors import Failure
from hongyan.model.phone import MAINLAND_CODE

SMS, VOICE = "/v5/tlssmssvr/", "/v5/tlsvoicesvr/"

Text: TypeAlias = str | int | None
Number: TypeAlias = int | str | None
Value: TypeAlias = str | int | float | None
DIGITS = {"pattern": f"^[0-9]{{1,{LONGEST_ID}}}$"}
Sig = Annotated[Text, Meta(description="SHA-256 in lower-case hexadecimal.")]
Time = Annotated[Number, Meta(description="Unix seconds, at most 600 from the server's clock.")]


def text(value: Value) -> str:
    return "" if value is None else str(value)


def number(value: Number) -> int | None:
    """What was written as a number or as digits; None when it is absent, neither, or too long to be anything."""
    return None if value is None else decimal(str(value))


class Request(msgspec.Struct, frozen=True):
    """A request's fields, whatever the call."""

    sig: Sig = None
    time: Time = None

    def tails(self) -> tuple[str, ...] | Failure:
        """What the call puts behind the time in what it signs: the ways in which programs are known to write it."""
        return ("",)


class Tel(msgspec.Struct, frozen=True):
    nationcode: Annotated[Text, Meta(description="Without the plus; 86 when it is absent.")] = None
    mobile: Annotated[Text, Meta(description="Without the country code.")] = None

    @property
    def nation(self) -> str:
        return text(self.nationcode).strip().lstrip("+") or str(MAINLAND_CODE)

    @property
    def number(self) -> str:
        return text(self.mobile)

    def phone(self) -> str:
        """In E.164, or something that cannot be read as a number when it is none."""
        return f"+{self.nation}{self.number}"


NO_MOBILE = Failure(errors.BAD_PACKAGE, "cannot get /tel/mobile")


def mobile_tail(tel: Tel | None) -> tuple[str, ...] | Failure:
    return NO_MOBILE if tel is None or tel.mobile is None else (f"&mobile={tel.number}",)


_AT = re.compile(r" - at `\$(.*?)`$")
_STEP = re.compile(r"[.\[]+")


def read(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any | Failure:
    """The request in a body; a failure names the field and the rule."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as fault:
        said = str(fault)
        path = _AT.search(said)
        where = _STEP.sub("/", path[1].replace("]", "")) if path else "/"
        return Failure(errors.BAD_PACKAGE, f"cannot get {where} ({_AT.sub('', said)})")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Failure(errors.BAD_JSON)


# Answers.


class Answer(msgspec.Struct, frozen=True):
    """Every answer that is not the gateway's."""

    result: Annotated[int, Meta(description="0, or what went wrong.")]
    errmsg: str


class Gateway(msgspec.Struct, frozen=True, rename="pascal"):
    """The answer of the gateway in front of the service."""

    action_status: str
    error_info: str
    error_code: int


class Refused(Answer, frozen=True):
    ext: str


_ENCODER = msgspec.json.Encoder()


def encode(answer: Answer | Gateway) -> bytes:
    """The body of an answer."""
    return _ENCODER.encode(answer)
