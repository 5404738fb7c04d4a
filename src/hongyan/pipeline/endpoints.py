"""How customers' addresses do: those that fail are left alone between tries, those that keep failing paused until they are well."""

import random
from collections.abc import Callable

import structlog

from hongyan.kit.db import Database
from hongyan.model.alarm import AlarmKind
from hongyan.model.snapshot import App
from hongyan.store import endpoints, notices, outbox
from hongyan.store.notices import Facts
from hongyan.store.outbox import Key

log = structlog.get_logger()

FIRST_REST_S, LONGEST_REST_S = 1.0, 30.0
"""After a failure an address is left alone: one that is dead then costs a request now and then, whatever is owed to it."""
PAUSED_AFTER_S, PAUSED_AFTER = 300.0, 8
"""Who has failed for so long and so often is paused."""
PROBE_S = 60.0
"""How often a paused one is tried, with one bundle."""
AWAY_AFTER = 3
"""Who failed so often in a row was away. Else it is what it was told that does not suit it, and that keeps its own time for another try."""
FORGOTTEN_AFTER_S = 3 * 86_400.0


class Endpoints:
    """Of one process; that an address fails is in a table, so that others and whoever comes after a restart know it."""

    def __init__(self, db: Database, *, clock: Callable[[], float], jitter: Callable[[], float] = random.random) -> None:
        self._db = db
        self._clock = clock
        self._jitter = jitter
        self._rest: dict[Key, float] = {}
        """Until when."""
        self._failures: dict[Key, int] = {}
        self._known = False

    @property
    def failing(self) -> set[Key]:
        """Those that failed when they were last asked."""
        return set(self._failures)

    def fails(self, key: Key) -> bool:
        return key in self._failures

    def rests(self, key: Key) -> bool:
        """Whether it is left alone for now."""
        return self._rest.get(key, 0.0) > self._clock()

    async def learn(self) -> None:
        """What others knew, once."""
        if self._known:
            return
        async with self._db.connection() as conn:
            found = await endpoints.every(conn)
        self._known = True
        for row in found:
            key = (row.app_id, row.kind, row.place)
            self._failures[key] = row.failures
            if row.paused_at is not None:
                self._rest[key] = row.failed_at + self._spread(PROBE_S)

    def rest(self, key: Key) -> None:
        """Leave it alone for a while; longer after each failure."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        self._rest[key] = self._clock() + self._spread(min(LONGEST_REST_S, FIRST_REST_S * 2.0 ** min(failures - 1, 16)))

    async def failed(self, key: Key, app: App, url: str, error: str) -> None:
        """Note it; who keeps failing is paused, and the application's contacts are told."""
        self.rest(key)
        now = self._clock()
        async with self._db.transaction() as tx:
            row = await endpoints.failed(tx, key, url, error, now)
            keeps_failing = row.failures >= PAUSED_AFTER and now - row.failing_since >= PAUSED_AFTER_S
            if keeps_failing and row.paused_at is None and await endpoints.pause(tx, key, now):
                facts: Facts = {"what": key[1].name.lower(), "url": url, "failures": row.failures, "error": error[:200]}
                await notices.add(tx, account_id=app.account_id, app_id=app.id, kind=AlarmKind.CALLBACK, facts=facts, now=now)
                log.warning("callbacks_paused", app_id=key[0], failures=row.failures, why=error)
        if keeps_failing:
            self._rest[key] = now + self._spread(PROBE_S)

    async def well(self, key: Key, lease_s: float) -> None:
        """It takes them again: where it was away, what waits for another try is due at once."""
        if self._failures.pop(key, None) is None:
            return
        self._rest.pop(key, None)
        now = self._clock()
        async with self._db.connection() as conn:
            if await endpoints.well(conn, key) >= AWAY_AFTER:
                await outbox.hasten(conn, key, now, beyond=now + lease_s)
        log.info("callbacks_resumed", app_id=key[0])

    async def stumbled(self, key: Key, lease_s: float) -> None:
        """It took some and not all: it is there, and is left alone for a moment only."""
        await self.well(key, lease_s)
        self.rest(key)

    async def sweep(self) -> None:
        """Addresses to which nothing was owed for days are forgotten."""
        now = self._clock()
        for key in [key for key, until in self._rest.items() if until < now - FORGOTTEN_AFTER_S]:
            del self._rest[key]
            self._failures.pop(key, None)
        async with self._db.connection() as conn:
            await endpoints.forget(conn, now - FORGOTTEN_AFTER_S)

    def _spread(self, seconds: float) -> float:
        return seconds * (0.75 + 0.5 * self._jitter())
