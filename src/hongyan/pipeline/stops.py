"""Messages that are not to be sent after all: of applications that were stopped, and held until their validity ended."""

from collections.abc import Callable, Sequence

import structlog

from hongyan.kit.db import Database
from hongyan.model.message import Status
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.settle import Settler
from hongyan.store import held, queue
from hongyan.store.settlements import Ending

log = structlog.get_logger()

AT_ONCE = 500
STOPPED, HELD = "STOPPED", "HELD"
"""Codes of messages that ended so."""


class Stops:
    """Jobs that any process may do at any time; row locks keep two of them apart."""

    def __init__(self, *, db: Database, directory: Directory, settler: Settler, clock: Callable[[], float]) -> None:
        self._db = db
        self._directory = directory
        self._settler = settler
        self._clock = clock

    async def take_back(self) -> int:
        """End what waits of stopped applications and has not been attempted; nobody pays for it. Returns how many messages."""
        ended = 0
        for app_id in [app.id for app in self._directory.snapshot.apps.values() if app.stopped]:
            taken = AT_ONCE
            while taken == AT_ONCE:
                now = self._clock()
                async with self._db.transaction() as tx:
                    ids = await queue.withdraw(tx, app_id, AT_ONCE)
                    await self._settler.settle(tx, _endings(app_id, ids, Status.FAILED, STOPPED, now), now)
                taken = len(ids)
                ended += taken
        if ended:
            log.warning("stopped_messages_taken_back", messages=ended)
        return ended

    async def end_held(self) -> int:
        """What nobody looked at while it was valid ends as expired. Returns how many messages."""
        async with self._db.connection() as conn:
            holding = await held.holding(conn)
        ended = 0
        for app_id in holding:
            now = self._clock()
            async with self._db.transaction() as tx:
                ids = await held.remove(tx, app_id, await held.expired(tx, app_id, now=now, most=AT_ONCE))
                await self._settler.settle(tx, _endings(app_id, ids, Status.EXPIRED, HELD, now), now)
            ended += len(ids)
        return ended


def _endings(app_id: int, ids: Sequence[int], status: Status, code: str, now: float) -> list[Ending]:
    return [Ending(app_id, id_, status, code, charge=False, link_id=None, done_at=now) for id_ in sorted(ids)]
