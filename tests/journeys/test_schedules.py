"""Sends at a time: not before it, once, whatever dies; and requests that come again."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from acting import OPERATOR
from hongyan.model.message import Accepted, Caller, Outcome, Refused, SendCommand
from hongyan.model.reject import Refusal, Reject
from hongyan.model.replay import part
from hongyan.products.once import SendOnce
from hongyan.products.schedule import ABANDONED_S, AHEAD_S, PATIENCE_S, Schedule, ScheduleService, State
from hongyan.store import schedules as stored
from journeys.platform import phone
from journeys.rig import Rig, running_rig

pytestmark = pytest.mark.slow

# Further off than any test takes: platforms of other tests send what is due in the same database, by the real clock.
LATER = 3600.0


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[Rig]:
    async with running_rig(database_url) as rig:
        yield rig


@pytest.fixture
def schedules(rig: Rig) -> ScheduleService:
    return another(rig)


def another(rig: Rig) -> ScheduleService:
    """As another process has it."""
    return ScheduleService(db=rig.db, directory=rig.directory, send=SendOnce(rig.db, rig.send), clock=rig.clock, new_id=rig.engine.new_id)


def caller(rig: Rig) -> Caller:
    return Caller(rig.app.account_id, rig.tenant.secret_id)


def asked(rig: Rig, numbers: int = 3, texts: int = 1) -> list[SendCommand]:
    request_id = str(uuid.uuid4())
    return [
        msgspec.structs.replace(
            rig.command("notice", [f"2026{text}", "明天"]), phones=tuple(phone() for _ in range(numbers)), request_id=part(request_id, text)
        )
        for text in range(texts)
    ]


async def put_off(rig: Rig, schedules: ScheduleService, seconds: float, commands: Sequence[SendCommand]) -> Schedule:
    made = await schedules.add(caller(rig), commands, rig.now + seconds)
    assert isinstance(made, Schedule), made
    return made


async def messages_of(rig: Rig, commands: Sequence[SendCommand]) -> list[str]:
    async with rig.db.connection() as conn:
        found = await conn.fetch(
            "select phone from messages where app_id = $1 and request_id = any($2)",
            rig.app.id,
            [command.request_id for command in commands],
        )
    return sorted(str(row[0]) for row in found)


def numbers_of(commands: Sequence[SendCommand]) -> list[str]:
    return sorted(number.removeprefix("+") for command in commands for number in command.phones)


async def test_a_send_goes_at_its_time_and_not_before(rig: Rig, schedules: ScheduleService) -> None:
    commands = asked(rig, texts=2)
    made = await put_off(rig, schedules, LATER, commands)
    rig.now += LATER - 1
    await schedules.send_due()
    assert await messages_of(rig, commands) == []
    rig.now += 1
    await schedules.send_due()
    assert await messages_of(rig, commands) == numbers_of(commands)
    found = await schedules.get(rig.app.account_id, made.id)
    assert found is not None
    assert (found.state, found.accepted, found.outcome) == (State.SENT, 6, "")
    await schedules.send_due()
    assert await messages_of(rig, commands) == numbers_of(commands)


async def test_what_is_refused_when_its_time_has_come_is_told(rig: Rig, schedules: ScheduleService) -> None:
    commands = asked(rig)
    made = await put_off(rig, schedules, LATER, [msgspec.structs.replace(commands[0], sign_name="没有")])
    rig.now += LATER
    await schedules.send_due()
    found = await schedules.get(None, made.id)
    assert found is not None
    assert (found.state, found.accepted, found.outcome) == (State.FAILED, 0, "signature_unusable 3")


async def test_many_processes_that_look_at_once_send_it_once(rig: Rig, schedules: ScheduleService) -> None:
    several = [asked(rig) for _ in range(10)]
    for commands in several:
        await put_off(rig, schedules, LATER, commands)
    rig.now += LATER
    taken = await asyncio.gather(*(another(rig).send_due() for _ in range(4)))
    assert sum(taken) >= 10
    for commands in several:
        assert await messages_of(rig, commands) == numbers_of(commands)


async def test_cancelling_wins_or_is_too_late_and_never_both(rig: Rig, schedules: ScheduleService) -> None:
    several = [asked(rig) for _ in range(20)]
    made = [await put_off(rig, schedules, LATER, commands) for commands in several]
    rig.now += LATER
    cancelled = asyncio.gather(*(schedules.cancel(rig.app.account_id, schedule.id) for schedule in made))
    await asyncio.gather(cancelled, another(rig).send_due(), another(rig).send_due())
    await schedules.send_due()
    for commands, schedule in zip(several, made, strict=True):
        found = await schedules.get(None, schedule.id)
        assert found is not None
        assert await messages_of(rig, commands) == ([] if found.state is State.CANCELLED else numbers_of(commands))
        assert found.state in {State.CANCELLED, State.SENT}


@pytest.mark.parametrize("promised", [0, 1, 2])
async def test_whoever_takes_it_up_after_a_death_sends_only_what_was_not_promised(
    rig: Rig, schedules: ScheduleService, promised: int
) -> None:
    commands = asked(rig, texts=2)
    made = await put_off(rig, schedules, LATER, commands)
    rig.now += LATER
    async with rig.db.transaction() as tx:
        row = await stored.claim(tx, rig.app.id, made.id, now=rig.now, abandoned=0)
    assert row is not None
    for command in commands[:promised]:
        assert isinstance(await rig.send.accept(caller(rig), command), list)
    await schedules.send_due()
    assert await messages_of(rig, commands) == numbers_of(commands[:promised]), "somebody has it"
    rig.now += ABANDONED_S + 1
    await schedules.send_due()
    assert await messages_of(rig, commands) == numbers_of(commands)
    found = await schedules.get(None, made.id)
    assert found is not None
    assert (found.state, found.accepted) == (State.SENT, 6)


class Busy:
    """Takes messages, but for the first so many requests of the rig's own application: others' sends may be due, too."""

    def __init__(self, rig: Rig, times: int, reason: Reject) -> None:
        self._rig = rig
        self._left = times
        self._reason = reason

    async def accept(self, asker: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        ours = command.app_id == self._rig.app.id
        self._left -= ours
        return Refusal(self._reason) if ours and self._left >= 0 else await self._rig.send.accept(asker, command)


@pytest.mark.parametrize("reason", [Reject.TOO_BUSY, Reject.INTERNAL])
@pytest.mark.parametrize("times", [1, 2])
async def test_what_only_passing_trouble_refuses_is_tried_again_and_sent_once(rig: Rig, times: int, reason: Reject) -> None:
    busy = ScheduleService(
        db=rig.db,
        directory=rig.directory,
        send=SendOnce(rig.db, Busy(rig, times, reason)),
        clock=rig.clock,
        new_id=rig.engine.new_id,
    )
    commands = asked(rig, texts=2)
    made = await put_off(rig, busy, LATER, commands)
    rig.now += LATER
    await busy.send_due()
    found = await busy.get(None, made.id)
    assert found is not None
    assert found.state is State.SENDING
    rig.now += ABANDONED_S + 1
    await busy.send_due()
    found = await busy.get(None, made.id)
    assert found is not None
    assert (found.state, found.accepted) == (State.SENT, 6)
    assert await messages_of(rig, commands) == numbers_of(commands)


async def test_trouble_that_does_not_pass_is_told_in_the_end(rig: Rig) -> None:
    busy = ScheduleService(
        db=rig.db,
        directory=rig.directory,
        send=SendOnce(rig.db, Busy(rig, 1000, Reject.TOO_BUSY)),
        clock=rig.clock,
        new_id=rig.engine.new_id,
    )
    made = await put_off(rig, busy, LATER, asked(rig))
    rig.now += LATER + PATIENCE_S
    await busy.send_due()
    found = await busy.get(None, made.id)
    assert found is not None
    assert (found.state, found.outcome) == (State.FAILED, "too_busy 3")


async def test_a_number_that_is_sent_a_text_by_two_commands_is_taken_up_for_each(rig: Rig) -> None:
    [command] = asked(rig, numbers=1)
    both = [command, msgspec.structs.replace(command, params=("another", "text"), request_id=part(command.request_id, 1))]
    first = await rig.send.accept(caller(rig), both[0])
    assert isinstance(first, list)
    again = await SendOnce(rig.db, rig.send).again(caller(rig), both, since=rig.now, until=rig.now)
    assert again[0] == first
    assert isinstance(again[1], list)
    assert isinstance(again[1][0], Accepted)
    assert again[1][0] not in first


async def test_a_request_that_comes_again_at_once_many_times_is_promised_once(rig: Rig) -> None:
    [command] = asked(rig, numbers=3)
    answers = await asyncio.gather(*(rig.send.accept(caller(rig), command) for _ in range(30)))
    assert [answer for answer in answers if answer != answers[0]] == []
    assert isinstance(answers[0], list)
    assert all(isinstance(outcome, Accepted) for outcome in answers[0])
    assert await messages_of(rig, [command]) == numbers_of([command])
    rig.now += 600
    assert await rig.send.accept(caller(rig), command) == answers[0]
    assert await messages_of(rig, [command]) == numbers_of([command])
    assert sum(await rig.balance()) == 3


async def test_a_copy_of_a_signed_request_is_answered_with_the_first_message_and_two_of_one_second_are_two(rig: Rig) -> None:
    [wanted] = asked(rig, numbers=1)
    command = msgspec.structs.replace(wanted, of_proof=True)
    await rig.control.apps.allow(OPERATOR, rig.app.id, list(command.phones))
    await rig.directory.refresh()
    first = await rig.send.accept(caller(rig), command)
    second = await rig.send.accept(caller(rig), command)
    assert isinstance(first, list)
    assert isinstance(second, list)
    assert second != first
    assert len(await messages_of(rig, [command])) == 2
    rig.now += 3
    copies = await asyncio.gather(*(rig.send.accept(caller(rig), command) for _ in range(20)))
    assert [copy for copy in copies if copy != second] == []
    assert len(await messages_of(rig, [command])) == 2


async def test_another_request_for_the_same_text_is_another_message_or_over_the_limit(rig: Rig) -> None:
    [command] = asked(rig, numbers=1)
    first = await rig.send.accept(caller(rig), command)
    other = await rig.send.accept(caller(rig), msgspec.structs.replace(command, request_id=str(uuid.uuid4())))
    assert isinstance(first, list)
    assert isinstance(other, list)
    assert isinstance(other[0], Refused)
    assert other[0].reason is Reject.SAME_CONTENT


async def test_another_account_s_schedule_is_none(rig: Rig, schedules: ScheduleService) -> None:
    made = await put_off(rig, schedules, LATER, asked(rig))
    assert await schedules.get(rig.app.account_id + 1, made.id) is None
    assert await schedules.cancel(rig.app.account_id + 1, made.id) is None
    assert await schedules.page(rig.app.account_id + 1, before_id=2**62, most=10) == []
    stranger = Caller(rig.app.account_id + 1, "key")
    assert await schedules.add(stranger, asked(rig), rig.now) == Refusal(Reject.APP_NOT_FOUND)


@pytest.mark.parametrize("seconds", [-60.0, AHEAD_S + 60])
async def test_a_time_that_is_over_or_too_far_is_refused(rig: Rig, schedules: ScheduleService, seconds: float) -> None:
    made = await schedules.add(caller(rig), asked(rig), rig.now + seconds)
    assert isinstance(made, Refusal)
    assert made.reason is Reject.BAD_REQUEST
