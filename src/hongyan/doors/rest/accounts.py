"""Accounts, people, and who did what."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hongyan.control.accounts import Accounts
from hongyan.control.audit import NEWEST, Audit
from hongyan.control.members import Members
from hongyan.control.permissions import demand
from hongyan.control.users import Users
from hongyan.doors.rest.apps import account_of
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import Address, Body, Id, Name, OneAccount, PathId
from hongyan.doors.rest.paging import Cursor, Limit, after, page
from hongyan.doors.rest.problems import Refused
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.views import names_of, shown, view_of
from hongyan.model.actor import Permission, Role
from hongyan.model.snapshot import AccountKind

AccountView = view_of(Accounts.get, "Account")
UserView = view_of(Users.named, "User")
MemberView = view_of(Members.add, "Member")
InvitationView = view_of(Members.invitations, "Invitation", leave_out=("purpose", "user_id"))
MadeInvitation = view_of(Members.invite, "MadeInvitation")
TicketView = view_of(Users.create, "Ticket")
AuditView = view_of(Audit.page, "AuditEntry", leave_out=("previous", "mark"))
Kinds: Any = names_of(AccountKind)


class NewAccount(Body):
    name: Name
    kind: Kinds = Field(description="Only enterprises may send marketing messages.")
    verified: bool = Field(default=True, description="false: who it is is to be shown by papers first.")


class Switch(Body):
    enabled: bool


class NewUser(Body):
    email: Address
    name: Name
    operator_role: Role | None = Field(default=None, description="reviewer, operations or administrator; null for a customer's person.")


class UserChange(Body):
    """What to change; what is left out stays."""

    enabled: bool = True
    operator_role: Role | None = None


class NewMember(Body):
    email: Address
    role: Role
    account_id: Id | None = Field(default=None, description="The operator has to name it.")


class RoleChange(Body):
    role: Role
    account_id: Id | None = None


class Whoami(BaseModel):
    """Whoever asks, as the platform knows them."""

    kind: str
    id: str
    name: str
    account_id: int | None = Field(description="null at the operator's, who sees all accounts.")
    permissions: list[Permission]


class Verified(BaseModel):
    """Whether the audit log is whole."""

    whole: bool
    broken_at: int | None = Field(default=None, description="The first record that is gone or was changed.")


def routes(*, accounts: Accounts, users: Users, members: Members, audit: Audit) -> APIRouter:
    """Everything under /accounts, /users, /members, /audit, and /me."""
    door, people, staff, log = AccountPaths(accounts), UserPaths(users), MemberPaths(members), AuditPaths(audit)
    return router(
        "accounts",
        "",
        [
            Operation("GET", "/me", "whoami", me, "Who am I", Whoami),
            Operation("GET", "/accounts", "listAccounts", door.page, "Accounts", page_of(AccountView)),
            Operation("POST", "/accounts", "createAccount", door.create, "Make one", AccountView, 201, (409,)),
            Operation("GET", "/accounts/{account_id}", "getAccount", door.get, "One of them", AccountView, also=(404,)),
            Operation("PATCH", "/accounts/{account_id}", "switchAccount", door.switch, "Switch it on or off", AccountView, also=(404,)),
            Operation("GET", "/users", "listUsers", people.page, "People", page_of(UserView)),
            Operation("POST", "/users", "createUser", people.create, "Make one", TicketView, 201, (409,)),
            Operation("PATCH", "/users/{user_id}", "changeUser", people.change, "Change one", UserView, also=(404, 409)),
            Operation("POST", "/users/{user_id}/password-ticket", "resetPassword", people.reset, "A new password", TicketView, also=(404,)),
            Operation("DELETE", "/users/{user_id}/second-factor", "dropSecondFactor", people.drop, "Drop it", UserView, also=(404,)),
            Operation("GET", "/members", "listMembers", staff.page, "Members of an account", page_of(MemberView), also=(404,)),
            Operation("PATCH", "/members/{user_id}", "setRole", staff.set_role, "Another role", MemberView, also=(404, 409)),
            Operation("DELETE", "/members/{user_id}", "removeMember", staff.remove, "Take one out", also=(404, 409)),
            Operation("GET", "/invitations", "listInvitations", staff.invitations, "Who is invited", page_of(InvitationView), also=(404,)),
            Operation("POST", "/invitations", "invite", staff.invite, "Invite somebody", MadeInvitation, 201, (404, 409, 429)),
            Operation("DELETE", "/invitations/{invitation_id}", "withdrawInvitation", staff.withdraw, "Take it back", also=(404,)),
            Operation("GET", "/audit", "listAudit", log.page, "Who did what, the newest first", page_of(AuditView), also=(404,)),
            Operation("GET", "/audit/check", "checkAudit", log.check, "Is the log whole", Verified),
        ],
    )


async def me(asks: Asks) -> Whoami:
    return Whoami(kind=asks.kind, id=asks.id, name=asks.name, account_id=asks.account_id, permissions=sorted(asks.permissions))


class AccountPaths:
    """The endpoints under /accounts."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def page(self, asks: Asks, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._accounts.every(asks, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda account: account.id, lambda account: shown(account, AccountView))

    async def create(self, asks: Asks, wanted: NewAccount) -> Any:
        return shown(await self._accounts.create(asks, wanted.name, AccountKind[wanted.kind.name], verified=wanted.verified), AccountView)

    async def get(self, asks: Asks, account_id: PathId) -> Any:
        return shown(await self._accounts.get(asks, account_id), AccountView)

    async def switch(self, asks: Asks, account_id: PathId, wanted: Switch) -> Any:
        """An account that is switched off keeps everything and can send nothing."""
        return shown(await self._accounts.set_enabled(asks, account_id, enabled=wanted.enabled), AccountView)


