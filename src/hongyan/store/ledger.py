"""The journal of packages: read, added up, and compared with what there is."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.money import Balance, Sums
from hongyan.store import rows
from hongyan.store.times import at, epoch

SUMMED, LOOKED_AT = "ledger summed up to", "holds looked at up to"
"""Watermarks of an application: the entry up to which `ledger_sums` has them, the message up to which `open_holds` has those unsettled."""


class EntryRow(msgspec.Struct, frozen=True):
    """One movement of a package; never changed."""

    app_id: int
    id: int
    package_id: int
    kind: str
    segments: int
    at: float
    note: str


PAGE = f"""
select app_id, id, package_id, kind, segments, {epoch("at")}, note from ledger_entries
 where app_id = $1 and id > $2 and ($3::bigint is null or package_id = $3) and at >= $4 and at < $5 order by id limit $6
"""


async def page(
    conn: Connection, app_id: int, *, package_id: int | None, after_id: int, begin: float, end: float, most: int
) -> list[EntryRow]:
    """An application's entries above `after_id`, written from `begin` until before `end`, in the order of their ids."""
    return rows.many(await conn.fetch(PAGE, app_id, after_id, package_id, at(begin), at(end), most), EntryRow)


async def add(conn: Connection, app_id: int, package_id: int, kind: str, segments: int, *, note: str, now: float) -> None:
    await conn.execute(
        "insert into ledger_entries (app_id, package_id, kind, segments, at, note) values ($1, $2, $3, $4, $5, $6)",
        app_id, package_id, kind, segments, at(now), note,
    )  # fmt: skip


class Book(msgspec.Struct, frozen=True):
    """A package: what it has, what its journal adds up to, and what its unsettled messages hold."""

    package_id: int
    found: Balance
    journal: Sums
    holds: int
    frozen: bool


KINDS = {"bought": "buy", "held": "hold", "posted": "post", "voided": "void", "refunded": "refund", "withdrawn": "withdraw"}
SUMS = ", ".join(f"coalesce(sum(segments) filter (where kind = '{kind}'), 0)::bigint as {name}" for name, kind in KINDS.items())
BALANCE = "p.id, p.segments, p.available, p.held, p.used, p.withdrawn, p.frozen_at is not null as frozen"

# What was summed up and looked at before, and what has come since: one statement, so that all of it is as of one instant.
BOOKS = f"""
with summed as (
    select coalesce(max(value), 0) as up_to from watermarks where app_id = $1 and name = '{SUMMED}'
), looked_at as (
    select coalesce(max(value), 0) as up_to from watermarks where app_id = $1 and name = '{LOOKED_AT}'
), tail as (
    select package_id, {SUMS} from ledger_entries where app_id = $1 and id > (select up_to from summed) group by package_id
), holding as (
    select o.package_id, o.segments, o.id from open_holds o where o.app_id = $1
     union all
    select m.package_id, m.segments, m.id from messages m where m.app_id = $1 and m.id > (select up_to from looked_at)
), holds as (
    select h.package_id, sum(h.segments)::bigint as segments
      from holding h
      left join lateral (select charged from settlements where app_id = $1 and id = h.id limit 1) s on true
     where s.charged is null group by h.package_id
)
select {BALANCE}, {", ".join(f"coalesce(s.{name}, 0) + coalesce(t.{name}, 0) as entries_{name}" for name in KINDS)},
       coalesce(h.segments, 0) as holds
  from packages p
  left join ledger_sums s on s.app_id = $1 and s.package_id = p.id
  left join tail t on t.package_id = p.id
  left join holds h on h.package_id = p.id
 where p.app_id = $1 order by p.id
"""

FULL = f"""
with sums as (
    select {SUMS} from ledger_entries where app_id = $1 and package_id = $2
), holds as (
    select coalesce(sum(m.segments), 0)::bigint as segments
      from messages m
      left join lateral (select charged from settlements where app_id = $1 and id = m.id limit 1) s on true
     where m.app_id = $1 and m.id > $3 and m.package_id = $2 and s.charged is null
)
select {BALANCE}, {", ".join(f"s.{name} as entries_{name}" for name in KINDS)}, h.segments as holds
  from packages p cross join sums s cross join holds h where p.app_id = $1 and p.id = $2
"""


def _book(row: object) -> Book:
    fields = dict(row)  # type: ignore[call-overload]
    return Book(
        package_id=fields["id"],
        found=Balance(fields["segments"], fields["available"], fields["held"], fields["used"], fields["withdrawn"]),
        journal=Sums(**{name: fields[f"entries_{name}"] for name in KINDS}),
        holds=fields["holds"],
        frozen=fields["frozen"],
    )


async def books(conn: Connection, app_id: int) -> list[Book]:
    """An application's packages as of one instant, from where the job last was: cheap."""
    return [_book(row) for row in await conn.fetch(BOOKS, app_id)]


