"""Reports that go to addresses which their messages named, on a real PostgreSQL: bundled by address, claimed by place, told bit by bit."""

import itertools
import os
import time
from collections.abc import Sequence

import pytest

from acting import OPERATOR
from hongyan.control.plane import assemble
from hongyan.kit import ids
from hongyan.kit.bell import Bell
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.context import Context, pack
from hongyan.model.event import EventKind
from hongyan.model.message import Dialect, Kind, Status
from hongyan.model.snapshot import AccountKind
from hongyan.model.snapshot import Scope as Region
from hongyan.store import messages, outbox, partitions, settlements
from hongyan.store.messages import NewMessage, Scope
from hongyan.store.outbox import Failure
from hongyan.store.settlements import Ending

NOW = time.time()
new_id = ids.generator(5, time.time)
phones = itertools.count(8613500000000)
names = (f"places {n}" for n in itertools.count(1))

A, A2, B = "https://Sms.example.com:8443/a?of=1", "https://sms.example.com:8443/b", "http://other.example.com/c"
AT_A, AT_B = "https://sms.example.com:8443", "http://other.example.com"


class Sent:
    """Messages that were promised, each naming an address or none."""

    def __init__(self, app_id: int, rows: Sequence[NewMessage]) -> None:
        self.app_id = app_id
        self.rows = rows

    async def end(self, conn: Connection, *, callback: bool = False, pull: bool = False) -> None:
        endings = [Ending(self.app_id, row.id, Status.DELIVERED, "DELIVRD", charge=True, link_id=1, done_at=NOW) for row in self.rows]
        await settlements.settle(conn, self.app_id, endings, callback=callback, pull=pull, now=NOW)

    async def claim(
        self, conn: Connection, place: str = "", most: int = 100, told: Sequence[int] = (), now: float = NOW
    ) -> list[outbox.Bundle]:
        key = (self.app_id, EventKind.REPORT, place)
        return await outbox.claim(conn, key, now=now, lease_until=now + 60, most=most, told=told)

    def ids(self, url: str) -> list[int]:
        return [row.id for row in self.rows if row.session_context == pack(Context("x", url))]


async def send(database: Database, *urls: str) -> Sent:
    plane = assemble(database, SecretBox(bytes(32), os.urandom), clock=lambda: NOW, entropy=os.urandom, check_url=lambda _url: None)
    account = await plane.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)
    app = (await plane.apps.create(OPERATOR, account.id, "shop")).app
    package = await plane.packages.buy(OPERATOR, app.id, Region.MAINLAND, 1000)
    head, tail = (Kind.NOTICE, Dialect.HUAWEI, 1, 600.0, 1, 1, package.id, 77, "CN", "text"), ("", "", "", 2)
    rows = [NewMessage(0, 0, 5, 9, new_id(), next(phones), *head, pack(Context("x", url)), *tail) for url in urls]
    async with database.connection() as conn:
        await partitions.ensure(conn, NOW)
        scope = Scope(since_id=ids.first_id_at(NOW - 3600), most=11, packages=[package.id])
        assert await messages.promise(conn, app.id, rows, scope, [], now=NOW) is not None
    return Sent(app.id, rows)


async def test_a_bundle_is_for_one_address_and_has_at_most_a_hundred(database: Database) -> None:
    sent = await send(database, *[A] * 130, *[B] * 20, *[""] * 5, A2)
    async with database.connection() as conn:
        await sent.end(conn, callback=True)
        at_a, at_b, own = [await sent.claim(conn, place) for place in (AT_A, AT_B, "")]
    assert sorted(len(b.ids) for b in at_a) == [1, 30, 100]
    assert {b.url: sorted(i for c in at_a if c.url == b.url for i in c.ids) for b in at_a} == {A: sent.ids(A), A2: sent.ids(A2)}
    assert [(b.url, b.ids) for b in at_b] == [(B, sent.ids(B))]
    assert [(b.url, b.ids) for b in own] == [("", sent.ids(""))]


