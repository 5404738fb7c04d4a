"""hongyan reply, hongyan optout, hongyan answer."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hongyan.cli.options import MOST_ID, AppId, Most, Phones
from hongyan.cli.output import CommandError
from hongyan.cli.session import actor, terminal, with_control

if TYPE_CHECKING:
    from hongyan.control.plane import ControlPlane

COLUMNS = ("phone", "text", "sign_name", "created_at")
REPLY_COLUMNS = ("id", "phone", "text", "received_at", "sign_name", "extend", "to", "message_id")
ANSWER_COLUMNS = ("id", "phone", "template_id", "sign_name", "after_opt_out", "state", "outcome", "created_at")

Reason = Annotated[str, typer.Option(help="Why.")]
Before = Annotated[int, typer.Option(min=0, max=MOST_ID, help="Only older ones than this id.")]


def heard(
    ctx: typer.Context,
    *,
    app: AppId,
    phone: Annotated[str, typer.Option(help="Only of this number.", show_default=False)] = "",
    before: Before = MOST_ID,
    most: Most = 100,
) -> None:
    """List what handsets wrote to an application, the newest first."""
    from hongyan.control import rules  # noqa: PLC0415 - `--help` does not wait for it

    number = rules.phones([phone])[0] if phone else None
    found = with_control(ctx, lambda control: control.replies.page(actor(), app, phone=number, before_id=before, most=most))
    terminal(ctx).table(found, REPLY_COLUMNS)


def add(ctx: typer.Context, app: AppId, phones: Phones, reason: Reason = "") -> None:
    """Write down that these numbers want no more messages of an application."""
    terminal(ctx).show({"added": with_control(ctx, lambda control: control.optouts.add(actor(), app, phones, reason))})


def lift(ctx: typer.Context, app: AppId, phones: Phones, reason: Reason = "") -> None:
    """Let numbers be sent to again that have taken their wish back."""
    terminal(ctx).show({"removed": with_control(ctx, lambda control: control.optouts.lift(actor(), app, phones, reason))})


def list_(
    ctx: typer.Context,
    *,
    app: AppId,
    sign: Annotated[str, typer.Option(help="Only those that answered a message with this signature.")] = "",
    after: Annotated[int, typer.Option(min=0, max=MOST_ID, help="Begin after this number (digits with country code).")] = 0,
    most: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 1000,
) -> None:
    """List the numbers that want no more messages of an application."""
    found = with_control(ctx, lambda control: control.optouts.page(actor(), app, sign_name=sign, after_phone=after, most=most))
    terminal(ctx).table(found, COLUMNS)


def export(ctx: typer.Context, app: AppId) -> None:
    """Write all of them as CSV to standard output."""
    out = terminal(ctx).out

    async def write(control: "ControlPlane") -> None:
        async for part in control.optouts.hand_out(actor(), app):
            out.write(part)

    with_control(ctx, write)


def show(ctx: typer.Context, app: AppId) -> None:
    """Show what an application does with replies, and every word it understands."""
    terminal(ctx).show(with_control(ctx, lambda control: control.answerings.get(actor(), app)))


def set_(
    ctx: typer.Context,
    *,
    app: AppId,
    language: Annotated[
        list[str] | None, typer.Option(help="Whose usual words are understood: zh, en; may be repeated.", show_default=False)
    ] = None,
    out_word: Annotated[
        list[str] | None, typer.Option(help="Its own word for leaving; may be repeated, one empty word for none.", show_default=False)
    ] = None,
    in_word: Annotated[
        list[str] | None, typer.Option(help="Its own word for coming back; may be repeated, one empty word for none.", show_default=False)
    ] = None,
    out_template: Annotated[
        int | None, typer.Option(min=0, max=MOST_ID, help="What tells somebody that they have left; 0 for nothing.", show_default=False)
    ] = None,
    in_template: Annotated[
        int | None, typer.Option(min=0, max=MOST_ID, help="What tells somebody that they are back; 0 for nothing.", show_default=False)
    ] = None,
    keyword: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD=TEMPLATE", help="What a word is answered with; without template no more.", show_default=False),
    ] = None,
) -> None:
    """Set what an application does with replies. What is not named stays."""
    from hongyan.control.answers import Change  # noqa: PLC0415 - `--help` does not wait for it

    fields: dict[str, Any] = {
        "languages": None if language is None else tuple(language),
        "out_words": _words(out_word),
        "in_words": _words(in_word),
        "keywords": None if not keyword else dict(map(_keyword, keyword)),
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    fields |= {name: value or None for name, value in (("out_template", out_template), ("in_template", in_template)) if value is not None}
    change: Change = Change(**fields)
    terminal(ctx).show(with_control(ctx, lambda control: control.answerings.change(actor(), app, change)))


def sent(ctx: typer.Context, app: AppId, before: Before = MOST_ID, most: Most = 100) -> None:
    """List what replies were answered with, the newest first."""
    found = with_control(ctx, lambda control: control.answerings.sent(actor(), app, before_id=before, most=most))
    terminal(ctx).table(found, ANSWER_COLUMNS)


def _words(given: list[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(word for word in given if word)


def _keyword(written: str) -> tuple[str, int | None]:
    word, equals, template = written.rpartition("=")
    if not equals or (template and not template.isdecimal()):
        raise CommandError(
            "usage",
            f"--keyword {written}：请写成 词=模板号，例如 1=1000001；“词=”表示不再答复。",
            f"--keyword {written}: write WORD=TEMPLATE, such as 1=1000001; WORD= for no answer.",
        )
    return word, int(template) if template else None
