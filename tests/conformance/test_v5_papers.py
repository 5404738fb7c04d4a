"""Signatures and templates through the v5 door, on a real PostgreSQL."""

import base64
import itertools
import json
import os
import zlib
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from acting import OPERATOR
from hongyan.control.plane import ControlPlane, assemble
from hongyan.doors.tencent_v5 import auth
from hongyan.doors.tencent_v5.acts.papers import Papers
from hongyan.doors.tencent_v5.routes import TencentV5Door
from hongyan.doors.tencent_v5.schema import SMS
from hongyan.kit.blobs import Directory
from hongyan.kit.db import Database
from hongyan.kit.door import Request
from hongyan.kit.secretbox import SecretBox
from hongyan.model.message import Kind
from hongyan.model.papers import QualificationDraft, SignatureDraft, TemplateDraft
from hongyan.model.snapshot import AccountKind, Scope, Snapshot

NOW = 1_795_399_200
"""2026-11-23, 10:00 in Asia/Shanghai."""
CODE = "您的登录验证码为{1}，{2}分钟内有效。"
names = (f"v5 {n}" for n in itertools.count(1))


def picture() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    head = (1).to_bytes(4) * 2 + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


PROOF = base64.b64encode(picture()).decode()


@pytest.fixture
def control(database: Database, tmp_path: Path) -> ControlPlane:
    return assemble(
        database,
        SecretBox(bytes(32), os.urandom),
        clock=lambda: float(NOW),
        entropy=os.urandom,
        check_url=lambda _url: None,
        blobs=Directory(tmp_path / "documents"),
    )


