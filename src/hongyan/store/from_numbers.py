"""From numbers: what programs written for Huawei Cloud name as the sender, each of a signature or of an application."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.message import Kind
from hongyan.store import rows
from hongyan.store.times import at, epoch


class FromNumberRow(msgspec.Struct, frozen=True):
    number: str
    account_id: int
    app_id: int
    signature_id: int | None
    """None: messages abroad, without a signature."""
    kind: Kind | None
    """What may be sent from it; None: what its signature is for."""
    created_at: float


COLUMNS = f"number, account_id, app_id, signature_id, kind, {epoch('created_at')}"
GIVEN_OUT = "770"
"""How the 13 digits of those begin that are given out here; nobody else's do."""


def kept_first(of: str = "") -> str:
    """An order: what a program named before it came here is what it wants to be told, not what was given out beside it."""
    return f"{of}number ~ '^{GIVEN_OUT}[0-9]{{10}}$', {of}number"


async def add(
    conn: Connection, *, number: str, account_id: int, app_id: int, signature_id: int | None, kind: Kind | None, now: float
) -> FromNumberRow | None:
    """Raises `UniqueViolation` when the number is there already."""
    row = await conn.fetchrow(
        "insert into from_numbers (number, account_id, app_id, signature_id, kind, created_at) values ($1, $2, $3, $4, $5, $6) "
        f"returning {COLUMNS}",
        number, account_id, app_id, signature_id, None if kind is None else int(kind), at(now),
    )  # fmt: skip
    return rows.one(row, FromNumberRow)


# An application that has a key needs one for every signature it may use at home, and one for messages abroad.
LACKING = f"""
insert into from_numbers (number, account_id, app_id, signature_id, created_at)
select '{GIVEN_OUT}' || lpad(nextval('from_number_ids')::text, 10, '0'), lacking.account_id, lacking.app_id, lacking.signature_id, $2
  from (select p.account_id, p.id as app_id, s.id as signature_id
          from apps p join app_access a on a.app_id = p.id
          join signatures s on s.account_id = p.account_id and s.status = 'approved' and s.scope = 0
                           and (s.app_id is null or s.app_id = p.id)
         where p.account_id = $1
           and not exists (select from from_numbers f where f.app_id = p.id and f.signature_id = s.id)
         union all
        select p.account_id, p.id, null from apps p join app_access a on a.app_id = p.id
         where p.account_id = $1
           and not exists (select from from_numbers f where f.app_id = p.id and f.signature_id is null)
         order by 2, 3) lacking
returning {COLUMNS}
"""


async def add_lacking(conn: Connection, account_id: int, now: float) -> list[FromNumberRow]:
    """A number for each signature and application of the account that has none; which were given. Under the account's lock."""
    return rows.many(await conn.fetch(LACKING, account_id, at(now)), FromNumberRow)


async def lock(conn: Connection, number: str) -> FromNumberRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from from_numbers where number = $1 for update", number), FromNumberRow)


async def remove(conn: Connection, number: str) -> bool:
    return await conn.fetchval("delete from from_numbers where number = $1 returning true", number) is True


async def every(conn: Connection) -> list[FromNumberRow]:
    """Those that programs have kept before those that were given out."""
    return rows.many(await conn.fetch(f"select {COLUMNS} from from_numbers order by {kept_first()}"), FromNumberRow)


async def page(
    conn: Connection, *, account_id: int | None, app_id: int | None = None, signature_id: int | None = None, after: str = "", most: int
) -> list[FromNumberRow]:
    """Those behind `after`, in the order of the numbers; None means any."""
    found = await conn.fetch(
        f"select {COLUMNS} from from_numbers where ($1::bigint is null or account_id = $1) and ($2::bigint is null or app_id = $2) "
        "and ($3::bigint is null or signature_id = $3) and number > $4 order by number limit $5",
        account_id, app_id, signature_id, after, most,
    )  # fmt: skip
    return rows.many(found, FromNumberRow)
