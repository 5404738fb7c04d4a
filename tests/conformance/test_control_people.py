"""Users, members and keys on a real PostgreSQL."""

import asyncio
import itertools
import os

import pytest

from acting import OPERATOR
from hongyan.control.errors import ControlError, Fault
from hongyan.control.keys import KeyChange
from hongyan.control.keyuse import KeyUse
from hongyan.control.plane import ControlPlane, assemble
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import CLASSIC, GRANTS, Actor, ActorKind, Permission, Role
from hongyan.model.snapshot import AccountKind

NOW = 1_800_000_000.0
BOX = SecretBox(bytes(32), os.urandom)

numbers = itertools.count(1)


@pytest.fixture
def control(database: Database) -> ControlPlane:
    return assemble(database, BOX, clock=lambda: NOW, entropy=os.urandom, check_url=lambda _url: None)


async def account(control: ControlPlane) -> int:
    return (await control.accounts.create(OPERATOR, f"account {next(numbers)}", AccountKind.ENTERPRISE)).id


async def user(control: ControlPlane, operator_role: Role | None = None) -> Actor:
    """Somebody new, with a role at the operator's or none."""
    email = f"user{next(numbers)}@example.com"
    made = await control.users.create(OPERATOR, email, "Somebody", operator_role)
    permissions = GRANTS[operator_role] if operator_role else frozenset()
    return Actor(kind=ActorKind.USER, id=str(made.user_id), name=email, permissions=permissions)


async def member(control: ControlPlane, account_id: int, role: Role) -> Actor:
    somebody = await user(control)
    await control.members.add(OPERATOR, account_id, somebody.name, role)
    return Actor(kind=ActorKind.USER, id=somebody.id, name=somebody.name, permissions=GRANTS[role], account_id=account_id)


async def refusal(asked: object) -> Fault:
    with pytest.raises(ControlError) as refused:
        await asked  # type: ignore[misc]
    return refused.value.code


async def test_a_user_has_one_address_whatever_its_letters(control: ControlPlane) -> None:
    await control.users.create(OPERATOR, " Wei.Zhang@Example.com ", "Wei Zhang", Role.REVIEWER)
    assert await refusal(control.users.create(OPERATOR, "wei.zhang@example.COM", "Another")) is Fault.TAKEN
    found = await control.users.named(OPERATOR, "WEI.zhang@example.com")
    assert (found.email, found.operator_role, found.has_password) == ("wei.zhang@example.com", Role.REVIEWER, False)
    assert await refusal(control.users.create(OPERATOR, "nobody", "X")) is Fault.INVALID
    assert await refusal(control.users.create(OPERATOR, "x@example.com", "X", Role.OWNER)) is Fault.INVALID


async def test_only_an_administrator_manages_users(control: ControlPlane) -> None:
    somebody = await user(control)
    for role in (Role.REVIEWER, Role.OPERATIONS):
        other = await user(control, role)
        assert await refusal(control.users.every(other)) is Fault.NOT_ALLOWED
        assert await refusal(control.users.set_operator_role(other, int(other.id), Role.ADMINISTRATOR)) is Fault.NOT_ALLOWED
    owner = await member(control, await account(control), Role.OWNER)
    assert await refusal(control.users.reset_password(owner, int(somebody.id))) is Fault.NOT_ALLOWED


async def test_administrators_cannot_lock_the_operator_out_but_who_has_the_machine_can(control: ControlPlane) -> None:
    for row in await control.users.every(OPERATOR):
        await control.users.set_operator_role(OPERATOR, row.id, None)
    first, second = await user(control, Role.ADMINISTRATOR), await user(control, Role.ADMINISTRATOR)
    asked = (
        control.users.set_operator_role(first, int(second.id), None),
        control.users.set_enabled(second, int(first.id), enabled=False),
    )
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer.code for answer in answers if isinstance(answer, ControlError)]
    assert refused == [Fault.WRONG_STATE]
    [left] = [row for row in await control.users.every(OPERATOR) if row.enabled and row.operator_role is Role.ADMINISTRATOR]
    assert (await control.users.set_operator_role(OPERATOR, left.id, None)).operator_role is None


