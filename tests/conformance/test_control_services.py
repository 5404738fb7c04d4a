"""The control plane on a real PostgreSQL."""

import asyncio
import itertools
import os

import msgspec
import pytest

from acting import OPERATOR
from hongyan.control.apps import AppChange
from hongyan.control.blacklist import Where
from hongyan.control.errors import ControlError, Fault
from hongyan.control.plane import ControlPlane, assemble
from hongyan.control.snapshots import CHANNEL, load
from hongyan.kit.db import CheckViolation, Database, listen
from hongyan.kit.secretbox import SecretBox, WrongMasterKeyError
from hongyan.model.limits import Limits
from hongyan.model.message import Kind
from hongyan.model.papers import ReviewStatus, SignatureDraft, TemplateDraft
from hongyan.model.snapshot import AccountKind, LinkConfig, Scope
from hongyan.store import optouts

NOW = 1_800_000_000.0
BOX = SecretBox(bytes(32), os.urandom)
LINK = LinkConfig(
    id=0,
    name="main",
    protocol="smpp",
    host="127.0.0.1",
    port=2775,
    system_id="hongyan",
    password="canary-8",
    rate=200.0,
    carriers=("cmcc",),
    scopes=(Scope.MAINLAND,),
)

names = (f"account {n}" for n in itertools.count(1))


def refuse_inside(url: str) -> str | None:
    return "a private address" if "10.0.0." in url else None


@pytest.fixture
def control(database: Database) -> ControlPlane:
    return assemble(database, BOX, clock=lambda: NOW, entropy=os.urandom, check_url=refuse_inside)


async def account(control: ControlPlane, kind: AccountKind = AccountKind.ENTERPRISE) -> int:
    return (await control.accounts.create(OPERATOR, next(names), kind)).id


async def app(control: ControlPlane, account_id: int) -> int:
    return (await control.apps.create(OPERATOR, account_id, "shop")).app.id


async def test_an_account_gets_a_key_an_app_a_signature_a_template_and_a_package(control: ControlPlane) -> None:
    owner = await account(control)
    key = await control.keys.create(OPERATOR, owner)
    made = await control.apps.create(OPERATOR, owner, "shop")
    signature = await control.signatures.add(OPERATOR, owner, SignatureDraft(name="鸿雁科技", scope=Scope.MAINLAND))
    template = await control.templates.add(
        OPERATOR, owner, TemplateDraft(name="code", kind=Kind.VERIFICATION, scope=Scope.MAINLAND, content="您的验证码是{1}，{2}分钟有效")
    )
    await control.signatures.approve(OPERATOR, signature.id)
    await control.templates.approve(OPERATOR, template.id)
    package = await control.packages.buy(OPERATOR, made.app.id, Scope.MAINLAND, 1000)
    snapshot = await control.snapshots.load()
    assert snapshot.version == await control.snapshots.version()
    assert snapshot.keys[key.secret_id].secret_key == key.secret_key
    assert snapshot.apps[made.app.id].app_key == made.app_key
    assert snapshot.apps[made.app.id].limits == Limits()
    assert snapshot.signatures[owner, "鸿雁科技", Scope.MAINLAND].id == signature.id
    assert snapshot.templates[template.id].params == 2
    assert [ref.id for ref in snapshot.packages[made.app.id, Scope.MAINLAND]] == [package.id]
    assert made.app.id >= 1_400_000_001
    assert template.id >= 1_000_001


async def test_what_is_not_approved_is_not_in_the_snapshot(control: ControlPlane) -> None:
    owner = await account(control)
    pending = await control.signatures.add(OPERATOR, owner, SignatureDraft(name="待审公司", scope=Scope.MAINLAND))
    template = await control.templates.add(
        OPERATOR, owner, TemplateDraft(name="n", kind=Kind.NOTICE, scope=Scope.MAINLAND, content="您好{1}")
    )
    await control.signatures.reject(OPERATOR, pending.id, ["neutral"])
    snapshot = await control.snapshots.load()
    assert (owner, "待审公司", Scope.MAINLAND) not in snapshot.signatures
    assert template.id not in snapshot.templates


async def test_a_rejected_signature_is_applied_for_again_and_an_approved_one_is_not(control: ControlPlane) -> None:
    owner = await account(control)
    first = await control.signatures.add(OPERATOR, owner, SignatureDraft(name="鸿雁科技", scope=Scope.MAINLAND))
    with pytest.raises(ControlError) as caught:
        await control.signatures.add(OPERATOR, owner, SignatureDraft(name="鸿雁科技", scope=Scope.MAINLAND))
    assert caught.value.code is Fault.TAKEN
    await control.signatures.reject(OPERATOR, first.id, ["neutral"])
    again = await control.signatures.add(OPERATOR, owner, SignatureDraft(name="鸿雁科技", scope=Scope.MAINLAND))
    assert (again.id, again.status) == (first.id, ReviewStatus.PENDING)


