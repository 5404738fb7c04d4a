"""What is for sale, what was bought and paid, and packages."""

import time
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from hongyan.control.accounts import Accounts
from hongyan.control.ledger import NEVER, Ledger
from hongyan.control.offers import OfferChange, Offers
from hongyan.control.packages import Packages
from hongyan.control.payments import NEWEST, Payments, Told
from hongyan.control.plane import ControlPlane
from hongyan.control.purchases import Purchases
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import MOST_ID, Body, Id, Name, Note, OneAccount, OneApp, PathId, UnixTime
from hongyan.doors.rest.inputs import body_of, struct_from
from hongyan.doors.rest.paging import Cursor, Limit, after, page
from hongyan.doors.rest.problems import Refused
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.views import names_of, shown, view_of
from hongyan.kit.webhook import verified
from hongyan.model.money import ChargeRule, PackageKind, PackageScope, PaymentSubject, refundable_until

PackageView = view_of(Packages.buy, "Package")
OfferView = view_of(Offers.add, "Offer")
PaymentView = view_of(Payments.confirm, "Payment")
Bought = view_of(Purchases.get, "Bought")
EntryView = view_of(Ledger.entries, "LedgerEntry")
FindingView = view_of(Ledger.check, "LedgerFinding")
Changes: Any = body_of(OfferChange, "OfferChange")
Scopes: Any = names_of(PackageScope)
Kinds: Any = names_of(PackageKind)
Milli = Annotated[int, Field(ge=1, le=10**15, description="Thousandths of a fen; 100 yuan are 10000000.")]
Reference = Annotated[str, Field(min_length=1, max_length=100, description="The bank's or the provider's; the same payment has the same.")]
Units = Annotated[int, Field(ge=1, le=1_000_000_000_000, description="Segments; for voice calls.")]
Unfit = Annotated[bool, Query(description="Only payments that fit nothing, for somebody to pay back.")]
Begin = Annotated[float, Query(ge=0, le=NEVER, description="Unix seconds; from then on.")]
End = Annotated[float, Query(ge=0, le=NEVER, description="Unix seconds; until before then.")]
CSV = "text/csv; charset=utf-8"
EVENT_MOST = 64 * 1024
SUCCEEDED = "payment.succeeded"


class PurchaseView(Bought):  # type: ignore[misc,valid-type]
    """What was agreed on when it was ordered, and what became of it; amounts are in thousandths of a fen."""

    refundable_until: float | None = Field(description="Until when a refund can be asked for; null while nobody has paid.")


class NewOffer(Body):
    name: Name
    segments: Units
    price_milli: Milli
    scope: Scopes = PackageScope.MAINLAND.name.lower()
    kind: Kinds = PackageKind.GENERAL.name.lower()
    valid_days: Annotated[int, Field(ge=1, le=3_650)] | None = Field(default=None, description="null: as usual for its scope.")


class NewPackage(Body):
    app_id: Id
    scope: Scopes
    segments: Units
    kind: Kinds = PackageKind.GENERAL.name.lower()
    gift: bool = False
    effective_at: UnixTime | None = None
    expires_at: UnixTime | None = None
    note: Note = ""


class NewPurchase(Body):
    app_id: Id
    offer_id: Id


class Why(Body):
    reason: Note = ""


class NewPayment(Body):
    subject: PaymentSubject
    subject_id: Id
    reference: Reference
    amount_milli: Milli | None = Field(default=None, description="What was received; null when it is what was due.")


class Repaid(Body):
    reference: Annotated[str, Field(max_length=100)]


class Unfreeze(Body):
    app_id: Id
    note: Note
    correct: bool = Field(default=False, description="What is there counts: entries are added until the journal says so.")


class Charge(Body):
    rule: ChargeRule


class Charged(BaseModel):
    account_id: int
    rule: ChargeRule


class EventData(msgspec.Struct, frozen=True):
    """What of a provider's event counts; whatever else it holds is not looked at and kept nowhere."""

    reference: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    amount_milli: Annotated[int, msgspec.Meta(ge=1, le=10**15)]
    currency: Annotated[str, msgspec.Meta(max_length=3)] = "CNY"
    purchase_id: Annotated[int, msgspec.Meta(ge=1, le=MOST_ID)] | None = None
    bill_id: Annotated[int, msgspec.Meta(ge=1, le=MOST_ID)] | None = None


