"""The promise: facts, checks, reserve, message and queue entry of all requests that arrive together, in one transaction."""

import asyncio
import zlib
from collections import Counter, deque
from collections.abc import Callable

import msgspec
import structlog

from hongyan.kit import ids
from hongyan.kit.bell import Bell
from hongyan.kit.db import UNAVAILABLE, Connection, Database
from hongyan.kit.metrics import METRICS, Step
from hongyan.model.message import Accepted, Caller, Kind, Message, Outcome, SendCommand
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import PackageRef, Scope
from hongyan.pipeline import checks
from hongyan.pipeline.compose import VALIDITY_S, Composed, Draft, compose, refused
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.ports import HandOver
from hongyan.store import ledger, messages, queue
from hongyan.store.messages import LOCK_BUCKETS, Facts, NewMessage
from hongyan.store.partitions import day_start
from hongyan.store.times import at

log = structlog.get_logger()

IN_DOUBT_S = 8.0
"""How long an accept whose commit was not answered is looked up before the customer is told that it failed."""


class Waiting(msgspec.Struct):
    """A request in the group that commits next."""

    composed: Composed
    answer: asyncio.Future[list[Outcome] | Refusal]


class Promise(msgspec.Struct, frozen=True):
    """A draft that passed every check."""

    draft: Draft
    id: int
    package_id: int


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
        clock: Callable[[], float],
        new_id: Callable[[], int],
        group_max: int,
        waiting_max: int,
        queue_bell: Bell | None = None,
    ) -> None:
        self._db = db
        self._directory = directory
        self._dispatcher = dispatcher
        self._clock = clock
        self._new_id = new_id
        self._group_max = group_max
        self._waiting_max = waiting_max
        self._queue_bell = queue_bell
        self._waiting: deque[Waiting] = deque()
        self._waiting_drafts = 0
        self._arrived = asyncio.Event()
        self._all_answered = asyncio.Event()
        self._all_answered.set()
        self._day = (0.0, 0.0)

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
        try:
            answers = await self._commit(group)
        except Exception as fault:
            log.exception("accept_failed", requests=len(group))
            why = "the database is away" if isinstance(fault, UNAVAILABLE) else "an internal error"
            answers = [Refusal(Reject.INTERNAL, f"{why}; nothing was sent or charged, try again")] * len(group)
        finally:
            self._waiting_drafts -= size
            if not self._waiting_drafts:
                self._all_answered.set()
        for waiting, answer in zip(group, answers, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(answer)

    async def _commit(self, group: list[Waiting]) -> list[list[Outcome] | Refusal]:
        attempt = Attempt(self._clock(), self._horizon(), self._new_id)
        for _ in range(3):
            attempt = Attempt(self._clock(), self._horizon(), self._new_id)
            if await self._try(group, attempt):
                break
            # Another process drew the last of a package between our look and our reserve: look again.
        else:
            return [Refusal(Reject.TOO_BUSY, "the package is being drawn on by many at once; try again")] * len(group)
        METRICS.accepted(Counter(p.draft.body.template.kind for p in attempt.promises))
        METRICS.took(Step.ACCEPT, self._clock() - attempt.now, len(attempt.promises))
        return [attempt.answers(waiting) for waiting in group]

    async def _try(self, group: list[Waiting], attempt: "Attempt") -> bool:
        drafts = [draft for waiting in group for draft in waiting.composed.drafts]
        held = 0
        lanes: dict[Kind, int] = {}
        owners: list[int | None] = []
        try:
            try:
                async with self._db.transaction() as tx:
                    await attempt.decide(tx, group, drafts, self._directory.snapshot.packages)
                    if not attempt.promises:
                        return True
                    lanes, owners = self._reserve_lanes(attempt.promises)
                    held = sum(lanes.values())
                    await attempt.write(tx, owners)
                    if not await attempt.reserve(tx):
                        raise OutOfPackageError
            except UNAVAILABLE:
                if not await self._was_committed(attempt):
                    raise
        except OutOfPackageError:
            return False
        else:
            self._hand_over(attempt, owners)
            held = 0
            return True
        finally:
            if held and self._dispatcher is not None:
                self._dispatcher.unreserve(lanes)

    def _reserve_lanes(self, promises: list[Promise]) -> tuple[dict[Kind, int], list[int | None]]:
        """Room in this process's own lanes: what finds room is put in already held by us and needs no claim."""
        if self._dispatcher is None:
            return {}, [None] * len(promises)
        wanted = Counter(promise.draft.body.template.kind for promise in promises)
        lanes = {kind: self._dispatcher.reserve(kind, count) for kind, count in wanted.items()}
        left = dict(lanes)
        owners: list[int | None] = []
        for promise in promises:
            kind = promise.draft.body.template.kind
            mine = left[kind] > 0
            left[kind] -= mine
            owners.append(self._dispatcher.engine if mine else None)
        return lanes, owners

    def _hand_over(self, attempt: "Attempt", owners: list[int | None]) -> None:
        if self._dispatcher is None or None in owners:
            self._ring()
        if self._dispatcher is not None:
            self._dispatcher.push(
                [attempt.message(promise) for promise, owner in zip(attempt.promises, owners, strict=True) if owner is not None]
            )

    def _ring(self) -> None:
        if self._queue_bell is not None:
            self._queue_bell.ring()

    async def _was_committed(self, attempt: "Attempt") -> bool:
        """The connection broke during the commit: all of the group is there, or none of it."""
        if not attempt.promises:
            return False
        one = attempt.promises[0]
        try:
            async with asyncio.timeout(IN_DOUBT_S):
                while True:
                    try:
                        async with self._db.connection() as conn:
                            return await messages.exists(conn, one.draft.body.app.id, one.id)
                    except UNAVAILABLE:
                        await asyncio.sleep(0.2)
        except TimeoutError:
            return False

    def _horizon(self) -> checks.Horizon:
        now = self._clock()
        started, ends = self._day
        if not started <= now < ends:
            started = day_start(now)
            self._day = (started, day_start(started + 36 * 3600))
        return checks.Horizon(seconds_30=ids.first_id_at(now - 30), hour=ids.first_id_at(now - 3600), day=ids.first_id_at(started))


class OutOfPackageError(Exception):
    """A package had less left than was seen; the transaction is rolled back."""


class Attempt:
    """One try at a group: decisions, rows and answers. Thrown away when the try fails."""

    def __init__(self, now: float, horizon: checks.Horizon, new_id: Callable[[], int]) -> None:
        self.now = now
        self.promises: list[Promise] = []
        self._horizon = horizon
        self._new_id = new_id
        self._outcomes: dict[int, dict[int, Outcome]] = {}

    async def decide(
        self, tx: Connection, group: list[Waiting], drafts: list[Draft], packages: dict[tuple[int, Scope], tuple[PackageRef, ...]]
    ) -> None:
        """Ask the database, application by application, and decide every draft in order of arrival."""
        await messages.lock(tx, sorted({_bucket(draft.body.app.id, draft.phone.number) for draft in drafts}))
        by_app: dict[int, list[tuple[int, Draft]]] = {}
        for waiting in group:
            self._outcomes[id(waiting)] = {}
            for draft in waiting.composed.drafts:
                by_app.setdefault(draft.body.app.id, []).append((id(waiting), draft))
        for app_id, members in by_app.items():
            app = members[0][1].body.app
            purses = {
                scope: [p for p in packages.get((app_id, scope), ()) if p.effective_at <= self.now < p.expires_at]
                for scope in {draft.body.scope for _, draft in members}
            }
            facts = await messages.facts(
                tx,
                app_id,
                list({draft.phone.number for _, draft in members}),
                since_id=self._horizon.since(app.limits),
                most=checks.enough_history(app.limits),
                packages=[package.id for purse in purses.values() for package in purse],
            )
            for key, draft in members:
                self._outcomes[key][draft.position] = self._decide(draft, facts, purses[draft.body.scope])

    def _decide(self, draft: Draft, facts: Facts, purse: list[PackageRef]) -> Outcome:
        body, number = draft.body, draft.phone.number
        history = facts.recent.get(number, [])
        package = _first_with(purse, facts.available, body.segments)
        standing = checks.Standing(
            recent=checks.recent(history, body.content_hash, self._horizon),
            blacklisted=number in facts.blacklisted,
            opted_out=number in facts.opted_out,
            limited=number not in body.app.unlimited_phones,
            affordable=package is not None,
        )
        if (reason := checks.first_refusal(draft, standing)) is not None or package is None:
            return refused(draft.phone, reason or Reject.NO_PACKAGE)
        message_id = self._new_id()
        facts.available[package] -= body.segments
        facts.recent[number] = [(message_id, body.content_hash), *history]
        self.promises.append(Promise(draft, message_id, package))
        return Accepted(message_id, number, draft.phone.region, body.segments)

    async def write(self, tx: Connection, owners: list[int | None]) -> None:
        await messages.add(tx, [self._row(promise) for promise in self.promises])
        await queue.put(
            tx,
            [(p.draft.body.app.id, p.id, p.draft.body.template.kind, owner) for p, owner in zip(self.promises, owners, strict=True)],
            self.now,
        )

    async def reserve(self, tx: Connection) -> bool:
        amounts: dict[int, dict[int, int]] = {}
        for promise in self.promises:
            purse = amounts.setdefault(promise.draft.body.app.id, {})
            purse[promise.package_id] = purse.get(promise.package_id, 0) + promise.draft.body.segments
        for app_id in sorted(amounts):
            if not await ledger.reserve(tx, app_id, amounts[app_id], now=self.now, note=f"messages from {self.promises[0].id}"):
                return False
        return True

    def message(self, promise: Promise) -> Message:
        """The dispatcher's view of what has just been committed."""
        body = promise.draft.body
        return Message(
            app_id=body.app.id,
            id=promise.id,
            phone=promise.draft.phone.number,
            kind=body.template.kind,
            text=body.text,
            segments=body.segments,
            sender_id=body.sender_id or body.app.sender_id,
            extend=body.extend,
            expires_at=self.now + VALIDITY_S[body.template.kind],
        )

    def answers(self, waiting: Waiting) -> list[Outcome]:
        decided = self._outcomes[id(waiting)]
        return [decided[n] if outcome is None else outcome for n, outcome in enumerate(waiting.composed.outcomes)]

    def _row(self, promise: Promise) -> NewMessage:
        draft, body = promise.draft, promise.draft.body
        return NewMessage(
            app_id=body.app.id,
            id=promise.id,
            phone=draft.phone.number,
            accepted_at=at(self.now),
            expires_at=at(self.now + VALIDITY_S[body.template.kind]),
            kind=body.template.kind,
            dialect=body.dialect,
            segments=body.segments,
            template_id=body.template.id,
            signature_id=None if body.signature is None else body.signature.id,
            package_id=promise.package_id,
            content_hash=body.content_hash,
            region=draft.phone.region,
            text=body.text,
            session_context=body.session_context,
            extend=body.extend,
            sender_id=body.sender_id or body.app.sender_id,
            request_id=body.request_id,
        )


def _first_with(purse: list[PackageRef], available: dict[int, int], segments: int) -> int | None:
    """The package that expires first among those with enough left."""
    for package in purse:
        if available.get(package.id, 0) >= segments:
            return package.id
    return None


def _bucket(app_id: int, number: int) -> int:
    return zlib.crc32(b"%d:%d" % (app_id, number)) % LOCK_BUCKETS
