"""hongyan package, hongyan ledger."""

import datetime as dt
import enum
from typing import TYPE_CHECKING, Annotated

import typer

from hongyan.cli.options import MOST_ID, After, AnyApp, AppId, Most
from hongyan.cli.session import actor, terminal, with_control
from hongyan.model.money import PackageKind, PackageScope

if TYPE_CHECKING:
    from hongyan.control.plane import ControlPlane

DAYS = ["%Y-%m-%d"]
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


def unfreeze(
    ctx: typer.Context,
    app: AppId,
    package: Annotated[int, typer.Argument(metavar="PACKAGE", max=MOST_ID, help="The package's number.", show_default=False)],
    *,
    note: Annotated[str, typer.Option(help="What was found.", show_default=False)],
    correct: Annotated[bool, typer.Option("--correct", help="What is there counts: add entries until the journal says so.")] = False,
) -> None:
    """Let messages draw again on a package that the self-check has frozen."""
    terminal(ctx).show(with_control(ctx, lambda control: control.ledger.unfreeze(actor(), app, package, note, correct=correct)))


def entries(
    ctx: typer.Context,
    app: AppId,
    *,
    package: Annotated[int | None, typer.Option(max=MOST_ID, help="Only of this package.", show_default=False)] = None,
    after: After = 0,
    most: Most = 100,
) -> None:
    """List entries of the journal."""
    found = with_control(ctx, lambda control: control.ledger.entries(actor(), app, package_id=package, after_id=after, most=most))
    terminal(ctx).table(found, ("id", "at", "package_id", "kind", "segments", "note"))


def check(ctx: typer.Context, app: AnyApp = None) -> None:
    """Read every entry and every message anew and compare them with the packages; fails when they do not agree."""
    from hongyan.cli.output import CommandError  # noqa: PLC0415 - `--help` does not wait for it

    found = with_control(ctx, lambda control: control.ledger.check(actor(), app))
    terminal(ctx).table(found, ("app_id", "package_id", "what", "detail"))
    if found:
        raise CommandError("books_disagree", f"有 {len(found)} 处账目不一致。", f"The books do not agree in {len(found)} places.")


def export(
    ctx: typer.Context,
    *,
    app: AnyApp = None,
    begin: Annotated[dt.datetime | None, typer.Option(formats=DAYS, help="From this day on (UTC).", show_default=False)] = None,
    end: Annotated[dt.datetime | None, typer.Option(formats=DAYS, help="Until before this day (UTC).", show_default=False)] = None,
) -> None:
    """Write the journal as CSV to standard output."""
    out = terminal(ctx).out
    span = {name: at.replace(tzinfo=dt.UTC).timestamp() for name, at in (("begin", begin), ("end", end)) if at is not None}

    async def write(control: "ControlPlane") -> None:
        async for part in control.ledger.hand_out(actor(), app, **span):
            out.write(part)

    with_control(ctx, write)
