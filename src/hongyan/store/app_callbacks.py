"""How applications want their callbacks, and the secrets that sign those of the native dialect."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows
from hongyan.store.times import at, epoch


class CallbackRow(msgspec.Struct, frozen=True):
    """What an application has set; one that has no row has set nothing."""

    app_id: int
    native: bool = False
    """The native body, whatever API the message came through."""
    signed: bool = False
    """Callbacks in Huawei's words are signed with the application's key and secret there."""
    reply_time: bool = False
    """Uplinks in Huawei's words say when they were written."""
    event_url: str = ""
    """Where events of `event_kinds` go; empty for nowhere."""
    event_kinds: tuple[str, ...] = ()
    voice_url: str = ""
    """Where what happens in calls goes; empty for nowhere."""


class SealedSecret(msgspec.Struct, frozen=True):
    app_id: int
    secret_sealed: bytes
    ends_at: float | None
    """From then on nothing is signed with it; None for the one in use."""


COLUMNS = "app_id, native, signed, reply_time, event_url, event_kinds, voice_url"


async def get(conn: Connection, app_id: int) -> CallbackRow:
    row = await conn.fetchrow(f"select {COLUMNS} from app_callbacks where app_id = $1", app_id)
    return rows.one(row, CallbackRow) or CallbackRow(app_id)


async def put(conn: Connection, row: CallbackRow) -> None:
    await conn.execute(
        f"insert into app_callbacks ({COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7) on conflict (app_id) do update "
        "set native = excluded.native, signed = excluded.signed, reply_time = excluded.reply_time, event_url = excluded.event_url, "
        "event_kinds = excluded.event_kinds, voice_url = excluded.voice_url",
        *msgspec.structs.astuple(row),
    )


class SubscribedRow(msgspec.Struct, frozen=True):
    app_id: int
    event_url: str


async def subscribed(conn: Connection, account_id: int, app_id: int | None, kind: str) -> list[SubscribedRow]:
    """Which application is told of this kind; without one named, those of the account, one for each address."""
    found = await conn.fetch(
        "select distinct on (c.event_url) c.app_id, c.event_url from app_callbacks c join apps a on a.id = c.app_id "
        "where a.account_id = $1 and ($2::bigint is null or c.app_id = $2) and c.event_url <> '' and $3 = any(c.event_kinds) "
        "order by c.event_url, c.app_id",
        account_id, app_id, kind,
    )  # fmt: skip
    return rows.many(found, SubscribedRow)


async def every(conn: Connection) -> list[CallbackRow]:
    """Of all applications that have set something."""
    return rows.many(await conn.fetch(f"select {COLUMNS} from app_callbacks"), CallbackRow)


async def secrets(conn: Connection, app_id: int | None = None) -> list[SealedSecret]:
    """Of one application, or of all; the newest first."""
    found = await conn.fetch(
        f"select app_id, secret_sealed, {epoch('ends_at')} from callback_secrets "
        "where $1::bigint is null or app_id = $1 order by app_id, id desc",
        app_id,
    )
    return rows.many(found, SealedSecret)


async def add_secret(conn: Connection, secret: SealedSecret, now: float) -> None:
    await conn.execute(
        "insert into callback_secrets (app_id, secret_sealed, created_at, ends_at) values ($1, $2, $3, $4)",
        secret.app_id, secret.secret_sealed, at(now), None if secret.ends_at is None else at(secret.ends_at),
    )  # fmt: skip


async def end_secrets(conn: Connection, app_id: int, ends_at: float) -> None:
    """Those in use until now are good until then; what ends before stays so."""
    await conn.execute("update callback_secrets set ends_at = least(ends_at, $2) where app_id = $1", app_id, at(ends_at))


async def forget_secrets(conn: Connection, app_id: int, now: float) -> None:
    """Those that are good no more."""
    await conn.execute("delete from callback_secrets where app_id = $1 and ends_at <= $2", app_id, at(now))
