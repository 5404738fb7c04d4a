"""Texts as the octets of short_message: GSM 7-bit unpacked (one septet an octet), UCS-2 and Latin-1.

Source: GSM 03.38 section 6.2.1 (default alphabet and its extension table).
"""

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_ESCAPE = 0x1B
_EXTENDED = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}
_SEPTETS: dict[str, bytes] = {
    **{character: bytes((code,)) for code, character in enumerate(_BASIC) if code != _ESCAPE},
    **{character: bytes((_ESCAPE, code)) for code, character in _EXTENDED.items()},
}
_UNKNOWN = "?"

# Characters where ASCII and the default alphabet agree need no table walk: most Latin texts are made of them alone.
_SAME = frozenset(character for character, octets in _SEPTETS.items() if character.isascii() and octets == character.encode())


def to_gsm7(text: str) -> bytes | None:
    """Return one octet a septet, extension characters as two; None when a character is in neither table."""
    if _SAME.issuperset(text):
        return text.encode("ascii")
    try:
        return b"".join([_SEPTETS[character] for character in text])
    except KeyError:
        return None


def from_gsm7(octets: bytes) -> str:
    """Return the text; octets over 127 and unknown escapes become "?" or the plain character, as handsets show them."""
    found = []
    escaped = False
    for octet in octets:
        if escaped:
            escaped = False
            found.append(_EXTENDED.get(octet) or (_BASIC[octet] if octet < len(_BASIC) and octet != _ESCAPE else _UNKNOWN))
        elif octet == _ESCAPE:
            escaped = True
        else:
            found.append(_BASIC[octet] if octet < len(_BASIC) else _UNKNOWN)
    return "".join(found)


def to_ucs2(text: str) -> bytes:
    """Return UTF-16BE, which handsets take for UCS-2; a lone surrogate becomes "?"."""
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError:
        return text.encode("utf-16-be", "replace")


def from_ucs2(octets: bytes) -> str:
    """Return the text; broken pairs and an odd octet at the end become U+FFFD."""
    return octets.decode("utf-16-be", "replace")


def to_latin1(text: str) -> bytes | None:
    """Return ISO 8859-1; None when a character is not in it."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


def from_latin1(octets: bytes) -> str:
    return octets.decode("latin-1")
