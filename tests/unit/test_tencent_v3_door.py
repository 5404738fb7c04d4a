import base64
import hmac
import json
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hongyan.doors.tencent_v3.acts.context import Context
from hongyan.doors.tencent_v3.acts.sends import SendActs
from hongyan.doors.tencent_v3.errors import Failure
from hongyan.doors.tencent_v3.routes import TencentV3Door
from hongyan.doors.tencent_v3.schema import Schema
from hongyan.doors.tencent_v3.words.sending import SendMultiGlobalSms
from hongyan.kit.door import Request
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.limits import Limits
from hongyan.model.message import Accepted, Caller, Dialect, Outcome, Refused, SendCommand, Status
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import EMPTY, Account, AccountKind, ApiKey, App, Snapshot

CAPTURES = Path(__file__).parents[2] / "captures/tencent_v3"
VECTORS = {vector["name"]: vector for vector in json.loads((CAPTURES / "signatures.json").read_text(encoding="utf-8"))}
GOLDEN = json.loads((CAPTURES / "send_sms.json").read_text(encoding="utf-8"))
VECTOR = VECTORS[GOLDEN["vector"]]
NOW = VECTOR["now"]
DAY = 86_400
REPORT = ReportEvent(1400006666, 1, 7, 8618501234444, 86, Status.DELIVERED, "DELIVRD", NOW, "", Dialect.TENCENT_V3)
REPLY = ReplyEvent(1400006666, 2, 8618501234444, 86, "腾讯云", "11", "T", NOW, Dialect.TENCENT_V3)


def app(app_id: int, *, account_id: int = 1, enabled: bool = True, pull: bool = True) -> App:
    return App(
        id=app_id,
        account_id=account_id,
        name="app",
        app_key="",
        enabled=enabled,
        limits=Limits(),
        unlimited_phones=frozenset(),
        pull=pull,
        report_url="",
        reply_url="",
        context_in_reports=False,
        sender_id="",
        extend_allowed=False,
    )


class Directory:
    def __init__(self) -> None:
        apps = (app(1400006666), app(2, account_id=9), app(3, enabled=False), app(4, pull=False))
        self.snapshot = Snapshot(
            version=1,
            accounts={1: Account(id=1, name="one", kind=AccountKind.ENTERPRISE, enabled=True)},
            keys={VECTOR["secret_id"]: ApiKey(VECTOR["secret_id"], VECTOR["secret_key"], 1, enabled=True)},
            apps={each.id: each for each in apps},
            signatures=EMPTY.signatures,
            templates=EMPTY.templates,
            packages=EMPTY.packages,
            links=EMPTY.links,
        )


class Answers:
    """Takes every send with one answer, and hands out what it is given."""

    def __init__(self, answer: Callable[[SendCommand], list[Outcome] | Refusal]) -> None:
        self._answer = answer
        self.asked: list[tuple[Any, ...]] = []

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        self.asked.append((caller, command))
        return self._answer(command)

    async def reports(self, app_id: int, limit: int) -> list[ReportEvent]:
        self.asked.append((app_id, limit))
        return [REPORT]

    async def replies(self, app_id: int, limit: int) -> list[ReplyEvent]:
        self.asked.append((app_id, limit))
        return [REPLY]

    async def reports_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReportEvent]:
        self.asked.append((app_id, phone, begin, end, limit))
        return [REPORT]

    async def replies_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReplyEvent]:
        self.asked.append((app_id, phone, begin, end, limit))
        return [REPLY]


def accept_all(command: SendCommand) -> list[Outcome] | Refusal:
    return [Accepted(message_id=100 + at, phone=8613800000000, region="CN", segments=2) for at, _ in enumerate(command.phones)]


def door(answer: Callable[[SendCommand], list[Outcome] | Refusal] = accept_all) -> tuple[TencentV3Door, Answers]:
    answers = Answers(answer)
    return TencentV3Door(directory=Directory(), send=answers, pulls=answers, clock=lambda: float(NOW)), answers


