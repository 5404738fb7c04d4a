"""hongyan sandbox, hongyan send, hongyan send-text."""

import json
import secrets
import time
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from hongyan.cli import tc3
from hongyan.cli.output import CommandError
from hongyan.cli.session import actor, endpoint, terminal, with_control
from hongyan.doors.tencent_v5.auth import signed

if TYPE_CHECKING:
    from hongyan.control.sandbox import SandboxTenant

VERSION = "2021-01-11"
PATIENCE_S = 30.0
COLUMNS_V5 = ("mobile", "result", "errmsg", "fee", "sid")
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


def send_text(
    ctx: typer.Context,
    *,
    text: Annotated[str, typer.Argument(help="The whole text, with 【signature】 in front or without.", show_default=False)],
    to: Annotated[list[str], typer.Option("--to", help="A number to send to; may be repeated.", show_default=False)],
    marketing: Annotated[bool, typer.Option("--marketing", help="The text is of a marketing template.")] = False,
    app: Annotated[str | None, typer.Option(help="The SdkAppID; otherwise the sandbox's.", show_default=False)] = None,
    app_key: Annotated[str | None, typer.Option(help="The AppKey; otherwise the sandbox's.", show_default=False)] = None,
    at: Annotated[str | None, typer.Option("--endpoint", help="Where the platform listens, http://HOST:PORT.", show_default=False)] = None,
) -> None:
    """Send by content through the running platform's v5 door: the text must be an approved template's."""
    where = at or endpoint(ctx)
    tenant = None if app and app_key else _tenant(ctx, where)
    request = {"tel": [_tel(number) for number in to], "type": int(marketing), "msg": text}
    answer = call_v5(
        where,
        app_id=app or (tenant.sdk_app_id if tenant else ""),
        app_key=app_key or (tenant.app_key if tenant else ""),
        request=request,
    )
    details: list[dict[str, Any]] = answer["detail"]
    terminal(ctx).table(details, COLUMNS_V5)
    if any(detail["result"] for detail in details):
        raise typer.Exit(1)


def _tel(number: str) -> dict[str, str]:
    from hongyan.model.phone import parse  # noqa: PLC0415 - the numbering plan is slow to import

    phone = parse(number)
    if phone is None:
        raise CommandError("usage", "号码无法识别：请写成 +国家码号码。", "A number cannot be read: write +<country code><number>.")
    return {"nationcode": str(phone.country_code), "mobile": phone.national}


def call(where: str, *, secret_id: str, secret_key: str, action: str, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one signed call. Raises `CommandError` when nobody listens there or the answer is an error."""
    body = json.dumps(request).encode()
    host = urlsplit(where).netloc
    headers = tc3.headers(
        secret_id=secret_id, secret_key=secret_key, host=host, action=action, version=VERSION, body=body, at=int(time.time())
    )
    answer = _posted(where, "/", body, headers).get("Response")
    if not isinstance(answer, dict):
        raise _stranger(where)
    if "Error" in answer:
        error = answer["Error"]
        raise CommandError(error["Code"], f"{error['Code']}：{error['Message']}", f"{error['Code']}: {error['Message']}")
    return answer


def call_v5(where: str, *, app_id: str, app_key: str, request: dict[str, Any]) -> dict[str, Any]:
    """The same for the call of v5 that sends to several numbers."""
    now, random = str(int(time.time())), str(secrets.randbelow(900_000) + 100_000)
    mobiles = ",".join(tel["mobile"] for tel in request["tel"])
    body = json.dumps(request | {"sig": signed(app_key, random, now, f"&mobile={mobiles}"), "time": int(now)}).encode()
    path = f"/v5/tlssmssvr/sendmultisms2?sdkappid={app_id}&random={random}"
    answer = _posted(where, path, body, {"Content-Type": "application/json"})
    if "ErrorCode" in answer:
        answer = {"result": answer["ErrorCode"], "errmsg": answer["ErrorInfo"]}
    if "result" not in answer:
        raise _stranger(where)
    if answer["result"]:
        raise CommandError(str(answer["result"]), f"{answer['result']}：{answer['errmsg']}", f"{answer['result']}: {answer['errmsg']}")
    return answer


def _posted(where: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    import httpx2  # noqa: PLC0415 - `--help` does not wait for it

    try:
        with httpx2.Client(timeout=PATIENCE_S, trust_env=False) as client:
            answer = client.post(where.rstrip("/") + path, content=body, headers=headers).json()
    except (httpx2.HTTPError, httpx2.InvalidURL) as fault:
        raise CommandError(
            "unreachable",
            f"连不上 {where}（{fault}）：平台在运行吗？用 `hongyan serve` 启动。",
            f"{where} cannot be reached ({fault}): is the platform running? `hongyan serve` starts it.",
        ) from fault
    except ValueError as fault:
        raise _stranger(where) from fault
    if not isinstance(answer, dict):
        raise _stranger(where)
    return answer


def _stranger(where: str) -> CommandError:
    return CommandError(
        "not_hongyan",
        f"{where} 的回答不是鸿雁的格式：请检查 --endpoint。",
        f"What {where} answered is not Hongyan's: check --endpoint.",
    )
