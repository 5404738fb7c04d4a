"""Huawei's official SDK for Python, in its own environment, and a WSSE client in both digests, against the door on a loopback socket."""

import asyncio
import base64
import hashlib
import json
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hongyan.doors.huawei.ids import message_id
from hongyan.doors.huawei.routes import HuaweiDoor
from hongyan.kit.web import HotPaths, serve, starlette
from hongyan.model import long_id
from huawei_shop import ALIAS, CODE, FROM, KEY, NOTICE, SECRET, TO, Platform, accept_all

ROOT = Path(__file__).parents[2]
SDK_PYTHON = ROOT / ".venv-sdk/bin/python"
DRIVER = ROOT / "tests/contract/sdk/driver_huawei.py"

Ask = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def platform() -> Platform:
    return Platform(accept_all)


@pytest.fixture
async def base(platform: Platform) -> AsyncIterator[str]:
    """Where the door listens."""
    if not SDK_PYTHON.exists():
        pytest.fail("the SDK's environment is missing; create it with: make .venv-sdk/.installed")
    door = HuaweiDoor(directory=platform, send=platform, rates=platform, check_url=lambda _url: None, clock=time.time)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        stop, ready = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(serve(HotPaths(door.doors, starlette([])), sock, stop=stop, patience_s=1, ready=ready.set))
        await ready.wait()
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        stop.set()
        await serving


@pytest.fixture
def sdk(base: str) -> Ask:
    """Asks the door through the SDK: instructions of driver_huawei.py without address and key, answers in the same order."""

    async def ask(*orders: dict[str, Any]) -> list[dict[str, Any]]:
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        process = await asyncio.create_subprocess_exec(
            SDK_PYTHON, DRIVER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment
        )
        common = {"base": base, "key": KEY, "secret": SECRET}
        told, _ = await process.communicate("".join(json.dumps(common | order) + "\n" for order in orders).encode())
        assert process.returncode == 0
        return [json.loads(line) for line in told.splitlines()]

    return ask


def one(**more: Any) -> dict[str, Any]:
    body = {"_from": FROM, "to": TO, "template_id": ALIAS, "template_paras": '["369751","5"]'}
    return {"call": "batch_send_sms", "body": body | more}


def many(*contents: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"call": "batch_send_diff_sms", "body": {"_from": FROM, "sms_content": list(contents)} | more}


async def test_both_calls_are_understood_and_answered(sdk: Ask, platform: Platform) -> None:
    contents = (
        {"to": [TO, "15234567890"], "template_id": long_id.written(CODE), "template_paras": ["369751", "5"]},
        {"to": ["+8615345678901"], "template_id": long_id.written(NOTICE), "template_paras": ["三", "People's Park"]},
    )
    first, second = await sdk(
        one(to=f"{TO},+8615234567890", extend="e x/1+2", status_callback="https://shop.example/cb"), many(*contents, extend="x")
    )
    assert (first["ok"]["code"], first["ok"]["description"]) == ("000000", "Success")
    assert [(each["origin_to"], each["status"], each["country_id"], each["total"]) for each in first["ok"]["result"]] == [
        (TO, "000000", "CN", 2),
        ("+8615234567890", "000000", "CN", 2),
    ]
    assert [message_id(each["sms_msg_id"]) for each in second["ok"]["result"]] == [100, 101, 100]
    by_form, code, notice = platform.commands
    assert (by_form.session_context, by_form.callback_url) == ("e x/1+2", "https://shop.example/cb")
    assert (by_form.phones, code.phones, notice.phones) == ((TO, "+8615234567890"), (TO, "15234567890"), ("+8615345678901",))
    assert notice.params == ("三", "People's Park")


async def test_an_error_reaches_the_program_as_it_knows_it(sdk: Ask) -> None:
    """The SDK finds neither code nor text in this API's errors: it hands on the body, which programs read themselves."""
    wrong, malformed, unknown = await sdk(one() | {"secret": "wrong"}, one(to="1512345678x"), one() | {"key": "nobody"})
    assert [(each["status"], each["code"]) for each in (wrong, malformed, unknown)] == [(400, "400"), (400, "400"), (401, "401")]
    codes = [json.loads(each["message"])["code"] for each in (wrong, malformed, unknown)]
    assert codes == ["E000045", "E000503", "E000102"]
    assert uuid.UUID(wrong["request_id"])


async def test_what_was_not_taken_is_told_number_by_number(sdk: Ask) -> None:
    [told] = await sdk(one(to=f"{TO},{TO}"))
    assert told["ok"]["code"] == "E000510"
    assert [each["status"] for each in told["ok"]["result"]] == ["000000", "E200041"]


def wsse(digest: Callable[[bytes], bytes], created: str) -> dict[str, str]:
    """As the demos of Huawei (hexadecimal) and SMS4J (octets) make it."""
    nonce = uuid.uuid4().hex
    proof = base64.b64encode(digest((nonce + created + SECRET).encode())).decode()
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": 'WSSE realm="SDP",profile="UsernameToken",type="Appkey"',
        "X-WSSE": f'UsernameToken Username="{KEY}",PasswordDigest="{proof}",Nonce="{nonce}",Created="{created}"',
    }


@pytest.mark.parametrize("hexadecimal", [True, False])
@pytest.mark.parametrize("ahead_s", [0, 8 * 3600])
async def test_programs_with_a_token_are_understood_in_both_digests_and_in_local_time(
    base: str, platform: Platform, *, hexadecimal: bool, ahead_s: int
) -> None:
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead_s))
    headers = wsse(lambda data: _hex(data) if hexadecimal else hashlib.sha256(data).digest(), created)
    form = {"from": FROM, "to": TO, "templateId": ALIAS, "templateParas": '["369751","5"]', "statusCallback": "", "signature": ""}
    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{base}/sms/batchSendSms/v1", data=form, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (200, "000000"), answer.text
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
    assert uuid.UUID(answer.headers["x-request-id"])
    assert platform.commands[0].phones == (TO,)


def _hex(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode()
