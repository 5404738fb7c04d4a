"""Engines: processes that hold queue entries. One is alive as long as its session holds its advisory lock."""

from collections.abc import Sequence

from hongyan.kit.db import Connection
from hongyan.kit.ids import WORKERS
from hongyan.store.times import at

LOCK_SPACE = 0x4845

ALIVE = """
select e.id, e.worker from engines e
  join pg_locks l on l.locktype = 'advisory' and l.classid = $1::oid and l.objid = e.id::oid and l.objsubid = 2 and l.granted
   and l.database = (select oid from pg_database where datname = current_database())
"""


async def register(conn: Connection, *, host: str, pid: int, roles: str, worker: int, now: float) -> tuple[int, int]:
    """Become an engine for as long as this session lives; returns (engine id, worker number for ids).

    The number (0..1023) is nobody else's while this engine lives: `worker` when it is free, else the next free one. Raises RuntimeError
    when all are taken.
    """
    await conn.execute("select pg_advisory_lock($1, 0)", LOCK_SPACE)
    try:
        taken = {row[1] for row in await conn.fetch(ALIVE, LOCK_SPACE)}
        free = next((number for n in range(WORKERS) if (number := (worker + n) % WORKERS) not in taken), None)
        if free is None:
            raise RuntimeError(f"{WORKERS} processes run on this database already")
        engine = await conn.fetchval(
            "insert into engines (worker, host, pid, roles, started_at) values ($1, $2, $3, $4, $5) returning id",
            free, host, pid, roles, at(now),
        )  # fmt: skip
        await conn.execute("select pg_advisory_lock($1, $2)", LOCK_SPACE, engine)
    finally:
        await conn.execute("select pg_advisory_unlock($1, 0)", LOCK_SPACE)
    return engine, free


async def living(conn: Connection) -> list[int]:
    """Engines that are at work now."""
    return [row[0] for row in await conn.fetch(ALIVE, LOCK_SPACE)]


async def dead(conn: Connection) -> list[int]:
    """Engines whose sessions have ended."""
    rows = await conn.fetch(f"select id from engines except select id from ({ALIVE}) alive", LOCK_SPACE)
    return [row[0] for row in rows]


async def strays(conn: Connection) -> list[int]:
    """Owners that were buried before their last entries were committed. Looks at the whole queue: ask rarely."""
    # The queue first: who holds something now is among the engines a moment later, unless it was buried.
    owners = [row[0] for row in await conn.fetch("select distinct owner from queue where owner > 0")]
    known = {row[0] for row in await conn.fetch("select id from engines where id = any($1)", owners)}
    return [owner for owner in owners if owner not in known]


async def bury(conn: Connection, engines: Sequence[int]) -> None:
    """Forget dead engines that hold nothing any more."""
    holding = {row[0] for row in await conn.fetch("select distinct owner from queue where owner = any($1)", engines)}
    await conn.execute("delete from engines where id = any($1)", [engine for engine in engines if engine not in holding])
