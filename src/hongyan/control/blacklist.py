"""Numbers never to be sent to: by an application, by all applications of an account, or by anybody on this platform."""

import csv
import datetime as dt
import io
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import msgspec

from hongyan.control import rules
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, own_app
from hongyan.kit.db import Connection, Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.phone import parse
from hongyan.store import accounts, blacklist, optouts, withdrawals
from hongyan.store.blacklist import OPERATOR, BlacklistRow
from hongyan.store.snapshots import publish

PAGE_MOST = 1_000
IMPORT_MOST = 100_000
"""Rows of one import."""
IMPORT_BYTES = 8 * 1024 * 1024
FAULTS_MOST = 100
"""Rows with a fault that are told one by one."""
SHARED_MOST = 1_000_000
"""Numbers on the list of an account, or on the operator's."""
AT_ONCE = 5_000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""How a cell begins that spreadsheets would calculate."""


class Where(msgspec.Struct, frozen=True):
    """Whose list: an application's, else an account's, else the operator's."""

    app_id: int | None = None
    account_id: int | None = None


class Wrong(msgspec.Struct, frozen=True):
    """A row of a file that was not taken."""

    line: int
    zh: str
    en: str


class Imported(msgspec.Struct, frozen=True):
    """What came of a file."""

    added: int
    known: int
    """On the list already, or twice in the file."""
    wrong: int
    faults: tuple[Wrong, ...]
    """The first hundred of them."""


class Place(NamedTuple):
    """A list that the actor may change: an application's, or a shared one."""

    app_id: int | None
    account_id: int | None
    """None for the operator's."""

    @property
    def owner(self) -> int:
        return OPERATOR if self.account_id is None else self.account_id


