"""A database of several servers, of which one can be written to: found among those that are gone, silent, or no primary."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from hongyan.kit import db as kit_db
from hongyan.kit.db import UNAVAILABLE, Connection, Database, NoPrimaryError
from hongyan.store import commits

SILENCE_S = 0.6


@pytest.fixture
def gone(short_dir: Path) -> Path:
    return short_dir / "gone"


@pytest.fixture
def silent(short_dir: Path) -> Iterator[Path]:
    """A server whose every process stands still: connections are made, and nothing comes."""
    directory = short_dir / "silent"
    directory.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(directory / ".s.PGSQL.5432"))
        listener.listen()
        yield directory
    (directory / ".s.PGSQL.5432").unlink()
    directory.rmdir()


class Asleep:
    """A session whose server does not answer in time."""

    def __init__(self, session: Connection) -> None:
        self._session = session

    async def fetchval(self, _query: str, *, timeout: float) -> object:  # noqa: ASYNC109 - the driver's own way
        return await self._session.fetchval("select pg_sleep(60)", timeout=timeout)


def among(url: str, *others: Path) -> str:
    """The same database with other servers named before it."""
    real = parse_qs(urlsplit(url).query)["host"][0]
    return re.sub(r"host=.*", "host=" + ",".join([*map(str, others), real]), url)


async def test_the_primary_is_found_wherever_it_stands_in_the_list(
    database_url: str, gone: Path, silent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit_db, "CONNECT_S", SILENCE_S)
    began = time.monotonic()
    db = await Database.open(among(database_url, gone, silent), size=2)
    try:
        # The first time all are heard, so that of two that call themselves primary the newer is taken.
        assert time.monotonic() - began < SILENCE_S * 3
        began = time.monotonic()
        async with db.transaction() as one, db.transaction() as two:
            assert await one.fetchval("select 1") == await two.fetchval("select 1") == 1
        assert time.monotonic() - began < SILENCE_S
    finally:
        await db.close()


async def test_where_no_primary_is_each_server_is_told_of(
    database_url: str, gone: Path, silent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit_db, "CONNECT_S", SILENCE_S)
    url = among(database_url, silent).rpartition(",")[0] + f",{gone}"
    with pytest.raises(NoPrimaryError, match=r"silent:5432: TimeoutError; .*gone:5432: FileNotFoundError") as caught:
        await Database.open(url, size=1)
    assert isinstance(caught.value, UNAVAILABLE)


async def test_a_wrong_password_does_not_look_like_a_server_that_is_away(database_url: str, gone: Path) -> None:
    with pytest.raises(Exception, match="password authentication failed"):
        await Database.open(re.sub(r":[^:@]+@", ":wrong@", among(database_url, gone)), size=1)


async def test_a_server_that_falls_silent_is_left_by_all_who_wait_for_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit_db, "PULSE_S", 0.2)
    session = await database.dedicated()
    async with database.connection() as held:
        # The session cannot answer while it sleeps, as if its server had been stopped.
        with pytest.raises(TimeoutError):
            await database.pulse(Asleep(session))
        with pytest.raises(UNAVAILABLE):
            await held.fetchval("select 1")
    assert session.is_closed()
    async with database.connection() as conn:
        assert await conn.fetchval("select 1") == 1


async def test_a_server_that_takes_no_more_writes_is_left(database: Database) -> None:
    with pytest.raises(UNAVAILABLE):
        await _write_read_only(database)
    async with database.transaction() as tx:
        assert await tx.fetchval("show default_transaction_read_only") == "off"


async def _write_read_only(database: Database) -> None:
    async with database.connection() as conn:
        await conn.execute("set default_transaction_read_only = on")
        await conn.execute("create table never (n int)")


async def test_a_sealed_transaction_has_an_id_of_its_own_and_so_waits_for_what_came_before(database: Database) -> None:
    async with database.transaction() as tx:
        assert await tx.fetchval("select pg_current_xact_id_if_assigned()") is None
        await commits.seal(tx)
        assert await tx.fetchval("select pg_current_xact_id_if_assigned()") is not None