class Held:
    """A snapshot as a process has it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    async def admit(self, account_id: int, action: str, rate: int) -> bool:
        return bool(account_id and action and rate)


class Program(msgspec.Struct, frozen=True):
    """An application of a customer, and its program."""

    control: ControlPlane
    account_id: int
    app_id: int
    app_key: str

    async def ask(self, call: str, **fields: Any) -> dict[str, Any]:
        held, nobody = Held(await self.control.snapshots.load()), cast("Any", None)
        control = self.control
        door = TencentV5Door(
            directory=held,
            send=nobody,
            pulls=nobody,
            counts=control.statistics,
            papers=Papers(control.documents, control.qualifications, control.signatures, control.templates),
            rates=held,
            clock=lambda: float(NOW),
        )
        body = json.dumps({"sig": auth.signed(self.app_key, "1", str(NOW), ""), "time": NOW} | fields).encode()
        query = f"sdkappid={self.app_id}&random=1".encode()
        response = await door(Request("POST", SMS + call, query, {}, body, "192.0.2.7", too_large=False, request_id="r"))
        told: dict[str, Any] = json.loads(response.body)
        return told

    async def done(self, call: str, **fields: Any) -> dict[str, Any]:
        told = await self.ask(call, **fields)
        assert told["result"] == 0, told
        return told


async def program(control: ControlPlane, kind: AccountKind = AccountKind.ENTERPRISE, account_id: int | None = None) -> Program:
    account = account_id or (await control.accounts.create(OPERATOR, next(names), kind)).id
    made = await control.apps.create(OPERATOR, account, next(names))
    return Program(control, account, made.app.id, made.app_key)


async def test_a_signature_goes_from_application_to_approval(control: ControlPlane) -> None:
    shop = await program(control)
    made = (await shop.done("add_sign", text="鸿雁科技", pic=PROOF, remark="我们的公司"))["data"]
    assert made == {"id": made["id"], "international": 0, "status": 1, "text": "鸿雁科技"}
    [waiting] = (await shop.done("get_sign", sign_id=[made["id"]]))["data"]
    assert waiting == {
        "id": made["id"],
        "international": 0,
        "text": "鸿雁科技",
        "status": 1,
        "reply": "",
        "apply_time": "2026-11-23 10:00:00",
        "reply_time": "",
    }
    row = (await control.signatures.get(OPERATOR, made["id"])).row
    assert (row.app_id, row.remark, len(row.proofs)) == (shop.app_id, "我们的公司", 1)
    assert (await control.documents.read(OPERATOR, row.proofs[0])).content == picture()
    await control.signatures.reject(OPERATOR, made["id"], ("unreadable",), "请重拍")
    [refused] = (await shop.done("get_sign", sign_id=[str(made["id"])]))["data"]
    assert (refused["status"], refused["reply_time"]) == (2, "2026-11-23 10:00:00")
    assert refused["reply"].endswith("请重拍")
    changed = await shop.done("mod_sign", sign_id=made["id"], text="鸿雁通信", pic=f"data:image/png;base64,{PROOF}")
    assert changed["data"] == {"id": made["id"], "international": 0, "status": 1, "text": "鸿雁通信"}
    await control.signatures.approve(OPERATOR, made["id"])
    told = await shop.done("get_sign", sign_page={"max": "10", "offset": 0})
    assert (told["msg"], told["count"], told["total"]) == ("", 1, 1)
    assert [(each["id"], each["status"]) for each in told["data"]] == [(made["id"], 0)]
    assert (await shop.ask("mod_sign", sign_id=made["id"], text="别的名字"))["result"] == 1007
    assert await shop.done("del_sign", sign_id=[made["id"]]) == {"result": 0, "errmsg": ""}
    assert (await shop.done("get_sign", sign_id=[made["id"]]))["data"] == []
    actions = {row.action: row.actor_name for row in await control.audit.page(OPERATOR, account_id=shop.account_id)}
    assert actions["signature.submit"] == actions["signature.delete"] == actions["document.add"] == f"sdkappid {shop.app_id}"


async def test_a_signature_rests_on_the_qualification_that_the_account_has(control: ControlPlane) -> None:
    shop = await program(control)
    licence = await control.documents.add(OPERATOR, shop.account_id, "licence.png", picture())
    draft = QualificationDraft(name="own", company="鸿雁科技有限公司", credit_code="91350100M000100Y43", documents=(licence.id,))
    qualification = await control.qualifications.add(OPERATOR, shop.account_id, draft)
    assert (await shop.ask("add_sign", text="鸿雁科技"))["result"] == 1012
    for review in await control.review.page(OPERATOR):
        if review.account_id == shop.account_id:
            await control.review.approve(OPERATOR, review.id)
    made = (await shop.done("add_sign", text="鸿雁科技"))["data"]
    assert (await control.signatures.get(OPERATOR, made["id"])).row.qualification_id == qualification.id


async def test_a_template_goes_from_application_to_approval(control: ControlPlane) -> None:
    shop = await program(control)
    made = (await shop.done("add_template", text=CODE, type=0, title="登录", remark="登录用"))["data"]
    assert made == {"id": made["id"], "international": 0, "status": 1, "text": CODE, "type": 0}
    changed = (await shop.done("mod_template", tpl_id=str(made["id"]), text=CODE + "勿告他人。", type="0"))["data"]
    assert changed["text"] == CODE + "勿告他人。"
    row = await control.templates.get(OPERATOR, made["id"])
    assert (row.name, row.remark, row.kind, row.app_id) == ("登录", "登录用", Kind.VERIFICATION, shop.app_id)
    await control.templates.approve(OPERATOR, made["id"])
    told = await shop.done("get_template", tpl_id=[made["id"]])
    assert told == {
        "result": 0,
        "errmsg": "",
        "msg": "",
        "count": 1,
        "data": [
            {
                "id": made["id"],
                "international": 0,
                "text": CODE + "勿告他人。",
                "status": 0,
                "reply": "",
                "apply_time": "2026-11-23 10:00:00",
                "reply_time": "2026-11-23 10:00:00",
                "type": 0,
                "title": "登录",
            }
        ],
    }
    assert (await shop.ask("mod_template", tpl_id=made["id"], text=CODE, type=0))["result"] == 1007
    assert await shop.done("del_template", tpl_id=[made["id"]]) == {"result": 0, "errmsg": ""}


@pytest.mark.parametrize(
    ("content", "type_", "kind"),
    [
        (CODE, 0, Kind.VERIFICATION),
        ("Your code is {1}.", 0, Kind.VERIFICATION),
        ("{1}，您好，验证码{2}，{3}分钟内有效。", 0, Kind.NOTICE),
        ("您的订单{1}已发货。", 0, Kind.NOTICE),
        ("会员日全场{1}折，拒收请回复R", 1, Kind.MARKETING),
    ],
)
async def test_the_kind_follows_from_type_and_content(control: ControlPlane, content: str, type_: int, kind: Kind) -> None:
    shop = await program(control)
    made = (await shop.done("add_template", text=content, type=type_, international=int(content.isascii())))["data"]
    row = await control.templates.get(OPERATOR, made["id"])
    assert (row.kind, row.scope, row.name) == (kind, Scope(int(content.isascii())), content[:20])
    assert made["type"] == type_


async def test_lists_come_in_pages_of_what_the_application_may_use(control: ControlPlane) -> None:
    shop = await program(control)
    other = await program(control, account_id=shop.account_id)
    stranger = await program(control)
    mine = [(await shop.done("add_template", text=f"第{n}个通知。", type=0))["data"]["id"] for n in range(3)]
    its = (await other.done("add_template", text="别的应用的通知。", type=0))["data"]["id"]
    common = (await control.templates.add(OPERATOR, shop.account_id, TemplateDraft(
        name="common", kind=Kind.NOTICE, scope=Scope.MAINLAND, content="大家的通知。"
    ))).id  # fmt: skip
    told = await shop.done("get_template", tpl_page={"max": 2, "offset": 1})
    assert ([each["id"] for each in told["data"]], told["count"], told["total"]) == (mine[1:], 2, 4)
    told = await shop.done("get_template", tpl_page={"max": 50, "offset": 3})
    assert [each["id"] for each in told["data"]] == [common]
    assert (await shop.done("get_template", tpl_id=[its, mine[0]]))["count"] == 1
    assert (await stranger.done("get_template", tpl_id=[*mine, common]))["data"] == []
    assert (await stranger.done("get_template", tpl_page={"max": 1}))["total"] == 0


async def test_an_application_changes_only_what_was_applied_for_with_it(control: ControlPlane) -> None:
    shop = await program(control)
    other = await program(control, account_id=shop.account_id)
    stranger = await program(control)
    template = (await shop.done("add_template", text="到了。", type=0))["data"]["id"]
    sign = (await shop.done("add_sign", text="鸿雁科技", pic=PROOF))["data"]["id"]
    common = (await control.signatures.add(OPERATOR, shop.account_id, SignatureDraft(name="大家", scope=Scope.MAINLAND))).id
    for asking, result in ((other, 1006), (stranger, 1007)):
        assert (await asking.ask("mod_template", tpl_id=template, text="到了！", type=0))["result"] == result
        assert (await asking.ask("del_template", tpl_id=[template]))["result"] == result
        assert (await asking.ask("mod_sign", sign_id=sign, text="别的名字"))["result"] == result
        assert (await asking.ask("del_sign", sign_id=[sign]))["result"] == result
    assert (await shop.ask("del_sign", sign_id=[sign, common]))["result"] == 1006
    assert (await shop.done("get_sign", sign_page={"max": 50}))["count"] == 2
    gone = await stranger.ask("del_sign", sign_id=[10**15])
    foreign = await stranger.ask("del_sign", sign_id=[sign])
    assert foreign["errmsg"].replace(str(sign), "") == gone["errmsg"].replace(str(10**15), "")


@pytest.mark.parametrize(
    ("call", "fields", "result"),
    [
        ("add_sign", {"text": "通知"}, 1012),
        ("add_sign", {"text": "一个太长太长太长太长太长太长的名字"}, 1012),
        ("add_sign", {"text": "鸿雁科技"}, 1012),
        ("add_sign", {"text": "鸿雁科技", "pic": "not base64!"}, 1004),
        ("add_sign", {"text": "鸿雁科技", "pic": base64.b64encode(b"GIF89a").decode()}, 1012),
        ("add_sign", {"text": "鸿雁科技", "pic": PROOF, "international": 2}, 1004),
        ("mod_sign", {"text": "鸿雁科技"}, 1004),
        ("mod_sign", {"sign_id": 10**15, "text": "鸿雁科技"}, 1007),
        ("del_sign", {}, 1004),
        ("del_sign", {"sign_id": []}, 1004),
        ("del_sign", {"sign_id": ["x"]}, 1004),
        ("del_sign", {"sign_id": list(range(201))}, 1004),
        ("get_sign", {}, 1004),
        ("get_sign", {"sign_id": [1], "sign_page": {"max": 1, "offset": 0}}, 1004),
        ("get_sign", {"sign_page": {"max": 51, "offset": 0}}, 1004),
        ("get_sign", {"sign_page": {"max": 10, "offset": "x"}}, 1004),
        ("add_template", {"text": "您的{1}{3}", "type": 0}, 1014),
        ("add_template", {"text": "", "type": 0}, 1014),
        ("add_template", {"text": "会员日八折", "type": 1}, 1014),
        ("add_template", {"text": "到了。"}, 1004),
        ("add_template", {"text": "到了。", "type": 2}, 1004),
        ("mod_template", {"text": "到了。", "type": 0}, 1004),
        ("mod_template", {"tpl_id": 10**15, "text": "到了。", "type": 0}, 1007),
        ("del_template", {"tpl_id": 5}, 1004),
        ("get_template", {"tpl_page": {"offset": 0}}, 1004),
    ],
)
async def test_what_cannot_be_is_refused_with_its_number_and_the_rule(
    control: ControlPlane, call: str, fields: dict[str, Any], result: int
) -> None:
    shop = await program(control)
    told = await shop.ask(call, **fields)
    assert told["result"] == result, told
    assert len(told["errmsg"]) > 20
    assert await control.signatures.total(OPERATOR, shop.account_id) == 0
    assert await control.templates.total(OPERATOR, shop.account_id) == 0


async def test_a_name_that_is_taken_is_told(control: ControlPlane) -> None:
    shop = await program(control)
    await shop.done("add_sign", text="鸿雁科技", pic=PROOF)
    again = await shop.ask("add_sign", text="鸿雁科技", pic=PROOF)
    assert (again["result"], "pending" in again["errmsg"]) == (1007, True)


@pytest.mark.parametrize("call", [f"{verb}_{noun}" for verb in ("add", "mod", "del", "get") for noun in ("sign", "template")])
async def test_individuals_do_not_apply_through_an_api(control: ControlPlane, call: str) -> None:
    someone = await program(control, AccountKind.INDIVIDUAL)
    assert (await someone.ask(call))["result"] == 1006
