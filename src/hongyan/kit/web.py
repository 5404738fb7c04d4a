"""HTTP serving: hot doors in front as plain callables, everything else in one Starlette application behind.

A hot door sees no ASGI types, so that its logic is `headers, body -> bytes` and costs no more than that; ordinary requests to it do not
even become any (kit.fast_http). Here lives what all share: the body limit, the request id, the client's address and the error boundary.
"""

import asyncio
import contextlib
import functools
import ipaddress
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute

from hongyan.kit.connection import HANG_UP
from hongyan.kit.door import Head, HotDoor, Request, Response
from hongyan.kit.fast_http import FastProtocol
from hongyan.kit.relay import CLIENT, REQUEST_ID

log = structlog.get_logger()

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

BODY_LIMIT = 10 * 1024 * 1024
"""Bytes; Tencent Cloud's own limit of a signed request."""
BODY_BUFFERED = 256 * 1024
"""A longer body goes the long way."""
DRAIN_LIMIT = 1024 * 1024
"""Of a body over the limit, so much more is read and dropped, so that an ordinary client sees the answer and not a reset connection."""
BODY_PATIENCE_S = 60.0
"""The longest a body may take to arrive."""
KEEP_ALIVE_S = 75
BACKLOG = 2048
SIGNED = frozenset({b"authorization", b"x-tc-action"})
"""Headers of programs; a plain GET without any of them is a person's browser."""
OTHER = "other"
"""The name under which requests that no hot door claims are counted."""


Seen: TypeAlias = Callable[[str, int, float], None]
"""Called after each request with the claimed path (or `OTHER`), the status and the seconds it took."""


TooLarge: TypeAlias = Callable[[str], Response]
"""The answer to a body over the limit, for the request with this id."""


class TooLargeError(Exception):
    """The body of a request to the application is over the limit."""

    def __init__(self, *, more: bool) -> None:
        """`more`: it goes on."""
        super().__init__("over the limit")
        self.more = more


