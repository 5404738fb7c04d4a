"""hongyan alarm."""

from typing import Annotated, Any

import typer

from hongyan.cli.options import MOST_ID, After, AnyAccount, AnyApp, AppId, Most
from hongyan.cli.session import actor, terminal, with_control
from hongyan.model.alarm import AlarmKind

CONTACT_COLUMNS = ("id", "app_id", "name", "email", "phone", "hook_url", "kinds", "english")
ALARM_COLUMNS = ("id", "app_id", "contact_id", "medium", "kind", "happened", "created_at", "told_at", "due_at", "error")

ContactId = Annotated[int, typer.Argument(metavar="CONTACT", max=MOST_ID, help="The contact's id.", show_default=False)]
Name = Annotated[str, typer.Argument(help="Its name.", show_default=False)]
Email = Annotated[str | None, typer.Option(help="E-mail address; empty for none.", show_default=False)]
Phone = Annotated[str | None, typer.Option(help="Phone number; empty for none.", show_default=False)]
HookUrl = Annotated[str | None, typer.Option("--hook", help="Web hook that is posted to; empty for none.", show_default=False)]
Kinds = Annotated[
    list[AlarmKind] | None,
    typer.Option("--kind", help="What it is told of, once for each kind; otherwise all.", show_default=False),
]
English = Annotated[bool | None, typer.Option("--english/--chinese", help="The language it is told in.", show_default=False)]


def _given(**fields: Any) -> dict[str, Any]:
    return {field: value for field, value in fields.items() if value is not None}


def add(
    ctx: typer.Context,
    *,
    app: AppId,
    name: Name,
    email: Email = None,
    phone: Phone = None,
    hook_url: HookUrl = None,
    kinds: Kinds = None,
    english: English = None,
) -> None:
    """Add an alarm contact; the secret of its web hook is shown this once."""
    from hongyan.control.alarms import Draft  # noqa: PLC0415 - `--help` does not wait for it

    given = _given(email=email, phone=phone, hook_url=hook_url, kinds=None if not kinds else tuple(kinds), english=english)
    draft = Draft(name=name, **given)
    terminal(ctx).show(with_control(ctx, lambda control: control.alarms.add(actor(), app, draft)))


def set_(
    ctx: typer.Context,
    *,
    contact: ContactId,
    name: Annotated[str | None, typer.Option(help="A new name.", show_default=False)] = None,
    email: Email = None,
    phone: Phone = None,
    hook_url: HookUrl = None,
    kinds: Kinds = None,
    english: English = None,
) -> None:
    """Change an alarm contact. What is not named stays."""
    from hongyan.control.alarms import Change  # noqa: PLC0415 - as above

    given = _given(name=name, email=email, phone=phone, hook_url=hook_url, kinds=None if not kinds else tuple(kinds), english=english)
    terminal(ctx).show(with_control(ctx, lambda control: control.alarms.change(actor(), contact, Change(**given))))


def remove(ctx: typer.Context, contact: ContactId) -> None:
    """Remove an alarm contact."""
    with_control(ctx, lambda control: control.alarms.remove(actor(), contact))
    terminal(ctx).show({"removed": contact})


def contacts(ctx: typer.Context, app: AnyApp = None, account: AnyAccount = None, after: After = 0, most: Most = 500) -> None:
    """List alarm contacts."""
    found = with_control(ctx, lambda control: control.alarms.contacts(actor(), app_id=app, account_id=account, after_id=after, most=most))
    terminal(ctx).table(found, CONTACT_COLUMNS)


def test(ctx: typer.Context, contact: ContactId) -> None:
    """Tell a contact, by every way it has, that this is a test; `hongyan alarm told` says what came of it."""
    terminal(ctx).table(with_control(ctx, lambda control: control.alarms.test(actor(), contact)), ALARM_COLUMNS)


def told(
    ctx: typer.Context,
    account: AnyAccount = None,
    before: Annotated[int, typer.Option(max=MOST_ID, help="Where the page before ended.")] = 2**62,
    most: Most = 100,
) -> None:
    """List what contacts were told, or are about to be, the newest first."""
    found = with_control(ctx, lambda control: control.alarms.told(actor(), account_id=account, before_id=before, most=most))
    terminal(ctx).table(found, ALARM_COLUMNS)


def review_hook(
    ctx: typer.Context,
    account: Annotated[int, typer.Argument(metavar="ACCOUNT", max=MOST_ID, help="The account's id.", show_default=False)],
    url: Annotated[str | None, typer.Option(help="Where review results are posted; empty for nowhere.", show_default=False)] = None,
) -> None:
    """Show or set where an account's review results are posted; a new secret is shown this once."""
    if url is None:
        terminal(ctx).show(with_control(ctx, lambda control: control.alarms.review_hook(actor(), account)))
    else:
        terminal(ctx).show(with_control(ctx, lambda control: control.alarms.set_review_hook(actor(), account, url)))
