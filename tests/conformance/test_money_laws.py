"""Buying, holding, posting, voiding, refunding, expiring and crashing in any order: never negative, never twice, and the books add up.

The real statements on a real PostgreSQL beside a naive model in dictionaries; a crash is a transaction that does not commit.
"""

import asyncio
import itertools
import os
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acting import OPERATOR
from hongyan.control.errors import ControlError
from hongyan.control.payments import Told
from hongyan.control.plane import assemble
from hongyan.kit import ids
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.message import Dialect, Kind, Status
from hongyan.model.money import PaymentSubject, PurchaseState, refund_milli, refundable_until
from hongyan.model.snapshot import AccountKind
from hongyan.store import messages, partitions, refunds, settlements
from hongyan.store.messages import NewMessage, Scope
from hongyan.store.segments import NOTHING_LANDED, Landed, TakenSegment
from hongyan.store.settlements import Ending

START = 1_800_000_000.0
DAY_S = 86_400.0
SEGMENTS, PRICE = 20, 78_000
LINK = 3
names = (f"any order {n}" for n in itertools.count(1))
numbers = itertools.count(8613900000000)

ENDS: dict[str, tuple[Status, bool | None]] = {
    "delivered": (Status.DELIVERED, True),
    "failed": (Status.FAILED, True),
    "declined": (Status.FAILED, False),
    "unknown": (Status.UNKNOWN, None),
    "expired": (Status.EXPIRED, True),
    "taken back": (Status.EXPIRED, False),
}
CALM = st.sampled_from([False])
STEPS = st.one_of(
    st.tuples(st.just("buy"), st.integers(0, 2), st.booleans()),
    st.tuples(st.just("hold"), st.integers(1, 6), st.booleans()),
    st.tuples(st.just("hold"), st.integers(1, 6), CALM),
    st.tuples(st.sampled_from(list(ENDS)), st.integers(0, 30), st.booleans()),
    st.tuples(st.sampled_from(list(ENDS)), st.integers(0, 30), CALM),
    st.tuples(st.just("refund"), st.integers(0, 9), st.booleans()),
    st.tuples(st.just("pass"), st.sampled_from([60, 600, 3600, 86_400]), CALM),
)


class Crash(Exception):  # noqa: N818 - it is no error here
    """The process dies before the commit."""


def _die(crash: bool) -> None:
    if crash:
        raise Crash


class Package(msgspec.Struct):
    """What the model knows of a package."""

    purchase: int
    paid_at: float
    available: int = SEGMENTS
    held: int = 0
    used: int = 0
    withdrawn: int = 0
    state: PurchaseState = PurchaseState.PAID


class Sent(msgspec.Struct):
    row: NewMessage
    package: int
    end: str = ""


