"""Accounts: whoever owns applications, keys, signatures and templates."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.money import ChargeRule
from hongyan.model.snapshot import AccountKind
from hongyan.store import rows
from hongyan.store.times import at, epoch


class AccountRow(msgspec.Struct, frozen=True):
    id: int
    name: str
    kind: AccountKind
    enabled: bool
    verified_at: float | None
    """When somebody found it to be who it says it is; None: not yet."""
    verified_name: str
    created_at: float
    charge: ChargeRule = ChargeRule.SUBMIT


COLUMNS = f"id, charge, name, kind, enabled, {epoch('verified_at')}, verified_name, {epoch('created_at')}"


async def add(conn: Connection, *, name: str, kind: AccountKind, verified: bool, now: float) -> AccountRow:
    """Raises `UniqueViolation` when the name is taken."""
    row = await conn.fetchrow(
        "insert into accounts (name, kind, enabled, verified_at, created_at) values ($1, $2, true, $3, $4) "
        f"returning {COLUMNS}",
        name, int(kind), at(now) if verified else None, at(now),
    )  # fmt: skip
    return msgspec.convert(dict(row), AccountRow)


async def get(conn: Connection, account_id: int) -> AccountRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from accounts where id = $1", account_id), AccountRow)


async def lock(conn: Connection, account_id: int) -> AccountRow | None:
    """The account, kept from changing until the transaction ends: what is counted per account is counted under this lock."""
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from accounts where id = $1 for no key update", account_id), AccountRow)


async def every(conn: Connection) -> list[AccountRow]:
    return rows.many(await conn.fetch(f"select {COLUMNS} from accounts order by id"), AccountRow)


async def page(conn: Connection, *, account_id: int | None, after_id: int, most: int) -> list[AccountRow]:
    """One account or all, those above `after_id`, in the order of their ids."""
    found = await conn.fetch(
        f"select {COLUMNS} from accounts where ($1::bigint is null or id = $1) and id > $2 order by id limit $3",
        account_id, after_id, most,
    )  # fmt: skip
    return rows.many(found, AccountRow)


async def set_enabled(conn: Connection, account_id: int, *, enabled: bool) -> AccountRow | None:
    return rows.one(
        await conn.fetchrow(f"update accounts set enabled = $2 where id = $1 returning {COLUMNS}", account_id, enabled),
        AccountRow,
    )


async def set_charge(conn: Connection, account_id: int, rule: ChargeRule) -> AccountRow | None:
    return rows.one(
        await conn.fetchrow(f"update accounts set charge = $2 where id = $1 returning {COLUMNS}", account_id, rule.value), AccountRow
    )


async def verify(conn: Connection, account_id: int, *, kind: AccountKind, name: str, now: float) -> None:
    """It is who it says it is."""
    await conn.execute(
        "update accounts set kind = $2, verified_name = $3, verified_at = $4 where id = $1", account_id, int(kind), name, at(now)
    )


async def ensure(conn: Connection, *, name: str, kind: AccountKind, now: float) -> AccountRow:
    """The account of that name, added when it is not there; locked, so that whoever ensures it too waits here."""
    await conn.execute(
        "insert into accounts (name, kind, enabled, verified_at, created_at) values ($1, $2, true, $3, $3) on conflict (name) do nothing",
        name, int(kind), at(now),
    )  # fmt: skip
    row = await conn.fetchrow(f"select {COLUMNS} from accounts where name = $1 for no key update", name)
    return msgspec.convert(dict(row), AccountRow)
