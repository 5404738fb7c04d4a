"""Telling customers' servers, on a real PostgreSQL in virtual time: what fails, is paused, comes back, is replayed and kept to be seen."""

import asyncio
import json
import os
import time
from collections import Counter

import pytest

from acting import OPERATOR
from conformance.dispatching import TAKEN, World, until
from hongyan.control.callbacks import CallbackChange
from hongyan.control.deliveries import Deliveries
from hongyan.control.errors import ControlError, Fault
from hongyan.control.telling import Telling
from hongyan.kit.db import Database
from hongyan.kit.http import Answer, Failed
from hongyan.kit.mail import no_mail
from hongyan.kit.secretbox import SecretBox
from hongyan.model.alarm import AlarmKind
from hongyan.model.event import EventKind
from hongyan.model.message import Dialect
from hongyan.pipeline.callbacks import PROBED_S
from hongyan.pipeline.endpoints import PAUSED_AFTER_S, PROBE_S
from hongyan.store import notices
from hongyan.store.apps import AppRow
from hongyan.store.deliveries import Delivery
from hongyan.store.outbox import Callback

URL = "https://sms.example.com/reports"
DOWN = Answer(500, b"out of\x1b[2J order")


@pytest.fixture
def world(database: Database) -> World:
    return World(database, time.time())


def told(world: World, url: str = URL) -> list[str]:
    return [report["sid"] for body in world.server.to(url) for report in json.loads(body)]


async def test_an_address_that_keeps_failing_is_paused_told_of_once_and_comes_back_by_itself(world: World) -> None:
    app_id = await world.app(report_url=URL)
    ids = await world.end(app_id, 3, bundles=5)
    world.server.answer = lambda _url, _body: DOWN

    async def notices() -> list[str]:
        async with world.db.connection() as conn:
            return [row[0] for row in await conn.fetch("select facts->>'url' from notices where app_id = $1 and kind = 'callback'", app_id)]

    async def paused() -> bool:
        rows = await world.control.deliveries.endpoints(OPERATOR, app_id=app_id)
        return any(row.paused_at is not None for row in rows)

    def later(seconds: float) -> None:
        world.clock.now += seconds

    async with world.dispatching():
        await until(paused, "it is paused", step=lambda: later(2))
        asked, began = len(world.server.asked), world.clock.now
        # Two dead hours: it is asked once a minute or so.
        await until(lambda: world.clock.now > began + 7200, "two hours", 60, step=lambda: later(20))
        assert len(world.server.asked) - asked <= 7200 / (PROBE_S * 0.75) + 1
        assert len(world.server.asked) - asked >= 7200 / (PROBED_S * 1.25) - 5
        [row] = await world.control.deliveries.endpoints(OPERATOR, app_id=app_id)
        assert (row.url, row.error, row.kind, row.place) == (URL, 'HTTP 500; expected 200 and {"result": 0}', EventKind.REPORT, "")
        assert row.paused_at is not None
        assert row.paused_at - row.failing_since >= PAUSED_AFTER_S
        world.server.asked.clear()
        world.server.answer = lambda _url, _body: TAKEN
        await until(lambda: len(set(told(world))) == len(ids), "all are told", step=lambda: later(5))
        assert world.clock.now < began + 7200 + 3 * PROBE_S
        assert await world.control.deliveries.endpoints(OPERATOR, app_id=app_id) == []
    assert await notices() == [URL]
    assert Counter(told(world)) == Counter(f"2021:{id_}" for id_ in ids)


async def test_what_nobody_took_for_a_day_is_dead_and_can_be_replayed_with_its_ids(world: World) -> None:
    app_id = await world.app(report_url=URL)
    ids = await world.end(app_id, 2)
    world.server.answer = lambda _url, _body: Failed("no connection")
    begin = world.clock.now - 1

    async def dead() -> bool:
        return await world.states(app_id) == [Callback.DEAD]

    def later(seconds: float) -> None:
        world.clock.now += seconds

    async with world.dispatching():
        await until(dead, "it is dead", 60, step=lambda: later(300))
        [row] = await world.control.deliveries.dead(OPERATOR, app_id)
        assert (row.events, row.last_error) == (2, "no connection")
        first = world.server.to(URL)[0]
        world.server.asked.clear()
        world.server.answer = lambda _url, _body: TAKEN
        done = await world.control.deliveries.replay(OPERATOR, app_id, begin, world.clock.now, dead=True)
        assert (done.events, done.bundles, done.next_begin) == (2, 1, None)
        await until(lambda: len(told(world)) == 2, "told again", step=lambda: later(20))
        assert world.server.to(URL) == [first]
        assert told(world) == [f"2021:{id_}" for id_ in ids]


