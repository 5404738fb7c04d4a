"""What happens in calls, from the transaction that owes it to a customer's server: in order for each call, at least once, nothing lost."""

import ipaddress
import json
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import pytest

from acting import OPERATOR
from conformance.dispatching import TAKEN, World, until
from hongyan.control.callbacks import CallbackChange
from hongyan.control.errors import ControlError
from hongyan.control.plane import assemble
from hongyan.kit.db import Database
from hongyan.kit.http import Answer, Failed, GuardedClient
from hongyan.kit.secretbox import SecretBox
from hongyan.kit.sink import Sink
from hongyan.model.event import CallEnded, CallFailed, CallResult, EventKind, KeyPressed, VoiceEvent
from hongyan.model.message import Dialect, Kind
from hongyan.settings import Settings
from hongyan.store import outbox
from hongyan.store.outbox import Callback
from hongyan.wiring.callbacks import try_out

URL = "https://sms.example.com/voice"
DOWN = Answer(500, b"")
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


class Calls:
    """Facts of the calls of an application that has an address for them."""

    def __init__(self, world: World, app_id: int, dialect: Dialect) -> None:
        self.world = world
        self.app_id = app_id
        self.dialect = dialect

    def head(self, call_id: int) -> dict[str, Any]:
        return {
            "app_id": self.app_id, "event_id": self.world.new_id(), "call_id": call_id, "phone": 8613800138000, "country_code": 86,
            "sender_id": "075583763333", "at": self.world.clock(), "dialect": self.dialect,
        }  # fmt: skip

    def key(self, call_id: int, key: str) -> KeyPressed:
        return KeyPressed(**self.head(call_id), key=key)

    def ended(self, call_id: int) -> CallEnded:
        return CallEnded(
            **self.head(call_id), kind=Kind.NOTICE, result=CallResult.ANSWERED, started_at=self.world.clock() - 20,
            answered_at=self.world.clock() - 10, minutes=1,
        )  # fmt: skip

    def failed(self, call_id: int) -> CallFailed:
        return CallFailed(**self.head(call_id), code=8)

    async def owe(self, *events: VoiceEvent) -> None:
        async with self.world.db.transaction() as tx:
            for event in events:
                await outbox.put_voice(tx, event, self.world.clock())

    def told(self) -> list[tuple[str, str]]:
        """Of what was asked in Tencent's words: which fact, and the call or the key."""
        bodies = [next(iter(json.loads(body).items())) for body in self.world.server.to(URL)]
        return [(name, fields.get("keypress", fields["callid"])) for name, fields in bodies]

    def is_in(self, *states: Callback) -> Callable[[], Awaitable[bool]]:
        async def look() -> bool:
            return await self.world.states(self.app_id) == list(states)

        return look


@pytest.fixture
def world(database: Database) -> World:
    return World(database, time.time())


async def calls(world: World, dialect: Dialect = Dialect.TENCENT_V5, *, native: bool = False, url: str = URL) -> Calls:
    app_id = await world.app()
    await world.control.callbacks.change(OPERATOR, app_id, CallbackChange(voice_url=url, native=native))
    return Calls(world, app_id, dialect)


def later(world: World, seconds: float = 1) -> Callable[[], None]:
    def move() -> None:
        world.clock.now += seconds

    return move


