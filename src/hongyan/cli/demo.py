"""The demonstration: a whole platform, five messages through the official SDKs, and what became of them."""

import asyncio
import contextlib
import ipaddress
import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from hongyan import wiring
from hongyan.cli.output import CommandError, Terminal
from hongyan.cli.session import actor
from hongyan.control.apps import AppChange
from hongyan.control.plane import ControlPlane
from hongyan.control.sandbox import SandboxTenant
from hongyan.control.timeline import Timeline
from hongyan.doors.tencent.words import message_id
from hongyan.kit.sink import Sink
from hongyan.model.message import Status
from hongyan.model.template import compose_text, fill
from hongyan.settings import Settings

LOOPBACK = ipaddress.ip_network("127.0.0.1/32")
SDK_SCRIPT = Path(__file__).with_name("demo_sdk.py")
READY_WITHIN_S = 90.0
DELIVERED_WITHIN_S = 30.0
LONG = "一次寄来的长短信会被拆成几段，每段都带着自己的序号，到手机上再合成一条；" * 4
"""Makes the notice three segments long."""


class Running(msgspec.Struct):
    """What run/state.json says that matters here."""

    http: str


async def run(settings: Settings, terminal: Terminal, *, once: bool, sdk_python: Path) -> int:
    """Start everything, send, show. Returns the exit code: 0 only when every message went all the way.

    With `once` the platform is stopped afterwards, otherwise it stays until interrupted.
    """
    _demand(sdk_python)
    settings = for_demo(settings)
    async with Sink() as sink, _platform(settings) as address:
        terminal.say("The platform is up at {address}.", address=f"http://{address}")
        async with wiring.control_plane(settings) as control:
            tenant = await control.sandbox.ensure(actor(), f"http://{address}")
            app_id = int(tenant.sdk_app_id)
            await control.apps.change(actor(), app_id, AppChange(report_url=f"{sink.url}/reports", reply_url=f"{sink.url}/replies"))
            try:
                passed = await _show(control, terminal, sink, tenant, sdk_python)
                if passed and not once:
                    terminal.say("It stays up; press Ctrl-C to stop it.")
                    await _interrupted()
            finally:
                await control.apps.change(actor(), app_id, AppChange(report_url="", reply_url=""))
    return 0 if passed else 1


def for_demo(settings: Settings) -> Settings:
    """Settings of a platform beside the usual one: its own data, a free port where the usual one is taken, callbacks to the loopback."""
    changes: dict[str, Any] = {"callback_allow": (*settings.callback_allow, LOOPBACK)}
    if "data_dir" not in settings.model_fields_set:
        changes["data_dir"] = settings.data_dir / "demo"
    if "http" not in settings.model_fields_set and not _is_free(settings.http_address):
        changes["http"] = "127.0.0.1:0"
    return settings.model_copy(update=changes)


def _is_free(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError:
            return False
    return True


def _demand(sdk_python: Path) -> None:
    if not sdk_python.exists():
        raise CommandError(
            "no_sdk",
            f"找不到官方 SDK 的环境 {sdk_python}：请用 make demo 运行，它会准备好。",
            f"The official SDK's environment {sdk_python} is not there: run `make demo`, which prepares it.",
        )


def _address(state: Path) -> str | None:
    return msgspec.json.decode(state.read_bytes(), type=Running).http if state.exists() else None


async def _show(control: ControlPlane, terminal: Terminal, sink: Sink, tenant: SandboxTenant, sdk_python: Path) -> bool:
    sent = await _send(tenant, sdk_python)
    for answer in sent.values():
        terminal.say("SendSms answered {answer}", answer=json.dumps(answer, ensure_ascii=False))
    serials = {name: answer["SerialNo"] for name, answer in sent.items() if answer.get("Code") == "Ok"}
    called_back = await _called_back(sink, set(serials.values()))
    pulled = await _pulled(tenant, sdk_python, set(serials.values()))
    timelines = [await _timeline(control, serial) for serial in serials.values()]
    for name, timeline in zip(serials, timelines, strict=True):
        _print(terminal, name, timeline)
    checks = {
        "every message accepted": len(serials) == len(sent),
        "the long message is three segments": sent["long"].get("Fee") == 3,  # noqa: PLR2004 - as the check says
        "every message delivered over SMPP": all(timeline.status is Status.DELIVERED for timeline in timelines),
        "every report called back": called_back == set(serials.values()),
        "every report pulled": pulled == set(serials.values()),
    }
    for check, passed in checks.items():
        terminal.say("{mark} {check}", mark="✓" if passed else "✗", check=terminal.t(check))
    return all(checks.values())


@contextlib.asynccontextmanager
async def _platform(settings: Settings) -> AsyncIterator[str]:
    """A platform of its own process; gives the address its doors listen at."""
    environ = os.environ | {
        "HONGYAN_DATA_DIR": str(settings.data_dir),
        "HONGYAN_CALLBACK_ALLOW": ",".join(str(network) for network in settings.callback_allow),
        "HONGYAN_HTTP": settings.http,
    }
    state = settings.run_dir / "state.json"
    state.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "hongyan", "serve", env=environ)
    try:
        yield await _ready(process, state)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _ready(process: asyncio.subprocess.Process, state: Path) -> str:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.returncode is not None:
            raise CommandError("serve_failed", "平台没有启动成功，原因见上方日志。", "The platform did not start; the log above says why.")
        if (address := _address(state)) is not None and await _answers_ready(address):
            return address
        await asyncio.sleep(0.1)
    raise CommandError("serve_slow", "平台没有在规定时间内就绪。", f"The platform was not ready within {READY_WITHIN_S:g} s.")


