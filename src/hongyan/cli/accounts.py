"""hongyan account, hongyan key."""

import enum
from typing import Annotated

import typer

from hongyan.cli.options import MOST_ID, Account, AccountKindName, After, AfterText, AnyAccount, Most
from hongyan.cli.session import actor, terminal, with_control

ACCOUNT_COLUMNS = ("id", "name", "kind", "enabled", "verified_at", "verified_name", "created_at")
VERIFICATION_COLUMNS = ("id", "account_id", "kind", "name", "number_shown", "documents", "status", "note", "submitted_at", "decided_at")
KEY_COLUMNS = ("secret_id", "account_id", "user_id", "enabled", "note", "allow", "scopes", "created_at", "used_at", "address")

Name = Annotated[str, typer.Argument(help="Its name.", show_default=False)]
AccountId = Annotated[int, typer.Argument(metavar="ACCOUNT", max=MOST_ID, help="The account's id.", show_default=False)]
SecretId = Annotated[str, typer.Argument(metavar="SECRET_ID", help="The key's SecretId.", show_default=False)]

KeyNote = Annotated[str, typer.Option("--note", help="What it is for.")]
Allow = Annotated[
    list[str] | None,
    typer.Option("--allow", metavar="NETWORK", help="An address or network it may be used from; may be repeated.", show_default=False),
]
KeyScopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        help="Something it may do (read, reveal, send, apps, keys, apply, contacts, money_read ...); may be repeated.",
        show_default=False,
    ),
]


def create(
    ctx: typer.Context,
    name: Name,
    kind: Annotated[AccountKindName, typer.Option(help="Only enterprises may send marketing messages.")] = AccountKindName.ENTERPRISE,
    unverified: Annotated[bool, typer.Option("--unverified", help="Who it is shall be shown by papers first.")] = False,
) -> None:
    """Create an account."""
    terminal(ctx).show(with_control(ctx, lambda control: control.accounts.create(actor(), name, kind.kind, verified=not unverified)))


def list_(ctx: typer.Context, after: After = 0, most: Most = 500) -> None:
    """List the accounts."""
    terminal(ctx).table(with_control(ctx, lambda control: control.accounts.every(actor(), after_id=after, most=most)), ACCOUNT_COLUMNS)


def enable(ctx: typer.Context, account: AccountId) -> None:
    """Let an account send again."""
    terminal(ctx).show(with_control(ctx, lambda control: control.accounts.set_enabled(actor(), account, enabled=True)))


def disable(ctx: typer.Context, account: AccountId) -> None:
    """Keep an account from sending; nothing of it is lost."""
    terminal(ctx).show(with_control(ctx, lambda control: control.accounts.set_enabled(actor(), account, enabled=False)))


class ChargeName(enum.StrEnum):
    SUBMIT = "submit"
    DELIVERED = "delivered"


def charge(
    ctx: typer.Context,
    account: AccountId,
    rule: Annotated[ChargeName, typer.Argument(help="When a carrier takes a message, or only when it is delivered.", show_default=False)],
) -> None:
    """Say when an account's messages cost something."""
    from hongyan.model.money import ChargeRule  # noqa: PLC0415 - `--help` does not wait for it

    terminal(ctx).show(with_control(ctx, lambda control: control.accounts.set_charge(actor(), account, ChargeRule(rule.value))))


def verify(
    ctx: typer.Context,
    account: AccountId,
    *,
    kind: Annotated[AccountKindName, typer.Option(help="A person or an organisation.")] = AccountKindName.ENTERPRISE,
    name: Annotated[str, typer.Option(help="The name on the papers.", show_default=False)],
    number: Annotated[str, typer.Option(help="The credit code, or a person's identity number.", show_default=False)],
    document: Annotated[list[int], typer.Option("--document", help="A document's id; may be repeated.", show_default=False)],
    contact: Annotated[str, typer.Option(help="Whom to ask.")] = "",
) -> None:
    """Hand in papers that show who an account is."""
    from hongyan.model.identity import VerificationDraft  # noqa: PLC0415 - `--help` does not wait for it

    draft = VerificationDraft(kind=kind.kind, name=name, number=number, documents=tuple(document), contact=contact)
    terminal(ctx).show(with_control(ctx, lambda control: control.verifications.apply(actor(), account, draft)))


def verifications(
    ctx: typer.Context,
    account: AnyAccount = None,
    before: Annotated[int, typer.Option(min=1, max=MOST_ID, help="Only those before this record.")] = 1 << 62,
    most: Most = 100,
) -> None:
    """List what accounts said of who they are, and what came of it."""
    found = with_control(ctx, lambda control: control.verifications.page(actor(), account_id=account, before_id=before, most=most))
    terminal(ctx).table(found, VERIFICATION_COLUMNS)


def urge(ctx: typer.Context, account: AccountId) -> None:
    """Ask for a decision on an account's papers."""
    terminal(ctx).show(with_control(ctx, lambda control: control.verifications.urge(actor(), account)))


def withdraw(ctx: typer.Context, account: AccountId) -> None:
    """Take an account's papers back."""
    terminal(ctx).show(with_control(ctx, lambda control: control.verifications.withdraw(actor(), account)))


def create_key(
    ctx: typer.Context,
    account: Account,
    note: KeyNote = "",
    allow: Allow = None,
    scope: KeyScopes = None,
) -> None:
    """Create a key; its secret is shown this once."""
    made = with_control(ctx, lambda control: control.keys.create(actor(), account, note=note, allow=allow or (), scopes=scope))
    terminal(ctx).show(made)
    terminal(ctx).say("Keep the SecretKey now: it is not shown again.")


def list_keys(ctx: typer.Context, account: AnyAccount = None, after: AfterText = "", most: Most = 500) -> None:
    """List keys without their secrets."""
    terminal(ctx).table(with_control(ctx, lambda control: control.keys.every(actor(), account, after=after, most=most)), KEY_COLUMNS)


def set_key(
    ctx: typer.Context,
    secret_id: SecretId,
    *,
    note: Annotated[str | None, typer.Option(help="What it is for.", show_default=False)] = None,
    allow: Allow = None,
    anywhere: Annotated[bool, typer.Option("--anywhere", help="Let it be used from any address again.")] = False,
    scope: KeyScopes = None,
    classic: Annotated[bool, typer.Option("--classic", help="Let it do what keys without scopes can do.")] = False,
) -> None:
    """Change a key: note, addresses, scopes. What is not named stays."""
    from hongyan.control.keys import KeyChange  # noqa: PLC0415 - `--help` does not wait for it

    given = {
        "note": note,
        "allow": [] if anywhere else allow,
        "scopes": scope,
    }
    change = KeyChange(**{name: value for name, value in given.items() if value is not None}, **({"scopes": None} if classic else {}))  # type: ignore[arg-type]
    terminal(ctx).show(with_control(ctx, lambda control: control.keys.change(actor(), secret_id, change)))


def remove_key(ctx: typer.Context, secret_id: SecretId) -> None:
    """Remove a disabled key for good."""
    with_control(ctx, lambda control: control.keys.remove(actor(), secret_id))
    terminal(ctx).show({"secret_id": secret_id, "removed": True})


def enable_key(ctx: typer.Context, secret_id: SecretId) -> None:
    """Let a key be used again."""
    terminal(ctx).show(with_control(ctx, lambda control: control.keys.set_enabled(actor(), secret_id, enabled=True)))


def disable_key(ctx: typer.Context, secret_id: SecretId) -> None:
    """Keep a key from being used, within a second."""
    terminal(ctx).show(with_control(ctx, lambda control: control.keys.set_enabled(actor(), secret_id, enabled=False)))
