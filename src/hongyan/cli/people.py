"""hongyan user, hongyan member."""

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from hongyan.cli.options import MOST_ID, Account, After, Most
from hongyan.cli.session import actor, terminal, with_control
from hongyan.model.actor import Role

if TYPE_CHECKING:
    from hongyan.control.plane import ControlPlane

USER_COLUMNS = ("id", "email", "name", "operator_role", "enabled", "has_password", "second_factor", "created_at", "signed_in_at")
MEMBER_COLUMNS = ("user_id", "email", "name", "role", "enabled", "second_factor", "created_at")
INVITATION_COLUMNS = ("id", "email", "role", "created_at", "expires_at")


class OperatorRoleName(enum.StrEnum):
    REVIEWER = "reviewer"
    OPERATIONS = "operations"
    ADMINISTRATOR = "administrator"
    NONE = "none"

    @property
    def role(self) -> Role | None:
        return None if self is OperatorRoleName.NONE else Role[self.name]


class MemberRoleName(enum.StrEnum):
    OWNER = "owner"
    DEVELOPER = "developer"
    FINANCE = "finance"
    READER = "reader"

    @property
    def role(self) -> Role:
        return Role[self.name]


Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The mail address they sign in with.", show_default=False)]
UserId = Annotated[int, typer.Argument(metavar="USER", max=MOST_ID, help="The user's id.", show_default=False)]
MemberRole = Annotated[MemberRoleName, typer.Option("--role", help="What they are in the account.")]


def create(
    ctx: typer.Context,
    email: Email,
    name: Annotated[str, typer.Option(help="Their name.", show_default=False)],
    role: Annotated[OperatorRoleName, typer.Option(help="What they are at the operator's.")] = OperatorRoleName.NONE,
) -> None:
    """Add a person; the ticket shown lets them set their password, once."""
    terminal(ctx).show(with_control(ctx, lambda control: control.users.create(actor(), email, name, role.role)))


def list_(ctx: typer.Context, after: After = 0, most: Most = 500) -> None:
    """List the users."""
    terminal(ctx).table(with_control(ctx, lambda control: control.users.every(actor(), after_id=after, most=most)), USER_COLUMNS)


def enable(ctx: typer.Context, email: Email) -> None:
    """Let a user sign in again."""
    _set_enabled(ctx, email, enabled=True)


def disable(ctx: typer.Context, email: Email) -> None:
    """Sign a user out and keep them out; their keys stop working."""
    _set_enabled(ctx, email, enabled=False)


def _set_enabled(ctx: typer.Context, email: str, *, enabled: bool) -> None:
    async def change(control: "ControlPlane") -> object:
        user = await control.users.named(actor(), email)
        return await control.users.set_enabled(actor(), user.id, enabled=enabled)

    terminal(ctx).show(with_control(ctx, change))


def role(
    ctx: typer.Context,
    email: Email,
    role: Annotated[
        OperatorRoleName, typer.Argument(metavar="ROLE", help="reviewer, operations, administrator or none.", show_default=False)
    ],
) -> None:
    """Make a user something at the operator's, or nothing."""

    async def change(control: "ControlPlane") -> object:
        user = await control.users.named(actor(), email)
        return await control.users.set_operator_role(actor(), user.id, role.role)

    terminal(ctx).show(with_control(ctx, change))


def reset(ctx: typer.Context, email: Email) -> None:
    """Show a ticket with which a user can set a new password, once, within an hour."""

    async def change(control: "ControlPlane") -> object:
        user = await control.users.named(actor(), email)
        return await control.users.reset_password(actor(), user.id)

    terminal(ctx).show(with_control(ctx, change))


def password(ctx: typer.Context, email: Email) -> None:
    """Set a user's password here and now; it is asked for, or read from standard input."""
    import getpass  # noqa: PLC0415 - `--help` does not wait for it
    import sys  # noqa: PLC0415 - as above

    wanted = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")

    async def change(control: "ControlPlane") -> object:
        user = await control.users.named(actor(), email)
        await control.credentials.impose_password(actor(), user.id, wanted)
        return await control.users.named(actor(), email)

    terminal(ctx).show(with_control(ctx, change))


def unlock(ctx: typer.Context, email: Email) -> None:
    """Take the second factor from a user who has lost the device and the recovery codes."""

    async def change(control: "ControlPlane") -> object:
        user = await control.users.named(actor(), email)
        return await control.users.drop_second_factor(actor(), user.id)

    terminal(ctx).show(with_control(ctx, change))


def invite(ctx: typer.Context, email: Email, account: Account, role: MemberRole = MemberRoleName.DEVELOPER) -> None:
    """Invite somebody into an account; the ticket shown is for them alone."""
    terminal(ctx).show(with_control(ctx, lambda control: control.members.invite(actor(), account, email, role.role)))


def invitations(ctx: typer.Context, account: Account, after: After = 0, most: Most = 500) -> None:
    """List invitations that can still be accepted."""
    found = with_control(ctx, lambda control: control.members.invitations(actor(), account, after_id=after, most=most))
    terminal(ctx).table(found, INVITATION_COLUMNS)


def withdraw(
    ctx: typer.Context,
    invitation: Annotated[int, typer.Argument(metavar="INVITATION", max=MOST_ID, help="The invitation's id.", show_default=False)],
    account: Account,
) -> None:
    """Take an invitation back."""
    with_control(ctx, lambda control: control.members.withdraw(actor(), account, invitation))
    terminal(ctx).show({"id": invitation, "removed": True})


def add_member(ctx: typer.Context, email: Email, account: Account, role: MemberRole = MemberRoleName.DEVELOPER) -> None:
    """Make a user a member of an account at once."""
    terminal(ctx).show(with_control(ctx, lambda control: control.members.add(actor(), account, email, role.role)))


def list_members(ctx: typer.Context, account: Account, after: After = 0, most: Most = 500) -> None:
    """List the members of an account."""
    found = with_control(ctx, lambda control: control.members.every(actor(), account, after_id=after, most=most))
    terminal(ctx).table(found, MEMBER_COLUMNS)


def set_role(
    ctx: typer.Context,
    user: UserId,
    role: Annotated[MemberRoleName, typer.Argument(metavar="ROLE", help="owner, developer, finance or reader.", show_default=False)],
    account: Account,
) -> None:
    """Change what a member is in the account."""
    terminal(ctx).show(with_control(ctx, lambda control: control.members.set_role(actor(), account, user, role.role)))


def remove_member(ctx: typer.Context, user: UserId, account: Account) -> None:
    """Take a member out of the account; their keys of it stop working."""
    with_control(ctx, lambda control: control.members.remove(actor(), account, user))
    terminal(ctx).show({"user_id": user, "removed": True})
