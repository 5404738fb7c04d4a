"""What programs written for Huawei Cloud name: keys, from numbers, aliases, on a real PostgreSQL."""

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable

import pytest

from acting import OPERATOR
from conformance.dispatching import until
from hongyan.control.access import AccessPair
from hongyan.control.errors import ControlError, Fault
from hongyan.control.plane import ControlPlane, assemble
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model import long_id
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.message import Kind
from hongyan.model.papers import SignatureDraft, TemplateDraft
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.pipeline.nonces import Nonces, forget_used
from hongyan.store import nonces

NOW = 1_795_399_200.0
names = (f"huawei {n}" for n in itertools.count(1))


@pytest.fixture
def control(database: Database) -> ControlPlane:
    box = SecretBox(bytes(32), os.urandom)
    return assemble(database, box, clock=lambda: NOW, entropy=os.urandom, check_url=lambda _url: None)


async def tenant(control: ControlPlane) -> tuple[Actor, int]:
    """An owner and an application of theirs."""
    account_id = (await control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)).id
    owner = Actor(kind=ActorKind.USER, id="1", name="owner", permissions=GRANTS[Role.OWNER], account_id=account_id)
    return owner, (await control.apps.create(owner, account_id, "shop")).app.id


async def signature(control: ControlPlane, owner: Actor, usage: Kind | None = None, name: str = "鸿雁科技") -> int:
    assert owner.account_id is not None
    draft = SignatureDraft(name=name, scope=Scope.MAINLAND, usage=usage)
    row = await control.signatures.add(OPERATOR, owner.account_id, draft)
    await control.signatures.approve(OPERATOR, row.id)
    return row.id


async def refused(doing: Awaitable[object], why: Fault) -> None:
    with pytest.raises(ControlError) as caught:
        await doing
    assert caught.value.code is why


async def test_a_key_brings_numbers_for_signatures_approved_before_and_after(control: ControlPlane) -> None:
    owner, app_id = await tenant(control)
    before = await signature(control, owner)
    assert await control.from_numbers.page(owner) == []
    pair = await control.access.issue(owner, app_id)
    after = await signature(control, owner, Kind.MARKETING, "鸿雁商城")
    rows = {row.signature_id: row for row in await control.from_numbers.page(owner)}
    assert rows.keys() == {before, after, None}
    snapshot = await control.snapshots.load()
    assert snapshot.access[pair.access_key].secret == pair.access_secret
    assert snapshot.access[pair.access_key].app_id == app_id
    found = snapshot.from_numbers[rows[after].number]
    assert (found.sign_name, found.kind, found.app_id) == ("鸿雁商城", Kind.MARKETING, app_id)
    assert snapshot.from_numbers[rows[before].number].kind is None
    assert snapshot.from_numbers[rows[None].number].sign_name == ""


async def test_a_name_may_be_applied_for_once_for_each_kind_of_message(control: ControlPlane) -> None:
    owner, app_id = await tenant(control)
    await control.access.issue(owner, app_id)
    ids = {await signature(control, owner, usage) for usage in (None, *Kind)}
    assert len(ids) == 4
    await refused(signature(control, owner, Kind.NOTICE), Fault.TAKEN)
    snapshot = await control.snapshots.load()
    mine = [number for number in snapshot.from_numbers.values() if number.account_id == owner.account_id and number.sign_name]
    assert {number.kind for number in mine} == {None, *Kind}
    assert {number.signature_id for number in mine} == ids <= snapshot.signatures_by_id.keys()


async def test_a_migrated_program_keeps_its_key_its_secret_and_its_number(control: ControlPlane) -> None:
    owner, app_id = await tenant(control)
    given = await control.access.keep(owner, app_id, "c8RWg3ggEcyd4D3p94bf3Y7x1Ile", "q4Ii87BhST9vcs8wvrzN80SfD7Al")
    assert await control.access.show(owner, app_id) == given
    which = await signature(control, owner)
    await control.from_numbers.add(OPERATOR, app_id, "8823040504797", signature_id=which, kind=Kind.VERIFICATION)
    snapshot = await control.snapshots.load()
    assert snapshot.from_numbers["8823040504797"].kind is Kind.VERIFICATION
    other, elsewhere = await tenant(control)
    await refused(control.access.keep(other, elsewhere, given.access_key, given.access_secret), Fault.TAKEN)
    await refused(control.from_numbers.add(OPERATOR, elsewhere, "8823040504797"), Fault.TAKEN)
    await refused(control.from_numbers.add(OPERATOR, elsewhere, "8823040504798", signature_id=which), Fault.NOT_FOUND)
    await refused(control.from_numbers.add(OPERATOR, app_id, "7700000000001"), Fault.NOT_ALLOWED)
    await control.from_numbers.remove(OPERATOR, "8823040504797")
    await refused(control.from_numbers.remove(OPERATOR, "8823040504797"), Fault.NOT_FOUND)


async def test_rotation_keeps_the_key(control: ControlPlane) -> None:
    owner, app_id = await tenant(control)
    await refused(control.access.rotate(owner, app_id), Fault.NOT_FOUND)
    first = await control.access.issue(owner, app_id)
    await refused(control.access.issue(owner, app_id), Fault.TAKEN)
    second = await control.access.rotate(owner, app_id)
    assert second.access_key == first.access_key
    assert second.access_secret != first.access_secret
    assert await control.access.key(owner, app_id) == first.access_key
    await control.access.remove(owner, app_id)
    await refused(control.access.show(owner, app_id), Fault.NOT_FOUND)
    assert await control.access.key(owner, app_id) is None


