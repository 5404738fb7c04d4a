"""Processes that are killed in the middle of two thousand messages: nothing that was promised is lost, no code goes twice."""

import asyncio
import contextlib
import itertools
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest

from acting import OPERATOR
from hongyan.control.answers import Change
from hongyan.kit.db import UNAVAILABLE
from hongyan.model.message import Kind
from journeys import invariants
from journeys.customers import CallbackServer, Customer, Sdk, pays_later, sign_up, sleeping
from journeys.load import Account, Load, account, settled, under
from journeys.platform import Platform, phone, until

pytestmark = pytest.mark.slow

NOTHING_AMISS = Account()
CLIENTS = 40

_names = itertools.count(1)


@pytest.fixture(scope="module")
def crashing() -> Iterator[Platform]:
    """One process more than two cores get, so that accepting is done in two: with a dispatcher beside it and without."""
    platform = Platform(PROCESSES="3")
    try:
        platform.start()
        yield platform
    finally:
        platform.destroy()


@pytest.fixture
async def load(crashing: Platform, sdk: Sdk, http: httpx2.AsyncClient) -> AsyncIterator[Load]:
    """Two thousand messages of a customer's own, not yet sent."""
    tenant, app_id = await sign_up(crashing, f"load {next(_names)}")
    customer = Customer(crashing, sdk, tenant, app_id, http)
    await customer.known()
    yield Load(customer)
    await until(crashing.is_ready, "it is ready for the next one", within_s=30)


async def back(platform: Platform, name: str, killed: int) -> None:
    await until(lambda: platform.pid(name) not in {None, killed}, f"{name} is back", within_s=30)


@pytest.mark.parametrize("name", ["engine", "api-1", "office"])
async def test_a_process_that_is_killed_loses_nothing(crashing: Platform, load: Load, name: str) -> None:
    running = await under(load)
    killed = crashing.kill(name)
    await running
    await back(crashing, name, killed)
    await settled(load)
    assert await account(load) == NOTHING_AMISS
    assert len(load.promised) >= 1000


async def test_reports_reach_the_customer_though_the_office_that_tells_them_dies(crashing: Platform, load: Load) -> None:
    async with CallbackServer.of(load.customer) as callbacks:
        running = await under(load, at=200)
        killed = crashing.kill("office")
        await running
        await back(crashing, "office", killed)
        promised = {f"2021:{message.id}" for message in load.promised}
        await until(lambda: promised <= {report["sid"] for report in callbacks.reports()}, "every report is called back", within_s=30)
        # At least once: a report may come again when its answer was lost, and nothing else comes twice.
        told = Counter(report["sid"] for report in callbacks.reports())
        assert set(told) == promised
        assert sum(count - 1 for count in told.values()) <= 200


async def test_every_reply_is_answered_once_whoever_dies(crashing: Platform, load: Load) -> None:
    customer = load.customer
    template = await customer.template("营业时间为早九点到晚六点。", Kind.NOTICE)
    async with crashing.control() as control:
        await control.answerings.change(OPERATOR, customer.app_id, Change(keywords={"1": int(template)}))
    await customer.known()
    numbers = [phone() for _ in range(60)]
    await customer.submit(numbers)
    await customer.pulled(len(numbers))
    for nth, number in enumerate(numbers):
        await crashing.simulate(do="reply", phone=number.removeprefix("+"), text="1", to="10690000", system_id="hongyan")
        if (name := {10: "office", 25: "engine", 40: "office"}.get(nth)) is not None:
            # On a quick machine the one that was killed before is not there yet.
            await until(lambda name=name: crashing.pid(name), f"{name} runs")  # type: ignore[misc]
            killed = crashing.kill(name)
    await back(crashing, "office", killed)

    async def answered() -> bool:
        with contextlib.suppress(*UNAVAILABLE):
            async with crashing.database() as db, db.connection() as conn:
                found = await conn.fetch("select state, count(*) from answers where app_id = $1 group by state", customer.app_id)
                return [tuple(row) for row in found] == [("sent", len(numbers))]
        return False

    await until(answered, "every reply is answered", within_s=60)
    async with crashing.database() as db, db.connection() as conn:
        rows = await conn.fetch(
            "select phone, count(*) from messages where app_id = $1 and request_id like 'answers-%' group by phone", customer.app_id
        )
    assert Counter(row[1] for row in rows) == {1: len(numbers)}


async def test_a_carrier_that_dies_costs_no_message_and_no_code_goes_twice(crashing: Platform, load: Load) -> None:
    running = await under(load)
    killed = crashing.kill("simulator")
    await running
    await back(crashing, "simulator", killed)
    # The receipts it owed died with it.
    await settled(load, receipts=False)
    assert await account(load, receipts=False) == NOTHING_AMISS
    assert len(load.promised) == 2000


async def test_a_postmaster_that_is_killed_loses_nothing_and_the_service_goes_on_by_itself(crashing: Platform, load: Load) -> None:
    running = await under(load)
    killed = crashing.kill("database")
    await running
    await back(crashing, "database", killed)
    await settled(load)
    assert await account(load) == NOTHING_AMISS
    assert len(load.promised) >= 1000


