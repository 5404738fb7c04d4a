"""The platform that journeys share, and a customer of its own for each of them."""

import itertools
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from hongyan.kit.db import Database
from journeys import invariants
from journeys.customers import CallbackServer, Customer, Newcomer, Sdk, SdkV5, sign_up
from journeys.platform import Platform, used_phones

_names = itertools.count(1)


@pytest.fixture(scope="session")
def shared_platform() -> Iterator[Platform]:
    """One for all journeys that leave it as they found it. At the end it must have logged no failure and no number."""
    platform = Platform()
    try:
        platform.start()
        yield platform
        assert platform.stop() < 10
        lines = platform.log_lines()
        assert [line for line in lines if "raw" in line or "exception" in line or line.get("level") == "error"] == []
        text = platform.log.read_text()
        assert [number for number in used_phones if number.removeprefix("+86") in text] == []
    finally:
        platform.destroy()


@pytest.fixture
async def platform(shared_platform: Platform) -> AsyncIterator[Platform]:
    """The shared one, its carrier in good order before and after."""
    await shared_platform.simulate(do="reset")
    yield shared_platform
    await shared_platform.simulate(do="reset")


@pytest.fixture(scope="session")
def sdk() -> Iterator[Sdk]:
    client = Sdk()
    yield client
    client.close()


@pytest.fixture(scope="session")
def sdk_v5() -> Iterator[SdkV5]:
    client = SdkV5()
    yield client
    client.close()


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    limits = httpx2.Limits(max_connections=64)
    async with httpx2.AsyncClient(timeout=30, trust_env=False, limits=limits) as client:
        yield client


@pytest.fixture
def newcomer(platform: Platform, sdk: Sdk, http: httpx2.AsyncClient) -> Newcomer:
    """Signs up an application that no other journey uses; takes what `sign_up` takes."""

    async def newcomer(**packages: int) -> Customer:
        tenant, app_id = await sign_up(platform, f"journey {next(_names)}", **packages)
        customer = Customer(platform, sdk, tenant, app_id, http)
        await customer.known()
        return customer

    return newcomer


@pytest.fixture
async def customer(newcomer: Newcomer) -> Customer:
    """One with plenty to send."""
    return await newcomer()


@pytest.fixture
async def callbacks(customer: Customer) -> AsyncIterator[CallbackServer]:
    """The customer's callback server, set as the address for reports and replies."""
    async with CallbackServer.of(customer) as server:
        yield server


@pytest.fixture
async def database(platform: Platform) -> AsyncIterator[Database]:
    async with platform.database() as db:
        yield db


@pytest.fixture
async def laws_hold(platform: Platform) -> AsyncIterator[None]:
    """After the journey, the tables are as they must be."""
    yield
    async with platform.database() as db, db.connection() as conn:
        assert await invariants.broken(conn, at_rest=False) == {}
