"""The carrier's own record of every submit, for comparing what was promised with what was seen."""

import asyncio
import hashlib
from pathlib import Path

import msgspec
import structlog

log = structlog.get_logger(__name__)

FLUSH_S = 0.05
"""A line is in the file at most this much later."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One submit as the server saw it."""

    monotonic: float
    """Seconds on the machine's monotonic clock, the same one for all its processes."""
    wall: float
    """Unix seconds."""
    system_id: str
    phone: str
    """Destination as it was written."""
    message_id: str
    """As in the answer; empty when nothing was taken."""
    status: int
    """command_status of the answer, whether or not it was said."""
    user_message_reference: int | None
    segment: int
    """From 1."""
    total: int
    digest: str
    """`digest_of` the text."""


def digest_of(text: bytes) -> str:
    """Tells texts apart without keeping them: BLAKE2b in 8 bytes, hexadecimal, of the encoded text without its UDH."""
    return hashlib.blake2b(text, digest_size=8).hexdigest()


class Journal:
    """Lines of JSON at the end of a file. Belongs to one event loop.

    A file that cannot be written to costs lines, never the server: each failure is logged and `lost` counts the lines.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._lines: list[bytes] = []
        self._encode = msgspec.json.Encoder().encode
        self._timer: asyncio.TimerHandle | None = None
        self.lost = 0

    def write(self, entry: Entry) -> None:
        self._lines.append(self._encode(entry))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self.flush)

    def flush(self) -> None:
        """Hand everything to the operating system now, so that it survives the end of this process."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        rest = memoryview(b"\n".join(lines) + b"\n")
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self.lost += len(lines)
            log.warning("journal not written", lines=len(lines), error=str(error))

    def close(self) -> None:
        self.flush()
        self._file.close()
