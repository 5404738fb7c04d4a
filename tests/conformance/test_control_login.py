"""Signing in on a real PostgreSQL: guessing leads nowhere, strangers learn nothing, nobody is locked out by others."""

import asyncio
import contextlib
import itertools
import os
import statistics
import time
from collections.abc import Awaitable

import msgspec
import pyotp
import pytest

from acting import OPERATOR
from hongyan.control.errors import ControlError, Fault
from hongyan.control.letters import Letter
from hongyan.control.login import CodeWanted, LoginRules, Place, SignedIn
from hongyan.control.plane import ControlPlane, People, assemble
from hongyan.kit.db import Database
from hongyan.kit.mail import Mailer, MailServer
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, Actor, Role
from hongyan.model.person import SecondFactor
from hongyan.model.snapshot import AccountKind
from smtp_sink import SmtpSink

BOX = SecretBox(bytes(32), os.urandom)
GOOD = "correct horse battery"
BETTER = "staple of seven lions"
HERE = Place(address="192.0.2.1", agent="tests")

numbers = itertools.count(1)


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def plane(database: Database, clock: Clock, rules: LoginRules) -> ControlPlane:
    people = People(login=rules, memory_kib=64, console="https://sms.example.com/")
    return assemble(database, BOX, clock=clock, entropy=os.urandom, check_url=lambda _url: None, people=people)


@pytest.fixture
async def control(database: Database, clock: Clock) -> ControlPlane:
    async with database.transaction() as tx:
        await tx.execute("delete from sign_in_tries")
        await tx.execute("delete from letters")
    return plane(database, clock, LoginRules(idle_s=600, longest_s=3600))


async def somebody(control: ControlPlane, role: Role | None = None, password: str = GOOD) -> tuple[int, str]:
    """Somebody with a password; their id and address."""
    email = f"user{next(numbers)}@example.com"
    made = await control.users.create(OPERATOR, email, "Somebody", role)
    await control.credentials.impose_password(OPERATOR, made.user_id, password)
    return made.user_id, email


async def account(control: ControlPlane) -> int:
    return (await control.accounts.create(OPERATOR, f"account {next(numbers)}", AccountKind.ENTERPRISE)).id


async def signed_in(control: ControlPlane, email: str, password: str = GOOD, place: Place = HERE) -> SignedIn:
    session = await control.login.sign_in(email, password, place)
    assert isinstance(session, SignedIn)
    return session


async def actor(control: ControlPlane, session: SignedIn) -> Actor:
    found = await control.login.actor(session.token)
    assert found is not None
    return found


async def refusal(asked: object) -> ControlError:
    with pytest.raises(ControlError) as refused:
        await asked  # type: ignore[misc]
    return refused.value


async def letters(database: Database, email: str) -> list[str]:
    """What letters to somebody say, the oldest first."""
    async with database.connection() as conn:
        rows = await conn.fetch("select sealed from letters where email = $1 order by id", email)
    return [msgspec.json.decode(BOX.open(bytes(row[0]), "letter"), type=Letter).text for row in rows]


def ticket_in(text: str) -> str:
    return text.partition("#")[2].split()[0]


async def test_a_session_is_its_person_and_ends_when_it_is_signed_out(control: ControlPlane, database: Database) -> None:
    mine = await account(control)
    user_id, email = await somebody(control)
    await control.members.add(OPERATOR, mine, email, Role.DEVELOPER)
    session = await signed_in(control, f" {email.upper()} ")
    found = await control.login.actor(session.token, "192.0.2.1")
    assert found is not None
    assert (found.id, found.name, found.account_id, found.permissions) == (str(user_id), email, mine, GRANTS[Role.DEVELOPER])
    me = await control.login.me(found)
    assert [(place.account_id, place.role) for place in me.accounts] == [(mine, Role.DEVELOPER)]
    async with database.connection() as conn:
        kept = str([dict(row) for table in ("sessions", "users") for row in await conn.fetch(f"select * from {table}")])
    assert session.token not in kept
    assert GOOD not in kept
    await control.login.sign_out(session.token)
    assert await control.login.actor(session.token) is None
    assert await control.login.actor("") is None


