"""Replies that are answered: who has left or is back is told so once, and a keyword gets what it asks for."""

from collections.abc import AsyncIterator

import pytest

from acting import OPERATOR
from hongyan.control.answers import Change
from hongyan.control.errors import ControlError, Fault
from hongyan.kit.ids import first_id_at
from hongyan.model.carrier import Reply
from hongyan.model.message import Accepted, Kind
from hongyan.pipeline.recorder import Recorder
from hongyan.pipeline.replies import ANSWERS_MOST
from hongyan.products.answers import ABANDONED_S, AnswerService
from hongyan.products.once import SendOnce
from hongyan.store import answers
from journeys.platform import until
from journeys.rig import LINK, Rig, running_rig, taken

LEFT, BACK, HELP = "您已退订，不再向您发送。", "您已恢复订阅。", "营业时间为早九点到晚六点。"


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[Rig]:
    async with running_rig(database_url) as made:
        await made.answering(
            out_template=await made.template(LEFT), in_template=await made.template(BACK), keywords={"1": await made.template(HELP)}
        )
        # What other tests have left behind.
        while await made.answers.send_due():
            pass
        yield made
        assert await made.broken() == {}


async def written_to(rig: Rig) -> Accepted:
    """A message that a handset has received."""
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), taken)
    return message


async def answers_of(rig: Rig) -> list[tuple[str, str]]:
    rows = await rig.control.answerings.sent(OPERATOR, rig.app.id)
    return [(row.state, row.outcome) for row in rows]


def without_sign(texts: list[str]) -> list[str]:
    return [text.partition("】")[2] for text in texts]


async def test_who_leaves_is_told_so_once_and_who_comes_back_too(rig: Rig) -> None:
    message = await written_to(rig)
    for text in ("T", "td", "退订"):
        await rig.reply(message, text)
        await rig.answers.send_due()
    await until(lambda: len(rig.texts_to(message.phone)) == 2, "the confirmation is sent")
    await rig.reply(message, "START")
    await rig.answers.send_due()
    await until(lambda: len(rig.texts_to(message.phone)) == 3, "the other one, too")
    assert without_sign(rig.texts_to(message.phone))[1:] == [LEFT, BACK]
    await rig.reply(message, "START")
    assert await rig.answers.send_due() == 0
    assert await answers_of(rig) == [("sent", ""), ("sent", "")]


async def test_a_keyword_is_answered_in_spite_of_the_limits_for_others(rig: Rig) -> None:
    message = await written_to(rig)
    await rig.reply(message, " １。")
    await rig.reply(message, "2")
    assert await rig.answers.send_due() == 1
    await until(lambda: len(rig.texts_to(message.phone)) == 2, "the answer is sent")
    assert without_sign(rig.texts_to(message.phone))[1:] == [HELP]
    assert await rig.replies() == [" １。", "2"], "the application is told as ever"


async def test_who_has_left_gets_no_answer_to_a_keyword(rig: Rig) -> None:
    message = await written_to(rig)
    await rig.reply(message, "T")
    await rig.answers.send_due()
    await rig.reply(message, "1")
    await rig.answers.send_due()
    assert await answers_of(rig) == [("failed", "opted_out"), ("sent", "")]


async def test_two_machines_do_not_talk_for_ever(rig: Rig) -> None:
    message = await written_to(rig)
    [(minute_s, a_minute), (_day_s, a_day)] = ANSWERS_MOST
    for _ in range(3 * a_day):
        await rig.reply(message, "1")
        await rig.answers.send_due()
        rig.now += minute_s / a_minute - 1
    sent = len(await answers_of(rig))
    assert 0 < sent <= a_day
    for text in ("T", "START") * 5:
        await rig.reply(message, text)
        rig.now += minute_s
    assert len(await answers_of(rig)) == a_day


async def test_a_reply_that_is_delivered_again_is_not_answered_again(rig: Rig) -> None:
    message = await written_to(rig)
    for _ in range(3):
        await rig.reply(message, "1")
    await rig.answers.send_due()
    assert await answers_of(rig) == [("sent", "")]


