"""One session for every carrier protocol and for both of its sides, without any I/O.

The shell around it reads bytes and hands them to `receive`, writes what `outgoing` returns and calls `tick` at `deadline`.
Time is an argument everywhere: seconds of any clock that never goes back.
"""

import struct
from typing import Any, Generic

import msgspec

from hongyan.wire.codec import Codec, P, Undecodable

_LENGTH = struct.Struct(">I").unpack_from
_LATE = 10_000
"""How many timed-out requests are remembered for a late response."""

_PROBE = object()
"""The token of our own keep-alive."""


class Received(msgspec.Struct, Generic[P], frozen=True, gc=False):
    """The peer asks something; answer with `respond`."""

    pdu: P


class Answered(msgspec.Struct, Generic[P], frozen=True, gc=False):
    """The response to our request."""

    token: Any
    sequence: int
    pdu: P


class TimedOut(msgspec.Struct, frozen=True):
    """No response came in time: the peer may or may not have acted."""

    token: Any
    sequence: int


class Late(msgspec.Struct, Generic[P], frozen=True):
    """The response to a request that was already reported `TimedOut`."""

    token: Any
    sequence: int
    pdu: P


class Alive(msgspec.Struct, frozen=True):
    """The peer answered our probe: there is room again."""


class Unreadable(msgspec.Struct, frozen=True):
    """The peer sent a whole frame that means nothing to us; it was told so and the session goes on."""

    sequence: int
    reason: str


class Broken(msgspec.Struct, frozen=True):
    """The last event: the session is dead."""

    reason: str
    lost: tuple[Any, ...] = ()
    """Tokens of requests in flight whose bytes were handed out: the peer may have acted."""
    unsent: tuple[Any, ...] = ()
    """Tokens of requests of which no byte left `outgoing`: the peer never saw them."""


Event = Received[P] | Answered[P] | Late[P] | TimedOut | Alive | Unreadable | Broken


class WindowFull(Exception):  # noqa: N818 - named for the state
    """As many requests are in flight as the window allows, or the peer is being probed; asking `room` first avoids it."""


class SessionOver(Exception):  # noqa: N818 - named for the state
    """A request was made on a session that had reported `Broken`."""


