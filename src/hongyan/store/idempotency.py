"""Keys by which a program may ask the same thing again: what was asked under each, and what was answered."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows
from hongyan.store.times import at, epoch


class KeyRow(msgspec.Struct, frozen=True):
    body_hash: bytes
    request_id: str
    """Of the first request under this key: its messages carry it."""
    status: int | None
    """HTTP status of the answer; None while there is none."""
    answer: bytes | None
    created_at: float


async def begin(conn: Connection, account_id: int, key: str, *, body_hash: bytes, request_id: str, now: float) -> KeyRow | None:
    """None when the key is new and from now on taken; else what it was taken for, locked until the transaction ends."""
    fresh = await conn.fetchval(
        """insert into idempotency_keys (account_id, key, body_hash, request_id, created_at) values ($1, $2, $3, $4, $5)
           on conflict on constraint idempotency_keys_pkey do nothing returning true""",
        account_id, key, body_hash, request_id, at(now),
    )  # fmt: skip
    if fresh:
        return None
    row = await conn.fetchrow(
        f"select body_hash, request_id, status, answer, {epoch('created_at')} from idempotency_keys "
        "where account_id = $1 and key = $2 for update",
        account_id, key,
    )  # fmt: skip
    return rows.one(row, KeyRow)


async def finish(conn: Connection, account_id: int, key: str, *, status: int, answer: bytes) -> None:
    """Keep the answer."""
    await conn.execute(
        "update idempotency_keys set status = $3, answer = $4 where account_id = $1 and key = $2", account_id, key, status, answer
    )


async def forget(conn: Connection, account_id: int, key: str) -> None:
    """Nothing was done under this key: it may be used again."""
    await conn.execute("delete from idempotency_keys where account_id = $1 and key = $2 and status is null", account_id, key)


async def sweep(conn: Connection, before: float) -> int:
    """Forget keys older than that; returns how many."""
    done = await conn.fetch("delete from idempotency_keys where created_at < $1 returning true", at(before))
    return len(done)