async def test_a_session_ends_when_it_is_not_used_and_in_any_case_after_a_while(control: ControlPlane, clock: Clock) -> None:
    _, email = await somebody(control)
    idle, used = await signed_in(control, email), await signed_in(control, email)
    for _ in range(6):
        clock.now += 590
        assert await control.login.actor(used.token) is not None
    assert await control.login.actor(idle.token) is None
    clock.now += 90
    assert await control.login.actor(used.token) is None
    await control.sessions.sweep()


async def test_what_is_wrong_is_told_in_one_way_whatever_is_wrong(control: ControlPlane) -> None:
    _, known = await somebody(control)
    disabled_id, disabled = await somebody(control)
    await control.users.set_enabled(OPERATOR, disabled_id, enabled=False)
    without = (await control.users.create(OPERATOR, "without@example.com", "No Password")).email
    told = set()
    for email, password in (
        (known, "wrong"),
        (disabled, GOOD),
        (without, ""),
        ("nobody@example.com", GOOD),
        ("not an address", "x" * 5000),
    ):
        refused = await refusal(control.login.sign_in(email, password, HERE))
        told.add((refused.code, refused.zh, refused.en, refused.retry_in_s))
    assert len(told) == 1
    assert {code for code, *_ in told} == {Fault.NOT_SIGNED_IN}


async def test_how_long_an_answer_takes_does_not_tell_who_there_is(database: Database, clock: Clock) -> None:
    people = People(memory_kib=8 * 1024)
    control = assemble(database, BOX, clock=clock, entropy=os.urandom, check_url=lambda _url: None, people=people)
    _, known = await somebody(control)

    async def seconds(asked: Awaitable[object]) -> float:
        begun = time.perf_counter()
        with contextlib.suppress(ControlError):
            await asked
        return time.perf_counter() - begun

    took: dict[tuple[str, str], list[float]] = {}
    for turn in range(25):
        clock.now += 4000
        for which, email in (("known", known), ("unknown", f"nobody{turn}@example.com")):
            guess = seconds(control.login.sign_in(email, "a wrong password", Place()))
            took.setdefault(("guess", which), []).append(await guess)
            took.setdefault(("letter", which), []).append(await seconds(control.credentials.forgot(email)))
    for what in ("guess", "letter"):
        assert abs(statistics.median(took[what, "known"]) - statistics.median(took[what, "unknown"])) < 0.005


async def test_ten_guesses_in_a_quarter_of_an_hour_even_all_at_once_and_from_everywhere(control: ControlPlane, clock: Clock) -> None:
    _, email = await somebody(control)
    guesses = [control.login.sign_in(email, f"guess number {n}", Place(address=f"198.51.100.{n}")) for n in range(200)]
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    codes = [answer.code for answer in answers if isinstance(answer, ControlError)]
    assert (codes.count(Fault.NOT_SIGNED_IN), codes.count(Fault.TOO_OFTEN)) == (10, 190)
    refused = await refusal(control.login.sign_in(email, GOOD, Place(address="203.0.113.9")))
    assert refused.code is Fault.TOO_OFTEN
    assert refused.retry_in_s is not None
    assert 0 < refused.retry_in_s <= 900
    clock.now += refused.retry_in_s + 1
    await signed_in(control, email)


async def test_strangers_guesses_lock_out_nobody_who_has_been_here_before(control: ControlPlane) -> None:
    _, email = await somebody(control)
    device = (await signed_in(control, email)).device
    for n in range(11):
        await refusal(control.login.sign_in(email, f"guess number {n}", Place(address="198.51.100.1")))
    assert (await refusal(control.login.sign_in(email, GOOD, HERE))).code is Fault.TOO_OFTEN
    await signed_in(control, email, place=msgspec.structs.replace(HERE, device=device))
    _, other = await somebody(control)
    for forged in (device, device[:-1] + ("0" if device[-1] != "0" else "1"), "x", "."):
        for n in range(11):
            await refusal(control.login.sign_in(other, f"guess number {n}", Place(address="198.51.100.2", device=forged)))
        refused = await refusal(control.login.sign_in(other, GOOD, Place(address="198.51.100.3", device=forged)))
        assert refused.code is Fault.TOO_OFTEN


