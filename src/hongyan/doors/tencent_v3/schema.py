"""The requests and answers of the actions of 2021-01-11, field by field as Tencent's API metadata has them (names, types, required).

A JSON null is an absent field. In queries and forms lists are flattened ("PhoneNumberSet.0") and integers are text.
"""

from typing import Annotated, Any, Generic, NamedTuple, TypeVar, get_args, get_origin

import msgspec
from msgspec import Meta

from hongyan.doors.tencent.words import (
    LONGEST_ID,
    MOST_NUMBERS,
    MOST_PULLED,
    decimal,
    national,
    receipt_word,
    report_status,
    serial_no,
)
from hongyan.doors.tencent_v3 import errors
from hongyan.doors.tencent_v3.errors import Failure
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.message import Dialect, SendCommand
from hongyan.model.numbering import country_name
from hongyan.model.phone import UNKNOWN_REGION, parse
from hongyan.model.reject import Refusal, Reject

# Requests. What the annotations say is published (openapi.py) and asked elsewhere: msgspec would answer with a code that is not Tencent's.

Id = Annotated[str, Meta(description="A decimal id, as text.", extra_json_schema={"pattern": f"^[0-9]{{1,{LONGEST_ID}}}$"})]
Numbers = Annotated[
    list[str],
    Meta(
        description="E.164 with the plus, or a mainland number alone; all in mainland China or all abroad.",
        extra_json_schema={"minItems": 1, "maxItems": MOST_NUMBERS},
    ),
]
_SECONDS = {"format": "int64", "minimum": 0, "maximum": 2**63 - 1}
Most = Annotated[int, Meta(description="How many at most.", extra_json_schema={"minimum": 1, "maximum": MOST_PULLED})]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="pascal"):
    """A request's fields, whatever the action."""


R = TypeVar("R", bound=Request)


class SendSms(Request, frozen=True):
    phone_number_set: Numbers
    sms_sdk_app_id: Id
    template_id: Id
    sign_name: Annotated[str | None, Meta(description="An approved signature without its brackets; needed in mainland China.")] = None
    template_param_set: Annotated[list[str] | None, Meta(description="The values of the template's variables, in order.")] = None
    extend_code: Annotated[str | None, Meta(description="Digits after the sender's number; to be switched on for the application.")] = None
    session_context: Annotated[str | None, Meta(description="Comes back in the reports; less than 512 bytes.")] = None
    sender_id: Annotated[str | None, Meta(description="A sender that is registered for the application; abroad only.")] = None

    def command(self, app_id: int, request_id: str) -> SendCommand | Refusal:
        """The send in nobody's dialect, or why it cannot be one."""
        template_id = decimal(self.template_id)
        if template_id is None:
            return Refusal(Reject.TEMPLATE_UNUSABLE, "TemplateId must be the decimal id of a template")
        return SendCommand(
            app_id=app_id,
            template_id=template_id,
            phones=tuple(self.phone_number_set),
            dialect=Dialect.TENCENT_V3,
            sign_name=self.sign_name or "",
            params=tuple(self.template_param_set or ()),
            session_context=self.session_context or "",
            extend=self.extend_code or "",
            sender_id=self.sender_id or "",
            request_id=request_id,
        )


class PullQueue(Request, frozen=True):
    """PullSmsSendStatus and PullSmsReplyStatus: whatever is waiting, once."""

    limit: Most
    sms_sdk_app_id: Id


class PullNumber(Request, frozen=True):
    """PullSmsSendStatusByPhoneNumber and PullSmsReplyStatusByPhoneNumber: one number's, any number of times."""

    begin_time: Annotated[int, Meta(description="Unix seconds, within the last seven days.", extra_json_schema=_SECONDS)]
    offset: Annotated[int, Meta(description="Always 0.", extra_json_schema={"const": 0})]
    limit: Most
    phone_number: str
    sms_sdk_app_id: Id
    end_time: Annotated[int | None, Meta(description="Unix seconds; now when it is absent.", extra_json_schema=_SECONDS)] = None


