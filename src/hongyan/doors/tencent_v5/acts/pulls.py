"""What became of messages."""

from collections.abc import Callable
from typing import Protocol

from hongyan.doors.tencent import callbacks
from hongyan.doors.tencent.times import in_china
from hongyan.doors.tencent.words import MOST_PULLED, national, serial_no
from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.acts.context import Asker
from hongyan.doors.tencent_v5.errors import Failure, failure
from hongyan.doors.tencent_v5.schema import Answer, Tel, number
from hongyan.doors.tencent_v5.words.pulling import (
    PulledReplies,
    PulledReports,
    PullStatus,
    PullStatus4Mobile,
    Queried,
    QuerySms4Mobile,
    SentSms,
    masked,
)
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.message import Dialect, Kind, Status
from hongyan.model.phone import parse
from hongyan.model.reject import Refusal, Reject
from hongyan.model.sent import Sent

LOOK_BACK_S = 32 * 86_400
"""How far back one number may be asked about."""
CLOCK_SLACK_S = 300
MOST_SHOWN = 100


class Pulls(Protocol):
    """Who hands out reports and replies, and knows what was sent; times are Unix seconds."""

    async def reports(self, app_id: int, limit: int) -> list[ReportEvent]: ...

    async def replies(self, app_id: int, limit: int) -> list[ReplyEvent]: ...

    async def reports_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReportEvent]: ...

    async def replies_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReplyEvent]: ...

    async def sent_to(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> tuple[int, list[Sent]]: ...


class PullActs:
    """Reports, replies, and what one number was sent."""

    def __init__(self, pulls: Pulls, clock: Callable[[], float]) -> None:
        self._pulls = pulls
        self._clock = clock

    async def pull(self, asked: PullStatus, who: Asker) -> Answer | Failure:
        replies, most = _which(asked)
        if isinstance(most, Failure):
            return most
        if not who.app.pull:
            return failure(Refusal(Reject.NOT_SWITCHED_ON, "switch pulling on for it first"))
        return _replies(await self._pulls.replies(who.app.id, most)) if replies else _reports(await self._pulls.reports(who.app.id, most))

    async def pull_of(self, asked: PullStatus4Mobile, who: Asker) -> Answer | Failure:
        replies, most = _which(asked)
        if isinstance(most, Failure):
            return most
        stretch = self._stretch(asked)
        if isinstance(stretch, Failure):
            return stretch
        if replies:
            return _replies(await self._pulls.replies_of(who.app.id, *stretch, most))
        return _reports(await self._pulls.reports_of(who.app.id, *stretch, most))

    async def query(self, asked: QuerySms4Mobile, who: Asker) -> Answer | Failure:
        stretch = self._stretch(asked)
        if isinstance(stretch, Failure):
            return stretch
        count, sent = await self._pulls.sent_to(who.app.id, *stretch, MOST_SHOWN)
        return Queried(errors.OK, "OK", count, int(count > MOST_SHOWN), [_sent(each) for each in sent])

    def _stretch(self, asked: PullStatus4Mobile | QuerySms4Mobile) -> tuple[int, float, float] | Failure:
        """Number, begin and end of what may be asked about."""
        begin, end, now = number(asked.begin_time), number(asked.end_time), int(self._clock())
        if begin is None or end is None:
            return Failure(errors.BAD_PACKAGE, "begin_time and end_time must be Unix seconds")
        end = min(end, now + CLOCK_SLACK_S)
        if begin < now - LOOK_BACK_S - CLOCK_SLACK_S:
            return Failure(errors.BAD_PACKAGE, f"begin_time may be {LOOK_BACK_S // 86_400} days back at most")
        if begin > end:
            return Failure(errors.BAD_PACKAGE, "begin_time is after end_time or to come")
        phone = parse(Tel(asked.nationcode, asked.mobile).phone())
        if phone is None:
            return Failure(errors.NUMBER_WRONG, "give the country code as nationcode and the number without it as mobile")
        return phone.number, float(begin), float(end)


def _which(asked: PullStatus) -> tuple[bool, int | Failure]:
    """Whether replies are asked for, and how many of what it is."""
    kind, most = number(asked.type), number(asked.max)
    if kind not in {0, 1}:
        return False, Failure(errors.BAD_PACKAGE, "type must be 0 for reports or 1 for replies")
    if most is None or not 1 <= most <= MOST_PULLED:
        return False, Failure(errors.BAD_PACKAGE, f"max must be 1 to {MOST_PULLED}")
    return kind == 1, most


def _reports(events: list[ReportEvent]) -> Answer:
    return PulledReports(errors.OK, "ok", len(events), [callbacks.report(event) for event in events])


def _replies(events: list[ReplyEvent]) -> Answer:
    return PulledReplies(errors.OK, "ok", len(events), [callbacks.reply(event) for event in events])


def _sent(sent: Sent) -> SentSms:
    sign_name, body = sent.parts
    event = None if sent.status is None or sent.done_at is None else _as_event(sent, sent.status, sent.done_at)
    report = None if event is None or sent.status is Status.UNKNOWN else callbacks.report(event)
    return SentSms(
        result=errors.OK,
        errmsg="OK",
        nationcode=str(sent.country_code),
        mobile=national(sent.phone, sent.country_code),
        sign=sign_name,
        text=masked(body),
        send_time=in_china(int(sent.at)),
        type=int(sent.kind is Kind.MARKETING),
        sid=serial_no(sent.message_id),
        user_receive_time=report.user_receive_time if report else "",
        report_status=report.report_status if report else "",
        status=report.errmsg if report else "",
        description=report.description if report else "",
    )


def _as_event(sent: Sent, status: Status, done_at: float) -> ReportEvent:
    return ReportEvent(
        0, sent.message_id, sent.message_id, sent.phone, sent.country_code, status, sent.code, done_at, "", Dialect.TENCENT_V5
    )
