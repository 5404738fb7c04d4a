"""The journal of packages, and the self-check: entries, balances, messages and what carriers took agree, or the package is frozen."""

import csv
import datetime as dt
import io
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
import structlog

from hongyan.control import rules
from hongyan.control.audit import Audit, Detail
from hongyan.control.blacklist import plain_cell
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, own_app, own_apps
from hongyan.kit import ids
from hongyan.kit.db import Connection, Database
from hongyan.kit.metrics import METRICS
from hongyan.model.actor import Actor, Permission, system
from hongyan.model.alarm import AlarmKind
from hongyan.model.money import Balance, balance_of, corrections
from hongyan.store import apps, credit, ledger, notices, packages, watermarks
from hongyan.store.ledger import LOOKED_AT, SUMMED, Book, Charge, EntryRow
from hongyan.store.packages import PackageRow
from hongyan.store.snapshots import publish
from hongyan.store.watermarks import EXPIRED

log = structlog.get_logger()

PAGE_MOST = 1_000
EXPORT_MOST = 1_000
NEVER = 253_402_300_799.0
HEADING = ("id", "time", "app_id", "package_id", "kind", "segments", "note")
LATEST_S = 600.0
"""No transaction is older: from an entry of that age on, none can come in front."""
YOUNG_S = 120.0
"""Messages of that age are there, or will never be: no promise takes longer from its id to its commit."""
SETTLED_S = 60.0
"""What carriers took may be written so long after the settlement it belongs to."""
STRETCH_S = 6 * 3600.0
"""What is looked at in one go when the job has been away for long."""
STRETCHES = 100
"""The most of these in one round."""
SELF_CHECK = system("self-check")


class Finding(msgspec.Struct, frozen=True):
    """What does not agree in the books of a package."""

    app_id: int
    package_id: int
    what: str
    """`journal`, `holds`, `charges`."""
    detail: str


