"""What carriers took: which of their ids stands for which segment, and the reports of long messages."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.model.carrier import Verdict
from hongyan.store.locks import lock
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


class Landed(msgspec.Struct, frozen=True):
    """What answers of carriers change in an application's tables."""

    taken: Sequence[TakenSegment]
    leaving: Sequence[int]
    """Messages that no longer wait for an answer."""


NOTHING_LANDED = Landed((), ())


def columns(taken: Sequence[TakenSegment]) -> tuple[list[int], list[int], list[int], list[int], list[str], list[str], list[int]]:
    """What the statements that write taken segments are given."""
    return (
        [s.message_id for s in taken],
        [s.sequence for s in taken],
        [s.total for s in taken],
        [s.link_id for s in taken],
        [s.carrier_key for s in taken],
        [s.carrier_id for s in taken],
        [s.phone for s in taken],
    )


async def land(conn: Connection, app_id: int, landed: Landed, now: float) -> None:
    """Remember the ids under which carriers took an application's segments; the messages in `leaving` have left the queue."""
    await conn.execute(LAND, app_id, *columns(landed.taken), landed.leaving, at(now))


FIND = """
select carrier_key, app_id, message_id, sequence, total, phone from segments
 where link_id = $1 and carrier_key = any($2) and message_id >= $3 order by message_id
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
    newest: dict[tuple[int, str], FoundSegment] = {}
    for link_id in sorted({link for link, _ in keys}):
        for row in await conn.fetch(FIND, link_id, sorted({key for link, key in keys if link == link_id}), since_id):
            newest[link_id, row[0]] = FoundSegment(app_id=row[1], message_id=row[2], sequence=row[3], total=row[4], phone=row[5])
    return {position: newest[key] for position, key in enumerate(keys) if key in newest}


class SegmentReport(msgspec.Struct, frozen=True):
    """A receipt that has found its segment."""

    message_id: int
    sequence: int
    verdict: Verdict
    code: str
    done_at: float


LOCK_SPACE = 0x4852
LOCK_BUCKETS = 4093


async def lock_reports(conn: Connection, message_ids: Sequence[int]) -> None:
    """Let nobody else report of these messages until the transaction ends.

    Two receipts of one message may come to two processes: who reports second must see the first, or neither sees the message's end.
    """
    await lock(conn, LOCK_SPACE, (message_id % LOCK_BUCKETS for message_id in message_ids))


REPORT = """
with told as (
    insert into reports (app_id, message_id, sequence, verdict, code, done_at)
    select $1, u.* from unnest($2::bigint[], $3::smallint[], $4::smallint[], $5::text[], $6::timestamptz[]) u
    on conflict do nothing
    returning message_id, sequence, verdict, code, done_at
)
select message_id, sequence, verdict, code, done_at from told
 union all
select message_id, sequence, verdict, code, done_at from reports where app_id = $1 and message_id = any($2)
 order by message_id, sequence
"""


async def report(conn: Connection, app_id: int, reports: Sequence[SegmentReport]) -> dict[int, list[SegmentReport]]:
    """Keep reports of an application's long messages, and tell all there are of these messages; a repeated one changes nothing."""
    rows = await conn.fetch(
        REPORT, app_id,
        [r.message_id for r in reports], [r.sequence for r in reports],
        [r.verdict for r in reports], [r.code for r in reports], [at(r.done_at) for r in reports],
    )  # fmt: skip
    return _by_message(rows)


async def reports_of(conn: Connection, app_id: int, message_ids: Sequence[int]) -> dict[int, list[SegmentReport]]:
    """What was reported of segments of these long messages."""
    rows = await conn.fetch(
        "select message_id, sequence, verdict, code, done_at from reports where app_id = $1 and message_id = any($2) "
        "order by message_id, sequence",
        app_id, message_ids,
    )  # fmt: skip
    return _by_message(rows)


def _by_message(rows: Sequence[Row]) -> dict[int, list[SegmentReport]]:
    known: dict[int, list[SegmentReport]] = {}
    for message_id, sequence, verdict, code, done_at in rows:
        told = SegmentReport(message_id=message_id, sequence=sequence, verdict=Verdict(verdict), code=code, done_at=done_at.timestamp())
        known.setdefault(message_id, []).append(told)
    return known


async def taken_ids(conn: Connection, app_id: int, message_ids: Sequence[int]) -> set[int]:
    """Which of these messages have at least one segment that a carrier took."""
    rows = await conn.fetch("select distinct message_id from segments where app_id = $1 and message_id = any($2)", app_id, message_ids)
    return {row[0] for row in rows}


async def taken(conn: Connection, app_id: int, message_ids: Sequence[int]) -> dict[int, dict[int, int]]:
    """Which segments of these messages carriers took: by message, (segment: of how many)."""
    rows = await conn.fetch(
        "select message_id, sequence, total from segments where app_id = $1 and message_id = any($2)", app_id, message_ids
    )
    found: dict[int, dict[int, int]] = {}
    for message_id, sequence, total in rows:
        found.setdefault(message_id, {})[sequence] = total
    return found
