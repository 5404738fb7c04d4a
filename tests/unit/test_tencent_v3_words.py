import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hongyan.doors.tencent import callbacks
from hongyan.doors.tencent_v3 import errors
from hongyan.doors.tencent_v3.errors import FAULTS, Fault
from hongyan.doors.tencent_v3.schema import Schema
from hongyan.doors.tencent_v3.words import pulling, sending
from hongyan.model import receipt_codes
from hongyan.model.callback import Recipient
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.message import Dialect, SendCommand, Status
from hongyan.model.reject import Refusal, Reject

CAPTURES = Path(__file__).parents[2] / "captures/tencent_v3"
CODES: dict[str, str] = json.loads((CAPTURES / "error_codes.json").read_text(encoding="utf-8"))
CALLBACKS = json.loads((CAPTURES / "callbacks.json").read_text(encoding="utf-8"))
OWN_FAULTS = [fault for fault in vars(errors).values() if isinstance(fault, Fault)]


def test_every_reason_has_a_word() -> None:
    assert FAULTS.keys() == set(Reject)


@pytest.mark.parametrize("fault", [*FAULTS.values(), *OWN_FAULTS], ids=lambda fault: fault.code)
def test_every_code_is_documented_and_stands_where_it_belongs(fault: Fault) -> None:
    assert CODES[fault.code] in {fault.where.value, "both"}
    assert fault.en
    assert fault.zh


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reject.PARAMS_MISMATCH, "request content does not match the template content"),
        (Reject.TEMPLATE_UNUSABLE, "template is not approved or request content does not match the approved template content"),
        (Reject.LIMIT_DAY, "the number of sms messages sent from a single mobile number every day exceeds the upper limit"),
        (Reject.LIMIT_30_SECONDS, "the number of sms messages sent from a single mobile number within 30 seconds exceeds the upper limit"),
        (Reject.LIMIT_HOUR, "the number of sms messages sent from a single mobile number within 1 hour exceeds the upper limit"),
        (Reject.SAME_CONTENT_DAY, "the number of the same sms messages sent from a single mobile number exceeds the upper limit"),
        (Reject.PARAM_FORMAT, "Verification code template parameter format error"),
        (Reject.APP_NOT_YOURS, "request SmsSdk AppId verify fail"),
    ],
)
def test_texts_of_the_real_service_are_kept_in_both_languages(reason: Reject, text: str) -> None:
    assert errors.message(FAULTS[reason], "", "zh-CN") == errors.message(FAULTS[reason], "", "en-US") == text


def test_other_texts_follow_the_language_and_end_with_the_detail() -> None:
    fault = FAULTS[Reject.NO_PACKAGE]
    assert errors.message(fault, "", "") == "套餐包余量不足，请购买套餐包"
    assert errors.message(fault, "package 7", "en-US") == "no segments are left in the packages: package 7"


def test_nulls_are_absent_fields() -> None:
    body = b'{"PhoneNumberSet": ["1"], "SmsSdkAppId": "1", "TemplateId": "2", "SignName": null, "TemplateParamSet": null}'
    read = Schema(sending.SendSms).read(None, body)
    assert isinstance(read, sending.SendSms)
    assert read.command(1, "r") == SendCommand(
        app_id=1, template_id=2, phones=("1",), dialect=Dialect.TENCENT_V3, request_id="r", of_proof=True
    )


@pytest.mark.parametrize("template_id", ["abc", "", "-1", "١", "9" * 20])
def test_a_template_id_is_decimal(template_id: str) -> None:
    refusal = sending.SendSms(phone_number_set=["1"], sms_sdk_app_id="1", template_id=template_id).command(1, "")
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reject.TEMPLATE_UNUSABLE


@pytest.mark.parametrize(
    ("body", "code", "detail"),
    [
        (b"", "FailedOperation.JsonParseFail", ""),
        (b"{", "FailedOperation.JsonParseFail", ""),
        (b'{"Limit": 1, "SmsSdkAppId": "\xff"}', "FailedOperation.JsonParseFail", ""),
        (b'{"x": ' + b"[" * 100_000, "FailedOperation.JsonParseFail", ""),
        (b"[]", "FailedOperation.FailResolvePacket", ""),
        (b"{}", "MissingParameter", "Limit"),
        (b'{"Limit": null, "SmsSdkAppId": "1"}', "MissingParameter", "Limit"),
        (b'{"Limit": 1, "SmsSdkAppId": "1", "Foo": 1}', "UnknownParameter", "Foo"),
        (b'{"Limit": "1", "SmsSdkAppId": "1"}', "InvalidParameter", "Limit must be an integer"),
        (b'{"Limit": true, "SmsSdkAppId": "1"}', "InvalidParameter", "Limit must be an integer"),
        (b'{"Limit": 1.5, "SmsSdkAppId": "1"}', "InvalidParameter", "Limit must be an integer"),
        (b'{"Limit": 1, "SmsSdkAppId": 1400000001}', "InvalidParameter", "SmsSdkAppId must be a string"),
    ],
)
def test_an_unreadable_body_is_told_what_is_wrong(body: bytes, code: str, detail: str) -> None:
    failure = Schema(pulling.PullQueue).read(None, body)
    assert isinstance(failure, errors.Failure)
    assert (failure.fault.code, failure.detail) == (code, detail)


