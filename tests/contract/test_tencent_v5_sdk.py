"""The official v5 SDK for Python, in its own environment, against the door on a loopback socket."""

import asyncio
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from hongyan.doors.tencent_v5 import routes
from hongyan.doors.tencent_v5.acts.papers import Papers
from hongyan.doors.tencent_v5.routes import TencentV5Door
from hongyan.kit.web import HotPaths, serve, starlette
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.limits import Limits
from hongyan.model.message import Accepted, Caller, Dialect, Outcome, Refused, SendCommand, Status
from hongyan.model.phone import parse
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import EMPTY, Account, AccountKind, App, Snapshot

ROOT = Path(__file__).parents[2]
SDK_PYTHON = ROOT / ".venv-sdk/bin/python"
DRIVER = ROOT / "tests/contract/sdk/driver_v5.py"
APP_ID = 1400006666
APP_KEY = "5f03a35d00ee52a21327ab048186a2c4"
NO_VOICE = "this request is not supported, voice calls are not offered here"

Ask = Callable[..., Awaitable[list[dict[str, Any]]]]


class Memory:
    """The platform behind the door, as far as the wire can tell: it refuses the number ending in 9 and remembers commands."""

    def __init__(self) -> None:
        app = App(
            id=APP_ID,
            account_id=1,
            name="app",
            app_key=APP_KEY,
            enabled=True,
            limits=Limits(),
            unlimited_phones=frozenset(),
            pull=True,
            report_url="",
            reply_url="",
            context_in_reports=True,
            sender_id="",
            extend_allowed=False,
        )
        self.snapshot = Snapshot(
            version=1,
            accounts={1: Account(id=1, name="one", kind=AccountKind.ENTERPRISE, enabled=True)},
            keys=EMPTY.keys,
            apps={APP_ID: app},
            signatures=EMPTY.signatures,
            templates=EMPTY.templates,
            packages=EMPTY.packages,
            links=EMPTY.links,
        )
        self.commands: list[SendCommand] = []

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        assert caller == Caller(account_id=1, key_id=str(APP_ID))
        if len(command.phones) > 200:
            return Refusal(Reject.TOO_MANY_NUMBERS, f"{len(command.phones)} were given")
        self.commands.append(command)
        return [self._outcome(raw) for raw in command.phones]

    def _outcome(self, raw: str) -> Outcome:
        phone = parse(raw)
        if phone is None:
            return Refused(raw, "", Reject.BAD_NUMBER)
        if raw.endswith("9"):
            return Refused(f"+{phone.number}", phone.region, Reject.LIMIT_DAY)
        return Accepted(message_id=42, phone=phone.number, region=phone.region, segments=1)

    async def reports(self, app_id: int, limit: int) -> list[ReportEvent]:
        return [ReportEvent(app_id, 1, 42, 8618501234444, 86, Status.DELIVERED, "DELIVRD", time.time(), "ctx", Dialect.TENCENT_V5)][:limit]

    async def replies(self, app_id: int, limit: int) -> list[ReplyEvent]:
        return [ReplyEvent(app_id, 2, 8618501234444, 86, "腾讯云", "11", "退订", time.time(), Dialect.TENCENT_V5)][:limit]

    async def reports_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReportEvent]:
        return [report for report in await self.reports(app_id, limit) if report.phone == phone and begin <= end]

    async def replies_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReplyEvent]:
        return [reply for reply in await self.replies(app_id, limit) if reply.phone == phone and begin <= end]

    async def admit(self, account_id: int, action: str, rate: int) -> bool:
        return bool(account_id and action and rate)


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
async def sdk(memory: Memory) -> AsyncIterator[Ask]:
    """Asks the door through the SDK: instructions of driver_v5.py without address and key, answers in the same order."""
    if not SDK_PYTHON.exists():
        pytest.fail("the SDK's environment is missing; create it with: make .venv-sdk/.installed")
    nobody = cast("Any", None)
    door = TencentV5Door(
        directory=memory,
        send=memory,
        pulls=memory,
        counts=nobody,
        papers=Papers(nobody, nobody, nobody, nobody),
        rates=memory,
        clock=time.time,
    )
    served = HotPaths(door.doors, starlette(routes.routes()))
    with socket.create_server(("127.0.0.1", 0)) as sock:
        stop, ready = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(serve(served, sock, stop=stop, patience_s=1, ready=ready.set))
        await ready.wait()
        common = {"base": f"http://127.0.0.1:{sock.getsockname()[1]}", "appid": APP_ID, "appkey": APP_KEY}
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}

        async def ask(*orders: dict[str, Any]) -> list[dict[str, Any]]:
            process = await asyncio.create_subprocess_exec(
                SDK_PYTHON, DRIVER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment
            )
            lines = "".join(json.dumps(common | order) + "\n" for order in orders)
            told, _ = await process.communicate(lines.encode())
            assert process.returncode == 0
            return [json.loads(line) for line in told.splitlines()]

        yield ask
        stop.set()
        await serving


