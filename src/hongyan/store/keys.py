"""API keys: SecretId in clear, SecretKey sealed."""

from collections.abc import Mapping, Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.actor import Role
from hongyan.store import rows
from hongyan.store.times import at, epoch


class KeyRow(msgspec.Struct, frozen=True):
    """A key without its secret."""

    secret_id: str
    account_id: int
    user_id: int | None
    """Whose it is; None: the account's."""
    enabled: bool
    note: str
    allow: tuple[str, ...]
    """Networks it may be used from; empty means anywhere."""
    scopes: tuple[str, ...] | None
    """What it may do; None: what keys may do that were made before there were scopes."""
    created_at: float
    used_at: float | None
    """When it was last used, to within some seconds."""
    address: str | None
    """And from where."""


class SealedKey(msgspec.Struct, frozen=True):
    secret_id: str
    account_id: int
    user_id: int | None
    enabled: bool
    """And so is its user."""
    secret_sealed: bytes
    allow: tuple[str, ...]
    scopes: tuple[str, ...] | None
    role: Role | None
    """Its user's in the account."""


COLUMNS = f"k.secret_id, account_id, user_id, enabled, note, allow, scopes, {epoch('created_at')}, {epoch('used_at')}, address"
FROM = "api_keys k left join key_uses u on u.secret_id = k.secret_id"


async def add(
    conn: Connection,
    *,
    secret_id: str,
    account_id: int,
    secret_sealed: bytes,
    now: float,
    user_id: int | None = None,
    note: str = "",
    allow: Sequence[str] = (),
    scopes: Sequence[str] | None = None,
) -> None:
    await conn.execute(
        "insert into api_keys (secret_id, account_id, secret_sealed, enabled, created_at, user_id, note, allow, scopes) "
        "values ($1, $2, $3, true, $4, $5, $6, $7, $8)",
        secret_id, account_id, secret_sealed, at(now), user_id, note, allow, scopes,
    )  # fmt: skip


async def get(conn: Connection, secret_id: str) -> KeyRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from {FROM} where k.secret_id = $1", secret_id), KeyRow)


async def live(conn: Connection, account_id: int, user_id: int | None, *, beside: str) -> int:
    """How many of the user's keys are enabled, in whatever account, or of the account's without a user; not counting `beside`."""
    return int(
        await conn.fetchval(
            "select count(*) from api_keys where enabled and secret_id <> $3 "
            "and case when $2::bigint is null then account_id = $1 and user_id is null else user_id = $2 end",
            account_id, user_id, beside,
        )
    )  # fmt: skip


async def set_enabled(conn: Connection, secret_id: str, *, enabled: bool) -> None:
    await conn.execute("update api_keys set enabled = $2 where secret_id = $1", secret_id, enabled)


async def change(conn: Connection, secret_id: str, *, note: str, allow: Sequence[str], scopes: Sequence[str] | None) -> None:
    await conn.execute("update api_keys set note = $2, allow = $3, scopes = $4 where secret_id = $1", secret_id, note, allow, scopes)


async def remove(conn: Connection, secret_id: str) -> None:
    await conn.execute("delete from api_keys where secret_id = $1", secret_id)
    await conn.execute("delete from key_uses where secret_id = $1", secret_id)


async def page(conn: Connection, *, account_id: int | None, after: str, most: int) -> list[KeyRow]:
    """An account's keys, or all, the oldest first; those behind the key `after`, from the beginning when there is no such key."""
    found = await conn.fetch(
        f"select {COLUMNS} from {FROM} where ($1::bigint is null or account_id = $1) "
        "and (created_at, k.secret_id) > (select coalesce(max(created_at), '-infinity'), $2::text from api_keys where secret_id = $2) "
        "order by k.created_at, k.secret_id limit $3",
        account_id, after, most,
    )  # fmt: skip
    return rows.many(found, KeyRow)


async def sealed(conn: Connection) -> list[SealedKey]:
    """All keys with their sealed secrets."""
    found = await conn.fetch(
        "select k.secret_id, k.account_id, k.user_id, k.enabled and (k.user_id is null or (u.enabled and m.role is not null)) as enabled, "
        "k.secret_sealed, k.allow, k.scopes, m.role from api_keys k left join users u on u.id = k.user_id "
        "left join members m on m.user_id = k.user_id and m.account_id = k.account_id"
    )
    return rows.many(found, SealedKey)


async def first_live(conn: Connection, account_id: int) -> tuple[str, bytes] | None:
    """SecretId and sealed secret of the account's oldest enabled key without a user or any limits."""
    row = await conn.fetchrow(
        "select secret_id, secret_sealed from api_keys "
        "where account_id = $1 and enabled and user_id is null and allow = '{}' and scopes is null order by created_at, secret_id limit 1",
        account_id,
    )
    return None if row is None else (row["secret_id"], bytes(row["secret_sealed"]))


async def used(conn: Connection, uses: Mapping[str, tuple[float, str]]) -> None:
    """Note when and from where keys were used last; an older use than is known already changes nothing."""
    await conn.execute(
        "insert into key_uses (secret_id, used_at, address) select * from unnest($1::text[], $2::timestamptz[], $3::text[]) "
        "on conflict (secret_id) do update set used_at = excluded.used_at, address = excluded.address "
        "where key_uses.used_at < excluded.used_at",
        # In one order, so that processes that write at once never wait for each other crosswise.
        sorted(uses), [at(uses[key][0]) for key in sorted(uses)], [uses[key][1] for key in sorted(uses)],
    )  # fmt: skip
