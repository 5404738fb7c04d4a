"""PostgreSQL: the only place that knows the driver."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any, TypeAlias
from weakref import WeakSet

import asyncpg
import structlog
from asyncpg.exceptions import CheckViolationError as CheckViolation
from asyncpg.exceptions import ForeignKeyViolationError as ForeignKeyViolation
from asyncpg.exceptions import PostgresError
from asyncpg.exceptions import ReadOnlySQLTransactionError as ReadOnly
from asyncpg.exceptions import UniqueViolationError as UniqueViolation

from hongyan.kit.arrays import CODECS
from hongyan.kit.hosts import Host, hosts

log = structlog.get_logger()

__all__ = [
    "RETRY",
    "UNAVAILABLE",
    "CheckViolation",
    "Connection",
    "Database",
    "ForeignKeyViolation",
    "Listener",
    "NoPrimaryError",
    "PostgresError",
    "Row",
    "UniqueViolation",
    "is_distributed",
    "listen",
]

Connection: TypeAlias = Any
"""An asyncpg connection (or a pool's proxy of one): execute, executemany, fetch, fetchrow, fetchval, copy_records_to_table."""

Row: TypeAlias = Any
"""An asyncpg record: by position and by column name."""

UNAVAILABLE: tuple[type[BaseException], ...] = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.InterfaceError,
    # A connection that has just died, in the moment before the driver knows it.
    asyncpg.InternalClientError,
    # The server has become a standby, or has been told to take nothing more.
    ReadOnly,
)
"""What it looks like when the database is away for a while: try again, nothing was promised."""

RETRY: tuple[type[BaseException], ...] = (
    *UNAVAILABLE,
    asyncpg.exceptions.DeadlockDetectedError,
    asyncpg.exceptions.SerializationError,
    TimeoutError,
)
"""Faults after which a transaction that may be repeated is simply repeated."""

PIPELINE_SETTINGS = {
    # A plan made while a table was empty walks whole key prefixes later: a factor of 500 was seen.
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
    "application_name": "hongyan-pipeline",
}

CONNECT_S = 5.0
"""How long one server may take to let us in; a host that is gone or has stopped answers nothing at all."""
GRACE_S = 0.5
"""How long a better primary than the first that answers may take."""
PULSE_S = 5.0
"""How long a server may take to say that it is there."""
LOOK_ABOUT = 4
"""Every so many pulses the other servers are asked, too."""
PATIENT_S, COMMAND_S = 60.0, 30.0
"""Bounds of a statement: of a command or a job, and of the pipeline, whose customers wait."""

SESSION = {
    "timezone": "UTC",
    "application_name": "hongyan",
    # The server notices within 20 s that our machine has gone, and lets what we held go. (Sessions on a socket have no use for it.)
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20000",
}

TIMELINE = "select ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int"
"""How often a standby has been promoted in the history of this server: of two that call themselves primary, the greater one is."""


Asked: TypeAlias = "asyncio.Task[tuple[int, Connection]]"
"""The question to one server: its timeline, and the connection that leads to it."""


class NoPrimaryError(ConnectionError):
    """Of several servers none can be written to at the moment; the text says what each answered."""


