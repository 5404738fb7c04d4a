import hashlib
import ipaddress
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from starlette.testclient import TestClient

from hongyan.control.errors import ControlError, Fault
from hongyan.doors.tencent_v5 import auth, errors, routes
from hongyan.doors.tencent_v5.acts.papers import Papers
from hongyan.doors.tencent_v5.catalogue import CALLS, UPLOAD
from hongyan.doors.tencent_v5.routes import TencentV5Door
from hongyan.doors.tencent_v5.schema import SMS, VOICE
from hongyan.kit.door import Request
from hongyan.kit.web import starlette
from hongyan.model.actor import Actor, Permission
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.limits import Limits
from hongyan.model.message import Accepted, Caller, Dialect, Kind, Outcome, Refused, SendCommand, Status
from hongyan.model.reject import Refusal, Reject
from hongyan.model.replay import signed_at
from hongyan.model.snapshot import EMPTY, Account, AccountKind, App, Scope, Signature, Snapshot, Template
from hongyan.model.statistics import Attempted, EndCount, Ended, PackageCount, SendCount

CAPTURES = Path(__file__).parents[2] / "captures/tencent_v5"
GOLDEN = {call["name"]: call for call in json.loads((CAPTURES / "calls.json").read_text(encoding="utf-8"))}
APP_ID = 1400006666
KEY = "5f03a35d00ee52a21327ab048186a2c4"
NOW = 1457336869
DAY = 86_400
MOBILE = "13788888888"
TEL = {"nationcode": "86", "mobile": MOBILE}
REPORT = ReportEvent(APP_ID, 1, 7, 8613788888888, 86, Status.DELIVERED, "DELIVRD", NOW, "", Dialect.TENCENT_V5)
REPLY = ReplyEvent(APP_ID, 2, 8613788888888, 86, "鸿雁", "11", "T", NOW, Dialect.TENCENT_V5)
RECORDS = [
    Attempted(9, "CN", NOW, None, "【鸿雁】会员日1234折", 1, None, "", 0.0, Kind.MARKETING, signed=True),
    Attempted(8, "CN", NOW, Reject.LIMIT_DAY, "", 0, None, "", 0.0),
    Attempted(7, "CN", NOW - 5, None, "到了", 1, Status.FAILED, "MK:0001", NOW, Kind.NOTICE),
]


