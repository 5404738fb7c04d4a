"""Messages as they were promised, and the questions asked before promising one."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.model.message import Dialect, Kind, Message
from hongyan.store.times import at

LOCK_SPACE = 0x4859
LOCK_BUCKETS = 4096


class NewMessage(NamedTuple):
    """A message to promise; a tuple, because many of them are turned into columns at once."""

    id: int
    phone: int
    kind: Kind
    dialect: Dialect
    segments: int
    validity_s: float
    template_id: int
    signature_id: int | None
    package_id: int
    content_hash: int
    region: str
    text: str
    session_context: str
    extend: str
    sender_id: str
    request_id: str
    way: int
    """Which links can carry it (`model.message.Message.way`)."""


class Facts(msgspec.Struct, frozen=True):
    """What one application knows about some numbers; a number that is absent everywhere has no history."""

    blacklisted: frozenset[int]
    opted_out: frozenset[int]
    recent: dict[int, list[tuple[int, int]]]
    """By number: (message id, content hash) of what was sent lately, newest first."""
    available: dict[int, int]
    """By package: segments that can still be reserved."""


async def lock(conn: Connection, buckets: Sequence[int]) -> None:
    """Serialise accepts that concern the same numbers, over all processes, until the transaction ends.

    The buckets (0..4095, each a hash of application and number) must be sorted: then two accepts cannot deadlock.
    """
    await conn.execute("select pg_advisory_xact_lock($1, b) from unnest($2::int[]) b", LOCK_SPACE, buckets)


# Bounded from below only: with both bounds the planner reads a fresh partition by its primary key, 600 times the work. That it also looks
# into the partitions of the days to come is why there are few of them.
FACTS = """
select 1::smallint as what, u.phone as phone, m.id as id, m.content_hash as value
  from unnest($2::bigint[]) u(phone)
 cross join lateral (
       select id, content_hash from messages
        where app_id = $1 and phone = u.phone and id >= $3 order by id desc limit $4) m
 union all
select 2, phone, 0, 0 from blacklist where app_id = $1 and phone = any($2)
 union all
select 3, phone, 0, 0 from optouts where app_id = $1 and phone = any($2)
 union all
select 4, 0, id, available from packages where app_id = $1 and id = any($5)
"""


async def facts(conn: Connection, app_id: int, phones: Sequence[int], *, since_id: int, most: int, packages: Sequence[int]) -> Facts:
    """One round trip for all of an application's numbers in a group; at most `most` recent messages a number."""
    recent: dict[int, list[tuple[int, int]]] = {}
    blacklisted: set[int] = set()
    opted_out: set[int] = set()
    available: dict[int, int] = {}
    for what, phone, id_, value in await conn.fetch(FACTS, app_id, phones, since_id, most, packages):
        if what == 1:
            recent.setdefault(phone, []).append((id_, value))
        elif what == 2:  # noqa: PLR2004 - the numbers of the query above
            blacklisted.add(phone)
        elif what == 3:  # noqa: PLR2004
            opted_out.add(phone)
        else:
            available[id_] = value
    return Facts(blacklisted=frozenset(blacklisted), opted_out=frozenset(opted_out), recent=recent, available=available)


PROMISE = """
with written as (
    insert into messages (app_id, id, phone, accepted_at, expires_at, kind, dialect, segments, template_id, signature_id, package_id,
                          content_hash, region, text, session_context, extend, sender_id, request_id)
    select $1, u.id, u.phone, $2::timestamptz, $2::timestamptz + u.validity_s * interval '1 second',
           u.kind, u.dialect, u.segments, u.template_id,
           u.signature_id, u.package_id, u.content_hash, u.region, u.text, u.session_context, u.extend, u.sender_id, u.request_id
      from unnest($3::bigint[], $4::bigint[], $5::smallint[], $6::smallint[], $7::smallint[], $8::float8[], $9::bigint[], $10::bigint[],
                  $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[])
           u(id, phone, kind, dialect, segments, validity_s, template_id, signature_id, package_id, content_hash, region, text,
             session_context, extend, sender_id, request_id)
), queued as (
    insert into queue (app_id, id, kind, way, not_before, owner)
    select $1, u.id, u.kind, u.way, $2::timestamptz, u.owner
      from unnest($3::bigint[], $5::smallint[], $19::smallint[], $20::bigint[]) u(id, kind, way, owner)
), held as (
    update packages p set available = p.available - u.n, held = p.held + u.n
      from (select package_id, sum(segments) n from unnest($11::bigint[], $7::smallint[]) s(package_id, segments) group by 1) u
     where p.app_id = $1 and p.id = u.package_id and p.available >= u.n
    returning p.id, u.n
)
insert into ledger_entries (app_id, package_id, kind, segments, at, note)
select $1, id, 'hold', n, $2::timestamptz, $21 from held
returning package_id
"""


async def promise(conn: Connection, app_id: int, rows: Sequence[NewMessage], owners: Sequence[int | None], *, now: float) -> bool:
    """Write an application's accepted messages with their queue entries, hold their segments and journal that: all in one statement.

    False when a package has less left than they need: the caller must roll back. The packages' rows stay locked until the commit.
    """
    columns = list(zip(*rows, strict=True))
    held = await conn.fetch(PROMISE, app_id, at(now), *columns, owners, f"messages from {rows[0].id}")
    return len(held) == len({row.package_id for row in rows})


async def exists(conn: Connection, app_id: int, id_: int) -> bool:
    """Whether the message is there."""
    return bool(await conn.fetchval("select exists (select from messages where app_id = $1 and id = $2)", app_id, id_))


def message_of(row: Row) -> Message:
    """The dispatcher's view of a joined `messages` and `queue` row."""
    return Message(
        app_id=row["app_id"],
        id=row["id"],
        phone=row["phone"],
        kind=Kind(row["kind"]),
        text=row["text"],
        segments=row["segments"],
        sender_id=row["sender_id"],
        extend=row["extend"],
        expires_at=row["expires_at"].timestamp(),
        attempts=row["attempts"],
        sent_mask=row["sent_mask"],
        way=row["way"],
    )


UNSETTLED = """
select m.id from messages m
  left join lateral (select id, charged from settlements where app_id = $1 and id = m.id and id > $2 and id <= $3 limit 1) s on true
 where m.app_id = $1 and m.id > $2 and m.id <= $3 and (s.id is null or s.charged is null)
   and not exists (select from queue q where q.app_id = m.app_id and q.id = m.id)
 order by m.id limit $4
"""


async def unsettled(conn: Connection, app_id: int, *, after_id: int, up_to_id: int, most: int) -> list[int]:
    """Messages of a stretch of time that have left the queue and never ended."""
    return [row[0] for row in await conn.fetch(UNSETTLED, app_id, after_id, up_to_id, most)]


# Who has sent anything has a package. Begun with a table that has the application in its key, each shard can answer for its own.
LAST_TO = """
select m.app_id, m.id, m.extend, m.sender_id, m.dialect, m.signature_id, m.session_context
  from (select distinct app_id from packages where app_id = any($1)) a
 cross join lateral (
       select * from messages where app_id = a.app_id and phone = $2 and id >= $3 order by id desc limit 5) m
 order by m.id desc
"""


async def last_to(conn: Connection, app_ids: Sequence[int], phone: int, *, since_id: int) -> list[Row]:
    """The latest messages to a number over these applications, newest first."""
    rows: list[Row] = await conn.fetch(LAST_TO, app_ids, phone, since_id)
    return rows
