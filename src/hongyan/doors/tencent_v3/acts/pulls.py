"""PullSmsSendStatus, PullSmsReplyStatus, and both by phone number."""

from collections.abc import Callable, Sequence
from typing import Protocol

from hongyan.doors.tencent.words import MOST_PULLED
from hongyan.doors.tencent_v3 import errors
from hongyan.doors.tencent_v3.acts.context import CLOCK_SLACK_S, Context, Directory, app_of, wrong_page
from hongyan.doors.tencent_v3.errors import Failure, failure
from hongyan.doors.tencent_v3.schema import Answer
from hongyan.doors.tencent_v3.words.pulling import (
    PullNumber,
    PullQueue,
    PullSmsReplyStatusSet,
    PullSmsSendStatusSet,
    reply,
    send_report,
)
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.phone import parse
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import App

PULL_WINDOW_S = 7 * 86_400


class Pulls(Protocol):
    """Who hands out reports and replies; times are Unix seconds."""

    async def reports(self, app_id: int, limit: int) -> list[ReportEvent]: ...

    async def replies(self, app_id: int, limit: int) -> list[ReplyEvent]: ...

    async def reports_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReportEvent]: ...

    async def replies_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReplyEvent]: ...


class PullActs:
    """What hands out reports and replies."""

    def __init__(self, directory: Directory, pulls: Pulls, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._pulls = pulls
        self._clock = clock

    async def reports(self, asked: PullQueue, context: Context) -> Answer | Failure:
        app = self._queue_of(asked, context)
        if isinstance(app, Failure):
            return app
        return _reports(await self._pulls.reports(app.id, asked.limit), context)

    async def replies(self, asked: PullQueue, context: Context) -> Answer | Failure:
        app = self._queue_of(asked, context)
        if isinstance(app, Failure):
            return app
        return _replies(await self._pulls.replies(app.id, asked.limit), context)

    async def reports_of(self, asked: PullNumber, context: Context) -> Answer | Failure:
        where = self._number_of(asked, context)
        if isinstance(where, Failure):
            return where
        return _reports(await self._pulls.reports_of(*where, asked.limit), context)

    async def replies_of(self, asked: PullNumber, context: Context) -> Answer | Failure:
        where = self._number_of(asked, context)
        if isinstance(where, Failure):
            return where
        return _replies(await self._pulls.replies_of(*where, asked.limit), context)

    def _queue_of(self, asked: PullQueue, context: Context) -> App | Failure:
        """The application whose queue may be pulled."""
        app = app_of(self._directory, asked.sms_sdk_app_id, context.caller)
        if isinstance(app, Failure):
            return app
        if not app.pull:
            return failure(Refusal(Reject.NOT_SWITCHED_ON, "switch pulling on for it first"))
        return wrong_page(asked.limit, 0, MOST_PULLED) or app

    def _number_of(self, asked: PullNumber, context: Context) -> tuple[int, int, float, float] | Failure:
        """Application, number, begin and end of what may be asked about."""
        app = app_of(self._directory, asked.sms_sdk_app_id, context.caller)
        if isinstance(app, Failure):
            return app
        now = self._clock()
        end = now if asked.end_time is None else asked.end_time
        phone = parse(asked.phone_number)
        if phone is None:
            return Failure(errors.NUMBER_WRONG, "write it as +<country code><number>")
        if (fault := wrong_page(asked.limit, asked.offset, MOST_PULLED)) is not None:
            return fault
        faults = (
            (
                asked.begin_time < now - PULL_WINDOW_S - CLOCK_SLACK_S,
                errors.BEGIN_WRONG,
                f"it must be within the last 7 days; it is {asked.begin_time}, now is {int(now)}",
            ),
            (end < 0 or end > now + PULL_WINDOW_S, errors.END_WRONG, f"it is {asked.end_time}, now is {int(now)}"),
            (asked.begin_time > end, errors.RANGE_WRONG, ""),
        )
        for wrong, fault_, detail in faults:
            if wrong:
                return Failure(fault_, detail)
        return app.id, phone.number, float(asked.begin_time), float(end)


def _reports(events: Sequence[ReportEvent], context: Context) -> Answer:
    return PullSmsSendStatusSet([send_report(event) for event in events], context.request_id)


def _replies(events: Sequence[ReplyEvent], context: Context) -> Answer:
    return PullSmsReplyStatusSet([reply(event) for event in events], context.request_id)
