"""What has to be looked after: dead engines, doubts that time resolves, parked receipts, old age, partitions."""

from collections.abc import Callable, Sequence

import structlog

from hongyan.kit import ids
from hongyan.kit.db import Connection, Database
from hongyan.kit.faults import fault_async
from hongyan.model.message import Kind, Status
from hongyan.model.phone import is_mainland
from hongyan.model.protection import hours_begin, within_hours
from hongyan.model.text import air
from hongyan.pipeline.conclude import COPIES, RESOLVE_AFTER_S, reference_of
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.receipts import OLDEST_S, ReceiptService
from hongyan.pipeline.settle import Settler, unknown
from hongyan.pipeline.withdrawals import BLACKLISTED, OPTED_OUT, ending
from hongyan.store import backlog, doubts, engines, messages, outbox, queue, replays, segments, watermarks
from hongyan.store.doubts import Suspect
from hongyan.store.settlements import Ending
from hongyan.store.watermarks import EXPIRED

log = structlog.get_logger()

AT_ONCE = 500
WAKE_MOST = 5_000
"""Entries that are woken between two looks at the queue."""
NO_RECEIPT_AFTER_S = 72 * 3600.0
EVENTS_KEPT_S = 7 * 86_400.0
EVENTS_TRIED_S = 90_000.0
"""Longer than a day: whoever is tried gives up by himself."""
PARK_LONGEST_S = 3600.0


