"""What proves who somebody is: setting and changing it."""

from collections.abc import Callable

import msgspec

from hongyan.control import rules, second_factor, tokens
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault
from hongyan.control.letters import Letter, Letters, Link
from hongyan.control.login import Login, Place, SignedIn, right
from hongyan.control.permissions import demand
from hongyan.control.permissions import person as person_of
from hongyan.control.tries import BY_CODE, BY_OWN, BY_TICKET, Tries, by_address, too_often
from hongyan.control.users import PASSWORD_WITHIN_S, TICKET, password_ticket
from hongyan.kit.db import Connection, Database, UniqueViolation
from hongyan.kit.passwords import BusyError, Passwords
from hongyan.kit.secretbox import SecretBox
from hongyan.model import person
from hongyan.model.actor import Actor, ActorKind, Permission
from hongyan.model.person import Weakness
from hongyan.store import members, sessions, tickets, users
from hongyan.store.snapshots import publish
from hongyan.store.tickets import Purpose, TicketRow
from hongyan.store.users import ProofRow, UserRow

BUSY_S = 5.0

WEAK: dict[Weakness, tuple[str, str]] = {
    Weakness.SHORT: (f"至少要 {person.LEAST} 个字符", f"it has fewer than {person.LEAST} characters"),
    Weakness.LONG: (f"最多 {person.MOST} 个字符", f"it has more than {person.MOST} characters"),
    Weakness.FEW: ("不同的字符太少", "it has too few different characters"),
    Weakness.RUNS: ("几乎都是连续的字母、数字或键盘上相邻的键", "it is little more than a row of letters, digits or keys"),
    Weakness.COMMON: ("是最先被猜的那些密码之一", "it is among those that are guessed first"),
    Weakness.OWN: ("几乎就是你的名字或邮箱", "it is little more than your name or address"),
}


class NewFactor(msgspec.Struct, frozen=True):
    """A second factor that is not in force before a code of it is given; the only time its secret is shown."""

    secret: str
    uri: str
    """For a QR code."""


