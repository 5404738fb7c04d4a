"""hongyan price, cost, credit, bill."""

import enum
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hongyan.cli.options import MOST_ID, Account, After, AnyAccount, AnyApp, AppId, Most
from hongyan.cli.session import actor, terminal, with_control

if TYPE_CHECKING:
    from hongyan.control.plane import ControlPlane

PRICE_COLUMNS = ("account_id", "region", "milli", "effective_on", "note", "id")
COST_COLUMNS = ("link_id", "region", "milli", "effective_on", "note", "id")
CREDIT_COLUMNS = (
    "account_id", "limit_milli", "held_milli", "unbilled_milli", "owed_milli", "rhythm", "daily_most", "closed_until", "frozen",
)  # fmt: skip
ENTRY_COLUMNS = ("id", "kind", "milli", "at", "app_id", "bill_id", "note")
BILL_COLUMNS = (
    "id",
    "account_id",
    "begins",
    "ends",
    "posted_milli",
    "refunded_milli",
    "carried_milli",
    "total_milli",
    "stops_at",
    "paid_at",
)
LINE_COLUMNS = ("app_id", "region", "price_milli", "messages", "segments", "posted_milli", "refunded_messages", "refunded_milli")
MARGIN_COLUMNS = ("app_id", "region", "link", "messages", "segments", "revenue_milli", "cost_milli", "uncosted_segments")
FILE_COLUMNS = ("name", "bytes", "made_at")
NEWEST = 2**62


class RhythmName(enum.StrEnum):
    MONTHLY = "monthly"
    DAILY = "daily"


File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", exists=True, dir_okay=False, help="CSV: region,price_milli,effective_on in each row.", show_default=False
    ),
]
Own = Annotated[int | None, typer.Option("--account", max=MOST_ID, help="Only for this account, not for everybody.", show_default=False)]
Note = Annotated[str, typer.Option(help="A remark.")]
LinkName = Annotated[str, typer.Argument(metavar="LINK", help="The link's name.", show_default=False)]
BillId = Annotated[int, typer.Argument(metavar="BILL", max=MOST_ID, help="The bill's number.", show_default=False)]
AccountId = Annotated[int, typer.Argument(metavar="ACCOUNT", max=MOST_ID, help="The account's id.", show_default=False)]


def import_prices(ctx: typer.Context, *, file: File, account: Own = None, note: Note = "") -> None:
    """Take prices from a file, in thousandths of a fen: all rows or none."""
    content = file.read_bytes()
    taken = with_control(ctx, lambda control: control.prices.take_in(actor(), content, account_id=account, note=note))
    terminal(ctx).show({"added": taken})


def export_prices(ctx: typer.Context, *, account: Own = None) -> None:
    """Write the prices that are in force, and those that will be, as CSV to standard output."""
    out = terminal(ctx).out

    async def write(control: "ControlPlane") -> None:
        async for part in control.prices.hand_out(actor(), account_id=account):
            out.write(part)

    with_control(ctx, write)


def list_prices(ctx: typer.Context, account: AnyAccount = None, after: After = 0, most: Most = 500) -> None:
    """List every price there was, is and will be."""
    found = with_control(ctx, lambda control: control.prices.every(actor(), account_id=account, after_id=after, most=most))
    terminal(ctx).table(found, PRICE_COLUMNS)


def import_costs(ctx: typer.Context, *, link: LinkName, file: File, note: Note = "") -> None:
    """Take what segments cost at a link from a file, as prices."""
    content = file.read_bytes()
    terminal(ctx).show({"added": with_control(ctx, lambda control: control.costs.take_in(actor(), link, content, note=note))})


def list_costs(ctx: typer.Context, after: After = 0, most: Most = 500) -> None:
    """List what segments cost at links."""
    terminal(ctx).table(with_control(ctx, lambda control: control.costs.every(actor(), after_id=after, most=most)), COST_COLUMNS)


