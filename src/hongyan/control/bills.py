"""Bills: what is on them, and that they are paid."""

from collections.abc import Callable

import msgspec

from hongyan.control.audit import Audit, Detail
from hongyan.control.errors import Noun, not_found
from hongyan.control.payments import Due
from hongyan.control.permissions import demand, within
from hongyan.kit.db import Connection, Database
from hongyan.model.actor import Actor, Permission
from hongyan.store import bills, charges, credit, prices
from hongyan.store.bills import BillRow
from hongyan.store.snapshots import publish

PAGE_MOST = 500
NEWEST = 2**62


class BillLine(msgspec.Struct, frozen=True):
    """What an application sent to a country at a price; amounts are thousandths of a fen."""

    app_id: int
    region: str
    price_milli: int
    messages: int
    segments: int
    posted_milli: int
    refunded_messages: int
    refunded_milli: int


class Bills:
    """Issued by a job (`control.charging`), paid through `control.payments`."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def every(
        self, actor: Actor, *, account_id: int | None = None, unpaid: bool = False, before_id: int = NEWEST, most: int = PAGE_MOST
    ) -> list[BillRow]:
        """The newest first, at most 500."""
        demand(actor, Permission.MONEY_READ)
        only = within(actor, account_id)
        async with self._db.connection() as conn:
            return await bills.page(conn, only, before_id=before_id, unpaid=unpaid, most=max(1, min(most, PAGE_MOST)))

    async def get(self, actor: Actor, bill_id: int) -> BillRow:
        demand(actor, Permission.MONEY_READ)
        async with self._db.connection() as conn:
            return await own_bill(conn, actor, bill_id)

    async def lines(self, actor: Actor, bill_id: int) -> list[BillLine]:
        """What is on it, by application, country and price: some hundreds at most."""
        demand(actor, Permission.MONEY_READ)
        async with self._db.connection() as conn:
            return await lines_of(conn, await own_bill(conn, actor, bill_id))

    async def due(self, tx: Connection, subject_id: int) -> Due | None:
        """What is to be paid for it; the bill stays as it is until the transaction ends."""
        bill = await bills.get(tx, subject_id, lock=True)
        if bill is None:
            return None
        return Due(bill.account_id, bill.total_milli, open=bill.paid_at is None, state="unpaid" if bill.paid_at is None else "paid")

    async def settle(self, tx: Connection, actor: Actor, subject_id: int, now: float) -> None:
        """It is paid: its account may owe that much again, and resumes if it was stopped."""
        bill = await bills.get(tx, subject_id, lock=True)
        if bill is None or bill.paid_at is not None:
            raise not_found(Noun.BILL, subject_id)
        await bills.pay(tx, bill.id, now)
        await credit.pay(tx, bill.account_id, bill.total_milli, bill_id=bill.id, note="", now=now)
        detail: Detail = {"total_milli": bill.total_milli}
        await self._audit.record(tx, actor, "bill.pay", bill.id, account_id=bill.account_id, detail=detail)
        await publish(tx, f"bill {bill.id} of account {bill.account_id} paid", now)


async def own_bill(conn: Connection, actor: Actor, bill_id: int) -> BillRow:
    """The bill; one of another account is not found."""
    bill = await bills.get(conn, bill_id)
    if bill is None or actor.account_id not in {None, bill.account_id}:
        raise not_found(Noun.BILL, bill_id)
    return bill


async def lines_of(conn: Connection, bill: BillRow) -> list[BillLine]:
    """What was posted and refunded in its period."""
    found = await charges.of_days(conn, bill.account_id, bill.begins, bill.ends)
    price = await prices.of_ids(conn, sorted({line.price_id for line in found}))
    return [
        BillLine(
            app_id=line.app_id,
            region=line.region,
            price_milli=price[line.price_id],
            messages=line.messages,
            segments=line.segments,
            posted_milli=line.milli,
            refunded_messages=line.refunded_messages,
            refunded_milli=line.refunded_milli,
        )
        for line in found
    ]
