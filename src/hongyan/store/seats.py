"""Seats: the sessions of links, each held by one engine over the whole database.

A seat is held by an advisory lock of the engine's own session (store/engines.py), so it is free the moment the engine is dead: there is
nothing to renew and no clock to compare.
"""

from collections.abc import Collection

import msgspec

from hongyan.kit.db import Connection
from hongyan.store.engines import LOCK_SPACE as ENGINES

LOCK_SPACE = 0x4853
MOST = 1024
"""Sessions of a link at most: a lock's second key is the link's id times this and the session's number."""

Seat = tuple[int, int]
"""A link's id, and the number of one of its sessions, from 0."""


class Table(msgspec.Struct, frozen=True):
    """Who holds what, at one moment."""

    engines: frozenset[int]
    """Those alive that dispatch."""
    held: dict[Seat, int]
    """By seat: its engine."""


TABLE = """
with locks as materialized (
    select classid, objid::bigint as id, pid from pg_locks
     where locktype = 'advisory' and objsubid = 2 and granted and classid in ($1::oid, $2::oid)
       and database = (select oid from pg_database where datname = current_database())
)
select e.id, s.id from locks l
  join engines e on e.id = l.id and 'dispatch' = any(string_to_array(e.roles, '+'))
  left join locks s on s.classid = $2::oid and s.pid = l.pid
 where l.classid = $1::oid
"""


async def look(conn: Connection) -> Table:
    """Every engine that dispatches, and every seat that one of them holds."""
    rows = await conn.fetch(TABLE, ENGINES, LOCK_SPACE)
    return Table(
        engines=frozenset(engine for engine, _ in rows),
        held={divmod(seat, MOST): engine for engine, seat in rows if seat is not None},
    )


async def take(conn: Connection, wanted: Collection[Seat]) -> set[Seat]:
    """Those of them that are ours now, for as long as this session lives. Only for seats that it does not hold yet."""
    rows = await conn.fetch(
        "select seat from unnest($2::int[]) seat where pg_try_advisory_lock($1, seat)", LOCK_SPACE, [_key(seat) for seat in wanted]
    )
    return {divmod(row[0], MOST) for row in rows}


async def give_back(conn: Connection, seats: Collection[Seat]) -> None:
    """Seats of this session are free, and who waits for one is told."""
    await conn.execute("select pg_advisory_unlock($1, seat) from unnest($2::int[]) seat", LOCK_SPACE, [_key(seat) for seat in seats])
    await conn.execute("select pg_notify('hongyan_seats', '')")


def _key(seat: Seat) -> int:
    link_id, number = seat
    return link_id * MOST + number
