"""What carriers say, written down: answers, receipts and replies in one transaction a batch, acknowledged after it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import msgspec
import structlog

from hongyan.kit import ids
from hongyan.kit.db import RETRY, Database
from hongyan.kit.faults import fault_async
from hongyan.kit.metrics import METRICS, Step
from hongyan.model.carrier import Lost, NotSent, Receipt, Reply, SubmitOutcome, Submitted
from hongyan.model.message import Message
from hongyan.model.receipt import carrier_key
from hongyan.pipeline.landings import Flight, Landings, alone, landings, write, write_late
from hongyan.pipeline.ports import Delivery, LateAnswer, Link, OutboundSegment, SegmentOutcome
from hongyan.pipeline.receipts import ReceiptService
from hongyan.pipeline.replies import ReplyService
from hongyan.pipeline.settle import Settler
from hongyan.store import commits
from hongyan.store.settlements import Ending

log = structlog.get_logger()

ENOUGH = 100
GATHER_S = 0.005
"""Nobody waits for what is written here, so a small batch waits this long for company; an answer and its receipt often share one."""
DELIVERIES_MAX = 5000
"""More receipts and replies than this wait at the carrier, not here."""
RETRY_S = 0.2
UNROUTABLE_RETRY_S = 10.0


class Batch(msgspec.Struct):
    """What is written in one transaction."""

    landed: list[Flight]
    late: list[LateAnswer]
    expired: list[Message]
    deliveries: list[tuple[Link, Delivery]]

    def __len__(self) -> int:
        return len(self.landed) + len(self.late) + len(self.expired) + len(self.deliveries)

    def single(self) -> "list[Batch]":
        """The same work, one item at a time."""
        return [
            *(Batch([flight], [], [], []) for flight in self.landed),
            *(Batch([], [late], [], []) for late in self.late),
            *(Batch([], [], [message], []) for message in self.expired),
            *(Batch([], [], [], [delivery]) for delivery in self.deliveries),
        ]


class Recorder:
    """The feed of all links of this process (pipeline.ports.Feed).

    Applying anything twice changes nothing, so a batch whose commit was not answered is simply applied again.
    """

    def __init__(
        self, *, db: Database, receipts: ReceiptService, replies: ReplyService, settler: Settler, clock: Callable[[], float]
    ) -> None:
        self.on_answer: Callable[[], None] = lambda: None
        self.on_put_back: Callable[[float], None] = lambda _seconds: None
        self._db = db
        self._receipts = receipts
        self._replies = replies
        self._settler = settler
        self._clock = clock
        self._flights: dict[int, Flight] = {}
        self._batch = Batch([], [], [], [])
        self._arrived = asyncio.Event()
        self._quiet = asyncio.Event()
        self._quiet.set()

    # What the dispatcher and the links call; none of it waits.

    def expect(
        self,
        message: Message,
        link_id: int,
        submitted: Sequence[OutboundSegment],
        unsent: Sequence[OutboundSegment],
        *,
        attempted_at: float,
    ) -> None:
        """A message is about to be written; `unsent` segments did not fit and are as good as answered."""
        answers: list[tuple[int, SubmitOutcome]] = [(segment.sequence, NotSent("no room")) for segment in unsent]
        flight = Flight(message, link_id, len(submitted) + len(unsent), answers, attempted_at)
        if submitted:
            self._flights[message.id] = flight
        else:
            self._land(flight)

    def expired(self, message: Message) -> None:
        """Its validity ended before a carrier could take it."""
        self._batch.expired.append(message)
        self._arrived.set()

    def unroutable(self, message: Message) -> None:
        """No link carries messages that go its way: it waits in the queue, out of the others' way, until one does or its validity ends."""
        self._land(Flight(message, 0, 1, [(1, NotSent("no link serves it"))], None, retry_in_s=UNROUTABLE_RETRY_S))

    def outcome(self, outcome: SegmentOutcome | LateAnswer) -> None:
        segment = outcome.segment
        if isinstance(outcome.outcome, Submitted) and outcome.outcome.carrier_id:
            self._receipts.remember(outcome.link_id, carrier_key(outcome.outcome.carrier_id), segment)
        if type(outcome) is LateAnswer:
            self._batch.late.append(outcome)
            self._arrived.set()
            return
        flight = self._flights.get(segment.message_id)
        if flight is None:
            log.error("answer_without_question", link=outcome.link_id)
            return
        flight.answers.append((segment.sequence, outcome.outcome))
        if len(flight.answers) == flight.expected:
            del self._flights[segment.message_id]
            self._land(flight)
        self.on_answer()

    def delivery(self, link: Link, delivery: Delivery) -> bool:
        if len(self._batch.deliveries) >= DELIVERIES_MAX:
            return False
        self._batch.deliveries.append((link, delivery))
        self._arrived.set()
        return True

    def room_changed(self) -> None:
        self.on_answer()

    def _land(self, flight: Flight) -> None:
        self._batch.landed.append(flight)
        self._arrived.set()

    async def drain(self) -> None:
        """Wait until everything carriers have said is written; what they have not answered by then stays in doubt."""
        await self._quiet.wait()

    # The loop that writes.

    async def run(self) -> None:
        """Write until cancelled; while the database is away, what was said is kept and carriers wait for their answers."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            self._quiet.clear()
            if len(self._batch) < ENOUGH:
                await asyncio.sleep(GATHER_S)
            batch, self._batch = self._batch, Batch([], [], [], [])
            if batch:
                await self._store(batch)
            if not self._batch:
                self._quiet.set()

    async def _store(self, batch: Batch) -> None:
        if await self._written(batch, again=False, refused="record_failed"):
            _acknowledge(batch, stored=True)
        else:
            await self._store_singly(batch)

    async def _store_singly(self, batch: Batch) -> None:
        """Something in the batch cannot be written: find it, so that it does not hold up the rest."""
        for single in batch.single():
            stored = await self._written(single, again=True, refused="record_dropped")
            if not stored:
                await self._leave_in_doubt(single.landed)
            _acknowledge(single, stored=stored)

    async def _leave_in_doubt(self, flights: Sequence[Flight]) -> None:
        """An answer that cannot be written is as good as lost; its message would else be in flight for as long as this process lives."""
        doubtful = [flight for flight in flights if flight.attempted_at is not None]
        for flight in doubtful:
            flight.answers = [(sequence, Lost("the answer could not be written")) for sequence, _ in flight.answers]
        await self._written(Batch(doubtful, [], [], []), again=True, refused="doubt_not_written")

    async def _written(self, batch: Batch, *, again: bool, refused: str) -> bool:
        """Commit it, however long the database is away; False, and said as `refused`, when the database will not have it."""
        while True:
            try:
                await self._commit(batch, again=again)
            except RETRY as fault:
                log.warning("record_waits_for_database", why=type(fault).__name__)
                again = True
                await asyncio.sleep(RETRY_S)
            except Exception:
                log.exception(refused)
                return False
            else:
                return True

    async def _commit(self, batch: Batch, *, again: bool) -> None:
        now = self._clock()
        replies = [d.what for _, d in batch.deliveries if type(d.what) is Reply]
        asking: dict[bool, list[Reply]] = {True: [], False: []}
        for reply in replies:
            asking[self._replies.may_ask(reply)].append(reply)
        if len(asking[True]) < len(batch):
            await self._commit_messages(batch, asking[False], now, again=again)
        for reply in asking[True]:
            # Each by itself, since it may wait for those who accept, who wait for packages.
            async with self._db.transaction() as tx:
                if again:
                    await commits.seal(tx)
                await _about_to_write_deliveries()
                await self._replies.apply(tx, reply, now)
        if batch.deliveries:
            await fault_async("receipt_commit_before_ack")

    async def _commit_messages(self, batch: Batch, replies: Sequence[Reply], now: float, *, again: bool) -> None:
        """All of it but replies that ask for something."""
        landed = landings(batch.landed, batch.expired, now)
        receipts = [d.what for _, d in batch.deliveries if isinstance(d.what, Receipt)]
        by_app = landed.by_app()
        simple = not (again or replies or batch.late) and self._one_statement(landed, by_app.keys(), receipts)
        async with self._db.connection() if simple else self._db.transaction() as tx:
            if again:
                # What is there already may be on the primary alone.
                await commits.seal(tx)
            if batch.landed:
                await fault_async("resp_before_commit")
            if receipts or replies:
                await _about_to_write_deliveries()
            await write(tx, landed, now)
            copies = landed.copies + await write_late(tx, batch.late, now)
            endings = landed.endings + (await alone(tx, copies, landed) if copies else [])
            if receipts:
                endings += await self._receipts.apply(tx, receipts, now)
            if endings or by_app:
                await self._settler.settle(tx, endings, now, by_app)
            for reply in replies:
                await self._replies.apply(tx, reply, now)
        if batch.landed:
            await fault_async("resp_after_commit")
        for _, back in landed.back:
            self.on_put_back(back.retry_in_s)
        _measure(landed.submitted, endings, now)

    def _one_statement(self, landed: Landings, apps: Collection[int], receipts: Sequence[Receipt]) -> bool:
        """Whether one statement says it all: then it needs no transaction around it."""
        if landed.back or landed.doubtful or landed.copies:
            return False
        reported = self._receipts.apps_of(receipts)
        if reported is None or len(concerned := {*apps, *reported}) != 1:
            return False
        return not any(map(self._settler.refunds, concerned))


def _measure(submitted: Sequence[Message], endings: Sequence[Ending], now: float) -> None:
    METRICS.messages("submitted", Counter(message.kind for message in submitted))
    for message in submitted:
        METRICS.took(Step.SUBMIT, now - ids.time_of(message.id))
    for ending in endings:
        if ending.charge:
            METRICS.took(Step.RECEIPT, now - ids.time_of(ending.id))


async def _about_to_write_deliveries() -> None:
    await fault_async("receipt_before_commit")


def _acknowledge(batch: Batch, *, stored: bool) -> None:
    acks: dict[int, tuple[Link, list[object]]] = {}
    for link, delivery in batch.deliveries:
        acks.setdefault(id(link), (link, []))[1].append(delivery.ack)
    for link, tokens in acks.values():
        link.acknowledge(tokens, stored=stored)
