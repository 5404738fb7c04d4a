"""hongyan account, hongyan key."""

from typing import Annotated

import typer

from hongyan.cli.options import MOST_ID, Account, AccountKindName, After, AfterText, AnyAccount, Most
from hongyan.cli.session import actor, terminal, with_control

ACCOUNT_COLUMNS = ("id", "name", "kind", "enabled", "created_at")
KEY_COLUMNS = ("secret_id", "account_id", "enabled", "created_at")

Name = Annotated[str, typer.Argument(help="Its name.", show_default=False)]
AccountId = Annotated[int, typer.Argument(metavar="ACCOUNT", max=MOST_ID, help="The account's id.", show_default=False)]
SecretId = Annotated[str, typer.Argument(metavar="SECRET_ID", help="The key's SecretId.", show_default=False)]


def create(
    ctx: typer.Context,
    name: Name,
    kind: Annotated[AccountKindName, typer.Option(help="Only enterprises may send marketing messages.")] = AccountKindName.ENTERPRISE,
) -> None:
    """Create an account."""
    terminal(ctx).show(with_control(ctx, lambda control: control.accounts.create(actor(), name, kind.kind)))


def list_(ctx: typer.Context, after: After = 0, most: Most = 500) -> None:
    """List the accounts."""
    terminal(ctx).table(with_control(ctx, lambda control: control.accounts.every(actor(), after_id=after, most=most)), ACCOUNT_COLUMNS)


def enable(ctx: typer.Context, account: AccountId) -> None:
    """Let an account send again."""
    terminal(ctx).show(with_control(ctx, lambda control: control.accounts.set_enabled(actor(), account, enabled=True)))


def disable(ctx: typer.Context, account: AccountId) -> None:
    """Keep an account from sending; nothing of it is lost."""
    terminal(ctx).show(with_control(ctx, lambda control: control.accounts.set_enabled(actor(), account, enabled=False)))


def create_key(ctx: typer.Context, account: Account) -> None:
    """Create a key; its secret is shown this once."""
    terminal(ctx).show(with_control(ctx, lambda control: control.keys.create(actor(), account)))
    terminal(ctx).say("Keep the SecretKey now: it is not shown again.")


def list_keys(ctx: typer.Context, account: AnyAccount = None, after: AfterText = "", most: Most = 500) -> None:
    """List keys without their secrets."""
    terminal(ctx).table(with_control(ctx, lambda control: control.keys.every(actor(), account, after=after, most=most)), KEY_COLUMNS)


def enable_key(ctx: typer.Context, secret_id: SecretId) -> None:
    """Let a key be used again."""
    terminal(ctx).show(with_control(ctx, lambda control: control.keys.set_enabled(actor(), secret_id, enabled=True)))


def disable_key(ctx: typer.Context, secret_id: SecretId) -> None:
    """Keep a key from being used, within a second."""
    terminal(ctx).show(with_control(ctx, lambda control: control.keys.set_enabled(actor(), secret_id, enabled=False)))
