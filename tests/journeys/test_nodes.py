"""Two nodes with doors and two that dispatch on one PostgreSQL: limits, seats and rate are those of one, and each may die."""

import asyncio
import itertools
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import msgspec
import pytest

from acting import OPERATOR
from hongyan.model.snapshot import Scope
from hongyan.store import seats
from journeys.customers import Customer, Sdk, sign_up
from journeys.load import Account, Load, account, settled, under
from journeys.nodes import Carrier, Node, Postgres
from journeys.platform import all_of, phone, until

pytestmark = pytest.mark.slow

NOTHING_AMISS = Account()
TAKEN_OVER_S = 30.0
WINDOW_S, BURST_S, JITTER_S = 2.0, 0.1, 0.1
"""The buckets of all nodes together hold what a tenth of a second brings; the carrier may read what it got this much later."""
_names = itertools.count(1)


class Cluster(msgspec.Struct):
    postgres: Postgres
    carrier: Carrier
    doors: list[Node]
    dispatchers: list[Node]

    @property
    def nodes(self) -> list[Node]:
        return [*self.doors, *self.dispatchers]

    async def seats(self) -> Counter[int]:
        """How many seats each living engine has, by the process that it is."""
        async with self.doors[0].database() as db, db.connection() as conn:
            table = await seats.look(conn)
            pids = dict(await conn.fetch("select id, pid from engines"))
        return Counter(pids[engine] for engine in table.held.values())

    async def shared(self, *counts: int) -> None:
        """Wait until the seats are divided like this, and bound."""

        async def divided() -> bool:
            return sorted((await self.seats()).values()) == sorted(counts) and await self.carrier.sessions() == sum(counts)

        await until(divided, f"sessions are divided {counts}", within_s=TAKEN_OVER_S)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    postgres, carrier = Postgres(), Carrier()
    doors = [Node(postgres, carrier, "api") for _ in range(2)]
    dispatchers = [Node(postgres, carrier, "dispatch", "jobs", "callbacks") for _ in range(2)]
    made = Cluster(postgres, carrier, doors, dispatchers)
    try:
        postgres.start()
        carrier.start()
        with ThreadPoolExecutor() as starting:
            list(starting.map(Node.start, made.nodes))
        yield made
    finally:
        with ThreadPoolExecutor() as ending:
            list(ending.map(Node.destroy, made.nodes))
        carrier.destroy()
        postgres.destroy()


Configure = Callable[..., Awaitable[None]]


@pytest.fixture
async def link(cluster: Cluster) -> AsyncIterator[Configure]:
    """Makes the link to the carrier be like this; the test ends with three sessions and no rate."""
    usual = {"sessions": 3, "window": 50}

    async def configure(**changes: object) -> None:
        await cluster.doors[0].link(**(usual | changes))

    await configure()
    yield configure
    await configure()


@pytest.fixture
async def customers(cluster: Cluster, link: Configure, sdk: Sdk, http: httpx2.AsyncClient) -> list[Customer]:
    """The same application, at the doors of both nodes."""
    await link()
    await cluster.shared(1, 2)
    tenant, app_id = await sign_up(cluster.doors[0], f"nodes {next(_names)}")
    found = [Customer(node, sdk, tenant, app_id, http) for node in cluster.doors]
    for customer in found:
        await customer.known()
    return found


@pytest.fixture
def loads(customers: list[Customer]) -> list[Load]:
    """A thousand messages for each node with doors."""
    return [Load(customer, 1000) for customer in customers]


async def test_a_limit_holds_though_both_nodes_are_asked_at_once(customers: list[Customer]) -> None:
    to = phone()
    answers = await all_of(customers[n % 2].submit([to], "verification") for n in range(64))
    assert Counter(status["Code"] for [status] in answers)["Ok"] == 1


async def test_every_message_goes_once_though_two_nodes_claim(cluster: Cluster, loads: list[Load]) -> None:
    await all_of(load.run() for load in loads)
    await settled(loads[0])
    assert [await account(load) for load in loads] == [NOTHING_AMISS] * 2
    mine = {message.phone for load in loads for message in load.promised}
    taken = Counter((f"+{e.phone}", e.segment) for e in cluster.carrier.journal.entries() if not e.status and f"+{e.phone}" in mine)
    assert set(taken.values()) == {1}
    assert len(mine) == 2000
    async with cluster.doors[0].database() as db, db.connection() as conn:
        senders = await conn.fetchval("select count(distinct owner) from queue where app_id = $1", loads[0].customer.app_id)
    assert senders == 0