async def test_an_answer_that_was_promised_before_a_death_is_not_sent_again(rig: Rig) -> None:
    message = await written_to(rig)
    await rig.reply(message, "1")
    # A process takes it, promises it and dies before it says so.
    [(app_id, answer_id)] = [found for found in await due(rig) if found[0] == rig.app.id]
    dying = AnswerService(db=rig.db, directory=rig.directory, send=SendOnce(rig.db, rig.send), clock=rig.clock)
    dying._finish = nothing  # type: ignore[assignment,method-assign]
    assert await dying.send_due() == 1
    await until(lambda: len(rig.texts_to(message.phone)) == 2, "the answer is sent")
    assert await rig.answers.send_due() == 0, "whoever has it may still be at work"
    rig.now += ABANDONED_S + 1
    assert await rig.answers.send_due() == 1
    assert (app_id, await answers_of(rig)) == (rig.app.id, [("sent", "")])
    async with rig.db.connection() as conn:
        count = await conn.fetchval("select count(*) from messages where app_id = $1 and request_id = $2", app_id, f"answers-{answer_id}")
    assert count == 1
    assert await due(rig) == []


async def nothing(*_what: object) -> None:
    return


async def due(rig: Rig) -> list[tuple[int, int]]:
    async with rig.db.connection() as conn:
        return [found for found in await answers.due(conn, abandoned=rig.now, most=100) if found[0] == rig.app.id]


async def test_a_crash_between_the_reply_and_its_acknowledgement_answers_once(rig: Rig) -> None:
    """The carrier delivers the reply again to another process, which finds it there with all that followed from it."""
    message = await written_to(rig)
    reply = Reply(LINK, message.phone, "10690000", "T", rig.now)
    for _ in range(2):
        async with rig.db.transaction() as tx:
            await rig.recorder._replies.apply(tx, reply, rig.now)
    assert isinstance(rig.recorder, Recorder)
    assert await rig.answers.send_due() == 1


async def test_own_words_are_understood_by_their_application_alone(rig: Rig) -> None:
    await rig.answering(out_words=("不要了",), in_words=("继续",), languages=("zh",))
    message = await written_to(rig)
    await rig.reply(message, "STOP")
    assert isinstance(await rig.control.optouts.page(OPERATOR, rig.app.id), list)
    assert await rig.control.optouts.page(OPERATOR, rig.app.id) == []
    await rig.reply(message, "“不要了”！")
    [row] = await rig.control.optouts.page(OPERATOR, rig.app.id)
    assert (row.phone, row.text, row.sign_name) == (message.phone, "“不要了”！", rig.tenant.sign_name)
    assert await rig.control.optouts.page(OPERATOR, rig.app.id, sign_name="another") == []
    await rig.reply(message, "继续")
    assert await rig.control.optouts.page(OPERATOR, rig.app.id) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (Change(languages=()), Fault.INVALID),
        (Change(languages=("zh", "klingon")), Fault.INVALID),
        (Change(in_words=("td",)), Fault.TAKEN),
        (Change(out_words=("start",)), Fault.TAKEN),
        (Change(keywords={"Stop": 1}), Fault.TAKEN),
        (Change(out_words=("。",)), Fault.INVALID),
        (Change(out_words=("x" * 21,)), Fault.INVALID),
        (Change(out_words=tuple(f"w{n}" for n in range(51))), Fault.TOO_MANY),
        (Change(out_template=1), Fault.NOT_FOUND),
    ],
)
async def test_what_makes_no_sense_is_refused(rig: Rig, change: Change, fault: Fault) -> None:
    with pytest.raises(ControlError) as told:
        await rig.control.answerings.change(OPERATOR, rig.app.id, change)
    assert told.value.code is fault


async def test_only_what_can_be_sent_without_values_answers(rig: Rig) -> None:
    for content, kind in (("您好{1}。", Kind.NOTICE), ("全场五折。拒收请回复R", Kind.MARKETING)):
        template = await rig.template(content, kind)
        with pytest.raises(ControlError):
            await rig.control.answerings.change(OPERATOR, rig.app.id, Change(in_template=template))


async def test_what_was_answered_long_ago_is_forgotten(rig: Rig) -> None:
    message = await written_to(rig)
    await rig.reply(message, "1")
    async with rig.db.connection() as conn:
        await answers.forget(conn, rig.app.id, before_id=first_id_at(rig.now - 60))
        assert await answers.count(conn, rig.app.id, message.phone, since_id=0) == 1
        await answers.forget(conn, rig.app.id, before_id=first_id_at(rig.now + 60))
        assert await answers.count(conn, rig.app.id, message.phone, since_id=0) == 0
