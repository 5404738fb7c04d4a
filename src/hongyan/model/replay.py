"""A request that comes again: its number is made of what proves it, so that the same one has the same number wherever it arrives."""

import re
from hashlib import blake2b

_BYTES = 16
_SECONDS = 1 << 32
_BELIEVED_S = 900.0
"""Doors take requests whose own time is at most 15 minutes off; numbers made without a time say one that is further off than that."""
_NUMBER = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-8[0-9a-f]{3}-a", re.ASCII)


def request_id(*proof: bytes, at: int = 0) -> str:
    """The number of the request with this proof: its key, its signature, its content.

    A UUID of version 8 (RFC 9562 section 5.8) as text. With `at`, the Unix second that the request says of itself, that is what it begins
    with: `signed_at` reads it again.
    """
    told = blake2b(digest_size=_BYTES)
    for part in proof:
        told.update(len(part).to_bytes(8, "big"))
        told.update(part)
    digits = told.hexdigest()
    if 0 < at < _SECONDS:
        digits = f"{at:08x}{digits[8:]}"
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def signed_at(number: str, near: float) -> float | None:
    """When a request with this number was signed, by its sender's clock (Unix seconds, whole ones); None when that is not known.

    `near` is when it was taken: a number that says nothing near it was made without a time.
    """
    found = _NUMBER.match(number)
    if found is None:
        return None
    said = float(int(found[1], 16))
    return said if abs(said - near) <= _BELIEVED_S else None


def part(of: str, number: int) -> str:
    """The number of one of several commands of a request, counted from 0: a number may be sent a text by each of them."""
    return f"{of}.{number}" if number else of
