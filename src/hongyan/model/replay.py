"""A request that comes again: its number is made of what proves it, so that the same one has the same number wherever it arrives."""

from hashlib import blake2b

_BYTES = 16


def request_id(*proof: bytes) -> str:
    """The number of the request with this proof: its key, its signature, its content.

    A UUID of version 8 (RFC 9562 section 5.8) as text.
    """
    told = blake2b(digest_size=_BYTES)
    for part in proof:
        told.update(len(part).to_bytes(8, "big"))
        told.update(part)
    digits = told.hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def part(of: str, number: int) -> str:
    """The number of one of several commands of a request, counted from 0: a number may be sent a text by each of them."""
    return f"{of}.{number}" if number else of
