"""hongyan document, hongyan qualification."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from hongyan.cli.options import MOST_ID, Account, After, AnyAccount, Most
from hongyan.cli.output import CommandError
from hongyan.cli.review import Letter, Note, OnBehalf, Papers, Reasons, Remark
from hongyan.cli.session import actor, terminal, with_control

DOCUMENT_COLUMNS = ("id", "account_id", "name", "media_type", "size", "about", "created_at")
QUALIFICATION_COLUMNS = ("id", "account_id", "name", "purpose", "company", "credit_code", "status", "submitted_at")

DocumentId = Annotated[int, typer.Argument(metavar="DOCUMENT", max=MOST_ID, help="The document's id.", show_default=False)]
QualificationId = Annotated[int, typer.Argument(metavar="QUALIFICATION", max=MOST_ID, help="The qualification's id.", show_default=False)]


def add_document(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A PNG, JPEG or PDF file of at most 5 MB.", show_default=False)],
    account: Account,
    about: Annotated[str, typer.Option(help="What it is, for the reviewer.", show_default=False)] = "",
) -> None:
    """Hand in a document for an account."""
    try:
        content = file.read_bytes()
    except OSError as fault:
        raise CommandError("usage", f"读不了 {file}：{fault.strerror}。", f"{file} cannot be read: {fault.strerror}.") from fault
    terminal(ctx).show(_told(with_control(ctx, lambda control: control.documents.add(actor(), account, file.name, content, about))))


def list_documents(ctx: typer.Context, account: AnyAccount = None, after: After = 0, most: Most = 500) -> None:
    """List documents."""
    found = with_control(ctx, lambda control: control.documents.page(actor(), account_id=account, after_id=after, most=most))
    terminal(ctx).table([_told(row) for row in found], DOCUMENT_COLUMNS)


def save_document(
    ctx: typer.Context,
    document: DocumentId,
    file: Annotated[Path, typer.Argument(help="Where to; it must not be there yet.", show_default=False)],
) -> None:
    """Write a document into a file, to look at it."""
    found = with_control(ctx, lambda control: control.documents.read(actor(), document))
    try:
        with file.open("xb") as target:
            target.write(found.content)
    except OSError as fault:
        raise CommandError("usage", f"写不了 {file}：{fault.strerror}。", f"{file} cannot be written: {fault.strerror}.") from fault
    terminal(ctx).show(_told(found.row))


def delete_document(ctx: typer.Context, document: DocumentId) -> None:
    """Delete a document that nothing rests on."""
    with_control(ctx, lambda control: control.documents.delete(actor(), document))
    terminal(ctx).show({"id": document, "deleted": True})


def add_qualification(
    ctx: typer.Context,
    *,
    name: Annotated[str, typer.Argument(help="What the account calls it.", show_default=False)],
    account: Account,
    company: Annotated[str, typer.Option(help="The company's name as on the licence.", show_default=False)],
    credit_code: Annotated[str, typer.Option(help="Its unified social credit code, 18 characters.", show_default=False)],
    document: Papers = None,
    on_behalf: OnBehalf = False,
    authorisation: Letter = None,
    until: Annotated[str, typer.Option(help="The licence's last day, YYYY-MM-DD; empty for none.")] = "",
    remark: Remark = "",
) -> None:
    """Apply for a qualification: the company behind signatures, with its papers."""
    from hongyan.model.papers import Purpose, QualificationDraft  # noqa: PLC0415 - `--help` does not wait for it

    draft = QualificationDraft(
        name=name,
        purpose=Purpose.ON_BEHALF if on_behalf else Purpose.OWN,
        company=company,
        credit_code=credit_code,
        documents=tuple(document or ()),
        authorisation=authorisation,
        valid_until=_end_of(until) if until else None,
        remark=remark,
    )
    terminal(ctx).show(with_control(ctx, lambda control: control.qualifications.add(actor(), account, draft)))


def list_qualifications(ctx: typer.Context, account: AnyAccount = None, after: After = 0, most: Most = 500) -> None:
    """List qualifications."""
    found = with_control(ctx, lambda control: control.qualifications.page(actor(), account_id=account, after_id=after, most=most))
    terminal(ctx).table(found, QUALIFICATION_COLUMNS)


def show_qualification(ctx: typer.Context, qualification: QualificationId) -> None:
    """Show a qualification and what reviewers said."""
    terminal(ctx).show(with_control(ctx, lambda control: control.qualifications.get(actor(), qualification)))


def approve_qualification(ctx: typer.Context, qualification: QualificationId, note: Note = "") -> None:
    """Approve a qualification: signatures can rest on it."""
    terminal(ctx).show(with_control(ctx, lambda control: control.qualifications.approve(actor(), qualification, note)))


def reject_qualification(ctx: typer.Context, qualification: QualificationId, reason: Reasons = None, note: Note = "") -> None:
    """Reject a qualification under review."""
    terminal(ctx).show(with_control(ctx, lambda control: control.qualifications.reject(actor(), qualification, reason or (), note)))


def delete_qualification(ctx: typer.Context, qualification: QualificationId) -> None:
    """Delete a qualification on which no signature rests."""
    with_control(ctx, lambda control: control.qualifications.delete(actor(), qualification))
    terminal(ctx).show({"id": qualification, "deleted": True})


def _end_of(day: str) -> float:
    """When the day is over in Asia/Shanghai."""
    try:
        first = dt.date.fromisoformat(day)
    except ValueError as fault:
        raise CommandError("usage", f"日期 {day} 要写成 YYYY-MM-DD。", f"Write the day {day} as YYYY-MM-DD.") from fault
    zone = dt.timezone(dt.timedelta(hours=8))
    return dt.datetime.combine(first + dt.timedelta(days=1), dt.time(), zone).timestamp()


def _told(row: object) -> dict[str, object]:
    """Without where it lies."""
    return {name: getattr(row, name) for name in DOCUMENT_COLUMNS}
