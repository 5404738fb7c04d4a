"""How reports reach the customer: pulled once, or called back until they are taken."""

import time
from typing import Any

import pytest

from acting import OPERATOR
from hongyan.control.apps import AppChange
from hongyan.control.errors import ControlError
from hongyan.kit.db import Database
from journeys.customers import CallbackServer, Customer, Sent
from journeys.platform import Platform, all_of, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]


async def test_each_record_is_handed_out_once_however_many_pull_at_once(customer: Customer) -> None:
    numbers = [phone() for _ in range(150)]
    sent = {status["SerialNo"] for status in await customer.submit(numbers)}
    pulled: list[str] = []

    async def all_pulled() -> bool:
        request = {"SmsSdkAppId": str(customer.app_id), "Limit": 7}
        answers = await all_of(customer.call("PullSmsSendStatus", request) for _ in range(10))
        pulled.extend(record["SerialNo"] for answer in answers for record in answer["PullSmsSendStatusSet"])
        return len(pulled) >= len(sent)

    await until(all_pulled, "all 150 are pulled")
    assert sorted(pulled) == sorted(sent)
    assert await customer.pull() == []


async def test_asking_for_one_number_uses_nothing_up(customer: Customer, platform: Platform) -> None:
    mine, other = phone(), phone()
    first = await customer.send_one(mine)
    second = await customer.send_one(mine, params=["20260002", "今天"])
    await customer.send_one(other)
    await platform.simulate(do="reply", phone=mine.removeprefix("+"), text="thanks")
    begin = int(time.time()) - 60
    asked: dict[str, Any] = {"PhoneNumber": mine, "BeginTime": begin, "Offset": 0}

    async def both() -> bool:
        return len(await customer.pull("PullSmsSendStatusByPhoneNumber", **asked)) == 2

    await until(both, "both reports are there")
    for _ in range(2):
        records = await customer.pull("PullSmsSendStatusByPhoneNumber", **asked)
        assert {record["SerialNo"] for record in records} == {first.serial, second.serial}
        replies = await customer.pull("PullSmsReplyStatusByPhoneNumber", **asked)
        assert [reply["ReplyContent"] for reply in replies] == ["thanks"]
    # Nor do they take anything from the queues.
    assert len(await customer.pulled(3)) == 3
    assert len(await customer.pulled(1, "PullSmsReplyStatus")) == 1
    assert len(await customer.pull("PullSmsSendStatusByPhoneNumber", **asked)) == 2


async def test_pulling_has_to_be_switched_on(customer: Customer) -> None:
    await customer.change(pull=False)
    answer = await customer.sdk("PullSmsSendStatus", SmsSdkAppId=str(customer.app_id), Limit=10)
    assert answer["error"] == "UnsupportedOperation"


async def test_what_a_failing_server_was_told_is_told_again_when_it_has_recovered(customer: Customer, callbacks: CallbackServer) -> None:
    callbacks.sink.answer = (500, b"out of order")
    first = await customer.send_one(phone(), SessionContext="first")
    await callbacks.sink.next()
    second = await customer.send_one(phone(), SessionContext="second")
    [record] = [record for record in await customer.pulled(2) if record["SerialNo"] == first.serial]
    assert callbacks.reports() == []
    callbacks.sink.answer = (200, b'{"result":0,"errmsg":"OK"}')
    report = await callbacks.report_of(first)
    assert (report["ext"], report["report_status"], report["errmsg"]) == ("first", "SUCCESS", record["Description"])
    assert (await callbacks.report_of(second))["ext"] == "second"
    assert sorted(told["sid"] for told in callbacks.reports()) == sorted([first.serial, second.serial])


async def test_an_answer_that_is_not_result_0_means_not_taken(customer: Customer, callbacks: CallbackServer, database: Database) -> None:
    callbacks.sink.answer = (200, b'{"result":1,"errmsg":"later"}')
    sent = await customer.send_one(phone())
    await callbacks.sink.next()

    async def noted() -> bool:
        async with database.connection() as conn:
            row = await conn.fetchrow(
                "select callback, last_error from outbox where app_id = $1 and $2 = any(ids)", customer.app_id, sent.id
            )
        return row is not None and row["callback"] == 1 and bool(row["last_error"])

    await until(noted, "it is noted as not taken")


async def test_hundreds_of_reports_come_in_calls_of_at_most_a_hundred(customer: Customer, callbacks: CallbackServer) -> None:
    numbers = [phone() for _ in range(200)]
    sent = {status["SerialNo"] for status in await customer.submit(numbers)} | {
        status["SerialNo"] for status in await customer.submit([phone() for _ in range(200)], "marketing")
    }
    await until(lambda: len(callbacks.reports()) >= len(sent), "all 400 are called back")
    assert {report["sid"] for report in callbacks.reports()} == sent
    assert max(body.count(b'"sid"') for body in callbacks.sink.bodies("/reports")) <= 100


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/reports",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]:8000/",
        "http://2130706433/",
        "http://0x7f.1:8000/",
        "http://127.0.0.2:8000/",
        "file:///etc/passwd",
        "http://user:password@example.com/",
    ],
)
async def test_an_address_inside_the_network_is_refused_when_it_is_set(customer: Customer, platform: Platform, url: str) -> None:
    async with platform.control() as control:
        with pytest.raises(ControlError):
            await control.apps.change(OPERATOR, customer.app_id, AppChange(report_url=url))
        assert (await control.apps.get(OPERATOR, customer.app_id)).report_url == ""


async def test_the_timeline_tells_the_whole_story(customer: Customer, callbacks: CallbackServer, platform: Platform) -> None:
    sent: Sent = await customer.send_one(phone())
    await callbacks.report_of(sent)
    await customer.pulled(1)

    async def steps() -> list[str]:
        async with platform.control() as control:
            timeline = await control.records.timeline(OPERATOR, sent.id)
        assert timeline is not None
        return [entry.step.value for entry in timeline.entries]

    async def told() -> bool:
        return len(await steps()) >= 5

    await until(told, "five steps")
    assert await steps() == ["accepted", "submitted", "settled", "callback", "pulled"]
