"""The embedded carrier as a server: sockets, timers, orders."""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from hongyan.simulator import orders
from hongyan.simulator.centre import Centre
from hongyan.simulator.config import SimulatorConfig
from hongyan.simulator.connection import Connection
from hongyan.simulator.control import ControlServer
from hongyan.simulator.journal import Journal
from hongyan.wire.smpp import Smpp

TICK_S = 0.5
GOODBYE_S = 1.0


class Simulator:
    """An SMSC on one port. All its methods belong to one event loop.

    `clock` gives Unix seconds, `monotonic` seconds that never go back.
    """

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        journal: Journal | None = None,
    ) -> None:
        self.config = config
        self.clock = clock
        self.monotonic = monotonic
        self.codec = Smpp()
        self.centre = Centre(config, started_at=clock(), record=None if journal is None else journal.write)
        self.killed = asyncio.Event()
        self._journal = journal
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._stirred: dict[Connection, None] = {}
        self._flushing = False
        self._wake: asyncio.TimerHandle | None = None
        self._wake_at = 0.0
        self._ticker: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    async def start(self, host: str, port: int) -> int:
        """Listen; the port that was bound, which is a free one for port 0. Raises OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), host, port, backlog=1024)
        self._ticker = loop.call_later(TICK_S, self._tick)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Unbind every session, wait a moment for their answers, close everything. The journal is flushed, not closed."""
        if self._server is not None:
            self._server.close()
        now = self.monotonic()
        for connection in tuple(self._connections):
            connection.unbind(now)
        try:
            async with asyncio.timeout(GOODBYE_S):
                await self._all_gone()
        except TimeoutError:
            self._cut()
            await self._all_gone()
        for timer in (self._ticker, self._wake):
            if timer is not None:
                timer.cancel()
        self._ticker = self._wake = None
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None
        if self._journal is not None:
            self._journal.flush()

    def stats(self) -> dict[str, Any]:
        """Counters since the start or the last reset, how things stand now, and which faults are on."""
        kinds = [connection.kind for connection in self._connections]
        return {
            **msgspec.to_builtins(self.centre.counts),
            "connections": len(kinds),
            "bound": {kind: kinds.count(kind) for kind in ("tx", "rx", "trx")},
            "owed": self.centre.owed,
            "seen": msgspec.to_builtins(self.centre.seen.summary()),
            "journal_lost": 0 if self._journal is None else self._journal.lost,
            "script": msgspec.to_builtins(self.centre.script.standing(self.monotonic())),
        }

    def obey(self, order: orders.Order) -> dict[str, Any] | orders.Wrong:
        """Do what was said on the control channel; what there is to answer, or why it was not done."""
        match order:
            case orders.Stats():
                return self.stats()
            case orders.Seen():
                return self._seen(order)
            case orders.Reply():
                account = self.centre.write_back(order, self.monotonic())
                if isinstance(account, orders.Wrong):
                    return account
                self._flush_soon()
                return {"system_id": account.system_id, "bound": bool(account.receivers)}
            case orders.Reset():
                self.centre.reset()
            case orders.Kill():
                self._cut()
                self.killed.set()
            case _:
                self.centre.script.change(order, self.monotonic())
                if isinstance(order, orders.Drop) and order.close:
                    self._cut()
        return {}

    # What connections ask.

    def joined(self, connection: Connection) -> bool:
        self._connections.add(connection)
        self._empty.clear()
        return len(self._connections) <= self.config.connections

    def left(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
        self._flush_soon()

    def stir(self, connection: Connection) -> None:
        self._stirred[connection] = None
        if not self._flushing:
            self._flush_soon()

    # How it is done.

    def _flush_soon(self) -> None:
        """Everything that one turn of the loop brings is written together at its end."""
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self.centre.hand_out()
        stirred, self._stirred = self._stirred, {}
        self._flushing = False
        for connection in stirred:
            connection.write()
        self._set_alarm()

    def _set_alarm(self) -> None:
        due = self.centre.next_due()
        if due is None or (self._wake is not None and self._wake_at <= due):
            return
        if self._wake is not None:
            self._wake.cancel()
        self._wake_at = due
        self._wake = asyncio.get_running_loop().call_later(max(0.0, due - self.monotonic()), self._due)

    def _due(self) -> None:
        self._wake = None
        self.centre.due(self.monotonic())
        self._flush_soon()

    def _tick(self) -> None:
        now = self.monotonic()
        for connection in tuple(self._connections):
            connection.tick(now)
        self._ticker = asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _cut(self) -> None:
        for connection in tuple(self._connections):
            connection.abort()

    async def _all_gone(self) -> None:
        if self._connections:
            await self._empty.wait()

    def _seen(self, order: orders.Seen) -> dict[str, Any]:
        seen = self.centre.seen
        if order.phone:
            sight = seen.sight(order.phone)
            return {"numbers": {} if sight is None else {order.phone: msgspec.to_builtins(sight)}, "next": None}
        page, following = seen.page(after=order.after, limit=order.limit, duplicates=order.duplicates)
        return {"numbers": msgspec.to_builtins(page), "next": following, "summary": msgspec.to_builtins(seen.summary())}


async def serve(config: SimulatorConfig, host: str, port: int, control_path: str, ready: Callable[[int], None]) -> None:
    """Run a carrier until SIGTERM, SIGINT or the order to die; `ready` is called with the port once it can be bound to.

    `control_path` is a unix socket or a loopback port in digits; empty for no control channel. Raises OSError when an address is taken.
    """
    journal = Journal(Path(config.journal)) if config.journal else None
    simulator = Simulator(config, clock=time.time, monotonic=time.monotonic, journal=journal)
    control = ControlServer(simulator.obey)
    ended = simulator.killed
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    try:
        bound = await simulator.start(host, port)
        if control_path:
            await control.start(control_path)
        ready(bound)
        await ended.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        await simulator.stop()
        await control.stop()
        if journal is not None:
            journal.close()