@pytest.mark.parametrize("value", ['"+8613800000000"', "[1]", "[null]", "{}", "1"])
def test_a_list_of_numbers_is_a_list_of_strings(value: str) -> None:
    failure = Schema(sending.DescribePhoneNumberInfo).read(None, b'{"PhoneNumberSet": %b}' % value.encode())
    assert isinstance(failure, errors.Failure)
    assert (failure.fault.code, failure.detail) == ("InvalidParameter", "PhoneNumberSet must be a list of strings")


def test_integers_in_a_form_are_text() -> None:
    assert Schema(pulling.PullQueue).read({"Limit": "10", "SmsSdkAppId": "1"}, b"") == pulling.PullQueue(limit=10, sms_sdk_app_id="1")
    failure = Schema(pulling.PullQueue).read({"Limit": "ten", "SmsSdkAppId": "1"}, b"")
    assert isinstance(failure, errors.Failure)
    assert failure.detail == "Limit must be an integer"


def test_lists_in_a_form_keep_the_order_of_their_numbers() -> None:
    form = {f"PhoneNumberSet.{at}": str(at) for at in (10, 2, 0, 1)}
    assert Schema(sending.DescribePhoneNumberInfo).read(form, b"") == sending.DescribePhoneNumberInfo(
        phone_number_set=["0", "1", "2", "10"]
    )


def report(**more: Any) -> ReportEvent:
    given: dict[str, Any] = {
        "app_id": 1,
        "event_id": 1,
        "message_id": 5231907345678,
        "phone": 8618501234444,
        "country_code": 86,
        "status": Status.DELIVERED,
        "code": "DELIVRD",
        "at": 1620734188.9,
        "session_context": "",
        "dialect": Dialect.TENCENT_V3,
    }
    return ReportEvent(**(given | more))


REPLY = ReplyEvent(1, 1, 8618501234444, 86, "腾讯云", "11", "T", 1620734188.2, Dialect.TENCENT_V3)


def test_callback_bodies_are_those_of_the_document() -> None:
    failed = report(message_id=5231907345679, phone=85251234567, country_code=852, status=Status.FAILED, code="MK:0001")
    recipient = Recipient("https://sms.example.com/reports", 0.0)
    [told] = callbacks.reports(recipient, [report(session_context="order-1"), failed])
    assert (told.url, told.body.decode(), told.through) == (recipient.url, CALLBACKS["reports"], 2)
    [told] = callbacks.reply(recipient, REPLY)
    assert (told.url, told.body.decode(), told.through) == (recipient.url, CALLBACKS["reply"], 1)


def test_every_receipt_code_is_described() -> None:
    categories = receipt_codes.categories()
    assert len(categories) > 1900
    assert set(categories.values()) <= callbacks.CATEGORIES.keys()
    assert callbacks.describe(report(status=Status.FAILED, code="no such code")) == "其他错误"


@pytest.mark.parametrize(
    ("status", "word"),
    [(Status.DELIVERED, "DELIVRD"), (Status.FAILED, "UNDELIV"), (Status.EXPIRED, "EXPIRED"), (Status.UNKNOWN, "UNKNOWN")],
)
def test_a_report_without_the_carriers_word_gets_one(status: Status, word: str) -> None:
    assert pulling.send_report(report(status=status, code="")).description == word


def test_pulled_reports_and_replies_are_those_of_the_document() -> None:
    assert msgspec.to_builtins(pulling.send_report(report(session_context="x"))) == {
        "UserReceiveTime": 1620734188,
        "CountryCode": "86",
        "SubscriberNumber": "18501234444",
        "PhoneNumber": "+8618501234444",
        "SerialNo": "2021:5231907345678",
        "ReportStatus": "SUCCESS",
        "Description": "DELIVRD",
        "SessionContext": "x",
    }
    assert msgspec.to_builtins(pulling.reply(REPLY)) == {
        "ExtendCode": "11",
        "CountryCode": "86",
        "PhoneNumber": "+8618501234444",
        "SignName": "腾讯云",
        "ReplyContent": "T",
        "ReplyTime": 1620734188,
        "SubscriberNumber": "18501234444",
    }


@pytest.mark.parametrize(
    ("status", "body", "taken"),
    [
        (200, b'{"result":0,"errmsg":"OK"}', True),
        (200, b'{"result": 0}', True),
        (204, b'{"result":0}', False),
        (500, b'{"result":0}', False),
        (200, b'{"result":1}', False),
        (200, b'{"result":false}', False),
        (200, b'{"errmsg":"OK"}', False),
        (200, b"OK", False),
        (200, b"", False),
        (200, b'"\xff"', False),
        (200, b"[" * 100_000, False),
    ],
)
def test_a_callback_is_taken_when_the_customer_says_so(status: int, body: bytes, taken: bool) -> None:
    assert callbacks.taken(status, body) is taken