async def _answers_ready(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    try:
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n")
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()


async def _sdk(tenant: SandboxTenant, sdk_python: Path, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    asked = {"endpoint": tenant.host, "secret_id": tenant.secret_id, "secret_key": tenant.secret_key, "calls": calls}
    process = await asyncio.create_subprocess_exec(
        str(sdk_python), "-P", str(SDK_SCRIPT), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate(json.dumps(asked).encode())
    if process.returncode:
        raise CommandError("sdk_failed", "官方 SDK 运行失败，原因见上方。", "The official SDK failed; see above.")
    answers: list[dict[str, Any]] = json.loads(out)
    return answers


async def _send(tenant: SandboxTenant, sdk_python: Path) -> dict[str, dict[str, Any]]:
    """One message of each kind to a handset of its own; the answers by name."""
    first = random.randrange(1000, 9990)  # noqa: S311 - other handsets each time, so that yesterday's limits do not count
    wanted = {name: (tenant.templates[name].id, list(tenant.templates[name].params)) for name in ("verification", "notice", "marketing")}
    wanted["long"] = (tenant.templates["notice"].id, ["20260001", LONG])
    calls = [
        {
            "action": "SendSms",
            "params": {
                "PhoneNumberSet": [f"+861990000{first + n:04d}"],
                "SmsSdkAppId": tenant.sdk_app_id,
                "SignName": tenant.sign_name,
                "TemplateId": template,
                "TemplateParamSet": params,
                "SessionContext": name,
            },
        }
        for n, (name, (template, params)) in enumerate(wanted.items())
    ]
    sample = tenant.templates["verification"]
    text = compose_text(tenant.sign_name, fill(sample.content, sample.params))
    by_content = {"app_id": tenant.sdk_app_id, "app_key": tenant.app_key, "mobile": f"1990000{first + len(wanted):04d}", "text": text}
    *answers, older = await _sdk(tenant, sdk_python, [*calls, {"v5": by_content | {"ext": "by content"}}])
    told = {name: (answer.get("SendStatusSet") or [answer.get("Error", {})])[0] for name, answer in zip(wanted, answers, strict=True)}
    return told | {"by content": _as_newer(older)}


def _as_newer(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer of the v5 API with what counts here under the names of the newer one."""
    return answer | {"Code": "Ok" if answer.get("result") == 0 else str(answer.get("result")), "SerialNo": answer.get("sid", "")}


async def _called_back(sink: Sink, serials: set[str]) -> set[str]:
    """The serial numbers that the customer's server was told of, as soon as all are, or those it knows when time is up."""

    def told() -> set[str]:
        reports = [report for body in sink.bodies("/reports") for report in json.loads(body)]
        return {report["sid"] for report in reports if report["report_status"] == "SUCCESS"} & serials

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DELIVERED_WITHIN_S):
            while told() != serials:
                await sink.next()
    return told()


async def _pulled(tenant: SandboxTenant, sdk_python: Path, serials: set[str]) -> set[str]:
    call = {"action": "PullSmsSendStatus", "params": {"SmsSdkAppId": tenant.sdk_app_id, "Limit": 100}}
    [answer] = await _sdk(tenant, sdk_python, [call])
    return {row["SerialNo"] for row in answer.get("PullSmsSendStatusSet", []) if row["ReportStatus"] == "SUCCESS"} & serials


async def _timeline(control: ControlPlane, serial: str) -> Timeline:
    number = message_id(serial)
    timeline = None if number is None else await control.records.timeline(actor(), number)
    if timeline is None:
        raise CommandError("no_message", f"没有找到短信 {serial}。", f"There is no message {serial}.")
    return timeline


def _print(terminal: Terminal, name: str, timeline: Timeline) -> None:
    from hongyan.cli.timeline import print_timeline  # noqa: PLC0415 - Rich is slow to import

    print_timeline(terminal, timeline, title=f"{name} → {timeline.phone}")


async def _interrupted() -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    await over.wait()
