"""Bills: what was posted in a period and is to be paid."""

import datetime as dt

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.billing import Rhythm
from hongyan.store import rows
from hongyan.store.times import at, epoch


class BillRow(msgspec.Struct, frozen=True):
    """total = carried + posted - refunded, in whole fen; what is less than a fen goes to the next."""

    id: int
    account_id: int
    rhythm: Rhythm
    begins: dt.date
    ends: dt.date
    """The first day that is not on it."""
    posted_milli: int
    refunded_milli: int
    carried_milli: int
    """From before: less than a fen, or what was refunded beyond what was used."""
    total_milli: int
    issued_at: float
    stops_at: float
    """When the account stops unless it is paid."""
    paid_at: float | None


COLUMNS = (
    "id, account_id, rhythm, begins, ends, posted_milli, refunded_milli, carried_milli, total_milli, "
    f"{epoch('issued_at')}, {epoch('stops_at')}, {epoch('paid_at')}"
)

ADD = f"""
insert into bills (account_id, rhythm, begins, ends, posted_milli, refunded_milli, carried_milli, total_milli, issued_at, stops_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning {COLUMNS}
"""


async def add(conn: Connection, bill: BillRow) -> BillRow:
    """Issue it; its id is given here."""
    row = await conn.fetchrow(
        ADD, bill.account_id, bill.rhythm.value, bill.begins, bill.ends, bill.posted_milli, bill.refunded_milli, bill.carried_milli,
        bill.total_milli, at(bill.issued_at), at(bill.stops_at),
    )  # fmt: skip
    return msgspec.convert(dict(row), BillRow)


GET = f"select {COLUMNS} from bills where id = $1"
GET_LOCKED = f"{GET} for update"


async def get(conn: Connection, bill_id: int, *, lock: bool = False) -> BillRow | None:
    """With `lock` nobody else changes it until the transaction ends."""
    return rows.one(await conn.fetchrow(GET_LOCKED if lock else GET, bill_id), BillRow)


async def page(conn: Connection, account_id: int | None, *, before_id: int, unpaid: bool, most: int) -> list[BillRow]:
    """The newest first, of an account or all."""
    found = await conn.fetch(
        f"""select {COLUMNS} from bills where ($1::bigint is null or account_id = $1) and id < $2 and (not $3 or paid_at is null)
             order by id desc limit $4""",
        account_id, before_id, unpaid, most,
    )  # fmt: skip
    return rows.many(found, BillRow)


STOPS = """
select account_id, extract(epoch from min(stops_at) at time zone 'UTC')::float8 from bills where paid_at is null group by account_id
"""


async def stops(conn: Connection) -> dict[int, float]:
    """When each account stops that has an unpaid bill."""
    found = await conn.fetch(STOPS)
    return {row[0]: row[1] for row in found}


async def pay(conn: Connection, bill_id: int, now: float) -> None:
    """Note that it is paid."""
    await conn.execute("update bills set paid_at = $2 where id = $1", bill_id, at(now))