class Credentials:
    """Whoever changes one proves the present one first, but with a ticket."""

    def __init__(
        self,
        db: Database,
        audit: Audit,
        box: SecretBox,
        clock: Callable[[], float],
        entropy: tokens.Entropy,
        *,
        passwords: Passwords,
        login: Login,
        letters: Letters,
        link: Link,
    ) -> None:
        self._db = db
        self._audit = audit
        self._box = box
        self._clock = clock
        self._entropy = entropy
        self._passwords = passwords
        self._login = login
        self._letters = letters
        self._link = link
        self._tries = Tries(db, box)

    async def change_password(self, actor: Actor, present: str, wanted: str, token: str) -> None:
        """Ends the user's other sessions than the one of `token`."""
        user_id = person_of(actor)
        proof = await self._proved(user_id, present)
        hashed = await self._hashed(wanted, proof.email, proof.name)
        now = self._clock()
        async with self._db.transaction() as tx:
            await users.set_password(tx, user_id, hashed, now)
            await tickets.withdraw(tx, user_id=user_id, purpose=Purpose.PASSWORD)
            await sessions.end_all(tx, user_id, beside=self._login.mark(token))
            await self._audit.record(tx, actor, "user.change_password", user_id, detail={"email": proof.email})
            await self._warn(tx, proof.email, "密码已修改", "Your password was changed", now)

    async def forgot(self, email: str, address: str = "") -> None:
        """Have a letter with a ticket sent, if there is such a person. The answer is the same when there is none."""
        now = self._clock()
        written = email.strip().lower()[: second_factor.TEXT_MOST]
        await self._tries.count([(BY_TICKET, written), *by_address(address)], now)
        async with self._db.transaction() as tx:
            user = await users.named(tx, written)
            if user is None or not user.enabled:
                # The same work for nobody: how long it takes tells nothing.
                await tickets.add(
                    tx, mark=self._entropy(32), purpose=Purpose.PASSWORD, email="", now=now, expires_at=now + PASSWORD_WITHIN_S
                )
                await self._letters.write(tx, "", Letter("", ""), expires_at=now)
                return
            expires_at = now + PASSWORD_WITHIN_S
            # Those of before stay good: strangers who ask in somebody's name spoil nothing.
            made = await password_ticket(tx, self._box, self._entropy, user_id=user.id, email=user.email, expires_at=expires_at, now=now)
            letter = _password_letter(made.ticket, self._link("password", made.ticket))
            await self._letters.write(tx, user.email, letter, expires_at=expires_at)

    async def set_password(self, ticket: str, wanted: str, place: Place) -> SignedIn | None:
        """With a ticket, which is used up when the password is taken. Signs in, unless there is a second factor to be asked for."""
        now = self._clock()
        await self._count_address(place.address, now)
        user = await self._holder(ticket, now)
        hashed = await self._hashed(wanted, user.email, user.name)
        async with self._db.transaction() as tx:
            held = await tickets.take(tx, self._mark(ticket), Purpose.PASSWORD, now)
            if held is None or held.user_id is None or (locked := await users.lock(tx, held.user_id)) is None or not locked.enabled:
                raise _void()
            await users.set_password(tx, locked.id, hashed, now)
            await tickets.withdraw(tx, user_id=locked.id, purpose=Purpose.PASSWORD)
            await sessions.end_all(tx, locked.id)
            actor = _themselves(locked, place)
            await self._audit.record(tx, actor, "user.set_password", locked.id, detail={"email": locked.email})
            await self._warn(tx, locked.email, "密码已重设", "A new password was set", now)
        return None if user.second_factor else await self._login.begin(user.id, user.email, place)

    async def accept(self, ticket: str, name: str, password: str, place: Place) -> None:
        """Join an account. The password is the one the address has, or becomes it when nobody has the address yet; then sign in."""
        now = self._clock()
        await self._count_address(place.address, now)
        async with self._db.connection() as conn:
            held = await tickets.held(conn, self._mark(ticket), Purpose.INVITATION, now)
            proof = None if held is None else await users.proof(conn, held.email)
        if held is None:
            raise _void()
        if proof is not None and proof.password is not None:
            await self._proved(proof.id, password)
            hashed, plain = None, proof.name
        else:
            plain = rules.name(name)
            hashed = await self._hashed(password, held.email, plain)
        try:
            async with self._db.transaction() as tx:
                await self._join(tx, held, plain, hashed, place)
        except UniqueViolation:
            raise _void() from None

    async def begin_second_factor(self, actor: Actor, password: str) -> NewFactor:
        """In force once `confirm_second_factor` has had a code of it; what is in force until then stays."""
        user_id = person_of(actor)
        proof = await self._proved(user_id, password)
        plain = second_factor.secret(self._entropy)
        async with self._db.transaction() as tx:
            await users.want_totp(tx, user_id, self._box.seal(plain, second_factor.context(user_id)))
        return NewFactor(secret=plain, uri=second_factor.uri(plain, proof.email))

    async def confirm_second_factor(self, actor: Actor, code: str) -> list[str]:
        """Recovery codes, the only time they are shown; each stands in for the device once."""
        user_id = person_of(actor)
        now = self._clock()
        await self._tries.count([(bound, str(user_id)) for bound in BY_CODE], now)
        async with self._db.transaction() as tx:
            proof = await users.lock_proof(tx, user_id)
            if proof is None or proof.totp_wanted is None:
                raise ControlError(
                    Fault.WRONG_STATE, "没有待确认的两步验证：请重新开始。", "No second factor waits for a code: begin anew."
                )
            step = second_factor.step(self._box.open(proof.totp_wanted, second_factor.context(user_id)), "".join(code.split()), now)
            if step is None:
                raise ControlError(
                    Fault.INVALID,
                    "验证码不对：请检查设备的时间，输入当前显示的 6 位数字。",
                    "The code is not right: check the device's clock and give the six digits it shows now.",
                )
            await users.confirm_totp(tx, user_id, step)
            codes = await self._new_codes(tx, user_id)
            await self._audit.record(tx, actor, "user.second_factor", user_id, detail={"email": proof.email, "on": True})
            await self._warn(tx, proof.email, "两步验证已开启", "A second factor is asked for from now on", now)
        await self._tries.forget([(bound, str(user_id)) for bound in BY_CODE], [], now)
        return codes

    async def new_recovery_codes(self, actor: Actor, password: str) -> list[str]:
        """In the place of those there were."""
        user_id = person_of(actor)
        proof = await self._proved(user_id, password)
        if proof.totp_sealed is None:
            raise ControlError(Fault.WRONG_STATE, "还没有开启两步验证。", "There is no second factor yet.")
        async with self._db.transaction() as tx:
            codes = await self._new_codes(tx, user_id)
            await self._audit.record(tx, actor, "user.recovery_codes", user_id, detail={"email": proof.email})
        return codes

    async def end_second_factor(self, actor: Actor, password: str) -> None:
        user_id = person_of(actor)
        proof = await self._proved(user_id, password)
        async with self._db.transaction() as tx:
            await users.drop_totp(tx, user_id)
            await users.set_recovery_codes(tx, user_id, [])
            await self._audit.record(tx, actor, "user.second_factor", user_id, detail={"email": proof.email, "on": False})
            await self._warn(tx, proof.email, "两步验证已关闭", "Your second factor was switched off", self._clock())

    async def impose_password(self, actor: Actor, user_id: int, wanted: str) -> None:
        """By whoever has the machine: for the first administrator, and for when no mail goes out."""
        demand(actor, Permission.ADMINISTER)
        if actor.kind is not ActorKind.COMMAND:
            raise ControlError(Fault.NOT_ALLOWED, "只能在服务器上用命令做。", "This can be done by a command on the machine alone.")
        async with self._db.connection() as conn:
            user = await users.get(conn, user_id)
        if user is None:
            raise _void()
        hashed = await self._hashed(wanted, user.email, user.name)
        async with self._db.transaction() as tx:
            await users.set_password(tx, user_id, hashed, self._clock())
            await tickets.withdraw(tx, user_id=user_id, purpose=Purpose.PASSWORD)
            await sessions.end_all(tx, user_id)
            await self._audit.record(tx, actor, "user.impose_password", user_id, detail={"email": user.email})

    async def _holder(self, ticket: str, now: float) -> UserRow:
        """Whose password a ticket sets; it is not used up by a password that cannot be taken."""
        async with self._db.connection() as conn:
            held = await tickets.held(conn, self._mark(ticket), Purpose.PASSWORD, now)
            user = None if held is None or held.user_id is None else await users.get(conn, held.user_id)
        if user is None or not user.enabled:
            raise _void()
        return user

    async def _join(self, tx: Connection, held: TicketRow, name: str, hashed: str | None, place: Place) -> None:
        now = self._clock()
        if await tickets.take_by_id(tx, held.id) is None or held.account_id is None or held.role is None:
            raise _void()
        user = await users.named(tx, held.email)
        if user is None:
            user = await users.add(tx, email=held.email, name=name, operator_role=None, now=now)
        if hashed is not None:
            if user.has_password:
                raise _void()
            await users.set_password(tx, user.id, hashed, now)
        if not user.enabled:
            raise _void()
        await members.add(tx, account_id=held.account_id, user_id=user.id, role=held.role, now=now)
        detail = {"email": user.email, "role": held.role}
        await self._audit.record(tx, _themselves(user, place), "member.join", user.id, account_id=held.account_id, detail=detail)
        await publish(tx, f"member added to account {held.account_id}", now)

    async def _new_codes(self, tx: Connection, user_id: int) -> list[str]:
        codes = second_factor.recovery_codes(self._entropy)
        await users.set_recovery_codes(tx, user_id, [second_factor.recovery_mark(self._box, user_id, code) for code in codes])
        return codes

    async def _proved(self, user_id: int, password: str) -> ProofRow:
        """The user, who has just given the right password."""
        now = self._clock()
        async with self._db.connection() as conn:
            proof = await users.proof_of(conn, user_id)
        if proof is None or not proof.enabled:
            raise _not_right()
        await self._tries.count([(BY_OWN, str(user_id))], now)
        if not await right(self._passwords, password, proof.password):
            raise _not_right()
        await self._tries.forget([(BY_OWN, str(user_id))], [], now)
        return proof

    async def _count_address(self, address: str, now: float) -> None:
        if address:
            await self._tries.count(by_address(address), now)

    async def _hashed(self, wanted: str, *names: str) -> str:
        weakness = person.weakness(wanted, *names)
        if weakness is not None:
            zh, en = WEAK[weakness]
            raise ControlError(
                Fault.INVALID,
                f"这个密码容易被猜到：{zh}。几个不相干的词连在一起就很好。",
                f"This password is easy to guess: {en}. A few unrelated words in a row make a good one.",
                why=f"password_{weakness.value}",
            )
        try:
            return await self._passwords.hash(wanted)
        except BusyError as fault:
            raise too_often(BUSY_S) from fault

    async def _warn(self, tx: Connection, email: str, zh: str, en: str, now: float) -> None:
        """Tell the person, who will know whether it was they."""
        text = (
            f"你在鸿雁的账户：{zh}。\n如果不是你本人操作，请立即联系平台的管理员。\n\n"
            f"Your Hongyan user: {en}.\nIf it was not you, tell the platform's administrator at once.\n"
        )
        await self._letters.write(tx, email, Letter(f"{zh} / {en}", text), expires_at=now + 86_400)

    def _mark(self, ticket: str) -> bytes:
        return self._box.mark(ticket.encode(), TICKET)


def _themselves(user: UserRow, place: Place) -> Actor:
    return Actor(kind=ActorKind.USER, id=str(user.id), name=user.email, permissions=frozenset(), account_id=0, address=place.address)


def _password_letter(ticket: str, link: str) -> Letter:
    text = (
        "有人（希望是你）要求重设你在鸿雁的密码。一小时内有效，只能用一次：\n\n"
        "Somebody, hopefully you, asked for a new password of your Hongyan user. Good for an hour, once:\n\n"
        f"{link or ticket}\n\n"
        "不是你要求的，忽略即可：密码没有变化。\nIf it was not you, do nothing: the password has not changed.\n"
    )
    return Letter("重设密码 / Set a new password", text)


def _void() -> ControlError:
    return ControlError(
        Fault.NOT_SIGNED_IN,
        "凭证无效：可能已用过、已过期或已撤回，请重新申请。",
        "This ticket is not good: it was used, is too old or was withdrawn; ask for a new one.",
        why="ticket_void",
    )


def _not_right() -> ControlError:
    return ControlError(Fault.NOT_SIGNED_IN, "密码不对。", "The password is not right.", why="wrong_credentials")
