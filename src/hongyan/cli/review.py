"""hongyan signature, hongyan template."""

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from hongyan.cli.options import MOST_ID, Account, AnyAccount, InScope, KindName, OneApp, ScopeName
from hongyan.cli.session import terminal, with_control

if TYPE_CHECKING:
    from hongyan.store.signatures import ReviewStatus

SIGNATURE_COLUMNS = ("id", "account_id", "app_id", "name", "scope", "status", "created_at")
TEMPLATE_COLUMNS = ("id", "account_id", "app_id", "name", "kind", "scope", "status", "content")


class StatusName(enum.StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    INACTIVE = "inactive"


SignatureId = Annotated[int, typer.Argument(metavar="SIGNATURE", max=MOST_ID, help="The signature's id.", show_default=False)]
TemplateId = Annotated[int, typer.Argument(metavar="TEMPLATE", max=MOST_ID, help="The template's id.", show_default=False)]
InStatus = Annotated[StatusName | None, typer.Option("--status", help="Only in this status.", show_default=False)]


def add_signature(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its text, without brackets.", show_default=False)],
    account: Account,
    scope: InScope = ScopeName.MAINLAND,
    app: OneApp = None,
) -> None:
    """Apply for a signature."""
    terminal(ctx).show(with_control(ctx, lambda control: control.signatures.add(account, name, scope.scope, app)))


def list_signatures(ctx: typer.Context, account: AnyAccount = None, status: InStatus = None) -> None:
    """List signatures."""
    found = with_control(ctx, lambda control: control.signatures.every(account, _status(status)))
    terminal(ctx).table(found, SIGNATURE_COLUMNS)


def approve_signature(ctx: typer.Context, signature: SignatureId) -> None:
    """Approve a signature: it can be sent with."""
    terminal(ctx).show(with_control(ctx, lambda control: control.signatures.approve(signature)))


def reject_signature(ctx: typer.Context, signature: SignatureId) -> None:
    """Reject a signature under review."""
    terminal(ctx).show(with_control(ctx, lambda control: control.signatures.reject(signature)))


def deactivate_signature(ctx: typer.Context, signature: SignatureId) -> None:
    """Take an approved signature out of use."""
    terminal(ctx).show(with_control(ctx, lambda control: control.signatures.deactivate(signature)))


def add_template(
    ctx: typer.Context,
    *,
    content: Annotated[str, typer.Argument(help="Its text with {1}, {2}, ... where values go.", show_default=False)],
    account: Account,
    name: Annotated[str, typer.Option(help="Its name.", show_default=False)],
    kind: Annotated[KindName, typer.Option(help="What it is for.")] = KindName.NOTICE,
    scope: InScope = ScopeName.MAINLAND,
    app: OneApp = None,
) -> None:
    """Apply for a template."""
    made = with_control(
        ctx,
        lambda control: control.templates.add(account, name=name, kind=kind.kind, scope=scope.scope, content=content, app_id=app),
    )
    terminal(ctx).show(made)


def list_templates(ctx: typer.Context, account: AnyAccount = None, status: InStatus = None) -> None:
    """List templates."""
    found = with_control(ctx, lambda control: control.templates.every(account, _status(status)))
    terminal(ctx).table(found, TEMPLATE_COLUMNS)


def approve_template(ctx: typer.Context, template: TemplateId) -> None:
    """Approve a template: it can be sent with."""
    terminal(ctx).show(with_control(ctx, lambda control: control.templates.approve(template)))


def reject_template(ctx: typer.Context, template: TemplateId) -> None:
    """Reject a template under review."""
    terminal(ctx).show(with_control(ctx, lambda control: control.templates.reject(template)))


def deactivate_template(ctx: typer.Context, template: TemplateId) -> None:
    """Take an approved template out of use."""
    terminal(ctx).show(with_control(ctx, lambda control: control.templates.deactivate(template)))


def _status(name: StatusName | None) -> "ReviewStatus | None":
    from hongyan.store.signatures import ReviewStatus  # noqa: PLC0415 - `--help` does not wait for it

    return None if name is None else ReviewStatus(name.value)