async def test_one_address_may_guess_a_hundred_times_an_hour_whomever_it_names(control: ControlPlane, clock: Clock) -> None:
    _, email = await somebody(control)
    answers: list[object] = []
    for many in (range(60), range(60, 120)):
        guesses = [control.login.sign_in(f"nobody{n}@example.com", "guess", Place(address=f"2001:db8::{n:x}")) for n in many]
        answers += await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(answer, ControlError) and answer.code is Fault.TOO_OFTEN for answer in answers) == 20
    assert (await refusal(control.login.sign_in(email, GOOD, Place(address="2001:db8::ffff:1")))).code is Fault.TOO_OFTEN
    await signed_in(control, email)
    clock.now += 3601
    await signed_in(control, email, place=Place(address="2001:db8::1"))


async def test_who_signs_in_often_is_not_held_for_a_guesser(control: ControlPlane) -> None:
    _, email = await somebody(control)
    for _ in range(120):
        await signed_in(control, email)
    me = await actor(control, await signed_in(control, email))
    assert len(await control.sessions.every(me)) == 20


async def test_with_a_second_factor_the_password_alone_opens_nothing(control: ControlPlane, clock: Clock) -> None:
    _, email = await somebody(control, Role.ADMINISTRATOR)
    me = await actor(control, await signed_in(control, email))
    assert (await refusal(control.credentials.begin_second_factor(me, "not the password"))).code is Fault.NOT_SIGNED_IN
    factor = await control.credentials.begin_second_factor(me, GOOD)
    assert factor.uri.startswith("otpauth://totp/Hongyan:")
    assert (await refusal(control.credentials.confirm_second_factor(me, "000000"))).code is Fault.INVALID
    assert isinstance(await control.login.sign_in(email, GOOD, HERE), SignedIn)
    device = pyotp.TOTP(factor.secret)
    codes = await control.credentials.confirm_second_factor(me, device.at(clock.now))
    assert len(set(codes)) == 10
    clock.now += 60
    wanted = await control.login.sign_in(email, GOOD, HERE)
    assert isinstance(wanted, CodeWanted)
    assert await control.login.actor(wanted.token) is None
    assert (await refusal(control.login.work_in(wanted.token, None))).code is Fault.NOT_SIGNED_IN
    session = await control.login.enter_code(wanted.token, device.at(clock.now), HERE)
    assert (await actor(control, session)).permissions == GRANTS[Role.ADMINISTRATOR]
    assert (await refusal(control.login.enter_code(wanted.token, device.at(clock.now + 30), HERE))).code is Fault.NOT_SIGNED_IN


async def with_factor(control: ControlPlane, clock: Clock) -> tuple[str, pyotp.TOTP, list[str]]:
    _, email = await somebody(control)
    me = await actor(control, await signed_in(control, email))
    device = pyotp.TOTP((await control.credentials.begin_second_factor(me, GOOD)).secret)
    codes = await control.credentials.confirm_second_factor(me, device.at(clock.now))
    clock.now += 60
    return email, device, codes


async def half(control: ControlPlane, email: str) -> str:
    wanted = await control.login.sign_in(email, GOOD, HERE)
    assert isinstance(wanted, CodeWanted)
    return wanted.token


async def test_no_code_is_good_twice_not_even_for_two_at_once(control: ControlPlane, clock: Clock) -> None:
    email, device, codes = await with_factor(control, clock)
    for code in (device.at(clock.now), codes[0].lower().replace("-", " ")):
        tokens = [await half(control, email) for _ in range(3)]
        answers = await asyncio.gather(*(control.login.enter_code(token, code, HERE) for token in tokens), return_exceptions=True)
        assert sum(isinstance(answer, SignedIn) for answer in answers) == 1
    assert (await refusal(control.login.enter_code(await half(control, email), codes[0], HERE))).code is Fault.NOT_SIGNED_IN
    session = await control.login.enter_code(await half(control, email), codes[1], HERE)
    assert (await control.login.me(await actor(control, session))).recovery_codes == 8