async def test_an_invitation_is_the_same_for_whom_we_know_and_whom_we_do_not(control: ControlPlane) -> None:
    mine = await account(control)
    owner = await member(control, mine, Role.OWNER)
    known = (await user(control)).name
    made = [await control.members.invite(owner, mine, email, Role.READER) for email in (known, "stranger@example.net")]
    assert [len(invitation.ticket) for invitation in made] == [43, 43]
    assert [row.email for row in await control.members.invitations(owner, mine)] == [known, "stranger@example.net"]
    await control.members.withdraw(owner, mine, made[0].id)
    other = await account(control)
    stranger = await member(control, other, Role.OWNER)
    assert await refusal(control.members.withdraw(stranger, other, made[1].id)) is Fault.NOT_FOUND
    assert [row.id for row in await control.members.invitations(owner, mine)] == [made[1].id]
    for role in (Role.DEVELOPER, Role.FINANCE, Role.READER):
        assert await refusal(control.members.invite(await member(control, mine, role), mine, "x@example.net", role)) is Fault.NOT_ALLOWED
    assert await refusal(control.members.invite(owner, mine, "x@example.net", Role.ADMINISTRATOR)) is Fault.INVALID


async def test_an_account_cannot_write_to_the_whole_world_by_inviting_it(control: ControlPlane) -> None:
    mine = await account(control)
    owner = await member(control, mine, Role.OWNER)
    for _ in range(3):
        invited = await control.members.invite(owner, mine, "pestered@example.net", Role.READER)
        await control.members.withdraw(owner, mine, invited.id)
    assert await refusal(control.members.invite(owner, mine, "pestered@example.net", Role.READER)) is Fault.TOO_OFTEN
    asked = (control.members.invite(owner, mine, f"one-of-many-{n}@example.net", Role.READER) for n in range(60))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, ControlError) for answer in answers) == 60 - (50 - 3)


async def test_an_account_keeps_its_last_owner_even_when_two_leave_at_once(control: ControlPlane) -> None:
    mine = await account(control)
    first, second = [await member(control, mine, Role.OWNER) for _ in range(2)]
    answers = await asyncio.gather(
        control.members.remove(first, mine, int(first.id)),
        control.members.set_role(second, mine, int(second.id), Role.READER),
        return_exceptions=True,
    )
    assert [answer.code for answer in answers if isinstance(answer, ControlError)] == [Fault.WRONG_STATE]
    assert sum(row.role is Role.OWNER for row in await control.members.every(OPERATOR, mine)) == 1


async def test_a_key_may_no_more_than_who_made_it(control: ControlPlane) -> None:
    mine = await account(control)
    developer = await member(control, mine, Role.DEVELOPER)
    assert await refusal(control.keys.create(developer, mine, scopes=["members"])) is Fault.NOT_ALLOWED
    assert await refusal(control.keys.create(developer, mine, scopes=["operate"])) is Fault.INVALID
    made = await control.keys.create(developer, mine, note="orders", allow=["192.0.2.7/24", "2001:DB8::1"], scopes=["send", "read", "send"])
    own = await control.keys.create(developer, mine)
    snapshot = await control.snapshots.load()
    key = snapshot.keys[made.secret_id]
    assert key.permissions == {Permission.SEND, Permission.READ}
    assert [key.admits(address) for address in ("192.0.2.200", "::ffff:192.0.2.1", "2001:db8::1", "192.0.3.1", "", "nonsense")] == [
        *[True] * 3,
        *[False] * 3,
    ]
    assert snapshot.keys[own.secret_id].permissions == GRANTS[Role.DEVELOPER]
    await control.members.set_role(OPERATOR, mine, int(developer.id), Role.READER)
    assert (await control.snapshots.load()).keys[made.secret_id].permissions == {Permission.READ}


