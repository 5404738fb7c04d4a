"""Buying, paying and giving back packages, on a real PostgreSQL."""

import asyncio
import itertools
import os
from collections.abc import Awaitable

import pytest

from acting import OPERATOR
from hongyan.control.errors import ControlError, Fault
from hongyan.control.offers import OfferChange
from hongyan.control.payments import Told
from hongyan.control.plane import ControlPlane, assemble
from hongyan.kit import ids
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.message import Dialect, Kind, Status
from hongyan.model.money import PackageKind, PackageScope, PaymentSubject, PurchaseState
from hongyan.model.snapshot import AccountKind
from hongyan.store import messages, partitions, settlements
from hongyan.store.messages import NewMessage, Scope
from hongyan.store.purchases import PurchaseRow
from hongyan.store.settlements import Ending

START = 1_800_000_000.0
DAY_S = 86_400.0
PURCHASE = PaymentSubject.PURCHASE
names = (f"buyer {n}" for n in itertools.count(1))
references = (f"ref {n}" for n in itertools.count(1))
numbers = itertools.count(8613700000000)


class Shop:
    """A control plane whose clock is `now`, with an enterprise that buys."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.now = START
        self.control: ControlPlane = assemble(
            db, SecretBox(bytes(32), os.urandom), clock=lambda: self.now, entropy=os.urandom, check_url=lambda _url: None
        )
        self.new_id = ids.generator(5, lambda: self.now)

    async def open(self, kind: AccountKind = AccountKind.ENTERPRISE) -> None:
        account = await self.control.accounts.create(OPERATOR, next(names), kind)
        self.app_id = (await self.control.apps.create(OPERATOR, account.id, "shop")).app.id
        self.account_id = account.id
        self.buyer = owner(account.id)
        offer = await self.control.offers.add(OPERATOR, next(names), 1000, 39_000_000)
        self.offer_id = offer.id

    async def order(self) -> PurchaseRow:
        return await self.control.purchases.order(self.buyer, self.app_id, self.offer_id)

    async def bought(self) -> PurchaseRow:
        ordered = await self.order()
        await self.control.payments.confirm(OPERATOR, PURCHASE, ordered.id, next(references))
        return await self.control.purchases.get(self.buyer, ordered.id)

    async def hold(self, package_id: int, count: int) -> list[int]:
        """Promise so many messages of a segment."""
        tail = (1, 1, package_id, 77, "CN", "text", "", "", "", "", 2)
        rows = [
            NewMessage(0, 0, None, None, self.new_id(), next(numbers), Kind.NOTICE, Dialect.TENCENT_V3, 1, 600.0, *tail)
            for _ in range(count)
        ]
        async with self.db.connection() as conn:
            await partitions.ensure(conn, self.now)
            scope = Scope(since_id=ids.first_id_at(self.now - 3600), most=11, packages=[package_id])
            assert await messages.promise(conn, self.app_id, rows, scope, [], now=self.now) is not None
        return [row.id for row in rows]

    async def end(self, message_ids: list[int], *, charge: bool) -> None:
        status = Status.DELIVERED if charge else Status.FAILED
        endings = [Ending(self.app_id, id_, status, "", charge, 1, self.now) for id_ in message_ids]
        async with self.db.connection() as conn:
            await settlements.settle(conn, self.app_id, endings, callback=False, pull=False, now=self.now)

    async def balances(self) -> list[tuple[int, int, int, int]]:
        found = await self.control.packages.every(OPERATOR, self.app_id)
        return [(p.available, p.held, p.used, p.withdrawn) for p in found]

    async def journal(self) -> list[tuple[str, int]]:
        async with self.db.connection() as conn:
            found = await conn.fetch("select kind, segments from ledger_entries where app_id = $1 order by id", self.app_id)
        return [(row[0], row[1]) for row in found]


def owner(account_id: int, role: Role = Role.OWNER) -> Actor:
    return Actor(kind=ActorKind.USER, id="1", name="owner", permissions=GRANTS[role], account_id=account_id)


async def refused(asked: Awaitable[object]) -> ControlError:
    with pytest.raises(ControlError) as found:
        await asked
    return found.value


@pytest.fixture
async def shop(database: Database) -> Shop:
    made = Shop(database)
    await made.open()
    return made


async def test_a_purchase_is_a_package_as_soon_as_it_is_paid_and_not_before(shop: Shop) -> None:
    ordered = await shop.order()
    assert (ordered.state, ordered.package_id, await shop.balances()) == (PurchaseState.PENDING, None, [])
    shop.now += 60
    await shop.control.payments.confirm(OPERATOR, PURCHASE, ordered.id, next(references))
    [package] = await shop.control.packages.every(shop.buyer, shop.app_id)
    paid = await shop.control.purchases.get(shop.buyer, ordered.id)
    assert (paid.state, paid.package_id, paid.paid_at) == (PurchaseState.PAID, package.id, shop.now)
    assert (package.segments, package.effective_at, package.expires_at) == (1000, shop.now, shop.now + 730 * DAY_S)
    assert not package.gift
    assert await shop.journal() == [("buy", 1000)]
    pipeline = await shop.control.snapshots.load()
    assert [ref.id for ref in pipeline.packages[shop.app_id, 0]] == [package.id]  # type: ignore[index]


async def test_an_offer_that_changes_changes_no_purchase(shop: Shop) -> None:
    ordered = await shop.order()
    await shop.control.offers.change(OPERATOR, shop.offer_id, OfferChange(price_milli=50_000_000, on_sale=False))
    assert (await refused(shop.order())).code is Fault.NOT_FOUND
    assert [offer.id for offer in await shop.control.offers.every(shop.buyer) if offer.id == shop.offer_id] == []
    payment = await shop.control.payments.confirm(OPERATOR, PURCHASE, ordered.id, next(references))
    assert payment.amount_milli == 39_000_000


async def test_a_payment_counts_once_however_often_and_by_whichever_way_it_is_told_of(shop: Shop) -> None:
    ordered, reference = await shop.order(), next(references)
    told = Told(PURCHASE, ordered.id, ordered.price_milli, reference, "evt_1")
    every = [shop.control.payments.hear(told) for _ in range(10)]
    every += [shop.control.payments.confirm(OPERATOR, PURCHASE, ordered.id, reference) for _ in range(10)]
    made = await asyncio.gather(*every)
    assert len({payment.id for payment in made}) == 1
    assert all(payment.fits for payment in made)
    assert await shop.journal() == [("buy", 1000)]
    # Another payment for it is money too much: kept for somebody to pay back.
    more = await shop.control.payments.hear(Told(PURCHASE, ordered.id, ordered.price_milli, next(references), "evt_2"))
    assert (more.fits, more.why) == (False, "is_paid")
    assert await shop.journal() == [("buy", 1000)]
    listed = await shop.control.payments.every(shop.buyer, only_unfit=True)
    assert [payment.id for payment in listed] == [more.id]


async def test_a_reference_that_paid_for_one_thing_pays_for_no_other(shop: Shop) -> None:
    first, second, reference = await shop.order(), await shop.order(), next(references)
    results = await asyncio.gather(
        *(shop.control.payments.hear(Told(PURCHASE, one.id, one.price_milli, reference)) for one in (first, second) for _ in range(5))
    )
    assert sorted(payment.fits for payment in results) == [False] * 5 + [True] * 5
    assert await shop.journal() == [("buy", 1000)]
    assert (await refused(shop.control.payments.confirm(OPERATOR, PURCHASE, second.id, reference))).code is Fault.WRONG_STATE


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"amount_milli": 38_999_000}, "other_amount"),
        ({"amount_milli": 39_001_000}, "other_amount"),
        ({"currency": "USD"}, "other_currency"),
        ({"subject_id": 999_999}, "not_there"),
        ({"subject": PaymentSubject.BILL}, "not_there"),
    ],
    ids=["too little", "too much", "another currency", "nobody's", "a bill of that number"],
)
async def test_money_that_does_not_fit_buys_nothing_and_is_not_lost_sight_of(shop: Shop, change: dict[str, object], why: str) -> None:
    ordered = await shop.order()
    fields = {"subject": PURCHASE, "subject_id": ordered.id, "amount_milli": ordered.price_milli, "reference": next(references)}
    payment = await shop.control.payments.hear(Told(**(fields | change)))  # type: ignore[arg-type]
    assert (payment.fits, payment.why) == (False, why)
    assert await shop.balances() == []
    assert payment.id in {one.id for one in await shop.control.payments.every(OPERATOR, only_unfit=True)}


async def test_what_the_operator_says_wrongly_is_refused_and_noted_nowhere(shop: Shop) -> None:
    ordered, reference = await shop.order(), next(references)
    told = await refused(shop.control.payments.confirm(OPERATOR, PURCHASE, ordered.id, reference, amount_milli=1000))
    assert told.why == "other_amount"
    await shop.control.payments.confirm(OPERATOR, PURCHASE, ordered.id, reference)
    assert len(await shop.control.payments.every(shop.buyer)) == 1


async def test_a_cancelled_purchase_is_not_paid_and_money_for_it_is_kept_in_sight(shop: Shop) -> None:
    ordered = await shop.order()
    await shop.control.purchases.cancel(shop.buyer, ordered.id, "too dear")
    assert (await refused(shop.control.purchases.cancel(shop.buyer, ordered.id))).code is Fault.WRONG_STATE
    payment = await shop.control.payments.hear(Told(PURCHASE, ordered.id, ordered.price_milli, next(references)))
    assert (payment.fits, payment.why) == (False, "is_cancelled")
    assert await shop.balances() == []


async def test_an_unused_package_is_paid_back_in_full_until_the_end_of_the_fifth_day(shop: Shop) -> None:
    first, second = await shop.bought(), await shop.bought()
    shop.now += 5 * DAY_S
    done = await shop.control.purchases.refund(shop.buyer, first.id, "no need")
    assert (done.state, done.refunded_segments, done.refund_milli) == (PurchaseState.REFUNDED, 1000, 39_000_000)
    assert await shop.balances() == [(0, 0, 0, 1000), (1000, 0, 0, 0)]
    assert await shop.journal() == [("buy", 1000), ("buy", 1000), ("withdraw", 1000)]
    snapshot = await shop.control.snapshots.load()
    assert [ref.id for ref in snapshot.packages[shop.app_id, 0]] == [second.package_id]  # type: ignore[index]
    shop.now += DAY_S
    told = await refused(shop.control.purchases.refund(shop.buyer, second.id))
    assert told.why == "refund_too_late"
    assert "5 天" in told.zh


async def test_a_used_package_is_paid_back_without_the_used_part(shop: Shop) -> None:
    mine = await shop.bought()
    assert mine.package_id is not None
    await shop.end(await shop.hold(mine.package_id, 7), charge=True)
    done = await shop.control.purchases.refund(shop.buyer, mine.id)
    assert (done.refunded_segments, done.refund_milli) == (993, 38_727_000)
    assert await shop.balances() == [(0, 0, 7, 993)]
    assert (await refused(shop.control.purchases.refund(shop.buyer, mine.id))).code is Fault.WRONG_STATE
    await shop.control.purchases.repaid(OPERATOR, mine.id, "bank 7")
    assert (await refused(shop.control.purchases.repaid(OPERATOR, mine.id, "bank 8"))).code is Fault.WRONG_STATE


async def test_messages_under_way_hold_a_refund_up_and_nothing_new_draws_on_the_package(shop: Shop) -> None:
    mine = await shop.bought()
    assert mine.package_id is not None
    under_way = await shop.hold(mine.package_id, 10)
    shop.now += 5 * DAY_S
    asked = await shop.control.purchases.refund(shop.buyer, mine.id)
    assert (asked.state, asked.refund_milli) == (PurchaseState.REFUNDING, None)
    assert (shop.app_id, 0) not in (await shop.control.snapshots.load()).packages
    assert await shop.control.purchases.finish_refunds() == 0
    await shop.end(under_way[:4], charge=True)
    assert await shop.control.purchases.finish_refunds() == 0
    # It was asked for in time; how long messages take afterwards is not the customer's loss.
    shop.now += 3 * DAY_S
    await shop.end(under_way[4:], charge=False)
    counts = await asyncio.gather(*(shop.control.purchases.finish_refunds() for _ in range(5)))
    assert sum(counts) == 1
    done = await shop.control.purchases.get(shop.buyer, mine.id)
    assert (done.state, done.refunded_segments, done.refund_milli) == (PurchaseState.REFUNDED, 996, 38_844_000)
    assert await shop.balances() == [(0, 0, 4, 996)]


async def test_who_asks_twice_at_once_is_paid_back_once(shop: Shop) -> None:
    mine = await shop.bought()
    asked = await asyncio.gather(*(shop.control.purchases.refund(shop.buyer, mine.id) for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(one, BaseException) for one in asked) == 1
    assert await shop.journal() == [("buy", 1000), ("withdraw", 1000)]


async def test_a_package_that_is_all_used_has_nothing_to_give_back(shop: Shop) -> None:
    mine = await shop.bought()
    assert mine.package_id is not None
    await shop.end(await shop.hold(mine.package_id, 1000), charge=True)
    assert (await refused(shop.control.purchases.refund(shop.buyer, mine.id))).code is Fault.WRONG_STATE
    assert (await shop.control.packages.every(shop.buyer, shop.app_id))[0].closed_at is None


async def test_another_account_s_purchase_is_as_absent_as_one_that_never_was(shop: Shop) -> None:
    mine = await shop.bought()
    other = Shop(shop.db)
    await other.open()
    for ask in (other.control.purchases.get, other.control.purchases.cancel, other.control.purchases.refund):
        assert str(await refused(ask(other.buyer, mine.id))) == str(await refused(ask(other.buyer, 999_999))).replace(
            "999999", str(mine.id)
        )
    assert await other.control.purchases.every(other.buyer) == []
    assert (await refused(other.control.purchases.order(other.buyer, shop.app_id, other.offer_id))).code is Fault.NOT_FOUND
    assert (await refused(other.control.payments.confirm(other.buyer, PURCHASE, mine.id, "mine"))).code is Fault.NOT_ALLOWED


async def test_individuals_buy_what_they_may_send_with_and_nobody_orders_without_end(database: Database) -> None:
    shop = Shop(database)
    await shop.open(AccountKind.INDIVIDUAL)
    for place, kind in ((PackageScope.VOICE, PackageKind.GENERAL), (PackageScope.MAINLAND, PackageKind.MARKETING)):
        offer = await shop.control.offers.add(OPERATOR, next(names), 10, 1000, scope=place, kind=kind)
        told = await refused(shop.control.purchases.order(shop.buyer, shop.app_id, offer.id))
        assert told.why == "enterprise_only"
    for _ in range(20):
        await shop.order()
    assert (await refused(shop.order())).code is Fault.TOO_MANY


async def test_calls_that_were_bought_pay_for_no_message(shop: Shop) -> None:
    offer = await shop.control.offers.add(OPERATOR, next(names), 100, 5_000_000, scope=PackageScope.VOICE)
    ordered = await shop.control.purchases.order(shop.buyer, shop.app_id, offer.id)
    await shop.control.payments.confirm(OPERATOR, PURCHASE, ordered.id, next(references))
    [package] = await shop.control.packages.every(shop.buyer, shop.app_id)
    assert (package.scope, package.available) == (PackageScope.VOICE, 100)
    assert (shop.app_id, 0) not in (await shop.control.snapshots.load()).packages
    assert await shop.control.statistics.packages(shop.buyer, shop.app_id) == []


async def test_every_step_is_in_the_audit_log(shop: Shop) -> None:
    mine = await shop.bought()
    await shop.control.purchases.refund(shop.buyer, mine.id)
    noted = [row.action for row in reversed(await shop.control.audit.page(OPERATOR, account_id=shop.account_id))]
    assert noted[-5:] == ["purchase.order", "purchase.pay", "payment.take", "purchase.refund", "purchase.refunded"]