async def test_an_account_has_at_most_two_live_keys_even_when_asked_at_once(control: ControlPlane) -> None:
    owner = await account(control)
    made = await asyncio.gather(*(control.keys.create(OPERATOR, owner) for _ in range(4)), return_exceptions=True)
    refused = [fault for fault in made if isinstance(fault, ControlError)]
    assert [fault.code for fault in refused] == [Fault.TOO_MANY] * 2
    keys = await control.keys.every(OPERATOR, owner)
    await control.keys.set_enabled(OPERATOR, keys[0].secret_id, enabled=False)
    third = await control.keys.create(OPERATOR, owner)
    with pytest.raises(ControlError):
        await control.keys.set_enabled(OPERATOR, keys[0].secret_id, enabled=True)
    await control.keys.set_enabled(OPERATOR, third.secret_id, enabled=True)  # it is already: nothing to make room for
    snapshot = await control.snapshots.load()
    assert snapshot.keys[keys[0].secret_id].enabled is False


async def test_secrets_are_not_in_the_tables_in_clear(control: ControlPlane, database: Database) -> None:
    owner = await account(control)
    key = await control.keys.create(OPERATOR, owner)
    made = await control.apps.create(OPERATOR, owner, "shop")
    await control.links.ensure(OPERATOR, msgspec.structs.replace(LINK, name="sealed"))
    async with database.connection() as conn:
        dump = str([dict(row) for table in ("api_keys", "apps", "links") for row in await conn.fetch(f"select * from {table}")])
    assert key.secret_id in dump
    for secret in (key.secret_key, made.app_key, LINK.password):
        assert secret not in dump


async def test_the_wrong_master_key_is_named_as_such(control: ControlPlane, database: Database) -> None:
    await control.keys.create(OPERATOR, await account(control))
    with pytest.raises(WrongMasterKeyError):
        await load(database, SecretBox(bytes([1]) * 32, os.urandom), NOW)


async def test_an_app_is_changed_whole_or_not_at_all(control: ControlPlane) -> None:
    app_id = await app(control, await account(control))
    changed = await control.apps.change(
        OPERATOR,
        app_id,
        AppChange(pull=True, report_url="https://shop.example/report", context_in_reports=True, limits={"day": 3, "hour": 2}),
    )
    assert (changed.pull, changed.limits) == (True, Limits(day=3, hour=2))
    for wrong in (
        AppChange(pull=False, report_url="ftp://x/"),
        AppChange(pull=False, limits={"day": -1}),
        AppChange(pull=False, sender_id="106900000000"),
        AppChange(pull=False, reply_url="http://10.0.0.1/"),
    ):
        with pytest.raises(ControlError):
            await control.apps.change(OPERATOR, app_id, wrong)
    assert await control.apps.get(OPERATOR, app_id) == changed


async def test_a_callback_address_inside_our_network_is_refused_with_the_reason(control: ControlPlane) -> None:
    app_id = await app(control, await account(control))
    with pytest.raises(ControlError, match="a private address") as caught:
        await control.apps.change(OPERATOR, app_id, AppChange(report_url="http://10.0.0.1/cb"))
    assert caught.value.code is Fault.NOT_ALLOWED


async def test_the_allow_list_takes_300_numbers_and_not_one_more(control: ControlPlane) -> None:
    app_id = await app(control, await account(control))
    first = [f"+86138{n:08d}" for n in range(300)]
    assert len(await control.apps.allow(OPERATOR, app_id, first)) == 300
    assert len(await control.apps.allow(OPERATOR, app_id, first[:5])) == 300
    with pytest.raises(ControlError) as caught:
        await control.apps.allow(OPERATOR, app_id, ["+8613900000000"])
    assert caught.value.code is Fault.TOO_MANY
    await control.apps.disallow(OPERATOR, app_id, ["13800000000"])
    listed = await control.apps.allow(OPERATOR, app_id, ["+8613900000000"])
    snapshot = await control.snapshots.load()
    assert snapshot.apps[app_id].unlimited_phones == frozenset(listed)
    assert len(listed) == 300


async def test_an_app_of_another_account_is_as_absent_as_one_that_never_was(control: ControlPlane) -> None:
    mine, other = await account(control), await account(control)
    app_id = await app(control, other)
    texts = []
    for which in (app_id, 1_999_999_999):
        with pytest.raises(ControlError) as caught:
            await control.signatures.add(OPERATOR, mine, SignatureDraft(name="鸿雁科技", scope=Scope.MAINLAND, app_id=which))
        texts.append(caught.value.en.replace(str(which), "?"))
    assert texts[0] == texts[1]


