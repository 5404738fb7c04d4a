"""Numbers that want no more messages of an application."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows
from hongyan.store.times import at, epoch


class OptOutRow(msgspec.Struct, frozen=True):
    phone: int
    """E.164 digits."""
    created_at: float
    text: str
    """What the handset wrote; empty when a person put the number there."""
    sign_name: str
    """The signature of the message it answered; empty when there was none."""


async def add(conn: Connection, app_id: int, phones: Sequence[int], now: float, *, reply_id: int | None = None) -> list[int]:
    """Those that had not opted out yet; from the commit on, the application's messages to them are refused.

    Whoever asks holds the numbers (`messages.lock_numbers`) and takes back what waits for them.
    """
    found = await conn.fetch(
        "insert into optouts (app_id, phone, reply_id, created_at) select $1, u.phone, $3, $4 from unnest($2::bigint[]) u(phone) "
        "on conflict do nothing returning phone",
        app_id, phones, reply_id, at(now),
    )  # fmt: skip
    return [row[0] for row in found]


async def among(conn: Connection, app_id: int, phones: Sequence[int]) -> set[int]:
    """Those of these numbers that have opted out."""
    return {row[0] for row in await conn.fetch("select phone from optouts where app_id = $1 and phone = any($2)", app_id, phones)}


async def lift(conn: Connection, app_id: int, phones: Sequence[int]) -> list[int]:
    """Forget that these numbers asked for no more messages; those that had."""
    found = await conn.fetch("delete from optouts where app_id = $1 and phone = any($2) returning phone", app_id, phones)
    return [row[0] for row in found]


PAGE = f"""
select o.phone, {epoch("o.created_at").removesuffix("as o.created_at")} as created_at, coalesce(r.text, '') as text,
       coalesce(r.sign_name, '') as sign_name
  from optouts o
  left join lateral (select text, sign_name from replies where app_id = $1 and id = o.reply_id limit 1) r on true
 where o.app_id = $1 and o.phone > $2 and ($4 = '' or r.sign_name = $4)
 order by o.phone limit $3
"""


async def page(conn: Connection, app_id: int, *, after_phone: int, most: int, sign_name: str = "") -> list[OptOutRow]:
    """By number, those above `after_phone`; of all signatures, or of those that answered one of this signature."""
    return rows.many(await conn.fetch(PAGE, app_id, after_phone, most, sign_name), OptOutRow)
