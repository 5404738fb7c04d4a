"""Prices of segments by country, and what they cost at links: versions that are never changed, as tables and as CSV."""

import csv
import datetime as dt
import io
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from hongyan.control import rules
from hongyan.control.audit import Audit, Detail
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, within
from hongyan.kit.db import Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.billing import day_of
from hongyan.model.countries import COUNTRY_NAMES
from hongyan.model.tariff import ELSEWHERE, NewPrice
from hongyan.store import accounts, links, prices
from hongyan.store.prices import EVERYBODY, CostRow, PriceRow
from hongyan.store.snapshots import publish

MILLI_MOST = 10_000_000
"""A hundred yuan a segment: what is dearer is a slip of the pen."""
ROWS_MOST = 5_000
BYTES_MOST = 1024 * 1024
AHEAD_MOST = dt.timedelta(days=3 * 366)
PAGE_MOST = 1_000
HEADING = "region,price_milli,effective_on"
HOME = "CN"
InForce: TypeAlias = tuple[str, int, dt.date]
"""A price's region, amount and day."""
_WHOLE = re.compile(r"[0-9]{1,9}")


class Prices:
    """Prices for everybody and for single accounts."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def add(self, actor: Actor, new: Sequence[NewPrice], *, account_id: int | None = None, note: str = "") -> int:
        """In force from 00:00 of their days in Asia/Shanghai, for everybody or one account; returns how many. All of them or none.

        What was accepted before keeps the price it was accepted at. Of two prices for the same country and day the later one counts. Those
        that are in force already, or will be, are left as they are and not counted.
        """
        return await self._add(actor, dict(enumerate(new, start=1)), account_id=account_id, note=note)

    async def _add(self, actor: Actor, new: Mapping[int, NewPrice], *, account_id: int | None, note: str) -> int:
        _demand_operator(actor)
        why, now = rules.reason(note), self._clock()
        whose = account_id or EVERYBODY
        async with self._db.transaction() as tx:
            if account_id is not None and await accounts.get(tx, account_id) is None:
                raise not_found(Noun.ACCOUNT, account_id)
            there = {(row.region, row.milli, row.effective_on) for row in await prices.current(tx, day_of(now)) if row.account_id == whose}
            checked = _checked(new, now, abroad=True, there=there)
            if not checked:
                return 0
            await prices.add(tx, whose, checked, note=why, now=now)
            detail: Detail = {"prices": len(checked), "note": why}
            await self._audit.record(tx, actor, "price.add", account_id or "everybody", account_id=account_id, detail=detail)
            await publish(tx, "prices changed", now)
        return len(checked)

    async def take_in(self, actor: Actor, file: bytes, *, account_id: int | None = None, note: str = "") -> int:
        """As `add`, from CSV: region, thousandths of a fen a segment, and the day from which on (today when left out)."""
        _demand_operator(actor)
        return await self._add(actor, read(file, day_of(self._clock())), account_id=account_id, note=note)

    async def every(self, actor: Actor, *, account_id: int | None = None, after_id: int = 0, most: int = PAGE_MOST) -> list[PriceRow]:
        """Every price there was, is and will be, at most 1,000 above `after_id`: of all, of an account, or of everybody (0).

        An account is shown everybody's and its own.
        """
        demand(actor, Permission.MONEY_READ)
        if actor.account_id is not None and account_id not in {None, EVERYBODY, actor.account_id}:
            raise not_found(Noun.ACCOUNT, account_id or 0)
        only = EVERYBODY if account_id is None and actor.account_id is not None else account_id
        async with self._db.connection() as conn:
            return await prices.page(conn, only, after_id=after_id, most=max(1, min(most, PAGE_MOST)))

    async def in_force(self, actor: Actor, *, account_id: int | None = None) -> list[PriceRow]:
        """What is in force today and what will be, for everybody; of an account, or asked by it, with its own."""
        demand(actor, Permission.MONEY_READ)
        whose = {EVERYBODY, within(actor, account_id)}
        async with self._db.connection() as conn:
            found = await prices.current(conn, day_of(self._clock()))
        return [row for row in found if row.account_id in whose]

    async def hand_out(self, actor: Actor, *, account_id: int | None = None) -> AsyncIterator[str]:
        """What is in force and what will be as CSV, as `take_in` takes it: everybody's, or only an account's own."""
        found = await self.in_force(actor, account_id=account_id)
        yield HEADING + "\r\n"
        for row in found:
            if row.account_id == (account_id or EVERYBODY):
                yield f"{row.region},{row.milli},{row.effective_on}\r\n"


class Costs:
    """What links ask for a segment: the operator's secret."""

    def __init__(self, db: Database, audit: Audit, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._clock = clock

    async def add(self, actor: Actor, link: str, new: Sequence[NewPrice], *, note: str = "") -> int:
        """What a segment costs at a link by country, mainland China among them, from their days on. All of them or none."""
        return await self._add(actor, link, dict(enumerate(new, start=1)), note=note)

    async def _add(self, actor: Actor, link: str, new: Mapping[int, NewPrice], *, note: str) -> int:
        demand(actor, Permission.OPERATE)
        demand(actor, Permission.MONEY)
        why, now = rules.reason(note), self._clock()
        checked = _checked(new, now, abroad=False)
        async with self._db.transaction() as tx:
            found = await links.named(tx, link)
            if found is None:
                raise not_found(Noun.LINK, link)
            await prices.add_costs(tx, found.config.id, checked, note=why, now=now)
            await self._audit.record(tx, actor, "cost.add", link, detail={"costs": len(checked), "note": why})
        return len(checked)

    async def take_in(self, actor: Actor, link: str, file: bytes, *, note: str = "") -> int:
        """As `add`, from CSV as prices are."""
        demand(actor, Permission.OPERATE)
        return await self._add(actor, link, read(file, day_of(self._clock())), note=note)

    async def every(self, actor: Actor, *, link_id: int | None = None, after_id: int = 0, most: int = PAGE_MOST) -> list[CostRow]:
        """Of a link or all, at most 1,000."""
        demand(actor, Permission.OPERATE)
        async with self._db.connection() as conn:
            return await prices.page_costs(conn, link_id, after_id=after_id, most=max(1, min(most, PAGE_MOST)))


def read(file: bytes, today: dt.date) -> dict[int, NewPrice]:
    """The rows of a CSV file of prices, by the line they end on. Raises ControlError that names the first row that is none."""
    if len(file) > BYTES_MOST:
        raise _invalid(0, f"文件超过 {BYTES_MOST // 1024} KB", f"the file is larger than {BYTES_MOST // 1024} KB")
    try:
        text = file.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _invalid(0, "文件不是 UTF-8 文本", "the file is no text in UTF-8") from None
    found: dict[int, NewPrice] = {}
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for cells in reader:
            row = [cell.strip() for cell in cells]
            if not any(row) or row[0].startswith("#") or (reader.line_num == 1 and row[0].lower() == "region"):
                continue
            found[reader.line_num] = _row(row, today, reader.line_num)
    except csv.Error:
        raise _invalid(reader.line_num, "不是 CSV", "it is no CSV") from None
    return found


def _row(row: Sequence[str], today: dt.date, line: int) -> NewPrice:
    region, amount, day = (*row, "", "", "")[:3]
    if _WHOLE.fullmatch(amount) is None:
        raise _invalid(line, "第二列需为整数，单位千分之一分", "the second column is a whole number of thousandths of a fen")
    try:
        effective_on = dt.date.fromisoformat(day) if day else today
    except ValueError:
        raise _invalid(line, "第三列需为日期，如 2026-12-01", "the third column is a date, such as 2026-12-01") from None
    return NewPrice(region.upper(), int(amount), effective_on)


def _checked(new: Mapping[int, NewPrice], now: float, *, abroad: bool, there: AbstractSet[InForce] = frozenset()) -> list[NewPrice]:
    """Those that are not there yet; by their rows, so that what is refused is found in its file."""
    today = day_of(now)
    if not 1 <= len(new) <= ROWS_MOST:
        raise _invalid(0, f"一次需有 1 到 {ROWS_MOST} 行", f"1 to {ROWS_MOST} rows are taken at once")
    kept: list[NewPrice] = []
    for line, price in new.items():
        if (price.region, price.milli, price.effective_on) in there:
            continue
        if price.region != ELSEWHERE and (price.region not in COUNTRY_NAMES or (abroad and price.region == HOME)):
            raise _invalid(
                line,
                f"“{price.region[:20]}”不是境外国家或地区代码（ISO 3166 两个大写字母，其余所有写 *）",
                f"“{price.region[:20]}” is no country abroad (ISO 3166, two capital letters; * for all others)",
            )
        if not 1 <= price.milli <= MILLI_MOST:
            raise _invalid(line, f"价格需为 1 到 {MILLI_MOST} 千分之一分", f"a price is 1 to {MILLI_MOST} thousandths of a fen")
        if not today <= price.effective_on <= today + AHEAD_MOST:
            raise _invalid(
                line,
                "生效日期需为今天到三年以内，已在执行的价格需与现在一致",
                "a price takes effect today or within three years; one that is in force already stays as it is",
            )
        kept.append(price)
    return kept


def _invalid(line: int, zh: str, en: str) -> ControlError:
    where = (f"第 {line} 行：", f"Row {line}: ") if line else ("", "")
    return ControlError(Fault.INVALID, f"{where[0]}{zh}。什么都没有导入。", f"{where[1]}{en}. Nothing was taken.")


def _demand_operator(actor: Actor) -> None:
    demand(actor, Permission.MONEY)
    if actor.account_id is not None:
        raise ControlError(Fault.NOT_ALLOWED, "价格由平台运营方设置。", "Prices are set by the operator of this platform.")
