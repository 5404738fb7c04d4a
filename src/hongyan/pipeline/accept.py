"""The promise: facts, checks, reserve, message and queue entry of all requests that arrive together, in one transaction."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable

import msgspec
import structlog

from hongyan.kit import faults, ids
from hongyan.kit.db import UNAVAILABLE, Database
from hongyan.kit.faults import fault_async
from hongyan.kit.metrics import METRICS, Step
from hongyan.model.limits import in_force
from hongyan.model.message import Caller, Kind, Outcome, SendCommand
from hongyan.model.numbering import Numbering
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import App, Scope
from hongyan.pipeline import checks
from hongyan.pipeline.compose import compose
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.group import CapPassedError, Group, Promise, Waiting, Written
from hongyan.pipeline.ports import NOWHERE, HandOver
from hongyan.store.blacklist import OPERATOR, among_shared
from hongyan.store.partitions import day_start

log = structlog.get_logger()

TRIES = 4
REPEATS_S = 660.0
"""Signatures are good for five or ten minutes to either side of our clock; so long a request is known again, and a little longer."""
COMMITTERS = 2
"""Groups of different applications that are committed at a time."""
IN_DOUBT_S = 20.0
"""How long an accept whose commit was not answered is looked up before the customer is told that nobody knows."""
IN_DOUBT = "the database is away; whether this was taken is not known yet, look the number up before sending again"
SLOW_S = 5.0
"""A group that is not committed by then is waiting for something that is wrong."""


class InDoubtError(Exception):
    """A commit was not answered, and nobody could be asked whether it happened."""


class Preview(msgspec.Struct, frozen=True):
    """What a request would come to."""

    text: str
    """As handsets would show it; empty when no number could be sent to."""
    outcomes: list[Outcome]


class SendService:
    """Takes requests and answers them once their messages survive a crash.

    Of each application one group is committed at a time: whatever arrives while it runs forms the next, so that under load many
    requests share a commit and a lone request waits for nobody. Applications take turns.
    """

    def __init__(
        self,
        *,
        db: Database,
        directory: Directory,
        dispatcher: HandOver | None,
        numbering: Numbering,
        clock: Callable[[], float],
        new_id: Callable[[], int],
        group_max: int,
        waiting_max: int,
        refuses: Callable[[Kind], bool],
    ) -> None:
        """`waiting_max` messages may wait here; `refuses` says of which kind too many wait for carriers."""
        self._db = db
        self._directory = directory
        self._dispatcher = dispatcher
        self._numbering = numbering
        self._clock = clock
        self._new_id = new_id
        self._group_max = group_max
        self._waiting_max = waiting_max
        self._refuses = refuses
        self._waiting: dict[int, deque[Waiting]] = {}
        self._turns: deque[int] = deque()
        self._busy: dict[int, float] = {}
        """Applications of which a group is being committed, and since when."""
        self._waiting_drafts = 0
        self._arrived = asyncio.Event()
        self._all_answered = asyncio.Event()
        self._all_answered.set()
        self._available: dict[int, int] = {}
        """What packages were last seen to have: a guess, so that one that is used up is not tried first."""
        self._counted: dict[int, tuple[float, dict[str, int]]] = {}
        """What applications with caps were last seen to have sent, on which day: a guess as well."""
        self._day = (0.0, 0.0)

    @property
    def stuck(self) -> bool:
        """Whether a group has been under way for longer than any commit should take: for readiness."""
        return any(self._clock() - began > SLOW_S for began in self._busy.values())

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        """One outcome for each number, in order, or a refusal of the whole request; accepted ones are durable.

        Cancelling does not undo what the group commits.
        """
        composed = compose(self._directory.snapshot, caller, command, self._clock())
        if isinstance(composed, Refusal):
            return composed
        if not composed.drafts:
            return [outcome for outcome in composed.outcomes if outcome is not None]
        kind = composed.drafts[0].body.template.kind
        if self._refuses(kind):
            return Refusal(
                Reject.TOO_BUSY, f"too many messages wait for carriers to take more of the kind {kind.name.lower()} now; try later"
            )
        if self._waiting_drafts + len(composed.drafts) > self._waiting_max:
            return Refusal(Reject.TOO_BUSY, "more requests wait than can be taken in; try again in a second")
        waiting = Waiting(composed, asyncio.get_running_loop().create_future())
        self._put(command.app_id, waiting)
        return await waiting.answer

    async def preview(self, caller: Caller, command: SendCommand) -> Preview | Refusal:
        """What `accept` would answer now. Nothing is written, and the ids of messages are nobody's."""
        composed = compose(self._directory.snapshot, caller, command, self._clock())
        if isinstance(composed, Refusal):
            return composed
        if not composed.drafts:
            return Preview("", [outcome for outcome in composed.outcomes if outcome is not None])
        body = composed.drafts[0].body
        group = self._group([Waiting(composed, asyncio.get_running_loop().create_future())])
        await self._ask_shared_lists(group)
        async with self._db.connection() as conn:
            await group.look(conn)
        group.decide(self._available)
        [answer] = group.decided()
        return Preview(body.text, answer)

    def _put(self, app_id: int, waiting: Waiting) -> None:
        if app_id not in self._waiting:
            self._waiting[app_id] = deque()
            if app_id not in self._busy:
                self._turns.append(app_id)
                self._arrived.set()
        self._waiting[app_id].append(waiting)
        self._waiting_drafts += len(waiting.composed.drafts)
        self._all_answered.clear()

    async def run(self) -> None:
        """Commit groups until cancelled."""
        async with asyncio.TaskGroup() as committers:
            for _ in range(COMMITTERS):
                committers.create_task(self._commit_groups())

    async def drain(self) -> None:
        """Wait until every request that has been taken in is answered."""
        await self._all_answered.wait()

    async def _commit_groups(self) -> None:
        while True:
            while not self._turns:
                self._arrived.clear()
                await self._arrived.wait()
            app_id = self._turns.popleft()
            self._busy[app_id] = self._clock()
            try:
                await self._settle_group(self._next_group(app_id))
            finally:
                del self._busy[app_id]
                if app_id in self._waiting:
                    self._turns.append(app_id)
                    self._arrived.set()

    def _next_group(self, app_id: int) -> list[Waiting]:
        waiting = self._waiting[app_id]
        group: list[Waiting] = []
        size = 0
        while waiting and (not group or size + len(waiting[0].composed.drafts) <= self._group_max):
            group.append(waiting.popleft())
            size += len(group[-1].composed.drafts)
        if not waiting:
            del self._waiting[app_id]
        return group

    async def _settle_group(self, requests: list[Waiting]) -> None:
        group = self._group(requests)
        otherwise = Refusal(Reject.TOO_BUSY, "the same numbers, or the package, are asked for by many at once; try again")
        try:
            await self._commit(group)
        except UNAVAILABLE as fault:
            log.warning("accept_waits_for_database", why=type(fault).__name__, requests=len(requests))
            otherwise = Refusal(Reject.INTERNAL, "the database is away; nothing was sent or charged, try again")
        except InDoubtError:
            log.error("accept_in_doubt", requests=len(requests))  # noqa: TRY400 - the database's trouble, not ours
            otherwise = Refusal(Reject.INTERNAL, IN_DOUBT)
        except Exception:
            log.exception("accept_failed", requests=len(requests))
            otherwise = Refusal(Reject.INTERNAL, "an internal error; nothing was sent or charged, try again")
        finally:
            self._waiting_drafts -= sum(len(waiting.composed.drafts) for waiting in requests)
            if not self._waiting_drafts:
                self._all_answered.set()
        if group.counts:
            self._counted[group.app.id] = (self._day[0], group.counted)
        for waiting, answer in zip(requests, group.answers(otherwise), strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(answer)

    def _group(self, requests: list[Waiting]) -> Group:
        app = requests[0].composed.drafts[0].body.app
        now = self._clock()
        packages = self._directory.snapshot.packages
        purses = {
            scope: [package for package in packages.get((app.id, scope), ()) if package.effective_at <= now < package.expires_at]
            for scope in Scope
        }
        horizon = self._horizon(app, now)
        if since := min(filter(None, (waiting.composed.drafts[0].body.since for waiting in requests)), default=0.0):
            horizon = msgspec.structs.replace(horizon, repeats=min(horizon.repeats, ids.first_id_at(since)))
        group = Group(
            app, requests, now, horizon=horizon, purses=purses, new_id=self._new_id, numbering=self._numbering,
            tariff=self._directory.snapshot.tariffs.get(app.account_id),
        )  # fmt: skip
        if group.counts:
            day, counted = self._counted.get(app.id, (0.0, {}))
            group.counted = dict(counted) if day == self._day[0] else {}
        return group

    async def _ask_shared_lists(self, group: Group) -> None:
        lists = self._directory.snapshot.sharing & {group.app.account_id, OPERATOR}
        if lists:
            async with self._db.connection() as conn:
                group.listed = await among_shared(conn, sorted(lists), group.numbers)

    async def _commit(self, group: Group) -> None:
        await self._ask_shared_lists(group)
        for _ in range(TRIES):
            if pairs := group.lately():
                async with self._db.connection() as conn:
                    await group.find_repeated(conn, pairs)
            promises = group.decide(self._available)
            if promises:
                await self._write(group, promises)
            if group.done:
                return
            if group.facts is None:
                # A package was drawn on by others, or one number was asked for twice.
                async with self._db.connection() as conn:
                    self._available |= (await group.look(conn)).available

    async def _write(self, group: Group, promises: list[Promise]) -> None:
        """Promise and hand over."""
        sending = [promise.message for promise in promises]
        dispatcher = self._dispatcher
        engine = None if dispatcher is None else dispatcher.engine
        places = [NOWHERE] * len(sending) if dispatcher is None else _room(dispatcher, promises, aside=group.holding or group.deferring)
        doubtful = False
        written: set[int] = set()
        try:
            written = await self._durably(group, promises, places, engine)
        except InDoubtError:
            doubtful = True
            raise
        finally:
            kept = [n for n, promise in enumerate(promises) if promise.request in written]
            if dispatcher is not None and engine is not None:
                if len(kept) < len(promises):
                    left = [n for n, promise in enumerate(promises) if promise.request not in written]
                    give_back = dispatcher.disclaim if doubtful else dispatcher.give_back
                    give_back([sending[n] for n in left], [places[n] for n in left], group.now)
                dispatcher.take([sending[n] for n in kept], [places[n] for n in kept], group.now, engine=engine)
        self._note(group, [promises[n] for n in kept])

    async def _durably(self, group: Group, promises: list[Promise], places: list[int], engine: int | None) -> set[int]:
        """Write them; the requests that survive a crash now. Raises InDoubtError when nobody knows."""
        asked = False
        try:
            await fault_async("accept_before_tx")
            # The call commits by itself; a transaction is there for fault points to strike in.
            async with self._db.transaction() if faults.switched_on or group.together else self._db.connection() as conn:
                await fault_async("accept_in_tx")
                asked = True
                written = await group.write(conn, promises, places, engine)
                await fault_async("hold")
            await fault_async("accept_after_commit_before_reply")
        except CapPassedError:
            return set()
        except UNAVAILABLE:
            if not asked:
                raise
            written = await self._written_after_all(group, promises)
            if not written.requests:
                raise
        group.settle(written)
        return written.requests

    def _note(self, group: Group, kept: list[Promise]) -> None:
        for promise in kept:
            if promise.package_id in self._available:
                self._available[promise.package_id] -= promise.message.segments
        METRICS.accepted(Counter(promise.message.kind for promise in kept))
        METRICS.took(Step.ACCEPT, self._clock() - group.now, len(kept))

    async def _written_after_all(self, group: Group, promises: list[Promise]) -> Written:
        try:
            async with asyncio.timeout(IN_DOUBT_S):
                while True:
                    try:
                        async with self._db.transaction() as tx:
                            written = await group.written(tx, promises)
                    except UNAVAILABLE:
                        await asyncio.sleep(0.2)
                    else:
                        return written
        except TimeoutError:
            raise InDoubtError from None

    def _horizon(self, app: App, now: float) -> checks.Horizon:
        started, ends = self._day
        if not started <= now < ends:
            started = day_start(now)
            self._day = (started, day_start(started + 36 * 3600))
        rules = [
            (rule, ids.first_id_at(now - rule.window.seconds if rule.window.seconds else started))
            for rule in in_force(app.limits, app.windows)
        ]
        return checks.Horizon(rules=rules, repeats=ids.first_id_at(now - REPEATS_S))


def _room(dispatcher: HandOver, promises: list[Promise], *, aside: bool) -> list[int]:
    """Where each message goes; those that wait for a person or for their time go nowhere yet."""
    if not aside:
        return dispatcher.make_room([promise.message for promise in promises])
    places = iter(dispatcher.make_room([promise.message for promise in promises if not promise.aside]))
    return [NOWHERE if promise.aside else next(places) for promise in promises]