async def test_codes_cannot_be_guessed_by_who_has_the_password(control: ControlPlane, clock: Clock) -> None:
    email, device, _ = await with_factor(control, clock)
    tokens = [await half(control, email) for _ in range(9)]
    guesses = [control.login.enter_code(token, f"{n:06d}", HERE) for n, token in enumerate(tokens * 5)]
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    codes = [answer.code for answer in answers if isinstance(answer, ControlError)]
    assert codes.count(Fault.NOT_SIGNED_IN) - codes.count(Fault.TOO_OFTEN) <= 5 - codes.count(Fault.TOO_OFTEN)
    assert (await refusal(control.login.enter_code(tokens[0], device.at(clock.now), HERE))).code in {Fault.TOO_OFTEN, Fault.NOT_SIGNED_IN}
    guessed = 5
    for _ in range(8):
        clock.now += 901
        answers = await asyncio.gather(
            *[control.login.enter_code(await half(control, email), "123456", HERE) for _ in range(6)], return_exceptions=True
        )
        guessed += sum(isinstance(answer, ControlError) and answer.code is Fault.NOT_SIGNED_IN for answer in answers)
    assert guessed <= 30


async def test_the_second_step_must_come_soon(control: ControlPlane, clock: Clock) -> None:
    email, device, _ = await with_factor(control, clock)
    token = await half(control, email)
    clock.now += 301
    assert (await refusal(control.login.enter_code(token, device.at(clock.now), HERE))).code is Fault.NOT_SIGNED_IN


async def test_a_second_factor_that_is_demanded_is_all_that_can_be_done_without(database: Database, clock: Clock) -> None:
    control = plane(database, clock, LoginRules(second_factor=SecondFactor.OPERATORS))
    _, email = await somebody(control, Role.ADMINISTRATOR)
    session = await signed_in(control, email)
    me = await actor(control, session)
    assert (me.permissions, me.account_id) == (frozenset(), 0)
    assert (await refusal(control.users.every(me))).code is Fault.NOT_ALLOWED
    factor = await control.credentials.begin_second_factor(me, GOOD)
    await control.credentials.confirm_second_factor(me, pyotp.TOTP(factor.secret).at(clock.now))
    assert (await actor(control, session)).permissions == GRANTS[Role.ADMINISTRATOR]


async def test_a_second_factor_can_be_switched_off_and_codes_renewed_with_the_password(control: ControlPlane, clock: Clock) -> None:
    email, device, codes = await with_factor(control, clock)
    me = await actor(control, await control.login.enter_code(await half(control, email), device.at(clock.now), HERE))
    renewed = await control.credentials.new_recovery_codes(me, GOOD)
    assert not set(renewed) & set(codes)
    assert (await refusal(control.login.enter_code(await half(control, email), codes[3], HERE))).code is Fault.NOT_SIGNED_IN
    assert (await refusal(control.credentials.end_second_factor(me, "wrong"))).code is Fault.NOT_SIGNED_IN
    await control.credentials.end_second_factor(me, GOOD)
    await signed_in(control, email)


async def test_one_works_in_one_account_at_a_time_and_only_in_ones_own(control: ControlPlane) -> None:
    first, second, other = await account(control), await account(control), await account(control)
    _, email = await somebody(control)
    session = await signed_in(control, email)
    assert (await actor(control, session)).account_id == 0
    await control.members.add(OPERATOR, first, email, Role.READER)
    await control.members.add(OPERATOR, second, email, Role.OWNER)
    await control.login.work_in(session.token, second)
    assert (await actor(control, session)).permissions == GRANTS[Role.OWNER]
    await control.login.work_in(session.token, first)
    assert (await actor(control, session)).permissions == GRANTS[Role.READER]
    assert (await refusal(control.login.work_in(session.token, other))).code is Fault.NOT_FOUND
    assert (await refusal(control.login.work_in(session.token, None))).code is Fault.NOT_ALLOWED
    await control.members.remove(OPERATOR, first, int((await actor(control, session)).id))
    left = await actor(control, session)
    assert (left.account_id, left.permissions) == (0, frozenset())