class Ledger:
    """The journal for whoever owns the packages, and the self-check for everybody."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def entries(
        self,
        actor: Actor,
        app_id: int,
        *,
        package_id: int | None = None,
        begin: float = 0.0,
        end: float = NEVER,
        after_id: int = 0,
        most: int = PAGE_MOST,
    ) -> list[EntryRow]:
        """An application's entries above `after_id`, of a stretch of time; in the order of their ids, at most 1,000."""
        demand(actor, Permission.MONEY_READ)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            return await ledger.page(
                conn, app_id, package_id=package_id, after_id=after_id, begin=begin, end=end, most=max(1, min(most, PAGE_MOST))
            )

    async def hand_out(self, actor: Actor, app_id: int | None = None, *, begin: float = 0.0, end: float = NEVER) -> AsyncIterator[str]:
        """The journal as CSV, a part at a time: of one application or all that the actor may see."""
        demand(actor, Permission.MONEY_READ)
        async with self._db.connection() as conn:
            named = await own_apps(conn, actor, app_id)
        yield _csv([HEADING])
        for one in sorted(named):
            after = 0
            while True:
                async with self._db.connection() as conn:
                    found = await ledger.page(conn, one, package_id=None, after_id=after, begin=begin, end=end, most=EXPORT_MOST)
                if found:
                    yield _csv([_cells(entry) for entry in found])
                if len(found) < EXPORT_MOST:
                    break
                after = found[-1].id

    async def check(self, actor: Actor, app_id: int | None = None) -> list[Finding]:
        """Read every entry and every message of the actor's packages anew, and compare; empty when all agree. Nothing is changed."""
        demand(actor, Permission.MONEY_READ)
        async with self._db.connection() as conn:
            named = await own_apps(conn, actor, app_id)
        found: list[Finding] = []
        for one in sorted(named):
            async with self._db.connection() as conn:
                owned = await packages.every(conn, one)
            for package in owned:
                async with self._db.connection() as conn:
                    book = await ledger.book(conn, one, package.id, since_id=_first_id(package))
                found += [] if book is None else _findings(one, book)
        return found

    async def unfreeze(self, actor: Actor, app_id: int, package_id: int, note: str, *, correct: bool = False) -> PackageRow:
        """Messages may draw on it again, after somebody has looked; the operator's alone.

        While its books do not agree that is refused; with `correct` what is there counts: entries are added until the journal says so,
        and what no message holds any more is given back.
        """
        demand(actor, Permission.ADMINISTER)
        why = rules.reason(note)
        now = self._clock()
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id)
            package = await packages.lock(tx, app_id, package_id)
            if package is None:
                raise not_found(Noun.PACKAGE, package_id)
            if package.frozen_at is None:
                raise ControlError(
                    Fault.WRONG_STATE, f"套餐包 {package_id} 没有被冻结。", f"Package {package_id} is not frozen.", why="not_frozen"
                )
            book = await ledger.book(tx, app_id, package_id, since_id=_first_id(package))
            wrong = [] if book is None else _findings(app_id, book)
            if book is not None and wrong:
                if not correct:
                    raise _disagrees(package_id, wrong)
                await _correct(tx, app_id, book, f"correction: {why}", now)
            await packages.unfreeze(tx, app_id, package_id)
            detail: Detail = {"app": app_id, "note": why, "corrected": "; ".join(finding.detail for finding in wrong)}
            await self._audit.record(tx, actor, "package.unfreeze", package_id, account_id=app.account_id, detail=detail)
            await publish(tx, f"package of app {app_id} unfrozen", now)
            return await packages.lock(tx, app_id, package_id) or package

    # The self-check.

    async def self_check(self) -> int:
        """Compare the books of all packages, and freeze those that do not agree; returns how many were frozen now. A job."""
        async with self._db.connection() as conn:
            all_apps = [app.id for app in await apps.every(conn, None)]
        frozen = 0
        for app_id in all_apps:
            frozen += await self._check_app(app_id)
        async with self._db.connection() as conn:
            METRICS.frozen(await packages.frozen(conn))
        return frozen

    async def _check_app(self, app_id: int) -> int:
        wrong: list[Finding] = []
        caught_up = False
        for _ in range(STRETCHES):
            charges, caught_up = await self._advance(app_id)
            wrong += [_charged(app_id, charge) for charge in charges]
            if caught_up:
                break
        async with self._db.connection() as conn:
            # What has not been looked at yet would be in the question itself: too much of it for one.
            found = await ledger.books(conn, app_id) if caught_up else []
            suspected = [book for book in found if not book.frozen and _findings(app_id, book)]
        if suspected:
            wrong += await self._look_again(app_id, suspected)
        frozen = 0
        # Messages on credit have minus their price in the place of a package.
        for package_id in sorted({finding.package_id for finding in wrong if finding.package_id > 0}):
            frozen += await self._freeze(app_id, package_id, [finding for finding in wrong if finding.package_id == package_id])
        if on_credit := [finding for finding in wrong if finding.package_id < 0]:
            await self._freeze_credit(app_id, on_credit)
        return frozen

    async def _advance(self, app_id: int) -> tuple[list[Charge], bool]:
        """Sum up what is old enough, and remember which messages are not settled.

        Returns what was paid for wrongly among the others, and whether only the youngest have not been looked at.
        """
        now = self._clock()
        settled_before = now - SETTLED_S
        async with self._db.transaction() as tx:
            after = await watermarks.get(tx, app_id, LOOKED_AT)
            summed = await watermarks.get(tx, app_id, SUMMED) or 0
            if after is None:
                # Whatever is so old that it has expired is settled. Somebody else may be at the very beginning, too: one gets on.
                await watermarks.begin(tx, app_id, LOOKED_AT, await watermarks.get(tx, app_id, EXPIRED) or 0)
                after = await watermarks.get(tx, app_id, LOOKED_AT) or 0
            after = after or await ledger.before_the_first(tx, app_id)
            newest = ids.first_id_at(now - YOUNG_S)
            up_to = min(newest, ids.first_id_at(ids.time_of(after) + STRETCH_S)) if after else newest
            closed = await ledger.close_holds(tx, app_id, settled_before=settled_before)
            wrong = await ledger.wrong_charges_of(tx, app_id, closed) if closed else []
            if up_to > after:
                await ledger.open_holds(tx, app_id, after_id=after, up_to_id=up_to, settled_before=settled_before)
                wrong += await ledger.wrong_charges(tx, app_id, after_id=after, up_to_id=up_to, settled_before=settled_before)
                await watermarks.set_to(tx, app_id, LOOKED_AT, up_to)
            now_summed = await ledger.sum_up(tx, app_id, after_id=summed, before=now - LATEST_S)
            if now_summed > summed:
                await watermarks.set_to(tx, app_id, SUMMED, now_summed)
        return wrong, up_to == newest

    async def _look_again(self, app_id: int, suspected: Sequence[Book]) -> list[Finding]:
        """What stays when every entry and every message is looked at: nothing is frozen for a slip of the job itself."""
        found: list[Finding] = []
        for suspect in suspected:
            async with self._db.connection() as conn:
                package = await packages.get(conn, app_id, suspect.package_id)
                since = 0 if package is None else _first_id(package)
                book = await ledger.book(conn, app_id, suspect.package_id, since_id=since)
            found += [] if book is None else _findings(app_id, book)
        if not found:
            log.warning("self_check_begins_anew", app=app_id, packages=[book.package_id for book in suspected])
            async with self._db.transaction() as tx:
                await ledger.forget_sums(tx, app_id)
                await watermarks.set_to(tx, app_id, SUMMED, 0)
                await watermarks.set_to(tx, app_id, LOOKED_AT, 0)
        return found

    async def _freeze(self, app_id: int, package_id: int, wrong: Sequence[Finding]) -> int:
        now = self._clock()
        why = "; ".join(f"{finding.what}: {finding.detail}" for finding in wrong)
        async with self._db.transaction() as tx:
            if not await packages.freeze(tx, app_id, package_id, why, now):
                return 0
            app = await own_app(tx, SELF_CHECK, app_id)
            package = await packages.get(tx, app_id, package_id)
            facts: notices.Facts = {"package": package_id, "frozen": True, "left": 0 if package is None else package.available}
            await notices.add(tx, account_id=app.account_id, app_id=app_id, kind=AlarmKind.BALANCE, facts=facts, now=now)
            detail: Detail = {"app": app_id, "why": why}
            await self._audit.record(tx, SELF_CHECK, "package.freeze", package_id, account_id=app.account_id, detail=detail)
            await publish(tx, f"package of app {app_id} frozen", now)
        log.error("package_frozen", app=app_id, package=package_id, why=why)
        return 1

    async def _freeze_credit(self, app_id: int, wrong: Sequence[Finding]) -> None:
        why = "; ".join(finding.detail for finding in wrong)
        async with self._db.transaction() as tx:
            app = await own_app(tx, SELF_CHECK, app_id)
            row = await credit.get(tx, app.account_id, lock=True)
            if row is None or row.frozen:
                return
            await credit.set_frozen(tx, app.account_id, frozen=True)
            await self._audit.record(
                tx, SELF_CHECK, "credit.freeze", app.account_id, account_id=app.account_id, detail={"app": app_id, "why": why}
            )
        log.error("credit_frozen", account=app.account_id, app=app_id, why=why)


