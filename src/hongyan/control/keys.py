"""API keys: SecretId and SecretKey."""

from collections.abc import Callable

import msgspec

from hongyan.control import rules, tokens
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, within
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import Actor, Permission
from hongyan.store import accounts, keys
from hongyan.store.keys import KeyRow
from hongyan.store.snapshots import publish

PAGE_MOST = 500


class NewKey(msgspec.Struct, frozen=True):
    """The only time the secret is shown."""

    secret_id: str
    secret_key: str
    account_id: int


class Keys:
    """At most two enabled pairs an account, so that one can be replaced while the other still works."""

    def __init__(self, db: Database, audit: Audit, box: SecretBox, clock: Callable[[], float], entropy: tokens.Entropy) -> None:
        self._db = db
        self._audit = audit
        self._box = box
        self._clock = clock
        self._entropy = entropy

    async def create(self, actor: Actor, account_id: int) -> NewKey:
        demand(actor, Permission.KEYS, account_id)
        now = self._clock()
        async with self._db.transaction() as tx:
            if await accounts.lock(tx, account_id) is None:
                raise not_found(Noun.ACCOUNT, account_id)
            await _leave_room(tx, account_id)
            made = await issue(tx, self._box, self._entropy, account_id, now)
            await self._audit.record(tx, actor, "key.create", made.secret_id, account_id=account_id)
            await publish(tx, f"key created for account {account_id}", now)
        return made

    async def every(self, actor: Actor, account_id: int | None = None, *, after: str = "", most: int = PAGE_MOST) -> list[KeyRow]:
        """An account's keys, or all, without their secrets: the oldest first, at most 500, those behind the SecretId `after`."""
        only = within(actor, account_id)
        demand(actor, Permission.KEYS, only)
        async with self._db.connection() as conn:
            return await keys.page(conn, account_id=only, after=after, most=max(1, min(most, PAGE_MOST)))

    async def set_enabled(self, actor: Actor, secret_id: str, *, enabled: bool) -> KeyRow:
        demand(actor, Permission.KEYS)
        now = self._clock()
        async with self._db.transaction() as tx:
            key = await keys.get(tx, secret_id)
            if key is None or actor.account_id not in {None, key.account_id}:
                raise not_found(Noun.KEY, secret_id)
            await accounts.lock(tx, key.account_id)
            if enabled:
                await _leave_room(tx, key.account_id, beside=secret_id)
            await keys.set_enabled(tx, secret_id, enabled=enabled)
            action = "key.enable" if enabled else "key.disable"
            await self._audit.record(tx, actor, action, secret_id, account_id=key.account_id)
            await publish(tx, f"key of account {key.account_id} {'enabled' if enabled else 'disabled'}", now)
        return msgspec.structs.replace(key, enabled=enabled)


async def _leave_room(tx: Connection, account_id: int, *, beside: str = "") -> None:
    if await keys.live(tx, account_id, beside=beside) >= rules.LIVE_KEYS_MOST:
        raise ControlError(
            Fault.TOO_MANY,
            f"账号 {account_id} 已有 {rules.LIVE_KEYS_MOST} 对启用的密钥：先用 `hongyan key disable` 停用一对。",
            f"Account {account_id} has {rules.LIVE_KEYS_MOST} enabled keys already: disable one first with `hongyan key disable`.",
        )


async def issue(tx: Connection, box: SecretBox, entropy: tokens.Entropy, account_id: int, now: float) -> NewKey:
    """A new pair, written with its secret sealed."""
    made = NewKey(secret_id=tokens.secret_id(entropy), secret_key=tokens.secret_key(entropy), account_id=account_id)
    sealed = box.seal(made.secret_key, tokens.key_context(made.secret_id))
    await keys.add(tx, secret_id=made.secret_id, account_id=account_id, secret_sealed=sealed, now=now)
    return made
