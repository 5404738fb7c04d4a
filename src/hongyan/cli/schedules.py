"""hongyan schedule: sends at a time, through the running platform's native API."""

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
import typer

from hongyan.cli.output import CommandError
from hongyan.cli.session import actor, endpoint, terminal, with_control

if TYPE_CHECKING:
    from hongyan.client import Hongyan
    from hongyan.control.sandbox import SandboxTenant

T = TypeVar("T")
COLUMNS = ("id", "app_id", "send_at", "state", "numbers", "accepted", "outcome")

SecretId = Annotated[str | None, typer.Option(help="The SecretId; otherwise the sandbox's.", show_default=False)]
SecretKey = Annotated[str | None, typer.Option(help="The SecretKey; otherwise the sandbox's.", show_default=False)]
Where = Annotated[str | None, typer.Option("--endpoint", help="Where the platform listens, http://HOST:PORT.", show_default=False)]
ScheduleId = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The number of the send.", show_default=False)]


def add(
    ctx: typer.Context,
    *,
    when: Annotated[str, typer.Argument(help="When: 2026-12-01T08:00:00+08:00; without a zone, this machine's.", show_default=False)],
    to: Annotated[list[str], typer.Option("--to", help="A number to send to; may be repeated.", show_default=False)],
    template: Annotated[str, typer.Option(help="A template's id, or verification, notice, marketing or international.")] = "notice",
    param: Annotated[
        list[str] | None, typer.Option("--param", help="A value of the template; may be repeated.", show_default=False)
    ] = None,
    sign: Annotated[str | None, typer.Option(help="The signature's text; empty for none.", show_default=False)] = None,
    app: Annotated[int | None, typer.Option(help="The SdkAppID; otherwise the sandbox's.", show_default=False)] = None,
    secret_id: SecretId = None,
    secret_key: SecretKey = None,
    at: Where = None,
) -> None:
    """Send later."""
    tenant = _tenant(ctx, at)
    known = tenant.templates.get(template)
    if known is None and not template.isdigit():
        raise CommandError("usage", f"没有名为 {template} 的沙箱模板。", f"The sandbox has no template {template}.")
    made = _ask(
        ctx,
        tenant,
        (secret_id, secret_key),
        lambda client: client.send_later(
            _time(when),
            app_id=app or int(tenant.sdk_app_id),
            template_id=int(known.id if known else template),
            to=to,
            params=list(param if param is not None else known.params if known else ()),
            sign_name=tenant.sign_name if sign is None else sign,
        ),
    )
    terminal(ctx).show(msgspec.structs.asdict(made))


def list_(ctx: typer.Context, secret_id: SecretId = None, secret_key: SecretKey = None, at: Where = None) -> None:
    """List sends that wait, and the latest that went."""
    found = _ask(ctx, _tenant(ctx, at), (secret_id, secret_key), lambda client: client.schedules(limit=200))
    terminal(ctx).table([msgspec.structs.asdict(schedule) for schedule in found.items], COLUMNS)


def cancel(ctx: typer.Context, schedule: ScheduleId, secret_id: SecretId = None, secret_key: SecretKey = None, at: Where = None) -> None:
    """Cancel a send that has not begun."""
    terminal(ctx).show(msgspec.structs.asdict(_ask(ctx, _tenant(ctx, at), (secret_id, secret_key), lambda client: client.cancel(schedule))))


def _tenant(ctx: typer.Context, at: str | None) -> "SandboxTenant":
    where = at or endpoint(ctx)
    return with_control(ctx, lambda control: control.sandbox.ensure(actor(), where))


def _ask(ctx: typer.Context, tenant: "SandboxTenant", key: tuple[str | None, str | None], ask: Callable[["Hongyan"], T]) -> T:
    from hongyan.client import Hongyan, Problem, Unreachable  # noqa: PLC0415 - `--help` does not wait for it

    language = "en" if terminal(ctx).lang == "en" else "zh-CN"
    try:
        with Hongyan(tenant.endpoint, key[0] or tenant.secret_id, key[1] or tenant.secret_key, language=language) as client:
            return ask(client)
    except Problem as refused:
        raise CommandError(refused.code, refused.detail, refused.detail) from refused
    except Unreachable as fault:
        raise CommandError(
            "unreachable",
            f"平台没有应答（{tenant.endpoint}）：它在运行吗？",
            f"The platform does not answer at {tenant.endpoint}: does it run?",
        ) from fault


def _time(written: str) -> float:
    try:
        return dt.datetime.fromisoformat(written).timestamp()
    except ValueError:
        raise CommandError(
            "usage",
            f"时间 {written} 无法识别：请写成 2026-12-01T08:00:00+08:00。",
            f"{written} is no time: write 2026-12-01T08:00:00+08:00.",
        ) from None
