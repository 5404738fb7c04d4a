"""What a customer's callback address is sent: delivery reports and replies in Tencent's words, the same for both generations of its API.

Source: Tencent documents 382/59178 and 382/59179 (API 3.0), 382/5807 and 382/5809 (v5); of calls
1128/37724, 1128/37725, 382/5815 and 1128/37727. Nothing is signed there; the address is the secret.
"""

from collections.abc import Sequence

import msgspec

from hongyan.doors.tencent.times import in_china
from hongyan.doors.tencent.words import national, receipt_word, report_status, serial_no
from hongyan.model.call_failures import reason
from hongyan.model.callback import CallbackRequest, Recipient
from hongyan.model.event import CallEnded, CallFailed, KeyPressed, ReplyEvent, ReportEvent, VoiceEvent
from hongyan.model.message import Kind, Status
from hongyan.model.receipt_codes import category

TOGETHER = 100
"""How many reports one call may carry."""
PARTS = False

CATEGORIES = {
    "delivered": "用户短信接收成功",
    "empty_number": "空号，号码不存在",
    "powered_off": "用户手机已关机",
    "suspended": "用户已停机",
    "off_or_suspended": "用户关机或停机",
    "empty_or_off": "空号、停机或关机",
    "handset_signal": "用户不在服务区或手机状态异常",
    "handset_full": "用户手机内存已满",
    "no_sms_service": "用户未开通短信功能",
    "blacklist": "号码在运营商黑名单中",
    "unsubscribed": "用户已退订",
    "content_block": "内容被运营商拦截",
    "gateway_block": "被运营商网关拦截",
    "frequency": "超过运营商频率限制",
    "mnp": "携号转网，路由失败",
    "signature": "签名未报备或校验失败",
    "manual_reject": "人工审核拒绝",
    "timeout": "运营商网关超时",
    "time_window": "不在允许的发送时间内",
    "content_length": "内容超长",
    "encoding": "内容编码错误",
    "marketing_denied": "运营商不接收营销短信",
    "gateway_error": "运营商网关错误",
    "other": "其他错误",
}
"""What the categories of model/receipt_codes.tsv say to a customer."""
OUTCOMES = {
    Status.DELIVERED: CATEGORIES["delivered"],
    Status.EXPIRED: "在有效期内未送达",
    Status.UNKNOWN: "状态未知，未收到运营商回执",
}
"""For codes that the table does not have."""


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    user_receive_time: str
    nationcode: str
    mobile: str
    report_status: str
    errmsg: str
    description: str
    sid: str
    ext: str = ""
    """Left out when empty: the application does not want it, or gave none."""


class UserReply(msgspec.Struct, frozen=True):
    extend: str
    mobile: str
    nationcode: str
    sign: str
    text: str
    time: int


class CallStatus(msgspec.Struct, frozen=True):
    """All of it text."""

    result: str
    accept_time: str
    call_from: str
    callid: str
    end_calltime: str
    fee: str
    mobile: str
    nationcode: str
    start_calltime: str


class CallKey(msgspec.Struct, frozen=True):
    call_from: str
    callid: str
    keypress: str
    mobile: str
    nationcode: str


class CallFailure(msgspec.Struct, frozen=True):
    call_from: str
    callid: str
    failure_code: int
    failure_reason: str
    mobile: str
    nationcode: str


class Acknowledgement(msgspec.Struct, frozen=True):
    result: int


def reports(recipient: Recipient, events: Sequence[ReportEvent]) -> list[CallbackRequest]:
    """One request for at most `TOGETHER` delivery reports: a JSON array, times in UTC+8."""
    url = events[0].callback_url or recipient.url
    return [CallbackRequest(url, msgspec.json.encode([report(event) for event in events]), len(events))]


def reply(recipient: Recipient, event: ReplyEvent) -> list[CallbackRequest]:
    """One request for one reply: a JSON object."""
    return [CallbackRequest(recipient.url, msgspec.json.encode(user_reply(event)), 1)]


def voice(recipient: Recipient, events: Sequence[VoiceEvent]) -> list[CallbackRequest]:
    """One request for each fact of a call: a JSON object with one key that says which."""
    return [CallbackRequest(recipient.url, msgspec.json.encode(call(event)), nth) for nth, event in enumerate(events, 1)]


def taken(status: int, body: bytes) -> bool:
    """Whether the customer's server took it: HTTP 200 and `{"result": 0}`; anything else is sent again."""
    if status != 200:  # noqa: PLR2004 - the status that the document asks for
        return False
    try:
        return msgspec.json.decode(body, type=Acknowledgement).result == 0
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def expected() -> str:
    """What `taken` asks for, in words."""
    return '200 and {"result": 0}'


def describe(event: ReportEvent) -> str:
    """The receipt in Chinese."""
    found = category(receipt_word(event))
    if found is not None:
        return CATEGORIES[found]
    return OUTCOMES.get(event.status, CATEGORIES["other"])


def user_reply(event: ReplyEvent) -> UserReply:
    """A reply as callbacks and the pulls of v5 tell it."""
    return UserReply(
        extend=event.extend,
        mobile=national(event.phone, event.country_code),
        nationcode=str(event.country_code),
        sign=event.sign_name,
        text=event.text,
        time=int(event.at),
    )


def report(event: ReportEvent) -> Report:
    """A delivery report as callbacks and the pulls of v5 tell it."""
    return Report(
        user_receive_time=in_china(int(event.at)),
        nationcode=str(event.country_code),
        mobile=national(event.phone, event.country_code),
        report_status=report_status(event),
        errmsg=receipt_word(event),
        description=describe(event),
        sid=serial_no(event.message_id),
        ext=event.session_context,
    )


def call(event: VoiceEvent) -> dict[str, CallStatus | CallKey | CallFailure]:
    """A fact of a call. One that nobody answered has "0" where the time of the answer is; the document says nothing of it."""
    mobile, nationcode = national(event.phone, event.country_code), str(event.country_code)
    if isinstance(event, KeyPressed):
        return {"voicekey_callback": CallKey(event.sender_id, str(event.call_id), event.key, mobile, nationcode)}
    if isinstance(event, CallFailed):
        why = reason(event.code, event.reason)
        return {"voice_failure_callback": CallFailure(event.sender_id, str(event.call_id), event.code, why, mobile, nationcode)}
    return {"voicecode_callback" if event.kind is Kind.VERIFICATION else "voiceprompt_callback": _status(event, mobile, nationcode)}


def _status(event: CallEnded, mobile: str, nationcode: str) -> CallStatus:
    return CallStatus(
        result=str(event.result.value),
        accept_time=str(int(event.answered_at or 0)),
        call_from=event.sender_id,
        callid=str(event.call_id),
        end_calltime=str(int(event.at)),
        fee=str(event.minutes),
        mobile=mobile,
        nationcode=nationcode,
        start_calltime=str(int(event.started_at)),
    )
