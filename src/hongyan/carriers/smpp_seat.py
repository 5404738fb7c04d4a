"""One place of a link: a connection that is bound, lost and made again until the link ends."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

import msgspec

from hongyan.carriers.stream import WireStream
from hongyan.kit.faults import fault
from hongyan.kit.retry import delay
from hongyan.model.snapshot import LinkConfig
from hongyan.pipeline.ports import OutboundSegment
from hongyan.wire.codec import Unencodable
from hongyan.wire.session import Alive, Answered, Broken, Event, Late, Received, Session, TimedOut, Unreadable
from hongyan.wire.smpp import Smpp, status
from hongyan.wire.smpp.pdu import (
    AlertNotification,
    Bind,
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    GenericNack,
    Outbind,
    Pdu,
    Unbind,
    UnbindResp,
)

CONNECT_S = 10.0
BIND_S = 15.0
UNBIND_S = 2.0
STABLE_S = 5.0
"""A bind that held so long was a success: the next attempt comes soon."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 15.0

_BINDING, _UNBINDING = "bind", "unbind"
"""Tokens of requests that are no segments."""

Stream = WireStream[Pdu]


class Ack(msgspec.Struct, frozen=True):
    """Where the answer to a delivery goes: a session that is gone by then takes it and drops it."""

    stream: Stream
    sequence: int
    by_data_sm: bool

    def answer(self, command_status: int) -> None:
        """Queue the response; `stream.poke` writes it."""
        kind = DataSmResp if self.by_data_sm else DeliverSmResp
        self.stream.session.respond(kind(self.sequence, command_status))


class Listener(Protocol):
    """What a seat tells its link."""

    def answered(self, segment: OutboundSegment, pdu: Pdu) -> None: ...

    def late(self, segment: OutboundSegment, pdu: Pdu) -> None: ...

    def lost(self, segment: OutboundSegment, why: str) -> None: ...

    def not_sent(self, segment: OutboundSegment, why: str) -> None: ...

    def delivered(self, pdu: DeliverSm | DataSm, ack: Ack) -> bool:
        """Return False when it cannot be taken now."""
        ...

    def changed(self) -> None:
        """A bind came or went, or there is room again after a doubt."""
        ...