class UserPaths:
    """The endpoints under /users: the operator's."""

    def __init__(self, users: Users) -> None:
        self._users = users

    async def page(self, asks: Asks, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._users.every(asks, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda user: user.id, lambda user: shown(user, UserView))

    async def create(self, asks: Asks, wanted: NewUser) -> Any:
        """The ticket lets them set their password, and is shown this once."""
        return shown(await self._users.create(asks, wanted.email, wanted.name, wanted.operator_role), TicketView)

    async def change(self, asks: Asks, user_id: PathId, wanted: UserChange) -> Any:
        if not wanted.model_fields_set:
            raise Refused(422, "nothing_to_change", "没有要修改的内容：写上 enabled 或 operator_role。", "Say enabled or operator_role.")
        if "operator_role" in wanted.model_fields_set:
            user = await self._users.set_operator_role(asks, user_id, wanted.operator_role)
        if "enabled" in wanted.model_fields_set:
            user = await self._users.set_enabled(asks, user_id, enabled=wanted.enabled)
        return shown(user, UserView)

    async def reset(self, asks: Asks, user_id: PathId) -> Any:
        return shown(await self._users.reset_password(asks, user_id), TicketView)

    async def drop(self, asks: Asks, user_id: PathId) -> Any:
        """For who has lost both the device and the recovery codes."""
        return shown(await self._users.drop_second_factor(asks, user_id), UserView)


class MemberPaths:
    """The endpoints under /members and /invitations."""

    def __init__(self, members: Members) -> None:
        self._members = members

    async def page(self, asks: Asks, account_id: OneAccount = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._members.every(asks, account_of(asks, account_id), after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda member: member.user_id, lambda member: shown(member, MemberView))

    async def set_role(self, asks: Asks, user_id: PathId, wanted: RoleChange) -> Any:
        return shown(await self._members.set_role(asks, account_of(asks, wanted.account_id), user_id, wanted.role), MemberView)

    async def remove(self, asks: Asks, user_id: PathId, account_id: OneAccount = None) -> None:
        await self._members.remove(asks, account_of(asks, account_id), user_id)

    async def invitations(self, asks: Asks, account_id: OneAccount = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._members.invitations(asks, account_of(asks, account_id), after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda ticket: ticket.id, lambda ticket: shown(ticket, InvitationView))

    async def invite(self, asks: Asks, wanted: NewMember) -> Any:
        """The ticket is shown this once: hand it to them."""
        return shown(await self._members.invite(asks, account_of(asks, wanted.account_id), wanted.email, wanted.role), MadeInvitation)

    async def withdraw(self, asks: Asks, invitation_id: PathId, account_id: OneAccount = None) -> None:
        await self._members.withdraw(asks, account_of(asks, account_id), invitation_id)


class AuditPaths:
    """The endpoints under /audit."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def page(self, asks: Asks, account_id: OneAccount = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._audit.page(asks, account_id=account_id, before_id=after(cursor, NEWEST), most=limit + 1)
        return page(found, limit, lambda row: row.id, lambda row: shown(row, AuditView))

    async def check(self, asks: Asks) -> Verified:
        """Follows the whole chain: the operator's question."""
        demand(asks, Permission.ADMINISTER)
        broken = await self._audit.verify()
        return Verified(whole=broken is None, broken_at=None if broken is None else broken.id)
