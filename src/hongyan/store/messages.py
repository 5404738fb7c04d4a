"""Messages as they were promised, and the questions asked before promising one."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.model.message import Dialect, Kind, Message

LOCK_SPACE = 0x4859
LOCK_BUCKETS = 4096


class NewMessage(NamedTuple):
    """A row of `messages`, in the order of its columns: a tuple, because that is what COPY takes."""

    app_id: int
    id: int
    phone: int
    accepted_at: dt.datetime
    expires_at: dt.datetime
    kind: Kind
    dialect: Dialect
    segments: int
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


async def add(conn: Connection, rows: Sequence[NewMessage]) -> None:
    """Write accepted messages."""
    await conn.copy_records_to_table("messages", records=rows, columns=NewMessage._fields)


async def exists(conn: Connection, app_id: int, id_: int) -> bool:
    """Whether an accept whose answer was lost has in fact been committed."""
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
    )


UNSETTLED = """
select m.id from messages m
  left join settlements s on s.app_id = m.app_id and s.id = m.id and s.id > $2 and s.id <= $3
 where m.app_id = $1 and m.id > $2 and m.id <= $3 and (s.id is null or s.charged is null)
   and not exists (select from queue q where q.app_id = m.app_id and q.id = m.id)
 order by m.id limit $4
"""


async def unsettled(conn: Connection, app_id: int, *, after_id: int, up_to_id: int, most: int) -> list[int]:
    """Messages of a stretch of time that have left the queue and never ended."""
    return [row[0] for row in await conn.fetch(UNSETTLED, app_id, after_id, up_to_id, most)]


LAST_TO = """
select m.app_id, m.id, m.extend, m.sender_id, m.dialect, m.signature_id, m.session_context
  from unnest($1::bigint[]) a(app_id)
 cross join lateral (
       select * from messages where app_id = a.app_id and phone = $2 and id >= $3 order by id desc limit 5) m
 order by m.id desc
"""


async def last_to(conn: Connection, app_ids: Sequence[int], phone: int, *, since_id: int) -> list[Row]:
    """The latest messages to a number over these applications, newest first."""
    rows: list[Row] = await conn.fetch(LAST_TO, app_ids, phone, since_id)
    return rows
