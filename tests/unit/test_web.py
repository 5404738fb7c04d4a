"""HTTP serving over real sockets: what hot doors get to see, and what everybody shares."""

import asyncio
import contextlib
import ipaddress
import json
import socket
import uuid
from collections.abc import AsyncIterator, Mapping
from itertools import islice

import pytest
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from hongyan.doors.ops.routes import routes
from hongyan.kit import web
from hongyan.kit.door import Request, Response

LIMIT = 2000
PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("127.0.0.0/8"))


async def echo(request: Request) -> Response:
    """Answers with what it was given."""
    if request.body == b"fail":
        raise ValueError("as asked")
    seen = {
        "method": request.method,
        "path": request.path,
        "query": request.query.decode(),
        "host": request.headers.get(b"host", b"").decode(),
        "twice": request.headers.get(b"x-twice", b"").decode(),
        "length": len(request.body),
        "client": request.client,
        "too_large": request.too_large,
        "id": request.request_id,
    }
    return Response(json.dumps(seen).encode(), b"application/json", headers=((b"x-door", b"echo"),))


async def page(request: StarletteRequest) -> PlainTextResponse:
    if request.url.path == "/broken":
        raise ValueError("as asked")
    return PlainTextResponse(f"page {len(await request.body())}")


async def not_ready() -> Mapping[str, str]:
    return {"link": "none is bound"}


@contextlib.asynccontextmanager
async def serving(*, seen: web.Seen | None = None) -> AsyncIterator[int]:
    app = web.starlette([Route("/", page), Route("/broken", page), Route("/page", page, methods=["POST"]), *routes(not_ready, b"{}")])
    paths = web.HotPaths({"/": echo, "/hot": echo}, app, body_limit=LIMIT, seen=seen)
    stop, ready = asyncio.Event(), asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        task = asyncio.create_task(web.serve(paths, sock, stop=stop, patience_s=2, ready=ready.set))
        try:
            async with asyncio.timeout(10):
                await ready.wait()
                yield port
        finally:
            stop.set()
            await task


