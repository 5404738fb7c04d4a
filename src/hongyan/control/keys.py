"""API keys: SecretId and SecretKey."""

from collections.abc import Callable, Sequence

import msgspec

from hongyan.control import rules, tokens
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, within
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import CLASSIC, TENANT, Actor, ActorKind, Permission
from hongyan.store import accounts, keys, members, users
from hongyan.store.keys import KeyRow
from hongyan.store.snapshots import publish

PAGE_MOST = 500


class NewKey(msgspec.Struct, frozen=True):
    """The only time the secret is shown."""

    secret_id: str
    secret_key: str
    account_id: int
    user_id: int | None = None


class KeyChange(msgspec.Struct, frozen=True):
    """What is unset stays as it is."""

    note: str | msgspec.UnsetType = msgspec.UNSET
    allow: Sequence[str] | msgspec.UnsetType = msgspec.UNSET
    """Addresses and networks it may be used from ("192.0.2.7", "10.0.0.0/8"); none means anywhere."""
    scopes: Sequence[str] | msgspec.UnsetType | None = msgspec.UNSET
    """Permissions by name; None for what keys could do before there were scopes."""


class Keys:
    """At most two enabled pairs a user, and two of an account's own, so that one can be replaced while the other still works.

    A key that has a user can do no more than its user, and nothing when the user is disabled or has left the account.
    """

    def __init__(self, db: Database, audit: Audit, box: SecretBox, clock: Callable[[], float], entropy: tokens.Entropy) -> None:
        self._db = db
        self._audit = audit
        self._box = box
        self._clock = clock
        self._entropy = entropy

    async def create(
        self, actor: Actor, account_id: int, *, note: str = "", allow: Sequence[str] = (), scopes: Sequence[str] | None = None
    ) -> NewKey:
        """A member's key is their own; the operator's and programs' are the account's."""
        demand(actor, Permission.KEYS, account_id)
        wanted = _checked(actor, note, allow, scopes)
        now = self._clock()
        async with self._db.transaction() as tx:
            if await accounts.lock(tx, account_id) is None:
                raise not_found(Noun.ACCOUNT, account_id)
            user_id = int(actor.id) if actor.kind is ActorKind.USER and actor.account_id is not None else None
            await _leave_room(tx, account_id, user_id)
            made = await issue(tx, self._box, self._entropy, account_id, now, user_id=user_id, wanted=wanted)
            await self._audit.record(tx, actor, "key.create", made.secret_id, account_id=account_id, detail=_told(wanted))
            await publish(tx, f"key created for account {account_id}", now)
        return made

    async def every(self, actor: Actor, account_id: int | None = None, *, after: str = "", most: int = PAGE_MOST) -> list[KeyRow]:
        """An account's keys, or all, without their secrets: the oldest first, at most 500, those behind the SecretId `after`."""
        only = within(actor, account_id)
        demand(actor, Permission.KEYS, only)
        async with self._db.connection() as conn:
            return await keys.page(conn, account_id=only, after=after, most=max(1, min(most, PAGE_MOST)))

    async def change(self, actor: Actor, secret_id: str, change: KeyChange) -> KeyRow:
        """Its note, its addresses and its scopes."""
        demand(actor, Permission.KEYS)
        now = self._clock()
        async with self._db.transaction() as tx:
            key = await _own(tx, actor, secret_id)
            given = {field: value for field in change.__struct_fields__ if (value := getattr(change, field)) is not msgspec.UNSET}
            kept = {field: getattr(key, field) for field in change.__struct_fields__}
            wanted = _checked(actor, **(kept | given))
            await keys.change(tx, secret_id, note=wanted.note, allow=wanted.allow, scopes=wanted.scopes)
            detail = {field: value for field, value in _told(wanted).items() if field in given}
            await self._audit.record(tx, actor, "key.change", secret_id, account_id=key.account_id, detail=detail)
            await publish(tx, f"key of account {key.account_id} changed", now)
        return msgspec.structs.replace(key, note=wanted.note, allow=wanted.allow, scopes=wanted.scopes)

    async def set_enabled(self, actor: Actor, secret_id: str, *, enabled: bool) -> KeyRow:
        demand(actor, Permission.KEYS)
        now = self._clock()
        async with self._db.transaction() as tx:
            key = await _own(tx, actor, secret_id)
            if enabled:
                _checked(actor, key.note, key.allow, key.scopes)
                await _leave_room(tx, key.account_id, key.user_id, beside=secret_id)
            await keys.set_enabled(tx, secret_id, enabled=enabled)
            action = "key.enable" if enabled else "key.disable"
            await self._audit.record(tx, actor, action, secret_id, account_id=key.account_id)
            await publish(tx, f"key of account {key.account_id} {'enabled' if enabled else 'disabled'}", now)
        return msgspec.structs.replace(key, enabled=enabled)

    async def remove(self, actor: Actor, secret_id: str) -> None:
        """For good; only one that is disabled, so that a program that still uses it has been noticed."""
        demand(actor, Permission.KEYS)
        now = self._clock()
        async with self._db.transaction() as tx:
            key = await _own(tx, actor, secret_id)
            if key.enabled:
                raise ControlError(
                    Fault.IN_USE,
                    f"密钥 {secret_id} 还在启用：先停用它，确认没有程序再用，然后删除。",
                    f"The key {secret_id} is enabled: disable it first, see that no program needs it, then remove it.",
                )
            await keys.remove(tx, secret_id)
            await self._audit.record(tx, actor, "key.remove", secret_id, account_id=key.account_id)
            await publish(tx, f"key of account {key.account_id} removed", now)


