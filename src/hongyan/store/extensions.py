"""Extensions of access codes: digits behind a carrier's number that are a signature's."""

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.store import rows
from hongyan.store.times import at, epoch

QUIET_S = 8 * 86_400.0
"""So long after a signature is gone nobody else gets its extension: replies to it may still come."""


class ExtensionRow(msgspec.Struct, frozen=True):
    number: str
    extension: str
    signature_id: int
    account_id: int
    app_id: int | None
    """The signature's application; None for any of the account's."""
    assigned_at: float
    released_at: float | None
    """When its signature was found to be gone."""


COLUMNS = f"number, extension, signature_id, account_id, app_id, {epoch('assigned_at')}, {epoch('released_at')}"

# Of access codes that the signature's application may show, those under which it has none.
LACKING = """
select s.number, s.extension_digits, g.id, g.account_id, g.app_id
  from senders s join signatures g on g.status = 'approved' and g.scope = 0 and ($1::bigint is null or g.account_id = $1)
   and (s.app_id is null or s.app_id = g.app_id
        or g.app_id is null and exists (select from apps a where a.id = s.app_id and a.account_id = g.account_id))
 where s.extension_digits > 0
   and not exists (select from sender_extensions e where e.number = s.number and e.signature_id = g.id and e.released_at is null)
 order by s.number, g.id
"""

RELEASE = """
update sender_extensions e set released_at = $1
 where e.released_at is null and not exists (select from signatures g where g.id = e.signature_id)
"""

GIVE = """
insert into sender_extensions (number, extension, signature_id, account_id, app_id, assigned_at) values ($1, $2, $3, $4, $5, $6)
on conflict on constraint sender_extensions_pkey do update
   set signature_id = excluded.signature_id, account_id = excluded.account_id, app_id = excluded.app_id,
       assigned_at = excluded.assigned_at, released_at = null
"""


async def add_lacking(conn: Connection, account_id: int | None, now: float) -> int:
    """Give each approved signature at home (of an account, or of all) an extension of every access code that it may be shown with.

    Extensions whose signatures are gone are released. Where a code has none left the signature is shown without. How many were given.
    """
    lacking = await conn.fetch(LACKING, account_id)
    if not lacking:
        return 0
    codes = sorted({row[0] for row in lacking})
    # Whoever gives extensions of a code has it to themselves.
    await conn.fetch("select number from senders where number = any($1) order by number for update", codes)
    await conn.execute(RELEASE, at(now))
    given = 0
    for code in codes:
        wanting = [row for row in await conn.fetch(LACKING, account_id) if row[0] == code]
        given += await _give(conn, code, wanting, now)
    return given


async def _give(conn: Connection, code: str, wanting: list[Row], now: float) -> int:
    if not wanting:
        return 0
    digits = wanting[0][1]
    last = int(await conn.fetchval("select coalesce(max(extension::bigint), 0) from sender_extensions where number = $1", code))
    fresh = [f"{n:0{digits}d}" for n in range(last + 1, min(last + 1 + len(wanting), 10**digits))]
    again = await conn.fetch(
        "select extension from sender_extensions where number = $1 and released_at < $2 order by released_at limit $3",
        code, at(now - QUIET_S), len(wanting) - len(fresh),
    )  # fmt: skip
    free = [*fresh, *(row[0] for row in again)]
    for row, extension in zip(wanting, free, strict=False):
        await conn.execute(GIVE, code, extension, row[2], row[3], row[4], at(now))
    return min(len(wanting), len(free))


KNOWN = f"""
select e.number, e.extension, e.signature_id, e.account_id, case when g.id is null then e.app_id else g.app_id end as app_id,
       {epoch("e.assigned_at").removesuffix("as e.assigned_at")} as assigned_at,
       {epoch("e.released_at").removesuffix("as e.released_at")} as released_at
  from sender_extensions e left join signatures g on g.id = e.signature_id
 where e.released_at is null or e.released_at > $1 order by e.number, e.extension
"""


async def known(conn: Connection, *, released_after: float) -> list[ExtensionRow]:
    """Those that are signatures', and those released after that time, under which replies may still come."""
    return rows.many(await conn.fetch(KNOWN, at(released_after)), ExtensionRow)


async def page(conn: Connection, number: str, *, account_id: int | None, after: str, most: int) -> list[ExtensionRow]:
    """An access code's, of an account or of all, behind the extension `after`."""
    found = await conn.fetch(
        f"select {COLUMNS} from sender_extensions where number = $1 and ($2::bigint is null or account_id = $2) and extension > $3 "
        "order by extension limit $4",
        number, account_id, after, most,
    )  # fmt: skip
    return rows.many(found, ExtensionRow)


async def forget(conn: Connection, number: str) -> None:
    """All of an access code that is taken away."""
    await conn.execute("delete from sender_extensions where number = $1", number)
