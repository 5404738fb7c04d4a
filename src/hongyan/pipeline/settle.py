"""The end of a message: its settlement, its money and the event owed, in one transaction."""

from collections import Counter
from collections.abc import Sequence

from hongyan.kit.db import Connection
from hongyan.kit.metrics import METRICS
from hongyan.model.message import FINAL, Status
from hongyan.pipeline.directory import Directory
from hongyan.store import ledger, outbox, settlements
from hongyan.store.outbox import EventKind
from hongyan.store.settlements import Ending, Settled


class Settler:
    """Ends messages exactly once, whatever is repeated."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def settle(self, tx: Connection, endings: Sequence[Ending], now: float) -> int:
        """Write the endings, post or give back their reserves and owe their events; returns how many took effect."""
        by_app: dict[int, dict[int, Ending]] = {}
        for ending in endings:
            of_app = by_app.setdefault(ending.app_id, {})
            # A certain ending beats an unknown one; of two certain ones the first stands.
            if ending.id not in of_app or (of_app[ending.id].charge is None and ending.charge is not None):
                of_app[ending.id] = ending
        took_effect = 0
        for app_id in sorted(by_app):
            settled = await settlements.settle(tx, app_id, [by_app[app_id][i] for i in sorted(by_app[app_id])], now)
            took_effect += len(settled)
            await _pay(tx, app_id, settled, now)
            await self._owe(tx, app_id, [row.id for row in settled if row.status in FINAL], now)
            for status, count in Counter(row.status for row in settled).items():
                METRICS.settled(status.name.lower(), count)
        return took_effect

    async def _owe(self, tx: Connection, app_id: int, ended: list[int], now: float) -> None:
        app = self._directory.snapshot.apps.get(app_id)
        if ended and app is not None and (app.report_url or app.pull):
            await outbox.put(tx, app_id, ended, EventKind.REPORT, callback=bool(app.report_url), pull=app.pull, now=now)


async def _pay(tx: Connection, app_id: int, settled: Sequence[Settled], now: float) -> None:
    posted: dict[int, int] = {}
    voided: dict[int, int] = {}
    for row in settled:
        if row.charged is None:
            continue
        purse = posted if row.charged else voided
        purse[row.package_id] = purse.get(row.package_id, 0) + row.segments
    if posted or voided:
        await ledger.resolve(tx, app_id, posted, voided, now=now, note=f"messages from {settled[0].id}")


def unknown(app_id: int, message_id: int, now: float) -> Ending:
    """Handed to a carrier without any confirmation: the reserve stays until more is known or 72 hours have passed."""
    return Ending(app_id, message_id, Status.UNKNOWN, "UNKNOWN", charge=None, link_id=None, done_at=now)