@pytest.mark.parametrize("native", [False, True])
async def test_a_receiver_that_answers_500_and_then_takes_it_gets_the_same_event_twice(world: World, native: bool) -> None:
    asked: list[tuple[bytes, str | None]] = []
    async with Sink() as sink:
        client = GuardedClient(allow=LOOPBACK)

        async def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer | Failed:
            answer = await client.post(url, body, headers)
            asked.append((body, headers.get("webhook-id")))
            return answer

        mine = await calls(world, native=native, url=sink.url + "/voice")
        sink.answer = (500, b"out of order")
        key, ended = mine.key(1000, "2"), mine.ended(1000)
        async with world.dispatching(post=post):
            await mine.owe(key, ended)
            await until(lambda: len(asked) == 1, "the key is refused")
            sink.answer = (200, b'{"result":0}')
            await until(lambda: len(sink.bodies("/voice")) == 2, "both are taken", step=later(world))
            await until(mine.is_in(Callback.DONE), "it is noted")
        await client.close()
    assert len(asked) == 3
    assert asked[0] == asked[1]
    assert [body for body, _ in asked[1:]] == sink.bodies("/voice")
    expected = [f"evt_{key.event_id}", f"evt_{ended.event_id}"] if native else [None, None]
    assert [webhook_id for _, webhook_id in asked[1:]] == expected
    first = json.loads(asked[0][0])
    assert (first["type"] == "voice.key") if native else (list(first) == ["voicekey_callback"])


async def test_what_happens_later_in_a_call_is_told_after_what_was_not_taken_yet(world: World) -> None:
    mine = await calls(world)
    world.server.answer = lambda _url, body: DOWN if b"keypress" in body else TAKEN
    async with world.dispatching():
        await mine.owe(mine.key(7, "1"))
        await until(lambda: len(mine.told()) == 1, "the key is tried")
        await mine.owe(mine.ended(7), mine.failed(8))
        await until(lambda: ("voice_failure_callback", "8") in mine.told(), "another call is told", step=later(world))
        assert ("voiceprompt_callback", "7") not in mine.told()
        world.server.answer = lambda _url, _body: TAKEN
        await until(mine.is_in(Callback.DONE, Callback.DONE), "all is told", step=later(world))
    of_the_call = [fact for fact in mine.told() if fact[1] != "8"]
    assert set(of_the_call[:-1]) == {("voicekey_callback", "1")}
    assert of_the_call[-1] == ("voiceprompt_callback", "7")


async def test_what_happens_while_a_call_is_being_told_is_told_too(world: World) -> None:
    mine = await calls(world)
    more: list[VoiceEvent] = [mine.key(9, "2"), mine.ended(9)]

    async def answer(_body: bytes) -> Answer:
        if more:
            await mine.owe(more.pop(0))
        return TAKEN

    world.server.answer = lambda _url, body: answer(body)
    async with world.dispatching():
        await mine.owe(mine.key(9, "1"))
        await until(lambda: len(mine.told()) >= 3, "all three")
        await until(mine.is_in(Callback.DONE), "it is noted")
        again = mine.ended(9)
        await mine.owe(again)
        await mine.owe(again, again)
        await until(lambda: len(mine.told()) >= 4, "one that comes when all was told")
        await until(mine.is_in(Callback.DONE), "it is noted")
    prompt = ("voiceprompt_callback", "9")
    assert mine.told() == [("voicekey_callback", "1"), ("voicekey_callback", "2"), prompt, prompt]


async def test_nothing_is_owed_when_the_transaction_of_what_happened_fails(world: World) -> None:
    mine = await calls(world)

    async def fails() -> None:
        async with world.db.transaction() as tx:
            await outbox.put_voice(tx, mine.key(1, "1"), world.clock())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    assert await world.states(mine.app_id) == []


async def test_a_lost_ring_costs_a_look_and_no_call_can_be_pulled(world: World) -> None:
    mine = await calls(world, native=True)
    await mine.owe(mine.failed(5), mine.ended(6))
    async with world.db.transaction() as tx:
        for kind in (EventKind.REPORT, EventKind.REPLY, EventKind.VOICE):
            assert await outbox.take(tx, mine.app_id, kind, now=world.clock(), most=100) == []
        assert await outbox.due(tx, [mine.app_id], world.clock()) == []
        assert await outbox.due(tx, [mine.app_id], world.clock(), voice=[mine.app_id]) == [(mine.app_id, EventKind.VOICE, "")]
    async with world.dispatching():
        await until(lambda: len(world.server.to(URL)) == 2, "both are told")
    assert {json.loads(body)["type"] for body in world.server.to(URL)} == {"voice.failed", "voice.ended"}


