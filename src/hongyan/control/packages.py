"""Prepaid packages."""

from collections.abc import Callable

from hongyan.control import rules
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.kit.db import Database
from hongyan.model.snapshot import Scope
from hongyan.store import apps, packages
from hongyan.store.packages import PackageRow
from hongyan.store.snapshots import publish

DAY_S = 86_400.0
VALID_S: dict[Scope, float] = {Scope.MAINLAND: 730 * DAY_S, Scope.INTERNATIONAL: 365 * DAY_S}
"""Two years for the mainland, one for everywhere else (documents 382/18058 and 382/18052)."""
FAR_S = 100 * 365 * DAY_S


class Packages:
    """Segments paid in advance; every change of a balance has its entry in the ledger."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock

    async def buy(
        self,
        app_id: int,
        scope: Scope,
        segments: int,
        *,
        gift: bool = False,
        effective_at: float | None = None,
        expires_at: float | None = None,
        note: str = "",
    ) -> PackageRow:
        """Usable from now on, or from `effective_at`; two years (abroad one), or until `expires_at` (Unix seconds)."""
        count = rules.segments(segments)
        why = rules.reason(note)
        now = self._clock()
        begins = now if effective_at is None else effective_at
        ends = begins + VALID_S[scope] if expires_at is None else expires_at
        if not begins < ends <= now + FAR_S or ends <= now:
            raise ControlError(
                Fault.INVALID,
                "套餐包的到期时间需晚于生效时间和现在，且在一百年以内。",
                "A package expires after it takes effect, after now and within a hundred years.",
            )
        async with self._db.transaction() as tx:
            if await apps.get(tx, app_id) is None:
                raise not_found(Noun.APP, app_id)
            bought = await packages.buy(
                tx,
                app_id=app_id,
                scope=scope,
                segments=count,
                gift=gift,
                effective_at=begins,
                expires_at=ends,
                note=why,
                now=now,
            )
            await publish(tx, f"package bought for app {app_id}", now)
        return bought

    async def every(self, app_id: int | None = None) -> list[PackageRow]:
        """An application's packages, or all."""
        async with self._db.connection() as conn:
            return await packages.every(conn, app_id)