def _findings(app_id: int, book: Book) -> list[Finding]:
    journal = balance_of(book.journal)
    found: list[Finding] = []
    if journal != book.found:
        detail = ", ".join(
            f"{name} is {there}, its entries say {said}"
            for name in Balance.__struct_fields__
            if (there := getattr(book.found, name)) != (said := getattr(journal, name))
        )
        found.append(Finding(app_id, book.package_id, "journal", detail))
    if book.holds != book.found.held:
        found.append(Finding(app_id, book.package_id, "holds", f"held is {book.found.held}, its messages hold {book.holds}"))
    return found


def _charged(app_id: int, charge: Charge) -> Finding:
    what = "were paid for and never taken by a carrier" if charge.paid else "were taken by a carrier and not paid for"
    return Finding(app_id, charge.package_id, "charges", f"{charge.messages} messages {what}, the first is {charge.first_id}")


async def _correct(tx: Connection, app_id: int, book: Book, note: str, now: float) -> None:
    """Of a package that is locked: add entries until its journal says what is there, then give back what no message holds."""
    entries = corrections(balance_of(book.journal), book.found)
    too_many = book.found.held - book.holds
    if entries is None or too_many < 0:
        raise ControlError(
            Fault.WRONG_STATE,
            f"套餐包 {book.package_id} 的差异无法用更正分录解决：请在数据库中核对。",
            f"What does not agree in package {book.package_id} cannot be put right by entries: look into the database.",
            why="beyond_correction",
        )
    for kind, segments in entries:
        await ledger.add(tx, app_id, book.package_id, kind, segments, note=note, now=now)
    if too_many:
        await packages.release(tx, app_id, book.package_id, too_many)
        await ledger.add(tx, app_id, book.package_id, "void", too_many, note=note, now=now)


def _disagrees(package_id: int, wrong: Sequence[Finding]) -> ControlError:
    what = "; ".join(finding.detail for finding in wrong)
    return ControlError(
        Fault.WRONG_STATE,
        f"套餐包 {package_id} 的账目仍不一致（{what}）：请先查明原因；确认以现有余额为准时，加上 --correct 记入更正分录。",
        f"The books of package {package_id} still do not agree ({what}): find out why; when what is there shall count, use --correct.",
        why="books_disagree",
    )


def _first_id(package: PackageRow) -> int:
    """No message before this one can have drawn on it."""
    return ids.first_id_at(package.created_at - YOUNG_S)


def _cells(entry: EntryRow) -> tuple[object, ...]:
    at = dt.datetime.fromtimestamp(entry.at, dt.UTC).isoformat(timespec="milliseconds")
    return (entry.id, at, entry.app_id, entry.package_id, entry.kind, entry.segments, plain_cell(entry.note))


def _csv(lines: Sequence[Sequence[object]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(lines)
    return out.getvalue()
