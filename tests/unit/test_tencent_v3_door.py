import base64
import hmac
import ipaddress
import json
import urllib.parse
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hongyan.control.errors import Noun, not_found
from hongyan.doors.tencent_v3.acts.context import Context
from hongyan.doors.tencent_v3.acts.sends import SendActs
from hongyan.doors.tencent_v3.errors import Failure
from hongyan.doors.tencent_v3.routes import TencentV3Door
from hongyan.doors.tencent_v3.schema import Schema
from hongyan.doors.tencent_v3.words.sending import SendMultiGlobalSms
from hongyan.kit.door import Request
from hongyan.model.actor import CLASSIC, Actor, Permission
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.limits import Limits
from hongyan.model.message import Accepted, Caller, Dialect, Outcome, Refused, SendCommand, Status
from hongyan.model.reject import Refusal, Reject
from hongyan.model.replay import part, signed_at
from hongyan.model.snapshot import EMPTY, Account, AccountKind, ApiKey, App, Snapshot
from hongyan.model.statistics import Attempted, EndCount, Ended, PackageCount, SendCount

CAPTURES = Path(__file__).parents[2] / "captures/tencent_v3"
VECTORS = {vector["name"]: vector for vector in json.loads((CAPTURES / "signatures.json").read_text(encoding="utf-8"))}
GOLDEN = json.loads((CAPTURES / "send_sms.json").read_text(encoding="utf-8"))
VECTOR = VECTORS[GOLDEN["vector"]]
NOW = VECTOR["now"]
DAY = 86_400
NOTHING: Any = None
"""What is applied for is tested over real services, in test_tencent_v3_papers."""
REPORT = ReportEvent(1400006666, 1, 7, 8618501234444, 86, Status.DELIVERED, "DELIVRD", NOW, "", Dialect.TENCENT_V3)
REPLY = ReplyEvent(1400006666, 2, 8618501234444, 86, "腾讯云", "11", "T", NOW, Dialect.TENCENT_V3)

