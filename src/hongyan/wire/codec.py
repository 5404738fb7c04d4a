"""What a carrier protocol must say about itself so that one session can speak it."""

from typing import ClassVar, Protocol, TypeVar


class Pdu(Protocol):
    """One protocol message. Its sequence number ties a response to its request."""

    response: ClassVar[bool]

    @property
    def sequence(self) -> int: ...


P = TypeVar("P", bound=Pdu)


class Undecodable(Exception):  # noqa: N818 - named for what the frame is
    """A whole frame that means nothing to us; the stream itself is still in step."""

    def __init__(self, sequence: int, reason: str, nack: bytes) -> None:
        super().__init__(reason)
        self.sequence = sequence
        self.reason = reason
        self.nack = nack
        """What to tell the peer; empty when nothing should be said."""


class Unencodable(ValueError):  # noqa: N818 - named for what the value is
    """A field does not fit what the protocol allows on the wire."""


class Codec(Protocol[P]):
    """SMPP, CMPP, SGIP and SMGP differ only here.

    All four begin every frame with its whole length as 32 bits, big-endian, so framing is the session's work.
    """

    @property
    def head(self) -> int:
        """Octets in the header: no frame is shorter."""
        ...

    @property
    def last_sequence(self) -> int:
        """Sequence numbers run from 1 to this and start again."""
        ...

    def decode(self, data: bytes, start: int, end: int) -> P:
        """Return the PDU in data[start:end]; raises `Undecodable` and nothing else, whatever the bytes are."""
        ...

    def encode(self, pdu: P, sequence: int | None = None) -> bytes:
        """Return the whole frame, under `sequence` instead of the PDU's own when given; raises `Unencodable`."""
        ...

    def keepalive(self, sequence: int) -> P:
        """Return the protocol's liveness probe."""
        ...

    def answer(self, pdu: P) -> P | None:
        """Return the response to a probe, which needs no application; None for every other request."""
        ...

    def refusal(self, data: bytes, start: int) -> bytes:
        """Return what to say about a header (data[start:start + head]) whose length is impossible; may be empty."""
        ...
