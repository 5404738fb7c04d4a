"""What carriers took: which of their ids stands for which segment, and the reports of long messages."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.carrier import Verdict
from hongyan.store.times import at


class TakenSegment(msgspec.Struct, frozen=True):
    """A segment and the id under which the carrier took it."""

    message_id: int
    sequence: int
    total: int
    link_id: int
    carrier_key: str
    """The id in its normal form (model.receipt.carrier_key)."""
    carrier_id: str
    """The id as the carrier wrote it."""
    phone: int


LAND = """
with taken as (
    insert into segments (app_id, message_id, sequence, total, link_id, carrier_key, carrier_id, phone, submitted_at)
    select $1, u.*, $10
      from unnest($2::bigint[], $3::smallint[], $4::smallint[], $5::bigint[], $6::text[], $7::text[], $8::bigint[]) u
)
delete from queue where app_id = $1 and id = any($9)
"""


async def land(conn: Connection, app_id: int, taken: Sequence[TakenSegment], leaving: Sequence[int], now: float) -> None:
    """Remember the ids under which carriers took an application's segments; the messages in `leaving` have left the queue."""
    await conn.execute(
        LAND,
        app_id,
        [s.message_id for s in taken],
        [s.sequence for s in taken],
        [s.total for s in taken],
        [s.link_id for s in taken],
        [s.carrier_key for s in taken],
        [s.carrier_id for s in taken],
        [s.phone for s in taken],
        leaving,
        at(now),
    )


FIND = """
select u.ord, s.app_id, s.message_id, s.sequence, s.total, s.phone
  from unnest($1::bigint[], $2::text[]) with ordinality u(link_id, carrier_key, ord)
 cross join lateral (
       select * from segments where link_id = u.link_id and carrier_key = u.carrier_key and message_id >= $3
        order by message_id desc limit 1) s
"""


class FoundSegment(msgspec.Struct, frozen=True):
    """The segment behind a carrier's id."""

    app_id: int
    message_id: int
    sequence: int
    total: int
    phone: int


async def find(conn: Connection, keys: Sequence[tuple[int, str]], *, since_id: int) -> dict[int, FoundSegment]:
    """By position in `keys` (link, normal id): the newest segment of messages from `since_id` on."""
    rows = await conn.fetch(FIND, [link for link, _ in keys], [key for _, key in keys], since_id)
    return {row[0] - 1: FoundSegment(app_id=row[1], message_id=row[2], sequence=row[3], total=row[4], phone=row[5]) for row in rows}


class SegmentReport(msgspec.Struct, frozen=True):
    """A receipt that has found its segment."""

    app_id: int
    message_id: int
    sequence: int
    verdict: Verdict
    code: str
    done_at: float


REPORT = """
insert into reports (app_id, message_id, sequence, verdict, code, done_at)
select * from unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::smallint[], $5::text[], $6::timestamptz[])
on conflict do nothing
"""


async def report(conn: Connection, reports: Sequence[SegmentReport]) -> None:
    """Keep the reports of long messages; a repeated one changes nothing."""
    await conn.execute(
        REPORT,
        [r.app_id for r in reports], [r.message_id for r in reports], [r.sequence for r in reports],
        [r.verdict for r in reports], [r.code for r in reports], [at(r.done_at) for r in reports],
    )  # fmt: skip


async def reported(conn: Connection, app_id: int, message_ids: Sequence[int]) -> dict[int, list[SegmentReport]]:
    """All reports there are of these messages."""
    rows = await conn.fetch(
        """select message_id, sequence, verdict, code, done_at from reports
            where app_id = $1 and message_id = any($2) order by message_id, sequence""",
        app_id, message_ids,
    )  # fmt: skip
    found: dict[int, list[SegmentReport]] = {}
    for message_id, sequence, verdict, code, done_at in rows:
        found.setdefault(message_id, []).append(
            SegmentReport(
                app_id=app_id,
                message_id=message_id,
                sequence=sequence,
                verdict=Verdict(verdict),
                code=code,
                done_at=done_at.timestamp(),
            )
        )
    return found


async def taken_ids(conn: Connection, app_id: int, message_ids: Sequence[int]) -> set[int]:
    """Which of these messages have at least one segment that a carrier took."""
    rows = await conn.fetch("select distinct message_id from segments where app_id = $1 and message_id = any($2)", app_id, message_ids)
    return {row[0] for row in rows}
