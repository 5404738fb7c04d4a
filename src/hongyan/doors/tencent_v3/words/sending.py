"""What is sent, and what numbers say of themselves: SendSms, SendMultiGlobalSms, DescribePhoneNumberInfo."""

import uuid
from typing import Annotated

from msgspec import Meta

from hongyan.doors.tencent.words import MOST_NUMBERS, decimal, serial_no
from hongyan.doors.tencent_v3 import errors
from hongyan.doors.tencent_v3.errors import FAULTS
from hongyan.doors.tencent_v3.schema import Answer, Code, Id, Request, RequestId
from hongyan.model.message import Accepted, Dialect, Outcome, Refused, SendCommand
from hongyan.model.numbering import country_name
from hongyan.model.phone import UNKNOWN_REGION, e164, parse
from hongyan.model.reject import Refusal, Reject

Numbers = Annotated[
    list[str],
    Meta(
        description="E.164 with the plus, or a mainland number alone; all in mainland China or all abroad.",
        extra_json_schema={"minItems": 1, "maxItems": MOST_NUMBERS},
    ),
]
SignName = Annotated[str | None, Meta(description="An approved signature without its brackets; needed in mainland China.")]
Values = Annotated[list[str] | None, Meta(description="The values of the template's variables, in order.")]
ExtendCode = Annotated[str | None, Meta(description="Digits after the sender's number; to be switched on for the application.")]
SessionContext = Annotated[str | None, Meta(description="Comes back in the reports; less than 512 bytes.")]
SenderId = Annotated[str | None, Meta(description="A sender that is registered for the application; abroad only.")]


class SendSms(Request, frozen=True):
    phone_number_set: Numbers
    sms_sdk_app_id: Id
    template_id: Id
    sign_name: SignName = None
    template_param_set: Values = None
    extend_code: ExtendCode = None
    session_context: SessionContext = None
    sender_id: SenderId = None

    def command(self, app_id: int, request_id: str) -> SendCommand | Refusal:
        """The send in nobody's dialect, or why it cannot be one."""
        template_id = decimal(self.template_id)
        if template_id is None:
            return TEMPLATE_NOT_DECIMAL
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
            of_proof=True,
        )


class MultiSmsInfo(Request, frozen=True):
    """A text of its own for a number abroad."""

    phone_number: Annotated[str, Meta(description="E.164 with the plus; not in mainland China.")]
    template_id: Id
    template_param_set: Values = None
    sender_id: SenderId = None
    session_context: SessionContext = None

    def command(self, app_id: int, request_id: str) -> SendCommand | Refusal:
        """The send in nobody's dialect, or why it cannot be one."""
        template_id = decimal(self.template_id)
        if template_id is None:
            return TEMPLATE_NOT_DECIMAL
        return SendCommand(
            app_id=app_id,
            template_id=template_id,
            phones=(self.phone_number,),
            dialect=Dialect.TENCENT_V3,
            params=tuple(self.template_param_set or ()),
            session_context=self.session_context or "",
            sender_id=self.sender_id or "",
            request_id=request_id,
            of_proof=True,
        )


class SendMultiGlobalSms(Request, frozen=True):
    sms_sdk_app_id: Id
    multi_sms_info_set: Annotated[list[MultiSmsInfo], Meta(extra_json_schema={"minItems": 1, "maxItems": MOST_NUMBERS})]


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


TEMPLATE_NOT_DECIMAL = Refusal(Reject.TEMPLATE_UNUSABLE, "TemplateId must be the decimal id of a template")


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


class SendMultiStatus(Answer, frozen=True):
    serial_no: str
    phone_number: str
    fee: int
    session_context: str
    code: Code
    message: str
    iso_code: str


class SendMultiStatusSet(Answer, frozen=True):
    send_multi_status_set: list[SendMultiStatus]
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


def refused(raw: str, refusal: Refusal) -> Refused:
    """The refusal of a whole request as one number's."""
    phone = parse(raw)
    if phone is None:
        return Refused(raw, "", refusal.reason, refusal.detail)
    return Refused(e164(phone.number), phone.region, refusal.reason, refusal.detail)


def send_status(outcome: Outcome, context: str, language: str) -> SendStatus:
    """One number's entry."""
    if isinstance(outcome, Accepted):
        return SendStatus(
            serial_no(outcome.message_id), f"+{outcome.phone}", outcome.segments, context, errors.OK, errors.SENT, outcome.region
        )
    fault = FAULTS[outcome.reason]
    return SendStatus("", outcome.phone, 0, context, fault.code, errors.message(fault, outcome.detail, language), outcome.region)


def send_multi_status(outcome: Outcome, context: str, language: str, *, request_id: str, place: int) -> SendMultiStatus:
    """One entry of SendMultiGlobalSms; one that was refused has a SerialNo, too, made of the request's id and its place."""
    told = send_status(outcome, context, language)
    serial = told.serial_no or str(uuid.uuid5(uuid.UUID(request_id), str(place)))
    return SendMultiStatus(serial, told.phone_number, told.fee, told.session_context, told.code, told.message, told.iso_code)


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
