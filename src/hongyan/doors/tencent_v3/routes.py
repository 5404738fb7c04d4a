"""The door for programs that speak Tencent Cloud API 3.0 (service sms, version 2021-01-11).

HTTP status is always 200 and the content type exactly "application/json": the official SDKs lose the error code of any other answer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import structlog

from hongyan.doors.tencent.words import MOST_PULLED, decimal, serial_no
from hongyan.doors.tencent_v3 import auth, errors, schema
from hongyan.doors.tencent_v3.auth import Claim, Parts
from hongyan.doors.tencent_v3.errors import FAULTS, Failure, Where, failure
from hongyan.doors.tencent_v3.schema import Answer, DescribePhoneNumberInfo, PullNumber, PullQueue, Schema, SendSms, SendStatus
from hongyan.kit.door import Request, Response
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.message import Accepted, Caller, Outcome, Refused, SendCommand
from hongyan.model.phone import e164, parse
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import App, Snapshot

log = structlog.get_logger()

VERSION = "2021-01-11"
OFFLINE: dict[str, frozenset[str]] = {
    VERSION: frozenset(
        {
            *("AddSmsSign", "AddSmsTemplate", "CallbackStatusStatistics", "DeleteSmsSign", "DeleteSmsTemplate", "DescribeSendRecordList"),
            *("DescribeSmsSignList", "DescribeSmsTemplateList", "ModifySmsSign", "ModifySmsTemplate", "ReportConversion"),
            *("SendMultiGlobalSms", "SendStatusStatistics", "SmsPackagesStatistics"),
        }
    ),
    "2019-07-11": frozenset(
        {
            *("AddSmsSign", "AddSmsTemplate", "CallbackStatusStatistics", "DeleteSmsSign", "DeleteSmsTemplate", "DescribeSmsSignList"),
            *("DescribeSmsTemplateList", "ModifySmsSign", "ModifySmsTemplate", "PullSmsReplyStatus", "PullSmsReplyStatusByPhoneNumber"),
            *("PullSmsSendStatus", "PullSmsSendStatusByPhoneNumber", "SendSms", "SendStatusStatistics", "SmsPackagesStatistics"),
        }
    ),
    "2020-09-02": frozenset({"SendCodeVoice", "SendTtsVoice"}),  # the service vms; the version alone tells it apart
}
"""Actions that exist at Tencent and not here, by version."""
PULL_WINDOW_S = 7 * 86_400
CLOCK_SLACK_S = 300
"""A customer's clock may be a little behind ours when it asks for the last seven days."""
CONTENT_TYPE = b"application/json"


class Directory(Protocol):
    """Where the door reads keys and applications."""

    @property
    def snapshot(self) -> Snapshot: ...


class Sends(Protocol):
    """Who takes messages."""

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        """One outcome for each number, in order, or a refusal of the whole request."""
        ...


class Pulls(Protocol):
    """Who hands out reports and replies; times are Unix seconds."""

    async def reports(self, app_id: int, limit: int) -> list[ReportEvent]: ...

    async def replies(self, app_id: int, limit: int) -> list[ReplyEvent]: ...

    async def reports_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReportEvent]: ...

    async def replies_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReplyEvent]: ...


Act: TypeAlias = Callable[[Any, Caller, Claim, str], Awaitable[Answer | Failure]]
"""An action: its request, who asks, the claim, the request id."""