def request(
    method: str = "POST", *, query: bytes = b"", headers: dict[bytes, bytes] | None = None, body: bytes = b"", too_large: bool = False
) -> Request:
    return Request(method, "/", query, headers or {}, body, "127.0.0.1", too_large, GOLDEN["request_id"])


def signed(action: str = "SendSms", version: str = "2021-01-11", **params: str) -> Request:
    """A request with a v1 signature, the shortest to write."""
    params |= {"Action": action, "Version": version, "Nonce": "1", "Timestamp": str(NOW), "SecretId": VECTOR["secret_id"]}
    source = "POSTh/?" + "&".join(f"{name}={params[name]}" for name in sorted(params))
    params["Signature"] = base64.b64encode(hmac.digest(VECTOR["secret_key"].encode(), source.encode(), "sha1")).decode()
    headers = {b"host": b"h", b"content-type": b"application/x-www-form-urlencoded"}
    return request(headers=headers, body=urllib.parse.urlencode(params).encode())


async def ask(asked: Request, answer: Callable[[SendCommand], list[Outcome] | Refusal] = accept_all) -> dict[str, Any]:
    response = await door(answer)[0](asked)
    assert (response.status, response.content_type, response.headers) == (200, b"application/json", ())
    told: dict[str, Any] = json.loads(response.body)["Response"]
    assert told["RequestId"] == GOLDEN["request_id"]
    return told


async def error(asked: Request, answer: Callable[[SendCommand], list[Outcome] | Refusal] = accept_all) -> str:
    told = await ask(asked, answer)
    assert told.keys() == {"Error", "RequestId"}
    assert told["Error"].keys() == {"Code", "Message"}
    return str(told["Error"]["Code"])


SEND = {"PhoneNumberSet.0": "13800000000", "SmsSdkAppId": "1400006666", "TemplateId": "1"}
PULL = {"SmsSdkAppId": "1400006666", "Limit": "100"}
PULL_NUMBER = PULL | {"PhoneNumber": "+8618501234444", "BeginTime": str(NOW - DAY), "Offset": "0"}


async def test_the_sdks_own_request_is_answered_byte_for_byte() -> None:
    headers = {name.encode(): value.encode() for name, value in VECTOR["headers"].items()}
    asked = request(headers=headers, body=VECTOR["body"].encode())
    response = await door(lambda _: [Accepted(**GOLDEN["accepted"])])[0](asked)
    assert response.body.decode() == GOLDEN["answer"]


async def test_a_send_carries_every_field_into_the_command() -> None:
    opened, answers = door()
    optional = {
        "SignName": "腾讯云",
        "TemplateParamSet.0": "1",
        "TemplateParamSet.1": "2",
        "ExtendCode": "11",
        "SessionContext": "c",
        "SenderId": "s",
    }
    await opened(signed(**SEND, **optional))
    command = SendCommand(
        app_id=1400006666,
        template_id=1,
        phones=("13800000000",),
        dialect=Dialect.TENCENT_V3,
        sign_name="腾讯云",
        params=("1", "2"),
        session_context="c",
        extend="11",
        sender_id="s",
        request_id=GOLDEN["request_id"],
    )
    assert answers.asked == [(Caller(account_id=1, key_id=VECTOR["secret_id"]), command)]


