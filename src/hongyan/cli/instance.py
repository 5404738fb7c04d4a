"""One running instance of the platform: its database, its simulated carrier and as many processes as the machine has use for."""

import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import socket
import time
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec
import structlog

from hongyan import wiring
from hongyan.cli.output import CommandError
from hongyan.cli.supervisor import Keeper, Program, keep
from hongyan.cli.worker import given, publish, simulator_at
from hongyan.kit import embedded, faults, metrics
from hongyan.kit.db import UNAVAILABLE, Database
from hongyan.kit.loops import cancel, every
from hongyan.kit.web import BACKLOG
from hongyan.settings import Settings, address
from hongyan.simulator.config import SimulatorConfig

T = TypeVar("T")

logger = structlog.get_logger()

ROLES = frozenset({"api", "dispatch", "callbacks", "jobs", "console"})
"""What a process can do; a machine that takes only some of the work runs with --role."""
ENGINE = frozenset({"api", "dispatch"})
OFFICE = frozenset({"console", "callbacks", "jobs"})
MOST_PROCESSES = 16

STATE_FILE = "state.json"
LOCK_FILE = "serve.lock"
DATABASE_PATIENCE_S = 60.0
PORT_PATIENCE_S = 12.0
"""An instance that was just killed may hold the port until its processes have seen it."""
LOOK_S = 0.5
SOON_S = 0.02


class State(msgspec.Struct, frozen=True):
    """What runs, as run/state.json says it to other commands."""

    pid: int
    http: str
    """HOST:PORT as bound."""
    database: str
    """embedded or external."""
    started_at: float
    """Unix seconds."""
    processes: dict[str, int]
    """Process ids by name, of those that live."""
    database_pid: int | None = None


class Plan(msgspec.Struct, frozen=True):
    """One worker process: its name and roles."""

    name: str
    roles: frozenset[str]


def layout(processes: int, roles: frozenset[str]) -> list[Plan]:
    """Which processes to run with these roles: one that accepts and dispatches, one for everything unhurried, the others accept."""
    if roles != ROLES or processes == 1:
        return [Plan("worker" if roles != ROLES else "engine", roles)]
    more = [Plan(f"api-{number}", frozenset({"api"})) for number in range(1, processes - 1)]
    return [Plan("engine", ENGINE), *more, Plan("office", OFFICE)]


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


async def supervise(settings: Settings, roles: frozenset[str]) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP, then end everything within `settings.shutdown_s`; a second signal ends it at once."""
    stop, now = asyncio.Event(), asyncio.Event()

    def told() -> None:
        (now if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # nohup has hang-ups ignored, and they stay so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, told)
    ordered = faults.parse(os.environ.get(faults.VARIABLE) or faults.ON)
    with only_instance(settings), contextlib.suppress(Interrupted):
        faults.post(settings.run_dir, ordered)
        faults.begin(settings.run_dir)
        listen = await unless(stop, bind(settings.http_address))
        try:
            await Platform(settings, roles).run(listen, stop, now)
        finally:
            listen.close()
            # Nothing runs any more: nobody should think so.
            (settings.run_dir / STATE_FILE).unlink(missing_ok=True)


class Interrupted(Exception):  # noqa: N818 - no error, an end
    """The instance was told to stop while it was starting."""


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """The work's result. Raises Interrupted, the work cancelled, when `stop` comes first."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise Interrupted
        return await working
    finally:
        await cancel(working, stopping)


