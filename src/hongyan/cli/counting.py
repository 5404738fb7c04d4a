"""What was sent, counted: hongyan message count, hongyan message attempts."""

import time
from typing import Annotated

import msgspec
import typer

from hongyan.cli.options import AppId
from hongyan.cli.output import CommandError
from hongyan.cli.session import actor, terminal, with_control
from hongyan.control.plane import ControlPlane
from hongyan.model.message import Status
from hongyan.model.reject import Reject
from hongyan.model.statistics import Attempted, Ended

HOUR_S = 3600.0
MOST_HOURS = 32 * 24
COLUMNS = ("asked_at", "message_id", "region", "refused", "status", "code", "segments", "done_at")


class Counted(msgspec.Struct, frozen=True):
    """An application's messages of some hours."""

    app_id: int
    from_at: float
    until_at: float
    numbers: int
    refused: int
    accepted: int
    segments: int
    converted: int
    ended: tuple[Ended, ...]


class Attempt(msgspec.Struct, frozen=True):
    """One number of a request, as it is listed."""

    asked_at: float
    message_id: int | None
    region: str
    refused: Reject | None
    status: Status | None
    code: str
    segments: int
    done_at: float | None


def count(
    ctx: typer.Context,
    app: AppId,
    hours: Annotated[int, typer.Option(min=1, max=MOST_HOURS, help="Of so many hours, with the one that runs.")] = 24,
) -> None:
    """Count what an application sent and how it ended."""
    end = (time.time() // HOUR_S + 1) * HOUR_S
    begin = end - hours * HOUR_S

    async def counted(control: ControlPlane) -> Counted:
        who = actor()
        sent = await control.statistics.sends(who, app, begin, end)
        ends = await control.statistics.ends(who, app, begin, end)
        return Counted(
            app_id=app,
            from_at=begin,
            until_at=end,
            numbers=sent.numbers,
            refused=sent.numbers - sent.accepted,
            accepted=sent.accepted,
            segments=sent.segments,
            converted=await control.statistics.converted(who, app, begin, end),
            ended=ends.ended,
        )

    terminal(ctx).show(with_control(ctx, counted))


def attempts(
    ctx: typer.Context,
    app: AppId,
    phone: Annotated[str, typer.Argument(help="The number, as customers write it.", show_default=False)],
    hours: Annotated[int, typer.Option(min=1, max=MOST_HOURS, help="Of so many hours; refusals are kept for three days.")] = 72,
) -> None:
    """List what a number was to be sent, with what was refused and why."""
    from hongyan.model.phone import parse  # noqa: PLC0415 - `--help` does not wait for the numbering plans

    parsed = parse(phone)
    if parsed is None:
        raise CommandError(
            "usage", "号码无法识别：请写 11 位手机号，或 +国家码号码。", "The number cannot be read: write it as +<country code><number>."
        )
    end = time.time() + 1

    async def found(control: ControlPlane) -> list[Attempt]:
        return [_attempt(each) for each in await control.statistics.to_number(actor(), app, parsed.number, end - hours * HOUR_S, end)]

    terminal(ctx).table(with_control(ctx, found), COLUMNS)


def _attempt(each: Attempted) -> Attempt:
    return Attempt(
        asked_at=each.at,
        message_id=each.id if each.refused is None else None,
        region=each.region,
        refused=each.refused,
        status=each.status,
        code=each.code,
        segments=each.segments,
        done_at=each.done_at or None,
    )