class World:
    """The tables, the model beside them, and a clock."""

    def __init__(self, db: Database, *, delivered: bool) -> None:
        self.db = db
        self.now = START
        self.delivered = delivered
        self.control = assemble(
            db, SecretBox(bytes(32), os.urandom), clock=lambda: self.now, entropy=os.urandom, check_url=lambda _url: None
        )
        self.packages: dict[int, Package] = {}
        self.sent: list[Sent] = []
        self._new_id = ids.generator(8, lambda: self.now)
        self._references = itertools.count(1)

    async def open(self) -> None:
        account = await self.control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)
        self.app_id = (await self.control.apps.create(OPERATOR, account.id, "shop")).app.id
        self.owner = Actor(kind=ActorKind.USER, id="1", name="o", permissions=GRANTS[Role.OWNER], account_id=account.id)
        self.offer_id = (await self.control.offers.add(OPERATOR, next(names), SEGMENTS, PRICE)).id

    async def step(self, what: str, which: int, crash: bool) -> None:
        if what == "buy":
            await self._buy(which)
        elif what == "hold":
            await self._hold(which, crash=crash)
        elif what == "refund":
            await self._refund(which)
        elif what == "pass":
            self.now += which
            await self.control.purchases.finish_refunds()
        else:
            await self._end(what, which, crash=crash)
        self.now += 0.001
        self._finish()
        await self._compare()

    async def _buy(self, repeats: int) -> None:
        """Paid once, however often the payment is told of."""
        ordered = await self.control.purchases.order(self.owner, self.app_id, self.offer_id)
        told = Told(PaymentSubject.PURCHASE, ordered.id, PRICE, f"{self.app_id} {next(self._references)}")
        await asyncio.gather(*(self.control.payments.hear(told) for _ in range(1 + repeats)))
        paid = await self.control.purchases.get(self.owner, ordered.id)
        assert paid.package_id is not None
        self.packages[paid.package_id] = Package(ordered.id, self.now)

    async def _hold(self, segments: int, *, crash: bool) -> None:
        """On the package with the smallest number that is open, enough left or not."""
        open_ = sorted(id_ for id_, package in self.packages.items() if package.state is PurchaseState.PAID)
        if not open_:
            return
        tail = (1, 1, open_[0], 77, "CN", "text", "", "", "", "", 2)
        row = NewMessage(0, 0, None, None, self._new_id(), next(numbers), Kind.NOTICE, Dialect.TENCENT_V3, segments, 600.0, *tail)
        promised = False
        try:
            async with self.db.transaction() as tx:
                scope = Scope(since_id=ids.first_id_at(self.now - 3600), most=11, packages=[open_[0]])
                promised = await messages.promise(tx, self.app_id, [row], scope, [], now=self.now) is not None
                assert promised == (self.packages[open_[0]].available >= segments)
                _die(crash or not promised)
        except Crash:
            return
        self.packages[open_[0]].available -= segments
        self.packages[open_[0]].held += segments
        self.sent.append(Sent(row, open_[0]))

    async def _end(self, how: str, which: int, *, crash: bool) -> None:
        """Any message, ended already or not."""
        if not self.sent:
            return
        sent = self.sent[which % len(self.sent)]
        status, charge = ENDS[how]
        ending = Ending(self.app_id, sent.row.id, status, "", charge, LINK, self.now)
        try:
            async with self.db.transaction() as tx:
                await self._write(tx, sent, ending)
                _die(crash)
        except Crash:
            return
        if sent.end in {"", "unknown"} and how != sent.end:
            sent.end = how
            self._move(sent, status, charge)

    async def _write(self, tx: Connection, sent: Sent, ending: Ending) -> None:
        row = sent.row
        first = ending.charge and sent.end in {"", "unknown"}
        taken = Landed([TakenSegment(row.id, 1, 1, LINK, str(row.id), str(row.id), row.phone)], [row.id]) if first else NOTHING_LANDED
        await settlements.settle(tx, self.app_id, [ending], landed=taken, callback=False, pull=False, now=self.now)
        if self.delivered and ending.charge:
            await refunds.refund(tx, self.app_id, [row.id], self.now)

    def _move(self, sent: Sent, status: Status, charge: bool | None) -> None:
        package, segments = self.packages[sent.package], sent.row.segments
        if charge is None:
            return
        back = not charge or (self.delivered and status is not Status.DELIVERED)
        package.held -= segments
        package.available += segments if back else 0
        package.used += 0 if back else segments

    async def _refund(self, which: int) -> None:
        if not self.packages:
            return
        package = list(self.packages.values())[which % len(self.packages)]
        nothing_left = package.available + package.held == 0
        late = self.now >= refundable_until(package.paid_at)
        try:
            await self.control.purchases.refund(self.owner, package.purchase)
        except ControlError:
            assert package.state is not PurchaseState.PAID or nothing_left or late
        else:
            assert package.state is PurchaseState.PAID
            assert not nothing_left
            assert not late
            package.state = PurchaseState.REFUNDING
            await self.control.purchases.finish_refunds()

    def _finish(self) -> None:
        """A refund ends as soon as nothing is under way and somebody looks."""
        for package in self.packages.values():
            if package.state is PurchaseState.REFUNDING and package.held == 0:
                package.state = PurchaseState.REFUNDED
                package.withdrawn, package.available = package.available, 0

    async def _compare(self) -> None:
        await self.control.purchases.finish_refunds()
        for row in await self.control.packages.every(OPERATOR, self.app_id):
            package = self.packages[row.id]
            assert (row.available, row.held, row.used, row.withdrawn) == (
                package.available,
                package.held,
                package.used,
                package.withdrawn,
            )
            assert min(row.available, row.held, row.used, row.withdrawn) >= 0

    async def the_end(self) -> None:
        """Everything that is open ends, and all of it adds up, in segments and in money."""
        for place in range(len(self.sent)):
            await self.step("delivered", place, crash=False)
        self.now += 3600
        assert await self.control.ledger.self_check() == 0
        self.now += 3600
        assert await self.control.ledger.self_check() == 0
        assert await self.control.ledger.check(OPERATOR, self.app_id) == []
        for purchase in await self.control.purchases.every(self.owner):
            package = next(package for package in self.packages.values() if package.purchase == purchase.id)
            assert package.held == 0
            assert purchase.state is package.state
            due = refund_milli(PRICE, SEGMENTS, package.withdrawn) if package.state is PurchaseState.REFUNDED else None
            assert purchase.refund_milli == due


async def live(db: Database, steps: list[Any], *, delivered: bool) -> None:
    world = World(db, delivered=delivered)
    await world.open()
    for step in steps:
        await world.step(*step)
    await world.the_end()


def test_in_any_order_nothing_is_negative_or_happens_twice_and_all_of_it_adds_up(database_url: str) -> None:
    with asyncio.Runner() as runner:
        db = runner.run(Database.open(database_url, size=6))

        async def prepare() -> None:
            async with db.connection() as conn:
                for day in range(40):
                    await partitions.ensure(conn, START + day * DAY_S)

        runner.run(prepare())

        @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
        @given(st.lists(STEPS, min_size=5, max_size=25), st.booleans())
        def laws(steps: list[Any], delivered: bool) -> None:
            runner.run(live(db, [("buy", 0, False), *steps], delivered=delivered))

        try:
            laws()
        finally:
            runner.run(db.close())
