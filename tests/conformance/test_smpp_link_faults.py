"""Our SMPP link against carriers that fall silent, vanish or flood: a scripted peer on loopback, made of our own session."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import uvloop

from hongyan.carriers.smpp import UNENCODABLE, SmppLink
from hongyan.model.carrier import Declined, Lost, NotSent, Submitted
from hongyan.model.snapshot import LinkConfig
from hongyan.model.text import Alphabet
from hongyan.pipeline.ports import Delivery, LateAnswer, Link, OutboundSegment, SegmentOutcome
from hongyan.wire.session import Answered, Event, Received, Session
from hongyan.wire.smpp import Smpp
from hongyan.wire.smpp.pdu import (
    BindTransceiver,
    BindTransceiverResp,
    DeliverSm,
    EnquireLink,
    GenericNack,
    Outbind,
    Pdu,
    QuerySm,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)

PATIENCE_S = 10.0
SEGMENT = OutboundSegment(1, 7, 1, 1, 8613800138000, "1069123", Alphabet.GSM7, "Hi", 0xE1, 513, 300)


class Peer(asyncio.Protocol):
    """One connection at the carrier's end; `mute` peers read and say nothing more."""

    def __init__(self, carrier: "Carrier") -> None:
        self.carrier = carrier
        self.session: Session[Pdu] = Session(Smpp(), window=10_000, keepalive=0, patience=60, now=0)
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.carrier.peers.append(self)
        self.session.respond(Outbind(99, system_id="SMSC"))

    def data_received(self, data: bytes) -> None:
        if self.carrier.mute:
            return
        for event in self.session.receive(data, 0):
            self._answer(event)
        self.flush()

    def flush(self) -> None:
        self.transport.write(self.session.outgoing())

    def _answer(self, event: Event[Pdu]) -> None:
        self.carrier.seen.put_nowait(event)
        pdu = event.pdu if isinstance(event, Received) else None
        match pdu:
            case BindTransceiver() if self.carrier.binds:
                self.session.respond(BindTransceiverResp(pdu.sequence, 0, "SMSC"))
            case SubmitSm() if self.carrier.answers:
                self.session.respond(SubmitSmResp(pdu.sequence, 0, "1"))
            case Unbind() if self.carrier.answers:
                self.session.respond(UnbindResp(pdu.sequence))
            case _:
                return


class Carrier:
    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.seen: asyncio.Queue[Event[Pdu]] = asyncio.Queue()
        self.mute = False
        self.answers = True
        self.binds = True

    async def saw(self, kind: type[Pdu]) -> Event[Pdu]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = await self.seen.get()
                if isinstance(event, (Received, Answered)) and isinstance(event.pdu, kind):
                    return event

    def say(self, pdu: Pdu) -> None:
        self.peers[-1].session.request(pdu, 0, "ours")
        self.peers[-1].flush()


class Ear:
    """A feed that keeps what it is told."""

    def __init__(self) -> None:
        self.outcomes: asyncio.Queue[SegmentOutcome | LateAnswer] = asyncio.Queue()
        self.deliveries: asyncio.Queue[Delivery] = asyncio.Queue()
        self.notes: list[str] = []
        self._changed = asyncio.Event()

    def outcome(self, outcome: SegmentOutcome | LateAnswer) -> None:
        self.outcomes.put_nowait(outcome)

    def delivery(self, link: Link, delivery: Delivery) -> bool:
        del link
        self.deliveries.put_nowait(delivery)
        return True

    def room_changed(self) -> None:
        self._changed.set()

    def note(self, event: str, **facts: object) -> None:
        self.notes.append(f"{event} {facts.get('why', '')}".strip())
        self._changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def answered(self) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            return (await self.outcomes.get()).outcome


class Scene(msgspec.Struct):
    carrier: Carrier
    ear: Ear
    link: SmppLink


