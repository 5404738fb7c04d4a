"""Numbers an application never sends to."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows
from hongyan.store.times import at, epoch


class BlacklistRow(msgspec.Struct, frozen=True):
    app_id: int
    phone: int
    """E.164 digits."""
    reason: str
    created_at: float
    opted_out: bool = False
    """Put there by the handset's own reply, not by the operator."""


PAGE = f"""
select app_id, phone, reason, {epoch("created_at")}, false as opted_out
  from blacklist where app_id = $1 and phone > $2
 union all
select app_id, phone, '', {epoch("created_at")}, true from optouts where app_id = $1 and phone > $2
 order by phone, opted_out limit $3
"""


async def add(conn: Connection, app_id: int, phones: Sequence[int], reason: str, now: float) -> int:
    """How many were not on it yet."""
    found = await conn.fetch(
        "insert into blacklist (app_id, phone, reason, created_at) select $1, unnest($2::bigint[]), $3, $4 "
        "on conflict do nothing returning phone",
        app_id, phones, reason, at(now),
    )  # fmt: skip
    return len(found)


async def remove(conn: Connection, app_id: int, phones: Sequence[int]) -> int:
    """How many were on it."""
    found = await conn.fetch("delete from blacklist where app_id = $1 and phone = any($2) returning phone", app_id, phones)
    return len(found)


async def lift(conn: Connection, app_id: int, phones: Sequence[int]) -> int:
    """Forget that these numbers asked for no more messages; how many had."""
    found = await conn.fetch("delete from optouts where app_id = $1 and phone = any($2) returning phone", app_id, phones)
    return len(found)


async def page(conn: Connection, app_id: int, *, after_phone: int, most: int) -> list[BlacklistRow]:
    """At most `most` of them by number, those above `after_phone`; numbers that opted out are among them."""
    found = await conn.fetch(PAGE, app_id, after_phone, most)
    return rows.many(found, BlacklistRow)