async def test_individuals_cannot_have_marketing_templates(control: ControlPlane) -> None:
    owner = await account(control, AccountKind.INDIVIDUAL)
    with pytest.raises(ControlError) as caught:
        await control.templates.add(
            OPERATOR, owner, TemplateDraft(name="m", kind=Kind.MARKETING, scope=Scope.MAINLAND, content="新品，拒收请回复R")
        )
    assert caught.value.code is Fault.NOT_ALLOWED


async def test_a_package_is_in_the_ledger_and_the_ledger_cannot_be_rewritten(control: ControlPlane, database: Database) -> None:
    app_id = await app(control, await account(control))
    late = await control.packages.buy(OPERATOR, app_id, Scope.MAINLAND, 500, expires_at=NOW + 2_000_000)
    soon = await control.packages.buy(OPERATOR, app_id, Scope.MAINLAND, 700, gift=True, expires_at=NOW + 1_000_000)
    async with database.connection() as conn:
        entries = await conn.fetch("select package_id, kind, segments from ledger_entries where app_id = $1 order by id", app_id)
        assert [tuple(entry) for entry in entries] == [(late.id, "buy", 500), (soon.id, "buy", 700)]
        for statement in ("update ledger_entries set segments = 1", "delete from ledger_entries", "truncate ledger_entries"):
            with pytest.raises(Exception, match="append-only"):
                await conn.execute(statement)
        with pytest.raises(CheckViolation):
            await conn.execute("update packages set available = available - 1 where app_id = $1 and id = $2", app_id, soon.id)
        with pytest.raises(CheckViolation):
            await conn.execute("update packages set available = -1, held = segments + 1 where app_id = $1 and id = $2", app_id, soon.id)
    snapshot = await control.snapshots.load()
    assert [ref.id for ref in snapshot.packages[app_id, Scope.MAINLAND]] == [soon.id, late.id]


@pytest.mark.parametrize(("segments", "expires_at"), [(0, None), (-5, None), (100, NOW - 1), (100, NOW), (100, NOW * 10)])
async def test_a_package_that_could_never_be_used_is_not_sold(control: ControlPlane, segments: int, expires_at: float | None) -> None:
    with pytest.raises(ControlError) as caught:
        await control.packages.buy(OPERATOR, 1_400_000_001, Scope.MAINLAND, segments, expires_at=expires_at)
    assert caught.value.code is Fault.INVALID


async def test_the_blacklist_counts_what_is_new_and_is_paged_by_number(control: ControlPlane) -> None:
    app_id = await app(control, await account(control))
    assert await control.blacklist.add(OPERATOR, Where(app_id=app_id), ["13800000002", "13800000001", "13800000001"], "complaint") == 2
    assert await control.blacklist.add(OPERATOR, Where(app_id=app_id), ["13800000002", "13800000003"]) == 1
    first = await control.blacklist.page(OPERATOR, Where(app_id=app_id), most=2)
    rest = await control.blacklist.page(OPERATOR, Where(app_id=app_id), after_phone=first[-1].phone)
    assert [row.phone for row in first + rest] == [8613800000001, 8613800000002, 8613800000003]
    assert first[1].reason == "complaint"
    assert await control.blacklist.remove(OPERATOR, Where(app_id=app_id), ["13800000001", "13900000000"]) == 1


async def test_a_link_keeps_what_it_is_not_told_to_change(control: ControlPlane) -> None:
    added = await control.links.add(OPERATOR, LINK)
    assert added.password == ""
    changed = await control.links.change(OPERATOR, "main", {"port": 2776, "window": 20, "scopes": (Scope.INTERNATIONAL,)})
    assert (changed.host, changed.port, changed.window, changed.rate) == (LINK.host, 2776, 20, 200.0)
    assert "canary-8" not in repr(await control.links.every(OPERATOR))
    snapshot = await control.snapshots.load()
    loaded = next(link for link in snapshot.links if link.name == "main")
    assert (loaded.password, loaded.scopes, loaded.carriers) == ("canary-8", (Scope.INTERNATIONAL,), ("cmcc",))
    for wrong in ({"port": 0}, {"id": 7}, {"name": "x"}, {"port": "many"}, {"nonsense": 1}):
        with pytest.raises(ControlError) as caught:
            await control.links.change(OPERATOR, "main", wrong)
        assert caught.value.code is Fault.INVALID
    with pytest.raises(ControlError) as caught:
        await control.links.add(OPERATOR, LINK)
    assert caught.value.code is Fault.TAKEN