def app(app_id: int, *, account_id: int = 1, enabled: bool = True, pull: bool = True) -> App:
    return App(
        id=app_id,
        account_id=account_id,
        name="app",
        app_key=KEY,
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


def signature(id_: int, name: str, *, app_id: int | None = None, scope: Scope = Scope.MAINLAND, account_id: int = 1) -> Signature:
    return Signature(id=id_, account_id=account_id, app_id=app_id, name=name, scope=scope)


def template(id_: int, content: str, kind: Kind = Kind.NOTICE, scope: Scope = Scope.MAINLAND) -> Template:
    return Template(id=id_, account_id=1, app_id=None, kind=kind, scope=scope, content=content, params=content.count("{"))


TEMPLATES = (
    template(19, "您的登录验证码为{1}，{2}分钟内有效，请勿告诉他人。", Kind.VERIFICATION),
    template(20, "会员日全场{1}折。拒收请回复R", Kind.MARKETING),
    template(21, "Your code is {1}.", Kind.VERIFICATION, Scope.INTERNATIONAL),
)


class Directory:
    def __init__(self) -> None:
        apps = (app(APP_ID), app(2, account_id=9), app(3, enabled=False), app(4, pull=False))
        signatures = (
            signature(1, "国际", scope=Scope.INTERNATIONAL),
            signature(2, "别人的", account_id=9),
            signature(3, "别的应用", app_id=4),
            signature(5, "后来的"),
            signature(4, "鸿雁"),
        )
        self.snapshot = Snapshot(
            version=1,
            accounts={
                1: Account(1, "one", AccountKind.ENTERPRISE, enabled=True),
                9: Account(9, "x", AccountKind.ENTERPRISE, enabled=False),
            },
            keys=EMPTY.keys,
            apps={each.id: each for each in apps},
            signatures={(each.account_id, each.name, each.scope): each for each in signatures},
            templates={each.id: each for each in TEMPLATES},
            packages=EMPTY.packages,
            links=EMPTY.links,
        )


class Answers:
    """Takes every send with one answer, and hands out what it is given."""

    def __init__(self, answer: Callable[[SendCommand], list[Outcome] | Refusal]) -> None:
        self._answer = answer
        self.asked: list[tuple[Any, ...]] = []
        self.rates: list[tuple[Any, ...]] = []
        self.admitted = True

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

    async def to_number(self, actor: Actor, app_id: int, phone: int, begin: float, end: float) -> list[Attempted]:
        self.asked.append((actor.account_id, app_id, phone, begin, end))
        return RECORDS * 50

    async def admit(self, account_id: int, action: str, rate: int) -> bool:
        self.rates.append((account_id, action, rate))
        return self.admitted

    async def sends(self, actor: Actor, app_id: int, begin: float, end: float) -> SendCount:
        self.asked.append((actor.account_id, app_id, begin, end))
        return SendCount(numbers=110, accepted=100, segments=120)

    async def ends(self, actor: Actor, app_id: int, begin: float, end: float) -> EndCount:
        self.asked.append((actor.account_id, app_id, begin, end))
        failed = (("MK:0001", 1), ("UNDELIV", 2), ("TSBLACK", 3), ("DISTURB", 4), ("new word", 5), ("", 6))
        return EndCount(100, (Ended(Status.DELIVERED, "DELIVRD", 60), *(Ended(Status.FAILED, code, count) for code, count in failed)))

    async def packages(self, actor: Actor, app_id: int, *, most: int) -> list[PackageCount]:
        if Permission.MONEY_READ not in actor.permissions or app_id != APP_ID:
            raise ControlError(Fault.NOT_ALLOWED, "不行", "no")
        return [PackageCount(n, 1000, 7, gift=n == 1, created_at=NOW, effective_at=NOW, expires_at=NOW + DAY) for n in (1, 2, 3)][:most]


NO_PAPERS = Papers(*[cast("Any", None)] * 4)
"""What is applied for is kept in tables: tests/conformance/test_v5_papers.py."""
Answering = Callable[[SendCommand], list[Outcome] | Refusal]


def accept_all(command: SendCommand) -> list[Outcome] | Refusal:
    return [Accepted(message_id=100 + at, phone=8613788888888, region="CN", segments=2) for at, _ in enumerate(command.phones)]


def door(answer: Answering = accept_all) -> tuple[TencentV5Door, Answers]:
    answers = Answers(answer)
    opened = TencentV5Door(
        directory=Directory(), send=answers, pulls=answers, counts=answers, papers=NO_PAPERS, rates=answers, clock=lambda: float(NOW)
    )
    return opened, answers


def request(path: str, query: str, body: bytes, *, method: str = "POST", too_large: bool = False, **headers: str) -> Request:
    given = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return Request(method, path, query.encode(), given, body, "127.0.0.1", too_large, "request-1")


def signed(path: str, tail: str = "", *, app_id: int = APP_ID, accept_language: str = "", **fields: Any) -> Request:
    body = {"sig": auth.signed(KEY, "1234", str(NOW), tail), "time": NOW} | fields
    return request(path, f"sdkappid={app_id}&random=1234", json.dumps(body).encode(), accept_language=accept_language)


def send(call: str = "sendsms", **fields: Any) -> Request:
    tail = {"sendsms": f"&mobile={MOBILE}", "sendmultisms2": f"&mobile={MOBILE},13788888889", "sendisms": "&tel=+85251234567"}[call]
    tel = {"sendsms": TEL, "sendmultisms2": [TEL, {"nationcode": "86", "mobile": "13788888889"}], "sendisms": "+85251234567"}[call]
    return signed(SMS + call, tail, **{"tel": tel, "tpl_id": 19, "params": ["5678"], "sign": "鸿雁", "ext": "order 7"} | fields)


async def ask(asked: Request, answer: Answering = accept_all) -> dict[str, Any]:
    response = await door(answer)[0](asked)
    assert (response.status, response.content_type, response.headers) == (200, b"application/json", ())
    told: dict[str, Any] = json.loads(response.body)
    return told


@pytest.mark.parametrize("name", GOLDEN)
async def test_the_sdks_own_request_is_answered_byte_for_byte(name: str) -> None:
    call = GOLDEN[name]
    path, _, query = call["url"].partition("?")
    headers = {header.lower(): value for header, value in call["headers"].items()}
    response = await door()[0](request(path, query, call["body"].encode(), **headers))
    assert response.body.decode() == call["answer"]


async def test_a_send_carries_every_field_into_the_command() -> None:
    opened, answers = door()
    await opened(send(extend="11"))
    command = SendCommand(
        app_id=APP_ID,
        template_id=19,
        phones=("+8613788888888",),
        dialect=Dialect.TENCENT_V5,
        sign_name="鸿雁",
        params=("5678",),
        session_context="order 7",
        extend="11",
        of_proof=True,
    )
    [(asker, asked)] = answers.asked
    assert asker == Caller(account_id=1, key_id=str(APP_ID))
    assert uuid.UUID(asked.request_id).version == 8
    assert signed_at(asked.request_id, NOW) == NOW
    assert msgspec.structs.replace(asked, request_id="") == command


@pytest.mark.parametrize(("call", "sign_name"), [("sendsms", "鸿雁"), ("sendmultisms2", "鸿雁"), ("sendisms", "")])
@pytest.mark.parametrize("sign", ["", None])
async def test_without_a_signature_the_first_approved_one_is_used_at_home(call: str, sign_name: str, sign: str | None) -> None:
    opened, answers = door()
    await opened(send(call, sign=sign))
    assert answers.asked[0][1].sign_name == sign_name


CODE = "您的登录验证码为5678，5分钟内有效，请勿告诉他人。"


@pytest.mark.parametrize(
    ("call", "type_", "msg", "sign_name", "template_id", "params"),
    [
        ("sendsms", 0, CODE, "鸿雁", 19, ("5678", "5")),
        ("sendsms", "0", f"【后来的】{CODE}", "后来的", 19, ("5678", "5")),
        ("sendsms", None, CODE, "鸿雁", 19, ("5678", "5")),
        ("sendmultisms2", 1, "会员日全场八折。拒收请回复R", "鸿雁", 20, ("八",)),
        ("sendisms", 0, "Your code is 5678.", "", 21, ("5678",)),
    ],
)
async def test_a_text_is_sent_as_the_template_it_is_of(
    *, call: str, type_: Any, msg: str, sign_name: str, template_id: int, params: tuple[str, ...]
) -> None:
    opened, answers = door()
    told = json.loads((await opened(send(call, tpl_id=None, params=None, sign=None, type=type_, msg=msg))).body)
    assert told["result"] == 0, told
    command = answers.asked[0][1]
    assert (command.sign_name, command.template_id, command.params) == (sign_name, template_id, params)


@pytest.mark.parametrize(
    ("call", "type_", "msg", "result", "reason"),
    [
        ("sendsms", 0, "您的登录验证码为5678， 5分钟内有效，请勿告诉他人", 1014, "at character 28: “。” (U+3002"),
        ("sendsms", 0, CODE.replace("录验", "录\u200b验"), 1014, "at character 5: U+200B"),
        ("sendsms", 0, "unlike anything", 1014, "like no approved template"),
        ("sendsms", 1, CODE, 1014, "template 19, which is for verification to mainland numbers"),
        ("sendisms", 0, CODE, 1014, "template 19, which is for verification to mainland numbers"),
        ("sendsms", 0, "", 1014, "like no approved template"),
        ("sendsms", 2, CODE, 1004, "type must be 0"),
    ],
)
async def test_a_text_of_no_template_is_told_why(*, call: str, type_: int, msg: str, result: int, reason: str) -> None:
    told = await ask(send(call, tpl_id=None, params=None, type=type_, msg=msg))
    assert told["result"] == result
    assert reason in told["errmsg"]
    assert "5678" not in told["errmsg"]


async def test_a_text_of_no_template_is_told_why_in_chinese() -> None:
    told = await ask(send(tpl_id=None, msg="不像任何模板", accept_language="zh-CN"))
    assert told["errmsg"].startswith("模板未审批或内容不匹配, 内容与本应用已通过的模板都不相似")


async def test_a_refusal_has_its_number_and_its_reason() -> None:
    refused: list[Outcome] = [Refused("+8613788888888", "CN", Reject.LIMIT_DAY, "10 a day")]
    assert await ask(send(), lambda _: refused) == {
        "result": 1025,
        "errmsg": "the daily frequency of one number is over the limit, 10 a day",
        "ext": "order 7",
    }


async def test_a_refusal_is_told_in_chinese_where_it_is_wanted() -> None:
    told = await ask(send(accept_language="zh-CN,zh;q=0.9"), lambda _: Refusal(Reject.NO_PACKAGE))
    assert told["errmsg"] == "套餐包余量不足"


async def test_each_of_many_numbers_has_its_own_result() -> None:
    outcomes: list[Outcome] = [
        Accepted(message_id=100, phone=8613788888888, region="CN", segments=2),
        Refused("+8613788888889", "CN", Reject.BLACKLISTED),
    ]
    assert await ask(send("sendmultisms2"), lambda _: outcomes) == {
        "result": 0,
        "errmsg": "OK",
        "ext": "order 7",
        "detail": [
            {"result": 0, "errmsg": "OK", "mobile": MOBILE, "nationcode": "86", "fee": 2, "sid": "2021:100"},
            {"result": 1015, "errmsg": "the mobile number is on the blacklist", "mobile": "13788888889", "nationcode": "86"},
        ],
    }


async def test_what_is_wrong_for_all_numbers_is_told_once() -> None:
    outcomes: list[Outcome] = [Refused("x", "", Reject.BAD_NUMBER), Refused("+8613788888889", "CN", Reject.TEMPLATE_UNUSABLE)]
    told = await ask(send("sendmultisms2"), lambda _: outcomes)
    assert told == {"result": 1014, "errmsg": "package format error, sdkappid not have this tpl_id", "ext": "order 7"}


async def test_what_was_accepted_is_never_hidden_behind_what_was_refused() -> None:
    outcomes: list[Outcome] = [
        Refused("+8613788888888", "CN", Reject.MARKETING_HOURS),
        Accepted(message_id=100, phone=8613788888889, region="CN", segments=1),
    ]
    told = await ask(send("sendmultisms2"), lambda _: outcomes)
    assert [each["result"] for each in told["detail"]] == [1029, 0]


async def test_a_number_abroad_is_answered_with_its_country() -> None:
    told = await ask(send("sendisms"))
    assert told == {"result": 0, "errmsg": "OK", "ext": "order 7", "fee": 2, "sid": "2021:100", "nationcode": "852"}


async def test_a_number_abroad_may_be_signed_as_one_at_home() -> None:
    fields = {"tel": "+85251234567", "tpl_id": 19}
    assert (await ask(signed(f"{SMS}sendisms", "&mobile=51234567", **fields)))["result"] == 0
    assert (await ask(signed(f"{SMS}sendisms", "&mobile=51234568", **fields)))["result"] == 1001


@pytest.mark.parametrize(
    ("asked", "result"),
    [
        (send(sig=""), 1003),
        (send(sig=None), 1003),
        (send(sig="0" * 64), 1001),
        (send(time=NOW - 601), 1021),
        (send(time="now"), 1004),
        (send(tel={"nationcode": "86", "mobile": "13788888889"}), 1001),
        (send(tel={"nationcode": "86"}), 1004),
        (send(tel=MOBILE), 1004),
        (send(tpl_id=None), 1004),
        (send(tpl_id="abc"), 1014),
        (send("sendmultisms2", tel=[]), 1004),
        (send("sendmultisms2", tel=TEL), 1004),
        (signed(f"{SMS}sendsms", app_id=5), 1019),
        (signed(f"{SMS}sendsms", app_id=3), 1020),
        (signed(f"{SMS}sendsms", app_id=2), 1020),
        (signed(f"{SMS}pullstatus", app_id=4, type=0, max=10), 1030),
        (signed(f"{SMS}pullstatus", type=2, max=10), 1004),
        (signed(f"{SMS}pullstatus", max=10), 1004),
        (signed(f"{SMS}pullstatus", type=0), 1004),
        (signed(f"{SMS}pullstatus", type=1, max=0), 1004),
        (signed(f"{SMS}pullstatus", type="1", max="101"), 1004),
    ],
)
async def test_a_wrong_request_gets_its_documented_number(asked: Request, result: int) -> None:
    told = await ask(asked)
    assert told["result"] == result, told


@pytest.mark.parametrize("reason", Reject)
async def test_any_reason_can_be_told(reason: Reject) -> None:
    assert (await ask(send(), lambda _: Refusal(reason, "why")))["result"] > 1000


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (request(f"{SMS}sendsms", "sdkappid=1&random=1", b"", method="GET"), 60002),
        (request(f"{SMS}sendsms", "sdkappid=1&random=1", b"", too_large=True), 60002),
        (request(f"{SMS}sendsms", "sdkappid=1&random=1", b"{"), 60003),
        (request(f"{SMS}sendsms", "sdkappid=x&random=1", b"{}"), 60006),
        (request(f"{SMS}sendsms", "sdkappid=%ff", b"{}"), 60009),
        (request(f"{SMS}sendsms", "random=1", b"{}"), 60012),
        (request(UPLOAD, "random=1", b"{}"), 60012),
    ],
)
async def test_what_never_reaches_the_service_has_the_gateways_envelope(asked: Request, code: int) -> None:
    told = await ask(asked)
    assert told.keys() == {"ActionStatus", "ErrorInfo", "ErrorCode"}
    assert (told["ActionStatus"], told["ErrorCode"]) == ("FAIL", code)


