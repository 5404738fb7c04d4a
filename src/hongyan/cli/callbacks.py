"""hongyan callback."""

from typing import Annotated, Any

import typer

from hongyan.cli.options import AppId
from hongyan.cli.session import actor, terminal, with_control

SECRET_COLUMNS = ("secret", "ends_at")

Native = Annotated[
    bool | None,
    typer.Option("--native/--vendor", help="The native body with Standard Webhooks headers, or that of each API.", show_default=False),
]
Signed = Annotated[
    bool | None, typer.Option("--signed/--unsigned", help="Sign those in Huawei's words with the access key.", show_default=False)
]
ReplyTime = Annotated[
    bool | None, typer.Option("--reply-time/--no-reply-time", help="Uplinks in Huawei's words say their time.", show_default=False)
]


def show(ctx: typer.Context, app: AppId) -> None:
    """Show how an application wants its callbacks."""
    terminal(ctx).show(with_control(ctx, lambda control: control.callbacks.get(actor(), app)))


def set_(ctx: typer.Context, *, app: AppId, native: Native = None, signed: Signed = None, reply_time: ReplyTime = None) -> None:
    """Change how an application wants its callbacks. What is not named stays."""
    from hongyan.control.callbacks import CallbackChange  # noqa: PLC0415 - `--help` does not wait for it

    wanted = {"native": native, "signed": signed, "reply_time": reply_time}
    given: dict[str, Any] = {field: value for field, value in wanted.items() if value is not None}
    terminal(ctx).show(with_control(ctx, lambda control: control.callbacks.change(actor(), app, CallbackChange(**given))))


def secrets(ctx: typer.Context, app: AppId) -> None:
    """Show the secrets that sign callbacks in the native body."""
    terminal(ctx).table(with_control(ctx, lambda control: control.callbacks.secrets(actor(), app)), SECRET_COLUMNS)


def rotate(
    ctx: typer.Context,
    app: AppId,
    overlap: Annotated[float, typer.Option(min=0, help="Seconds for which the old secret signs too.")] = 86_400,
) -> None:
    """Sign with a new secret, and for a while with the old one too."""
    terminal(ctx).table(with_control(ctx, lambda control: control.callbacks.rotate(actor(), app, overlap)), SECRET_COLUMNS)
