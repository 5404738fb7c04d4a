"""PostgreSQL's binary form of arrays, packed whole: a driver that asks each element for its class takes six times as long.

One dimension, as everything here has. Numbers that have a fixed width are packed by one call; those with nulls among them go one by one.
"""

import struct
from collections.abc import Callable, Collection, Sequence
from functools import cache

import msgspec

HEAD = struct.Struct(">iiIii")
"""Dimensions, whether there are nulls, the type of the elements; of the one dimension its length and first place."""
LENGTH = struct.Struct(">i")
NULL = LENGTH.pack(-1)
CHUNK = 128
"""Packed at once at most: for each size up to it a format is kept."""
LENGTHS = tuple(LENGTH.pack(n) for n in range(1024))


class Codec(msgspec.Struct, frozen=True):
    """How arrays of one type are written and read."""

    name: str
    oid: int
    """The array's type, the same in every PostgreSQL."""
    encode: Callable[[Collection[object]], bytes | bytearray]
    """Raises struct.error, or AttributeError for texts, when an element is of another type."""
    decode: Callable[[bytes], list[object]]


def numbers(name: str, oid: int, element: int, code: str) -> Codec:
    """Arrays of numbers that `struct` knows as `code`."""
    width = struct.calcsize(">" + code)
    stride = LENGTH.size + width
    one = struct.Struct(">" + code)

    @cache
    def packing(count: int) -> struct.Struct:
        return struct.Struct(">" + f"{LENGTH.size}x{code}" * count)

    def encode(values: Collection[object]) -> bytes | bytearray:
        items = values if isinstance(values, (list, tuple)) else list(values)
        try:
            return encode_all(items)
        except struct.error:
            if None not in items:
                raise
            return _with_nulls(element, [None if item is None else one.pack(item) for item in items])

    def encode_all(items: Sequence[object]) -> bytearray:
        count = len(items)
        packed = bytearray(HEAD.size + stride * count)
        HEAD.pack_into(packed, 0, 1, 0, element, count, 1)
        for begin in range(0, count, CHUNK):
            some = items if count <= CHUNK else items[begin : begin + CHUNK]
            packing(len(some)).pack_into(packed, HEAD.size + stride * begin, *some)
        # The last byte of each length; the others are nought.
        packed[HEAD.size + LENGTH.size - 1 :: stride] = bytes([width]) * count
        return packed

    def decode(packed: bytes) -> list[object]:
        count = _count(packed)
        if len(packed) != HEAD.size + stride * count:
            return [None if item is None else one.unpack(item)[0] for item in _items(packed, count)]
        found: list[object] = []
        for begin in range(0, count, CHUNK):
            found += packing(min(CHUNK, count - begin)).unpack_from(packed, HEAD.size + stride * begin)
        return found

    return Codec(name, oid, encode, decode)


def texts(name: str, oid: int, element: int) -> Codec:
    """Arrays of texts."""

    def encode(values: Collection[object]) -> bytes:
        if None in values:
            return _with_nulls(element, [None if value is None else value.encode() for value in values])  # type: ignore[attr-defined]
        items: list[bytes] = [value.encode() for value in values]  # type: ignore[attr-defined]
        parts = [b""] * (2 * len(items) + 1)
        parts[0] = HEAD.pack(1, 0, element, len(items), 1)
        parts[1::2] = [LENGTHS[len(item)] if len(item) < len(LENGTHS) else LENGTH.pack(len(item)) for item in items]
        parts[2::2] = items
        return b"".join(parts)

    def decode(packed: bytes) -> list[object]:
        count = _count(packed)
        # Often all are the same.
        if count > 1 and (length := LENGTH.unpack_from(packed, HEAD.size)[0]) >= 0:
            first = packed[HEAD.size : HEAD.size + LENGTH.size + length]
            if len(packed) == HEAD.size + count * len(first) and packed[HEAD.size :] == first * count:
                return [first[LENGTH.size :].decode()] * count
        return [None if item is None else item.decode() for item in _items(packed, count)]

    return Codec(name, oid, encode, decode)


CODECS = (
    numbers("_int2", 1005, 21, "h"),
    numbers("_int4", 1007, 23, "i"),
    numbers("_int8", 1016, 20, "q"),
    numbers("_float8", 1022, 701, "d"),
    texts("_text", 1009, 25),
)


def _with_nulls(element: int, items: Sequence[bytes | None]) -> bytes:
    parts = [HEAD.pack(1, 1, element, len(items), 1)]
    for item in items:
        parts += (NULL,) if item is None else (LENGTH.pack(len(item)), item)
    return b"".join(parts)


def _count(packed: bytes) -> int:
    """How many elements. Raises ValueError for more than one dimension."""
    dimensions = LENGTH.unpack_from(packed)[0]
    if not dimensions:
        return 0
    if dimensions > 1:
        raise ValueError("an array of more than one dimension")
    count: int = HEAD.unpack_from(packed)[3]
    return count


def _items(packed: bytes, count: int) -> list[bytes | None]:
    found: list[bytes | None] = []
    begin = HEAD.size
    for _ in range(count):
        length = LENGTH.unpack_from(packed, begin)[0]
        begin += LENGTH.size
        found.append(None if length < 0 else packed[begin : begin + length])
        begin += max(length, 0)
    return found