async def test_pulls_ask_for_what_the_customer_named() -> None:
    opened, answers = door()
    for kind in (0, 1):
        await opened(signed(f"{SMS}pullstatus", type=kind, max=5))
        await opened(signed(f"{SMS}pullstatus4mobile", type=kind, max="5", begin_time=NOW - DAY, end_time=str(NOW), **TEL))
    assert answers.asked == [(APP_ID, 5), (APP_ID, 8613788888888, NOW - DAY, NOW, 5)] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"begin_time": None},
        {"end_time": "later"},
        {"begin_time": NOW - 40 * DAY},
        {"begin_time": NOW, "end_time": NOW - 1},
        {"begin_time": NOW + DAY, "end_time": NOW + 2 * DAY},
        {"begin_time": -5},
        {"begin_time": 10**18, "end_time": 10**18},
    ],
)
@pytest.mark.parametrize(("call", "tail"), [("pullstatus4mobile", ""), ("querysms4mobile", f"&mobile={MOBILE}")])
async def test_a_stretch_of_time_has_its_rules(call: str, tail: str, changes: dict[str, Any]) -> None:
    fields = {"type": 0, "max": 10, "begin_time": NOW - DAY, "end_time": NOW} | TEL
    assert (await ask(signed(SMS + call, tail, **fields)))["result"] == 0
    assert (await ask(signed(SMS + call, tail, **fields | changes)))["result"] == 1004


