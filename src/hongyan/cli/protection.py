"""hongyan protection, hongyan word, hongyan held."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hongyan.cli.options import MOST_ID, After, AfterText, AnyApp, AppId, Most
from hongyan.cli.output import CommandError
from hongyan.cli.session import actor, terminal, with_control
from hongyan.model.protection import Cap, WordAction

WORD_COLUMNS = ("word", "action", "reason", "created_at")
HELD_COLUMNS = ("message_id", "app_id", "phone", "kind", "words", "text", "held_at", "expires_at")

CapText = Annotated[
    str | None, typer.Option(metavar="MOST[:ALARM]", help="Most messages a day, and from when on to tell; 0 for none.", show_default=False)
]
Deferred = Annotated[
    bool | None,
    typer.Option(
        "--defer-marketing/--refuse-marketing", help="What comes outside the hours waits for them, or is refused.", show_default=False
    ),
]
Reason = Annotated[str, typer.Option(help="Why.")]
MessageIds = Annotated[list[int], typer.Argument(metavar="MESSAGE...", max=MOST_ID, help="Ids of messages.", show_default=False)]


def show(ctx: typer.Context, app: AppId) -> None:
    """Show an application's caps, countries and hours, and what it has sent today."""
    terminal(ctx).show(with_control(ctx, lambda control: control.protections.get(actor(), app)))


def set_(
    ctx: typer.Context,
    *,
    app: AppId,
    day: CapText = None,
    mainland: CapText = None,
    abroad: CapText = None,
    country: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE=MOST[:ALARM]", help="The same for a country, by its two letters.", show_default=False),
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="Countries abroad it sends to, separated by commas; empty for all.", show_default=False)
    ] = None,
    closed: Annotated[str | None, typer.Option(help="Countries it does not send to, separated by commas.", show_default=False)] = None,
    marketing_hours: Annotated[
        bool | None, typer.Option("--marketing-hours/--marketing-always", help="Marketing only from 8 to 22 o'clock.", show_default=False)
    ] = None,
    marketing_deferred: Deferred = None,
    balance_alarm: Annotated[
        int | None, typer.Option(help="Tell contacts when fewer segments are left; 0 for never.", show_default=False)
    ] = None,
) -> None:
    """Set an application's daily caps, countries and hours. What is not named stays."""
    from hongyan.control.protection import Change  # noqa: PLC0415 - `--help` does not wait for it

    fields: dict[str, Any] = {
        "day": _cap(day),
        "mainland": _cap(mainland),
        "abroad": _cap(abroad),
        "countries": None if not country else dict(map(_country, country)),
        "only": _codes(only),
        "closed": _codes(closed),
        "marketing_hours": marketing_hours,
        "marketing_deferred": marketing_deferred,
        "balance_alarm": balance_alarm,
    }
    change: Change = Change(**{name: value for name, value in fields.items() if value is not None})
    terminal(ctx).show(with_control(ctx, lambda control: control.protections.change(actor(), app, change)))


def stop(ctx: typer.Context, app: AppId, reason: Reason = "") -> None:
    """The emergency stop: accept nothing more from an application, and send nothing that waits."""
    terminal(ctx).show(with_control(ctx, lambda control: control.protections.stop(actor(), app, reason)))


def resume(ctx: typer.Context, app: AppId) -> None:
    """Let an application send again after the emergency stop."""
    terminal(ctx).show(with_control(ctx, lambda control: control.protections.resume(actor(), app)))


def add_words(
    ctx: typer.Context,
    *,
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORD]...", help="The words.", show_default=False)] = None,
    file: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A file with a word in each line.", show_default=False)
    ] = None,
    refuse: Annotated[bool, typer.Option("--refuse/--hold", help="Refuse such messages, or hold them for review.")] = False,
    reason: Reason = "",
) -> None:
    """Put words on the list: messages with one are held, or refused."""
    written = [*(words or ()), *(file.read_text(encoding="utf-8-sig").splitlines() if file else ())]
    action = WordAction.REFUSE if refuse else WordAction.HOLD
    terminal(ctx).show({"added": with_control(ctx, lambda control: control.words.add(actor(), written, action, reason))})


def remove_words(
    ctx: typer.Context, words: Annotated[list[str], typer.Argument(metavar="WORD...", help="The words.", show_default=False)]
) -> None:
    """Take words off the list."""
    terminal(ctx).show({"removed": with_control(ctx, lambda control: control.words.remove(actor(), words))})


def list_words(ctx: typer.Context, after: AfterText = "", most: Most = 500) -> None:
    """List the words."""
    terminal(ctx).table(with_control(ctx, lambda control: control.words.page(actor(), after=after, most=most)), WORD_COLUMNS)


def list_held(ctx: typer.Context, app: AnyApp = None, after: After = 0, most: Most = 100) -> None:
    """List messages that wait for a reviewer, the oldest first."""
    found = with_control(ctx, lambda control: control.held.page(actor(), app_id=app, after_id=after, most=most))
    terminal(ctx).table(found, HELD_COLUMNS)


def release(ctx: typer.Context, app: AppId, messages: MessageIds) -> None:
    """Let held messages go."""
    done = with_control(ctx, lambda control: control.held.release(actor(), app, messages))
    terminal(ctx).show({"released": [str(one) for one in done]})


def refuse(ctx: typer.Context, app: AppId, messages: MessageIds, reason: Reason = "") -> None:
    """Refuse held messages: they are not sent, and not paid for."""
    done = with_control(ctx, lambda control: control.held.refuse(actor(), app, messages, reason))
    terminal(ctx).show({"refused": [str(one) for one in done]})


def _cap(text: str | None) -> Cap | None:
    if text is None:
        return None
    most, _, alarm = text.partition(":")
    try:
        return Cap(most=int(most or 0), alarm=int(alarm or 0))
    except ValueError:
        raise CommandError(
            "usage",
            f"{text!r} 不是上限：应写 上限 或 上限:告警值，如 1000 或 1000:800。",
            f"{text!r} is no cap: write MOST or MOST:ALARM, such as 1000 or 1000:800.",
        ) from None


def _country(text: str) -> tuple[str, Cap]:
    code, _, cap = text.partition("=")
    return code, _cap(cap) or Cap()


def _codes(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(code for code in text.split(",") if code.strip())
