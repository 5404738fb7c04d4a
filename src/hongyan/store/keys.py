"""API keys: SecretId in clear, SecretKey sealed."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows
from hongyan.store.times import at, epoch


class KeyRow(msgspec.Struct, frozen=True):
    """A key without its secret."""

    secret_id: str
    account_id: int
    enabled: bool
    created_at: float


class SealedKey(msgspec.Struct, frozen=True):
    secret_id: str
    account_id: int
    enabled: bool
    secret_sealed: bytes


COLUMNS = f"secret_id, account_id, enabled, {epoch('created_at')}"


async def add(conn: Connection, *, secret_id: str, account_id: int, secret_sealed: bytes, now: float) -> None:
    await conn.execute(
        "insert into api_keys (secret_id, account_id, secret_sealed, enabled, created_at) values ($1, $2, $3, true, $4)",
        secret_id, account_id, secret_sealed, at(now),
    )  # fmt: skip


async def get(conn: Connection, secret_id: str) -> KeyRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from api_keys where secret_id = $1", secret_id), KeyRow)


async def live(conn: Connection, account_id: int, *, beside: str) -> int:
    """How many of the account's keys are enabled, not counting `beside`."""
    return int(
        await conn.fetchval("select count(*) from api_keys where account_id = $1 and enabled and secret_id <> $2", account_id, beside)
    )


async def set_enabled(conn: Connection, secret_id: str, *, enabled: bool) -> None:
    await conn.execute("update api_keys set enabled = $2 where secret_id = $1", secret_id, enabled)


async def page(conn: Connection, *, account_id: int | None, after: str, most: int) -> list[KeyRow]:
    """An account's keys, or all, the oldest first; those behind the key `after`, from the beginning when there is no such key."""
    found = await conn.fetch(
        f"select {COLUMNS} from api_keys where ($1::bigint is null or account_id = $1) "
        "and (created_at, secret_id) > (select coalesce(max(created_at), '-infinity'), $2::text from api_keys where secret_id = $2) "
        "order by api_keys.created_at, secret_id limit $3",
        account_id, after, most,
    )  # fmt: skip
    return rows.many(found, KeyRow)


async def sealed(conn: Connection) -> list[SealedKey]:
    """All keys with their sealed secrets."""
    return rows.many(await conn.fetch("select secret_id, account_id, enabled, secret_sealed from api_keys"), SealedKey)


async def first_live(conn: Connection, account_id: int) -> SealedKey | None:
    """The account's oldest enabled key."""
    row = await conn.fetchrow(
        "select secret_id, account_id, enabled, secret_sealed from api_keys where account_id = $1 and enabled "
        "order by created_at, secret_id limit 1",
        account_id,
    )
    return rows.one(row, SealedKey)