class Upkeep:
    """Small jobs that any process may do at any time; row locks keep two of them apart."""

    def __init__(
        self,
        *,
        db: Database,
        directory: Directory,
        receipts: ReceiptService,
        settler: Settler,
        clock: Callable[[], float],
        queue_max: int,
    ) -> None:
        self._db = db
        self._directory = directory
        self._receipts = receipts
        self._settler = settler
        self._clock = clock
        self._queue_max = queue_max

    async def bury_the_dead(self) -> int:
        """Free what dead engines held; what they had attempted becomes a suspect. Returns how many entries that were."""
        async with self._db.connection() as conn:
            dead = await engines.dead(conn)
        moved = await self._take_over(dead) if dead else 0
        async with self._db.connection() as conn:
            await engines.bury(conn, dead)
        return moved

    async def gather_strays(self) -> int:
        """The same for entries of engines that are already forgotten: committed at the very moment their engine died."""
        async with self._db.connection() as conn:
            strays = await engines.strays(conn)
        return await self._take_over(strays) if strays else 0

    async def _take_over(self, dead: list[int]) -> int:
        async with self._db.transaction() as tx:
            moved = await queue.release(tx, dead)
        doubted = AT_ONCE
        while doubted == AT_ONCE:
            async with self._db.transaction() as tx:
                doubted = await self._doubt(tx, dead)
            moved += doubted
        if moved:
            log.warning("engine_died", engines=dead, entries=moved)
            async with self._db.connection() as conn:
                await queue.ring(conn)
        return moved

    async def _doubt(self, tx: Connection, dead: list[int]) -> int:
        now = self._clock()
        rows = await queue.orphaned(tx, dead, AT_ONCE)
        suspects = [
            Suspect(
                app_id=row["app_id"],
                message_id=row["id"],
                sequence=sequence,
                total=total,
                attempt=row["attempts"],
                link_id=row["link_id"],
                phone=row["phone"],
                reference=reference_of(row["id"], sequence),
                why="the process died before the answer",
            )
            for row in rows
            for total in [len(air(row["text"], mainland=is_mainland(row["phone"])).parts)]
            for sequence in range(1, total + 1)
            if not row["sent_mask"] >> (sequence - 1) & 1
        ]
        if suspects:
            await doubts.suspect(tx, suspects, now)
        for row in rows:
            await queue.suspect(tx, row["app_id"], row["id"], resolve_at=now + RESOLVE_AFTER_S[row["kind"]], sent_mask=0)
        return len(rows)

    async def resolve_doubts(self) -> int:
        """Attempts nobody answered for in time: one more copy where the kind allows it, otherwise unknown.

        To a number that wants no more there is no further copy; a message to it that no carrier has been given ends here.
        """
        now = self._clock()
        async with self._db.transaction() as tx:
            due = await queue.due_unresolved(tx, now, AT_ONCE)
            endings = await self._unwanted(tx, due, now)
            over = {(ending.app_id, ending.id) for ending in endings}
            again: dict[int, list[int]] = {}
            given_up: dict[int, list[int]] = {}
            for entry in due:
                if (entry.app_id, entry.id) in over:
                    continue
                (again if entry.attempts < COPIES[entry.kind] else given_up).setdefault(entry.app_id, []).append(entry.id)
            for app_id, message_ids in again.items():
                await queue.send_again(tx, app_id, message_ids, now)
                await doubts.resolve(tx, app_id, message_ids, "resent", now)
            for app_id, message_ids in given_up.items():
                await queue.done(tx, app_id, message_ids)
                await doubts.resolve(tx, app_id, message_ids, "unknown", now)
                endings += [unknown(app_id, message_id, now) for message_id in message_ids]
            await self._settler.settle(tx, endings, now)
            if again:
                await queue.ring(tx)
        return len(due)

    async def _unwanted(self, tx: Connection, due: Sequence[queue.Unresolved], now: float) -> list[Ending]:
        """How those end that are to numbers that want no more; they are out of the queue then."""
        endings: list[Ending] = []
        by_app: dict[int, dict[int, queue.Unresolved]] = {}
        for entry in due:
            by_app.setdefault(entry.app_id, {})[entry.id] = entry
        for app_id, entries in by_app.items():
            unwanted = await messages.unwanted(tx, app_id, sorted(entries))
            if not unwanted:
                continue
            await queue.done(tx, app_id, sorted(unwanted))
            await doubts.resolve(tx, app_id, sorted(unwanted), "unwanted", now)
            for id_, opted_out in unwanted.items():
                begun = entries[id_].attempts > 0 or entries[id_].sent_mask != 0
                endings.append(ending(app_id, id_, OPTED_OUT if opted_out else BLACKLISTED, now, begun=begun))
        return endings

    async def lull(self) -> int:
        """Marketing that still waits when its hours end sleeps until they begin again. Returns how many entries."""
        now = self._clock()
        hours = {app.id: app.marketing_hours for app in self._directory.snapshot.apps.values() if app.marketing_hours is not None}
        resting = {app_id: hours_begin(own, now) for app_id, own in hours.items() if not within_hours(own, now)}
        if not resting:
            return 0
        async with self._db.connection() as conn:
            waiting = await queue.waiting(conn, distributed=self._db.distributed)
        lulled = 0
        for app_id in sorted({app_id for app_id, kind, _ in waiting if kind is Kind.MARKETING} & resting.keys()):
            some = AT_ONCE
            while some == AT_ONCE:
                async with self._db.transaction() as tx:
                    some = await queue.lull(tx, app_id, resting[app_id], AT_ONCE)
                lulled += some
        return lulled

    async def wake(self) -> int:
        """What slept until its time is anybody's, as far as the queue stays half empty: codes find room. Returns how many entries."""
        async with self._db.connection() as conn:
            depth = await backlog.read(conn)
        room = min(WAKE_MOST, self._queue_max // 2 - (0 if depth is None else depth.total))
        woken = 0
        while woken < room:
            async with self._db.transaction() as tx:
                some = await queue.wake(tx, self._clock(), min(AT_ONCE, room - woken))
                if some:
                    await queue.ring(tx)
            woken += some
            if not some:
                break
        return woken

    async def retry_parked(self) -> int:
        """Receipts that matched nothing: look again, ever more rarely, for a week."""
        now = self._clock()
        async with self._db.transaction() as tx:
            parked = await doubts.due_parked(tx, now, AT_ONCE)
            if not parked:
                return 0
            found = await self._receipts.match(tx, [p.receipt for p in parked], now)
            matched = [(p.receipt, segment) for p, segment in zip(parked, found, strict=True) if segment is not None]
            await self._settler.settle(tx, await self._receipts.conclude(tx, matched, now), now)
            over = [p.id for p, s in zip(parked, found, strict=True) if s is not None or now - p.received_at > OLDEST_S]
            await doubts.unpark(tx, over)
            waiting = [p for p in parked if p.id not in set(over)]
            await doubts.park_again(tx, [(p.id, now + min(PARK_LONGEST_S, 0.5 * 2**p.tries)) for p in waiting])
            if matched:
                await fault_async("orphan_match")
        return len(parked)

    async def expire(self) -> int:
        """Messages without any receipt 72 hours after they were accepted: charged when a carrier had taken them."""
        expired = 0
        for app_id in sorted(self._directory.snapshot.apps):
            while True:
                async with self._db.transaction() as tx:
                    count = await self._expire_some(tx, app_id)
                expired += count
                if count < AT_ONCE:
                    break
        return expired

    async def _expire_some(self, tx: Connection, app_id: int) -> int:
        now = self._clock()
        up_to = ids.first_id_at(now - NO_RECEIPT_AFTER_S)
        after = await watermarks.get(tx, app_id, EXPIRED) or ids.first_id_at(now - OLDEST_S)
        if up_to <= after:
            return 0
        old = await messages.unsettled(tx, app_id, after_id=after, up_to_id=up_to, most=AT_ONCE)
        taken = await segments.taken_ids(tx, app_id, old) if old else set()
        endings = [Ending(app_id, id_, Status.EXPIRED, "EXPIRED", charge=id_ in taken, link_id=None, done_at=now) for id_ in old]
        await self._settler.settle(tx, endings, now)
        await watermarks.set_to(tx, app_id, EXPIRED, old[-1] if len(old) == AT_ONCE else up_to)
        return len(old)

    async def _give_up(self) -> None:
        now, given_up = self._clock(), AT_ONCE
        before = now - EVENTS_TRIED_S
        while given_up == AT_ONCE:
            async with self._db.transaction() as tx:
                given_up = await replays.give_up(tx, before_id=ids.first_id_at(before), before=before, now=now, most=AT_ONCE)

    async def sweep(self) -> None:
        """Events that nobody took for a day are dead, those that nobody fetched for a week go."""
        await self._give_up()
        swept = AT_ONCE
        while swept == AT_ONCE:
            async with self._db.transaction() as tx:
                swept = await outbox.sweep(tx, before_id=ids.first_id_at(self._clock() - EVENTS_KEPT_S), most=AT_ONCE)
