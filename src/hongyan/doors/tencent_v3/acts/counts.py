"""Statistics, packages, records of one number, codes that were typed in."""

from collections.abc import Callable
from typing import Protocol

from hongyan.control.errors import ControlError
from hongyan.doors.tencent.words import message_id
from hongyan.doors.tencent_v3 import errors
from hongyan.doors.tencent_v3.acts.context import CLOCK_SLACK_S, Context, Directory, app_of, refusal
from hongyan.doors.tencent_v3.errors import Failure
from hongyan.doors.tencent_v3.schema import MOST_INTEGER, Answer
from hongyan.doors.tencent_v3.words import counting
from hongyan.doors.tencent_v3.words.counting import (
    CONVERTED,
    FARTHEST_RECORD,
    MOST_PACKAGES,
    MOST_RECORDS,
    USUAL_RECORDS,
    CallbackStatusStatisticsAnswer,
    CountPackages,
    CountPeriod,
    DescribeSendRecordList,
    EveryPackage,
    ReportConversion,
    ReportConversionAnswer,
    SendRecordSet,
    SendStatusStatisticsAnswer,
    SmsPackagesStatisticsSet,
)
from hongyan.model.actor import Actor
from hongyan.model.phone import parse
from hongyan.model.statistics import Attempted, EndCount, PackageCount, SendCount

RECORDS_S = 72 * 3600
FARTHEST = 2**31 - 1


class Counts(Protocol):
    """Who counts; times are Unix seconds. All raise ControlError."""

    async def sends(self, actor: Actor, app_id: int, begin: float, end: float) -> SendCount: ...

    async def ends(self, actor: Actor, app_id: int, begin: float, end: float) -> EndCount: ...

    async def packages(
        self, actor: Actor, app_id: int, *, begin: float, end: float | None, offset: int, most: int
    ) -> list[PackageCount]: ...

    async def to_number(self, actor: Actor, app_id: int, phone: int, begin: float, end: float) -> list[Attempted]: ...

    async def convert(self, actor: Actor, app_id: int, message_id: int, at: float | None = None) -> None: ...


class CountActs:
    """What counts and looks up."""

    def __init__(self, directory: Directory, counts: Counts, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._counts = counts
        self._clock = clock

    async def sends(self, asked: CountPeriod, context: Context) -> Answer | Failure:
        where = self._period_of(asked, context)
        if isinstance(where, Failure):
            return where
        count = await self._counts.sends(context.actor, *where)
        return SendStatusStatisticsAnswer(counting.send_count(count), context.request_id)

    async def callbacks(self, asked: CountPeriod, context: Context) -> Answer | Failure:
        where = self._period_of(asked, context)
        if isinstance(where, Failure):
            return where
        count = await self._counts.ends(context.actor, *where)
        return CallbackStatusStatisticsAnswer(counting.callback_count(count), context.request_id)

    def _period_of(self, asked: CountPeriod, context: Context) -> tuple[int, float, float] | Failure:
        app = app_of(self._directory, asked.sms_sdk_app_id, context.caller)
        if isinstance(app, Failure):
            return app
        if asked.limit != 0:
            return Failure(errors.LIMIT_WRONG, f"always 0; it is {asked.limit}")
        if asked.offset != 0:
            return Failure(errors.OFFSET_WRONG, f"always 0; it is {asked.offset}")
        period = asked.period(self._clock())
        return period if isinstance(period, Failure) else (app.id, *period)

    async def packages(self, asked: CountPackages | EveryPackage, context: Context) -> Answer | Failure:
        app = app_of(self._directory, asked.sms_sdk_app_id, context.caller)
        if isinstance(app, Failure):
            return app
        if (fault := _wrong_page(asked.limit, asked.offset, MOST_PACKAGES, FARTHEST)) is not None:
            return fault
        period = asked.period(self._clock())
        if isinstance(period, Failure):
            return period
        begin, end = period
        found = await self._counts.packages(context.actor, app.id, begin=begin, end=end, offset=asked.offset, most=asked.limit)
        return SmsPackagesStatisticsSet([counting.package(each) for each in found], context.request_id)

    async def records(self, asked: DescribeSendRecordList, context: Context) -> Answer | Failure:
        app = app_of(self._directory, asked.sms_sdk_app_id, context.caller)
        if isinstance(app, Failure):
            return app
        phone = parse(asked.phone_number)
        if phone is None:
            return Failure(errors.NUMBER_WRONG, "write it as +<country code><number>")
        limit, offset = USUAL_RECORDS if asked.limit is None else asked.limit, asked.offset or 0
        end = self._clock() if asked.end_time is None else asked.end_time
        fault = _wrong_page(limit, offset, MOST_RECORDS, FARTHEST_RECORD) or _wrong_stretch(asked.begin_time, end, self._clock())
        if fault is not None:
            return fault
        found = await self._counts.to_number(context.actor, app.id, phone.number, float(asked.begin_time), end + 1.0)
        page = [counting.record(each, phone.number) for each in found[offset : offset + limit]]
        return SendRecordSet(page, len(found), context.request_id)

    async def conversion(self, asked: ReportConversion, context: Context) -> Answer | Failure:
        app = app_of(self._directory, asked.sms_sdk_app_id, context.caller)
        if isinstance(app, Failure):
            return app
        found = message_id(asked.serial_no)
        if found is None or found > MOST_INTEGER:
            return Failure(errors.INVALID_VALUE, "SerialNo must be one that SendSms answered")
        at = None if asked.conversion_time is None else float(asked.conversion_time)
        try:
            await self._counts.convert(context.actor, app.id, found, at)
        except ControlError as fault:
            return refusal(fault, context)
        return ReportConversionAnswer(CONVERTED, context.request_id)


def _wrong_stretch(begin: float, end: float, now: float) -> Failure | None:
    if begin < now - RECORDS_S - CLOCK_SLACK_S:
        return Failure(errors.BEGIN_WRONG, f"within the last 72 hours; it is {begin:.0f}, now is {now:.0f}")
    if not 0 <= end <= now + CLOCK_SLACK_S:
        return Failure(errors.END_WRONG, f"not in the future; it is {end:.0f}, now is {now:.0f}")
    return Failure(errors.RANGE_WRONG) if begin > end else None


def _wrong_page(limit: int, offset: int, most: int, farthest: int) -> Failure | None:
    if not 1 <= limit <= most:
        return Failure(errors.LIMIT_WRONG, f"1 to {most}; it is {limit}")
    if not 0 <= offset <= farthest:
        return Failure(errors.OFFSET_WRONG, f"0 to {farthest}; it is {offset}")
    return None
