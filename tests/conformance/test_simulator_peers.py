"""The simulated carrier as its own process, against other people's SMPP clients, each as its own process too."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hongyan.simulator.control import ask
from hongyan.wire.smpp import receipt_text

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "tests/conformance/peers"
PYTHON = ROOT / ".venv-peers/bin/python"
CLIENTS = ("smpplib_client.py", "aiosmpplib_client.py")
PATIENCE_S = 30.0
SERVER = """
import asyncio, sys
import uvloop
from hongyan.simulator.config import SimulatorConfig
from hongyan.simulator.server import serve
config = SimulatorConfig(password="secret", receipt_delay_s=0.05)
uvloop.run(serve(config, "127.0.0.1", 0, sys.argv[1], lambda port: print(port, flush=True)))
"""
ORDINARY = "8613800138000"


class Carrier:
    def __init__(self, port: int, control: str) -> None:
        self.port = port
        self.control = control

    async def order(self, **order: Any) -> dict[str, Any]:
        answer = await ask(self.control, order)
        assert answer["ok"], answer
        return answer

    async def meet(self, client: str, **task: Any) -> dict[str, Any]:
        """What the client tells of its session."""
        if not PYTHON.exists():
            pytest.fail("the other SMPP stacks are not installed: run `make test`, or `make .venv-peers/.installed` for them alone")
        whole = {"port": self.port, "kind": "transceiver", "password": "secret", "submits": [], "deliveries": 0, **task}
        process = await asyncio.create_subprocess_exec(
            PYTHON, PEERS / client, json.dumps(whole), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert out, err.decode()
        told: dict[str, Any] = json.loads(out.splitlines()[-1])
        return told


@pytest.fixture
async def carrier(tmp_path: Path) -> AsyncIterator[Carrier]:
    control = str(tmp_path / "control")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, control, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            port = int(await process.stdout.readline())
        yield Carrier(port, control)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            await process.communicate()


def parsed(delivery: dict[str, Any]) -> receipt_text.ReceiptText:
    assert delivery["esm_class"] == 0x04
    return receipt_text.parse(bytes.fromhex(delivery["text"]).decode("ascii"))


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("text", "segments"),
    [("Your code is 123456 [ok]", 1), ("【鸿雁】您的验证码是123456", 1), ("鸿雁" * 50, 2)],
    ids=["gsm7", "ucs2", "long"],
)
async def test_every_segment_is_answered_and_reported_under_its_own_id(carrier: Carrier, client: str, text: str, segments: int) -> None:
    told = await carrier.meet(client, submits=[{"to": ORDINARY, "text": text}], deliveries=segments)
    assert told["bound"] == 0
    ids = [answer["id"] for answer in told["answers"]]
    assert [answer["status"] for answer in told["answers"]] == [0] * segments
    assert len(set(ids)) == segments
    assert sorted(parsed(delivery).id for delivery in told["deliveries"]) == sorted(ids)
    assert {parsed(delivery).stat for delivery in told["deliveries"]} == {"DELIVRD"}
    assert sorted(delivery["id"] for delivery in told["deliveries"]) == sorted(ids)
    assert {delivery["state"] for delivery in told["deliveries"]} == {2}
    sight = (await carrier.order(do="seen", phone=ORDINARY))["numbers"][ORDINARY]
    assert (sight["distinct"], sight["copies"]) == (segments, 0)
    stats = await carrier.order(do="stats")
    assert (stats["owed"], stats["acknowledged"], stats["given_up"], stats["bound"]["trx"]) == (0, segments, 0, 0)


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_failed_delivery_is_told_in_the_carriers_words(carrier: Carrier, client: str) -> None:
    told = await carrier.meet(client, submits=[{"to": "8619900000009", "text": "hello"}], deliveries=1)
    assert [(parsed(delivery).stat, delivery["state"]) for delivery in told["deliveries"]] == [("MK:0001", 5)]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_reply_follows_the_receipt(carrier: Carrier, client: str) -> None:
    told = await carrier.meet(client, submits=[{"to": "8619900000008", "text": "hello"}], deliveries=2)
    receipt, reply = told["deliveries"]
    assert parsed(receipt).stat == "DELIVRD"
    assert (reply["esm_class"], reply["from"], reply["to"], bytes.fromhex(reply["text"])) == (0, "8619900000008", "10690001", b"T")


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_throttled_submit_is_understood_as_one(carrier: Carrier, client: str) -> None:
    await carrier.order(do="throttle", next=1)
    told = await carrier.meet(client, submits=[{"to": ORDINARY, "text": "hello"}])
    assert [answer["status"] for answer in told["answers"]] == [0x58]


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_wrong_password_is_understood_as_one(carrier: Carrier, client: str) -> None:
    assert (await carrier.meet(client, password="wrong"))["bound"] == 0x0E


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_transmitter_gets_no_receipts_and_the_next_receiver_gets_them_all(carrier: Carrier, client: str) -> None:
    sent = await carrier.meet(client, kind="transmitter", submits=[{"to": ORDINARY, "text": "hello"}])
    received = await carrier.meet(client, kind="receiver", deliveries=1)
    assert sent["deliveries"] == []
    assert [parsed(delivery).id for delivery in received["deliveries"]] == [sent["answers"][0]["id"]]
