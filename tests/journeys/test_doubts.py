"""Submits whose answers were lost, with a clock that the tests turn: who is sent to again, what resolves a doubt, and what it costs.

The real pipeline on a real database; only the carrier is on a string, since no carrier would wait for 72 hours in a test.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hongyan.kit.db import Database
from hongyan.kit.loops import cancel
from hongyan.model.carrier import Declined, Lost, Part, Throttled, Verdict
from hongyan.model.message import Caller, Status
from hongyan.model.reject import Refusal, Reject
from hongyan.store import queue
from journeys.platform import SOON_S, until
from journeys.rig import Rig, lost, running_rig, taken

HOUR_S = 3600.0
LONG = ("20260001", "很长的说明，" * 20)


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[Rig]:
    async with running_rig(database_url) as made:
        yield made
        assert await made.broken() == {}


async def test_a_throttled_code_goes_back_once_even_when_that_is_written_twice(rig: Rig, database_url: str) -> None:
    message = await rig.accept("verification")
    [first] = await rig.handed_over(message)
    tried_at = rig.now
    await rig.answer([first], lambda _segment: Throttled(1.0, "RTHROTTLED"))
    await rig.later(1.1)
    await rig.handed_over(message, copies=2)
    # The commit of the first time was not answered, so the recorder says it again: the second attempt is under way by now.
    db = await Database.open(database_url, size=1)
    async with db.connection() as conn:
        await queue.put_back(conn, rig.app.id, message.message_id, attempted_at=tried_at, not_before=rig.now, sent_mask=0)
        row = await conn.fetchrow("select owner, attempts from queue where id = $1", message.message_id)
    await db.close()
    assert tuple(row) == (rig.engine.id, 1)
    await rig.answer(rig.given(message)[1:], taken)
    assert len(rig.given(message)) == 2
    assert await rig.status(message) is Status.SUBMITTED


@pytest.mark.parametrize(("kind", "seconds"), [("verification", 5.0), ("marketing", 60.0)])
async def test_codes_and_advertisements_are_never_sent_twice_on_a_guess(rig: Rig, kind: str, seconds: float) -> None:
    message = await rig.accept(kind)
    await rig.answer(await rig.handed_over(message), lost)
    await rig.later(seconds - 0.1)
    assert await rig.status(message) is Status.ACCEPTED
    await rig.later(0.2)
    assert await rig.status(message) is Status.UNKNOWN
    await rig.later(HOUR_S)
    assert len(rig.given(message)) == 1
    assert await rig.resolutions(message) == [(1, 1, "unknown")]
    assert await rig.balance() == (1, 0)


async def test_a_copy_that_is_refused_says_nothing_about_the_one_that_the_carrier_took(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lost)
    await rig.later(60.1)
    first, second = await rig.handed_over(message, copies=2)
    await rig.answer_late(first)
    await rig.answer([second], lambda _segment: Declined("RSUBMITFAIL"))
    assert await rig.status(message) is Status.SUBMITTED
    await rig.receipt(first, carrier_id=f"{message.message_id}-1")
    assert await rig.status(message) is Status.DELIVERED
    assert await rig.balance() == (0, 1)


async def test_a_refusal_that_comes_late_says_nothing_about_the_copy_that_the_carrier_took(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lost)
    await rig.later(60.1)
    first, second = await rig.handed_over(message, copies=2)
    await rig.answer([second], taken)
    await rig.answer_late(first, Declined("RSUBMITFAIL"))
    assert await rig.status(message) is Status.SUBMITTED
    await rig.receipt(second, carrier_id=f"{message.message_id}-1", verdict=Verdict.FAILED)
    assert await rig.status(message) is Status.FAILED
    assert await rig.balance() == (0, 1)


async def test_a_notice_is_sent_once_more_after_a_minute_and_never_a_third_time(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lost)
    await rig.later(59.9)
    assert len(rig.given(message)) == 1
    await rig.later(0.2)
    first, second = await rig.handed_over(message, copies=2)
    assert first.text == second.text
    assert await rig.resolutions(message) == [(1, 1, "resent")]
    await rig.answer([second], lost)
    await rig.later(60.1)
    assert await rig.status(message) is Status.UNKNOWN
    await rig.later(HOUR_S)
    assert len(rig.given(message)) == 2
    assert await rig.resolutions(message) == [(1, 1, "resent"), (1, 2, "unknown")]
    assert await rig.balance() == (1, 0)


async def test_a_second_copy_costs_the_customer_nothing(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lost)
    await rig.later(60.1)
    _, second = await rig.handed_over(message, copies=2)
    await rig.answer([second], taken)
    await rig.receipt(second, carrier_id=f"{message.message_id}-1")
    await rig.receipt(second)
    await rig.later(HOUR_S)
    assert await rig.status(message) is Status.DELIVERED
    assert await rig.balance() == (0, 1)


@pytest.mark.parametrize("kind", ["verification", "notice", "marketing"])
async def test_a_receipt_within_the_wait_settles_it_without_another_copy(rig: Rig, kind: str) -> None:
    message = await rig.accept(kind)
    [segment] = await rig.handed_over(message)
    await rig.answer([segment], lost)
    await rig.receipt(segment)
    await rig.later(HOUR_S)
    assert await rig.status(message) is Status.DELIVERED
    assert len(rig.given(message)) == 1
    assert await rig.resolutions(message) == [(1, 1, "receipt")]
    assert await rig.balance() == (0, 1)


async def test_an_answer_that_cannot_be_written_leaves_its_message_in_doubt(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    message = await rig.accept("verification")
    [segment] = await rig.handed_over(message)

    async def fail(*_: object) -> int:
        raise ValueError("what nobody expects")

    with monkeypatch.context() as patched:
        patched.setattr(rig.recorder._settler, "settle", fail)
        await rig.answer([segment], lambda _: Declined("refused"))
    assert await rig.resolutions(message) == [(1, 1, None)]
    await rig.later(HOUR_S)
    assert await rig.status(message) is Status.UNKNOWN


async def test_the_receipt_of_a_segment_in_doubt_that_comes_again_finds_it_again(rig: Rig) -> None:
    message = await rig.accept("verification")
    [segment] = await rig.handed_over(message)
    await rig.answer([segment], lost)
    for _ in range(2):
        await rig.receipt(segment)
    assert await rig.status(message) is Status.DELIVERED
    assert await rig.balance() == (0, 1)


async def test_a_receipt_that_comes_before_the_loss_is_noticed_is_found_later(rig: Rig) -> None:
    message = await rig.accept("verification")
    [segment] = await rig.handed_over(message)
    await rig.receipt(segment)
    await rig.answer([segment], lost)
    await rig.later(1.0)
    assert await rig.status(message) is Status.DELIVERED


async def test_a_late_answer_within_the_wait_settles_it_without_another_copy(rig: Rig) -> None:
    message = await rig.accept("notice")
    [segment] = await rig.handed_over(message)
    await rig.answer([segment], lost)
    await rig.answer_late(segment)
    await rig.later(HOUR_S)
    assert await rig.status(message) is Status.SUBMITTED
    assert len(rig.given(message)) == 1
    await rig.receipt(segment, carrier_id=f"{message.message_id}-1")
    assert await rig.status(message) is Status.DELIVERED


async def test_a_late_refusal_of_the_first_copy_does_not_end_a_message_whose_second_is_under_way(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lost)
    await rig.later(60.1)
    first, second = await rig.handed_over(message, copies=2)
    await rig.answer_late(first, Declined("RSUBMITFAIL"))
    await rig.answer([second], taken)
    await rig.receipt(second, carrier_id=f"{message.message_id}-1")
    assert await rig.status(message) is Status.DELIVERED


async def test_a_late_refusal_ends_a_message_in_doubt(rig: Rig) -> None:
    message = await rig.accept("verification")
    [segment] = await rig.handed_over(message)
    await rig.answer([segment], lost)
    await rig.answer_late(segment, Declined("RSUBMITFAIL"))
    assert await rig.status(message) is Status.FAILED
    assert await rig.balance() == (0, 0)


async def test_a_late_answer_that_says_nothing_changes_nothing(rig: Rig) -> None:
    message = await rig.accept("verification")
    [segment] = await rig.handed_over(message)
    await rig.answer([segment], lost)
    await rig.answer_late(segment, Lost("answered with BindTransceiverResp"))
    await rig.later(5.1)
    assert await rig.status(message) is Status.UNKNOWN


async def test_receipts_of_both_copies_are_heard_though_both_answers_were_lost(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lost)
    await rig.later(60.1)
    first, second = await rig.handed_over(message, copies=2)
    await rig.answer([second], lost)
    for carrier_id, segment in (("a1", first), ("b2", second), ("a1", first), ("B2", second)):
        await rig.receipt(segment, carrier_id=carrier_id)
    assert await rig.status(message) is Status.DELIVERED
    assert await rig.parked() == 0


async def test_a_long_message_of_which_a_segment_failed_is_not_sent_any_further(rig: Rig) -> None:
    message = await rig.accept("notice", params=LONG)
    first, second, third = await rig.handed_over(message, copies=3)
    await rig.answer([first], taken)
    await rig.answer([second, third], lost)
    await rig.receipt(first, carrier_id=f"{message.message_id}-1", verdict=Verdict.FAILED)
    assert await rig.status(message) is Status.FAILED
    await rig.later(60.1)
    await rig.later(60.1)
    assert len(rig.given(message)) == 3


async def test_a_long_code_in_doubt_is_delivered_when_its_receipts_come_one_by_one(rig: Rig) -> None:
    message = await rig.accept("marketing", params=("很长的说明，" * 20, "周六"))
    segments = await rig.handed_over(message, copies=3)
    await rig.answer(segments, lost)
    for segment in segments[:2]:
        await rig.receipt(segment)
        await rig.later(0.0)
    assert await rig.status(message) is Status.SUBMITTED
    await rig.receipt(segments[2])
    assert await rig.status(message) is Status.DELIVERED
    assert await rig.balance() == (0, 3)


async def test_of_a_long_notice_only_the_segments_in_doubt_are_sent_again(rig: Rig) -> None:
    message = await rig.accept("notice", params=LONG)
    first, second, third = await rig.handed_over(message, copies=3)
    # One was answered; of the others one is heard of by its receipt.
    await rig.answer([first], taken)
    await rig.answer([second, third], lost)
    await rig.receipt(second)
    await rig.later(60.1)
    *_, again = await rig.handed_over(message, copies=4)
    assert (again.sequence, again.text, again.udh_reference) == (3, third.text, third.udh_reference)
    await rig.answer([again], taken)
    for segment in (first, again):
        await rig.receipt(segment, carrier_id=f"{message.message_id}-{segment.sequence}")
    await rig.later(HOUR_S)
    assert len(rig.given(message)) == 4
    assert await rig.status(message) is Status.DELIVERED
    assert await rig.balance() == (0, 3)


async def test_a_late_answer_to_one_segment_leaves_the_others_in_doubt(rig: Rig) -> None:
    message = await rig.accept("notice", params=LONG)
    first, second, third = await rig.handed_over(message, copies=3)
    await rig.answer([first, second, third], lost)
    await rig.answer_late(second)
    await rig.later(60.1)
    await rig.handed_over(message, copies=5)
    assert sorted(segment.sequence for segment in rig.given(message)) == [1, 1, 2, 3, 3]


async def test_an_engine_that_dies_leaves_what_it_had_attempted_in_doubt_and_frees_the_rest(rig: Rig) -> None:
    message = await rig.accept("notice", params=LONG)
    segments = await rig.handed_over(message, copies=3)
    rig.engine.renew()
    await until(lambda: rig.dispatcher.engine == rig.engine.id, "it is somebody else")

    async def doubted() -> list[tuple[int, str | None]]:
        """The server may take a moment to notice that a session has ended."""
        await rig.later(0.0)
        return [(sequence, how) for sequence, _, how in await rig.resolutions(message)]

    assert await until(doubted, "its attempt is in doubt") == [(1, None), (2, None), (3, None)]
    for segment in segments:
        await rig.receipt(segment)
    await rig.later(HOUR_S)
    assert len(rig.given(message)) == 3
    assert await rig.status(message) is Status.DELIVERED


async def test_what_is_accepted_between_two_identities_of_an_engine_is_anybodys(rig: Rig, database_url: str) -> None:
    rig.dispatcher.disown()
    message = await rig.accept("verification")
    db = await Database.open(database_url, size=1)
    async with db.connection() as conn:
        assert await conn.fetchval("select owner from queue where id = $1", message.message_id) is None
    await db.close()
    assert rig.given(message) == []
    rig.dispatcher.reincarnate(rig.engine.id)
    await rig.answer(await rig.handed_over(message), taken)
    assert await rig.status(message) is Status.SUBMITTED


async def test_after_three_days_without_a_receipt_what_was_taken_is_paid_and_what_is_unknown_is_given_back(rig: Rig) -> None:
    silent, doubtful = await rig.accept("notice"), await rig.accept("verification")
    await rig.answer(await rig.handed_over(silent), taken)
    await rig.answer(await rig.handed_over(doubtful), lost)
    await rig.later(5.1)
    await rig.later(71 * HOUR_S)
    await rig.upkeep.expire()
    assert [await rig.status(message) for message in (silent, doubtful)] == [Status.SUBMITTED, Status.UNKNOWN]
    assert await rig.balance() == (2, 0)
    await rig.later(2 * HOUR_S)
    await rig.upkeep.expire()
    assert [await rig.status(message) for message in (silent, doubtful)] == [Status.EXPIRED, Status.EXPIRED]
    assert await rig.balance() == (0, 1)


async def test_parts_of_a_reply_are_joined_in_their_order_whatever_order_they_come_in(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.reply(message, "三", Part(9, 3, 3))
    await rig.reply(message, "一", Part(9, 3, 1))
    await rig.reply(message, "三", Part(9, 3, 3))
    assert await rig.replies() == []
    await rig.reply(message, "二", Part(9, 3, 2))
    assert await rig.replies() == ["一二三"]
    # Delivered again after our answer was lost.
    await rig.reply(message, "二", Part(9, 3, 2))
    await rig.later(120.0)
    assert await rig.replies() == ["一二三"]


async def test_a_reply_of_which_a_part_never_comes_is_handed_out_with_what_there_is(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.reply(message, "一", Part(1, 3, 1))
    await rig.later(30.0)
    await rig.reply(message, "三", Part(1, 3, 3))
    await rig.later(59.0)
    assert await rig.replies() == []
    await rig.later(2.0)
    assert await rig.replies() == ["一三"]


async def test_a_reply_that_is_delivered_again_is_told_once_and_the_same_words_later_are_another(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.reply(message, "1")
    await rig.later(5.0)
    await rig.reply(message, "1")
    assert await rig.replies() == ["1"]
    await rig.later(90.0)
    await rig.reply(message, "1")
    assert await rig.replies() == ["1", "1"]


async def test_while_the_database_is_away_a_request_is_refused_at_once_and_nobody_is_in_doubt(rig: Rig, database_url: str) -> None:
    away = await Database.open(database_url)
    await away.close()
    door = rig.door(away)
    running = asyncio.create_task(door.run())
    try:
        async with asyncio.timeout(SOON_S / 4):
            answer = await door.accept(Caller(rig.app.account_id, rig.tenant.secret_id), rig.command("verification"))
    finally:
        await cancel(running)
    assert isinstance(answer, Refusal)
    assert answer.reason is Reject.INTERNAL
    assert "nothing was sent or charged" in answer.detail
