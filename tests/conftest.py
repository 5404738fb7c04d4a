"""The real PostgreSQL that tests use: one server for the whole run, a fresh migrated database for each module that asks."""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import settings

from hongyan.kit import embedded, migrate
from hongyan.kit.db import Database

# No example may fail for taking long on a busy machine. On a developer's machine examples are new each time; where nobody can look
# into a failure at once they are the same each time.
settings.register_profile("developer", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "developer")

TEMPLATE = "hongyan_template"


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the attacks on the doors, the bad lines and what else has a long form go on; what `make test` does is short."""
    parser.addoption("--attack-cases", type=int, default=1500, help="cases made from the published schemas")
    parser.addoption("--attack-requests", type=int, default=2000, help="malformed requests")
    parser.addoption("--submits", type=int, default=10_000, help="submits through each bad line")
    parser.addoption("--receipts", type=int, default=100_000, help="receipts in the flood of them")
    parser.addoption("--rounds", type=int, default=1, help="packages that two hundred clients drain while processes are killed")
    parser.addoption("--orders", type=int, default=500, help="orders of events in a message's life")


@pytest.fixture
def submits(request: pytest.FixtureRequest) -> int:
    """Through each bad line."""
    return int(request.config.getoption("--submits"))


@pytest.fixture
def orders(request: pytest.FixtureRequest) -> int:
    """Of events, each for a message of its own."""
    return int(request.config.getoption("--orders"))


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """Of draining a package."""
    return int(request.config.getoption("--rounds"))


@pytest.fixture
def receipts(request: pytest.FixtureRequest) -> int:
    """In the flood."""
    return int(request.config.getoption("--receipts"))


_numbers = itertools.count(1)


async def _run_sql(url: str, sql: str) -> None:
    db = await Database.open(url, size=1)
    try:
        async with db.connection() as conn:
            await conn.execute(sql)
    finally:
        await db.close()


async def _migrate(url: str) -> None:
    db = await Database.open(url, size=1)
    try:
        await migrate.upgrade(db)
    finally:
        await db.close()


def at_database(url: str, name: str) -> str:
    """The same server's address for another of its databases."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


@pytest.fixture(scope="session")
def short_dir() -> Iterator[Path]:
    """A directory whose name is short enough for sockets; pytest's own temporary ones are not always."""
    path = Path(tempfile.mkdtemp(prefix="hy-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def database_server(short_dir: Path) -> Iterator[str]:
    """The address of an embedded server that lives as long as the test run, with a migrated template in it."""
    server = asyncio.run(embedded.start(short_dir / "db"))
    try:
        asyncio.run(_run_sql(server.url, f"CREATE DATABASE {TEMPLATE}"))
        asyncio.run(_migrate(at_database(server.url, TEMPLATE)))
        yield server.url
    finally:
        asyncio.run(server.stop())


@pytest.fixture(scope="module")
def database_url(database_server: str) -> Iterator[str]:
    """A migrated, empty database of this module's own."""
    name = f"test_{next(_numbers)}"
    asyncio.run(_run_sql(database_server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    yield at_database(database_server, name)
    asyncio.run(_run_sql(database_server, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Connections to the module's database."""
    db = await Database.open(database_url)
    try:
        yield db
    finally:
        await db.close()
