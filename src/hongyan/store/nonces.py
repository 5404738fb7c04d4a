"""Nonces that programs have used, each kept for as long as it would be good."""

from hongyan.kit.db import Connection
from hongyan.store.times import at


async def use(conn: Connection, mark: bytes, number: str, until: float) -> str:
    """The request that used it first: this one's number, unless it was another."""
    return str(
        await conn.fetchval(
            "with mine as (insert into nonces (mark, number, until) values ($1, $2, $3) on conflict (mark) do nothing returning number) "
            "select number from mine union all select number from nonces where mark = $1 limit 1",
            mark, number, at(until),
        )
        or number
    )  # fmt: skip


async def forget(conn: Connection, now: float) -> None:
    """Those that are good no more anyway."""
    await conn.execute("delete from nonces where until < $1", at(now))
