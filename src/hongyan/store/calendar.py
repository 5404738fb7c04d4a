"""Days that the operator says are working or free, whatever the packaged calendar says."""

import datetime as dt

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows


class CalendarDay(msgspec.Struct, frozen=True):
    day: dt.date
    working: bool
    name: str


async def every(conn: Connection) -> list[CalendarDay]:
    return rows.many(await conn.fetch("select day, working, name from calendar_days order by day"), CalendarDay)


async def put(conn: Connection, day: CalendarDay) -> None:
    await conn.execute(
        "insert into calendar_days (day, working, name) values ($1, $2, $3) "
        "on conflict (day) do update set working = excluded.working, name = excluded.name",
        day.day, day.working, day.name,
    )  # fmt: skip


async def remove(conn: Connection, day: dt.date) -> bool:
    return await conn.fetchval("delete from calendar_days where day = $1 returning day", day) is not None
