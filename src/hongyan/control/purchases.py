"""Buying packages: a purchase waits for its payment, becomes a package, and may be refunded for five days."""

from collections.abc import Callable

import structlog

from hongyan.control import rules
from hongyan.control.audit import Audit, Detail
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.packages import DAY_S
from hongyan.control.payments import Due
from hongyan.control.permissions import demand, own_app, within
from hongyan.control.verifications import demand_verified
from hongyan.kit.db import Connection, Database
from hongyan.model.actor import Actor, Permission, system
from hongyan.model.money import PackageKind, PackageScope, PurchaseState, refund_milli, refundable_until
from hongyan.model.snapshot import AccountKind
from hongyan.store import accounts, offers, packages, purchases
from hongyan.store.accounts import AccountRow
from hongyan.store.offers import OfferRow
from hongyan.store.purchases import PurchaseRow
from hongyan.store.snapshots import publish

log = structlog.get_logger()

PENDING_MOST = 20
PAGE_MOST = 500
AT_ONCE = 100
NEWEST = 2**62
REFUNDS = system("refunds")


class Purchases:
    """Orders of packages; a payment makes each a package exactly once (`control.payments.Payable`)."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def order(self, actor: Actor, app_id: int, offer_id: int) -> PurchaseRow:
        """An application's purchase of an offer as it is now; its package is there as soon as it is paid."""
        demand(actor, Permission.MONEY)
        now = self._clock()
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id)
            # What is pending is counted under the account's lock.
            account = await accounts.lock(tx, app.account_id)
            await demand_verified(tx, app.account_id)
            offer = await offers.get(tx, offer_id)
            if offer is None or account is None or not (offer.on_sale or actor.account_id is None):
                raise not_found(Noun.OFFER, offer_id)
            _may_buy(account, offer)
            if await purchases.pending(tx, account.id) >= PENDING_MOST:
                raise ControlError(
                    Fault.TOO_MANY,
                    f"未付款的购买单最多 {PENDING_MOST} 个：请先付款或取消一些。",
                    f"At most {PENDING_MOST} purchases wait for their payment: pay or cancel some first.",
                )
            made = await purchases.add(tx, account_id=account.id, app_id=app_id, offer=offer, now=now)
            detail: Detail = {"app": app_id, "offer": offer.id, "segments": offer.segments, "price_milli": offer.price_milli}
            await self._audit.record(tx, actor, "purchase.order", made.id, account_id=account.id, detail=detail)
        return made

    async def every(
        self, actor: Actor, *, account_id: int | None = None, app_id: int | None = None, before_id: int = NEWEST, most: int = PAGE_MOST
    ) -> list[PurchaseRow]:
        """The newest first, at most 500."""
        demand(actor, Permission.MONEY_READ)
        only = within(actor, account_id)
        async with self._db.connection() as conn:
            if app_id is not None:
                await own_app(conn, actor, app_id)
            return await purchases.page(conn, account_id=only, app_id=app_id, before_id=before_id, most=max(1, min(most, PAGE_MOST)))

    async def get(self, actor: Actor, purchase_id: int) -> PurchaseRow:
        demand(actor, Permission.MONEY_READ)
        async with self._db.connection() as conn:
            return _own(await purchases.get(conn, purchase_id), actor, purchase_id)

    async def cancel(self, actor: Actor, purchase_id: int, reason: str = "") -> PurchaseRow:
        """One that nobody has paid. Money that comes for it afterwards is kept as a payment that fits nothing."""
        demand(actor, Permission.MONEY)
        why = rules.reason(reason)
        async with self._db.transaction() as tx:
            mine = _own(await purchases.lock(tx, purchase_id), actor, purchase_id)
            if mine.state is not PurchaseState.PENDING:
                raise _wrong_state(mine, "只有未付款的购买单可以取消", "only one that nobody has paid can be cancelled")
            done = await purchases.cancelled(tx, purchase_id, why, self._clock())
            await self._audit.record(tx, actor, "purchase.cancel", purchase_id, account_id=mine.account_id, detail={"reason": why})
        return done

    # Being paid: `control.payments.Payable`.

    async def due(self, tx: Connection, subject_id: int) -> Due | None:
        """What is to be paid for it; the purchase stays as it is until the transaction ends."""
        found = await purchases.lock(tx, subject_id)
        if found is None:
            return None
        return Due(found.account_id, found.price_milli, open=found.state is PurchaseState.PENDING, state=found.state.value)

    async def settle(self, tx: Connection, actor: Actor, subject_id: int, now: float) -> None:
        """It is paid: its package is there, effective at once, with its entry in the journal."""
        found = await purchases.get(tx, subject_id)
        if found is None:
            raise not_found(Noun.PURCHASE, subject_id)
        bought = await packages.buy(
            tx,
            app_id=found.app_id,
            scope=found.scope,
            kind=found.kind,
            segments=found.segments,
            gift=False,
            effective_at=now,
            expires_at=now + found.valid_days * DAY_S,
            note=f"purchase {found.id}",
            now=now,
        )
        await purchases.paid(tx, found.id, bought.id, now)
        detail: Detail = {"app": found.app_id, "package": bought.id, "segments": found.segments, "price_milli": found.price_milli}
        await self._audit.record(tx, actor, "purchase.pay", found.id, account_id=found.account_id, detail=detail)
        await publish(tx, f"package bought for app {found.app_id}", now)

    # Giving back.

    async def refund(self, actor: Actor, purchase_id: int, reason: str = "") -> PurchaseRow:
        """From now on nothing draws on its package; what is paid back is known as soon as nothing that has drawn on it is under way.

        Until the end of the fifth day after the payment, in Asia/Shanghai: an unused package is paid back in full, a used one without the
        used part.
        """
        demand(actor, Permission.MONEY)
        why = rules.reason(reason)
        now = self._clock()
        async with self._db.transaction() as tx:
            mine = _own(await purchases.lock(tx, purchase_id), actor, purchase_id)
            package_id = _refundable(mine, now)
            package = await packages.close(tx, mine.app_id, package_id, now)
            if package is None:
                raise not_found(Noun.PACKAGE, package_id)
            if package.frozen_at is not None:
                raise _wrong_state(mine, "套餐包账目正在核对", "the books of its package are being looked into")
            if package.available + package.held == 0:
                raise _wrong_state(mine, "套餐包已用完，没有可退的部分", "all of its package is used, so nothing is left to give back")
            await purchases.refund_asked(tx, purchase_id, why, now)
            detail: Detail = {"package": package_id, "held": package.held, "available": package.available, "reason": why}
            await self._audit.record(tx, actor, "purchase.refund", purchase_id, account_id=mine.account_id, detail=detail)
            done = await self._finish(tx, actor, purchase_id, now)
            await publish(tx, f"package of app {mine.app_id} refunded", now)
        return done

    async def finish_refunds(self) -> int:
        """Purchases that are being refunded and whose messages have all ended; returns how many are done now."""
        done, after = 0, 0
        while True:
            async with self._db.connection() as conn:
                waiting = await purchases.refunding(conn, after_id=after, most=AT_ONCE)
            for purchase_id in waiting:
                async with self._db.transaction() as tx:
                    found = await purchases.lock(tx, purchase_id)
                    if found is not None and found.state is PurchaseState.REFUNDING:
                        done += (await self._finish(tx, REFUNDS, purchase_id, self._clock())).state is PurchaseState.REFUNDED
            if len(waiting) < AT_ONCE:
                return done
            after = waiting[-1]

    async def _finish(self, tx: Connection, actor: Actor, purchase_id: int, now: float) -> PurchaseRow:
        """Of one that is locked: take what is left out of its package, unless something that drew on it is still under way."""
        found = await purchases.get(tx, purchase_id)
        if found is None or found.package_id is None:
            raise not_found(Noun.PURCHASE, purchase_id)
        package = await packages.withdraw(tx, found.app_id, found.package_id, note=f"purchase {purchase_id}", now=now)
        if package is None:
            return found
        back = refund_milli(found.price_milli, found.segments, package.withdrawn)
        done = await purchases.refunded(tx, purchase_id, segments=package.withdrawn, refund_milli=back, now=now)
        detail: Detail = {"package": package.id, "segments": package.withdrawn, "refund_milli": back}
        await self._audit.record(tx, actor, "purchase.refunded", purchase_id, account_id=found.account_id, detail=detail)
        return done

    async def repaid(self, actor: Actor, purchase_id: int, reference: str) -> PurchaseRow:
        """The operator has paid back what a refunded purchase left over; noted once."""
        demand(actor, Permission.ADMINISTER)
        plain = rules.reason(reference)
        async with self._db.transaction() as tx:
            found = _own(await purchases.lock(tx, purchase_id), actor, purchase_id)
            if found.state is not PurchaseState.REFUNDED or found.repaid_at is not None:
                raise _wrong_state(
                    found, "只有已退订、尚未退款的购买单可以登记退款", "only what was refunded and not yet paid back can be noted"
                )
            done = await purchases.repaid(tx, purchase_id, plain, self._clock())
            detail: Detail = {"reference": plain, "refund_milli": found.refund_milli}
            await self._audit.record(tx, actor, "purchase.repaid", purchase_id, account_id=found.account_id, detail=detail)
        return done


