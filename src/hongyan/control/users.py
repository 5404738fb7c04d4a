"""Users: people who sign in, as the operator sees them."""

from collections.abc import Callable

import msgspec

from hongyan.control import rules, tokens
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand
from hongyan.kit.db import Connection, Database, UniqueViolation
from hongyan.kit.secretbox import SecretBox
from hongyan.model import person
from hongyan.model.actor import OPERATOR_ROLES, Actor, ActorKind, Permission, Role
from hongyan.store import sessions, tickets, users
from hongyan.store.snapshots import publish
from hongyan.store.tickets import Purpose
from hongyan.store.users import UserRow

PAGE_MOST = 500
TICKET = "ticket"
"""What marks of tickets are made for."""
PASSWORD_WITHIN_S = 3600.0
FIRST_PASSWORD_WITHIN_S = 72 * 3600.0


class NewTicket(msgspec.Struct, frozen=True):
    """What lets its holder set a password, once; the only time it is shown."""

    user_id: int
    email: str
    ticket: str
    expires_at: float


class Users:
    """The operator's alone. A person may be a member of several accounts, and have a role at the operator's."""

    def __init__(self, db: Database, audit: Audit, box: SecretBox, clock: Callable[[], float], entropy: tokens.Entropy) -> None:
        self._db = db
        self._audit = audit
        self._box = box
        self._clock = clock
        self._entropy = entropy

    async def create(self, actor: Actor, email: str, name: str, operator_role: Role | None = None) -> NewTicket:
        """A person who signs in with this address; the ticket lets them set their password, within three days."""
        demand(actor, Permission.ADMINISTER)
        address, plain = email_address(email), rules.name(name)
        _operator_role(operator_role)
        now = self._clock()
        try:
            async with self._db.transaction() as tx:
                user = await users.add(tx, email=address, name=plain, operator_role=operator_role, now=now)
                await self._audit.record(tx, actor, "user.create", user.id, detail={"email": address, "operator_role": operator_role})
                return await self._ticket(tx, user, FIRST_PASSWORD_WITHIN_S, now)
        except UniqueViolation as fault:
            raise ControlError(
                Fault.TAKEN,
                f"{address} 已有用户：用 `hongyan user list` 查看。",
                f"There is a user with the address {address} already: see `hongyan user list`.",
            ) from fault

    async def every(self, actor: Actor, *, after_id: int = 0, most: int = PAGE_MOST) -> list[UserRow]:
        """In the order of their ids, at most 500."""
        demand(actor, Permission.ADMINISTER)
        async with self._db.connection() as conn:
            return await users.page(conn, after_id=after_id, most=max(1, min(most, PAGE_MOST)))

    async def named(self, actor: Actor, email: str) -> UserRow:
        """The user with this address."""
        demand(actor, Permission.ADMINISTER)
        async with self._db.connection() as conn:
            user = await users.named(conn, email.strip().lower())
        if user is None:
            raise not_found(Noun.USER, email[: person.EMAIL_MOST])
        return user

    async def set_enabled(self, actor: Actor, user_id: int, *, enabled: bool) -> UserRow:
        """Who is disabled is signed out at once, and their keys stop working."""
        demand(actor, Permission.ADMINISTER)
        now = self._clock()
        async with self._db.transaction() as tx:
            user = await self._locked(tx, user_id)
            if not enabled:
                await _keep_an_administrator(tx, actor, user)
                await sessions.end_all(tx, user_id)
            await users.set_enabled(tx, user_id, enabled=enabled)
            await self._audit.record(tx, actor, "user.enable" if enabled else "user.disable", user_id, detail={"email": user.email})
            await publish(tx, f"user {user_id} {'enabled' if enabled else 'disabled'}", now)
        return msgspec.structs.replace(user, enabled=enabled)

    async def set_operator_role(self, actor: Actor, user_id: int, role: Role | None) -> UserRow:
        """Reviewer, operations, administrator, or none. Their sessions end: what they may do is decided when they sign in again."""
        demand(actor, Permission.ADMINISTER)
        _operator_role(role)
        async with self._db.transaction() as tx:
            user = await self._locked(tx, user_id)
            if role is not Role.ADMINISTRATOR:
                await _keep_an_administrator(tx, actor, user)
            await users.set_operator_role(tx, user_id, role)
            await sessions.end_all(tx, user_id)
            detail = {"email": user.email, "before": user.operator_role, "after": role}
            await self._audit.record(tx, actor, "user.operator_role", user_id, detail=detail)
        return msgspec.structs.replace(user, operator_role=role)

    async def reset_password(self, actor: Actor, user_id: int) -> NewTicket:
        """A ticket for a new password, good for an hour; the present one works until it is used, tickets of before do not."""
        demand(actor, Permission.ADMINISTER)
        async with self._db.transaction() as tx:
            user = await self._locked(tx, user_id)
            await tickets.withdraw(tx, user_id=user_id, purpose=Purpose.PASSWORD)
            await self._audit.record(tx, actor, "user.reset_password", user_id, detail={"email": user.email})
            return await self._ticket(tx, user, PASSWORD_WITHIN_S, self._clock())

    async def drop_second_factor(self, actor: Actor, user_id: int) -> UserRow:
        """For who has lost both the device and the recovery codes; make sure that it is they who ask."""
        demand(actor, Permission.ADMINISTER)
        async with self._db.transaction() as tx:
            user = await self._locked(tx, user_id)
            await users.drop_totp(tx, user_id)
            await users.set_recovery_codes(tx, user_id, [])
            await sessions.end_all(tx, user_id)
            await self._audit.record(tx, actor, "user.drop_second_factor", user_id, detail={"email": user.email})
        return msgspec.structs.replace(user, second_factor=False)

    async def _locked(self, tx: Connection, user_id: int) -> UserRow:
        user = await users.lock(tx, user_id)
        if user is None:
            raise not_found(Noun.USER, user_id)
        return user

    async def _ticket(self, tx: Connection, user: UserRow, within_s: float, now: float) -> NewTicket:
        return await password_ticket(tx, self._box, self._entropy, user_id=user.id, email=user.email, expires_at=now + within_s, now=now)


