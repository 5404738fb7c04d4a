"""The requests and answers of the v5 calls, field by field as Tencent's pages have them.

Programs write numbers as text and the reverse: both are read. Fields that a call does not know are left alone, null is an absent field.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hongyan.doors.tencent.callbacks import Report, UserReply
from hongyan.doors.tencent.words import LONGEST_ID, decimal
from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.errors import Failure
from hongyan.model.phone import MAINLAND_CODE, parse

SMS, VOICE = "/v5/tlssmssvr/", "/v5/tlsvoicesvr/"

Text: TypeAlias = str | int | None
Number: TypeAlias = int | str | None
Value: TypeAlias = str | int | float | None
_DIGITS = {"pattern": f"^[0-9]{{1,{LONGEST_ID}}}$"}
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


class Sending(Request, frozen=True):
    """What all sends share: a template with its values, or a text that must be an approved template's."""

    tpl_id: Annotated[Number, Meta(description="The template; without it the text counts.", extra_json_schema=_DIGITS)] = None
    params: Annotated[list[Value] | None, Meta(description="The values of the template's variables, in order.")] = None
    sign: Annotated[Text, Meta(description="An approved signature without its brackets; the first approved one when it is absent.")] = None
    type: Annotated[Number, Meta(description="Of a text: 0 normal, 1 marketing.")] = None
    msg: Annotated[Text, Meta(description="A text that an approved template fits, with 【signature】 in front or without.")] = None
    ext: Annotated[Text, Meta(description="Comes back in the answer, and in reports where that is switched on.")] = None
    extend: Annotated[Text, Meta(description="Digits after the sender's number; to be switched on for the application.")] = None

    def by_template(self) -> bool:
        """Whether a template was named, and not a text given."""
        return number(self.tpl_id) not in {None, 0} or (self.msg is None and self.tpl_id is not None)

    def values(self) -> tuple[str, ...]:
        return tuple([text(value) for value in self.params or ()])


class SingleSms(Sending, frozen=True):
    tel: Tel | None = None

    def numbers(self) -> tuple[Tel, ...]:
        """Whom it is sent to, in order."""
        return () if self.tel is None else (self.tel,)

    def tails(self) -> tuple[str, ...] | Failure:
        return _mobile(self.tel)


class MultiSms(Sending, frozen=True):
    tel: Annotated[
        list[Tel] | None, Meta(description="All in mainland China or all abroad.", extra_json_schema={"minItems": 1, "maxItems": 200})
    ] = None

    def numbers(self) -> tuple[Tel, ...]:
        return tuple(self.tel or ())

    def tails(self) -> tuple[str, ...] | Failure:
        if not self.tel or any(tel.mobile is None for tel in self.tel):
            return NO_MOBILE
        return ("&mobile=" + ",".join([tel.number for tel in self.tel]),)


class Isms(Sending, frozen=True):
    tel: Annotated[Text, Meta(description="+<country code><number>")] = None

    def numbers(self) -> tuple[Tel, ...]:
        found = parse(text(self.tel))
        return (Tel(text(self.tel).lstrip("+")[:3], "") if found is None else Tel(str(found.country_code), found.national),)

    def tails(self) -> tuple[str, ...] | Failure:
        written = text(self.tel)
        if not written:
            return Failure(errors.BAD_PACKAGE, "cannot get /tel")
        # The page for templates shows a sig over the number alone, as the calls for the mainland have it.
        [tel] = self.numbers()
        return (f"&tel={written}", f"&mobile={tel.number}") if tel.number else (f"&tel={written}",)


Send: TypeAlias = SingleSms | MultiSms | Isms


class PullStatus(Request, frozen=True):
    """Whatever is waiting, once."""

    type: Annotated[Number, Meta(description="0 reports, 1 replies.")] = None
    max: Annotated[Number, Meta(description="1 to 100.")] = None


class PullStatus4Mobile(PullStatus, frozen=True):
    """One number's, any number of times."""

    nationcode: Text = None
    mobile: Text = None
    begin_time: Annotated[Number, Meta(description="Unix seconds.")] = None
    end_time: Annotated[Number, Meta(description="Unix seconds.")] = None


class QuerySms4Mobile(Request, frozen=True):
    """What one number was sent."""

    nationcode: Text = None
    mobile: Text = None
    begin_time: Annotated[Number, Meta(description="Unix seconds.")] = None
    end_time: Annotated[Number, Meta(description="Unix seconds.")] = None

    def tails(self) -> tuple[str, ...] | Failure:
        if self.mobile is None:
            return Failure(errors.BAD_PACKAGE, "cannot get /mobile")
        return (f"&mobile={text(self.mobile)}",)


