"""The promise: facts, checks, reserve, message and queue entry of all requests that arrive together, in one transaction."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence

import structlog

from hongyan.kit import ids
from hongyan.kit.db import UNAVAILABLE, Database
from hongyan.kit.faults import fault_async
from hongyan.kit.metrics import METRICS, Step
from hongyan.model.message import Caller, Kind, Outcome, SendCommand
from hongyan.model.numbering import Numbering
from hongyan.model.reject import Refusal, Reject
from hongyan.pipeline import checks
from hongyan.pipeline.compose import compose
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.group import Group, OutOfPackageError, Promise, Waiting
from hongyan.pipeline.ports import HandOver
from hongyan.store.partitions import day_start

log = structlog.get_logger()

TRIES = 3
IN_DOUBT_S = 20.0
"""How long an accept whose commit was not answered is looked up before the customer is told that nobody knows."""
IN_DOUBT = "the database is away; whether this was taken is not known yet, look the number up before sending again"
SLOW_S = 5.0
"""A group that is not committed by then is waiting for something that is wrong."""


class InDoubtError(Exception):
    """A commit was not answered, and nobody could be asked whether it happened."""


class SendService:
    """Takes requests and answers them once their messages survive a crash.

    One commit at a time: whatever arrives while it runs forms the next group, so that under load many requests share
    one and a lone request waits for nobody.
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
    ) -> None:
        self._db = db
        self._directory = directory
        self._dispatcher = dispatcher
        self._numbering = numbering
        self._clock = clock
        self._new_id = new_id
        self._group_max = group_max
        self._waiting_max = waiting_max
        self._waiting: deque[Waiting] = deque()
        self._waiting_drafts = 0
        self._arrived = asyncio.Event()
        self._all_answered = asyncio.Event()
        self._all_answered.set()
        self._day = (0.0, 0.0)
        self._began: float | None = None

    @property
    def stuck(self) -> bool:
        """Whether the group under way has been so for longer than any commit should take: for readiness."""
        return self._began is not None and self._clock() - self._began > SLOW_S

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        """One outcome for each number, in order, or a refusal of the whole request; accepted ones are durable.

        Cancelling does not undo what the group commits.
        """
        composed = compose(self._directory.snapshot, caller, command)
        if isinstance(composed, Refusal):
            return composed
        if not composed.drafts:
            return [outcome for outcome in composed.outcomes if outcome is not None]
        if self._waiting_drafts + len(composed.drafts) > self._waiting_max:
            return Refusal(Reject.TOO_BUSY, "more requests wait than can be taken in; try again in a second")
        waiting = Waiting(composed, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._waiting_drafts += len(composed.drafts)
        self._all_answered.clear()
        self._arrived.set()
        return await waiting.answer

    async def run(self) -> None:
        """Commit groups until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._settle_group(self._next_group())

    async def drain(self) -> None:
        """Wait until every request that has been taken in is answered."""
        await self._all_answered.wait()

    def _next_group(self) -> list[Waiting]:
        group: list[Waiting] = []
        size = 0
        while self._waiting and (not group or size + len(self._waiting[0].composed.drafts) <= self._group_max):
            group.append(self._waiting.popleft())
            size += len(group[-1].composed.drafts)
        return group

    async def _settle_group(self, group: list[Waiting]) -> None:
        size = sum(len(waiting.composed.drafts) for waiting in group)
        self._began = self._clock()
        try:
            answers = await self._commit(group)
        except UNAVAILABLE as fault:
            log.warning("accept_waits_for_database", why=type(fault).__name__, requests=len(group))
            answers = [Refusal(Reject.INTERNAL, "the database is away; nothing was sent or charged, try again")] * len(group)
        except InDoubtError:
            log.error("accept_in_doubt", requests=len(group))  # noqa: TRY400 - the database's trouble, not ours
            answers = [Refusal(Reject.INTERNAL, IN_DOUBT)] * len(group)
        except Exception:
            log.exception("accept_failed", requests=len(group))
            answers = [Refusal(Reject.INTERNAL, "an internal error; nothing was sent or charged, try again")] * len(group)
        finally:
            self._began = None
            self._waiting_drafts -= size
            if not self._waiting_drafts:
                self._all_answered.set()
        for waiting, answer in zip(group, answers, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(answer)

    async def _commit(self, requests: list[Waiting]) -> list[list[Outcome] | Refusal]:
        for _ in range(TRIES):
            group = Group(requests, self._clock(), self._horizon(), self._new_id, self._numbering)
            if await self._try(group):
                METRICS.accepted(Counter(p.draft.body.template.kind for p in group.promises))
                METRICS.took(Step.ACCEPT, self._clock() - group.now, len(group.promises))
                return group.answers()
            # Another process drew the last of a package between our look and our reserve: look again.
        return [Refusal(Reject.TOO_BUSY, "the package is being drawn on by many at once; try again")] * len(requests)

    async def _try(self, group: Group) -> bool:
        """Decide and write; False when it has to be tried again."""
        lanes: dict[Kind, int] = {}
        owners: list[int | None] = []
        kept = written = False
        try:
            await fault_async("accept_before_tx")
            async with self._db.transaction() as tx:
                await group.decide(tx, self._directory.snapshot.packages)
                lanes, owners = self._reserve_lanes(group.promises)
                await fault_async("accept_in_tx")
                await group.write(tx, owners)
                await fault_async("hold")
                written = True
            await fault_async("accept_after_commit_before_reply")
            kept = True
        except OutOfPackageError:
            kept = False
        except UNAVAILABLE:
            # Before the commit was asked for there is no doubt.
            kept = written and await self._was_committed(group)
            if not kept:
                raise
        finally:
            if not kept and self._dispatcher is not None:
                self._dispatcher.unreserve(lanes)
        if kept and self._dispatcher is not None:
            held = [p for p, owner in zip(group.promises, owners, strict=True) if owner is not None]
            self._dispatcher.push([group.message(promise) for promise in held])
        return kept

    def _reserve_lanes(self, promises: Sequence[Promise]) -> tuple[dict[Kind, int], list[int | None]]:
        """Room in this process's own lanes: what finds room is put in already held by us and needs no claim."""
        if self._dispatcher is None:
            return {}, [None] * len(promises)
        engine = self._dispatcher.engine
        here = self._dispatcher.ways()
        wanted = Counter(promise.draft.body.template.kind for promise in promises if promise.way in here)
        lanes = {kind: self._dispatcher.reserve(kind, count) for kind, count in wanted.items()}
        left = dict(lanes)
        owners: list[int | None] = []
        for promise in promises:
            kind = promise.draft.body.template.kind
            keep = promise.way in here and left[kind] > 0
            owners.append(engine if keep else None)
            left[kind] -= keep
        return lanes, owners

    async def _was_committed(self, group: Group) -> bool:
        """The connection broke during the commit: all of the group is there, or none of it. Raises InDoubtError when it cannot be told."""
        if not group.promises:
            return False
        try:
            async with asyncio.timeout(IN_DOUBT_S):
                while True:
                    try:
                        async with self._db.transaction() as tx:
                            there = await group.was_written(tx)
                    except UNAVAILABLE:
                        await asyncio.sleep(0.2)
                    else:
                        return there
        except TimeoutError:
            raise InDoubtError from None

    def _horizon(self) -> checks.Horizon:
        now = self._clock()
        started, ends = self._day
        if not started <= now < ends:
            started = day_start(now)
            self._day = (started, day_start(started + 36 * 3600))
        return checks.Horizon(seconds_30=ids.first_id_at(now - 30), hour=ids.first_id_at(now - 3600), day=ids.first_id_at(started))
