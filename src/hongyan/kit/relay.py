"""Requests handed to another process of the same machine, over a socket in the file system.

A front process answers quickly what must be quick; what may take its time is answered elsewhere.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, TypeAlias

import httpx2
import msgspec
import structlog

log = structlog.get_logger()

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CLIENT = b"x-hongyan-client"
"""The address of the client, told from process to process; what a client sends under this name is dropped."""
REQUEST_ID = b"x-hongyan-request-id"
HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer", b"transfer-encoding", b"upgrade",
})  # fmt: skip
"""Headers about one connection (RFC 9110 section 7.6.1)."""
ANEW = HOP | {b"date", b"x-request-id"}
"""What the process in front says itself."""
CONNECT_S = 2.0
AT_ONCE = 200


class Relay:
    """An ASGI application that answers with what the process behind `path` answers, as it comes."""

    def __init__(self, path: Path) -> None:
        self._client = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(uds=str(path), limits=httpx2.Limits(max_connections=AT_ONCE, max_keepalive_connections=20)),
            # What is streamed may be silent for long; whoever asked goes away when it has had enough.
            timeout=httpx2.Timeout(None, connect=CONNECT_S, pool=CONNECT_S),
            # Cookies are the clients': kept here, one's session would be everybody's.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            trust_env=False,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        whole = asyncio.Event()
        request = self._client.build_request(
            scope["method"],
            _address(scope),
            headers=_forwarded(scope),
            content=_body(receive, whole) if _has_body(scope) else None,
        )
        if not _has_body(scope):
            whole.set()
        answering = asyncio.create_task(self._answer(request, send, scope))
        leaving = asyncio.create_task(_gone(receive, whole))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)

    async def _answer(self, request: httpx2.Request, send: Send, scope: Scope) -> None:
        try:
            response = await self._client.send(request, stream=True)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ReadError, httpx2.RemoteProtocolError) as fault:
            log.warning("relay_has_nobody_to_ask", path=scope["path"], why=type(fault).__name__)
            await _unavailable(send)
            return
        try:
            headers = [(name.lower(), value) for name, value in response.headers.raw if name.lower() not in ANEW]
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            async for chunk in response.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await response.aclose()

    async def close(self) -> None:
        await self._client.aclose()


def _address(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    return f"http://office{scope['raw_path'].decode('latin-1')}" + (f"?{query}" if query else "")


def _has_body(scope: Scope) -> bool:
    return any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])


def _forwarded(scope: Scope) -> list[tuple[bytes, bytes]]:
    dropped = HOP | {CLIENT, REQUEST_ID}
    headers = [(name, value) for name, value in scope["headers"] if name not in dropped]
    client = scope.get("client")
    headers.append((CLIENT, (client[0] if client else "").encode("latin-1")))
    headers.append((REQUEST_ID, str(scope.get("state", {}).get("request_id", "")).encode("latin-1")))
    return headers


async def _body(receive: Receive, whole: asyncio.Event) -> AsyncIterator[bytes]:
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            yield message.get("body", b"")
            if not message.get("more_body"):
                return
    finally:
        whole.set()


async def _gone(receive: Receive, whole: asyncio.Event) -> None:
    """Returns when the client has gone away."""
    await whole.wait()
    while (await receive())["type"] != "http.disconnect":
        continue


async def _unavailable(send: Send) -> None:
    body = msgspec.json.encode({
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "code": "office_away",
        "detail": "负责此接口的进程暂时不在，请稍后再试。/ The process that answers this is away for a moment: try again.",
    })  # fmt: skip
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body)), (b"retry-after", b"1")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