class SendVoice(Request, frozen=True):
    """The four calls that ring a handset."""

    tel: Tel | None = None
    ext: Text = None
    playtimes: Annotated[Number, Meta(description="At most 3.")] = None
    msg: Annotated[Text, Meta(description="sendcvoice: the digits.")] = None
    prompttype: Annotated[Number, Meta(description="sendvoiceprompt: 2.")] = None
    promptfile: Annotated[Text, Meta(description="sendvoiceprompt: the text.")] = None
    tpl_id: Annotated[Number, Meta(description="sendtvoice.")] = None
    params: Annotated[list[Value] | None, Meta(description="sendtvoice.")] = None
    fid: Annotated[Text, Meta(description="sendfvoice: an uploaded file.")] = None

    def tails(self) -> tuple[str, ...] | Failure:
        return _mobile(self.tel)


class StatusVoiceFile(Request, frozen=True):
    fid: Text = None

    def tails(self) -> tuple[str, ...] | Failure:
        # Two samples of one page sign it in two ways.
        return (f"&fid={text(self.fid)}", f"&mobile={text(self.fid)}")


def _mobile(tel: Tel | None) -> tuple[str, ...] | Failure:
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


class SendResult(Answer, frozen=True):
    ext: str
    fee: int
    sid: str


class IsmsResult(SendResult, frozen=True):
    nationcode: str


class Detail(Answer, frozen=True):
    """One number of many; without fee and sid when it was refused."""

    mobile: str
    nationcode: str
    fee: int | UnsetType = UNSET
    sid: str | UnsetType = UNSET


class MultiResult(Answer, frozen=True):
    ext: str
    detail: list[Detail]


class PulledReports(Answer, frozen=True):
    count: int
    data: list[Report]


class PulledReplies(Answer, frozen=True):
    count: int
    data: list[UserReply]


class SentSms(Answer, frozen=True):
    """A message of querysms4mobile; nothing is known yet where a text is empty."""

    nationcode: str
    mobile: str
    sign: str
    text: str
    send_time: str
    type: int
    sid: str
    user_receive_time: str
    report_status: str
    status: str
    description: str


class Queried(Answer, frozen=True):
    real_count: int
    truncated: int
    data: list[SentSms]


_ENCODER = msgspec.json.Encoder()


def encode(answer: Answer | Gateway) -> bytes:
    """The body of an answer."""
    return _ENCODER.encode(answer)


_RUN = re.compile(r"[0-9]+")
LONGEST_SHOWN = 100


def masked(body: str) -> str:
    """A text as querysms4mobile shows it: of each row of digits the first and the last alone, and no more than 100 characters."""
    hidden = _RUN.sub(lambda run: run[0] if len(run[0]) < 3 else f"{run[0][0]}{'*' * (len(run[0]) - 2)}{run[0][-1]}", body)  # noqa: PLR2004 - first, last and something between
    return hidden if len(hidden) <= LONGEST_SHOWN else hidden[:LONGEST_SHOWN] + "..."


class Call(NamedTuple):
    """What a call reads, and answers when nothing is wrong."""

    summary: str
    request: type[Request]
    answers: Sequence[type[Answer]]


PULLED = (PulledReports, PulledReplies)
CALLS: dict[str, Call] = {
    f"{SMS}sendsms": Call("Send one text to one number", SingleSms, (SendResult,)),
    f"{SMS}sendmultisms2": Call("Send one text to up to 200 numbers", MultiSms, (MultiResult,)),
    f"{SMS}sendisms": Call("Send one text to one number abroad", Isms, (IsmsResult,)),
    f"{SMS}pullstatus": Call("Reports or replies not handed out before, each once", PullStatus, PULLED),
    f"{SMS}pullstatus4mobile": Call(
        "Reports or replies of one number, as often as asked", PullStatus4Mobile, (PulledReports, PulledReplies)
    ),
    f"{SMS}querysms4mobile": Call("What one number was sent, and what became of it", QuerySms4Mobile, (Queried,)),
    f"{VOICE}sendcvoice": Call("A call that speaks digits; not offered yet", SendVoice, ()),
    f"{VOICE}sendvoice": Call("The older name of sendcvoice", SendVoice, ()),
    f"{VOICE}sendvoiceprompt": Call("A call that speaks a text; not offered yet", SendVoice, ()),
    f"{VOICE}sendtvoice": Call("A call that speaks a template; not offered yet", SendVoice, ()),
    f"{VOICE}sendfvoice": Call("A call that plays a file; not offered yet", SendVoice, ()),
    f"{VOICE}statusvoicefile": Call("Whether an uploaded file may be played; not offered yet", StatusVoiceFile, ()),
}
"""Every call with a JSON body that is answered, by its path."""
UPLOAD = f"{VOICE}uploadvoicefile"
"""Has the file itself for a body."""
