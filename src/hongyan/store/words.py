"""The operator's words: a message in which one is found is refused, or held for a person to look at."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.protection import WordAction
from hongyan.store import rows
from hongyan.store.times import at, epoch


class WordRow(msgspec.Struct, frozen=True):
    word: str
    action: WordAction
    reason: str
    created_at: float


COLUMNS = f"word, action, reason, {epoch('created_at')}"


async def add(conn: Connection, words: Sequence[str], action: WordAction, reason: str, now: float) -> int:
    """Put words on the list, or change what they do; returns how many were not on it."""
    found = await conn.fetch(
        "insert into words (word, action, reason, created_at) select unnest($1::text[]), $2, $3, $4 "
        "on conflict (word) do update set action = excluded.action, reason = excluded.reason returning xmax = 0",
        words, action.value, reason, at(now),
    )  # fmt: skip
    return sum(row[0] for row in found)


async def remove(conn: Connection, words: Sequence[str]) -> int:
    """How many were on it."""
    return len(await conn.fetch("delete from words where word = any($1) returning word", words))


async def page(conn: Connection, *, after: str, most: int) -> list[WordRow]:
    found = await conn.fetch(f"select {COLUMNS} from words where word > $1 order by word limit $2", after, most)
    return rows.many(found, WordRow)


async def every(conn: Connection) -> list[WordRow]:
    return rows.many(await conn.fetch(f"select {COLUMNS} from words order by word"), WordRow)


async def count(conn: Connection) -> int:
    return int(await conn.fetchval("select count(*) from words"))