async def test_a_stretch_of_time_is_told_once_more(world: World) -> None:
    app_id = await world.app(report_url=URL)
    early = await world.end(app_id, 3)
    world.clock.now += 100
    between = world.clock.now - 50
    late = await world.end(app_id, 3)
    async with world.dispatching():
        await until(lambda: len(told(world)) == 6, "all six")

        async def done() -> bool:
            return await world.states(app_id) == [Callback.DONE] * 2

        await until(done, "noted")
        world.server.asked.clear()
        replayed = await world.control.deliveries.replay(OPERATOR, app_id, between, world.clock.now)
        assert replayed.events == 3
        await until(lambda: len(told(world)) == 3, "the late ones")
        assert told(world) == [f"2021:{id_}" for id_ in late]
        assert not set(told(world)) & {f"2021:{id_}" for id_ in early}
    for begin, end in ((world.clock.now, world.clock.now - 1), (world.clock.now - 8 * 86_400, world.clock.now)):
        with pytest.raises(ControlError) as refused:
            await world.control.deliveries.replay(OPERATOR, app_id, begin, end)
        assert refused.value.code is Fault.INVALID


async def test_what_has_no_address_to_go_to_is_not_replayed(world: World) -> None:
    app_id = await world.app(pull=True)
    await world.control.access.issue(OPERATOR, app_id)
    await world.end(app_id, 3)
    [named] = await world.end(app_id, 1, dialect=Dialect.HUAWEI, url=URL)
    async with world.dispatching():

        async def done() -> bool:
            return await world.states(app_id) == [Callback.NONE, Callback.DONE]

        await until(done, "one is told, the others are pulled")
        world.server.asked.clear()
        replayed = await world.control.deliveries.replay(OPERATOR, app_id, world.clock.now - 10, world.clock.now)
        assert (replayed.events, replayed.bundles) == (1, 1)
        await until(lambda: len(world.server.to(URL)) == 1, f"{named} is told again")
        await until(done, "noted")
    assert await world.control.deliveries.endpoints(OPERATOR, app_id=app_id) == []


async def test_a_dead_place_holds_up_no_other_place_of_the_same_application(world: World) -> None:
    app_id = await world.app()
    await world.control.access.issue(OPERATOR, app_id)
    dead = await world.end(app_id, 5, dialect=Dialect.HUAWEI, url="http://dead.example.com/cb?x=1")
    well = await world.end(app_id, 5, dialect=Dialect.HUAWEI, url="http://well.example.com/cb")
    world.server.answer = lambda url, _body: DOWN if "dead" in url else Answer(200, b"")
    async with world.dispatching():
        await until(lambda: len(world.server.to("http://well.example.com/cb")) == len(well), "those that are well")

        async def failing() -> list[str]:
            return [row.place for row in await world.control.deliveries.endpoints(OPERATOR, app_id=app_id)]

        async def noted() -> bool:
            return await failing() != []

        await until(noted, "the other fails")
        assert await failing() == ["http://dead.example.com"]
        world.server.answer = lambda _url, _body: Answer(200, b"")

        def later() -> None:
            world.clock.now += 1

        await until(lambda: len(world.server.to("http://dead.example.com/cb?x=1")) > len(dead), "the other, too", step=later)


