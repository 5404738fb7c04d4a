"""What guards a customer while messages are accepted, on a real PostgreSQL: exact under concurrency, and nothing of it by half."""

import asyncio
import itertools
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest

from acting import OPERATOR
from hongyan.control import snapshots
from hongyan.control.alarms import Draft
from hongyan.control.blacklist import Where
from hongyan.control.plane import ControlPlane, assemble
from hongyan.control.protection import Change
from hongyan.control.watch import Watch
from hongyan.kit import ids
from hongyan.kit.bell import Bell
from hongyan.kit.db import Database
from hongyan.kit.loops import cancel
from hongyan.kit.secretbox import SecretBox
from hongyan.model import numbering
from hongyan.model.alarm import AlarmKind
from hongyan.model.message import Accepted, Caller, Dialect, Outcome, Refused, SendCommand, Status
from hongyan.model.money import PackageKind
from hongyan.model.protection import ABROAD, ALL, Cap, WordAction
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import Scope
from hongyan.pipeline.accept import SendService
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.refusals import RefusalLog
from hongyan.pipeline.settle import Settler
from hongyan.pipeline.stops import Stops
from hongyan.store import daily_counts, notices, partitions, queue
from journeys import invariants

names = (f"guarded {n}" for n in itertools.count(1))
BOX = SecretBox(bytes(32), os.urandom)
_seconds = itertools.count()
_phones = itertools.count(13_700_000_000)
SPARE = 1000


def phone() -> str:
    return f"+86{next(_phones)}"


class Place:
    """Two processes that accept for one application, and no link: what is promised stays in the queue."""

    def __init__(self, db: Database, other: Database) -> None:
        # A second apart: ids are made of the time.
        self.now = float(int(time.time()) + next(_seconds))
        self.db = db
        self.control: ControlPlane = assemble(db, BOX, clock=self.clock, entropy=os.urandom, check_url=lambda _url: None)
        self.directory = Directory(version=self.control.snapshots.version, load=lambda: snapshots.load(db, BOX, self.now), bell=Bell())
        self.settler = Settler(self.directory)
        self.stops = Stops(db=db, directory=self.directory, settler=self.settler, clock=self.clock)
        self.doors = [self._door(db, 1), self._door(other, 2)]
        self._tasks: list[asyncio.Task[None]] = []

    def clock(self) -> float:
        return self.now

    def _door(self, db: Database, worker: int) -> SendService:
        return SendService(
            db=db,
            directory=self.directory,
            dispatcher=None,
            numbering=numbering.build(),
            clock=self.clock,
            new_id=ids.generator(worker, self.clock),
            group_max=20,
            waiting_max=10_000,
            refuses=lambda _kind: False,
        )

    async def start(self) -> None:
        async with self.db.connection() as conn:
            await partitions.ensure(conn, self.now)
        self.tenant = await self.control.sandbox.ensure(OPERATOR, "http://nowhere")
        [sandbox] = [app for app in await self.control.apps.every(OPERATOR) if str(app.id) == self.tenant.sdk_app_id]
        self.account_id = sandbox.account_id
        self.app_id = (await self.control.apps.create(OPERATOR, sandbox.account_id, next(names))).app.id
        for scope in Scope:
            await self.control.packages.buy(OPERATOR, self.app_id, scope, SPARE)
        await self.directory.refresh()
        self._tasks = [asyncio.create_task(door.run()) for door in self.doors]

    async def stop(self) -> None:
        await cancel(*self._tasks)

    def command(self, phones: Sequence[str], kind: str = "", params: Sequence[str] = ()) -> SendCommand:
        at_home = phones[0].startswith("+86")
        sample = self.tenant.templates[kind or ("verification" if at_home else "international")]
        return SendCommand(
            app_id=self.app_id,
            template_id=int(sample.id),
            phones=tuple(phones),
            dialect=Dialect.TENCENT_V3,
            sign_name=self.tenant.sign_name if at_home else "",
            params=tuple(params) or sample.params,
        )

    async def send(self, *phones: str, door: int = 0, kind: str = "", params: Sequence[str] = ()) -> list[Outcome]:
        answer = await self.doors[door].accept(Caller(self.account_id, "AKID"), self.command(phones, kind, params))
        assert not isinstance(answer, Refusal), answer
        return answer

    async def reasons(self, *phones: str, door: int = 0) -> list[str]:
        return [told(outcome) for outcome in await self.send(*phones, door=door)]

    async def protect(self, change: Change) -> None:
        await self.control.protections.change(OPERATOR, self.app_id, change)
        await self.directory.refresh()

    async def balance(self, scope: Scope = Scope.MAINLAND) -> tuple[int, int, int]:
        [package] = [p for p in await self.control.packages.every(OPERATOR, self.app_id) if p.scope == scope]
        return package.available, package.held, package.used

    async def counts(self) -> dict[str, int]:
        async with self.db.connection() as conn:
            return {row.region: row.messages for row in await daily_counts.of_today(conn, [self.app_id], self.now)}

    async def status(self, outcome: Outcome) -> tuple[Status, str]:
        assert isinstance(outcome, Accepted)
        timeline = await self.control.records.timeline(OPERATOR, outcome.message_id, self.app_id)
        assert timeline is not None
        return timeline.status, timeline.code

    async def queued(self) -> int:
        async with self.db.connection() as conn:
            return int(await conn.fetchval("select count(*) from queue where app_id = $1", self.app_id))

    async def notices(self) -> list[notices.NoticeRow]:
        async with self.db.transaction() as tx:
            return [row for row in await notices.waiting(tx, told_before=self.now, most=1000) if row.app_id == self.app_id]

    async def broken(self) -> dict[str, list[str]]:
        async with self.db.connection() as conn:
            return await invariants.broken(conn)


