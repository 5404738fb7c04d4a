"""Signing in: a password, a second factor when there is one, a session; and who stands behind a session."""

import hmac
from collections.abc import Callable

import msgspec
import structlog

from hongyan.control import second_factor, tokens
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import person
from hongyan.control.tries import BY_CODE, BY_DEVICE, BY_PERSON, Counted, Tries, by_address, too_often
from hongyan.kit.db import Database
from hongyan.kit.passwords import BusyError, Passwords
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, Actor, ActorKind, Permission, Role
from hongyan.model.person import SecondFactor
from hongyan.store import members, sessions, users
from hongyan.store.members import MembershipRow
from hongyan.store.sessions import SignedRow

log = structlog.get_logger()

SESSION = "session"
DEVICE = "device"
"""What marks are made for."""
CODE_WITHIN_S = 300.0
GUESSES_MOST = 5
SESSIONS_MOST = 20
SEEN_EVERY_S = 60.0
ACCOUNTS_MOST = 500
ADDRESS_MOST, AGENT_MOST = 64, 200
NOWHERE = 0
"""The account of who works in none and has no role at the operator's: no account has this number."""
BUSY_S = 5.0


class LoginRules(msgspec.Struct, frozen=True):
    idle_s: float = 1800.0
    """A session that is not used for so long is over."""
    longest_s: float = 43_200.0
    """And every session after this."""
    second_factor: SecondFactor = SecondFactor.OPTIONAL


class SignedIn(msgspec.Struct, frozen=True):
    """A session; the only time its token is shown."""

    token: str
    device: str
    """Given again with the next sign-in, it tells that the person has been here before."""
    user_id: int
    expires_at: float


class CodeWanted(msgspec.Struct, frozen=True):
    """The password was right; the token is good for `Login.enter_code` alone, for five minutes and five guesses."""

    token: str
    expires_at: float


class Place(msgspec.Struct, frozen=True):
    """Where somebody signs in from."""

    address: str = ""
    agent: str = ""
    """The browser's own words."""
    device: str = ""
    """What an earlier `SignedIn.device` said."""


class Me(msgspec.Struct, frozen=True):
    """Who is signed in."""

    user_id: int
    email: str
    name: str
    operator_role: Role | None
    account_id: int | None
    """The account they work in."""
    second_factor: bool
    recovery_codes: int
    """How many are left."""
    accounts: tuple[MembershipRow, ...]