@pytest.mark.parametrize(("callback", "pull"), [(False, False), (False, True)])
async def test_an_address_of_their_own_is_told_though_the_application_has_none(database: Database, *, callback: bool, pull: bool) -> None:
    sent = await send(database, A, "")
    async with database.connection() as conn:
        await sent.end(conn, callback=callback, pull=pull)
        assert [b.ids for b in await sent.claim(conn, AT_A)] == [sent.ids(A)]
        assert await sent.claim(conn) == []
        pulled = await outbox.take(conn, sent.app_id, EventKind.REPORT, now=NOW, most=100)
    assert sorted(i for bundle in pulled for i in bundle.ids) == (sorted(row.id for row in sent.rows) if pull else [])


async def test_who_delivers_is_told_which_places_are_meant(database: Database) -> None:
    sent = await send(database, A, A2, B)
    heard: list[str] = []
    async with database.connection() as listening, database.connection() as conn:
        rung = Bell()
        await listening.add_listener("hongyan_outbox", lambda *told: (heard.append(told[3]), rung.ring()))
        await sent.end(conn)
        while len(heard) < 2:
            assert await rung.wait(5)
        await listening.reset()
    assert {outbox.rung(word) for word in heard} == {(sent.app_id, EventKind.REPORT, AT_A), (sent.app_id, EventKind.REPORT, AT_B)}
    assert outbox.rung("5 2") == (5, EventKind.REPLY, "")


async def test_places_where_something_is_due_are_found_one_by_one(database: Database) -> None:
    sent = await send(database, *[A] * 3, B, *[f"http://n{n:02}.example.com/" for n in range(30)])
    async with database.connection() as conn:
        await sent.end(conn)
        assert [key for key in await outbox.due(conn, [sent.app_id], NOW) if key[2]] != []
        await sent.claim(conn, AT_B)
        found = await outbox.places(conn, sent.app_id, NOW, 100)
        assert [key[2] for key in found] == sorted([AT_A, *(f"http://n{n:02}.example.com" for n in range(30))])
        assert len(await outbox.places(conn, sent.app_id, NOW, 7)) == 7


async def test_of_a_bundle_that_was_told_in_part_the_rest_is_due(database: Database) -> None:
    sent = await send(database, *[A] * 10)
    async with database.connection() as conn:
        await sent.end(conn)
        [bundle] = await sent.claim(conn, AT_A)
        await outbox.progress(conn, sent.app_id, {bundle.id: 4}, NOW)
        [again] = await sent.claim(conn, AT_A)
        assert (again.told, again.attempts) == (4, 1)
        await outbox.failed(conn, sent.app_id, [Failure(bundle.id, NOW + 5, 6, "HTTP 500")])
        assert await sent.claim(conn, AT_A) == []
        [later] = await sent.claim(conn, AT_A, now=NOW + 6)
        assert (later.told, later.attempts, later.url) == (6, 2, A)
        await outbox.failed(conn, sent.app_id, [Failure(bundle.id, None, 6, "HTTP 500")])
        assert await sent.claim(conn, AT_A, now=NOW + 86_400) == []
        row = await conn.fetchrow("select callback, last_error from outbox where app_id = $1 and id = $2", sent.app_id, bundle.id)
    assert tuple(row) == (outbox.Callback.DEAD, "HTTP 500")


async def test_what_was_told_is_noted_with_the_next_claim(database: Database) -> None:
    sent = await send(database, A, A2)
    async with database.connection() as conn:
        await sent.end(conn)
        [first] = await sent.claim(conn, AT_A, most=1)
        [second] = await sent.claim(conn, AT_A, most=1, told=[first.id])
        assert await sent.claim(conn, AT_A, told=[second.id]) == []
        rows = await conn.fetch("select callback from outbox where app_id = $1", sent.app_id)
    assert [row[0] for row in rows] == [outbox.Callback.DONE] * 2