class Wanted(msgspec.Struct, frozen=True):
    """What is asked of a key, checked."""

    note: str = ""
    allow: tuple[str, ...] = ()
    scopes: tuple[str, ...] | None = None


def _told(wanted: Wanted) -> dict[str, str | int | bool | None]:
    scopes = "classic" if wanted.scopes is None else ",".join(wanted.scopes)
    return {"note": wanted.note, "allow": ",".join(wanted.allow), "scopes": scopes}


def _checked(actor: Actor, note: str, allow: Sequence[str], scopes: Sequence[str] | None) -> Wanted:
    """Raises ControlError when something is none, or when the actor would give away what it may not do itself."""
    return Wanted(rules.reason(note), rules.networks(allow), _scopes(actor, scopes))


def _scopes(actor: Actor, wanted: Sequence[str] | None) -> tuple[str, ...] | None:
    if wanted is None:
        # Who may less than such a key gets a key for what they may.
        return None if actor.permissions >= CLASSIC else tuple(sorted(CLASSIC & actor.permissions))
    if unknown := [text for text in wanted if text not in TENANT]:
        raise ControlError(
            Fault.INVALID,
            f"没有权限范围 {unknown[0][:40]}，可用的是 {'、'.join(sorted(TENANT))}。",
            f"There is no scope {unknown[0][:40]}; there are {', '.join(sorted(TENANT))}.",
        )
    if beyond := sorted(set(wanted) - set(actor.permissions)):
        raise ControlError(
            Fault.NOT_ALLOWED,
            f"你自己没有权限 {beyond[0]}，不能交给密钥。",
            f"You may not do “{beyond[0]}” yourself, so a key of yours may not either.",
        )
    return tuple(sorted(set(wanted)))


async def _own(tx: Connection, actor: Actor, secret_id: str) -> KeyRow:
    """The key, under its account's lock. Who may not manage members changes only their own keys and the account's."""
    key = await keys.get(tx, secret_id)
    if key is None or actor.account_id not in {None, key.account_id}:
        raise not_found(Noun.KEY, secret_id)
    if key.user_id is not None and str(key.user_id) != actor.id and Permission.MEMBERS not in actor.permissions:
        raise ControlError(
            Fault.NOT_ALLOWED,
            "这是另一位成员的密钥：只有本人或账号的所有者能改。",
            "This key is another member's: only they or an owner of the account may change it.",
        )
    await accounts.lock(tx, key.account_id)
    return await keys.get(tx, secret_id) or key


async def _leave_room(tx: Connection, account_id: int, user_id: int | None, *, beside: str = "") -> None:
    if user_id is not None:
        await users.lock(tx, user_id)
        if await members.role(tx, account_id, user_id) is None:
            raise not_found(Noun.MEMBER, user_id)
    if await keys.live(tx, account_id, user_id, beside=beside) >= rules.LIVE_KEYS_MOST:
        zh, en = (f"账号 {account_id}", f"Account {account_id}") if user_id is None else (f"用户 {user_id}", f"User {user_id}")
        raise ControlError(
            Fault.TOO_MANY,
            f"{zh} 已有 {rules.LIVE_KEYS_MOST} 对启用的密钥：先用 `hongyan key disable` 停用一对。",
            f"{en} has {rules.LIVE_KEYS_MOST} enabled keys already: disable one first with `hongyan key disable`.",
        )


async def issue(
    tx: Connection,
    box: SecretBox,
    entropy: tokens.Entropy,
    account_id: int,
    now: float,
    *,
    user_id: int | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008 - it cannot be changed
) -> NewKey:
    """A new pair, written with its secret sealed."""
    made = NewKey(tokens.secret_id(entropy), tokens.secret_key(entropy), account_id, user_id)
    sealed = box.seal(made.secret_key, tokens.key_context(made.secret_id))
    await keys.add(
        tx,
        secret_id=made.secret_id,
        account_id=account_id,
        secret_sealed=sealed,
        now=now,
        user_id=user_id,
        note=wanted.note,
        allow=wanted.allow,
        scopes=wanted.scopes,
    )
    return made
