"""Jobs of what is paid later: charges become posts or voids, periods are closed and billed, books are compared."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from hongyan.control.credit import differences
from hongyan.kit.db import Connection, Database
from hongyan.kit.metrics import METRICS
from hongyan.model.alarm import AlarmKind
from hongyan.model.billing import Period, closes_at, day_of, midnight, period_from, stops_at, whole_fen
from hongyan.model.message import Status
from hongyan.model.money import ChargeRule
from hongyan.store import accounts, bills, charges, credit, notices, watermarks
from hongyan.store.bills import BillRow
from hongyan.store.charges import POSTED, VOIDED, Open
from hongyan.store.credit import CreditRow, Sums
from hongyan.store.snapshots import publish

log = structlog.get_logger()

AT_ONCE = 1_000
BATCHES_MOST = 5
"""Of an application in one round; with more charges open the next round goes on where this one ended."""
PERIODS_MOST = 40
"""Closed in one round of an account that nobody has looked after for long."""

NOTHING = Sums()
Owners = Callable[[], Mapping[int, int]]
"""By application: the account that pays for it later."""


class Charging:
    """Any process may do these jobs at any time: the row of an account's credit keeps two of them apart."""

    def __init__(self, db: Database, clock: Callable[[], float], owners: Owners) -> None:
        self._db = db
        self._clock = clock
        self._owners = owners
        self._places: dict[int, int] = {}
        self._paying: set[int] = set()
        self._sums: dict[int, Sums] = {}
        """What journals added up to when they were last read: all of one is read once in a process."""

    async def resolve(self) -> int:
        """Post what the carrier took and void what it did not, of messages that have ended; returns how many charges."""
        resolved, owners = 0, self._owners()
        for app_id in owners.keys() - self._paying:
            async with self._db.connection() as conn:
                await watermarks.pays(conn, app_id)
            self._paying.add(app_id)
        async with self._db.connection() as conn:
            holding = await credit.holding(conn)
        for app_id, account_id in sorted(owners.items()):
            if account_id not in holding:
                continue
            for _ in range(BATCHES_MOST):
                async with self._db.connection() as conn:
                    held = await charges.held(conn, app_id, after_id=self._places.get(app_id, 0), most=AT_ONCE)
                resolved += await self._resolve(account_id, app_id, [charge for charge in held if charge.charged is not None])
                self._places[app_id] = held[-1].id if len(held) == AT_ONCE else 0
                if len(held) < AT_ONCE:
                    break
        return resolved

    async def _resolve(self, account_id: int, app_id: int, ended: Sequence[Open]) -> int:
        if not ended:
            return 0
        async with self._db.transaction() as tx:
            row, account = await credit.get(tx, account_id, lock=True), await accounts.get(tx, account_id)
            if row is None or account is None:
                return 0
            decided = {charge.id: POSTED if _is_due(charge, account.charge) else VOIDED for charge in ended}
            # Of a period that is closed nothing changes any more.
            at = max(self._clock(), midnight(row.closed_until))
            mine = await charges.resolve(tx, app_id, sorted(decided.items()), at)
            done = [charge for charge in ended if charge.id in mine]
            posted = [charge for charge in done if decided[charge.id] == POSTED]
            if posted:
                await charges.add_to_day(tx, account_id, day_of(at), app_id, _summed(posted))
            paid = sum(charge.milli for charge in posted)
            await credit.resolve(
                tx,
                account_id,
                posted_milli=paid,
                voided_milli=sum(charge.milli for charge in done) - paid,
                app_id=app_id,
                note=f"messages from {min(decided)}",
                at_s=at,
            )
        return len(done)

    async def close(self) -> int:
        """Bill every period that is over; returns how many bills were issued. A period without anything to pay has none."""
        async with self._db.connection() as conn:
            account_ids = await credit.every(conn)
        issued = 0
        for account_id in account_ids:
            for _ in range(PERIODS_MOST):
                async with self._db.transaction() as tx:
                    row = await credit.get(tx, account_id, lock=True)
                    if row is None:
                        break
                    period = period_from(row.rhythm, row.closed_until)
                    now = self._clock()
                    if now < closes_at(row.rhythm, period):
                        break
                    issued += await _close(tx, row, period, now)
        return issued

    async def compare(self) -> int:
        """Whether balances, journal and open charges agree; the credit of an account where they do not is frozen. How many that were."""
        async with self._db.connection() as conn:
            account_ids = await credit.every(conn)
        found = 0
        for account_id in account_ids:
            why = await self._compare(account_id)
            if why:
                log.error("credit_books_disagree", account=account_id, why=why)
                async with self._db.transaction() as tx:
                    await credit.set_frozen(tx, account_id, frozen=True)
                found += 1
        async with self._db.connection() as conn:
            METRICS.credits_frozen(await credit.frozen(conn))
        return found

    async def _compare(self, account_id: int) -> str:
        # One instant for all of it; whoever accepts is not kept waiting.
        async with self._db.transaction(repeatable_read=True) as tx:
            row = await credit.get(tx, account_id)
            if row is None or row.frozen:
                return ""
            sums = await credit.sums(tx, account_id, since=self._sums.get(account_id, NOTHING))
            why = await differences(tx, row, sums)
        if not why:
            self._sums[account_id] = sums
        return why


def _is_due(charge: Open, rule: ChargeRule) -> bool:
    """A message that has ended: a carrier took it, and where only what arrives is paid for it has arrived."""
    return bool(charge.charged) and (rule is ChargeRule.SUBMIT or charge.status is Status.DELIVERED)


def _summed(posted: Iterable[Open]) -> list[tuple[str, int, int, int, int]]:
    sums: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for charge in posted:
        for n, more in enumerate((1, charge.segments, charge.milli)):
            sums[charge.region, charge.price_id][n] += more
    return [(region, price_id, *counts) for (region, price_id), counts in sorted(sums.items())]  # type: ignore[misc]


async def _close(tx: Connection, row: CreditRow, period: Period, now: float) -> int:
    """The closing entry of a period, and its bill; 1 when there is one."""
    since = await charges.of_days(tx, row.account_id, period.ends, dt.date.max)
    within = await charges.of_days(tx, row.account_id, period.begins, period.ends)
    # What was posted since the period ended, before anybody came to close it, is on the next bill.
    due = row.unbilled_milli - sum(each.milli - each.refunded_milli for each in since)
    posted, refunded = sum(each.milli for each in within), sum(each.refunded_milli for each in within)
    total = max(0, whole_fen(due))
    await credit.close(tx, row.account_id, period.ends)
    if not total:
        return 0
    bill = await bills.add(
        tx,
        BillRow(
            id=0,
            account_id=row.account_id,
            rhythm=row.rhythm,
            begins=period.begins,
            ends=period.ends,
            posted_milli=posted,
            refunded_milli=refunded,
            carried_milli=due - posted + refunded,
            total_milli=total,
            issued_at=now,
            stops_at=stops_at(row.rhythm, period, now),
            paid_at=None,
        ),
    )
    await credit.bill(tx, row.account_id, total, bill_id=bill.id, now=now)
    facts: notices.Facts = {"bill": bill.id, "total_milli": total, "stops_at": bill.stops_at}
    await notices.add(tx, account_id=row.account_id, app_id=None, kind=AlarmKind.BALANCE, facts=facts, now=now)
    log.info("bill_issued", account=row.account_id, bill=bill.id, until=str(period.ends), total_milli=total)
    await publish(tx, f"bill {bill.id} of account {row.account_id} issued", now)
    return 1
