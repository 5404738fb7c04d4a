"""The one call by which messages end, on a real PostgreSQL: once for each message, whatever is repeated and beside whatever else."""

import itertools
import os
import time
from collections.abc import Sequence

import pytest

from acting import OPERATOR
from hongyan.control.plane import assemble
from hongyan.kit import ids
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.message import Dialect, Kind, Status
from hongyan.model.snapshot import AccountKind
from hongyan.model.snapshot import Scope as Region
from hongyan.store import messages, partitions, placement, settlements
from hongyan.store.messages import NewMessage, Scope
from hongyan.store.segments import NOTHING_LANDED, Landed, TakenSegment
from hongyan.store.settlements import Ending

NOW = time.time()
LINK = 9
new_id = ids.generator(4, time.time)
phones = itertools.count(8613600000000)
names = (f"settle {n}" for n in itertools.count(1))


class Sent:
    """Messages that were promised, of an application of their own."""

    def __init__(self, app_id: int, rows: Sequence[NewMessage]) -> None:
        self.app_id = app_id
        self.rows = rows

    async def end(self, conn: Connection, status: Status, *numbers: int, landed: Landed = NOTHING_LANDED) -> dict[Status, int]:
        charge = None if status is Status.UNKNOWN else status is Status.DELIVERED
        endings = [Ending(self.app_id, self.rows[n].id, status, status.name, charge, LINK, NOW) for n in numbers]
        return await settlements.settle(conn, self.app_id, endings, landed=landed, callback=True, pull=False, now=NOW)

    def landed(self, *numbers: int) -> Landed:
        some = [self.rows[n] for n in numbers]
        return Landed([TakenSegment(r.id, 1, 1, LINK, str(r.id), str(r.id), r.phone) for r in some], [r.id for r in some])

    async def balance(self, conn: Connection) -> tuple[int, int, int]:
        row = await conn.fetchrow("select available, held, used from packages where app_id = $1", self.app_id)
        return row[0], row[1], row[2]

    async def owed(self, conn: Connection) -> list[int]:
        rows = await conn.fetch("select ids from outbox where app_id = $1 order by id", self.app_id)
        return sorted(id_ for row in rows for id_ in row[0])


@pytest.fixture
async def sent(database: Database) -> Sent:
    plane = assemble(database, SecretBox(bytes(32), os.urandom), clock=lambda: NOW, entropy=os.urandom, check_url=lambda _url: None)
    account = await plane.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)
    app = (await plane.apps.create(OPERATOR, account.id, "shop")).app
    package = await plane.packages.buy(OPERATOR, app.id, Region.MAINLAND, 300)
    tail = (1, 1, package.id, 77, "CN", "text", "", "", "", "", 2)
    rows = [NewMessage(0, 0, 5, LINK, new_id(), next(phones), Kind.NOTICE, Dialect.TENCENT_V3, 1, 600.0, *tail) for _ in range(250)]
    async with database.connection() as conn:
        await partitions.ensure(conn, NOW)
        scope = Scope(since_id=ids.first_id_at(NOW - 3600), most=11, packages=[package.id])
        assert await messages.promise(conn, app.id, rows, scope, [], now=NOW) is not None
    return Sent(app.id, rows)


async def test_what_ended_leaves_the_queue_is_paid_for_and_owed(database: Database, sent: Sent) -> None:
    every = range(250)
    async with database.connection() as conn:
        assert await sent.end(conn, Status.DELIVERED, *every, landed=sent.landed(*every)) == {Status.DELIVERED: 250}
        assert await sent.balance(conn) == (50, 0, 250)
        assert await sent.owed(conn) == [row.id for row in sent.rows]
        assert await conn.fetchval("select count(*) from outbox where app_id = $1", sent.app_id) == 3
        assert await conn.fetchval("select count(*) from queue where app_id = $1", sent.app_id) == 0
        assert await conn.fetchval("select count(*) from segments where app_id = $1", sent.app_id) == 250


async def test_what_is_repeated_changes_nothing_and_what_comes_with_it_still_counts(database: Database, sent: Sent) -> None:
    async with database.connection() as conn:
        assert await sent.end(conn, Status.DELIVERED, 0, 1) == {Status.DELIVERED: 2}
        assert await sent.end(conn, Status.FAILED, 0, 1) == {}
        assert await sent.end(conn, Status.FAILED, 0, 1, 2) == {Status.FAILED: 1}
        assert await sent.balance(conn) == (51, 247, 2)
        assert await sent.owed(conn) == [row.id for row in sent.rows[:3]]
        found = await conn.fetch("select status from settlements where app_id = $1 order by id", sent.app_id)
        assert [row[0] for row in found] == [Status.DELIVERED, Status.DELIVERED, Status.FAILED]


async def test_what_was_unknown_may_still_end_once(database: Database, sent: Sent) -> None:
    async with database.connection() as conn:
        assert await sent.end(conn, Status.UNKNOWN, 0, 1, 2) == {Status.UNKNOWN: 3}
        assert await sent.owed(conn) == []
        assert await sent.end(conn, Status.UNKNOWN, 0, 3) == {Status.UNKNOWN: 1}
        assert await sent.end(conn, Status.DELIVERED, 0, 4) == {Status.DELIVERED: 2}
        assert await sent.end(conn, Status.DELIVERED, 0, 1) == {Status.DELIVERED: 1}
        assert await sent.balance(conn) == (50, 247, 3)
        assert await sent.owed(conn) == [sent.rows[0].id, sent.rows[1].id, sent.rows[4].id]


async def test_what_only_landed_ends_nothing(database: Database, sent: Sent) -> None:
    async with database.connection() as conn:
        assert await sent.end(conn, Status.DELIVERED, landed=sent.landed(0, 1)) == {}
        assert await conn.fetchval("select count(*) from queue where app_id = $1", sent.app_id) == 248
        assert await sent.balance(conn) == (50, 250, 0)


async def test_functions_can_be_asked_of_tables_that_are_spread(database: Database) -> None:
    """Citus has no use for functions in SQL, nor for kept plans: where tables are spread, these are switched off."""
    async with database.connection() as conn:
        assert await conn.fetch("select proname from pg_proc p join pg_language l on l.oid = prolang where lanname = 'sql' "
                                "and pronamespace = 'public'::regnamespace") == []  # fmt: skip
        transaction = conn.transaction()
        await transaction.start()
        changed = [row[0] for row in await conn.fetch(placement.KEPT_PLANS)]
        for statement in changed:
            await conn.execute(statement)
        assert len(changed) == 8
        assert await conn.fetch(placement.KEPT_PLANS) == []
        await transaction.rollback()