ENDED = EndCount(
    accepted=20,
    ended=(
        Ended(Status.DELIVERED, "DELIVRD", 10),
        Ended(Status.FAILED, "MI:0012", 3),
        Ended(Status.FAILED, "TSBLACK", 2),
        Ended(Status.EXPIRED, "", 1),
        Ended(Status.FAILED, "XA:0100", 1),
        Ended(Status.FAILED, "-9990", 1),
    ),
)
ATTEMPTED = [
    Attempted(7, "CN", NOW - 10, None, "【腾讯云】您的验证码是385204，5分钟有效", 1, Status.DELIVERED, "DELIVRD", NOW - 5),
    Attempted(6, "CN", NOW - 20, None, "x", 1, Status.EXPIRED, "", NOW - 15),
    Attempted(5, "CN", NOW - 30, None, "x", 1, None, "", 0.0),
    Attempted(4, "CN", NOW - 40, Reject.LIMIT_DAY, "", 0, None, "", 0.0),
]


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
    def __init__(self, **key: Any) -> None:
        apps = (app(1400006666), app(2, account_id=9), app(3, enabled=False), app(4, pull=False))
        self.snapshot = Snapshot(
            version=1,
            accounts={1: Account(id=1, name="one", kind=AccountKind.ENTERPRISE, enabled=True)},
            keys={VECTOR["secret_id"]: ApiKey(VECTOR["secret_id"], VECTOR["secret_key"], 1, enabled=True, **key)},
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
        self.counted: list[tuple[int, str, int]] = []
        self.full = False
        self.keys_used: list[tuple[str, str]] = []

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        self.asked.append((caller, command))
        return self._answer(command)

    def used(self, secret_id: str, address: str) -> None:
        self.keys_used.append((secret_id, address))

    async def admit(self, account_id: int, action: str, rate: int) -> bool:
        self.counted.append((account_id, action, rate))
        return not self.full

    async def sends(self, actor: Actor, app_id: int, begin: float, end: float) -> SendCount:
        self.asked.append((actor.account_id, app_id, begin, end))
        return SendCount(numbers=3, accepted=2, segments=5)

    async def ends(self, actor: Actor, app_id: int, begin: float, end: float) -> EndCount:
        self.asked.append((actor.account_id, app_id, begin, end))
        return ENDED

    async def packages(self, actor: Actor, app_id: int, *, begin: float, end: float | None, offset: int, most: int) -> list[PackageCount]:
        self.asked.append((actor.account_id, app_id, begin, end, offset, most))
        return [PackageCount(9, segments=1000, gone=7, gift=True, created_at=NOW, effective_at=NOW + 1, expires_at=NOW + 2)]

    async def to_number(self, actor: Actor, app_id: int, phone: int, begin: float, end: float) -> list[Attempted]:
        self.asked.append((actor.account_id, app_id, phone, begin, end))
        return ATTEMPTED

    async def convert(self, actor: Actor, app_id: int, message_id: int, at: float | None = None) -> None:
        self.asked.append((actor.account_id, app_id, message_id, at))
        if message_id == 404:
            raise not_found(Noun.MESSAGE, message_id)

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


def door(answer: Callable[[SendCommand], list[Outcome] | Refusal] = accept_all, **key: Any) -> tuple[TencentV3Door, Answers]:
    answers = Answers(answer)
    return TencentV3Door(
        directory=Directory(**key),
        send=answers,
        pulls=answers,
        counts=answers,
        papers=NOTHING,
        rates=answers,
        used=answers.used,
        clock=lambda: float(NOW),
    ), answers


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
        of_proof=True,
    )
    [(asker, asked)] = answers.asked
    assert asker == Caller(account_id=1, key_id=VECTOR["secret_id"])
    assert uuid.UUID(asked.request_id).version == 8
    assert signed_at(asked.request_id, NOW) == NOW
    assert msgspec.structs.replace(asked, request_id="") == command


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
    assert msgspec.structs.replace(command, request_id="") == SendCommand(
        app_id=1400006666,
        template_id=1,
        phones=("13800000000",),
        dialect=Dialect.TENCENT_V3,
        sign_name="腾讯云",
        params=("1",),
        session_context="c",
        extend="11",
        sender_id="s",
        of_proof=True,
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
    numbers = [command.request_id for _, command in answers.asked]
    assert numbers[1] == part(numbers[0], 1)
    assert [msgspec.structs.replace(command, request_id="") for _, command in answers.asked] == [
        SendCommand(
            app_id=1400006666,
            template_id=1,
            phones=("+60123456789",),
            dialect=Dialect.TENCENT_V3,
            params=("1",),
            session_context="first",
            of_proof=True,
        ),
        SendCommand(
            app_id=1400006666,
            template_id=2,
            phones=("+12025550123",),
            dialect=Dialect.TENCENT_V3,
            sender_id="Shop",
            of_proof=True,
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
    told = await SendActs(Directory(), answers).send_multi_global_sms(
        read, Context(Caller(1, "k"), CLASSIC, "", GOLDEN["request_id"], "", "number")
    )
    assert isinstance(told, Failure)
    assert told.fault.code == "InvalidParameterValue.MultiSmsInfoSetEmpty"


COUNT = {"SmsSdkAppId": "1400006666", "BeginTime": "2021051100", "EndTime": "2021051119", "Limit": "0", "Offset": "0"}
OLDER_COUNT = {
    "SmsSdkAppid": "1400006666",
    "StartDateTime": "2021051100",
    "EndDataTime": "2021051119",
    "Limit": "0",
    "Offset": "0",
}
MIDNIGHT = 1620662400


@pytest.mark.parametrize(("version", "fields"), [("2021-01-11", COUNT), ("2019-07-11", OLDER_COUNT)])
async def test_what_was_sent_is_counted_by_the_hour(version: str, fields: dict[str, str]) -> None:
    opened, answers = door()
    told = json.loads((await opened(signed("SendStatusStatistics", version, **fields))).body)["Response"]
    assert answers.asked == [(1, 1400006666, MIDNIGHT, MIDNIGHT + 20 * 3600)]
    assert told["SendStatusStatistics"] == {"FeeCount": 5, "RequestCount": 3, "RequestSuccessCount": 2}


@pytest.mark.parametrize(("version", "fields"), [("2021-01-11", COUNT), ("2019-07-11", OLDER_COUNT)])
async def test_how_it_ended_is_counted_by_its_sort(version: str, fields: dict[str, str]) -> None:
    told = await ask(signed("CallbackStatusStatistics", version, **fields))
    assert told["CallbackStatusStatistics"] == {
        "CallbackCount": 18,
        "RequestSuccessCount": 20,
        "CallbackFailCount": 8,
        "CallbackSuccessCount": 10,
        "InternalErrorCount": 1,
        "InvalidNumberCount": 1,
        "ShutdownErrorCount": 3,
        "BlackListCount": 2,
        "FrequencyLimitCount": 1,
    }


@pytest.mark.parametrize("action", ["SendStatusStatistics", "CallbackStatusStatistics"])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SmsSdkAppId": "2"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
        ({"Limit": "1"}, "InvalidParameterValue.LimitVerifyFail"),
        ({"Offset": "1"}, "InvalidParameterValue.OffsetVerifyFail"),
        ({"BeginTime": "2021-05-11"}, "InvalidParameterValue.BeginTimeVerifyFail"),
        ({"BeginTime": "2021051124"}, "InvalidParameterValue.BeginTimeVerifyFail"),
        ({"BeginTime": "0001010100"}, "InvalidParameterValue.BeginTimeVerifyFail"),
        ({"BeginTime": "2021051200"}, "InvalidParameterValue.BeginTimeVerifyFail"),
        ({"EndTime": "2021051023"}, "InvalidParameterValue.EndTimeVerifyFail"),
        ({"EndTime": "9999123123"}, "InvalidParameterValue.EndTimeVerifyFail"),
        ({"EndTime": "2021061200"}, "InvalidParameterValue.EndTimeVerifyFail"),
    ],
)
async def test_a_period_has_its_rules(action: str, changes: dict[str, str], code: str) -> None:
    assert await error(signed(action, **COUNT | changes)) == code


async def test_a_period_may_last_32_days_and_end_later_today() -> None:
    opened, answers = door()
    await opened(signed("SendStatusStatistics", **COUNT | {"BeginTime": "2021041000", "EndTime": "2021051123"}))
    assert answers.asked == [(1, 1400006666, MIDNIGHT - 31 * DAY, NOW + 3600)]


PACKAGES = {"SmsSdkAppId": "1400006666", "BeginTime": "2021050100", "EndTime": "2021051100", "Limit": "500", "Offset": "3"}


async def test_packages_are_counted_in_both_versions() -> None:
    opened, answers = door()
    told = json.loads((await opened(signed("SmsPackagesStatistics", **PACKAGES))).body)["Response"]
    assert told["SmsPackagesStatisticsSet"] == [
        {
            "PackageCreateTime": NOW,
            "PackageEffectiveTime": NOW + 1,
            "PackageExpiredTime": NOW + 2,
            "PackageAmount": 1000,
            "PackageType": 0,
            "PackageId": 9,
            "CurrentUsage": 7,
        }
    ]
    older = {"SmsSdkAppid": "1400006666", "Limit": "10", "Offset": "0"}
    told = json.loads((await opened(signed("SmsPackagesStatistics", "2019-07-11", **older))).body)["Response"]
    assert told["SmsPackagesStatisticsSet"] == [
        {
            "PackageCreateTime": "2021-05-11 19:56:28",
            "PackageCreateUnixTime": NOW,
            "PackageEffectiveTime": "2021-05-11 19:56:29",
            "PackageEffectiveUnixTime": NOW + 1,
            "PackageExpiredTime": "2021-05-11 19:56:30",
            "PackageExpiredUnixTime": NOW + 2,
            "AmountOfPackage": 1000,
            "TypeOfPackage": 0,
            "PackageId": 9,
            "CurrentUsage": 7,
        }
    ]
    assert answers.asked == [
        (1, 1400006666, MIDNIGHT - 10 * DAY, MIDNIGHT, 3, 500),
        (1, 1400006666, 0.0, None, 0, 10),
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SmsSdkAppId": "2"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
        ({"Limit": "501"}, "InvalidParameterValue.LimitVerifyFail"),
        ({"Offset": "-1"}, "InvalidParameterValue.OffsetVerifyFail"),
        ({"BeginTime": "x"}, "InvalidParameterValue.BeginTimeVerifyFail"),
        ({"EndTime": "2021050100"}, "InvalidParameterValue.EndTimeVerifyFail"),
        ({"EndTime": "2021051120"}, "InvalidParameterValue.EndTimeVerifyFail"),
    ],
)
async def test_packages_are_counted_by_their_rules(changes: dict[str, str], code: str) -> None:
    assert await error(signed("SmsPackagesStatistics", **PACKAGES | changes)) == code


