"""What a customer asks for afterwards: records of a number, statistics, codes that were typed in; and where its key may be used."""

import ipaddress
import time
from typing import Any

import pytest

from acting import OPERATOR
from hongyan.doors.tencent.times import in_china
from journeys.customers import Customer
from journeys.platform import phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]


def this_hour() -> str:
    """The hour as Tencent writes it."""
    return "".join(char for char in in_china(int(time.time()))[:13] if char.isdigit())


async def records(customer: Customer, number: str) -> list[dict[str, Any]]:
    answer = await customer.sdk(
        "DescribeSendRecordList", SmsSdkAppId=str(customer.app_id), PhoneNumber=number, BeginTime=int(time.time()) - 3600
    )
    found: list[dict[str, Any]] = answer["SendRecordSet"]
    assert answer["TotalCount"] == len(found)
    return found


async def test_what_a_number_was_sent_is_listed_with_what_was_refused(customer: Customer) -> None:
    number, begun = phone(), this_hour()
    sent = await customer.send_one(number, "verification")
    [again] = await customer.send(number, "verification")
    assert again["Code"] == "LimitExceeded.PhoneNumberThirtySecondLimit"

    async def both_and_delivered() -> list[dict[str, Any]]:
        found = await records(customer, number)
        return found if [record["SendStatus"] for record in found] == [1, 2] else []

    refused, delivered = await until(both_and_delivered, "the record of both sends")
    assert (refused["RequestCode"], refused["SerialNo"], refused["Content"]) == (again["Code"], "", "")
    assert (delivered["RequestCode"], delivered["SerialNo"], delivered["StatusCode"]) == ("Ok", sent.serial, "DELIVRD")
    assert "385204" not in delivered["Content"]
    assert "3****4" in delivered["Content"]

    period = {"SmsSdkAppId": str(customer.app_id), "BeginTime": begun, "EndTime": this_hour(), "Limit": 0, "Offset": 0}
    sends = (await customer.sdk("SendStatusStatistics", **period))["SendStatusStatistics"]
    assert sends == {"RequestCount": 2, "RequestSuccessCount": 1, "FeeCount": 1}
    ends = (await customer.sdk("CallbackStatusStatistics", **period))["CallbackStatusStatistics"]
    assert (ends["RequestSuccessCount"], ends["CallbackSuccessCount"], ends["CallbackFailCount"]) == (1, 1, 0)
    told = await customer.sdk("ReportConversion", SmsSdkAppId=str(customer.app_id), SerialNo=sent.serial)
    assert told["ReportConversionStatus"] == {"Code": "OK", "Message": "success"}


async def test_a_text_each_goes_abroad(customer: Customer) -> None:
    template = customer.tenant.templates["international"]
    numbers = [f"+336{phone()[-8:]}" for _ in range(3)]
    entries = [
        {"PhoneNumber": number, "TemplateId": template.id, "TemplateParamSet": [f"10000{n}", "5"], "SessionContext": f"entry {n}"}
        for n, number in enumerate(numbers)
    ]
    answer = await customer.sdk("SendMultiGlobalSms", SmsSdkAppId=str(customer.app_id), MultiSmsInfoSet=entries)
    statuses = answer["SendMultiStatusSet"]
    assert [(status["PhoneNumber"], status["Code"], status["SessionContext"]) for status in statuses] == [
        (number, "Ok", f"entry {n}") for n, number in enumerate(numbers)
    ]


async def test_a_key_is_used_only_from_where_it_may_be(customer: Customer) -> None:
    async with customer.platform.control() as control:
        account_id = (await control.apps.get(OPERATOR, customer.app_id)).account_id
        away = await control.keys.create(OPERATOR, account_id, allow=[str(ipaddress.ip_network("192.0.2.0/24"))])
    try:
        await customer.known()
        params = {"Limit": 10, "SmsSdkAppId": str(customer.app_id)}
        order = {"endpoint": customer.platform.address, "secret_id": away.secret_id, "secret_key": away.secret_key}
        told = await customer.ask(order | {"action": "PullSmsSendStatus", "params": params})
        assert told["error"] == "UnauthorizedOperation.RequestIpNotInWhitelist"
    finally:
        async with customer.platform.control() as control:
            await control.keys.set_enabled(OPERATOR, away.secret_id, enabled=False)
