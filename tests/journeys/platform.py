"""A running platform for journeys: `hongyan serve` as an operator starts it, with doors to its control plane, database and carrier."""

import asyncio
import contextlib
import http.client
import inspect
import ipaddress
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from hongyan import wiring
from hongyan.control.plane import ControlPlane, assemble
from hongyan.kit import embedded
from hongyan.kit.db import Database
from hongyan.kit.http import check_url
from hongyan.pipeline.conclude import reference_of
from hongyan.settings import Settings
from hongyan.simulator.control import ask
from hongyan.simulator.journal import Entry

START_S = 60.0
END_S = 15.0
SOON_S = 15.0
LOOPBACK = ipaddress.ip_network("127.0.0.1/32")

_phones = itertools.count(13_910_000_000 + os.getpid() % 1000 * 10_000)
used_phones: set[str] = set()
"""Every number that a journey made up, for looking whether one leaked into a log."""


def phone() -> str:
    """A mainland number that no other journey uses."""
    written = f"+86{next(_phones)}"
    used_phones.add(written)
    return written


def handset(last: str) -> str:
    """One of the simulator's handsets that misbehave, by its last four digits."""
    return f"+861990000{last}"


async def until(holds: Callable[[], Any], what: str, within_s: float = SOON_S) -> Any:
    """What `holds` returns (or awaits to) as soon as it is true."""
    deadline = time.monotonic() + within_s
    while True:
        found = holds()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        await asyncio.sleep(0.03)


class Platform:
    """One instance on its own data directory; `settings` are HONGYAN_ names without the prefix."""

    def __init__(self, *, python: str = sys.executable, **settings: str) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="hyj-", dir="/tmp"))
        self.log = self.home / "log"
        self.journal = Journal(self.home / "journal")
        self.settings = Settings(data_dir=self.home / "data", callback_allow=(LOOPBACK,))
        self.process: subprocess.Popen[bytes] | None = None
        self.arguments: tuple[str, ...] = ()
        self._given = settings
        self._python = python

    # As an operator.

    def start(self) -> None:
        """Serve; returns when it is ready."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HONGYAN_")}
        own = {
            "DATA_DIR": str(self.settings.data_dir),
            "HTTP": "127.0.0.1:0",
            "CALLBACK_ALLOW": str(LOOPBACK),
            "SIMULATOR_JOURNAL": str(self.journal.path),
            "LOG_FORMAT": "json",
            "LANG": "en",
            "PROCESSES": "2",
            "REQUEST_RATES": "0",
        }
        environ = inherited | {f"HONGYAN_{name}": value for name, value in (own | self._given).items()}
        with self.log.open("ab") as log:
            command = [self._python, "-m", "hongyan", "serve", *self.arguments]
            self.process = subprocess.Popen(command, env=environ, stdout=log, stderr=log, cwd=self.home)
        deadline = time.monotonic() + START_S
        while not self.is_ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def stop(self) -> float:
        """SIGTERM; the seconds until it had ended."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(END_S) == 0, self.log.read_text()
        return time.monotonic() - began

    def destroy(self) -> None:
        """Whatever still runs ends now, and nothing is left of it."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(END_S)
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.settings.run_dir / "state.json").read_text())
        return state

    @property
    def address(self) -> str:
        """HOST:PORT of its doors."""
        return str(self.state["http"])

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            connection = http.client.HTTPConnection(self.address, timeout=10)
            try:
                connection.request("GET", "/readyz")
                return connection.getresponse().status == 200
            finally:
                connection.close()
        return False

    def kill(self, name: str) -> int:
        """SIGKILL to the process of that name ("database" is the postmaster); the id it had."""
        pid = int(self.state["database_pid"] if name == "database" else self.state["processes"][name])
        os.kill(pid, signal.SIGKILL)
        return pid

    def pid(self, name: str) -> int | None:
        """Of a process that runs; None while it does not."""
        with contextlib.suppress(OSError, ValueError):
            pid: int | None = self.state["database_pid"] if name == "database" else self.state["processes"].get(name)
            return pid
        return None

    # As whoever runs it.

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        url = embedded.url(self.settings.data_dir)
        assert url is not None
        db = await Database.open(url, size=2)
        try:
            yield db
        finally:
            await db.close()

    @contextlib.asynccontextmanager
    async def control(self) -> AsyncIterator[ControlPlane]:
        """The services behind the commands."""
        async with self.database() as db:
            yield assemble(
                db,
                wiring.secret_box(self.settings),
                clock=time.time,
                entropy=os.urandom,
                check_url=lambda url: check_url(url, self.settings.callback_allow),
            )

    # As the carrier.

    async def simulate(self, **order: Any) -> dict[str, Any]:
        """Give the simulated carrier an order (simulator/orders.py); it must do it."""
        answer = await ask(str(self.settings.run_dir / "simulator.sock"), order)
        assert answer["ok"], answer
        return answer

    def log_lines(self) -> list[dict[str, Any]]:
        """What it logged; lines that are no JSON (a traceback on standard error) come as {"raw": line}."""
        return [_log_line(line) for line in self.log.read_text(errors="replace").splitlines() if line.strip()]


def _log_line(line: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        told = json.loads(line)
        if isinstance(told, dict):
            return told
    return {"raw": line}


class Journal:
    """What the simulated carrier wrote down about submits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._decoder = msgspec.json.Decoder(Entry)

    def entries(self) -> list[Entry]:
        """All of them; a line that was cut by a kill is none."""
        whole = self.path.read_bytes().rpartition(b"\n")[0] if self.path.exists() else b""
        return [self._decoder.decode(line) for line in whole.splitlines()]

    def taken(self) -> dict[str, list[Entry]]:
        """Submits that were taken, by handset as E.164 with the plus."""
        found: dict[str, list[Entry]] = {}
        for entry in self.entries():
            if not entry.status:
                found.setdefault(f"+{entry.phone}", []).append(entry)
        return found

    def of(self, to: str, message_id: int, segments: int = 1) -> list[Entry]:
        """Every submit of one message, refused ones too: by its handset and the reference each segment carries."""
        references = {reference_of(message_id, sequence) for sequence in range(1, segments + 1)}
        return [entry for entry in self.entries() if f"+{entry.phone}" == to and entry.user_message_reference in references]

    async def written(self, to: str, message_id: int, segments: int = 1) -> list[Entry]:
        """The same, once there are as many as there are segments: lines come a moment after the submit."""
        await until(lambda: len(self.of(to, message_id, segments)) >= segments, "the submits are in the journal")
        return self.of(to, message_id, segments)


async def all_of(work: Iterable[Awaitable[Any]]) -> list[Any]:
    return list(await asyncio.gather(*work))
