"""Caps, countries, hours, the emergency stop, words and held messages: the control side, on a real PostgreSQL."""

import asyncio
import itertools
import os

import pytest

from acting import OPERATOR
from hongyan.control.apps import AppChange
from hongyan.control.errors import ControlError, Fault
from hongyan.control.plane import ControlPlane, assemble
from hongyan.control.protection import Change
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.protection import ABROAD, ALL, Cap, Protection, WordAction
from hongyan.model.rules.sets import CURRENT
from hongyan.model.snapshot import AccountKind
from hongyan.store import daily_counts

NOW = 1_800_000_000.0
BOX = SecretBox(bytes(32), os.urandom)

names = (f"account {n}" for n in itertools.count(1))


def plane(database: Database, **more: object) -> ControlPlane:
    return assemble(database, BOX, clock=lambda: NOW, entropy=os.urandom, check_url=lambda _url: None, **more)  # type: ignore[arg-type]


@pytest.fixture
def control(database: Database) -> ControlPlane:
    return plane(database)


async def tenant(control: ControlPlane) -> tuple[int, int]:
    account = await control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)
    return account.id, (await control.apps.create(OPERATOR, account.id, "shop")).app.id


def owner(account_id: int) -> Actor:
    return Actor(kind=ActorKind.USER, id="1", name="owner", permissions=GRANTS[Role.OWNER], account_id=account_id)


async def test_what_is_named_changes_and_what_is_not_stays(control: ControlPlane) -> None:
    _, app_id = await tenant(control)
    change = Change(day=Cap(alarm=80, most=100), countries={"us": Cap(most=5), "HK": Cap(most=6)}, closed=("sg", "JP", "sg"))
    await control.protections.change(OPERATOR, app_id, change)
    await control.protections.change(OPERATOR, app_id, Change(countries={"US": Cap()}, marketing_hours=True, balance_alarm=5))
    found = await control.protections.get(OPERATOR, app_id)
    assert found.settings == Protection(
        day=Cap(alarm=80, most=100), countries={"HK": Cap(most=6)}, closed=("JP", "SG"), marketing_hours=True, balance_alarm=5
    )
    assert found.stopped_at is None


@pytest.mark.parametrize(
    "change",
    [
        Change(day=Cap(most=-1)),
        Change(day=Cap(alarm=11, most=10)),
        Change(countries={"XX": Cap(most=1)}),
        Change(countries={"CN": Cap(most=1)}),
        Change(only=("Atlantis",)),
        Change(balance_alarm=-1),
    ],
    ids=["below nothing", "an alarm above the cap", "no country", "the mainland twice", "no country either", "a balance below nothing"],
)
async def test_what_makes_no_sense_is_refused_and_nothing_is_changed(control: ControlPlane, change: Change) -> None:
    _, app_id = await tenant(control)
    with pytest.raises(ControlError) as refused:
        await control.protections.change(OPERATOR, app_id, change)
    assert refused.value.code is Fault.INVALID
    assert (await control.protections.get(OPERATOR, app_id)).settings == Protection()


async def test_an_owner_stops_and_resumes_but_not_what_the_operator_has_stopped(control: ControlPlane) -> None:
    account_id, app_id = await tenant(control)
    mine = owner(account_id)
    assert (await control.protections.stop(mine, app_id, "flood")).stopped_at == NOW
    assert (await control.protections.resume(mine, app_id)).stopped_at is None
    await control.protections.stop(OPERATOR, app_id, "complaints")
    with pytest.raises(ControlError) as refused:
        await control.protections.resume(mine, app_id)
    assert refused.value.code is Fault.NOT_ALLOWED
    assert "complaints" in refused.value.en
    assert (await control.protections.resume(OPERATOR, app_id)).stopped_at is None
    noted = [row.action for row in reversed(await control.audit.page(OPERATOR, account_id=account_id))][-4:]
    assert noted == ["app.stop", "app.resume", "app.stop", "app.resume"]


async def test_another_account_s_protection_is_as_absent_as_one_that_never_was(control: ControlPlane) -> None:
    mine, _ = await tenant(control)
    _, theirs = await tenant(control)
    for ask in (
        control.protections.get(owner(mine), theirs),
        control.protections.change(owner(mine), theirs, Change(marketing_hours=True)),
        control.protections.stop(owner(mine), theirs),
        control.held.page(owner(mine), app_id=theirs),
    ):
        with pytest.raises(ControlError) as refused:
            await ask
        assert refused.value.code is Fault.NOT_FOUND
    with pytest.raises(ControlError) as refused:
        await control.held.release(owner(mine), theirs, [1])
    assert refused.value.code is Fault.NOT_ALLOWED


async def test_counts_of_a_day_add_up_however_many_count_at_once(control: ControlPlane, database: Database) -> None:
    _, app_id = await tenant(control)

    async def count(region: str) -> int:
        async with database.transaction() as tx:
            after = await daily_counts.add(tx, app_id, NOW, daily_counts.with_sums({region: 1}))
            return after[ALL]

    seen = await asyncio.gather(*(count(region) for region in ["CN", "US", "HK"] * 10))
    assert sorted(seen) == list(range(1, 31))
    async with database.connection() as conn:
        found = {row.region: row.messages for row in await daily_counts.of_today(conn, [app_id], NOW)}
    assert found == {ALL: 30, ABROAD: 20, "CN": 10, "US": 10, "HK": 10}
    async with database.connection() as conn:
        assert await daily_counts.of_today(conn, [app_id], NOW + 86_400) == []
        await daily_counts.forget(conn, NOW + 86_400)
        assert await daily_counts.of_today(conn, [app_id], NOW) == []


async def test_words_are_the_operator_s_and_bounded(control: ControlPlane) -> None:
    account_id, _ = await tenant(control)
    assert await control.words.add(OPERATOR, ["贷款", " 博彩 ", "", "贷款"], WordAction.HOLD, "topic") == 2
    assert await control.words.add(OPERATOR, ["贷款"], WordAction.REFUSE) == 0
    listed = {row.word: row.action for row in await control.words.page(OPERATOR)}
    assert listed == {"贷款": WordAction.REFUSE, "博彩": WordAction.HOLD}
    for wrong in ("x" * 51, "---", "a\x07b"):
        with pytest.raises(ControlError) as refused:
            await control.words.add(OPERATOR, [wrong], WordAction.HOLD)
        assert refused.value.code is Fault.INVALID
    with pytest.raises(ControlError) as refused:
        await control.words.page(owner(account_id))
    assert refused.value.code is Fault.NOT_ALLOWED
    assert await control.words.remove(OPERATOR, ["贷款", "博彩", "无"]) == 2


async def test_a_new_application_has_the_limits_of_the_rules_in_force(database: Database) -> None:
    control = plane(database, rules=CURRENT)
    _, app_id = await tenant(control)
    assert (await control.apps.get(OPERATOR, app_id)).limits.day == 2


async def test_an_individual_keeps_the_default_limits_unless_the_operator_sets_others(control: ControlPlane) -> None:

    account = await control.accounts.create(OPERATOR, next(names), AccountKind.INDIVIDUAL)
    app_id = (await control.apps.create(owner(account.id), account.id, "shop")).app.id
    with pytest.raises(ControlError) as refused:
        await control.apps.change(owner(account.id), app_id, AppChange(limits={"day": 100}))
    assert refused.value.code is Fault.NOT_ALLOWED
    assert (await control.apps.change(OPERATOR, app_id, AppChange(limits={"day": 20}))).limits.day == 20
