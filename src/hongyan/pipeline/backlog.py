"""What may still be accepted while carriers are slower than customers: advertisements give way first, codes last."""

from collections.abc import Callable, Mapping

import structlog

from hongyan.kit.db import Database
from hongyan.model.message import Kind
from hongyan.store import backlog
from hongyan.store.backlog import Depth

log = structlog.get_logger()

SHARES: Mapping[Kind, float] = {Kind.VERIFICATION: 1.0, Kind.NOTICE: 0.9, Kind.MARKETING: 0.8}
"""A kind is refused while the whole queue holds at least this share of what it may: a campaign always leaves room for codes."""
LOOK_S = 1.0
KEPT_S = 10.0
"""A figure that is so much older than it should be says nothing any more: then everything is accepted."""
BUSY_SHARE = 0.05
"""Counting takes at most this part of one database process's time: the larger the queue, the rarer the count."""


def refused(depth: Depth | None, most: int) -> frozenset[Kind]:
    """The kinds that are not accepted now."""
    if depth is None or depth.age_s > 2 * depth.interval_s + KEPT_S:
        return frozenset()
    return frozenset(kind for kind, share in SHARES.items() if depth.total >= most * share)


class Backlog:
    """Knows which kinds are refused. `look` every second or so; a database that does not answer leaves nothing refused."""

    def __init__(self, *, db: Database, most: int) -> None:
        """`most` messages may wait in the queue."""
        self._db = db
        self._most = most
        self._refused: frozenset[Kind] = frozenset()

    def refuses(self, kind: Kind) -> bool:
        return kind in self._refused

    async def look(self) -> None:
        """Read what was published."""
        now: frozenset[Kind] = frozenset()
        try:
            async with self._db.connection() as conn:
                now = refused(await backlog.read(conn), self._most)
        finally:
            if now != self._refused:
                log.warning("backlog", refused=sorted(kind.name.lower() for kind in now))
            self._refused = now


async def measure(db: Database, most: int, monotonic: Callable[[], float]) -> Depth | None:
    """Count and publish when that is due; returns the newest figure."""
    async with db.transaction() as tx:
        if await backlog.our_turn(tx):
            began = monotonic()
            waiting = await backlog.count(tx, 2 * most)
            await backlog.publish(tx, waiting, max(LOOK_S, (monotonic() - began) / BUSY_SHARE))
    async with db.connection() as conn:
        return await backlog.read(conn)
