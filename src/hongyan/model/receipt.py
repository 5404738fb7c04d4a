"""Ids of receipts, made comparable.

The id in a receipt can be the one of the submit response in another letter case, without its leading zeros, or in another base
(Kannel's msg-id-type names all four pairs). Segments are stored and looked up by `carrier_key`; when that finds nothing, by
`alternative_keys`, which can be a coincidence and needs another fact to agree, such as the phone.
"""

_LONGEST = 64
"""SMPP's message_id; longer ones are nobody's number."""

_HEX = frozenset("0123456789abcdef")
_DECIMAL = frozenset("0123456789")


def carrier_key(raw: str) -> str:
    """Return the id without surrounding spaces, letter case and leading zeros; empty only when there is none."""
    key = raw.strip().casefold()
    return key.lstrip("0") or key[:1]


def alternative_keys(raw: str) -> tuple[str, ...]:
    """Return the keys of the same number in the other base, read both ways; never `carrier_key` itself."""
    key = carrier_key(raw)
    if not key or len(key) > _LONGEST or not _HEX.issuperset(key):
        return ()
    readings = [str(int(key, 16))]
    if _DECIMAL.issuperset(key):
        readings.append(f"{int(key):x}")
    return tuple(sorted({reading for reading in readings if reading != key}))
