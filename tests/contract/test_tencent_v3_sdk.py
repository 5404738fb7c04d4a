"""The official Python SDK, unmodified and in its own environment, against the door on a loopback socket."""

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contract.asking import ROOT, WAYS, Ask, customer
from hongyan.doors.tencent_v3.routes import TencentV3Door
from hongyan.model.actor import Actor
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.limits import Limits
from hongyan.model.message import Accepted, Caller, Dialect, Outcome, Refused, SendCommand, Status
from hongyan.model.phone import parse
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import EMPTY, Account, AccountKind, ApiKey, App, Snapshot
from hongyan.model.statistics import Attempted, EndCount, Ended, PackageCount, SendCount

NOTHING: Any = None
"""The papers are real ones, in test_tencent_v3_papers."""
APP_ID = 1400006666
KEY = ApiKey(secret_id="AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", secret_key="Gu5t9xGARNpq86cd98joQYCN3EXAMPLE", account_id=1, enabled=True)
SEND = {
    "PhoneNumberSet": ["+8618501234444"],
    "SmsSdkAppId": str(APP_ID),
    "TemplateId": "1110",
    "SignName": "腾讯云",
    "TemplateParamSet": ["4370", "a b+c&d=é"],
}
PULL = {"SmsSdkAppId": str(APP_ID), "Limit": 10}


class Memory:
    """The platform behind the door, as far as the wire can tell: it refuses the number ending in 9 and remembers commands."""

    def __init__(self) -> None:
        app = App(
            id=APP_ID,
            account_id=1,
            name="app",
            app_key="",
            enabled=True,
            limits=Limits(),
            unlimited_phones=frozenset(),
            pull=True,
            report_url="",
            reply_url="",
            context_in_reports=True,
            sender_id="",
            extend_allowed=False,
        )
        self.snapshot = Snapshot(
            version=1,
            accounts={1: Account(id=1, name="one", kind=AccountKind.ENTERPRISE, enabled=True)},
            keys={KEY.secret_id: KEY},
            apps={APP_ID: app},
            signatures=EMPTY.signatures,
            templates=EMPTY.templates,
            packages=EMPTY.packages,
            links=EMPTY.links,
        )
        self.commands: list[SendCommand] = []

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        assert caller == Caller(account_id=1, key_id=KEY.secret_id)
        if len(command.phones) > 200:
            return Refusal(Reject.TOO_MANY_NUMBERS, f"{len(command.phones)} were given")
        self.commands.append(command)
        return [self._outcome(raw) for raw in command.phones]

    def _outcome(self, raw: str) -> Outcome:
        phone = parse(raw)
        if phone is None:
            return Refused(raw, "", Reject.BAD_NUMBER)
        if raw.endswith("9"):
            return Refused(f"+{phone.number}", phone.region, Reject.LIMIT_DAY)
        return Accepted(message_id=42, phone=phone.number, region=phone.region, segments=1)

    def used(self, secret_id: str, address: str) -> None:
        assert (secret_id, address) == (KEY.secret_id, "127.0.0.1")

    async def admit(self, account_id: int, action: str, rate: int) -> bool:
        return (account_id, rate > 0, bool(action)) == (1, True, True)

    async def sends(self, actor: Actor, app_id: int, begin: float, end: float) -> SendCount:
        assert (actor.account_id, app_id, end - begin) == (1, APP_ID, 7200)
        return SendCount(numbers=3, accepted=2, segments=5)

    async def ends(self, actor: Actor, app_id: int, begin: float, end: float) -> EndCount:
        assert (actor.account_id, app_id, end - begin) == (1, APP_ID, 7200)
        return EndCount(2, (Ended(Status.DELIVERED, "DELIVRD", 1), Ended(Status.FAILED, "MI:0012", 1)))

    async def packages(self, actor: Actor, app_id: int, *, begin: float, end: float | None, offset: int, most: int) -> list[PackageCount]:
        assert (actor.account_id, app_id, offset, most) == (1, APP_ID, 0, 10)
        assert end is None or begin < end
        return [PackageCount(9, segments=1000, gone=7, gift=False, created_at=1.7e9, effective_at=1.7e9, expires_at=1.8e9)]

    async def to_number(self, actor: Actor, app_id: int, phone: int, begin: float, end: float) -> list[Attempted]:
        assert (actor.account_id, app_id, phone, begin < end) == (1, APP_ID, 8618501234444, True)
        return [Attempted(42, "CN", begin, None, "验证码4370", 1, Status.DELIVERED, "DELIVRD", begin + 1)]

    async def convert(self, actor: Actor, app_id: int, message_id: int, at: float | None = None) -> None:
        assert (actor.account_id, app_id, message_id, at) == (1, APP_ID, 42, None)

    async def reports(self, app_id: int, limit: int) -> list[ReportEvent]:
        return [ReportEvent(app_id, 1, 42, 8618501234444, 86, Status.DELIVERED, "DELIVRD", time.time(), "ctx", Dialect.TENCENT_V3)][:limit]

    async def replies(self, app_id: int, limit: int) -> list[ReplyEvent]:
        return [ReplyEvent(app_id, 2, 8618501234444, 86, "腾讯云", "11", "退订", time.time(), Dialect.TENCENT_V3)][:limit]

    async def reports_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReportEvent]:
        return [report for report in await self.reports(app_id, limit) if report.phone == phone and begin <= end]

    async def replies_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReplyEvent]:
        return [reply for reply in await self.replies(app_id, limit) if reply.phone == phone and begin <= end]


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
async def sdk(memory: Memory) -> AsyncIterator[Ask]:
    door = TencentV3Door(
        directory=memory,
        send=memory,
        pulls=memory,
        counts=memory,
        papers=NOTHING,
        rates=memory,
        used=memory.used,
        clock=time.time,
    )
    async with customer(door, secret_id=KEY.secret_id, secret_key=KEY.secret_key) as ask:
        yield ask


