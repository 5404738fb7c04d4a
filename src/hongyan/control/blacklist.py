"""Numbers an application never sends to."""

from collections.abc import Callable

from hongyan.control import rules
from hongyan.control.errors import Noun, not_found
from hongyan.kit.db import Connection, Database
from hongyan.store import apps, blacklist
from hongyan.store.blacklist import BlacklistRow
from hongyan.store.snapshots import publish

PAGE_MOST = 1_000


class Blacklist:
    """Acts on everything accepted after the change: accepting asks the table itself."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock

    async def add(self, app_id: int, written: list[str], reason: str = "") -> int:
        """How many were not on it yet; those that were keep their first reason."""
        phones = rules.phones(written)
        why = rules.reason(reason)
        now = self._clock()
        async with self._db.transaction() as tx:
            await _exists(tx, app_id)
            added = await blacklist.add(tx, app_id, phones, why, now)
            await publish(tx, f"blacklist of app {app_id} changed", now)
        return added

    async def remove(self, app_id: int, written: list[str], *, opted_out: bool = False) -> int:
        """How many were on it. With `opted_out` the wish of those who replied T is lifted too: only when they have taken it back."""
        phones = rules.phones(written)
        now = self._clock()
        async with self._db.transaction() as tx:
            await _exists(tx, app_id)
            removed = await blacklist.remove(tx, app_id, phones)
            if opted_out:
                removed += await blacklist.lift(tx, app_id, phones)
            await publish(tx, f"blacklist of app {app_id} changed", now)
        return removed

    async def page(self, app_id: int, *, after_phone: int = 0, most: int = PAGE_MOST) -> list[BlacklistRow]:
        """At most `most` (and never more than 1,000) by number, those above `after_phone`; numbers that opted out are among them."""
        async with self._db.connection() as conn:
            await _exists(conn, app_id)
            return await blacklist.page(conn, app_id, after_phone=after_phone, most=min(most, PAGE_MOST))


async def _exists(conn: Connection, app_id: int) -> None:
    if await apps.get(conn, app_id) is None:
        raise not_found(Noun.APP, app_id)
