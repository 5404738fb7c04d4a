"""How often an account may still ask for an action: one bucket over all nodes, which take from it by handfuls, by the database's clock."""

from hongyan.kit.db import Connection

# Filled up to a second's worth by the time gone by; what was used in advance is taken off first, and may leave less than nothing.
TAKE = """
insert into allotments as a (account_id, action, tokens, granted, at)
values ($1, $2, $3::float8 - $5 - $4, $4, clock_timestamp())
on conflict (account_id, action) do update set (tokens, granted, at) = (
    select f.filled - g.granted, g.granted, f.now
      from (select least($3::float8, a.tokens + greatest(extract(epoch from c.now - a.at), 0) * $3) - $5 as filled, c.now
              from (select clock_timestamp() as now) c) f
     cross join lateral (select greatest(least($4, floor(f.filled)), 0)::integer as granted) g)
returning granted
"""


async def take(conn: Connection, account_id: int, action: str, *, rate: int, wanted: int, owed: int) -> int:
    """Take up to `wanted` (at most `rate`) of an account's requests of an action, of which there are `rate` a second; how many were got.

    `owed` have been used already.
    """
    granted: int = await conn.fetchval(TAKE, account_id, action, rate, wanted, owed)
    return granted


async def forget(conn: Connection) -> None:
    """Buckets that have been full for an hour."""
    await conn.execute("delete from allotments where at < clock_timestamp() - interval '1 hour'")
