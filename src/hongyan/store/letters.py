"""Letters to people that wait to be handed to the mail server; what they say is sealed."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows
from hongyan.store.times import at


class LetterRow(msgspec.Struct, frozen=True):
    id: int
    email: str
    sealed: bytes
    tries: int


async def add(conn: Connection, *, email: str, sealed: bytes, now: float, expires_at: float) -> None:
    await conn.execute(
        "insert into letters (email, sealed, due_at, expires_at) values ($1, $2, $3, $4)", email, sealed, at(now), at(expires_at)
    )


async def take(conn: Connection, *, now: float, again_at: float, most: int) -> list[LetterRow]:
    """Letters that are due, the oldest first; each is due again at `again_at` unless it is removed before."""
    found = await conn.fetch(
        "update letters set tries = tries + 1, due_at = $2 where id in "
        "(select id from letters where due_at <= $1 and expires_at > $1 order by due_at limit $3 for update skip locked) "
        "returning id, email, sealed, tries",
        at(now), at(again_at), most,
    )  # fmt: skip
    return rows.many(found, LetterRow)


async def remove(conn: Connection, letter_id: int) -> None:
    await conn.execute("delete from letters where id = $1", letter_id)


async def again(conn: Connection, letter_id: int, due_at: float) -> None:
    await conn.execute("update letters set due_at = $2 where id = $1", letter_id, at(due_at))


async def sweep(conn: Connection, now: float) -> int:
    """Forget those that came too late."""
    return len(await conn.fetch("delete from letters where expires_at <= $1 returning id", at(now)))