class Event(msgspec.Struct, frozen=True):
    """The envelope that standardwebhooks.com describes."""

    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")


class Heard(BaseModel):
    """The event has been taken; there is no need to send it again."""

    taken: bool = Field(description="False: it is no payment, and nothing was done.")
    fits: bool = Field(default=False, description="It paid for something; otherwise the operator has to look at it.")


def routes(control: ControlPlane, *, secrets: Sequence[str]) -> APIRouter:
    """Everything under /offers, /purchases, /payments and /packages; `secrets` are those of the payment provider's web hooks."""
    shop, orders = OfferPaths(control.offers), PurchasePaths(control.purchases)
    money, purse, rule = PaymentPaths(control.payments, secrets), PackagePaths(control.packages), ChargePaths(control.accounts)
    books = LedgerPaths(control.ledger)
    return router(
        "money",
        "",
        [
            Operation("GET", "/offers", "listOffers", shop.page, "Packages on sale; for the operator all offers", page_of(OfferView)),
            Operation("POST", "/offers", "addOffer", shop.add, "Add one", OfferView, 201, (409,)),
            Operation("PATCH", "/offers/{offer_id}", "changeOffer", shop.change, "Change it", OfferView, also=(404, 409)),
            Operation("GET", "/purchases", "listPurchases", orders.page, "Purchases, the newest first", page_of(PurchaseView), also=(404,)),
            Operation("POST", "/purchases", "orderPackage", orders.order, "Buy a package", PurchaseView, 201, (404, 409)),
            Operation("GET", "/purchases/{purchase_id}", "getPurchase", orders.get, "One of them", PurchaseView, also=(404,)),
            Operation("POST", "/purchases/{purchase_id}/cancel", "cancelPurchase", orders.cancel, "Do not buy",
                      PurchaseView, also=(404, 409)),
            Operation("POST", "/purchases/{purchase_id}/refund", "refundPurchase", orders.refund, "Give it back",
                      PurchaseView, also=(404, 409)),
            Operation("POST", "/purchases/{purchase_id}/repaid", "notePurchaseRepaid", orders.repaid, "The money was paid back",
                      PurchaseView, also=(404, 409)),
            Operation("GET", "/payments", "listPayments", money.page, "Payments, the newest first", page_of(PaymentView), also=(404,)),
            Operation("POST", "/payments", "confirmPayment", money.confirm, "Money has come", PaymentView, 201, (404, 409)),
            Operation("POST", "/payments/events", "hearPayment", money.hear, "A payment provider's signed web hook", Heard,
                      also=(413,)),
            Operation("GET", "/packages", "listPackages", purse.page, "Prepaid packages", page_of(PackageView), also=(404,)),
            Operation("POST", "/packages", "buyPackage", purse.buy, "Give an application one", PackageView, 201, (404,)),
            Operation("POST", "/packages/{package_id}/unfreeze", "unfreezePackage", books.unfreeze, "Let it be drawn on again",
                      PackageView, also=(404, 409)),
            Operation("GET", "/ledger", "listLedger", books.page, "The journal of an application", page_of(EntryView), also=(404,)),
            Operation("GET", "/ledger/file", "exportLedger", books.hand_out, "The journal as CSV", str, also=(404,), text=CSV),
            Operation("GET", "/ledger/check", "checkLedger", books.check, "What does not agree", list[FindingView], also=(404,)),  # type: ignore[valid-type]
            Operation("PUT", "/accounts/{account_id}/charge-rule", "setChargeRule", rule.set, "When its messages cost something", Charged,
                      also=(404,)),
        ],
    )  # fmt: skip