async def test_every_number_has_its_status_in_order() -> None:
    outcomes: list[Outcome] = [
        Accepted(message_id=100, phone=8613800000000, region="CN", segments=2),
        Refused(phone="+8613800000001", region="CN", reason=Reject.LIMIT_DAY),
        Refused(phone="nonsense", region="", reason=Reject.BAD_NUMBER, detail="write it as +<country code><number>"),
    ]
    told = await ask(signed(**SEND, SessionContext="ctx", Language="en-US"), lambda _: outcomes)
    common = {"SessionContext": "ctx"}
    assert told["SendStatusSet"] == [
        common
        | {"SerialNo": "2021:100", "PhoneNumber": "+8613800000000", "Fee": 2, "Code": "Ok", "Message": "send success", "IsoCode": "CN"},
        common
        | {
            "SerialNo": "",
            "PhoneNumber": "+8613800000001",
            "Fee": 0,
            "Code": "LimitExceeded.PhoneNumberDailyLimit",
            "IsoCode": "CN",
            "Message": "the number of sms messages sent from a single mobile number every day exceeds the upper limit",
        },
        common
        | {
            "SerialNo": "",
            "PhoneNumber": "nonsense",
            "Fee": 0,
            "Code": "InvalidParameterValue.IncorrectPhoneNumber",
            "IsoCode": "",
            "Message": "the phone number is malformed: write it as +<country code><number>",
        },
    ]


async def test_a_refusal_that_belongs_to_numbers_is_told_for_each() -> None:
    numbers = {"PhoneNumberSet.0": "13800000000", "PhoneNumberSet.1": "+12025550123", "PhoneNumberSet.2": "x"}
    told = await ask(signed(**SEND | numbers), lambda _: Refusal(Reject.MIXED_REGIONS))
    assert {status["Code"] for status in told["SendStatusSet"]} == {"UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber"}
    assert [status["PhoneNumber"] for status in told["SendStatusSet"]] == ["+8613800000000", "+12025550123", "x"]
    assert [status["IsoCode"] for status in told["SendStatusSet"]] == ["CN", "US", ""]


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reject.TOO_MANY_NUMBERS, "LimitExceeded.PhoneNumberCountLimit"),
        (Reject.TOO_BUSY, "RequestLimitExceeded"),
        (Reject.APP_NOT_YOURS, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
    ],
)
async def test_a_refusal_of_the_request_is_an_error(reason: Reject, code: str) -> None:
    assert await error(signed(**SEND), lambda _: Refusal(reason)) == code


async def test_a_template_id_that_is_no_number_is_told_for_each_number() -> None:
    told = await ask(signed(**SEND | {"TemplateId": "abc"}))
    assert [status["Code"] for status in told["SendStatusSet"]] == ["FailedOperation.TemplateIncorrectOrUnapproved"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (request("PUT"), "UnsupportedProtocol"),
        (request("HEAD"), "UnsupportedProtocol"),
        (request(too_large=True), "RequestSizeLimitExceeded"),
        (request(), "AuthFailure.InvalidAuthorization"),
        (signed(""), "MissingParameter"),
        (signed(version=""), "MissingParameter"),
        (signed(version="2017-03-12"), "NoSuchVersion"),
        (signed("SendFax"), "InvalidAction"),
        (signed("sendsms"), "InvalidAction"),
        (signed("AddSmsSign"), "ActionOffline"),
        (signed("DescribePhoneNumberInfo", "2019-07-11"), "InvalidAction"),
        (signed("SendCodeVoice", "2020-09-02"), "ActionOffline"),
        (signed("SendSms", "2020-09-02"), "InvalidAction"),
        (signed(**SEND, Foo="1"), "UnknownParameter"),
        (signed(SmsSdkAppId="1400006666", TemplateId="1"), "MissingParameter"),
        (signed(**SEND | {"SmsSdkAppId": "app"}), "InvalidParameterValue.SdkAppIdNotExist"),
        (signed("DescribePhoneNumberInfo", **{f"PhoneNumberSet.{at}": "1" for at in range(201)}), "LimitExceeded.PhoneNumberCountLimit"),
    ],
)
async def test_a_wrong_request_gets_its_documented_code(asked: Request, code: str) -> None:
    assert await error(asked) == code


