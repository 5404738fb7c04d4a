"""A client's connection: uvicorn's own protocol over httptools, with the bounds that it leaves to a proxy in front.

httptools keeps a header until it is whole, however long it becomes, and uvicorn waits for it for ever. Trailers come after what was checked
and would be taken for headers (RFC 9110, 6.5.1: they must not be, unless their meaning is known).
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_LIMIT = 96 * 1024
"""Octets that may come without anything being complete: a head, trailers, the extension of a chunk. A query alone may have 32 KB."""
HEAD_PATIENCE_S = 30.0
"""The longest a head may take to arrive."""
HANG_UP = "hang_up"
"""Where an application finds, in its scope's state, what ends the connection without an answer."""
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class ClientConnection(HttpToolsProtocol):
    """Refuses what is endless, closes on who is silent, and drops trailers."""

    _patience: asyncio.TimerHandle | None = None
    _in_head = False
    _came_further = False
    _pending = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._patience = self.loop.call_later(HEAD_PATIENCE_S, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_patience()
        super().connection_lost(exc)

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
        elif self._patience is None and idle:
            self._patience = self.loop.call_later(HEAD_PATIENCE_S, self.transport.close)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self.scope["state"][HANG_UP] = self.hang_up

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._came_further = False, True
        self._forget_patience()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._came_further = True
        super().on_body(body)

    def hang_up(self) -> None:
        """End the connection without an answer."""
        self.cycle.disconnected = True
        self.transport.close()

    def _idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _forget_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
