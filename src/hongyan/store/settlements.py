"""How messages ended: one row each, written once, and the money that goes with it."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.message import Status
from hongyan.store.times import at


class Ending(msgspec.Struct, frozen=True):
    """How a message ends."""

    app_id: int
    id: int
    status: Status
    code: str
    charge: bool | None
    """True posts the reserve, False gives it back, None leaves it (only with `Status.UNKNOWN`)."""
    link_id: int | None
    done_at: float


class Settled(msgspec.Struct, frozen=True):
    """A row that was really written: exactly once for each message, whatever is repeated."""

    id: int
    package_id: int
    segments: int
    charged: int | None
    status: Status


STATUSES = {status.value: status for status in Status}

SETTLE = """
insert into settlements as s
       (app_id, id, status, code, package_id, segments, charged, link_id, done_at, settled_at)
select m.app_id, m.id, u.status, u.code, m.package_id, m.segments,
       case u.charge when 1 then m.segments when 0 then 0 end, u.link_id, u.done_at, $8
  from unnest($2::bigint[], $3::smallint[], $4::text[], $5::smallint[], $6::bigint[], $7::timestamptz[])
       u(id, status, code, charge, link_id, done_at)
  join messages m on m.app_id = $1 and m.id = u.id
on conflict (app_id, id) do update
   set status = excluded.status, code = excluded.code, charged = excluded.charged, link_id = excluded.link_id,
       done_at = excluded.done_at, settled_at = excluded.settled_at
 where s.charged is null and excluded.charged is not null
returning s.id, s.package_id, s.segments, s.charged, s.status
"""


async def settle(conn: Connection, app_id: int, endings: Sequence[Ending], now: float) -> list[Settled]:
    """Write the endings of one application's messages, each message at most once in `endings`.

    Returns those that took effect: a message that has ended stays as it is, one that was unknown may still end.
    """
    rows = await conn.fetch(
        SETTLE,
        app_id,
        [e.id for e in endings],
        [e.status for e in endings],
        [e.code for e in endings],
        [None if e.charge is None else int(e.charge) for e in endings],
        [e.link_id for e in endings],
        [at(e.done_at) for e in endings],
        at(now),
    )
    return [Settled(r[0], r[1], r[2], r[3], STATUSES[r[4]]) for r in rows]


async def reopen(conn: Connection, app_id: int, ids: Sequence[int]) -> None:
    """A late answer showed that the carrier took them: no longer unknown, waiting for their receipts again."""
    await conn.execute(
        "delete from settlements where app_id = $1 and id = any($2) and status = $3 and charged is null",
        app_id, ids, Status.UNKNOWN,
    )  # fmt: skip
