"""Callbacks while a third of all requests go wrong and dispatchers die (50,000 of them by `make callbacks`): nothing is lost.

What a server took is written down when it took it, also when its answer never arrived.
"""

import asyncio
import contextlib
import json
import os
import random
import time
from collections import defaultdict
from collections.abc import Mapping
from urllib.parse import parse_qs

import pytest
from standardwebhooks import Webhook

from acting import OPERATOR
from conformance.dispatching import TAKEN, World, until
from hongyan.control.callbacks import CallbackChange
from hongyan.kit.db import Database
from hongyan.kit.http import Answer, Failed
from hongyan.model.message import Dialect
from hongyan.store.outbox import Callback

EVENTS = int(os.environ.get("HONGYAN_CALLBACK_EVENTS", "900"))
SEED = 20261122 if os.environ.get("CI") else int.from_bytes(os.urandom(3), "big")
FAULTS = 0.3
NATIVE, CLASSIC, FORMS = "https://native.example.com/hook", "https://classic.example.com/reports", "https://forms.example.com/status"


class Troubled:
    """Customers' servers, of which a third of the answers are no good; what they took, in the order they took it."""

    def __init__(self, chance: random.Random, secret: str) -> None:
        self._chance = chance
        self._secret = secret
        self.taken: defaultdict[str, list[str]] = defaultdict(list)
        """Event ids, or for forms the message and segment, by address."""
        self.native: defaultdict[str, set[bytes]] = defaultdict(set)
        """Bodies by webhook-id."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer | Failed:
        await asyncio.sleep(0)
        fate = self._chance.random()
        if fate < FAULTS / 2:
            return self._chance.choice(
                (Answer(500, b""), Answer(503, b"{}"), Failed("no answer within 5 seconds"), Failed("no connection"))
            )
        self._take(url, body, headers)
        if fate < FAULTS:
            return Failed("the connection broke before an answer came")
        return TAKEN

    def _take(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        if url == NATIVE:
            # With the time of the request: the clock of this test is not the verifier's.
            sent = headers["webhook-timestamp"]
            signed = Webhook(self._secret).sign(headers["webhook-id"], _at(int(sent)), body.decode())
            assert signed in headers["webhook-signature"].split(" ")
            self.native[headers["webhook-id"]].add(body)
            self.taken[url] += [event["id"] for event in json.loads(body)["data"]]
        elif url == CLASSIC:
            self.taken[url] += [report["sid"] for report in json.loads(body)]
        else:
            form = {name: value for name, [value] in parse_qs(body.decode()).items()}
            self.taken[url].append(f"{form['smsMsgId']} {form['sequence']}")


def _at(seconds: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a datetime, which only the library wants
    import datetime as dt  # noqa: PLC0415 - as above

    return dt.datetime.fromtimestamp(seconds, dt.UTC)


async def test_a_third_of_all_answers_are_no_good_and_dispatchers_die(database: Database) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a game of chance that can be played again
    print(f"seed {SEED}, {EVENTS} events")  # noqa: T201 - with it a failure can be played again
    world = World(database, time.time())
    native, classic, forms = await world.app(report_url=NATIVE), await world.app(report_url=CLASSIC), await world.app()
    await world.control.callbacks.change(OPERATOR, native, CallbackChange(native=True))
    await world.control.access.issue(OPERATOR, forms)
    [secret] = await world.control.callbacks.secrets(OPERATOR, native)
    server = Troubled(chance, secret.secret)
    world.server = server  # type: ignore[assignment]
    share, most = EVENTS // 3, 250
    ids = {app_id: [] for app_id in (native, classic, forms)}  # type: dict[int, list[int]]
    for begin in range(0, share, most):
        count = min(most, share - begin)
        ids[native] += await world.end(native, count)
        ids[classic] += await world.end(classic, count, dialect=Dialect.TENCENT_V5)
        ids[forms] += await world.end(forms, count, dialect=Dialect.HUAWEI, url=FORMS, segments=chance.choice((1, 2, 3)))

    async def over() -> bool:
        return all([set(await world.states(app_id)) == {Callback.DONE} for app_id in ids])

    taken = 0

    def later() -> None:
        # Only when nothing else is left to do: what is still waiting for its first turn must not grow a day old meanwhile.
        nonlocal taken
        before, taken = taken, sum(map(len, server.taken.values()))
        world.clock.now += 5 * (taken == before)

    deaths = 0
    deadline = time.monotonic() + max(60.0, EVENTS / 20)
    while not await over():
        assert time.monotonic() < deadline
        async with world.dispatching(seed=chance.randrange(1000)):
            # Killed after a while, in the middle of whatever it does.
            with contextlib.suppress(AssertionError):
                await until(over, "all is told", chance.uniform(0.2, 2.0), step=later)
        deaths += 1
    assert deaths > 1
    assert {int(event) for event in server.taken[NATIVE]} == set(ids[native])
    assert {sid.removeprefix("2021:") for sid in server.taken[CLASSIC]} == {str(id_) for id_ in ids[classic]}
    first: defaultdict[str, list[int]] = defaultdict(list)
    for told in dict.fromkeys(server.taken[FORMS]):
        message, sequence = told.split(" ")
        first[message].append(int(sequence))
    assert len(first) == len(ids[forms])
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in first.values())
    # A repeat is known by its id, and says what it said.
    assert all(len(bodies) == 1 for bodies in server.native.values())
    assert any(len(taken) > len(set(taken)) for taken in server.taken.values())


async def test_dead_addresses_hold_up_no_others(database: Database) -> None:
    """Twenty that never answer, where only sixteen are served at a time."""
    world = World(database, time.time())
    dead = [await world.app(report_url=f"https://dead{n}.example.com/") for n in range(20)]
    well = await world.app(report_url=CLASSIC)
    hang = asyncio.Event()
    arrived: list[float] = []

    async def never() -> Answer | Failed:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await hang.wait()
        return Failed("no answer within 5 seconds")

    def answer(url: str, _body: bytes):  # type: ignore[no-untyped-def]  # noqa: ANN202 - as Server.answer
        if "dead" in url:
            return never()
        arrived.append(time.monotonic())
        return TAKEN

    world.server.answer = answer
    for app_id in dead:
        await world.end(app_id, 1, bundles=3)
    async with world.dispatching(at_once=16):

        async def all_fail() -> bool:
            rows = await world.control.deliveries.endpoints(OPERATOR)
            return len({row.app_id for row in rows} & set(dead)) >= 16

        await until(all_fail, "most of them fail", 60)
        world.clock.now += 40
        delays = []
        for n in range(30):
            begun = time.monotonic()
            await world.end(well, 1)
            await until(lambda n=n: len(arrived) > n, "told", 10)  # type: ignore[misc]
            delays.append(arrived[-1] - begun)
            world.clock.now += 1
        hang.set()
    assert max(delays) < 1.0


@pytest.mark.parametrize("text", ["HONGYAN_CALLBACK_EVENTS"])
def test_the_long_form_is_behind_a_make_target(text: str) -> None:
    from pathlib import Path  # noqa: PLC0415 - only here

    assert text in (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
