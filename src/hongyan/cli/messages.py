"""hongyan message."""

from typing import Annotated

import typer

from hongyan.cli.options import AnyApp
from hongyan.cli.output import CommandError
from hongyan.cli.session import actor, terminal, with_control

COLUMNS = ("message_id", "app_id", "phone", "kind", "segments", "accepted_at", "status", "code")

Message = Annotated[str, typer.Argument(metavar="MESSAGE", help="The message's id, or the SerialNo of the answer.", show_default=False)]


def show(ctx: typer.Context, message: Message, app: AnyApp = None) -> None:
    """Show what happened to a message, step by step."""
    from hongyan.cli.timeline import print_timeline  # noqa: PLC0415 - `--help` does not wait for it

    message_id = _id(message)
    found = with_control(ctx, lambda control: control.records.timeline(actor(), message_id, app))
    if found is None:
        raise CommandError("not_found", f"没有短信 {message}：请检查编号。", f"There is no message {message}: check the id.")
    print_timeline(terminal(ctx), found)


def list_(
    ctx: typer.Context,
    app: AnyApp = None,
    phone: Annotated[str | None, typer.Option(help="Only to this number.", show_default=False)] = None,
    most: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
) -> None:
    """List the newest messages."""
    from hongyan.model.phone import parse  # noqa: PLC0415 - `--help` does not wait for the numbering plans

    parsed = None if phone is None else parse(phone)
    if phone is not None and parsed is None:
        raise CommandError(
            "usage", "号码无法识别：请写 11 位手机号，或 +国家码号码。", "The number cannot be read: write it as +<country code><number>."
        )
    number = None if parsed is None else parsed.number
    terminal(ctx).table(with_control(ctx, lambda control: control.records.latest(actor(), app_id=app, phone=number, most=most)), COLUMNS)


def _id(text: str) -> int:
    """The id in what an API answered: a SerialNo ends in it."""
    digits = text.rpartition(":")[2]
    if not (digits.isascii() and digits.isdigit()) or int(digits) >= 1 << 63:
        raise CommandError("usage", f"{text} 不是短信编号。", f"{text} is no message id.")
    return int(digits)
