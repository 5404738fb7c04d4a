"""What messages on credit cost: one row each, held when promised, posted or voided once, when the message has ended."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.message import Status
from hongyan.store import rows
from hongyan.store.times import at, epoch

VOIDED, POSTED = 0, 1


class NewCharge(NamedTuple):
    """A tuple, since many of them are turned into columns at once."""

    id: int
    """The message's."""
    price_id: int
    region: str
    segments: int
    milli: int


class Open(msgspec.Struct, frozen=True):
    """A charge that is held, and how its message ended if it has."""

    id: int
    account_id: int
    price_id: int
    region: str
    segments: int
    milli: int
    charged: int | None
    """Segments that are to be paid for; None while that is not known."""
    status: Status | None


class Charge(msgspec.Struct, frozen=True):
    """A message on a bill."""

    app_id: int
    id: int
    region: str
    segments: int
    price_id: int
    milli: int
    at: float
    """When it was posted or refunded."""
    phone: int
    accepted_at: float


async def add(conn: Connection, app_id: int, account_id: int, new: Sequence[NewCharge]) -> None:
    """With the promise of their messages."""
    await conn.execute(
        """insert into charges (app_id, id, account_id, price_id, region, segments, milli)
           select $1, u.id, $2, u.price_id, u.region, u.segments, u.milli
             from unnest($3::bigint[], $4::bigint[], $5::text[], $6::smallint[], $7::bigint[]) u(id, price_id, region, segments, milli)""",
        app_id, account_id, *map(list, zip(*new, strict=True)),
    )  # fmt: skip


HELD = """
select c.id, c.account_id, c.price_id, c.region, c.segments, c.milli, s.charged, s.status
  from (select * from charges where app_id = $1 and id > $2 and resolution is null order by id limit $3) c
  left join lateral (select charged, status from settlements
                      where app_id = $1 and id >= c.id and id <= c.id order by app_id desc, id desc limit 1) s on true
 order by c.id
"""


async def held(conn: Connection, app_id: int, *, after_id: int, most: int) -> list[Open]:
    """An application's charges that are not resolved, with what is known of their messages' ends."""
    return rows.many(await conn.fetch(HELD, app_id, after_id, most), Open)


RESOLVE = """
update charges set resolution = u.resolution, resolved_at = $4
  from unnest($2::bigint[], $3::smallint[]) u(id, resolution)
 where charges.app_id = $1 and charges.id = u.id and charges.resolution is null
returning charges.id
"""


async def resolve(conn: Connection, app_id: int, decided: Sequence[tuple[int, int]], at_s: float) -> set[int]:
    """Post or void each (id, POSTED or VOIDED), once whoever else tries; which of them it was."""
    ids, resolutions = zip(*decided, strict=True)
    return {row[0] for row in await conn.fetch(RESOLVE, app_id, ids, resolutions, at(at_s))}


async def get(conn: Connection, app_id: int, message_id: int) -> Open | None:
    """One that was posted and not refunded, locked until the transaction ends."""
    row = await conn.fetchrow(
        """select id, account_id, price_id, region, segments, milli, null as charged, null as status from charges
            where app_id = $1 and id = $2 and resolution = 1 and refunded_at is null for update""",
        app_id, message_id,
    )  # fmt: skip
    return rows.one(row, Open)


async def refund(conn: Connection, app_id: int, message_id: int, now: float) -> None:
    await conn.execute("update charges set refunded_at = $3 where app_id = $1 and id = $2", app_id, message_id, at(now))


async def held_milli(conn: Connection, app_id: int) -> int:
    """The sum of an application's charges that are not resolved."""
    total: int = await conn.fetchval("select coalesce(sum(milli), 0)::bigint from charges where app_id = $1 and resolution is null", app_id)
    return total


def _details(when: str, which: str) -> str:
    return f"""
select c.app_id, c.id, c.region, c.segments, c.price_id, c.milli, {epoch("c.at").removesuffix("c.at")} at, m.phone,
       {epoch("m.accepted_at").removesuffix("m.accepted_at")} accepted_at
  from (select *, {when} as at from charges where app_id = $1 and {which} and {when} >= $2 and {when} < $3 and ({when}, id) > ($4, $5)
         order by {when}, id limit $6) c
 cross join lateral (select phone, accepted_at from messages where app_id = $1 and id >= c.id and id <= c.id
                      order by app_id desc, id desc limit 1) m
 order by c.at, c.id
"""


POSTS = _details("resolved_at", "resolution = 1")
REFUNDS = _details("refunded_at", "refunded_at is not null")


async def details(
    conn: Connection, app_id: int, *, begin: float, end: float, after: tuple[dt.datetime, int] | None, refunds: bool, most: int
) -> list[Charge]:
    """What an application was charged, or refunded, in a stretch of time, in the order in which it was."""
    place = (at(begin), 0) if after is None else after
    return rows.many(await conn.fetch(REFUNDS if refunds else POSTS, app_id, at(begin), at(end), *place, most), Charge)


class DaySum(msgspec.Struct, frozen=True):
    """What was posted and refunded at a price for messages of an application to a country."""

    app_id: int
    region: str
    price_id: int
    messages: int
    segments: int
    milli: int
    refunded_messages: int
    refunded_milli: int


ADD_DAY = """
insert into charge_days as d (account_id, day, app_id, region, price_id, messages, segments, milli)
select $1, $2, $3, u.* from unnest($4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[]) u order by 4, 5
    on conflict (account_id, day, app_id, region, price_id) do update
       set messages = d.messages + excluded.messages, segments = d.segments + excluded.segments, milli = d.milli + excluded.milli
"""


async def add_to_day(conn: Connection, account_id: int, day: dt.date, app_id: int, sums: Sequence[tuple[str, int, int, int, int]]) -> None:
    """Count what was posted: (region, price, messages, segments, milli)."""
    await conn.execute(ADD_DAY, account_id, day, app_id, *map(list, zip(*sums, strict=True)))


async def refund_on_day(conn: Connection, account_id: int, day: dt.date, app_id: int, charge: Open) -> None:
    """Count what was refunded on the day on which it was."""
    await conn.execute(
        """insert into charge_days as d (account_id, day, app_id, region, price_id, messages, segments, milli,
                                         refunded_messages, refunded_milli)
           values ($1, $2, $3, $4, $5, 0, 0, 0, 1, $6)
               on conflict (account_id, day, app_id, region, price_id) do update
                  set refunded_messages = d.refunded_messages + 1, refunded_milli = d.refunded_milli + excluded.refunded_milli""",
        account_id, day, app_id, charge.region, charge.price_id, charge.milli,
    )  # fmt: skip


OF_DAYS = """
select app_id, region, price_id, sum(messages)::bigint as messages, sum(segments)::bigint as segments, sum(milli)::bigint as milli,
       sum(refunded_messages)::bigint as refunded_messages, sum(refunded_milli)::bigint as refunded_milli
  from charge_days where account_id = $1 and day >= $2 and day < $3
 group by app_id, region, price_id order by app_id, region, price_id
"""


async def of_days(conn: Connection, account_id: int, begins: dt.date, ends: dt.date) -> list[DaySum]:
    """What was posted and refunded from a day until before another: a few rows for each application and country."""
    return rows.many(await conn.fetch(OF_DAYS, account_id, begins, ends), DaySum)
