"""PostgreSQL: the only place that knows the driver."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import asyncpg
from asyncpg.exceptions import CheckViolationError as CheckViolation
from asyncpg.exceptions import ForeignKeyViolationError as ForeignKeyViolation
from asyncpg.exceptions import UniqueViolationError as UniqueViolation

__all__ = [
    "RETRY",
    "UNAVAILABLE",
    "CheckViolation",
    "Connection",
    "Database",
    "ForeignKeyViolation",
    "Listener",
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


class Database:
    """A pool of connections. Every statement sees UTC and times out rather than hang."""

    def __init__(self, pool: asyncpg.Pool, url: str, server_settings: dict[str, str], *, distributed: bool) -> None:
        self._pool = pool
        self._url = url
        self._server_settings = server_settings
        self.distributed = distributed
        """Whether tables of this database were spread over several servers (by Citus) when it was opened."""

    @classmethod
    async def open(cls, url: str, *, size: int = 4, pipeline: bool = False) -> "Database":
        """Connect. Raises one of `UNAVAILABLE` when the server cannot be reached."""
        settings = {"timezone": "UTC", "application_name": "hongyan"} | (PIPELINE_SETTINGS if pipeline else {})
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            server_settings=settings,
            command_timeout=60,
            max_inactive_connection_lifetime=0,
            reset=_as_it_is,
        )
        async with pool.acquire() as conn:
            distributed = await is_distributed(conn)
        return cls(pool, url, settings, distributed=distributed)

    async def close(self) -> None:
        """Close gracefully; connections that do not come back within 5 s are cut."""
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit."""
        async with self._pool.acquire() as conn:
            yield conn

    @contextlib.asynccontextmanager
    async def transaction(self, *, repeatable_read: bool = False) -> AsyncIterator[Connection]:
        """BEGIN .. COMMIT; rolled back when the block raises. Never do network calls inside."""
        async with self._pool.acquire() as conn, conn.transaction(isolation="repeatable_read" if repeatable_read else None):
            yield conn

    async def dedicated(self, *, command_timeout: float | None = 60) -> Connection:
        """A connection outside the pool, for session locks, LISTEN and long statements; the caller closes it."""
        return await asyncpg.connect(self._url, server_settings=self._server_settings, command_timeout=command_timeout)


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
