"""An enterprise that sends abroad and pays later, with everything around it: for tests of credit."""

import asyncio
import datetime as dt
import itertools
from collections.abc import Mapping

from acting import OPERATOR
from hongyan.control.charging import Charging
from hongyan.control.plane import ControlPlane
from hongyan.kit import ids
from hongyan.kit.db import Database
from hongyan.model import numbering
from hongyan.model.message import Caller, Dialect, Kind, Outcome, SendCommand, Status
from hongyan.model.money import PaymentSubject
from hongyan.model.papers import TemplateDraft
from hongyan.model.protection import SHANGHAI
from hongyan.model.reject import Refusal
from hongyan.model.snapshot import AccountKind, Scope, Snapshot
from hongyan.model.tariff import NewPrice
from hongyan.pipeline import directory as directories
from hongyan.pipeline.accept import SendService
from hongyan.store import partitions, settlements
from hongyan.store.settlements import Ending

names = (f"later {n}" for n in itertools.count(1))
phones = (f"+3361234{n:04d}" for n in itertools.count(1))
NUMBERING = numbering.build()
TEXT = "Your order {1} has left our house today."


def at(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp()


class Clock:
    """Stands still until it is set."""

    def __init__(self, text: str) -> None:
        self.now = at(text)

    def __call__(self) -> float:
        return self.now

    def to(self, text: str) -> None:
        self.now = at(text)


class Tenant:
    """An enterprise that sends abroad, with everything around it."""

    def __init__(self, database: Database, clock: Clock, control: ControlPlane) -> None:
        self.database, self.clock, self.control = database, clock, control
        self.account_id = self.app_id = self.template_id = 0
        self.snapshot: Snapshot | None = None
        self.new_id = ids.generator(7, clock)
        self.charging = Charging(database, clock, self.owners)

    def owners(self) -> Mapping[int, int]:
        return {self.app_id: self.account_id}

    async def begin(self) -> None:
        self.account_id = (await self.control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)).id
        self.app_id = (await self.control.apps.create(OPERATOR, self.account_id, "shop")).app.id
        draft = TemplateDraft(name="order", kind=Kind.NOTICE, scope=Scope.INTERNATIONAL, content=TEXT)
        template = await self.control.templates.add(OPERATOR, self.account_id, draft)
        await self.control.templates.approve(OPERATOR, template.id)
        self.template_id = template.id
        async with self.database.connection() as conn:
            await partitions.ensure(conn, self.clock.now, back=1, ahead=1)

    async def price(self, *priced: tuple[str, int], day: str | None = None) -> None:
        effective_on = dt.date.fromisoformat(day) if day else dt.datetime.fromtimestamp(self.clock.now, SHANGHAI).date()
        new = [NewPrice(region, milli, effective_on) for region, milli in priced]
        await self.control.prices.add(OPERATOR, new, account_id=self.account_id)

    async def service(self) -> SendService:
        """One that knows how things stand now."""

        async def version() -> int:
            return await self.control.snapshots.version()

        directory = directories.Directory(version=version, load=self.control.snapshots.load, bell=asyncio.Event())  # type: ignore[arg-type]
        await directory.refresh()
        self.snapshot = directory.snapshot
        return SendService(
            db=self.database, directory=directory, dispatcher=None, numbering=NUMBERING, clock=self.clock, new_id=self.new_id,
            group_max=500, waiting_max=10_000, refuses=lambda _kind: False,
        )  # fmt: skip

    async def send(self, *to: str, value: str = "1") -> list[Outcome] | Refusal:
        service = await self.service()
        async with self.database.connection() as conn:
            await partitions.ensure(conn, self.clock.now, ahead=0)
        running = asyncio.create_task(service.run())
        try:
            return await service.accept(Caller(self.account_id, "key"), self.command(*to, value=value))
        finally:
            running.cancel()

    def command(self, *to: str, value: str = "1") -> SendCommand:
        return SendCommand(app_id=self.app_id, template_id=self.template_id, phones=to, dialect=Dialect.NATIVE, params=(value,))

    async def end(
        self, message_id: int, status: Status = Status.DELIVERED, *, charge: bool | None = True, link_id: int | None = None
    ) -> None:
        ending = Ending(self.app_id, message_id, status, "", charge, link_id, self.clock.now)
        async with self.database.transaction() as tx:
            await settlements.settle(tx, self.app_id, [ending], callback=False, pull=False, now=self.clock.now)

    async def close(self) -> int:
        """How many bills the account got of it: others are in the same database."""
        before = len(await self.control.bills.every(OPERATOR, account_id=self.account_id))
        await self.charging.close()
        return len(await self.control.bills.every(OPERATOR, account_id=self.account_id)) - before

    async def pay(self, bill_id: int) -> None:
        await self.control.payments.confirm(OPERATOR, PaymentSubject.BILL, bill_id, f"transfer {bill_id}")

    async def books(self) -> tuple[int, int, int]:
        """What is held, unbilled and owed; the books agree."""
        assert await self.charging.compare() == 0
        row = await self.control.credits.get(OPERATOR, self.account_id)
        assert not row.frozen
        return row.held_milli, row.unbilled_milli, row.owed_milli