class Platform:
    """One instance: its database, its simulated carrier, its workers."""

    def __init__(self, settings: Settings, roles: frozenset[str]) -> None:
        self._settings = settings
        self._roles = roles
        self._metrics = metrics.fresh_directory(settings.run_dir)
        self._environ = {**os.environ, metrics.DIRECTORY: str(self._metrics)}
        self._server: embedded.Server | None = None
        self._keepers: list[Keeper] = []
        self._url = ""
        self._simulator_port = 0
        self._http = ""
        self._started_at = time.time()

    async def run(self, listen: socket.socket, stop: asyncio.Event, now: asyncio.Event) -> None:
        """Start everything, keep it running until `stop`, end it. Raises Interrupted when it was stopped before it ran."""
        host, port = listen.getsockname()[:2]
        self._http = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        simulator = [self._keeper(self._simulator())] if self._settings.simulator == "embedded" and "dispatch" in self._roles else []
        no_more_simulator = asyncio.Event()
        # It ends after the workers, so that their links can say goodbye to it.
        simulating = asyncio.create_task(keep(simulator, stop=no_more_simulator, now=now, patience_s=self._settings.shutdown_s * 0.15))
        try:
            await self._start_database(stop)
            if simulator:
                await unless(stop, self._simulator_listens(simulator[0]))
            elif self._settings.simulator not in {"embedded", "off"}:
                await wiring.announce_simulator(self._settings, self._url, *address(self._settings.simulator))
            workers = [self._keeper(self._worker(plan, listen)) for plan in self._plans()]
            self._keepers = [*simulator, *workers]
            watching = asyncio.create_task(every(LOOK_S, lambda: self._look_around(simulator), name="look_around"))
            logger.info("serving", http=self._http, data_dir=str(self._settings.data_dir), processes=len(workers))
            await keep(workers, stop=stop, now=now, patience_s=self._settings.shutdown_s * 0.8)
            await cancel(watching)
        finally:
            no_more_simulator.set()
            await simulating
            if self._server is not None:
                await self._server.stop()
        logger.info("stopped")

    def _plans(self) -> list[Plan]:
        return layout(self._settings.processes or min(max(cores(), 2), MOST_PROCESSES), self._roles)

    def _keeper(self, program: Program) -> Keeper:
        return Keeper(program, environ=self._environ, changed=self._publish, ended=self._forget)

    def _forget(self, pid: int) -> None:
        with contextlib.suppress(OSError):
            metrics.forget_process(pid, self._metrics)

    def _worker(self, plan: Plan, listen: socket.socket) -> Program:
        arguments = ("--name", plan.name, "--roles", ",".join(sorted(plan.roles)))
        # Where nobody has doors, the one process there is says how it does, so that every node can be asked.
        if "api" not in plan.roles and "api" in self._roles:
            return Program(plan.name, arguments, given(self._settings))
        descriptor = listen.fileno()
        return Program(plan.name, (*arguments, "--listen", str(descriptor)), given(self._settings), (descriptor,))

    def _simulator(self) -> Program:
        config = SimulatorConfig(
            password=wiring.SIMULATOR_PASSWORD,
            receipt_delay_s=self._settings.simulator_receipt_delay_s,
            journal=self._settings.simulator_journal,
        )
        return Program("simulator", ("--name", "simulator"), given(self._settings, config))

    async def _start_database(self, stop: asyncio.Event) -> None:
        """Start or reach the database and bring its tables up to date."""
        if self._settings.database_url is None:
            # Bounded in time by itself; left half way, nobody would stop the server again.
            self._server = await embedded.start(self._settings.data_dir)
            self._url = self._server.url
        else:
            self._url = self._settings.database_url
        db = await unless(stop, _open(self._url))
        try:
            await wiring.prepare(db)
        finally:
            await db.close()

    async def _simulator_listens(self, keeper: Keeper) -> None:
        while not await self._follow_simulator(keeper):  # noqa: ASYNC110 - another process writes a file
            await asyncio.sleep(SOON_S)

    async def _follow_simulator(self, keeper: Keeper) -> bool:
        """Lead the link to where the simulator listens; False while it does not."""
        at = simulator_at(self._settings)
        if at is None or at.pid != keeper.pid:
            return False
        if self._simulator_port != at.port:
            await wiring.announce_simulator(self._settings, self._url, at.host, at.port)
            self._simulator_port = at.port
        return True

    async def _look_around(self, simulator: Sequence[Keeper]) -> None:
        if self._server is not None and not self._server.alive():
            logger.error("database_died")
            await self._server.revive()
            logger.info("database_started")
            self._publish()
        for keeper in simulator:
            await self._follow_simulator(keeper)

    def _publish(self) -> None:
        if not self._keepers:
            return
        state = State(
            pid=os.getpid(),
            http=self._http,
            database="external" if self._server is None else "embedded",
            started_at=self._started_at,
            processes={keeper.program.name: keeper.pid for keeper in self._keepers if keeper.pid is not None},
            database_pid=None if self._server is None else self._server.pid,
        )
        try:
            publish(self._settings.run_dir / STATE_FILE, msgspec.json.encode(state))
        except OSError as fault:
            # A full disk must not end what still runs.
            logger.warning("state_not_written", why=str(fault))


async def _open(url: str) -> Database:
    """A connection to a database that may still be starting. Raises one of UNAVAILABLE when it takes too long."""
    deadline = time.monotonic() + DATABASE_PATIENCE_S
    while True:
        try:
            return await Database.open(url, size=1)
        except UNAVAILABLE as fault:
            if time.monotonic() > deadline:
                raise
            logger.warning("waiting_for_database", why=type(fault).__name__, told=str(fault))
            await asyncio.sleep(1)


def running(settings: Settings) -> State | None:
    """What runs on this data directory; None when nothing does."""
    try:
        return msgspec.json.decode((settings.run_dir / STATE_FILE).read_bytes(), type=State) if _is_locked(settings) else None
    except (OSError, msgspec.DecodeError):
        return None


async def bind(where: tuple[str, int], patience_s: float = PORT_PATIENCE_S) -> socket.socket:
    """The listening socket of all processes: connections wait in it while one is being started again."""
    host, port = where
    deadline = time.monotonic() + patience_s
    while True:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as fault:
            if fault.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise CommandError(
                    "http_address",
                    f"无法在 {host}:{port} 上提供 HTTP 服务（{fault.strerror}）：用 --http 换一个地址，或停掉占用它的程序。",
                    f"HTTP cannot be served at {host}:{port} ({fault.strerror}): choose another with --http, or stop what uses it.",
                ) from fault
            await asyncio.sleep(0.25)


@contextlib.contextmanager
def only_instance(settings: Settings) -> Iterator[None]:
    """Two platforms on one data directory would both start its database and answer for each other."""
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    settings.run_dir.chmod(0o700)
    with _lock_file(settings).open("a+b") as lock:
        if not _lock(lock):
            found = running(settings)
            who = f"pid {found.pid}, {found.http}" if found else "?"
            raise CommandError(
                "already_running",
                f"数据目录 {settings.data_dir} 上已有一个鸿雁在运行（{who}）：先停掉它，或用 HONGYAN_DATA_DIR 指定另一个目录。",
                f"Hongyan already runs on {settings.data_dir} ({who}): stop it first, or choose another directory with HONGYAN_DATA_DIR.",
            )
        yield


def _lock(file: IO[bytes]) -> bool:
    """Whether it could be had; a command that only looks has it for a moment."""
    for _ in range(5):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.02)
    return False


def _lock_file(settings: Settings) -> Path:
    return settings.run_dir / LOCK_FILE


def _is_locked(settings: Settings) -> bool:
    with _lock_file(settings).open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
