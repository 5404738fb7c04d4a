"""Which sessions of which links this engine has: its share of them, held in the database so that no other engine has the same."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable

import structlog

from hongyan.kit.bell import POLL_S, Bell
from hongyan.kit.db import RETRY, Connection
from hongyan.model.snapshot import LinkConfig
from hongyan.pipeline.engine import Engine
from hongyan.pipeline.linkset import LinkSet
from hongyan.pipeline.shares import shares
from hongyan.store import seats
from hongyan.store.seats import Seat, Table

log = structlog.get_logger()

GRACE_S = 2.0
"""An engine whose identity has ended closes its seats after this, unless it has them again under the next one."""
LEFT_ALONE_S = 4.0
"""What a dead engine had stays free so long: it may be closing it, or come back for it. Longer than GRACE_S and a poll."""
ANSWER_S = 8.0
"""A database that does not answer the engine's own session within this has left us: less than it takes to find that we have left it."""


class Seating:
    """Takes, keeps and gives up seats. `alone` says that no other living engine dispatches.

    `configs` are all links there are, by id, whether or not we have a seat.
    """

    def __init__(self, *, engine: Engine, linkset: LinkSet, bell: Bell, monotonic: Callable[[], float], drain_s: float) -> None:
        """A seat that has to go at once gets `drain_s` for what it has in flight; one that moves to another engine what it needs."""
        self.alone = True
        self.configs: dict[int, LinkConfig] = {}
        self._engine = engine
        self._linkset = linkset
        self._bell = bell
        self._monotonic = monotonic
        self._drain_s = drain_s
        self._looking = asyncio.Lock()
        self._identity = 0
        self._bereft_at = 0.0
        self._held: set[Seat] = set()
        self._closing: dict[Seat, asyncio.Task[None]] = {}
        self._seen = Table(frozenset(), {})
        self._vacated: dict[Seat, float] = {}

    def follow(self, configs: Iterable[LinkConfig]) -> None:
        """These are the links now."""
        wanted = [config for config in configs if config.enabled]
        for config in wanted:
            if not self._linkset.knows(config):
                log.error("link_protocol_unknown", link=config.name, protocol=config.protocol)
        self.configs = {config.id: config for config in wanted if self._linkset.knows(config)}
        self._bell.ring()

    def lost(self) -> None:
        """Our identity has ended, and with it our hold on the seats."""
        self._bereft_at = self._monotonic()
        self._bell.ring()

    async def run(self) -> None:
        """Look on the bell and each second, until cancelled."""
        while True:
            await self.look()
            await self._bell.wait(self._patience())

    async def look(self) -> None:
        """See who has what and do our part of it."""
        async with self._looking:
            session = self._engine.session
            if session is None:
                self._let_time_pass()
                return
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._do_our_part(session)
            except RETRY as fault:
                log.warning("seats_wait_for_database", why=type(fault).__name__)
                # What the session holds is no longer certain: only its end frees what we do not know of.
                if self._engine.session is session:
                    self._engine.renew()

    async def stop(self) -> None:
        """Close all, and let others have them."""
        self.configs = {}
        async with self._looking:
            for seat in self._linkset.open_seats():
                self._leave(seat, self._drain_s)
            if self._closing:
                await asyncio.wait(self._closing.values())
        await self.look()

    def _patience(self) -> float:
        if self._engine.session is not None or not self._linkset.open_seats():
            return POLL_S
        return min(POLL_S, max(0.01, self._bereft_at + GRACE_S - self._monotonic()))

    def _let_time_pass(self) -> None:
        if self._monotonic() - self._bereft_at >= GRACE_S:
            for seat in self._linkset.open_seats():
                self._leave(seat, 0)

    # One look.

    async def _do_our_part(self, session: Connection) -> None:
        if self._engine.id != self._identity:
            await self._take_up(session)
        table = await seats.look(session)
        self._note(table)
        self.alone = table.engines <= {self._engine.id}
        for link_id in sorted(self.configs.keys() | {link_id for link_id, _ in self._held}):
            await self._share(session, link_id, table)

    async def _take_up(self, session: Connection) -> None:
        """Under a new identity: what is still open is ours again, unless somebody else was quicker."""
        others = {seat: engine for seat, engine in self._seen.held.items() if engine != self._identity}
        self._seen = Table(self._seen.engines, others)
        self._identity = self._engine.id
        self._held.clear()
        open_seats = self._linkset.open_seats()
        ours = open_seats | self._closing.keys()
        if ours:
            self._held = await seats.take(session, ours)
        for seat in open_seats - self._held:
            self._leave(seat, 0)

    def _note(self, table: Table) -> None:
        """Seats whose engine is gone are left alone for a moment."""
        now = self._monotonic()
        for seat, engine in self._seen.held.items():
            if seat not in table.held and engine not in table.engines:
                self._vacated[seat] = now
        self._vacated = {seat: at for seat, at in self._vacated.items() if seat not in table.held and now - at < LEFT_ALONE_S}
        self._seen = table

    async def _share(self, session: Connection, link_id: int, table: Table) -> None:
        config = self.configs.get(link_id)
        open_seats = sorted(seat for seat in self._linkset.open_seats() if seat[0] == link_id)
        ours = self._our_share(config, table)
        if config is None or (open_seats and self._linkset.links[link_id].config != config):
            staying, within_s = [], self._drain_s
        else:
            staying, within_s = open_seats[:ours], config.response_s
        for seat in open_seats[len(staying) :]:
            self._leave(seat, within_s)
        idle = sorted(seat for seat in self._held if seat[0] == link_id and seat not in open_seats and seat not in self._closing)
        usable = [] if config is None else [seat for seat in idle if seat[1] < config.sessions]
        taking = usable[: ours - len(staying)]
        if back := [seat for seat in idle if seat not in taking]:
            await seats.give_back(session, back)
            self._held.difference_update(back)
        missing = ours - len(staying) - len(taking)
        if config is not None and missing > 0 and (free := self._free(config, table)):
            got = await seats.take(session, free[:missing])
            self._held |= got
            taking += sorted(got)
        if config is not None:
            for _, number in taking:
                self._linkset.sit(config, number)

    def _our_share(self, config: LinkConfig | None, table: Table) -> int:
        if config is None:
            return 0
        having = Counter(engine for (link_id, _), engine in table.held.items() if link_id == config.id)
        load = Counter(table.held.values())
        return shares(table.engines, having, config.sessions, turn=config.id, load=load).get(self._identity, 0)

    def _free(self, config: LinkConfig, table: Table) -> list[Seat]:
        every = [(config.id, number) for number in range(config.sessions)]
        return [seat for seat in every if seat not in table.held and seat not in self._held and seat not in self._vacated]

    def _leave(self, seat: Seat, within_s: float) -> None:
        closing = self._linkset.rise(*seat, within_s)
        self._closing[seat] = closing
        closing.add_done_callback(lambda _closed: self._closed(seat))

    def _closed(self, seat: Seat) -> None:
        self._closing.pop(seat, None)
        self._bell.ring()