async def test_a_number_that_cannot_be_read_is_told() -> None:
    fields = {"type": 0, "max": 10, "begin_time": NOW - DAY, "end_time": NOW, "mobile": "12", "nationcode": "86"}
    assert (await ask(signed(f"{SMS}pullstatus4mobile", **fields)))["result"] == 1016


async def test_what_a_number_was_sent_is_told_with_what_became_of_it() -> None:
    opened, answers = door()
    stretch = {"begin_time": NOW - DAY, "end_time": NOW}
    told = json.loads((await opened(signed(f"{SMS}querysms4mobile", f"&mobile={MOBILE}", **stretch, **TEL))).body)
    assert answers.asked == [(1, APP_ID, 8613788888888, NOW - DAY, NOW + 1)]
    assert (told["result"], told["real_count"], told["truncated"], len(told["data"])) == (0, 150, 1, 100)
    common = {"nationcode": "86", "mobile": MOBILE, "send_time": "2016-03-07 15:47:49"}
    taken = common | {"result": 0, "errmsg": "OK"}
    open_ = {"user_receive_time": "", "report_status": "", "status": "", "description": ""}
    assert told["data"][:3] == [
        taken | open_ | {"sid": "2021:9", "sign": "鸿雁", "text": "会员日1**4折", "type": 1},
        common | {"result": 1025, "errmsg": "the daily frequency of one number is over the limit", "sign": "", "text": "", "type": 0},
        taken
        | {"sid": "2021:7", "sign": "", "text": "到了", "type": 0, "send_time": "2016-03-07 15:47:44"}
        | {"user_receive_time": "2016-03-07 15:47:49", "report_status": "FAIL", "status": "MK:0001", "description": "空号，号码不存在"},
    ]


