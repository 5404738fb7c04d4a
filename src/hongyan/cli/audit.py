"""hongyan audit."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hongyan.cli.options import MOST_ID, AnyAccount, Most
from hongyan.cli.output import CommandError
from hongyan.cli.session import actor, terminal, with_control

if TYPE_CHECKING:
    from hongyan.store.audit import AuditRow

COLUMNS = ("id", "done_at", "actor_kind", "actor_name", "address", "account_id", "action", "target", "detail")


def list_(
    ctx: typer.Context,
    account: AnyAccount = None,
    before: Annotated[int, typer.Option(min=1, max=MOST_ID, help="Only those before this record.")] = 1 << 62,
    most: Most = 100,
) -> None:
    """List who changed what, the newest first."""
    found = with_control(ctx, lambda control: control.audit.page(actor(), account_id=account, before_id=before, most=most))
    terminal(ctx).table([_shown(row, as_json=terminal(ctx).json) for row in found], COLUMNS)


def verify(ctx: typer.Context) -> None:
    """Check that no record of the audit log was changed, taken out or cut off."""
    broken = with_control(ctx, lambda control: control.audit.verify())
    if broken is not None:
        raise CommandError("tampered", f"操作日志被改动过：{broken.zh}", f"The audit log was tampered with: {broken.en}")
    terminal(ctx).show({"intact": True})


def _shown(row: "AuditRow", *, as_json: bool) -> dict[str, Any]:
    detail: dict[str, Any] = json.loads(row.detail)
    return {
        "id": row.id,
        "done_at": row.at,
        "actor_kind": row.actor_kind,
        "actor": row.actor,
        "actor_name": row.actor_name,
        "address": row.address,
        "account_id": row.account_id,
        "action": row.action,
        "target": row.target,
        "detail": detail if as_json else ", ".join(f"{name}={value}" for name, value in detail.items()),
    }
