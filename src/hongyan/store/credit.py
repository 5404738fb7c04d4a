"""Credit of accounts that pay later: what they may owe, what they do owe, and the journal of it."""

import datetime as dt

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.billing import Rhythm
from hongyan.store import rows
from hongyan.store.times import at, epoch


class CreditRow(msgspec.Struct, frozen=True):
    """Amounts are thousandths of a fen. What may still be held is limit - held - unbilled - owed."""

    account_id: int
    limit_milli: int
    held_milli: int
    """For messages that have not ended."""
    unbilled_milli: int
    """Posted since the last bill; below zero when more was refunded."""
    owed_milli: int
    """Bills that are not paid."""
    rhythm: Rhythm
    daily_most: int | None
    """Messages on credit in a calendar day; None for as many as the limit allows."""
    day: dt.date | None
    day_messages: int
    closed_until: dt.date
    """The first day that no bill has been made for."""
    frozen: bool
    """Its journal and its balances disagreed: nothing is drawn on it until somebody has looked."""
    created_at: float
    changed_at: float

    @property
    def left_milli(self) -> int:
        """What may still be held."""
        return 0 if self.frozen else max(0, self.limit_milli - self.held_milli - self.unbilled_milli - self.owed_milli)

    def messages_left(self, today: dt.date) -> int | None:
        """How many more of today; None for any number."""
        return None if self.daily_most is None else max(0, self.daily_most - (self.day_messages if self.day == today else 0))