RECORDS = {"SmsSdkAppId": "1400006666", "PhoneNumber": "+8618501234444", "BeginTime": str(NOW - DAY)}


async def test_records_of_a_number_say_how_each_send_stands() -> None:
    opened, answers = door()
    told = json.loads((await opened(signed("DescribeSendRecordList", **RECORDS))).body)["Response"]
    assert answers.asked == [(1, 1400006666, 8618501234444, NOW - DAY, NOW + 1)]
    assert told["TotalCount"] == 4
    assert told["SendRecordSet"][0] == {
        "PhoneNumber": "+8618501234444",
        "SerialNo": "2021:7",
        "SendStatus": 2,
        "RequestCode": "Ok",
        "StatusCode": "DELIVRD",
        "IsoCode": "CN",
        "Content": "【腾讯云】您的验证码是3****4，*分钟有效",
        "SendTime": NOW - 10,
        "UserReceiveTime": NOW - 5,
    }
    assert [(r["SendStatus"], r["RequestCode"], r["StatusCode"], r["UserReceiveTime"]) for r in told["SendRecordSet"][1:]] == [
        (4, "Ok", "EXPIRED", 0),
        (3, "Ok", "", 0),
        (1, "LimitExceeded.PhoneNumberDailyLimit", "", 0),
    ]
    assert told["SendRecordSet"][3]["SerialNo"] == ""
    page = json.loads((await opened(signed("DescribeSendRecordList", **RECORDS, Limit="1", Offset="2"))).body)["Response"]
    assert (page["TotalCount"], [record["SerialNo"] for record in page["SendRecordSet"]]) == (4, ["2021:5"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SmsSdkAppId": "2"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
        ({"PhoneNumber": "x"}, "InvalidParameterValue.IncorrectPhoneNumber"),
        ({"Limit": "51"}, "InvalidParameterValue.LimitVerifyFail"),
        ({"Limit": "0"}, "InvalidParameterValue.LimitVerifyFail"),
        ({"Offset": "1001"}, "InvalidParameterValue.OffsetVerifyFail"),
        ({"BeginTime": str(NOW - 4 * DAY)}, "InvalidParameterValue.BeginTimeVerifyFail"),
        ({"EndTime": str(NOW + DAY)}, "InvalidParameterValue.EndTimeVerifyFail"),
        ({"EndTime": str(NOW - 2 * DAY)}, "InvalidParameterValue.InvalidStartTime"),
    ],
)
async def test_records_are_looked_up_by_their_rules(changes: dict[str, str], code: str) -> None:
    assert await error(signed("DescribeSendRecordList", **RECORDS | changes)) == code


