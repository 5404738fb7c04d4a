"""The journal and the self-check of packages, on a real PostgreSQL: what does not agree is found, and only that package is frozen."""

import csv
import io
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from acting import OPERATOR
from hongyan.cli.doctor import Health, examine
from hongyan.control.errors import ControlError, Fault
from hongyan.control.ledger import EXPORT_MOST
from hongyan.control.plane import ControlPlane, assemble
from hongyan.control.watch import Watch
from hongyan.kit import ids
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.message import Dialect, Kind, Status
from hongyan.model.snapshot import AccountKind
from hongyan.model.snapshot import Scope as Region
from hongyan.settings import load
from hongyan.store import messages, notices, packages, partitions, settlements
from hongyan.store.messages import NewMessage, Scope
from hongyan.store.segments import NOTHING_LANDED, Landed, TakenSegment
from hongyan.store.settlements import Ending

START = 1_800_000_000.0
LINK = 9
DAY_S = 86_400.0
names = (f"keeper {n}" for n in itertools.count(1))
numbers = itertools.count(8613800000000)


class Books:
    """An application with two packages, and a clock to turn."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.now = START
        self.control: ControlPlane = assemble(
            db, SecretBox(bytes(32), os.urandom), clock=lambda: self.now, entropy=os.urandom, check_url=lambda _url: None
        )
        self.new_id = ids.generator(6, lambda: self.now)

    async def open(self) -> None:
        account = await self.control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)
        self.account_id = account.id
        self.app_id = (await self.control.apps.create(OPERATOR, account.id, "shop")).app.id
        bought = [await self.control.packages.buy(OPERATOR, self.app_id, Region.MAINLAND, 1000) for _ in range(2)]
        self.first, self.second = (package.id for package in bought)

    async def hold(self, package_id: int, count: int, segments: int = 1) -> list[NewMessage]:
        tail = (1, 1, package_id, 77, "CN", "text", "", "", "", "", 2)
        made = [
            NewMessage(0, 0, None, None, self.new_id(), next(numbers), Kind.NOTICE, Dialect.TENCENT_V3, segments, 600.0, *tail)
            for _ in range(count)
        ]
        async with self.db.connection() as conn:
            await partitions.ensure(conn, self.now)
            scope = Scope(since_id=ids.first_id_at(self.now - 3600), most=11, packages=[package_id])
            assert await messages.promise(conn, self.app_id, made, scope, [], now=self.now) is not None
        return made

    async def end(self, ended: Sequence[NewMessage], *, charge: bool | None, taken: bool) -> None:
        status = {True: Status.DELIVERED, False: Status.FAILED, None: Status.UNKNOWN}[charge]
        endings = [Ending(self.app_id, row.id, status, "", charge, LINK, self.now) for row in ended]
        landed = Landed([TakenSegment(r.id, 1, 1, LINK, str(r.id), str(r.id), r.phone) for r in ended], []) if taken else NOTHING_LANDED
        async with self.db.connection() as conn:
            await settlements.settle(conn, self.app_id, endings, landed=landed, callback=False, pull=False, now=self.now)

    async def pass_minutes(self, minutes: int) -> int:
        """Time passes, and each minute the books are compared; how many of its packages were frozen."""
        before = await self.frozen()
        for _ in range(minutes):
            self.now += 60
            await self.control.ledger.self_check()
        return len(await self.frozen()) - len(before)

    async def sql(self, statement: str, *values: object) -> None:
        async with self.db.connection() as conn:
            await conn.execute(statement, *values)

    async def move(self, package_id: int, moved: str, count: int) -> None:
        """What nobody should do: change a balance without an entry."""
        await self.sql(
            f"update packages set available = available - $3, {moved} = {moved} + $3 where app_id = $1 and id = $2",
            self.app_id, package_id, count,
        )  # fmt: skip

    async def frozen(self) -> dict[int, str]:
        found = await self.control.packages.every(OPERATOR, self.app_id)
        return {package.id: package.frozen_why for package in found if package.frozen_at is not None}


@pytest.fixture
async def books(database: Database) -> Books:
    made = Books(database)
    await made.open()
    return made


async def test_books_that_agree_are_left_alone_however_long_messages_take(books: Books) -> None:
    slow = await books.hold(books.first, 5)
    unknown = await books.hold(books.second, 2)
    for minute in range(15):
        quick = await books.hold(books.first, 3)
        await books.end(quick[:2], charge=True, taken=True)
        await books.end(quick[2:], charge=False, taken=False)
        if minute == 7:
            await books.end(unknown[:1], charge=None, taken=False)
        assert await books.pass_minutes(1) == 0
    books.now += DAY_S
    await books.end(slow[:3], charge=True, taken=True)
    assert await books.pass_minutes(2) == 0
    assert await books.control.ledger.check(OPERATOR, books.app_id) == []
    async with books.db.connection() as conn:
        held = await conn.fetch("select id from open_holds where app_id = $1 order by id", books.app_id)
        summed = await conn.fetchrow("select held, posted, voided from ledger_sums where app_id = $1 and package_id = $2",
                                     books.app_id, books.first)  # fmt: skip
    assert [row[0] for row in held] == [row.id for row in (*slow[3:], *unknown)]
    assert tuple(summed) == (50, 30, 15)


async def test_a_balance_that_somebody_changed_freezes_that_package_alone_and_tells_of_it(books: Books) -> None:
    await books.hold(books.first, 5)
    await books.sql(
        "update packages set available = available - 7, used = used + 7 where app_id = $1 and id = $2", books.app_id, books.first
    )
    assert await books.pass_minutes(3) == 1
    assert await books.frozen() == {books.first: "journal: available is 988, its entries say 995, used is 7, its entries say 0"}
    snapshot = await books.control.snapshots.load()
    assert [ref.id for ref in snapshot.packages[books.app_id, Region.MAINLAND]] == [books.second]
    async with books.db.transaction() as tx:
        told = [notice for notice in await notices.waiting(tx, told_before=books.now, most=500) if notice.account_id == books.account_id]
    assert [notice.facts for notice in told] == [{"package": books.first, "frozen": True, "left": 988}]
    noted = await books.control.audit.page(OPERATOR, account_id=books.account_id, most=1)
    assert (noted[0].action, noted[0].actor) == ("package.freeze", "self-check")


async def test_the_doctor_tells_of_a_frozen_package(books: Books, database_url: str, tmp_path: Path) -> None:
    async def told() -> tuple[Health, str]:
        found = await examine(load({}, tmp_path, database_url=database_url, data_dir=tmp_path))
        return next((finding.health, finding.en) for finding in found if finding.check == "packages")

    await books.sql("update packages set frozen_at = null")
    assert await told() == (Health.OK, "None is frozen.")
    await books.move(books.first, "used", 1)
    assert await books.pass_minutes(1) == 1
    health, words = await told()
    assert health is Health.PROBLEM
    assert "hongyan ledger check" in words


async def test_a_message_that_was_taken_away_shows_in_what_is_held(books: Books) -> None:
    [one, _] = await books.hold(books.second, 2, segments=3)
    await books.sql("delete from messages where app_id = $1 and id = $2", books.app_id, one.id)
    assert await books.pass_minutes(1) == 1
    assert await books.frozen() == {books.second: "holds: held is 6, its messages hold 3"}


async def test_who_paid_for_what_no_carrier_took_is_found(books: Books) -> None:
    await books.end(await books.hold(books.first, 3), charge=True, taken=True)
    [one] = await books.hold(books.first, 1)
    await books.end([one], charge=True, taken=False)
    assert await books.pass_minutes(5) == 1
    assert await books.frozen() == {books.first: f"charges: 1 messages were paid for and never taken by a carrier, the first is {one.id}"}


async def test_what_a_carrier_took_and_nobody_paid_for_is_found_however_late(books: Books) -> None:
    [one, late] = await books.hold(books.first, 2)
    landed = Landed([TakenSegment(one.id, 1, 1, LINK, str(one.id), str(one.id), one.phone)], [])
    async with books.db.connection() as conn:
        await settlements.settle(conn, books.app_id, [], landed=landed, callback=False, pull=False, now=books.now)
    assert await books.pass_minutes(30) == 0
    await books.end([one, late], charge=False, taken=False)
    # A copy that turns up after nobody was made to pay is our loss, and no fault in the books.
    books.now += 1
    landed = Landed([TakenSegment(late.id, 1, 1, LINK, str(late.id), str(late.id), late.phone)], [])
    async with books.db.connection() as conn:
        await settlements.settle(conn, books.app_id, [], landed=landed, callback=False, pull=False, now=books.now)
    assert await books.pass_minutes(3) == 1
    assert await books.frozen() == {books.first: f"charges: 1 messages were taken by a carrier and not paid for, the first is {one.id}"}


async def test_a_slip_of_the_job_itself_freezes_nothing(books: Books) -> None:
    await books.end(await books.hold(books.first, 5), charge=True, taken=True)
    await books.hold(books.first, 5)
    assert await books.pass_minutes(20) == 0
    await books.sql("update ledger_sums set posted = posted + 1 where app_id = $1", books.app_id)
    await books.sql("delete from open_holds where app_id = $1", books.app_id)
    assert await books.pass_minutes(3) == 0
    assert await books.frozen() == {}


async def test_a_job_that_was_away_for_days_catches_up_in_one_round(books: Books) -> None:
    for day in range(8):
        books.now = START + day * DAY_S
        await books.end(await books.hold(books.first, 3), charge=True, taken=True)
        [wrong] = await books.hold(books.second, 1)
        await books.end([wrong], charge=True, taken=day != 5)
    books.now += DAY_S
    assert await books.pass_minutes(1) == 1
    assert list(await books.frozen()) == [books.second]
    async with books.db.connection() as conn:
        assert await conn.fetchval("select count(*) from open_holds where app_id = $1", books.app_id) == 0


async def test_two_processes_that_look_at_once_count_nothing_twice(books: Books) -> None:
    import asyncio  # noqa: PLC0415 - here alone

    for _ in range(15):
        await books.end(await books.hold(books.first, 2), charge=True, taken=True)
        books.now += 60
        await asyncio.gather(*(books.control.ledger.self_check() for _ in range(4)))
    assert await books.frozen() == {}
    async with books.db.connection() as conn:
        summed = await conn.fetchrow(
            "select held, posted from ledger_sums where app_id = $1 and package_id = $2", books.app_id, books.first
        )
    assert summed["held"] == summed["posted"] > 0


async def test_a_frozen_package_is_let_go_after_a_look_and_not_while_its_books_disagree(books: Books) -> None:
    await books.hold(books.first, 5)
    await books.sql(
        "update packages set held = held + 4, available = available - 4 where app_id = $1 and id = $2", books.app_id, books.first
    )
    assert await books.pass_minutes(1) == 1
    for correct in (False, False):
        with pytest.raises(ControlError) as refused:
            await books.control.ledger.unfreeze(OPERATOR, books.app_id, books.first, "looked", correct=correct)
        assert refused.value.why == "books_disagree"
    freed = await books.control.ledger.unfreeze(OPERATOR, books.app_id, books.first, "a hand slipped", correct=True)
    assert (freed.frozen_at, freed.available, freed.held) == (None, 995, 5)
    assert await books.control.ledger.check(OPERATOR, books.app_id) == []
    assert await books.pass_minutes(15) == 0
    entries = await books.control.ledger.entries(OPERATOR, books.app_id, package_id=books.first)
    assert [(e.kind, e.segments, e.note) for e in entries[2:]] == [
        ("hold", 4, "correction: a hand slipped"),
        ("void", 4, "correction: a hand slipped"),
    ]
    with pytest.raises(ControlError) as refused:
        await books.control.ledger.unfreeze(OPERATOR, books.app_id, books.first, "again")
    assert refused.value.code is Fault.WRONG_STATE


@pytest.mark.parametrize("state", ["frozen_at", "closed_at"])
async def test_nothing_draws_on_a_package_from_the_moment_it_is_frozen_or_closed(books: Books, state: str) -> None:
    await books.hold(books.first, 1)
    await books.sql(f"update packages set {state} = now() where app_id = $1 and id = $2", books.app_id, books.first)
    tail = (1, 1, books.first, 77, "CN", "text", "", "", "", "", 2)
    row = NewMessage(0, 0, None, None, books.new_id(), next(numbers), Kind.NOTICE, Dialect.TENCENT_V3, 1, 600.0, *tail)
    scope = Scope(since_id=ids.first_id_at(books.now - 3600), most=11, packages=[books.first, books.second])
    async with books.db.connection() as conn:
        assert await messages.promise(conn, books.app_id, [row], scope, [], now=books.now) is None
        known = await messages.facts(conn, books.app_id, [row.phone], scope)
    assert known.available == {books.first: 0, books.second: 1000}
    assert await books.pass_minutes(1) == 0


async def test_a_purchase_whose_books_are_looked_into_is_not_refunded(books: Books) -> None:
    async with books.db.transaction() as tx:
        await packages.freeze(tx, books.app_id, books.first, "test", books.now)
        await packages.close(tx, books.app_id, books.first, books.now)
        assert await packages.withdraw(tx, books.app_id, books.first, note="", now=books.now) is None
        await packages.unfreeze(tx, books.app_id, books.first)


async def test_the_journal_is_handed_out_whole_in_parts_and_nothing_in_it_calculates(books: Books) -> None:
    async with books.db.transaction() as tx:
        await tx.execute(
            "insert into ledger_entries (app_id, package_id, kind, segments, at, note) "
            "select $1, $2, 'hold', 1, to_timestamp($3), '=1+1' from generate_series(1, $4)",
            books.app_id, books.first, books.now, 2 * EXPORT_MOST,
        )  # fmt: skip
    owner = Actor(kind=ActorKind.USER, id="1", name="o", permissions=GRANTS[Role.FINANCE], account_id=books.account_id)
    parts = [part async for part in books.control.ledger.hand_out(owner)]
    assert len(parts) == 4
    lines = list(csv.DictReader(io.StringIO("".join(parts))))
    assert [line["kind"] for line in lines] == ["buy", "buy"] + ["hold"] * (2 * EXPORT_MOST)
    assert lines[-1]["note"] == "'=1+1"
    assert lines[0]["time"] == "2027-01-15T08:00:00.000+00:00"
    none = [part async for part in books.control.ledger.hand_out(owner, books.app_id, begin=books.now + 1)]
    assert len(none) == 1
    other = Books(books.db)
    await other.open()
    with pytest.raises(ControlError) as refused:
        await anext(other.control.ledger.hand_out(owner, other.app_id))
    assert refused.value.code is Fault.NOT_FOUND
    with pytest.raises(ControlError) as refused:
        await books.control.ledger.check(owner, other.app_id)
    assert refused.value.code is Fault.NOT_FOUND
    with pytest.raises(ControlError) as refused:
        await books.control.ledger.unfreeze(owner, books.app_id, books.first, "mine")
    assert refused.value.code is Fault.NOT_ALLOWED


async def test_whoever_has_something_left_is_told_seven_five_three_days_and_one_before_it_expires(books: Books) -> None:
    ends = books.now + 10 * DAY_S
    await books.sql("update packages set expires_at = to_timestamp($3) where app_id = $1 and id = $2", books.app_id, books.first, ends)
    watch = Watch(books.db, lambda: books.now)
    told: dict[float, int] = {}
    for hours in range(0, 11 * 24, 6):
        books.now = ends - 10 * DAY_S + hours * 3600
        if (count := await watch.expiry()) > 0:
            told[10 - hours / 24] = count
        assert await watch.expiry() == 0
    assert told == {7.0: 1, 5.0: 1, 3.0: 1, 1.0: 1}
    async with books.db.transaction() as tx:
        facts = [n.facts for n in await notices.waiting(tx, told_before=books.now, most=500) if n.account_id == books.account_id]
    assert facts[0] == {"package": books.first, "scope": "mainland", "left": 1000, "expires_at": int(ends), "days": 7}