class Talk:
    """One connection, kept open over requests."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def ask(self, head: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        if body:
            head += f"\nContent-Length: {len(body)}"
        self._writer.write(head.replace("\n", "\r\n").encode() + b"\r\nHost: sms.example.com\r\n\r\n" + body)
        return await self.answer()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return int(status.split()[1]), headers, await self._reader.readexactly(int(headers["content-length"]))

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def ended(self) -> bool:
        return await self._reader.read() == b""


@contextlib.asynccontextmanager
async def talking(port: int) -> AsyncIterator[Talk]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Talk(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_hot_door_sees_the_request_and_answers_on_a_kept_connection() -> None:
    counted: list[tuple[str, int]] = []
    async with serving(seen=lambda path, status, _seconds: counted.append((path, status))) as port, talking(port) as talk:
        status, headers, body = await talk.ask("POST /hot?a=%20b HTTP/1.1\nX-Twice: 1\nX-TWICE: 2", b"12345")
        seen = json.loads(body)
        assert uuid.UUID(seen.pop("id")).version == 4
        assert seen == {
            "method": "POST",
            "path": "/hot",
            "query": "a=%20b",
            "host": "sms.example.com",
            "twice": "2",
            "length": 5,
            "client": "127.0.0.1",
            "too_large": False,
        }
        assert (status, headers["content-type"], headers["x-door"]) == (200, "application/json", "echo")
        assert "server" not in headers
        assert (await talk.ask("POST /hot HTTP/1.1", b"again"))[0] == 200
        assert (await talk.ask("POST /page HTTP/1.1", b"123"))[2] == b"page 3"
    assert counted == [("/hot", 200), ("/hot", 200), (web.OTHER, 200)]


async def test_a_browser_gets_the_application_where_a_door_claims_the_root() -> None:
    async with serving() as port, talking(port) as talk:
        assert (await talk.ask("GET / HTTP/1.1"))[2] == b"page 0"
        assert json.loads((await talk.ask("GET /?Action=SendSms HTTP/1.1"))[2])["method"] == "GET"
        assert json.loads((await talk.ask("GET / HTTP/1.1\nAuthorization: TC3-HMAC-SHA256 x"))[2])["method"] == "GET"


async def test_an_exception_in_a_door_is_a_plain_500_with_the_request_id() -> None:
    async with serving() as port, talking(port) as talk:
        status, headers, body = await talk.ask("POST /hot HTTP/1.1", b"fail")
        assert (status, headers["content-type"]) == (500, "application/json")
        assert set(json.loads(body)) == {"error", "request_id"}
        assert (await talk.ask("POST /hot HTTP/1.1", b"fine"))[0] == 200


async def test_an_exception_in_the_application_is_the_same_500() -> None:
    async with serving() as port, talking(port) as talk:
        status, headers, body = await talk.ask("GET /broken HTTP/1.1")
        assert status == 500
        assert json.loads(body) == {"error": "internal_error", "request_id": headers["x-request-id"]}


@pytest.mark.parametrize(("length", "too_large"), [(LIMIT, False), (LIMIT + 1, True), (300_000, True)])
async def test_a_body_over_the_limit_is_said_to_be_so_and_not_given(length: int, too_large: bool) -> None:
    async with serving() as port, talking(port) as talk:
        _status, headers, body = await talk.ask("POST /hot HTTP/1.1", b"x" * length)
        assert json.loads(body)["too_large"] is too_large
        assert json.loads(body)["length"] == (0 if too_large else length)
        assert (headers.get("connection") == "close") is too_large


async def test_of_an_endless_body_only_a_little_is_read() -> None:
    async with serving() as port, talking(port) as talk:
        await talk.write(b"POST /hot HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(40):
                await talk.write(b"x" * 100_000)
        assert json.loads((await talk.answer())[2])["too_large"] is True


async def test_a_body_over_the_limit_for_the_application_is_a_413() -> None:
    async with serving() as port, talking(port) as talk:
        assert (await talk.ask("POST /page HTTP/1.1", b"x" * (LIMIT + 1)))[0] == 413
        assert await talk.ended()


async def test_a_body_that_comes_in_pieces_is_put_together() -> None:
    async with serving() as port, talking(port) as talk:
        await talk.write(b"POST /hot HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await asyncio.sleep(0)
        await talk.write(b"2\r\nde\r\n0\r\n\r\n")
        assert json.loads((await talk.answer())[2])["length"] == 5


async def test_a_request_in_flight_is_answered_before_the_server_ends() -> None:
    let_go, began = asyncio.Event(), asyncio.Event()

    async def slow(_request: Request) -> Response:
        began.set()
        await let_go.wait()
        return Response(b"done", b"text/plain")

    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        task = asyncio.create_task(web.serve(web.HotPaths({"/": slow}, web.starlette([])), sock, stop=stop, patience_s=5))
        async with asyncio.timeout(10), talking(port) as talk:
            asking = asyncio.create_task(talk.ask("POST / HTTP/1.1", b"x"))
            await began.wait()
            stop.set()
            let_go.set()
            assert (await asking)[2] == b"done"
        await task


async def test_a_request_that_outlives_the_patience_of_a_stopping_server_gets_no_answer() -> None:
    began = asyncio.Event()

    async def endless(_request: Request) -> Response:
        began.set()
        await asyncio.Event().wait()
        raise AssertionError

    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        task = asyncio.create_task(web.serve(web.HotPaths({"/": endless}, web.starlette([])), sock, stop=stop, patience_s=1))
        async with asyncio.timeout(10), talking(port) as talk:
            await talk.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
            await began.wait()
            stop.set()
            assert await talk.ended()
        await task


async def test_trailers_are_no_headers() -> None:
    async with serving() as port, talking(port) as talk:
        await talk.write(b"POST /hot HTTP/1.1\r\nHost: x\r\nX-Twice: first\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n")
        await talk.write(b"X-Twice: second\r\n\r\n")
        assert json.loads((await talk.answer())[2])["twice"] == "first"


ENDLESS = {
    "a header": (b"GET / HTTP/1.1\r\nX-A: ", b"x"),
    "headers": (b"GET / HTTP/1.1\r\n", b"X-A: x\r\n"),
    "a target": (b"GET /", b"x"),
    "line ends": (b"", b"\r\n"),
    "trailers": (b"POST /hot HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: x\r\n"),
    "an extension": (b"POST /hot HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x"),
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_what_never_becomes_complete_is_cut_off(what: str) -> None:
    begin, more = ENDLESS[what]
    async with serving() as port, talking(port) as talk:
        sent = 0
        with contextlib.suppress(ConnectionError):
            await talk.write(begin)
            while sent < 20 * 1024 * 1024:
                await talk.write(more * 1000)
                sent += 1000 * len(more)
        assert sent < 20 * 1024 * 1024
    async with serving() as port, talking(port) as talk:
        assert (await talk.ask("GET /healthz HTTP/1.1"))[0] == 200


async def test_health_readiness_and_metrics_are_answered() -> None:
    async with serving() as port, talking(port) as talk:
        assert (await talk.ask("GET /healthz HTTP/1.1"))[2] == b"ok\n"
        status, _headers, body = await talk.ask("GET /readyz HTTP/1.1")
        assert (status, json.loads(body)["problems"]) == (503, {"link": "none is bound"})
        assert b"hongyan_http_requests_total" in (await talk.ask("GET /metrics HTTP/1.1"))[2]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("8.8.8.8", b"", "8.8.8.8"),
        ("8.8.8.8", b"1.1.1.1", "8.8.8.8"),
        ("10.0.0.1", b"1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", b"9.9.9.9, 1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", b"9.9.9.9, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
        ("10.0.0.1", b"9.9.9.9, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", b"2606:4700::1111", "2606:4700::1111"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("", b"1.1.1.1", ""),
    ],
)
def test_only_trusted_proxies_say_who_asks(peer: str, forwarded: bytes, client: str) -> None:
    assert web.client_address(peer, forwarded, PROXIES) == client


def test_request_ids_are_random_uuids() -> None:
    ids = list(islice(web.request_ids(), 1000))
    assert len(set(ids)) == 1000
    assert all(uuid.UUID(text).version == 4 and uuid.UUID(text).variant == uuid.RFC_4122 and str(uuid.UUID(text)) == text for text in ids)
