"""hongyan package."""

from typing import Annotated

import typer

from hongyan.cli.options import After, AnyApp, AppId, InScope, Most, ScopeName
from hongyan.cli.session import actor, terminal, with_control

PACKAGE_COLUMNS = ("app_id", "id", "scope", "segments", "available", "held", "used", "gift", "effective_at", "expires_at")
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
