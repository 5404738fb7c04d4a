"""What was sent and how it ended, counted; what one number was sent. All within one application and a stretch of time."""

from collections.abc import Sequence
from typing import NamedTuple

from hongyan.kit.db import Connection, Row
from hongyan.store.times import at

SENT = """
select count(*), coalesce(sum(segments), 0)::bigint from messages where app_id = $1 and id >= $2 and id < $3
"""

REFUSED = """
select coalesce(sum(numbers), 0)::bigint from refusal_counts where app_id = $1 and hour >= $2 and hour < $3
"""

ENDED = """
select status, code, count(*) as messages from settlements
 where app_id = $1 and id >= $2 and id < $3 and status > 3
 group by 1, 2 order by 3 desc, 1, 2 limit $4
"""

# Accepted and refused alike, the newest in front. Where the stretch ends is asked outside: the index by number is walked from its end.
TO_NUMBER = """
select s.id, s.taken, m.region, m.text, m.segments, m.kind, m.signature_id, e.status, e.code, e.done_at,
       r.region as refused_region, r.reason
  from (select both_of.id, both_of.taken
          from ((select id, true as taken from (
                    select id from messages where app_id = $1 and phone = $2 and id >= $3 order by id desc) a
                  where a.id < $4 limit $5)
                union all
                (select id, false as taken from (
                    select id from refusals where app_id = $1 and phone = $2 and id >= $3 order by id desc) b
                  where b.id < $4 limit $5)) both_of
         order by both_of.id desc limit $5) s
  left join lateral (select * from messages where app_id = $1 and id = s.id and s.taken limit 1) m on true
  left join lateral (select * from settlements where app_id = $1 and id = s.id and s.taken and status > 3 limit 1) e on true
  left join lateral (select * from refusals where app_id = $1 and id = s.id and not s.taken limit 1) r on true
 order by s.id desc
"""


async def sent(conn: Connection, app_id: int, *, from_id: int, to_id: int) -> tuple[int, int]:
    """Messages accepted in a stretch of time, and their segments."""
    row = await conn.fetchrow(SENT, app_id, from_id, to_id)
    return row[0], row[1]


async def refused(conn: Connection, app_id: int, *, begin: float, end: float) -> int:
    """Numbers refused in a stretch of whole hours."""
    count: int = await conn.fetchval(REFUSED, app_id, at(begin), at(end))
    return count


async def ended(conn: Connection, app_id: int, *, from_id: int, to_id: int, most: int) -> list[Row]:
    """How the messages accepted in a stretch of time have ended, by status and the carrier's word, the most frequent first."""
    rows: list[Row] = await conn.fetch(ENDED, app_id, from_id, to_id, most)
    return rows


async def to_number(conn: Connection, app_id: int, phone: int, *, from_id: int, to_id: int, most: int) -> list[Row]:
    """What one number was to be sent in a stretch of time, accepted or refused, the newest first."""
    rows: list[Row] = await conn.fetch(TO_NUMBER, app_id, phone, from_id, to_id, most)
    return rows


async def note_refusals(conn: Connection, app_id: int, hour: float, numbers: int) -> None:
    """Count more numbers refused in the hour that begins at `hour`."""
    await conn.execute(
        """insert into refusal_counts as c (app_id, hour, numbers) values ($1, $2, $3)
           on conflict (app_id, hour) do update set numbers = c.numbers + excluded.numbers""",
        app_id, at(hour), numbers,
    )  # fmt: skip


class Listed(NamedTuple):
    """A number that was refused."""

    id: int
    phone: int
    region: str
    reason: str
    request_id: str
    detail: str
    """What the reason alone does not say, for developers."""


async def list_refusals(conn: Connection, app_id: int, rows: Sequence[Listed]) -> None:
    """Keep these refusals to be looked up."""
    await conn.execute(
        """insert into refusals (app_id, id, phone, region, reason, request_id, detail)
           select $1, u.* from unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[]) u
               on conflict do nothing""",
        app_id, *map(list, zip(*rows, strict=True)),
    )  # fmt: skip


async def forget_refusals(conn: Connection, *, before_id: int) -> None:
    """Nobody looks older ones up any more; their counts stay."""
    await conn.execute("delete from refusals where id < $1", before_id)


CONVERTED = """
with found as (
    select id, kind from messages where app_id = $1 and id = $2
), put as (
    insert into conversions (app_id, message_id, converted_at, reported_at)
    select $1, id, $3, $4 from found where kind = 1 on conflict do nothing
)
select kind from found
"""


async def convert(conn: Connection, app_id: int, message_id: int, *, converted_at: float, now: float) -> int | None:
    """Note once that the code of this message was typed in; the message's kind, None when the application has none like it."""
    kind: int | None = await conn.fetchval(CONVERTED, app_id, message_id, at(converted_at), at(now))
    return kind


async def converted(conn: Connection, app_id: int, *, from_id: int, to_id: int) -> int:
    """Of the messages accepted in a stretch of time, those whose code was typed in."""
    count: int = await conn.fetchval(
        "select count(*) from conversions where app_id = $1 and message_id >= $2 and message_id < $3", app_id, from_id, to_id
    )
    return count
