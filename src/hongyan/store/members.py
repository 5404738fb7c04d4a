"""Members: which user is what in which account."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.actor import Role
from hongyan.store import rows
from hongyan.store.times import at, epoch


class MemberRow(msgspec.Struct, frozen=True):
    account_id: int
    user_id: int
    email: str
    name: str
    role: Role
    enabled: bool
    """The user is."""
    second_factor: bool
    created_at: float


class MembershipRow(msgspec.Struct, frozen=True):
    """An account from its member's side."""

    account_id: int
    account_name: str
    role: Role
    enabled: bool
    """The account is."""


COLUMNS = (
    "m.account_id, m.user_id, u.email, u.name, m.role, u.enabled, u.totp_sealed is not null as second_factor, "
    f"{epoch('m.created_at').replace(' as m.', ' as ')}"
)


async def add(conn: Connection, *, account_id: int, user_id: int, role: Role, now: float) -> bool:
    """Whether the user was none of its members before."""
    added = await conn.fetchval(
        "insert into members (account_id, user_id, role, created_at) values ($1, $2, $3, $4) on conflict do nothing returning true",
        account_id, user_id, role, at(now),
    )  # fmt: skip
    return added is True


async def get(conn: Connection, account_id: int, user_id: int) -> MemberRow | None:
    row = await conn.fetchrow(
        f"select {COLUMNS} from members m join users u on u.id = m.user_id where m.account_id = $1 and m.user_id = $2", account_id, user_id
    )
    return rows.one(row, MemberRow)


async def page(conn: Connection, account_id: int, *, after_id: int, most: int) -> list[MemberRow]:
    """In the order of the users' ids."""
    found = await conn.fetch(
        f"select {COLUMNS} from members m join users u on u.id = m.user_id where m.account_id = $1 and m.user_id > $2 "
        "order by m.user_id limit $3",
        account_id, after_id, most,
    )  # fmt: skip
    return rows.many(found, MemberRow)


async def count(conn: Connection, account_id: int) -> int:
    return int(await conn.fetchval("select count(*) from members where account_id = $1", account_id))


async def owners(conn: Connection, account_id: int, *, beside: int) -> int:
    """How many of its owners can sign in, not counting one."""
    return int(
        await conn.fetchval(
            "select count(*) from members m join users u on u.id = m.user_id "
            "where m.account_id = $1 and m.role = 'owner' and u.enabled and m.user_id <> $2",
            account_id, beside,
        )
    )  # fmt: skip


async def set_role(conn: Connection, account_id: int, user_id: int, role: Role) -> None:
    await conn.execute("update members set role = $3 where account_id = $1 and user_id = $2", account_id, user_id, role)


async def remove(conn: Connection, account_id: int, user_id: int) -> None:
    await conn.execute("delete from members where account_id = $1 and user_id = $2", account_id, user_id)


async def of_user(conn: Connection, user_id: int, most: int) -> list[MembershipRow]:
    """The accounts of a user, the first ones first."""
    found = await conn.fetch(
        "select m.account_id, a.name as account_name, m.role, a.enabled from members m join accounts a on a.id = m.account_id "
        "where m.user_id = $1 order by m.account_id limit $2",
        user_id, most,
    )  # fmt: skip
    return rows.many(found, MembershipRow)


async def belongs(conn: Connection, account_id: int, user: str) -> bool:
    """Whether the user, whose number is written as an actor's id, is a member."""
    return bool(await conn.fetchval("select exists (select from members where account_id = $1 and user_id::text = $2)", account_id, user))


async def role(conn: Connection, account_id: int, user_id: int) -> Role | None:
    found = await conn.fetchval("select role from members where account_id = $1 and user_id = $2", account_id, user_id)
    return None if found is None else Role(found)