def told(outcome: Outcome) -> str:
    return outcome.reason.value if isinstance(outcome, Refused) else "ok"


@pytest.fixture
async def place(database_url: str) -> AsyncIterator[Place]:
    db, other = await Database.open(database_url, size=4), await Database.open(database_url, size=4)
    place = Place(db, other)
    try:
        await place.start()
        yield place
        assert await place.broken() == {}
    finally:
        await place.stop()
        await db.close()
        await other.close()


async def test_a_cap_is_exact_when_two_processes_accept_at_once(place: Place) -> None:
    await place.protect(Change(day=Cap(most=150)))
    asked = [place.reasons(*(phone() for _ in range(1 + n % 4)), door=n % 2) for n in range(100)]
    found = Counter(reason for answer in await asyncio.gather(*asked) for reason in answer)
    # A request whose tries were all overtaken is told to try again; here all are told a reason.
    assert found == {"ok": 150, "app_day": 100}
    assert (await place.counts())[ALL] == 150
    assert await place.balance() == (SPARE - 150, 150, 0)
    assert await place.reasons(phone()) == ["app_day"]


async def test_each_part_of_the_world_has_its_cap(place: Place) -> None:
    await place.protect(Change(day=Cap(most=8), mainland=Cap(most=3), abroad=Cap(most=4), countries={"SG": Cap(most=2)}))
    assert await place.reasons(*(phone() for _ in range(4))) == ["ok", "ok", "ok", "mainland_day"]
    assert await place.reasons("+6591234561", "+6591234562", "+6591234563") == ["ok", "ok", "country_day"]
    assert await place.reasons("+85261234561", "+85261234562", "+85261234563") == ["ok", "ok", "abroad_day"]
    assert await place.counts() == {ALL: 7, ABROAD: 4, "CN": 3, "SG": 2, "HK": 2}


async def test_what_was_sent_before_a_cap_was_set_counts_and_tomorrow_begins_anew(place: Place) -> None:
    for _ in range(3):
        assert await place.reasons(phone()) == ["ok"]
    assert await place.counts() == {}
    await place.protect(Change(day=Cap(most=5)))
    assert await place.counts() == {ALL: 3, "CN": 3}
    assert await place.reasons(*(phone() for _ in range(4))) == ["ok", "ok", "app_day", "app_day"]
    await place.protect(Change(day=Cap()))
    assert await place.reasons(phone()) == ["ok"]
    await place.protect(Change(day=Cap(most=6)))
    assert await place.reasons(phone()) == ["app_day"]
    place.now += 86_400
    async with place.db.connection() as conn:
        await partitions.ensure(conn, place.now)
    assert await place.reasons(phone()) == ["ok"]


async def test_what_was_sent_while_a_cap_was_not_known_everywhere_is_counted_too(place: Place) -> None:
    assert await place.reasons(phone()) == ["ok"]
    await place.control.protections.change(OPERATOR, place.app_id, Change(day=Cap(most=20)))
    assert await place.reasons(phone(), phone()) == ["ok", "ok"]
    await place.directory.refresh()
    watch = Watch(place.db, place.clock)
    assert await place.reasons(phone()) == ["ok"]
    assert (await place.counts())[ALL] == 2
    place.now += 4

    async def sending(door: int) -> Counter[str]:
        return Counter([reason for _ in range(10) for reason in await place.reasons(phone(), door=door)])

    *sent, settled = await asyncio.gather(sending(0), sending(1), watch.settle_counts())
    assert settled >= 1
    assert sum(sent, Counter()) == {"ok": 16, "app_day": 4}
    assert await place.counts() == {ALL: 20, "CN": 20}


