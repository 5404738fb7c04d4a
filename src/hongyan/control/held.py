"""Messages with suspicious words: they wait until a reviewer lets them go or refuses them."""

from collections.abc import Callable, Sequence

import msgspec

from hongyan.control import rules
from hongyan.control.audit import Audit
from hongyan.control.permissions import demand, own_app, own_apps
from hongyan.kit.db import Connection, Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.message import Kind, Status
from hongyan.model.phone import e164, mask
from hongyan.model.protection import Hours, hours_begin
from hongyan.store import held, protections, queue, settlements
from hongyan.store.apps import AppRow
from hongyan.store.held import HeldRow
from hongyan.store.settlements import Ending

PAGE_MOST = 500
AT_ONCE = 500
REFUSED = "REFUSED"
"""The code of a message that a reviewer did not let go."""


class Held(msgspec.Struct, frozen=True):
    """A message that waits."""

    message_id: int
    app_id: int
    phone: str
    kind: Kind
    text: str
    words: str
    held_at: float
    expires_at: float
    """Not sent after it: then it ends by itself."""


class HeldMessages:
    """The queue of what was promised and not let go yet."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float], hours: Hours | None) -> None:
        """`hours` are those of marketing where an application has none of its own."""
        self._db = db
        self._audit = audit
        self._clock = clock
        self._hours = hours

    async def page(self, actor: Actor, *, app_id: int | None = None, after_id: int = 0, most: int = 100) -> list[Held]:
        """The oldest first, at most 500; numbers are masked for who may not see them whole."""
        demand(actor, Permission.READ)
        whole = Permission.REVEAL in actor.permissions
        async with self._db.connection() as conn:
            asked = await own_apps(conn, actor, app_id)
            found = await held.page(conn, asked, after_id=after_id, most=max(1, min(most, PAGE_MOST)))
        return [_shown(row, whole=whole) for row in found]

    async def release(self, actor: Actor, app_id: int, ids: Sequence[int]) -> list[int]:
        """Let them go; those that were still held. One whose validity has ended ends as expired; marketing waits for its hours."""
        demand(actor, Permission.REVIEW)
        now = self._clock()
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id)
            hours = (await protections.get(tx, app_id)).settings.hours_or(self._hours)
            released = await held.release(tx, app_id, ids[:AT_ONCE], now, marketing_at=now if hours is None else hours_begin(hours, now))
            if released:
                await self._note(tx, actor, app, action="held.release", ids=released)
                await queue.ring(tx)
        return released

    async def refuse(self, actor: Actor, app_id: int, ids: Sequence[int], reason: str = "") -> list[int]:
        """They are not sent, their segments are given back, and the customer is told; those that were still held."""
        demand(actor, Permission.REVIEW)
        why = rules.reason(reason)
        now = self._clock()
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id)
            refused = await held.remove(tx, app_id, ids[:AT_ONCE])
            if refused:
                endings = [Ending(app_id, id_, Status.FAILED, REFUSED, charge=False, link_id=None, done_at=now) for id_ in sorted(refused)]
                await settlements.settle(tx, app_id, endings, callback=bool(app.report_url), pull=app.pull, now=now)
                await self._note(tx, actor, app, action="held.refuse", ids=refused, reason=why)
        return refused

    async def _note(self, tx: Connection, actor: Actor, app: AppRow, *, action: str, ids: Sequence[int], reason: str = "") -> None:
        detail: dict[str, str | int | bool | None] = {"messages": len(ids), "first": str(min(ids)), "reason": reason}
        await self._audit.record(tx, actor, action, app.id, account_id=app.account_id, detail=detail)


def _shown(row: HeldRow, *, whole: bool) -> Held:
    return Held(
        message_id=row.id,
        app_id=row.app_id,
        phone=e164(row.phone) if whole else mask(row.phone),
        kind=row.kind,
        text=row.text if whole else "",
        words=row.words if whole else "",
        held_at=row.held_at,
        expires_at=row.expires_at,
    )
