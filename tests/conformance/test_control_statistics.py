"""What is counted and looked up, on a real PostgreSQL."""

import itertools
import os
import time

import msgspec
import pytest

from hongyan.control.errors import ControlError, Fault
from hongyan.control.plane import ControlPlane, assemble
from hongyan.control.statistics import DAY_S
from hongyan.kit.bell import Bell
from hongyan.kit.db import Connection, Database
from hongyan.kit.ids import first_id_at
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role, command
from hongyan.model.message import Accepted, Caller, Dialect, Kind, Outcome, Refused, SendCommand, Status
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import EMPTY, AccountKind, Scope, Snapshot
from hongyan.model.statistics import Ended
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.refusals import MOST_LISTED, RefusalLog, forget_old
from hongyan.store import partitions, statistics

NOW = float(int(time.time()) // 3600 * 3600 + 1800)
HOUR = NOW - 1800
PHONE = 8613912345678
OPERATOR = command("test")
names = (f"account {n}" for n in itertools.count(1))
_ids = itertools.count(1)


def new_id(at: float = NOW) -> int:
    return first_id_at(at) + next(_ids)


@pytest.fixture
async def control(database: Database) -> ControlPlane:
    async with database.connection() as conn:
        await partitions.ensure(conn, NOW, back=3)
    return assemble(database, SecretBox(bytes(32), os.urandom), clock=lambda: NOW, entropy=os.urandom, check_url=lambda _: None)


class Tenant(msgspec.Struct, frozen=True):
    actor: Actor
    app_id: int


async def tenant(control: ControlPlane, role: Role = Role.OWNER) -> Tenant:
    account = await control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)
    made = await control.apps.create(OPERATOR, account.id, "shop")
    actor = Actor(ActorKind.USER, "7", "seven", GRANTS[role], account_id=account.id)
    return Tenant(actor, made.app.id)


async def message(
    conn: Connection, app_id: int, *, at: float = NOW, kind: Kind = Kind.NOTICE, segments: int = 1, ended: tuple[Status, str] | None = None
) -> int:
    id_ = new_id(at)
    moment = "to_timestamp($3)"
    await conn.execute(
        f"""insert into messages (app_id, id, phone, accepted_at, expires_at, kind, dialect, segments, template_id, signature_id,
                                  package_id, content_hash, region, text, session_context, extend, sender_id, request_id)
            values ($1, $2, $4, {moment}, {moment}, $5, 1, $6, 1, 1, 1, 0, 'CN', '【店】验证码385204', '', '', '', '')""",
        app_id, id_, at, PHONE, int(kind), segments,
    )  # fmt: skip
    if ended is not None:
        await conn.execute(
            f"""insert into settlements (app_id, id, status, code, package_id, segments, charged, done_at, settled_at)
                values ($1, $2, $4, $5, 1, 1, 1, {moment}, {moment})""",
            app_id, id_, at + 5, int(ended[0]), ended[1],
        )  # fmt: skip
    return id_


async def test_sends_are_counted_within_whole_hours(control: ControlPlane, database: Database) -> None:
    shop, other = await tenant(control), await tenant(control)
    async with database.connection() as conn:
        await message(conn, shop.app_id, segments=2)
        await message(conn, shop.app_id, at=HOUR)
        await message(conn, shop.app_id, at=HOUR - 1)
        await message(conn, other.app_id)
        await statistics.note_refusals(conn, shop.app_id, HOUR, 3)
        await statistics.note_refusals(conn, shop.app_id, HOUR, 4)
        await statistics.note_refusals(conn, shop.app_id, HOUR - 3600, 100)
    count = await control.statistics.sends(shop.actor, shop.app_id, HOUR, HOUR + 3600)
    assert (count.numbers, count.accepted, count.segments) == (9, 2, 3)


async def test_endings_are_counted_by_the_carriers_word(control: ControlPlane, database: Database) -> None:
    shop = await tenant(control)
    async with database.connection() as conn:
        for ended in [(Status.DELIVERED, "DELIVRD")] * 2 + [(Status.FAILED, "MI:0012"), (Status.UNKNOWN, ""), None]:
            await message(conn, shop.app_id, ended=ended)
        await message(conn, shop.app_id, at=NOW - DAY_S, ended=(Status.FAILED, "MI:0012"))
    count = await control.statistics.ends(shop.actor, shop.app_id, HOUR, NOW + 60)
    assert count.accepted == 5
    assert count.ended == (Ended(Status.DELIVERED, "DELIVRD", 2), Ended(Status.FAILED, "MI:0012", 1))