async def test_the_rate_of_a_link_is_kept_over_all_nodes(cluster: Cluster, link: Configure, customers: list[Customer]) -> None:
    rate = 150
    await link(rate=float(rate))
    await cluster.shared(1, 2)
    began = time.monotonic()
    numbers = [phone() for _ in range(900)]
    answers = await all_of(customers[n % 2].submit(numbers[n * 100 : (n + 1) * 100], "notice") for n in range(9))
    assert {status["Code"] for answer in answers for status in answer} == {"Ok"}
    mine = {number.removeprefix("+") for number in numbers}

    def seen() -> list[float]:
        return sorted(e.monotonic for e in cluster.carrier.journal.entries() if e.phone in mine and e.monotonic >= began)

    await until(lambda: len(seen()) == len(numbers), "all are sent")
    times = seen()
    most = max(bisect_left(times, at + WINDOW_S) - place for place, at in enumerate(times))
    assert most <= rate * (WINDOW_S + BURST_S + JITTER_S)
    assert len(times) / (times[-1] - times[0]) == pytest.approx(rate, rel=0.15)


async def test_a_dispatching_node_that_dies_loses_nothing_and_another_takes_over(cluster: Cluster, loads: list[Load]) -> None:
    running = [await under(load, at=150) for load in loads]
    node = cluster.dispatchers[0]
    gone = node.engines()
    node.kill_all()
    died = time.monotonic()
    await cluster.shared(3)
    assert not gone & (await cluster.seats()).keys()

    async def buried() -> bool:
        async with cluster.doors[0].database() as db, db.connection() as conn:
            return not await conn.fetchval("select exists (select from engines where pid = any($1))", list(gone))

    await until(buried, "what it held is free")
    took_over_s = time.monotonic() - died
    await all_of(running)
    await asyncio.to_thread(node.start)
    await settled(loads[0])
    assert [await account(load) for load in loads] == [NOTHING_AMISS] * 2
    assert took_over_s < TAKEN_OVER_S
    await cluster.shared(1, 2)


async def test_a_node_that_stops_in_order_and_one_that_joins_move_sessions_without_a_doubt(cluster: Cluster, loads: list[Load]) -> None:
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, await cluster.carrier.sessions())
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    running = [await under(load, at=100) for load in loads]
    node = cluster.dispatchers[1]
    await asyncio.to_thread(node.stop)
    await cluster.shared(3)
    await asyncio.to_thread(node.start)
    await cluster.shared(1, 2)
    await all_of(running)
    await settled(loads[0])
    watching.cancel()
    assert [await account(load) for load in loads] == [NOTHING_AMISS] * 2
    assert most == 3
    async with cluster.doors[0].database() as db, db.connection() as conn:
        assert await conn.fetchval("select count(*) from suspects where app_id = $1", loads[0].customer.app_id) == 0


async def test_a_node_with_doors_that_dies_loses_nothing_it_promised(cluster: Cluster, loads: list[Load]) -> None:
    running = [await under(load, at=150) for load in loads]
    node = cluster.doors[1]
    node.kill_all()
    await asyncio.to_thread(node.start)
    await all_of(running)
    await settled(loads[0])
    assert [await account(load) for load in loads] == [NOTHING_AMISS] * 2


async def test_what_only_another_node_can_send_is_left_to_it(
    cluster: Cluster, link: Configure, customers: list[Customer], sdk: Sdk, http: httpx2.AsyncClient
) -> None:
    """Two sessions that go different ways, and a third engine, which accepts and has neither."""
    await link(sessions=1, carriers=("cmcc",), scopes=(Scope.MAINLAND,))
    # Another account: a carrier may give receipts to any session of the account that sent.
    await cluster.doors[0].link(name="second", system_id="second", sessions=1, carriers=("cucc", "ctcc", "cbn"), scopes=(Scope.MAINLAND,))
    await cluster.shared(1, 1)
    third = Node(cluster.postgres, cluster.carrier)
    try:
        await asyncio.to_thread(third.start)
        await cluster.shared(1, 1)
        customer = Customer(third, sdk, customers[0].tenant, customers[0].app_id, http)
        mobile = [f"+86{number}" for number in range(13_800_001_000, 13_800_001_200)]
        unicom = [f"+86{number}" for number in range(13_000_001_000, 13_000_001_200)]
        answers = await all_of(customer.submit(numbers, "notice") for numbers in (mobile, unicom))
        assert {status["Code"] for answer in answers for status in answer} == {"Ok"}

        async def all_delivered() -> bool:
            async with third.database() as db, db.connection() as conn:
                query = "select count(*) from settlements where app_id = $1 and status = 4"
                return bool(await conn.fetchval(query, customer.app_id) == 400)

        await until(all_delivered, "every message is delivered")
        used = {entry.phone[:5] for entry in cluster.carrier.journal.entries()}
        assert {"86138", "86130"} <= used
    finally:
        third.destroy()
        async with cluster.doors[0].control() as control:
            await control.links.change(OPERATOR, "second", {"enabled": False})
