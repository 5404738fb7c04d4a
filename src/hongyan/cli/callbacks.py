"""hongyan callback."""

import enum
from typing import Annotated, Any

import typer

from hongyan.cli.options import MOST_ID, AnyAccount, AnyApp, AppId, Most
from hongyan.cli.session import actor, terminal, with_control
from hongyan.model.alarm import AlarmKind

SECRET_COLUMNS = ("secret", "ends_at")
ENDPOINT_COLUMNS = ("app_id", "kind", "url", "failures", "failing_since", "paused_at", "error")
DELIVERY_COLUMNS = ("id", "at", "kind", "url", "events", "status", "took_ms", "error", "answer")
DEAD_COLUMNS = ("id", "kind", "events", "attempts", "created_at", "url", "last_error")


class DialectName(enum.StrEnum):
    """Whose words."""

    native = "native"
    tencent_v3 = "tencent_v3"
    tencent_v5 = "tencent_v5"
    huawei = "huawei"


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

EventUrl = Annotated[
    str | None,
    typer.Option("--event-url", help="Where reviews and alarms are posted; empty for nowhere.", show_default=False),
]
EventKinds = Annotated[
    list[AlarmKind] | None, typer.Option("--event", help="Which of them, once for each kind; otherwise all.", show_default=False)
]
VoiceUrl = Annotated[
    str | None,
    typer.Option("--voice-url", help="Where what happens in calls is posted; empty for nowhere.", show_default=False),
]
Failed = Annotated[bool, typer.Option("--failed", help="Only what was not taken.")]
Before = Annotated[int, typer.Option(max=MOST_ID, help="Where the page before ended.")]


def show(ctx: typer.Context, app: AppId) -> None:
    """Show how an application wants its callbacks."""
    terminal(ctx).show(with_control(ctx, lambda control: control.callbacks.get(actor(), app)))


def set_(
    ctx: typer.Context,
    *,
    app: AppId,
    native: Native = None,
    signed: Signed = None,
    reply_time: ReplyTime = None,
    event_url: EventUrl = None,
    event_kinds: EventKinds = None,
    voice_url: VoiceUrl = None,
) -> None:
    """Change how an application wants its callbacks. What is not named stays."""
    from hongyan.control.callbacks import CallbackChange  # noqa: PLC0415 - `--help` does not wait for it

    wanted: dict[str, Any] = {"native": native, "signed": signed, "reply_time": reply_time}
    wanted |= {"event_url": event_url, "voice_url": voice_url}
    wanted |= {"event_kinds": tuple(event_kinds)} if event_kinds else {}
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


def endpoints(ctx: typer.Context, app: AnyApp = None, account: AnyAccount = None) -> None:
    """List addresses that do not take their callbacks."""
    found = with_control(ctx, lambda control: control.deliveries.endpoints(actor(), app_id=app, account_id=account))
    terminal(ctx).table(found, ENDPOINT_COLUMNS)


def deliveries(ctx: typer.Context, app: AppId, *, failed: Failed = False, before: Before = 2**62, most: Most = 100) -> None:
    """List what was lately sent to an application's addresses, and the answers."""
    found = with_control(ctx, lambda control: control.deliveries.page(actor(), app, failed=failed, before_id=before, most=most))
    terminal(ctx).table(found, DELIVERY_COLUMNS)


def dead(ctx: typer.Context, app: AppId, before: Before = 2**62, most: Most = 100) -> None:
    """List events that nobody took for a day, in bundles, the newest first."""
    found = with_control(ctx, lambda control: control.deliveries.dead(actor(), app, before_id=before, most=most))
    terminal(ctx).table(found, DEAD_COLUMNS)


def replay(
    ctx: typer.Context,
    app: AppId,
    *,
    begin: Annotated[float, typer.Option(help="From when on they were owed, in Unix seconds; within the last seven days.")],
    end: Annotated[float, typer.Option(help="Until when, in Unix seconds.")],
    only_dead: Annotated[bool, typer.Option("--dead", help="Only what nobody took for a day.")] = False,
) -> None:
    """Tell the events of a stretch of time once more, with the ids they had."""
    terminal(ctx).show(with_control(ctx, lambda control: control.deliveries.replay(actor(), app, begin, end, dead=only_dead)))


def try_(
    ctx: typer.Context,
    app: AppId,
    *,
    reply: Annotated[bool, typer.Option("--reply", help="A made-up reply instead of a report.")] = False,
    voice: Annotated[bool, typer.Option("--voice", help="A made-up call instead of a report.")] = False,
    dialect: Annotated[DialectName | None, typer.Option(help="As for messages of this API.", show_default=False)] = None,
) -> None:
    """Send an application's address a made-up event and show what it answers."""
    from hongyan.model.event import EventKind  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.model.message import Dialect  # noqa: PLC0415 - as above

    kind = EventKind.VOICE if voice else EventKind.REPLY if reply else EventKind.REPORT
    words = None if dialect is None else Dialect[dialect.name.upper()]
    terminal(ctx).show(with_control(ctx, lambda control: control.deliveries.test(actor(), app, kind, words)))