class Login:
    """Nothing that is answered, nor how long it takes, tells a stranger which people there are (tests: S8)."""

    def __init__(
        self,
        db: Database,
        box: SecretBox,
        clock: Callable[[], float],
        entropy: tokens.Entropy,
        *,
        passwords: Passwords,
        rules: LoginRules,
    ) -> None:
        self._db = db
        self._box = box
        self._clock = clock
        self._entropy = entropy
        self._passwords = passwords
        self._rules = rules
        self._tries = Tries(db, box)

    async def sign_in(self, email: str, password: str, place: Place) -> SignedIn | CodeWanted:
        """Raises ControlError NOT_SIGNED_IN or TOO_OFTEN."""
        now = self._clock()
        written = email.strip().lower()[: second_factor.TEXT_MOST]
        mine, theirs = self._counted(written, place)
        await self._tries.count([*mine, *theirs], now)
        async with self._db.connection() as conn:
            proof = await users.proof(conn, written)
        known = proof.password if proof is not None and proof.enabled else None
        if not await right(self._passwords, password, known) or proof is None:
            log.info("sign_in_refused", user=None if proof is None else proof.id, address=place.address)
            raise _wrong()
        if proof.totp_sealed is not None:
            return await self._code_wanted(proof.id, place, now)
        await self._tries.forget(mine, theirs, now)
        return await self.begin(proof.id, written, place)

    async def enter_code(self, token: str, code: str, place: Place) -> SignedIn:
        """A code of the device, or a recovery code in its place. Raises ControlError NOT_SIGNED_IN or TOO_OFTEN."""
        now = self._clock()
        async with self._db.transaction() as tx:
            waiting = await sessions.signed(tx, self._mark(token), now)
            if waiting is None or waiting.complete or not waiting.enabled or not await sessions.guess(tx, waiting.id, GUESSES_MOST):
                raise _over()
        await self._tries.count([(bound, str(waiting.user_id)) for bound in BY_CODE], now)
        async with self._db.transaction() as tx:
            taken = await second_factor.take(tx, self._box, waiting.user_id, code, now)
            if taken:
                await sessions.end(tx, waiting.id, waiting.user_id)
        if not taken:
            log.info("code_refused", user=waiting.user_id, address=place.address)
            raise ControlError(
                Fault.NOT_SIGNED_IN,
                "验证码不对：请输入设备上当前的 6 位数字（每个只能用一次），或一个恢复码。",
                "The code is not right: give the six digits the device shows now (each is good once), or a recovery code.",
                why="wrong_code",
            )
        mine, theirs = self._counted(waiting.email, place)
        await self._tries.forget([*mine, *((bound, str(waiting.user_id)) for bound in BY_CODE)], theirs, now)
        return await self.begin(waiting.user_id, waiting.email, place)

    async def begin(self, user_id: int, email: str, place: Place) -> SignedIn:
        """A session for who has proved everything. Twenty may last at a time; the oldest ones end."""
        now = self._clock()
        token, expires_at = tokens.ticket(self._entropy), now + self._rules.longest_s
        async with self._db.transaction() as tx:
            user = await users.lock(tx, user_id)
            if user is None or not user.enabled:
                raise _wrong()
            accounts = await members.of_user(tx, user_id, ACCOUNTS_MOST)
            usable = next((account.account_id for account in accounts if account.enabled), None)
            await sessions.add(
                tx,
                mark=self._mark(token),
                user_id=user_id,
                account_id=None if user.operator_role is not None else usable,
                complete=True,
                address=place.address[:ADDRESS_MOST],
                agent=_printable(place.agent),
                now=now,
                expires_at=expires_at,
            )
            await sessions.keep_newest(tx, user_id, SESSIONS_MOST)
            await users.signed_in(tx, user_id, now)
        log.info("signed_in", user=user_id, address=place.address)
        device = place.device if self._knows(email, place.device) else self._device(email)
        return SignedIn(token=token, device=device, user_id=user_id, expires_at=expires_at)

    async def actor(self, token: str, address: str = "") -> Actor | None:
        """Who stands behind a session, with what they may do now; None when it is over or never was."""
        now = self._clock()
        async with self._db.connection() as conn:
            found = await sessions.signed(conn, self._mark(token), now)
            if found is None or not found.complete or not found.enabled:
                return None
            if now - found.seen_at > self._rules.idle_s:
                await sessions.end(conn, found.id, found.user_id)
                return None
            if now - found.seen_at >= SEEN_EVERY_S:
                await sessions.seen(conn, found.id, now)
        account_id, permissions = self._may(found)
        return Actor(
            kind=ActorKind.USER,
            id=str(found.user_id),
            name=found.email,
            permissions=permissions,
            account_id=account_id,
            address=address,
        )

    async def me(self, actor: Actor) -> Me:
        user_id = person(actor)
        async with self._db.connection() as conn:
            user = await users.get(conn, user_id)
            if user is None:
                raise not_found(Noun.USER, user_id)
            accounts = await members.of_user(conn, user_id, ACCOUNTS_MOST)
            codes = await users.recovery_codes(conn, user_id)
        return Me(
            user_id=user_id,
            email=user.email,
            name=user.name,
            operator_role=user.operator_role,
            account_id=actor.account_id or None,
            second_factor=user.second_factor,
            recovery_codes=codes,
            accounts=tuple(accounts),
        )

    async def work_in(self, token: str, account_id: int | None) -> None:
        """From now on the session acts in this account, or with None as what the person is at the operator's."""
        now = self._clock()
        async with self._db.transaction() as tx:
            found = await sessions.signed(tx, self._mark(token), now)
            if found is None or not found.complete:
                raise _over()
            if account_id is None and found.operator_role is None:
                raise ControlError(Fault.NOT_ALLOWED, "你在运营方没有角色。", "You have no role at the operator's.")
            if account_id is not None and await members.role(tx, account_id, found.user_id) is None:
                raise not_found(Noun.ACCOUNT, account_id)
            await sessions.work_in(tx, found.id, account_id)

    async def sign_out(self, token: str) -> None:
        async with self._db.connection() as conn:
            await sessions.end_marked(conn, self._mark(token))

    def mark(self, token: str) -> bytes:
        """What is kept of a session's token."""
        return self._mark(token)

    async def _code_wanted(self, user_id: int, place: Place, now: float) -> CodeWanted:
        token, expires_at = tokens.ticket(self._entropy), now + CODE_WITHIN_S
        async with self._db.connection() as conn:
            await sessions.add(
                conn,
                mark=self._mark(token),
                user_id=user_id,
                account_id=None,
                complete=False,
                address=place.address[:ADDRESS_MOST],
                agent=_printable(place.agent),
                now=now,
                expires_at=expires_at,
            )
        return CodeWanted(token=token, expires_at=expires_at)

    def _may(self, found: SignedRow) -> tuple[int | None, frozenset[Permission]]:
        """The account it acts in, and with what permissions."""
        role = found.role if found.account_id is not None else found.operator_role
        demanded = self._rules.second_factor is SecondFactor.EVERYONE or (
            self._rules.second_factor is SecondFactor.OPERATORS and found.operator_role is not None
        )
        # Who still has to set one up can do that and nothing else.
        permissions = frozenset[Permission]() if role is None or (demanded and not found.second_factor) else GRANTS[role]
        if found.account_id is not None:
            return (found.account_id if role is not None else NOWHERE), permissions
        return (None if permissions else NOWHERE), permissions

    def _counted(self, written: str, place: Place) -> tuple[list[Counted], list[Counted]]:
        """What a try counts for: the person or their device, and the address it comes from."""
        known = self._knows(written, place.device)
        mine: list[Counted] = [(BY_DEVICE, place.device) if known else (BY_PERSON, written)]
        return mine, by_address(place.address)

    def _device(self, email: str) -> str:
        nonce = tokens.letters(self._entropy, 22)
        return f"{nonce}.{self._device_mark(email, nonce)}"

    def _knows(self, email: str, device: str) -> bool:
        nonce, _, mark = device.partition(".")
        return hmac.compare_digest(mark.encode(), self._device_mark(email, nonce).encode())

    def _device_mark(self, email: str, nonce: str) -> str:
        return self._box.mark(f"{nonce}:{email}".encode(), DEVICE).hex()

    def _mark(self, token: str) -> bytes:
        return self._box.mark(token.encode(), SESSION)


async def right(passwords: Passwords, given: str, hashed: str | None) -> bool:
    """Whether the password is the one; raises ControlError when too many are being looked at."""
    try:
        return await passwords.verify(given[: second_factor.TEXT_MOST], hashed)
    except BusyError as fault:
        raise too_often(BUSY_S) from fault


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:AGENT_MOST]


def _wrong() -> ControlError:
    return ControlError(
        Fault.NOT_SIGNED_IN,
        "邮箱或密码不对：请检查后重试，或重设密码。",
        "The address or the password is not right: check both, or set a new password.",
        why="wrong_credentials",
    )


def _over() -> ControlError:
    return ControlError(Fault.NOT_SIGNED_IN, "登录已失效：请重新登录。", "This session is over: sign in again.", why="session_over")
