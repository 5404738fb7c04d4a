"""More than carriers take, callback servers that hang, a database that stands still: it waits in the database or is refused, never lost."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

import httpx2
import pytest

from hongyan.model.message import Status
from journeys.customers import CallbackServer, Customer, Sdk, sign_up
from journeys.nodes import Carrier, Node, Postgres
from journeys.platform import phone, until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

MEGABYTE = 1024 * 1024
SPARE = 60 * MEGABYTE
"""What lanes, waiting requests and batches of a platform this small may need beside what it needs when idle."""
QUEUE_MAX = 2500
"""A figure is two seconds old at most; what is offered meanwhile is less than the fifth of this that is left to codes."""
BUSY = "RequestLimitExceeded"


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Postgres, Carrier, Node]]:
    postgres, carrier = Postgres(), Carrier()
    node = Node(postgres, carrier, QUEUE_MAX=str(QUEUE_MAX), CALLBACK_TIMEOUT_S="1")
    try:
        postgres.start()
        carrier.start()
        node.start_with_link()
        yield postgres, carrier, node
    finally:
        node.destroy()
        carrier.destroy()
        postgres.destroy()


@pytest.fixture
async def customer(world: tuple[Postgres, Carrier, Node], sdk: Sdk, http: httpx2.AsyncClient) -> Customer:
    _, carrier, node = world
    await carrier.order(do="reset")
    tenant, app_id = await sign_up(node, f"overload {time.monotonic()}")
    made = Customer(node, sdk, tenant, app_id, http)
    await made.known()
    await until(lambda: accepts(made), "it accepts again")
    return made


async def accepts(customer: Customer) -> bool:
    return (await customer.submit([phone()], "marketing"))[0]["Code"] == "Ok"


class Offered:
    """What was offered at a fixed rate, whatever the answers."""

    def __init__(self, customer: Customer) -> None:
        self.answers: dict[str, Counter[str]] = {}
        self.accepted: list[str] = []
        self.took_s: list[float] = []
        self._customer = customer

    async def offer(self, per_s: int, seconds: float) -> None:
        """`per_s` requests of ten numbers: seven of marketing, two notices, one of codes in ten."""
        kinds = ["marketing"] * 7 + ["notice"] * 2 + ["verification"]
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for n in range(int(per_s * seconds)):
                await asyncio.sleep(max(0.0, began + n / per_s - time.monotonic()))
                group.create_task(self._one(kinds[n % 10]))

    async def _one(self, kind: str) -> None:
        began = time.monotonic()
        statuses = await self._customer.submit([phone() for _ in range(10)], kind)
        took_s = time.monotonic() - began
        for status in statuses:
            self.answers.setdefault(kind, Counter())[status["Code"]] += 1
            if status["Code"] == "Ok":
                self.accepted.append(status["PhoneNumber"])
                self.took_s.append(took_s)

    async def delivered(self, within_s: float = 60.0) -> None:
        """Wait until every one that was accepted is."""

        async def all_are() -> bool:
            async with self._customer.platform.database() as db, db.connection() as conn:
                query = """select count(*) from messages m join settlements s using (app_id, id)
                            where app_id = $1 and s.status = $2 and m.phone = any($3)"""
                numbers = [int(number) for number in self.accepted]
                count: int = await conn.fetchval(query, self._customer.app_id, Status.DELIVERED, numbers)
            return count == len(self.accepted)

        await until(all_are, f"all {len(self.accepted)} are delivered", within_s)


class Memory:
    """Resident memory of all processes of a node, and its peak."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.idle = self.peak = self._now()

    def _now(self) -> int:
        return sum(process.memory_info().rss for process in self._node.everything())

    async def watch(self) -> None:
        while True:
            self.peak = max(self.peak, self._now())
            await asyncio.sleep(0.2)

    def is_bounded(self) -> bool:
        return self.peak < 1.5 * self.idle + SPARE


async def test_more_than_the_carrier_takes_is_refused_and_what_was_accepted_is_sent_later(
    world: tuple[Postgres, Carrier, Node], customer: Customer
) -> None:
    _, carrier, node = world
    memory = Memory(node)
    watching = asyncio.create_task(memory.watch())
    await carrier.order(do="throttle", per_s=50)
    offered = Offered(customer)
    await offered.offer(40, 4)
    await offered.offer(25, 7)
    watching.cancel()
    assert set().union(*offered.answers.values()) == {"Ok", BUSY}
    assert offered.answers["marketing"][BUSY] > 0
    assert offered.answers["verification"][BUSY] == 0
    assert sorted(offered.took_s)[int(len(offered.took_s) * 0.99)] <= 1.0
    assert memory.is_bounded(), (memory.idle, memory.peak)
    await carrier.order(do="throttle")
    # A link made anew need not find out that the carrier takes more again.
    await node.link(window=60)
    await offered.delivered()
    await until(lambda: accepts(customer), "everything is accepted again")


async def test_a_callback_server_that_hangs_leaves_its_events_in_the_database(
    world: tuple[Postgres, Carrier, Node], customer: Customer
) -> None:
    memory = Memory(world[2])
    watching = asyncio.create_task(memory.watch())

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    await customer.change(report_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    offered = Offered(customer)
    await offered.offer(20, 3)
    await offered.delivered()
    server.close()
    async with CallbackServer.of(customer) as callbacks:
        wanted = set(offered.accepted)
        await until(lambda: wanted <= {f"+{r['nationcode']}{r['mobile']}" for r in callbacks.reports()}, "all are told", within_s=60)
    watching.cancel()
    assert memory.is_bounded(), (memory.idle, memory.peak)


async def test_a_database_that_stands_still_for_seconds_loses_nothing(world: tuple[Postgres, Carrier, Node], customer: Customer) -> None:
    postgres, _, node = world
    memory = Memory(node)
    watching = asyncio.create_task(memory.watch())
    offered = Offered(customer)
    running = asyncio.create_task(offered.offer(20, 8))
    await until(lambda: len(offered.accepted) > 100, "some are accepted")
    with postgres.stopped():
        await asyncio.sleep(3)
    await running
    watching.cancel()
    assert memory.is_bounded(), (memory.idle, memory.peak)
    await offered.delivered()
