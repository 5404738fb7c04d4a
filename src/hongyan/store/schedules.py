"""Sends that wait for their time."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows
from hongyan.store.times import at, epoch


class ScheduleRow(msgspec.Struct, frozen=True):
    app_id: int
    id: int
    send_at: float
    state: str
    """waiting, sending, sent, failed, cancelled."""
    commands: bytes
    """What to send: `products.schedule` writes and reads it."""
    numbers: int
    request_id: str
    """Its messages carry it."""
    key_id: str
    created_at: float
    began_at: float | None
    """When it was first taken to be sent."""
    claimed_at: float | None
    """When it was last taken."""
    accepted: int | None
    """How many numbers were taken; None before."""
    outcome: str


COLUMNS = (
    f"app_id, id, {epoch('send_at')}, state, commands, numbers, request_id, key_id, {epoch('created_at')}, {epoch('began_at')}, "
    f"{epoch('claimed_at')}, accepted, outcome"
)


async def add(
    conn: Connection, *, app_id: int, id_: int, send_at: float, commands: bytes, numbers: int, request_id: str, key_id: str, now: float
) -> ScheduleRow:
    row = await conn.fetchrow(
        "insert into scheduled_sends (app_id, id, send_at, state, commands, numbers, request_id, key_id, created_at, outcome) "
        f"values ($1, $2, $3, 'waiting', $4, $5, $6, $7, $8, '') returning {COLUMNS}",
        app_id, id_, at(send_at), commands, numbers, request_id, key_id, at(now),
    )  # fmt: skip
    return msgspec.convert(dict(row), ScheduleRow)


async def get(conn: Connection, app_ids: Sequence[int], id_: int) -> ScheduleRow | None:
    row = await conn.fetchrow(f"select {COLUMNS} from scheduled_sends where app_id = any($1) and id = $2", app_ids, id_)
    return rows.one(row, ScheduleRow)


async def page(conn: Connection, app_ids: Sequence[int], *, before_id: int, most: int) -> list[ScheduleRow]:
    """The newest first, those with smaller ids than `before_id`."""
    found = await conn.fetch(
        f"select {COLUMNS} from scheduled_sends where app_id = any($1) and id < $2 order by id desc limit $3", app_ids, before_id, most
    )
    return rows.many(found, ScheduleRow)


async def cancel(conn: Connection, app_id: int, id_: int) -> bool:
    """True when it was waiting and never will be sent."""
    done = await conn.fetchval(
        "update scheduled_sends set state = 'cancelled' where app_id = $1 and id = $2 and state = 'waiting' returning true", app_id, id_
    )
    return bool(done)


DUE = """
select app_id, id from scheduled_sends
 where (state = 'waiting' and send_at <= $1) or (state = 'sending' and claimed_at <= $2) order by send_at limit $3
"""

CLAIM = f"""
update scheduled_sends set state = 'sending', claimed_at = $3, began_at = coalesce(began_at, $3)
 where app_id = $1 and id = (select id from scheduled_sends where app_id = $1 and id = $2
        and ((state = 'waiting' and send_at <= $3) or (state = 'sending' and claimed_at <= $4)) for update skip locked)
returning {COLUMNS}
"""


async def due(conn: Connection, *, now: float, abandoned: float, most: int) -> list[tuple[int, int]]:
    """Application and id of what should go now, the oldest first; also what somebody took before `abandoned` and never finished."""
    return [(row[0], row[1]) for row in await conn.fetch(DUE, at(now), at(abandoned), most)]


async def claim(conn: Connection, app_id: int, id_: int, *, now: float, abandoned: float) -> ScheduleRow | None:
    """Take it; None when somebody else has, or it was cancelled."""
    return rows.one(await conn.fetchrow(CLAIM, app_id, id_, at(now), at(abandoned)), ScheduleRow)


async def finish(conn: Connection, app_id: int, id_: int, *, state: str, accepted: int, outcome: str) -> None:
    await conn.execute(
        "update scheduled_sends set state = $3, accepted = $4, outcome = $5 where app_id = $1 and id = $2",
        app_id,
        id_,
        state,
        accepted,
        outcome,
    )


PROMISED = """
select phone, id, segments, region, request_id from messages where app_id = $1 and id >= $2 and id < $3 and request_id = any($4)
"""


class PromisedRow(msgspec.Struct, frozen=True):
    phone: int
    id: int
    segments: int
    region: str
    request_id: str


async def promised(conn: Connection, app_id: int, request_ids: Sequence[str], *, from_id: int, to_id: int) -> list[PromisedRow]:
    """The messages of these requests; it reads all of the application's in that stretch of ids, which is why it should be a short one."""
    return rows.many(await conn.fetch(PROMISED, app_id, from_id, to_id, request_ids), PromisedRow)
