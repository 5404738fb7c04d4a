"""Partitions by day: made ahead of time, so that an insert always finds its own."""

import datetime as dt
from zoneinfo import ZoneInfo

from hongyan.kit.db import Connection
from hongyan.kit.ids import first_id_at

PARTITIONED = ("messages", "segments", "reports", "settlements")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def day_start(at: float) -> float:
    """Unix seconds at which the calendar day of `at` began in Asia/Shanghai."""
    local = dt.datetime.fromtimestamp(at, SHANGHAI)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


async def ensure(conn: Connection, now: float, *, back: int = 0, ahead: int = 2) -> None:
    """Make the partitions of today and the days to come; those that exist stay as they are.

    Few of them: a question about recent messages looks into all.
    """
    today = dt.datetime.fromtimestamp(now, SHANGHAI).date()
    await conn.execute("select pg_advisory_lock(hashtext('hongyan.partitions'))")
    try:
        existing = {row[0] for row in await conn.fetch("select relname from pg_class where relname like any($1)", _patterns())}
        for offset in range(-back, ahead + 1):
            day = today + dt.timedelta(days=offset)
            low, high = (_first_id(day + dt.timedelta(days=n)) for n in (0, 1))
            for table in PARTITIONED:
                name = f"{table}_{day:%Y%m%d}"
                if name not in existing:
                    await conn.execute(f"create table {name} partition of {table} for values from ({low}) to ({high})")
    finally:
        await conn.execute("select pg_advisory_unlock(hashtext('hongyan.partitions'))")


def _patterns() -> list[str]:
    return [f"{table}\\_%" for table in PARTITIONED]


def _first_id(day: dt.date) -> int:
    midnight = dt.datetime.combine(day, dt.time(), SHANGHAI)
    return first_id_at(midnight.timestamp())
