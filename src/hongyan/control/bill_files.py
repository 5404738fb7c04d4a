"""Bills for people to keep: every message as a workbook and as CSV, and a summary to print. Made once, in pieces, whatever their size."""

import asyncio
import datetime as dt
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import structlog

from hongyan.control.bills import BillLine, lines_of, own_bill
from hongyan.control.errors import Noun, not_found
from hongyan.control.permissions import demand
from hongyan.control.tokens import Entropy
from hongyan.kit import paper
from hongyan.kit.blobs import Blobs
from hongyan.kit.db import Database
from hongyan.kit.paper import Column, Page
from hongyan.kit.secretbox import SecretBox
from hongyan.kit.sheets import Cell, Workbook, csv_of
from hongyan.model.actor import Actor, Permission
from hongyan.model.billing import YUAN, yuan
from hongyan.model.countries import COUNTRY_NAMES
from hongyan.model.phone import mask
from hongyan.model.protection import SHANGHAI
from hongyan.store import accounts, apps, bill_files, bills, charges
from hongyan.store.bill_files import BillFile
from hongyan.store.bills import BillRow
from hongyan.store.charges import Charge
from hongyan.store.times import at

log = structlog.get_logger()

DETAILS_CSV, DETAILS_XLSX, SUMMARY = "details.csv", "details.xlsx", "summary.pdf"
MEDIA: Mapping[str, str] = {
    DETAILS_CSV: "text/csv; charset=utf-8",
    DETAILS_XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    SUMMARY: "application/pdf",
}
PART = 1024 * 1024
AT_ONCE = 2_000
BILLS_AT_ONCE = 5
SUMMARY_ROWS_MOST = 2_000
HEADING = ("短信编号 Message", "受理时间 Accepted", "应用 Application", "应用名称 Name", "国家或地区 Country", "手机号 Number",
           "条数 Segments", "类型 Kind", "金额（元）Amount (CNY)")  # fmt: skip
KINDS = {False: "扣费 post", True: "退还 refund"}
COLUMNS = (
    Column("应用 Application", 85), Column("国家或地区 Country", 105), Column("单价 Price", 55, right=True),
    Column("短信 Messages", 70, right=True), Column("条数 Segments", 72, right=True), Column("金额 Amount", 60, right=True),
    Column("退还 Refund", 60, right=True),
)  # fmt: skip


