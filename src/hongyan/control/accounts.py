"""Accounts."""

from collections.abc import Callable

from hongyan.control import rules
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.kit.db import Database, UniqueViolation
from hongyan.model.snapshot import AccountKind
from hongyan.store import accounts
from hongyan.store.accounts import AccountRow
from hongyan.store.snapshots import publish


class Accounts:
    """Whoever owns applications, keys, signatures and templates."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock

    async def create(self, name: str, kind: AccountKind) -> AccountRow:
        plain = rules.name(name)
        now = self._clock()
        try:
            async with self._db.transaction() as tx:
                account = await accounts.add(tx, name=plain, kind=kind, now=now)
                await publish(tx, f"account {account.id} created", now)
        except UniqueViolation as fault:
            raise ControlError(
                Fault.TAKEN, f"已有名为“{plain}”的账号：请换个名称。", f"There is an account named “{plain}” already: choose another name."
            ) from fault
        return account

    async def every(self) -> list[AccountRow]:
        async with self._db.connection() as conn:
            return await accounts.every(conn)

    async def set_enabled(self, account_id: int, *, enabled: bool) -> AccountRow:
        """A disabled account keeps everything and can send nothing."""
        now = self._clock()
        async with self._db.transaction() as tx:
            account = await accounts.set_enabled(tx, account_id, enabled=enabled)
            if account is None:
                raise not_found(Noun.ACCOUNT, account_id)
            await publish(tx, f"account {account_id} {'enabled' if enabled else 'disabled'}", now)
        return account
