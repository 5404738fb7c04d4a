"""Members of an account: who is what in it, and who is invited."""

from collections.abc import Callable

import msgspec

from hongyan.control import tokens
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.letters import Letter, Letters, Link
from hongyan.control.permissions import demand
from hongyan.control.tries import BY_INVITER, BY_TICKET, Tries
from hongyan.control.users import TICKET, email_address
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import MEMBER_ROLES, Actor, Permission, Role
from hongyan.store import accounts, members, sessions, tickets, users
from hongyan.store.accounts import AccountRow
from hongyan.store.members import MemberRow
from hongyan.store.snapshots import publish
from hongyan.store.tickets import Purpose, TicketRow

PAGE_MOST = 500
MEMBERS_MOST = 500
INVITATION_WITHIN_S = 72 * 3600.0


class NewInvitation(msgspec.Struct, frozen=True):
    """The only time its ticket is shown: whoever holds it and knows the address's password, or sets one, becomes a member."""

    id: int
    account_id: int
    email: str
    role: Role
    ticket: str
    expires_at: float


class Members:
    """An account always has an owner who can sign in, once it has had one."""

    def __init__(
        self,
        db: Database,
        audit: Audit,
        box: SecretBox,
        clock: Callable[[], float],
        entropy: tokens.Entropy,
        *,
        letters: Letters,
        link: Link,
    ) -> None:
        self._db = db
        self._audit = audit
        self._box = box
        self._clock = clock
        self._entropy = entropy
        self._letters = letters
        self._tries = Tries(db, box)
        self._link = link

    async def every(self, actor: Actor, account_id: int, *, after_id: int = 0, most: int = PAGE_MOST) -> list[MemberRow]:
        """In the order of the users' ids, at most 500."""
        demand(actor, Permission.MEMBERS, account_id)
        async with self._db.connection() as conn:
            return await members.page(conn, account_id, after_id=after_id, most=max(1, min(most, PAGE_MOST)))

    async def invite(self, actor: Actor, account_id: int, email: str, role: Role) -> NewInvitation:
        """The same whether anybody has this address already or not, so that nobody learns which there are."""
        demand(actor, Permission.MEMBERS, account_id)
        address = email_address(email)
        _member_role(role)
        now = self._clock()
        plain = tokens.ticket(self._entropy)
        if actor.account_id is not None:
            await self._tries.count([(BY_INVITER, str(account_id)), (BY_TICKET, address)], now)
        async with self._db.transaction() as tx:
            account = await self._room(tx, account_id, now)
            made = await tickets.add(
                tx,
                mark=self._box.mark(plain.encode(), TICKET),
                purpose=Purpose.INVITATION,
                email=address,
                account_id=account_id,
                role=role,
                now=now,
                expires_at=now + INVITATION_WITHIN_S,
            )
            letter = _invitation(account.name, plain, self._link("invitation", plain))
            await self._letters.write(tx, address, letter, expires_at=made.expires_at)
            detail = {"email": address, "role": role}
            await self._audit.record(tx, actor, "member.invite", made.id, account_id=account_id, detail=detail)
        return NewInvitation(made.id, account_id, address, role, plain, made.expires_at)

    async def invitations(self, actor: Actor, account_id: int, *, after_id: int = 0, most: int = PAGE_MOST) -> list[TicketRow]:
        """Those that can still be accepted, without their tickets."""
        demand(actor, Permission.MEMBERS, account_id)
        async with self._db.connection() as conn:
            return await tickets.invitations(conn, account_id, now=self._clock(), after_id=after_id, most=max(1, min(most, PAGE_MOST)))

    async def withdraw(self, actor: Actor, account_id: int, invitation_id: int) -> None:
        demand(actor, Permission.MEMBERS, account_id)
        async with self._db.transaction() as tx:
            gone = await tickets.withdraw_invitation(tx, account_id, invitation_id)
            if gone is None:
                raise not_found(Noun.INVITATION, invitation_id)
            await self._audit.record(tx, actor, "member.withdraw", invitation_id, account_id=account_id, detail={"email": gone.email})

    async def add(self, actor: Actor, account_id: int, email: str, role: Role) -> MemberRow:
        """Make a user who is there a member at once; the operator's alone, who knows both."""
        demand(actor, Permission.ADMINISTER, account_id)
        _member_role(role)
        now = self._clock()
        async with self._db.transaction() as tx:
            await self._room(tx, account_id, now)
            user = await users.named(tx, email_address(email))
            if user is None:
                raise not_found(Noun.USER, email)
            if not await members.add(tx, account_id=account_id, user_id=user.id, role=role, now=now):
                raise ControlError(Fault.TAKEN, f"{user.email} 已是成员。", f"{user.email} is a member already.")
            detail = {"email": user.email, "role": role}
            await self._audit.record(tx, actor, "member.add", user.id, account_id=account_id, detail=detail)
            added = await self._member(tx, account_id, user.id)
            await publish(tx, f"member added to account {account_id}", now)
        return added

    async def set_role(self, actor: Actor, account_id: int, user_id: int, role: Role) -> MemberRow:
        """At once: the next thing the member asks for is judged by the new role, and so are the member's keys."""
        demand(actor, Permission.MEMBERS, account_id)
        _member_role(role)
        now = self._clock()
        async with self._db.transaction() as tx:
            await self._lock(tx, account_id)
            member = await self._member(tx, account_id, user_id)
            if role is not Role.OWNER:
                await _keep_an_owner(tx, member)
            await members.set_role(tx, account_id, user_id, role)
            detail = {"email": member.email, "before": member.role, "after": role}
            await self._audit.record(tx, actor, "member.role", user_id, account_id=account_id, detail=detail)
            await publish(tx, f"member of account {account_id} changed", now)
        return msgspec.structs.replace(member, role=role)

    async def remove(self, actor: Actor, account_id: int, user_id: int) -> None:
        """The user stays; their sessions in the account end and their keys of it stop working."""
        if actor.id != str(user_id):
            demand(actor, Permission.MEMBERS, account_id)
        now = self._clock()
        async with self._db.transaction() as tx:
            await self._lock(tx, account_id)
            member = await self._member(tx, account_id, user_id)
            await _keep_an_owner(tx, member)
            await members.remove(tx, account_id, user_id)
            await sessions.leave(tx, user_id, account_id)
            detail = {"email": member.email, "role": member.role}
            await self._audit.record(tx, actor, "member.remove", user_id, account_id=account_id, detail=detail)
            await publish(tx, f"member removed from account {account_id}", now)

    async def _lock(self, tx: Connection, account_id: int) -> AccountRow:
        account = await accounts.lock(tx, account_id)
        if account is None:
            raise not_found(Noun.ACCOUNT, account_id)
        return account

    async def _room(self, tx: Connection, account_id: int, now: float) -> AccountRow:
        account = await self._lock(tx, account_id)
        if await members.count(tx, account_id) + await tickets.count(tx, account_id, now) >= MEMBERS_MOST:
            raise ControlError(
                Fault.TOO_MANY,
                f"一个账号最多 {MEMBERS_MOST} 位成员（含邀请中的）。",
                f"An account has at most {MEMBERS_MOST} members, those who are invited included.",
            )
        return account

    async def _member(self, tx: Connection, account_id: int, user_id: int) -> MemberRow:
        member = await members.get(tx, account_id, user_id)
        if member is None:
            raise not_found(Noun.MEMBER, user_id)
        return member


def _invitation(account: str, ticket: str, link: str) -> Letter:
    text = (
        f"你被邀请加入鸿雁的账号“{account}”。三天内有效，只能用一次：\n\n"
        f"You are invited to join the account “{account}” on Hongyan. Good for three days, once:\n\n"
        f"{link or ticket}\n"
    )
    return Letter("邀请 / Invitation", text)


def _member_role(role: Role) -> None:
    if role not in MEMBER_ROLES:
        names = sorted(MEMBER_ROLES)
        raise ControlError(Fault.INVALID, f"成员的角色是 {'、'.join(names)}。", f"A member's roles are {', '.join(names)}.")


async def _keep_an_owner(tx: Connection, member: MemberRow) -> None:
    if member.role is Role.OWNER and await members.owners(tx, member.account_id, beside=member.user_id) == 0:
        raise ControlError(
            Fault.WRONG_STATE,
            "这是账号最后一位所有者：先让另一位成员成为所有者。",
            "This is the account's last owner: make another member one first.",
        )