@pytest.mark.parametrize(("begin", "end"), [(NOW, NOW), (NOW, NOW - 1), (NOW - 32 * DAY_S, NOW + 1)])
async def test_a_stretch_of_time_has_at_most_32_days(control: ControlPlane, begin: float, end: float) -> None:
    shop = await tenant(control)
    for ask in (control.statistics.sends, control.statistics.ends):
        with pytest.raises(ControlError) as refusal:
            await ask(shop.actor, shop.app_id, begin, end)
        assert refusal.value.code is Fault.INVALID


async def test_packages_are_told_with_what_is_gone_of_them(control: ControlPlane, database: Database) -> None:
    shop = await tenant(control)
    bought = [(await control.packages.buy(OPERATOR, shop.app_id, Scope.MAINLAND, 100 * n, gift=n == 1)).id for n in (1, 2, 3)]
    async with database.connection() as conn:
        await conn.execute("update packages set available = 90, held = 4, used = 6 where app_id = $1 and id = $2", shop.app_id, bought[0])
    found = await control.statistics.packages(shop.actor, shop.app_id)
    assert [(package.id, package.segments, package.gone, package.gift) for package in found] == [
        (bought[0], 100, 10, True),
        (bought[1], 200, 0, False),
        (bought[2], 300, 0, False),
    ]
    page = await control.statistics.packages(shop.actor, shop.app_id, begin=NOW, end=NOW + 1, offset=1, most=1)
    assert [package.id for package in page] == [bought[1]]
    assert await control.statistics.packages(shop.actor, shop.app_id, begin=NOW + 1) == []


async def test_what_one_number_was_sent_has_its_refusals_among_it(control: ControlPlane, database: Database) -> None:
    shop, other = await tenant(control), await tenant(control)
    async with database.connection() as conn:
        first = await message(conn, shop.app_id, at=NOW - 30, ended=(Status.DELIVERED, "DELIVRD"))
        refused = new_id(NOW - 20)
        await statistics.list_refusals(conn, shop.app_id, [statistics.Listed(refused, PHONE, "CN", "limit_day", "r", "")])
        last = await message(conn, shop.app_id, at=NOW - 10)
        await message(conn, shop.app_id, at=NOW + 10)
        await message(conn, other.app_id, at=NOW - 10)
    found = await control.statistics.to_number(shop.actor, shop.app_id, PHONE, NOW - 60, NOW)
    assert [(each.id, each.refused, each.status, each.done_at, each.region) for each in found] == [
        (last, None, None, 0.0, "CN"),
        (refused, Reject.LIMIT_DAY, None, 0.0, "CN"),
        (first, None, Status.DELIVERED, NOW - 25, "CN"),
    ]
    assert [each.text for each in found] == ["【店】验证码385204", "", "【店】验证码385204"]
    assert await control.statistics.to_number(shop.actor, shop.app_id, PHONE, NOW - 25, NOW - 15) == found[1:2]
    assert await control.statistics.to_number(shop.actor, shop.app_id, PHONE + 1, NOW - 60, NOW) == []


async def test_a_code_is_typed_in_once(control: ControlPlane, database: Database) -> None:
    shop, other = await tenant(control), await tenant(control)
    async with database.connection() as conn:
        code = await message(conn, shop.app_id, kind=Kind.VERIFICATION, at=NOW - 100)
        notice = await message(conn, shop.app_id, at=NOW - 100)
    await control.statistics.convert(shop.actor, shop.app_id, code)
    await control.statistics.convert(shop.actor, shop.app_id, code, NOW - 50)
    assert await control.statistics.converted(shop.actor, shop.app_id, NOW - 200, NOW) == 1
    for tried, message_id, at, fault in (
        (shop, notice, None, Fault.INVALID),
        (shop, code, NOW + 3600, Fault.INVALID),
        (shop, code, NOW - 3600, Fault.INVALID),
        (shop, new_id(NOW - 100), None, Fault.NOT_FOUND),
        (other, code, None, Fault.NOT_FOUND),
    ):
        with pytest.raises(ControlError) as refusal:
            await control.statistics.convert(tried.actor, tried.app_id, message_id, at)
        assert refusal.value.code is fault


async def test_another_accounts_application_does_not_exist(control: ControlPlane) -> None:
    shop, other = await tenant(control), await tenant(control)
    refusals = []
    for app_id in (other.app_id, 99):
        for ask in (
            control.statistics.sends(shop.actor, app_id, HOUR, NOW),
            control.statistics.ends(shop.actor, app_id, HOUR, NOW),
            control.statistics.packages(shop.actor, app_id),
            control.statistics.to_number(shop.actor, app_id, PHONE, HOUR, NOW),
            control.statistics.convert(shop.actor, app_id, new_id(NOW - 1)),
        ):
            with pytest.raises(ControlError) as refusal:
                await ask
            refusals.append((refusal.value.code, refusal.value.en.replace(str(app_id), "APP")))
    assert set(refusals) == {(Fault.NOT_FOUND, refusals[0][1])}


