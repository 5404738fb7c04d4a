"""What a segment is sold for to a country, and what it costs at a link: both never changed, another price is another row."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.tariff import NewPrice
from hongyan.store import rows
from hongyan.store.times import at, epoch

EVERYBODY = 0
"""The account of prices for everybody."""


class PriceRow(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    """0 for everybody."""
    region: str
    milli: int
    effective_on: dt.date
    created_at: float
    note: str


class CostRow(msgspec.Struct, frozen=True):
    id: int
    link_id: int
    region: str
    milli: int
    effective_on: dt.date
    created_at: float
    note: str


COLUMNS = f"id, account_id, region, milli, effective_on, {epoch('created_at')}, note"
COST_COLUMNS = f"id, link_id, region, milli, effective_on, {epoch('created_at')}, note"


async def add(conn: Connection, account_id: int, new: Sequence[NewPrice], *, note: str, now: float) -> None:
    """All of a version; those of the same region and day that were there stay and are no longer in force."""
    await conn.execute(
        """insert into prices (account_id, region, milli, effective_on, created_at, note)
           select $1, u.*, $5, $6 from unnest($2::text[], $3::bigint[], $4::date[]) u""",
        account_id, [p.region for p in new], [p.milli for p in new], [p.effective_on for p in new], at(now), note,
    )  # fmt: skip


async def page(conn: Connection, account_id: int | None, *, after_id: int, most: int) -> list[PriceRow]:
    """Every price there was, is and will be, in the order in which they were set; None: of all accounts."""
    found = await conn.fetch(
        f"select {COLUMNS} from prices where ($1::bigint is null or account_id = $1) and id > $2 order by id limit $3",
        account_id, after_id, most,
    )  # fmt: skip
    return rows.many(found, PriceRow)


# Of each the newest is found along the index, from behind: a question for each row would take five times as long.
CURRENT = f"""
select {COLUMNS} from (
    (select distinct on (account_id, region) * from prices where effective_on <= $1
      order by account_id desc, region desc, effective_on desc, id desc)
     union all
    select * from prices where effective_on > $1
) p
 order by account_id, region, effective_on desc, id desc
"""


async def current(conn: Connection, day: dt.date) -> list[PriceRow]:
    """What is in force on a day or will be later; of each account and region the newest in front."""
    return rows.many(await conn.fetch(CURRENT, day), PriceRow)


async def of_ids(conn: Connection, ids: Sequence[int]) -> dict[int, int]:
    """What these prices are, by id."""
    return {row[0]: row[1] for row in await conn.fetch("select id, milli from prices where id = any($1)", ids)}


async def add_costs(conn: Connection, link_id: int, new: Sequence[NewPrice], *, note: str, now: float) -> None:
    """As `add`, for a link."""
    await conn.execute(
        """insert into costs (link_id, region, milli, effective_on, created_at, note)
           select $1, u.*, $5, $6 from unnest($2::text[], $3::bigint[], $4::date[]) u""",
        link_id, [p.region for p in new], [p.milli for p in new], [p.effective_on for p in new], at(now), note,
    )  # fmt: skip


async def page_costs(conn: Connection, link_id: int | None, *, after_id: int, most: int) -> list[CostRow]:
    """As `page`, of a link or all."""
    found = await conn.fetch(
        f"select {COST_COLUMNS} from costs where ($1::bigint is null or link_id = $1) and id > $2 order by id limit $3",
        link_id, after_id, most,
    )  # fmt: skip
    return rows.many(found, CostRow)


COSTS_ON = """
select distinct on (link_id, region) link_id, region, milli from costs where effective_on <= $1
 order by link_id, region, effective_on desc, id desc
"""


async def costs_on(conn: Connection, day: dt.date) -> dict[tuple[int, str], int]:
    """What a segment costs on a day, by link and region."""
    return {(row[0], row[1]): row[2] for row in await conn.fetch(COSTS_ON, day)}
