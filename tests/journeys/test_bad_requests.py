"""Requests that are wrong get the documented error, and nothing is written for them."""

import json
from typing import Any

import httpx2
import pytest

from hongyan.kit.db import Database
from journeys.customers import Customer
from journeys.platform import phone

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

HERE, ABROAD = "+8613912345678", "+33612345678"


async def rows(database: Database, customer: Customer) -> list[int]:
    async with database.connection() as conn:
        tables = ("messages", "queue", "ledger_entries", "outbox", "settlements")
        return [await conn.fetchval(f"select count(*) from {table} where app_id = $1", customer.app_id) for table in tables]


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "201 numbers": ({"PhoneNumberSet": [f"+86139{n:08d}" for n in range(201)]}, "LimitExceeded.PhoneNumberCountLimit"),
    "no number": ({"PhoneNumberSet": []}, "MissingParameter.EmptyPhoneNumberSet"),
    "numbers missing": ({"PhoneNumberSet": None}, "MissingParameter"),
    "a number, not a list": ({"PhoneNumberSet": HERE}, "InvalidParameter"),
    "a list of numbers of another type": ({"PhoneNumberSet": [8613912345678]}, "InvalidParameter"),
    "application as a number": ({"SmsSdkAppId": 1400000001}, "InvalidParameter"),
    "no such application": ({"SmsSdkAppId": "1499999999"}, "InvalidParameterValue.SdkAppIdNotExist"),
    "application of many digits": ({"SmsSdkAppId": "9" * 40}, "InvalidParameterValue.SdkAppIdNotExist"),
    "unknown field": ({"Nonsense": "1"}, "UnknownParameter"),
    "value of another type": ({"TemplateParamSet": [1, 2]}, "InvalidParameter"),
    "context too long": ({"SessionContext": "长" * 171}, "InvalidParameterValue"),
    "extension of letters": ({"ExtendCode": "ab"}, "InvalidParameterValue"),
    "NUL in a value": ({"TemplateParamSet": ["2026\x00", "x"]}, "InvalidParameter"),
    "NUL in the context": ({"SessionContext": "a\x00b"}, "InvalidParameter"),
    "NUL in the signature": ({"SignName": "\x00"}, "InvalidParameter"),
    "NUL in a number": ({"PhoneNumberSet": ["+86139\x0012345678"]}, "InvalidParameter"),
}

BY_NUMBER: dict[str, tuple[dict[str, Any], list[str]]] = {
    "mixed regions": (
        {"PhoneNumberSet": [HERE, ABROAD]},
        ["UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber"] * 2,
    ),
    "extension not switched on": ({"ExtendCode": "88"}, ["InvalidParameterValue"]),
    "nonsense number": ({"PhoneNumberSet": ["nonsense"]}, ["InvalidParameterValue.IncorrectPhoneNumber"]),
    "template that is no number": ({"TemplateId": "abc"}, ["FailedOperation.TemplateIncorrectOrUnapproved"]),
    "template of many digits": ({"TemplateId": "9" * 19}, ["FailedOperation.TemplateIncorrectOrUnapproved"]),
    "no such template": ({"TemplateId": "424242"}, ["FailedOperation.TemplateIncorrectOrUnapproved"]),
    "signature in brackets of nobody": ({"SignName": "【别人的】"}, ["FailedOperation.SignatureIncorrectOrUnapproved"]),
    "no signature at home": ({"SignName": ""}, ["FailedOperation.SignatureIncorrectOrUnapproved"]),
    "too few values": ({"TemplateParamSet": ["1"]}, ["FailedOperation.TemplateParamSetNotMatchApprovedTemplate"]),
    "a text of more than ten segments": ({"TemplateParamSet": ["1", "长" * 700]}, ["InvalidParameterValue.ContentLengthLimit"]),
    "mainland template abroad": (
        {"PhoneNumberSet": [ABROAD]},
        ["UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone"],
    ),
}

