"""hongyan package."""

import enum
from typing import Annotated

import typer

from hongyan.cli.options import After, AnyApp, AppId, Most
from hongyan.cli.session import actor, terminal, with_control
from hongyan.model.money import PackageKind, PackageScope

PACKAGE_COLUMNS = (
    "app_id", "id", "scope", "kind", "segments", "available", "held", "used", "withdrawn", "gift", "effective_at", "expires_at",
    "closed_at", "frozen_at",
)  # fmt: skip
DAY_S = 86_400.0
DAYS_MOST = 3_650


class PackageScopeName(enum.StrEnum):
    MAINLAND = "mainland"
    INTERNATIONAL = "international"
    VOICE = "voice"

    @property
    def scope(self) -> PackageScope:
        return PackageScope[self.name]


class PackageKindName(enum.StrEnum):
    GENERAL = "general"
    REGULAR = "regular"
    MARKETING = "marketing"

    @property
    def kind(self) -> PackageKind:
        return PackageKind[self.name]


InPackageScope = Annotated[PackageScopeName, typer.Option("--scope", help="For mainland China, for everywhere else, or for calls.")]
OfKind = Annotated[PackageKindName, typer.Option("--kind", help="For all messages, for codes and notices, or for marketing alone.")]


def buy(
    ctx: typer.Context,
    *,
    app: AppId,
    segments: Annotated[int, typer.Argument(help="How many segments.", show_default=False)],
    scope: InPackageScope = PackageScopeName.MAINLAND,
    kind: OfKind = PackageKindName.GENERAL,
    days: Annotated[int | None, typer.Option(help="Valid for so many days; otherwise two years, abroad one.", show_default=False)] = None,
    gift: Annotated[bool, typer.Option("--gift", help="It was given, not bought.")] = False,
    note: Annotated[str, typer.Option(help="A remark for the ledger.")] = "",
) -> None:
    """Give an application a prepaid package."""
    import time  # noqa: PLC0415 - the clock is read at the edge, here

    expires_at = None if days is None else time.time() + days * DAY_S
    bought = with_control(
        ctx,
        lambda control: control.packages.buy(
            actor(), app, scope.scope, segments, kind=kind.kind, gift=gift, expires_at=expires_at, note=note
        ),
    )
    terminal(ctx).show(bought)


def list_(ctx: typer.Context, app: AnyApp = None, after: After = 0, most: Most = 500) -> None:
    """List packages and what is left of them."""
    terminal(ctx).table(with_control(ctx, lambda control: control.packages.every(actor(), app, after_id=after, most=most)), PACKAGE_COLUMNS)
