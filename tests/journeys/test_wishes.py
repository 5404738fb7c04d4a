"""Handsets that want no more: whatever is on its way to them, nothing is handed to a carrier once they have said so.

The real pipeline on a real database with the carrier on a string, and the whole platform under load.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import msgspec
import pytest

from acting import OPERATOR
from hongyan.control.blacklist import Where
from hongyan.kit.db import Database
from hongyan.model.answering import Answers
from hongyan.model.carrier import Lost, Submitted, Throttled
from hongyan.model.message import Accepted, Refused, SendCommand, Status
from hongyan.model.reject import Reject
from hongyan.store.messages import CONFIRMING
from journeys.customers import Customer
from journeys.platform import Platform, phone, until
from journeys.rig import Rig, lost, running_rig, taken

LONG = ("20260001", "很长的说明，" * 20)
RACING = 1000


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[Rig]:
    async with running_rig(database_url) as made:
        yield made
        assert await made.broken() == {}


def to(rig: Rig, message: Accepted, kind: str = "notice", **changes: object) -> SendCommand:
    """Another message to the same number."""
    return msgspec.structs.replace(rig.command(kind, ("2", "今天")), phones=(f"+{message.phone}",), **changes)


async def test_what_waits_for_a_link_is_taken_back_and_not_paid_for(rig: Rig) -> None:
    rig.link.free = 0
    message = await rig.accept("marketing")
    await rig.reply(message, "TD")
    assert await rig.status(message) is Status.FAILED
    assert await rig.balance() == (0, 0)
    rig.link.free = 1000
    other = await rig.accept("marketing")
    await rig.handed_over(other)
    assert rig.given(message) == []


async def test_what_a_carrier_put_off_is_taken_back(rig: Rig) -> None:
    message = await rig.accept("verification")
    await rig.answer(await rig.handed_over(message), lambda _segment: Throttled(1.0, "RTHROTTLED"))
    await rig.reply(message, "stop")
    await rig.later(2.0)
    rig.ring()
    assert await rig.status(message) is Status.FAILED
    assert len(rig.given(message)) == 1
    assert await rig.balance() == (0, 0)


async def test_what_a_carrier_puts_off_afterwards_is_not_tried_again(rig: Rig) -> None:
    message = await rig.accept("verification")
    given = await rig.handed_over(message)
    await rig.reply(message, "R")
    assert await rig.status(message) is Status.ACCEPTED
    await rig.answer(given, lambda _segment: Throttled(1.0, "RTHROTTLED"))
    for _ in range(3):
        await rig.later(1.0)
        rig.ring()
    assert await rig.status(message) is Status.FAILED
    assert len(rig.given(message)) == 1
    assert await rig.balance() == (0, 0)


async def test_a_notice_in_doubt_has_no_second_copy(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lost)
    await rig.reply(message, "退订")
    await rig.later(61.0)
    rig.ring()
    await rig.later(61.0)
    assert await rig.status(message) is Status.UNKNOWN
    assert len(rig.given(message)) == 1


async def test_of_a_long_text_the_rest_is_not_sent(rig: Rig) -> None:
    message = await rig.accept("notice", LONG)
    given = await rig.handed_over(message, copies=2)
    await rig.answer(given[:1], taken)
    await rig.answer(given[1:], lambda _segment: Throttled(1.0, "RTHROTTLED"))
    await rig.reply(message, "T")
    await rig.later(2.0)
    rig.ring()
    await rig.later(1.0)
    assert len(rig.given(message)) == len(given)
    assert await rig.status(message) is Status.UNKNOWN


async def test_a_number_that_is_put_on_a_list_is_not_sent_to_either(rig: Rig) -> None:
    rig.link.free = 0
    message, other, third = [await rig.accept("notice") for _ in range(3)]
    await rig.control.blacklist.add(OPERATOR, Where(app_id=rig.app.id), [f"+{message.phone}"])
    await rig.control.blacklist.add(OPERATOR, Where(account_id=rig.app.account_id), [f"+{other.phone}"])
    await rig.later(0.3)
    rig.link.free = 1000
    await rig.handed_over(third)
    assert [await rig.status(one) for one in (message, other)] == [Status.FAILED, Status.FAILED]
    assert rig.given(message) == rig.given(other) == []
    await rig.control.blacklist.remove(OPERATOR, Where(account_id=rig.app.account_id), [f"+{other.phone}"])


async def test_whoever_wants_to_hear_again_says_so(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.reply(message, "T")
    refused = await rig.asked(to(rig, message))
    assert isinstance(refused, Refused)
    assert refused.reason is Reject.OPTED_OUT
    await rig.reply(message, " 恢复！")
    rig.now += 40
    assert isinstance(await rig.asked(to(rig, message)), Accepted)


async def test_whoever_leaves_again_within_a_minute_has_left(rig: Rig) -> None:
    message = await rig.accept("notice")
    for text in ("T", "恢复", "T"):
        await rig.reply(message, text)
        rig.now += 5
    refused = await rig.asked(to(rig, message))
    assert isinstance(refused, Refused)
    assert refused.reason is Reject.OPTED_OUT
    # What a carrier delivers again changes nothing and is told once.
    await rig.reply(message, "T")
    await rig.reply(message, "恢复")
    assert isinstance(await rig.asked(to(rig, message)), Refused)
    assert await rig.replies() == ["T", "恢复", "T"]


async def test_what_waits_for_whoever_said_elsewhere_that_they_want_no_more_ends_as_opted_out(rig: Rig) -> None:
    rig.link.free = 0
    left, listed = [await rig.accept("notice") for _ in range(2)]
    await rig.control.optouts.add(OPERATOR, rig.app.id, [f"+{left.phone}"])
    await rig.control.blacklist.add(OPERATOR, Where(app_id=rig.app.id), [f"+{listed.phone}"])
    await rig.later(0.3)
    assert [await code(rig, one) for one in (left, listed)] == ["OPTED_OUT", "BLACKLISTED"]


async def code(rig: Rig, message: Accepted) -> str:
    timeline = await rig.control.records.timeline(OPERATOR, message.message_id)
    assert timeline is not None
    return timeline.code


async def test_only_what_tells_of_the_opt_out_is_sent_after_it(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.reply(message, "T")
    refused = await rig.asked(to(rig, message, answers=Answers.REPLY))
    assert isinstance(refused, Refused)
    confirming = await rig.asked(to(rig, message, answers=Answers.OPT_OUT, request_id=f"{CONFIRMING}1"))
    assert isinstance(confirming, Accepted)
    [segment] = await rig.handed_over(confirming)
    # It is put off like any other, and is no less to be sent for that.
    await rig.answer([segment], lambda _segment: Throttled(1.0, "RTHROTTLED"))
    await rig.later(1.1)
    await rig.reply(message, "T")
    await rig.handed_over(confirming, copies=2)


async def test_accepting_and_opting_out_at_once_come_one_after_the_other(rig: Rig) -> None:
    """Whatever was promised before is given to the carrier at once or taken back; whatever comes later is refused."""
    first = await rig.accept("notice")
    number = f"+{first.phone}"
    await rig.control.apps.allow(OPERATOR, rig.app.id, [number])
    await rig.directory.refresh()
    rig.link.free = 0
    waiting = [await rig.asked(to(rig, first, params=(str(n), "今天"))) for n in range(20)]
    racing = [asyncio.create_task(rig.asked(to(rig, first, params=(f"r{n}", "今天")))) for n in range(100)]
    await asyncio.sleep(0.01)
    await rig.reply(first, "T")
    outcomes = await asyncio.gather(*racing)
    rig.link.free = 1000
    rig.ring()
    other = await rig.accept("notice")
    await rig.handed_over(other)
    promised = [outcome for outcome in (*waiting, *outcomes) if isinstance(outcome, Accepted)]
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, Refused)} <= {Reject.OPTED_OUT, Reject.TOO_BUSY}
    assert isinstance(await rig.asked(to(rig, first, params=("later", "今天"))), Refused)
    assert [await rig.status(message) for message in promised] == [Status.FAILED] * len(promised)
    assert [segment for message in promised for segment in rig.given(message)] == []
    await rig.answer(await rig.handed_over(other), taken)
    held, _used = await rig.balance()
    assert held == first.segments + other.segments


async def test_outcomes_that_are_known_stay_known(rig: Rig) -> None:
    """A message that a carrier took before is not touched by the wish."""
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lambda segment: Submitted(f"{segment.message_id}"))
    await rig.reply(message, "T")
    assert await rig.status(message) is Status.SUBMITTED


async def test_what_was_lost_before_the_wish_and_answered_after_it_counts(rig: Rig) -> None:
    message = await rig.accept("notice")
    [segment] = await rig.handed_over(message)
    await rig.answer([segment], lambda _segment: Lost("cut"))
    await rig.reply(message, "T")
    await rig.answer_late(segment)
    assert await rig.status(message) is Status.SUBMITTED


@pytest.mark.slow
@pytest.mark.usefixtures("laws_hold")
async def test_a_thousand_racing_sends_end_within_a_second_of_the_wish(customer: Customer, platform: Platform, database: Database) -> None:
    number = phone()
    async with platform.control() as control:
        await control.apps.allow(OPERATOR, customer.app_id, [number])
    await customer.known()
    await customer.send_one(number)
    # The carrier takes so little that most of it has to wait.
    await platform.simulate(do="throttle", per_s=30)
    gate = asyncio.Semaphore(16)
    codes: list[str] = []

    async def one(n: int) -> None:
        async with gate:
            codes.extend(status["Code"] for status in await customer.submit([number], params=[str(n), "今天"]))

    sending = [asyncio.create_task(one(n)) for n in range(RACING)]
    await until(lambda: len(codes) > RACING // 4, "many are accepted", within_s=60)
    await platform.simulate(do="reply", phone=number.removeprefix("+"), text="T")

    async def opted_out() -> bool:
        async with database.connection() as conn:
            found = await conn.fetchval("select true from optouts where app_id = $1 and phone = $2", customer.app_id, int(number[1:]))
        return found is True

    await until(opted_out, "the wish is written down", within_s=10)
    committed = time.time()
    await asyncio.gather(*sending)
    assert codes[-1] == "FailedOperation.PhoneNumberInBlacklist"
    await asyncio.sleep(2.5)
    to_it = [entry for entry in platform.journal.entries() if entry.phone == number.removeprefix("+")]
    assert [entry.wall - committed for entry in to_it if entry.wall > committed + 1.0] == []
    assert to_it, "some went out before"
    await platform.simulate(do="throttle")
    async with database.connection() as conn:
        back = await conn.fetchval("select count(*) from settlements where app_id = $1 and code = 'OPTED_OUT'", customer.app_id)
    assert back > RACING // 20, "many waited"

    async def none_waits() -> bool:
        async with database.connection() as conn:
            return await conn.fetchval("select count(*) from queue where app_id = $1", customer.app_id) == 0

    await until(none_waits, "nothing of it waits any more", within_s=10)