BODIES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "FailedOperation.JsonParseFail"),
    "half of it": (b'{"PhoneNumberSet": [', "FailedOperation.JsonParseFail"),
    "a list": (b"[]", "FailedOperation.FailResolvePacket"),
    "a word": (b"hello", "FailedOperation.JsonParseFail"),
    "null": (b"null", "FailedOperation.FailResolvePacket"),
    "not UTF-8": (b'{"SmsSdkAppId": "\xff\xfe"}', "FailedOperation.JsonParseFail"),
    "very deep": (b"[" * 100_000, "FailedOperation.JsonParseFail"),
    "infinity": (b'{"PhoneNumberSet": Infinity}', "FailedOperation.JsonParseFail"),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_wrong_request_is_refused_as_a_whole_and_leaves_no_row(customer: Customer, database: Database, case: str) -> None:
    wrong, code = CASES[case]
    before = await rows(database, customer)
    answer = await customer.call("SendSms", customer.request(HERE) | wrong)
    assert set(answer) == {"Error", "RequestId"}
    assert answer["Error"]["Code"] == code
    assert answer["Error"]["Message"]
    assert await rows(database, customer) == before


@pytest.mark.parametrize("case", BY_NUMBER)
async def test_a_number_that_cannot_be_sent_to_is_told_why_and_leaves_no_row(customer: Customer, database: Database, case: str) -> None:
    wrong, expected = BY_NUMBER[case]
    before = await rows(database, customer)
    answer = await customer.call("SendSms", customer.request(HERE) | wrong)
    statuses = answer["SendStatusSet"]
    assert [status["Code"] for status in statuses] == expected
    assert {(status["SerialNo"], status["Fee"]) for status in statuses} == {("", 0)}
    assert await rows(database, customer) == before


@pytest.mark.parametrize("case", BODIES)
async def test_a_body_that_is_no_request_is_refused(customer: Customer, database: Database, case: str) -> None:
    body, code = BODIES[case]
    before = await rows(database, customer)
    answer = await customer.post("SendSms", body)
    assert (answer.get("Error") or answer)["Code"] == code
    assert await rows(database, customer) == before


@pytest.mark.parametrize("field", ["SessionContext", "SignName", "ExtendCode", "SenderId", "TemplateId", "SmsSdkAppId"])
async def test_half_a_surrogate_pair_is_refused_wherever_it_stands(customer: Customer, database: Database, field: str) -> None:
    before = await rows(database, customer)
    body = json.dumps(customer.request(HERE) | {field: "\ud800"}).encode()
    assert b"\\ud800" in body
    answer = await customer.post("SendSms", body)
    assert "Ok" not in json.dumps(answer)
    assert "Internal" not in json.dumps(answer)
    assert await rows(database, customer) == before


async def test_half_a_surrogate_pair_in_a_list_is_refused(customer: Customer, database: Database) -> None:
    before = await rows(database, customer)
    for wrong in ({"TemplateParamSet": ["\udfff", "x"]}, {"PhoneNumberSet": ["\ud83d"]}):
        answer = await customer.post("SendSms", json.dumps(customer.request(HERE) | wrong).encode())
        assert "Ok" not in json.dumps(answer)
        assert "Internal" not in json.dumps(answer)
    assert await rows(database, customer) == before


async def test_more_than_ten_megabytes_are_refused_and_the_door_stays_open(customer: Customer, database: Database) -> None:
    before = await rows(database, customer)
    largest = json.dumps(customer.request(HERE) | {"SessionContext": "x" * (10 * 1024 * 1024)}).encode()
    answer = await customer.post("SendSms", largest)
    assert answer["Error"]["Code"] == "RequestSizeLimitExceeded"
    assert await rows(database, customer) == before
    assert [status["Code"] for status in await customer.submit([phone()])] == ["Ok"]


async def test_a_body_of_nearly_ten_megabytes_is_read_and_refused_for_what_it_says(customer: Customer, database: Database) -> None:
    before = await rows(database, customer)
    body = json.dumps(customer.request(HERE) | {"SessionContext": "x" * (9 * 1024 * 1024)}).encode()
    assert (await customer.post("SendSms", body))["Error"]["Code"] == "InvalidParameterValue"
    assert await rows(database, customer) == before


async def test_the_sdk_raises_the_code_of_a_refused_request(customer: Customer) -> None:
    for case in ("201 numbers", "no such application", "context too long"):
        wrong, code = CASES[case]
        assert (await customer.sdk("SendSms", **customer.request(HERE) | wrong))["error"] == code


async def test_a_request_signed_by_nobody_is_refused(customer: Customer, http: httpx2.AsyncClient) -> None:
    response = await http.post(
        f"http://{customer.platform.address}/",
        content=json.dumps(customer.request(HERE)).encode(),
        headers={"X-TC-Action": "SendSms", "X-TC-Version": "2021-01-11", "Content-Type": "application/json"},
    )
    assert response.status_code == 200
    assert response.json()["Response"]["Error"]["Code"].startswith(("AuthFailure", "MissingParameter"))
