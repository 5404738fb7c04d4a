"""How applications want their callbacks, on a real PostgreSQL: settings, secrets that change with an overlap, and whom they are shown."""

import itertools
import os
from collections.abc import Awaitable

import pytest

from acting import OPERATOR
from hongyan.control.callbacks import CallbackChange
from hongyan.control.errors import ControlError, Fault
from hongyan.control.plane import ControlPlane, assemble
from hongyan.kit.db import Database
from hongyan.kit.http import check_url
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.callback import recipient
from hongyan.model.snapshot import AccountKind

NOW = 1_795_399_200.0
names = (f"callbacks {n}" for n in itertools.count(1))


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def control(database: Database, clock: Clock) -> ControlPlane:
    return assemble(database, SecretBox(bytes(32), os.urandom), clock=clock, entropy=os.urandom, check_url=lambda _url: None)


async def tenant(control: ControlPlane, role: Role = Role.OWNER) -> tuple[Actor, int]:
    account_id = (await control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)).id
    app_id = (await control.apps.create(OPERATOR, account_id, "shop")).app.id
    return Actor(kind=ActorKind.USER, id="1", name="somebody", permissions=GRANTS[role], account_id=account_id), app_id


async def refused(doing: Awaitable[object], why: Fault) -> None:
    with pytest.raises(ControlError) as caught:
        await doing
    assert caught.value.code is why


async def in_force(control: ControlPlane, app_id: int, now: float) -> tuple[str, ...]:
    snapshot = await control.snapshots.load()
    settings = snapshot.callbacks.get(app_id)
    assert settings is not None
    return recipient("", snapshot.apps[app_id].app_key, settings, now).secrets


async def test_the_first_secret_follows_from_the_app_key_and_signs_on_after_it_was_rotated(control: ControlPlane, clock: Clock) -> None:
    owner, app_id = await tenant(control)
    [first] = await control.callbacks.secrets(owner, app_id)
    assert app_id not in (await control.snapshots.load()).callbacks
    second, old = await control.callbacks.rotate(owner, app_id, 3600)
    assert (old.secret, old.ends_at, second.ends_at) == (first.secret, NOW + 3600, None)
    assert await in_force(control, app_id, NOW) == (second.secret, first.secret)
    assert await in_force(control, app_id, NOW + 3601) == (second.secret,)
    clock.now += 60
    third, *others = await control.callbacks.rotate(owner, app_id, 0)
    assert [other.secret for other in others] == []
    assert await in_force(control, app_id, clock.now) == (third.secret,)
    assert third.secret not in {first.secret, second.secret}


async def test_so_many_secrets_sign_and_no_more_but_one_that_others_know_can_always_be_ended(control: ControlPlane) -> None:
    owner, app_id = await tenant(control)
    for _ in range(4):
        await control.callbacks.rotate(owner, app_id, 3600)
    assert len(await in_force(control, app_id, NOW)) == 5
    await refused(control.callbacks.rotate(owner, app_id, 3600), Fault.TOO_MANY)
    [only] = await control.callbacks.rotate(owner, app_id, 0)
    assert await in_force(control, app_id, NOW) == (only.secret,)


async def test_settings_reach_the_snapshot(control: ControlPlane) -> None:
    owner, app_id = await tenant(control)
    assert not (await control.callbacks.get(owner, app_id)).native
    await refused(control.callbacks.change(owner, app_id, CallbackChange(signed=True)), Fault.WRONG_STATE)
    pair = await control.access.issue(owner, app_id)
    await control.callbacks.change(owner, app_id, CallbackChange(signed=True))
    row = await control.callbacks.change(owner, app_id, CallbackChange(native=True, reply_time=True))
    assert (row.native, row.signed, row.reply_time) == (True, True, True)
    settings = (await control.snapshots.load()).callbacks[app_id]
    assert settings.access is not None
    assert (settings.native, settings.reply_time, settings.access.secret) == (True, True, pair.access_secret)
    await control.access.remove(owner, app_id)
    assert (await control.snapshots.load()).callbacks[app_id].access is None


async def test_another_accounts_application_is_as_if_there_were_none(control: ControlPlane) -> None:
    owner, app_id = await tenant(control)
    stranger, _ = await tenant(control)
    for doing in (
        control.callbacks.get(stranger, app_id),
        control.callbacks.change(stranger, app_id, CallbackChange(native=True)),
        control.callbacks.change(stranger, app_id, CallbackChange(voice_url="https://sms.example.com/theirs")),
        control.callbacks.secrets(stranger, app_id),
        control.callbacks.rotate(stranger, app_id),
    ):
        await refused(doing, Fault.NOT_FOUND)
    row = await control.callbacks.get(owner, app_id)
    assert (row.native, row.voice_url) == (False, "")


async def test_an_address_for_events_is_one_that_may_be_called(database: Database, clock: Clock) -> None:
    control = assemble(database, SecretBox(bytes(32), os.urandom), clock=clock, entropy=os.urandom, check_url=check_url)
    owner, app_id = await tenant(control)
    for url in ("http://127.0.0.1/voice", "http://169.254.169.254/latest", "https://localhost/voice", "https://sms.example.com:6379/voice"):
        await refused(control.callbacks.change(owner, app_id, CallbackChange(voice_url=url)), Fault.NOT_ALLOWED)
        await refused(control.callbacks.change(owner, app_id, CallbackChange(event_url=url)), Fault.NOT_ALLOWED)
    await control.callbacks.change(owner, app_id, CallbackChange(voice_url="https://sms.example.com/voice"))
    settings = (await control.snapshots.load()).callbacks[app_id]
    assert (settings.voice_url, settings.event_url) == ("https://sms.example.com/voice", "")


async def test_who_may_only_look_sees_no_secret_and_changes_nothing(control: ControlPlane) -> None:
    reader, app_id = await tenant(control, Role.READER)
    assert (await control.callbacks.get(reader, app_id)).app_id == app_id
    await refused(control.callbacks.secrets(reader, app_id), Fault.NOT_ALLOWED)
    await refused(control.callbacks.rotate(reader, app_id), Fault.NOT_ALLOWED)
    await refused(control.callbacks.change(reader, app_id, CallbackChange(native=True)), Fault.NOT_ALLOWED)
    await refused(control.callbacks.rotate(OPERATOR, app_id, 31 * 86_400), Fault.INVALID)


async def test_changes_are_in_the_audit_log_and_secrets_are_not(control: ControlPlane) -> None:
    owner, app_id = await tenant(control)
    await control.callbacks.change(owner, app_id, CallbackChange(native=True))
    [new, _] = await control.callbacks.rotate(owner, app_id)
    await control.callbacks.secrets(owner, app_id)
    entries = await control.audit.page(OPERATOR, account_id=owner.account_id)
    mine = [entry for entry in entries if entry.action.startswith("callbacks.")]
    assert {entry.action for entry in mine} == {"callbacks.change", "callbacks.rotate_secret", "callbacks.show_secret"}
    assert new.secret not in repr(mine)