@pytest.mark.parametrize("action", ["PullSmsSendStatus", "PullSmsReplyStatus"])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SmsSdkAppId": "5"}, "InvalidParameterValue.SdkAppIdNotExist"),
        ({"SmsSdkAppId": "x"}, "InvalidParameterValue.SdkAppIdNotExist"),
        ({"SmsSdkAppId": "2"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
        ({"SmsSdkAppId": "3"}, "UnauthorizedOperation.SdkAppIdIsDisabled"),
        ({"SmsSdkAppId": "4"}, "UnsupportedOperation"),
        ({"Limit": "0"}, "InvalidParameterValue.LimitVerifyFail"),
        ({"Limit": "101"}, "InvalidParameterValue.LimitVerifyFail"),
        ({"Limit": "-1"}, "InvalidParameterValue.LimitVerifyFail"),
        ({"Limit": "x"}, "InvalidParameter"),
    ],
)
async def test_a_queue_is_pulled_by_its_rules(action: str, changes: dict[str, str], code: str) -> None:
    assert await error(signed(action, **PULL | changes)) == code


@pytest.mark.parametrize("action", ["PullSmsSendStatusByPhoneNumber", "PullSmsReplyStatusByPhoneNumber"])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SmsSdkAppId": "2"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
        ({"Limit": "101"}, "InvalidParameterValue.LimitVerifyFail"),
        ({"Offset": "1"}, "InvalidParameterValue.OffsetVerifyFail"),
        ({"BeginTime": str(NOW - 8 * DAY)}, "InvalidParameterValue.BeginTimeVerifyFail"),
        ({"BeginTime": "-1"}, "InvalidParameterValue.BeginTimeVerifyFail"),
        ({"BeginTime": str(NOW + DAY)}, "InvalidParameterValue.InvalidStartTime"),
        ({"BeginTime": "9" * 18}, "InvalidParameterValue.InvalidStartTime"),
        ({"EndTime": str(NOW - 2 * DAY)}, "InvalidParameterValue.InvalidStartTime"),
        ({"EndTime": "9" * 18}, "InvalidParameterValue.EndTimeVerifyFail"),
        ({"EndTime": "-1"}, "InvalidParameterValue.EndTimeVerifyFail"),
        ({"PhoneNumber": "x"}, "InvalidParameterValue.IncorrectPhoneNumber"),
    ],
)
async def test_a_number_is_pulled_by_its_rules(action: str, changes: dict[str, str], code: str) -> None:
    assert await error(signed(action, **PULL_NUMBER | changes)) == code


@pytest.mark.parametrize("kind", ["Send", "Reply"])
async def test_pulls_ask_for_what_the_customer_named(kind: str) -> None:
    opened, answers = door()
    queue = json.loads((await opened(signed(f"PullSms{kind}Status", **PULL))).body)["Response"]
    number = json.loads((await opened(signed(f"PullSms{kind}StatusByPhoneNumber", **PULL_NUMBER, EndTime=str(NOW - 5)))).body)["Response"]
    assert answers.asked == [(1400006666, 100), (1400006666, 8618501234444, NOW - DAY, NOW - 5, 100)]
    assert queue == number
    assert len(queue[f"PullSms{kind}StatusSet"]) == 1


async def test_a_number_may_be_asked_about_without_switching_pulls_on() -> None:
    told = await ask(signed("PullSmsSendStatusByPhoneNumber", **PULL_NUMBER | {"SmsSdkAppId": "4"}))
    assert told["PullSmsSendStatusSet"]


async def test_numbers_are_described() -> None:
    numbers = {"PhoneNumberSet.0": "+86018501234444", "PhoneNumberSet.1": "nonsense"}
    told = await ask(signed("DescribePhoneNumberInfo", **numbers))
    assert told["PhoneNumberInfoSet"] == [
        {
            "Code": "Ok",
            "Message": "Describe success",
            "NationCode": "86",
            "SubscriberNumber": "18501234444",
            "PhoneNumber": "+8618501234444",
            "IsoCode": "CN",
            "IsoName": "China",
        },
        {
            "Code": "FailedOperation.PhoneNumberParseFail",
            "Message": "号码解析失败，请检查号码是否符合 E.164 标准",
            "NationCode": "",
            "SubscriberNumber": "",
            "PhoneNumber": "nonsense",
            "IsoCode": "DEF",
            "IsoName": "",
        },
    ]


