"""The end of a message: its settlement, its money and the event owed, in one transaction."""

from collections.abc import Mapping, Sequence

from hongyan.kit.db import Connection
from hongyan.kit.faults import fault_async
from hongyan.kit.metrics import METRICS
from hongyan.model.message import Status
from hongyan.model.money import ChargeRule
from hongyan.pipeline.directory import Directory
from hongyan.store import refunds, settlements
from hongyan.store.segments import NOTHING_LANDED, Landed
from hongyan.store.settlements import Ending

NOTHING: Mapping[int, Landed] = {}


class Settler:
    """Ends messages exactly once, whatever is repeated."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def settle(self, tx: Connection, endings: Sequence[Ending], now: float, landed: Mapping[int, Landed] = NOTHING) -> int:
        """Write the endings, post or give back their reserves and owe their events; returns how many took effect.

        What has `landed`, by application, is written with them: one call for each application. Callback dispatchers are woken at commit.
        """
        if any(ending.charge for ending in endings):
            await fault_async("post")
        if any(ending.charge is False for ending in endings):
            await fault_async("void")
        by_app = _by_app(endings)
        took_effect = 0
        for app_id in sorted(by_app.keys() | landed.keys()):
            endings_of = by_app.get(app_id, {})
            app = self._directory.snapshot.apps.get(app_id)
            settled = await settlements.settle(
                tx,
                app_id,
                [endings_of[message_id] for message_id in sorted(endings_of)],
                landed=landed.get(app_id, NOTHING_LANDED),
                callback=app is not None and bool(app.report_url),
                pull=app is not None and app.pull,
                now=now,
            )
            if self.refunds(app_id) and (undelivered := [id_ for id_, ending in endings_of.items() if _refundable(ending)]):
                await fault_async("refund")
                await refunds.refund(tx, app_id, undelivered, now)
            for status, count in settled.items():
                METRICS.settled(status.name.lower(), count)
                took_effect += count
        return took_effect

    def refunds(self, app_id: int) -> bool:
        """What an application's messages cost goes back when they are not delivered: they are settled in a transaction."""
        app = self._directory.snapshot.apps.get(app_id)
        account = None if app is None else self._directory.snapshot.accounts.get(app.account_id)
        return account is not None and account.charge is ChargeRule.DELIVERED


def _refundable(ending: Ending) -> bool:
    return bool(ending.charge) and ending.status in (Status.FAILED, Status.EXPIRED)


def _by_app(endings: Sequence[Ending]) -> dict[int, dict[int, Ending]]:
    by_app: dict[int, dict[int, Ending]] = {}
    for ending in endings:
        of_app = by_app.setdefault(ending.app_id, {})
        # A certain ending beats an unknown one; of two certain ones the first stands.
        if ending.id not in of_app or (of_app[ending.id].charge is None and ending.charge is not None):
            of_app[ending.id] = ending
    return by_app


def unknown(app_id: int, message_id: int, now: float) -> Ending:
    """Handed to a carrier without any confirmation: the reserve stays until more is known or 72 hours have passed."""
    return Ending(app_id, message_id, Status.UNKNOWN, "UNKNOWN", charge=None, link_id=None, done_at=now)
