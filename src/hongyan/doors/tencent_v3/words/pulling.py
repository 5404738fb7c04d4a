"""Reports and replies: PullSmsSendStatus, PullSmsReplyStatus, and both by phone number."""

from typing import Annotated

from msgspec import Meta

from hongyan.doors.tencent.words import MOST_PULLED, national, receipt_word, report_status, serial_no
from hongyan.doors.tencent_v3.schema import SECONDS, Answer, Id, Request, RequestId, Zero
from hongyan.model.event import ReplyEvent, ReportEvent

Most = Annotated[int, Meta(description="How many at most.", extra_json_schema={"minimum": 1, "maximum": MOST_PULLED})]
Begin = Annotated[int, Meta(description="Unix seconds, within the last seven days.", extra_json_schema=SECONDS)]
End = Annotated[int | None, Meta(description="Unix seconds; now when it is absent.", extra_json_schema=SECONDS)]


class PullQueue(Request, frozen=True):
    """PullSmsSendStatus and PullSmsReplyStatus: whatever is waiting, once."""

    limit: Most
    sms_sdk_app_id: Id


class PullNumber(Request, frozen=True):
    """PullSmsSendStatusByPhoneNumber and PullSmsReplyStatusByPhoneNumber: one number's, any number of times."""

    begin_time: Begin
    offset: Zero
    limit: Most
    phone_number: str
    sms_sdk_app_id: Id
    end_time: End = None


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
