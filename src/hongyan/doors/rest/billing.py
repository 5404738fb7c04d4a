"""What is paid for later: prices, costs, credit, bills."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from hongyan.control.bill_files import MEDIA, BillFiles
from hongyan.control.bills import NEWEST, Bills
from hongyan.control.credit import DAILY_MOST, LIMIT_MOST_MILLI, Credits
from hongyan.control.margins import Margins
from hongyan.control.plane import ControlPlane
from hongyan.control.prices import MILLI_MOST, Costs, Prices
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import MOST_ID, Body, Id, Name, Note, OneAccount, OneApp, PathId
from hongyan.doors.rest.paging import Cursor, Limit, after, page
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.views import shown, view_of
from hongyan.model.billing import Rhythm
from hongyan.model.tariff import NewPrice

CSV = "text/csv; charset=utf-8"
PriceView = view_of(Prices.every, "Price")
CostView = view_of(Costs.every, "Cost")
CreditView = view_of(Credits.get, "Credit")
CreditEntryView = view_of(Credits.entries, "CreditEntry")
DisagreementView = view_of(Credits.check, "Disagreement")
UnbilledView = view_of(Credits.unbilled, "Unbilled")
MarginView = view_of(Margins.report, "Margin")
BillView = view_of(Bills.get, "Bill")
BillLineView = view_of(Bills.lines, "BillLine")
BillFileView = view_of(BillFiles.every, "BillFile", leave_out=("place", "parts"))

Region = Annotated[str, Field(max_length=2, pattern="^([A-Z]{2}|[*])$", description="ISO 3166, or * for every country without its own.")]
Milli = Annotated[int, Field(ge=1, le=MILLI_MOST, description="Thousandths of a fen a segment.")]


class OnePrice(Body):
    region: Region
    milli: Milli
    effective_on: dt.date = Field(description="In force from 00:00 of this day in Asia/Shanghai: today or later.")


class NewPrices(Body):
    account_id: Id | None = Field(default=None, description="Only for this account; otherwise for everybody.")
    prices: Annotated[list[OnePrice], Field(min_length=1, max_length=5_000)]
    note: Note = ""


class NewCosts(Body):
    link: Name
    costs: Annotated[list[OnePrice], Field(min_length=1, max_length=5_000)]
    note: Note = ""


class NewCredit(Body):
    limit_milli: Annotated[int, Field(ge=0, le=LIMIT_MOST_MILLI, description="The most it may owe, in thousandths of a fen.")]
    rhythm: Rhythm = Rhythm.MONTHLY
    daily_most: Annotated[int, Field(ge=0, le=DAILY_MOST)] | None = Field(default=None, description="Messages on credit in a day, at most.")


class ChargeRefund(Body):
    app_id: Id
    message_id: Annotated[str, Field(pattern="^[0-9]{1,19}$", description="The message's id.")]
    note: Note = ""


class Added(BaseModel):
    """How many were taken."""

    added: int


def routes(control: ControlPlane) -> APIRouter:
    """Everything under /prices, /costs, /credits, /charges, /bills and /margins."""
    sold, bought, lent = PricePaths(control.prices), CostPaths(control.costs), CreditPaths(control.credits)
    owed, earned = BillPaths(control.bills, control.bill_files), MarginPaths(control.margins)
    return router(
        "billing",
        "",
        [
            Operation("GET", "/prices", "listPrices", sold.page, "Every price there was, is and will be", page_of(PriceView), also=(404,)),
            Operation("POST", "/prices", "addPrices", sold.add, "Add prices: all of them or none", Added, 201, (404,)),
            Operation("GET", "/prices/file", "exportPrices", sold.hand_out, "What is in force and what will be as CSV", str, also=(404,),
                      text=CSV),
            Operation("POST", "/prices/file", "importPrices", sold.take_in, "Take prices from CSV", Added, 201, (404,)),
            Operation("GET", "/costs", "listCosts", bought.page, "What segments cost at links", page_of(CostView)),
            Operation("POST", "/costs", "addCosts", bought.add, "Add costs: all of them or none", Added, 201, (404,)),
            Operation("GET", "/credits", "listCredits", lent.page, "What accounts may owe and do owe", page_of(CreditView), also=(404,)),
            Operation("GET", "/credits/check", "checkCredits", lent.check, "Compare journals, balances and open charges anew",
                      list[DisagreementView], also=(404,)),  # type: ignore[valid-type]
            Operation("GET", "/credits/{account_id}", "getCredit", lent.get, "What an account may and does owe", CreditView, also=(404,)),
            Operation("PUT", "/credits/{account_id}", "setCredit", lent.set, "Let an enterprise pay later", CreditView, also=(404, 409)),
            Operation("POST", "/credits/{account_id}/unfreeze", "unfreezeCredit", lent.unfreeze, "Use it again after a look", CreditView,
                      also=(404, 409)),
            Operation("GET", "/credits/{account_id}/entries", "listCreditEntries", lent.entries, "Its journal", page_of(CreditEntryView),
                      also=(404,)),
            Operation("GET", "/credits/{account_id}/unbilled", "listUnbilled", lent.unbilled, "What will be on the next bill so far",
                      list[UnbilledView], also=(404,)),  # type: ignore[valid-type]
            Operation("POST", "/charges/refund", "refundCharge", lent.refund, "Take a message off the next bill", CreditView, also=(404,)),
            Operation("GET", "/margins", "reportMargins", earned.report, "What messages brought in and what they cost",
                      list[MarginView], also=(404,)),  # type: ignore[valid-type]
            Operation("GET", "/bills", "listBills", owed.page, "Bills, the newest first", page_of(BillView), also=(404,)),
            Operation("GET", "/bills/{bill_id}", "getBill", owed.get, "A bill", BillView, also=(404,)),
            Operation("GET", "/bills/{bill_id}/lines", "listBillLines", owed.lines, "What is on it",
                      list[BillLineView], also=(404,)),  # type: ignore[valid-type]
            Operation("GET", "/bills/{bill_id}/files", "listBillFiles", owed.files, "Its files to keep",
                      list[BillFileView], also=(404,)),  # type: ignore[valid-type]
            Operation("GET", "/bills/{bill_id}/files/{name}", "readBillFile", owed.read, "A file: details.csv, details.xlsx, summary.pdf",
                      str, also=(404,), text="application/octet-stream"),
        ],
    )  # fmt: skip


class PricePaths:
    """The endpoints under /prices."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    async def page(self, asks: Asks, account_id: OneAccount = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        """An account is shown everybody's unless it names itself."""
        found = await self._prices.every(asks, account_id=account_id, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda row: row.id, lambda row: shown(row, PriceView))

    async def add(self, asks: Asks, wanted: NewPrices) -> Added:
        """The operator's alone. What was accepted before keeps the price that it was accepted at."""
        return Added(added=await self._prices.add(asks, _new(wanted.prices), account_id=wanted.account_id, note=wanted.note))

    async def take_in(self, asks: Asks, request: Request, account_id: OneAccount = None) -> Added:
        """The body is the file: `region,price_milli[,effective_on]` a row, UTF-8."""
        return Added(added=await self._prices.take_in(asks, await request.body(), account_id=account_id))

    async def hand_out(self, asks: Asks, account_id: OneAccount = None) -> StreamingResponse:
        """region, price_milli, effective_on."""
        rows = self._prices.hand_out(asks, account_id=account_id)
        # What is refused is refused before the first line has gone out.
        first = await anext(rows)

        async def whole() -> Any:
            yield first
            async for row in rows:
                yield row

        return StreamingResponse(whole(), media_type=CSV, headers={"content-disposition": 'attachment; filename="prices.csv"'})