class CreditEntry(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    kind: str
    milli: int
    at: float
    app_id: int | None
    bill_id: int | None
    note: str


COLUMNS = (
    "account_id, limit_milli, held_milli, unbilled_milli, owed_milli, rhythm, daily_most, day, day_messages, closed_until, frozen, "
    f"{epoch('created_at')}, {epoch('changed_at')}"
)
ENTRY_COLUMNS = f"id, account_id, kind, milli, {epoch('at')}, app_id, bill_id, note"

GET = f"select {COLUMNS} from credits where account_id = $1"
GET_LOCKED = f"{GET} for update"


async def get(conn: Connection, account_id: int, *, lock: bool = False) -> CreditRow | None:
    """With `lock` nobody else changes it until the transaction ends."""
    return rows.one(await conn.fetchrow(GET_LOCKED if lock else GET, account_id), CreditRow)


async def every(conn: Connection) -> list[int]:
    """The accounts that have one."""
    return [row[0] for row in await conn.fetch("select account_id from credits order by account_id")]


async def holding(conn: Connection) -> set[int]:
    """The accounts with messages on credit that have not ended."""
    return {row[0] for row in await conn.fetch("select account_id from credits where held_milli > 0")}


async def page(conn: Connection, account_id: int | None, *, after_id: int, most: int) -> list[CreditRow]:
    """In the order of accounts."""
    found = await conn.fetch(
        f"select {COLUMNS} from credits where ($1::bigint is null or account_id = $1) and account_id > $2 order by account_id limit $3",
        account_id, after_id, most,
    )  # fmt: skip
    return rows.many(found, CreditRow)


PUT = f"""
insert into credits (account_id, limit_milli, rhythm, daily_most, closed_until, created_at, changed_at)
values ($1, $2, $3, $4, $5, $6, $6)
    on conflict (account_id) do update set limit_milli = excluded.limit_milli, rhythm = excluded.rhythm,
       daily_most = excluded.daily_most, changed_at = excluded.changed_at
returning {COLUMNS}
"""


async def put(
    conn: Connection, account_id: int, *, limit_milli: int, rhythm: Rhythm, daily_most: int | None, today: dt.date, now: float
) -> CreditRow:
    """Make one, billed from today on, or change its terms."""
    return msgspec.convert(dict(await conn.fetchrow(PUT, account_id, limit_milli, rhythm.value, daily_most, today, at(now))), CreditRow)


# With what is not there, or too little, nothing is changed and nothing journalled.
HOLD = """
with held as (
    update credits set held_milli = held_milli + $2, day = $3,
                       day_messages = (case when day = $3 then day_messages else 0 end) + $4
     where account_id = $1 and not frozen and limit_milli - held_milli - unbilled_milli - owed_milli >= $2
       and (daily_most is null or (case when day = $3 then day_messages else 0 end) + $4 <= daily_most)
    returning account_id
), noted as (
    insert into credit_entries (account_id, kind, milli, at, app_id, note) select account_id, 'hold', $2, $5, $6, $7 from held where $2 > 0
)
select count(*) from held
"""


async def hold(conn: Connection, account_id: int, milli: int, *, messages: int, today: dt.date, app_id: int, note: str, now: float) -> bool:
    """Set money aside for so many messages; False, with nothing changed, when there is too little or the day's messages are sent."""
    held: int = await conn.fetchval(HOLD, account_id, milli, today, messages, at(now), app_id, note)
    return held == 1


RESOLVE = """
with moved as (
    update credits set held_milli = held_milli - $2 - $3, unbilled_milli = unbilled_milli + $2 where account_id = $1 returning account_id
)
insert into credit_entries (account_id, kind, milli, at, app_id, note)
select m.account_id, e.kind, e.milli, $4, $5, $6
  from moved m cross join lateral (values ('post', $2::bigint), ('void', $3::bigint)) e(kind, milli)
 where e.milli > 0
"""


async def resolve(conn: Connection, account_id: int, *, posted_milli: int, voided_milli: int, app_id: int, note: str, at_s: float) -> None:
    """What was held becomes what is to be billed, or is given back."""
    await conn.execute(RESOLVE, account_id, posted_milli, voided_milli, at(at_s), app_id, note)


MOVES: dict[str, str] = {
    "refund": "unbilled_milli = unbilled_milli - $2",
    "bill": "unbilled_milli = unbilled_milli - $2, owed_milli = owed_milli + $2",
    "pay": "owed_milli = owed_milli - $2",
}
"""What an entry of a kind does to the balances."""


async def refund(conn: Connection, account_id: int, milli: int, *, app_id: int, note: str, now: float) -> None:
    """Of a charge that was posted; it lessens the next bill."""
    await conn.execute(f"update credits set {MOVES['refund']} where account_id = $1", account_id, milli)
    await _enter(conn, account_id, "refund", milli, app_id=app_id, bill_id=None, note=note, now=now)


async def bill(conn: Connection, account_id: int, milli: int, *, bill_id: int, now: float) -> None:
    """The closing entry of a period: what was unbilled is owed."""
    await conn.execute(f"update credits set {MOVES['bill']} where account_id = $1", account_id, milli)
    await _enter(conn, account_id, "bill", milli, app_id=None, bill_id=bill_id, note="", now=now)


async def pay(conn: Connection, account_id: int, milli: int, *, bill_id: int, note: str, now: float) -> None:
    """A bill was paid."""
    await conn.execute(f"update credits set {MOVES['pay']} where account_id = $1", account_id, milli)
    await _enter(conn, account_id, "pay", milli, app_id=None, bill_id=bill_id, note=note, now=now)


async def _enter(
    conn: Connection, account_id: int, kind: str, milli: int, *, app_id: int | None, bill_id: int | None, note: str, now: float
) -> None:
    await conn.execute(
        "insert into credit_entries (account_id, kind, milli, at, app_id, bill_id, note) values ($1, $2, $3, $4, $5, $6, $7)",
        account_id, kind, milli, at(now), app_id, bill_id, note,
    )  # fmt: skip


async def close(conn: Connection, account_id: int, until: dt.date) -> None:
    """Every day before this one is billed."""
    await conn.execute("update credits set closed_until = $2 where account_id = $1", account_id, until)


async def frozen(conn: Connection) -> int:
    """How many are frozen."""
    count: int = await conn.fetchval("select count(*) from credits where frozen")
    return count


async def set_frozen(conn: Connection, account_id: int, *, frozen: bool) -> None:
    await conn.execute("update credits set frozen = $2 where account_id = $1", account_id, frozen)


async def entries(conn: Connection, account_id: int, *, after_id: int, most: int) -> list[CreditEntry]:
    """Its journal, in the order of entries."""
    found = await conn.fetch(
        f"select {ENTRY_COLUMNS} from credit_entries where account_id = $1 and id > $2 order by id limit $3", account_id, after_id, most
    )
    return rows.many(found, CreditEntry)


class Sums(msgspec.Struct, frozen=True):
    """What an account's entries add up to, by kind, as far as `up_to_id`."""

    up_to_id: int = 0
    hold: int = 0
    void: int = 0
    post: int = 0
    refund: int = 0
    bill: int = 0
    pay: int = 0

    def __add__(self, other: "Sums") -> "Sums":
        ours, theirs = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return Sums(max(ours[0], theirs[0]), *(one + more for one, more in zip(ours[1:], theirs[1:], strict=True)))


KINDS = Sums.__struct_fields__[1:]
SUMS = (
    "select coalesce(max(id), 0) as up_to_id, "
    + ", ".join(f"coalesce(sum(milli) filter (where kind = '{kind}'), 0)::bigint as {kind}" for kind in KINDS)
    + " from credit_entries where account_id = $1 and id > $2"
)


async def sums(conn: Connection, account_id: int, *, since: Sums = Sums()) -> Sums:  # noqa: B008 - it never changes
    """Over the whole journal, of which `since` is known already.

    Every entry is written under the lock of the account's row, so none with a smaller id can still come.
    """
    return since + msgspec.convert(dict(await conn.fetchrow(SUMS, account_id, since.up_to_id)), Sums)
