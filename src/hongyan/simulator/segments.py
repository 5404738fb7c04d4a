"""Which part of which text a submit carries, in each of the ways that SMPP has for it."""

import msgspec

from hongyan.wire.smpp import udh
from hongyan.wire.smpp.pdu import SubmitSm
from hongyan.wire.smpp.tlv import Tag, integer, octets

ESM_UDHI = 0x40


class Segment(msgspec.Struct, frozen=True, gc=False):
    """One part of a text; equal ones are copies of each other."""

    text: bytes
    """As it was encoded, without its user data header."""
    number: int = 1
    """From 1."""
    total: int = 1

    def __hash__(self) -> int:
        return hash((self.text, self.number, self.total))


def segment_of(submit: SubmitSm) -> Segment:
    """The text and its place in the message: by user data header, by sar_* or alone; from short_message or message_payload."""
    tlvs = submit.tlvs
    text = submit.short_message
    if tlvs and not text:
        text = octets(tlvs, Tag.MESSAGE_PAYLOAD) or b""
    if submit.esm_class & ESM_UDHI:
        part, text = udh.parse(text)
        return _placed(text, part.sequence, part.total) if part is not None else Segment(text)
    if tlvs:
        number, total = integer(tlvs, Tag.SAR_SEGMENT_SEQNUM), integer(tlvs, Tag.SAR_TOTAL_SEGMENTS)
        if number is not None and total is not None:
            return _placed(text, number, total)
    return Segment(text)


def _placed(text: bytes, number: int, total: int) -> Segment:
    """Numbers that contradict each other are ignored (3GPP TS 23.040 section 9.2.3.24.1)."""
    return Segment(text, number, total) if 1 <= number <= total else Segment(text)