def _new(given: list[OnePrice]) -> list[NewPrice]:
    return [NewPrice(price.region, price.milli, price.effective_on) for price in given]


class CostPaths:
    """The endpoints under /costs."""

    def __init__(self, costs: Costs) -> None:
        self._costs = costs

    async def page(self, asks: Asks, link_id: Id | None = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._costs.every(asks, link_id=link_id, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda row: row.id, lambda row: shown(row, CostView))

    async def add(self, asks: Asks, wanted: NewCosts) -> Added:
        """Mainland China is a country like any other here."""
        return Added(added=await self._costs.add(asks, wanted.link, _new(wanted.costs), note=wanted.note))


class MarginPaths:
    """The endpoint /margins."""

    def __init__(self, margins: Margins) -> None:
        self._margins = margins

    async def report(self, asks: Asks, begins: dt.date, ends: dt.date, app_id: OneApp = None) -> Any:
        """By application, country and link, from a day until before another; the operator's question."""
        return [shown(row, MarginView) for row in await self._margins.report(asks, begins, ends, app_id=app_id)]


class CreditPaths:
    """The endpoints under /credits and /charges."""

    def __init__(self, lent: Credits) -> None:
        self._credits = lent

    async def page(self, asks: Asks, account_id: OneAccount = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._credits.every(asks, account_id=account_id, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda row: row.account_id, lambda row: shown(row, CreditView))

    async def check(self, asks: Asks, account_id: OneAccount = None) -> Any:
        """Empty when all agree."""
        return [shown(found, DisagreementView) for found in await self._credits.check(asks, account_id)]

    async def get(self, asks: Asks, account_id: PathId) -> Any:
        return shown(await self._credits.get(asks, account_id), CreditView)

    async def set(self, asks: Asks, account_id: PathId, wanted: NewCredit) -> Any:
        """The operator's alone. A limit of 0 ends it; what is owed is still owed."""
        row = await self._credits.set(asks, account_id, wanted.limit_milli, rhythm=wanted.rhythm, daily_most=wanted.daily_most)
        return shown(row, CreditView)

    async def unfreeze(self, asks: Asks, account_id: PathId) -> Any:
        """Refused while its books still disagree."""
        return shown(await self._credits.unfreeze(asks, account_id), CreditView)

    async def entries(self, asks: Asks, account_id: PathId, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._credits.entries(asks, account_id, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda row: row.id, lambda row: shown(row, CreditEntryView))

    async def unbilled(self, asks: Asks, account_id: PathId) -> Any:
        """By application, country and price."""
        return [shown(row, UnbilledView) for row in await self._credits.unbilled(asks, account_id)]

    async def refund(self, asks: Asks, wanted: ChargeRefund) -> Any:
        """Once for each message; whatever bill it was on, it lessens the next one."""
        return shown(await self._credits.refund(asks, wanted.app_id, min(int(wanted.message_id), MOST_ID), wanted.note), CreditView)


class BillPaths:
    """The endpoints under /bills."""

    def __init__(self, bills: Bills, files: BillFiles) -> None:
        self._bills = bills
        self._files = files

    async def page(self, asks: Asks, account_id: OneAccount = None, unpaid: bool = False, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._bills.every(asks, account_id=account_id, unpaid=unpaid, before_id=after(cursor, NEWEST), most=limit + 1)
        return page(found, limit, lambda row: row.id, lambda row: shown(row, BillView))

    async def get(self, asks: Asks, bill_id: PathId) -> Any:
        return shown(await self._bills.get(asks, bill_id), BillView)

    async def lines(self, asks: Asks, bill_id: PathId) -> Any:
        """By application, country and price; amounts are thousandths of a fen."""
        return [shown(line, BillLineView) for line in await self._bills.lines(asks, bill_id)]

    async def files(self, asks: Asks, bill_id: PathId) -> Any:
        """Every message as CSV and as a workbook, and a summary to print; none for the first seconds."""
        return [shown(file, BillFileView) for file in await self._files.every(asks, bill_id)]

    async def read(self, asks: Asks, bill_id: PathId, name: Annotated[str, Path(max_length=40)]) -> StreamingResponse:
        """As a download; numbers in it are masked."""
        pieces = self._files.read(asks, bill_id, name)
        # What is refused is refused before anything has gone out.
        first = await anext(pieces)

        async def whole() -> Any:
            yield first
            async for piece in pieces:
                yield piece

        kept_as = {"content-disposition": f'attachment; filename="bill-{bill_id}-{name}"'}
        return StreamingResponse(whole(), media_type=MEDIA[name], headers=kept_as)
