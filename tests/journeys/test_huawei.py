"""A customer's program that was written for Huawei Cloud, on a running platform."""

import asyncio
import base64
import hashlib
import json
import time
import uuid
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx2
import msgspec
import pytest

from acting import OPERATOR
from hongyan.control.apps import AppChange
from hongyan.control.blacklist import Where
from hongyan.doors.huawei import ids, signing
from hongyan.kit.db import Database
from hongyan.kit.sink import Sink
from hongyan.model import long_id
from hongyan.model.message import Accepted, Dialect, Kind
from hongyan.model.papers import SignatureDraft, TemplateDraft
from hongyan.model.snapshot import Scope
from journeys.customers import Customer
from journeys.platform import Platform, phone, until
from journeys.rig import running_rig, taken

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

WSSE = 'WSSE realm="SDP",profile="UsernameToken",type="Appkey"'
FORM = "application/x-www-form-urlencoded"


class Program(msgspec.Struct, frozen=True):
    """The application's own key and numbers, and ways to ask."""

    customer: Customer
    http: httpx2.AsyncClient
    key: str
    secret: str
    numbers: dict[int | None, str]
    """By signature; None: of messages abroad."""
    sign_id: int

    @property
    def usual(self) -> str:
        return self.numbers[self.sign_id]

    def form(self, to: str, kind: str = "notice", **fields: str) -> bytes:
        template = self.customer.tenant.templates[kind]
        usual = {
            "from": self.numbers[None] if kind == "international" else self.usual,
            "to": to,
            "templateId": long_id.written(int(template.id)),
            "templateParas": json.dumps(template.params),
        }
        return urlencode(usual | {name.rstrip("_"): value for name, value in fields.items()}).encode()

    def token(self, *, ahead_s: float = 0.0, raw: bool = False) -> dict[str, str]:
        nonce, created = uuid.uuid4().hex, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead_s))
        digest = hashlib.sha256(f"{nonce}{created}{self.secret}".encode())
        proof = base64.b64encode(digest.digest() if raw else digest.hexdigest().encode()).decode()
        x_wsse = f'UsernameToken Username="{self.key}",PasswordDigest="{proof}",Nonce="{nonce}",Created="{created}"'
        return {"Content-Type": FORM, "Authorization": WSSE, "X-WSSE": x_wsse}

    def signature(self, body: bytes, content_type: str, path: str) -> dict[str, str]:
        """As Huawei's signers make it, without the host."""
        headers = {b"content-type": content_type.encode()}
        signed = signing.Signed("POST", path, b"", headers, body)
        return signing.sign(self.key, self.secret, signed, time.time()) | {"Content-Type": content_type}

    async def post(self, body: bytes, headers: dict[str, str], path: str = "/sms/batchSendSms/v1") -> httpx2.Response:
        return await self.http.post(f"http://{self.customer.platform.address}{path}", content=body, headers=headers)

    async def send(self, to: str, kind: str = "notice", **fields: str) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.post(self.form(to, kind, **fields), self.token())).json()
        return answer


@pytest.fixture
async def program(customer: Customer, platform: Platform, http: httpx2.AsyncClient) -> Program:
    async with platform.control() as control:
        pair = await control.access.issue(OPERATOR, customer.app_id)
        rows = await control.from_numbers.page(OPERATOR, app_id=customer.app_id)
        numbers = {row.signature_id: row.number for row in rows}
        account_id = (await control.apps.get(OPERATOR, customer.app_id)).account_id
        found = await control.signatures.page(OPERATOR, account_id=account_id, scope=Scope.MAINLAND)
        sign_id = next(each.row.id for each in found if each.row.name == customer.tenant.sign_name)
    await customer.known()
    return Program(customer, http, pair.access_key, pair.access_secret, numbers, sign_id)


async def messages(database: Database, customer: Customer) -> int:
    async with database.connection() as conn:
        count: int = await conn.fetchval("select count(*) from messages where app_id = $1", customer.app_id)
        return count


async def test_a_message_is_delivered_and_its_report_goes_where_the_request_says(program: Program) -> None:
    async with Sink() as sink:
        to = phone()
        told = await program.send(to, statusCallback=f"{sink.url}/huawei", extend="order 7")
        assert (told["code"], [each["status"] for each in told["result"]]) == ("000000", ["000000"]), told
        await until(lambda: sink.bodies("/huawei"), "the report is called back")
        report = {name: value for name, [value] in parse_qs(sink.bodies("/huawei")[0].decode()).items()}
    [sent] = told["result"]
    assert (report["smsMsgId"], report["status"], report["extend"], report["to"]) == (sent["smsMsgId"], "DELIVRD", "order 7", to)


