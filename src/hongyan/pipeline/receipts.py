"""Receipts: which segment one speaks of, and what that means for its message."""

from collections.abc import Callable, Mapping, Sequence

from hongyan.kit import ids
from hongyan.kit.db import Connection
from hongyan.model.carrier import Receipt, Verdict
from hongyan.model.message import Status
from hongyan.model.receipt import alternative_keys, carrier_key
from hongyan.pipeline.conclude import ended, reference_of
from hongyan.pipeline.ports import OutboundSegment
from hongyan.store import doubts, queue, segments
from hongyan.store.doubts import Suspect
from hongyan.store.segments import FoundSegment, Landed, SegmentReport, TakenSegment
from hongyan.store.settlements import Ending

RECENT_S = 2 * 86_400.0
OLDEST_S = 8 * 86_400.0
"""A receipt is looked up this far back, and kept unmatched for as long."""
PARK_FIRST_S = 0.3
REMEMBERED = 20_000
SAME_DIGITS = 8


class ReceiptService:
    """Matches receipts to segments and works out how messages end."""

    def __init__(self) -> None:
        self._taken: dict[tuple[int, str], OutboundSegment] = {}
        self._taken_before: dict[tuple[int, str], OutboundSegment] = {}

    def remember(self, link_id: int, key: str, segment: OutboundSegment) -> None:
        """A segment was just taken: its receipt is likely to be next. Older ones are found in the database."""
        # Two generations: deleting the oldest entry of a dict one by one would cost more each time.
        if len(self._taken) >= REMEMBERED:
            self._taken_before, self._taken = self._taken, {}
        self._taken[(link_id, key)] = segment

    def _remembered(self, receipt: Receipt) -> OutboundSegment | None:
        key = (receipt.link_id, carrier_key(receipt.carrier_id))
        return self._taken.get(key) or self._taken_before.get(key)

    def apps_of(self, receipts: Sequence[Receipt]) -> set[int] | None:
        """Whose they are, when all are of short messages taken lately, so that `apply` asks and writes nothing; otherwise None."""
        apps = set()
        for receipt in receipts:
            segment = self._remembered(receipt)
            if segment is None or segment.total > 1:
                return None
            apps.add(segment.app_id)
        return apps

    async def apply(self, tx: Connection, receipts: Sequence[Receipt], now: float) -> list[Ending]:
        """The endings these receipts bring; what matches nothing yet is parked and tried again."""
        telling = [receipt for receipt in receipts if receipt.verdict is not Verdict.PENDING]
        found = await self.match(tx, telling, now)
        if strangers := [receipt for receipt, segment in zip(telling, found, strict=True) if segment is None]:
            await doubts.park(tx, strangers, now=now, next_at=now + PARK_FIRST_S)
        return await self.conclude(tx, [(r, s) for r, s in zip(telling, found, strict=True) if s is not None], now)

    async def conclude(self, tx: Connection, matched: Sequence[tuple[Receipt, FoundSegment | OutboundSegment]], now: float) -> list[Ending]:
        """What matched receipts mean: at once for short messages, with all their reports for long ones."""
        endings: list[Ending] = []
        long: dict[int, dict[int, tuple[FoundSegment | OutboundSegment, int]]] = {}
        reports: dict[int, list[SegmentReport]] = {}
        for receipt, segment in matched:
            done_at = min(receipt.done_at, now)
            if segment.total == 1:
                end = ended(1, [(receipt.verdict, receipt.code, done_at)])
                if end is not None:
                    endings.append(
                        Ending(
                            segment.app_id,
                            segment.message_id,
                            end.status,
                            end.code,
                            charge=True,
                            link_id=receipt.link_id,
                            done_at=end.done_at,
                        )
                    )
                continue
            told = SegmentReport(segment.message_id, segment.sequence, receipt.verdict, receipt.code, done_at)
            reports.setdefault(segment.app_id, []).append(told)
            long.setdefault(segment.app_id, {})[segment.message_id] = (segment, receipt.link_id)
        if reports:
            await segments.lock_reports(tx, [message_id for messages in long.values() for message_id in messages])
        for app_id, messages in sorted(long.items()):
            known = await segments.report(tx, app_id, reports[app_id])
            endings += await _ends_of_long(tx, app_id, messages, known, now)
        return endings

    async def match(self, tx: Connection, receipts: Sequence[Receipt], now: float) -> list[FoundSegment | OutboundSegment | None]:
        """The segment of each receipt: by the carrier's id, by another spelling of it, by what was sent and never answered."""
        found: list[FoundSegment | OutboundSegment | None] = [self._remembered(receipt) for receipt in receipts]
        if all(found):
            return found
        await self._look_up(tx, receipts, found, lambda r: (carrier_key(r.carrier_id),), now=now, back_s=RECENT_S, sure=True)
        await self._look_up(tx, receipts, found, lambda r: (carrier_key(r.carrier_id),), now=now, back_s=OLDEST_S, sure=True)
        await self._look_up(tx, receipts, found, lambda r: alternative_keys(r.carrier_id), now=now, back_s=OLDEST_S, sure=False)
        await _look_among_suspects(tx, receipts, found, now)
        return found

    @staticmethod
    async def _look_up(
        tx: Connection,
        receipts: Sequence[Receipt],
        found: list[FoundSegment | OutboundSegment | None],
        keys: Callable[[Receipt], tuple[str, ...]],
        *,
        now: float,
        back_s: float,
        sure: bool,
    ) -> None:
        """Fill gaps in `found`; an id in another number base is believed only for the same handset."""
        asked = [(n, r.link_id, key) for n, r in enumerate(receipts) if found[n] is None for key in keys(r) if key]
        if not asked:
            return
        hits = await segments.find(tx, [(link_id, key) for _, link_id, key in asked], since_id=ids.first_id_at(now - back_s))
        for position, hit in hits.items():
            n = asked[position][0]
            if found[n] is None and (sure or _same_phone(receipts[n].phone, hit.phone)):
                found[n] = hit


