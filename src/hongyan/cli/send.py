"""hongyan sandbox, hongyan send."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from hongyan.cli import tc3
from hongyan.cli.output import CommandError
from hongyan.cli.session import actor, endpoint, terminal, with_control

if TYPE_CHECKING:
    from hongyan.control.sandbox import SandboxTenant

VERSION = "2021-01-11"
PATIENCE_S = 30.0
COLUMNS = ("PhoneNumber", "Code", "Message", "Fee", "SerialNo")

Params = Annotated[list[str] | None, typer.Option("--param", help="A value of the template; may be repeated.", show_default=False)]


def sandbox(ctx: typer.Context) -> None:
    """Create the sandbox tenant, or show it: everything needed to send at once."""
    terminal(ctx).show(_tenant(ctx, endpoint(ctx)))


def send(
    ctx: typer.Context,
    *,
    to: Annotated[list[str], typer.Option("--to", help="A number to send to; may be repeated.", show_default=False)],
    template: Annotated[str, typer.Option(help="A template's id, or verification, notice, marketing or international.")] = "verification",
    param: Annotated[
        list[str] | None, typer.Option("--param", help="A value of the template; may be repeated.", show_default=False)
    ] = None,
    sign: Annotated[str | None, typer.Option(help="The signature's text; empty for none.", show_default=False)] = None,
    app: Annotated[str | None, typer.Option(help="The SdkAppID; otherwise the sandbox's.", show_default=False)] = None,
    secret_id: Annotated[str | None, typer.Option(help="The SecretId; otherwise the sandbox's.", show_default=False)] = None,
    secret_key: Annotated[str | None, typer.Option(help="The SecretKey; otherwise the sandbox's.", show_default=False)] = None,
    context: Annotated[str, typer.Option(help="SessionContext, handed back in reports.")] = "",
    at: Annotated[str | None, typer.Option("--endpoint", help="Where the platform listens, http://HOST:PORT.", show_default=False)] = None,
) -> None:
    """Send through the running platform's door, as a customer's program does."""
    where = at or endpoint(ctx)
    tenant = None if app and secret_id and secret_key and template.isdigit() and param is not None else _tenant(ctx, where)
    known = None if tenant is None else tenant.templates.get(template)
    if known is None and not template.isdigit():
        raise CommandError("usage", f"没有名为 {template} 的沙箱模板。", f"The sandbox has no template {template}.")
    request = {
        "PhoneNumberSet": to,
        "SmsSdkAppId": app or (tenant.sdk_app_id if tenant else ""),
        "TemplateId": known.id if known else template,
        "TemplateParamSet": list(param if param is not None else known.params if known else ()),
        "SignName": sign if sign is not None else tenant.sign_name if tenant else "",
        "SessionContext": context,
    }
    answer = call(
        where,
        secret_id=secret_id or (tenant.secret_id if tenant else ""),
        secret_key=secret_key or (tenant.secret_key if tenant else ""),
        action="SendSms",
        request={name: value for name, value in request.items() if value},
    )
    statuses: list[dict[str, Any]] = answer["SendStatusSet"]
    terminal(ctx).table(statuses, COLUMNS)
    if any(status["Code"] != "Ok" for status in statuses):
        raise typer.Exit(1)


def _tenant(ctx: typer.Context, where: str) -> "SandboxTenant":
    return with_control(ctx, lambda control: control.sandbox.ensure(actor(), where))


def call(where: str, *, secret_id: str, secret_key: str, action: str, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one signed call. Raises `CommandError` when nobody listens there or the answer is an error."""
    import httpx2  # noqa: PLC0415 - `--help` does not wait for it

    body = json.dumps(request).encode()
    host = urlsplit(where).netloc
    headers = tc3.headers(
        secret_id=secret_id, secret_key=secret_key, host=host, action=action, version=VERSION, body=body, at=int(time.time())
    )
    try:
        with httpx2.Client(timeout=PATIENCE_S, trust_env=False) as client:
            response = client.post(where.rstrip("/") + "/", content=body, headers=headers)
        answer: dict[str, Any] = response.json()["Response"]
    except (httpx2.HTTPError, httpx2.InvalidURL) as fault:
        raise CommandError(
            "unreachable",
            f"连不上 {where}（{fault}）：平台在运行吗？用 `hongyan serve` 启动。",
            f"{where} cannot be reached ({fault}): is the platform running? `hongyan serve` starts it.",
        ) from fault
    except (ValueError, KeyError, TypeError) as fault:
        raise CommandError(
            "not_hongyan",
            f"{where} 的回答不是鸿雁的格式：请检查 --endpoint。",
            f"What {where} answered is not Hongyan's: check --endpoint.",
        ) from fault
    if "Error" in answer:
        error = answer["Error"]
        raise CommandError(error["Code"], f"{error['Code']}：{error['Message']}", f"{error['Code']}: {error['Message']}")
    return answer
