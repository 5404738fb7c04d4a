"""What the pipeline asks of the outside world: links that carry segments, and a feed for what carriers say."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from hongyan.model.carrier import Receipt, Reply, SubmitOutcome
from hongyan.model.message import Message
from hongyan.model.snapshot import LinkConfig
from hongyan.model.text import Alphabet


class OutboundSegment(msgspec.Struct, frozen=True):
    """One segment on its way to the carrier."""

    app_id: int
    message_id: int
    sequence: int
    """From 1."""
    total: int
    phone: int
    """E.164 digits."""
    sender_id: str
    """Empty means the link's own."""
    alphabet: Alphabet
    text: str
    """The part of the text in this segment; the link encodes it and adds the UDH when total > 1."""
    udh_reference: int
    """0-255, equal for all segments of a message."""
    reference: int
    """16 bits, sent as user_message_reference."""
    validity_s: int


class SegmentOutcome(msgspec.Struct, frozen=True):
    """The answer to one `OutboundSegment`; exactly one comes for each that was submitted."""

    segment: OutboundSegment
    link_id: int
    outcome: SubmitOutcome
    at: float
    """Unix seconds."""


class LateAnswer(msgspec.Struct, frozen=True):
    """An answer to a segment that was already reported `Lost`."""

    segment: OutboundSegment
    link_id: int
    outcome: SubmitOutcome
    at: float


class Delivery(msgspec.Struct, frozen=True):
    """A receipt or reply with the means to acknowledge it; `link.acknowledge` is called after the commit only."""

    what: Receipt | Reply
    ack: object
    """Opaque to the pipeline: session and sequence number."""


class Feed(Protocol):
    """Where links put what carriers say. Bounded by what links have in flight; never blocks."""

    def outcome(self, outcome: SegmentOutcome | LateAnswer) -> None: ...

    def delivery(self, link: "Link", delivery: Delivery) -> bool:
        """False when too many wait already: the link then tells the carrier to try again later."""
        ...

    def room_changed(self) -> None:
        """A link was bound, lost, or can take more."""
        ...


class Link(Protocol):
    """One account at a carrier: as many of its sessions as are open here."""

    @property
    def config(self) -> LinkConfig: ...

    @property
    def up(self) -> bool:
        """Bound for sending."""
        ...

    @property
    def most(self) -> int:
        """How many segments may be submitted at once at best."""
        ...

    @property
    def in_flight(self) -> int:
        """Segments that wait for the carrier's answer."""
        ...

    def room(self, now: float) -> int:
        """How many segments may be submitted right now: bound, window and rate; 0 when not."""
        ...

    def next_room_in(self, now: float) -> float | None:
        """Seconds until the rate lets more out; None when only an answer or a bind can."""
        ...

    def submit(self, segments: Sequence[OutboundSegment], now: float) -> None:
        """Write them at once, in order, at most `room(now)`. Every one's outcome comes through the feed."""
        ...

    def acknowledge(self, acks: Sequence[object], stored: bool) -> None:
        """Answer deliveries: taken when stored, otherwise a temporary error so that the carrier tries again."""
        ...

    def open(self, number: int) -> None:
        """Have one more of `config.sessions`, by its number: connect, bind, keep alive and reconnect with back-off.

        Windows and rate are those of the open sessions: with two of four open, half of the link's rate.
        """
        ...

    async def close(self, number: int, within_s: float) -> None:
        """Take nothing more through this session, wait for what it has in flight, at most so long, and unbind."""
        ...


NOWHERE, IN_LANE = -1, 0
"""Places of a message: with no process in particular, and in this one's lanes. Any larger number is the link it is written to at once."""


class HandOver(Protocol):
    """A dispatcher in the same process: what finds room there needs no claim, and what finds room on a link no attempt of its own."""

    engine: int
    """Under which identity it holds queue entries."""

    def make_room(self, messages: Sequence[Message]) -> list[int]:
        """Set aside room for each of them, as far as there is; returns their places."""
        ...

    def give_back(self, messages: Sequence[Message], places: Sequence[int], at: float) -> None:
        """These were not promised."""
        ...

    def disclaim(self, messages: Sequence[Message], places: Sequence[int], at: float) -> None:
        """These were perhaps promised at `at`, and nobody answers for them: whatever of them is in the queue is to be claimed anew."""
        ...

    def take(self, messages: Sequence[Message], places: Sequence[int], at: float, *, engine: int) -> None:
        """These were promised at `at`, held by `engine`; of those with a link the attempt is noted already, with the same time."""
        ...
