"""User data headers in front of a text (GSM 03.40 section 9.2.3.24): concatenation, and stepping over all else."""

import msgspec

CONCATENATED = 0x00
CONCATENATED_WIDE = 0x08
_NARROW_SIZE = 3
_WIDE_SIZE = 4
_OCTET = 0xFF


class Concatenation(msgspec.Struct, frozen=True):
    """Which segment of how many this is."""

    reference: int
    total: int
    sequence: int
    """From 1."""
    wide: bool = False
    """The reference has 16 bits."""


def build(part: Concatenation) -> bytes:
    """Return 05 00 03 ref total seq, or 06 08 04 refH refL total seq for a wide reference.

    Numbers are cut to what their octets hold; a reference is only compared, never counted with.
    """
    tail = bytes((part.total & _OCTET, part.sequence & _OCTET))
    if part.wide:
        return bytes((2 + _WIDE_SIZE, CONCATENATED_WIDE, _WIDE_SIZE)) + (part.reference & 0xFFFF).to_bytes(2) + tail
    return bytes((2 + _NARROW_SIZE, CONCATENATED, _NARROW_SIZE, part.reference & _OCTET)) + tail


def parse(content: bytes) -> tuple[Concatenation | None, bytes]:
    """Return the concatenation, if any, and the text after the header. A header longer than the content leaves no text."""
    if not content:
        return None, b""
    end = 1 + content[0]
    part: Concatenation | None = None
    at = 1
    while at + 2 <= min(end, len(content)):
        kind, size = content[at], content[at + 1]
        body = content[at + 2 : min(at + 2 + size, end)]
        if kind == CONCATENATED and len(body) == _NARROW_SIZE:
            part = Concatenation(body[0], body[1], body[2])
        elif kind == CONCATENATED_WIDE and len(body) == _WIDE_SIZE:
            part = Concatenation(body[0] << 8 | body[1], body[2], body[3], wide=True)
        at += 2 + size
    return part, content[end:]
