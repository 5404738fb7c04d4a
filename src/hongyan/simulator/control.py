"""The control channel: newline-delimited JSON over a unix socket or a loopback port, one answer for each order."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec

from hongyan.simulator.orders import Order, Wrong, read

LONGEST_LINE = 65_536
LONGEST_PATH = 99
"""Characters; a longer path does not fit into a socket address everywhere."""
CONNECTIONS = 32
LOOPBACK = "127.0.0.1"

Obey = Callable[[Order], dict[str, Any] | Wrong]
"""What carries an order out; its answer has to be representable in JSON. `Wrong` says why it was not."""


class _Line(asyncio.Protocol):
    """One connection: lines in, answers out, in order."""

    def __init__(self, obey: Obey, open_lines: set["_Line"]) -> None:
        self._obey = obey
        self._open = open_lines
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        if len(self._open) >= CONNECTIONS:
            transport.close()
        else:
            self._open.add(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest
        for line in lines:
            self._say(self._answer(bytes(line)))
        if len(rest) > LONGEST_LINE:
            self._say({"ok": False, "error": f"a line has at most {LONGEST_LINE} bytes"})
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._open.discard(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        order = read(line)
        answer = order if isinstance(order, Wrong) else self._obey(order)
        return {"ok": False, "error": answer.error} if isinstance(answer, Wrong) else {"ok": True, **answer}

    def _say(self, answer: dict[str, Any]) -> None:
        if self._transport is not None:
            self._transport.write(msgspec.json.encode(answer) + b"\n")


class ControlServer:
    """Listens at `where`: the path of a unix socket, or a port on 127.0.0.1 written in digits (0 finds a free one)."""

    def __init__(self, obey: Obey) -> None:
        self._obey = obey
        self._lines: set[_Line] = set()
        self._server: asyncio.Server | None = None
        self._path: Path | None = None

    async def start(self, where: str | int) -> str | int:
        """Listen; the path, or the port that was bound. A socket left behind by a process that was killed is replaced."""
        loop = asyncio.get_running_loop()
        place = _place(where)
        if isinstance(place, int):
            self._server = await loop.create_server(self._line, LOOPBACK, place)
            port: int = self._server.sockets[0].getsockname()[1]
            return port
        self._server = await loop.create_unix_server(self._line, str(place))
        place.chmod(0o600)
        self._path = place
        return str(place)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for line in tuple(self._lines):
                line.close()
            await self._server.wait_closed()
            self._server = None
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            self._path = None

    def _line(self) -> _Line:
        return _Line(self._obey, self._lines)


async def ask(where: str | int, order: dict[str, Any], *, within_s: float = 10.0) -> dict[str, Any]:
    """Send one order to the simulator at `where` and give its answer.

    The answer has `ok`, and `error` in words when that is false. Raises OSError when nobody listens there or the answer does not come.
    """
    place = _place(where)
    async with asyncio.timeout(within_s):
        if isinstance(place, int):
            reader, writer = await asyncio.open_connection(LOOPBACK, place, limit=1 << 24)
        else:
            reader, writer = await asyncio.open_unix_connection(str(place), limit=1 << 24)
        try:
            writer.write(msgspec.json.encode(order) + b"\n")
            line = await reader.readline()
        finally:
            writer.close()
            await writer.wait_closed()
    if not line:
        raise ConnectionResetError("the simulator closed the control channel without an answer")
    answer: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
    return answer


def _place(where: str | int) -> Path | int:
    if isinstance(where, int) or where.isdigit():
        return int(where)
    if len(where) > LONGEST_PATH:
        raise ValueError(f"a control path has at most {LONGEST_PATH} characters: {where}")
    return Path(where)