async def test_a_reply_comes_as_an_uplink_from_the_number_the_program_named_and_r_ends_it(program: Program, platform: Platform) -> None:
    to = phone()
    kept = f"8823{uuid.uuid4().int % 10**9:09}"
    async with platform.control() as control:
        await control.from_numbers.add(OPERATOR, program.customer.app_id, kept, signature_id=program.sign_id)
    await program.customer.known()
    async with Sink() as sink:
        await program.customer.change(reply_url=f"{sink.url}/up")
        sent = (await program.send(to, from_=kept))["result"][0]["smsMsgId"]
        for text in ("谢谢", "R"):
            await platform.simulate(do="reply", phone=to.removeprefix("+"), text=text)
        await until(lambda: len(sink.bodies("/up")) == 2, "both are called back")
        told = [{name: value for name, [value] in parse_qs(body.decode()).items()} for body in sink.bodies("/up")]
    assert sorted((one["from"], one["to"], one["body"]) for one in told) == [(to, kept, "R"), (to, kept, "谢谢")]
    assert all(one["smsMsgId"] != sent for one in told)
    refused = await program.send(to, "verification")
    assert (refused["code"], [each["status"] for each in refused["result"]]) == ("E000510", ["SC:0016"])


async def test_huaweis_windows_are_told_in_its_own_codes(program: Program, platform: Platform) -> None:
    async with platform.control() as control:
        await control.apps.change(OPERATOR, program.customer.app_id, AppChange(preset="huawei"))
    await program.customer.known()
    to = phone()

    async def statuses(kind: str, *values: str) -> list[str]:
        rest = program.customer.tenant.templates[kind].params[1:]
        told = [await program.send(to, kind, templateParas=json.dumps([value, *rest])) for value in values]
        return [each["status"] for answer in told for each in answer["result"]]

    assert await statuses("verification", "1001", "1002", "1003") == ["000000", "000000", "MILIMIT"]
    assert await statuses("notice", "1", "1", "1", "2") == ["000000", "000000", "CTLIMIT", "000000"]


@pytest.mark.parametrize("ahead_s", [0.0, 8 * 3600.0])
@pytest.mark.parametrize("raw", [True, False])
async def test_a_token_in_either_digest_is_good_in_local_time_too(program: Program, *, ahead_s: float, raw: bool) -> None:
    answer = await program.post(program.form(phone()), program.token(ahead_s=ahead_s, raw=raw))
    assert (answer.status_code, answer.json()["code"]) == (200, "000000"), answer.text


async def test_numbers_abroad_are_sent_to_from_the_applications_number_without_a_signature(program: Program, database: Database) -> None:
    told = await program.send("+33612345678", "international")
    assert told["code"] == "000000", told
    message_id = ids.message_id(told["result"][0]["smsMsgId"])
    async with database.connection() as conn:
        row = await conn.fetchrow(
            "select text, signature_id from messages where app_id = $1 and id = $2", program.customer.app_id, message_id
        )
    assert (row["text"][:17], row["signature_id"]) == ("Your verification", None)


async def test_five_hundred_numbers_are_taken_and_what_is_wrong_is_told_one_by_one(program: Program, database: Database) -> None:
    numbers = [phone() for _ in range(497)]
    told = await program.send(",".join([*numbers, "12", numbers[0], "+33612345678"]), "notice")
    statuses = Counter(each["status"] for each in told["result"])
    assert (told["code"], statuses) == ("E000510", {"000000": 497, "E200031": 1, "E200041": 1, "E200022": 1})
    assert await messages(database, program.customer) == 497


async def test_many_texts_are_sent_to_whom_they_are_for(program: Program, database: Database) -> None:
    templates = program.customer.tenant.templates
    contents = [
        {"to": [phone(), phone()], "templateId": long_id.written(int(templates["notice"].id)), "templateParas": templates["notice"].params},
        {"to": [phone()], "templateId": long_id.written(int(templates["verification"].id)), "templateParas": ["123456", "5"]},
    ]
    body = json.dumps({"from": program.usual, "smsContent": contents}).encode()
    path = "/sms/batchSendDiffSms/v1"
    answer = await program.post(body, program.signature(body, "application/json", path), path)
    assert (answer.status_code, answer.json()["code"], len(answer.json()["result"])) == (200, "000000", 3)
    assert await messages(database, program.customer) == 3