class Session(Generic[P]):
    """Sequence numbers, window, keep-alive, time-outs and framing of one connection.

    `window` bounds our windowed requests in flight. After `keepalive` seconds without a byte from the peer (0: never) it is probed; a
    request unanswered for `patience` seconds is reported `TimedOut`, leaves the window and has the peer probed at once. While it is
    probed there is no room: who may be gone is not sent another window. Only a probe that stays unanswered for `patience` breaks the
    session, or bytes that are no frames, or the end of the stream.
    """

    def __init__(
        self,
        codec: Codec[P],
        *,
        window: int,
        keepalive: float,
        patience: float,
        now: float,
        max_pdu: int = 65_552,
        first_sequence: int = 1,
    ) -> None:
        self._codec = codec
        self._window = window
        self._keepalive = keepalive
        self._patience = patience
        self._max_pdu = max_pdu
        self._next = first_sequence
        self._heard = now
        # Both in the order of asking, and patience is one for all: the first entry is always the next to time out.
        self._windowed: dict[int, tuple[Any, float]] = {}
        self._aside: dict[int, tuple[Any, float]] = {}
        self._late: dict[int, Any] = {}
        self._probing = False  # a probe waits in _aside: it never counts against the window
        self._out: list[bytes] = []
        self._fresh: list[int] = []  # sequences queued since the last outgoing()
        self._partial = bytearray()
        self._awaited = codec.head
        self._reason: str | None = None

    # What the application asks and says.

    @property
    def room(self) -> int:
        """How many windowed requests may be made now."""
        return self._window - len(self._windowed) if self._reason is None and not self._probing else 0

    @property
    def in_flight(self) -> int:
        """Windowed requests that wait for their response."""
        return len(self._windowed)

    @property
    def broken(self) -> str | None:
        """The reason of `Broken`, None while the session lives."""
        return self._reason

    def request(self, pdu: P, now: float, token: Any = None, windowed: bool = True) -> int:
        """Queue a request under the next free sequence number, which is returned.

        `token` comes back with the event that ends the request. Binds and unbinds are not `windowed`. Raises `WindowFull`,
        `SessionOver`, or the codec's `Unencodable`; then nothing was queued.
        """
        if self._reason is not None:
            raise SessionOver(self._reason)
        waiting = self._windowed
        if windowed and (self._probing or len(waiting) >= self._window):
            raise WindowFull
        sequence = self._next
        while sequence in waiting or sequence in self._aside or sequence in self._late:
            sequence = self._following(sequence)
        self._out.append(self._codec.encode(pdu, sequence))
        self._next = self._following(sequence)
        if windowed:
            waiting[sequence] = (token, now)
        else:
            self._aside[sequence] = (token, now)
        self._fresh.append(sequence)
        return sequence

    def respond(self, pdu: P) -> None:
        """Queue a response, or a request that has none. Does nothing once the session is broken."""
        if self._reason is None:
            self._out.append(self._codec.encode(pdu))

    def outgoing(self) -> bytes:
        """Everything to be written, once."""
        data = b"".join(self._out)
        self._out.clear()
        self._fresh.clear()
        return data

    # What the peer and the clock say.

    def receive(self, data: bytes, now: float) -> list[Event[P]]:
        """Take bytes in any cut; never raises, whatever they are."""
        data = self._rejoined(data)
        self._heard = now
        events: list[Event[P]] = []
        at, size, head, longest = 0, len(data), self._codec.head, self._max_pdu
        windowed, decode, note = self._windowed, self._codec.decode, events.append
        awaited = head
        while size - at >= head:
            length = _LENGTH(data, at)[0]
            if not head <= length <= longest:
                self._out.append(self._codec.refusal(data, at))
                note(self._break(f"impossible frame length {length}"))
                return events
            end = at + length
            if end > size:
                awaited = length
                break
            try:
                pdu = decode(data, at, end)
            except Undecodable as error:
                self._out.append(error.nack)
                note(Unreadable(error.sequence, error.reason))
            else:
                if not pdu.response:
                    self._asked(pdu, events)
                elif (entry := windowed.pop(pdu.sequence, None)) is not None:
                    note(Answered(entry[0], pdu.sequence, pdu))
                else:
                    self._answered_aside(pdu, events)
            at = end
        if at < size:
            self._partial += data[at:]
            self._awaited = awaited
        return events

    def eof(self, now: float) -> list[Event[P]]:
        """The peer closed, or the connection was lost."""
        del now
        return [] if self._reason is not None else [self._break("connection closed")]

    def tick(self, now: float) -> list[Event[P]]:
        """Report what is overdue and queue the probe that is due."""
        if self._reason is not None:
            return []
        events: list[Event[P]] = []
        self._expire(self._windowed, now, events)
        self._expire(self._aside, now, events)
        idle = self._keepalive > 0 and now >= self._heard + self._keepalive
        if self.broken is None and not self._probing and (events or idle):
            self._probing = True
            self.request(self._codec.keepalive(0), now, _PROBE, windowed=False)
        return events

    def deadline(self) -> float | None:
        """When `tick` will have something to do; None when only the peer or the application can change that."""
        if self._reason is not None:
            return None
        due = [next(iter(waiting.values()))[1] + self._patience for waiting in (self._windowed, self._aside) if waiting]
        if self._keepalive > 0 and not self._probing:
            due.append(self._heard + self._keepalive)
        return min(due, default=None)

    # How it is done.

    def _rejoined(self, data: bytes) -> bytes:
        """Return what can be read now: nothing while the frame begun earlier still misses octets."""
        if self._reason is not None:
            return b""
        if not self._partial:
            return data
        self._partial += data
        if len(self._partial) < self._awaited:
            return b""
        data = bytes(self._partial)
        self._partial.clear()
        return data

    def _following(self, sequence: int) -> int:
        return sequence + 1 if sequence < self._codec.last_sequence else 1

    def _asked(self, pdu: P, events: list[Event[P]]) -> None:
        answer = self._codec.answer(pdu)
        if answer is None:
            events.append(Received(pdu))
        else:
            self._out.append(self._codec.encode(answer))

    def _answered_aside(self, pdu: P, events: list[Event[P]]) -> None:
        sequence = pdu.sequence
        if (entry := self._aside.pop(sequence, None)) is not None:
            if entry[0] is _PROBE:
                self._probing = False
                events.append(Alive())
            else:
                events.append(Answered(entry[0], sequence, pdu))
        elif sequence in self._late:
            events.append(Late(self._late.pop(sequence), sequence, pdu))
        # Anything else answers nothing we asked, or answers it twice: there is nobody to tell.

    def _expire(self, waiting: dict[int, tuple[Any, float]], now: float, events: list[Event[P]]) -> None:
        while waiting:
            sequence, (token, asked_at) = next(iter(waiting.items()))
            if now < asked_at + self._patience:
                return
            if token is _PROBE:
                events.append(self._break("peer is silent"))
                return
            del waiting[sequence]
            if len(self._late) >= _LATE:
                del self._late[next(iter(self._late))]
            self._late[sequence] = token
            events.append(TimedOut(token, sequence))

    def _break(self, reason: str) -> Broken:
        self._reason = reason
        fresh = set(self._fresh)
        waiting = [(sequence, entry[0]) for sequence, entry in self._aside.items() if entry[0] is not None and entry[0] is not _PROBE]
        waiting += [(sequence, entry[0]) for sequence, entry in self._windowed.items()]
        lost = tuple(token for sequence, token in waiting if sequence not in fresh)
        unsent = tuple(token for sequence, token in waiting if sequence in fresh)
        for memory in (self._windowed, self._aside, self._late, self._partial, self._fresh):
            memory.clear()
        return Broken(reason, lost, unsent)