async def test_every_way_the_sdk_can_sign_is_taken(sdk: Ask, memory: Memory) -> None:
    ways: list[dict[str, Any]] = [
        {"method": method, "sign_method": sign_method}
        for method in ("POST", "GET")
        for sign_method in ("TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256")
    ]
    ways += [{"unsigned_payload": True}, {"region": ""}, {"language": "en-US"}]
    results = await sdk(*({"action": "SendSms", "params": SEND} | way for way in ways))
    assert [result.get("ok", result) for result in results] == [
        {
            "SendStatusSet": [
                {
                    "SerialNo": "2021:42",
                    "PhoneNumber": "+8618501234444",
                    "Fee": 1,
                    "SessionContext": "",
                    "Code": "Ok",
                    "Message": "send success",
                    "IsoCode": "CN",
                }
            ],
            "RequestId": result["ok"]["RequestId"],
        }
        for result in results
    ]
    assert len(memory.commands) == len(ways)
    assert {(command.sign_name, command.params, command.template_id) for command in memory.commands} == {
        ("腾讯云", ("4370", "a b+c&d=é"), 1110)
    }


async def test_numbers_are_answered_one_by_one(sdk: Ask) -> None:
    numbers = {"PhoneNumberSet": ["+8618501234444", "+8618501234449", "nonsense"], "SessionContext": "order 7"}
    [result] = await sdk({"action": "SendSms", "params": SEND | numbers})
    statuses = result["ok"]["SendStatusSet"]
    assert [(status["PhoneNumber"], status["Code"], status["Fee"], status["SerialNo"], status["IsoCode"]) for status in statuses] == [
        ("+8618501234444", "Ok", 1, "2021:42", "CN"),
        ("+8618501234449", "LimitExceeded.PhoneNumberDailyLimit", 0, "", "CN"),
        ("nonsense", "InvalidParameterValue.IncorrectPhoneNumber", 0, "", ""),
    ]
    assert {status["SessionContext"] for status in statuses} == {"order 7"}


async def test_errors_are_raised_with_their_codes(sdk: Ask) -> None:
    cases: dict[str, dict[str, Any]] = {
        "AuthFailure.SignatureFailure": {"secret_key": "wrong"},
        "AuthFailure.SecretIdNotFound": {"secret_id": "AKIDnobody"},
        "AuthFailure.TokenFailure": {"token": "temporary"},
        "LimitExceeded.PhoneNumberCountLimit": {"params": SEND | {"PhoneNumberSet": ["+8618501234444"] * 201}},
        "InvalidParameterValue.SdkAppIdNotExist": {"params": SEND | {"SmsSdkAppId": "abc"}},
        "MissingParameter": {"params": {"SmsSdkAppId": str(APP_ID)}},
        "InvalidParameter": {"params": SEND | {"SmsSdkAppId": APP_ID}},
        "InvalidParameterValue": {"action": "ReportConversion", "params": {"SmsSdkAppId": str(APP_ID), "SerialNo": "x"}},
        "InvalidParameterValue.LimitVerifyFail": {"action": "PullSmsSendStatus", "params": PULL | {"Limit": 101}},
    }
    results = await sdk(*({"action": "SendSms", "params": SEND} | case for case in cases.values()))
    assert [result.get("error", result) for result in results] == list(cases)
    assert results[0]["message"] == "The provided credentials could not be validated. Please check your signature is correct."