async def test_what_an_address_never_takes_is_tried_ever_more_rarely_while_it_takes_all_else(world: World) -> None:
    app_id = await world.app(report_url=URL)
    await world.control.callbacks.change(OPERATOR, app_id, CallbackChange(native=True))
    [never] = await world.end(app_id, 1)
    began, tries = world.clock.now, list[float]()

    def answer(_url: str, body: bytes) -> Answer:
        if str(never) not in body.decode():
            return TAKEN
        tries.append(world.clock.now - began)
        return DOWN

    world.server.answer = answer

    def later() -> None:
        world.clock.now += 0.5

    async with world.dispatching():
        while world.clock.now < began + 300:
            [other] = await world.end(app_id, 1)
            await until(lambda other=other: any(str(other) in body.decode() for body in world.server.to(URL)), "told", step=later)  # type: ignore[misc]
            world.clock.now += 3
    # After 5, 10, 20, 40, 80 and 160 seconds, each more or less.
    assert 4 <= len(tries) <= 9


async def test_of_many_forms_only_the_rest_is_sent_again(world: World) -> None:
    app_id = await world.app()
    await world.control.access.issue(OPERATOR, app_id)
    url = "http://sms.example.com/cb"
    ids = await world.end(app_id, 20, dialect=Dialect.HUAWEI, url=url, segments=2)
    answers = iter([Answer(200, b"")] * 13 + [DOWN])
    world.server.answer = lambda _url, _body: next(answers, Answer(200, b""))
    async with world.dispatching():
        # The seventh message's second segment failed: its first comes again, those of the six before do not.
        await until(lambda: len(world.server.asked) == 40 + 2, "all", step=lambda: setattr(world.clock, "now", world.clock.now + 1))
    assert Counter(Counter(world.server.to(url)).values()) == {1: 38, 2: 2}
    assert len(ids) == 20


async def test_what_was_sent_and_answered_is_kept_to_be_seen(world: World) -> None:
    app_id = await world.app(report_url=URL)
    await world.end(app_id, 2)
    world.server.answer = lambda _url, _body: DOWN
    async with world.dispatching() as dispatcher:
        await until(lambda: len(world.server.asked) == 1, "asked")
        world.server.answer = lambda _url, _body: TAKEN
        await until(lambda: len(world.server.asked) == 2, "again", step=lambda: setattr(world.clock, "now", world.clock.now + 1))

        async def kept() -> bool:
            await dispatcher.deliveries.flush()
            return len(await world.control.deliveries.page(OPERATOR, app_id)) == 2

        await until(kept, "both are kept")
    well, bad = await world.control.deliveries.page(OPERATOR, app_id)
    assert (bad.status, bad.answer, bad.events) == (500, "out of·[2J order", 2)
    assert bad.error.startswith("HTTP 500")
    assert (well.status, well.error, well.url, well.sent) == (200, "", URL, world.server.to(URL)[0].decode())
    assert await world.control.deliveries.page(OPERATOR, app_id, failed=True) == [bad]


async def test_of_each_address_only_the_newest_are_kept(world: World) -> None:
    app_id = await world.app(report_url=URL)
    async with world.dispatching() as dispatcher:
        for n in range(12):
            await world.end(app_id, 1, bundles=20)
            await until(lambda n=n: len(told(world)) == 20 * (n + 1), "told")  # type: ignore[misc]
            await dispatcher.deliveries.flush()
    assert len(await world.control.deliveries.page(OPERATOR, app_id, most=500)) <= 150


async def test_an_application_may_want_the_native_body_whatever_api_was_used(world: World) -> None:
    app_id = await world.app(report_url=URL)
    await world.control.callbacks.change(OPERATOR, app_id, CallbackChange(native=True))
    [secret] = await world.control.callbacks.secrets(OPERATOR, app_id)
    ids = await world.end(app_id, 2, bundles=2)
    async with world.dispatching():
        await until(lambda: len(world.server.asked) == 2, "two bundles")
    assert secret.secret.startswith("whsec_")
    assert {r["message_id"] for body in world.server.to(URL) for r in json.loads(body)["data"]} == {str(id_) for id_ in ids}
    assert len({headers["webhook-id"] for _, _, headers in world.server.asked}) == 2