async def test_a_text_of_no_template_is_refused_where_refusals_are_counted() -> None:
    opened, answers = door(lambda _: [Refused("+8613788888888", "CN", Reject.TEMPLATE_UNUSABLE)])
    assert json.loads((await opened(send(tpl_id=None, msg="unlike anything"))).body)["result"] == 1014
    [(_, command)] = answers.asked
    assert (command.template_id, command.phones) == (0, ("+8613788888888",))


@pytest.mark.parametrize("call", ["sendcvoice", "sendvoice", "sendvoiceprompt", "sendtvoice", "sendfvoice"])
async def test_voice_calls_are_read_and_told_that_there_is_no_voice(call: str) -> None:
    fields = {"tel": TEL, "msg": "5678", "playtimes": 2, "ext": "order 7"}
    told = await ask(signed(VOICE + call, f"&mobile={MOBILE}", **fields))
    assert told == {"result": 1030, "errmsg": "this request is not supported, voice calls are not offered here", "ext": "order 7"}
    assert (await ask(signed(VOICE + call, **fields)))["result"] == 1001
    assert (await ask(signed(VOICE + call, f"&mobile={MOBILE}", **fields | {"msg": "five"})))["result"] == 1018
    abroad = {"tel": {"nationcode": "852", "mobile": "51234567"}}
    assert (await ask(signed(VOICE + call, "&mobile=51234567", **fields | abroad)))["result"] == 1016


