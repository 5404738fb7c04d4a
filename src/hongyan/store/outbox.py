"""Events owed to customers: callbacks claim them, pulls take them, both from the same rows."""

import enum
from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.store.times import at


class EventKind(enum.IntEnum):
    REPORT = 1
    REPLY = 2


class Callback(enum.IntEnum):
    """Where an event's callback stands."""

    NONE = 0
    DUE = 1
    DONE = 2
    DEAD = 3


class Pull(enum.IntEnum):
    """Where an event stands for the pull API."""

    NONE = 0
    WAITING = 1
    TAKEN = 2


PUT = """
insert into outbox (app_id, id, kind, callback, pull, due_at, created_at)
select $1, id, $3, $4, $5, $6, $6 from unnest($2::bigint[]) id
on conflict do nothing
"""


async def put(conn: Connection, app_id: int, ids: Sequence[int], kind: EventKind, *, callback: bool, pull: bool, now: float) -> None:
    """Owe an application these events; an id is its message's or reply's, so that nothing can be owed twice.

    With `callback` the callback dispatchers are woken when this transaction commits.
    """
    await conn.execute(PUT, app_id, ids, kind, int(callback), int(pull), at(now))
    if callback:
        await ring(conn)


async def ring(conn: Connection) -> None:
    """Wake the callback dispatchers when this transaction commits."""
    await conn.execute("select pg_notify('hongyan_outbox', '')")


CLAIM = """
with picked as (
    select app_id, id from outbox
     where app_id = $1 and kind = $2 and callback = 1 and due_at <= $3 order by due_at limit $4 for update skip locked
)
update outbox o set due_at = $5, attempts = attempts + 1
  from picked p where o.app_id = $1 and o.app_id = p.app_id and o.id = p.id
returning o.id, o.attempts, o.created_at
"""


class Claimed(msgspec.Struct, frozen=True):
    """An event in a callback dispatcher's hands until its lease ends."""

    id: int
    attempts: int
    created_at: float


async def claim(conn: Connection, app_id: int, kind: EventKind, *, now: float, lease_until: float, most: int) -> list[Claimed]:
    """Take due events of one application and kind; others get them again when the lease ends unanswered."""
    rows = await conn.fetch(CLAIM, app_id, kind, at(now), most, at(lease_until))
    return sorted((Claimed(id=r[0], attempts=r[1], created_at=r[2].timestamp()) for r in rows), key=lambda c: c.id)


async def due(conn: Connection, app_ids: Sequence[int], now: float) -> list[tuple[int, EventKind]]:
    """Which of these applications have callbacks due, by kind; one index probe for each."""
    rows = await conn.fetch(
        """select a.app_id, k.kind from unnest($1::bigint[]) a(app_id) cross join (values (1::smallint), (2::smallint)) k(kind)
            where exists (select from outbox o where o.app_id = a.app_id and o.kind = k.kind and o.callback = 1 and o.due_at <= $2)""",
        app_ids, at(now),
    )  # fmt: skip
    return [(row[0], EventKind(row[1])) for row in rows]


async def next_due(conn: Connection) -> float | None:
    """When the next callback is due, in Unix seconds."""
    moment = await conn.fetchval("select min(due_at) from outbox where callback = 1")
    return None if moment is None else float(moment.timestamp())


async def delivered(conn: Connection, app_id: int, ids: Sequence[int], now: float) -> None:
    """The customer's server has taken them."""
    await conn.execute(
        "update outbox set callback = 2, done_at = $3, last_error = null where app_id = $1 and id = any($2)", app_id, ids, at(now)
    )


async def failed(conn: Connection, app_id: int, retries: Sequence[tuple[int, float | None]], error: str) -> None:
    """Try again at the given time (Unix seconds), or give up for good (None): the event then stays visible as dead."""
    await conn.execute(
        """update outbox o set callback = case when u.due is null then 3 else 1 end, due_at = coalesce(u.due, o.due_at), last_error = $4
             from unnest($2::bigint[], $3::timestamptz[]) u(id, due) where o.app_id = $1 and o.id = u.id""",
        app_id, [r[0] for r in retries], [None if r[1] is None else at(r[1]) for r in retries], error[:500],
    )  # fmt: skip


TAKE = """
with picked as (
    select app_id, id from outbox where app_id = $1 and kind = $2 and pull = 1 order by id limit $3 for update skip locked
)
update outbox o set pull = 2, pulled_at = $4
  from picked p where o.app_id = $1 and o.app_id = p.app_id and o.id = p.id
returning o.id
"""


async def take(conn: Connection, app_id: int, kind: EventKind, *, now: float, most: int) -> list[int]:
    """Hand out events to a pull, each once, oldest first."""
    return sorted(row[0] for row in await conn.fetch(TAKE, app_id, kind, most, at(now)))


REPORTS = """
select m.id, m.phone, m.session_context, m.dialect, m.segments, s.status, s.code, s.done_at
  from settlements s
 cross join lateral (select * from messages where app_id = $1 and id = s.id and id >= $3 and id <= $4 limit 1) m
 where s.app_id = $1 and s.id = any($2) and s.id >= $3 and s.id <= $4
 order by m.id
"""


async def reports(conn: Connection, app_id: int, ids: Sequence[int]) -> list[Row]:
    """What the reports of these events say."""
    rows: list[Row] = await conn.fetch(REPORTS, app_id, ids, min(ids, default=0), max(ids, default=0))
    return rows


REPORTS_OF = """
select m.id, m.phone, m.session_context, m.dialect, m.segments, s.status, s.code, s.done_at
  from (select * from messages where app_id = $1 and phone = $2 and id >= $3 order by id desc) m
 cross join lateral (select * from settlements where app_id = $1 and id = m.id and status > 3 limit 1) s
 where m.id < $4
 order by m.id desc limit $5
"""


async def reports_of(conn: Connection, app_id: int, phone: int, *, from_id: int, to_id: int, most: int) -> list[Row]:
    """Final reports of one number's messages in a stretch of time, newest first; consumes nothing."""
    rows: list[Row] = await conn.fetch(REPORTS_OF, app_id, phone, from_id, to_id, most)
    return rows


async def replies(conn: Connection, app_id: int, ids: Sequence[int]) -> list[Row]:
    """What the replies of these events say."""
    rows: list[Row] = await conn.fetch("select * from replies where app_id = $1 and id = any($2) order by id", app_id, ids)
    return rows


async def replies_of(conn: Connection, app_id: int, phone: int, *, from_id: int, to_id: int, most: int) -> list[Row]:
    """One number's replies in a stretch of time, newest first; consumes nothing."""
    rows: list[Row] = await conn.fetch(
        "select * from replies where app_id = $1 and phone = $2 and id >= $3 and id < $4 order by id desc limit $5",
        app_id, phone, from_id, to_id, most,
    )  # fmt: skip
    return rows


async def sweep(conn: Connection, *, before_id: int, most: int) -> int:
    """Forget events whose customers have had a week for them; returns how many went."""
    rows = await conn.fetch(
        """delete from outbox where (app_id, id) in (
               select app_id, id from outbox where id < $1 and callback <> 1 limit $2) returning id""",
        before_id, most,
    )  # fmt: skip
    return len(rows)
