"""Credit: who may pay later and how much they may owe, with the journal of it."""

import datetime as dt
from collections.abc import Callable

import msgspec

from hongyan.control import rules
from hongyan.control.audit import Audit, Detail
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, own_app, within
from hongyan.control.verifications import demand_verified
from hongyan.kit.db import Connection, Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.billing import Rhythm, day_of, midnight, yuan
from hongyan.model.snapshot import AccountKind
from hongyan.store import accounts, apps, charges, credit
from hongyan.store.charges import DaySum, Open
from hongyan.store.credit import CreditEntry, CreditRow, Sums
from hongyan.store.snapshots import publish

LIMIT_MOST_MILLI = 10**15
"""Ten billion yuan."""
DAILY_MOST = 10**9
PAGE_MOST = 500


class Disagreement(msgspec.Struct, frozen=True):
    """Books that do not agree: what is there and what the journal says, in yuan."""

    account_id: int
    what: str


class Credits:
    """An account's credit limit is over all of its applications; only an enterprise may pay later (seed 002)."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def set(
        self, actor: Actor, account_id: int, limit_milli: int, *, rhythm: Rhythm = Rhythm.MONTHLY, daily_most: int | None = None
    ) -> CreditRow:
        """Let an account owe up to `limit_milli` thousandths of a fen for messages abroad; 0 ends it, and what it owes it still owes.

        `daily_most`: messages on credit in a calendar day, over all applications. The operator's alone.
        """
        _demand_operator(actor)
        if not 0 <= limit_milli <= LIMIT_MOST_MILLI or not 0 <= (daily_most or 0) <= DAILY_MOST:
            raise ControlError(
                Fault.INVALID,
                f"额度需为 0 到 {LIMIT_MOST_MILLI} 千分之一分，每日条数需为 0 到 {DAILY_MOST}。",
                f"A limit is 0 to {LIMIT_MOST_MILLI} thousandths of a fen, a day's messages are 0 to {DAILY_MOST}.",
            )
        now = self._clock()
        async with self._db.transaction() as tx:
            account = await accounts.lock(tx, account_id)
            if account is None:
                raise not_found(Noun.ACCOUNT, account_id)
            await demand_verified(tx, account_id)
            if account.kind is not AccountKind.ENTERPRISE:
                raise ControlError(
                    Fault.NOT_ALLOWED,
                    f"账号 {account_id} 是个人账号，不能后付费：请先完成企业认证，或购买国际套餐包。",
                    f"Account {account_id} is an individual's and may not pay later: verify as an enterprise, or buy a package.",
                    why="enterprise_only",
                )
            row = await credit.put(
                tx, account_id, limit_milli=limit_milli, rhythm=rhythm, daily_most=daily_most, today=day_of(now), now=now
            )
            detail: Detail = {"limit_milli": limit_milli, "rhythm": rhythm.value, "daily_most": daily_most}
            await self._audit.record(tx, actor, "credit.set", account_id, account_id=account_id, detail=detail)
            await publish(tx, f"credit of account {account_id} changed", now)
        return row

    async def get(self, actor: Actor, account_id: int) -> CreditRow:
        """What it may owe and does owe."""
        demand(actor, Permission.MONEY_READ, account_id)
        async with self._db.connection() as conn:
            return _found(await credit.get(conn, account_id), account_id)

    async def every(self, actor: Actor, *, account_id: int | None = None, after_id: int = 0, most: int = PAGE_MOST) -> list[CreditRow]:
        """In the order of accounts, at most 500."""
        demand(actor, Permission.MONEY_READ)
        async with self._db.connection() as conn:
            return await credit.page(conn, within(actor, account_id), after_id=after_id, most=max(1, min(most, PAGE_MOST)))

    async def entries(self, actor: Actor, account_id: int, *, after_id: int = 0, most: int = PAGE_MOST) -> list[CreditEntry]:
        """The journal, in the order of entries, at most 500."""
        demand(actor, Permission.MONEY_READ, account_id)
        async with self._db.connection() as conn:
            return await credit.entries(conn, account_id, after_id=after_id, most=max(1, min(most, PAGE_MOST)))

    async def unbilled(self, actor: Actor, account_id: int) -> list[DaySum]:
        """What will be on the next bill so far, by application, country and price."""
        demand(actor, Permission.MONEY_READ, account_id)
        async with self._db.connection() as conn:
            row = _found(await credit.get(conn, account_id), account_id)
            return await charges.of_days(conn, account_id, row.closed_until, dt.date.max)

    async def refund(self, actor: Actor, app_id: int, message_id: int, note: str) -> CreditRow:
        """Take a message that was posted off the account's bill: off the next one, whatever bill it was on. Once for each message."""
        _demand_operator(actor)
        why, now = rules.reason(note), self._clock()
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id)
            row = _found(await credit.get(tx, app.account_id, lock=True), app.account_id)
            charge = await charges.get(tx, app_id, message_id)
            if charge is None:
                raise not_found(Noun.CHARGE, message_id)
            await self._refund(tx, row, app_id, charge, now)
            detail: Detail = {"app": app_id, "milli": charge.milli, "note": why}
            await self._audit.record(tx, actor, "charge.refund", message_id, account_id=app.account_id, detail=detail)
            return _found(await credit.get(tx, app.account_id), app.account_id)

    async def _refund(self, tx: Connection, row: CreditRow, app_id: int, charge: Open, now: float) -> None:
        # Of a period that is closed nothing changes any more.
        at = max(now, midnight(row.closed_until))
        await charges.refund(tx, app_id, charge.id, at)
        await charges.refund_on_day(tx, row.account_id, day_of(at), app_id, charge)
        if charge.milli:
            await credit.refund(tx, row.account_id, charge.milli, app_id=app_id, note=f"message {charge.id}", now=at)

    async def check(self, actor: Actor, account_id: int | None = None) -> list[Disagreement]:
        """Read whole journals anew and compare; empty when all agree. Nothing is changed."""
        demand(actor, Permission.MONEY_READ)
        only, found = within(actor, account_id), []
        async with self._db.connection() as conn:
            named = await credit.every(conn)
        for one in named:
            if only in {None, one}:
                async with self._db.transaction(repeatable_read=True) as tx:
                    row = await credit.get(tx, one)
                    why = "" if row is None else await mismatch(tx, row)
                found += [Disagreement(one, why)] if why else []
        return found

    async def unfreeze(self, actor: Actor, account_id: int) -> CreditRow:
        """Somebody has looked into why its books disagreed, and they do so no longer."""
        _demand_operator(actor)
        async with self._db.transaction() as tx:
            row = _found(await credit.get(tx, account_id, lock=True), account_id)
            if why := await mismatch(tx, row):
                raise ControlError(
                    Fault.WRONG_STATE,
                    f"账号 {account_id} 的账目仍不一致（{why}）：请先查明并更正。",
                    f"The books of account {account_id} still disagree ({why}): find out why and correct them first.",
                )
            await credit.set_frozen(tx, account_id, frozen=False)
            await self._audit.record(tx, actor, "credit.unfreeze", account_id, account_id=account_id)
            return _found(await credit.get(tx, account_id), account_id)


