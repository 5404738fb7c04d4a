"""A client's connection: uvicorn's own protocol over httptools, with the bounds that it leaves to a proxy in front.

httptools keeps a header until it is whole, however long it becomes, and uvicorn waits for it for ever. Trailers come after what was checked
and would be taken for headers (RFC 9110, 6.5.1: they must not be, unless their meaning is known).
"""

import asyncio
from typing import Any

import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

HEAD_LIMIT = 96 * 1024
"""Octets that may come without anything being complete: a head, trailers, the extension of a chunk. A query alone may have 32 KB."""
HANG_UP = "hang_up"
"""Where an application finds, in its scope's state, what ends the connection without an answer."""
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Patience(msgspec.Struct, frozen=True):
    """How long clients are waited for, in seconds."""

    head_s: float = 30.0
    """For a head to arrive."""
    message_s: float = 60.0
    """For a request to arrive."""
    reading_s: float = 60.0
    """For a client to go on reading its answers."""
    tick_s: float = 5.0
    """How often the short way looks (kit.fast_http): so much longer may each take there."""


class ClientConnection(HttpToolsProtocol):
    """Refuses what is endless, closes on who is silent or does not listen, and drops trailers."""

    _waits_for_head: asyncio.TimerHandle | None = None
    _waits_for_reader: asyncio.TimerHandle | None = None
    _in_head = False
    _came_further = False
    _pending = 0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        patience: Patience = Patience(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._patience = patience

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._waits_for_head = self.loop.call_later(self._patience.head_s, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        self._forget_reader()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._waits_for_reader = self.loop.call_later(self._patience.reading_s, self.transport.abort)

    def resume_writing(self) -> None:
        self._forget_reader()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        self._came_further = False
        super().data_received(data)
        if self._came_further:
            self._pending = 0
            return
        self._pending += len(data)
        idle = self._idle()
        if self._pending > HEAD_LIMIT and not self.transport.is_closing():
            if idle:
                self.transport.write(TOO_LARGE)
            self.transport.close()
        elif self._waits_for_head is None and idle and not self.transport.is_closing():
            self._waits_for_head = self.loop.call_later(self._patience.head_s, self.transport.close)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self.scope["state"][HANG_UP] = self.hang_up

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._came_further = False, True
        self._forget_head()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._came_further = True
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Never in the place of another answer: what came whole before the nonsense is answered first."""
        if self._idle() or not (self.pipeline or self.cycle.response_started or not self.cycle.more_body):
            super().send_400_response(msg)
        elif self.cycle.more_body:
            self.transport.close()
        else:
            self.cycle.keep_alive = False
            self.flow.pause_reading()

    def hang_up(self) -> None:
        """End the connection without an answer."""
        self.cycle.disconnected = True
        self.transport.close()

    def _idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _forget_head(self) -> None:
        if self._waits_for_head is not None:
            self._waits_for_head.cancel()
            self._waits_for_head = None

    def _forget_reader(self) -> None:
        if self._waits_for_reader is not None:
            self._waits_for_reader.cancel()
            self._waits_for_reader = None
