"""What an application is protected with: daily caps with alarm values, open countries, hours for marketing, the emergency stop."""

from collections.abc import Callable, Mapping

import msgspec

from hongyan.control import rules
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault
from hongyan.control.permissions import demand, own_app
from hongyan.kit.db import Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.countries import COUNTRY_NAMES
from hongyan.model.protection import ABROAD, ALL, HOME, NO_CAP, Cap, Protection
from hongyan.store import daily_counts, protections
from hongyan.store.protections import ProtectionRow
from hongyan.store.snapshots import publish

MOST = 1_000_000_000
COUNTRIES_MOST = 300


class Change(msgspec.Struct, frozen=True):
    """What to change; what is left out stays."""

    day: Cap | msgspec.UnsetType = msgspec.UNSET
    mainland: Cap | msgspec.UnsetType = msgspec.UNSET
    abroad: Cap | msgspec.UnsetType = msgspec.UNSET
    countries: dict[str, Cap] | msgspec.UnsetType = msgspec.UNSET
    """By ISO 3166 alpha-2: those named are set, and one without alarm value and cap is taken away."""
    only: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    closed: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    marketing_hours: bool | msgspec.UnsetType = msgspec.UNSET
    marketing_deferred: bool | msgspec.UnsetType = msgspec.UNSET
    balance_alarm: int | msgspec.UnsetType = msgspec.UNSET


class Guarded(msgspec.Struct, frozen=True):
    """An application's protection, and what it has sent today."""

    app_id: int
    settings: Protection
    stopped_at: float | None
    stop_reason: str
    today: dict[str, int]
    """Messages by country, `all` and `abroad` among them; empty while nothing has to be counted."""


class Protections:
    """What the owner has set against floods."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def get(self, actor: Actor, app_id: int) -> Guarded:
        """With the day's counts."""
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            row = await protections.get(conn, app_id)
            counts = await daily_counts.of_today(conn, [app_id], self._clock())
        today = {NAMES.get(count.region, count.region): count.messages for count in counts} if row.settings.counts else {}
        return Guarded(app_id, row.settings, row.stopped_at, row.stop_reason, today)

    async def change(self, actor: Actor, app_id: int, change: Change) -> ProtectionRow:
        """All of it or, when one value is refused, nothing. A new cap takes effect within a second and counts the day so far."""
        demand(actor, Permission.APPS)
        fields = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}
        now = self._clock()
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id, lock=True)
            before = await protections.get(tx, app_id)
            if "countries" in fields:
                fields["countries"] = _caps(before.settings.countries, fields["countries"])
            settings = _checked(msgspec.structs.replace(before.settings, **fields))
            if settings == before.settings:
                return before
            after = msgspec.structs.replace(before, settings=settings)
            await protections.put(tx, after, now)
            if settings.counts and not before.settings.counts:
                await daily_counts.begin(tx, app_id, now)
            told = {name: msgspec.json.encode(value).decode() for name, value in fields.items()}
            await self._audit.record(tx, actor, "protection.change", app_id, account_id=app.account_id, detail=told)
            await publish(tx, f"protection of app {app_id} changed", now)
        return after

    async def stop(self, actor: Actor, app_id: int, reason: str = "") -> ProtectionRow:
        """The emergency stop: nothing more is accepted, and what waits is not sent; nobody pays for it."""
        return await self._switch(actor, app_id, stopped=True, reason=rules.reason(reason))

    async def resume(self, actor: Actor, app_id: int) -> ProtectionRow:
        """Let it send again. What the operator has stopped only the operator lets go."""
        return await self._switch(actor, app_id, stopped=False, reason="")

    async def _switch(self, actor: Actor, app_id: int, *, stopped: bool, reason: str) -> ProtectionRow:
        demand(actor, Permission.APPS)
        now = self._clock()
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id, lock=True)
            before = await protections.get(tx, app_id)
            if (before.stopped_at is not None) is stopped:
                return before
            if before.by_operator and actor.account_id is not None:
                raise ControlError(
                    Fault.NOT_ALLOWED,
                    f"应用 {app_id} 由运营者停用（{before.stop_reason or '未说明原因'}）：请联系运营者。",
                    f"Application {app_id} was stopped by the operator ({before.stop_reason or 'no reason given'}): ask the operator.",
                )
            after = msgspec.structs.replace(
                before,
                stopped_at=now if stopped else None,
                stop_reason=reason,
                by_operator=stopped and actor.account_id is None,
            )
            await protections.put(tx, after, now)
            verb = "app.stop" if stopped else "app.resume"
            await self._audit.record(tx, actor, verb, app_id, account_id=app.account_id, detail={"reason": reason})
            await publish(tx, f"app {app_id} {'stopped' if stopped else 'resumed'}", now)
        return after


NAMES = {ALL: "all", ABROAD: "abroad"}


def _caps(before: Mapping[str, Cap], change: Mapping[str, Cap]) -> dict[str, Cap]:
    changed = {**before, **{_country(code): cap for code, cap in change.items()}}
    return {code: cap for code, cap in sorted(changed.items()) if cap != NO_CAP}


def _checked(settings: Protection) -> Protection:
    for cap in (settings.day, settings.mainland, settings.abroad, *settings.countries.values()):
        if not (0 <= cap.alarm <= MOST and 0 <= cap.most <= MOST):
            raise _invalid(f"告警值和上限需为 0 到 {MOST}，0 表示不设。", f"Alarm values and caps are 0 to {MOST}; 0 means none.")
        if cap.most and cap.alarm > cap.most:
            raise _invalid(
                f"告警值 {cap.alarm} 高于上限 {cap.most}，永远不会告警：请设得低一些。",
                f"The alarm value {cap.alarm} is above the cap {cap.most} and would never be reached: set it lower.",
            )
    if HOME in settings.countries:
        raise _invalid("国内的上限请用“国内”一项设置。", "Set the cap for mainland China as `mainland`.")
    if not 0 <= settings.balance_alarm <= MOST:
        raise _invalid(f"余量告警值需为 0 到 {MOST}，0 表示不告警。", f"The balance's alarm value is 0 to {MOST}; 0 means never.")
    only, closed = (tuple(sorted({_country(code) for code in codes})) for codes in (settings.only, settings.closed))
    if len(only) > COUNTRIES_MOST or len(closed) > COUNTRIES_MOST or len(settings.countries) > COUNTRIES_MOST:
        raise _invalid(f"国家和地区最多 {COUNTRIES_MOST} 个。", f"At most {COUNTRIES_MOST} countries are possible.")
    return msgspec.structs.replace(settings, only=only, closed=closed)


def _country(code: str) -> str:
    plain = code.strip().upper()
    if plain not in COUNTRY_NAMES:
        raise _invalid(
            f"没有国家或地区代码 {plain[:10]!r}：请用两位 ISO 3166 代码，如 HK、US。",
            f"There is no country or region {plain[:10]!r}: use the two letters of ISO 3166, such as HK or US.",
        )
    return plain


def _invalid(zh: str, en: str) -> ControlError:
    return ControlError(Fault.INVALID, zh, en)
