"""Tickets: what lets somebody in once, to set a password or to join an account. Only their marks are kept."""

import enum

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.actor import Role
from hongyan.store import rows
from hongyan.store.times import at, epoch


class Purpose(enum.StrEnum):
    PASSWORD = "password"  # noqa: S105 - what a ticket is for
    INVITATION = "invitation"


class TicketRow(msgspec.Struct, frozen=True):
    id: int
    purpose: Purpose
    email: str
    user_id: int | None
    """Whose password it sets; an invitation is for whoever has the address."""
    account_id: int | None
    role: Role | None
    created_at: float
    expires_at: float


COLUMNS = f"id, purpose, email, user_id, account_id, role, {epoch('created_at')}, {epoch('expires_at')}"


async def add(
    conn: Connection,
    *,
    mark: bytes,
    purpose: Purpose,
    email: str,
    user_id: int | None = None,
    account_id: int | None = None,
    role: Role | None = None,
    now: float,
    expires_at: float,
) -> TicketRow:
    row = await conn.fetchrow(
        "insert into tickets (mark, purpose, email, user_id, account_id, role, created_at, expires_at) "
        f"values ($1, $2, $3, $4, $5, $6, $7, $8) returning {COLUMNS}",
        mark, purpose, email, user_id, account_id, role, at(now), at(expires_at),
    )  # fmt: skip
    return msgspec.convert(dict(row), TicketRow)


async def take(conn: Connection, mark: bytes, purpose: Purpose, now: float) -> TicketRow | None:
    """The ticket, which is gone with the transaction; None when there is none or it is too old."""
    row = await conn.fetchrow(
        f"delete from tickets where mark = $1 and purpose = $2 and expires_at > $3 returning {COLUMNS}", mark, purpose, at(now)
    )
    return rows.one(row, TicketRow)


async def held(conn: Connection, mark: bytes, purpose: Purpose, now: float) -> TicketRow | None:
    """The ticket, which stays as it is; None when there is none or it is too old."""
    row = await conn.fetchrow(f"select {COLUMNS} from tickets where mark = $1 and purpose = $2 and expires_at > $3", mark, purpose, at(now))
    return rows.one(row, TicketRow)


async def take_by_id(conn: Connection, ticket_id: int) -> int | None:
    """As `take`, of one that is known to be good."""
    found: int | None = await conn.fetchval("delete from tickets where id = $1 returning id", ticket_id)
    return found


async def withdraw(conn: Connection, *, user_id: int, purpose: Purpose) -> None:
    """All of this purpose for a user."""
    await conn.execute("delete from tickets where user_id = $1 and purpose = $2", user_id, purpose)


async def withdraw_invitation(conn: Connection, account_id: int, ticket_id: int) -> TicketRow | None:
    row = await conn.fetchrow(f"delete from tickets where account_id = $1 and id = $2 returning {COLUMNS}", account_id, ticket_id)
    return rows.one(row, TicketRow)


async def invitations(conn: Connection, account_id: int, *, now: float, after_id: int, most: int) -> list[TicketRow]:
    """Those of an account that can still be accepted."""
    found = await conn.fetch(
        f"select {COLUMNS} from tickets where account_id = $1 and expires_at > $2 and id > $3 order by id limit $4",
        account_id, at(now), after_id, most,
    )  # fmt: skip
    return rows.many(found, TicketRow)


async def count(conn: Connection, account_id: int, now: float) -> int:
    """How many invitations of an account can still be accepted."""
    return int(await conn.fetchval("select count(*) from tickets where account_id = $1 and expires_at > $2", account_id, at(now)))


async def sweep(conn: Connection, now: float) -> int:
    """Forget those that are too old."""
    return len(await conn.fetch("delete from tickets where expires_at <= $1 returning id", at(now)))
