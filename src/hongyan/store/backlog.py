"""How many messages wait in the queue: counted by whoever's turn it is, published in one row. Times are the database's own."""

from collections.abc import Mapping

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.message import Kind

TURN_LOCK = 0x4859_424C


class Depth(msgspec.Struct, frozen=True):
    """Messages in the queue, by kind."""

    waiting: Mapping[Kind, int]
    age_s: float
    """How long ago that was counted."""
    interval_s: float
    """How often it is."""

    @property
    def total(self) -> int:
        return sum(self.waiting.values())


async def our_turn(tx: Connection) -> bool:
    """Whether a count is due and nobody else is at it; until the transaction ends nobody else will be."""
    return bool(
        await tx.fetchval(
            """select pg_try_advisory_xact_lock($1)
                  and not exists (select from backlog where measured_at + interval_s * interval '1 second' > clock_timestamp())""",
            TURN_LOCK,
        )
    )


async def count(conn: Connection, most: int) -> dict[Kind, int]:
    """By kind, of at most `most` entries: beyond that it is only known to be more. What sleeps until its time is not waiting."""
    rows = await conn.fetch(
        "select kind, count(*) from (select kind from queue where owner is distinct from 0 limit $1) counted group by kind", most
    )
    return dict.fromkeys(Kind, 0) | {Kind(kind): number for kind, number in rows}


async def publish(conn: Connection, waiting: Mapping[Kind, int], interval_s: float) -> None:
    """This is how it stands now; the next count is due in so many seconds."""
    await conn.execute(
        """insert into backlog (verification, notice, marketing, interval_s, measured_at) values ($1, $2, $3, $4, clock_timestamp())
           on conflict (one) do update set verification = excluded.verification, notice = excluded.notice,
              marketing = excluded.marketing, interval_s = excluded.interval_s, measured_at = excluded.measured_at""",
        waiting[Kind.VERIFICATION], waiting[Kind.NOTICE], waiting[Kind.MARKETING], interval_s,
    )  # fmt: skip


async def read(conn: Connection) -> Depth | None:
    """What was published last; None when nothing ever was."""
    row = await conn.fetchrow(
        """select verification, notice, marketing, extract(epoch from clock_timestamp() - measured_at)::float8, interval_s from backlog"""
    )
    if row is None:
        return None
    waiting = {Kind.VERIFICATION: row[0], Kind.NOTICE: row[1], Kind.MARKETING: row[2]}
    return Depth(waiting=waiting, age_s=row[3], interval_s=row[4])
