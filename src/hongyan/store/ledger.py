"""Money: segments reserved, posted and given back, always in the same transaction as their cause.

Every movement changes a package's balance and adds one entry to the append-only journal: per package, the sum of the
entries is the balance.
"""

from collections.abc import Mapping

from hongyan.kit.db import Connection
from hongyan.store.times import at

RESERVE = """
update packages p set available = p.available - u.n, held = p.held + u.n
  from unnest($2::bigint[], $3::bigint[]) u(id, n)
 where p.app_id = $1 and p.id = u.id and p.available >= u.n
returning p.id
"""

RESOLVE = """
update packages p set held = p.held - u.posted - u.voided, used = p.used + u.posted, available = p.available + u.voided
  from unnest($2::bigint[], $3::bigint[], $4::bigint[]) u(id, posted, voided)
 where p.app_id = $1 and p.id = u.id
"""

ENTRIES = """
insert into ledger_entries (app_id, package_id, kind, segments, at, note)
select $1, u.id, u.kind, u.segments, $5, $6
  from unnest($2::bigint[], $3::text[], $4::bigint[]) u(id, kind, segments)
"""


async def reserve(conn: Connection, app_id: int, amounts: Mapping[int, int], *, now: float, note: str) -> bool:
    """Hold segments of an application's packages; False, with nothing to keep, when one has not enough left.

    The caller rolls back on False. Call it last: the packages' rows stay locked until the commit.
    """
    ids = sorted(amounts)
    rows = await conn.fetch(RESERVE, app_id, ids, [amounts[i] for i in ids])
    if len(rows) != len(ids):
        return False
    await _journal(conn, app_id, [(i, "hold", amounts[i]) for i in ids], now, note)
    return True


async def resolve(conn: Connection, app_id: int, posted: Mapping[int, int], voided: Mapping[int, int], *, now: float, note: str) -> None:
    """Turn held segments into used ones (posted) or available ones (voided), by package."""
    ids = sorted(posted.keys() | voided.keys())
    await conn.execute(RESOLVE, app_id, ids, [posted.get(i, 0) for i in ids], [voided.get(i, 0) for i in ids])
    entries = [(i, "post", posted[i]) for i in ids if posted.get(i)] + [(i, "void", voided[i]) for i in ids if voided.get(i)]
    await _journal(conn, app_id, entries, now, note)


async def _journal(conn: Connection, app_id: int, entries: list[tuple[int, str, int]], now: float, note: str) -> None:
    await conn.execute(ENTRIES, app_id, [e[0] for e in entries], [e[1] for e in entries], [e[2] for e in entries], at(now), note)