def _own(found: PurchaseRow | None, actor: Actor, purchase_id: int) -> PurchaseRow:
    if found is None or actor.account_id not in {None, found.account_id}:
        raise not_found(Noun.PURCHASE, purchase_id)
    return found


def _may_buy(account: AccountRow, offer: OfferRow) -> None:
    """Individuals have no use for what they may not send (seed 002)."""
    if account.kind is AccountKind.ENTERPRISE:
        return
    if offer.scope is not PackageScope.MAINLAND or offer.kind is PackageKind.MARKETING:
        raise ControlError(
            Fault.NOT_ALLOWED,
            "个人账号不能发送营销、国际和语音短信，因此不能购买这个套餐：请先完成企业认证。",
            "An individual account may not send marketing, abroad or voice, so this offer is of no use to it: verify as an enterprise.",
            why="enterprise_only",
        )


def _refundable(purchase: PurchaseRow, now: float) -> int:
    """The package of a purchase that may still be refunded."""
    if purchase.state is not PurchaseState.PAID or purchase.paid_at is None or purchase.package_id is None:
        raise _wrong_state(purchase, "只有已付款的购买单可以退订", "only one that was paid can be refunded")
    if now >= refundable_until(purchase.paid_at):
        raise ControlError(
            Fault.WRONG_STATE,
            f"购买单 {purchase.id} 购买已超过 5 天：无论是否使用，都不能再退订。",
            f"Purchase {purchase.id} was paid more than five days ago: used or not, it can no longer be refunded.",
            why="refund_too_late",
        )
    return purchase.package_id


def _wrong_state(purchase: PurchaseRow, zh: str, en: str) -> ControlError:
    return ControlError(
        Fault.WRONG_STATE,
        f"购买单 {purchase.id} 的状态是 {purchase.state.value}：{zh}。",
        f"Purchase {purchase.id} is {purchase.state.value}: {en}.",
        why=f"purchase_{purchase.state.value}",
    )