async def test_who_is_disabled_or_given_another_role_is_signed_out(control: ControlPlane) -> None:
    for change in (
        lambda user_id: control.users.set_enabled(OPERATOR, user_id, enabled=False),
        lambda user_id: control.users.set_operator_role(OPERATOR, user_id, None),
        lambda user_id: control.users.drop_second_factor(OPERATOR, user_id),
    ):
        user_id, email = await somebody(control, Role.REVIEWER)
        session = await signed_in(control, email)
        await change(user_id)
        assert await control.login.actor(session.token) is None


async def test_a_new_password_ends_all_other_sessions_and_the_person_is_told(control: ControlPlane, database: Database) -> None:
    _, email = await somebody(control)
    here, elsewhere = await signed_in(control, email), await signed_in(control, email)
    me = await actor(control, here)
    for wrong in ("short", "Password2026!", email):
        assert (await refusal(control.credentials.change_password(me, GOOD, wrong, here.token))).code is Fault.INVALID
    assert (await refusal(control.credentials.change_password(me, "wrong", BETTER, here.token))).code is Fault.NOT_SIGNED_IN
    await control.credentials.change_password(me, GOOD, BETTER, here.token)
    assert await control.login.actor(elsewhere.token) is None
    assert await control.login.actor(here.token) is not None
    assert (await refusal(control.login.sign_in(email, GOOD, HERE))).code is Fault.NOT_SIGNED_IN
    await signed_in(control, email, BETTER)
    assert "not you" in (await letters(database, email))[-1]


