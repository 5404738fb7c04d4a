"""What became of messages."""

from collections.abc import Callable
from typing import Protocol

from hongyan.doors.tencent import callbacks
from hongyan.doors.tencent.times import in_china
from hongyan.doors.tencent.words import MOST_PULLED, serial_no
from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.acts.context import Asker
from hongyan.doors.tencent_v5.errors import FAULTS, Failure, failure
from hongyan.doors.tencent_v5.schema import Answer, Tel, number
from hongyan.doors.tencent_v5.words.pulling import (
    PulledReplies,
    PulledReports,
    PullStatus,
    PullStatus4Mobile,
    Queried,
    QuerySms4Mobile,
    Record,
    masked,
)
from hongyan.model.actor import Actor
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.message import Dialect, Kind, Status
from hongyan.model.phone import country, parse
from hongyan.model.reject import Refusal, Reject
from hongyan.model.statistics import Attempted
from hongyan.model.template import split_signed

LOOK_BACK_S = 32 * 86_400
"""How far back one number may be asked about."""
CLOCK_SLACK_S = 300
MOST_SHOWN = 100


class Pulls(Protocol):
    """Who hands out reports and replies; times are Unix seconds."""

    async def reports(self, app_id: int, limit: int) -> list[ReportEvent]: ...

    async def replies(self, app_id: int, limit: int) -> list[ReplyEvent]: ...

    async def reports_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReportEvent]: ...

    async def replies_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReplyEvent]: ...


class Records(Protocol):
    """Who knows what was to be sent to a number, and what became of it."""

    async def to_number(self, actor: Actor, app_id: int, phone: int, begin: float, end: float) -> list[Attempted]:
        """From `begin` up to `end` (Unix seconds), the newest first, bounded. Raises ControlError."""
        ...


class PullActs:
    """Reports, replies, and what one number was sent."""

    def __init__(self, pulls: Pulls, records: Records, clock: Callable[[], float]) -> None:
        self._pulls = pulls
        self._records = records
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
        phone, begin, end = stretch
        found = await self._records.to_number(who.actor, who.app.id, phone, begin, end + 1.0)
        shown = [_record(each, phone, chinese=who.chinese) for each in found[:MOST_SHOWN]]
        return Queried(errors.OK, "OK", len(found), int(len(found) > MOST_SHOWN), shown)

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
    return PulledReplies(errors.OK, "ok", len(events), [callbacks.user_reply(event) for event in events])


def _record(attempted: Attempted, phone: int, *, chinese: bool) -> Record:
    country_code, mobile = country(phone)
    at = in_china(int(attempted.at))
    if attempted.refused is not None:
        fault = FAULTS[attempted.refused]
        return Record(fault.result, errors.message(fault, "", chinese=chinese), str(country_code), mobile, "", "", at, 0)
    sign_name, body = split_signed(attempted.text) if attempted.signed else ("", attempted.text)
    ended = attempted.status
    report = None if ended is None else callbacks.report(_event(attempted, phone, country_code, ended))
    return Record(
        result=errors.OK,
        errmsg="OK",
        nationcode=str(country_code),
        mobile=mobile,
        sign=sign_name,
        text=masked(body),
        send_time=at,
        type=int(attempted.kind is Kind.MARKETING),
        sid=serial_no(attempted.id),
        user_receive_time=report.user_receive_time if report else "",
        report_status=report.report_status if report else "",
        status=report.errmsg if report else "",
        description=report.description if report else "",
    )


def _event(attempted: Attempted, phone: int, country_code: int, ended: Status) -> ReportEvent:
    return ReportEvent(0, attempted.id, attempted.id, phone, country_code, ended, attempted.code, attempted.done_at, "", Dialect.TENCENT_V5)
