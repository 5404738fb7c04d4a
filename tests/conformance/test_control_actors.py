"""Who may do what to whom, on a real PostgreSQL: another account is as absent as one that never was, and every change is noted."""

import itertools
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from acting import OPERATOR
from hongyan.control.apps import AppChange
from hongyan.control.blacklist import Where
from hongyan.control.errors import ControlError, Fault
from hongyan.control.keys import KeyChange
from hongyan.control.plane import ControlPlane, assemble
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.snapshot import AccountKind, LinkConfig, Scope

NOW = 1_800_000_000.0
LINK = LinkConfig(id=0, name="noted", protocol="smpp", host="127.0.0.1", port=2775, system_id="me", password="canary-1")

names = (f"account {n}" for n in itertools.count(1))

Ask: TypeAlias = Callable[[ControlPlane, Actor, Any], Awaitable[object]]


@pytest.fixture
def control(database: Database) -> ControlPlane:
    return assemble(
        database, SecretBox(bytes(32), os.urandom), clock=lambda: NOW, entropy=os.urandom, check_url=lambda _url: None
    )  # fmt: skip


async def account(control: ControlPlane) -> int:
    return (await control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)).id


def member(account_id: int | None, role: Role) -> Actor:
    return Actor(kind=ActorKind.USER, id="7", name=role, permissions=GRANTS[role], account_id=account_id)


OF_ANOTHER: dict[str, Ask] = {
    "account": lambda c, actor, ids: c.accounts.get(actor, ids["account"]),
    "its keys": lambda c, actor, ids: c.keys.every(actor, ids["account"]),
    "a new key": lambda c, actor, ids: c.keys.create(actor, ids["account"]),
    "key": lambda c, actor, ids: c.keys.set_enabled(actor, ids["key"], enabled=False),
    "packages": lambda c, actor, ids: c.packages.every(actor, ids["app"]),
    "messages": lambda c, actor, ids: c.records.latest(actor, app_id=ids["app"]),
    "message": lambda c, actor, ids: c.records.timeline(actor, 1, ids["app"]),
    "an explanation": lambda c, actor, ids: c.records.explain(actor, 1, ids["app"]),
    "explanations of a number": lambda c, actor, ids: c.records.inquire(actor, 8613800000000, app_id=ids["app"]),
    "applications": lambda c, actor, ids: c.apps.every(actor, ids["account"]),
    "a new application": lambda c, actor, ids: c.apps.create(actor, ids["account"], "x"),
    "application": lambda c, actor, ids: c.apps.change(actor, ids["app"], AppChange(enabled=False)),
    "its key": lambda c, actor, ids: c.apps.app_key(actor, ids["app"]),
    "allow-list": lambda c, actor, ids: c.apps.allow(actor, ids["app"], ["13800000000"]),
    "blacklist of an application": lambda c, actor, ids: c.blacklist.add(actor, Where(app_id=ids["app"]), ["13800000000"]),
    "blacklist": lambda c, actor, ids: c.blacklist.page(actor, Where(account_id=ids["account"])),
    "a changed key": lambda c, actor, ids: c.keys.change(actor, ids["key"], KeyChange(note="mine")),
    "a removed key": lambda c, actor, ids: c.keys.remove(actor, ids["key"]),
    "members": lambda c, actor, ids: c.members.every(actor, ids["account"]),
    "an invitation": lambda c, actor, ids: c.members.invite(actor, ids["account"], "x@example.com", Role.OWNER),
    "invitations": lambda c, actor, ids: c.members.invitations(actor, ids["account"]),
    "a member's role": lambda c, actor, ids: c.members.set_role(actor, ids["account"], 1, Role.OWNER),
    "a member": lambda c, actor, ids: c.members.remove(actor, ids["account"], 1),
    "verifications": lambda c, actor, ids: c.verifications.page(actor, account_id=ids["account"]),
    "a verification": lambda c, actor, ids: c.verifications.withdraw(actor, ids["account"]),
    "its verification urged": lambda c, actor, ids: c.verifications.urge(actor, ids["account"]),
    "who did what": lambda c, actor, ids: c.audit.page(actor, account_id=ids["account"]),
}


@pytest.mark.parametrize("ask", OF_ANOTHER.values(), ids=OF_ANOTHER)
async def test_what_is_another_account_s_answers_like_what_never_was(control: ControlPlane, ask: Ask) -> None:
    mine, other = await account(control), await account(control)
    theirs = {
        "account": other,
        "key": (await control.keys.create(OPERATOR, other)).secret_id,
        "app": (await control.apps.create(OPERATOR, other, "shop")).app.id,
    }
    told = []
    for ids in (theirs, {"account": 10**12, "key": "AKID" + "0" * 32, "app": 10**12}):
        with pytest.raises(ControlError) as refused:
            await ask(control, member(mine, Role.OWNER), ids)
        told.append((refused.value.code, re.sub(r"AKID\w+|\d+", "?", refused.value.en), refused.value.why))
    assert told[0][0] is Fault.NOT_FOUND
    assert told[0] == told[1]


