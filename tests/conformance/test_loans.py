"""Connections that are lent: each to one at a time, all who wait get one, and a broken one is never lent again."""

import asyncio

import pytest
from asyncpg.exceptions import DivisionByZeroError

from hongyan.kit.db import UNAVAILABLE, Database


@pytest.fixture
async def two(database_url: str) -> Database:
    return await Database.open(database_url, size=2, pipeline=True)


async def pid(db: Database) -> int:
    async with db.connection() as conn:
        found: int = await conn.fetchval("select pg_backend_pid()")
        return found


async def test_many_who_ask_at_once_are_all_served_by_few(two: Database) -> None:
    async def ask(n: int) -> int:
        async with two.connection() as conn:
            found: int = await conn.fetchval("select $1::integer from pg_sleep(0.001)", n)
            return found

    async with asyncio.timeout(20):
        for _ in range(3):
            assert await asyncio.gather(*(ask(n) for n in range(100))) == list(range(100))
        assert len({await pid(two) for _ in range(10)}) == 1
    await two.close()


async def test_what_fails_or_is_cancelled_leaves_a_connection_that_answers(two: Database) -> None:
    async with asyncio.timeout(20):
        for _ in range(4):
            with pytest.raises(DivisionByZeroError):
                async with two.transaction() as tx:
                    await tx.execute("select 1 / 0")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02), two.connection() as conn:
                    await conn.execute("select pg_sleep(60)")
            assert await asyncio.gather(*(pid(two) for _ in range(5)))
    await two.close()


async def test_a_connection_that_broke_while_nobody_had_it_is_not_lent_again(two: Database, database: Database) -> None:
    async with asyncio.timeout(20):
        gone = await pid(two)
        async with database.connection() as conn:
            await conn.execute("select pg_terminate_backend($1, 5000)", gone)
        for _ in range(5):
            try:
                found = await pid(two)
            except UNAVAILABLE:
                continue
            break
        assert found != gone
        assert len(set(await asyncio.gather(*(pid(two) for _ in range(20))))) <= 2
        assert gone not in {await pid(two) for _ in range(5)}
    await two.close()


async def test_nothing_is_lent_after_the_end(two: Database) -> None:
    await pid(two)
    await two.close()
    with pytest.raises(UNAVAILABLE):
        await pid(two)
