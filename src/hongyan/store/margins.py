"""What messages brought in and what carriers took them for, counted for one application and one stretch of time."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows


class Carried(msgspec.Struct, frozen=True):
    """Messages that a carrier took: to a country, by a link, paid by the same package or at the same price."""

    region: str
    link_id: int | None
    """None where nobody knows: it never was reported on."""
    package_id: int
    """Below zero: minus the id of the price."""
    delivered: bool
    messages: int
    segments: int


CARRIED = """
select m.region, s.link_id, m.package_id, s.status = 4 as delivered, count(*) as messages, sum(s.charged)::bigint as segments
  from settlements s
 cross join lateral (select region, package_id from messages
                      where app_id = $1 and id >= s.id and id <= s.id order by app_id desc, id desc limit 1) m
 where s.app_id = $1 and s.id >= $2 and s.id < $3 and s.charged > 0
 group by m.region, s.link_id, m.package_id, s.status = 4 order by 1, 2, 3, 4
"""


async def carried(conn: Connection, app_id: int, *, from_id: int, to_id: int) -> list[Carried]:
    """Of the messages accepted in a stretch of time: some rows for each country and link."""
    return rows.many(await conn.fetch(CARRIED, app_id, from_id, to_id), Carried)


REFUNDED = """
select c.region, s.link_id, sum(c.milli)::bigint as milli
  from charges c
 cross join lateral (select link_id from settlements
                      where app_id = $1 and id >= c.id and id <= c.id order by app_id desc, id desc limit 1) s
 where c.app_id = $1 and c.id >= $2 and c.id < $3 and c.refunded_at is not null
 group by c.region, s.link_id order by 1, 2
"""


class TakenBack(msgspec.Struct, frozen=True):
    """What was taken off bills again, of messages to a country by a link."""

    region: str
    link_id: int | None
    milli: int


async def refunded(conn: Connection, app_id: int, *, from_id: int, to_id: int) -> list[TakenBack]:
    """Of the messages on credit accepted in a stretch of time."""
    return rows.many(await conn.fetch(REFUNDED, app_id, from_id, to_id), TakenBack)


async def bought(conn: Connection, package_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """What was paid for packages, and for how many segments; those that were given are absent."""
    found = await conn.fetch("select package_id, price_milli, segments from purchases where package_id = any($1)", package_ids)
    return {row[0]: (row[1], row[2]) for row in found}
