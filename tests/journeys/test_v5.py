"""A customer's program that speaks Tencent's v5 API, through the official SDK where it has the call."""

import asyncio
import json
import os
import sys
import time
from typing import Any

import httpx2
import pytest

from hongyan.control.apps import AppChange
from hongyan.control.errors import ControlError
from hongyan.doors.tencent_v5 import auth
from hongyan.kit.db import Database
from hongyan.model.actor import command
from journeys.customers import CallbackServer, Customer, SdkV5
from journeys.platform import Platform, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

OPERATOR = command("tests")
ABROAD = "+33612345678"


class Program:
    """The application's program: its AppKey, and both ways to ask."""

    def __init__(self, customer: Customer, app_key: str, sdk: SdkV5, http: httpx2.AsyncClient) -> None:
        self.customer = customer
        self.app_key = app_key
        self._sdk = sdk
        self._http = http

    async def sdk(self, class_: str, method: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        address = f"http://{self.customer.platform.address}"
        common = {"base": address, "appid": self.customer.app_id, "appkey": self.app_key}
        return await self._sdk.ask(common | {"class": class_, "method": method, "args": args, "kwargs": kwargs})

    async def call(self, call: str, tail: str, **fields: Any) -> dict[str, Any]:
        """A call that the SDK does not have."""
        now = int(time.time())
        body = {"sig": auth.signed(self.app_key, "4711", str(now), tail), "time": now} | fields
        url = f"http://{self.customer.platform.address}/v5/tlssmssvr/{call}?sdkappid={self.customer.app_id}&random=4711"
        response = await self._http.post(url, content=json.dumps(body).encode())
        assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
        answer: dict[str, Any] = response.json()
        return answer


@pytest.fixture
async def program(customer: Customer, platform: Platform, sdk_v5: SdkV5, http: httpx2.AsyncClient) -> Program:
    async with platform.control() as control:
        app_key = await control.apps.app_key(OPERATOR, customer.app_id)
    return Program(customer, app_key, sdk_v5, http)


async def test_a_message_by_template_is_delivered_and_told_to_both_generations(
    program: Program, customer: Customer, callbacks: CallbackServer
) -> None:
    template, to = customer.tenant.templates["notice"], phone()
    mobile = to.removeprefix("+86")
    sent = await program.sdk(
        "SmsSingleSender", "send_with_param", 86, mobile, template.id, list(template.params), sign=customer.tenant.sign_name, ext="order 7"
    )
    assert (sent["result"], sent["errmsg"], sent["ext"], sent["fee"]) == (0, "OK", "order 7", 1)
    await until(callbacks.reports, "the report is called back")
    [told] = callbacks.reports()
    pulled = await program.sdk("SmsStatusPuller", "pull_callback", 10)
    assert pulled == {"result": 0, "errmsg": "ok", "count": 1, "data": [told]}
    assert (told["sid"], told["mobile"], told["report_status"], told["ext"]) == (sent["sid"], mobile, "SUCCESS", "order 7")
    assert await customer.pull() == []
    [newer] = await customer.pull("PullSmsSendStatusByPhoneNumber", PhoneNumber=to, BeginTime=int(time.time()) - 60, Offset=0)
    assert newer["SerialNo"] == sent["sid"]


async def test_many_numbers_are_answered_one_by_one_and_a_bad_one_holds_nobody_up(program: Program, customer: Customer) -> None:
    template = customer.tenant.templates["marketing"]
    mobiles = [phone().removeprefix("+86") for _ in range(199)]
    answer = await program.sdk("SmsMultiSender", "send_with_param", 86, [*mobiles, "12"], template.id, list(template.params))
    assert answer["result"] == 0, answer
    assert [(each["mobile"], each["result"]) for each in answer["detail"]] == [*((mobile, 0) for mobile in mobiles), ("12", 1016)]
    records = await customer.pulled(199)
    assert {record["SerialNo"] for record in records} == {each["sid"] for each in answer["detail"] if not each["result"]}


async def test_what_a_number_was_sent_can_be_looked_up_without_its_code(program: Program, customer: Customer) -> None:
    template, to = customer.tenant.templates["verification"], phone()
    mobile = to.removeprefix("+86")
    sent = await program.sdk("SmsSingleSender", "send_with_param", 86, mobile, template.id, ["385204", "5"])
    await customer.pulled(1)
    stretch = {"begin_time": int(time.time()) - 60, "end_time": int(time.time())}
    told = await program.call("querysms4mobile", f"&mobile={mobile}", nationcode="86", mobile=mobile, **stretch)
    assert (told["result"], told["real_count"], told["truncated"]) == (0, 1, 0)
    [record] = told["data"]
    assert (record["sid"], record["sign"], record["report_status"]) == (sent["sid"], customer.tenant.sign_name, "SUCCESS")
    assert record["text"] == "您的登录验证码为3****4，5分钟内有效，请勿告诉他人。"
    assert (await program.sdk("SmsSingleSender", "send", 0, 86, mobile, "您的验证码丢了"))["result"] == 1014

    async def noted() -> bool:
        again = await program.call("querysms4mobile", f"&mobile={mobile}", nationcode="86", mobile=mobile, **stretch)
        return [each["result"] for each in again["data"]] == [1014, 0]

    stretch["end_time"] += 60
    await until(noted, "the refusal is noted")


async def test_a_message_by_content_is_the_same_as_one_by_template(program: Program, customer: Customer, platform: Platform) -> None:
    to = phone()
    mobile = to.removeprefix("+86")
    text = f"【{customer.tenant.sign_name}】您的登录验证码为385204，5分钟内有效，请勿告诉他人。"
    sent = await program.sdk("SmsSingleSender", "send", 0, 86, mobile, text)
    assert (sent["result"], sent["fee"]) == (0, 1), sent
    await customer.pulled(1)
    async with platform.database() as db, db.connection() as conn:
        row = await conn.fetchrow("select text, template_id, kind from messages where app_id = $1", customer.app_id)
    assert (row["text"], str(row["template_id"])) == (text, customer.tenant.templates["verification"].id)


async def test_a_text_with_a_character_that_nobody_sees_is_told_which(program: Program, customer: Customer) -> None:
    mobile = phone().removeprefix("+86")
    told = await program.sdk("SmsSingleSender", "send", 0, 86, mobile, "您的登录验证\u200b码为385204，5分钟内有效，请勿告诉他人。")
    assert told["result"] == 1014
    assert f"template {customer.tenant.templates['verification'].id}" in told["errmsg"]
    assert "U+200B" in told["errmsg"]
    marketing = await program.sdk("SmsMultiSender", "send", 1, 86, [mobile], "会员日全场八折，本周六当天有效，欢迎光临。拒收请回复R")
    assert marketing["result"] == 0, marketing
    wrong = await program.sdk("SmsMultiSender", "send", 0, 86, [mobile], "会员日全场八折，本周六当天有效，欢迎光临。拒收请回复R")
    assert wrong["result"] == 1014


async def test_a_text_can_be_tried_on_the_command_line(program: Program, customer: Customer) -> None:
    environ = os.environ | {"HONGYAN_DATA_DIR": str(customer.platform.settings.data_dir), "HONGYAN_LANG": "en"}
    mine = ["--endpoint", f"http://{customer.platform.address}", "--app", str(customer.app_id), "--app-key", program.app_key, "--json"]

    async def tried(text: str) -> tuple[int | None, str, str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hongyan", "send-text", "--to", phone(), *mine, text),
            env=environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return process.returncode, out.decode(), err.decode()

    code, out, _ = await tried("您的登录验证码为385204，5分钟内有效，请勿告诉他人。")
    assert (code, [row["result"] for row in json.loads(out)]) == (0, [0])
    await customer.pulled(1)
    code, _, err = await tried("您的登录验证码为385204，请勿告诉他人。")
    assert code
    assert "1014" in err


async def test_a_number_abroad_has_a_call_of_its_own(program: Program, customer: Customer) -> None:
    template = customer.tenant.templates["international"]
    sent = await program.call("sendisms", f"&tel={ABROAD}", tel=ABROAD, tpl_id=template.id, params=list(template.params))
    assert (sent["result"], sent["nationcode"], sent["fee"]) == (0, "33", 1), sent
    [record] = await customer.pulled(1)
    assert record["SerialNo"] == sent["sid"]


async def test_a_reply_is_pulled_and_a_handset_that_opted_out_is_refused(program: Program, customer: Customer, platform: Platform) -> None:
    template, to = customer.tenant.templates["notice"], phone()
    ask = ("SmsSingleSender", "send_with_param", 86, to.removeprefix("+86"), template.id)
    assert (await program.sdk(*ask, ["1", "a"]))["result"] == 0
    await customer.pulled(1)
    await platform.simulate(do="reply", phone=to.removeprefix("+"), text="TD")
    replies: list[dict[str, Any]] = []

    async def replied() -> bool:
        replies.extend((await program.sdk("SmsStatusPuller", "pull_reply", 10))["data"])
        return bool(replies)

    await until(replied, "the reply can be pulled")
    assert [(reply["text"], reply["mobile"], reply["sign"]) for reply in replies] == [
        ("TD", to.removeprefix("+86"), customer.tenant.sign_name)
    ]
    assert (await program.sdk(*ask, ["2", "b"]))["result"] == 1015


async def test_refusals_have_their_numbers_and_write_nothing(program: Program, customer: Customer, database: Database) -> None:
    template = customer.tenant.templates["notice"]
    mobile = phone().removeprefix("+86")

    async def refused(*args: Any, **kwargs: Any) -> int:
        answer = await program.sdk("SmsSingleSender", "send_with_param", *args, **kwargs)
        return int(answer["result"])

    assert await refused(86, mobile, 424242, []) == 1014
    assert await refused(86, mobile, template.id, ["1"]) == 1014
    assert await refused(86, mobile, template.id, ["1", "http://t.cn/a"]) == 1048
    assert await refused(86, mobile, template.id, list(template.params), sign="别人的") == 1012
    assert await refused(86, "12", template.id, list(template.params)) == 1016
    assert await refused(33, "612345678", template.id, list(template.params)) == 1014
    assert await refused(86, mobile, template.id, list(template.params), extend="88") == 1006
    async with database.connection() as conn:
        assert await conn.fetchval("select count(*) from messages where app_id = $1", customer.app_id) == 0


async def test_a_template_is_applied_for_approved_sent_and_counted(program: Program, customer: Customer, platform: Platform) -> None:
    made = await program.call("add_template", "", text="您的包裹{1}已到{2}，请尽快来取。", type=0, title="包裹")
    assert (made["result"], made["data"]["status"]) == (0, 1), made
    mobile = phone().removeprefix("+86")
    text = "您的包裹7已到驿站，请尽快来取。"
    assert (await program.sdk("SmsSingleSender", "send", 0, 86, mobile, text))["result"] == 1014
    async with platform.control() as control:
        await control.templates.approve(OPERATOR, made["data"]["id"])
    await customer.known()
    [listed] = (await program.call("get_template", "", tpl_id=[made["data"]["id"]]))["data"]
    assert (listed["status"], listed["title"]) == (0, "包裹")
    sent = await program.sdk("SmsSingleSender", "send", 0, 86, mobile, text)
    assert sent["result"] == 0, sent
    await customer.pulled(1)
    hour = int(time.strftime("%Y%m%d%H", time.gmtime(time.time() + 8 * 3600)))
    day = {"begin_date": hour // 100 * 100, "end_date": hour}
    counted = await program.call("pullsendstatus", "", **day)
    assert counted["data"]["success"] == counted["data"]["bill_number"] == 1
    ended = await program.call("pullcallbackstatus", "", **day)
    assert (ended["data"]["status"], ended["data"]["status_success"]) == (1, 1)
    packages = await program.call("getsmspackages", "", length=10, offset=0)
    assert (packages["total"], sum(package["used"] for package in packages["data"])) == (2, 1)


async def test_a_key_is_bound_to_networks(program: Program, customer: Customer, platform: Platform) -> None:
    await customer.change(networks=["192.0.2.0/24"])
    refused = await program.sdk("SmsStatusPuller", "pull_callback", 10)
    assert (refused["result"], refused["errmsg"]) == (1009, "the source address is not on the allow list, it is 127.0.0.1")
    await customer.change(networks=["192.0.2.7", "127.0.0.1"])
    assert (await program.sdk("SmsStatusPuller", "pull_callback", 10))["result"] == 0
    async with platform.control() as control:
        with pytest.raises(ControlError, match="no IP address"):
            await control.apps.change(OPERATOR, customer.app_id, AppChange(networks=["nowhere"]))
        assert (await control.apps.get(OPERATOR, customer.app_id)).networks == ("192.0.2.7/32", "127.0.0.1/32")