async def test_an_unreadable_request_is_refused_in_its_language() -> None:
    headers = {b"x-tc-language": b"en-US"}
    told = await ask(request("DELETE", headers=headers))
    assert told["Error"]["Message"] == "only GET and POST are taken: DELETE was used"


async def test_a_bug_behind_the_door_is_an_internal_error_that_gives_nothing_away() -> None:
    def broken(_command: SendCommand) -> list[Outcome] | Refusal:
        raise RuntimeError("the secret is 42")

    told = await ask(signed(**SEND), broken)
    assert told["Error"] == {"Code": "InternalError", "Message": "内部错误，请凭 RequestId 查询"}


async def test_the_older_version_sends_under_its_own_names() -> None:
    opened, answers = door()
    fields = {
        "PhoneNumberSet.0": "13800000000",
        "SmsSdkAppid": "1400006666",
        "TemplateID": "1",
        "Sign": "腾讯云",
        "TemplateParamSet.0": "1",
        "ExtendCode": "11",
        "SessionContext": "c",
        "SenderId": "s",
    }
    told = json.loads((await opened(signed("SendSms", "2019-07-11", **fields))).body)["Response"]
    assert told["SendStatusSet"][0]["SerialNo"] == "2021:100"
    [(_, command)] = answers.asked
    assert command == SendCommand(
        app_id=1400006666,
        template_id=1,
        phones=("13800000000",),
        dialect=Dialect.TENCENT_V3,
        sign_name="腾讯云",
        params=("1",),
        session_context="c",
        extend="11",
        sender_id="s",
        request_id=GOLDEN["request_id"],
    )


async def test_the_older_version_has_its_own_names_for_what_is_pulled() -> None:
    queue = {"SmsSdkAppid": "1400006666", "Limit": "100"}
    number = queue | {"PhoneNumber": "+8618501234444", "SendDateTime": str(NOW - DAY), "EndDateTime": str(NOW), "Offset": "0"}
    reports = await ask(signed("PullSmsSendStatus", "2019-07-11", **queue))
    replies = await ask(signed("PullSmsReplyStatus", "2019-07-11", **queue))
    assert reports["PullSmsSendStatusSet"] == [
        {
            "UserReceiveTime": "2021-05-11 19:56:28",
            "UserReceiveUnixTime": NOW,
            "NationCode": "86",
            "PurePhoneNumber": "+8618501234444",
            "PhoneNumber": "18501234444",
            "SerialNo": "2021:7",
            "ReportStatus": "SUCCESS",
            "Description": "DELIVRD",
        }
    ]
    assert replies["PullSmsReplyStatusSet"] == [
        {
            "ExtendCode": "11",
            "NationCode": "86",
            "PhoneNumber": "+8618501234444",
            "Sign": "腾讯云",
            "ReplyContent": "T",
            "ReplyTime": "2021-05-11 19:56:28",
            "ReplyUnixTime": NOW,
        }
    ]
    assert (await ask(signed("PullSmsSendStatusByPhoneNumber", "2019-07-11", **number)))["PullSmsSendStatusSet"] == reports[
        "PullSmsSendStatusSet"
    ]
    assert (await ask(signed("PullSmsReplyStatusByPhoneNumber", "2019-07-11", **number)))["PullSmsReplyStatusSet"] == replies[
        "PullSmsReplyStatusSet"
    ]


async def test_the_older_version_says_only_codes_that_it_has() -> None:
    queue = {"SmsSdkAppid": "1400006666", "Limit": "101"}
    assert await error(signed("PullSmsSendStatus", "2019-07-11", **queue)) == "InvalidParameter"