class OfferPaths:
    """The endpoints under /offers."""

    def __init__(self, offers: Offers) -> None:
        self._offers = offers

    async def page(self, asks: Asks, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._offers.every(asks, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda offer: offer.id, lambda offer: shown(offer, OfferView))

    async def add(self, asks: Asks, wanted: NewOffer) -> Any:
        added = await self._offers.add(
            asks,
            wanted.name,
            wanted.segments,
            wanted.price_milli,
            scope=_scope(wanted.scope),
            kind=_kind(wanted.kind),
            valid_days=wanted.valid_days,
        )
        return shown(added, OfferView)

    async def change(self, asks: Asks, offer_id: PathId, wanted: Changes) -> Any:
        """Purchases that were made keep what was agreed on."""
        return shown(await self._offers.change(asks, offer_id, struct_from(OfferChange, wanted)), OfferView)


class PurchasePaths:
    """The endpoints under /purchases."""

    def __init__(self, purchases: Purchases) -> None:
        self._purchases = purchases

    async def page(self, asks: Asks, account_id: OneAccount = None, app_id: OneApp = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._purchases.every(asks, account_id=account_id, app_id=app_id, before_id=after(cursor, NEWEST), most=limit + 1)
        return page(found, limit, lambda purchase: purchase.id, _shown)

    async def order(self, asks: Asks, wanted: NewPurchase) -> Any:
        """It waits for its payment; from then on its package can be used."""
        return _shown(await self._purchases.order(asks, wanted.app_id, wanted.offer_id))

    async def get(self, asks: Asks, purchase_id: PathId) -> Any:
        return _shown(await self._purchases.get(asks, purchase_id))

    async def cancel(self, asks: Asks, purchase_id: PathId, wanted: Why) -> Any:
        """One that nobody has paid."""
        return _shown(await self._purchases.cancel(asks, purchase_id, wanted.reason))

    async def refund(self, asks: Asks, purchase_id: PathId, wanted: Why) -> Any:
        """Within five days; what was used is not paid back. While messages that drew on it are under way it is `refunding`."""
        return _shown(await self._purchases.refund(asks, purchase_id, wanted.reason))

    async def repaid(self, asks: Asks, purchase_id: PathId, wanted: Repaid) -> Any:
        """The operator's note."""
        return _shown(await self._purchases.repaid(asks, purchase_id, wanted.reference))


class PaymentPaths:
    """The endpoints under /payments."""

    def __init__(self, payments: Payments, secrets: Sequence[str]) -> None:
        self._payments = payments
        self._secrets = secrets

    async def page(
        self,
        asks: Asks,
        account_id: OneAccount = None,
        unfit: Unfit = False,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Any:
        found = await self._payments.every(asks, account_id=account_id, only_unfit=unfit, before_id=after(cursor, NEWEST), most=limit + 1)
        return page(found, limit, lambda payment: payment.id, lambda payment: shown(payment, PaymentView))

    async def confirm(self, asks: Asks, wanted: NewPayment) -> Any:
        """By the operator. The same reference told again is the same payment."""
        made = await self._payments.confirm(asks, wanted.subject, wanted.subject_id, wanted.reference, amount_milli=wanted.amount_milli)
        return shown(made, PaymentView)

    async def hear(self, request: Request) -> Heard:
        """Signed as standardwebhooks.com says; `payment.succeeded` counts, whatever else is told is left alone.

        Body: `{"type": "payment.succeeded", "data": {"purchase_id" or "bill_id", "amount_milli", "currency", "reference"}}`.
        The same payment told again changes nothing.
        """
        if not self._secrets:
            raise Refused(
                401,
                "not_authenticated",
                "未设置支付方的密钥：由运营方确认到账。",
                "No payment provider is set up: the operator confirms payments.",
            )
        body = await request.body()
        if len(body) > EVENT_MOST:
            raise Refused(413, "too_large", "通知过大。", "The event is too large.")
        event_id = verified(self._secrets, request.headers, body, time.time())
        if event_id is None:
            raise Refused(
                401,
                "not_authenticated",
                "签名无效，或时间相差超过五分钟。",
                "The signature is not valid, or its time is more than five minutes from ours.",
            )
        told = _told(body, event_id)
        return Heard(taken=False) if told is None else Heard(taken=True, fits=(await self._payments.hear(told)).fits)


def _told(body: bytes, event_id: str) -> Told | None:
    """What a provider's event says; None when it is of no payment. Raises Refused."""
    try:
        event = msgspec.json.decode(body, type=Event)
        if event.type != SUCCEEDED:
            return None
        data = msgspec.json.decode(event.data, type=EventData)
    except msgspec.DecodeError as fault:
        raise Refused(422, "invalid_event", f"通知内容无法识别：{fault}。", f"The event cannot be read: {fault}.") from None
    if (data.purchase_id is None) == (data.bill_id is None):
        raise Refused(422, "invalid_event", "须写明 purchase_id 或 bill_id 之一。", "Name one of purchase_id and bill_id.")
    subject = PaymentSubject.BILL if data.purchase_id is None else PaymentSubject.PURCHASE
    return Told(subject, data.purchase_id or data.bill_id or 0, data.amount_milli, data.reference, event_id, data.currency)


class PackagePaths:
    """The endpoints under /packages."""

    def __init__(self, packages: Packages) -> None:
        self._packages = packages

    async def page(self, asks: Asks, app_id: OneApp = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._packages.every(asks, app_id, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda package: package.id, lambda package: shown(package, PackageView))

    async def buy(self, asks: Asks, wanted: NewPackage) -> Any:
        """The operator's alone: a gift, or what was paid for elsewhere."""
        bought = await self._packages.buy(
            asks,
            wanted.app_id,
            _scope(wanted.scope),
            wanted.segments,
            kind=_kind(wanted.kind),
            gift=wanted.gift,
            effective_at=wanted.effective_at,
            expires_at=wanted.expires_at,
            note=wanted.note,
        )
        return shown(bought, PackageView)


class LedgerPaths:
    """The endpoints about the journal of packages."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def page(
        self,
        asks: Asks,
        app_id: Annotated[int, Query(ge=1, le=MOST_ID)],
        package_id: Annotated[int | None, Query(ge=1, le=MOST_ID)] = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Any:
        """In the order in which the entries were written."""
        found = await self._ledger.entries(asks, app_id, package_id=package_id, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda entry: entry.id, lambda entry: shown(entry, EntryView))

    async def hand_out(self, asks: Asks, app_id: OneApp = None, begin: Begin = 0.0, end: End = NEVER) -> StreamingResponse:
        """id, time, app_id, package_id, kind, segments, note."""
        rows = self._ledger.hand_out(asks, app_id, begin=begin, end=end)
        # What is refused is refused before the first line has gone out.
        first = await anext(rows)

        async def whole() -> Any:
            yield first
            async for row in rows:
                yield row

        return StreamingResponse(whole(), media_type=CSV, headers={"content-disposition": 'attachment; filename="ledger.csv"'})

    async def check(self, asks: Asks, app_id: OneApp = None) -> Any:
        """Reads every entry and every message of the packages anew; an empty list means that all agree."""
        return [shown(finding, FindingView) for finding in await self._ledger.check(asks, app_id)]

    async def unfreeze(self, asks: Asks, package_id: PathId, wanted: Unfreeze) -> Any:
        """The operator's alone, after a look: refused while the books do not agree, unless they shall be corrected."""
        found = await self._ledger.unfreeze(asks, wanted.app_id, package_id, wanted.note, correct=wanted.correct)
        return shown(found, PackageView)


class ChargePaths:
    """The endpoint of an account's charge rule."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def set(self, asks: Asks, account_id: PathId, wanted: Charge) -> Charged:
        """The operator's alone: `submit`, or `delivered`, by which what was not delivered is refunded."""
        account = await self._accounts.set_charge(asks, account_id, wanted.rule)
        return Charged(account_id=account.id, rule=account.charge)


def _scope(name: Any) -> PackageScope:
    return PackageScope[str(name).upper()]


def _kind(name: Any) -> PackageKind:
    return PackageKind[str(name).upper()]


def _shown(purchase: Any) -> Any:
    model = PurchaseView.model_construct
    fields = shown(purchase, Bought).model_dump()
    return model(**fields, refundable_until=None if purchase.paid_at is None else refundable_until(purchase.paid_at))