async def test_ensuring_a_link_again_publishes_nothing(control: ControlPlane) -> None:
    wanted = LinkConfig(id=0, name="built-in", protocol="smpp", host="127.0.0.1", port=1, system_id="hongyan", password="a")
    made = await asyncio.gather(*(control.links.ensure(OPERATOR, wanted) for _ in range(4)))
    assert len({link.id for link in made}) == 1
    version = await control.snapshots.version()
    await control.links.ensure(OPERATOR, wanted)
    assert await control.snapshots.version() == version


async def test_a_sender_in_use_stays_and_one_of_another_app_is_not_shown(control: ControlPlane) -> None:
    owner = await account(control)
    mine, other = await app(control, owner), (await control.apps.create(OPERATOR, owner, "second")).app.id
    await control.senders.add(OPERATOR, "106900000001", app_id=mine)
    await control.apps.change(OPERATOR, mine, AppChange(sender_id="106900000001"))
    with pytest.raises(ControlError) as caught:
        await control.apps.change(OPERATOR, other, AppChange(sender_id="106900000001"))
    assert caught.value.code is Fault.NOT_ALLOWED
    with pytest.raises(ControlError) as caught:
        await control.senders.remove(OPERATOR, "106900000001")
    assert caught.value.code is Fault.IN_USE
    await control.apps.change(OPERATOR, mine, AppChange(sender_id=""))
    await control.senders.remove(OPERATOR, "106900000001")
    assert "106900000001" not in {sender.number for sender in await control.senders.every(OPERATOR)}


async def test_every_change_rings_with_its_version_and_versions_commit_in_order(control: ControlPlane, database: Database) -> None:
    heard: list[int] = []
    all_heard = asyncio.Event()

    def ring(payload: str) -> None:
        heard.append(int(payload))
        if len(heard) == 12:
            all_heard.set()

    conn = await database.dedicated()
    await listen(conn, CHANNEL, ring, lambda: None)
    await asyncio.gather(*(account(control) for _ in range(12)))
    async with asyncio.timeout(5):
        await all_heard.wait()
    await conn.close()
    assert heard == sorted(heard)
    assert heard[-1] == await control.snapshots.version()


async def test_a_number_that_opted_out_is_listed_and_only_lifted_on_purpose(control: ControlPlane, database: Database) -> None:
    app_id = int((await control.sandbox.ensure(OPERATOR, "http://127.0.0.1:8080")).sdk_app_id)
    async with database.connection() as conn:
        await optouts.add(conn, app_id, [8613800138055], NOW, reply_id=1)
    [listed] = [row for row in await control.blacklist.page(OPERATOR, Where(app_id=app_id)) if row.phone == 8613800138055]
    assert listed.opted_out
    assert await control.blacklist.remove(OPERATOR, Where(app_id=app_id), ["+8613800138055"]) == 0
    assert await control.blacklist.remove(OPERATOR, Where(app_id=app_id), ["+8613800138055"], opted_out=True) == 1
    assert all(row.phone != 8613800138055 for row in await control.blacklist.page(OPERATOR, Where(app_id=app_id)))


async def test_the_sandbox_is_made_once_and_mended_when_used_up(control: ControlPlane, database: Database) -> None:
    made = await asyncio.gather(*(control.sandbox.ensure(OPERATOR, "http://127.0.0.1:8080") for _ in range(3)))
    tenant = made[0]
    assert made == [tenant] * 3
    version = await control.snapshots.version()
    assert await control.sandbox.ensure(OPERATOR, "http://127.0.0.1:8080") == tenant
    assert await control.snapshots.version() == version
    snapshot = await control.snapshots.load()
    sandbox = snapshot.apps[int(tenant.sdk_app_id)]
    assert (sandbox.pull, sandbox.report_url, sandbox.reply_url) == (True, "", "")
    assert snapshot.accounts[sandbox.account_id].kind is AccountKind.ENTERPRISE
    assert snapshot.keys[tenant.secret_id].secret_key == tenant.secret_key
    assert (sandbox.account_id, tenant.sign_name, Scope.MAINLAND) in snapshot.signatures
    assert tenant.templates.keys() == {"verification", "notice", "marketing", "international"}
    for template in tenant.templates.values():
        assert snapshot.templates[int(template.id)].params == len(template.params)
    async with database.connection() as conn:
        await conn.execute("update packages set available = 0, used = segments where app_id = $1", sandbox.id)
    await control.keys.set_enabled(OPERATOR, tenant.secret_id, enabled=False)
    mended = await control.sandbox.ensure(OPERATOR, "http://127.0.0.1:8080")
    assert mended.secret_id != tenant.secret_id
    assert mended.sdk_app_id == tenant.sdk_app_id
    left = [package.available for package in await control.packages.every(OPERATOR, sandbox.id)]
    assert sorted(left) == [0, 0, 10_000_000, 10_000_000]
