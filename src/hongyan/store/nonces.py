"""Nonces that programs have used, each kept for as long as it would be good."""

from hongyan.kit.db import Connection
from hongyan.store.times import at


async def use(conn: Connection, mark: bytes, number: str, until: float) -> str:
    """The request that used it first: this one's number, unless it was another."""
    taken = await conn.fetchval(
        "insert into nonces (mark, number, until) values ($1, $2, $3) on conflict (mark) do nothing returning number",
        mark, number, at(until),
    )  # fmt: skip
    # Asked anew: a statement does not see what was committed while it waited. None: it has been forgotten since.
    return str(taken or await conn.fetchval("select number from nonces where mark = $1", mark) or number)


async def forget(conn: Connection, now: float) -> None:
    """Those that are good no more anyway."""
    await conn.execute("delete from nonces where until < $1", at(now))