async def test_reviews_and_alarms_are_events_on_the_same_rails(world: World) -> None:
    app_id, silent = await world.app(), await world.app()
    hook = "https://sms.example.com/events"
    row = await world.control.callbacks.change(OPERATOR, app_id, CallbackChange(event_url=hook, event_kinds=(AlarmKind.SIGNATURE,)))
    assert row.event_kinds == ("signature",)
    account_id = (await world.control.apps.get(OPERATOR, app_id)).account_id
    telling = Telling(
        world.db, SecretBox(bytes(32), os.urandom), clock=world.clock, jitter=lambda: 0.5, post=world.server, mail=no_mail, text=no_text,
        new_id=world.new_id,
    )  # fmt: skip
    reviewed = {"id": 7, "name": "鸿雁", "approved": True}
    async with world.db.transaction() as tx:
        for told_of, kind in (
            (app_id, AlarmKind.SIGNATURE),
            (app_id, AlarmKind.BALANCE),
            (silent, AlarmKind.SIGNATURE),
            (None, AlarmKind.SIGNATURE),
        ):
            await notices.add(tx, account_id=account_id, app_id=told_of, kind=kind, facts=reviewed, now=world.clock())
    await telling.gather()
    world.server.answer = lambda _url, _body: DOWN
    async with world.dispatching():
        await until(lambda: len(world.server.to(hook)) >= 1, "the first is tried")
        world.server.answer = lambda _url, _body: TAKEN
        await until(
            lambda: len(set(world.server.to(hook))) == 2, "both are told", step=lambda: setattr(world.clock, "now", world.clock.now + 1)
        )

        async def noted() -> bool:
            return set(await world.states(app_id)) == {Callback.DONE}

        await until(noted, "it is noted", step=lambda: setattr(world.clock, "now", world.clock.now + 1))
        owed = len(await world.states(app_id))
        begin = world.clock() - 3600
        replayed = await world.control.deliveries.replay(OPERATOR, app_id, begin, world.clock(), kinds=[EventKind.NOTICE])
        assert replayed.events == owed
    bodies = [json.loads(body) for body in dict.fromkeys(world.server.to(hook))]
    assert [body["type"] for body in bodies] == ["review.decided"] * 2
    assert {body["data"]["app_id"] for body in bodies} == {app_id, None}
    assert all((body["data"]["name"], body["data"]["approved"], body["data"]["kind"]) == ("鸿雁", True, "signature") for body in bodies)
    assert all(headers["webhook-id"].startswith("evt_") for url, _, headers in world.server.asked if url == hook)


async def no_text(_phone: int, _template: str, _values: tuple[str, ...]) -> str | None:
    return "nobody is told by message here"


async def test_events_of_an_application_go_everywhere_or_nowhere_by_one_setting(world: World) -> None:
    app_id = await world.app()
    row = await world.control.callbacks.change(OPERATOR, app_id, CallbackChange(event_url="https://sms.example.com/events"))
    assert row.event_kinds == tuple(kind.value for kind in AlarmKind)
    row = await world.control.callbacks.change(OPERATOR, app_id, CallbackChange(event_url=""))
    assert row.event_url == ""
    assert (await world.control.snapshots.load()).callbacks[app_id].event_url == ""


async def test_a_test_asks_the_address_and_says_what_it_answered(database: Database) -> None:
    assert AlarmKind.CALLBACK.value == "callback"
    world = World(database, time.time())
    app_id = await world.app()
    with pytest.raises(ControlError) as refused:
        await world.control.deliveries.test(OPERATOR, app_id)
    assert refused.value.why == "no_callback_address"


async def test_a_minute_has_six_tests_however_many_are_asked_for_at_once(database: Database) -> None:
    world = World(database, time.time())
    app_id = await world.app(report_url=URL)
    sent: list[str] = []

    async def ask(app: AppRow, kind: EventKind, _dialect: Dialect | None) -> Delivery:
        sent.append(app.report_url)
        await asyncio.sleep(0.2)
        return Delivery(app.id, world.clock.now, kind, "", URL, 0, 200, 200, "[]", "", "")

    tests = Deliveries(database, world.control.audit, world.clock, ask)
    found = await asyncio.gather(*(tests.test(OPERATOR, app_id) for _ in range(9)), return_exceptions=True)
    refused = [each.code for each in found if isinstance(each, ControlError)]
    assert (len(sent), refused) == (6, [Fault.TOO_MANY] * 3)
    kept = await world.control.deliveries.page(OPERATOR, app_id)
    assert [(row.test, row.status) for row in kept] == [(True, 200)] * 6