async def test_a_reader_counts_and_sees_no_number(control: ControlPlane) -> None:
    shop = await tenant(control, Role.READER)
    await control.statistics.sends(shop.actor, shop.app_id, HOUR, NOW)
    for ask in (
        control.statistics.packages(shop.actor, shop.app_id),
        control.statistics.to_number(shop.actor, shop.app_id, PHONE, HOUR, NOW),
        control.statistics.convert(shop.actor, shop.app_id, new_id(NOW - 1)),
    ):
        with pytest.raises(ControlError) as refusal:
            await ask
        assert refusal.value.code is Fault.NOT_ALLOWED


class Answering:
    """Takes messages with one answer."""

    def __init__(self, answer: list[Outcome] | Refusal) -> None:
        self._answer = answer

    async def accept(self, _caller: Caller, _command: SendCommand) -> list[Outcome] | Refusal:
        return self._answer


def sending(app_id: int, phones: list[str]) -> SendCommand:
    return SendCommand(app_id=app_id, template_id=1, phones=tuple(phones), dialect=Dialect.TENCENT_V3, request_id="r")


async def no_version() -> int:
    return 0


async def nothing() -> Snapshot:
    return EMPTY


NOBODY = Directory(version=no_version, load=nothing, bell=Bell())


async def refuse(database: Database, app_id: int, answer: list[Outcome] | Refusal, phones: list[str]) -> list[Outcome] | Refusal:
    noting = RefusalLog(db=database, directory=NOBODY, send=Answering(answer), clock=lambda: NOW, new_id=new_id)
    told = await noting.accept(Caller(1, "k"), sending(app_id, phones))
    await noting.flush()
    return told


async def test_refusals_are_noted_behind_the_answer(control: ControlPlane, database: Database) -> None:
    shop = await tenant(control)
    answer: list[Outcome] = [
        Accepted(message_id=1, phone=PHONE, region="CN", segments=1),
        Refused(f"+{PHONE}", "CN", Reject.LIMIT_DAY),
        Refused("nonsense", "", Reject.BAD_NUMBER),
        Refused(f"+{PHONE + 1}", "CN", Reject.NO_PACKAGE),
    ]
    assert await refuse(database, shop.app_id, answer, ["1", "2", "3", "4"]) is answer
    count = await control.statistics.sends(shop.actor, shop.app_id, HOUR, HOUR + 3600)
    assert (count.numbers, count.accepted) == (3, 0)
    found = await control.statistics.to_number(shop.actor, shop.app_id, PHONE + 1, NOW - 60, NOW + 60)
    assert [each.refused for each in found] == [Reject.NO_PACKAGE]


async def test_a_refused_request_counts_for_each_of_its_numbers(control: ControlPlane, database: Database) -> None:
    shop = await tenant(control)
    await refuse(database, shop.app_id, Refusal(Reject.MIXED_REGIONS), [f"+{PHONE}", "+12025550123"])
    await refuse(database, shop.app_id, Refusal(Reject.TOO_BUSY), [f"+{PHONE}"])
    await refuse(database, shop.app_id, Refusal(Reject.APP_NOT_YOURS), [f"+{PHONE}"])
    assert (await control.statistics.sends(shop.actor, shop.app_id, HOUR, HOUR + 3600)).numbers == 2
    found = await control.statistics.to_number(shop.actor, shop.app_id, PHONE, NOW - 60, NOW + 60)
    assert [each.refused for each in found] == [Reject.MIXED_REGIONS]


async def test_of_a_flood_of_refusals_all_are_counted_and_some_listed(control: ControlPlane, database: Database) -> None:
    shop = await tenant(control)
    answer: list[Outcome] = [Refused(f"+{PHONE}", "CN", Reject.LIMIT_DAY)] * 3 * MOST_LISTED
    await refuse(database, shop.app_id, answer, ["1"])
    assert (await control.statistics.sends(shop.actor, shop.app_id, HOUR, HOUR + 3600)).numbers == 3 * MOST_LISTED
    async with database.connection() as conn:
        assert await conn.fetchval("select count(*) from refusals where app_id = $1", shop.app_id) == MOST_LISTED


async def test_old_refusals_are_forgotten_and_still_count(control: ControlPlane, database: Database) -> None:
    shop = await tenant(control)
    await refuse(database, shop.app_id, [Refused(f"+{PHONE}", "CN", Reject.LIMIT_DAY)], ["1"])
    await forget_old(database, NOW + 72 * 3600)
    assert len(await control.statistics.to_number(shop.actor, shop.app_id, PHONE, NOW - 60, NOW + 60)) == 1
    await forget_old(database, NOW + 74 * 3600)
    assert await control.statistics.to_number(shop.actor, shop.app_id, PHONE, NOW - 60, NOW + 60) == []
    assert (await control.statistics.sends(shop.actor, shop.app_id, HOUR, HOUR + 3600)).numbers == 1