def set_credit(
    ctx: typer.Context,
    *,
    account: AccountId,
    limit_milli: Annotated[int, typer.Argument(help="The most it may owe; a yuan is 100000.", show_default=False)],
    rhythm: Annotated[
        RhythmName | None, typer.Option(help="Billed by the month or by the day; at first by the month.", show_default=False)
    ] = None,
    daily: Annotated[int | None, typer.Option(min=0, help="Messages on credit in a day, at most.", show_default=False)] = None,
    no_daily: Annotated[bool, typer.Option("--no-daily", help="As many messages on credit in a day as the limit allows.")] = False,
) -> None:
    """Let an enterprise pay later up to a limit; 0 ends it. What is not named stays."""
    from hongyan.model.billing import Rhythm  # noqa: PLC0415 - `--help` does not wait for it

    async def change(control: "ControlPlane") -> object:
        before = next(iter(await control.credits.every(actor(), account_id=account, most=1)), None)
        kept = Rhythm.MONTHLY if before is None else before.rhythm
        cap = daily if daily is not None or no_daily or before is None else before.daily_most
        wanted = kept if rhythm is None else Rhythm(rhythm.value)
        return await control.credits.set(actor(), account, limit_milli, rhythm=wanted, daily_most=cap)

    terminal(ctx).show(with_control(ctx, change))


def list_credit(ctx: typer.Context, account: AnyAccount = None, after: After = 0, most: Most = 500) -> None:
    """List what accounts may owe and do owe."""
    found = with_control(ctx, lambda control: control.credits.every(actor(), account_id=account, after_id=after, most=most))
    terminal(ctx).table(found, CREDIT_COLUMNS)


def entries(ctx: typer.Context, account: Account, after: After = 0, most: Most = 500) -> None:
    """List the journal of an account's credit."""
    found = with_control(ctx, lambda control: control.credits.entries(actor(), account, after_id=after, most=most))
    terminal(ctx).table(found, ENTRY_COLUMNS)


def refund(
    ctx: typer.Context,
    *,
    app: AppId,
    message: Annotated[int, typer.Argument(metavar="MESSAGE", max=MOST_ID, help="The message's id.", show_default=False)],
    note: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Take a message that was paid for later off the account's next bill."""
    terminal(ctx).show(with_control(ctx, lambda control: control.credits.refund(actor(), app, message, note)))


def check(ctx: typer.Context, account: AnyAccount = None) -> None:
    """Compare the books of credit anew; lists where they disagree."""
    found = with_control(ctx, lambda control: control.credits.check(actor(), account))
    terminal(ctx).table(found, ("account_id", "what"))
    if found:
        raise typer.Exit(1)


def unfreeze(ctx: typer.Context, account: AccountId) -> None:
    """Use an account's credit again after its books were put right."""
    terminal(ctx).show(with_control(ctx, lambda control: control.credits.unfreeze(actor(), account)))


def list_bills(
    ctx: typer.Context,
    *,
    account: AnyAccount = None,
    unpaid: Annotated[bool, typer.Option("--unpaid", help="Only those that are not paid.")] = False,
    before: Annotated[int, typer.Option("--before", min=1, max=MOST_ID, help="Older than this one.", show_default=False)] = NEWEST,
    most: Most = 500,
) -> None:
    """List bills, the newest first."""
    found = with_control(ctx, lambda control: control.bills.every(actor(), account_id=account, unpaid=unpaid, before_id=before, most=most))
    terminal(ctx).table(found, BILL_COLUMNS)


def show_bill(ctx: typer.Context, bill: BillId) -> None:
    """Show what is on a bill, by application, country and price."""
    terminal(ctx).table(with_control(ctx, lambda control: control.bills.lines(actor(), bill)), LINE_COLUMNS)


def list_files(ctx: typer.Context, bill: BillId) -> None:
    """List the files of a bill."""
    terminal(ctx).table(with_control(ctx, lambda control: control.bill_files.every(actor(), bill)), FILE_COLUMNS)


def save(
    ctx: typer.Context,
    bill: BillId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="details.csv, details.xlsx or summary.pdf.", show_default=False)],
    to: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.", show_default=False)],
) -> None:
    """Save a file of a bill."""

    async def write(control: "ControlPlane") -> None:
        pieces = control.bill_files.read(actor(), bill, name)
        # Nothing is written before it is known that there is something to write.
        first = await anext(pieces)
        with to.open("wb") as file:
            file.write(first)
            async for piece in pieces:
                file.write(piece)

    with_control(ctx, write)
    terminal(ctx).say("Written to {file}.", file=str(to))


def margin(
    ctx: typer.Context,
    begins: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The first day.", show_default=False)],
    ends: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The day after the last.", show_default=False)],
    app: AnyApp = None,
) -> None:
    """Report what messages brought in and what they cost, by application, country and link."""
    found = with_control(ctx, lambda control: control.margins.report(actor(), begins.date(), ends.date(), app_id=app))
    terminal(ctx).table(found, MARGIN_COLUMNS)
