"""A bad line: a TCP proxy between a link and its carrier that knows where protocol messages begin, and does to them what a test says.

What a protocol looks like is a `Framing`; what goes wrong is a list of `Fault`s: which frames, and what becomes of them. Frames that no
fault asks for pass as they are. Nothing here is random: whoever wants chance passes an `every` or an action made with a seed.
"""

import asyncio
import contextlib
import enum
import random
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec


class Way(enum.Enum):
    """The direction a frame travels."""

    OUT = "to the carrier"
    BACK = "from the carrier"


class Framing(msgspec.Struct, frozen=True):
    """Where things are in a protocol's frames, which begin with their whole length as 32 bits (SMPP, CMPP, SGIP and SMGP all do)."""

    head: int
    sequence: slice
    submit: int
    submit_response: int
    deliver: int
    """The command ids (octets 4 to 8) that faults are about."""
    head_fields: dict[str, int]
    """One octet of each field worth corrupting, by its place; "body" is the first octet behind the head."""


SMPP = Framing(16, slice(12, 16), 0x04, 0x80000004, 0x05, {"length": 2, "command": 7, "status": 11, "sequence": 15, "body": 16})

Action = Callable[["Lane", bytes], None]
"""Gets a whole frame and its lane; what it does not write is gone."""


class Fault(msgspec.Struct):
    """Every `every`-th frame with this command id that goes this way, at most `times` often, is given to `act`."""

    way: Way
    act: Action
    command: int | None = None
    """None for all."""
    every: int = 1
    times: int = 1 << 60
    seen: int = 0
    done: int = 0

    def wants(self, way: Way, command: int) -> bool:
        """Count the frame; say whether this is one."""
        if way is not self.way or (self.command is not None and command != self.command) or self.done >= self.times:
            return False
        self.seen += 1
        hit = self.seen % self.every == 0
        self.done += hit
        return hit


class Shape(msgspec.Struct, frozen=True):
    """How the octets of one direction travel."""

    delay_s: float = 0.0
    rate: float = 0.0
    """Octets a second; 0 for as fast as they come."""
    coalesce_s: float = 0.0
    """What comes within so long is written at once."""


class Lane:
    """One direction of one connection."""

    def __init__(self, line: "Line", way: Way) -> None:
        self.line = line
        self.way = way
        self.source: _End
        self.target: _End
        self.deaf = False
        """Everything is read and nothing goes on."""
        self._shape = line.shapes.get(way, Shape())
        self._partial = bytearray()
        self._queue: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def feed(self, data: bytes) -> None:
        """Cut into frames, give each to the faults that want it."""
        self._partial += data
        while len(self._partial) >= 4:
            length = max(4, int.from_bytes(self._partial[:4], "big"))
            if len(self._partial) < length:
                return
            frame = bytes(self._partial[:length])
            del self._partial[:length]
            if not self.deaf:
                self._pass(frame)

    def write(self, data: bytes) -> None:
        """Send it on, in order, as the shape says."""
        shape = self._shape
        if shape == Shape():
            self.target.write(data)
            return
        self._queue.append((self._loop.time() + shape.delay_s, data))
        if self._timer is None:
            self._timer = self._loop.call_later(max(shape.delay_s, shape.coalesce_s), self._pump)

    def later(self, seconds: float, data: bytes) -> None:
        """Send it on then, overtaken by what comes meanwhile."""
        self._loop.call_later(seconds, self.target.write, data)

    def _pass(self, frame: bytes) -> None:
        command = int.from_bytes(frame[4:8], "big")
        for fault in self.line.faults:
            if fault.wants(self.way, command):
                fault.act(self, frame)
                return
        self.write(frame)

    def _pump(self) -> None:
        self._timer = None
        shape, now = self._shape, self._loop.time()
        ready: list[bytes] = []
        size = 0
        # A limited line takes a hundredth of a second's worth at a time.
        most = max(1, int(shape.rate / 100)) if shape.rate else 1 << 60
        while self._queue and self._queue[0][0] <= now and size < most:
            due, data = self._queue.popleft()
            if size + len(data) > most:
                self._queue.appendleft((due, data[most - size :]))
                data = data[: most - size]
            ready.append(data)
            size += len(data)
        if ready:
            self.target.write(b"".join(ready))
        if self._queue:
            wait = 0.01 if shape.rate else max(shape.coalesce_s, self._queue[0][0] - now, 0.0)
            self._timer = self._loop.call_later(wait, self._pump)


