"""Sender numbers that carriers gave us."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows
from hongyan.store.times import at, epoch


class SenderRow(msgspec.Struct, frozen=True):
    number: str
    link_id: int | None
    """None: it may be shown on every link."""
    app_id: int | None
    """None: every application may show it."""
    created_at: float
    extension_digits: int = 0
    """Of an access code: how many digits behind it are a signature's; 0 for a number that is shown as it is."""


COLUMNS = f"number, link_id, app_id, {epoch('created_at')}, extension_digits"


async def add(conn: Connection, *, number: str, link_id: int | None, app_id: int | None, extension_digits: int, now: float) -> SenderRow:
    """Raises `UniqueViolation` when the number is there already."""
    row = await conn.fetchrow(
        f"insert into senders (number, link_id, app_id, created_at, extension_digits) values ($1, $2, $3, $4, $5) returning {COLUMNS}",
        number, link_id, app_id, at(now), extension_digits,
    )  # fmt: skip
    return msgspec.convert(dict(row), SenderRow)


async def lock(conn: Connection, number: str) -> SenderRow | None:
    """The sender, kept from going away until the transaction ends."""
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from senders where number = $1 for update", number), SenderRow)


async def extend(conn: Connection, number: str, digits: int) -> SenderRow | None:
    row = await conn.fetchrow(f"update senders set extension_digits = $2 where number = $1 returning {COLUMNS}", number, digits)
    return rows.one(row, SenderRow)


async def get(conn: Connection, number: str) -> SenderRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from senders where number = $1", number), SenderRow)


async def shown_by(conn: Connection, number: str) -> list[int]:
    """The applications that show it."""
    return [row[0] for row in await conn.fetch("select id from apps where sender_id = $1 order by id", number)]


async def remove(conn: Connection, number: str) -> bool:
    return await conn.fetchval("delete from senders where number = $1 returning true", number) is True


async def page(conn: Connection, *, after: str, most: int) -> list[SenderRow]:
    """Those behind `after`, in the order of the numbers."""
    return rows.many(await conn.fetch(f"select {COLUMNS} from senders where number > $1 order by number limit $2", after, most), SenderRow)


async def every(conn: Connection) -> list[SenderRow]:
    """All of them, for the snapshot."""
    return rows.many(await conn.fetch(f"select {COLUMNS} from senders order by number"), SenderRow)