async def test_a_wrong_key_is_refused_however_it_signs(sdk: Ask) -> None:
    ways = [(method, sign_method) for method in ("POST", "GET") for sign_method in ("TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256")]
    wrong = {"action": "SendSms", "params": SEND, "secret_key": "wrong"}
    results = await sdk(*(wrong | {"method": method, "sign_method": sign_method} for method, sign_method in ways))
    assert {result.get("error") for result in results} == {"AuthFailure.SignatureFailure"}


OLDER_PULL = {"SmsSdkAppid": str(APP_ID), "Limit": 10}


async def test_the_older_version_sends(sdk: Ask, memory: Memory) -> None:
    params = {
        "PhoneNumberSet": ["+8618501234444"],
        "TemplateID": "1110",
        "SmsSdkAppid": str(APP_ID),
        "Sign": "腾讯云",
        "TemplateParamSet": ["1", "2"],
        "SessionContext": "order 7",
    }
    order = {"action": "SendSms", "version": "v20190711", "params": params}
    results = await sdk(*(order | {"method": method, "sign_method": sign_method} for method, sign_method in WAYS))
    for result in results:
        [status] = result["ok"]["SendStatusSet"]
        assert (status["Code"], status["SerialNo"], status["Fee"], status["SessionContext"]) == ("Ok", "2021:42", 1, "order 7")
    assert len({(command.sign_name, command.params, command.template_id) for command in memory.commands}) == 1


async def test_the_older_version_pulls(sdk: Ask) -> None:
    number = OLDER_PULL | {"PhoneNumber": "+8618501234444", "SendDateTime": int(time.time()) - 60, "Offset": 0}
    orders = [
        {"action": "PullSmsSendStatus", "params": OLDER_PULL},
        {"action": "PullSmsSendStatusByPhoneNumber", "params": number | {"EndDateTime": int(time.time())}},
        {"action": "PullSmsReplyStatus", "params": OLDER_PULL},
        {"action": "PullSmsReplyStatusByPhoneNumber", "params": number},
    ]
    results = await sdk(*(order | {"version": "v20190711"} for order in orders))
    reports = [result["ok"]["PullSmsSendStatusSet"][0] for result in results[:2]]
    replies = [result["ok"]["PullSmsReplyStatusSet"][0] for result in results[2:]]
    assert all((report["PurePhoneNumber"], report["PhoneNumber"]) == ("+8618501234444", "18501234444") for report in reports)
    assert all((reply["ReplyContent"], reply["Sign"], reply["NationCode"]) == ("退订", "腾讯云", "86") for reply in replies)
    assert all(value is not None for item in reports + replies for value in item.values())


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_numbers_abroad_are_sent_a_text_each(sdk: Ask, memory: Memory, method: str) -> None:
    entries = [
        {"PhoneNumber": "+60123456781", "TemplateId": "7", "TemplateParamSet": ["a", "b"], "SessionContext": "first"},
        {"PhoneNumber": "+60123456789", "TemplateId": "8", "SenderId": "Shop"},
    ]
    order = {"action": "SendMultiGlobalSms", "params": {"SmsSdkAppId": str(APP_ID), "MultiSmsInfoSet": entries}}
    [result] = await sdk(order | {"method": method})
    told = [(status["PhoneNumber"], status["Code"], status["SessionContext"]) for status in result["ok"]["SendMultiStatusSet"]]
    assert told == [("+60123456781", "Ok", "first"), ("+60123456789", "LimitExceeded.PhoneNumberDailyLimit", "")]
    assert all(value is not None for status in result["ok"]["SendMultiStatusSet"] for value in status.values())
    assert {(command.template_id, command.params, command.sender_id) for command in memory.commands} == {
        (7, ("a", "b"), ""),
        (8, (), "Shop"),
    }


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_reports_and_replies_are_pulled(sdk: Ask, method: str) -> None:
    number = PULL | {"PhoneNumber": "+8618501234444", "BeginTime": int(time.time()) - 60, "Offset": 0}
    orders = [
        {"action": "PullSmsSendStatus", "params": PULL},
        {"action": "PullSmsSendStatusByPhoneNumber", "params": number | {"EndTime": int(time.time())}},
        {"action": "PullSmsReplyStatus", "params": PULL},
        {"action": "PullSmsReplyStatusByPhoneNumber", "params": number},
    ]
    results = await sdk(*(order | {"method": method} for order in orders))
    reports = [result["ok"]["PullSmsSendStatusSet"][0] for result in results[:2]]
    replies = [result["ok"]["PullSmsReplyStatusSet"][0] for result in results[2:]]
    assert all(
        (report["SerialNo"], report["ReportStatus"], report["Description"]) == ("2021:42", "SUCCESS", "DELIVRD") for report in reports
    )
    assert all((reply["ReplyContent"], reply["ExtendCode"], reply["SignName"]) == ("退订", "11", "腾讯云") for reply in replies)
    assert all(value is not None for item in reports + replies for value in item.values())


