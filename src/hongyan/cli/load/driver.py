"""The load itself: keep-alive connections that send at a fixed rate, or each as soon as it has its answer."""

import asyncio
import contextlib
import time
from typing import Protocol, cast

import msgspec

from hongyan.cli.load.promises import Promises

TICK_S = 0.001
PATIENCE_S = 15.0
"""How long answers are waited for after the last request."""
LAST_CHUNK = b"0\r\n\r\n"
PAUSE_S = 0.05
"""A client whose request was refused as a whole, or whose connection broke, goes on after this."""


class Builder(Protocol):
    """Makes the requests of one API."""

    def build(self, index: int, at: int) -> bytes:
        """The whole request `index` (0, 1, ...), sent at Unix second `at`."""
        ...


class Pace(msgspec.Struct, frozen=True):
    """How much is sent for how long."""

    seconds: float
    connections: int
    rate: float | None
    """Requests a second, sent whether or not earlier ones were answered; None: each connection goes on when it has its answer."""
    requests: int | None = None
    """The load ends early when so many were sent."""


class Load:
    """One stretch of load. A request that finds no free connection at its time waits, and its wait counts."""

    def __init__(self, requests: Builder, promises: Promises, pace: Pace, address: tuple[str, int]) -> None:
        self._requests = requests
        self._promises = promises
        self._pace = pace
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._in_flight = 0
        self._quiet = asyncio.Event()
        self._enough = asyncio.Event()
        self._wall_offset = time.time() - time.monotonic()
        self._sent = 0
        self.began = self.ends = 0.0
        self.broken = 0
        """Connections that ended without being asked to."""

    async def run(self) -> None:
        """Send; over when every request is answered or `PATIENCE_S` have passed. Raises OSError when nobody listens."""
        connections = [await self._connect() for _ in range(self._pace.connections)]
        self.began = time.monotonic()
        self.ends = self.began + self._pace.seconds
        if self._pace.rate is None:
            for connection in connections:
                self._free(connection)
        else:
            self._idle = connections
            self._tick()
        with contextlib.suppress(TimeoutError):  # most loads are bounded by time alone
            async with asyncio.timeout(self._pace.seconds):
                await self._enough.wait()
        self.ends = min(self.ends, time.monotonic())
        with contextlib.suppress(TimeoutError):  # what has no answer by then is counted as unanswered
            async with asyncio.timeout(PATIENCE_S):
                while self._in_flight:
                    self._quiet.clear()
                    await self._quiet.wait()
        for connection in tuple(self._connections):
            connection.close()

    def stop(self) -> None:
        """Send nothing more: `run` ends when what is under way is answered."""
        self._enough.set()

    async def _connect(self) -> "Connection":
        _, connection = await self._loop.create_connection(lambda: Connection(self), *self._address)
        self._connections.add(connection)
        return connection

    def _tick(self) -> None:
        """Send what is due at the fixed rate."""
        now = time.monotonic()
        while self._idle and self._due(now):
            self._next(self._idle.pop())
        if now < self.ends:
            self._loop.call_later(TICK_S, self._tick)

    def _due(self, now: float) -> bool:
        return self._pace.rate is not None and self._sent < (min(now, self.ends) - self.began) * self._pace.rate

    def _next(self, connection: "Connection") -> None:
        now = time.monotonic()
        began = now if self._pace.rate is None else self.began + self._sent / self._pace.rate
        self._sent += 1
        self._in_flight += 1
        request = self._promises.begin(began)
        connection.ask(request, self._requests.build(request, int(now + self._wall_offset)))
        if self._sent == self._pace.requests:
            self.ends = now
            self._enough.set()

    # What connections say.

    def answered(self, connection: "Connection", request: int, status: int, body: bytes) -> None:
        """The answer to a request is complete."""
        now = time.monotonic()
        self._in_flight -= 1
        if not self._promises.answer(request, status, body, now):
            self._loop.call_later(PAUSE_S, self._free, connection)
        else:
            self._free(connection)

    def lost(self, connection: "Connection", request: int | None) -> None:
        """A connection broke, with this request unanswered."""
        self.broken += 1
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if request is not None:
            self._in_flight -= 1
        self._quiet.set()
        if time.monotonic() < self.ends:
            self._loop.call_later(PAUSE_S, self._reconnect)

    def _free(self, connection: "Connection") -> None:
        """It may send again."""
        now = time.monotonic()
        if self._due(now) or (self._pace.rate is None and now < self.ends):
            self._next(connection)
            return
        self._idle.append(connection)
        if not self._in_flight:
            self._quiet.set()

    def _reconnect(self) -> None:
        task = self._loop.create_task(self._connect())
        task.add_done_callback(self._reconnected)

    def _reconnected(self, task: "asyncio.Task[Connection]") -> None:
        if task.cancelled():
            return
        if task.exception() is None:
            self._free(task.result())
        elif time.monotonic() < self.ends:
            self._loop.call_later(PAUSE_S, self._reconnect)


class Connection(asyncio.Protocol):
    """HTTP/1.1 with one request at a time, as far as these servers speak it: an answer has a Content-Length or comes in chunks."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._request: int | None = None
        self._chunks: list[bytes] = []
        self._missing = 0
        self._in_chunks = False
        self._status = 0
        self._closing = False

    def ask(self, request: int, octets: bytes) -> None:
        """Send a request; the last one is answered."""
        self._request = request
        if self._transport is not None:
            self._transport.write(octets)

    def close(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by inheritance.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._more(data)
            return
        if self._chunks:
            data = b"".join([*self._chunks, data])
            self._chunks = []
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._chunks.append(data)
            return
        head, body = data[:end], data[end + 4 :]
        self._status = int(head[9:12])
        length = content_length(head)
        self._in_chunks = length is None and b"chunked" in head.lower()
        self._missing = 1 if self._in_chunks else length or 0
        self._more(body)

    def _more(self, data: bytes) -> None:
        """A piece of the body."""
        self._chunks.append(data)
        if self._in_chunks:
            whole = b"".join(self._chunks)
            if whole.endswith(LAST_CHUNK):
                self._done(without_chunks(whole))
            return
        self._missing -= len(data)
        if self._missing <= 0:
            self._done(b"".join(self._chunks))

    def _done(self, body: bytes) -> None:
        request, self._request = self._request, None
        self._chunks = []
        self._missing = 0
        if request is not None:
            self._load.answered(self, request, self._status, body)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        if not self._closing:
            self._load.lost(self, self._request)
            self._request = None


def content_length(head: bytes) -> int | None:
    """The length that an answer's head announces; None when it announces none."""
    at = head.find(b"content-length: ")
    if at < 0:
        head = head.lower()
        at = head.find(b"content-length:")
        if at < 0:
            return None
    value = head[head.index(b":", at) + 1 :].partition(b"\r\n")[0].strip()
    return int(value) if value.isdigit() else None


def without_chunks(body: bytes) -> bytes:
    """What a body in chunks says (RFC 9112, section 7.1), up to the last chunk."""
    pieces: list[bytes] = []
    at = 0
    while True:
        end = body.index(b"\r\n", at)
        size = int(body[at:end].partition(b";")[0], 16)
        if not size:
            return b"".join(pieces)
        pieces.append(body[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