async def test_a_code_that_was_typed_in_is_reported() -> None:
    opened, answers = door()
    fields = {"SmsSdkAppId": "1400006666", "SerialNo": "2021:7"}
    told = json.loads((await opened(signed("ReportConversion", **fields))).body)["Response"]
    assert told["ReportConversionStatus"] == {"Code": "OK", "Message": "success"}
    await opened(signed("ReportConversion", **fields, ConversionTime=str(NOW)))
    assert answers.asked == [(1, 1400006666, 7, None), (1, 1400006666, 7, NOW)]


@pytest.mark.parametrize("serial", ["7", "5000:1045", "2021:404", "2021:" + "9" * 19])
async def test_a_code_of_no_message_is_refused(serial: str) -> None:
    fields = {"SmsSdkAppId": "1400006666", "SerialNo": serial}
    assert await error(signed("ReportConversion", **fields)) == "InvalidParameterValue"
    assert await error(signed("ReportConversion", **fields | {"SmsSdkAppId": "2"})) == "UnauthorizedOperation.SmsSdkAppIdVerifyFail"


async def test_a_control_refusal_is_told_in_the_language_asked_for() -> None:
    fields = {"SmsSdkAppId": "1400006666", "SerialNo": "2021:404"}
    assert "没有短信 404" in (await ask(signed("ReportConversion", **fields)))["Error"]["Message"]
    assert "There is no message 404" in (await ask(signed("ReportConversion", **fields, Language="en-US")))["Error"]["Message"]


