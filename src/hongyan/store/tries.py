"""Tries to prove who one is, counted to limit guessing. Subjects are marks: addresses of people are not readable here."""

from collections.abc import Iterable, Sequence

from hongyan.kit.db import Connection
from hongyan.store import locks
from hongyan.store.times import at, epoch

SPACE = 0x4859_5452
BUCKETS = 256


async def lock(conn: Connection, subjects: Iterable[bytes]) -> None:
    """Whoever counts one of these subjects waits until the transaction ends."""
    await locks.lock(conn, SPACE, {subject[0] % BUCKETS for subject in subjects})


async def newest(conn: Connection, subject: bytes, *, since: float, most: int) -> list[float]:
    """When the last tries were, up to so many, the newest first."""
    found = await conn.fetch(
        f"select {epoch('at')} from sign_in_tries where subject = $1 and at > $2 order by sign_in_tries.at desc limit $3",
        subject, at(since), most,
    )  # fmt: skip
    return [row[0] for row in found]


async def add(conn: Connection, subjects: Sequence[bytes], now: float) -> None:
    await conn.execute("insert into sign_in_tries (subject, at) select unnest($1::bytea[]), $2", subjects, at(now))


async def forget(conn: Connection, subjects: Sequence[bytes], since: float) -> None:
    """Those at or after a time."""
    await conn.execute("delete from sign_in_tries where subject = any($1) and at >= $2", subjects, at(since))


async def sweep(conn: Connection, before: float) -> int:
    """Forget those that no limit looks at any more."""
    return len(await conn.fetch("delete from sign_in_tries where at < $1 returning 1", at(before)))
