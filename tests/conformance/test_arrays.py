"""Arrays as the platform packs and reads them, beside what PostgreSQL itself makes of the same values."""

import datetime as dt
import enum

import pytest
from asyncpg.exceptions import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.kit.arrays import CODECS
from hongyan.kit.db import Database


class Size(enum.IntEnum):
    SMALL = 1


ELEMENTS = {
    "_int2": st.integers(-(2**15), 2**15 - 1),
    "_int4": st.integers(-(2**31), 2**31 - 1),
    "_int8": st.integers(-(2**63), 2**63 - 1),
    "_float8": st.floats(allow_nan=False),
    "_text": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=2000),
}


@given(st.data())
@settings(max_examples=60)
def test_what_is_packed_is_read_as_it_was(data: st.DataObject) -> None:
    for codec in CODECS:
        values = data.draw(st.lists(ELEMENTS[codec.name] | st.none(), max_size=300) | st.lists(ELEMENTS[codec.name], max_size=300))
        assert codec.decode(bytes(codec.encode(values))) == values
        assert codec.decode(bytes(codec.encode(dict(enumerate(values)).values()))) == values


async def test_postgresql_reads_and_writes_them_alike(database: Database) -> None:
    samples: dict[str, list[object]] = {
        "smallint": [1, -2, None, Size.SMALL],
        "integer": [*range(-400, 400)],
        "bigint": [2**62 + n for n in range(129)],
        "float8": [0.5, -1e300, 3],
        "text": ["", "短信", None, "x" * 5000],
    }
    async with database.connection() as conn:
        for type_, values in samples.items():
            for some in (values, tuple(values), [], [None], values[:1]):
                assert await conn.fetchval(f"select $1::{type_}[]", some) == list(some)
                assert await conn.fetchval(f"select array(select unnest($1::{type_}[]))", some) == list(some)
                assert await conn.fetchval(f"select cardinality($1::{type_}[])", some) == len(some)
        assert await conn.fetchval("select $1::bigint[]", {7}) == [7]
        assert await conn.fetchval("select $1::bigint[]", None) is None
        now = dt.datetime.now(dt.UTC)
        assert await conn.fetchval("select $1::timestamptz[]", [now, None]) == [now, None]


async def test_an_element_of_another_type_is_refused_before_it_is_sent(database: Database) -> None:
    async with database.connection() as conn:
        for type_, values in (("smallint", [2**15]), ("bigint", ["1"]), ("text", [1]), ("text", [None, 1]), ("integer", [1.5])):
            with pytest.raises(DataError):
                await conn.fetchval(f"select $1::{type_}[]", values)
        with pytest.raises(ValueError, match="more than one dimension"):
            await conn.fetchval("select array[[1, 2], [3, 4]]")
        assert await conn.fetchval("select $1::integer[]", [1]) == [1]


async def test_the_types_have_these_numbers(database: Database) -> None:
    async with database.connection() as conn:
        found = await conn.fetch("select typname, oid::bigint from pg_type where typname = any($1)", [codec.name for codec in CODECS])
    assert {row[0]: row[1] for row in found} == {codec.name: codec.oid for codec in CODECS}