async def test_every_action_is_counted_under_its_name_and_version() -> None:
    opened, answers = door()
    await opened(signed(**SEND))
    await opened(signed("SendStatusStatistics", "2019-07-11", **OLDER_COUNT))
    assert answers.counted == [(1, "SendSms 2021-01-11", 3000), (1, "SendStatusStatistics 2019-07-11", 10)]


async def test_whoever_asks_too_often_is_told_so_and_nothing_happens() -> None:
    opened, answers = door()
    answers.full = True
    told = json.loads((await opened(signed(**SEND, Language="en-US"))).body)["Response"]
    assert told["Error"] == {
        "Code": "RequestLimitExceeded",
        "Message": "too many requests a second: SendSms may be asked for 3000 times a second",
    }
    assert answers.asked == []


async def test_a_stranger_uses_up_nobodys_rate() -> None:
    opened, answers = door()
    forged = signed(**SEND)
    await opened(request(headers=dict(forged.headers), body=forged.body.replace(b"SmsSdkAppId=1400006666", b"SmsSdkAppId=1400006667")))
    assert answers.counted == []


async def test_a_key_works_only_from_where_it_may() -> None:
    inside, answers = door(allow=(ipaddress.ip_network("127.0.0.0/8"),))
    outside, nobody = door(allow=(ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32")))
    assert "SendStatusSet" in json.loads((await inside(signed(**SEND))).body)["Response"]
    told = json.loads((await outside(signed(**SEND))).body)["Response"]
    assert told["Error"]["Code"] == "UnauthorizedOperation.RequestIpNotInWhitelist"
    assert answers.keys_used == [(VECTOR["secret_id"], "127.0.0.1")]
    assert nobody.keys_used == nobody.asked == nobody.counted == []


@pytest.mark.parametrize(
    ("missing", "asked"),
    [
        (Permission.SEND, signed(**SEND)),
        (Permission.SEND, signed("SendMultiGlobalSms", **MULTI)),
        (Permission.REVEAL, signed("PullSmsSendStatus", **PULL)),
        (Permission.REVEAL, signed("DescribeSendRecordList", **RECORDS)),
        (Permission.READ, signed("SendStatusStatistics", **COUNT)),
        (Permission.MONEY_READ, signed("SmsPackagesStatistics", **PACKAGES)),
    ],
)
async def test_a_key_does_only_what_it_may(missing: Permission, asked: Request) -> None:
    opened, answers = door(permissions=CLASSIC - {missing})
    told = json.loads((await opened(asked)).body)["Response"]
    assert told["Error"]["Code"] == "AuthFailure.UnauthorizedOperation"
    assert answers.asked == []


@pytest.mark.parametrize(
    ("fault", "code"), [(TimeoutError(), "InternalError.Timeout"), (ConnectionResetError(), "InternalError.SendAndRecvFail")]
)
async def test_a_database_that_is_away_or_slow_is_told_as_such(fault: Exception, code: str) -> None:
    def broken(_command: SendCommand) -> list[Outcome] | Refusal:
        raise fault

    assert await error(signed(**SEND), broken) == code