@asynccontextmanager
async def scene(*, wait: bool = True, **settings: Any) -> AsyncIterator[Scene]:
    carrier, ear = Carrier(), Ear()
    carrier.binds = settings.pop("binds", True)
    server = await asyncio.get_running_loop().create_server(lambda: Peer(carrier), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    facts = {"id": 3, "name": "peer", "protocol": "smpp", "host": "127.0.0.1", "port": port, "system_id": "s", "password": "p"}
    link = SmppLink(LinkConfig(**(facts | settings)), ear, clock=time.time, monotonic=time.monotonic, jitter=lambda: 0.0, log=ear.note)
    for number in range(link.config.sessions):
        link.open(number)
    try:
        if wait:
            await ear.until(lambda: link.up)
        yield Scene(carrier, ear, link)
    finally:
        await asyncio.gather(*(link.close(number, 0) for number in range(link.config.sessions)))
        server.close()
        for peer in carrier.peers:
            peer.transport.abort()
        await server.wait_closed()


async def test_a_carrier_that_falls_silent_is_left_and_called_again() -> None:
    async with scene(keepalive_s=0.1, response_s=0.2) as it:
        it.carrier.mute = True
        it.link.submit([SEGMENT], time.time())
        assert await it.ear.answered() == Lost("no answer within 0.2 s")
        await it.ear.until(lambda: "link_down peer is silent" in it.ear.notes)
        it.carrier.mute = False
        await it.ear.until(lambda: it.link.up)
        it.link.submit([SEGMENT], time.time())
        assert await it.ear.answered() == Submitted("1")


async def test_a_carrier_that_never_answers_the_bind_is_called_again() -> None:
    async with scene(wait=False, binds=False, response_s=0.1) as it:
        await it.ear.until(lambda: it.ear.notes.count("link_down bind was not answered") > 1)
        assert not it.link.up
        assert it.link.next_room_in(time.time()) is None
        it.carrier.binds = True
        await it.ear.until(lambda: it.link.up)


async def test_a_carrier_that_is_not_there_is_called_again() -> None:
    async with scene(wait=False, port=1) as it:
        await it.ear.until(lambda: it.ear.notes == ["link_down no connection: ConnectionRefusedError"] * 2)


@pytest.mark.parametrize(("field", "value"), [("password", "much too long"), ("port", 70_000), ("host", "no\0host")])
async def test_a_link_that_cannot_work_says_why_and_does_no_harm(field: str, value: object) -> None:
    async with scene(wait=False, **{field: value}) as it:
        await it.ear.until(lambda: bool(it.ear.notes))
        assert it.ear.notes[0].startswith("link_down ")


async def test_what_never_left_is_told_apart_from_what_may_have_arrived() -> None:
    async with scene() as it:
        it.carrier.answers = False
        written, queued = SEGMENT, msgspec.structs.replace(SEGMENT, message_id=8)
        it.link.submit([written], time.time())
        await it.carrier.saw(SubmitSm)
        stream = it.link._seats[0]._stream
        assert stream is not None
        assert stream._transport is not None
        stream._transport.abort()
        it.link.submit([queued], time.time())
        assert await it.ear.answered() == Lost("connection closed")
        assert await it.ear.answered() == NotSent("connection closed")


async def test_more_than_there_is_room_for_is_not_sent() -> None:
    async with scene(window=2) as it:
        assert it.link.room(time.time()) == 2
        it.link.submit([SEGMENT] * 3, time.time())
        assert it.link.room(time.time()) == 0
        assert it.link.next_room_in(time.time()) is None
        assert await it.ear.answered() == NotSent("no room")
        assert [await it.ear.answered() for _ in range(2)] == [Submitted("1")] * 2
        assert it.link.room(time.time()) == 2


async def test_what_cannot_be_written_is_declined_and_the_rest_goes() -> None:
    async with scene() as it:
        it.link.submit([msgspec.structs.replace(SEGMENT, sender_id="鸿雁"), SEGMENT], time.time())
        assert await it.ear.answered() == Declined(UNENCODABLE)
        assert await it.ear.answered() == Submitted("1")


async def test_the_rate_is_kept_over_all_sessions() -> None:
    async with scene(rate=20.0, sessions=2) as it:
        now = time.time() + 1
        assert it.link.room(now) == 2
        it.link.submit([SEGMENT] * 2, now)
        assert it.link.room(now) == 0
        assert it.link.next_room_in(now) == pytest.approx(0.05)
        assert it.link.room(now + 0.051) == 1


async def test_an_answer_for_a_session_that_is_gone_goes_nowhere() -> None:
    async with scene() as it:
        it.carrier.say(DeliverSm(source_addr="8613800138000", short_message=b"T"))
        delivery = await it.ear.deliveries.get()
        it.carrier.peers[0].transport.abort()
        await it.ear.until(lambda: not it.link.up)
        await it.ear.until(lambda: it.link.up)
        it.link.acknowledge([delivery.ack], stored=True)
        it.carrier.say(EnquireLink())
        await it.carrier.saw(Pdu)


async def test_what_a_carrier_may_not_ask_is_nacked() -> None:
    async with scene() as it:
        it.carrier.say(QuerySm(message_id="1"))
        answer = await it.carrier.saw(GenericNack)
        assert isinstance(answer, Answered)
        assert answer.pdu.status == 3
        assert it.link.up


@pytest.mark.parametrize("garbage", [b"\0" * 16, b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_garbage_ends_the_session_and_the_link_binds_again(garbage: bytes) -> None:
    async with scene() as it:
        it.carrier.peers[0].transport.write(garbage)
        await it.ear.until(lambda: len(it.carrier.peers) > 1 and it.link.up)
        it.link.submit([SEGMENT], time.time())
        assert await it.ear.answered() == Submitted("1")


async def test_a_link_that_is_stopped_in_the_middle_reports_what_it_had_in_flight() -> None:
    async with scene() as it:
        it.carrier.answers = False
        it.link.submit([SEGMENT], time.time())
        await it.carrier.saw(SubmitSm)
        it.carrier.peers[0].transport.pause_reading()
        await it.link.close(0, 0.01)
        assert await it.ear.answered() == Lost("connection closed")


async def test_a_session_that_is_closed_takes_its_window_with_it_and_the_others_go_on() -> None:
    async with scene(sessions=4, window=10) as it:
        await it.ear.until(lambda: it.link.room(time.time()) == it.link.most == 40)
        await asyncio.gather(it.link.close(3, 1), it.link.close(1, 1))
        assert it.link.room(time.time()) == it.link.most == 20
        it.link.submit([SEGMENT] * 20, time.time())
        assert [await it.ear.answered() for _ in range(20)] == [Submitted("1")] * 20
        it.link.open(1)
        assert it.link.most == 30


async def test_sessions_that_are_open_have_their_part_of_the_rate() -> None:
    async with scene(sessions=4, rate=400.0) as it:
        assert it.link.most == 40
        await it.link.close(3, 1)
        assert it.link.most == 30


def test_links_run_under_uvloop_too() -> None:
    async def run() -> None:
        async with scene(sessions=2) as it:
            it.link.submit([SEGMENT] * 20, time.time())
            assert [await it.ear.answered() for _ in range(20)] == [Submitted("1")] * 20
            it.carrier.peers[0].transport.abort()
            await it.ear.until(lambda: "link_down connection closed" in it.ear.notes)

    uvloop.run(run())
