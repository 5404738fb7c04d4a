"""hongyan offer, hongyan purchase, hongyan payment."""

import enum
from typing import Annotated, Any

import typer

from hongyan.cli.options import MOST_ID, After, AnyAccount, AnyApp, AppId, Most
from hongyan.cli.packages import DAYS_MOST, InPackageScope, OfKind, PackageKindName, PackageScopeName
from hongyan.cli.session import actor, terminal, with_control
from hongyan.model.billing import YUAN
from hongyan.model.money import PaymentSubject

OFFER_COLUMNS = ("id", "name", "scope", "kind", "segments", "price_milli", "valid_days", "on_sale")
PURCHASE_COLUMNS = ("id", "app_id", "name", "segments", "price_milli", "state", "package_id", "created_at", "paid_at", "refund_milli")
PAYMENT_COLUMNS = ("id", "at", "subject", "subject_id", "amount_milli", "reference", "fits", "why")

OfferId = Annotated[int, typer.Argument(metavar="OFFER", max=MOST_ID, help="The offer's number.", show_default=False)]
PurchaseId = Annotated[int, typer.Argument(metavar="PURCHASE", max=MOST_ID, help="The purchase's number.", show_default=False)]
Before = Annotated[int, typer.Option(min=1, max=MOST_ID, help="Only those before this record.")]
Reason = Annotated[str, typer.Option(help="Why.")]
Reference = Annotated[str, typer.Option(help="The bank's or the provider's; the same payment has the same.", show_default=False)]
Yuan = Annotated[str, typer.Argument(metavar="YUAN", help="The price of the whole package in yuan, such as 39.50.", show_default=False)]
DaysValid = Annotated[int | None, typer.Option(min=1, max=DAYS_MOST, help="Good for so many days.", show_default=False)]
NEWEST = 1 << 62


class SubjectName(enum.StrEnum):
    PURCHASE = "purchase"
    BILL = "bill"


def add_offer(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name.", show_default=False)],
    segments: Annotated[int, typer.Argument(help="How many segments.", show_default=False)],
    price: Yuan,
    *,
    scope: InPackageScope = PackageScopeName.MAINLAND,
    kind: OfKind = PackageKindName.GENERAL,
    days: DaysValid = None,
) -> None:
    """Offer a package for sale."""
    milli = _milli(price)
    added = with_control(
        ctx, lambda control: control.offers.add(actor(), name, segments, milli, scope=scope.scope, kind=kind.kind, valid_days=days)
    )
    terminal(ctx).show(added)


def list_offers(ctx: typer.Context, after: After = 0, most: Most = 500) -> None:
    """List the offers."""
    terminal(ctx).table(with_control(ctx, lambda control: control.offers.every(actor(), after_id=after, most=most)), OFFER_COLUMNS)


def set_offer(
    ctx: typer.Context,
    offer: OfferId,
    *,
    name: Annotated[str | None, typer.Option(help="Its name.", show_default=False)] = None,
    price: Annotated[str | None, typer.Option(metavar="YUAN", help="The price of the whole package in yuan.", show_default=False)] = None,
    days: DaysValid = None,
    on_sale: Annotated[bool | None, typer.Option("--on-sale/--withdrawn", help="Customers may buy it.", show_default=False)] = None,
) -> None:
    """Change an offer. What is not named stays, and so do purchases that were made."""
    from hongyan.control.offers import OfferChange  # noqa: PLC0415 - `--help` does not wait for it

    fields: dict[str, Any] = {
        "name": name,
        "price_milli": None if price is None else _milli(price),
        "valid_days": days,
        "on_sale": on_sale,
    }
    change = OfferChange(**{field: value for field, value in fields.items() if value is not None})
    terminal(ctx).show(with_control(ctx, lambda control: control.offers.change(actor(), offer, change)))


def order(ctx: typer.Context, app: AppId, offer: OfferId) -> None:
    """Buy a package for an application; it is there as soon as it is paid."""
    terminal(ctx).show(with_control(ctx, lambda control: control.purchases.order(actor(), app, offer)))


def list_purchases(
    ctx: typer.Context, *, account: AnyAccount = None, app: AnyApp = None, before: Before = NEWEST, most: Most = 100
) -> None:
    """List purchases, the newest first."""
    found = with_control(ctx, lambda control: control.purchases.every(actor(), account_id=account, app_id=app, before_id=before, most=most))
    terminal(ctx).table(found, PURCHASE_COLUMNS)


def show_purchase(ctx: typer.Context, purchase: PurchaseId) -> None:
    """Show a purchase."""
    terminal(ctx).show(with_control(ctx, lambda control: control.purchases.get(actor(), purchase)))


def cancel(ctx: typer.Context, purchase: PurchaseId, reason: Reason = "") -> None:
    """Cancel a purchase that nobody has paid."""
    terminal(ctx).show(with_control(ctx, lambda control: control.purchases.cancel(actor(), purchase, reason)))


def refund(ctx: typer.Context, purchase: PurchaseId, reason: Reason = "") -> None:
    """Give a purchase back, within five days: what was used is not paid back."""
    terminal(ctx).show(with_control(ctx, lambda control: control.purchases.refund(actor(), purchase, reason)))


def repaid(ctx: typer.Context, purchase: PurchaseId, reference: Reference) -> None:
    """Note that a refunded purchase was paid back."""
    terminal(ctx).show(with_control(ctx, lambda control: control.purchases.repaid(actor(), purchase, reference)))


def confirm(
    ctx: typer.Context,
    subject: Annotated[SubjectName, typer.Argument(help="What was paid.", show_default=False)],
    which: Annotated[int, typer.Argument(metavar="ID", max=MOST_ID, help="Its number.", show_default=False)],
    reference: Reference,
    amount: Annotated[
        str | None, typer.Option(metavar="YUAN", help="What was received; otherwise what was due.", show_default=False)
    ] = None,
) -> None:
    """Confirm that the money for a purchase or a bill has come."""
    milli = None if amount is None else _milli(amount)
    made = with_control(
        ctx,
        lambda control: control.payments.confirm(actor(), PaymentSubject(subject.value), which, reference, amount_milli=milli),
    )
    terminal(ctx).show(made)


def list_payments(
    ctx: typer.Context,
    *,
    account: AnyAccount = None,
    unfit: Annotated[bool, typer.Option("--unfit", help="Only payments that fit nothing, for somebody to pay back.")] = False,
    before: Before = NEWEST,
    most: Most = 100,
) -> None:
    """List payments, the newest first."""
    found = with_control(
        ctx, lambda control: control.payments.every(actor(), account_id=account, only_unfit=unfit, before_id=before, most=most)
    )
    terminal(ctx).table(found, PAYMENT_COLUMNS)


def _milli(text: str) -> int:
    from decimal import Decimal, InvalidOperation  # noqa: PLC0415 - as above

    from hongyan.cli.output import CommandError  # noqa: PLC0415 - as above

    try:
        milli = Decimal(text) * YUAN
        if milli == milli.to_integral_value():
            return int(milli)
    except (InvalidOperation, OverflowError):
        milli = Decimal(0)
    raise CommandError("usage", f"{text!r} 不是金额：以元为单位，如 39.50。", f"{text!r} is no amount: write yuan, such as 39.50.")
