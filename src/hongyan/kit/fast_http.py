"""The shortest way for ordinary requests to hot doors: one parser, one task, one write.

uvicorn makes an ASGI scope, an event, a cycle and two writes for each request: together more than all the rest of a send. What is not
ordinary (another path, an encoded or absolute one, pipelining, chunks, Expect, Upgrade, a long body, a connection that ends) goes to
uvicorn from its first byte on, together with its connection: this protocol has answered nothing of it by then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.server import ServerState

from hongyan.kit.connection import HEAD_LIMIT, TOO_LARGE, ClientConnection, Patience
from hongyan.kit.door import Head, Response

WAITING_LIMIT = 64 * 1024
"""What a client may send while its last request is being answered."""
LENGTH_DIGITS = 12
"""Of a Content-Length; a longer one may be of zeros, or no number that fits anything."""
URL_LIMIT = 60_000
"""Of a longer one uvicorn says whether it can be read."""

_UNUSUAL = frozenset({b"expect", b"transfer-encoding", b"upgrade", b"connection", b"proxy-connection", b"te", b"trailer"})


Claims = Callable[[Head], bool]
"""Whether a hot door takes this."""
Ask = Callable[[Head, bytes, str], Awaitable[Response]]
"""The answer to a claimed head with its body, from a peer; raises nothing."""


class FastProtocol(asyncio.Protocol):
    """One connection, until something on it is not ordinary."""

    def __init__(
        self,
        claims: Claims,
        ask: Ask,
        body_limit: int,
        *,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        patience: Patience = Patience(),  # noqa: B008 - frozen
    ) -> None:
        self._claims = claims
        self._ask = ask
        self._body_limit = body_limit
        self._patience = patience
        self._config = config
        self._state = server_state
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0
        """When the message under way, or the idleness, began."""
        self._busy = self._blocked = self._ending = False
        self._waiting = bytearray()
        self._raw: list[bytes] = []
        self._begun = 0
        self._head_complete = self._complete = self._unusual = False
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._asked: Head | None = None
        """Once it is complete and a door claims it."""
        self._dated: list[tuple[bytes, bytes]] | None = None
        self._alike: tuple[int, bytes] | None = None
        self._common = b""
        """The head of the last answer."""

    # The connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        self._state.connections.add(self)  # type: ignore[arg-type]
        self._since = self._loop.time()
        self._timer = self._loop.call_later(self._patience.tick_s, self._look_at_clock)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._leave()

    def shutdown(self) -> None:
        """Uvicorn stops: an answer under way is still given, and a request that has begun to come is waited for as uvicorn does."""
        self._ending = True
        if not self._busy and not self._head_complete and self._transport is not None:
            self._transport.close()

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        self._go_on()

    def data_received(self, data: bytes) -> None:
        if self._busy or self._blocked:
            self._waiting += data
            if len(self._waiting) > WAITING_LIMIT and self._transport is not None:
                self._transport.pause_reading()
            return
        self._feed(data)

    def _leave(self) -> None:
        """Nothing may come any more; parser and protocol hold each other."""
        self._state.connections.discard(self)
        self._transport = self._parser = None  # type: ignore[assignment]
        if self._timer is not None:
            self._timer.cancel()

    def _look_at_clock(self) -> None:
        """One timer a connection, however many requests it brings."""
        if self._transport is None:
            return
        patience: float = self._config.timeout_keep_alive
        if self._raw:
            patience = self._patience.message_s if self._head_complete else self._patience.head_s
        elif self._blocked:
            patience = self._patience.reading_s
        if self._busy or self._loop.time() < self._since + patience:
            self._timer = self._loop.call_later(self._patience.tick_s, self._look_at_clock)
        elif self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    # A message.

    def _feed(self, data: bytes) -> None:
        if not self._raw:
            self._since = self._loop.time()
        self._raw.append(data)
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._unusual = True
        if self._unusual:
            self._hand_over()
        elif self._complete:
            self._start()
        elif not self._head_complete and self._size > HEAD_LIMIT and self._transport is not None:
            self._transport.write(TOO_LARGE)
            self._transport.close()

    def on_message_begin(self) -> None:
        self._begun += 1
        if self._begun > 1:
            self._unusual = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in _UNUSUAL and not (name == b"connection" and value.lower() == b"keep-alive"):
            self._unusual = True
        self._headers[name] = value

    def on_headers_complete(self) -> None:
        self._head_complete = True
        path, _, query = self._url.partition(b"?")
        length = self._headers.get(b"content-length", b"0")
        ordinary = not self._unusual and path.startswith(b"/") and b"%" not in path and b"#" not in self._url and path.isascii()
        measured = length.isdigit() and len(length) <= LENGTH_DIGITS and int(length) <= self._body_limit and len(self._url) <= URL_LIMIT
        if not ordinary or not measured or self._parser.get_http_version() != "1.1":
            self._unusual = True
            return
        head = Head(self._parser.get_method().decode("ascii"), path.decode("ascii"), query, self._headers)
        if self._claims(head):
            self._asked = head
        else:
            self._unusual = True

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        self._complete = True

    def _start(self) -> None:
        assert self._asked is not None  # noqa: S101 - a head that is complete and not unusual has it
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        asking = self._ask(self._asked, body, self._peer)
        self._busy = True
        self._raw, self._body, self._headers = [], [], {}
        self._url, self._asked, self._size, self._begun = b"", None, 0, 0
        self._head_complete = self._complete = False
        task = self._loop.create_task(self._answer(asking))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    async def _answer(self, asking: Awaitable[Response]) -> None:
        answer: Response | None = None
        try:
            answer = await asking
        finally:
            self._busy = False
            self._state.total_requests += 1
            if self._transport is not None:
                if answer is not None:
                    self._write(answer)
                if answer is None or self._ending:
                    self._transport.close()
        self._since = self._loop.time()
        self._go_on()

    def _write(self, answer: Response) -> None:
        assert self._transport is not None  # noqa: S101 - the caller looked
        head = self._head_of(answer.status, answer.content_type)
        for name, value in answer.headers:
            head += b"%b: %b\r\n" % (name, value)
        if self._ending:
            head += b"connection: close\r\n"
        self._transport.write(b"%bcontent-length: %d\r\n\r\n%b" % (head, len(answer.body), answer.body))

    def _head_of(self, status: int, content_type: bytes) -> bytes:
        """What answers of one status and type have in common, until uvicorn makes the date anew."""
        headers = self._state.default_headers
        alike = (status, content_type)
        if headers is not self._dated or alike != self._alike:
            self._dated, self._alike = headers, alike
            lines = [b"%b: %b\r\n" % header for header in (*headers, (b"content-type", content_type))]
            self._common = STATUS_LINE[status] + b"".join(lines)
        return self._common

    def _go_on(self) -> None:
        """With what arrived meanwhile."""
        if self._waiting and not self._busy and not self._blocked and self._transport is not None and not self._transport.is_closing():
            data, self._waiting = bytes(self._waiting), bytearray()
            self._transport.resume_reading()
            self._feed(data)

    def _hand_over(self) -> None:
        """Uvicorn gets the connection, and all that has come of the message."""
        transport = self._transport
        assert transport is not None  # noqa: S101 - something has just arrived on it
        self._leave()
        successor = ClientConnection(self._config, self._state, self._app_state, self._loop, patience=self._patience)
        successor.connection_made(transport)
        transport.set_protocol(successor)
        successor.data_received(b"".join(self._raw))
        if self._ending:
            successor.shutdown()
