import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from hongyan.cli.load.answers import TencentAnswers
from hongyan.cli.load.driver import Load, Pace, content_length, without_chunks
from hongyan.cli.load.numbers import Numbers
from hongyan.cli.load.promises import Promises
from hongyan.cli.load.requests import Requests, Target

TARGET = Target(
    host="127.0.0.1:1",
    secret_id="AKIDmine",
    secret_key="key",
    sdk_app_id="1400000001",
    sign_name="鸿雁",
    template_id="7",
    params=("385204",),
)

Say = Callable[[asyncio.StreamWriter, bytes], None]
"""Writes an answer, or does something else with the connection."""


def whole(writer: asyncio.StreamWriter, octets: bytes) -> None:
    writer.write(octets)


@asynccontextmanager
async def door(say: Say) -> AsyncIterator[tuple[str, int]]:
    """A server that takes every number and answers as `say` does."""

    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                request = json.loads(await reader.readexactly(content_length(head) or 0))
                statuses = [{"PhoneNumber": phone, "Code": "Ok"} for phone in request["PhoneNumberSet"]]
                body = json.dumps({"Response": {"SendStatusSet": statuses, "RequestId": "r"}}, separators=(",", ":")).encode()
                say(writer, b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[:2]
        await asyncio.gather(*(task for task in serving if task is not None))


async def put(pace: Pace, say: Say, count: int = 2) -> tuple[Load, Promises]:
    promises = Promises(Numbers(1), count, TencentAnswers())
    async with door(say) as address:
        load = Load(Requests(TARGET, promises.numbers, count), promises, pace, address)
        await load.run()
    return load, promises


async def test_connections_go_on_with_each_answer() -> None:
    load, promises = await put(Pace(0.15, 3, None), whole)
    assert len(promises.began) > 10
    assert (promises.ok, promises.unanswered, load.broken) == (2 * len(promises.began), 0, 0)


@pytest.mark.parametrize("cut", [1, 20, 60, 100])
async def test_an_answer_may_come_in_pieces(cut: int) -> None:
    def pieces(writer: asyncio.StreamWriter, octets: bytes) -> None:
        writer.write(octets[:cut])
        asyncio.get_running_loop().call_later(0.005, writer.write, octets[cut:])

    load, promises = await put(Pace(0.05, 2, None), pieces)
    assert promises.ok == 2 * len(promises.began) > 0
    assert load.broken == 0


async def test_at_a_fixed_rate_requests_are_sent_when_they_are_due() -> None:
    _, promises = await put(Pace(0.3, 4, 200.0), whole)
    assert 55 <= len(promises.began) <= 61
    gaps = [later - earlier for earlier, later in zip(promises.began, promises.began[1:], strict=False)]
    assert all(abs(gap - 0.005) < 1e-6 for gap in gaps)


async def test_waiting_for_a_free_connection_counts() -> None:
    def slowly(writer: asyncio.StreamWriter, octets: bytes) -> None:
        asyncio.get_running_loop().call_later(0.05, writer.write, octets)

    load, promises = await put(Pace(0.2, 1, 100.0), slowly)
    waits = promises.waits_s(0.0, load.ends)
    assert waits == sorted(waits)
    assert waits[-1] > 0.1


async def test_a_broken_connection_costs_its_request_and_another_one_goes_on() -> None:
    said = 0

    def break_once(writer: asyncio.StreamWriter, octets: bytes) -> None:
        nonlocal said
        said += 1
        if said == 1:
            writer.close()
        else:
            writer.write(octets)

    load, promises = await put(Pace(0.2, 1, None), break_once)
    assert (load.broken, promises.unanswered) == (1, 1)
    assert promises.ok > 0


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 17\r\nserver: x", 17),
        (b"HTTP/1.1 200 OK\r\nContent-Length:17", 17),
        (b"HTTP/1.1 204 No Content", None),
    ],
)
def test_the_length_is_read_however_it_is_spelt(head: bytes, length: int | None) -> None:
    assert content_length(head) == length


@pytest.mark.parametrize("cut", [30, 57, 70, 90, 4_000])
async def test_an_answer_may_come_in_chunks(cut: int) -> None:
    def chunks(writer: asyncio.StreamWriter, octets: bytes) -> None:
        body = octets.partition(b"\r\n\r\n")[2]
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        octets = head + b"7\r\n%b\r\n%X;why=not\r\n%b\r\n0\r\n\r\n" % (body[:7], len(body) - 7, body[7:])
        writer.write(octets[:cut])
        asyncio.get_running_loop().call_later(0.005, writer.write, octets[cut:])

    _, promises = await put(Pace(0.05, 2, None), chunks)
    assert promises.ok == 2 * len(promises.began) > 0


def test_nothing_in_chunks_is_nothing() -> None:
    assert without_chunks(b"0\r\n\r\n") == b""


async def test_a_load_of_so_many_requests_ends_with_the_last_of_them() -> None:
    load, promises = await put(Pace(30.0, 4, None, requests=50), whole)
    assert (len(promises.began), promises.unanswered, promises.ok) == (50, 0, 100)
    assert load.ends - load.began < 10.0
