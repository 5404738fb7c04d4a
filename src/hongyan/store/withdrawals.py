"""Numbers that are not to be sent to any more, and whose waiting messages have yet to be taken back."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows
from hongyan.store.times import at


class WithdrawalRow(msgspec.Struct, frozen=True):
    id: int
    app_id: int | None
    """None: of all applications of the account."""
    account_id: int | None
    """None where the application is named; without either, everybody's."""
    phone: int


async def add(conn: Connection, phones: Sequence[int], now: float, *, app_id: int | None = None, account_id: int | None = None) -> None:
    """What waits for these numbers is taken back within a second: of an application, of an account's, or everybody's."""
    await conn.execute(
        "insert into withdrawals (app_id, account_id, phone, at) select $1, $2, u.phone, $4 from unnest($3::bigint[]) u(phone)",
        app_id, account_id, phones, at(now),
    )  # fmt: skip


async def first(conn: Connection, most: int) -> list[WithdrawalRow]:
    """The oldest; those that are about one application or account before what takes all of them to look through."""
    found = await conn.fetch(
        "select id, app_id, account_id, phone from withdrawals order by app_id is null, account_id is null, id limit $1", most
    )
    return rows.many(found, WithdrawalRow)


async def done(conn: Connection, ids: Sequence[int]) -> None:
    """Forget them."""
    await conn.execute("delete from withdrawals where id = any($1)", ids)
