"""From the queue to the carriers: claim, choose a link, note the attempt, write."""

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence

import structlog

from hongyan.kit.bell import POLL_S, Bell
from hongyan.kit.db import RETRY, Database
from hongyan.kit.faults import fault, fault_async
from hongyan.model.message import Kind, Message
from hongyan.model.numbering import Numbering
from hongyan.model.phone import is_mainland
from hongyan.model.protection import rests_until
from hongyan.model.senders import SenderNumbers
from hongyan.model.snapshot import App
from hongyan.model.text import Parts, air
from hongyan.model.ways import ROUTES, UNSAID, Route
from hongyan.pipeline.conclude import reference_of, udh_reference_of
from hongyan.pipeline.lanes import Lanes
from hongyan.pipeline.ports import IN_LANE, NOWHERE, Link, OutboundSegment
from hongyan.pipeline.recorder import Recorder
from hongyan.pipeline.routing import LinkState, Reach, choose, way_of
from hongyan.pipeline.withdrawals import set_aside
from hongyan.store import doubts, messages, queue

log = structlog.get_logger()

CLAIM_AT_ONCE = 500
ROUND_MAX = 1000
"""Most segments attempted in one transaction: what a crash at the worst instant leaves in doubt."""


class Dispatcher:
    """Sends what this process holds and claims more when it has room.

    `engine` is the identity under which entries are held; when the database has ended it (its session broke), a new one
    is given with `reincarnate` and what was held is left to be claimed again.
    """

    def __init__(
        self,
        *,
        db: Database,
        recorder: Recorder,
        links: Mapping[int, Link],
        reach: Callable[[], Mapping[Route, Reach]],
        numbering: Numbering,
        clock: Callable[[], float],
        bell: Bell,
        engine: int,
        renew: Callable[[], None],
        capacity: int,
        soon: Callable[[], int],
        senders: Callable[[], SenderNumbers],
        apps: Callable[[], Mapping[int, App]],
    ) -> None:
        """`soon` is how many messages of a kind may be here at most as things are: what others could send is left to them.

        `reach` says which ways are ours. `renew` asks for a new identity: what the old one holds, known to us or not, is then free.
        """
        self.engine = engine
        self._db = db
        self._recorder = recorder
        self._links = links
        self._reach = reach
        self._soon = soon
        self._senders = senders
        self._apps = apps
        self._resting: dict[tuple[int, float], list[int]] = {}
        self._numbering = numbering
        self._clock = clock
        self._bell = bell
        self._renew = renew
        self._unwritten: list[tuple[int, list[int], float]] = []
        """Application, messages and time of attempts after which nothing was written. Accept adds to it at any time."""
        self._astray: list[Message] = []
        self._promised: dict[int, int] = {}
        """By link: room set aside for what is being promised."""
        self._lanes = Lanes(capacity, self._route)
        self._wake = Bell()
        self._stopping = False
        self._nobody = False
        recorder.on_answer = self._wake.ring
        recorder.on_put_back = self._claim_again_in

    # What accept uses: room in this process, then the messages themselves.

    def ways(self) -> frozenset[int]:
        """The ways that messages may wait for here. Those of no link at all are looked after by whoever has them."""
        reach = self._reach()
        return frozenset(way for way, route in ROUTES.items() if reach[route] is not Reach.ELSEWHERE)

    def make_room(self, messages: Sequence[Message]) -> list[int]:
        """Places for messages about to be promised: a link that has room now, else our lanes, else nowhere.

        What goes straight to a link leaves room there for all that waits here. Nobody has a place while we stop or are between two
        identities, so that others take what arrives.
        """
        if self._stopping or self._nobody:
            return [NOWHERE] * len(messages)
        here = self.ways()
        states = self._states(self._clock(), besides=len(self._lanes))
        return [self._place(message, states) if message.way in here else NOWHERE for message in messages]

    def _place(self, message: Message, states: list[LinkState]) -> int:
        if states:
            needed = _needed(message)
            state = choose(states, self._route(message), needed)
            if state is not None and state.room >= needed:
                state.room -= needed
                self._promised[state.config.id] = self._promised.get(state.config.id, 0) + needed
                return state.config.id
        return IN_LANE if self._room(message.kind) > 0 and self._lanes.reserve(message.kind, 1) else NOWHERE

    def _room(self, kind: Kind) -> int:
        """How many more of a kind may be here as things are."""
        return min(self._lanes.room(kind), self._soon() - self._lanes.held(kind))

    def give_back(self, messages: Sequence[Message], places: Sequence[int], _at: float) -> None:
        """They were not promised after all."""
        for message, place in zip(messages, places, strict=True):
            if place > IN_LANE:
                self._promised[place] -= _needed(message)
            elif place == IN_LANE:
                self._lanes.unreserve(message.kind, 1)
        self._wake.ring()

    def disclaim(self, messages: Sequence[Message], places: Sequence[int], at: float) -> None:
        """They were perhaps promised, and are not written: who claims them finds them not attempted."""
        for message, place in zip(messages, places, strict=True):
            if place >= IN_LANE:
                self._unwritten.append((message.app_id, [message.id], at))
        self.give_back(messages, places, at)

    def take(self, messages: Sequence[Message], places: Sequence[int], at: float, *, engine: int) -> None:
        """Write those with a link at once and keep the others in our lanes; if our identity has ended meanwhile, do neither."""
        if engine != self.engine or self._nobody:
            self.disclaim(messages, places, at)
            return
        by_place: dict[int, list[Message]] = {}
        for message, place in zip(messages, places, strict=True):
            by_place.setdefault(place, []).append(message)
        by_place.pop(NOWHERE, None)
        waiting = by_place.pop(IN_LANE, None)
        for link_id, group in by_place.items():
            self._promised[link_id] -= sum(map(_needed, group))
            self._submit(link_id, group, attempted_at=at)
        if waiting:
            self._lanes.push(waiting)
            self._wake.ring()

    def _states(self, now: float, *, besides: int = 0) -> list[LinkState]:
        """Links with the room that nobody has been promised, as far as it is more than `besides`."""
        rooms = [(link, link.room(now) - self._promised.get(link.config.id, 0) - besides) for link in self._links.values()]
        return [LinkState(link.config, room, link.most) for link, room in rooms if room > 0]

    # Its loops.

    async def run(self) -> None:
        """Send until cancelled."""
        now = self._clock()
        while True:
            try:
                await self._take_back()
                await self._let_go()
                await self._lay_down()
                now = self._clock()
                progressed = await self._round(now)
            except RETRY as fault:
                log.warning("dispatch_waits_for_database", why=type(fault).__name__)
                progressed = False
                await asyncio.sleep(POLL_S / 4)
            if not progressed:
                # As of the round's time: room that has come since would otherwise be taken for room that nobody wants.
                await self._wake.wait(self._patience(now))

    async def run_claims(self) -> None:
        """Claim until cancelled: on the bell, each second, and as long as there is room and more to have."""
        while True:
            try:
                more = await self._claim_all()
            except RETRY as fault:
                log.warning("claim_waits_for_database", why=type(fault).__name__)
                more = False
            await (asyncio.sleep(0.02) if more else self._bell.wait())

    def disown(self) -> None:
        """Our identity has ended: nothing is taken under it any more, or it would be held by nobody."""
        self._nobody = True

    def reincarnate(self, engine: int) -> None:
        """Our hold on what we had is gone: drop it, it is claimed again under the new identity."""
        dropped = self._lanes.clear()
        self.engine = engine
        self._nobody = False
        log.warning("engine_reincarnated", engine=engine, dropped=len(dropped))
        self._bell.ring()

    async def stop(self) -> None:
        """Take nothing more and let others have what has not been attempted."""
        self._stopping = True
        self._lanes.clear()
        async with self._db.transaction() as tx:
            if await queue.release(tx, [self.engine]):
                await queue.ring(tx)

    def _patience(self, now: float) -> float:
        if not len(self._lanes):
            return POLL_S
        waits = [wait for link in self._links.values() if (wait := link.next_room_in(now)) is not None]
        return max(0.001, min(waits, default=POLL_S))

    # One round of sending.

    async def _round(self, now: float) -> bool:
        if self._stopping or self._nobody or not len(self._lanes):
            return False
        reach = self._reach()
        states = self._states(now)
        routes: dict[int, LinkState] = {}
        budget = min(ROUND_MAX, sum(state.room for state in states))
        taken = self._lanes.take(max(budget, 1), lambda message: self._cost(message, reach, states, routes, now))
        if not taken:
            return False
        for message in taken:
            if message.expires_at <= now:
                self._recorder.expired(message)
            elif (until := self._rests(message, now)) is not None:
                self._resting.setdefault((message.app_id, until), []).append(message.id)
            elif message.id not in routes and reach[self._route(message)] is Reach.ELSEWHERE:
                self._astray.append(message)
            elif message.id not in routes:
                self._recorder.unroutable(message)
        fault("route_chosen")
        await self._attempt([message for message in taken if message.id in routes], routes)
        return True

    def _route(self, message: Message) -> Route:
        return ROUTES[message.way or way_of(self._numbering, message.phone)]

    def _cost(
        self, message: Message, reach: Mapping[Route, Reach], states: list[LinkState], routes: dict[int, LinkState], now: float
    ) -> int | None:
        route = self._route(message)
        if message.expires_at <= now or reach[route] is not Reach.HERE or self._rests(message, now) is not None:
            return 0
        needed = _needed(message)
        state = choose(states, route, needed)
        if state is None:
            return None
        cost = min(needed, state.room)
        state.room -= cost
        routes[message.id] = state
        return cost

    def _rests(self, message: Message, now: float) -> float | None:
        """Until when its hours keep it here; what a carrier may have some of is brought to an end."""
        app = self._apps().get(message.app_id) if message.kind is Kind.MARKETING and not (message.attempts or message.sent_mask) else None
        return None if app is None else rests_until(app.marketing_hours, now)

    async def _attempt(self, chosen: list[Message], routes: dict[int, LinkState]) -> None:
        """Commit the attempts, then write at once: between the two nothing may wait."""
        groups: dict[tuple[int, int], list[Message]] = {}
        for message in chosen:
            groups.setdefault((routes[message.id].config.id, message.app_id), []).append(message)
        now = self._clock()
        try:
            async with self._db.connection() as conn:
                while groups:
                    (link_id, app_id), group = next(iter(groups.items()))
                    await fault_async("intent_before_commit")
                    held = await queue.attempt(conn, app_id, [m.id for m in group], owner=self.engine, link_id=link_id, now=now)
                    fault("intent_after_commit")
                    del groups[link_id, app_id]
                    self._submit(link_id, [message for message in group if message.id in held], attempted_at=now)
        finally:
            self._unwritten.extend((app_id, [message.id for message in group], now) for (_, app_id), group in groups.items())

    async def _let_go(self) -> None:
        """What has come to us and is another engine's to send goes back to the queue, with its way on it."""
        while self._astray:
            first = self._astray[0]
            way = first.way or way_of(self._numbering, first.phone)
            alike = [m for m in self._astray if (m.app_id, m.way) == (first.app_id, first.way)] if first.way else [first]
            async with self._db.transaction() as tx:
                await queue.let_go(tx, first.app_id, [m.id for m in alike], owner=self.engine, way=way)
                await queue.ring(tx)
            gone = {m.id for m in alike}
            self._astray = [m for m in self._astray if m.id not in gone]

    async def _lay_down(self) -> None:
        """Marketing whose hours ended while it was in our hands sleeps until they begin."""
        while self._resting:
            (app_id, until), ids = next(iter(self._resting.items()))
            async with self._db.connection() as conn:
                await queue.lay_down(conn, app_id, ids, owner=self.engine, until=until)
            del self._resting[app_id, until]

    async def _take_back(self) -> None:
        """Attempts that failed before anything was written, perhaps after they were noted: nothing was sent, all may be tried again."""
        while self._unwritten:
            app_id, ids, attempted_at = self._unwritten[0]
            async with self._db.transaction() as tx:
                await queue.not_written(tx, app_id, ids, attempted_at=attempted_at)
                await doubts.resolve(tx, app_id, ids, "not written", self._clock())
                await set_aside(tx, app_id, ids, self._clock())
                await queue.ring(tx)
            self._unwritten.pop(0)

    def _submit(self, link_id: int, group: list[Message], *, attempted_at: float) -> None:
        now = self._clock()
        link = self._links.get(link_id)
        if link is None:
            # Taken away between the choice and now: nothing is written, all goes back.
            self._unwritten.extend((message.app_id, [message.id], attempted_at) for message in group)
            return
        room = link.room(now)
        outbound: list[OutboundSegment] = []
        senders = self._senders()
        for message in group:
            sender = senders.shown(message.sender_id or link.config.sender_id, message.signature_id, message.extend)
            segments = _segments(message, sender, now)
            fitting = segments[: max(0, room - len(outbound))]
            self._recorder.expect(message, link.config.id, fitting, segments[len(fitting) :], attempted_at=attempted_at)
            outbound.extend(fitting)
        link.submit(outbound, now)

    # Claiming.

    def _claim_again_in(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._bell.ring)

    async def _claim_all(self) -> bool:
        """One batch for each application, kind and way that waits and is ours; True when a full one suggests more."""
        if self._stopping or self._nobody or not any(link.up for link in self._links.values()):
            return False
        async with self._db.connection() as conn:
            waiting = await queue.waiting(conn, distributed=self._db.distributed)
        ways = self.ways() | {UNSAID}
        more = False
        for kind in Kind:
            turns = [(app_id, way) for app_id, waiting_kind, way in waiting if waiting_kind is kind and way in ways]
            for app_id, way in turns:
                room = self._room(kind) // max(1, len(turns))
                if room > 0:
                    more |= await self._claim(app_id, kind, way, min(CLAIM_AT_ONCE, room))
        return more

    async def _claim(self, app_id: int, kind: Kind, way: int, most: int) -> bool:
        granted = self._lanes.reserve(kind, most)
        claimed: list[Message] = []
        engine = self.engine
        try:
            async with self._db.transaction() as tx:
                rows = await queue.claim(tx, app_id, kind, way, owner=engine, now=self._clock(), most=granted)
                claimed = [messages.message_of(row) for row in rows]
        except RETRY:
            # The claim may have been committed without our hearing of it: only a new identity frees what we do not know to hold.
            claimed = []
            self._renew()
            raise
        finally:
            self._lanes.unreserve(kind, granted - len(claimed))
        if engine != self.engine:
            self._lanes.unreserve(kind, len(claimed))
            return False
        self._lanes.push(claimed)
        self._wake.ring()
        return bool(claimed) and len(claimed) == granted


@functools.lru_cache(maxsize=2048)
def _parts(text: str, mainland: bool) -> Parts:
    return air(text, mainland=mainland)


def _needed(message: Message) -> int:
    """Segments that no carrier has taken yet."""
    if message.segments == 1:
        # What is billed as one is sent as one.
        return 1 - message.sent_mask
    return len(_parts(message.text, is_mainland(message.phone)).parts) - message.sent_mask.bit_count()


def _segments(message: Message, sender: str, now: float) -> list[OutboundSegment]:
    """The segments of a message that no carrier has taken yet."""
    cut = _parts(message.text, is_mainland(message.phone))
    udh_reference = udh_reference_of(message.id)
    validity_s = max(1, int(message.expires_at - now))
    return [
        OutboundSegment(
            app_id=message.app_id,
            message_id=message.id,
            sequence=sequence,
            total=len(cut.parts),
            phone=message.phone,
            sender_id=sender,
            alphabet=cut.alphabet,
            text=part,
            udh_reference=udh_reference,
            reference=reference_of(message.id, sequence),
            validity_s=validity_s,
        )
        for sequence, part in enumerate(cut.parts, start=1)
        if not message.sent_mask >> (sequence - 1) & 1
    ]
