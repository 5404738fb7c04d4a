"""How messages ended: one row each, written once, and the money that goes with it."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.message import Status
from hongyan.store.outbox import BUNDLE
from hongyan.store.segments import NOTHING_LANDED, Landed, columns
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


SETTLE = f"select status, n from settle_messages({', '.join(f'${n}' for n in range(1, 22))})"


async def settle(
    conn: Connection,
    app_id: int,
    endings: Sequence[Ending],
    *,
    landed: Landed = NOTHING_LANDED,
    callback: bool,
    pull: bool,
    now: float,
) -> dict[Status, int]:
    """End an application's messages, each at most once in `endings`; pay for them and owe their events: all in one call.

    What has landed is written with it (store.segments.land). The settlement's key makes it happen once for each message, whatever is
    repeated: one that has ended stays as it is, one that was unknown may still end. With `callback` the callback dispatchers are woken at
    commit. Returns how many took effect, by status. Final statuses are those above `Status.UNKNOWN`.
    """
    ids = [e.id for e in endings]
    rows = await conn.fetch(
        SETTLE,
        app_id,
        at(now),
        int(callback),
        int(pull),
        BUNDLE,
        min(ids, default=0),
        max(ids, default=0),
        ids,
        [e.status for e in endings],
        [e.code for e in endings],
        [None if e.charge is None else int(e.charge) for e in endings],
        [e.link_id for e in endings],
        [e.done_at for e in endings],
        landed.leaving,
        *columns(landed.taken),
    )
    return {Status(row[0]): row[1] for row in rows}


REOPEN = """
delete from settlements s
 where s.app_id = $1 and s.id = any($2) and s.status = $3 and s.charged is null
   and s.segments <= (select count(distinct sequence) from segments where app_id = $1 and message_id = s.id)
"""


async def reopen(conn: Connection, app_id: int, ids: Sequence[int]) -> None:
    """Late answers showed that the carrier took them, all segments of them: no longer unknown, waiting for their receipts again."""
    await conn.execute(REOPEN, app_id, ids, Status.UNKNOWN)
