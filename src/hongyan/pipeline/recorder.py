"""What carriers say, written down: answers, receipts and replies in one transaction a batch, acknowledged after it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import structlog

from hongyan.kit import ids
from hongyan.kit.db import RETRY, Connection, Database
from hongyan.kit.metrics import METRICS, Step
from hongyan.model.carrier import NotSent, Receipt, Reply, SubmitOutcome, Submitted
from hongyan.model.message import Message, Status
from hongyan.model.receipt import carrier_key
from hongyan.pipeline.conclude import RESOLVE_AFTER_S, Doubt, Fail, PutBack, Taken, conclude, reference_of
from hongyan.pipeline.ports import Delivery, LateAnswer, Link, OutboundSegment, SegmentOutcome
from hongyan.pipeline.receipts import ReceiptService
from hongyan.pipeline.replies import ReplyService
from hongyan.pipeline.settle import Settler
from hongyan.store import doubts, queue, segments, settlements
from hongyan.store.doubts import Suspect
from hongyan.store.segments import TakenSegment
from hongyan.store.settlements import Ending

log = structlog.get_logger()

BATCH_MAX = 2000
DELIVERIES_MAX = 5000
"""More receipts and replies than this wait at the carrier, not here."""
RETRY_S = 0.2


class Flight(msgspec.Struct):
    """A message whose segments are with a carrier."""

    message: Message
    link_id: int
    expected: int
    answers: list[tuple[int, SubmitOutcome]]


class Batch(msgspec.Struct):
    """What is written in one transaction."""

    landed: list[Flight]
    late: list[LateAnswer]
    expired: list[Message]
    deliveries: list[tuple[Link, Delivery]]

    def __bool__(self) -> bool:
        return bool(self.landed or self.late or self.expired or self.deliveries)

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

    def expect(self, message: Message, link_id: int, submitted: Sequence[OutboundSegment], unsent: Sequence[OutboundSegment]) -> None:
        """A message is about to be written; `unsent` segments did not fit and are as good as answered."""
        answers: list[tuple[int, SubmitOutcome]] = [(segment.sequence, NotSent("no room")) for segment in unsent]
        flight = Flight(message, link_id, len(submitted) + len(unsent), answers)
        if submitted:
            self._flights[message.id] = flight
        else:
            self._land(flight)

    def expired(self, message: Message) -> None:
        """Its validity ended before a carrier could take it."""
        self._batch.expired.append(message)
        self._arrived.set()

    def outcome(self, outcome: SegmentOutcome | LateAnswer) -> None:
        segment = outcome.segment
        if isinstance(outcome.outcome, Submitted) and outcome.outcome.carrier_id:
            self._receipts.remember(outcome.link_id, carrier_key(outcome.outcome.carrier_id), segment)
        if isinstance(outcome, LateAnswer):
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
            batch, self._batch = self._batch, Batch([], [], [], [])
            if batch:
                await self._store(batch)
            if not self._batch:
                self._quiet.set()

    async def _store(self, batch: Batch) -> None:
        while True:
            try:
                await self._commit(batch)
            except RETRY as fault:
                log.warning("record_waits_for_database", why=type(fault).__name__)
                await asyncio.sleep(RETRY_S)
            except Exception:
                log.exception("record_failed")
                await self._store_singly(batch)
                return
            else:
                _acknowledge(batch, stored=True)
                return

    async def _store_singly(self, batch: Batch) -> None:
        """Something in the batch cannot be written: find it, so that it does not hold up the rest."""
        for single in batch.single():
            while True:
                try:
                    await self._commit(single)
                except RETRY:
                    await asyncio.sleep(RETRY_S)
                except Exception:
                    log.exception("record_dropped")
                    _acknowledge(single, stored=False)
                    break
                else:
                    _acknowledge(single, stored=True)
                    break

    async def _commit(self, batch: Batch) -> None:
        now = self._clock()
        retries: list[float] = []
        async with self._db.transaction() as tx:
            endings = await self._write_landed(tx, batch.landed, now, retries)
            endings += await self._write_late(tx, batch.late, now)
            endings += [_ending(message, Status.EXPIRED, "EXPIRED", None, now, charge=False) for message in batch.expired]
            receipts = [d.what for _, d in batch.deliveries if isinstance(d.what, Receipt)]
            if receipts:
                endings += await self._receipts.apply(tx, receipts, now)
            for _, delivery in batch.deliveries:
                if isinstance(delivery.what, Reply):
                    await self._replies.apply(tx, delivery.what, now)
            gone = [(e.app_id, e.id) for e in endings if not e.charge]
            await _leave_queue(tx, [*gone, *((f.message.app_id, f.message.id) for f in batch.landed if isinstance(_of(f), Taken))])
            await self._settler.settle(tx, endings, now)
        for retry_in_s in retries:
            self.on_put_back(retry_in_s)
        _count(batch, now)

    async def _write_landed(self, tx: Connection, landed: list[Flight], now: float, retries: list[float]) -> list[Ending]:
        endings: list[Ending] = []
        taken: list[TakenSegment] = []
        for flight in landed:
            message = flight.message
            taken += [_taken(flight, s, o.carrier_id, now) for s, o in flight.answers if isinstance(o, Submitted)]
            match _of(flight):
                case Fail(code=code):
                    endings.append(_ending(message, Status.FAILED, code, flight.link_id, now, charge=False))
                case PutBack(retry_in_s=retry_in_s, sent_mask=mask):
                    await queue.put_back(tx, message.app_id, message.id, not_before=now + retry_in_s, sent_mask=mask)
                    retries.append(retry_in_s)
                case Doubt() as doubt:
                    await _write_doubt(tx, flight, doubt, now)
        if taken:
            await segments.add(tx, taken)
        return endings

    async def _write_late(self, tx: Connection, late: list[LateAnswer], now: float) -> list[Ending]:
        """An answer after all: the message is no longer in doubt."""
        endings: list[Ending] = []
        for answer in late:
            segment, outcome = answer.segment, answer.outcome
            if isinstance(outcome, Submitted):
                row = TakenSegment(
                    app_id=segment.app_id, message_id=segment.message_id, sequence=segment.sequence, total=segment.total,
                    link_id=answer.link_id, carrier_key=carrier_key(outcome.carrier_id), carrier_id=outcome.carrier_id,
                    phone=segment.phone, at=now,
                )  # fmt: skip
                await segments.add(tx, [row])
                await doubts.resolve(tx, segment.app_id, [segment.message_id], "answered", now)
                await settlements.reopen(tx, segment.app_id, [segment.message_id])
                await queue.done(tx, segment.app_id, [segment.message_id])
            elif not isinstance(outcome, NotSent):
                code = getattr(outcome, "code", "FAILED")
                endings.append(
                    Ending(segment.app_id, segment.message_id, Status.FAILED, code, charge=False, link_id=answer.link_id, done_at=now)
                )
                await doubts.resolve(tx, segment.app_id, [segment.message_id], "answered", now)
        return endings


def _count(batch: Batch, now: float) -> None:
    taken = [flight.message for flight in batch.landed if isinstance(_of(flight), Taken)]
    METRICS.messages("submitted", Counter(message.kind for message in taken))
    for message in taken:
        METRICS.took(Step.SUBMIT, now - ids.time_of(message.id))


def _of(flight: Flight) -> Taken | PutBack | Fail | Doubt:
    return conclude(flight.answers)


def _ending(message: Message, status: Status, code: str, link_id: int | None, now: float, *, charge: bool) -> Ending:
    return Ending(message.app_id, message.id, status, code, charge=charge, link_id=link_id, done_at=now)


def _taken(flight: Flight, sequence: int, carrier_id: str, now: float) -> TakenSegment:
    message = flight.message
    return TakenSegment(
        app_id=message.app_id,
        message_id=message.id,
        sequence=sequence,
        total=flight.expected + message.sent_mask.bit_count(),
        link_id=flight.link_id,
        carrier_key=carrier_key(carrier_id),
        carrier_id=carrier_id,
        phone=message.phone,
        at=now,
    )


async def _write_doubt(tx: Connection, flight: Flight, doubt: Doubt, now: float) -> None:
    message = flight.message
    await doubts.suspect(
        tx,
        [
            Suspect(
                app_id=message.app_id,
                message_id=message.id,
                sequence=sequence,
                total=flight.expected + message.sent_mask.bit_count(),
                attempt=message.attempts + 1,
                link_id=flight.link_id,
                phone=message.phone,
                reference=reference_of(message.id, sequence),
                why=doubt.why,
            )
            for sequence in doubt.sequences
        ],
        now,
    )
    await queue.suspect(tx, message.app_id, message.id, resolve_at=now + RESOLVE_AFTER_S[message.kind], sent_mask=doubt.sent_mask)


async def _leave_queue(tx: Connection, leaving: Sequence[tuple[int, int]]) -> None:
    by_app: dict[int, list[int]] = {}
    for app_id, message_id in leaving:
        by_app.setdefault(app_id, []).append(message_id)
    for app_id in sorted(by_app):
        await queue.done(tx, app_id, sorted(by_app[app_id]))


def _acknowledge(batch: Batch, *, stored: bool) -> None:
    acks: dict[int, tuple[Link, list[object]]] = {}
    for link, delivery in batch.deliveries:
        acks.setdefault(id(link), (link, []))[1].append(delivery.ack)
    for link, tokens in acks.values():
        link.acknowledge(tokens, stored=stored)
