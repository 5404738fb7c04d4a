"""Messages that were promised and wait for a person to let them go: in `messages`, and not in the queue."""

from collections.abc import Mapping, Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.message import VALIDITY_S, Kind
from hongyan.store import rows
from hongyan.store.times import at, epoch

HOLD = """
with taken as (
    delete from queue where app_id = $1 and id = any($2::bigint[]) returning id, way
)
insert into held_messages (app_id, id, way, words, held_at)
select $1, t.id, t.way, u.words, $4 from taken t join unnest($2::bigint[], $3::text[]) u(id, words) on u.id = t.id
"""


class HeldRow(msgspec.Struct, frozen=True):
    app_id: int
    id: int
    phone: int
    kind: Kind
    text: str
    words: str
    """What was found in it."""
    held_at: float
    expires_at: float


async def hold(conn: Connection, app_id: int, words: Mapping[int, str], now: float) -> None:
    """In the transaction that promises them, before anybody can see their queue entries: they wait for a person instead."""
    await conn.execute(HOLD, app_id, list(words), list(words.values()), at(now))


PAGE = f"""
select h.app_id, h.id, h.words, {epoch("held_at")}, m.phone, m.kind, m.text, {epoch("expires_at")}
  from held_messages h
 cross join lateral (select phone, kind, text, expires_at from messages where app_id = h.app_id and id = h.id limit 1) m
 where h.app_id = any($1) and h.id > $2 order by h.id limit $3
"""


async def page(conn: Connection, app_ids: Sequence[int], *, after_id: int, most: int) -> list[HeldRow]:
    """The oldest first, of these applications."""
    return rows.many(await conn.fetch(PAGE, app_ids, after_id, most), HeldRow)


RELEASE = """
with going as (
    delete from held_messages where app_id = $1 and id = any($2) returning id, way
)
insert into queue (app_id, id, kind, way, not_before, owner)
select $1, g.id, m.kind, g.way, greatest(m.begins_at, $3), case when m.begins_at > $3 then 0 end
  from going g
 cross join lateral (select kind, greatest(expires_at - ($4::float8[])[kind] * interval '1 second',
                                      case kind when 3 then $5::timestamptz end) as begins_at
                       from messages where app_id = $1 and id = g.id limit 1) m
returning id
"""


async def release(conn: Connection, app_id: int, ids: Sequence[int], now: float, *, marketing_at: float) -> list[int]:
    """Put them into the queue; those that were still held. One that was to wait for its time does, and marketing until `marketing_at`."""
    validities = [VALIDITY_S[kind] for kind in Kind]
    return [row[0] for row in await conn.fetch(RELEASE, app_id, ids, at(now), validities, at(marketing_at))]


async def remove(conn: Connection, app_id: int, ids: Sequence[int]) -> list[int]:
    """They are not to be sent; those that were still held. Whoever asks settles them in the same transaction."""
    found = await conn.fetch("delete from held_messages where app_id = $1 and id = any($2) returning id", app_id, ids)
    return [row[0] for row in found]


async def expired(conn: Connection, app_id: int, *, now: float, most: int) -> list[int]:
    """Those whose validity has ended while they were held, kept from others until the transaction ends."""
    found = await conn.fetch(
        """select h.id from held_messages h
            cross join lateral (select expires_at from messages where app_id = $1 and id = h.id limit 1) m
            where h.app_id = $1 and m.expires_at < $2 order by h.id limit $3 for update of h skip locked""",
        app_id, at(now), most,
    )  # fmt: skip
    return [row[0] for row in found]


async def holding(conn: Connection) -> list[int]:
    """Applications that have any."""
    return [row[0] for row in await conn.fetch("select distinct app_id from held_messages")]
