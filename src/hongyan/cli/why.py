"""hongyan why: why somebody did not get a message."""

from typing import Annotated

import typer

from hongyan.cli.messages import message_id, no_message, number
from hongyan.cli.options import AnyApp
from hongyan.cli.output import CommandError
from hongyan.cli.session import actor, terminal, with_control

MOST_DAYS = 32


def why(
    ctx: typer.Context,
    message: Annotated[
        str | None,
        typer.Argument(metavar="MESSAGE", help="The message's id, or the SerialNo or smsMsgId of the answer.", show_default=False),
    ] = None,
    *,
    phone: Annotated[str | None, typer.Option(help="Everything that this number was to be sent, refusals too.", show_default=False)] = None,
    request: Annotated[str, typer.Option(help="Only of the request with this X-Request-Id; with --phone.")] = "",
    app: AnyApp = None,
    days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="So many days back; refusals are kept for three.")] = 3,
    most: Annotated[int, typer.Option(min=1, max=20, help="At most so many.")] = 5,
) -> None:
    """Explain why a message did not arrive: what stopped it, who can do something, and what."""
    from hongyan.cli.timeline import print_explanation, print_inquiry  # noqa: PLC0415 - `--help` does not wait for it

    if (message is None) == (phone is None):
        raise CommandError("usage", "请给出短信编号，或用 --phone 给出号码。", "Give a message's id, or a number with --phone.")
    if message is not None:
        wanted = message_id(message)
        found = with_control(ctx, lambda control: control.records.explain(actor(), wanted, app))
        if found is None:
            raise no_message(message)
        print_explanation(terminal(ctx), found)
    elif phone is not None:
        to = number(phone)
        inquiry = with_control(
            ctx, lambda control: control.records.inquire(actor(), to, app_id=app, request_id=request, days=days, most=most)
        )
        print_inquiry(terminal(ctx), inquiry)