def order(class_: str, method: str, *args: Any, **more: Any) -> dict[str, Any]:
    return {"class": class_, "method": method, "args": list(args)} | more


ONE = order(
    "SmsSingleSender", "send_with_param", 86, "18501234444", 1110, ["4370", "a b+c&d=é"], kwargs={"sign": "腾讯云", "ext": "order 7"}
)


async def test_one_number_is_sent_to_by_template(sdk: Ask, memory: Memory) -> None:
    [answer] = await sdk(ONE)
    assert answer == {"result": 0, "errmsg": "OK", "ext": "order 7", "fee": 1, "sid": "2021:42"}
    [command] = memory.commands
    assert (command.phones, command.sign_name, command.template_id) == (("+8618501234444",), "腾讯云", 1110)
    assert (command.params, command.session_context) == (("4370", "a b+c&d=é"), "order 7")


async def test_numbers_are_answered_one_by_one(sdk: Ask) -> None:
    numbers = ["18501234444", 18501234449, "12"]
    [answer] = await sdk(order("SmsMultiSender", "send_with_param", 86, numbers, 1110, ["4370"], kwargs={"sign": "腾讯云"}))
    assert (answer["result"], answer["errmsg"], answer["ext"]) == (0, "OK", "")
    assert [(each["mobile"], each["nationcode"], each["result"], each.get("sid")) for each in answer["detail"]] == [
        ("18501234444", "86", 0, "2021:42"),
        ("18501234449", "86", 1025, None),
        ("12", "86", 1016, None),
    ]


async def test_refusals_are_handed_to_the_program(sdk: Ask) -> None:
    orders = {
        1001: ONE | {"appkey": "wrong"},
        1019: ONE | {"appid": 1499999999},
        1025: order("SmsSingleSender", "send_with_param", "86", "18501234449", 1110, ["4370"]),
        1046: order("SmsMultiSender", "send_with_param", 86, ["18501234444"] * 201, 1110, ["4370"]),
        1004: order("SmsStatusPuller", "pull_callback", 101),
    }
    answers = await sdk(*orders.values())
    assert [answer["result"] for answer in answers] == list(orders)
    assert all(answer["errmsg"] for answer in answers)


async def test_reports_and_replies_are_pulled(sdk: Ask) -> None:
    number = ("86", "18501234444", int(time.time()) - 60, int(time.time()), 10)
    results = await sdk(
        order("SmsStatusPuller", "pull_callback", 10),
        order("SmsMobileStatusPuller", "pull_callback", *number),
        order("SmsStatusPuller", "pull_reply", 10),
        order("SmsMobileStatusPuller", "pull_reply", *number),
    )
    assert [(result["result"], result["errmsg"], result["count"]) for result in results] == [(0, "ok", 1)] * 4
    for [report] in (result["data"] for result in results[:2]):
        assert (report["sid"], report["report_status"], report["errmsg"], report["ext"]) == ("2021:42", "SUCCESS", "DELIVRD", "ctx")
    for [reply] in (result["data"] for result in results[2:]):
        assert (reply["text"], reply["extend"], reply["sign"], reply["mobile"]) == ("退订", "11", "腾讯云", "18501234444")


async def test_every_voice_call_is_understood_and_declined(sdk: Ask) -> None:
    answers = await sdk(
        order("CodeVoiceSender", "send", "86", "18501234444", "5678"),
        order("PromptVoiceSender", "send", "86", "18501234444", 2, "您的验证码是5,6,7,8"),
        order("TtsVoiceSender", "send", 1110, ["5678"], "18501234444"),
        order("FileVoiceSender", "send", "0b4d1d8e2c.wav", "18501234444"),
        order("VoiceFileUploader", "upload", "RIFF the sound"),
    )
    assert [(answer["result"], answer["errmsg"]) for answer in answers] == [(1030, NO_VOICE)] * 5
