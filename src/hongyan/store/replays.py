"""Events that are told once more, and those that nobody took."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.event import EventKind
from hongyan.store import rows
from hongyan.store.outbox import Callback
from hongyan.store.rows import by_app
from hongyan.store.times import at, epoch

REPLAY = """
with picked as (
    select id from outbox
     where app_id = $1 and created_at >= $2 and created_at <= $3 and kind = any($4) and callback = any($5)
       and ($8 or kind <> 1 or url is not null)
     order by created_at, id limit $6 for update
)
update outbox o set callback = case when o.url is null then 1 else 4 end, due_at = $7, replayed_at = $7, attempts = 0, told = 0,
                    done_at = null, last_error = null
  from picked p where o.app_id = $1 and o.id = p.id
returning o.events, extract(epoch from o.created_at at time zone 'UTC')::float8
"""


class Replayed(msgspec.Struct, frozen=True):
    """What is told once more."""

    bundles: int
    events: int
    last_at: float | None
    """When the last of them was owed first; None when there was none."""


async def replay(
    conn: Connection,
    app_id: int,
    *,
    begin: float,
    end: float,
    kinds: Sequence[EventKind],
    states: Sequence[Callback],
    reports_go: bool,
    most: int,
    now: float,
) -> Replayed:
    """Owe again what was owed first from `begin` to `end` and is in one of these states; at most so many bundles, the oldest first.

    Unless `reports_go` to an address of the application's, only those whose messages named one.
    """
    found = await conn.fetch(REPLAY, app_id, at(begin), at(end), kinds, states, most, at(now), reports_go)
    return Replayed(len(found), sum(row[0] for row in found), max((row[1] for row in found), default=None))


class DeadRow(msgspec.Struct, frozen=True):
    """A bundle that nobody took for a day."""

    app_id: int
    id: int
    kind: EventKind
    events: int
    attempts: int
    url: str | None
    """The address that its messages named; None for the application's."""
    created_at: float
    last_error: str | None


async def dead(conn: Connection, app_id: int, *, before_id: int, most: int) -> list[DeadRow]:
    """The newest first."""
    found = await conn.fetch(
        f"select app_id, id, kind, events, attempts, url, {epoch('created_at')}, last_error from outbox "
        "where app_id = $1 and callback = 3 and id < $2 order by id desc limit $3",
        app_id, before_id, most,
    )  # fmt: skip
    return rows.many(found, DeadRow)


OVERDUE = """
select app_id, id from outbox where id < $1 and callback in (1, 4) and due_at < $2 and coalesce(replayed_at, created_at) < $3 limit $4
"""


async def give_up(conn: Connection, *, before_id: int, before: float, now: float, most: int) -> int:
    """What was owed first before then and waits still, since its address is paused, is dead; returns how many went."""
    old = await conn.fetch(OVERDUE, before_id, at(now), at(before), most)
    for app_id, ids in by_app(old).items():
        await conn.execute(
            """update outbox set callback = 3, last_error = coalesce(last_error, 'the address took nothing for a day')
                where app_id = $1 and id = any($2) and callback in (1, 4) and due_at < $3""",
            app_id, ids, at(now),
        )  # fmt: skip
    return len(old)
