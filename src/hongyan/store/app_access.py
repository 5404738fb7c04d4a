"""Keys and secrets by which an application is known in Huawei's API."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows
from hongyan.store.times import at, epoch


class AccessRow(msgspec.Struct, frozen=True):
    """Without the secret."""

    app_id: int
    access_key: str
    created_at: float
    rotated_at: float | None


class SealedAccess(msgspec.Struct, frozen=True):
    app_id: int
    access_key: str
    secret_sealed: bytes


COLUMNS = f"app_id, access_key, {epoch('created_at')}, {epoch('rotated_at')}"


async def put(conn: Connection, *, app_id: int, access_key: str, secret_sealed: bytes, now: float) -> AccessRow | None:
    """The application's one pair, new or instead of what it had. Raises `UniqueViolation` when another application has the key."""
    row = await conn.fetchrow(
        "insert into app_access (app_id, access_key, secret_sealed, created_at) values ($1, $2, $3, $4) "
        "on conflict on constraint app_access_pkey do update "
        f"set access_key = excluded.access_key, secret_sealed = excluded.secret_sealed, rotated_at = $4 returning {COLUMNS}",
        app_id, access_key, secret_sealed, at(now),
    )  # fmt: skip
    return rows.one(row, AccessRow)


async def get(conn: Connection, app_id: int) -> AccessRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from app_access where app_id = $1", app_id), AccessRow)


async def sealed(conn: Connection, app_id: int | None = None) -> list[SealedAccess]:
    """One application's, or all."""
    found = await conn.fetch("select app_id, access_key, secret_sealed from app_access where $1::bigint is null or app_id = $1", app_id)
    return rows.many(found, SealedAccess)


async def remove(conn: Connection, app_id: int) -> bool:
    return await conn.fetchval("delete from app_access where app_id = $1 returning true", app_id) is True