@pytest.mark.parametrize("tail", ["&fid=1.wav", "&mobile=1.wav"])
async def test_the_state_of_a_voice_file_may_be_signed_in_two_ways(tail: str) -> None:
    assert (await ask(signed(f"{VOICE}statusvoicefile", tail, fid="1.wav")))["result"] == 1030


@pytest.mark.parametrize(
    ("body", "digest", "result"),
    [
        (b"RIFF", hashlib.sha1(b"RIFF").hexdigest(), 1030),  # noqa: S324 - the call's own
        (b"RIFF", hashlib.sha1(b"other").hexdigest(), 1004),  # noqa: S324 - the call's own
        (b"x" * (400 * 1024 + 1), "0", 1004),
    ],
)
async def test_an_upload_is_checked(body: bytes, digest: str, result: int) -> None:
    sig = auth.signed(KEY, "1", str(NOW), f"&content-sha1={digest}")
    query = f"sdkappid={APP_ID}&random=1&time={NOW}"
    assert (await ask(request(UPLOAD, query, body, authorization=sig, x_content_sha1=digest)))["result"] == result
    assert (await ask(request(UPLOAD, query, body, x_content_sha1=digest)))["result"] == 1003


async def test_a_bug_behind_the_door_gives_nothing_away() -> None:
    def broken(_command: SendCommand) -> list[Outcome] | Refusal:
        raise RuntimeError("the secret is 42")

    assert await ask(send(), broken) == {"result": 1007, "errmsg": "other error, ask with the request id request-1", "ext": "order 7"}


@pytest.mark.parametrize(("networks", "result"), [((), 0), (("127.0.0.0/8", "192.0.2.7"), 0), (("192.0.2.0/24",), 1009), (("::1",), 1009)])
async def test_a_key_works_only_from_where_it_may_be_used(networks: tuple[str, ...], result: int) -> None:
    opened, _ = door()
    snapshot = opened._directory.snapshot
    bound = msgspec.structs.replace(snapshot.apps[APP_ID], networks=tuple(map(ipaddress.ip_network, networks)))
    opened._directory.snapshot = msgspec.structs.replace(snapshot, apps={APP_ID: bound})  # type: ignore[misc]
    told = json.loads((await opened(send())).body)
    assert told["result"] == result
    if result:
        assert told["errmsg"] == "the source address is not on the allow list, it is 127.0.0.1"