class Servers:
    """The servers of a URL. With several, connections are made to the primary, whichever it is by then.

    A primary of an older history than one we have seen is none: it was cut off while another was promoted.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._hosts = hosts(url)
        self._primary: Host | None = None
        self._newest = 0

    @property
    def several(self) -> bool:
        return len(self._hosts) > 1

    async def connect(self, **how: Any) -> Connection:
        """A connection to the primary. Raises one of `UNAVAILABLE`, within `CONNECT_S` for each try."""
        if not self.several:
            return await asyncpg.connect(self._url, timeout=CONNECT_S, **how)
        if self._primary is not None:
            with contextlib.suppress(*UNAVAILABLE):
                timeline, conn = await self._ask(self._primary, how)
                if timeline >= self._newest:
                    return conn
                conn.terminate()
        return await self._find(how)

    def forget(self) -> None:
        """The one we used is not to be asked first any more."""
        self._primary = None

    async def is_overtaken(self) -> bool:
        """Whether another server than the one we use has been promoted since."""
        before = self._newest
        for host in self._hosts:
            if host != self._primary:
                with contextlib.suppress(*UNAVAILABLE):
                    timeline, conn = await self._ask(host, {})
                    conn.terminate()
                    self._newest = max(self._newest, timeline)
        return self._newest > before

    async def _find(self, how: dict[str, Any]) -> Connection:
        """Ask all at once and take the primary of the newest history."""
        asked = {host: asyncio.create_task(self._ask(host, how)) for host in self._hosts}
        chosen: Host | None = None
        try:
            await self._wait_for_answers(asked.values())
            answers = {host: task.result() for host, task in asked.items() if _is_answer(task)}
            best = max(answers, key=lambda host: answers[host][0], default=None)
            if best is None or answers[best][0] < self._newest:
                _raise_refusal(asked.values())
                raise NoPrimaryError("; ".join(f"{host}: {_words(task)}" for host, task in asked.items()))
            chosen = best
        finally:
            await _leave(asked, chosen)
        if self._primary != chosen:
            log.info("database_primary", host=str(chosen), timeline=answers[chosen][0])
        self._primary = chosen
        timeline, conn = answers[chosen]
        self._newest = max(self._newest, timeline)
        return conn

    async def _wait_for_answers(self, asked: Collection[Asked]) -> None:
        """Until all have answered or none can come; when it is known how new a primary must be, little longer than until one is found."""
        waiting: Collection[Asked] = asked
        while waiting:
            enough = self._newest and any(_is_answer(task) and task.result()[0] >= self._newest for task in asked)
            done, waiting = await asyncio.wait(waiting, timeout=GRACE_S if enough else None, return_when=asyncio.FIRST_COMPLETED)
            if enough and not done:
                return

    async def _ask(self, host: Host, how: dict[str, Any]) -> tuple[int, Connection]:
        """A connection to this server and its timeline. Raises one of UNAVAILABLE when it is no primary."""
        async with asyncio.timeout(CONNECT_S):
            conn = await asyncpg.connect(self._url, host=host.name, port=host.port, target_session_attrs="any", timeout=CONNECT_S, **how)
            with contextlib.ExitStack() as unless_chosen:
                unless_chosen.callback(conn.terminate)
                if getattr(conn.get_settings(), "in_hot_standby", "off") == "on":
                    raise NoPrimaryError("a standby")
                timeline: int = await conn.fetchval(TIMELINE)
                unless_chosen.pop_all()
                return timeline, conn


def _is_answer(task: Asked) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


async def _leave(asked: Mapping[Host, Asked], chosen: Host | None) -> None:
    """End all that was begun with the others."""
    for host, task in asked.items():
        if host != chosen:
            task.cancel()
            await asyncio.wait([task])
            if _is_answer(task):
                task.result()[1].terminate()


def _raise_refusal(asked: Collection[Asked]) -> None:
    """A wrong password or name of a database will not mend by waiting."""
    for task in asked:
        fault = task.exception()
        if fault is not None and not isinstance(fault, UNAVAILABLE):
            raise fault


def _words(task: Asked) -> str:
    fault = task.exception()
    if fault is None:
        return "a primary that another has replaced"
    return str(fault) if isinstance(fault, NoPrimaryError) else type(fault).__name__


class Database:
    """A pool of connections. Every statement sees UTC and times out rather than hang."""

    def __init__(self, servers: Servers, server_settings: dict[str, str]) -> None:
        """`open` makes one."""
        self._pool: asyncpg.Pool = None
        self._servers = servers
        self._server_settings = server_settings
        self._open: WeakSet[Any] = WeakSet()
        self._pulses = 0
        self._idle: list[Connection] = []
        self._waiting = 0
        self.distributed = False
        """Whether tables of this database were spread over several servers (by Citus) when it was opened."""

    @classmethod
    async def open(cls, url: str, *, size: int = 4, pipeline: bool = False) -> "Database":
        """Connect. Raises one of `UNAVAILABLE` when the server cannot be reached."""
        db = cls(Servers(url), SESSION | (PIPELINE_SETTINGS if pipeline else {}))
        db._pool = await asyncpg.create_pool(
            connect=db._connect,
            # The pool would keep trying for a floor by itself, and say so at length, while the database is away.
            min_size=0,
            max_size=size,
            command_timeout=COMMAND_S if pipeline else PATIENT_S,
            max_inactive_connection_lifetime=0,
            reset=_as_it_is,
        )
        with contextlib.ExitStack() as unless_open:
            unless_open.callback(db._pool.terminate)
            async with db._pool.acquire() as conn:
                db.distributed = await is_distributed(conn)
            unless_open.pop_all()
        return db

    async def close(self) -> None:
        """Close gracefully; connections that do not come back within 5 s are cut."""
        try:
            async with asyncio.timeout(5):
                while self._idle:
                    await self._pool.release(self._idle.pop())
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    def connection(self) -> "Loan":
        """A connection in autocommit."""
        return Loan(self)

    @contextlib.asynccontextmanager
    async def transaction(self, *, repeatable_read: bool = False) -> AsyncIterator[Connection]:
        """BEGIN .. COMMIT; rolled back when the block raises. Never do network calls inside."""
        isolation = "repeatable_read" if repeatable_read else None
        async with Loan(self) as conn, conn.transaction(isolation=isolation):
            yield conn

    async def lend(self) -> Connection:
        """A connection that nobody else uses until it is given back."""
        while self._idle:
            conn = self._idle.pop()
            if not _is_gone(conn):
                return conn
            await self._pool.release(conn)
        self._waiting += 1
        try:
            return await self._pool.acquire()
        finally:
            self._waiting -= 1

    async def give_back(self, conn: Connection, *, well: bool) -> None:
        """After a fault the pool sees to what is under way. Otherwise it is asked only for those who wait: it costs as much as a query."""
        if well and not self._waiting and not self._pool.is_closing():
            self._idle.append(conn)
        else:
            await self._pool.release(conn)

    async def dedicated(self, *, command_timeout: float | None = PATIENT_S) -> Connection:
        """A connection outside the pool, for session locks, LISTEN and long statements; the caller closes it."""
        return await self._connect(command_timeout=command_timeout)

    async def pulse(self, conn: Connection) -> None:
        """Ask over a dedicated connection whether the server still answers and is still the one to ask.

        When it is not, every connection is cut, in use or not, so that nobody waits for a server that is silent or has been replaced; the
        next ones find the primary. Raises one of `UNAVAILABLE` then.
        """
        try:
            standby = await conn.fetchval("select pg_is_in_recovery()", timeout=PULSE_S)
        except TimeoutError:
            self._cut("silent")
            raise
        self._pulses += 1
        if standby or (self._servers.several and self._pulses % LOOK_ABOUT == 0 and await self._servers.is_overtaken()):
            self._cut("standby" if standby else "overtaken")
            raise NoPrimaryError("another server is the primary now")

    def _cut(self, why: str) -> None:
        log.warning("database_cut", why=why, connections=len(self._open))
        self._servers.forget()
        for conn in tuple(self._open):
            if not conn.is_closed():
                conn.terminate()

    async def _connect(self, _nothing: object = None, **how: Any) -> Connection:
        conn = await self._servers.connect(server_settings=self._server_settings, **how)
        settings = conn._protocol.get_settings()  # noqa: SLF001 - set_type_codec, which says the same of other types, will not have arrays
        for codec in CODECS:
            settings.add_python_codec(codec.oid, codec.name, "pg_catalog", (), "scalar", codec.encode, codec.decode, "binary")
        self._open.add(conn)
        return conn


class Loan:
    """A connection for as long as a block takes."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._conn: Connection = None

    async def __aenter__(self) -> Connection:
        self._conn = await self._db.lend()
        return self._conn

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, _traceback: object) -> None:
        if isinstance(fault, ReadOnly):
            # A server that takes no writes any more is left: the next connection may find one that does.
            self._conn.terminate()
        await self._db.give_back(self._conn, well=fault is None)


def _is_gone(conn: Connection) -> bool:
    try:
        return bool(conn.is_closed())
    except asyncpg.InterfaceError:
        # The pool has taken it back when it broke.
        return True


async def is_distributed(conn: Connection) -> bool:
    """Whether tables of this database are spread over several servers."""
    if await conn.fetchval("select to_regclass('pg_catalog.pg_dist_partition')") is None:
        return False
    return bool(await conn.fetchval("select exists (select from pg_dist_partition where partmethod = 'h')"))


async def _as_it_is(_conn: Connection) -> None:
    """Leave a session that goes back to the pool alone.

    Nothing here changes one (locks are taken in transactions or on dedicated sessions), and a reset costs a round trip for each use.
    """


Listener = Callable[[str], None]


async def listen(conn: Connection, channel: str, ring: Listener, lost: Callable[[], None]) -> None:
    """Call `ring(payload)` for each NOTIFY on the channel, `lost()` once when the connection ends."""

    def on_notify(_conn: Connection, _pid: int, _channel: str, payload: str) -> None:
        ring(payload)

    await conn.add_listener(channel, on_notify)
    conn.add_termination_listener(lambda _conn: lost())
