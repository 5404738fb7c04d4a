"""What an application's owner has set against floods, and whether it was stopped."""

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.model.protection import Protection
from hongyan.store.times import at, epoch


class ProtectionRow(msgspec.Struct, frozen=True):
    app_id: int
    settings: Protection
    stopped_at: float | None
    stop_reason: str
    by_operator: bool
    """Stopped by the operator."""


COLUMNS = f"app_id, settings, {epoch('stopped_at')}, stop_reason, by_operator"


def _protection(row: Row) -> ProtectionRow:
    settings = msgspec.json.decode(row["settings"], type=Protection)
    return ProtectionRow(row["app_id"], settings, row["stopped_at"], row["stop_reason"], row["by_operator"])


async def get(conn: Connection, app_id: int) -> ProtectionRow:
    """As it was set; of an application for which nothing was, everything switched off."""
    row = await conn.fetchrow(f"select {COLUMNS} from protections where app_id = $1", app_id)
    return ProtectionRow(app_id, Protection(), None, "", by_operator=False) if row is None else _protection(row)


async def every(conn: Connection) -> list[ProtectionRow]:
    """Of the applications for which something was set."""
    return [_protection(row) for row in await conn.fetch(f"select {COLUMNS} from protections")]


async def put(conn: Connection, row: ProtectionRow, now: float) -> None:
    await conn.execute(
        """insert into protections (app_id, settings, stopped_at, stop_reason, by_operator, changed_at)
           values ($1, $2::jsonb, $3, $4, $5, $6)
               on conflict (app_id) do update set settings = excluded.settings, stopped_at = excluded.stopped_at,
                  stop_reason = excluded.stop_reason, by_operator = excluded.by_operator, changed_at = excluded.changed_at""",
        row.app_id, msgspec.json.encode(row.settings).decode(), None if row.stopped_at is None else at(row.stopped_at),
        row.stop_reason, row.by_operator, at(now),
    )  # fmt: skip


class Watched(msgspec.Struct, frozen=True):
    app_id: int
    account_id: int
    settings: Protection
    changed_at: float


async def watched(conn: Connection) -> list[Watched]:
    """Of applications for which something was set, with their accounts."""
    found = await conn.fetch(
        f"select p.app_id, a.account_id, p.settings, {epoch('p.changed_at').removesuffix('as p.changed_at')} "
        "from protections p join apps a on a.id = p.app_id"
    )
    return [Watched(row[0], row[1], msgspec.json.decode(row[2], type=Protection), row[3]) for row in found]