async def _ends_of_long(
    tx: Connection,
    app_id: int,
    messages: Mapping[int, tuple[FoundSegment | OutboundSegment, int]],
    known: Mapping[int, Sequence[SegmentReport]],
    now: float,
) -> list[Ending]:
    """The endings of messages of several segments whose reports, all there are, say how they ended."""
    endings: list[Ending] = []
    for message_id, (segment, link_id) in messages.items():
        end = ended(segment.total, [(r.verdict, r.code, r.done_at) for r in known.get(message_id, [])])
        if end is not None:
            endings.append(Ending(app_id, message_id, end.status, end.code, charge=True, link_id=link_id, done_at=end.done_at))
    # One segment has failed, so the message has: what a carrier does not have of it yet, or may not have, is not sent any more.
    if stopped := [ending.id for ending in endings if ending.status is not Status.DELIVERED]:
        await queue.done(tx, app_id, stopped)
        await doubts.resolve(tx, app_id, stopped, "unknown", now)
    return endings


async def _look_among_suspects(
    tx: Connection, receipts: Sequence[Receipt], found: list[FoundSegment | OutboundSegment | None], now: float
) -> None:
    """A segment whose answer was lost has no carrier id: the handset and the reference that was sent tell."""
    gaps = [n for n, segment in enumerate(found) if segment is None and receipts[n].phone]
    if not gaps:
        return
    suspects = await doubts.suspects_to(tx, [receipts[n].phone for n in gaps], since=now - OLDEST_S)
    if not suspects:
        return
    for n in gaps:
        hit = _suspect_of(receipts[n], suspects)
        if hit is not None:
            found[n] = await _heard_of(tx, hit, receipts[n], now)


async def _heard_of(tx: Connection, suspect: Suspect, receipt: Receipt, now: float) -> FoundSegment:
    """The carrier has it. Its id is kept, for the same receipt may come again: when our acknowledgement is lost it does."""
    message_id, sequence, total = suspect.message_id, suspect.sequence, suspect.total
    key = carrier_key(receipt.carrier_id)
    taken = [TakenSegment(message_id, sequence, total, receipt.link_id, key, receipt.carrier_id, suspect.phone)] if key else []
    await segments.land(tx, suspect.app_id, Landed(taken, []), now)
    await doubts.resolve(tx, suspect.app_id, [message_id], "receipt", now, sequence=sequence)
    await queue.heard(tx, suspect.app_id, message_id, sequence=sequence, total=total)
    return FoundSegment(app_id=suspect.app_id, message_id=message_id, sequence=sequence, total=total, phone=suspect.phone)


def _suspect_of(receipt: Receipt, suspects: Sequence[Suspect]) -> Suspect | None:
    """The only segment it can speak of. One that was heard of before has to be named by its reference: this one may be a younger's."""
    same = [s for s in suspects if s.phone == receipt.phone and s.link_id in (None, receipt.link_id)]
    if receipt.reference is not None:
        same = [s for s in same if reference_of(s.message_id, s.sequence) == receipt.reference]
    unheard = [s for s in same if not s.heard_of]
    fitting = unheard or (same if receipt.reference is not None else [])
    return fitting[0] if len({(s.message_id, s.sequence) for s in fitting}) == 1 else None


def _same_phone(reported: int, sent: int) -> bool:
    """Carriers write the handset with or without the country code."""
    return reported > 0 and str(reported)[-SAME_DIGITS:] == str(sent)[-SAME_DIGITS:]
