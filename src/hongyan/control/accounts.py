"""Accounts."""

from collections.abc import Callable

from hongyan.control import rules
from hongyan.control.audit import Audit, Detail
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.own_app import ACCOUNT
from hongyan.control.permissions import demand, within
from hongyan.kit.db import Database, UniqueViolation
from hongyan.model.actor import Actor, Permission
from hongyan.model.money import ChargeRule
from hongyan.model.snapshot import AccountKind
from hongyan.store import accounts
from hongyan.store.accounts import AccountRow
from hongyan.store.snapshots import publish

PAGE_MOST = 500


class Accounts:
    """Whoever owns applications, keys, signatures and templates."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def create(self, actor: Actor, name: str, kind: AccountKind, *, verified: bool = True) -> AccountRow:
        """A new account, by the operator, who knows who it is unless told to be `verified` later by papers."""
        demand(actor, Permission.ADMINISTER)
        plain = rules.name(name)
        if plain.casefold() == ACCOUNT:
            raise _taken(plain)
        now = self._clock()
        try:
            async with self._db.transaction() as tx:
                account = await accounts.add(tx, name=plain, kind=kind, verified=verified, now=now)
                detail: Detail = {"name": plain, "kind": kind.name.lower(), "verified": verified}
                await self._audit.record(tx, actor, "account.create", account.id, account_id=account.id, detail=detail)
                await publish(tx, f"account {account.id} created", now)
        except UniqueViolation as fault:
            raise _taken(plain) from fault
        return account

    async def get(self, actor: Actor, account_id: int) -> AccountRow:
        demand(actor, Permission.READ, account_id)
        async with self._db.connection() as conn:
            account = await accounts.get(conn, account_id)
        if account is None:
            raise not_found(Noun.ACCOUNT, account_id)
        return account

    async def every(self, actor: Actor, *, after_id: int = 0, most: int = PAGE_MOST) -> list[AccountRow]:
        """In the order of their ids, at most 500; an actor with an account sees that one."""
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            return await accounts.page(conn, account_id=within(actor, None), after_id=after_id, most=max(1, min(most, PAGE_MOST)))

    async def set_enabled(self, actor: Actor, account_id: int, *, enabled: bool) -> AccountRow:
        """A disabled account keeps everything and can send nothing; the operator's alone."""
        demand(actor, Permission.ADMINISTER, account_id)
        now = self._clock()
        async with self._db.transaction() as tx:
            account = await accounts.set_enabled(tx, account_id, enabled=enabled)
            if account is None:
                raise not_found(Noun.ACCOUNT, account_id)
            await self._audit.record(tx, actor, "account.enable" if enabled else "account.disable", account_id, account_id=account_id)
            await publish(tx, f"account {account_id} {'enabled' if enabled else 'disabled'}", now)
        return account

    async def set_charge(self, actor: Actor, account_id: int, rule: ChargeRule) -> AccountRow:
        """When its messages cost something, for those that end from now on; the operator's alone."""
        demand(actor, Permission.ADMINISTER, account_id)
        now = self._clock()
        async with self._db.transaction() as tx:
            account = await accounts.set_charge(tx, account_id, rule)
            if account is None:
                raise not_found(Noun.ACCOUNT, account_id)
            await self._audit.record(tx, actor, "account.charge", account_id, account_id=account_id, detail={"rule": rule.value})
            await publish(tx, f"charge rule of account {account_id} changed", now)
        return account


def _taken(name: str) -> ControlError:
    return ControlError(
        Fault.TAKEN, f"已有名为“{name}”的账号：请换个名称。", f"There is an account named “{name}” already: choose another name."
    )
