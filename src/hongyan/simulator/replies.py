"""What a handset's text looks like when it reaches the number it was sent to."""

from hongyan.model.text import Alphabet, air
from hongyan.simulator.segments import ESM_UDHI
from hongyan.wire.smpp import udh
from hongyan.wire.smpp.alphabet import to_gsm7, to_ucs2
from hongyan.wire.smpp.pdu import DeliverSm

_INTERNATIONAL, _ISDN = 1, 1
MOST_SEGMENTS = 255
"""More do not fit in the count of a user data header."""


def reply(phone: str, to: str, text: str, *, reference: int) -> list[DeliverSm]:
    """The segments of `text` from `phone` to our number `to`, in GSM-7 where that will do and in UCS-2 otherwise.

    `reference` (0-255) is the same for all segments of one text. What goes beyond 255 segments is not sent.
    """
    cut = air(text, mainland=False)
    parts = cut.parts[:MOST_SEGMENTS]
    long = len(parts) > 1
    return [
        DeliverSm(
            source_addr_ton=_INTERNATIONAL,
            source_addr_npi=_ISDN,
            source_addr=phone,
            destination_addr=to,
            esm_class=ESM_UDHI if long else 0,
            data_coding=int(cut.alphabet),
            short_message=(udh.build(udh.Concatenation(reference, len(parts), number)) if long else b"") + _octets(part, cut.alphabet),
        )
        for number, part in enumerate(parts, 1)
    ]


def _octets(part: str, alphabet: Alphabet) -> bytes:
    return (to_gsm7(part) if alphabet is Alphabet.GSM7 else None) or to_ucs2(part)
