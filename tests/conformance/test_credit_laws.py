"""Any order of sends, ends, crashes, refunds, months and payments: the books of a credit say what a few lines of arithmetic say."""

import asyncio
import contextlib
import datetime as dt
import os
from collections.abc import AsyncIterator

from hypothesis import given, settings
from hypothesis import strategies as st

from acting import OPERATOR
from conformance.paying import Clock, Tenant, phones
from hongyan.control.charging import Charging
from hongyan.control.plane import assemble
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.billing import day_of, midnight, whole_fen
from hongyan.model.message import Accepted, Refused, Status
from hongyan.model.money import PaymentSubject
from hongyan.model.reject import Refusal, Reject

BOX = SecretBox(bytes(32), os.urandom)
PRICE = 40_300
LIMIT = 5 * PRICE
STEPS = ("send", "send", "deliver", "deliver", "fail", "unknown", "late", "resolve", "resolve", "crash", "refund", "month", "pay")


class CrashError(Exception):
    """The process dies before its commit."""


class Crashing:
    """A database whose transactions all come to nothing."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.connection = db.connection

    @contextlib.asynccontextmanager
    async def transaction(self, *, repeatable_read: bool = False) -> AsyncIterator[Connection]:
        async with self._db.transaction(repeatable_read=repeatable_read) as tx:
            yield tx
            raise CrashError


class Walk:
    """What should be, beside what is."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.held: dict[int, Status | None] = {}
        """Messages that are held, and how they have ended."""
        self.posted: list[int] = []
        self.unbilled = 0
        self.owed: dict[int, tuple[int, float]] = {}
        """Unpaid bills: how much, and when the account stops."""

    async def step(self, name: str) -> None:
        await getattr(self, name)()
        owed = sum(total for total, _ in self.owed.values())
        assert await self.tenant.books() == (PRICE * len(self.held), self.unbilled, owed), name

    async def send(self) -> None:
        [told] = [await self.tenant.send(next(phones))]
        if any(self.tenant.clock.now >= stops for _, stops in self.owed.values()):
            assert isinstance(told, Refusal)
            assert told.reason is Reject.ARREARS
            return
        assert isinstance(told, list)
        left = LIMIT - PRICE * len(self.held) - self.unbilled - sum(total for total, _ in self.owed.values())
        if left >= PRICE:
            assert isinstance(told[0], Accepted)
            self.held[told[0].message_id] = None
        else:
            assert isinstance(told[0], Refused)
            assert told[0].reason is Reject.NO_CREDIT

    async def _end(self, before: Status | None, status: Status, *, charge: bool | None) -> None:
        message = next((id_ for id_, ended in self.held.items() if ended is before), None)
        if message is not None:
            await self.tenant.end(message, status, charge=charge)
            self.held[message] = status

    async def deliver(self) -> None:
        await self._end(None, Status.DELIVERED, charge=True)

    async def fail(self) -> None:
        await self._end(None, Status.FAILED, charge=False)

    async def unknown(self) -> None:
        await self._end(None, Status.UNKNOWN, charge=None)

    async def late(self) -> None:
        """What was unknown is delivered after all."""
        await self._end(Status.UNKNOWN, Status.DELIVERED, charge=True)

    async def resolve(self) -> None:
        await self.tenant.charging.resolve()
        for message, status in list(self.held.items()):
            if status in {Status.DELIVERED, Status.FAILED}:
                del self.held[message]
                if status is Status.DELIVERED:
                    self.posted.append(message)
                    self.unbilled += PRICE

    async def crash(self) -> None:
        dying = Charging(Crashing(self.tenant.database), self.tenant.clock, self.tenant.owners)  # type: ignore[arg-type]
        with contextlib.suppress(CrashError):
            await dying.resolve()
        with contextlib.suppress(CrashError):
            await dying.close()

    async def refund(self) -> None:
        if self.posted:
            await self.tenant.control.credits.refund(OPERATOR, self.tenant.app_id, self.posted.pop(0), "")
            self.unbilled -= PRICE

    async def month(self) -> None:
        """The next one begins."""
        today = day_of(self.tenant.clock.now)
        first = (today.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        self.tenant.clock.now = midnight(first) + 5
        total = max(0, whole_fen(self.unbilled))
        assert await self.tenant.close() == (total > 0)
        if total:
            [bill, *_] = await self.tenant.control.bills.every(OPERATOR, account_id=self.tenant.account_id)
            assert bill.total_milli == total == bill.carried_milli + bill.posted_milli - bill.refunded_milli - self.unbilled + total
            self.owed[bill.id] = (total, bill.stops_at)
            self.unbilled -= total

    async def pay(self) -> None:
        for bill_id in list(self.owed)[:1]:
            await self.tenant.control.payments.confirm(OPERATOR, PaymentSubject.BILL, bill_id, f"bank {bill_id} {os.urandom(6).hex()}")
            del self.owed[bill_id]


async def walk(url: str, steps: list[str]) -> None:
    database = await Database.open(url, size=4)
    try:
        clock = Clock("2026-11-22 12:00")
        control = assemble(database, BOX, clock=clock, entropy=os.urandom, check_url=lambda _url: None)
        tenant = Tenant(database, clock, control)
        await tenant.begin()
        await tenant.price(("FR", PRICE))
        await control.credits.set(OPERATOR, tenant.account_id, LIMIT)
        walked = Walk(tenant)
        for name in steps:
            await walked.step(name)
    finally:
        await database.close()


@given(steps=st.lists(st.sampled_from(STEPS), min_size=8, max_size=30))
@settings(max_examples=10)
def test_the_books_say_what_happened_in_whatever_order(database_url: str, steps: list[str]) -> None:
    asyncio.run(walk(database_url, steps))
