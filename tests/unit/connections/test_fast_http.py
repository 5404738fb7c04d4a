"""Two ways of HTTP over real sockets, and one thing to see: which of them answers makes no difference to a client."""

import asyncio
import contextlib
import ipaddress
import itertools
import json
import re
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
import pytest
import uvicorn
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.server import ServerState

from hongyan.kit import web
from hongyan.kit.connection import ClientConnection, Patience
from hongyan.kit.door import Request, Response
from hongyan.kit.fast_http import WAITING_LIMIT, FastProtocol

LIMIT = 2000
READ_AT_ONCE = 256 * 1024
"""What uvloop hands over at most."""
LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
DEADLINE_S = 10
PATIENT = Patience()
SMALL_BUFFER = 8192
NOT_COMPARED = frozenset({"x-request-id"})
REQUEST_ID = re.compile(rb'"request_id":"[0-9a-f-]{36}"')


class Answered(msgspec.Struct, frozen=True):
    """An answer as a client reads it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def seen(self) -> dict[str, object]:
        """What the hot door was given."""
        seen: dict[str, object] = json.loads(self.body)
        return seen


class Site:
    """A hot door that says what it was given, before an application; and what can be watched from behind."""

    def __init__(self, port: int, state: ServerState) -> None:
        self.port = port
        self.state = state
        self.counted: list[tuple[str, int]] = []
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()

    async def door(self, request: Request) -> Response:
        self.asked += 1
        await self.open.wait()
        if request.body == b"fail":
            raise ValueError("as asked")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.items()}
        seen = [request.method, request.path, request.query.decode(), request.body.decode(), request.client, request.too_large]
        filled = "x" * int(headers.get("x-fill", "0"))
        return Response(json.dumps({"seen": seen, "headers": headers, "filled": filled}).encode(), b"application/json")

    def shut_down(self) -> None:
        """As uvicorn does when it stops."""
        for connection in list(self.state.connections):
            connection.shutdown()


async def page(request: StarletteRequest) -> PlainTextResponse:
    return PlainTextResponse(f"{request.method} {request.url.path} {request.client and request.client.host} {len(await request.body())}")


@contextlib.asynccontextmanager
async def serving(
    *, short: bool = True, patience: Patience = PATIENT, keep_alive_s: int = 75, trusted: Sequence[web.Network] = ()
) -> AsyncIterator[Site]:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        state = ServerState()
        state.default_headers = [(b"date", b"today")]
        site = Site(listener.getsockname()[1], state)
        application = web.starlette([Route("/", page), Route("/page", page, methods=["GET", "POST"])])
        paths = web.HotPaths(
            {"/": site.door, "/hot": site.door},
            application,
            body_limit=LIMIT,
            trusted_proxies=trusted,
            seen=lambda path, status, _seconds: site.counted.append((path, status)),
        )
        config = uvicorn.Config(
            paths, ws="none", lifespan="off", access_log=False, log_config=None, proxy_headers=False, timeout_keep_alive=keep_alive_s
        )
        config.load()

        def connection() -> asyncio.Protocol:
            if short:
                return FastProtocol(paths.claims, paths.ask, LIMIT, config=config, server_state=state, app_state={}, patience=patience)
            return ClientConnection(config, state, {}, patience=patience)

        server = await loop.create_server(connection, sock=listener)
        try:
            async with asyncio.timeout(DEADLINE_S):
                yield site
        finally:
            server.close()
            site.open.set()
            for open_connection in list(state.connections):
                transport = open_connection.transport if isinstance(open_connection, ClientConnection) else open_connection._transport  # type: ignore[union-attr]
                if transport is not None:
                    transport.abort()
            await until(lambda: not state.connections and not state.tasks)


async def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


class Client:
    """One connection; what is sent in pieces arrives in pieces."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._read = b""

    async def send(self, *pieces: bytes) -> None:
        loop = asyncio.get_running_loop()
        for piece in pieces:
            await loop.sock_sendall(self.sock, piece)
            # Over the loopback it is there at once; a turn or two and the server has read it.
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def _more(self) -> bool:
        more = await asyncio.get_running_loop().sock_recv(self.sock, 1024 * 1024)
        self._read += more
        return bool(more)

    async def answer(self) -> Answered | None:
        """The next one; None at the end of the connection."""
        while b"\r\n\r\n" not in self._read:
            if not await self._more():
                assert self._read == b""
                return None
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        status = int(first.split()[1])
        headers = dict(sorted((name.lower(), value) for name, value in (line.split(": ", 1) for line in lines)))
        length = int(headers.get("content-length", "0"))
        while len(self._read) < length:
            assert await self._more()
        body, self._read = self._read[:length], self._read[length:]
        return Answered(status, {name: value for name, value in headers.items() if name not in NOT_COMPARED}, REQUEST_ID.sub(b"", body))

    async def answers(self, count: int) -> list[Answered]:
        """So many; what says only to go on is given and not counted, and fewer when the connection ends."""
        answers: list[Answered] = []
        while sum(answer.status >= 200 for answer in answers) < count:
            answer = await self.answer()
            if answer is None:
                break
            answers.append(answer)
        return answers

    async def ended(self) -> bool:
        with contextlib.suppress(ConnectionResetError):
            return await self.answer() is None
        return True

    def vanish(self) -> None:
        """Without a good-bye."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


@contextlib.asynccontextmanager
async def talking(site: Site) -> AsyncIterator[Client]:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)  # noqa: FBT003 - its only parameter
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", site.port))
        yield Client(sock)


def message(start: str, *headers: str, body: bytes = b"", length: bool = True) -> bytes:
    lines = [start, "Host: x", *headers, *([f"Content-Length: {len(body)}"] if length and body else [])]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


HOT = message("POST /hot HTTP/1.1", body=b"abc")
PAGE = message("GET /page HTTP/1.1")
SIGNED = message("GET /?a=b HTTP/1.1", "Authorization: x")
CHUNKED = message("POST /hot HTTP/1.1", "Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n", length=False)
EXPECTING = message("POST /hot HTTP/1.1", "Expect: 100-continue", body=b"abc")

UNUSUAL = {
    "a page": PAGE,
    "a browser at the root": message("GET / HTTP/1.1"),
    "chunks": CHUNKED,
    "an expectation": EXPECTING,
    "an absolute target": message("POST http://x/hot HTTP/1.1", body=b"abc"),
    "percent signs": message("POST /%68ot HTTP/1.1", body=b"abc"),
    "another path": message("POST /nowhere HTTP/1.1", body=b"abc"),
    "a length with zeros": message("POST /hot HTTP/1.1", "Content-Length: 000000000000000003", body=b"abc", length=False),
    "kept alive in words": message("POST /hot HTTP/1.1", "Connection: keep-alive, x", body=b"abc"),
    "upgrade": message("POST /hot HTTP/1.1", "Connection: upgrade", "Upgrade: h2c", body=b"abc"),
    "a door that fails": message("POST /hot HTTP/1.1", body=b"fail"),
    "a line end too many": b"\r\n" + HOT,
}
"""Mostly for the long way; the connection goes on."""

LAST = {
    "close": message("POST /hot HTTP/1.1", "Connection: close", body=b"abc"),
    "close, to a proxy": message("POST /hot HTTP/1.1", "Proxy-Connection: close", body=b"abc"),
    "HTTP/1.0": message("POST /hot HTTP/1.0", body=b"abc"),
    "over the limit": message("POST /hot HTTP/1.1", body=b"x" * (LIMIT + 1)),
    "over the limit with zeros": message("POST /hot HTTP/1.1", f"Content-Length: {LIMIT + 1:020}", body=b"x" * (LIMIT + 1), length=False),
    "over the page's limit": message("POST /page HTTP/1.1", body=b"x" * (LIMIT + 1)),
    "nonsense": b"nonsense\r\n\r\n",
    "a target too long": message(f"POST /hot?{'x' * 70_000} HTTP/1.1", body=b"abc"),
}
"""With which the connection ends."""


async def told(site: Site, *pieces: bytes, count: int) -> list[Answered]:
    async with talking(site) as client:
        await client.send(*pieces)
        return await client.answers(count)


CUT = {
    "a hot one": (1, HOT),
    "signed": (1, SIGNED),
    "a page": (1, PAGE),
    "chunks": (1, CHUNKED),
    "an expectation": (1, EXPECTING),
    "two hot ones": (2, HOT + HOT),
    "hot, then a page": (2, HOT + PAGE),
    "a page, then hot": (2, PAGE + HOT),
    "line ends between": (2, HOT + b"\r\n\r\n" + SIGNED),
}


@pytest.mark.parametrize("what", CUT)
async def test_wherever_a_request_is_cut_it_is_answered_alike(what: str) -> None:
    count, data = CUT[what]
    async with serving(short=False) as long, serving() as short:
        expected = await told(long, data, count=count)
        assert len([answer for answer in expected if answer.status == 200]) == count
        assert await told(short, *(data[at : at + 1] for at in range(len(data))), count=count) == expected
        for cut in range(1, len(data)):
            assert await told(short, data[:cut], data[cut:], count=count) == expected, data[:cut]
        assert len(short.counted) == len(data) * count


@pytest.mark.parametrize("count", [2, 20])
@pytest.mark.parametrize("first", [HOT, PAGE], ids=["hot", "page"])
async def test_requests_in_one_packet_are_answered_each_in_its_turn(count: int, first: bytes) -> None:
    rest = [message(f"POST /hot?{at} HTTP/1.1", body=b"abc") if at % 3 else PAGE for at in range(1, count)]
    async with serving(short=False) as long, serving() as short:
        expected = await told(long, b"".join([first, *rest]), count=count)
        assert len(expected) == count
        assert await told(short, b"".join([first, *rest]), count=count) == expected
        assert short.counted == long.counted


@pytest.mark.parametrize("then", [HOT, PAGE, HOT + PAGE + HOT, PAGE + HOT], ids=["hot", "page", "hot, page, hot", "page, hot"])
async def test_what_comes_while_another_is_being_answered_waits_its_turn(then: bytes) -> None:
    count = then.count(b"HTTP/1.1")
    async with serving(short=False) as long, serving() as short:
        expected = await told(long, SIGNED + then, count=1 + count)
        for cut in (0, 1, len(then) // 2):
            async with talking(short) as client:
                asked = short.asked
                short.open.clear()
                await client.send(SIGNED)
                await until(lambda asked=asked: short.asked == asked + 1)
                await client.send(then[:cut], then[cut:])
                assert short.asked == asked + 1
                short.open.set()
                assert await client.answers(1 + count) == expected


@pytest.mark.parametrize("what", [*UNUSUAL, *LAST])
async def test_what_is_unusual_changes_nothing_about_what_comes_before_and_after(what: str) -> None:
    unusual = (UNUSUAL | LAST)[what]
    counts = []
    for pieces in ([unusual], [HOT, unusual], [HOT, unusual, SIGNED], [unusual, PAGE, HOT]):
        if what in LAST and pieces[-1] is not unusual:
            continue
        got = []
        for way in (False, True):
            async with serving(short=way) as site, talking(site) as client:
                answers = []
                for piece in pieces:
                    await client.send(piece)
                    answers += await client.answers(1)
                if what in LAST:
                    assert await client.ended()
                got.append((answers, site.counted))
        assert got[0] == got[1]
        counts.append(len(got[0][0]))
    assert min(counts) >= 1


async def test_a_client_that_waits_to_be_told_to_go_on_is_told_in_the_middle_of_a_connection() -> None:
    async with serving() as site, talking(site) as client:
        await client.send(HOT)
        assert [answer.status for answer in await client.answers(1)] == [200]
        await client.send(EXPECTING[:-3])
        told_to = await client.answer()
        assert told_to is not None
        assert told_to.status == 100
        await client.send(b"abc")
        assert [answer.status for answer in await client.answers(1)] == [200]


@pytest.mark.parametrize("short", [True, False])
async def test_of_a_repeated_header_the_last_counts(short: bool) -> None:
    async with serving(short=short) as site:
        (answer,) = await told(site, message("POST /hot HTTP/1.1", "X-Twice: 1", "x-twice: 2", "X-TWICE: 3", body=b"abc"), count=1)
        assert answer.seen["headers"] == {"host": "x", "x-twice": "3", "content-length": "3"}


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize(("trusted", "client"), [((), "127.0.0.1"), ((LOOPBACK,), "8.8.8.8")], ids=["nobody", "the proxy"])
async def test_only_a_trusted_proxy_says_who_asks(short: bool, trusted: Sequence[web.Network], client: str) -> None:
    forwarded = "X-Forwarded-For: 9.9.9.9, 8.8.8.8"
    async with serving(short=short, trusted=trusted) as site:
        hot, cold = await told(
            site, message("POST /hot HTTP/1.1", forwarded, body=b"abc"), message("GET /page HTTP/1.1", forwarded), count=2
        )
        assert hot.seen["seen"] == ["POST", "/hot", "", "abc", client, False]
        assert cold.body.decode() == f"GET /page {client} 0"


async def test_nonsense_after_a_request_is_not_told_in_the_place_of_its_answer() -> None:
    for way in (False, True):
        async with serving(short=way) as site:
            (answer,) = await told(site, HOT + b"nonsense\r\n\r\n", count=1)
            assert answer.status == 200


# Clients that are in no hurry, or gone.


@pytest.mark.parametrize("short", [True, False])
async def test_a_client_that_reads_late_gets_everything_in_order(short: bool) -> None:
    fill = 100_000
    async with serving(short=short) as site, talking(site) as client:
        for at in range(5):
            sending = asyncio.create_task(client.send(message(f"POST /hot?{at} HTTP/1.1", f"X-Fill: {fill}", body=b"abc")))
            await sending
        answers = await client.answers(5)
        assert [answer.seen["seen"] for answer in answers] == [["POST", "/hot", str(at), "abc", "127.0.0.1", False] for at in range(5)]
        await client.send(HOT)
        assert len(await client.answers(1)) == 1


@pytest.mark.parametrize("short", [True, False])
async def test_a_client_that_never_reads_is_let_go(short: bool) -> None:
    patience = Patience(reading_s=0.1, tick_s=0.02)
    async with serving(short=short, patience=patience, keep_alive_s=1) as site, talking(site) as client:
        await client.send(message("POST /hot HTTP/1.1", "X-Fill: 8000000", body=b"abc"))
        await until(lambda: site.asked == 1)
        await until(lambda: not site.state.connections)
        assert not site.state.tasks


async def test_what_a_client_sends_while_it_waits_is_bounded_and_then_answered() -> None:
    request = message("POST /hot HTTP/1.1", body=b"x" * 1800)
    async with serving() as site, talking(site) as client:
        site.open.clear()
        await client.send(request)
        await until(lambda: site.asked == 1)
        (connection,) = site.state.connections
        assert isinstance(connection, FastProtocol)
        transport = connection._transport
        assert transport is not None
        sending = asyncio.create_task(client.send(request * 400))
        await until(lambda: not transport.is_reading())
        assert WAITING_LIMIT < len(connection._waiting) <= WAITING_LIMIT + READ_AT_ONCE
        assert not sending.done()
        site.open.set()
        assert {answer.status for answer in await client.answers(401)} == {200}
        await sending
        assert site.asked == 401


async def test_a_client_that_vanishes_during_the_answer_does_no_harm() -> None:
    async with serving() as site:
        async with talking(site) as client:
            site.open.clear()
            await client.send(HOT)
            await until(lambda: site.asked == 1)
            await client.send(HOT)
            client.vanish()
            await until(lambda: not site.state.connections)
        site.open.set()
        await until(lambda: not site.state.tasks)
        assert site.counted == [("/hot", 200)]
        assert len(await told(site, HOT, count=1)) == 1


@pytest.mark.parametrize("before", [b"", HOT, PAGE], ids=["first", "after a hot one", "after a page"])
@pytest.mark.parametrize("begun", [HOT[:20], b"\r\n"], ids=["a head", "a line end"])
async def test_a_head_that_takes_too_long_is_not_waited_for(before: bytes, begun: bytes) -> None:
    async with serving(patience=Patience(head_s=0.05, tick_s=0.01)) as site, talking(site) as client:
        if before:
            await client.send(before)
            assert len(await client.answers(1)) == 1
        await client.send(begun)
        assert await client.ended()
        await until(lambda: not site.state.connections)


async def test_a_body_that_takes_too_long_is_not_waited_for() -> None:
    async with serving(patience=Patience(message_s=0.05, tick_s=0.01)) as site, talking(site) as client:
        await client.send(HOT[:-1])
        assert await client.ended()
        assert site.asked == 0


async def test_who_says_nothing_is_let_go_and_who_waits_for_an_answer_is_not() -> None:
    async with serving(patience=Patience(tick_s=0.01), keep_alive_s=0) as site, talking(site) as waiting:
        site.open.clear()
        await waiting.send(HOT)
        await until(lambda: site.asked == 1)
        async with talking(site) as idle:
            assert await idle.ended()
        site.open.set()
        assert [answer.status for answer in await waiting.answers(1)] == [200]
        assert await waiting.ended()


# The end.


async def test_when_the_server_stops_the_idle_are_let_go_and_who_waits_is_answered() -> None:
    async with serving() as site, talking(site) as waiting, talking(site) as idle, talking(site) as sending, talking(site) as heading:
        await idle.send(HOT)
        assert len(await idle.answers(1)) == 1
        site.open.clear()
        await waiting.send(HOT)
        await sending.send(HOT[:-1])
        await heading.send(HOT[:20])
        await until(lambda: site.asked == 2)
        await until(lambda: len(site.state.connections) == 4)
        site.shut_down()
        assert await idle.ended()
        assert await heading.ended()
        assert len(site.state.connections) == 2
        site.open.set()
        await sending.send(HOT[-1:])
        for client in (waiting, sending):
            (answer,) = await client.answers(1)
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            assert await client.ended()
        await until(lambda: not site.state.connections)


async def test_what_goes_the_long_way_while_the_server_stops_is_the_last_too() -> None:
    async with serving() as site, talking(site) as client:
        await client.send(HOT[:-1])
        await until(lambda: site.state.connections)
        await asyncio.sleep(0)
        site.shut_down()
        await client.send(HOT[-1:] + SIGNED)
        first, second = await client.answers(2)
        assert (first.status, second.status, second.headers["connection"]) == (200, 200, "close")
        assert await client.ended()


# Anything in any order.

TOKENS = st.text(st.sampled_from("abcXYZ019-_."), min_size=1, max_size=8)
QUERIES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=12)
NAMES = ["Accept", "X-TC-Action", "Authorization", "X-Forwarded-For", "Keep-Alive", "TE"]
HEADERS = st.lists(
    st.tuples(
        st.one_of(TOKENS.map("x-{}".format), st.sampled_from(NAMES)),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12),
    ),
    max_size=4,
)
IN_A_ROW = [data for what, data in UNUSUAL.items() if what != "upgrade"]
"""What follows an upgrade in one packet is in the protocol asked for, and lost."""
ORDINARY = st.builds(
    lambda method, path, query, headers, body: message(
        f"{method} {path}{'?' + query if query else ''} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), body=body
    ),
    st.sampled_from(["POST", "POST", "GET", "PUT", "DELETE", "OPTIONS"]),
    st.sampled_from(["/", "/hot", "/hot", "/page", "/hot/", "//hot", "/HOT", "/hot;x"]),
    QUERIES,
    HEADERS,
    st.sampled_from([b"", b"abc", b"{}", b"x" * 1500]),
)
TALK = st.tuples(
    st.lists(st.one_of(ORDINARY, ORDINARY, st.sampled_from(IN_A_ROW)), min_size=1, max_size=6),
    st.one_of(st.none(), st.sampled_from([LAST["close"], LAST["HTTP/1.0"], LAST["close, to a proxy"]])),
    st.lists(st.floats(0, 1), max_size=5),
    st.booleans(),
)


async def held(site: Site, requests: list[bytes], cuts: list[float], *, waits: bool) -> tuple[list[Answered], list[tuple[str, int]]]:
    """What such a talk brings: all at once, cut somewhere, or each after the answer to the one before."""
    site.counted.clear()
    async with asyncio.timeout(DEADLINE_S), talking(site) as client:
        answers = []
        if waits:
            for request in requests:
                await client.send(request)
                answers += await client.answers(1)
        else:
            data = b"".join(requests)
            at = [0, *sorted(round(cut * len(data)) for cut in cuts), len(data)]
            sending = asyncio.create_task(client.send(*(data[begin:end] for begin, end in itertools.pairwise(at) if begin < end)))
            answers = await client.answers(len(requests))
            await sending
    return answers, list(site.counted)


@settings(max_examples=150)
@given(talk=TALK)
def test_no_talk_tells_the_two_ways_apart(talk: tuple[list[bytes], bytes | None, list[float], bool]) -> None:
    requests, last, cuts, waits = talk
    requests = [*requests, *([last] if last else [])]

    async def both() -> None:
        async with serving() as short, serving(short=False) as long:
            assert await held(short, requests, cuts, waits=waits) == await held(long, requests, [], waits=waits)

    uvloop.run(both())