class DescribePhoneNumberInfo(Request, frozen=True):
    phone_number_set: Numbers

    def refused(self) -> Refusal | None:
        """Why not even one number is looked at."""
        phones = self.phone_number_set
        if not phones:
            return Refusal(Reject.NO_NUMBERS)
        if len(phones) > MOST_NUMBERS:
            return Refusal(Reject.TOO_MANY_NUMBERS, f"{len(phones)} were given")
        return None


class Schema(Generic[R]):
    """Reads the request of one action."""

    def __init__(self, request: type[R]) -> None:
        self._request = request
        self._decoder = msgspec.json.Decoder(request)
        self._types = {field.encode_name: bare(field.type) for field in msgspec.structs.fields(request)}
        self._required = [field.encode_name for field in msgspec.structs.fields(request) if field.required]

    def read(self, form: dict[str, str] | None, body: bytes) -> R | Failure:
        """The request in `form`, or in the JSON `body` when there is none; a failure names the field and the rule."""
        if form is not None:
            raw = self._unflattened(form)
            return raw if isinstance(raw, Failure) else self._convert(raw)
        try:
            try:
                return self._decoder.decode(body)
            except msgspec.ValidationError:
                return self._convert(msgspec.json.decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Failure(errors.BAD_JSON)

    def _convert(self, raw: object) -> R | Failure:
        """The long way, which finds out what exactly is wrong."""
        if not isinstance(raw, dict):
            return Failure(errors.INVALID_PARAMETER, "the request body must be a JSON object")
        given = {name: value for name, value in raw.items() if value is not None}
        for name in given.keys() - self._types.keys():
            return Failure(errors.UNKNOWN_PARAMETER, str(name)[:_LONGEST_NAME])
        for name in self._required:
            if name not in given:
                return Failure(errors.MISSING_PARAMETER, name)
        for name, value in given.items():
            if not _is(value, self._types[name]):
                return Failure(errors.INVALID_PARAMETER, f"{name} must be {_NAMES[self._types[name]]}")
        return msgspec.convert(given, self._request)

    def _unflattened(self, form: dict[str, str]) -> dict[str, object] | Failure:
        """Lists put together again and integers read."""
        given: dict[str, object] = {}
        lists: dict[str, dict[int, str]] = {}
        for name, value in form.items():
            field, dot, index = name.partition(".")
            if dot and _NAMES.get(self._types.get(field)) == _LIST and (at := decimal(index)) is not None:
                lists.setdefault(field, {})[at] = value
            elif _NAMES.get(self._types.get(name)) == _INTEGER:
                given[name] = int(value) if value.removeprefix("-").isdecimal() and value.isascii() and len(value) <= LONGEST_ID else value
            else:
                given[name] = value
        return given | {field: [items[at] for at in sorted(items)] for field, items in lists.items()}


_LONGEST_NAME = 64
_TEXT, _INTEGER, _LIST = "a string", "an integer", "a list of strings"
_NAMES: dict[Any, str] = {
    str: _TEXT,
    str | None: _TEXT,
    int: _INTEGER,
    int | None: _INTEGER,
    list[str]: _LIST,
    list[str] | None: _LIST,
}


def bare(annotated: Any) -> Any:
    """The type without what is only published about it."""
    return get_args(annotated)[0] if get_origin(annotated) is Annotated else annotated


def _is(value: object, wanted: Any) -> bool:
    try:
        msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return False
    return True


# Answers: every field is always there, since SDKs make null of a missing one.

Code = Annotated[str, Meta(description="What happened, in Tencent's codes.", extra_json_schema={"enum": errors.codes()})]
RequestId = Annotated[str, Meta(description="A UUID, which the platform's log has too.")]


class Answer(msgspec.Struct, frozen=True, rename="pascal"):
    """A part of an answer."""


class SendStatus(Answer, frozen=True):
    serial_no: str
    phone_number: str
    fee: int
    session_context: str
    code: Code
    message: str
    iso_code: str


class SendStatusSet(Answer, frozen=True):
    send_status_set: list[SendStatus]
    request_id: RequestId


class PullSmsSendStatus(Answer, frozen=True):
    user_receive_time: int
    country_code: str
    subscriber_number: str
    phone_number: str
    serial_no: str
    report_status: str
    description: str
    session_context: str


class PullSmsSendStatusSet(Answer, frozen=True):
    pull_sms_send_status_set: list[PullSmsSendStatus]
    request_id: RequestId


class PullSmsReplyStatus(Answer, frozen=True):
    extend_code: str
    country_code: str
    phone_number: str
    sign_name: str
    reply_content: str
    reply_time: int
    subscriber_number: str


class PullSmsReplyStatusSet(Answer, frozen=True):
    pull_sms_reply_status_set: list[PullSmsReplyStatus]
    request_id: RequestId


class PhoneNumberInfo(Answer, frozen=True):
    code: Code
    message: str
    nation_code: str
    subscriber_number: str
    phone_number: str
    iso_code: str
    iso_name: str


class PhoneNumberInfoSet(Answer, frozen=True):
    phone_number_info_set: list[PhoneNumberInfo]
    request_id: RequestId


class Error(Answer, frozen=True):
    code: Code
    message: str


class ErrorAnswer(Answer, frozen=True):
    error: Error
    request_id: RequestId


class Envelope(msgspec.Struct, frozen=True):
    """What every answer is wrapped in."""

    Response: Answer


class Action(NamedTuple):
    """What an action reads, and answers when nothing is wrong."""

    summary: str
    request: type[Request]
    answer: type[Answer]


ACTIONS: dict[str, Action] = {
    "SendSms": Action("Send one text to up to 200 numbers", SendSms, SendStatusSet),
    "PullSmsSendStatus": Action("Reports not handed out before, each once", PullQueue, PullSmsSendStatusSet),
    "PullSmsReplyStatus": Action("Replies not handed out before, each once", PullQueue, PullSmsReplyStatusSet),
    "PullSmsSendStatusByPhoneNumber": Action("Reports of one number, as often as asked", PullNumber, PullSmsSendStatusSet),
    "PullSmsReplyStatusByPhoneNumber": Action("Replies of one number, as often as asked", PullNumber, PullSmsReplyStatusSet),
    "DescribePhoneNumberInfo": Action("What numbers say of themselves", DescribePhoneNumberInfo, PhoneNumberInfoSet),
}
"""Every action that is answered."""

_ENCODER = msgspec.json.Encoder()


def encode(answer: Answer) -> bytes:
    """The body of an answer."""
    return _ENCODER.encode(Envelope(answer))


def send_report(event: ReportEvent) -> PullSmsSendStatus:
    """A delivery report in the words of PullSmsSendStatus."""
    return PullSmsSendStatus(
        user_receive_time=int(event.at),
        country_code=str(event.country_code),
        subscriber_number=national(event.phone, event.country_code),
        phone_number=f"+{event.phone}",
        serial_no=serial_no(event.message_id),
        report_status=report_status(event),
        description=receipt_word(event),
        session_context=event.session_context,
    )


def reply(event: ReplyEvent) -> PullSmsReplyStatus:
    """A reply in the words of PullSmsReplyStatus."""
    return PullSmsReplyStatus(
        extend_code=event.extend,
        country_code=str(event.country_code),
        phone_number=f"+{event.phone}",
        sign_name=event.sign_name,
        reply_content=event.text,
        reply_time=int(event.at),
        subscriber_number=national(event.phone, event.country_code),
    )


def phone_number_info(raw: str, language: str) -> PhoneNumberInfo:
    """What is known about a number; one that cannot be read is echoed with the reason."""
    phone = parse(raw)
    if phone is None:
        unreadable = errors.NUMBER_UNREADABLE
        return PhoneNumberInfo(
            code=unreadable.code,
            message=errors.message(unreadable, "", language),
            nation_code="",
            subscriber_number="",
            phone_number=raw,
            iso_code=UNKNOWN_REGION,
            iso_name="",
        )
    return PhoneNumberInfo(
        code=errors.OK,
        message=errors.DESCRIBED,
        nation_code=str(phone.country_code),
        subscriber_number=phone.national,
        phone_number=f"+{phone.number}",
        iso_code=phone.region,
        iso_name=country_name(phone),
    )
