"""Handsets that write back, and those that want to hear no more."""

import pytest

from acting import OPERATOR
from hongyan.control.answers import Change
from hongyan.kit.db import Database
from hongyan.model.message import Kind
from journeys.customers import CallbackServer, Customer
from journeys.platform import Platform, handset, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]


async def test_a_reply_comes_by_callback_and_by_pull_with_what_it_answers(
    customer: Customer, callbacks: CallbackServer, platform: Platform
) -> None:
    await customer.change(extend_allowed=True)
    to = phone()
    await customer.send_one(to, ExtendCode="88")
    await customer.pulled(1)
    await platform.simulate(do="reply", phone=to.removeprefix("+"), text="好的，明天见 👋")
    await until(callbacks.replies, "the reply is called back")
    [told] = callbacks.replies()
    assert told | {"time": 0} == {
        "extend": "88",
        "mobile": to.removeprefix("+86"),
        "nationcode": "86",
        "sign": customer.tenant.sign_name,
        "text": "好的，明天见 👋",
        "time": 0,
    }
    [pulled] = await customer.pulled(1, "PullSmsReplyStatus")
    assert pulled | {"ReplyTime": 0} == {
        "ExtendCode": "88",
        "CountryCode": "86",
        "PhoneNumber": to,
        "SubscriberNumber": to.removeprefix("+86"),
        "SignName": customer.tenant.sign_name,
        "ReplyContent": "好的，明天见 👋",
        "ReplyTime": 0,
    }
    assert pulled["ReplyTime"] == told["time"]
    assert await customer.pull("PullSmsReplyStatus") == []


async def test_a_handset_that_replies_t_is_never_sent_to_again_by_this_application(
    customer: Customer, callbacks: CallbackServer, platform: Platform
) -> None:
    to = handset("0008")
    sent = await customer.send_one(to, "marketing")
    await callbacks.report_of(sent)
    await until(callbacks.replies, "the reply is called back")
    assert [reply["text"] for reply in callbacks.replies()] == ["T"]
    other = phone()
    told = [(status["PhoneNumber"], status["Code"]) for status in await customer.send([to, other], params=["20260002", "今天"])]
    assert told == [(to, "FailedOperation.PhoneNumberInBlacklist"), (other, "Ok")]
    await customer.pulled(2)
    assert len([entry for entry in platform.journal.taken()[to] if entry.wall > sent.at - 1]) == 1


@pytest.mark.parametrize("word", ["T", "ｔｄ", "R", "退订", " 退订。"])
async def test_every_word_for_leaving_is_understood(customer: Customer, platform: Platform, word: str) -> None:
    to = phone()
    await customer.send_one(to, "marketing")
    await customer.pulled(1)
    await platform.simulate(do="reply", phone=to.removeprefix("+"), text=word)
    assert [record["ReplyContent"].strip() for record in await customer.pulled(1, "PullSmsReplyStatus")] == [word.strip()]
    [status] = await customer.send(to, "notice")
    assert status["Code"] == "FailedOperation.PhoneNumberInBlacklist"


async def test_an_ordinary_word_is_no_wish_to_leave(customer: Customer, platform: Platform) -> None:
    to = phone()
    await customer.send_one(to, "marketing")
    await customer.pulled(1)
    await platform.simulate(do="reply", phone=to.removeprefix("+"), text="Tomorrow, 退订 nothing")
    await customer.pulled(1, "PullSmsReplyStatus")
    assert [status["Code"] for status in await customer.send(to, "notice")] == ["Ok"]


async def test_a_long_reply_arrives_whole(customer: Customer, platform: Platform) -> None:
    to = phone()
    await customer.send_one(to)
    await customer.pulled(1)
    text = "很长的回复，" * 30
    await platform.simulate(do="reply", phone=to.removeprefix("+"), text=text)
    records = await customer.pulled(1, "PullSmsReplyStatus")
    assert [record["ReplyContent"] for record in records] == [text]