async def test_a_forgotten_password_is_set_anew_with_a_letter_once(control: ControlPlane, database: Database, clock: Clock) -> None:
    _, email = await somebody(control)
    old = await signed_in(control, email)
    await control.credentials.forgot(email.upper(), "192.0.2.1")
    await control.credentials.forgot("nobody@example.com", "192.0.2.1")
    [letter] = await letters(database, email)
    assert "https://sms.example.com/password#" in letter
    ticket = ticket_in(letter)
    assert (await refusal(control.credentials.set_password(ticket, "short", HERE))).code is Fault.INVALID
    answers = await asyncio.gather(*(control.credentials.set_password(ticket, BETTER, HERE) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(answer, SignedIn) for answer in answers) == 1
    assert await control.login.actor(old.token) is None
    await signed_in(control, email, BETTER)
    await control.credentials.forgot(email)
    late = ticket_in((await letters(database, email))[-1])
    clock.now += 3601
    assert (await refusal(control.credentials.set_password(late, GOOD, HERE))).code is Fault.NOT_SIGNED_IN


async def test_strangers_cannot_flood_somebody_with_letters_nor_spoil_the_one_that_counts(
    control: ControlPlane, database: Database
) -> None:
    _, email = await somebody(control)
    answers = [await asyncio.gather(control.credentials.forgot(email), return_exceptions=True) for _ in range(5)]
    assert [isinstance(answer, ControlError) for [answer] in answers] == [False] * 3 + [True] * 2
    first = ticket_in((await letters(database, email))[0])
    assert isinstance(await control.credentials.set_password(first, BETTER, HERE), SignedIn)
    second = ticket_in((await letters(database, email))[1])
    assert (await refusal(control.credentials.set_password(second, GOOD, HERE))).code is Fault.NOT_SIGNED_IN


async def test_a_new_password_by_letter_does_not_go_round_the_second_factor(
    control: ControlPlane, database: Database, clock: Clock
) -> None:
    email, _, _ = await with_factor(control, clock)
    await control.credentials.forgot(email)
    ticket = ticket_in((await letters(database, email))[-1])
    assert await control.credentials.set_password(ticket, BETTER, HERE) is None
    assert isinstance(await control.login.sign_in(email, BETTER, HERE), CodeWanted)


async def test_an_invitation_makes_a_stranger_a_user_and_asks_a_user_for_the_password(control: ControlPlane, database: Database) -> None:
    mine = await account(control)
    _, known = await somebody(control)
    for email, wrong in (("new@example.org", "short"), (known, "not the password")):
        invited = await control.members.invite(OPERATOR, mine, email, Role.FINANCE)
        assert invited.ticket in (await letters(database, email))[-1]
        assert (await refusal(control.credentials.accept(invited.ticket, "New", wrong, HERE))).code in {Fault.INVALID, Fault.NOT_SIGNED_IN}
        await control.credentials.accept(invited.ticket, "New Person", GOOD, HERE)
        assert (await refusal(control.credentials.accept(invited.ticket, "New", GOOD, HERE))).code is Fault.NOT_SIGNED_IN
        assert (await actor(control, await signed_in(control, email))).account_id == mine
    assert {row.email: row.role for row in await control.members.every(OPERATOR, mine)} == {
        "new@example.org": Role.FINANCE, known: Role.FINANCE,
    }  # fmt: skip


async def test_letters_are_handed_over_once_and_tried_again(control: ControlPlane, clock: Clock) -> None:
    _, email = await somebody(control)
    await control.credentials.forgot(email)
    sent: list[str] = []

    async def fails(_to: str, _subject: str, _text: str) -> str | None:
        return "away"

    async def takes(to: str, _subject: str, _text: str) -> str | None:
        sent.append(to)
        return None

    assert await control.letters.send_due(fails) == 0
    assert await control.letters.send_due(takes) == 0
    clock.now += 31
    counts = await asyncio.gather(*(control.letters.send_due(takes) for _ in range(3)))
    assert (sum(counts), sent) == (1, [email])


async def test_a_session_of_another_is_not_found(control: ControlPlane) -> None:
    _, email = await somebody(control)
    _, other = await somebody(control)
    me = await actor(control, await signed_in(control, email))
    them = await actor(control, await signed_in(control, other))
    [mine] = await control.sessions.every(me)
    assert (mine.address, mine.agent) == ("192.0.2.1", "tests")
    assert (await refusal(control.sessions.end(them, mine.id))).code is Fault.NOT_FOUND
    await control.sessions.end(me, mine.id)
    assert await control.sessions.every(me) == []
    assert (await refusal(control.sessions.every(OPERATOR))).code is Fault.NOT_ALLOWED


async def test_a_letter_comes_by_mail_with_a_link_that_no_server_s_log_gets_to_see(control: ControlPlane) -> None:
    _, email = await somebody(control)
    await control.credentials.forgot(email)
    async with SmtpSink("me", "pass@word") as server:
        mailer = Mailer(MailServer.parse(f"smtp://me:pass%40word@127.0.0.1:{server.port}"), "hongyan@sms.example.com")
        assert await control.letters.send_due(mailer.send) == 1
        [letter] = server.letters
    link = letter.get_content().partition("https://sms.example.com/password#")[2].split()[0]
    assert letter["To"] == email
    assert isinstance(await control.credentials.set_password(link, BETTER, HERE), SignedIn)


async def test_nothing_that_proves_who_somebody_is_can_be_read_from_the_tables(
    control: ControlPlane, database: Database, clock: Clock
) -> None:
    mine = await account(control)
    invited = await control.members.invite(OPERATOR, mine, "canary@example.com", Role.OWNER)
    email, device, codes = await with_factor(control, clock)
    half_way = await half(control, email)
    session = await control.login.enter_code(await half(control, email), device.at(clock.now), HERE)
    await control.credentials.forgot(email)
    ticket = ticket_in((await letters(database, email))[-1])
    async with database.connection() as conn:
        tables = [
            row[0] for row in await conn.fetch("select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace")
        ]
        kept = "".join([str([tuple(row) for row in await conn.fetch(f"select * from {table}")]) for table in tables])
    assert email in kept
    canaries = [GOOD, device.secret, *codes, half_way, session.token, session.device, ticket, invited.ticket]
    assert [canary for canary in canaries if canary in kept] == []
