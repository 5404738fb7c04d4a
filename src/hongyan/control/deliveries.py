"""What became of callbacks: addresses that fail, what was sent and answered, what nobody took, and telling it once more."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault
from hongyan.control.permissions import demand, own_app, within
from hongyan.kit.db import Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.event import EventKind
from hongyan.model.message import Dialect
from hongyan.store import app_callbacks, deliveries, endpoints, outbox, replays
from hongyan.store.app_callbacks import CallbackRow
from hongyan.store.apps import AppRow
from hongyan.store.deliveries import Delivery, DeliveryRow
from hongyan.store.endpoints import EndpointRow
from hongyan.store.outbox import Callback
from hongyan.store.replays import DeadRow

PAGE_MOST = 500
NEWEST = 2**62
KEPT_S = 7 * 86_400.0
"""Events are kept for a week."""
BUNDLES_MOST = 2000
OVER = (Callback.NONE, Callback.DONE, Callback.DEAD)
TESTS_A_MINUTE = 6
TELLABLE = tuple(EventKind)

TryOut = Callable[[AppRow, EventKind, Dialect | None], Awaitable[Delivery]]
"""Send an address a made-up event, in the words for messages of this dialect (None: those it most likely waits for); what it said."""


class Replay(msgspec.Struct, frozen=True):
    """What is told once more."""

    events: int
    bundles: int
    next_begin: float | None
    """Where to go on, when there was more than one call takes; None when that was all."""


async def nowhere(_app: AppRow, _kind: EventKind, _dialect: Dialect | None) -> Delivery:
    """Where no requests can be made."""
    raise ControlError(Fault.NOT_ALLOWED, "这里不能发出请求。", "No requests can be made from here.")


class Deliveries:
    """Of applications of an account, or for the operator of all."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float], try_out: TryOut) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock
        self._try_out = try_out

    async def endpoints(
        self, actor: Actor, *, account_id: int | None = None, app_id: int | None = None, most: int = PAGE_MOST
    ) -> list[EndpointRow]:
        """Addresses that fail or are paused, the longest failing first, at most 500. One that is well again is not among them."""
        demand(actor, Permission.READ)
        only = within(actor, account_id)
        async with self._db.connection() as conn:
            if app_id is not None:
                await own_app(conn, actor, app_id)
            return await endpoints.page(conn, account_id=only, app_id=app_id, most=max(1, min(most, PAGE_MOST)))

    async def page(self, actor: Actor, app_id: int, *, failed: bool = False, before_id: int = NEWEST, most: int = 100) -> list[DeliveryRow]:
        """What was lately sent and answered, the newest first, at most 500; with `failed` only what was not taken."""
        demand(actor, Permission.REVEAL)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            return await deliveries.page(conn, app_id=app_id, before_id=before_id, most=max(1, min(most, PAGE_MOST)), failed=failed)

    async def dead(self, actor: Actor, app_id: int, *, before_id: int = NEWEST, most: int = 100) -> list[DeadRow]:
        """What nobody took for a day, in bundles, the newest first, at most 500; it is kept for a week."""
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            return await replays.dead(conn, app_id, before_id=before_id, most=max(1, min(most, PAGE_MOST)))

    async def replay(
        self, actor: Actor, app_id: int, begin: float, end: float, *, kinds: Sequence[EventKind] = TELLABLE, dead: bool = False
    ) -> Replay:
        """Tell again what was owed from `begin` to `end` (Unix seconds, within the last week), with the ids it had; or only what is dead.

        What is still being told is left alone. One call takes at most 2,000 bundles and says where to go on.
        """
        demand(actor, Permission.APPS)
        now = self._clock()
        if not now - KEPT_S <= begin <= end:
            raise ControlError(
                Fault.INVALID,
                "时间范围不正确：起始时间须在最近 7 天内，且不晚于结束时间。",
                "This stretch of time cannot be replayed: it begins within the last 7 days and does not end before it begins.",
            )
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id)
            addresses = _addresses(app, await app_callbacks.get(tx, app_id))
            wanted = [kind for kind in kinds if kind is EventKind.REPORT or addresses[kind]]
            states = [Callback.DEAD] if dead else list(OVER)
            done = await replays.replay(
                tx, app_id, begin=begin, end=end, kinds=wanted, states=states, reports_go=bool(app.report_url), most=BUNDLES_MOST, now=now,
            )  # fmt: skip
            detail = {"begin": int(begin), "end": int(end), "events": done.events, "dead": dead}
            await self._audit.record(tx, actor, "callbacks.replay", app_id, account_id=app.account_id, detail=detail)
            for kind in wanted:
                await outbox.ring(tx, app_id, kind)
        return Replay(done.events, done.bundles, done.last_at if done.bundles == BUNDLES_MOST else None)

    async def test(self, actor: Actor, app_id: int, kind: EventKind = EventKind.REPORT, dialect: Dialect | None = None) -> DeliveryRow:
        """Send its address a made-up event and say what came of it; at most six times a minute."""
        demand(actor, Permission.APPS)
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id, lock=True)
            if await deliveries.tests_since(tx, app_id, self._clock() - 60) >= TESTS_A_MINUTE:
                raise ControlError(
                    Fault.TOO_MANY,
                    f"每个应用一分钟内最多测试 {TESTS_A_MINUTE} 次回调：请稍后再试。",
                    f"An application's callbacks are tested at most {TESTS_A_MINUTE} times a minute: wait before trying again.",
                )
            if not (url := _addresses(app, await app_callbacks.get(tx, app_id))[kind]):
                raise ControlError(
                    Fault.WRONG_STATE,
                    "应用还没有设置这种回调的地址：请先设置 report_url、reply_url 或 voice_url。",
                    "The application has no address for this kind of callback: set report_url, reply_url or voice_url first.",
                    why="no_callback_address",
                )
            await self._audit.record(tx, actor, "callbacks.test", app_id, account_id=app.account_id)
            # Counts from now on: however many ask at once, so many are sent.
            [begun] = await deliveries.add(tx, [_begun(app_id, kind, url, self._clock())])
        told = await self._try_out(app, kind, dialect)
        async with self._db.transaction() as tx:
            await deliveries.remove(tx, app_id, begun.id)
            [row] = await deliveries.add(tx, [msgspec.structs.replace(told, test=True)])
        return row


def _addresses(app: AppRow, row: CallbackRow) -> dict[EventKind, str]:
    """Where each kind goes."""
    return {
        EventKind.REPORT: app.report_url,
        EventKind.REPLY: app.reply_url,
        EventKind.NOTICE: row.event_url,
        EventKind.VOICE: row.voice_url,
    }


def _begun(app_id: int, kind: EventKind, url: str, now: float) -> Delivery:
    """What is left of a test whose process ends before it has its answer."""
    return Delivery(
        app_id=app_id, at=now, kind=kind, place="", url=url, events=0, status=None, took_ms=0, sent="", answer="",
        error="the test is under way, or was broken off", test=True,
    )  # fmt: skip
