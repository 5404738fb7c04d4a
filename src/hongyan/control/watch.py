"""Looking whether alarm values were passed: of a day's messages, of what is left in packages."""

from collections.abc import Callable

from hongyan.kit.db import Connection, Database
from hongyan.kit.ids import first_id_at
from hongyan.model.alarm import AlarmKind
from hongyan.model.money import PackageKind
from hongyan.model.protection import ABROAD, ALL, HOME, Protection
from hongyan.store import alarms, apps, daily_counts, notices, packages, protections
from hongyan.store.notices import Facts
from hongyan.store.partitions import day_start
from hongyan.store.protections import Watched

KEPT_DAYS_S = 3 * 86_400.0
DAY_S = 86_400.0
EXPIRY_DAYS = (1, 3, 5, 7)
"""How long before the end of a package contacts are told of it, and told again (document 382/18058)."""
HEARD_S, LONGEST_S = 3.0, 600.0
"""Every process has heard of a change after the first, and is not waited for beyond the second."""
LONGEST_ACCEPT_S = 60.0
"""No promise takes longer from its id to its commit."""


class Watch:
    """Jobs that any process may do at any time: of each passing of a value one notice is made."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock

    async def traffic(self) -> int:
        """Notices of alarm values and caps that the day's messages have reached; returns how many."""
        async with self._db.connection() as conn:
            watched = {app.app_id: app for app in await protections.watched(conn) if app.settings.counts}
            counts = await daily_counts.of_today(conn, sorted(watched), self._clock()) if watched else []
        passed = [
            (watched[count.app_id], count.region, count.messages, value)
            for count in counts
            for value in values(watched[count.app_id].settings, count.region)
            if count.messages >= value
        ]
        return sum([await self._tell_traffic(*each) for each in passed])

    async def _tell_traffic(self, app: Watched, region: str, sent: int, value: int) -> bool:
        now = self._clock()
        what = f"{daily_counts.day_of(now)} {region} {value}"
        facts: Facts = {"region": region, "sent": sent, "value": value}
        async with self._db.transaction() as tx:
            return await _once(tx, app, AlarmKind.TRAFFIC, what, facts=facts, now=now)

    async def balance(self) -> int:
        """Notices of packages with fewer segments left than the alarm value; again only after there were more. Returns how many.

        Packages for marketing alone are of no use to codes and notices, and the other way round: each is looked at by itself.
        """
        now = self._clock()
        async with self._db.connection() as conn:
            watched = {app.app_id: app for app in await protections.watched(conn) if app.settings.balance_alarm}
            left = await packages.left(conn, sorted(watched), now) if watched else []
        told = 0
        for one in left:
            app, scope = watched[one.app_id], one.scope.name.lower()
            value = app.settings.balance_alarm
            facts: Facts = {"scope": scope, "left": one.segments, "value": value}
            name = scope
            if one.kind is PackageKind.MARKETING:
                name, facts = f"{scope} marketing", {**facts, "kind": "marketing"}
            async with self._db.transaction() as tx:
                if one.segments >= value:
                    await alarms.unmark(tx, app.account_id, one.app_id, f"{AlarmKind.BALANCE} {name}")
                    continue
                told += await _once(tx, app, AlarmKind.BALANCE, name, facts=facts, now=now)
        return told

    async def expiry(self) -> int:
        """Notices of packages that expire within a week, seven, five, three days and one before; returns how many."""
        now = self._clock()
        async with self._db.connection() as conn:
            owners = {app.id: app.account_id for app in await apps.every(conn, None)}
            soon = await packages.expiring(conn, sorted(owners), now=now, until=now + max(EXPIRY_DAYS) * DAY_S)
        told = 0
        for package in soon:
            days = next(days for days in EXPIRY_DAYS if package.expires_at <= now + days * DAY_S)
            facts: Facts = {
                "package": package.id,
                "scope": package.scope.name.lower(),
                "left": package.available,
                "expires_at": int(package.expires_at),
                "days": days,
            }
            account_id = owners[package.app_id]
            async with self._db.transaction() as tx:
                # The end is part of the mark: one that is put off is told of again.
                mark = f"expiry {package.id} {int(package.expires_at)} {days}"
                if await alarms.mark_first(tx, account_id, package.app_id, mark, now):
                    await notices.add(tx, account_id=account_id, app_id=package.app_id, kind=AlarmKind.BALANCE, facts=facts, now=now)
                    told += 1
        return told

    async def settle_counts(self) -> int:
        """Count again what was sent while processes heard of a new cap; returns for how many applications."""
        now = self._clock()
        async with self._db.connection() as conn:
            changed = [
                app for app in await protections.watched(conn)
                if app.settings.counts and HEARD_S <= now - app.changed_at <= LONGEST_S
                and daily_counts.day_of(app.changed_at) == daily_counts.day_of(now)
            ]  # fmt: skip
        settled = 0
        for app in changed:
            # The long part is counted beforehand: nobody has to wait for it.
            day, recent = first_id_at(day_start(now)), max(first_id_at(day_start(now)), first_id_at(app.changed_at - LONGEST_ACCEPT_S))
            async with self._db.connection() as conn:
                before = await daily_counts.sent(conn, app.app_id, from_id=day, to_id=recent)
            async with self._db.transaction() as tx:
                if await alarms.mark_first(tx, app.account_id, app.app_id, f"counted since {app.changed_at}", now):
                    await daily_counts.recount(tx, app.app_id, now, before=before, from_id=recent)
                    settled += 1
        return settled

    async def forget(self) -> None:
        """Counts of days gone by."""
        async with self._db.connection() as conn:
            await daily_counts.forget(conn, self._clock() - KEPT_DAYS_S)


async def _once(tx: Connection, app: Watched, kind: AlarmKind, what: str, *, facts: Facts, now: float) -> bool:
    if not await alarms.mark_first(tx, app.account_id, app.app_id, f"{kind} {what}", now):
        return False
    await notices.add(tx, account_id=app.account_id, app_id=app.app_id, kind=kind, facts=facts, now=now)
    return True


def values(settings: Protection, region: str) -> tuple[int, ...]:
    """The alarm value and the cap for the place of a count, without those that are not set."""
    caps = {ALL: settings.day, ABROAD: settings.abroad, HOME: settings.mainland}
    cap = caps.get(region) or settings.countries.get(region)
    return tuple(value for value in (cap.alarm, cap.most) if value) if cap is not None else ()
