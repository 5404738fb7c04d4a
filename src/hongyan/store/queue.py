"""The queue of record: a row for each accepted message until the carrier has answered for it.

A row with an `owner` is in that engine's hands; `attempted_at` is set, and committed, before the first byte is written
to a carrier; `resolve_at` marks an attempt whose outcome nobody knows. A row that sleeps until its time has the owner `ASLEEP`.
"""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.kit.ids import first_id_at
from hongyan.model.message import Kind
from hongyan.store.rows import by_app
from hongyan.store.times import at

ASLEEP = 0
"""The owner of what nobody may have before its time; no engine has this id."""

WAITING = """
with recursive w as (
    (select app_id, kind, way from queue where owner is null and resolve_at is null order by app_id, kind, way limit 1)
    union all
    select n.app_id, n.kind, n.way from w cross join lateral (
        select app_id, kind, way from queue
         where owner is null and resolve_at is null and (app_id, kind, way) > (w.app_id, w.kind, w.way)
         order by app_id, kind, way limit 1) n
)
select app_id, kind, way from w
"""


# A recursion cannot be asked of many shards; there, each looks through the index of what waits.
WAITING_ON_SHARDS = "select distinct app_id, kind, way from queue where owner is null and resolve_at is null"


async def waiting(conn: Connection, *, distributed: bool) -> list[tuple[int, Kind, int]]:
    """Which (application, kind, way) have entries that nobody holds; one index probe for each, on one server."""
    return [(row[0], Kind(row[1]), row[2]) for row in await conn.fetch(WAITING_ON_SHARDS if distributed else WAITING)]


OLDEST_S = 8 * 86_400.0
"""No message waits longer than this: its validity is a day."""

CLAIM = """
with picked as (
    select app_id, id from queue
     where app_id = $1 and kind = $2 and way = $7 and owner is null and resolve_at is null and not_before <= $3
     order by id limit $4 for update skip locked
), claimed as (
    update queue q set owner = $5 from picked p where q.app_id = $1 and q.app_id = p.app_id and q.id = p.id
    returning q.app_id, q.id, q.attempts, q.sent_mask, q.way
)
select c.attempts, c.sent_mask, c.way, m.*
  from claimed c cross join lateral (select * from messages where app_id = $1 and id = c.id and id >= $6 limit 1) m
 order by m.id
"""


async def claim(conn: Connection, app_id: int, kind: Kind, way: int, *, owner: int, now: float, most: int) -> list[Row]:
    """Take up to `most` entries of one application, kind and way, oldest first; no two engines get the same one."""
    rows: list[Row] = await conn.fetch(CLAIM, app_id, kind, at(now), most, owner, first_id_at(now - OLDEST_S), way)
    return rows


ATTEMPT = """
update queue set attempted_at = $3, attempts = attempts + 1, link_id = $5
 where app_id = $1 and id = any($4) and owner = $2 and attempted_at is null
returning id
"""


async def attempt(conn: Connection, app_id: int, ids: Sequence[int], *, owner: int, link_id: int, now: float) -> set[int]:
    """Note, before anything is written to the carrier, that these are about to be; returns those still ours."""
    return {row[0] for row in await conn.fetch(ATTEMPT, app_id, owner, at(now), ids, link_id)}


async def done(conn: Connection, app_id: int, ids: Sequence[int]) -> None:
    """The carrier has answered for them, or they ended without it."""
    await conn.execute("delete from queue where app_id = $1 and id = any($2)", app_id, ids)


PUT_BACK = """
update queue set owner = null, attempted_at = null, resolve_at = null, not_before = $3, sent_mask = sent_mask | $4,
       attempts = case when attempted_at is null then attempts else greatest(attempts - 1, 0) end
 where app_id = $1 and id = $2 and attempted_at is not distinct from $5
"""


async def put_back(conn: Connection, app_id: int, id_: int, *, attempted_at: float | None, not_before: float, sent_mask: int) -> None:
    """Certainly not (wholly) sent: anybody may try again from `not_before` on. Said again during another attempt it is not heard."""
    attempt = None if attempted_at is None else at(attempted_at)
    await conn.execute(PUT_BACK, app_id, id_, at(not_before), sent_mask, attempt)