class _End(asyncio.Protocol):
    """One socket of a connection. What comes before the other one is there waits."""

    def __init__(self, line: "Line", feeds: Lane) -> None:
        self._line = line
        self._feeds = feeds
        self._early: list[bytes] = []
        self._stopped = False
        self.transport: Any = None
        self.other: _End

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._line.ends.add(self)
        self.write(b"".join(self._early))

    def data_received(self, data: bytes) -> None:
        self._feeds.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._line.ends.discard(self)
        if not self._feeds.deaf and self.other.transport is not None:
            self.other.transport.close()

    def pause_writing(self) -> None:
        self.other.read(on=False)

    def resume_writing(self) -> None:
        self.other.read(on=not self.other._stopped)

    def write(self, data: bytes) -> None:
        if self.transport is None:
            self._early.append(data)
        elif data and not self.transport.is_closing():
            self.transport.write(data)

    def read(self, *, on: bool) -> None:
        if self.transport is not None and not self.transport.is_closing():
            (self.transport.resume_reading if on else self.transport.pause_reading)()

    def stop_reading(self, seconds: float) -> None:
        """Leave what comes where it is for a while: the peer's writes pile up."""
        self._stopped = True
        self.read(on=False)
        asyncio.get_running_loop().call_later(seconds, self._go_on)

    def reset(self) -> None:
        """Close with RST."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()

    def _go_on(self) -> None:
        self._stopped = False
        self.read(on=True)


class Line:
    """Listens on loopback and connects each caller to the carrier at `port`."""

    def __init__(self, port: int, faults: Sequence[Fault] = (), shapes: dict[Way, Shape] | None = None) -> None:
        self.faults = list(faults)
        self.shapes = shapes or {}
        self.ends: set[_End] = set()
        self.calls = 0
        self._carrier = port
        self._server: asyncio.Server | None = None
        self._connecting: set[asyncio.Task[None]] = set()

    async def open(self) -> int:
        """The port that links are to call."""
        self._server = await asyncio.get_running_loop().create_server(self._called, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for end in tuple(self.ends):
            end.transport.abort()
        await self._server.wait_closed()

    def _called(self) -> _End:
        self.calls += 1
        out, back = Lane(self, Way.OUT), Lane(self, Way.BACK)
        near, far = _End(self, out), _End(self, back)
        out.source, out.target, back.source, back.target = near, far, far, near
        near.other, far.other = far, near
        connecting = asyncio.create_task(self._connect(near, far))
        self._connecting.add(connecting)
        connecting.add_done_callback(self._connecting.discard)
        return near

    async def _connect(self, near: _End, far: _End) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, "127.0.0.1", self._carrier)
        except OSError:
            with contextlib.suppress(AttributeError):
                near.transport.abort()


# What can become of a frame.


def swallow(lane: Lane, frame: bytes) -> None:
    del lane, frame


def late(seconds: float) -> Action:
    return lambda lane, frame: lane.later(seconds, frame)


def repeat(times: int) -> Action:
    return lambda lane, frame: lane.write(frame * times)


def split(lane: Lane, frame: bytes) -> None:
    """Each octet a write of its own."""
    for octet in frame:
        lane.write(bytes((octet,)))


def stray(octets: bytes) -> Action:
    return lambda lane, frame: lane.write(octets + frame)


def corrupt(place: int, mask: int = 0x21) -> Action:
    """Flip bits of one octet."""

    def act(lane: Lane, frame: bytes) -> None:
        spoilt = bytearray(frame)
        if place < len(spoilt):
            spoilt[place] ^= mask
        lane.write(bytes(spoilt))

    return act


def reset(lane: Lane, frame: bytes) -> None:
    """RST both ways; the frame is gone."""
    del frame
    lane.source.reset()
    lane.target.reset()


def cut(octets: int) -> Action:
    """So many octets of the frame, then the end of the connection."""

    def act(lane: Lane, frame: bytes) -> None:
        lane.write(frame[:octets])
        lane.target.transport.close()

    return act


def half_open(*ways: Way) -> Action:
    """From this frame on nothing arrives any more these ways, and nobody is told."""

    def act(lane: Lane, frame: bytes) -> None:
        del frame
        for one in (lane.source._feeds, lane.target._feeds):
            one.deaf = one.deaf or one.way in ways

    return act


def stop_reading(seconds: float) -> Action:
    """Pass it on, then read nothing more from where it came from."""

    def act(lane: Lane, frame: bytes) -> None:
        lane.write(frame)
        lane.source.stop_reading(seconds)

    return act


def reorder(count: int, seed: int, wait_s: float) -> Action:
    """Hold frames until there are `count`, or for `wait_s`, and let them go shuffled."""
    held: list[tuple[Lane, bytes]] = []
    chance = random.Random(seed)  # noqa: S311 - a seeded shuffle

    def release() -> None:
        chance.shuffle(held)
        for lane, frame in held:
            lane.write(frame)
        held.clear()

    def act(lane: Lane, frame: bytes) -> None:
        if not held:
            asyncio.get_running_loop().call_later(wait_s, release)
        held.append((lane, frame))
        if len(held) >= count:
            release()

    return act
