"""The embedded server and the migrations, against the real thing."""

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest

from hongyan.kit import embedded, migrate
from hongyan.kit.db import Database


async def _ask(url: str, sql: str) -> object:
    db = await Database.open(url, size=1)
    try:
        async with db.connection() as conn:
            return await conn.fetchval(sql)
    finally:
        await db.close()


async def test_a_server_starts_is_shared_and_stops_with_its_last_user(short_dir: Path) -> None:
    first, second = await asyncio.gather(embedded.start(short_dir / "shared"), embedded.start(short_dir / "shared"))
    assert first.pid == second.pid is not None
    await first.stop()
    assert second.alive()
    assert await _ask(second.url, "SHOW fsync") == "on"
    await second.stop()
    assert not second.alive()


async def test_a_killed_server_is_seen_and_comes_back_with_its_rows(short_dir: Path) -> None:
    server = await embedded.start(short_dir / "killed")
    await _ask(server.url, "CREATE TABLE kept AS SELECT 7 AS n")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    for _ in range(100):
        if not server.alive():
            break
        await asyncio.sleep(0.01)
    assert not server.alive()
    await server.revive()
    assert server.alive()
    assert await _ask(server.url, "SELECT n FROM kept") == 7
    await server.stop()


async def test_a_pid_file_that_names_a_stranger_does_not_stop_a_start(short_dir: Path) -> None:
    server = await embedded.start(short_dir / "stranger")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    pid_file = short_dir / "stranger" / "pg" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    again = await embedded.start(short_dir / "stranger")
    assert await _ask(again.url, "SELECT 1") == 1
    await server.stop()
    await again.stop()


async def test_a_copy_of_a_running_server_starts_though_it_has_a_lock_without_a_pid_file(short_dir: Path) -> None:
    server = await embedded.start(short_dir / "copied")
    await server.stop()
    lock = short_dir / "copied" / "pg" / ".s.PGSQL.5432.lock"
    lock.write_text(f"{os.getppid()}\n{short_dir / 'copied' / 'pg'}\n1\n5432\n{short_dir / 'copied' / 'pg'}\n")
    again = await embedded.start(short_dir / "copied")
    await again.stop()


async def test_nobody_gets_in_without_the_password(short_dir: Path) -> None:
    server = await embedded.start(short_dir / "private")
    try:
        assert (short_dir / "private" / "pg.password").stat().st_mode & 0o077 == 0
        assert "trust" not in (short_dir / "private" / "pg" / "pg_hba.conf").read_text()
        with pytest.raises(Exception, match="password"):
            await Database.open(re.sub(":[^:@/]+@", ":guessed@", server.url), size=1)
    finally:
        await server.stop()


async def test_migrating_twice_at_once_happens_once(database_server: str) -> None:
    await _ask(database_server, "CREATE DATABASE twice")
    db = await Database.open(database_server.replace("/hongyan?", "/twice?"))
    try:
        assert await asyncio.gather(migrate.upgrade(db), migrate.upgrade(db)) == [migrate.head(), migrate.head()]
        async with db.connection() as conn:
            await conn.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(migrate.UnsafeServerError, match="newer Hongyan"):
            await migrate.upgrade(db)
    finally:
        await db.close()


GOOD = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (migrate.Server(150000, GOOD, standby=False), None),
        (migrate.Server(180004, GOOD | {"synchronous_commit": "remote_apply"}, standby=False), None),
        (migrate.Server(180004, GOOD | {"synchronous_commit": "local"}, standby=False), None),
        (migrate.Server(140012, GOOD, standby=False), "PostgreSQL 14 is too old"),
        (migrate.Server(180004, GOOD | {"fsync": "off"}, standby=False), "fsync = off"),
        (migrate.Server(180004, GOOD | {"full_page_writes": "off", "fsync": "off"}, standby=False), "fsync, full_page_writes = off"),
        (migrate.Server(180004, GOOD | {"synchronous_commit": "off"}, standby=False), "synchronous_commit = off"),
        (migrate.Server(180004, GOOD, standby=True), "read-only standby"),
    ],
)
def test_a_server_that_could_lose_promised_messages_is_refused(server: migrate.Server, words: str | None) -> None:
    problem = migrate.objection(server)
    assert problem is None if words is None else problem is not None and words in problem


async def test_a_server_with_fsync_off_is_refused_for_real(short_dir: Path) -> None:
    server = await embedded.start(short_dir / "unsafe")
    await server.stop()
    (short_dir / "unsafe" / "pg" / "local.conf").write_text("fsync = off\n")
    server = await embedded.start(short_dir / "unsafe")
    db = await Database.open(server.url, size=1)
    try:
        with pytest.raises(migrate.UnsafeServerError, match="fsync"):
            await migrate.upgrade(db)
    finally:
        await db.close()
        await server.stop()