async def test_whoever_asks_too_often_is_told_by_the_gateway() -> None:
    opened, answers = door()
    answers.admitted = False
    told = json.loads((await opened(send())).body)
    assert told == {
        "ActionStatus": "FAIL",
        "ErrorInfo": "the call rate is exceeded, please try again, 3000 a second are allowed",
        "ErrorCode": 60007,
    }
    assert answers.rates == [(1, f"{SMS}sendsms", 3000)]


async def test_what_was_sent_is_counted_by_the_hour() -> None:
    opened, answers = door()
    told = json.loads((await opened(signed(f"{SMS}pullsendstatus", begin_date=2016030700, end_date="2016030710"))).body)
    assert told == {"result": 0, "errmsg": "", "data": {"request": 110, "success": 100, "bill_number": 120}}
    assert answers.asked == [(1, APP_ID, 1457280000.0, 1457280000.0 + 11 * 3600)]


async def test_how_it_ended_is_counted_by_sorts() -> None:
    told = await ask(signed(f"{SMS}pullcallbackstatus", begin_date=2016030700, end_date=2016030710))
    assert told["data"] == {
        "success": 100,
        "status": 81,
        "status_success": 60,
        "status_fail": 21,
        "status_fail_0": 11,
        "status_fail_1": 3,
        "status_fail_2": 0,
        "status_fail_3": 3,
        "status_fail_4": 4,
    }


@pytest.mark.parametrize("call", ["pullsendstatus", "pullcallbackstatus"])
@pytest.mark.parametrize(
    ("begin", "end"),
    [(None, None), (2016030700, None), ("x", 2016030710), (2016030710, 2016030700), (2016010100, 2016030700), (2017010100, 2017010101)],
)
async def test_a_period_has_its_rules(call: str, begin: Any, end: Any) -> None:
    assert (await ask(signed(SMS + call, begin_date=begin, end_date=end)))["result"] == 1004


async def test_packages_come_in_pages() -> None:
    told = await ask(signed(f"{SMS}getsmspackages", length="1", offset=1))
    assert told == {
        "result": 0,
        "errmsg": "OK",
        "total": 3,
        "data": [
            {
                "create_time": "2016-03-07 15:47:49",
                "from_time": "2016-03-07 15:47:49",
                "to_time": "2016-03-08 15:47:49",
                "amount": 1000,
                "type": 1,
                "package_id": 2,
                "used": 7,
            }
        ],
    }
    assert [package["type"] for package in (await ask(signed(f"{SMS}getsmspackages", length=500)))["data"]] == [0, 1, 1]
    assert {(await ask(signed(f"{SMS}getsmspackages", **wrong)))["result"] for wrong in ({}, {"length": 0}, {"length": 501})} == {1004}


