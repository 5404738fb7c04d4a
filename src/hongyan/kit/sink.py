"""A small HTTP server that takes every POST and remembers it: the customer's callback server in demonstrations and tests."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from hongyan.kit.loops import cancel

MOST_KEPT = 10_000
LONGEST_BODY = 1024 * 1024
TAKEN = b'{"result":0,"errmsg":"OK"}'


class Sink:
    """Listens on a free port of the loopback while its block lasts.

    `answer` (status, body) and `delay_s` may be changed at any time to play a server in trouble.
    """

    def __init__(self, heard: Callable[[str, bytes], None] = lambda _path, _body: None) -> None:
        """`heard` is told the path and body of each request that is taken, before it is answered."""
        self._heard = heard
        self.answer: tuple[int, bytes] = (200, TAKEN)
        self.delay_s = 0.0
        self.url = ""
        self._kept: list[tuple[str, bytes, dict[str, str]]] = []
        self._arrived = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, _type: type[BaseException] | None, _fault: BaseException | None, _trace: TracebackType | None) -> None:
        if self._server is not None:
            self._server.close()
        await cancel(*self._open)

    def bodies(self, path: str) -> list[bytes]:
        """What was posted to this path and taken, in order."""
        return [body for to, body, _ in self._kept if to == path]

    def headers(self, path: str) -> list[dict[str, str]]:
        """The headers of the same requests, by name in small letters."""
        return [headers for to, _, headers in self._kept if to == path]

    async def next(self) -> None:
        """Wait until one more request has been answered."""
        self._arrived.clear()
        await self._arrived.wait()

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve_all(reader, writer))
        self._open.add(connection)
        connection.add_done_callback(self._open.discard)

    async def _serve_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1]
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(min(int(headers.get("content-length", "0")), LONGEST_BODY))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        status, answer = self.answer
        if status == 200:  # noqa: PLR2004 - HTTP's OK
            self._heard(path, body)
            if len(self._kept) < MOST_KEPT:
                self._kept.append((path, body, headers))
        writer.write(b"HTTP/1.1 %d -\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (status, len(answer)) + answer)
        await writer.drain()
        self._arrived.set()
        return headers.get("connection", "").lower() != "close"
