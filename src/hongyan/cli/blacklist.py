"""hongyan blacklist."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hongyan.cli.options import MOST_ID, Phones
from hongyan.cli.output import CommandError
from hongyan.cli.session import actor, terminal, with_control

if TYPE_CHECKING:
    from hongyan.control.blacklist import Imported, Where
    from hongyan.control.plane import ControlPlane

COLUMNS = ("phone", "reason", "opted_out", "created_at")

OfApp = Annotated[int | None, typer.Option("--app", max=MOST_ID, help="The list of this application (SdkAppID).", show_default=False)]
OfAccount = Annotated[int | None, typer.Option("--account", max=MOST_ID, help="The list of this account.", show_default=False)]
Everyone = Annotated[bool, typer.Option("--everyone", help="The operator's list: nobody sends to its numbers.")]
Reason = Annotated[str, typer.Option(help="Why.")]
File = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="CSV: number,reason in each row.", show_default=False)
]


def _where(app: int | None, account: int | None, *, everyone: bool) -> "Where":
    from hongyan.control.blacklist import Where  # noqa: PLC0415 - `--help` does not wait for it

    if sum((app is not None, account is not None, everyone)) != 1:
        raise CommandError(
            "usage",
            "请指明是谁的黑名单：--app 应用、--account 账号、--everyone 全平台，三者选一。",
            "Say whose list: one of --app APP, --account ACCOUNT and --everyone.",
        )
    return Where(app_id=app, account_id=account)


def add(
    ctx: typer.Context, *, phones: Phones, app: OfApp = None, account: OfAccount = None, everyone: Everyone = False, reason: Reason = ""
) -> None:
    """Never send to these numbers."""
    where = _where(app, account, everyone=everyone)
    terminal(ctx).show({"added": with_control(ctx, lambda control: control.blacklist.add(actor(), where, phones, reason))})


def remove(
    ctx: typer.Context,
    *,
    phones: Phones,
    app: OfApp = None,
    account: OfAccount = None,
    everyone: Everyone = False,
    opted_out: Annotated[bool, typer.Option("--opted-out", help="Also those who replied T, when they have taken it back.")] = False,
) -> None:
    """Let these numbers be sent to again."""
    where = _where(app, account, everyone=everyone)
    removed = with_control(ctx, lambda control: control.blacklist.remove(actor(), where, phones, opted_out=opted_out))
    terminal(ctx).show({"removed": removed})


def list_(
    ctx: typer.Context,
    *,
    app: OfApp = None,
    account: OfAccount = None,
    everyone: Everyone = False,
    after: Annotated[int, typer.Option(min=0, max=MOST_ID, help="Begin after this number (digits with country code).")] = 0,
    most: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 1000,
) -> None:
    """List the numbers that are never sent to."""
    where = _where(app, account, everyone=everyone)
    terminal(ctx).table(with_control(ctx, lambda control: control.blacklist.page(actor(), where, after_phone=after, most=most)), COLUMNS)


def import_(ctx: typer.Context, *, file: File, app: OfApp = None, account: OfAccount = None, everyone: Everyone = False) -> None:
    """Take numbers from a file; rows that cannot be read are told and left out."""
    where = _where(app, account, everyone=everyone)
    content = file.read_bytes()
    found: Imported = with_control(ctx, lambda control: control.blacklist.take_in(actor(), where, content))
    terminal(ctx).show(found)


def export(ctx: typer.Context, *, app: OfApp = None, account: OfAccount = None, everyone: Everyone = False) -> None:
    """Write the whole list as CSV to standard output."""
    where = _where(app, account, everyone=everyone)
    out = terminal(ctx).out

    async def write(control: "ControlPlane") -> None:
        async for part in control.blacklist.hand_out(actor(), where):
            out.write(part)

    with_control(ctx, write)
