"""The SMPP 3.4 link: an account at a carrier, as the pipeline sees it."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence

import structlog

from hongyan.carriers import smpp_words
from hongyan.carriers.pace import Pace
from hongyan.carriers.smpp_seat import BINDINGS, Ack, Seat
from hongyan.kit.faults import soon
from hongyan.kit.loops import always, cancel
from hongyan.model.carrier import Declined, Lost, NotSent, SubmitOutcome, Throttled
from hongyan.model.snapshot import LinkConfig
from hongyan.pipeline.ports import Delivery, Feed, LateAnswer, OutboundSegment, SegmentOutcome
from hongyan.wire.codec import Unencodable
from hongyan.wire.smpp import Smpp, status
from hongyan.wire.smpp.pdu import DataSm, DeliverSm, Pdu

_LOG = structlog.get_logger()

UNENCODABLE = "UNENCODABLE"
"""The code of a segment that this link can never carry: a character or an address that its alphabet or SMPP does not allow."""


class SmppLink:
    """A `pipeline.ports.Link`.

    Up to `config.sessions` sessions, each one transceiver or a transmitter and a receiver. Every `now` is Unix seconds of `clock`;
    `monotonic` drives time-outs and never goes back; `jitter` is a random number from 0 to 1. `log` (structlog's info unless
    given) gets an event name and facts, among which is never a password, a text or a number.
    """

    def __init__(
        self,
        config: LinkConfig,
        feed: Feed,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        jitter: Callable[[], float],
        log: Callable[..., object] | None = None,
    ) -> None:
        self._config = config
        self._feed = feed
        self._clock = clock
        self._pace = Pace(config.rate, clock())
        self._monotonic = monotonic
        self._jitter = jitter
        self._log = log or _LOG.info
        self._sessions: dict[int, tuple[Seat, ...]] = {}
        self._seats: tuple[Seat, ...] = ()
        """Of all sessions."""
        self._keeping: dict[int, list[asyncio.Task[None]]] = {}
        self._words = smpp_words.Submits(config, Smpp())
        self._settled = asyncio.Event()

    # What the pipeline asks.

    @property
    def config(self) -> LinkConfig:
        return self._config

    @property
    def up(self) -> bool:
        """Bound for sending."""
        return any(seat.bound and seat.sends for seat in self._seats)

    @property
    def most(self) -> int:
        """How many segments may be submitted at once at best: all windows, as far as the rate lets so many out together."""
        return int(min(self._config.window * max(1, self._staying()), self._pace.burst))

    @property
    def in_flight(self) -> int:
        """Segments that wait for the carrier's answer."""
        return sum(seat.in_flight for seat in self._seats)

    def room(self, now: float) -> int:
        """How many segments may be submitted right now: bound, window and rate; 0 when not."""
        windows = sum(seat.room for seat in self._seats)
        return int(min(windows, self._pace.room(now))) if windows else 0

    def next_room_in(self, now: float) -> float | None:
        """Seconds until the rate or the carrier's wish to wait lets more out; None when only an answer or a bind can."""
        if not any(seat.room for seat in self._seats):
            return None
        return self._pace.next_in(now)

    def submit(self, segments: Sequence[OutboundSegment], now: float) -> None:
        """Write them at once, in order, over all sessions; what finds no room is `NotSent`."""
        places = self._places()
        write = self._words.write
        written = 0
        for segment in segments:
            seat = next(places, None)
            if seat is None:
                self.not_sent(segment, "no room")
                continue
            try:
                seat.submit(write(segment), segment)
                written += 1
            except Unencodable:
                self._settle(segment, Declined(UNENCODABLE))
        self._pace.take(written, now)
        for seat in self._seats:
            seat.flush()
        soon("pdu_written")

    def acknowledge(self, acks: Sequence[object], stored: bool) -> None:
        """Answer deliveries: taken when stored, otherwise RX_T_APPN so that the carrier tries again."""
        command_status = status.OK if stored else status.RECEIVER_TEMPORARY
        streams = set()
        for ack in acks:
            assert isinstance(ack, Ack)  # noqa: S101 - they are ours, handed back
            ack.answer(command_status)
            streams.add(ack.stream)
        for stream in streams:
            stream.poke()

    def open(self, number: int) -> None:
        """Have one more session: connect, bind, keep alive and reconnect with back-off."""
        self._sessions[number] = session = tuple(
            Seat(self._config, binding, self, monotonic=self._monotonic, jitter=self._jitter, log=self._log)
            for binding in BINDINGS[self._config.bind]
        )
        name = f"link {self._config.name} session {number}"
        self._keeping[number] = [asyncio.create_task(always(seat.keep, name=name), name=name) for seat in session]
        self._recount()

    async def close(self, number: int, within_s: float) -> None:
        """Take nothing more through this session, wait for what it has in flight, at most so long, and unbind; one not open stays so."""
        session = self._sessions.get(number, ())
        for seat in session:
            seat.leaving = True
        self._recount()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while any(seat.in_flight for seat in session):
                    self._settled.clear()
                    await self._settled.wait()
        await cancel(*self._keeping.pop(number, ()))
        self._sessions.pop(number, None)
        self._recount()

    def _staying(self) -> int:
        return sum(not session[0].leaving for session in self._sessions.values())

    def _recount(self) -> None:
        self._seats = tuple(seat for session in self._sessions.values() for seat in session)
        if staying := self._staying():
            self._pace.agree(self._config.rate * staying / max(staying, self._config.sessions), self._clock())

    # What the seats tell.

    def answered(self, segment: OutboundSegment, pdu: Pdu) -> None:
        outcome = smpp_words.outcome(pdu)
        if isinstance(outcome, Throttled) and pdu.status == status.THROTTLED:
            self._pace.throttled(self._clock())
        self._settle(segment, outcome)

    def late(self, segment: OutboundSegment, pdu: Pdu) -> None:
        self._feed.outcome(LateAnswer(segment, self._config.id, smpp_words.outcome(pdu), self._clock()))

    def lost(self, segment: OutboundSegment, why: str) -> None:
        self._settle(segment, Lost(why))

    def not_sent(self, segment: OutboundSegment, why: str) -> None:
        self._settle(segment, NotSent(why))

    def delivered(self, pdu: DeliverSm | DataSm, ack: Ack) -> bool:
        return self._feed.delivery(self, Delivery(smpp_words.received(pdu, self._config, self._clock()), ack))

    def changed(self) -> None:
        self._feed.room_changed()

    def _settle(self, segment: OutboundSegment, outcome: SubmitOutcome) -> None:
        self._feed.outcome(SegmentOutcome(segment, self._config.id, outcome, self._clock()))
        self._settled.set()

    def _places(self) -> Iterator[Seat]:
        """Each session in turn, as often as its window has room."""
        left = {seat: room for seat in self._seats if (room := seat.room) > 0}
        while left:
            for seat in tuple(left):
                yield seat
                left[seat] -= 1
                if not left[seat]:
                    del left[seat]
