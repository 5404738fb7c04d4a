"""Lists with filters, sorting and a total, on a real PostgreSQL."""

import itertools
import os
from collections.abc import Iterator

import msgspec
import pytest

from acting import OPERATOR
from hongyan.control.apps import AppChange
from hongyan.control.errors import ControlError
from hongyan.control.plane import ControlPlane, assemble
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.listing import AppsWanted, Cut, SignaturesWanted, TemplatesWanted
from hongyan.model.message import Kind
from hongyan.model.papers import (
    Filing,
    QualificationStatus,
    ReviewStatus,
    SignatureDraft,
    SignatureState,
    Standing,
    TemplateDraft,
    state_of,
)
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.store.inventory import STATE

names = (f"inventory {n}" for n in itertools.count(1))


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_399_200.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def control(database: Database, clock: Clock) -> ControlPlane:
    return assemble(database, SecretBox(bytes(32), os.urandom), clock=clock, entropy=os.urandom, check_url=lambda _url: None)


async def tenant(control: ControlPlane) -> tuple[Actor, int]:
    account = (await control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)).id
    return Actor(ActorKind.KEY, "key", "key", GRANTS[Role.OWNER], account), account


def standings() -> Iterator[Standing]:
    for scope, status, filing, unfiled, activation, qualification in itertools.product(
        Scope, ReviewStatus, Filing, (False, True), (False, True), (None, *QualificationStatus)
    ):
        yield Standing(scope, status, filing, unfiled, activation, qualification)


async def test_the_state_that_lists_ask_for_is_the_one_that_is_shown(database: Database) -> None:
    every = list(standings())
    query = f"""
    select {STATE} as state
      from unnest($1::smallint[], $2::text[], $3::text[], $4::boolean[], $5::boolean[], $6::text[]) with ordinality
           as s (scope, status, filing, sends_unfiled, activation, qualification, place)
      cross join lateral (select s.qualification as status) q
     order by s.place
    """
    async with database.connection() as conn:
        found = await conn.fetch(
            query,
            [int(each.scope) for each in every], [each.status.value for each in every], [each.filing.value for each in every],
            [each.sends_unfiled for each in every], [each.activation for each in every],
            [None if each.qualification is None else each.qualification.value for each in every],
        )  # fmt: skip
    assert [SignatureState(row["state"]) for row in found] == [state_of(each) for each in every]


async def test_applications_are_found_by_what_is_asked(control: ControlPlane) -> None:
    actor, account = await tenant(control)
    home = (await control.apps.create(actor, account, "shop one", with_access=True)).app.id
    abroad = (await control.apps.create(actor, account, "shop two", AppChange(scope=Scope.INTERNATIONAL))).app.id
    off = (await control.apps.create(actor, account, "bank", AppChange(enabled=False))).app.id

    async def ids(wanted: AppsWanted, cut: Cut = Cut(order="created", descending=False)) -> tuple[list[int], int]:  # noqa: B008 - frozen
        found, total = await control.inventory.apps(actor, account, wanted, cut)
        return [entry.row.id for entry in found], total

    assert await ids(AppsWanted()) == ([home, abroad, off], 3)
    assert await ids(AppsWanted(), Cut(most=1, offset=1)) == ([abroad], 3)
    assert await ids(AppsWanted(), Cut(order="name", descending=False, most=2)) == ([off, home], 3)
    assert await ids(AppsWanted(name="shop")) == ([home, abroad], 2)
    assert await ids(AppsWanted(scope=Scope.INTERNATIONAL)) == ([abroad], 1)
    assert await ids(AppsWanted(live=False)) == ([off], 1)
    made = (await control.inventory.app(actor, account, abroad)).row.created_at
    assert await ids(AppsWanted(since=made, until=made)) == ([abroad], 1)
    entry = await control.inventory.app(actor, account, home)
    assert entry.beside.access_key
    assert entry.beside.from_number
    await control.protections.stop(actor, home)
    assert await ids(AppsWanted(live=True)) == ([abroad], 1)


async def test_signatures_are_found_by_what_is_asked(control: ControlPlane) -> None:
    actor, account = await tenant(control)
    app = (await control.apps.create(actor, account, "shop", with_access=True)).app.id
    one = SignatureDraft(name="鸿雁科技", scope=Scope.MAINLAND, app_id=app, usage=Kind.VERIFICATION)
    first = (await control.signatures.add(OPERATOR, account, one)).id
    second = (await control.signatures.add(OPERATOR, account, msgspec.structs.replace(one, usage=Kind.MARKETING))).id
    other = (await control.signatures.add(OPERATOR, account, SignatureDraft(name="大雁传书", scope=Scope.INTERNATIONAL))).id
    await control.signatures.approve(OPERATOR, first)

    async def ids(wanted: SignaturesWanted, cut: Cut = Cut(descending=False)) -> list[int]:  # noqa: B008 - frozen
        found, total = await control.inventory.signatures(actor, account, wanted, cut)
        assert total == len(found)
        return [entry.signature.row.id for entry in found]

    assert await ids(SignaturesWanted()) == [first, second, other]
    assert await ids(SignaturesWanted(), Cut(order="changed")) == [first, other, second]
    assert await ids(SignaturesWanted(name="雁科")) == [first, second]
    assert await ids(SignaturesWanted(usage=Kind.MARKETING)) == [second]
    assert await ids(SignaturesWanted(scope=Scope.INTERNATIONAL)) == [other]
    assert await ids(SignaturesWanted(app_name="sho")) == [first, second]
    assert await ids(SignaturesWanted(state=SignatureState.PENDING_REVIEW)) == [second, other]
    assert await ids(SignaturesWanted(state=SignatureState.REVIEW_PASSED)) == [first]
    entry = await control.inventory.signature(actor, account, first)
    assert (entry.beside.app_name, entry.beside.urged_at) == ("shop", None)
    assert entry.beside.from_number
    await control.signatures.urge(actor, second)
    assert (await control.inventory.signature(actor, account, second)).beside.urged_at


