"""The simulated carrier on loopback, spoken to by the same session that our own links use."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hongyan.simulator.config import SimulatorConfig
from hongyan.simulator.control import ControlServer, ask
from hongyan.simulator.journal import Journal, digest_of
from hongyan.simulator.orders import read
from hongyan.simulator.server import Simulator, serve
from hongyan.wire.session import Answered, Received, Session
from hongyan.wire.smpp import Smpp, receipt_text, udh
from hongyan.wire.smpp.pdu import (
    BindReceiver,
    BindResp,
    BindTransceiver,
    BindTransmitter,
    DeliverSm,
    DeliverSmResp,
    Pdu,
    QuerySm,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from hongyan.wire.smpp.tlv import Tag, integer, text

PATIENCE_S = 5.0
FAST = SimulatorConfig(receipt_delay_s=0.02, receipt_retry_s=0.02)
ORDINARY = "8613800138000"


class Client(asyncio.Protocol):
    """An ESME: every PDU that comes is put into `came`, in order; receipts are answered with what `verdict` says."""

    def __init__(self) -> None:
        self.session: Session[Pdu] = Session(Smpp(), window=1000, keepalive=0, patience=60, now=0)
        self.came: asyncio.Queue[Pdu | None] = asyncio.Queue()
        self.verdict: Callable[[DeliverSm], int | None] = lambda _: 0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        for event in self.session.receive(data, 0):
            if isinstance(event, Received) and isinstance(event.pdu, DeliverSm):
                status = self.verdict(event.pdu)
                if status is not None:
                    self.session.respond(DeliverSmResp(event.pdu.sequence, status))
            if isinstance(event, (Received, Answered)):
                self.came.put_nowait(event.pdu)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self.came.put_nowait(None)

    def flush(self) -> None:
        assert self.transport is not None
        self.transport.write(self.session.outgoing())

    def ask(self, *pdus: Pdu) -> None:
        for pdu in pdus:
            self.session.request(pdu, 0, windowed=False)
        self.flush()

    async def next(self) -> Pdu | None:
        async with asyncio.timeout(PATIENCE_S):
            return await self.came.get()

    async def take(self, count: int) -> list[Any]:
        return [await self.next() for _ in range(count)]

    async def answer(self, pdu: Pdu) -> Any:
        self.ask(pdu)
        return await self.next()


class Carrier:
    """A simulator and its clients, all in this process."""

    def __init__(self, simulator: Simulator, port: int) -> None:
        self.simulator = simulator
        self.port = port
        self.clients: list[Client] = []

    async def connect(self) -> Client:
        _, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", self.port)
        self.clients.append(client)
        return client

    async def bind(self, kind: type[Pdu] = BindTransceiver, *, system_id: str = "hongyan", deaf: bool = False) -> Client:
        """A bound client; a deaf one never answers receipts."""
        client = await self.connect()
        if deaf:
            client.verdict = lambda _: None
        answer = await client.answer(msgspec.structs.replace(kind(), system_id=system_id, password="secret"))
        assert answer.status == 0
        return client

    def order(self, **order: Any) -> Any:
        return self.simulator.obey(read(json.dumps(order).encode()))  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def running(config: SimulatorConfig = FAST, journal: Journal | None = None) -> AsyncIterator[Carrier]:
    simulator = Simulator(config, clock=time.time, monotonic=time.monotonic, journal=journal)
    carrier = Carrier(simulator, await simulator.start("127.0.0.1", 0))
    try:
        yield carrier
    finally:
        for client in carrier.clients:
            assert client.transport is not None
            client.transport.close()
        await simulator.stop()


def submit(to: str = ORDINARY, message: bytes = b"hello", **fields: Any) -> SubmitSm:
    return SubmitSm(source_addr="10690001", destination_addr=to, registered_delivery=1, short_message=message, **fields)


def parsed(pdu: DeliverSm) -> receipt_text.ReceiptText:
    assert pdu.esm_class == 0x04
    return receipt_text.parse(pdu.short_message.decode("ascii"))


async def test_a_submit_is_answered_with_an_id_and_its_receipt_names_it() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        answer = await client.answer(submit(tlvs=((Tag.USER_MESSAGE_REFERENCE, 4711),)))
        receipt = await client.next()
    assert isinstance(answer, SubmitSmResp)
    assert isinstance(receipt, DeliverSm)
    facts = parsed(receipt)
    assert (facts.id, facts.stat, facts.err, facts.dlvrd, facts.text) == (answer.message_id, "DELIVRD", "000", "001", "hello")
    assert text(receipt.tlvs, Tag.RECEIPTED_MESSAGE_ID) == answer.message_id
    assert integer(receipt.tlvs, Tag.MESSAGE_STATE) == 2
    assert integer(receipt.tlvs, Tag.USER_MESSAGE_REFERENCE) == 4711
    assert (receipt.source_addr, receipt.destination_addr) == (ORDINARY, "10690001")
    written_at = receipt_text.date_at(facts.done_date)
    assert written_at is not None
    assert abs(written_at - time.time()) < 120


async def test_without_registered_delivery_there_is_no_receipt() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        await client.answer(msgspec.structs.replace(submit(), registered_delivery=0))
        await client.answer(msgspec.structs.replace(submit(), registered_delivery=2))
        failed = await client.answer(msgspec.structs.replace(submit("8619900000001"), registered_delivery=2))
        receipt = await client.next()
        assert isinstance(receipt, DeliverSm)
        assert parsed(receipt).id == failed.message_id


@pytest.mark.parametrize(("last", "stat", "state"), [("0001", "UNDELIV", 5), ("0005", "EXPIRED", 3), ("0009", "MK:0001", 5)])
async def test_scripted_handsets_fail_in_their_own_words(last: str, stat: str, state: int) -> None:
    async with running() as carrier:
        client = await carrier.bind()
        await client.answer(submit("861990000" + last))
        receipt = await client.next()
    assert isinstance(receipt, DeliverSm)
    assert (parsed(receipt).stat, integer(receipt.tlvs, Tag.MESSAGE_STATE)) == (stat, state)


async def test_a_rejecting_handset_is_refused_at_once_and_has_no_receipt() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        answer = await client.answer(submit("8619900000004"))
        assert (answer.status, answer.message_id) == (0x0B, "")
        await client.answer(submit())
        receipt = await client.next()
        assert isinstance(receipt, DeliverSm)
        assert receipt.source_addr == ORDINARY
        assert carrier.simulator.centre.owed <= 1


async def test_silent_and_slow_handsets_owe_what_the_table_says() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        await client.answer(submit("8619900000002"))
        assert carrier.simulator.centre.owed == 0
        await client.answer(submit("8619900000003"))
        due = carrier.simulator.centre.next_due()
        assert due is not None
        assert 29 < due - time.monotonic() < 30.1


async def test_a_receipt_can_overtake_the_answer() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        client.ask(submit("8619900000006"))
        receipt, answer = await client.take(2)
    assert isinstance(receipt, DeliverSm)
    assert isinstance(answer, SubmitSmResp)
    assert parsed(receipt).id == answer.message_id


async def test_a_receipt_can_come_twice() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        await client.answer(submit("8619900000007"))
        first, second = await client.take(2)
    assert first.short_message == second.short_message
    assert first.sequence != second.sequence


async def test_a_handset_opts_out_once_the_whole_text_has_arrived() -> None:
    parts = [udh.build(udh.Concatenation(9, 2, number)) + "你好".encode("utf-16-be") for number in (1, 2)]
    async with running() as carrier:
        client = await carrier.bind()
        client.ask(*(submit("8619900000008", part, esm_class=0x40, data_coding=8) for part in parts))
        pdus = await client.take(5)
    assert [type(pdu) for pdu in pdus] == [SubmitSmResp] * 2 + [DeliverSm] * 3
    assert {parsed(pdu).id for pdu in pdus[2:4]} == {pdu.message_id for pdu in pdus[:2]}
    reply = pdus[4]
    assert (reply.esm_class, reply.short_message, reply.source_addr, reply.destination_addr) == (0, b"T", "8619900000008", "10690001")


@pytest.mark.parametrize(
    ("ids", "same"),
    [
        ("same", lambda answer, receipt: answer == receipt),
        ("upper", lambda answer, receipt: answer != receipt and answer.upper() == receipt),
        ("hex", lambda answer, receipt: answer != receipt and int(answer) == int(receipt, 16)),
        ("dec", lambda answer, receipt: answer != receipt and int(answer, 16) == int(receipt)),
        ("padded", lambda answer, receipt: answer != receipt and answer == receipt.lstrip("0")),
    ],
)
async def test_receipts_spell_ids_as_told(ids: str, same: Callable[[str, str], bool]) -> None:
    async with running() as carrier:
        carrier.order(do="receipts", ids=ids, delay_s=0)
        client = await carrier.bind()
        client.ask(submit())
        answer, receipt = await client.take(2)
    assert same(answer.message_id, parsed(receipt).id)
    assert text(receipt.tlvs, Tag.RECEIPTED_MESSAGE_ID) == parsed(receipt).id


async def test_an_unacknowledged_receipt_comes_again_until_it_is() -> None:
    verdicts = iter([0x64, 0x08, 0])
    async with running() as carrier:
        client = await carrier.bind()
        client.verdict = lambda _: next(verdicts)
        client.ask(submit())
        pdus = await client.take(4)
        await client.answer(Unbind())
        counts = carrier.simulator.centre.counts
    assert len({pdu.short_message for pdu in pdus[1:]}) == 1
    assert (counts.sent, counts.deferred, counts.acknowledged, carrier.simulator.centre.owed) == (3, 2, 1, 0)


async def test_a_receipt_refused_for_good_does_not_come_again() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        client.verdict = lambda _: 0x65
        client.ask(submit())
        await client.take(2)
        await client.answer(Unbind())
        assert (carrier.simulator.centre.counts.given_up, carrier.simulator.centre.owed) == (1, 0)


async def test_receipts_wait_for_the_next_session_and_those_unanswered_come_first() -> None:
    async with running(msgspec.structs.replace(FAST, receipt_window=2)) as carrier:
        sender = await carrier.bind(BindTransmitter)
        deaf = await carrier.bind(BindReceiver, deaf=True)
        ids = [(await sender.answer(submit(message=b"%d" % number))).message_id for number in range(4)]
        unanswered = [parsed(pdu).id for pdu in await deaf.take(2)]
        assert deaf.transport is not None
        deaf.transport.abort()
        assert await deaf.next() is None
        receiver = await carrier.bind(BindReceiver)
        received = [parsed(pdu).id for pdu in await receiver.take(4)]
    assert unanswered == ids[:2]
    assert received == ids


async def test_receipts_go_to_every_session_of_their_account_and_to_no_other() -> None:
    async with running(msgspec.structs.replace(FAST, receipt_delay_s=0.0)) as carrier:
        sender = await carrier.bind(BindTransmitter)
        receivers = [await carrier.bind(BindReceiver, deaf=True), await carrier.bind(BindTransceiver, deaf=True)]
        stranger = await carrier.bind(BindReceiver, system_id="stranger")
        sender.ask(*(submit(message=b"%d" % number) for number in range(10)))
        for receiver in receivers:
            await receiver.take(5)
        assert stranger.came.empty()


async def test_a_window_of_receipts_is_never_exceeded() -> None:
    async with running(msgspec.structs.replace(FAST, receipt_window=3, receipt_delay_s=0.0)) as carrier:
        client = await carrier.bind(deaf=True)
        client.ask(*(submit(message=b"%d" % number) for number in range(8)))
        pdus = await client.take(8 + 3)
        held = [pdu for pdu in pdus if isinstance(pdu, DeliverSm)]
        assert len(held) == 3
        assert client.came.empty()
        client.verdict = lambda _: 0
        client.session.respond(DeliverSmResp(held[0].sequence))
        client.flush()
        await client.take(5)


async def test_a_throttled_client_is_told_so() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        carrier.order(do="throttle", next=1)
        assert (await client.answer(submit())).status == 0x58
        carrier.order(do="queue_full", next=1)
        assert (await client.answer(submit())).status == 0x14
        assert (await client.answer(submit())).status == 0


async def test_a_swallowed_answer_still_has_its_receipt() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        carrier.order(do="swallow", next=1)
        receipt = await client.answer(submit(tlvs=((Tag.USER_MESSAGE_REFERENCE, 7),)))
        assert isinstance(receipt, DeliverSm)
        assert integer(receipt.tlvs, Tag.USER_MESSAGE_REFERENCE) == 7
        assert isinstance(await client.answer(submit()), SubmitSmResp)


async def test_a_slow_carrier_answers_late_and_reports_later() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        carrier.order(do="slow", delay_s=0.1)
        asked_at = time.monotonic()
        client.ask(submit())
        answer, receipt = await client.take(2)
        assert time.monotonic() - asked_at >= 0.1
        assert isinstance(answer, SubmitSmResp)
        assert isinstance(receipt, DeliverSm)


async def test_a_dropped_client_cannot_bind_for_a_while() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        carrier.order(do="drop", refuse_s=60)
        assert await client.next() is None
        again = await carrier.connect()
        assert (await again.answer(BindTransceiver(system_id="hongyan"))).status == 0x0D
        assert await again.next() is None
        carrier.order(do="reset")
        await carrier.bind()


async def test_a_handset_writes_back_to_whoever_sent_to_it_last() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        await client.answer(msgspec.structs.replace(submit(), registered_delivery=0))
        assert carrier.order(do="reply", phone="+" + ORDINARY, text="退订")["bound"]
        reply = await client.next()
        assert isinstance(reply, DeliverSm)
        assert (reply.source_addr, reply.destination_addr, reply.data_coding) == (ORDINARY, "10690001", 8)
        assert reply.short_message.decode("utf-16-be") == "退订"


async def test_a_long_reply_comes_in_segments() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        carrier.order(do="reply", phone=ORDINARY, to="10690001", system_id="hongyan", text="雁" * 100)
        parts = [udh.parse(pdu.short_message) for pdu in await client.take(2)]
    assert [part.sequence for part, _ in parts if part is not None] == [1, 2]
    assert b"".join(octets for _, octets in parts).decode("utf-16-be") == "雁" * 100


@pytest.mark.parametrize("order", [{"phone": ORDINARY, "text": "T"}, {"phone": ORDINARY, "text": "T", "system_id": "hongyan"}])
async def test_a_reply_that_has_no_way_to_go_is_refused_in_words(order: dict[str, str]) -> None:
    async with running() as carrier:
        assert carrier.order(do="reply", **order).error


async def test_a_wrong_password_is_refused_and_the_connection_closed() -> None:
    async with running(SimulatorConfig(password="secret")) as carrier:
        client = await carrier.connect()
        answer = await client.answer(BindTransceiver(system_id="hongyan", password="wrong"))
        assert isinstance(answer, BindResp)
        assert answer.status == 0x0E
        assert await client.next() is None
        await carrier.bind()


async def test_what_is_asked_in_the_wrong_state_is_refused() -> None:
    async with running() as carrier:
        client = await carrier.connect()
        assert (await client.answer(submit())).status == 0x04
        receiver = await carrier.bind(BindReceiver)
        assert (await receiver.answer(submit())).status == 0x04
        assert (await receiver.answer(BindReceiver(system_id="hongyan"))).status == 0x05
        assert (await receiver.answer(QuerySm(message_id="1"))).status == 0x03
        assert isinstance(await receiver.answer(Unbind()), UnbindResp)
        assert await receiver.next() is None


@pytest.mark.parametrize("to", ["", "hello", "1" * 21, "８６"])
async def test_an_address_that_is_no_number_is_refused(to: str) -> None:
    async with running() as carrier:
        client = await carrier.bind()
        frame = Smpp().encode(submit("1"), 77)
        client.session._aside[77] = (None, 0.0)
        assert client.transport is not None
        wrong = to.encode("utf-8")
        body = frame[16:].replace(b"\x00\x001\x00", b"\x00\x00" + wrong + b"\x00", 1)
        client.transport.write((16 + len(body)).to_bytes(4) + frame[4:16] + body)
        answer = await client.next()
        assert isinstance(answer, SubmitSmResp)
        assert answer.status == 0x0B


async def test_a_connection_that_does_not_bind_is_closed() -> None:
    async with running(SimulatorConfig(session_init_s=0.0)) as carrier:
        client = await carrier.connect()
        assert await client.next() is None


async def test_bytes_that_are_no_frames_end_their_connection_alone() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        vandal = await carrier.connect()
        assert vandal.transport is not None
        vandal.transport.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await vandal.next() is None
        assert (await client.answer(submit())).status == 0


async def test_too_many_connections_are_closed_at_once() -> None:
    async with running(SimulatorConfig(connections=1)) as carrier:
        client = await carrier.bind()
        assert await (await carrier.connect()).next() is None
        assert (await client.answer(submit())).status == 0


async def test_a_stopping_carrier_unbinds() -> None:
    async with running() as carrier:
        client = await carrier.bind()
        stopping = asyncio.create_task(carrier.simulator.stop())
        goodbye = await client.next()
        assert isinstance(goodbye, Unbind)
        client.session.respond(UnbindResp(goodbye.sequence))
        client.flush()
        assert await client.next() is None
        await stopping


async def test_when_too_much_is_owed_the_oldest_receipt_is_forgotten_or_the_queue_is_full() -> None:
    async with running(msgspec.structs.replace(FAST, owed=2, receipt_delay_s=0.0)) as carrier:
        client = await carrier.bind(BindTransmitter)
        ids = [(await client.answer(submit(message=b"%d" % number))).message_id for number in range(3)]
        receiver = await carrier.bind(BindReceiver, deaf=True)
        assert [parsed(pdu).id for pdu in await receiver.take(2)] == ids[1:]
        assert (await client.answer(submit())).status == 0x14
        assert carrier.simulator.centre.counts.given_up == 1


async def test_the_journal_has_a_line_for_each_submit_and_no_text(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    async with running(journal=journal) as carrier:
        client = await carrier.bind()
        taken = await client.answer(submit(message=b"your code is 123456", tlvs=((Tag.USER_MESSAGE_REFERENCE, 5),)))
        await client.answer(submit("8619900000004"))
    journal.close()
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert (first["phone"], first["message_id"], first["status"], first["user_message_reference"]) == (ORDINARY, taken.message_id, 0, 5)
    assert (first["segment"], first["total"], first["digest"]) == (1, 1, digest_of(b"your code is 123456"))
    assert (second["status"], second["message_id"]) == (0x0B, "")
    assert abs(first["wall"] - time.time()) < 60
    assert "123456" not in path.read_text()


@pytest.mark.parametrize("kind", ["socket", "port"])
async def test_the_control_channel_asks_and_orders(kind: str, tmp_path: Path) -> None:
    async with running() as carrier:
        control = ControlServer(carrier.simulator.obey)
        where = await control.start(str(tmp_path / "s") if kind == "socket" else 0)
        try:
            client = await carrier.bind()
            for message in (b"a", b"a", b"b"):
                await client.answer(submit(message=message))
            stats = await ask(where, {"do": "stats"})
            assert (stats["ok"], stats["submits"], stats["bound"]["trx"]) == (True, 3, 1)
            seen = await ask(where, {"do": "seen", "duplicates": True})
            assert {phone: (sight["distinct"], sight["copies"]) for phone, sight in seen["numbers"].items()} == {ORDINARY: (2, 1)}
            assert (await ask(where, {"do": "seen", "phone": ORDINARY}))["numbers"][ORDINARY]["sender"] == "10690001"
            assert (await ask(where, {"do": "throttle", "next": 1})) == {"ok": True}
            assert (await client.answer(submit())).status in {0x58, 0}
            refused = await ask(where, {"do": "dance"})
            assert (refused["ok"], bool(refused["error"])) == (False, True)
        finally:
            await control.stop()
        with pytest.raises(OSError, match=r".*"):
            await ask(where, {"do": "stats"})


async def test_an_order_to_die_ends_the_server(tmp_path: Path) -> None:
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    path = str(tmp_path / "s")
    task = asyncio.create_task(serve(SimulatorConfig(journal=str(tmp_path / "j")), "127.0.0.1", 0, path, ready.set_result))
    port = await ready
    _, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
    assert (await ask(path, {"do": "kill"})) == {"ok": True}
    assert await client.next() is None
    async with asyncio.timeout(PATIENCE_S):
        await task
    with pytest.raises(OSError, match=r".*"):
        await ask(path, {"do": "stats"})
