"""Segments that were posted and go back, since their message was not delivered: once for each message."""

from collections.abc import Sequence

from hongyan.kit.db import Connection
from hongyan.model.message import Status
from hongyan.store.times import at

REFUND = """
with due as (
    insert into refunds (app_id, message_id, package_id, segments, at)
    select $1, s.id, s.package_id, s.charged, $3
      from unnest($2::bigint[]) u(id)
     cross join lateral (select id, package_id, charged, status, settled_at from settlements where app_id = $1 and id = u.id limit 1) s
     where s.charged > 0 and s.status = any($4::smallint[]) and s.settled_at = $3
       and exists (select from packages p where p.app_id = $1 and p.id = s.package_id)
    on conflict do nothing
    returning package_id, segments
), given as (
    select package_id, sum(segments) as n from due group by package_id
), moved as (
    update packages p
       set used = p.used - g.n, available = p.available + g.n, late = p.late + case when p.expires_at <= $3 then g.n else 0 end
      from given g where p.app_id = $1 and p.id = g.package_id
    returning p.id, g.n
), journal as (
    insert into ledger_entries (app_id, package_id, kind, segments, at, note)
    select $1, m.id, 'refund', m.n, $3, 'messages from ' || $5::bigint from moved m
)
select coalesce(sum(n), 0)::bigint from moved
"""


async def refund(conn: Connection, app_id: int, message_ids: Sequence[int], now: float) -> int:
    """Give back what those of an application's messages cost that were settled just now (at `now`) as failed or expired; how many segments.

    In the transaction that settles them. To the package they drew on, even if it has expired since: there it is told apart as late.
    """
    not_delivered = [int(Status.FAILED), int(Status.EXPIRED)]
    return int(await conn.fetchval(REFUND, app_id, message_ids, at(now), not_delivered, min(message_ids)))