class Blacklist:
    """Acts on everything accepted after the change: accepting asks the tables themselves."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def add(self, actor: Actor, where: Where, written: list[str], reason: str = "") -> int:
        """How many were not on it yet; those that were keep their first reason."""
        _demand(actor, where)
        phones = rules.phones(written)
        why = rules.reason(reason)
        return await self._add(actor, where, [(phone, why) for phone in phones], "blacklist.add")

    async def take_in(self, actor: Actor, where: Where, file: bytes) -> Imported:
        """Numbers from a CSV file, `number[,reason]` a row; a first row without a number is a heading. What cannot be read is left out."""
        _demand(actor, where)
        found, faults, rows = _read(file)
        added = await self._add(actor, where, list(found.items()), "blacklist.import") if found else 0
        wrong = len(faults)
        return Imported(added=added, known=rows - wrong - added, wrong=wrong, faults=tuple(faults[:FAULTS_MOST]))

    async def _add(self, actor: Actor, where: Where, listed: list[tuple[int, str]], action: str) -> int:
        now = self._clock()
        async with self._db.transaction() as tx:
            place = await _place(tx, actor, where)
            added = 0
            for begin in range(0, len(listed), AT_ONCE):
                some = listed[begin : begin + AT_ONCE]
                if place.app_id is not None:
                    added += await blacklist.add(tx, place.app_id, some, now)
                else:
                    added += await blacklist.share(tx, place.owner, some, now)
                phones = [phone for phone, _ in some]
                await withdrawals.add(tx, phones, now, app_id=place.app_id, account_id=None if place.app_id else place.account_id)
            if place.app_id is None and await blacklist.count_shared(tx, place.owner) > SHARED_MOST:
                raise ControlError(
                    Fault.TOO_MANY,
                    f"一份黑名单最多 {SHARED_MOST} 个号码：请先移除一些。",
                    f"A blacklist has at most {SHARED_MOST} numbers: remove some first.",
                )
            await self._note(tx, actor, place, action=action, numbers=added)
        return added

    async def remove(self, actor: Actor, where: Where, written: list[str], *, opted_out: bool = False) -> int:
        """How many were on it.

        With `opted_out` the wish of those who replied T is lifted too (from an application's list): only when they have taken it back.
        """
        _demand(actor, where)
        phones = rules.phones(written)
        async with self._db.transaction() as tx:
            place = await _place(tx, actor, where)
            if place.app_id is None:
                removed = await blacklist.unshare(tx, place.owner, phones)
            else:
                removed = await blacklist.remove(tx, place.app_id, phones)
                if opted_out:
                    removed += len(await optouts.lift(tx, place.app_id, phones))
            await self._note(tx, actor, place, action="blacklist.remove", numbers=removed)
        return removed

    async def _note(self, tx: Connection, actor: Actor, place: Place, *, action: str, numbers: int) -> None:
        """Audited by count. Whether there is a shared list at all is in the snapshot; what is on lists, accepting asks the tables."""
        target = place.app_id if place.app_id is not None else place.owner
        kind = "app" if place.app_id is not None else "operator" if place.account_id is None else "account"
        await self._audit.record(tx, actor, action, target, account_id=place.account_id, detail={"list": kind, "numbers": numbers})
        if place.app_id is None:
            await publish(tx, f"blacklist of {kind} {target} changed", self._clock())

    async def page(self, actor: Actor, where: Where, *, after_phone: int = 0, most: int = PAGE_MOST) -> list[BlacklistRow]:
        """At most `most` (and never more than 1,000) by number, those above `after_phone`.

        In an application's list are numbers that opted out; one that is listed and has opted out is there twice.
        """
        _demand(actor, where)
        async with self._db.connection() as conn:
            return await _page(conn, await _place(conn, actor, where), after_phone, max(1, min(most, PAGE_MOST)))

    async def hand_out(self, actor: Actor, where: Where) -> AsyncIterator[str]:
        """The whole list as CSV, some thousand rows at a time: number, reason, opted out, since. Spreadsheets calculate no cell of it."""
        _demand(actor, where)
        async with self._db.connection() as conn:
            await _place(conn, actor, where)
        yield "number,reason,opted_out,since\r\n"
        after = 0
        while True:
            async with self._db.connection() as conn:
                found = await _page(conn, await _place(conn, actor, where), after, PAGE_MOST)
            if not found:
                return
            if len(found) == PAGE_MOST and found[-1].phone != found[-2].phone:
                found.pop()  # its second row may be on the next page
            yield _csv(found)
            after = found[-1].phone


def _demand(actor: Actor, where: Where) -> None:
    shared_by_all = where.app_id is None and where.account_id is None
    demand(actor, Permission.OPERATE if shared_by_all else Permission.CONTACTS, where.account_id)


async def _place(conn: Connection, actor: Actor, where: Where) -> Place:
    if where.app_id is not None:
        app = await own_app(conn, actor, where.app_id)
        if where.account_id not in {None, app.account_id}:
            raise not_found(Noun.APP, where.app_id)
        return Place(app.id, app.account_id)
    if where.account_id is not None and await accounts.get(conn, where.account_id) is None:
        raise not_found(Noun.ACCOUNT, where.account_id)
    return Place(None, where.account_id)


async def _page(conn: Connection, place: Place, after_phone: int, most: int) -> list[BlacklistRow]:
    if place.app_id is not None:
        return await blacklist.page(conn, place.app_id, after_phone=after_phone, most=most)
    return await blacklist.page_shared(conn, place.owner, after_phone=after_phone, most=most)


def _read(file: bytes) -> tuple[dict[int, str], list[Wrong], int]:
    """Numbers with their reasons, what is wrong with the other rows, and how many rows there are."""
    if len(file) > IMPORT_BYTES:
        raise _too_large()
    try:
        text = file.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = file.decode("gb18030")
        except UnicodeDecodeError:
            raise ControlError(
                Fault.INVALID,
                "文件不是 UTF-8 或 GB18030 文本：请另存为 CSV（UTF-8）。",
                "The file is no text in UTF-8 or GB18030: save it as CSV.",
            ) from None
    found: dict[int, str] = {}
    faults: list[Wrong] = []
    rows = 0
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            rows += 1
            if rows > IMPORT_MOST + 1:
                raise _too_large()
            fault = _row(cells, found)
            if fault is not None and rows == 1 and not any(char.isdigit() for char in cells[0]):
                rows = 0  # a heading
            elif fault is not None:
                faults.append(Wrong(reader.line_num, *fault))
    except csv.Error:
        faults.append(Wrong(reader.line_num, "这一行及之后不是 CSV。", "This row and what follows is no CSV."))
        rows += 1
    return found, faults, rows


def _row(cells: list[str], found: dict[int, str]) -> tuple[str, str] | None:
    phone = parse(cells[0].strip().removeprefix("'"))
    if phone is None:
        return "号码无法识别：请写 11 位手机号，或 +国家码号码。", "The number cannot be read: write 11 digits, or +<country code><number>."
    try:
        reason = rules.reason(cells[1] if len(cells) > 1 else "")
    except ControlError as fault:
        return fault.zh, fault.en
    found.setdefault(phone.number, reason)
    return None


def _too_large() -> ControlError:
    return ControlError(
        Fault.TOO_MANY,
        f"一次最多导入 {IMPORT_MOST} 行、{IMPORT_BYTES // 1024 // 1024} MB：请分几个文件导入。",
        f"At most {IMPORT_MOST} rows and {IMPORT_BYTES // 1024 // 1024} MB are taken at once: split the file.",
    )


def _csv(found: list[BlacklistRow]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in found:
        since = dt.datetime.fromtimestamp(row.created_at, dt.UTC).isoformat(timespec="seconds")
        writer.writerow([row.phone, plain_cell(row.reason), "yes" if row.opted_out else "no", since])
    return out.getvalue()


def plain_cell(text: str) -> str:
    """A cell that no spreadsheet calculates."""
    return "'" + text if text.startswith(FORMULA) else text