class BillFiles:
    """Sealed in the store of files, in pieces of a megabyte; phone numbers are masked, since they are for those who pay."""

    def __init__(self, db: Database, blobs: Blobs, box: SecretBox, *, clock: Callable[[], float], entropy: Entropy, font: str = "") -> None:
        """`font`: a TrueType font whose characters are embedded in summaries."""
        self._db = db
        self._blobs = blobs
        self._box = box
        self._clock = clock
        self._entropy = entropy
        self._font = font

    async def every(self, actor: Actor, bill_id: int) -> list[BillFile]:
        """The files of a bill; none for the first seconds."""
        demand(actor, Permission.MONEY_READ)
        async with self._db.connection() as conn:
            await own_bill(conn, actor, bill_id)
            return await bill_files.every(conn, bill_id)

    async def read(self, actor: Actor, bill_id: int, name: str) -> AsyncIterator[bytes]:
        """A file, piece by piece. Raises `kit.blobs.BlobError` when the store is away."""
        demand(actor, Permission.MONEY_READ)
        async with self._db.connection() as conn:
            await own_bill(conn, actor, bill_id)
            found = next((file for file in await bill_files.every(conn, bill_id) if file.name == name), None)
        if found is None:
            raise not_found(Noun.BILL_FILE, name)
        for number in range(found.parts):
            key = f"{found.place}/{number}"
            sealed = await self._blobs.get(key)
            if sealed is None:
                raise not_found(Noun.BILL_FILE, name)
            yield self._box.open_bytes(sealed, key)

    async def make_due(self) -> int:
        """Files of bills that have none yet; returns of how many bills."""
        async with self._db.connection() as conn:
            due = await bill_files.due(conn, SUMMARY, BILLS_AT_ONCE)
            found = [await bills.get(conn, bill_id) for bill_id in due]
        for bill in found:
            if bill is not None:
                await self._make(bill)
        return len(due)

    async def _make(self, bill: BillRow) -> None:
        with tempfile.TemporaryDirectory(prefix="hongyan-bill-") as directory:
            folder = Path(directory)
            async with self._db.connection() as conn:
                names = {app.id: app.name for app in await apps.every(conn, bill.account_id)}
                account = await accounts.get(conn, bill.account_id)
                lines = await lines_of(conn, bill)
            await self._write_details(folder, bill, names)
            page = _summary(bill, "" if account is None else account.verified_name or account.name, lines)
            await asyncio.to_thread(paper.write, folder / SUMMARY, page, font=self._font)
            # The summary last: with it a bill has all of its files.
            for name in MEDIA:
                await self._keep(bill.id, name, folder / name)
        log.info("bill_files_made", bill=bill.id)

    async def _write_details(self, folder: Path, bill: BillRow, names: Mapping[int, str]) -> None:
        book = await asyncio.to_thread(Workbook, folder / DETAILS_XLSX, HEADING, title=f"{bill.begins:%Y%m%d}")
        plain = folder / DETAILS_CSV
        await asyncio.to_thread(plain.write_text, "\ufeff" + csv_of([HEADING]), encoding="utf-8", newline="")
        async for some, refunds in self._details(bill, sorted(names)):
            rows = [_row(charge, names, refunds=refunds) for charge in some]
            await asyncio.to_thread(book.add, rows)
            await asyncio.to_thread(_append, plain, csv_of(rows))
        await asyncio.to_thread(book.close)

    async def _details(self, bill: BillRow, app_ids: Sequence[int]) -> AsyncIterator[tuple[list[Charge], bool]]:
        begin, end = _seconds(bill.begins), _seconds(bill.ends)
        for app_id in app_ids:
            for refunds in (False, True):
                after: tuple[dt.datetime, int] | None = None
                while True:
                    async with self._db.connection() as conn:
                        some = await charges.details(conn, app_id, begin=begin, end=end, after=after, refunds=refunds, most=AT_ONCE)
                    if some:
                        yield some, refunds
                        after = at(some[-1].at), some[-1].id
                    if len(some) < AT_ONCE:
                        break

    async def _keep(self, bill_id: int, name: str, path: Path) -> None:
        # A place of its own: whoever makes the same at this moment does not mix its pieces with these.
        place = f"bills/{bill_id}/{self._entropy(8).hex()}"
        size = number = 0
        while piece := await asyncio.to_thread(_piece, path, size):
            key = f"{place}/{number}"
            await self._blobs.put(key, self._box.seal_bytes(piece, key))
            size += len(piece)
            number += 1
        async with self._db.connection() as conn:
            kept = await bill_files.add(conn, BillFile(bill_id, name, size, number, place, self._clock()))
        if not kept:
            for n in range(number):
                await self._blobs.delete(f"{place}/{n}")


def _seconds(day: dt.date) -> float:
    return dt.datetime.combine(day, dt.time(), SHANGHAI).timestamp()


def _piece(path: Path, begin: int) -> bytes:
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(PART)


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(text)


def _row(charge: Charge, names: Mapping[int, str], *, refunds: bool) -> Sequence[Cell]:
    accepted = dt.datetime.fromtimestamp(charge.accepted_at, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    return (
        str(charge.id), accepted, str(charge.app_id), names.get(charge.app_id, ""), charge.region, mask(charge.phone), charge.segments,
        KINDS[refunds], Decimal(-charge.milli if refunds else charge.milli) / YUAN,
    )  # fmt: skip


def _summary(bill: BillRow, name: str, lines: Sequence[BillLine]) -> Page:
    last = bill.ends - dt.timedelta(days=1)
    facts = [
        ("账单 Bill", f"{bill.id}"),
        ("账号 Account", f"{bill.account_id} {name}"),
        ("账期 Period", f"{bill.begins} - {last} (Asia/Shanghai)"),
        ("扣费 Charged", f"{yuan(bill.posted_milli)} CNY"),
        ("退还 Refunded", f"{yuan(bill.refunded_milli)} CNY"),
        ("上期结转 Carried over", f"{yuan(bill.carried_milli)} CNY"),
        ("应付 To be paid", f"{yuan(bill.total_milli)} CNY"),
        ("出账时间 Issued", _local(bill.issued_at)),
        ("逾期停服 Stops unless paid by", _local(bill.stops_at)),
    ]
    rows = [
        (
            str(line.app_id), f"{line.region} {COUNTRY_NAMES.get(line.region, '')}", yuan(line.price_milli), str(line.messages),
            str(line.segments), yuan(line.posted_milli), yuan(line.refunded_milli),
        )
        for line in lines[:SUMMARY_ROWS_MOST]
    ]  # fmt: skip
    return Page("短信服务账单 Bill for messages", facts, COLUMNS, rows, f"账单 Bill {bill.id}")


def _local(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, SHANGHAI).strftime("%Y-%m-%d %H:%M")
