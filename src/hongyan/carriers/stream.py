"""The asyncio shell around any wire session: it moves bytes and keeps one timer, and decides nothing."""

import asyncio
import socket
from collections.abc import Callable
from typing import Generic, cast

from hongyan.kit.faults import torn
from hongyan.wire.codec import P
from hongyan.wire.session import Event, Session

_FLOOD = 4 * 1024 * 1024
"""Octets waiting for the peer to read them: far more than any window."""


class WireStream(asyncio.Protocol, Generic[P]):
    """One connection. `on_events` gets what the session reports, in order, from the event loop; the last event is `Broken`."""

    def __init__(self, session: Session[P], on_events: Callable[[list[Event[P]]], None], monotonic: Callable[[], float]) -> None:
        self.session = session
        self._on_events = on_events
        self._monotonic = monotonic
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._poked = False

    def flush(self) -> None:
        """Write what the session has queued, now."""
        transport = self._transport
        if transport is None or transport.is_closing():
            # What stays queued is reported as never sent when the session ends.
            return
        data = self.session.outgoing()
        if data:
            transport.write(torn("pdu_half_written", transport, data) if self.session.in_flight else data)
        if self.session.broken is not None:
            self.close()
        else:
            self._arm()

    def poke(self) -> None:
        """Write what the session has queued when this turn of the loop is over, all of it at once."""
        if not self._poked:
            self._poked = True
            self._loop.call_soon(self._poke)

    def close(self) -> None:
        """End the connection; what the peer does not read at once is dropped."""
        self._disarm()
        transport, self._transport = self._transport, None
        if transport is None:
            return
        if transport.get_write_buffer_size():
            transport.abort()
        else:
            transport.close()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its bases

    def data_received(self, data: bytes) -> None:
        events = self.session.receive(data, self._monotonic())
        if events:
            self._on_events(events)
        self.flush()

    def pause_writing(self) -> None:
        # Nothing more is read for a peer that takes no answers. A window in flight never gets here: were we to stop reading then, and
        # the peer too, both would wait for each other.
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._disarm()
        self._transport = None
        events = self.session.eof(self._monotonic())
        if events:
            self._on_events(events)

    # The timer: one, armed for the earliest deadline, and left alone while that only moves away.

    def _arm(self) -> None:
        deadline = self.session.deadline()
        if deadline is None or (self._timer is not None and self._due <= deadline):
            return
        self._disarm()
        self._due = deadline
        self._timer = self._loop.call_later(max(0.0, deadline - self._monotonic()), self._tick)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        events = self.session.tick(self._monotonic())
        if events:
            self._on_events(events)
        self.flush()

    def _poke(self) -> None:
        self._poked = False
        self.flush()
