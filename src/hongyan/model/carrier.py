"""What carriers tell us, in our words: submit outcomes, receipts and replies."""

import enum

import msgspec


class Submitted(msgspec.Struct, frozen=True):
    """The carrier took the segment under this id (empty: taken but untraceable)."""

    carrier_id: str


class Throttled(msgspec.Struct, frozen=True):
    """Definitely not taken: the carrier asks us to slow down."""

    retry_in_s: float
    code: str


class Declined(msgspec.Struct, frozen=True):
    """Definitely not taken, and asking again would not help."""

    code: str


class Lost(msgspec.Struct, frozen=True):
    """No answer: the carrier may have taken it."""

    why: str


class NotSent(msgspec.Struct, frozen=True):
    """No byte of it left: it may be sent again without any doubt."""

    why: str


SubmitOutcome = Submitted | Throttled | Declined | Lost | NotSent


class Verdict(enum.IntEnum):
    """What a receipt says about its segment."""

    PENDING = 0
    """An intermediate notice; changes nothing."""
    DELIVERED = 1
    FAILED = 2
    EXPIRED = 3


class Receipt(msgspec.Struct, frozen=True):
    """The carrier's report on one segment, as it arrived."""

    link_id: int
    carrier_id: str
    verdict: Verdict
    code: str
    """The carrier's own word, e.g. DELIVRD or MK:0001."""
    phone: int
    """The handset's number as the carrier wrote it, digits only; 0 when it did not say."""
    reference: int | None
    """user_message_reference echoed by the carrier."""
    done_at: float
    """Unix seconds; when the carrier says it happened, else when it arrived."""


class Part(msgspec.Struct, frozen=True):
    """Which part of a long text this is."""

    reference: int
    """The same for all parts; handsets count it up to 255 or 65,535 and begin again."""
    total: int
    sequence: int
    """From 1 to `total`."""


class Reply(msgspec.Struct, frozen=True):
    """A text that a handset sent to one of our numbers."""

    link_id: int
    phone: int
    to: str
    """The number it was sent to: sender number and extension."""
    text: str
    received_at: float
    part: Part | None = None
    """None: `text` is all of it."""