async def not_written(conn: Connection, app_id: int, ids: Sequence[int], *, attempted_at: float) -> None:
    """Undo an attempt after which nothing was written to a carrier; attempts since then are left alone."""
    await conn.execute(
        """update queue set owner = null, attempted_at = null, resolve_at = null, attempts = greatest(attempts - 1, 0)
            where app_id = $1 and id = any($2) and (attempted_at is null or attempted_at = $3)""",
        app_id, ids, at(attempted_at),
    )  # fmt: skip


async def suspect(conn: Connection, app_id: int, id_: int, *, resolve_at: float, sent_mask: int) -> None:
    """Perhaps sent: wait for a late answer or receipt until `resolve_at`."""
    await conn.execute(
        "update queue set owner = null, resolve_at = $3, sent_mask = sent_mask | $4 where app_id = $1 and id = $2",
        app_id, id_, at(resolve_at), sent_mask,
    )  # fmt: skip


async def heard(conn: Connection, app_id: int, id_: int, *, sequence: int, total: int) -> None:
    """The carrier has one segment of a message in doubt after all; with the last one the message leaves the queue."""
    await conn.execute(
        "update queue set sent_mask = sent_mask | (1::bigint << $3) where app_id = $1 and id = $2", app_id, id_, sequence - 1
    )
    await conn.execute("delete from queue where app_id = $1 and id = $2 and sent_mask & $3 = $3", app_id, id_, (1 << total) - 1)


async def under_way(conn: Connection, app_id: int, id_: int) -> bool:
    """Whether it is still to be sent, or is being sent: not in doubt, and not gone."""
    found: bool = await conn.fetchval("select exists (select from queue where app_id = $1 and id = $2 and resolve_at is null)", app_id, id_)
    return found


class Unresolved(msgspec.Struct, frozen=True):
    """An attempt that nobody has answered for in time."""

    app_id: int
    id: int
    kind: Kind
    attempts: int
    sent_mask: int


async def due_unresolved(conn: Connection, now: float, most: int) -> list[Unresolved]:
    """Attempts whose waiting time is over, locked until the transaction ends."""
    due = await conn.fetch("select app_id, id from queue where resolve_at <= $1 order by resolve_at limit $2", at(now), most)
    rows = [
        row
        for app_id, ids in by_app(due).items()
        for row in await conn.fetch(
            """select app_id, id, kind, attempts, sent_mask from queue where app_id = $1 and id = any($2) and resolve_at <= $3
                order by id for update skip locked""",
            app_id, ids, at(now),
        )
    ]  # fmt: skip
    return [Unresolved(app_id=r[0], id=r[1], kind=Kind(r[2]), attempts=r[3], sent_mask=r[4]) for r in rows]


async def send_again(conn: Connection, app_id: int, ids: Sequence[int], now: float) -> None:
    """One more copy may be sent: `attempts` keeps count."""
    await conn.execute(
        """update queue set owner = null, attempted_at = null, resolve_at = null, not_before = $3
            where app_id = $1 and id = any($2)""",
        app_id, ids, at(now),
    )  # fmt: skip


async def let_go(conn: Connection, app_id: int, ids: Sequence[int], *, owner: int, way: int) -> None:
    """Entries that an engine holds, has not attempted, and cannot send are anybody's again who serves that way."""
    await conn.execute(
        """update queue set owner = null, way = $4
            where app_id = $1 and id = any($2) and owner = $3 and attempted_at is null""",
        app_id, ids, owner, way,
    )  # fmt: skip


async def release(conn: Connection, owners: Sequence[int]) -> int:
    """Entries that dead or leaving engines held and never attempted are anybody's again."""
    rows = await conn.fetch("update queue set owner = null where owner = any($1) and attempted_at is null returning id", owners)
    return len(rows)


WITHDRAW = """
with picked as (
    select id from queue
     where app_id = $1 and attempted_at is null and resolve_at is null and attempts = 0 and sent_mask = 0
     order by id limit $2 for update skip locked
)
delete from queue q using picked p where q.app_id = $1 and q.id = p.id returning q.id
"""


async def withdraw(conn: Connection, app_id: int, most: int) -> list[int]:
    """Take out what no carrier has been given any of, held by an engine or not; whoever asks settles them in the same transaction."""
    return [row[0] for row in await conn.fetch(WITHDRAW, app_id, most)]


async def waits(conn: Connection, app_id: int) -> bool:
    """Whether anything of the application waits, for a carrier or for a person."""
    found: bool = await conn.fetchval(
        "select exists (select from queue where app_id = $1) or exists (select from held_messages where app_id = $1)", app_id
    )
    return found


