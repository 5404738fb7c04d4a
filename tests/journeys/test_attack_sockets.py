"""The doors against bytes: nothing that is written to their socket makes them fail, remember, grow, or keep others waiting."""

import asyncio
import contextlib
import os
import random
import re
import statistics
import time
from collections.abc import AsyncIterator

import psutil
import pytest

from hongyan.kit.db import Database
from journeys.customers import Customer
from journeys.malformed import MANY_KEYS, Malformed, written
from journeys.platform import Platform, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

AT_ONCE = 32
ANSWER_S = 0.25
"""How long a client waits for an answer that need not come."""
STATUS = re.compile(rb"^HTTP/1\.[01] ([0-9]{3}) ", re.MULTILINE)
MEGABYTE = 1024 * 1024
GROWTH = 150 * MEGABYTE


def workers(platform: Platform) -> list[psutil.Process]:
    return [psutil.Process(pid) for name, pid in platform.state["processes"].items() if name.startswith(("engine", "api"))]


def resident(platform: Platform) -> int:
    return max(worker.memory_info().rss for worker in workers(platform))


def told_badly(platform: Platform) -> list[dict[str, object]]:
    return [line for line in platform.log_lines() if "raw" in line or "exception" in line or line.get("level") == "error"]


async def rows(database: Database, customer: Customer) -> list[int]:
    tables = ("messages", "queue", "ledger_entries", "outbox", "settlements")
    async with database.connection() as conn:
        return [await conn.fetchval(f"select count(*) from {table} where app_id = $1", customer.app_id) for table in tables]


async def asked(platform: Platform, data: bytes, *, wait_s: float = ANSWER_S) -> bytes:
    """What comes back on a connection of its own until it is closed, or nothing comes for a while."""
    host, _, port = platform.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answer = b""
    with contextlib.suppress(ConnectionError):
        writer.write(data)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                await writer.drain()
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(wait_s):
                    more = await reader.read(65536)
                if not more:
                    break
                answer += more
    writer.transport.abort()
    return answer


def fault_in(answer: bytes) -> str | None:
    if any(status.startswith(b"5") for status in STATUS.findall(answer)):
        return "a 5xx"
    if b"Traceback" in answer or b'File "' in answer:
        return "a traceback"
    return "an error of ours" if b"InternalError" in answer or b"internal_error" in answer else None


@pytest.fixture
async def unharmed(platform: Platform, customer: Customer, database: Database) -> AsyncIterator[None]:
    """Afterwards nothing was written, logged as a failure or held on to, and a normal request is answered at once."""
    assert [status["Code"] for status in await customer.submit([phone()])] == ["Ok"]
    await until(customer.pull, "its report is there")
    before, badly, size, pids = (
        await rows(database, customer),
        len(told_badly(platform)),
        resident(platform),
        dict(platform.state["processes"]),
    )
    yield
    assert dict(platform.state["processes"]) == pids
    assert await rows(database, customer) == before
    assert told_badly(platform)[badly:] == []
    assert resident(platform) - size < GROWTH
    assert [status["Code"] for status in await customer.submit([phone()])] == ["Ok"]


@pytest.mark.usefixtures("unharmed")
async def test_malformed_requests_are_refused_and_leave_nothing(customer: Customer, request: pytest.FixtureRequest) -> None:
    rng = random.Random(7 if os.environ.get("CI") else None)  # noqa: S311 - cases, not secrets
    malformed = Malformed(customer, rng)
    count = max(request.config.getoption("attack_requests"), len(malformed.names()))
    turns = iter(range(count))
    wrong: list[tuple[str, str, bytes]] = []

    async def attacker() -> None:
        for at in turns:
            case = malformed.one(at)
            answer = await asked(customer.platform, case.data, wait_s=ANSWER_S if case.stalls else 30)
            if (fault := fault_in(answer) or (None if case.stalls or answer else "no answer")) is not None:
                wrong.append((case.name, fault, answer[:400]))

    async with asyncio.TaskGroup() as attackers:
        for _ in range(AT_ONCE):
            attackers.create_task(attacker())
    assert wrong == []


