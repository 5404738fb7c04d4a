"""hongyan message."""

from typing import Annotated

import typer

from hongyan.cli.options import AnyApp
from hongyan.cli.output import CommandError
from hongyan.cli.session import actor, terminal, with_control

COLUMNS = ("message_id", "app_id", "phone", "kind", "segments", "accepted_at", "status", "code")

Message = Annotated[
    str, typer.Argument(metavar="MESSAGE", help="The message's id, or the SerialNo or smsMsgId of the answer.", show_default=False)
]


def show(ctx: typer.Context, message: Message, app: AnyApp = None) -> None:
    """Show what happened to a message, step by step."""
    from hongyan.cli.timeline import print_timeline  # noqa: PLC0415 - `--help` does not wait for it

    wanted = message_id(message)
    found = with_control(ctx, lambda control: control.records.timeline(actor(), wanted, app))
    if found is None:
        raise no_message(message)
    print_timeline(terminal(ctx), found)


def list_(
    ctx: typer.Context,
    app: AnyApp = None,
    phone: Annotated[str | None, typer.Option(help="Only to this number.", show_default=False)] = None,
    most: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
) -> None:
    """List the newest messages."""
    to = None if phone is None else number(phone)
    terminal(ctx).table(with_control(ctx, lambda control: control.records.latest(actor(), app_id=app, phone=to, most=most)), COLUMNS)


def message_id(text: str) -> int:
    """The id in what an API answered: a SerialNo ends in it, an smsMsgId holds it. Raises CommandError."""
    from hongyan.doors.huawei import ids  # noqa: PLC0415 - `--help` does not wait for it

    if (held := ids.message_id(text)) is not None:
        return held
    digits = text.rpartition(":")[2]
    if not (digits.isascii() and digits.isdigit()) or int(digits) >= 1 << 63:
        raise CommandError("usage", f"{text} 不是短信编号。", f"{text} is no message id.")
    return int(digits)


def no_message(message: str) -> CommandError:
    return CommandError("not_found", f"没有短信 {message}：请检查编号。", f"There is no message {message}: check the id.")


def number(phone: str) -> int:
    """The digits of a number as people write it. Raises CommandError."""
    from hongyan.model.phone import parse  # noqa: PLC0415 - `--help` does not wait for the numbering plans

    parsed = parse(phone)
    if parsed is None:
        raise CommandError(
            "usage", "号码无法识别：请写 11 位手机号，或 +国家码号码。", "The number cannot be read: write it as +<country code><number>."
        )
    return parsed.number