async def lock(conn: Connection, app_id: int, ids: Sequence[int]) -> list[int]:
    """Those of them that are in the queue, kept as they are until the transaction ends; whoever is changing one is waited for."""
    found = await conn.fetch("select id from queue where app_id = $1 and id = any($2) order by id for update", app_id, ids)
    return [row[0] for row in found]


async def take_out(conn: Connection, app_id: int, ids: Sequence[int]) -> list[tuple[int, bool]]:
    """Take out those of them that nobody has attempted, or may attempt again; with each, whether a carrier may have been given some of it.

    What is in doubt, and what a carrier is asked to take just now, stays. Whoever asks settles them in the same transaction.
    """
    found = await conn.fetch(
        """delete from queue where app_id = $1 and id = any($2) and attempted_at is null and resolve_at is null
           returning id, attempts > 0 or sent_mask <> 0""",
        app_id, ids,
    )  # fmt: skip
    return [(row[0], row[1]) for row in found]


async def set_aside(conn: Connection, app_id: int, ids: Sequence[int], now: float) -> None:
    """Nobody attempts these again, which nobody is attempting; they are ended as doubts are (`due_unresolved`)."""
    await conn.execute(
        """update queue set owner = null, resolve_at = $3
            where app_id = $1 and id = any($2) and attempted_at is null and resolve_at is null""",
        app_id, ids, at(now),
    )  # fmt: skip


LULL = """
with picked as (
    select id from queue
     where app_id = $1 and kind = 3 and owner is null and resolve_at is null and attempted_at is null and attempts = 0 and sent_mask = 0
     order by kind, way, id limit $3 for update skip locked
)
update queue q set owner = 0, not_before = $2 from picked p where q.app_id = $1 and q.id = p.id returning q.id
"""


async def lull(conn: Connection, app_id: int, until: float, most: int) -> int:
    """Marketing that nobody holds and of which no carrier has been given any sleeps until then; how many entries."""
    return len(await conn.fetch(LULL, app_id, at(until), most))


async def lay_down(conn: Connection, app_id: int, ids: Sequence[int], *, owner: int, until: float) -> None:
    """Of entries that an engine holds, those of which no carrier has been given any sleep until then."""
    await conn.execute(
        """update queue set owner = 0, not_before = $4
            where app_id = $1 and id = any($2) and owner = $3 and attempted_at is null and attempts = 0 and sent_mask = 0""",
        app_id, ids, owner, at(until),
    )  # fmt: skip


DUE_ASLEEP = "select app_id, id from queue where owner = 0 and not_before <= $1 order by not_before limit $2"


WAKE = """
with picked as (
    select id from queue where app_id = $1 and id = any($2) and owner = 0 order by id for update skip locked
)
update queue q set owner = null from picked p where q.app_id = $1 and q.id = p.id returning q.id
"""


async def wake(conn: Connection, now: float, most: int) -> int:
    """What slept until now or earlier is anybody's, the longest due first; how many entries."""
    due = by_app(await conn.fetch(DUE_ASLEEP, at(now), most))
    return sum([len(await conn.fetch(WAKE, app_id, ids)) for app_id, ids in due.items()])


ORPHANED = """
select app_id, id from queue where owner = any($1) and attempted_at is not null and resolve_at is null order by app_id, id limit $2
"""

LOCK_ORPHANED = """
select q.app_id, q.id, q.kind, q.attempts, q.sent_mask, q.link_id, m.phone, m.text
  from queue q cross join lateral (select phone, text from messages where app_id = $1 and id = q.id limit 1) m
 where q.app_id = $1 and q.id = any($2) and q.owner = any($3) and q.attempted_at is not null and q.resolve_at is null
 order by q.id for update of q skip locked
"""


async def orphaned(conn: Connection, owners: Sequence[int], most: int) -> list[Row]:
    """Attempts that dead engines may or may not have written, locked until the transaction ends."""
    found = await conn.fetch(ORPHANED, owners, most)
    return [row for app_id, ids in by_app(found).items() for row in await conn.fetch(LOCK_ORPHANED, app_id, ids, owners)]


async def ring(conn: Connection) -> None:
    """Wake the dispatchers when this transaction commits: there are entries that nobody holds."""
    await conn.execute("select pg_notify('hongyan_queue', '')")