class HotPaths:
    """The ASGI application: paths that hot doors claim, and one application for all others.

    A plain GET (no query, not signed) is a person's browser and always goes to the application, so that a door may claim "/".
    """

    def __init__(
        self,
        doors: Mapping[str, HotDoor],
        application: Application,
        *,
        body_limit: int = BODY_LIMIT,
        trusted_proxies: Sequence[Network] = (),
        seen: Seen | None = None,
        relayed: bool = False,
        too_large: Mapping[str, TooLarge] = {},
    ) -> None:
        """With `relayed` all requests come from a `kit.relay.Relay`, which says who asks and under which number.

        `too_large` has words of their own for a body over the limit, by how paths of the application begin.
        """
        self._doors = dict(doors)
        self._application = application
        self.body_limit = body_limit
        self._trusted = tuple(trusted_proxies)
        self._seen: Seen = seen or (lambda _path, _status, _seconds: None)
        self._relayed = relayed
        self._too_large = dict(too_large)
        self._request_id = request_ids().__next__

    # The short way: kit.fast_http.

    def claims(self, head: Head) -> bool:
        """Whether a hot door takes this, and its answer has a body."""
        return head.method != "HEAD" and self._door(head) is not None

    async def ask(self, head: Head, body: bytes, peer: str) -> Response:
        """A hot door's answer to what it claims; `peer` is where the connection comes from."""
        forwarded_for = head.headers.get(b"x-forwarded-for", b"") if self._trusted else b""
        client = client_address(peer, forwarded_for, self._trusted) if self._trusted else peer
        request = Request(head.method, head.path, head.query, head.headers, body, client, too_large=False, request_id=self._request_id())
        try:
            return await self._ask(self._doors[head.path], request)
        except asyncio.CancelledError:
            log.warning("request_cut_off", path=head.path)
            raise

    def _door(self, head: Head) -> HotDoor | None:
        door = self._doors.get(head.path)
        browsing = head.method in {"GET", "HEAD"} and not head.query and head.headers.keys().isdisjoint(SIGNED)
        return None if browsing else door

    async def _ask(self, door: HotDoor, request: Request) -> Response:
        began = time.perf_counter()
        try:
            response = await door(request)
        except Exception:
            log.exception("request_failed", request_id=request.request_id, path=request.path)
            response = _failure(request.request_id)
        self._seen(request.path, response.status, time.perf_counter() - began)
        return response

    # The long way: ASGI.

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        try:
            await self._answer(scope, receive, send)
        except asyncio.CancelledError:
            # The patience of a stopping server is over. Whether the request was taken is not known here: no answer is the only true one.
            hang_up = scope.get("state", {}).get(HANG_UP)
            if hang_up is None:
                raise
            log.warning("request_cut_off", path=scope["path"])
            hang_up()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self._door(Head(scope["method"], scope["path"], scope["query_string"], dict(scope["headers"])))
        if door is None:
            await self._answer_from_application(scope, receive, send)
        else:
            await self._answer_from_door(door, scope, receive, send)

    async def _answer_from_door(self, door: HotDoor, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _read_body(receive, self.body_limit)
        except ConnectionAbortedError:
            return
        headers = dict(scope["headers"])
        request = Request(
            scope["method"],
            scope["path"],
            scope["query_string"],
            headers,
            body or b"",
            self._client(scope, headers),
            body is None,
            self._request_id(),
        )
        await _send(await self._ask(door, request), send, close=body is None)

    async def _answer_from_application(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        if self._relayed:
            headers = dict(scope["headers"])
            request_id = headers.get(REQUEST_ID, b"").decode("latin-1")
            scope["client"] = (headers.get(CLIENT, b"").decode("latin-1"), 0)
        else:
            request_id = self._request_id()
            if self._trusted:
                scope["client"] = (self._client(scope, dict(scope["headers"])), 0)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_with_id(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message.get("headers", ()), (b"x-request-id", request_id.encode())]}
            await send(message)

        try:
            await self._application(scope, _bounded(receive, self.body_limit), send_with_id)
        except TooLargeError as fault:
            # The application let it pass, or is another process.
            if fault.more:
                await _drain(receive)
            if not status:
                told = next((words for prefix, words in self._too_large.items() if scope["path"].startswith(prefix)), _over_limit)
                await _send(told(request_id), send_with_id, close=True)
        except Exception:
            log.exception("request_failed", request_id=request_id, path=scope["path"])
            if not status:
                await _send(_failure(request_id), send_with_id)
        self._seen(OTHER, status, time.perf_counter() - began)

    def _client(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        client = scope.get("client")
        peer: str = client[0] if client else ""
        return client_address(peer, headers.get(b"x-forwarded-for", b""), self._trusted) if self._trusted else peer


def client_address(peer: str, forwarded_for: bytes, trusted: Sequence[Network]) -> str:
    """Who really asks: the last address in X-Forwarded-For that is no trusted proxy, as long as each one after it is; else the peer.

    The header's left end is whatever the client wrote, so it is read from the right and never past an address that is not trusted.
    """
    address = peer
    for name in reversed([part.strip() for part in forwarded_for.decode("latin-1").split(",")]):
        if not _is_in(address, trusted):
            break
        try:
            address = str(ipaddress.ip_address(name))
        except ValueError:
            break
    return address


def request_ids() -> Iterator[str]:
    """Random UUIDs (version 4) as text; a block of randomness at a time, since a system call for each would cost more than the rest."""
    while True:
        block = os.urandom(4096).hex()
        for start in range(0, len(block), 32):
            digits = block[start : start + 32]
            variant = "89ab"[int(digits[16], 16) & 3]
            yield f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def starlette(routes: Sequence[BaseRoute], *, lifespan: Callable[[Starlette], Any] | None = None) -> Starlette:
    """An application whose unexpected errors are answered in JSON, without a traceback."""
    return Starlette(routes=list(routes), lifespan=lifespan, exception_handlers={500: _internal_error, TooLargeError: _too_large})


def by_prefix(applications: Mapping[str, Application], otherwise: Application) -> Application:
    """An application that has paths with these beginnings answered by others, which see them whole; the rest is `otherwise`'s."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        found = next((application for prefix, application in applications.items() if path.startswith(prefix)), otherwise)
        await found(scope, receive, send)

    return answer


async def serve(
    app: HotPaths, sock: socket.socket, *, stop: asyncio.Event, patience_s: float, ready: Callable[[], None] | None = None
) -> None:
    """Serve on a bound socket until `stop`; then take no new connections and let requests in flight end, for at most `patience_s`."""
    server = _Server(
        uvicorn.Config(
            app,
            http=functools.partial(FastProtocol, app.claims, app.ask, min(app.body_limit, BODY_BUFFERED)),  # type: ignore[arg-type]
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, round(patience_s)),
        )
    )
    server.ready = ready
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(_stop_when(stop, server))
        await server.serve([sock])
        waiting.cancel()


@contextlib.contextmanager
def unix_socket(path: Path) -> Iterator[socket.socket]:
    """A listening socket in the file system, in the place of one that was left there; gone when the block ends.

    Raises OSError when the name is longer than the system takes (about 100 bytes).
    """
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(str(path))
        path.chmod(0o600)
        sock.listen(BACKLOG)
        try:
            yield sock
        finally:
            path.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """Leaves signals to the process, which serves more than HTTP, and says when it is ready."""

    ready: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.ready is not None:
            self.ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _stop_when(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None when it is over the limit, of which then at most a little more is read.

    Raises ConnectionAbortedError when the client went away or was too slow to be waited for.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        return body if len(body) <= limit else None
    chunks, size = [], 0
    try:
        async with asyncio.timeout(BODY_PATIENCE_S):
            while size <= limit + DRAIN_LIMIT:
                if message["type"] == "http.disconnect":
                    raise ConnectionAbortedError
                chunk = message.get("body", b"")
                size += len(chunk)
                if size <= limit:
                    chunks.append(chunk)
                if not message.get("more_body"):
                    break
                message = await receive()
    except TimeoutError:
        raise ConnectionAbortedError from None
    return b"".join(chunks) if size <= limit else None


async def _send(response: Response, send: Send, *, close: bool = False) -> None:
    headers = [(b"content-type", response.content_type), (b"content-length", b"%d" % len(response.body)), *response.headers]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def _bounded(receive: Receive, limit: int) -> Receive:
    left = limit

    async def bounded() -> MutableMapping[str, Any]:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLargeError(more=bool(message.get("more_body")))
        return message

    return bounded


async def _drain(receive: Receive) -> None:
    """Read and drop a little more, so that an ordinary client sees the answer."""
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BODY_PATIENCE_S):
            while size <= DRAIN_LIMIT:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return


def _problem(code: str, request_id: str) -> bytes:
    return msgspec.json.encode({"error": code, "request_id": request_id})


def _failure(request_id: str) -> Response:
    return Response(_problem("internal_error", request_id), b"application/json", 500)


def _over_limit(request_id: str) -> Response:
    return Response(_problem("too_large", request_id), b"application/json", 413)


async def _internal_error(request: StarletteRequest, _fault: Exception) -> JSONResponse:
    return JSONResponse({"error": "internal_error", "request_id": request.state.request_id}, 500)


async def _too_large(request: StarletteRequest, _fault: Exception) -> JSONResponse:
    return JSONResponse({"error": "too_large", "request_id": request.state.request_id}, 413, {"connection": "close"})
