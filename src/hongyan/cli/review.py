"""hongyan signature, hongyan template."""

import enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hongyan.cli.options import MOST_ID, Account, After, AnyAccount, InScope, KindName, Most, OneApp, ScopeName
from hongyan.cli.output import plain
from hongyan.cli.session import actor, terminal, with_control

if TYPE_CHECKING:
    from hongyan.control.signatures import Signature

SIGNATURE_COLUMNS = ("id", "account_id", "app_id", "name", "scope", "status", "state", "qualification", "created_at")
TEMPLATE_COLUMNS = ("id", "account_id", "app_id", "name", "kind", "scope", "status", "content")


class StatusName(enum.StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    INACTIVE = "inactive"
    DRAFT = "draft"
    STOPPED = "stopped"


class SignatureKindName(enum.StrEnum):
    COMPANY = "company"
    APP = "app"
    WEBSITE = "website"
    PUBLIC_ACCOUNT = "public_account"
    TRADEMARK = "trademark"
    GOVERNMENT = "government"
    MINI_PROGRAM = "mini_program"
    SHOP = "shop"


class FilingName(enum.StrEnum):
    PROCESSING = "processing"
    REGISTERING = "registering"
    REGISTERED = "registered"
    FAILED = "failed"


SignatureId = Annotated[int, typer.Argument(metavar="SIGNATURE", max=MOST_ID, help="The signature's id.", show_default=False)]
TemplateId = Annotated[int, typer.Argument(metavar="TEMPLATE", max=MOST_ID, help="The template's id.", show_default=False)]
InStatus = Annotated[StatusName | None, typer.Option("--status", help="Only in this status.", show_default=False)]
Reasons = Annotated[list[str] | None, typer.Option("--reason", help="Why, by its code; may be repeated.", show_default=False)]
Note = Annotated[str, typer.Option("--note", help="What the applicant is told besides.")]
Remark = Annotated[str, typer.Option("--remark", help="A remark for the reviewer.")]
Papers = Annotated[list[int] | None, typer.Option("--document", help="A document's id; may be repeated.", show_default=False)]
Letter = Annotated[int | None, typer.Option("--authorisation", help="The letter of authorisation, a document's id.", show_default=False)]
OnBehalf = Annotated[bool, typer.Option("--on-behalf", help="It is another company's.")]


def add_signature(
    ctx: typer.Context,
    *,
    name: Annotated[str, typer.Argument(help="Its text, without brackets.", show_default=False)],
    account: Account,
    scope: InScope = ScopeName.MAINLAND,
    app: OneApp = None,
    kind: Annotated[SignatureKindName, typer.Option(help="What it is the name of.")] = SignatureKindName.COMPANY,
    on_behalf: OnBehalf = False,
    qualification: Annotated[int | None, typer.Option(help="The qualification it rests on.", show_default=False)] = None,
    document: Papers = None,
    authorisation: Letter = None,
    usage: Annotated[KindName | None, typer.Option(help="What is sent with it; anything when left out.", show_default=False)] = None,
    remark: Remark = "",
) -> None:
    """Apply for a signature."""
    from hongyan.model.papers import Purpose, SignatureDraft, SignatureKind  # noqa: PLC0415 - `--help` does not wait for it

    draft = SignatureDraft(
        name=name,
        scope=scope.scope,
        app_id=app,
        kind=SignatureKind[kind.name],
        purpose=Purpose.ON_BEHALF if on_behalf else Purpose.OWN,
        proofs=tuple(document or ()),
        authorisation=authorisation,
        qualification_id=qualification,
        remark=remark,
        usage=None if usage is None else usage.kind,
    )
    terminal(ctx).show(with_control(ctx, lambda control: control.signatures.add(actor(), account, draft)))


def list_signatures(ctx: typer.Context, account: AnyAccount = None, status: InStatus = None, after: After = 0, most: Most = 500) -> None:
    """List signatures."""
    from hongyan.model.papers import ReviewStatus  # noqa: PLC0415 - `--help` does not wait for it

    wanted = None if status is None else ReviewStatus(status.value)
    found = with_control(
        ctx, lambda control: control.signatures.page(actor(), account_id=account, status=wanted, after_id=after, most=most)
    )
    terminal(ctx).table([_flat(signature) for signature in found], SIGNATURE_COLUMNS)


def show_signature(ctx: typer.Context, signature: SignatureId) -> None:
    """Show a signature with its papers and what reviewers said."""
    terminal(ctx).show(_flat(with_control(ctx, lambda control: control.signatures.get(actor(), signature))))


def approve_signature(ctx: typer.Context, signature: SignatureId, note: Note = "") -> None:
    """Approve a signature: it can be sent with."""
    terminal(ctx).show(with_control(ctx, lambda control: control.signatures.approve(actor(), signature, note)))


def reject_signature(ctx: typer.Context, signature: SignatureId, reason: Reasons = None, note: Note = "") -> None:
    """Reject a signature under review."""
    terminal(ctx).show(with_control(ctx, lambda control: control.signatures.reject(actor(), signature, reason or (), note)))


def deactivate_signature(ctx: typer.Context, signature: SignatureId) -> None:
    """Take an approved signature out of use."""
    terminal(ctx).show(with_control(ctx, lambda control: control.signatures.deactivate(actor(), signature)))


def file_signature(
    ctx: typer.Context,
    signature: SignatureId,
    filing: Annotated[FilingName, typer.Argument(help="How far it is.", show_default=False)],
    note: Note = "",
) -> None:
    """Note how far a signature's filing with the carriers is."""
    from hongyan.model.papers import Filing  # noqa: PLC0415 - `--help` does not wait for it

    terminal(ctx).show(with_control(ctx, lambda control: control.signatures.file(actor(), signature, Filing(filing.value), note)))


def urge_signature(ctx: typer.Context, signature: SignatureId) -> None:
    """Ask that a signature be decided on soon."""
    terminal(ctx).show(with_control(ctx, lambda control: control.signatures.urge(actor(), signature)))


def delete_signature(ctx: typer.Context, signature: SignatureId) -> None:
    """Delete a signature for good."""
    with_control(ctx, lambda control: control.signatures.delete(actor(), signature))
    terminal(ctx).show({"id": signature, "deleted": True})


def add_template(
    ctx: typer.Context,
    *,
    content: Annotated[str, typer.Argument(help="Its text with {1}, {2}, ... where values go.", show_default=False)],
    account: Account,
    name: Annotated[str, typer.Option(help="Its name.", show_default=False)],
    kind: Annotated[KindName, typer.Option(help="What it is for.")] = KindName.NOTICE,
    scope: InScope = ScopeName.MAINLAND,
    app: OneApp = None,
    signature: Annotated[int | None, typer.Option(max=MOST_ID, help="The one signature it is for.", show_default=False)] = None,
    universal: Annotated[bool, typer.Option("--universal", help="For any signature, which requests then name.")] = False,
    alias: Annotated[str, typer.Option(help="Another id, by which a migrated program knows it.", show_default=False)] = "",
    square_brackets: Annotated[bool, typer.Option("--square-brackets", help="Put the signature in [], not in 【】.")] = False,
    save: Annotated[bool, typer.Option("--save", help="Save it as a draft, without handing it in.")] = False,
    remark: Remark = "",
) -> None:
    """Apply for a template."""
    from hongyan.model.papers import TemplateDraft  # noqa: PLC0415 - `--help` does not wait for it

    draft = TemplateDraft(
        name=name,
        kind=kind.kind,
        scope=scope.scope,
        content=content,
        app_id=app,
        remark=remark,
        signature_id=signature,
        universal=universal,
        alias=alias,
        square_brackets=square_brackets,
    )
    terminal(ctx).show(with_control(ctx, lambda control: control.templates.add(actor(), account, draft, submit=not save)))


def name_template(
    ctx: typer.Context,
    template: TemplateId,
    alias: Annotated[str, typer.Argument(help="Another id, by which a migrated program knows it.", show_default=False)],
) -> None:
    """Give a template another id, by which a migrated program knows it; empty for none."""
    terminal(ctx).show(with_control(ctx, lambda control: control.templates.name(actor(), template, alias)))


def list_templates(ctx: typer.Context, account: AnyAccount = None, status: InStatus = None, after: After = 0, most: Most = 500) -> None:
    """List templates."""
    from hongyan.model.papers import ReviewStatus  # noqa: PLC0415 - `--help` does not wait for it

    wanted = None if status is None else ReviewStatus(status.value)
    found = with_control(ctx, lambda control: control.templates.page(actor(), account_id=account, status=wanted, after_id=after, most=most))
    terminal(ctx).table(found, TEMPLATE_COLUMNS)


def show_template(ctx: typer.Context, template: TemplateId) -> None:
    """Show a template and what reviewers said."""
    terminal(ctx).show(with_control(ctx, lambda control: control.templates.get(actor(), template)))


def approve_template(ctx: typer.Context, template: TemplateId, note: Note = "") -> None:
    """Approve a template: it can be sent with."""
    terminal(ctx).show(with_control(ctx, lambda control: control.templates.approve(actor(), template, note)))


def reject_template(ctx: typer.Context, template: TemplateId, reason: Reasons = None, note: Note = "") -> None:
    """Reject a template under review."""
    terminal(ctx).show(with_control(ctx, lambda control: control.templates.reject(actor(), template, reason or (), note)))


def deactivate_template(ctx: typer.Context, template: TemplateId) -> None:
    """Take an approved template out of use."""
    terminal(ctx).show(with_control(ctx, lambda control: control.templates.deactivate(actor(), template)))


def stop_template(ctx: typer.Context, template: TemplateId) -> None:
    """Take an approved template out of use, as its account does: it can be changed then."""
    terminal(ctx).show(with_control(ctx, lambda control: control.templates.stop(actor(), template)))


def urge_template(ctx: typer.Context, template: TemplateId) -> None:
    """Ask that a template be decided on soon."""
    terminal(ctx).show(with_control(ctx, lambda control: control.templates.urge(actor(), template)))


def delete_template(ctx: typer.Context, template: TemplateId) -> None:
    """Delete a template for good."""
    with_control(ctx, lambda control: control.templates.delete(actor(), template))
    terminal(ctx).show({"id": template, "deleted": True})


def _flat(signature: "Signature") -> dict[str, Any]:
    """Its row, its state in one word, and the name of what it rests on."""
    of = signature.qualification
    row: dict[str, Any] = plain(signature.row)
    return row | {"state": signature.state.value, "qualification": None if of is None else of.name}