async def book(conn: Connection, app_id: int, package_id: int, *, since_id: int) -> Book | None:
    """One package as of one instant, with every entry and every message since it was bought: as dear as they are many."""
    row = await conn.fetchrow(FULL, app_id, package_id, since_id)
    return None if row is None else _book(row)


# No entry can come in front of one that is older than any transaction.
SUMMABLE = """
select coalesce(min(id) filter (where at >= $3) - 1, max(id)) from ledger_entries where app_id = $1 and id > $2
"""
SUM_UP = f"""
insert into ledger_sums (app_id, package_id, {", ".join(KINDS)})
select $1, package_id, {SUMS} from ledger_entries where app_id = $1 and id > $2 and id <= $3 group by package_id
    on conflict (app_id, package_id) do update set {", ".join(f"{name} = ledger_sums.{name} + excluded.{name}" for name in KINDS)}
"""


async def sum_up(conn: Connection, app_id: int, *, after_id: int, before: float) -> int:
    """Add entries written before then to the sums; returns up to which they are in it now."""
    up_to = await conn.fetchval(SUMMABLE, app_id, after_id, at(before))
    if up_to is None or up_to <= after_id:
        return after_id
    await conn.execute(SUM_UP, app_id, after_id, up_to)
    return int(up_to)


async def forget_sums(conn: Connection, app_id: int) -> None:
    """Begin anew."""
    await conn.execute("delete from ledger_sums where app_id = $1", app_id)
    await conn.execute("delete from open_holds where app_id = $1", app_id)


async def before_the_first(conn: Connection, app_id: int) -> int:
    """The id in front of an application's first message; 0 when it has none."""
    return int(await conn.fetchval("select coalesce(min(id) - 1, 0) from messages where app_id = $1", app_id))


CLOSE = """
delete from open_holds o
 where o.app_id = $1
   and exists (select from settlements s where s.app_id = $1 and s.id = o.id and s.charged is not null and s.settled_at < $2)
returning o.id
"""
OPEN = """
insert into open_holds (app_id, id, package_id, segments)
select $1, m.id, m.package_id, m.segments
  from messages m
  left join lateral (select charged, settled_at from settlements where app_id = $1 and id = m.id limit 1) s on true
 where m.app_id = $1 and m.id > $2 and m.id <= $3 and (s.charged is null or s.settled_at >= $4)
"""


async def close_holds(conn: Connection, app_id: int, *, settled_before: float) -> list[int]:
    """Forget messages that were settled before then; returns which."""
    return [row[0] for row in await conn.fetch(CLOSE, app_id, at(settled_before))]


async def open_holds(conn: Connection, app_id: int, *, after_id: int, up_to_id: int, settled_before: float) -> None:
    """Remember messages of a stretch that were not settled before then."""
    await conn.execute(OPEN, app_id, after_id, up_to_id, at(settled_before))


class Charge(msgspec.Struct, frozen=True):
    """Messages of a package whose charge does not fit what carriers took."""

    package_id: int
    paid: bool
    """They were paid for, and no carrier took a segment of them; else the other way round."""
    messages: int
    first_id: int


WRONG = """
, taken as materialized (
    select message_id, count(distinct sequence) as segments, max(submitted_at) as latest
      from segments where app_id = $1 and {of_these} group by message_id
)
select c.package_id, c.charged > 0 as paid, count(*) as messages, min(c.id) as first_id
  from settled c left join taken t on t.message_id = c.id
 where (c.charged > 0 and t.message_id is null
        and not exists (select from reports r where r.app_id = $1 and r.message_id = c.id)
        and not exists (select from suspects u where u.app_id = $1 and u.message_id = c.id and u.resolution = 'receipt'))
    or (c.charged = 0 and t.segments >= c.segments and t.latest < c.settled_at)
 group by c.package_id, c.charged > 0
"""
WRONG_IN_STRETCH = f"""
with settled as materialized (
    select id, package_id, segments, charged, settled_at from settlements
     where app_id = $1 and id > $2 and id <= $3 and charged is not null and settled_at < $4
){WRONG.format(of_these="message_id > $2 and message_id <= $3")}
"""
WRONG_OF_IDS = f"""
with settled as materialized (
    select id, package_id, segments, charged, settled_at from settlements where app_id = $1 and id = any($2) and charged is not null
){WRONG.format(of_these="message_id = any($2)")}
"""


async def wrong_charges(conn: Connection, app_id: int, *, after_id: int, up_to_id: int, settled_before: float) -> list[Charge]:
    """Of messages of a stretch that were settled before then: paid for and never taken, or taken whole and not paid for."""
    found = await conn.fetch(WRONG_IN_STRETCH, app_id, after_id, up_to_id, at(settled_before))
    return rows.many(found, Charge)


async def wrong_charges_of(conn: Connection, app_id: int, message_ids: Sequence[int]) -> list[Charge]:
    """The same of these messages."""
    return rows.many(await conn.fetch(WRONG_OF_IDS, app_id, message_ids), Charge)
