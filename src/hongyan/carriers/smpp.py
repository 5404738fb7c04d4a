"""The SMPP 3.4 link: an account at a carrier, as the pipeline sees it."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

import structlog

from hongyan.carriers import smpp_words
from hongyan.carriers.pace import Pace
from hongyan.carriers.smpp_seat import BINDINGS, Ack, Seat
from hongyan.kit.faults import soon
from hongyan.kit.loops import always
from hongyan.model.carrier import Declined, Lost, NotSent, SubmitOutcome, Throttled
from hongyan.model.snapshot import LinkConfig
from hongyan.pipeline.ports import Delivery, Feed, LateAnswer, OutboundSegment, SegmentOutcome
from hongyan.wire.codec import Unencodable
from hongyan.wire.smpp import status
from hongyan.wire.smpp.pdu import DataSm, DeliverSm, Pdu

_LOG = structlog.get_logger()

UNENCODABLE = "UNENCODABLE"
"""The code of a segment that this link can never carry: a character or an address that its alphabet or SMPP does not allow."""


class SmppLink:
    """A `pipeline.ports.Link`.

    `config.sessions` sessions, each one transceiver or a transmitter and a receiver, kept bound by `run`. Every `now` is Unix seconds of
    `clock`; `monotonic` drives time-outs and never goes back; `jitter` is a random number from 0 to 1. `log` (structlog's info unless
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
        self._draining = False
        self._drained = asyncio.Event()
        self._seats = tuple(
            Seat(config, binding, self, monotonic=monotonic, jitter=jitter, log=log or _LOG.info)
            for _ in range(max(1, config.sessions))
            for binding in BINDINGS[config.bind]
        )

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
        return int(min(self._config.window * max(1, self._config.sessions), self._pace.burst))

    @property
    def in_flight(self) -> int:
        """Segments that wait for the carrier's answer."""
        return sum(seat.in_flight for seat in self._seats)

    def room(self, now: float) -> int:
        """How many segments may be submitted right now: bound, window and rate; 0 when not."""
        if self._draining:
            return 0
        windows = sum(seat.room for seat in self._seats)
        return int(min(windows, self._pace.room(now))) if windows else 0

    def next_room_in(self, now: float) -> float | None:
        """Seconds until the rate or the carrier's wish to wait lets more out; None when only an answer or a bind can."""
        if self._draining or not any(seat.room for seat in self._seats):
            return None
        return self._pace.next_in(now)

    def submit(self, segments: Sequence[OutboundSegment], now: float) -> None:
        """Write them at once, in order, over all sessions; what finds no room is `NotSent`."""
        places = self._places()
        written = 0
        for segment in segments:
            seat = next(places, None)
            if seat is None:
                self.not_sent(segment, "no room")
                continue
            try:
                seat.submit(smpp_words.submit(segment, self._config), segment)
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

    async def run(self) -> None:
        """Connect, bind, keep alive and reconnect with back-off until cancelled; unbinds on the way out."""
        async with asyncio.TaskGroup() as group:
            for number, seat in enumerate(self._seats):
                name = f"link {self._config.name} session {number}"
                group.create_task(always(seat.keep, name=name), name=name)

    async def drain(self, within_s: float) -> None:
        """Stop taking segments and wait until nothing is in flight, at most this long."""
        self._draining = True
        if not self.in_flight:
            return
        try:
            async with asyncio.timeout(within_s):
                await self._drained.wait()
        except TimeoutError:
            return

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
        if self._draining and not self.in_flight:
            self._drained.set()

    def _places(self) -> Iterator[Seat]:
        """Each session in turn, as often as its window has room."""
        left = {} if self._draining else {seat: room for seat in self._seats if (room := seat.room) > 0}
        while left:
            for seat in tuple(left):
                yield seat
                left[seat] -= 1
                if not left[seat]:
                    del left[seat]
