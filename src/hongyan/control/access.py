"""An application's key and secret in Huawei's API, where not an account but an application sends."""

from collections.abc import Callable

import msgspec

from hongyan.control import rules, tokens
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, own_app
from hongyan.kit.db import Connection, Database, UniqueViolation
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import Actor, Permission
from hongyan.store import accounts, app_access, from_numbers
from hongyan.store.snapshots import publish


class AccessPair(msgspec.Struct, frozen=True):
    """For the owner's eyes only."""

    app_id: int
    access_key: str
    access_secret: str


class Access:
    """One pair an application. Whoever has one has from numbers too, for each signature that is or will be approved."""

    def __init__(self, db: Database, audit: Audit, box: SecretBox, clock: Callable[[], float], entropy: tokens.Entropy) -> None:
        self._db = db
        self._audit = audit
        self._box = box
        self._clock = clock
        self._entropy = entropy

    async def issue(self, actor: Actor, app_id: int) -> AccessPair:
        """A first pair. Refused when there is one: `rotate` gives a new secret."""
        demand(actor, Permission.KEYS)
        async with self._db.transaction() as tx:
            account_id = await self._locked(tx, actor, app_id)
            if (there := await app_access.get(tx, app_id)) is not None:
                raise ControlError(
                    Fault.TAKEN,
                    f"应用 {app_id} 已有华为云接口密钥 {there.access_key}：需要新的 secret 请轮换。",
                    f"Application {app_id} has the key {there.access_key} already: rotate it when you need a new secret.",
                    why="access_issued",
                )
            return await self._put(tx, actor, account_id, AccessPair(app_id, *self._fresh()), "access.issue")

    async def rotate(self, actor: Actor, app_id: int) -> AccessPair:
        """A new secret for the same key; the old one is good no more."""
        demand(actor, Permission.KEYS)
        async with self._db.transaction() as tx:
            account_id = await self._locked(tx, actor, app_id)
            there = await app_access.get(tx, app_id)
            if there is None:
                raise not_found(Noun.ACCESS, app_id)
            pair = AccessPair(app_id, there.access_key, self._fresh()[1])
            return await self._put(tx, actor, account_id, pair, "access.rotate")

    async def keep(self, actor: Actor, app_id: int, key: str, secret: str) -> AccessPair:
        """The pair that a program has already, so that nothing in it has to be changed; instead of what the application had."""
        demand(actor, Permission.KEYS)
        pair = AccessPair(app_id, *rules.access_pair(key, secret))
        try:
            async with self._db.transaction() as tx:
                account_id = await self._locked(tx, actor, app_id)
                return await self._put(tx, actor, account_id, pair, "access.keep")
        except UniqueViolation as fault:
            raise ControlError(
                Fault.TAKEN,
                "这个 key 已被另一个应用使用：一个 key 只属于一个应用。",
                "Another application has this key: a key belongs to one application.",
                why="access_key_taken",
            ) from fault

    async def show(self, actor: Actor, app_id: int) -> AccessPair:
        """Key and secret in clear."""
        demand(actor, Permission.KEYS)
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id)
            found = await app_access.sealed(tx, app_id)
            if not found:
                raise not_found(Noun.ACCESS, app_id)
            await self._audit.record(tx, actor, "access.show", app_id, account_id=app.account_id)
        return AccessPair(app_id, found[0].access_key, self._box.open(found[0].secret_sealed, tokens.access_context(app_id)))

    async def key(self, actor: Actor, app_id: int) -> str | None:
        """The key alone; None when there is none."""
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            found = await app_access.get(conn, app_id)
        return None if found is None else found.access_key

    async def remove(self, actor: Actor, app_id: int) -> None:
        """For good: nothing can be sent with it any more. Its from numbers stay, in case it gets another."""
        demand(actor, Permission.KEYS)
        now = self._clock()
        async with self._db.transaction() as tx:
            account_id = await self._locked(tx, actor, app_id)
            if not await app_access.remove(tx, app_id):
                raise not_found(Noun.ACCESS, app_id)
            await self._audit.record(tx, actor, "access.remove", app_id, account_id=account_id)
            await publish(tx, f"access of app {app_id} removed", now)

    def _fresh(self) -> tuple[str, str]:
        return tokens.access_key(self._entropy), tokens.access_secret(self._entropy)

    async def _locked(self, tx: Connection, actor: Actor, app_id: int) -> int:
        """Its account, whose papers do not change until the transaction ends."""
        app = await own_app(tx, actor, app_id)
        await accounts.lock(tx, app.account_id)
        await own_app(tx, actor, app_id, lock=True)
        return app.account_id

    async def _put(self, tx: Connection, actor: Actor, account_id: int, pair: AccessPair, action: str) -> AccessPair:
        now = self._clock()
        await put(tx, self._box, account_id, pair, now)
        await self._audit.record(tx, actor, action, pair.app_id, account_id=account_id, detail={"key": pair.access_key})
        await publish(tx, f"access of app {pair.app_id} changed", now)
        return pair


async def put(tx: Connection, box: SecretBox, account_id: int, pair: AccessPair, now: float) -> None:
    """Write the pair, its secret sealed, and give the application the from numbers it lacks. Under the account's lock."""
    sealed = box.seal(pair.access_secret, tokens.access_context(pair.app_id))
    await app_access.put(tx, app_id=pair.app_id, access_key=pair.access_key, secret_sealed=sealed, now=now)
    await from_numbers.add_lacking(tx, account_id, now)
