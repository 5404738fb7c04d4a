"""hongyan package, hongyan blacklist."""

from typing import Annotated

import typer

from hongyan.cli.options import MOST_ID, After, AnyApp, AppId, InScope, Most, Phones, ScopeName
from hongyan.cli.session import actor, terminal, with_control

PACKAGE_COLUMNS = ("app_id", "id", "scope", "segments", "available", "held", "used", "gift", "effective_at", "expires_at")
BLACKLIST_COLUMNS = ("phone", "reason", "opted_out", "created_at")
DAY_S = 86_400.0


def buy(
    ctx: typer.Context,
    *,
    app: AppId,
    segments: Annotated[int, typer.Argument(help="How many segments.", show_default=False)],
    scope: InScope = ScopeName.MAINLAND,
    days: Annotated[int | None, typer.Option(help="Valid for so many days; otherwise two years, abroad one.", show_default=False)] = None,
    gift: Annotated[bool, typer.Option("--gift", help="It was given, not bought.")] = False,
    note: Annotated[str, typer.Option(help="A remark for the ledger.")] = "",
) -> None:
    """Give an application a prepaid package."""
    import time  # noqa: PLC0415 - the clock is read at the edge, here

    expires_at = None if days is None else time.time() + days * DAY_S
    bought = with_control(
        ctx,
        lambda control: control.packages.buy(actor(), app, scope.scope, segments, gift=gift, expires_at=expires_at, note=note),
    )
    terminal(ctx).show(bought)


def list_(ctx: typer.Context, app: AnyApp = None, after: After = 0, most: Most = 500) -> None:
    """List packages and what is left of them."""
    terminal(ctx).table(with_control(ctx, lambda control: control.packages.every(actor(), app, after_id=after, most=most)), PACKAGE_COLUMNS)


def add_blacklist(ctx: typer.Context, app: AppId, phones: Phones, reason: Annotated[str, typer.Option(help="Why.")] = "") -> None:
    """Never send to these numbers from this application."""
    added = with_control(ctx, lambda control: control.blacklist.add(app, phones, reason))
    terminal(ctx).show({"app_id": app, "added": added})


def remove_blacklist(
    ctx: typer.Context,
    *,
    app: AppId,
    phones: Phones,
    opted_out: Annotated[bool, typer.Option("--opted-out", help="Also those who replied T, when they have taken it back.")] = False,
) -> None:
    """Let these numbers be sent to again."""
    removed = with_control(ctx, lambda control: control.blacklist.remove(app, phones, opted_out=opted_out))
    terminal(ctx).show({"app_id": app, "removed": removed})


def list_blacklist(
    ctx: typer.Context,
    app: AppId,
    after: Annotated[int, typer.Option(min=0, max=MOST_ID, help="Begin after this number (digits with country code).")] = 0,
    most: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 1000,
) -> None:
    """List the numbers an application never sends to."""
    found = with_control(ctx, lambda control: control.blacklist.page(app, after_phone=after, most=most))
    terminal(ctx).table(found, BLACKLIST_COLUMNS)
