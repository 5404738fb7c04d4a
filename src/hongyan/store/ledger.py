"""Money: segments reserved, posted and given back, always in the same transaction as their cause.

Every movement changes a package's balance and adds one entry to the append-only journal: per package, the sum of the
entries is the balance.
"""

from collections.abc import Mapping

from hongyan.kit.db import Connection
from hongyan.store.times import at

RESERVE = """
with moved as (
    update packages p set available = p.available - u.n, held = p.held + u.n
      from unnest($2::bigint[], $3::bigint[]) u(id, n)
     where p.app_id = $1 and p.id = u.id and p.available >= u.n
    returning p.id, u.n
)
insert into ledger_entries (app_id, package_id, kind, segments, at, note)
select $1, id, 'hold', n, $4, $5 from moved
returning package_id
"""

RESOLVE = """
with moved as (
    update packages p set held = p.held - u.posted - u.voided, used = p.used + u.posted, available = p.available + u.voided
      from unnest($2::bigint[], $3::bigint[], $4::bigint[]) u(id, posted, voided)
     where p.app_id = $1 and p.id = u.id
    returning p.id, u.posted, u.voided
)
insert into ledger_entries (app_id, package_id, kind, segments, at, note)
select $1, m.id, e.kind, e.segments, $5, $6
  from moved m cross join lateral (values ('post', m.posted), ('void', m.voided)) e(kind, segments)
 where e.segments > 0
"""


async def reserve(conn: Connection, app_id: int, amounts: Mapping[int, int], *, now: float, note: str) -> bool:
    """Hold segments of an application's packages; False, with nothing to keep, when one has not enough left.

    The caller rolls back on False. Call it last: the packages' rows stay locked until the commit.
    """
    ids = sorted(amounts)
    rows = await conn.fetch(RESERVE, app_id, ids, [amounts[i] for i in ids], at(now), note)
    return len(rows) == len(ids)


async def resolve(conn: Connection, app_id: int, posted: Mapping[int, int], voided: Mapping[int, int], *, now: float, note: str) -> None:
    """Turn held segments into used ones (posted) or available ones (voided), by package."""
    ids = sorted(posted.keys() | voided.keys())
    await conn.execute(RESOLVE, app_id, ids, [posted.get(i, 0) for i in ids], [voided.get(i, 0) for i in ids], at(now), note)
