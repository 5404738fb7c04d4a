"""Working time: until when a review is due, on a calendar of working days in Asia/Shanghai."""

import datetime as dt
from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

import msgspec

from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault
from hongyan.control.permissions import demand
from hongyan.kit.db import Connection, Database
from hongyan.model.actor import Actor, Permission
from hongyan.store import calendar
from hongyan.store.calendar import CalendarDay

ZONE = ZoneInfo("Asia/Shanghai")
OPENS, CLOSES = dt.time(9), dt.time(18)
DAY_S = 9 * 3600.0
SATURDAY = 5
FAR_DAYS = 3660
"""No working day within ten years means that the calendar is wrong."""
NAME_MOST = 40


class Span(msgspec.Struct, frozen=True):
    """Days off in a row, and the weekend days that are worked for them."""

    name: str
    first: dt.date
    last: dt.date
    worked: tuple[dt.date, ...] = ()


D = dt.date
HOLIDAYS: tuple[Span, ...] = (
    Span("元旦", D(2026, 1, 1), D(2026, 1, 3), (D(2026, 1, 4),)),
    Span("春节", D(2026, 2, 15), D(2026, 2, 23), (D(2026, 2, 14), D(2026, 2, 28))),
    Span("清明节", D(2026, 4, 4), D(2026, 4, 6)),
    Span("劳动节", D(2026, 5, 1), D(2026, 5, 5), (D(2026, 5, 9),)),
    Span("端午节", D(2026, 6, 19), D(2026, 6, 21)),
    Span("中秋节", D(2026, 9, 25), D(2026, 9, 27)),
    Span("国庆节", D(2026, 10, 1), D(2026, 10, 7), (D(2026, 9, 20), D(2026, 10, 10))),
)
"""As the State Council announced on 4 November 2025. Other years have their weekends and `FIXED`; the operator adds the rest."""

FIXED: Mapping[tuple[int, int], str] = {
    (1, 1): "元旦", (5, 1): "劳动节", (5, 2): "劳动节", (10, 1): "国庆节", (10, 2): "国庆节", (10, 3): "国庆节",
}  # fmt: skip
"""Days off by law on the same date every year."""


def announced() -> dict[dt.date, tuple[bool, str]]:
    """Whether each day that is other than its weekday is worked, and why."""
    days: dict[dt.date, tuple[bool, str]] = {}
    for span in HOLIDAYS:
        for offset in range((span.last - span.first).days + 1):
            days[span.first + dt.timedelta(offset)] = (False, span.name)
        days |= dict.fromkeys(span.worked, (True, f"{span.name}调休"))
    return days


class WorkingCalendar:
    """Monday to Friday, nine to six, but for holidays and the days that are worked for them."""

    def __init__(self, days: Mapping[dt.date, tuple[bool, str]]) -> None:
        self._days = days
        self._years = frozenset(day.year for day in announced())

    def is_working(self, day: dt.date) -> bool:
        known = self._days.get(day)
        if known is not None:
            return known[0]
        if day.year not in self._years and (day.month, day.day) in FIXED:
            return False
        return day.weekday() < SATURDAY

    def after(self, start: float, working_s: float) -> float:
        """The moment when `working_s` seconds of working time have passed since `start` (both Unix seconds)."""
        now = dt.datetime.fromtimestamp(start, ZONE)
        left = working_s
        for offset in range(FAR_DAYS):
            day = now.date() + dt.timedelta(offset)
            if not self.is_working(day):
                continue
            opens = max(dt.datetime.combine(day, OPENS, ZONE), now)
            closes = dt.datetime.combine(day, CLOSES, ZONE)
            here = (closes - opens).total_seconds()
            if here > 0 and left <= here:
                return opens.timestamp() + left
            left -= max(here, 0.0)
        raise ControlError(
            Fault.WRONG_STATE, "工作日历里十年内没有工作日：请检查日历。", "There is no working day within ten years: look at the calendar."
        )


async def load(conn: Connection) -> WorkingCalendar:
    """The packaged calendar with the operator's own days."""
    own = {day.day: (day.working, day.name) for day in await calendar.every(conn)}
    return WorkingCalendar(announced() | own)


class Calendar:
    """The operator's own days: a new year's holidays, a day off of the house."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def days(self, actor: Actor, year: int) -> list[CalendarDay]:
        """Every day of the year that is other than its weekday says."""
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            own = {day.day: day for day in await calendar.every(conn)}
        packaged = {day: CalendarDay(day=day, working=working, name=name) for day, (working, name) in announced().items()}
        if year not in {day.year for day in packaged}:
            packaged |= {
                D(year, month, day): CalendarDay(D(year, month, day), working=False, name=name) for (month, day), name in FIXED.items()
            }
        known = packaged | own
        chosen = sorted(day for day in known if day.year == year)
        return [known[day] for day in chosen]

    async def set_day(self, actor: Actor, day: dt.date, *, working: bool, name: str = "") -> CalendarDay:
        """Say that a day is worked or free."""
        demand(actor, Permission.OPERATE)
        plain = name.strip()
        if len(plain) > NAME_MOST or not plain.isprintable():
            raise ControlError(
                Fault.INVALID, f"名称最多 {NAME_MOST} 个可见字符。", f"The name has at most {NAME_MOST} printable characters."
            )
        wanted = CalendarDay(day=day, working=working, name=plain)
        async with self._db.transaction() as tx:
            await calendar.put(tx, wanted)
            await self._audit.record(tx, actor, "calendar.set", day.isoformat(), detail={"working": working, "name": plain})
        return wanted

    async def unset_day(self, actor: Actor, day: dt.date) -> None:
        """Back to what the packaged calendar says of it."""
        demand(actor, Permission.OPERATE)
        async with self._db.transaction() as tx:
            if not await calendar.remove(tx, day):
                raise ControlError(
                    Fault.NOT_FOUND,
                    f"{day} 没有单独设置过：`hongyan calendar list` 会列出特殊日子。",
                    f"Nothing was set for {day}: `hongyan calendar list` shows the special days.",
                )
            await self._audit.record(tx, actor, "calendar.unset", day.isoformat())
