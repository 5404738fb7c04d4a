"""What one process hands to another arrives whole, as it comes, and says who asked."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.responses import Response as WebResponse
from starlette.routing import Route

from hongyan.kit import web
from hongyan.kit.door import Response
from hongyan.kit.relay import Relay


class Office:
    """What is behind."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.go_on = asyncio.Event()

    async def echo(self, request: Request) -> WebResponse:
        assert request.client is not None
        told = {
            "method": request.method,
            "target": request.scope["raw_path"].decode() + "?" + request.url.query,
            "client": request.client.host,
            "request_id": request.state.request_id,
            "headers": sorted(request.headers.keys()),
            "body": (await request.body()).decode(),
        }
        return JSONResponse(told, 201, {"x-more": "yes", "set-cookie": "a=b"})

    async def stream(self, _request: Request) -> WebResponse:
        async def lines() -> AsyncIterator[bytes]:
            try:
                yield b"first\n"
                await self.go_on.wait()
                yield b"second\n"
                await asyncio.Event().wait()
            finally:
                self.left.set()

        return StreamingResponse(lines())


@pytest.fixture
async def office(short_dir: Path) -> AsyncIterator[tuple[Office, str]]:
    """The office on its socket, and the address of a process in front of it."""
    behind = Office()
    path = short_dir / "office.sock"
    stop = asyncio.Event()
    routes = [Route("/api/echo", behind.echo, methods=["GET", "POST", "DELETE"]), Route("/api/stream", behind.stream)]
    relay = Relay(path)
    with web.unix_socket(path) as inner, socket.create_server(("127.0.0.1", 0)) as outer:
        answering = web.HotPaths({}, web.starlette(routes), relayed=True)
        front = web.HotPaths({}, web.by_prefix({"/api/": relay}, web.starlette([])))
        serving = [
            asyncio.create_task(web.serve(answering, inner, stop=stop, patience_s=1)),
            asyncio.create_task(web.serve(front, outer, stop=stop, patience_s=1)),
        ]
        yield behind, f"http://127.0.0.1:{outer.getsockname()[1]}"
        stop.set()
        await asyncio.gather(*serving)
        await relay.close()


async def test_a_request_arrives_as_it_was_asked_and_its_answer_as_it_was_given(office: tuple[Office, str]) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        forged = {"x-hongyan-client": "192.0.2.9", "x-hongyan-request-id": "mine", "content-type": "text/x", "connection": "close"}
        answer = await http.post(f"{office[1]}/api/echo?a=%E4%B8%AD&b", content="体" * 50_000, headers=forged)
    told = msgspec.json.decode(answer.content)
    assert answer.status_code == 201
    assert (answer.headers["x-more"], answer.headers["set-cookie"]) == ("yes", "a=b")
    assert (told["method"], told["target"], told["body"]) == ("POST", "/api/echo?a=%E4%B8%AD&b", "体" * 50_000)
    assert told["client"] == "127.0.0.1"
    assert told["request_id"] == answer.headers["x-request-id"] != "mine"
    assert len(answer.headers.get_list("date")) == 1
    assert "content-type" in told["headers"]


async def test_one_client_s_cookies_are_never_sent_for_another(office: tuple[Office, str]) -> None:
    for _ in range(2):
        async with httpx2.AsyncClient(trust_env=False) as http:
            told = (await http.get(f"{office[1]}/api/echo")).json()
        assert "cookie" not in told["headers"]


async def test_a_body_in_chunks_arrives_whole(office: tuple[Office, str]) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for number in range(100):
            yield b"%d," % number

    async with httpx2.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{office[1]}/api/echo", content=chunks())
    assert answer.json()["body"] == ",".join(map(str, range(100))) + ","


async def test_a_stream_arrives_as_it_comes_and_ends_when_its_reader_goes(office: tuple[Office, str]) -> None:
    behind, address = office
    async with httpx2.AsyncClient(trust_env=False) as http, http.stream("GET", f"{address}/api/stream") as answer:
        lines = answer.aiter_lines()
        assert await anext(lines) == "first"
        behind.go_on.set()
        assert await anext(lines) == "second"
    async with asyncio.timeout(5):
        await behind.left.wait()


async def test_nobody_behind_is_told_at_once_and_somebody_again_is_asked_again(short_dir: Path) -> None:
    path, stop = short_dir / "away.sock", asyncio.Event()
    relay = Relay(path)
    with socket.create_server(("127.0.0.1", 0)) as outer:
        front = web.HotPaths({}, web.by_prefix({"/api/": relay}, web.starlette([])))
        serving = asyncio.create_task(web.serve(front, outer, stop=stop, patience_s=1))
        address = f"http://127.0.0.1:{outer.getsockname()[1]}"
        async with httpx2.AsyncClient(trust_env=False) as http:
            away = await http.get(f"{address}/api/echo")
            assert (away.status_code, away.json()["code"]) == (503, "office_away")
            with web.unix_socket(path) as inner:
                answering = web.HotPaths({}, web.starlette([Route("/api/echo", Office().echo)]), relayed=True)
                behind = asyncio.create_task(web.serve(answering, inner, stop=stop, patience_s=1))
                assert (await http.get(f"{address}/api/echo")).status_code == 201
                stop.set()
                await asyncio.gather(serving, behind)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    await relay.close()


async def test_a_body_over_the_limit_is_told_of_by_the_process_in_front(short_dir: Path) -> None:
    """Whatever is behind: it does not get to see all of it."""
    path = short_dir / "far.sock"
    told = {"/own/": lambda request_id: Response(f"own {request_id}".encode(), b"text/plain", 413)}
    front = web.HotPaths({}, Relay(path), body_limit=1000, too_large=told)
    stop = asyncio.Event()
    with web.unix_socket(path) as inner, socket.create_server(("127.0.0.1", 0)) as outer:
        behind = web.HotPaths({}, web.starlette([Route("/{rest:path}", Office().echo, methods=["POST"])]), relayed=True)
        serving = [
            asyncio.create_task(web.serve(behind, inner, stop=stop, patience_s=1)),
            asyncio.create_task(web.serve(front, outer, stop=stop, patience_s=1)),
        ]
        base = f"http://127.0.0.1:{outer.getsockname()[1]}"
        async with httpx2.AsyncClient(trust_env=False) as http:
            plain = await http.post(f"{base}/api/x", content=b"x" * 5000)
            own = await http.post(f"{base}/own/x", content=b"x" * 5000)
        stop.set()
        await asyncio.gather(*serving)
    assert (plain.status_code, plain.json()["error"]) == (413, "too_large")
    assert (own.status_code, own.text) == (413, f"own {own.headers['x-request-id']}")