async def test_each_application_may_have_a_name_approved_for_itself(control: ControlPlane) -> None:
    actor, account = await tenant(control)
    first, second, third = [(await control.apps.create(actor, account, name)).app.id for name in ("one", "two", "three")]
    wanted = SignatureDraft(name="鸿雁科技", scope=Scope.MAINLAND, app_id=first, usage=Kind.NOTICE)
    for app in (first, second):
        row = await control.signatures.add(OPERATOR, account, msgspec.structs.replace(wanted, app_id=app))
        await control.signatures.approve(OPERATOR, row.id)
    with pytest.raises(ControlError):
        await control.signatures.add(OPERATOR, account, wanted)
    known = (await control.snapshots.load()).signatures[account, "鸿雁科技", Scope.MAINLAND]
    assert [known.usable_by(app) for app in (first, second, third)] == [True, True, False]
    # Without a usage a name is the account's: once.
    plain = msgspec.structs.replace(wanted, usage=None)
    await control.signatures.add(OPERATOR, account, plain)
    with pytest.raises(ControlError):
        await control.signatures.add(OPERATOR, account, msgspec.structs.replace(plain, app_id=second))


async def test_templates_are_found_by_what_is_asked(control: ControlPlane) -> None:
    actor, account = await tenant(control)
    made = await control.apps.create(actor, account, "shop", with_access=True)
    signature = (await control.signatures.add(OPERATOR, account, SignatureDraft(name="鸿雁科技", scope=Scope.MAINLAND))).id
    code = TemplateDraft(name="code", kind=Kind.VERIFICATION, scope=Scope.MAINLAND, content="验证码{1}", app_id=made.app.id)
    first = (await control.templates.add(actor, account, msgspec.structs.replace(code, alias="a1", signature_id=signature))).id
    plain = TemplateDraft(name="plain", kind=Kind.NOTICE, scope=Scope.INTERNATIONAL, content="Your parcel is here")
    second = (await control.templates.add(actor, account, plain, submit=False)).id

    async def ids(wanted: TemplatesWanted, cut: Cut = Cut(descending=False)) -> list[int]:  # noqa: B008 - frozen
        found, total = await control.inventory.templates(actor, account, wanted, cut)
        assert total == len(found)
        return [entry.row.id for entry in found]

    assert await ids(TemplatesWanted()) == [first, second]
    assert await ids(TemplatesWanted(id=second)) == await ids(TemplatesWanted(has_values=False)) == [second]
    assert await ids(TemplatesWanted(alias="a1")) == await ids(TemplatesWanted(name="cod")) == [first]
    assert await ids(TemplatesWanted(kind=Kind.VERIFICATION, scope=Scope.MAINLAND)) == [first]
    assert await ids(TemplatesWanted(status=ReviewStatus.DRAFT)) == [second]
    assert await ids(TemplatesWanted(sign_waits=True)) == await ids(TemplatesWanted(sign_name="鸿雁")) == [first]
    assert made.access is not None
    assert await ids(TemplatesWanted(access_key=made.access.access_key)) == await ids(TemplatesWanted(app_name="shop")) == [first]
    entry = await control.inventory.template(actor, account, first)
    assert entry.beside.sign_waits
    await control.signatures.approve(OPERATOR, signature)
    assert not (await control.inventory.template(actor, account, first)).beside.sign_waits


async def test_another_account_s_are_as_if_there_were_none(control: ControlPlane) -> None:
    actor, account = await tenant(control)
    stranger, others = await tenant(control)
    app = (await control.apps.create(actor, account, "shop")).app.id
    signature = (await control.signatures.add(OPERATOR, account, SignatureDraft(name="鸿雁科技", scope=Scope.MAINLAND))).id
    for doing in (
        control.inventory.app(stranger, others, app),
        control.inventory.signature(stranger, others, signature),
        control.inventory.apps(stranger, account, AppsWanted(), Cut()),
    ):
        with pytest.raises(ControlError):
            await doing
    assert await control.inventory.signatures(stranger, others, SignaturesWanted(), Cut()) == ([], 0)


async def test_an_account_has_a_most_of_applications(control: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hongyan.control.apps.MOST", 1)
    actor, account = await tenant(control)
    await control.apps.create(actor, account, "one")
    with pytest.raises(ControlError) as caught:
        await control.apps.create(actor, account, "two")
    assert caught.value.why == "too_many_apps"
    assert await control.apps.count(actor, account) == 1