CODES = json.loads((CAPTURES / "result_codes.json").read_text(encoding="utf-8"))
BY_ITS_WORDS: dict[int, Request] = {
    1001: send(sig="0" * 64),
    1003: send(sig=""),
    1004: send(tel=None),
    1014: send(tpl_id="abc"),
    1016: signed(f"{SMS}pullstatus4mobile", type=0, max=10, begin_time=NOW, end_time=NOW, nationcode="86", mobile="12"),
    1018: signed(f"{VOICE}sendcvoice", f"&mobile={MOBILE}", tel=TEL, msg="five"),
    1019: signed(f"{SMS}pullstatus", app_id=5),
    1020: signed(f"{SMS}pullstatus", app_id=3),
    1021: send(time=NOW - 601),
    1030: signed(f"{SMS}pullstatus", app_id=4, type=0, max=10),
    60002: request(f"{SMS}sendsms", "", b"", method="GET"),
    60003: request(f"{SMS}sendsms", "", b"{"),
    60006: request(f"{SMS}sendsms", "sdkappid=x", b"{}"),
    60009: request(f"{SMS}sendsms", "sdkappid=%ff", b"{}"),
    60012: request(f"{SMS}sendsms", "", b"{}"),
}
"""A request that gets the number, by what it says itself."""
BY_A_REASON: dict[int, Reject] = {
    1002: Reject.SENSITIVE_WORD,
    1006: Reject.EXTEND_INVALID,
    1007: Reject.INTERNAL,
    1008: Reject.TOO_BUSY,
    1012: Reject.SIGNATURE_UNUSABLE,
    1015: Reject.BLACKLISTED,
    1017: Reject.TEXT_TOO_LONG,
    1022: Reject.APP_DAY,
    1023: Reject.LIMIT_30_SECONDS,
    1024: Reject.LIMIT_HOUR,
    1025: Reject.LIMIT_DAY,
    1026: Reject.SAME_CONTENT_DAY,
    1029: Reject.MARKETING_HOURS,
    1031: Reject.NO_PACKAGE,
    1032: Reject.MARKETING_DENIED,
    1033: Reject.ARREARS,
    1034: Reject.MIXED_REGIONS,
    1036: Reject.PARAM_TOO_LONG,
    1038: Reject.PARAM_FORMAT,
    1045: Reject.COUNTRY_CLOSED,
    1046: Reject.TOO_MANY_NUMBERS,
    1047: Reject.ABROAD_DAY,
    1048: Reject.PARAM_HAS_LINK,
}
"""Why the pipeline would not take a message that gets the number."""
ELSEWHERE = {
    1009: "test_a_key_works_only_from_where_it_may_be_used",
    1011: "test_other_paths_are_answered_as_the_gateway_does",
    60007: "test_whoever_asks_too_often_is_told_by_the_gateway",
}
NEVER = {
    1013: "every limit has a number of its own",
    60008: "what does not answer in time here is the platform itself, and that is 1008",
    60013: "there is no backend whose answer would have to be read",
    **dict.fromkeys((3001, 3002, 3003, 3004, 3011, 3014), "there are no voice calls yet"),
}
"""Numbers that no answer has, each with its reason."""


@pytest.mark.parametrize("number", BY_ITS_WORDS)
async def test_a_number_is_told_for_what_a_request_says(number: int) -> None:
    told = await ask(BY_ITS_WORDS[number])
    assert told.get("result", told.get("ErrorCode")) == number


@pytest.mark.parametrize("number", BY_A_REASON)
async def test_a_number_is_told_for_what_the_pipeline_says(number: int) -> None:
    assert (await ask(send(), lambda _: Refusal(BY_A_REASON[number])))["result"] == number


def test_every_documented_number_is_told_by_a_test_or_never_with_a_reason() -> None:
    documented = {int(number) for family in CODES.values() for number in family}
    told = [*BY_ITS_WORDS, *BY_A_REASON, *ELSEWHERE]
    assert sorted([*told, *NEVER]) == sorted(documented)
    assert {fault.result for fault in errors.EVERY} == set(told)
    assert all(name in globals() for name in ELSEWHERE.values())


def test_the_door_answers_every_path_it_names() -> None:
    assert door()[0].doors.keys() == {*CALLS, UPLOAD}


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("POST", f"{SMS}sendfax", {"result": 1011, "errmsg": "no such REST API"}),
        ("POST", f"{VOICE}sendsms", {"result": 1011, "errmsg": "no such REST API"}),
        ("POST", "/v5/other/sendsms", {"ActionStatus": "FAIL", "ErrorInfo": "wrong URL", "ErrorCode": 60009}),
        ("GET", f"{SMS}sendsms", {"ActionStatus": "FAIL", "ErrorInfo": "only POST is taken", "ErrorCode": 60002}),
        ("GET", UPLOAD, {"ActionStatus": "FAIL", "ErrorInfo": "only POST is taken", "ErrorCode": 60002}),
    ],
)
def test_other_paths_are_answered_as_the_gateway_does(method: str, path: str, told: dict[str, Any]) -> None:
    response = TestClient(starlette(routes.routes())).request(method, path)
    assert (response.status_code, response.headers["content-type"], response.json()) == (200, "application/json", told)