NOT_THEIRS: dict[str, tuple[Role, Ask]] = {
    "an owner makes accounts": (Role.OWNER, lambda c, actor, _: c.accounts.create(actor, "x", AccountKind.ENTERPRISE)),
    "an owner disables the account": (Role.OWNER, lambda c, actor, ids: c.accounts.set_enabled(actor, ids, enabled=False)),
    "an owner adds a link": (Role.OWNER, lambda c, actor, _: c.links.add(actor, LINK)),
    "an owner sees links": (Role.OWNER, lambda c, actor, _: c.links.every(actor)),
    "an owner adds a sender": (Role.OWNER, lambda c, actor, _: c.senders.add(actor, "10690000")),
    "an owner gives himself a package": (Role.OWNER, lambda c, actor, _: c.packages.buy(actor, 1_400_000_001, Scope.MAINLAND, 1)),
    "an owner makes the sandbox": (Role.OWNER, lambda c, actor, _: c.sandbox.ensure(actor, "")),
    "a developer buys": (Role.DEVELOPER, lambda c, actor, _: c.packages.buy(actor, 1_400_000_001, Scope.MAINLAND, 1)),
    "a developer reads who did what": (Role.DEVELOPER, lambda c, actor, _: c.audit.page(actor)),
    "an owner adds to the operator's blacklist": (Role.OWNER, lambda c, actor, _: c.blacklist.add(actor, Where(), ["13800000000"])),
    "finance adds to a blacklist": (Role.FINANCE, lambda c, actor, ids: c.blacklist.add(actor, Where(account_id=ids), ["13800000000"])),
    "a reader changes limits": (Role.READER, lambda c, actor, _: c.apps.change(actor, 1_400_000_001, AppChange(limits={"day": 1}))),
    "a reader makes a key": (Role.READER, lambda c, actor, ids: c.keys.create(actor, ids)),
    "an owner adds a user": (Role.OWNER, lambda c, actor, _: c.users.create(actor, "x@example.com", "X")),
    "an owner sees all users": (Role.OWNER, lambda c, actor, _: c.users.every(actor)),
    "an owner makes a user a member at once": (Role.OWNER, lambda c, actor, ids: c.members.add(actor, ids, "x@example.com", Role.READER)),
    "a developer invites": (Role.DEVELOPER, lambda c, actor, ids: c.members.invite(actor, ids, "x@example.com", Role.READER)),
    "a developer sees members": (Role.DEVELOPER, lambda c, actor, ids: c.members.every(actor, ids)),
    "an owner decides on a verification": (Role.OWNER, lambda c, actor, ids: c.verifications.approve(actor, ids)),
    "an owner sets a password": (Role.OWNER, lambda c, actor, _: c.credentials.impose_password(actor, 1, "correct horse battery")),
    "finance sees keys": (Role.FINANCE, lambda c, actor, _: c.keys.every(actor)),
}


@pytest.mark.parametrize("case", NOT_THEIRS.values(), ids=NOT_THEIRS)
async def test_a_role_may_not_do_what_it_has_no_permission_for(control: ControlPlane, case: tuple[Role, Ask]) -> None:
    role, ask = case
    mine = await account(control)
    with pytest.raises(ControlError) as refused:
        await ask(control, member(mine, role), mine)
    assert refused.value.code is Fault.NOT_ALLOWED


async def test_every_change_is_noted_with_its_author_and_no_secret(control: ControlPlane) -> None:
    operator = member(None, Role.ADMINISTRATOR)
    made = await control.accounts.create(operator, next(names), AccountKind.ENTERPRISE)
    await control.accounts.set_enabled(operator, made.id, enabled=False)
    key = await control.keys.create(operator, made.id)
    await control.keys.set_enabled(operator, key.secret_id, enabled=False)
    app = (await control.apps.create(OPERATOR, made.id, "shop")).app
    await control.packages.buy(operator, app.id, Scope.MAINLAND, 10, note="first")
    await control.links.add(operator, LINK)
    await control.links.change(operator, "noted", {"password": "canary-2", "window": 7})
    await control.senders.add(operator, "10690099")
    await control.senders.remove(operator, "10690099")
    noted = [row for row in reversed(await control.audit.page(operator)) if row.actor_name == Role.ADMINISTRATOR]
    of_account = [row.action for row in noted if row.account_id == made.id]
    assert of_account == ["account.create", "account.disable", "key.create", "key.disable", "package.buy"]
    assert [row.action for row in noted[-4:]] == ["link.add", "link.change", "sender.add", "sender.remove"]
    assert noted[-3].detail == '{"password":"new","window":"7"}'
    assert "canary" not in str(noted)
    assert key.secret_key not in str(noted)
    assert await control.audit.verify() is None


async def test_accounts_and_keys_come_in_pages(control: ControlPlane) -> None:
    ids = [await account(control) for _ in range(3)]
    assert [row.id for row in await control.accounts.every(OPERATOR, after_id=ids[0], most=1)] == ids[1:2]
    assert [row.id for row in await control.accounts.every(member(ids[1], Role.READER))] == ids[1:2]
    made = [(await control.keys.create(OPERATOR, ids[0])).secret_id for _ in range(2)]
    first = await control.keys.every(OPERATOR, ids[0], most=1)
    rest = await control.keys.every(OPERATOR, ids[0], after=first[0].secret_id)
    assert sorted(row.secret_id for row in first + rest) == sorted(made)