async def test_a_copied_request_sends_nothing_for_as_long_as_its_proof_is_good(program: Program, database: Database) -> None:
    for headers in (lambda _body: program.token(), lambda body: program.signature(body, FORM, "/sms/batchSendSms/v1")):
        before = await messages(database, program.customer)
        body = program.form(phone())
        proof = headers(body)
        answers = await asyncio.gather(*(program.post(body, proof) for _ in range(30)))
        codes = Counter(each["status"] for answer in answers for each in answer.json()["result"])
        assert codes["000000"] >= 1
        assert codes.total() == 30
        assert await messages(database, program.customer) == before + 1
    # A token's copy is answered with the very message that it was promised.
    body, proof = program.form(phone()), program.token()
    first, second = [(await program.post(body, proof)).json() for _ in range(2)]
    assert first["result"][0]["smsMsgId"] == second["result"][0]["smsMsgId"]


async def test_a_copied_token_sends_nothing_hours_later(database_url: str) -> None:
    async with running_rig(database_url) as rig:
        first = msgspec.structs.replace(rig.command("notice"), dialect=Dialect.HUAWEI, request_id=str(uuid.uuid4()), since=rig.now - 86_400)
        message = await rig.asked(first)
        assert isinstance(message, Accepted)
        await rig.answer(await rig.handed_over(message), taken)
        rig.now += 20 * 3600
        assert await rig.asked(first) == message
        other = msgspec.structs.replace(first, request_id=str(uuid.uuid4()))
        assert await rig.asked(other) != message
        assert await rig.asked(other) == await rig.asked(other)


async def test_a_universal_template_takes_the_signature_that_is_named(program: Program, platform: Platform, database: Database) -> None:
    async with platform.control() as control:
        account_id = (await control.apps.get(OPERATOR, program.customer.app_id)).account_id
        named = await control.signatures.add(
            OPERATOR, account_id, SignatureDraft(name="鸿雁通用", scope=Scope.MAINLAND, app_id=program.customer.app_id, usage=Kind.NOTICE)
        )
        await control.signatures.approve(OPERATOR, named.id)
        alias = uuid.uuid4().hex
        draft = TemplateDraft(
            name="universal", kind=Kind.NOTICE, scope=Scope.MAINLAND, content="您的包裹{1}到了。", universal=True, alias=alias,
            app_id=program.customer.app_id,
        )  # fmt: skip
        template = await control.templates.add(OPERATOR, account_id, draft)
        await control.templates.approve(OPERATOR, template.id)
    await program.customer.known()
    without = await program.send(phone(), templateId=alias, templateParas='["7"]')
    told = await program.send(phone(), templateId=alias, templateParas='["7"]', signature="鸿雁通用")
    assert ([each["status"] for each in without["result"]], told["code"]) == (["E200020"], "000000")
    async with database.connection() as conn:
        text = await conn.fetchval("select text from messages where app_id = $1", program.customer.app_id)
    assert text == "【鸿雁通用】您的包裹7到了。"


async def test_limits_and_blacklists_answer_in_the_vendors_codes(program: Program, platform: Platform) -> None:
    to, black = phone(), phone()
    async with platform.control() as control:
        await control.blacklist.add(OPERATOR, Where(app_id=program.customer.app_id), [black])
    first, again, refused = await program.send(to), await program.send(to), await program.send(black)
    assert [answer["result"][0]["status"] for answer in (first, again, refused)] == ["000000", "CTLIMIT", "BLACK"]


async def test_the_same_account_uses_both_vendors_apis_at_once(program: Program, database: Database) -> None:
    to = phone()
    assert (await program.send(to))["code"] == "000000"
    [status] = await program.customer.submit([to])
    assert status["Code"] == "LimitExceeded.PhoneNumberThirtySecondLimit"
    assert await messages(database, program.customer) == 1
    await program.customer.pulled(1)


async def test_nobody_elses_number_or_key_sends(program: Program, database: Database, platform: Platform) -> None:
    async with platform.control() as control:
        others = await control.from_numbers.page(OPERATOR)
    number = next(row.number for row in others if row.app_id != program.customer.app_id)
    told = await program.send(phone(), from_=number)
    assert [each["status"] for each in told["result"]] == ["E200018"]

    async def noted() -> bool:
        async with database.connection() as conn:
            reasons = await conn.fetch("select reason from refusals where app_id = $1", program.customer.app_id)
        return [row[0] for row in reasons] == ["sender_not_allowed"]

    await until(noted, "the refusal can be looked up")
    answer = await program.post(
        program.form(phone()), program.token() | {"X-WSSE": program.token()["X-WSSE"].replace(program.key, "nobody")}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "E000102")
    assert await messages(database, program.customer) == 0