@pytest.mark.usefixtures("unharmed")
async def test_a_million_fields_are_refused_without_growing(customer: Customer) -> None:
    malformed = Malformed(customer, random.Random(1))  # noqa: S311 - cases, not secrets
    for body in (
        b"{" + b",".join([b'"%x":0' % n for n in range(MANY_KEYS)]) + b"}",
        b'{"PhoneNumberSet":[' + b",".join([b"0"] * MANY_KEYS) + b"]}",
        b'{"PhoneNumberSet":[' + b",".join([b'""'] * MANY_KEYS) + b'],"SmsSdkAppId":"1","TemplateId":"1"}',
    ):
        answer = await asked(customer.platform, written(malformed.headers(body), body), wait_s=30)
        assert fault_in(answer) is None, answer[:400]
        assert answer.startswith(b"HTTP/1.1 200"), answer[:400]


@pytest.mark.usefixtures("unharmed")
async def test_pipelined_requests_are_answered_each_in_its_turn(customer: Customer) -> None:
    answer = await asked(customer.platform, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 200 + b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
    assert STATUS.findall(answer) == [b"200"] * 200 + [b"404"]


@pytest.mark.usefixtures("unharmed")
async def test_a_client_that_waits_to_be_told_to_go_on_is_told(customer: Customer) -> None:
    host, _, port = customer.platform.address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    async with asyncio.timeout(10):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(b"{}")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def vanish(platform: Platform, data: bytes) -> None:
    """Write, and be gone before the answer."""
    host, _, port = platform.address.rpartition(":")
    _reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(data)
    await writer.drain()
    writer.transport.abort()


async def test_clients_that_vanish_before_the_answer_do_no_harm(customer: Customer, database: Database) -> None:
    """Their requests are taken or not, and each that is taken is a whole one: the laws say the rest."""
    badly, size = len(told_badly(customer.platform)), resident(customer.platform)
    malformed = Malformed(customer, random.Random(1))  # noqa: S311 - cases, not secrets
    for _ in range(10):
        await asyncio.gather(*(vanish(customer.platform, malformed.smuggled()) for _ in range(AT_ONCE)))
    assert [status["Code"] for status in await customer.submit([phone()])] == ["Ok"]

    async def at_rest() -> bool:
        async with database.connection() as conn:
            return not await conn.fetchval("select count(*) from queue where app_id = $1", customer.app_id)

    await until(at_rest, "what was taken has been sent", within_s=30)
    assert told_badly(customer.platform)[badly:] == []
    assert resident(customer.platform) - size < GROWTH


@contextlib.asynccontextmanager
async def slow_clients(platform: Platform, count: int, data: bytes) -> AsyncIterator[None]:
    """So many connections that each write a byte now and then, and never a whole request."""
    host, _, port = platform.address.rpartition(":")
    connections = [await asyncio.open_connection(host, int(port)) for _ in range(count)]

    async def drip() -> None:
        for at in range(len(data)):
            for _reader, writer in connections:
                writer.write(data[at : at + 1])
            await asyncio.sleep(0.1)

    dripping = asyncio.create_task(drip())
    try:
        yield
    finally:
        dripping.cancel()
        for _reader, writer in connections:
            writer.transport.abort()
        await asyncio.gather(dripping, return_exceptions=True)


async def p99(customer: Customer, count: int = 200) -> float:
    """Of the seconds a request for one number takes, one after another."""
    took = []
    for _ in range(count):
        body = customer.request(phone())
        began = time.perf_counter()
        assert [status["Code"] for status in (await customer.call("SendSms", body))["SendStatusSet"]] == ["Ok"]
        took.append(time.perf_counter() - began)
    return statistics.quantiles(took, n=100)[98]


@pytest.mark.parametrize("stalled", ["in their heads", "in their bodies"])
async def test_two_hundred_slow_clients_keep_nobody_waiting(customer: Customer, stalled: str) -> None:
    host = customer.platform.address
    head = f"POST / HTTP/1.1\r\nHost: {host}\r\nX-TC-Action: SendSms\r\n"
    data = (head + ("Content-Length: 1000\r\n\r\n{" if stalled == "in their bodies" else "X-A: ")).encode()
    await p99(customer, 50)
    alone = [await p99(customer)]
    async with slow_clients(customer.platform, 200, data + b"x" * 500):
        beside = [await p99(customer) for _ in range(2)]
    alone.append(await p99(customer))
    # A pause of the machine is in one figure, a client that has to wait for others in all.
    assert min(beside) < 2 * max(*alone, 0.02), (alone, beside)