async def test_another_accounts_application_is_as_if_there_were_none(control: ControlPlane) -> None:
    owner, app_id = await tenant(control)
    stranger, _ = await tenant(control)
    await control.access.issue(owner, app_id)
    for doing in (
        control.access.show(stranger, app_id),
        control.access.rotate(stranger, app_id),
        control.access.remove(stranger, app_id),
        control.access.key(stranger, app_id),
        control.from_numbers.page(stranger, account_id=owner.account_id),
    ):
        await refused(doing, Fault.NOT_FOUND)
    assert await control.from_numbers.page(stranger, app_id=app_id) == []
    reader = Actor(kind=ActorKind.USER, id="2", name="reader", permissions=GRANTS[Role.READER], account_id=owner.account_id)
    await refused(control.access.show(reader, app_id), Fault.NOT_ALLOWED)
    await refused(control.from_numbers.remove(owner, "7700000000001"), Fault.NOT_ALLOWED)


async def test_a_deleted_signature_takes_its_number_with_it(control: ControlPlane) -> None:
    owner, app_id = await tenant(control)
    await control.access.issue(owner, app_id)
    which = await signature(control, owner)
    await control.signatures.deactivate(OPERATOR, which)
    [number] = await control.from_numbers.page(owner, signature_id=which)
    assert (await control.snapshots.load()).from_numbers[number.number].sign_name == ""
    await control.signatures.delete(owner, which)
    assert await control.from_numbers.page(owner, signature_id=which) == []


async def test_templates_have_another_id_of_their_own(control: ControlPlane) -> None:
    owner, _ = await tenant(control)
    assert owner.account_id is not None
    which = await signature(control, owner)
    alias = "8ff55eac1d0b478ab3c06c3c6a492300"
    draft = TemplateDraft(
        name="code", kind=Kind.VERIFICATION, scope=Scope.MAINLAND, content="您的验证码是{1}", signature_id=which, alias=alias
    )
    made = await control.templates.add(OPERATOR, owner.account_id, draft)
    await control.templates.approve(OPERATOR, made.id)
    snapshot = await control.snapshots.load()
    assert snapshot.aliases[owner.account_id, alias] == made.id
    assert snapshot.templates[made.id].signature_id == which
    await refused(control.templates.add(OPERATOR, owner.account_id, draft), Fault.TAKEN)
    await refused(control.templates.name(owner, made.id, "12345"), Fault.INVALID)
    assert (await control.templates.name(owner, made.id, "")).alias == ""
    stranger, _ = await tenant(control)
    await refused(control.templates.name(stranger, made.id, "mine"), Fault.NOT_FOUND)


async def test_the_sandbox_has_all_that_a_program_written_for_huawei_needs(control: ControlPlane) -> None:
    first = await control.sandbox.ensure(OPERATOR, "http://127.0.0.1:8080")
    again = await control.sandbox.ensure(OPERATOR, "http://127.0.0.1:8080")
    assert first.huawei == again.huawei
    snapshot = await control.snapshots.load()
    assert snapshot.from_numbers[first.huawei.from_].sign_name == first.sign_name
    assert long_id.read(first.huawei.template_id) in snapshot.templates
    pair = AccessPair(int(first.sdk_app_id), first.huawei.app_key, first.huawei.app_secret)
    assert await control.access.show(OPERATOR, pair.app_id) == pair


async def test_a_number_that_a_program_kept_is_the_one_it_is_told(control: ControlPlane) -> None:
    owner, app_id = await tenant(control)
    account_id = owner.account_id
    assert account_id is not None
    signature = await control.signatures.add(OPERATOR, account_id, SignatureDraft(name="保留号码", scope=Scope.MAINLAND))
    await control.signatures.approve(OPERATOR, signature.id)
    await control.access.issue(OPERATOR, app_id)
    kept = f"8823{app_id}"
    for signature_id, number in ((signature.id, kept), (None, f"csms{app_id}")):
        await control.from_numbers.add(OPERATOR, app_id, number, signature_id=signature_id)
    snapshot = await control.snapshots.load()
    mine = [each for each in snapshot.from_numbers.values() if each.app_id == app_id]
    assert len(mine) == 4
    assert next(each.number for each in mine if each.signature_id == signature.id) == kept
    assert (await control.inventory.signature(owner, account_id, signature.id)).beside.from_number == kept
    assert (await control.inventory.app(owner, account_id, app_id)).beside.from_number == f"csms{app_id}"


async def test_a_nonce_is_good_for_one_request_over_all_nodes(database: Database) -> None:
    nodes = [Nonces(database) for _ in range(2)]
    until = NOW + 86_400
    taken = await asyncio.gather(*(nodes[at % 2].first("key", "nonce", f"request {at}", until) for at in range(20)))
    assert taken.count(True) == 1
    winner = taken.index(True)
    assert await nodes[1].first("key", "nonce", f"request {winner}", until)
    assert await nodes[0].first("another key", "nonce", "request", until)
    await forget_used(database, until + 1)
    assert await nodes[0].first("key", "nonce", "request 99", until)


async def test_of_two_requests_with_one_nonce_at_the_same_time_one_is_good(database: Database) -> None:
    mark, ends_at = os.urandom(16), time.time() + 60
    async with database.connection() as second:
        pid = await second.fetchval("select pg_backend_pid()")
        async with database.transaction() as first:
            assert await nonces.use(first, mark, "one", ends_at) == "one"
            other = asyncio.create_task(nonces.use(second, mark, "other", ends_at))

            async def waits() -> bool:
                return bool(await first.fetchval("select exists (select from pg_locks where pid = $1 and not granted)", pid))

            await until(waits, "the other waits for the first")
        assert await other == "one"
