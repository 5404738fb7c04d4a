"""Brings a database's tables to the version this program was written for, and refuses a server that could lose what was promised."""

import asyncio
from functools import cache

import msgspec
import structlog
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from hongyan.kit.db import Connection, Database

log = structlog.get_logger()

SCRIPTS = "hongyan.store:migrations"
OLDEST_SERVER = 150000
"""PostgreSQL 15, as server_version_num tells it."""
LOCK = "hongyan.migrate"

DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
"""Off, any of them lets an acknowledged message be lost when the power fails. (synchronous_commit may also be local, remote_write or
remote_apply: all of these wait for the local disk.)"""

OFF = (
    "The database runs with {names} = off: messages already promised could be lost in a power cut. Switch it on and start again."
    " / 数据库的 {names} 已关闭，断电可能丢失已受理的短信。请开启后重新启动。"
)

NEWER = (
    "The database was made by a newer Hongyan (version {before}): start that one, or restore a backup made before the upgrade."
    " / 数据库来自更新版本的鸿雁（{before}）：请启动新版本，或恢复升级之前的备份。"
)


class UnsafeServerError(Exception):
    """This server must not be used; the text says why and what to do, in English and Chinese."""


class Server(msgspec.Struct, frozen=True):
    """What decides whether a server may be used."""

    version: int
    settings: dict[str, str]
    standby: bool


def objection(server: Server) -> str | None:
    """Why this server must not be used, in English and Chinese; None when it may."""
    if server.version < OLDEST_SERVER:
        major = server.version // 10000
        return f"PostgreSQL {major} is too old: 15 or newer is needed. / PostgreSQL {major} 版本过低，需要 15 或更新版本。"
    off = [name for name in DURABLE if server.settings[name] == "off"]
    if off:
        return OFF.format(names=", ".join(off))
    if server.standby:
        return "The database is a read-only standby: connect to the primary. / 当前数据库是只读备库，请连接主库。"
    return None


async def check_server(conn: Connection) -> None:
    """Raises UnsafeServerError when the server this connection leads to must not be used."""
    settings = {name: await conn.fetchval("SELECT current_setting($1)", name) for name in DURABLE}
    version = int(await conn.fetchval("SELECT current_setting('server_version_num')"))
    problem = objection(Server(version=version, settings=settings, standby=await conn.fetchval("SELECT pg_is_in_recovery()")))
    if problem:
        raise UnsafeServerError(problem)


async def upgrade(db: Database) -> str:
    """Check the server, run the migrations that are missing, return the version reached.

    Programs that start at once wait for each other. Each migration is one transaction: an interrupted one leaves nothing behind.
    """
    conn = await db.dedicated(command_timeout=None)
    try:
        await check_server(conn)
        await conn.execute("SELECT pg_advisory_lock(hashtext($1))", LOCK)
        before = await current(conn)
        if before not in known():
            raise UnsafeServerError(NEWER.format(before=before))
        for statement in await asyncio.to_thread(statements, before):
            await conn.execute(statement)
        after = await current(conn)
        if after != before:
            log.info("database_migrated", before=before, after=after)
        return after or ""
    finally:
        # Ends a transaction that failed half way, and lets the advisory lock go.
        await conn.close()


async def current(conn: Connection) -> str | None:
    """The version of the tables that are there; None when there are none yet."""
    if await conn.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    version: str | None = await conn.fetchval("SELECT version_num FROM alembic_version")
    return version


@cache
def head() -> str:
    """The version this program was written for."""
    return _scripts().get_current_head() or ""


def known() -> frozenset[str | None]:
    """The versions this program can start from; None is an empty database."""
    return frozenset({None, *(script.revision for script in _scripts().walk_revisions())})


def statements(before: str | None) -> list[str]:
    """The SQL, statement by statement, that leads from that version to the newest."""
    rendered = _Statements()
    scripts = _scripts(rendered)

    def steps(revision: str | None, _context: object) -> object:
        return scripts._upgrade_revs("head", revision)  # type: ignore[arg-type]  # noqa: SLF001 - as alembic.command.upgrade does

    if before != scripts.get_current_head():
        with EnvironmentContext(_config(rendered), scripts, fn=steps, as_sql=True, starting_rev=before, destination_rev="head"):
            scripts.run_env()
    return [text for text in rendered.texts if not all(line.startswith("--") for line in text.splitlines())]


class _Statements:
    """What Alembic writes to: it writes one statement at a time."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> None:
        if text.strip():
            self.texts.append(text.strip())

    def flush(self) -> None:
        """Nothing is kept back."""


def _config(rendered: _Statements) -> Config:
    config = Config(attributes={"statements": rendered})
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    return config


def _scripts(rendered: _Statements | None = None) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(rendered or _Statements()))