async def password_ticket(
    tx: Connection, box: SecretBox, entropy: tokens.Entropy, *, user_id: int, email: str, expires_at: float, now: float
) -> NewTicket:
    """A ticket for a user's new password."""
    plain = tokens.ticket(entropy)
    await tickets.add(
        tx, mark=box.mark(plain.encode(), TICKET), purpose=Purpose.PASSWORD, email=email, user_id=user_id, now=now, expires_at=expires_at
    )
    return NewTicket(user_id=user_id, email=email, ticket=plain, expires_at=expires_at)


def email_address(written: str) -> str:
    """Raises ControlError for what mail cannot go to."""
    address = person.email(written)
    if address is None:
        raise ControlError(
            Fault.INVALID, "邮箱地址不对：请写成 name@example.com。", "That is no mail address: write it as name@example.com."
        )
    return address


def _operator_role(role: Role | None) -> None:
    if role is not None and role not in OPERATOR_ROLES:
        names = sorted(OPERATOR_ROLES)
        raise ControlError(Fault.INVALID, f"运营方的角色是 {'、'.join(names)}。", f"The operator's roles are {', '.join(names)}.")


async def _keep_an_administrator(tx: Connection, actor: Actor, user: UserRow) -> None:
    """Whoever has the machine can always make another; everybody else would lock the operator out."""
    if actor.kind is ActorKind.COMMAND or user.operator_role is not Role.ADMINISTRATOR:
        return
    if await users.administrators(tx, beside=user.id) == 0:
        raise ControlError(
            Fault.WRONG_STATE,
            "这是最后一位管理员：先让另一个人成为管理员。",
            "This is the last administrator: make somebody else one first.",
        )
