"""The audit log: every change of money, review, keys and roles, who made it and what it was, in a chain that shows any tampering."""

import re
from collections.abc import Callable, Mapping

import msgspec

from hongyan.control.permissions import demand, within
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import Actor, Permission
from hongyan.store import audit
from hongyan.store.audit import AuditRow

CONTEXT = "audit log"
PAGE_MOST = 500
NEWEST = 2**62
_ACTION = re.compile(r"[a-z_]+\.[a-z_]+")

Detail = Mapping[str, str | int | bool | None]
"""What changed. No secret and no whole phone number."""


class Broken(msgspec.Struct, frozen=True):
    """Where the chain does not hold: a row was changed, taken out or put in."""

    id: int
    zh: str
    en: str


class Audit:
    """Written in the transaction of the change itself: neither happens without the other."""

    def __init__(self, db: Database, box: SecretBox, clock: Callable[[], float]) -> None:
        self._db = db
        self._box = box
        self._clock = clock

    async def record(
        self, tx: Connection, actor: Actor, action: str, target: int | str, *, account_id: int | None = None, detail: Detail | None = None
    ) -> None:
        """Note that `actor` did `action` ("noun.verb") to `target`. Late in the transaction: writers wait for each other until it ends."""
        if _ACTION.fullmatch(action) is None:
            raise ValueError(action)
        row = AuditRow(
            id=0,
            at=self._clock(),
            actor_kind=actor.kind,
            actor=actor.id,
            actor_name=actor.name,
            address=actor.address,
            account_id=account_id,
            action=action,
            target=str(target),
            detail=msgspec.json.encode(dict(detail or {}), order="sorted").decode(),
            previous=b"",
            mark=b"",
        )
        await audit.append(tx, row, self._seal)

    async def page(self, actor: Actor, *, account_id: int | None = None, before_id: int = NEWEST, most: int = 100) -> list[AuditRow]:
        """The newest first; at most 500."""
        only = within(actor, account_id)
        demand(actor, Permission.AUDIT, only)
        async with self._db.connection() as conn:
            return await audit.page(conn, account_id=only, before_id=before_id, most=max(1, min(most, PAGE_MOST)))

    async def verify(self) -> Broken | None:
        """The first place where the chain does not hold, None when all of it does."""
        previous, last, end = b"", 0, b""
        async with self._db.transaction(repeatable_read=True) as tx:
            while found := await audit.following(tx, last, PAGE_MOST):
                for row in found:
                    if row.id != last + 1:
                        return Broken(last + 1, f"第 {last + 1} 条记录不见了。", f"Record {last + 1} is gone.")
                    if row.previous != previous or row.mark != self._seal(row):
                        return Broken(row.id, f"第 {row.id} 条记录被改动过。", f"Record {row.id} was changed.")
                    last, previous, end = row.id, row.mark, audit.seal_head(row, self._seal)
            head = await audit.head(tx)
        if head is None and last == 0:
            return None
        if head is None or head != (last, end):
            return Broken(last + 1, f"第 {last} 条之后的记录不见了。", f"What followed record {last} is gone.")
        return None

    def _seal(self, row: AuditRow) -> bytes:
        # Microseconds, as the database keeps them.
        told = msgspec.structs.astuple(msgspec.structs.replace(row, at=round(row.at, 6), mark=b""))
        return self._box.mark(msgspec.json.encode(told), CONTEXT)