async def test_what_is_refused_for_another_reason_is_not_counted(place: Place) -> None:
    await place.protect(Change(day=Cap(most=3)))
    same = phone()
    assert await place.reasons(same) == ["ok"]
    assert await place.reasons(same, phone()) == ["same_content", "ok"]
    await place.control.blacklist.add(OPERATOR, Where(app_id=place.app_id), [listed := phone()])
    assert await place.reasons(listed, phone(), phone()) == ["blacklisted", "ok", "app_day"]
    assert (await place.counts())[ALL] == 3


@pytest.mark.parametrize("of", ["the account", "the operator"])
async def test_numbers_on_a_shared_blacklist_are_refused_and_others_are_not(place: Place, of: str) -> None:
    where = Where(account_id=place.account_id) if of == "the account" else Where()
    listed, other = phone(), phone()
    await place.control.blacklist.add(OPERATOR, where, [listed])
    await place.directory.refresh()
    assert await place.reasons(listed, other) == ["blacklisted", "ok"]
    await place.control.blacklist.remove(OPERATOR, where, [listed])
    assert await place.reasons(listed) == ["ok"]
    await place.directory.refresh()
    assert place.directory.snapshot.sharing == frozenset()
    async with place.db.connection() as conn:
        await conn.execute("delete from shared_blacklist")


async def test_a_suspicious_message_is_held_and_its_reviewer_decides(place: Place) -> None:
    await place.control.words.add(OPERATOR, ["疑似"], WordAction.HOLD)
    await place.directory.refresh()
    try:
        first, second, third, fourth = [
            (await place.send(phone(), phone(), kind="notice", params=(value, "今天")))[0]
            for value in ("疑 似一", "疑似二", "疑似三", "无")
        ]
        assert await place.queued() == 2
        held = await place.control.held.page(OPERATOR, app_id=place.app_id)
        assert len(held) == 6
        assert {one.words for one in held} == {"疑似"}
        assert {await place.status(one) for one in (first, second, third, fourth)} == {(Status.ACCEPTED, "")}
        [glance] = await place.control.records.latest(OPERATOR, app_id=place.app_id, phone=first.phone)  # type: ignore[union-attr]
        assert glance.status is Status.ACCEPTED
        ids_ = [one.message_id for one in (first, second)]  # type: ignore[union-attr]
        assert await place.control.held.release(OPERATOR, place.app_id, ids_[:1]) == ids_[:1]
        assert await place.control.held.release(OPERATOR, place.app_id, ids_[:1]) == []
        assert await place.queued() == 3
        before = await place.balance()
        assert await place.control.held.refuse(OPERATOR, place.app_id, ids_, "spam") == ids_[1:]
        assert await place.status(second) == (Status.FAILED, "REFUSED")
        after = await place.balance()
        assert (after[0] - before[0], before[1] - after[1], after[2]) == (1, 1, 0)
        place.now += 86_401
        assert await place.stops.end_held() >= 4
        assert await place.control.held.page(OPERATOR, app_id=place.app_id) == []
        assert await place.status(third) == (Status.EXPIRED, "HELD")
        assert (await place.balance())[2] == 0
    finally:
        await place.control.words.remove(OPERATOR, ["疑似"])


async def test_held_messages_count_and_are_counted_with_a_cap(place: Place) -> None:
    await place.control.words.add(OPERATOR, ["存疑"], WordAction.HOLD)
    await place.protect(Change(day=Cap(most=3)))
    try:
        sent = await place.send(*(phone() for _ in range(4)), kind="notice", params=("存疑", "今天"))
        assert [told(outcome) for outcome in sent] == ["ok", "ok", "ok", "app_day"]
        assert await place.queued() == 0
        assert len(await place.control.held.page(OPERATOR, app_id=place.app_id)) == 3
    finally:
        await place.control.words.remove(OPERATOR, ["存疑"])


