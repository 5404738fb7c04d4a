"""What the answers of carriers change: segments taken, messages that leave the queue, go back to it or stay in doubt."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.carrier import Lost, NotSent, SubmitOutcome, Submitted
from hongyan.model.message import Message, Status
from hongyan.model.receipt import carrier_key
from hongyan.pipeline.conclude import RESOLVE_AFTER_S, Doubt, Fail, PutBack, Taken, conclude, reference_of
from hongyan.pipeline.ports import LateAnswer
from hongyan.pipeline.withdrawals import set_aside
from hongyan.store import doubts, queue, segments, settlements
from hongyan.store.doubts import Suspect
from hongyan.store.segments import Landed, TakenSegment
from hongyan.store.settlements import Ending


class Flight(msgspec.Struct):
    """A message whose segments are with a carrier."""

    message: Message
    link_id: int
    expected: int
    answers: list[tuple[int, SubmitOutcome]]
    attempted_at: float | None
    """Which attempt this is; None when it did not come to one."""
    retry_in_s: float = 0.0
    """At least so long before it is tried again, if it has to be."""

    @property
    def total(self) -> int:
        """All segments of the message, those taken in earlier attempts included."""
        return self.expected + self.message.sent_mask.bit_count()


class Landings(msgspec.Struct):
    """A batch of flights, sorted by what has to be written."""

    taken: dict[int, list[TakenSegment]]
    """By application."""
    leaving: dict[int, list[int]]
    """By application: messages that no longer wait for an answer."""
    submitted: list[Message]
    endings: list[Ending]
    copies: list[Ending]
    """Of copies that carriers refused or nobody sent: they count when no other copy is with a carrier."""
    back: list[tuple[Flight, PutBack]]
    doubtful: list[tuple[Flight, Doubt]]

    def by_app(self) -> dict[int, Landed]:
        """What each application's statement writes."""
        return {
            app_id: Landed(self.taken.get(app_id, []), sorted(self.leaving.get(app_id, [])))
            for app_id in self.taken.keys() | self.leaving.keys()
        }


def landings(flights: Sequence[Flight], expired: Sequence[Message], now: float) -> Landings:
    """Sort flights that have every answer, and messages whose validity ended before they could fly."""
    sorted_ = Landings({}, {}, [], [], [], [], [])
    for flight in flights:
        message = flight.message
        for sequence, outcome in flight.answers:
            if isinstance(outcome, Submitted):
                sorted_.taken.setdefault(message.app_id, []).append(_taken(flight, sequence, outcome.carrier_id))
        match conclude(flight.answers):
            case Taken():
                sorted_.submitted.append(message)
                sorted_.leaving.setdefault(message.app_id, []).append(message.id)
            case Fail(code=code):
                end = Ending(message.app_id, message.id, Status.FAILED, code, charge=False, link_id=flight.link_id, done_at=now)
                _end(sorted_, end, message)
            case PutBack() as back:
                retry_in_s = max(back.retry_in_s, flight.retry_in_s)
                sorted_.back.append((flight, PutBack(retry_in_s, back.sent_mask)))
            case Doubt() as doubt:
                sorted_.doubtful.append((flight, doubt))
    for message in expired:
        end = Ending(message.app_id, message.id, Status.EXPIRED, "EXPIRED", charge=False, link_id=None, done_at=now)
        _end(sorted_, end, message)
    return sorted_


async def write(tx: Connection, landed: Landings, now: float) -> None:
    """Write what stays in the queue; what was taken or has ended is written with the endings (pipeline.settle)."""
    again: dict[int, list[int]] = {}
    for flight, back in landed.back:
        await queue.put_back(
            tx,
            flight.message.app_id,
            flight.message.id,
            attempted_at=flight.attempted_at,
            not_before=now + back.retry_in_s,
            sent_mask=back.sent_mask,
        )
        again.setdefault(flight.message.app_id, []).append(flight.message.id)
    for app_id, ids in again.items():
        await set_aside(tx, app_id, ids, now)
    for flight, doubt in landed.doubtful:
        message = flight.message
        await doubts.suspect(tx, _suspects(flight, doubt), now)
        resolve_at = now + RESOLVE_AFTER_S[message.kind]
        await queue.suspect(tx, message.app_id, message.id, resolve_at=resolve_at, sent_mask=doubt.sent_mask)


async def write_late(tx: Connection, late: Sequence[LateAnswer], now: float) -> list[Ending]:
    """Answers after all to segments that were given up as lost: with the last one a message is no longer in doubt.

    What they end is of copies, as `Landings.copies`.
    """
    endings: list[Ending] = []
    for answer in late:
        segment, outcome = answer.segment, answer.outcome
        app_id, message_id = segment.app_id, segment.message_id
        if isinstance(outcome, (NotSent, Lost)):
            continue
        await doubts.resolve(tx, app_id, [message_id], "answered", now, sequence=segment.sequence)
        if isinstance(outcome, Submitted):
            taken = TakenSegment(
                message_id=message_id,
                sequence=segment.sequence,
                total=segment.total,
                link_id=answer.link_id,
                carrier_key=carrier_key(outcome.carrier_id),
                carrier_id=outcome.carrier_id,
                phone=segment.phone,
            )
            await segments.land(tx, app_id, Landed([taken], []), now)
            await queue.heard(tx, app_id, message_id, sequence=segment.sequence, total=segment.total)
            await settlements.reopen(tx, app_id, [message_id])
        elif not await queue.under_way(tx, app_id, message_id):
            # A copy that is under way by now has a say of its own.
            await queue.done(tx, app_id, [message_id])
            code = getattr(outcome, "code", Status.FAILED.name)
            endings.append(Ending(app_id, message_id, Status.FAILED, code, charge=False, link_id=answer.link_id, done_at=now))
    return endings


async def alone(tx: Connection, copies: Sequence[Ending], landed: Landings) -> list[Ending]:
    """Those endings of copies whose message no carrier has whole by another copy; the others wait for that one's receipt."""
    by_app: dict[int, list[int]] = {}
    for ending in copies:
        by_app.setdefault(ending.app_id, []).append(ending.id)
    found: list[Ending] = []
    for app_id, ids in by_app.items():
        taken = await segments.taken(tx, app_id, ids)
        for segment in landed.taken.get(app_id, []):
            taken.setdefault(segment.message_id, {})[segment.sequence] = segment.total
        whole = {id_ for id_, sequences in taken.items() if len(sequences) >= max(sequences.values())}
        found += [ending for ending in copies if ending.app_id == app_id and ending.id not in whole]
    return found


def _end(sorted_: Landings, ending: Ending, message: Message) -> None:
    sorted_.leaving.setdefault(ending.app_id, []).append(ending.id)
    (sorted_.copies if message.attempts else sorted_.endings).append(ending)


def _taken(flight: Flight, sequence: int, carrier_id: str) -> TakenSegment:
    message = flight.message
    return TakenSegment(message.id, sequence, flight.total, flight.link_id, carrier_key(carrier_id), carrier_id, message.phone)


def _suspects(flight: Flight, doubt: Doubt) -> list[Suspect]:
    message = flight.message
    return [
        Suspect(
            app_id=message.app_id,
            message_id=message.id,
            sequence=sequence,
            total=flight.total,
            attempt=message.attempts + 1,
            link_id=flight.link_id,
            phone=message.phone,
            reference=reference_of(message.id, sequence),
            why=doubt.why,
        )
        for sequence in doubt.sequences
    ]
