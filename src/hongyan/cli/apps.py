"""hongyan app."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hongyan.cli.options import Account, After, AnyAccount, AppId, Most, Phones
from hongyan.cli.output import CommandError, plain
from hongyan.cli.session import actor, terminal, with_control

if TYPE_CHECKING:
    from hongyan.control.plane import ControlPlane
    from hongyan.model.limits import Window
    from hongyan.store.apps import AppRow

COLUMNS = ("id", "account_id", "name", "enabled", "pull", "limits", "windows", "report_url", "reply_url", "sender_id")


Preset = Annotated[str, typer.Option("--limits", metavar="PRESET", help="A vendor's frequency limits: seeds, current or huawei.")]


def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name.", show_default=False)],
    account: Account,
    preset: Preset = "",
) -> None:
    """Create an application; its AppKey is shown."""
    from hongyan.control.apps import AppChange  # noqa: PLC0415 - `--help` does not wait for it

    first = AppChange(preset=preset) if preset else AppChange()
    made = with_control(ctx, lambda control: control.apps.create(actor(), account, name, first))
    terminal(ctx).show(_readable(ctx, made.app) | {"app_key": made.app_key})


def list_(ctx: typer.Context, account: AnyAccount = None, after: After = 0, most: Most = 500) -> None:
    """List the applications."""
    found = with_control(ctx, lambda control: control.apps.every(actor(), account, after_id=after, most=most))
    terminal(ctx).table([_readable(ctx, app) for app in found], COLUMNS)


def show(
    ctx: typer.Context,
    app: AppId,
    key: Annotated[bool, typer.Option("--key", help="Show the AppKey too.")] = False,
) -> None:
    """Show an application with its allow-list."""

    async def look(control: "ControlPlane") -> dict[str, Any]:
        found: dict[str, Any] = _readable(ctx, await control.apps.get(actor(), app))
        found["unlimited_phones"] = [f"+{phone}" for phone in await control.apps.allowed(actor(), app)]
        if key:
            found["app_key"] = await control.apps.app_key(actor(), app)
        return found

    terminal(ctx).show(with_control(ctx, look))


ReportUrl = Annotated[str | None, typer.Option(help="Where delivery reports are posted; empty for nowhere.", show_default=False)]
ReplyUrl = Annotated[str | None, typer.Option(help="Where replies are posted; empty for nowhere.", show_default=False)]
Limit = Annotated[int | None, typer.Option(help="Most messages to one number; 0 for no limit.", show_default=False)]


def set_(
    ctx: typer.Context,
    app: AppId,
    *,
    name: Annotated[str | None, typer.Option(help="A new name.", show_default=False)] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Let it send, or keep it from sending.")] = None,
    pull: Annotated[bool | None, typer.Option("--pull/--no-pull", help="Whether reports and replies may be pulled.")] = None,
    report_url: Annotated[
        str | None, typer.Option(help="Where delivery reports are posted; empty for nowhere.", show_default=False)
    ] = None,
    reply_url: ReplyUrl = None,
    context: Annotated[bool | None, typer.Option("--context/--no-context", help="Hand SessionContext back in reports.")] = None,
    sender: Annotated[str | None, typer.Option(help="The number its messages show; empty for the link's own.", show_default=False)] = None,
    extend: Annotated[bool | None, typer.Option("--extend/--no-extend", help="Let requests append digits to the number.")] = None,
    network: Annotated[
        list[str] | None,
        typer.Option("--network", metavar="NETWORK", help="From where its AppKey may be used; may be repeated.", show_default=False),
    ] = None,
    anywhere: Annotated[bool, typer.Option("--anywhere", help="Its AppKey may be used from anywhere.")] = False,
    same_content_30s: Limit = None,
    any_30s: Limit = None,
    hour: Limit = None,
    day: Limit = None,
    same_content_day: Limit = None,
    preset: Preset = "",
    window: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[KIND:][same:]MOST/SECONDS",
            help="Another limit, such as marketing:4/3600 or same:5/day; may be repeated, all of them are set anew.",
            show_default=False,
        ),
    ] = None,
    no_windows: Annotated[bool, typer.Option("--no-windows", help="No limits but those with a name of their own.")] = False,
) -> None:
    """Change an application: limits, callbacks, pull, number. What is not named stays."""
    from hongyan.control.apps import AppChange  # noqa: PLC0415 - `--help` does not wait for it

    fields: dict[str, Any] = {
        "name": name,
        "enabled": enabled,
        "pull": pull,
        "report_url": report_url,
        "reply_url": reply_url,
        "context_in_reports": context,
        "sender_id": sender,
        "extend_allowed": extend,
        "networks": [] if anywhere else network,
        "preset": preset or None,
        "windows": [] if no_windows else [_window(text) for text in window] if window else None,
    }
    limits = {
        "same_content_30s": same_content_30s,
        "any_30s": any_30s,
        "hour": hour,
        "day": day,
        "same_content_day": same_content_day,
    }
    change = AppChange(
        **{field: value for field, value in fields.items() if value is not None},
        limits={limit: value for limit, value in limits.items() if value is not None},
    )
    terminal(ctx).show(_readable(ctx, with_control(ctx, lambda control: control.apps.change(actor(), app, change))))


def _readable(ctx: typer.Context, app: "AppRow") -> dict[str, Any]:
    """The application; for people with its windows as they write them."""
    from hongyan.model.limits import notation  # noqa: PLC0415 - `--help` does not wait for it

    fields: dict[str, Any] = plain(app)
    return fields | ({} if terminal(ctx).json else {"windows": [notation(window) for window in app.windows]})


def _window(text: str) -> "Window":
    from hongyan.model.limits import window_of  # noqa: PLC0415 - `--help` does not wait for it

    if (window := window_of(text)) is None:
        raise CommandError(
            "usage",
            f"{text!r} 不是频率窗口：应写 [类型:][same:]条数/秒数，如 verification:2/60、same:5/3540、20/day。",
            f"{text!r} is no window: write [KIND:][same:]MOST/SECONDS, such as verification:2/60, same:5/3540 or 20/day.",
        )
    return window


def allow(ctx: typer.Context, app: AppId, phones: Phones) -> None:
    """Exempt numbers from an application's frequency limits (at most 300)."""
    listed = with_control(ctx, lambda control: control.apps.allow(actor(), app, phones))
    terminal(ctx).show({"app_id": app, "unlimited_phones": [f"+{phone}" for phone in listed]})


def disallow(ctx: typer.Context, app: AppId, phones: Phones) -> None:
    """Put numbers back under an application's frequency limits."""
    listed = with_control(ctx, lambda control: control.apps.disallow(actor(), app, phones))
    terminal(ctx).show({"app_id": app, "unlimited_phones": [f"+{phone}" for phone in listed]})
