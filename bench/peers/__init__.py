"""What the side-by-side run needs to know of a product, and what all of them need to be run."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from hongyan.cli.load.measure import Api
from hongyan.cli.load.receiver import TAKEN

START_PATIENCE_S = 60.0
STOP_PATIENCE_S = 20.0


class PeerError(Exception):
    """A product did not start or could not be set up; the text says why."""


class Carrier(msgspec.Struct, frozen=True):
    """The simulated carrier that all products submit to."""

    port: int
    password: str
    journal: Path
    pid: int


class Running(msgspec.Struct, frozen=True):
    """A product that takes requests."""

    address: tuple[str, int]
    api: Callable[[str | None], Api]
    """How it is asked, and to report each message to this address; None for no reports."""
    pids: Mapping[str, int]
    """Its processes by name."""
    families: frozenset[str] = frozenset()
    """Those that count with everything they started."""


class Peer(msgspec.Struct, frozen=True):
    """One way to run a product."""

    name: str
    label: str
    callbacks: bool
    """It asks the carrier for receipts and reports each to the customer."""
    loads: tuple[str, ...]
    """Which loads it is measured with."""
    without: str
    """What Hongyan does for the same messages and it does not."""
    missing: Callable[[], str | None]
    """Why it cannot be run here; None when it can."""
    seconds: float
    """A load lasts no longer: what a slow product takes in, it must also work off."""
    run: Callable[[Carrier, Path], AbstractContextManager[Running]]
    """Run it in an empty directory for as long as the block lasts. Raises PeerError."""
    taken: bytes = TAKEN
    """What its callbacks want to hear."""


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@contextlib.contextmanager
def process(command: list[str], directory: Path, environ: Mapping[str, str] | None, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with a group of its own, its output in a file; ended with all that it started."""
    with log.open("wb") as output:
        running = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=directory, env=environ, start_new_session=True
        )
    try:
        yield running
    finally:
        end(running)


def end(running: subprocess.Popen[bytes]) -> None:
    """Ask a group to end, and make it."""
    for order, patience_s in ((signal.SIGTERM, STOP_PATIENCE_S), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, order)
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(patience_s)
            if order == signal.SIGKILL:
                return


def until(ready: Callable[[], bool], running: subprocess.Popen[bytes], what: str, log: Path) -> None:
    """Wait for a condition; raises PeerError when the process ends first or it takes too long."""
    deadline = time.monotonic() + START_PATIENCE_S
    while not ready():
        if running.poll() is not None:
            raise PeerError(f"{what} ended with {running.returncode}:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise PeerError(f"{what} was not ready within {START_PATIENCE_S:.0f} s:\n{tail(log)}")
        time.sleep(0.1)


def tail(log: Path) -> str:
    """The end of a log."""
    return log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else ""


def listens(port: int) -> bool:
    """Whether somebody does, on this port of the loopback."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