async def test_the_emergency_stop_refuses_and_takes_back_what_no_carrier_has(place: Place) -> None:
    waiting = (await place.send(phone()))[0]
    attempted = (await place.send(phone()))[0]
    async with place.db.connection() as conn:
        await conn.execute("update queue set owner = 5 where app_id = $1", place.app_id)
        assert isinstance(attempted, Accepted)
        await queue.attempt(conn, place.app_id, [attempted.message_id], owner=5, link_id=1, now=place.now)
    await place.control.protections.stop(OPERATOR, place.app_id, "pumped")
    await place.directory.refresh()
    answer = await place.doors[0].accept(Caller(place.account_id, "AKID"), place.command([phone()]))
    assert isinstance(answer, Refusal)
    assert answer.reason is Reject.APP_DISABLED
    assert await place.stops.take_back() == 1
    assert await place.status(waiting) == (Status.FAILED, "STOPPED")
    assert (await place.status(attempted))[0] is Status.ACCEPTED
    assert await place.balance() == (SPARE - 1, 1, 0)
    await place.control.protections.resume(OPERATOR, place.app_id)
    await place.directory.refresh()
    assert await place.reasons(phone()) == ["ok"]
    async with place.db.connection() as conn:
        await conn.execute("update queue set owner = null, attempted_at = null where app_id = $1", place.app_id)


async def test_an_alarm_value_and_a_cap_are_told_of_once_a_day(place: Place) -> None:
    await place.protect(Change(day=Cap(alarm=2, most=4), mainland=Cap(alarm=3)))
    watch = Watch(place.db, place.clock)
    assert await place.reasons(phone()) == ["ok"]
    await watch.traffic()
    assert await place.notices() == []
    assert await place.reasons(phone(), phone()) == ["ok", "ok"]
    await watch.traffic()
    await watch.traffic()
    assert len(await place.notices()) == 2
    assert await place.reasons(phone()) == ["ok"]
    await watch.traffic()
    found = sorted((str(row.facts["region"]), row.facts["sent"], row.facts["value"]) for row in await place.notices())
    assert found == [("", 3, 2), ("", 4, 4), ("CN", 3, 3)]


async def test_a_balance_is_told_of_again_only_after_there_was_more(place: Place) -> None:
    await place.protect(Change(balance_alarm=SPARE))
    watch = Watch(place.db, place.clock)
    await watch.balance()
    assert await place.notices() == []
    assert await place.reasons(phone()) == ["ok"]
    await watch.balance()
    await watch.balance()
    assert len(await place.notices()) == 1
    await place.control.packages.buy(OPERATOR, place.app_id, Scope.MAINLAND, 10)
    await watch.balance()
    await place.protect(Change(balance_alarm=SPARE + 10))
    await watch.balance()
    assert len(await place.notices()) == 3
    assert {(row.facts["scope"], row.facts["left"]) for row in await place.notices()} >= {("mainland", SPARE - 1), ("mainland", SPARE + 9)}


async def test_packages_for_marketing_alone_hide_no_lack_of_others(place: Place) -> None:
    await place.protect(Change(balance_alarm=SPARE))
    await place.control.packages.buy(OPERATOR, place.app_id, Scope.MAINLAND, SPARE * 10, kind=PackageKind.MARKETING)
    watch = Watch(place.db, place.clock)
    await watch.balance()
    assert await place.notices() == []
    assert await place.reasons(phone()) == ["ok"]
    await watch.balance()
    [notice] = await place.notices()
    assert notice.facts == {"scope": "mainland", "left": SPARE - 1, "value": SPARE}
    # And the other way round.
    await place.protect(Change(balance_alarm=SPARE * 20))
    await place.control.packages.buy(OPERATOR, place.app_id, Scope.MAINLAND, SPARE * 30, kind=PackageKind.REGULAR)
    await watch.balance()
    told = [notice.facts for notice in await place.notices()]
    assert {"scope": "mainland", "kind": "marketing", "left": SPARE * 11 - 1, "value": SPARE * 20} in told


async def test_hits_of_frequency_limits_are_noted_where_somebody_wants_to_know(place: Place) -> None:
    log = RefusalLog(db=place.db, directory=place.directory, send=place.doors[0], clock=place.clock, new_id=ids.generator(7, place.clock))
    caller, asked = Caller(place.account_id, "AKID"), place.command([phone()])
    for _ in range(3):
        await log.accept(caller, asked)
    place.now += 11
    await log.flush()
    assert await place.notices() == []
    await place.control.alarms.add(OPERATOR, place.app_id, Draft(name="duty", phone="13800000001", kinds=(AlarmKind.FREQUENCY,)))
    await place.directory.refresh()
    for _ in range(3):
        await log.accept(caller, asked)
    place.now += 11
    await log.flush()
    [notice] = await place.notices()
    assert (notice.kind, notice.facts) == (AlarmKind.FREQUENCY, {"hits": 3, "same_content": 3})
