"""A customer's callback server for measurements: takes everything and notes when which number was told of, in a process of its own.

    python -m hongyan.cli.load.receiver FILE [ANSWER]

listens on a free port of the loopback, prints it, and ends with its standard input (a pipe). FILE grows by two float64 in the machine's
order for each number: monotonic seconds at which the request was complete, and the number's digits. Numbers are read from bodies (every
`"mobile":"..."`, as Tencent's reports have them) and from addresses (`?phone=...`, for platforms that report with a GET).
"""

import asyncio
import contextlib
import gc
import os
import re
import sys
import time
from array import array
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import httptools

MOBILES = re.compile(rb'"mobile":\s?"(\d+)"')
PHONE = re.compile(rb"[?&]phone=(?:%2[bB]|\+)?(\d+)")
TAKEN = b'{"result":0,"errmsg":"OK"}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
WRITE_S = 0.1
"""How often what was noted goes to the file."""
OCTETS = 16
"""Of one note in the file."""
START_S = 15.0


class Notes:
    """What was heard and is not yet in the file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._heard = array("d")

    def add(self, phones: list[bytes]) -> None:
        """These numbers were told of just now."""
        now = time.monotonic()
        extend = self._heard.extend
        for phone in phones:
            extend((now, float(phone)))

    def write(self) -> None:
        """Bring the file up to date."""
        if self._heard:
            self._file.write(self._heard.tobytes())
            self._heard = array("d")


class Connection(asyncio.Protocol):
    """HTTP/1.1 as a customer's server speaks it; everything is answered with success."""

    def __init__(self, notes: Notes, answer: bytes) -> None:
        self._notes = notes
        self._answer = answer
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._body: list[bytes] = []
        self._phones: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none by inheritance.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self._transport is not None:
                self._transport.close()

    def on_url(self, url: bytes) -> None:
        self._phones = PHONE.findall(url)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        phones = self._phones + MOBILES.findall(b"".join(self._body))
        self._body.clear()
        self._phones = []
        self._notes.add(phones)
        if self._transport is not None:
            self._transport.write(self._answer)


async def listen(path: Path, ended: asyncio.Event, taken: bytes) -> None:
    """Take callbacks until `ended`, answering `taken`; the port is printed first."""
    notes = Notes(path)
    answer = ANSWER % (len(taken), taken)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(notes, answer), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    while not ended.is_set():
        notes.write()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), WRITE_S)
    server.close()
    notes.write()


async def _until_orphaned(path: Path, taken: bytes) -> None:
    ended = asyncio.Event()

    def heard() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            ended.set()

    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), heard)
    await listen(path, ended, taken)


class Receiver:
    """A running receiver: where to post, its process, its file."""

    def __init__(self, url: str, pid: int, path: Path) -> None:
        self.url = url
        self.pid = pid
        self.path = path


@contextlib.asynccontextmanager
async def receiver(path: Path, taken: bytes = TAKEN) -> AsyncIterator[Receiver]:
    """A receiver in a process of its own, answering `taken`, for as long as the block lasts. Raises TimeoutError when it does not start."""
    command = [sys.executable, "-m", "hongyan.cli.load.receiver", str(path), taken.decode()]
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert process.stdin is not None  # noqa: S101 - asked for above
    assert process.stdout is not None  # noqa: S101 - as above
    try:
        port = int(await asyncio.wait_for(process.stdout.readline(), START_S))
        yield Receiver(f"http://127.0.0.1:{port}/", process.pid, path)
    finally:
        process.stdin.close()
        await process.wait()


def main() -> None:
    import uvloop  # noqa: PLC0415 - only the process that listens needs it

    gc.disable()
    path, *taken = sys.argv[1:]
    uvloop.run(_until_orphaned(Path(path), taken[0].encode() if taken else TAKEN))


if __name__ == "__main__":
    main()