MULTI = {
    "SmsSdkAppId": "1400006666",
    "MultiSmsInfoSet.0.PhoneNumber": "+60123456789",
    "MultiSmsInfoSet.0.TemplateId": "1",
    "MultiSmsInfoSet.0.TemplateParamSet.0": "1",
    "MultiSmsInfoSet.0.SessionContext": "first",
    "MultiSmsInfoSet.1.PhoneNumber": "+12025550123",
    "MultiSmsInfoSet.1.TemplateId": "2",
    "MultiSmsInfoSet.1.SenderId": "Shop",
}


async def test_a_text_each_is_a_send_each() -> None:
    opened, answers = door()
    told = json.loads((await opened(signed("SendMultiGlobalSms", **MULTI))).body)["Response"]
    assert [command for _, command in answers.asked] == [
        SendCommand(
            app_id=1400006666,
            template_id=1,
            phones=("+60123456789",),
            dialect=Dialect.TENCENT_V3,
            params=("1",),
            session_context="first",
            request_id=GOLDEN["request_id"],
        ),
        SendCommand(
            app_id=1400006666,
            template_id=2,
            phones=("+12025550123",),
            dialect=Dialect.TENCENT_V3,
            sender_id="Shop",
            request_id=GOLDEN["request_id"],
        ),
    ]
    assert [(status["Code"], status["Fee"], status["SessionContext"]) for status in told["SendMultiStatusSet"]] == [
        ("Ok", 2, "first"),
        ("Ok", 2, ""),
    ]


async def test_entries_that_are_refused_have_a_number_of_their_own() -> None:
    def some(command: SendCommand) -> list[Outcome] | Refusal:
        if command.template_id == 1:
            return Refusal(Reject.TOO_BUSY)
        return [Refused("+12025550123", "US", Reject.NO_PACKAGE)]

    told = (await ask(signed("SendMultiGlobalSms", **MULTI), some))["SendMultiStatusSet"]
    assert [(status["Code"], status["IsoCode"], status["PhoneNumber"]) for status in told] == [
        ("RequestLimitExceeded", "MY", "+60123456789"),
        ("FailedOperation.InsufficientBalanceInSmsPackage", "US", "+12025550123"),
    ]
    assert len({status["SerialNo"] for status in told}) == 2
    assert await error(signed("SendMultiGlobalSms", **MULTI), lambda _: Refusal(Reject.TOO_BUSY)) == "RequestLimitExceeded"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"MultiSmsInfoSet.1.PhoneNumber": "+8613800000000"}, "UnsupportedOperation.ContainDomesticPhoneNumber"),
        ({"SmsSdkAppId": "5"}, "InvalidParameterValue.SdkAppIdNotExist"),
        ({"MultiSmsInfoSet.1.Nonsense": "1"}, "UnknownParameter"),
        ({"MultiSmsInfoSet.2.PhoneNumber": "+12025550123"}, "MissingParameter"),
        (
            {f"MultiSmsInfoSet.{at}.{name}": "1" for at in range(201) for name in ("PhoneNumber", "TemplateId")},
            "LimitExceeded.PhoneNumberCountLimit",
        ),
    ],
)
async def test_a_text_each_has_its_rules(fields: dict[str, str], code: str) -> None:
    assert await error(signed("SendMultiGlobalSms", **MULTI | fields)) == code


async def test_nobody_to_send_to_is_an_error() -> None:
    read = Schema(SendMultiGlobalSms).read(None, b'{"SmsSdkAppId": "1400006666", "MultiSmsInfoSet": []}')
    assert isinstance(read, SendMultiGlobalSms)
    answers = Answers(accept_all)
    told = await SendActs(Directory(), answers).send_multi_global_sms(read, Context(Caller(1, "k"), "", GOLDEN["request_id"], ""))
    assert isinstance(told, Failure)
    assert told.fault.code == "InvalidParameterValue.MultiSmsInfoSetEmpty"