async def test_a_long_wish_to_leave_in_parts_is_no_wish_and_a_short_one_after_it_is(customer: Customer, platform: Platform) -> None:
    to = phone()
    await customer.send_one(to, "marketing")
    await customer.pulled(1)
    await platform.simulate(do="reply", phone=to.removeprefix("+"), text="R " + "为什么总给我发短信？" * 10)
    await customer.pulled(1, "PullSmsReplyStatus")
    assert [status["Code"] for status in await customer.send(to, "notice")] == ["Ok"]
    await platform.simulate(do="reply", phone=to.removeprefix("+"), text="R")
    await customer.pulled(1, "PullSmsReplyStatus")
    assert [status["Code"] for status in await customer.send(to, "notice", params=["2", "今天"])] == [
        "FailedOperation.PhoneNumberInBlacklist"
    ]


async def test_a_reply_to_nobody_is_kept_and_told_to_nobody(customer: Customer, platform: Platform, database: Database) -> None:
    stranger, known = phone(), phone()
    await customer.send_one(known)
    await customer.pulled(1)
    await platform.simulate(do="reply", phone=stranger.removeprefix("+"), text="who is this?", to="10690000", system_id="hongyan")
    await platform.simulate(do="reply", phone=known.removeprefix("+"), text="hello")
    assert [record["PhoneNumber"] for record in await customer.pulled(1, "PullSmsReplyStatus")] == [known]
    async with database.connection() as conn:
        rows = await conn.fetch("select app_id, message_id from replies where phone = $1", int(stranger.removeprefix("+")))
    assert [tuple(row) for row in rows] == [(0, None)]


async def test_two_machines_that_answer_each_other_stop(customer: Customer, platform: Platform) -> None:
    to = phone()
    template = await customer.template("营业时间为早九点到晚六点。", Kind.NOTICE)
    async with platform.control() as control:
        await control.answerings.change(OPERATOR, customer.app_id, Change(keywords={"1": int(template)}))
    await customer.known()
    await platform.simulate(do="answer", phone=to, text="1")
    await customer.send_one(to)
    # The same text again within a minute is the carrier's repetition, as far as anybody can tell; later ones are bounded by the day.
    await customer.pulled(2)
    assert len(await customer.pulled(1, "PullSmsReplyStatus")) == 1
    await until(lambda: len(platform.journal.taken().get(to, ())) == 2, "both were written back to")
    async with platform.control() as control:
        answers = await control.answerings.sent(OPERATOR, customer.app_id)
    assert [answer.state for answer in answers] == ["sent"]
    await platform.simulate(do="answer", phone=to, text="")


async def test_who_leaves_is_told_so_and_heard_by_the_native_api(customer: Customer, platform: Platform) -> None:
    to = phone()
    template = await customer.template("您已退订。", Kind.NOTICE)
    async with platform.control() as control:
        await control.answerings.change(OPERATOR, customer.app_id, Change(out_template=int(template)))
    await customer.known()
    await customer.send_one(to, "marketing")
    await platform.simulate(do="reply", phone=to.removeprefix("+"), text="Stop")
    records = await customer.pulled(2)
    assert {record["ReportStatus"] for record in records} == {"SUCCESS"}
    async with platform.control() as control:
        [heard] = await control.replies.page(OPERATOR, customer.app_id, phone=int(to[1:]))
        assert (heard.text, heard.message_id is not None) == ("Stop", True)
        assert await control.replies.page(OPERATOR, customer.app_id, before_id=heard.id) == []
        [row] = await control.optouts.page(OPERATOR, customer.app_id)
        parts = [part async for part in control.optouts.hand_out(OPERATOR, customer.app_id)]
        assert await control.optouts.lift(OPERATOR, customer.app_id, [to], "asked on the phone") == 1
    assert (f"+{row.phone}", row.text, row.sign_name) == (to, "Stop", customer.tenant.sign_name)
    assert "".join(parts).splitlines()[1].startswith(f"{row.phone},Stop,{customer.tenant.sign_name},")
    assert [status["Code"] for status in await customer.send(to, "notice")] == ["Ok"]


async def test_what_is_put_off_by_hand_is_taken_back_within_a_second(customer: Customer, platform: Platform) -> None:
    to = phone()
    await platform.simulate(do="throttle", next=1000)
    await customer.send_one(to, "marketing")
    async with platform.control() as control:
        assert await control.optouts.add(OPERATOR, customer.app_id, [to]) == 1
    [record] = await customer.pulled(1)
    assert (record["ReportStatus"], record["Description"] != "") == ("FAIL", True)
    await platform.simulate(do="throttle")
    assert to not in platform.journal.taken()
