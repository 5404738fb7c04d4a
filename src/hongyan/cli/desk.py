"""hongyan review, hongyan calendar."""

import datetime as dt
import enum
import time
from typing import TYPE_CHECKING, Annotated

import typer

from hongyan.cli.options import MOST_ID, After, Most
from hongyan.cli.output import CommandError
from hongyan.cli.review import Note, Reasons
from hongyan.cli.session import actor, terminal, with_control

if TYPE_CHECKING:
    from hongyan.model.papers import ReviewKind

QUEUE_COLUMNS = ("id", "kind", "subject_id", "account_id", "title", "submitted_at", "due_at", "urges", "claimed_name")
HISTORY_COLUMNS = ("id", "kind", "subject_id", "account_id", "title", "state", "submitted_at", "decided_at", "decided_name", "note")
RULE_COLUMNS = ("name", "on", "what")
DAY_COLUMNS = ("date", "working", "name")


class ReviewKindName(enum.StrEnum):
    QUALIFICATION = "qualification"
    SIGNATURE = "signature"
    TEMPLATE = "template"
    ACCOUNT = "account"


ReviewId = Annotated[int, typer.Argument(metavar="REVIEW", max=MOST_ID, help="The review's number.", show_default=False)]
OfKind = Annotated[ReviewKindName | None, typer.Option("--kind", help="Only of this kind.", show_default=False)]
Day = Annotated[str, typer.Argument(help="YYYY-MM-DD.", show_default=False)]


def queue(ctx: typer.Context, kind: OfKind = None, after: After = 0, most: Most = 100) -> None:
    """List what waits for a decision, the most urgent first."""
    found = with_control(ctx, lambda control: control.review.queue(actor(), kinds=_kinds(kind), after_id=after, most=most))
    terminal(ctx).table(found, QUEUE_COLUMNS)


def history(ctx: typer.Context, kind: OfKind = None, most: Most = 100) -> None:
    """List reviews and what came of them, the newest first."""
    only = None if kind is None else _kinds(kind)[0]
    found = with_control(ctx, lambda control: control.review.page(actor(), kind=only, most=most))
    terminal(ctx).table(found, HISTORY_COLUMNS)


def show(ctx: typer.Context, review: ReviewId) -> None:
    """Show what was applied for, and what was decided."""
    terminal(ctx).show(with_control(ctx, lambda control: control.review.get(actor(), review)))


def claim(
    ctx: typer.Context,
    review: Annotated[int, typer.Argument(metavar="[REVIEW]", max=MOST_ID, help="The review's number; otherwise the most urgent.")] = 0,
    kind: OfKind = None,
) -> None:
    """Take a review in hand for half an hour."""
    if review:
        terminal(ctx).show(with_control(ctx, lambda control: control.review.claim(actor(), review)))
        return
    taken = with_control(ctx, lambda control: control.review.claim_next(actor(), _kinds(kind)))
    if taken is None:
        raise CommandError("not_found", "没有待审核的申请。", "Nothing waits for a decision.")
    terminal(ctx).show(taken)


def release(ctx: typer.Context, review: ReviewId) -> None:
    """Put a review back into the queue."""
    terminal(ctx).show(with_control(ctx, lambda control: control.review.release(actor(), review)))


def approve(ctx: typer.Context, review: ReviewId, note: Note = "") -> None:
    """Approve what was applied for."""
    terminal(ctx).show(with_control(ctx, lambda control: control.review.approve(actor(), review, note)))


def reject(ctx: typer.Context, review: ReviewId, reason: Reasons = None, note: Note = "") -> None:
    """Reject what was applied for, with the reasons."""
    terminal(ctx).show(with_control(ctx, lambda control: control.review.reject(actor(), review, reason or (), note)))


def ask(ctx: typer.Context, review: ReviewId, reason: Reasons = None, note: Note = "") -> None:
    """Ask the applicant for more papers."""
    terminal(ctx).show(with_control(ctx, lambda control: control.review.ask(actor(), review, reason or (), note)))


def reasons(ctx: typer.Context, kind: Annotated[ReviewKindName, typer.Argument(help="Of what.", show_default=False)]) -> None:
    """List the reasons for which something can be rejected."""
    from hongyan.control.reasons import BY_KIND  # noqa: PLC0415 - `--help` does not wait for it

    which = 0 if terminal(ctx).lang == "zh" else 1
    rows = [{"code": code, "what": words[which]} for code, words in BY_KIND[_kinds(kind)[0]].items()]
    terminal(ctx).table(rows, ("code", "what"))


def rules(ctx: typer.Context) -> None:
    """List the rules that approve by themselves, and which are switched on."""
    found = with_control(ctx, lambda control: control.review.rules(actor()))
    zh = terminal(ctx).lang == "zh"
    terminal(ctx).table([{"name": rule.name, "on": rule.on, "what": rule.zh if zh else rule.en} for rule in found], RULE_COLUMNS)


def rule(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The rule's name.", show_default=False)],
    on: Annotated[bool, typer.Option("--on/--off", help="Switch it on or off.", show_default=False)],
) -> None:
    """Switch a rule that approves by itself on or off."""
    changed = with_control(ctx, lambda control: control.review.switch_rule(actor(), name, on=on))
    terminal(ctx).show({"name": changed.name, "on": changed.on})


def days(ctx: typer.Context, year: Annotated[int, typer.Argument(help="The year; otherwise this one.", min=0, max=9999)] = 0) -> None:
    """List the days of a year that are other than their weekday says."""
    wanted = year or time.localtime().tm_year
    found = with_control(ctx, lambda control: control.calendar.days(actor(), wanted))
    terminal(ctx).table([{"date": day.day.isoformat(), "working": day.working, "name": day.name} for day in found], DAY_COLUMNS)


def set_day(
    ctx: typer.Context,
    day: Day,
    *,
    working: Annotated[bool, typer.Option("--working/--off", help="Whether it is worked.", show_default=False)],
    name: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Say whether a day is worked or free."""
    put = with_control(ctx, lambda control: control.calendar.set_day(actor(), _day(day), working=working, name=name))
    terminal(ctx).show({"date": put.day.isoformat(), "working": put.working, "name": put.name})


def unset_day(ctx: typer.Context, day: Day) -> None:
    """Let the packaged calendar decide about a day again."""
    with_control(ctx, lambda control: control.calendar.unset_day(actor(), _day(day)))
    terminal(ctx).show({"date": day, "removed": True})


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as fault:
        raise CommandError("usage", f"日期 {text} 要写成 YYYY-MM-DD。", f"Write the day {text} as YYYY-MM-DD.") from fault


def _kinds(name: ReviewKindName | None) -> "tuple[ReviewKind, ...]":
    from hongyan.model.papers import ReviewKind  # noqa: PLC0415 - `--help` does not wait for it

    return tuple(ReviewKind) if name is None else (ReviewKind(name.value),)
