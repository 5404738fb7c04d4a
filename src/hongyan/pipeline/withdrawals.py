"""Messages to numbers that want none any more: taken back before a carrier has them, and nobody pays for them."""

from collections.abc import Callable, Iterable, Sequence

import structlog

from hongyan.kit.db import Connection, Database
from hongyan.kit.ids import first_id_at
from hongyan.model.message import Status
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.settle import Settler, unknown
from hongyan.store import held, messages, optouts, queue, withdrawals
from hongyan.store.queue import OLDEST_S
from hongyan.store.settlements import Ending
from hongyan.store.withdrawals import WithdrawalRow

log = structlog.get_logger()

AT_ONCE = 500
OPTED_OUT, BLACKLISTED = "OPTED_OUT", "BLACKLISTED"
"""Codes of messages that ended so."""


async def take_back(tx: Connection, settler: Settler, app_id: int, phones: Sequence[int], *, code: str, now: float) -> int:
    """End what waits for these numbers; returns how many messages.

    Nothing of a package may be locked in the transaction yet. Once it is committed no carrier is given any of them: whoever promises one
    at the same time does so before, and it is taken back, or after, and finds the number listed. What a carrier is asked to take at
    this moment cannot be taken back; when it does not take it, it is not asked again (`set_aside`).
    """
    await messages.lock_numbers(tx, app_id, phones)
    if not await queue.waits(tx, app_id):
        return 0
    ids = await messages.lately_to(tx, app_id, phones, since_id=first_id_at(now - OLDEST_S))
    if not ids:
        return 0
    waiting = await queue.lock(tx, app_id, ids)
    taken = await queue.take_out(tx, app_id, waiting) if waiting else []
    kept = await held.remove(tx, app_id, ids)
    endings = [ending(app_id, id_, code, now, begun=begun) for id_, begun in taken]
    endings += [ending(app_id, id_, code, now, begun=False) for id_ in kept]
    await settler.settle(tx, endings, now)
    return len(endings)


def ending(app_id: int, id_: int, code: str, now: float, *, begun: bool) -> Ending:
    """How such a message ends; of one that was `begun` a carrier may have something, and nobody knows."""
    if begun:
        return unknown(app_id, id_, now)
    return Ending(app_id, id_, Status.FAILED, code, charge=False, link_id=None, done_at=now)


async def set_aside(tx: Connection, app_id: int, ids: Iterable[int], now: float) -> None:
    """Of messages that have just gone back to the queue, those to numbers that want none any more are not tried again.

    To be asked after they went back, in the same transaction: whoever opts a number out locks its entries.
    """
    unwanted = await messages.unwanted(tx, app_id, list(ids))
    if unwanted:
        await queue.set_aside(tx, app_id, sorted(unwanted), now)


class Withdrawals:
    """A job that any process may do at any time; two that do it at once get in nobody's way."""

    def __init__(self, *, db: Database, directory: Directory, settler: Settler, clock: Callable[[], float]) -> None:
        self._db = db
        self._directory = directory
        self._settler = settler
        self._clock = clock

    async def take_back_listed(self) -> int:
        """End what waits for numbers that somebody has put on a list, or written down as opted out. Returns how many messages."""
        ended, found = 0, AT_ONCE
        while found == AT_ONCE:
            async with self._db.connection() as conn:
                rows = await withdrawals.first(conn, AT_ONCE)
            for app_id, phones in self._by_app(rows).items():
                async with self._db.connection() as conn:
                    left = await optouts.among(conn, app_id, sorted(phones))
                for code, some in ((OPTED_OUT, left), (BLACKLISTED, phones - left)):
                    if some:
                        async with self._db.transaction() as tx:
                            ended += await take_back(tx, self._settler, app_id, sorted(some), code=code, now=self._clock())
            async with self._db.connection() as conn:
                await withdrawals.done(conn, [row.id for row in rows])
            found = len(rows)
        if ended:
            log.info("messages_to_listed_numbers_taken_back", messages=ended)
        return ended

    def _by_app(self, rows: Sequence[WithdrawalRow]) -> dict[int, set[int]]:
        apps = self._directory.snapshot.apps.values()
        by_app: dict[int, set[int]] = {}
        for row in rows:
            named = [row.app_id] if row.app_id is not None else [app.id for app in apps if row.account_id in {None, app.account_id}]
            for app_id in named:
                by_app.setdefault(app_id, set()).add(row.phone)
        return by_app