class TencentV3Door:
    """Takes a request, answers in Tencent's words."""

    def __init__(self, *, directory: Directory, send: Sends, pulls: Pulls, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._send = send
        self._pulls = pulls
        self._clock = clock
        acts: Mapping[str, Act] = {
            "SendSms": self._send_sms,
            "PullSmsSendStatus": self._pull_reports,
            "PullSmsReplyStatus": self._pull_replies,
            "PullSmsSendStatusByPhoneNumber": self._pull_reports_of,
            "PullSmsReplyStatusByPhoneNumber": self._pull_replies_of,
            "DescribePhoneNumberInfo": self._describe,
        }
        self._actions: Mapping[str, tuple[Schema[Any], Act]] = {
            name: (Schema(action.request), acts[name]) for name, action in schema.ACTIONS.items()
        }

    async def __call__(self, request: Request) -> Response:
        """The answer to any request; never an exception."""
        claim: Claim | Failure | None = None
        try:
            claim = _claim(request)
            answer = claim if isinstance(claim, Failure) else await self._answer(claim, request)
        except Exception:
            log.exception("request_failed", request_id=request.request_id, action=claim.action[:64] if isinstance(claim, Claim) else "")
            answer = Failure(errors.INTERNAL)
        if isinstance(answer, Failure):
            language = claim.language if isinstance(claim, Claim) else _language(request)
            error = schema.Error(code=answer.fault.code, message=errors.message(answer.fault, answer.detail, language))
            answer = schema.ErrorAnswer(error=error, request_id=request.request_id)
        return Response(schema.encode(answer), CONTENT_TYPE)

    async def _answer(self, claim: Claim, request: Request) -> Answer | Failure:
        found = self._actions.get(claim.action) if claim.version == VERSION else None
        if found is None:
            return _unknown(claim)
        caller = auth.verify(claim, self._directory.snapshot, self._clock())
        if isinstance(caller, Failure):
            return caller
        reader, act = found
        asked = reader.read(claim.form, request.body)
        return asked if isinstance(asked, Failure) else await act(asked, caller, claim, request.request_id)

    async def _send_sms(self, asked: SendSms, caller: Caller, claim: Claim, request_id: str) -> Answer | Failure:
        app_id = decimal(asked.sms_sdk_app_id)
        if app_id is None:
            return failure(Refusal(Reject.APP_NOT_FOUND, "SmsSdkAppId must be the decimal id of an application"))
        command = asked.command(app_id, request_id)
        answer = command if isinstance(command, Refusal) else await self._send.accept(caller, command)
        context, language = asked.session_context or "", claim.language
        if not isinstance(answer, Refusal):
            return schema.SendStatusSet([_send_status(outcome, context, language) for outcome in answer], request_id)
        if FAULTS[answer.reason].where is Where.ERROR:
            return failure(answer)
        refused = [_refused(raw, answer) for raw in asked.phone_number_set]
        return schema.SendStatusSet([_send_status(outcome, context, language) for outcome in refused], request_id)

    async def _pull_reports(self, asked: PullQueue, caller: Caller, _claim: Claim, request_id: str) -> Answer | Failure:
        app = self._queue_of(asked, caller)
        if isinstance(app, Failure):
            return app
        return _reports(await self._pulls.reports(app.id, asked.limit), request_id)

    async def _pull_replies(self, asked: PullQueue, caller: Caller, _claim: Claim, request_id: str) -> Answer | Failure:
        app = self._queue_of(asked, caller)
        if isinstance(app, Failure):
            return app
        return _replies(await self._pulls.replies(app.id, asked.limit), request_id)

    async def _pull_reports_of(self, asked: PullNumber, caller: Caller, _claim: Claim, request_id: str) -> Answer | Failure:
        where = self._number_of(asked, caller)
        if isinstance(where, Failure):
            return where
        return _reports(await self._pulls.reports_of(*where, asked.limit), request_id)

    async def _pull_replies_of(self, asked: PullNumber, caller: Caller, _claim: Claim, request_id: str) -> Answer | Failure:
        where = self._number_of(asked, caller)
        if isinstance(where, Failure):
            return where
        return _replies(await self._pulls.replies_of(*where, asked.limit), request_id)

    async def _describe(self, asked: DescribePhoneNumberInfo, _caller: Caller, claim: Claim, request_id: str) -> Answer | Failure:
        refusal = asked.refused()
        if refusal is not None:
            return failure(refusal)
        return schema.PhoneNumberInfoSet([schema.phone_number_info(raw, claim.language) for raw in asked.phone_number_set], request_id)

    def _app(self, sms_sdk_app_id: str, caller: Caller) -> App | Refusal:
        app_id = decimal(sms_sdk_app_id)
        app = None if app_id is None else self._directory.snapshot.apps.get(app_id)
        if app is None:
            return Refusal(Reject.APP_NOT_FOUND)
        if app.account_id != caller.account_id:
            return Refusal(Reject.APP_NOT_YOURS)
        return app if app.enabled else Refusal(Reject.APP_DISABLED)

    def _queue_of(self, asked: PullQueue, caller: Caller) -> App | Failure:
        """The application whose queue may be pulled."""
        app = self._app(asked.sms_sdk_app_id, caller)
        if isinstance(app, Refusal):
            return failure(app)
        if not app.pull:
            return failure(Refusal(Reject.NOT_SWITCHED_ON, "switch pulling on for it first"))
        if not 1 <= asked.limit <= MOST_PULLED:
            return Failure(errors.LIMIT_WRONG, f"it is {asked.limit}")
        return app

    def _number_of(self, asked: PullNumber, caller: Caller) -> tuple[int, int, float, float] | Failure:
        """Application, number, begin and end of what may be asked about."""
        app = self._app(asked.sms_sdk_app_id, caller)
        if isinstance(app, Refusal):
            return failure(app)
        now = self._clock()
        end = now if asked.end_time is None else asked.end_time
        phone = parse(asked.phone_number)
        if phone is None:
            return Failure(errors.NUMBER_WRONG, "write it as +<country code><number>")
        faults = (
            (not 1 <= asked.limit <= MOST_PULLED, errors.LIMIT_WRONG, f"it is {asked.limit}"),
            (asked.offset != 0, errors.OFFSET_WRONG, f"it is {asked.offset}"),
            (asked.begin_time < now - PULL_WINDOW_S - CLOCK_SLACK_S, errors.BEGIN_WRONG, f"it is {asked.begin_time}, now is {int(now)}"),
            (end < 0 or end > now + PULL_WINDOW_S, errors.END_WRONG, f"it is {asked.end_time}, now is {int(now)}"),
            (asked.begin_time > end, errors.RANGE_WRONG, ""),
        )
        for wrong, fault, detail in faults:
            if wrong:
                return Failure(fault, detail)
        return app.id, phone.number, float(asked.begin_time), float(end)


def _claim(request: Request) -> Claim | Failure:
    if request.method not in {"GET", "POST"}:
        return Failure(errors.UNSUPPORTED_PROTOCOL, f"{request.method} was used")
    if request.too_large:
        return Failure(errors.TOO_LARGE, "a request may have 10 MB")
    return auth.read(Parts(request.method, request.path, request.query, request.headers, request.body))


def _language(request: Request) -> str:
    return request.headers.get(b"x-tc-language", b"").decode("latin-1")


def _unknown(claim: Claim) -> Failure:
    """Why there is nothing to do for this version and action."""
    if not claim.action or not claim.version:
        return Failure(errors.MISSING_PARAMETER, "X-TC-Version" if claim.action else "X-TC-Action")
    offline = OFFLINE.get(claim.version)
    if offline is None:
        return Failure(errors.NO_SUCH_VERSION, f"{claim.version[:64]}; this service speaks {VERSION}")
    if claim.action in offline:
        return Failure(errors.ACTION_OFFLINE, f"{claim.action} of {claim.version}")
    return Failure(errors.INVALID_ACTION, f"{claim.action[:64]} of {claim.version}")


def _refused(raw: str, refusal: Refusal) -> Refused:
    """The refusal of a whole request as one number's."""
    phone = parse(raw)
    if phone is None:
        return Refused(raw, "", refusal.reason, refusal.detail)
    return Refused(e164(phone.number), phone.region, refusal.reason, refusal.detail)


def _send_status(outcome: Outcome, context: str, language: str) -> SendStatus:
    if isinstance(outcome, Accepted):
        return SendStatus(
            serial_no(outcome.message_id), f"+{outcome.phone}", outcome.segments, context, errors.OK, errors.SENT, outcome.region
        )
    fault = FAULTS[outcome.reason]
    return SendStatus("", outcome.phone, 0, context, fault.code, errors.message(fault, outcome.detail, language), outcome.region)


def _reports(events: Sequence[ReportEvent], request_id: str) -> Answer:
    return schema.PullSmsSendStatusSet([schema.send_report(event) for event in events], request_id)


def _replies(events: Sequence[ReplyEvent], request_id: str) -> Answer:
    return schema.PullSmsReplyStatusSet([schema.reply(event) for event in events], request_id)
