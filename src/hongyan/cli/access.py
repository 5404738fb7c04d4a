"""hongyan access, hongyan from-number."""

import sys
from typing import Annotated

import typer

from hongyan.cli.options import MOST_ID, AfterText, AnyAccount, AnyApp, AppId, KindName, Most
from hongyan.cli.session import actor, terminal, with_control

COLUMNS = ("number", "account_id", "app_id", "signature_id", "kind", "created_at")
FROM_INPUT = "-"

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The from number.", show_default=False)]


def issue(ctx: typer.Context, app: AppId) -> None:
    """Give an application a key and a secret for Huawei's API."""
    terminal(ctx).show(with_control(ctx, lambda control: control.access.issue(actor(), app)))


def rotate(ctx: typer.Context, app: AppId) -> None:
    """Give it a new secret; the old one is good no more."""
    terminal(ctx).show(with_control(ctx, lambda control: control.access.rotate(actor(), app)))


def keep(
    ctx: typer.Context,
    app: AppId,
    key: Annotated[str, typer.Argument(help="The key that the program has.", show_default=False)],
    secret: Annotated[str, typer.Argument(help="Its secret; - reads it from standard input.", show_default=False)],
) -> None:
    """Let it keep the key and secret that a program has already."""
    given = sys.stdin.readline().strip() if secret == FROM_INPUT else secret
    terminal(ctx).show(with_control(ctx, lambda control: control.access.keep(actor(), app, key, given)))


def show(ctx: typer.Context, app: AppId) -> None:
    """Show an application's key and secret for Huawei's API."""
    terminal(ctx).show(with_control(ctx, lambda control: control.access.show(actor(), app)))


def remove(ctx: typer.Context, app: AppId) -> None:
    """Take them away: nothing can be sent with them any more."""
    with_control(ctx, lambda control: control.access.remove(actor(), app))
    terminal(ctx).show({"app_id": app, "removed": True})


def add_number(
    ctx: typer.Context,
    number: Number,
    app: Annotated[int, typer.Option("--app", max=MOST_ID, help="The application's SdkAppID.", show_default=False)],
    signature: Annotated[
        int | None, typer.Option(max=MOST_ID, help="The signature it stands for; none for messages abroad.", show_default=False)
    ] = None,
    kind: Annotated[
        KindName | None, typer.Option(help="What may be sent from it; otherwise what its signature is for.", show_default=False)
    ] = None,
) -> None:
    """Keep a from number that a program has already."""
    wanted = None if kind is None else kind.kind
    terminal(ctx).show(
        with_control(ctx, lambda control: control.from_numbers.add(actor(), app, number, signature_id=signature, kind=wanted))
    )


def list_numbers(ctx: typer.Context, account: AnyAccount = None, app: AnyApp = None, after: AfterText = "", most: Most = 500) -> None:
    """List the from numbers."""
    found = with_control(ctx, lambda control: control.from_numbers.page(actor(), account_id=account, app_id=app, after=after, most=most))
    terminal(ctx).table(found, COLUMNS)


def remove_number(ctx: typer.Context, number: Number) -> None:
    """Take a from number away: nothing can be sent from it any more."""
    with_control(ctx, lambda control: control.from_numbers.remove(actor(), number))
    terminal(ctx).show({"number": number, "removed": True})