async def test_numbers_are_described(sdk: Ask) -> None:
    [result] = await sdk({"action": "DescribePhoneNumberInfo", "params": {"PhoneNumberSet": ["+86018501234444", "+85251234567"]}})
    told = [(info["Code"], info["PhoneNumber"], info["NationCode"], info["IsoName"]) for info in result["ok"]["PhoneNumberInfoSet"]]
    assert told == [("Ok", "+8618501234444", "86", "China"), ("Ok", "+85251234567", "852", "Hong Kong")]


HOURS = {"BeginTime": "2026112200", "EndTime": "2026112201", "Limit": 0, "Offset": 0}
OLDER_HOURS = {"StartDateTime": 2026112200, "EndDataTime": 2026112201, "Limit": 0, "Offset": 0}


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_statistics_are_told_in_both_versions(sdk: Ask, method: str) -> None:
    app, older_app = {"SmsSdkAppId": str(APP_ID)}, {"SmsSdkAppid": str(APP_ID)}
    packages = {"Limit": 10, "Offset": 0}
    period = {"BeginTime": "2025010100", "EndTime": "2026010100"}
    orders: list[dict[str, Any]] = [
        {"action": "SendStatusStatistics", "params": app | HOURS},
        {"action": "SendStatusStatistics", "params": older_app | OLDER_HOURS, "version": "v20190711"},
        {"action": "CallbackStatusStatistics", "params": app | HOURS},
        {"action": "CallbackStatusStatistics", "params": older_app | OLDER_HOURS, "version": "v20190711"},
        {"action": "SmsPackagesStatistics", "params": app | packages | period},
        {"action": "SmsPackagesStatistics", "params": older_app | packages, "version": "v20190711"},
    ]
    told = [result["ok"] for result in await sdk(*(order | {"method": method} for order in orders))]
    assert [each["SendStatusStatistics"] for each in told[:2]] == [{"FeeCount": 5, "RequestCount": 3, "RequestSuccessCount": 2}] * 2
    assert [each["CallbackStatusStatistics"]["ShutdownErrorCount"] for each in told[2:4]] == [1, 1]
    newer, older = (each["SmsPackagesStatisticsSet"][0] for each in told[4:])
    assert (newer["PackageAmount"], newer["PackageType"], newer["PackageCreateTime"]) == (1000, 1, 1_700_000_000)
    assert (older["AmountOfPackage"], older["TypeOfPackage"], older["PackageCreateTime"]) == (1000, 1, "2023-11-15 06:13:20")
    assert all(value is not None for package in (newer, older) for value in package.values())


async def test_a_code_that_was_typed_in_is_reported(sdk: Ask) -> None:
    [result] = await sdk({"action": "ReportConversion", "params": {"SmsSdkAppId": str(APP_ID), "SerialNo": "2021:42"}})
    assert result["ok"]["ReportConversionStatus"] == {"Code": "OK", "Message": "success"}


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_records_of_a_number_are_told(sdk: Ask, method: str) -> None:
    params = {"SmsSdkAppId": str(APP_ID), "PhoneNumber": "+8618501234444", "BeginTime": int(time.time()) - 60}
    [result] = await sdk({"action": "DescribeSendRecordList", "params": params, "method": method})
    [record] = result["ok"]["SendRecordSet"]
    assert result["ok"]["TotalCount"] == 1
    assert (record["SerialNo"], record["SendStatus"], record["Content"]) == ("2021:42", 2, "验证码4****0")


def test_every_action_of_the_sdk_is_asked_for_by_some_test() -> None:
    asked = {"DescribeSendRecordList"} | {
        name.removesuffix("Request")
        for models in (ROOT / ".venv-sdk").glob("lib/python3*/site-packages/tencentcloud/sms/v*/models.py")
        for name in re.findall(r"^class (\w+Request)\(", models.read_text(encoding="utf-8"), re.MULTILINE)
    }
    texts = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_tencent_v3*.py"))
    assert {name for name in asked if f'"{name}"' not in texts} == set()
    assert len(asked) == 20
