"""Numbers never to be sent to: an application's, an account's, the operator's."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows
from hongyan.store.times import at, epoch

OPERATOR = 0
"""Whose shared list is the operator's: its numbers are sent to by nobody."""

Listed = Sequence[tuple[int, str]]
"""Numbers (E.164 digits), each with its reason."""


class BlacklistRow(msgspec.Struct, frozen=True):
    phone: int
    """E.164 digits."""
    reason: str
    created_at: float
    opted_out: bool = False
    """Put there by the handset's own reply, not by a person."""


PAGE = f"""
select phone, reason, {epoch("created_at")}, false as opted_out
  from blacklist where app_id = $1 and phone > $2
 union all
select phone, '', {epoch("created_at")}, true from optouts where app_id = $1 and phone > $2
 order by phone, opted_out limit $3
"""


async def add(conn: Connection, app_id: int, listed: Listed, now: float) -> int:
    """How many were not on the application's list yet."""
    found = await conn.fetch(
        "insert into blacklist (app_id, phone, reason, created_at) "
        "select $1, u.phone, u.reason, $4 from unnest($2::bigint[], $3::text[]) u(phone, reason) "
        "on conflict do nothing returning phone",
        app_id, [phone for phone, _ in listed], [reason for _, reason in listed], at(now),
    )  # fmt: skip
    return len(found)


async def remove(conn: Connection, app_id: int, phones: Sequence[int]) -> int:
    """How many were on it."""
    found = await conn.fetch("delete from blacklist where app_id = $1 and phone = any($2) returning phone", app_id, phones)
    return len(found)


async def page(conn: Connection, app_id: int, *, after_phone: int, most: int) -> list[BlacklistRow]:
    """At most `most` of them by number, those above `after_phone`; numbers that opted out are among them."""
    found = await conn.fetch(PAGE, app_id, after_phone, most)
    return rows.many(found, BlacklistRow)


async def share(conn: Connection, account_id: int, listed: Listed, now: float) -> int:
    """How many were not on the list of the account (or of OPERATOR) yet."""
    found = await conn.fetch(
        "insert into shared_blacklist (account_id, phone, reason, created_at) "
        "select $1, u.phone, u.reason, $4 from unnest($2::bigint[], $3::text[]) u(phone, reason) "
        "on conflict do nothing returning phone",
        account_id, [phone for phone, _ in listed], [reason for _, reason in listed], at(now),
    )  # fmt: skip
    return len(found)


async def unshare(conn: Connection, account_id: int, phones: Sequence[int]) -> int:
    """How many were on it."""
    found = await conn.fetch("delete from shared_blacklist where account_id = $1 and phone = any($2) returning phone", account_id, phones)
    return len(found)


async def page_shared(conn: Connection, account_id: int, *, after_phone: int, most: int) -> list[BlacklistRow]:
    """At most `most` of them by number, those above `after_phone`."""
    found = await conn.fetch(
        f"select phone, reason, {epoch('created_at')} from shared_blacklist where account_id = $1 and phone > $2 order by phone limit $3",
        account_id, after_phone, most,
    )  # fmt: skip
    return rows.many(found, BlacklistRow)


async def count_shared(conn: Connection, account_id: int) -> int:
    return int(await conn.fetchval("select count(*) from shared_blacklist where account_id = $1", account_id))


async def sharing(conn: Connection) -> list[int]:
    """Accounts that have a list of their own; OPERATOR among them when it has one."""
    return [
        row[0]
        for row in await conn.fetch(
            "select account_id from (select id as account_id from accounts union all select 0) a "
            "where exists (select from shared_blacklist s where s.account_id = a.account_id)"
        )
    ]


async def among_shared(conn: Connection, account_ids: Sequence[int], phones: Sequence[int]) -> set[int]:
    """Which of these numbers are on a list of these accounts (OPERATOR among them, if it is to count)."""
    found = await conn.fetch("select phone from shared_blacklist where account_id = any($1) and phone = any($2)", account_ids, phones)
    return {row[0] for row in found}
