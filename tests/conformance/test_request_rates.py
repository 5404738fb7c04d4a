"""How often accounts may ask, counted by several processes over one database."""

import asyncio
import itertools
import time

import pytest

from hongyan.kit.db import Database
from hongyan.pipeline.rates import GOOD_FOR_S, HANDFULS, Rates, forget_idle

accounts = itertools.count(1)


def nodes(database: Database, count: int) -> list[Rates]:
    return [Rates(db=database, monotonic=time.monotonic) for _ in range(count)]


async def asked(rates: Rates, account: int, rate: int, times: int) -> int:
    """How many of so many requests at once are let in."""
    return sum(await asyncio.gather(*[rates.admit(account, "Send", rate) for _ in range(times)]))


async def test_a_low_rate_is_exact_over_all_processes(database: Database) -> None:
    account = next(accounts)
    began = time.monotonic()
    let_in = sum(await asyncio.gather(*[asked(node, account, 5, 20) for node in nodes(database, 3)]))
    assert 5 <= let_in <= 5 + 5 * (time.monotonic() - began) + 1


async def test_a_high_rate_is_kept_within_a_handful_for_each_process(database: Database) -> None:
    account, rate, several = next(accounts), 1000, nodes(database, 3)
    began = time.monotonic()
    let_in = 0
    while time.monotonic() - began < 0.5:
        let_in += sum(await asyncio.gather(*[asked(node, account, rate, 40) for node in several]))
    took = time.monotonic() - began
    assert let_in <= rate * (1 + took) + 3 * rate // HANDFULS
    assert let_in >= rate


async def test_one_request_of_a_high_rate_waits_for_nobody() -> None:
    class Silent:
        def connection(self) -> "Silent":
            return self

        async def __aenter__(self) -> None:
            await asyncio.Event().wait()

        async def __aexit__(self, *_: object) -> None: ...

    rates = Rates(db=Silent(), monotonic=time.monotonic)  # type: ignore[arg-type] # a database that never answers
    async with asyncio.timeout(1):
        assert await rates.admit(1, "Send", 3000)


async def test_nobody_is_refused_while_the_database_is_away() -> None:
    class Away:
        def connection(self) -> "Away":
            return self

        async def __aenter__(self) -> None:
            raise ConnectionError

        async def __aexit__(self, *_: object) -> None: ...

    rates = Rates(db=Away(), monotonic=time.monotonic)  # type: ignore[arg-type] # a database that is away
    assert await asked(rates, 1, 1, 50) == 50


async def test_accounts_and_actions_have_rates_of_their_own(database: Database) -> None:
    [rates] = nodes(database, 1)
    one, other = next(accounts), next(accounts)
    assert await rates.admit(one, "AddSmsSign", 1)
    assert not await rates.admit(one, "AddSmsSign", 1)
    assert await rates.admit(other, "AddSmsSign", 1)
    assert await rates.admit(one, "DeleteSmsSign", 1)


async def test_the_bucket_fills_again(database: Database) -> None:
    [rates] = nodes(database, 1)
    account = next(accounts)
    assert await asked(rates, account, 10, 30) <= 12

    began = time.monotonic()
    while not await rates.admit(account, "Send", 10):
        assert time.monotonic() < began + 5
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("rate", "share"), [(0, 1.0), (1, 0.0)])
async def test_without_a_rate_nobody_is_refused(database: Database, rate: int, share: float) -> None:
    rates = Rates(db=database, monotonic=time.monotonic, share=share)
    assert await asked(rates, next(accounts), rate, 100) == 100


async def test_what_was_taken_is_not_kept_for_long(database: Database) -> None:
    now = [100.0]
    rates = Rates(db=database, monotonic=lambda: now[0])
    account = next(accounts)
    assert await asked(rates, account, 200, 10) == 10
    purse = rates._purses[account, "Send"]
    assert purse.asking is not None
    await purse.asking
    assert purse.left > 0
    now[0] += 2 * GOOD_FOR_S
    assert await rates.admit(account, "Send", 200)
    await purse.asking
    assert purse.left <= 200 // HANDFULS


async def test_idle_buckets_are_forgotten(database: Database) -> None:
    [rates] = nodes(database, 1)
    account = next(accounts)
    await rates.admit(account, "Send", 1)
    async with database.connection() as conn:
        await forget_idle(database)
        assert await conn.fetchval("select count(*) from allotments where account_id = $1", account) == 1
        await conn.execute("update allotments set at = at - interval '2 hours' where account_id = $1", account)
        await forget_idle(database)
        assert await conn.fetchval("select count(*) from allotments where account_id = $1", account) == 0
