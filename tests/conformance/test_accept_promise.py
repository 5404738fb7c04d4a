"""The one call by which messages are promised, on a real PostgreSQL: what it writes, what it leaves out, and what it never does by half."""

import asyncio
import itertools
import os
import time
from collections.abc import Mapping, Sequence

import pytest

from acting import OPERATOR
from hongyan.control.plane import assemble
from hongyan.kit import ids
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.message import Dialect, Kind
from hongyan.model.snapshot import AccountKind
from hongyan.model.snapshot import Scope as Region
from hongyan.store import messages, partitions
from hongyan.store.messages import Facts, NewMessage, Scope

NOW = time.time()
ENGINE, LINK = 5, 9
new_id = ids.generator(3, time.time)
phones = itertools.count(8613700000000)
names = (f"promise {n}" for n in itertools.count(1))


class Purse:
    """An application with a package of its own."""

    def __init__(self, app_id: int, package_id: int) -> None:
        self.app_id = app_id
        self.scope = Scope(since_id=ids.first_id_at(NOW - 3600), most=11, packages=[package_id])
        self._package = package_id

    def row(self, phone: int, *, request: int = 0, seen: int = 0, owner: int | None = None, link: int | None = None) -> NewMessage:
        tail = (1, 1, self._package, 77, "CN", "text", "", "", "", "", 2)
        return NewMessage(request, seen, owner, link, new_id(), phone, Kind.NOTICE, Dialect.TENCENT_V3, 1, 600.0, *tail)

    async def promise(self, conn: Connection, *rows: NewMessage) -> tuple[set[int], Facts] | None:
        return await messages.promise(conn, self.app_id, rows, self.scope, [row.phone % 4096 for row in rows], now=NOW)


@pytest.fixture
async def purse(database: Database) -> Purse:
    plane = assemble(database, SecretBox(bytes(32), os.urandom), clock=lambda: NOW, entropy=os.urandom, check_url=lambda _url: None)
    account = await plane.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)
    app = (await plane.apps.create(OPERATOR, account.id, "shop")).app
    package = await plane.packages.buy(OPERATOR, app.id, Region.MAINLAND, 5)
    async with database.connection() as conn:
        await partitions.ensure(conn, NOW)
    return Purse(app.id, package.id)


async def queued(conn: Connection, app_id: int) -> dict[int, Mapping[str, object]]:
    return {row["id"]: row for row in await conn.fetch("select * from queue where app_id = $1", app_id)}


async def balance(conn: Connection, app_id: int) -> Sequence[int]:
    row = await conn.fetchrow("select available, held, used from packages where app_id = $1", app_id)
    held = await conn.fetchval("select coalesce(sum(segments), 0) from ledger_entries where app_id = $1 and kind = 'hold'", app_id)
    assert held == row["held"]
    return tuple(row)


async def test_what_is_promised_is_a_message_a_queue_entry_and_a_hold(database: Database, purse: Purse) -> None:
    free, ours, attempted = purse.row(next(phones)), purse.row(next(phones), owner=ENGINE), purse.row(next(phones), owner=ENGINE, link=LINK)
    async with database.connection() as conn:
        assert await purse.promise(conn, free, ours, attempted) == (set(), Facts(frozenset(), frozenset(), {}, {}))
        entries = await queued(conn, purse.app_id)
        assert await balance(conn, purse.app_id) == (2, 3, 0)
        assert await messages.present(conn, purse.app_id, [free.id, ours.id, attempted.id, 1]) == {free.id, ours.id, attempted.id}
    assert (entries[free.id]["owner"], entries[free.id]["attempted_at"], entries[free.id]["attempts"]) == (None, None, 0)
    assert (entries[ours.id]["owner"], entries[ours.id]["attempted_at"]) == (ENGINE, None)
    assert (entries[attempted.id]["owner"], entries[attempted.id]["link_id"], entries[attempted.id]["attempts"]) == (ENGINE, LINK, 1)
    assert entries[attempted.id]["attempted_at"] is not None


async def test_a_request_about_whose_number_more_is_known_is_left_out_whole(database: Database, purse: Purse) -> None:
    known, other, third = next(phones), next(phones), next(phones)
    before = purse.row(known)
    async with database.connection() as conn:
        await purse.promise(conn, before)
        said = await purse.promise(conn, purse.row(other, request=1), purse.row(known, request=1), purse.row(third, request=2))
        assert said is not None
        left_out, facts = said
        assert left_out == {1}
        assert facts.recent == {known: [(before.id, 77, Kind.NOTICE)]}
        assert facts.available == {purse.scope.packages[0]: 3}
        assert len(await queued(conn, purse.app_id)) == 2
        # Decided with what is known, it is promised.
        assert await purse.promise(conn, purse.row(other, request=1), purse.row(known, request=1, seen=1)) is not None
        assert len(await queued(conn, purse.app_id)) == 4


async def test_a_number_that_is_barred_or_has_opted_out_is_never_promised(database: Database, purse: Purse) -> None:
    barred, opted_out = next(phones), next(phones)
    async with database.connection() as conn:
        await conn.execute("insert into blacklist values ($1, $2, 'asked for', now())", purse.app_id, barred)
        await conn.execute("insert into optouts (app_id, phone, created_at) values ($1, $2, now())", purse.app_id, opted_out)
        said = await purse.promise(conn, purse.row(barred, request=0), purse.row(opted_out, request=1))
        assert said is not None
        assert said[0] == {0, 1}
        assert (said[1].blacklisted, said[1].opted_out) == (frozenset({barred}), frozenset({opted_out}))
        assert await queued(conn, purse.app_id) == {}
        assert await balance(conn, purse.app_id) == (5, 0, 0)


async def test_a_package_with_too_little_promises_nothing_at_all(database: Database, purse: Purse) -> None:
    async with database.connection() as conn:
        assert await purse.promise(conn, *[purse.row(next(phones), request=n) for n in range(6)]) is None
        assert await queued(conn, purse.app_id) == {}
        assert await balance(conn, purse.app_id) == (5, 0, 0)
        assert await purse.promise(conn, *[purse.row(next(phones), request=n) for n in range(5)]) is not None
        assert await balance(conn, purse.app_id) == (0, 5, 0)


async def test_of_many_who_suppose_nothing_of_a_number_at_once_one_is_right(database: Database, purse: Purse) -> None:
    number = next(phones)

    async def ask() -> bool:
        async with database.connection() as conn:
            said = await purse.promise(conn, purse.row(number))
        return said is not None and not said[0]

    assert sum(await asyncio.gather(*[ask() for _ in range(16)])) == 1


async def test_plans_made_while_the_tables_were_empty_still_look_up_one_number(database: Database, purse: Purse) -> None:
    """A plan is kept by the session; the pages it reads must not grow with the day."""
    async with database.connection() as conn:
        await conn.execute("update packages set segments = 100000, available = 100000 where app_id = $1", purse.app_id)
        for _ in range(10):
            await purse.promise(conn, purse.row(next(phones)))
        for _ in range(8):
            await purse.promise(conn, *[purse.row(next(phones), request=n) for n in range(500)])
        async with asyncio.timeout(10):
            read = []
            for _ in range(2):
                await conn.execute("select pg_stat_force_next_flush()")
                read.append(await conn.fetchval("select sum(idx_tup_read) from pg_stat_user_indexes where relname like 'messages_2%'"))
                for _ in range(20):
                    await purse.promise(conn, purse.row(next(phones)))
    assert read[1] - read[0] < 200
