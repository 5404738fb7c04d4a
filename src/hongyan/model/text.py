"""Texts on the air: alphabets, lengths and segments.

Two counts exist and are kept apart. `billed` is what the customer pays (Tencent's rules, product document 382/18058); `air` is what the
handset is sent. They agree except when a surrogate or escape pair would be cut at the end of a segment: then the air needs a character's
room more, at worst one segment, and the customer does not pay for it.
"""

import enum
import re

import msgspec


class Alphabet(enum.IntEnum):
    """The coding of a segment."""

    GSM7 = 0
    UCS2 = 8


class Parts(msgspec.Struct, frozen=True):
    """A text cut for the air; joined, the parts are the text again."""

    alphabet: Alphabet
    parts: tuple[str, ...]


GSM7_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet by code, 0 to 127 (3GPP TS 23.038 section 6.2.1); 0x1B is the escape itself and stands for no character."""

GSM7_ESCAPED = {"\f": 0x0A, "^": 0x14, "{": 0x28, "}": 0x29, "\\": 0x2F, "[": 0x3C, "~": 0x3D, "]": 0x3E, "|": 0x40, "€": 0x65}
"""The extension table (section 6.2.1.1): each takes two septets, the escape and this code."""

SINGLE = {Alphabet.GSM7: 160, Alphabet.UCS2: 70}
"""How many septets or UTF-16 units fit in a message of one segment."""

CONCATENATED = {Alphabet.GSM7: 153, Alphabet.UCS2: 67}
"""How many fit in each segment of a longer one, beside the six octets of the user data header."""

_GSM7 = frozenset(GSM7_BASIC.replace("\x1b", "")) | GSM7_ESCAPED.keys()
_GSM7_ASCII = "".join(sorted(char for char in _GSM7 if char.isascii())).encode("ascii")
_ESCAPED_ASCII = "".join(char for char in GSM7_ESCAPED if char.isascii()).encode("ascii")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def alphabet_of(text: str) -> Alphabet:
    """GSM-7 when every character has a place in it, otherwise UCS-2."""
    if text.isascii():
        return Alphabet.UCS2 if text.encode("ascii").translate(None, _GSM7_ASCII) else Alphabet.GSM7
    return Alphabet.GSM7 if _GSM7.issuperset(text) else Alphabet.UCS2


def units(text: str, alphabet: Alphabet) -> int:
    """The length as the air counts it: septets, an escaped character two; or UTF-16 units, an emoji two."""
    if alphabet is Alphabet.UCS2:
        return _utf16_units(text)
    if text.isascii():
        octets = text.encode("ascii")
        return 2 * len(octets) - len(octets.translate(None, _ESCAPED_ASCII))
    return len(text) + sum(map(text.count, GSM7_ESCAPED))


def billed(text: str, *, mainland: bool) -> int:
    """How many segments the customer pays for; `text` is the whole text, signature and brackets included.

    Mainland China counts 70, then 67 a segment, whatever the alphabet; abroad a text in GSM-7 is counted 160, then 153.
    """
    alphabet = Alphabet.UCS2 if mainland else alphabet_of(text)
    length = units(text, alphabet)
    return 1 if length <= SINGLE[alphabet] else -(-length // CONCATENATED[alphabet])


def air(text: str, *, mainland: bool) -> Parts:
    """The segments to send. Mainland texts always go in UCS-2, so that what is billed is what is sent."""
    alphabet = Alphabet.UCS2 if mainland else alphabet_of(text)
    return Parts(alphabet, split(text, alphabet))


def split(text: str, alphabet: Alphabet) -> tuple[str, ...]:
    """The text in segments that each fit; an escape or surrogate pair is never cut. An empty text is one empty segment."""
    length = units(text, alphabet)
    if length <= SINGLE[alphabet]:
        return (text,)
    room = CONCATENATED[alphabet]
    if length == len(text):
        return tuple(text[at : at + room] for at in range(0, length, room))
    return _split_unevenly(text, alphabet, room)


def _split_unevenly(text: str, alphabet: Alphabet, room: int) -> tuple[str, ...]:
    parts: list[str] = []
    start = used = 0
    for at, char in enumerate(text):
        width = units(char, alphabet)
        if used + width > room:
            parts.append(text[start:at])
            start, used = at, 0
        used += width
    parts.append(text[start:])
    return tuple(parts)


def _utf16_units(text: str) -> int:
    return len(text) if text.isascii() or _ASTRAL.search(text) is None else len(text) + len(_ASTRAL.findall(text))