async def test_what_sleeps_until_its_time_sleeps_on_whatever_dies(crashing: Platform, load: Load) -> None:
    to = phone()
    began = time.time()
    await sleeping(load.customer, to, 6.0)
    for name in ("engine", "office", "database"):
        crashing.kill(name)
    await until(crashing.is_ready, "all are back", within_s=30)
    await until(lambda: to in crashing.journal.taken(), "it is on its handset", within_s=30)
    assert time.time() - began >= 6.0
    await load.customer.pulled(1)
    assert len(crashing.journal.taken()[to]) == 1


async def test_processes_that_start_while_the_database_is_away_wait_for_it(crashing: Platform, load: Load) -> None:
    seen = len(crashing.log_lines())
    killed = {name: crashing.kill(name) for name in ("engine", "office")}
    for _ in range(3):
        await back(crashing, "database", crashing.kill("database"))
    for name, pid in killed.items():
        await back(crashing, name, pid)
    await load.customer.ready()
    assert {line["code"] for line in crashing.log_lines()[seen:] if line.get("event") == "process_died"} == {-signal.SIGKILL}
    await load.run()
    await settled(load)
    assert await account(load) == NOTHING_AMISS


async def test_sessions_that_the_database_cuts_one_after_the_other_lose_nothing(crashing: Platform, load: Load) -> None:
    running = await under(load, at=200)

    async def cut() -> bool:
        """One session of a pipeline, the one that has been up longest."""
        try:
            async with crashing.database() as db, db.connection() as conn:
                await conn.execute(
                    """select pg_terminate_backend(pid) from pg_stat_activity
                        where application_name = 'hongyan-pipeline' order by backend_start limit 1"""
                )
        except UNAVAILABLE:
            return False
        return running.done()

    await until(cut, "all is sent", within_s=60)
    await running
    await settled(load)
    assert await account(load) == NOTHING_AMISS


async def test_a_stop_under_load_takes_less_than_ten_seconds_and_loses_nothing(crashing: Platform, load: Load) -> None:
    running = await under(load)
    # In a thread, so that the clients go on meanwhile.
    assert await asyncio.to_thread(crashing.stop) < 10
    await asyncio.to_thread(crashing.start)
    await running
    await settled(load, receipts=False)
    assert await account(load, receipts=False) == NOTHING_AMISS
    async with crashing.database() as db, db.connection() as conn:
        # Whoever ends in order waits for the answers to what it has sent.
        assert await conn.fetchval("select count(*) from suspects where app_id = $1", load.customer.app_id) == 0


async def test_everything_at_once_is_killed_and_started_again(crashing: Platform, load: Load) -> None:
    running = await under(load)
    state = crashing.state
    for pid in (state["pid"], state["database_pid"], *state["processes"].values()):
        # One may have followed its parent already.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert crashing.process is not None
    await asyncio.to_thread(crashing.process.wait)
    await asyncio.to_thread(crashing.start)
    await running
    await settled(load, receipts=False)
    assert await account(load, receipts=False) == NOTHING_AMISS


async def test_a_credit_is_drained_to_its_last_message_and_not_beyond_though_processes_die(
    crashing: Platform, sdk: Sdk, http: httpx2.AsyncClient
) -> None:
    price, most = 40_000, 1_000
    tenant, app_id = await pays_later(crashing, price_milli=price, limit_milli=most * price + price - 1)
    customer = Customer(crashing, sdk, tenant, app_id, http)
    await customer.known()
    numbers = (f"+3367{n:07d}" for n in itertools.count(1_000_000))
    told: Counter[str] = Counter()

    async def draw() -> None:
        """Until there is nothing left; whoever gets no answer does not know."""
        while told["FailedOperation.InsufficientBalanceInSmsPackage"] < CLIENTS:
            try:
                [status] = await customer.submit([next(numbers)], "international", params=[str(sum(told.values()))])
                told[status["Code"]] += 1
            except (httpx2.HTTPError, OSError, ValueError):
                told["nobody answered"] += 1
                await asyncio.sleep(0.05)

    running = [asyncio.create_task(draw()) for _ in range(CLIENTS)]
    for accepted, name in ((100, "engine"), (350, "api-1"), (600, "office")):
        await until(lambda n=accepted: told["Ok"] >= n, f"{accepted} messages are accepted", within_s=60)
        killed = crashing.kill(name)
        await back(crashing, name, killed)
    await asyncio.wait_for(asyncio.gather(*running), 90)

    async def resolved() -> bool:
        async with crashing.database() as db, db.connection() as conn:
            return bool(await conn.fetchval("select held_milli = 0 from credits where limit_milli = $1", most * price + price - 1)) or (
                # What nobody knows of stays held for three days.
                await conn.fetchval(
                    """select not exists (select from charges c left join settlements s on s.app_id = c.app_id and s.id = c.id
                        where c.app_id = $1 and c.resolution is null and (s.id is null or s.charged is not null))""",
                    app_id,
                )
            )

    await until(resolved, "every message that has ended is posted or voided", within_s=60)
    async with crashing.control() as control:
        row = await control.credits.get(OPERATOR, (await control.apps.get(OPERATOR, app_id)).account_id)
        assert await control.credits.check(OPERATOR) == []
    async with crashing.database() as db, db.connection() as conn:
        messages, voided = await conn.fetchrow(
            "select count(*), count(*) filter (where resolution = 0) from charges where app_id = $1", app_id
        )
        assert await invariants.broken(conn, at_rest=False) == {}
    assert told["Ok"] <= messages
    assert row.held_milli + row.unbilled_milli == (messages - voided) * price <= row.limit_milli
    assert messages >= most, told
    assert messages - voided <= most