class Seat:
    """`binding` says which way it binds; `sends` whether segments may go through it, `leaving` that none may any more."""

    def __init__(
        self,
        config: LinkConfig,
        binding: type[Bind],
        listener: Listener,
        *,
        monotonic: Callable[[], float],
        jitter: Callable[[], float],
        log: Callable[..., object],
    ) -> None:
        self._config = config
        self._binding = binding
        self._listener = listener
        self._monotonic = monotonic
        self._jitter = jitter
        self._log = log
        self._codec = Smpp()
        self._stream: Stream | None = None
        self._bind_answer: asyncio.Future[str] | None = None
        self._ended: asyncio.Future[str] | None = None
        self.bound = False
        self.leaving = False

    @property
    def sends(self) -> bool:
        return self._binding is not BindReceiver and not self.leaving

    @property
    def room(self) -> int:
        """How many segments its window takes now."""
        return self._stream.session.room if self.bound and self.sends and self._stream is not None else 0

    @property
    def in_flight(self) -> int:
        return self._stream.session.in_flight if self._stream is not None else 0

    def submit(self, pdu: Pdu, segment: OutboundSegment) -> None:
        """Queue within `room`; raises `Unencodable`."""
        assert self._stream is not None  # noqa: S101 - room was positive
        self._stream.session.request(pdu, self._monotonic(), segment)

    def flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()

    async def keep(self) -> None:
        """Connect, bind and stay so until cancelled; then unbind."""
        failures = 0
        while True:
            began = self._monotonic()
            why = await self._live()
            held = self._monotonic() - began
            failures = 1 if held >= STABLE_S else failures + 1
            pause = delay(failures, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S, jitter=self._jitter())
            self._log("link_down", link=self._config.name, why=why, again_in_s=round(pause, 2))
            await asyncio.sleep(pause)

    # One life.

    async def _live(self) -> str:
        """Return why it ended."""
        config = self._config
        loop = asyncio.get_running_loop()
        session = Session[Pdu](
            self._codec, window=config.window, keepalive=config.keepalive_s, patience=config.response_s, now=self._monotonic()
        )
        # All is in place before the first octet can arrive.
        self._bind_answer, self._ended = loop.create_future(), loop.create_future()
        self._stream = stream = Stream(session, self._heard, self._monotonic)
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.create_connection(lambda: stream, config.host, config.port)
            return await self._bind(stream) or await self._ended
        except (OSError, ValueError, OverflowError) as error:
            # ValueError and OverflowError: a host or port that is none.
            return f"no connection: {type(error).__name__}"
        except asyncio.CancelledError:
            await self._leave(stream)
            raise
        finally:
            self._end(stream)

    async def _bind(self, stream: Stream) -> str:
        """Return why not, or nothing."""
        config = self._config
        if stream.session.broken is not None:
            return stream.session.broken
        try:
            pdu = self._binding(system_id=config.system_id, password=config.password, system_type=config.system_type)
            stream.session.request(pdu, self._monotonic(), _BINDING, windowed=False)
        except Unencodable as error:
            return f"bind cannot be written: {error}"
        stream.flush()
        assert self._bind_answer is not None  # noqa: S101 - made with the stream
        try:
            async with asyncio.timeout(min(BIND_S, config.response_s)):
                refused = await self._bind_answer
        except TimeoutError:
            return "bind was not answered"
        if not refused:
            self.bound = True
            self._log("link_bound", link=config.name, bind=self._binding.__name__)
            self._listener.changed()
        return refused

    async def _leave(self, stream: Stream) -> None:
        """Say good-bye and wait a moment for the answer."""
        assert self._ended is not None  # noqa: S101 - made with the stream
        if stream.session.broken is not None or not self.bound:
            return
        self.bound = False
        stream.session.request(Unbind(), self._monotonic(), _UNBINDING, windowed=False)
        stream.flush()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UNBIND_S):
                await self._ended

    def _end(self, stream: Stream) -> None:
        """Whatever is still in flight now is lost."""
        self.bound = False
        events = stream.session.eof(self._monotonic())
        self._take(events)
        stream.close()
        self._stream = None
        self._listener.changed()

    # What the session reports.

    def _heard(self, events: list[Event[Pdu]]) -> None:
        if self.bound and events:
            _have_read(type(events[0]))
        self._take(events)

    def _take(self, events: list[Event[Pdu]]) -> None:
        for event in events:
            # By exact type first: asking about any other class goes through ABCMeta, which costs a microsecond each.
            kind = type(event)
            if kind is Received:
                self._asked(event.pdu)  # type: ignore[union-attr]  # `kind` says it is one
            elif isinstance(event, Answered):
                if type(event.token) is OutboundSegment:
                    self._listener.answered(event.token, event.pdu)
                else:
                    self._answered_aside(event.token, event.pdu)
            else:
                self._came(event)

    def _came(self, event: Event[Pdu]) -> None:
        """Everything but answers and requests."""
        if isinstance(event, TimedOut):
            if type(event.token) is OutboundSegment:
                self._listener.lost(event.token, f"no answer within {self._config.response_s:g} s")
        elif isinstance(event, Late):
            if type(event.token) is OutboundSegment:
                self._listener.late(event.token, event.pdu)
        elif isinstance(event, Broken):
            self._broken(event)
        elif isinstance(event, Alive):
            self._listener.changed()
        elif isinstance(event, Unreadable):
            self._log("link_unreadable", link=self._config.name, why=event.reason)

    def _answered_aside(self, token: str, pdu: Pdu) -> None:
        if token == _BINDING:
            refused = f"bind refused: {status.name(pdu.status)}" if pdu.status or isinstance(pdu, GenericNack) else ""
            _settle(self._bind_answer, refused)
        else:
            _settle(self._ended, "unbound")

    def _asked(self, pdu: Pdu) -> None:
        stream = self._stream
        assert stream is not None  # noqa: S101 - only a stream reports
        if isinstance(pdu, (DeliverSm, DataSm)):
            ack = Ack(stream, pdu.sequence, type(pdu) is DataSm)
            if not self._listener.delivered(pdu, ack):
                ack.answer(status.RECEIVER_TEMPORARY)
        elif isinstance(pdu, Unbind):
            self.bound = False
            stream.session.respond(UnbindResp(pdu.sequence))
            stream.flush()
            _settle(self._ended, "unbound by the carrier")
        elif not isinstance(pdu, (AlertNotification, Outbind)):
            stream.session.respond(GenericNack(pdu.sequence, status.INVALID_COMMAND))

    def _broken(self, event: Broken) -> None:
        self.bound = False
        for token in event.lost:
            if type(token) is OutboundSegment:
                self._listener.lost(token, event.reason)
        for token in event.unsent:
            if type(token) is OutboundSegment:
                self._listener.not_sent(token, event.reason)
        _settle(self._bind_answer, event.reason)
        _settle(self._ended, event.reason)
        self._listener.changed()


BINDINGS: dict[str, tuple[type[Bind], ...]] = {"trx": (BindTransceiver,), "tx+rx": (BindTransmitter, BindReceiver)}
"""The binds that make one session, by `LinkConfig.bind`."""


def _settle(future: asyncio.Future[str] | None, word: str) -> None:
    if future is not None and not future.done():
        future.set_result(word)


def _have_read(first: type[Event[Pdu]]) -> None:
    """What was read at once usually is of one kind."""
    if first is Answered:
        fault("resp_read")
    elif first is Received:
        fault("receipt_read")