async def test_a_key_without_scopes_does_what_keys_always_did(control: ControlPlane) -> None:
    made = await control.keys.create(OPERATOR, await account(control))
    key = (await control.snapshots.load()).keys[made.secret_id]
    assert (key.permissions, key.user_id, key.allow) == (CLASSIC, None, ())
    assert key.admits("")


async def test_each_user_has_two_live_keys_and_the_account_two_of_its_own(control: ControlPlane) -> None:
    mine = await account(control)
    developer = await member(control, mine, Role.DEVELOPER)
    answers = await asyncio.gather(
        *(control.keys.create(who, mine) for who in (developer, OPERATOR) for _ in range(3)), return_exceptions=True
    )
    assert [answer.code for answer in answers if isinstance(answer, ControlError)] == [Fault.TOO_MANY] * 2
    rows = await control.keys.every(OPERATOR, mine)
    assert sorted(row.user_id or 0 for row in rows) == [0, 0, int(developer.id), int(developer.id)]


async def test_the_keys_of_who_leaves_or_is_disabled_stop_and_a_developer_leaves_others_alone(control: ControlPlane) -> None:
    mine = await account(control)
    owner = await member(control, mine, Role.OWNER)
    developer, leaver = await member(control, mine, Role.DEVELOPER), await member(control, mine, Role.DEVELOPER)
    kept, gone = [await control.keys.create(who, mine) for who in (developer, leaver)]
    assert await refusal(control.keys.set_enabled(developer, gone.secret_id, enabled=False)) is Fault.NOT_ALLOWED
    await control.members.remove(owner, mine, int(leaver.id))
    assert [(await control.snapshots.load()).keys[key.secret_id].enabled for key in (kept, gone)] == [True, False]
    await control.users.set_enabled(OPERATOR, int(developer.id), enabled=False)
    assert not (await control.snapshots.load()).keys[kept.secret_id].enabled
    await control.keys.set_enabled(owner, gone.secret_id, enabled=False)
    assert await refusal(control.keys.set_enabled(owner, gone.secret_id, enabled=True)) is Fault.NOT_FOUND
    await control.keys.remove(owner, gone.secret_id)
    assert await refusal(control.keys.remove(owner, kept.secret_id)) is Fault.IN_USE
    assert gone.secret_id not in (await control.snapshots.load()).keys


async def test_a_key_keeps_what_it_is_not_told_to_change(control: ControlPlane) -> None:
    mine = await account(control)
    made = await control.keys.create(OPERATOR, mine, note="orders", allow=["192.0.2.7"], scopes=["send"])
    changed = await control.keys.change(OPERATOR, made.secret_id, KeyChange(note="orders and bills"))
    assert (changed.note, changed.allow, changed.scopes) == ("orders and bills", ("192.0.2.7/32",), ("send",))
    changed = await control.keys.change(OPERATOR, made.secret_id, KeyChange(allow=[], scopes=None))
    assert (changed.note, changed.allow, changed.scopes) == ("orders and bills", (), None)
    for wrong in (KeyChange(allow=["192.0.2.7.1"]), KeyChange(allow=["10.0.0.0/8"] * 51), KeyChange(scopes=["all"])):
        assert await refusal(control.keys.change(OPERATOR, made.secret_id, wrong)) in {Fault.INVALID, Fault.TOO_MANY}
    assert (
        await refusal(control.keys.change(await member(control, mine, Role.READER), made.secret_id, KeyChange(note="")))
        is Fault.NOT_ALLOWED
    )


async def test_the_last_use_of_a_key_is_written_now_and_then_and_never_goes_back(control: ControlPlane, database: Database) -> None:
    mine = await account(control)
    made = await control.keys.create(OPERATOR, mine)
    one, other = KeyUse(database), KeyUse(database)
    one.note(made.secret_id, "192.0.2.1", NOW)
    other.note(made.secret_id, "192.0.2.2", NOW + 5)
    await other.flush()
    await one.flush()
    [row] = await control.keys.every(OPERATOR, mine)
    assert (row.used_at, row.address) == (NOW + 5, "192.0.2.2")
