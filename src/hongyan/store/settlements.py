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


# Joined by lateral look-ups: a plain join is planned as a hash of all of the application's messages, which grows with the day. The queue
# entries go before the package is locked, as everywhere.
SETTLE = """
with taken as (
    insert into segments (app_id, message_id, sequence, total, link_id, carrier_key, carrier_id, phone, submitted_at)
    select $1, u.*, $8
      from unnest($14::bigint[], $15::smallint[], $16::smallint[], $17::bigint[], $18::text[], $19::text[], $20::bigint[]) u
), gone as (
    delete from queue where app_id = $1 and id = any($21::bigint[]) returning id
), told as (
    select u.*, m.package_id, m.segments, m.phone, m.dialect, m.session_context
      from unnest($2::bigint[], $3::smallint[], $4::text[], $5::smallint[], $6::bigint[], $7::float8[])
           u(id, status, code, charge, link_id, ends)
     cross join lateral (
           select * from messages where app_id = $1 and id = u.id and id >= $11::bigint and id <= $12::bigint limit 1) m
), ended as (
    insert into settlements as s (app_id, id, status, code, package_id, segments, charged, link_id, done_at, settled_at)
    select $1, id, status, code, package_id, segments, case charge when 1 then segments when 0 then 0 end, link_id,
           to_timestamp(ends), $8::timestamptz
      from told
    on conflict (app_id, id) do update
       set status = excluded.status, code = excluded.code, charged = excluded.charged, link_id = excluded.link_id,
           done_at = excluded.done_at, settled_at = excluded.settled_at
     where s.charged is null and excluded.charged is not null
    returning s.id, s.package_id, s.segments, s.charged, s.status
), moved as (
    update packages p set held = p.held - d.posted - d.voided, used = p.used + d.posted, available = p.available + d.voided
      from (select package_id, coalesce(sum(segments) filter (where charged > 0), 0) as posted,
                   coalesce(sum(segments) filter (where charged = 0), 0) as voided
              from ended where charged is not null group by package_id) d
     where p.app_id = $1 and p.id = d.package_id and (select count(*) from gone) >= 0
    returning p.id, d.posted, d.voided
), journal as (
    insert into ledger_entries (app_id, package_id, kind, segments, at, note)
    select $1, m.id, e.kind, e.segments, $8::timestamptz, 'messages from ' || $11::bigint
      from moved m cross join lateral (values ('post', m.posted), ('void', m.voided)) e(kind, segments) where e.segments > 0
), owed as (
    insert into outbox (app_id, id, kind, dialect, events, callback, pulled, due_at, created_at,
                        ids, phones, segments, statuses, codes, ends, contexts)
    select $1, min(id), 1, dialect, count(*), $9::smallint, case $10::smallint when 0 then count(*) else 0 end,
           $8::timestamptz, $8::timestamptz, array_agg(id), array_agg(phone), array_agg(segments), array_agg(status), array_agg(code),
           array_agg(ends), array_agg(session_context)
      from (select t.*, row_number() over (partition by t.dialect order by t.id) as nth
              from ended e join told t on t.id = e.id where e.status > 3) final
     where $9::smallint > 0 or $10::smallint > 0
     group by dialect, (nth - 1) / $13::bigint
)
select status, count(*) from ended group by status
"""


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
    """End an application's messages, each at most once in `endings`; pay for them and owe their events: all in one statement.

    What has landed is written with it (store.segments.land). The settlement's key makes it happen once for each message, whatever is
    repeated: one that has ended stays as it is, one that was unknown may still end. Returns how many took effect, by status. Final
    statuses are those above `Status.UNKNOWN`.
    """
    ids = [e.id for e in endings]
    rows = await conn.fetch(
        SETTLE,
        app_id,
        ids,
        [e.status for e in endings],
        [e.code for e in endings],
        [None if e.charge is None else int(e.charge) for e in endings],
        [e.link_id for e in endings],
        [e.done_at for e in endings],
        at(now),
        int(callback),
        int(pull),
        min(ids),
        max(ids),
        BUNDLE,
        *columns(landed.taken),
        landed.leaving,
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