async def mismatch(tx: Connection, row: CreditRow) -> str:
    """What of an account's credit is not what its whole journal and its charges say, as of one instant; empty when all is."""
    return await differences(tx, row, await credit.sums(tx, row.account_id))


async def differences(tx: Connection, row: CreditRow, sums: Sums) -> str:
    """The same with the sums of its journal."""
    held = 0
    for app in await apps.every(tx, row.account_id):
        held += await charges.held_milli(tx, app.id)
    expected = {
        "held": (row.held_milli, sums.hold - sums.void - sums.post),
        "unbilled": (row.unbilled_milli, sums.post - sums.refund - sums.bill),
        "owed": (row.owed_milli, sums.bill - sums.pay),
        "charges": (row.held_milli, held),
    }
    return ", ".join(f"{what} {yuan(there)} / {yuan(should)}" for what, (there, should) in expected.items() if there != should)


def _found(row: CreditRow | None, account_id: int) -> CreditRow:
    if row is None:
        raise not_found(Noun.CREDIT, account_id)
    return row


def _demand_operator(actor: Actor) -> None:
    demand(actor, Permission.MONEY)
    if actor.account_id is not None:
        raise ControlError(
            Fault.NOT_ALLOWED,
            "信用额度由平台运营方设置：请联系运营方。",
            "Credit is given by the operator of this platform: ask them.",
        )
