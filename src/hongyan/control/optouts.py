"""Numbers that want no more messages of an application: listed, handed out, added and lifted by people."""

import csv
import datetime as dt
import io
from collections.abc import AsyncIterator, Callable

from hongyan.control import rules
from hongyan.control.audit import Audit
from hongyan.control.blacklist import plain_cell
from hongyan.control.permissions import demand, own_app
from hongyan.kit.db import Connection, Database
from hongyan.model.actor import Actor, Permission
from hongyan.store import messages, optouts, withdrawals
from hongyan.store.apps import AppRow
from hongyan.store.optouts import OptOutRow

PAGE_MOST = 1_000


class OptOuts:
    """Acts on everything accepted after the change, and within a second on what waits."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def page(self, actor: Actor, app_id: int, *, sign_name: str = "", after_phone: int = 0, most: int = PAGE_MOST) -> list[OptOutRow]:
        """At most `most` (and never more than 1,000) by number, those above `after_phone`.

        With a signature's name, only those that answered a message with it.
        """
        demand(actor, Permission.CONTACTS)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            return await optouts.page(conn, app_id, after_phone=after_phone, most=max(1, min(most, PAGE_MOST)), sign_name=sign_name)

    async def hand_out(self, actor: Actor, app_id: int) -> AsyncIterator[str]:
        """All of them as CSV, some thousand rows at a time: number, text, signature, since. Spreadsheets calculate no cell of it."""
        demand(actor, Permission.CONTACTS)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
        yield "number,text,sign_name,since\r\n"
        after = 0
        while True:
            async with self._db.connection() as conn:
                found = await optouts.page(conn, app_id, after_phone=after, most=PAGE_MOST)
            if not found:
                return
            yield _csv(found)
            after = found[-1].phone

    async def add(self, actor: Actor, app_id: int, written: list[str], reason: str = "") -> int:
        """For those who said so elsewhere; how many had not opted out yet."""
        demand(actor, Permission.CONTACTS)
        phones = rules.phones(written)
        why = rules.reason(reason)
        now = self._clock()
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id)
            await messages.lock_numbers(tx, app_id, phones)
            added = await optouts.add(tx, app_id, phones, now)
            await withdrawals.add(tx, added, now, app_id=app_id)
            await self._note(tx, actor, app, "optout.add", numbers=len(added), reason=why)
        return len(added)

    async def lift(self, actor: Actor, app_id: int, written: list[str], reason: str = "") -> int:
        """Let them be sent to again, once they have taken their wish back; how many had opted out."""
        demand(actor, Permission.CONTACTS)
        phones = rules.phones(written)
        why = rules.reason(reason)
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id)
            lifted = await optouts.lift(tx, app_id, phones)
            await self._note(tx, actor, app, "optout.lift", numbers=len(lifted), reason=why)
        return len(lifted)

    async def _note(self, tx: Connection, actor: Actor, app: AppRow, action: str, *, numbers: int, reason: str) -> None:
        """Audited by count: which numbers there are, the tables say."""
        await self._audit.record(tx, actor, action, app.id, account_id=app.account_id, detail={"numbers": numbers, "reason": reason})


def _csv(found: list[OptOutRow]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in found:
        since = dt.datetime.fromtimestamp(row.created_at, dt.UTC).isoformat(timespec="seconds")
        writer.writerow([row.phone, plain_cell(row.text), plain_cell(row.sign_name), since])
    return out.getvalue()