async def test_an_address_for_calls_is_paused_what_is_dead_is_listed_and_told_again(world: World) -> None:
    mine = await calls(world, Dialect.NATIVE)
    begin = world.clock() - 1
    key, ended = mine.key(3, "1"), mine.ended(3)
    await mine.owe(key, ended)
    world.server.answer = lambda _url, _body: Failed("no connection")

    async def paused() -> bool:
        rows = await world.control.deliveries.endpoints(OPERATOR, app_id=mine.app_id)
        return [(row.kind, row.url) for row in rows if row.paused_at is not None] == [(EventKind.VOICE, URL)]

    async with world.dispatching() as dispatcher:
        await until(paused, "it is paused", 60, step=later(world, 5))
        await until(mine.is_in(Callback.DEAD), "it is dead", 60, step=later(world, 300))
        [row] = await world.control.deliveries.dead(OPERATOR, mine.app_id)
        assert (row.kind, row.events, row.last_error) == (EventKind.VOICE, 2, "no connection")
        first = world.server.to(URL)[0]
        world.server.asked.clear()
        world.server.answer = lambda _url, _body: TAKEN
        done = await world.control.deliveries.replay(OPERATOR, mine.app_id, begin, world.clock(), dead=True)
        assert done.events == 2
        await until(lambda: len(world.server.to(URL)) == 2, "told again", step=later(world, 20))
        assert world.server.to(URL)[0] == first
        assert [headers["webhook-id"] for _, _, headers in world.server.asked] == [f"evt_{key.event_id}", f"evt_{ended.event_id}"]
        await dispatcher.deliveries.flush()
        kept = await world.control.deliveries.page(OPERATOR, mine.app_id)
        assert {row.kind for row in kept} == {EventKind.VOICE}
        await until(mine.is_in(Callback.DONE), "it is noted")
        await world.control.callbacks.change(OPERATOR, mine.app_id, CallbackChange(voice_url=""))
        assert (await world.control.deliveries.replay(OPERATOR, mine.app_id, begin, world.clock())).events == 0


async def test_the_facts_of_an_application_go_to_its_own_address_and_no_other(world: World) -> None:
    mine, others = await calls(world), await calls(world, url="https://other.example.com/voice")
    await mine.owe(mine.failed(11))
    await others.owe(others.failed(12))
    async with world.dispatching():
        await until(lambda: len(world.server.asked) == 2, "both")
    assert mine.told() == [("voice_failure_callback", "11")]
    [body] = world.server.to("https://other.example.com/voice")
    assert json.loads(body)["voice_failure_callback"]["callid"] == "12"


async def test_a_made_up_call_shows_what_an_address_answers(database: Database, world: World) -> None:
    box = SecretBox(bytes(32), os.urandom)
    control = assemble(
        database, box, clock=time.time, entropy=os.urandom, check_url=lambda _url: None,
        try_out=try_out(database, Settings(callback_allow=LOOPBACK), box),
    )  # fmt: skip
    app_id = await world.app()
    with pytest.raises(ControlError) as refused:
        await control.deliveries.test(OPERATOR, app_id, EventKind.VOICE)
    assert refused.value.why == "no_callback_address"
    async with Sink() as sink:
        await control.callbacks.change(OPERATOR, app_id, CallbackChange(voice_url=sink.url + "/voice"))
        taken = await control.deliveries.test(OPERATOR, app_id, EventKind.VOICE)
        await control.callbacks.change(OPERATOR, app_id, CallbackChange(native=True))
        sink.answer = (500, b"")
        failed = await control.deliveries.test(OPERATOR, app_id, EventKind.VOICE)
        [body] = sink.bodies("/voice")
    assert list(msgspec.json.decode(body)) == ["voicecode_callback"]
    assert (taken.status, taken.error, taken.kind, taken.test) == (200, "", EventKind.VOICE, True)
    assert (failed.status, json.loads(failed.sent)["type"]) == (500, "voice.ended")
