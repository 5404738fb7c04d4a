"""Counting how a stretch of messages ended; for measuring, not for the hot path."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.message import Status
from hongyan.store.times import at


class Tally(msgspec.Struct, frozen=True):
    """How an application's messages of a stretch of time ended."""

    settled: int
    delivered: int
    settled_between: int
    """Those settled between the two moments asked for."""
    last_settled_at: float | None
    """Unix seconds."""


TALLY = """
select count(*), count(*) filter (where status = $4), count(*) filter (where settled_at >= $5 and settled_at < $6),
       extract(epoch from max(settled_at))::float8
  from settlements where app_id = $1 and id >= $2 and id < $3
"""


async def of(conn: Connection, app_id: int, *, from_id: int, to_id: int, begin: float, end: float) -> Tally:
    """How the messages with ids in `from_id`..`to_id` ended; `begin` and `end` (Unix seconds) bound `settled_between`."""
    row = await conn.fetchrow(TALLY, app_id, from_id, to_id, Status.DELIVERED, at(begin), at(end))
    return Tally(settled=row[0], delivered=row[1], settled_between=row[2], last_settled_at=row[3])
