"""Everything that is known about one message, for people who ask."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.store import blacklist

MESSAGE = """
select m.*, q.not_before, q.owner, q.attempted_at, q.attempts as queue_attempts, q.resolve_at, q.way, coalesce(q.id, h.id) as queued,
       h.held_at, s.status, s.code, s.charged, s.done_at, s.settled_at, s.link_id as ended_by, o.id as owed, o.place, o.callback,
       o.attempts as callback_attempts,
       o.done_at as callback_at, case when array_position(o.ids, m.id) <= o.pulled then o.pulled_at end as pulled_at, o.last_error, o.due_at
  from messages m
  left join queue q on q.app_id = m.app_id and q.id = m.id
  left join held_messages h on h.app_id = m.app_id and h.id = m.id
  left join settlements s on s.app_id = m.app_id and s.id = m.id
  left join lateral (
       select * from outbox where app_id = m.app_id and created_at = s.settled_at and kind = 1 and m.id = any(ids) limit 1) o on true
 where m.app_id = any($1) and m.id = $2
"""

LATEST = """
select m.app_id, m.id, m.phone, m.kind, m.segments, m.accepted_at, s.status, s.code,
       exists (select from queue q where q.app_id = m.app_id and q.id = m.id)
       or exists (select from held_messages h where h.app_id = m.app_id and h.id = m.id) as queued
  from (select app_id from watermarks where app_id = any($1) and name = 'pays') a
 cross join lateral (select * from messages where app_id = a.app_id and ($2::bigint is null or phone = $2) and id < $4
                      order by id desc limit $3) m
  left join settlements s on s.app_id = m.app_id and s.id = m.id
 order by m.id desc limit $3
"""


async def message(conn: Connection, app_ids: Sequence[int], message_id: int) -> Row | None:
    """A message of one of these applications, with its queue entry, settlement and event where there are any."""
    return await conn.fetchrow(MESSAGE, app_ids, message_id)


async def latest(conn: Connection, app_ids: Sequence[int], *, phone: int | None, before_id: int, most: int) -> list[Row]:
    """The newest messages of these applications below `before_id`, to one number if given."""
    rows: list[Row] = await conn.fetch(LATEST, app_ids, phone, most, before_id)
    return rows


async def segments(conn: Connection, app_id: int, message_id: int) -> list[Row]:
    """What carriers took of it."""
    rows: list[Row] = await conn.fetch(
        """select g.sequence, g.total, g.carrier_id, g.submitted_at, l.name as link from segments g left join links l on l.id = g.link_id
            where g.message_id = $2 and g.app_id = $1 order by g.submitted_at, g.sequence""",
        app_id, message_id,
    )  # fmt: skip
    return rows


async def reports(conn: Connection, app_id: int, message_id: int) -> list[Row]:
    """What carriers reported of the segments of a long message."""
    rows: list[Row] = await conn.fetch(
        "select sequence, verdict, code, done_at from reports where app_id = $1 and message_id = $2 order by done_at, sequence",
        app_id, message_id,
    )  # fmt: skip
    return rows


async def suspects(conn: Connection, app_id: int, message_id: int) -> list[Row]:
    """Its segments whose answer was lost."""
    rows: list[Row] = await conn.fetch(
        """select sequence, attempt, why, lost_at, resolution, resolved_at from suspects
            where app_id = $1 and message_id = $2 order by lost_at, sequence""",
        app_id, message_id,
    )  # fmt: skip
    return rows


async def replies(conn: Connection, app_id: int, message_id: int, phone: int) -> list[Row]:
    """What the handset answered to it."""
    rows: list[Row] = await conn.fetch(
        "select text, received_at from replies where app_id = $1 and phone = $3 and message_id = $2 order by id",
        app_id, message_id, phone,
    )  # fmt: skip
    return rows


TO_NUMBER = """
select id from messages where app_id = any($1) and phone = $2 and id >= $3 and ($4 = '' or request_id = $4) order by id desc limit $5
"""

REFUSED = """
select app_id, id, phone, reason, request_id, detail from refusals
 where app_id = any($1) and phone = $2 and id >= $3 and ($4 = '' or request_id = $4) order by id desc limit $5
"""


async def to_number(conn: Connection, app_ids: Sequence[int], phone: int, *, from_id: int, request_id: str, most: int) -> list[int]:
    """Messages of these applications to a number from an id on, of one request if given; the newest first."""
    return [row[0] for row in await conn.fetch(TO_NUMBER, app_ids, phone, from_id, request_id, most)]


async def refused(conn: Connection, app_ids: Sequence[int], phone: int, *, from_id: int, request_id: str, most: int) -> list[Row]:
    """The same of refusals that were noted."""
    rows: list[Row] = await conn.fetch(REFUSED, app_ids, phone, from_id, request_id, most)
    return rows


class Standing(msgspec.Struct, frozen=True):
    """What the next message to a number would meet."""

    opted_out: bool
    blacklisted: bool


async def standing(conn: Connection, app_id: int, account_id: int, phone: int) -> Standing:
    """Of a number, for an application of this account, by now."""
    row = await conn.fetchrow(
        """select exists (select from optouts where app_id = $1 and phone = $2),
                  exists (select from blacklist where app_id = $1 and phone = $2)""",
        app_id, phone,
    )  # fmt: skip
    shared = await blacklist.among_shared(conn, [account_id, blacklist.OPERATOR], [phone])
    return Standing(opted_out=row[0], blacklisted=row[1] or bool(shared))
