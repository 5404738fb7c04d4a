"""Margins: what messages brought in less what they cost us, by application, country and link."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping

import msgspec

from hongyan.control.errors import ControlError, Fault
from hongyan.control.permissions import demand, own_apps
from hongyan.kit.db import Database
from hongyan.kit.ids import first_id_at
from hongyan.model.actor import Actor, Permission
from hongyan.model.billing import day_of, midnight
from hongyan.model.money import ChargeRule
from hongyan.model.tariff import ELSEWHERE
from hongyan.store import accounts, apps, links, margins, prices
from hongyan.store.margins import Carried

QUESTIONS_MOST = 400
"""Applications times days of a report: each is a question that counts a day's messages."""
DAY = dt.timedelta(days=1)
FIRST = dt.date(2025, 1, 1)
"""Ids of messages begin there."""


class Margin(msgspec.Struct, frozen=True):
    """Amounts are thousandths of a fen. Messages are those accepted in the days asked for that a carrier took."""

    app_id: int
    region: str
    link: str
    """Empty where nobody knows by which it went."""
    messages: int
    segments: int
    revenue_milli: int
    """On credit its price, unless it was taken off the bill; of a package that was bought its share of what was paid; of a gift nothing."""
    cost_milli: int
    uncosted_segments: int
    """Segments for which no cost is known: they count as nothing."""

    @property
    def margin_milli(self) -> int:
        return self.revenue_milli - self.cost_milli


class _Day(msgspec.Struct, frozen=True):
    """What is needed to value a day's messages of an application."""

    rule: ChargeRule
    costs: Mapping[tuple[int, str], int]
    priced: Mapping[int, int]
    bought: Mapping[int, tuple[int, int]]


class Margins:
    """The operator's: computed from settlements, a day and an application at a time."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock

    async def report(self, actor: Actor, begins: dt.date, ends: dt.date, *, app_id: int | None = None) -> list[Margin]:
        """From a day until before another, in Asia/Shanghai; applications times days are at most 400.

        What has not ended yet is not in it, so the last three days may still grow. A second copy that we sent is not counted.
        """
        demand(actor, Permission.OPERATE)
        async with self._db.connection() as conn:
            app_ids = await own_apps(conn, actor, app_id)
            names = {row.config.id: row.config.name for row in await links.every(conn)}
        days = _days(max(begins, FIRST), min(ends, day_of(self._clock()) + DAY))
        if len(days) * len(app_ids) > QUESTIONS_MOST:
            raise ControlError(
                Fault.INVALID,
                f"一次最多统计 {QUESTIONS_MOST} 个“应用×天”：请缩短日期范围，或指定一个应用。",
                f"At most {QUESTIONS_MOST} applications times days are reported at once: ask for fewer days, or one application.",
            )
        sums: dict[tuple[int, str, str], Margin] = {}
        for one in app_ids:
            for day in days:
                for margin in await self._of_day(one, day, names):
                    place = (margin.app_id, margin.region, margin.link)
                    sums[place] = _added(sums[place], margin) if place in sums else margin
        return [sums[place] for place in sorted(sums)]

    async def _of_day(self, app_id: int, day: dt.date, names: Mapping[int, str]) -> list[Margin]:
        async with self._db.connection() as conn:
            from_id, to_id = first_id_at(midnight(day)), first_id_at(midnight(day + DAY))
            found = await margins.carried(conn, app_id, from_id=from_id, to_id=to_id)
            if not found:
                return []
            taken_back = await margins.refunded(conn, app_id, from_id=from_id, to_id=to_id)
            app = await apps.get(conn, app_id)
            account = None if app is None else await accounts.get(conn, app.account_id)
            known = _Day(
                rule=ChargeRule.SUBMIT if account is None else account.charge,
                costs=await prices.costs_on(conn, day),
                priced=await prices.of_ids(conn, sorted({-row.package_id for row in found if row.package_id < 0})),
                bought=await margins.bought(conn, sorted({row.package_id for row in found if row.package_id > 0})),
            )
        return [
            *(_margin(app_id, row, known, names) for row in found),
            *(Margin(app_id, back.region, _name(back.link_id, names), 0, 0, -back.milli, 0, 0) for back in taken_back),
        ]


def _days(begins: dt.date, ends: dt.date) -> list[dt.date]:
    return [begins + n * DAY for n in range(min(max(0, (ends - begins).days), QUESTIONS_MOST + 1))]


def _margin(app_id: int, row: Carried, known: _Day, names: Mapping[int, str]) -> Margin:
    cost = None if row.link_id is None else known.costs.get((row.link_id, row.region), known.costs.get((row.link_id, ELSEWHERE)))
    return Margin(
        app_id=app_id,
        region=row.region,
        link=_name(row.link_id, names),
        messages=row.messages,
        segments=row.segments,
        revenue_milli=_revenue(row, known),
        cost_milli=(cost or 0) * row.segments,
        uncosted_segments=row.segments if cost is None else 0,
    )


def _name(link_id: int | None, names: Mapping[int, str]) -> str:
    return "" if link_id is None else names.get(link_id, str(link_id))


def _revenue(row: Carried, known: _Day) -> int:
    if known.rule is ChargeRule.DELIVERED and not row.delivered:
        return 0
    if row.package_id < 0:
        return known.priced.get(-row.package_id, 0) * row.segments
    paid, segments = known.bought.get(row.package_id, (0, 1))
    return paid * row.segments // segments


def _added(one: Margin, other: Margin) -> Margin:
    fields: Iterable[str] = ("messages", "segments", "revenue_milli", "cost_milli", "uncosted_segments")
    return msgspec.structs.replace(one, **{field: getattr(one, field) + getattr(other, field) for field in fields})
