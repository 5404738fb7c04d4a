"""A message of each kind on its way from the customer's SDK to the handset and its report on the way back."""

import pytest

from hongyan.kit.db import Database
from hongyan.model.message import Kind
from hongyan.model.snapshot import Scope
from journeys.customers import CallbackServer, Customer
from journeys.platform import Platform, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

ABROAD = "+33612345678"
KINDS = ("verification", "notice", "marketing", "international")
LONG = "一次寄来的长短信会被拆成几段，每段都带着自己的序号，到手机上再合成一条；" * 4


@pytest.mark.parametrize(
    ("kind", "to"), [("verification", phone()), ("notice", phone()), ("marketing", phone()), ("international", ABROAD)], ids=KINDS
)
async def test_a_message_is_delivered_and_callback_and_pull_say_the_same(
    customer: Customer, callbacks: CallbackServer, platform: Platform, kind: str, to: str
) -> None:
    [status] = await customer.send(to, kind, SessionContext="order 7")
    assert status | {"SerialNo": ""} == {
        "SerialNo": "",
        "PhoneNumber": to,
        "Fee": 1,
        "SessionContext": "order 7",
        "Code": "Ok",
        "Message": "send success",
        "IsoCode": "FR" if kind == "international" else "CN",
    }
    await until(callbacks.reports, "the report is called back")
    [report] = callbacks.reports()
    [pulled] = await customer.pulled(1)
    nation = "33" if kind == "international" else "86"
    assert report["sid"] == pulled["SerialNo"] == status["SerialNo"]
    assert (report["report_status"], report["errmsg"], report["description"]) == ("SUCCESS", "DELIVRD", "用户短信接收成功")
    assert (pulled["ReportStatus"], pulled["Description"]) == ("SUCCESS", "DELIVRD")
    assert report["nationcode"] == pulled["CountryCode"] == nation
    assert f"+{nation}{report['mobile']}" == f"+{nation}{pulled['SubscriberNumber']}" == pulled["PhoneNumber"] == to
    assert report["ext"] == pulled["SessionContext"] == "order 7"
    [submit] = await platform.journal.written(to, int(status["SerialNo"].removeprefix("2021:")))
    assert (submit.status, submit.total) == (0, 1)


async def test_two_hundred_numbers_are_answered_in_order_and_each_is_delivered(customer: Customer) -> None:
    numbers = [phone() for _ in range(200)]
    statuses = await customer.send(numbers, "notice")
    assert [status["PhoneNumber"] for status in statuses] == numbers
    assert {status["Code"] for status in statuses} == {"Ok"}
    records = await customer.pulled(200)
    assert {record["SerialNo"] for record in records} == {status["SerialNo"] for status in statuses}
    assert {record["ReportStatus"] for record in records} == {"SUCCESS"}


async def test_a_long_message_is_three_segments_for_the_carrier_and_one_for_the_customer(
    customer: Customer, callbacks: CallbackServer, platform: Platform, database: Database
) -> None:
    to = phone()
    sent = await customer.send_one(to, "notice", params=["20260001", LONG])
    assert sent.fee == 3
    await callbacks.report_of(sent)
    [record] = await customer.pulled(1)
    assert (record["SerialNo"], record["ReportStatus"]) == (sent.serial, "SUCCESS")
    submits = await platform.journal.written(to, sent.id, segments=3)
    assert sorted((submit.segment, submit.total) for submit in submits) == [(1, 3), (2, 3), (3, 3)]
    assert len(callbacks.reports()) == 1
    async with database.connection() as conn:
        assert [row[0] for row in await conn.fetch("select charged from settlements where app_id = $1", customer.app_id)] == [3]


async def test_a_short_foreign_text_uses_the_small_alphabet_and_one_special_letter_the_large_one(customer: Customer) -> None:
    template = await customer.template("Your order {1} is on its way to {2}.", Kind.NOTICE, Scope.INTERNATIONAL)
    place = "a village with a long name " * 4
    plain = await customer.send_one(ABROAD, "international", TemplateId=template, TemplateParamSet=["7", place])
    special = await customer.send_one(ABROAD, "international", TemplateId=template, TemplateParamSet=["7", place + "(ł)"])
    assert (plain.fee, special.fee) == (1, 3)
    assert {record["SerialNo"] for record in await customer.pulled(2)} == {plain.serial, special.serial}
