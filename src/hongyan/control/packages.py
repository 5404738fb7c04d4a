"""Prepaid packages."""

from collections.abc import Callable, Mapping

from hongyan.control import rules
from hongyan.control.audit import Audit, Detail
from hongyan.control.errors import ControlError, Fault
from hongyan.control.permissions import demand, own_app, own_apps
from hongyan.control.verifications import demand_verified
from hongyan.kit.db import Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.money import PackageKind, PackageScope
from hongyan.store import packages
from hongyan.store.packages import PackageRow
from hongyan.store.snapshots import publish

DAY_S = 86_400.0
VALID_DAYS: Mapping[int, int] = {PackageScope.MAINLAND: 730, PackageScope.INTERNATIONAL: 365, PackageScope.VOICE: 365}
"""Two years for the mainland, one for all else (documents 382/18058 and 382/18052)."""
VALID_S: Mapping[int, float] = {scope: days * DAY_S for scope, days in VALID_DAYS.items()}
FAR_S = 100 * 365 * DAY_S
PAGE_MOST = 500


class Packages:
    """Segments paid in advance; every change of a balance has its entry in the ledger."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def buy(
        self,
        actor: Actor,
        app_id: int,
        scope: int,
        segments: int,
        *,
        kind: PackageKind = PackageKind.GENERAL,
        gift: bool = False,
        effective_at: float | None = None,
        expires_at: float | None = None,
        note: str = "",
    ) -> PackageRow:
        """Usable from now on, or from `effective_at`; two years (abroad one), or until `expires_at` (Unix seconds).

        Given by the operator, who has been paid elsewhere or makes a gift; customers buy by `control.purchases`.
        """
        _demand_operator(actor)
        place = PackageScope(scope)
        count = rules.segments(segments)
        why = rules.reason(note)
        now = self._clock()
        begins, ends = _period(place, effective_at, expires_at, now)
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id)
            await demand_verified(tx, app.account_id)
            bought = await packages.buy(
                tx,
                app_id=app_id,
                scope=place,
                kind=kind,
                segments=count,
                gift=gift,
                effective_at=begins,
                expires_at=ends,
                note=why,
                now=now,
            )
            what = {"scope": place.name.lower(), "kind": kind.name.lower()}
            detail: Detail = {"app": app_id, **what, "segments": count, "gift": gift, "note": why}
            await self._audit.record(tx, actor, "package.buy", bought.id, account_id=app.account_id, detail=detail)
            await publish(tx, f"package bought for app {app_id}", now)
        return bought

    async def every(self, actor: Actor, app_id: int | None = None, *, after_id: int = 0, most: int = PAGE_MOST) -> list[PackageRow]:
        """An application's packages, or all the actor may see, in the order in which they were bought; at most 500, above `after_id`."""
        demand(actor, Permission.MONEY_READ)
        async with self._db.connection() as conn:
            app_ids = await own_apps(conn, actor, app_id)
            return await packages.page(conn, app_ids, after_id=after_id, most=max(1, min(most, PAGE_MOST)))


def _period(scope: PackageScope, effective_at: float | None, expires_at: float | None, now: float) -> tuple[float, float]:
    begins = now if effective_at is None else effective_at
    ends = begins + VALID_S[scope] if expires_at is None else expires_at
    if not begins < ends <= now + FAR_S or ends <= now:
        raise ControlError(
            Fault.INVALID,
            "套餐包的到期时间需晚于生效时间和现在，且在一百年以内。",
            "A package expires after it takes effect, after now and within a hundred years.",
        )
    return begins, ends


def _demand_operator(actor: Actor) -> None:
    demand(actor, Permission.MONEY)
    if actor.account_id is not None:
        raise ControlError(
            Fault.NOT_ALLOWED,
            "赠送和直接开通套餐包由平台运营方操作：请用购买单购买。",
            "Packages are given by the operator of this platform: buy one with a purchase.",
        )
