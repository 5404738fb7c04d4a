"""The official SDK (huaweicloudsdkmsgsms), in its own environment, with every operation against the management API on a real PostgreSQL."""

import asyncio
import contextlib
import itertools
import json
import os
import socket
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from acting import OPERATOR
from hongyan.control.plane import ControlPlane, assemble
from hongyan.doors.huawei.catalogue import OPERATIONS
from hongyan.doors.huawei.manage import Management
from hongyan.kit.blobs import Directory
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.kit.web import HotPaths, serve
from hongyan.model.actor import Permission
from hongyan.model.credit_code import check_letter
from hongyan.model.message import Kind
from hongyan.model.papers import QualificationDraft, ReviewKind
from hongyan.model.snapshot import AccountKind, Snapshot
from hongyan.model.values import ValueType

ROOT = Path(__file__).parents[2]
SDK_PYTHON = ROOT / ".venv-sdk/bin/python"
DRIVER = ROOT / "tests/contract/sdk/driver_msgsms.py"
PROJECT = "0f5a3a2c9b8d4e7f"
BODY = "91310000MA1K3YQ6X"

Ask = Callable[..., Awaitable[dict[str, Any]]]
names = (f"msgsms {n}" for n in itertools.count(1))


def picture() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    head = (1).to_bytes(4) * 2 + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


class Held:
    """A snapshot as a process has it, and rates that let everybody in."""

    snapshot: Snapshot
    busy = ""
    """What may not be asked now."""

    async def admit(self, account_id: int, action: str, rate: int) -> bool:
        return bool(account_id and rate) and action != self.busy


class Platform:
    """What is behind the API, on a socket."""

    def __init__(self, control: ControlPlane, address: str, held: Held, sdk: asyncio.subprocess.Process) -> None:
        self.control = control
        self.address = address
        self.held = held
        self._sdk = sdk

    async def perform(self, order: dict[str, Any]) -> dict[str, Any]:
        assert self._sdk.stdin is not None
        assert self._sdk.stdout is not None
        self._sdk.stdin.write(json.dumps(order).encode() + b"\n")
        line = await self._sdk.stdout.readline()
        assert line, "the SDK's process has ended: it says why above"
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def refresh(self) -> None:
        self.held.snapshot = await self.control.snapshots.load()

    async def customer(self) -> "Customer":
        account = (await self.control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)).id
        key = await self.control.keys.create(OPERATOR, account)
        await self.refresh()
        return Customer(self, account, key.secret_id, key.secret_key)


class Customer:
    """A program with the SDK."""

    def __init__(self, platform: Platform, account_id: int, ak: str, sk: str) -> None:
        self.platform, self.account_id, self.ak, self.sk = platform, account_id, ak, sk

    async def all(self, *orders: dict[str, Any]) -> list[dict[str, Any]]:
        """What came of each."""
        common = {"endpoint": f"http://{self.platform.address}", "ak": self.ak, "sk": self.sk, "project_id": PROJECT}
        return [await self.platform.perform(common | order) for order in orders]

    async def ask(self, operation: str, body: dict[str, Any] | None = None, **args: Any) -> Any:
        [answer] = await self.all({"operation": operation, "args": args} | ({} if body is None else {"body": body}))
        assert "told" in answer, answer
        return answer["told"]

    async def refused(self, operation: str, body: dict[str, Any] | None = None, **args: Any) -> tuple[int, str]:
        [answer] = await self.all({"operation": operation, "args": args} | ({} if body is None else {"body": body}))
        assert "told" not in answer, answer
        assert answer["request_id"]
        return answer["status"], answer["code"]


@pytest.fixture
async def platform(database: Database, tmp_path: Path) -> AsyncIterator[Platform]:
    if not SDK_PYTHON.exists():
        pytest.fail("the SDK's environment is missing; create it with: make .venv-sdk/.installed")
    control = assemble(
        database,
        SecretBox(bytes(32), os.urandom),
        clock=time.time,
        entropy=os.urandom,
        check_url=lambda _url: None,
        blobs=Directory(tmp_path / "documents"),
    )
    held = Held()
    management = Management(control=control, directory=held, rates=held, used=lambda _key, _address: None, clock=time.time)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        stop, ready = asyncio.Event(), asyncio.Event()
        app = HotPaths({}, management)
        serving = asyncio.create_task(serve(app, sock, stop=stop, patience_s=1, ready=ready.set))
        await ready.wait()
        # The SDK honours proxies, and a loopback address is nothing for them.
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        sdk = await asyncio.create_subprocess_exec(
            SDK_PYTHON, DRIVER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**20, env=environment
        )
        yield Platform(control, f"127.0.0.1:{sock.getsockname()[1]}", held, sdk)
        await sdk.communicate(b"")
        assert sdk.returncode == 0
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await serving


async def test_an_application_is_made_shown_changed_and_counted(platform: Platform) -> None:
    shop = await platform.customer()
    made, _plain, _intl = [
        each["told"]
        for each in await shop.all(
            {
                "operation": "create_app",
                "body": {
                    "app_name": "商城",
                    "region": "cn",
                    "up_link_addr": "https://shop.example/uplink",
                    "show_secret": True,
                    "enterprise_project_id": "ep-7",
                    "enterprise_project_name": "电商",
                },
            },
            {"operation": "create_app", "body": {"app_name": "plain"}},
            {"operation": "create_app", "body": {"app_name": "abroad", "region": "intl"}},
        )
    ]
    assert set(made) == {"id", "app_name", "app_key", "app_secret"}
    assert set(_plain) == {"id", "app_name", "app_key"}
    assert len(made["id"]) == 32
    [app] = [app for app in (await platform.control.snapshots.load()).access.values() if app.key == made["app_key"]]
    assert app.secret == made["app_secret"]

    shown = await shop.ask("show_app", id=made["id"])
    assert shown["app_name"] == "商城"
    assert (shown["status"], shown["region"], shown["up_link_addr"]) == ("LAUNCHED", "cn", "https://shop.example/uplink")
    assert (shown["enterprise_project_id"], shown["enterprise_project_name"]) == ("ep-7", "电商")
    assert shown["app_access_addr"] == f"http://{platform.address}"
    assert shown["intl_channel_num"].isdigit()
    assert shown["tenant"]["customer_id"] == shown["customer_id"]

    changed = await shop.ask("update_app", {"app_name": "新商城"}, id=made["id"])
    assert changed == {"id": made["id"], "app_name": "新商城", "app_key": made["app_key"]}
    assert (await shop.ask("show_app", id=made["id"]))["up_link_addr"] == "https://shop.example/uplink"

    listed = await shop.ask("list_app_details", limit=2, sort_key="create_time", sort_dir="asc")
    assert ([app["app_name"] for app in listed["results"]], listed["total"]) == (["新商城", "plain"], 3)
    answers = await shop.all(
        {"operation": "list_app_details", "args": {"region": "intl"}},
        {"operation": "list_app_details", "args": {"app_name": "商"}},
        {"operation": "list_app_details", "args": {"status": "SUSPENDED"}},
        {"operation": "list_app_details", "args": {"start_time": "2001-01-01 00:00:00", "end_time": "2001-01-02 00:00:00"}},
        {"operation": "show_app_count", "args": {}},
        {"operation": "show_app_count", "args": {"region": "intl"}},
    )
    told = [answer["told"] for answer in answers]
    assert [[app["app_name"] for app in each["results"]] for each in told[:4]] == [["abroad"], ["新商城"], [], []]
    assert told[4:] == [{"total": 1000, "used": 3}, {"total": 1000, "used": 1}]
    [by_region] = await shop.all({"operation": "show_app_count", "region": "cn-north-4"})
    assert by_region["told"]["used"] == 3
    assert await shop.refused("create_app", {"app_name": "新商城"}) == (400, "MSGSMS.0029")
    assert await shop.refused("list_app_details", sort_key="nonsense") == (400, "MSGSMS.0002")


async def test_a_signature_and_its_templates_live_from_application_to_deletion(  # noqa: PLR0915 - one life, from beginning to end
    platform: Platform, tmp_path: Path
) -> None:
    shop, control = await platform.customer(), platform.control
    licence = tmp_path / "licence.png"
    licence.write_bytes(picture())
    app = (await shop.ask("create_app", {"app_name": "shop"}))["id"]
    [uploaded] = await shop.all({"operation": "upload_signature_file", "args": {"file_desc": "营业执照 a/b"}, "file": str(licence)})
    file_id = uploaded["told"]["file_id"]
    known = await shop.ask("show_signature_file", file_id=file_id)
    assert (known["file_name"], known["file_desc"], known["file_ref"], known["file_type"]) == ("licence.png", "营业执照 a/b", 0, 1)
    assert known["file_size"] == len(picture())

    firm = await control.qualifications.add(
        OPERATOR,
        shop.account_id,
        QualificationDraft(name="firm", company="鸿雁科技有限公司", credit_code=BODY + check_letter(BODY), documents=(int(file_id, 16),)),
    )
    asked = {
        "app_id": app,
        "signature_name": "鸿雁科技",
        "signature_type": "NOTIFY_TYPE",
        "signature_source": 2,
        "source_title_content": "鸿雁 App",
        "apply_desc": "通知",
        "file_id": file_id,
        "is_involved_third": "No",
        "qualification_id": f"{firm.id:032x}",
    }
    made = await shop.ask("create_signature", asked)
    assert set(made) == {"id", "signature_id", "signature_name"}
    sign = made["id"]
    waiting = await shop.ask("show_signature", id=sign)
    assert waiting["status"] == "PENDING_QUALIFICATION_REVIEW"
    await control.qualifications.approve(OPERATOR, firm.id)
    assert (await shop.ask("show_signature", id=sign))["status"] == "PENDING_REVIEW"
    assert await shop.refused("update_signature", asked, id=sign) == (400, "MSGSMS.0007")
    assert await shop.refused("create_signature", asked) == (400, "MSGSMS.0006")

    template = {
        "app_id": app,
        "template_name": "到货",
        "template_type": "NOTIFY_TYPE",
        "template_content": "您的订单${1}已于${2}到货，请致电${3}",
        "template_desc": "到货通知",
        "region": "cn",
        "sign_id": sign,
        "universal_template": 0,
        "brackets": "CN",
        "variable_attributes": [
            {"variable_index": 1, "variable_type": "CHARDIGIT"},
            {"variable_index": 2, "variable_type": "DATETIME"},
            {"variable_index": 3, "variable_type": "PHONE", "variable_desc": "客服"},
        ],
    }
    made = await shop.ask("create_template", template)
    assert set(made) == {"id", "template_name"}
    which = made["id"]
    shown = await shop.ask("show_template", id=which)
    assert (shown["flow_status"], shown["template_content"]) == ("SignReviewing", template["template_content"])
    assert await shop.refused("create_template", template) == (400, "MSGSMS.0008")
    assert await shop.refused("update_template", template, id=which) == (400, "MSGSMS.0010")
    assert await shop.refused("delete_template", id=which) == (400, "MSGSMS.0029")

    await control.signatures.reject(OPERATOR, int(sign, 16), ["mismatch"], "名称不符")
    refused = await shop.ask("show_signature", id=sign)
    assert (refused["status"], "名称不符" in refused["review_desc"]) == ("REVIEW_NOT_PASS", True)
    await shop.ask("update_signature", {"apply_desc": "再次申请"}, id=sign)
    await control.signatures.approve(OPERATOR, int(sign, 16))
    approved = await shop.ask("show_signature", id=sign)
    assert (approved["status"], approved["signature_type"], approved["signature_source"]) == (
        "REVIEW_PROCESSING_COMPLETED",
        "NOTIFY_TYPE",
        2,
    )
    assert (approved["apply_desc"], approved["source_title_content"]) == ("再次申请", "鸿雁 App")
    assert (approved["qualification_name"], approved["file_id"]) == ("firm", file_id)
    assert approved["channel_num"].isdigit()
    assert (await shop.ask("show_signature_file", file_id=file_id))["file_ref"] == 1

    await control.templates.approve(OPERATOR, int(which, 16))
    kept = (await control.snapshots.load()).templates[int(which, 16)]
    assert (kept.content, kept.kind) == ("您的订单{1}已于{2}到货，请致电{3}", Kind.NOTICE)
    assert kept.values.types == (ValueType.CHARDIGIT, ValueType.DATETIME, ValueType.PHONE)
    variables = await shop.ask("list_template_varilable_details", id=which)
    assert variables["total"] == 3
    assert [(each["variable_index"], each["variable_type"], each["variable_length"]) for each in variables["results"]] == [
        (1, "CHARDIGIT", 20),
        (2, "DATETIME", 20),
        (3, "PHONE", 15),
    ]
    assert variables["results"][2]["variable_desc"] == "客服"
    other = {"template_content": "您的订单${1}已于${2}发货，请致电${3}"}
    assert await shop.refused("update_template", other, id=which) == (400, "MSGSMS.0187")
    assert (await shop.ask("update_template", {"template_name": "到货通知"}, id=which))["template_name"] == "到货通知"
    assert (await shop.ask("update_template", template | {"template_name": "又一个"}, id=which))["template_name"] == "又一个"
    await shop.ask("update_template", {"flow_status": "Disable"}, id=which)
    assert (await shop.ask("show_template", id=which))["flow_status"] == "Disable"
    await shop.ask("update_template", other, id=which)
    assert (await shop.ask("show_template", id=which))["flow_status"] == "Reviewing"

    await control.signatures.deactivate(OPERATOR, int(sign, 16))
    assert (await shop.ask("show_signature", id=sign))["status"] == "TO_BE_ACTIVATED"
    assert await shop.ask("enable_signature", id=sign) in (None, {})
    assert (await shop.ask("show_signature", id=sign))["status"] == "PENDING_ACTIVATE"
    await control.signatures.approve(OPERATOR, int(sign, 16))
    await shop.ask("delete_signature", id=sign)
    assert await shop.refused("show_signature", id=sign) == (404, "MSGSMS.0005")
    assert await shop.refused("show_template", id=which) == (404, "MSGSMS.0009")
    assert await control.review.page(OPERATOR, kind=ReviewKind.TEMPLATE, subject_id=int(which, 16))


async def test_templates_for_abroad_drafts_and_lists(platform: Platform) -> None:
    shop, control = await platform.customer(), platform.control
    app = (await shop.ask("create_app", {"app_name": "shop"}))["id"]
    [countries, asia, japan] = [
        each["told"]
        for each in await shop.all(
            {"operation": "list_send_country_details", "args": {}},
            {"operation": "list_send_country_details", "args": {"country_name_en": "japan"}},
            {"operation": "list_send_country_details", "args": {"country_name_zh": "日本"}},
        )
    ]
    assert len(countries) > 200
    assert asia == japan == [{"country_id": asia[0]["country_id"], "country_name_en": "Japan", "country_name_zh": "日本"}]
    abroad = {
        "app_id": app,
        "template_name": "abroad",
        "region": "intl",
        "template_content": "Your code is ${NUM_6}",
        "send_country": [asia[0]["country_id"]],
        "brackets": "GB",
    }
    draft = {
        "app_id": app,
        "template_name": "draft",
        "template_type": "PROMOTION_TYPE",
        "template_content": "会员日全场${TXT_10}，拒收请回复R",
        "universal_template": 1,
        "flow_status": "Pending",
    }
    first, second = [
        each["told"]["id"]
        for each in await shop.all({"operation": "create_template", "body": abroad}, {"operation": "create_template", "body": draft})
    ]
    shown = await shop.ask("show_template", id=first)
    assert (shown["template_type"], shown["template_content"], shown["brackets"]) == ("VERIFY_CODE_TYPE", "Your code is ${NUM_6}", "GB")
    assert (shown["send_country1"], shown["country_name"], shown["region"]) == (asia[0]["country_id"], "日本", "intl")
    await control.templates.approve(OPERATOR, int(first, 16))
    assert (await control.snapshots.load()).templates[int(first, 16)].square_brackets
    assert [(await shop.ask("show_template", id=which))["flow_status"] for which in (first, second)] == ["Adopted", "Pending"]

    async def found(**args: Any) -> list[str]:
        told = await shop.ask("list_template_details", **args)
        assert told["total"] == len(told["results"])
        return [each["template_name"] for each in told["results"]]

    assert await found(sort_key="template_name", sort_dir="asc") == ["abroad", "draft"]
    assert await found(flow_status="Adopted") == await found(region="intl") == await found(template_id=first) == ["abroad"]
    assert (
        await found(flow_status="Pending") == await found(template_type="PROMOTION_TYPE") == await found(template_name="raf") == ["draft"]
    )
    assert await found(app_name="sho", has_variable="true") == ["draft", "abroad"]
    assert await found(flow_status="Reject") == await found(has_variable="false") == await found(sign_name="x") == []
    assert await shop.refused("list_template_details", flow_status="x") == (400, "MSGSMS.0002")

    await shop.ask("update_template", {"template_content": "会员日全场${TXT_9}，拒收请回复R"}, id=second)
    assert (await shop.ask("show_template", id=second))["flow_status"] == "Reviewing"
    listed = await shop.ask("list_template_varilable_details", id=second)
    assert [(each["variable_type"], each["variable_length"]) for each in listed["results"]] == [("TEXT", 9)]
    await shop.ask("delete_template", id=first)


async def test_signatures_are_listed_by_what_is_asked(platform: Platform, tmp_path: Path) -> None:
    shop, control = await platform.customer(), platform.control
    licence = tmp_path / "licence.png"
    licence.write_bytes(picture())
    app = (await shop.ask("create_app", {"app_name": "shop", "create_sign_and_template": True}))["id"]
    [uploaded] = await shop.all({"operation": "upload_signature_file", "file": str(licence)})
    base = {"app_id": app, "signature_name": "鸿雁科技", "file_id": uploaded["told"]["file_id"]}
    answers = await shop.all(
        *[{"operation": "create_signature", "body": base | {"signature_type": kind}} for kind in ("VERIFY_CODE_TYPE", "PROMOTION_TYPE")]
    )
    code, _promotion = [each["told"]["id"] for each in answers]
    await control.signatures.approve(OPERATOR, int(code, 16))

    async def found(**args: Any) -> list[str]:
        told = await shop.ask("list_signature_details", **args)
        assert told["total"] == len(told["results"])
        return [each["signature_type"] for each in told["results"]]

    tried = "VERIFY_CODE_TYPE"
    assert await found(sort_dir="asc") == [tried, tried, "PROMOTION_TYPE"]
    assert await found(signature_name="鸿雁", sort_dir="asc") == [tried, "PROMOTION_TYPE"]
    assert await found(status="REVIEW_PASSED") == await found(signature_id=code) == [tried]
    assert await found(status="PENDING_REVIEW", signature_type="PROMOTION_TYPE", site="cn", app_name="shop") == ["PROMOTION_TYPE"]
    assert await shop.refused("list_signature_details", status="x") == (400, "MSGSMS.0002")
    assert (await shop.ask("list_template_details"))["results"][0]["flow_status"] == "SignReviewing"


async def test_nothing_of_another_account_is_seen_or_changed(platform: Platform) -> None:
    shop, stranger = await platform.customer(), await platform.customer()
    app = (await shop.ask("create_app", {"app_name": "shop", "create_sign_and_template": True}))["id"]
    sign = (await shop.ask("list_signature_details"))["results"][0]["id"]
    template = (await shop.ask("list_template_details"))["results"][0]["id"]
    nothing = f"{10**15:032x}"
    body: dict[str, dict[str, Any]] = {
        "update_app": {"app_name": "mine"},
        "update_signature": {"apply_desc": "mine"},
        "update_template": {"template_name": "mine"},
    }
    orders = [
        {"operation": operation, "args": {"id": which}} | ({"body": body[operation]} if operation in body else {})
        for operation, of in (
            ("show_app", app), ("update_app", app), ("show_signature", sign), ("update_signature", sign), ("delete_signature", sign),
            ("enable_signature", sign), ("show_template", template), ("update_template", template), ("delete_template", template),
            ("list_template_varilable_details", template),
        )
        for which in (of, nothing)
    ]  # fmt: skip
    answers = await stranger.all(*orders)
    told = [
        (answer["status"], answer["code"], answer["message"].replace(f" {int(order['args']['id'], 16)}", " N"))
        for order, answer in zip(orders, answers, strict=True)
    ]
    assert [theirs for theirs, there_is_none in zip(told[::2], told[1::2], strict=True) if theirs != there_is_none] == []
    assert {status for status, _code, _message in told} == {404}
    lists = await stranger.all(*[{"operation": f"list_{noun}_details"} for noun in ("app", "signature", "template")])
    assert [each["told"] for each in lists] == [{"results": [], "total": 0}] * 3
    asked = {"app_id": app, "signature_name": "鸿雁科技", "signature_type": "NOTIFY_TYPE", "file_id": nothing}
    assert await stranger.refused("create_signature", asked) == (404, "MSGSMS.0076")
    wanted = {"app_id": app, "template_name": "x", "template_type": "NOTIFY_TYPE", "template_content": "您好，欢迎光临", "sign_id": sign}
    assert await stranger.refused("create_template", wanted) == (404, "MSGSMS.0005")
    assert await stranger.refused("create_template", wanted | {"universal_template": 1}) == (404, "MSGSMS.0076")


async def test_who_may_not_is_told_so(platform: Platform) -> None:
    shop = await platform.customer()
    wrong = Customer(platform, shop.account_id, shop.ak, "x" * 32)
    assert await wrong.refused("show_app_count") == (401, "APIGW.0301")
    nobody = Customer(platform, shop.account_id, "AKIDnobody", "x" * 32)
    assert await nobody.refused("show_app_count") == (401, "APIGW.0301")
    platform.held.busy = "huawei show_app_count"
    [busy] = await shop.all({"operation": "show_app_count"})
    # The SDK looks at nothing but the status then.
    assert (busy["status"], busy["code"]) == (429, "429")
    platform.held.busy = ""
    key = await platform.control.keys.create(OPERATOR, shop.account_id, scopes=[Permission.READ])
    await platform.refresh()
    reader = Customer(platform, shop.account_id, key.secret_id, key.secret_key)
    await reader.ask("show_app_count")
    assert await reader.refused("create_app", {"app_name": "shop"}) == (403, "MSGSMS.0003")


def test_the_operations_are_those_of_the_sdk_and_one_more() -> None:
    source = (ROOT / ".venv-sdk/lib").glob("python*/site-packages/huaweicloudsdkmsgsms/v2/msgsms_client.py")
    text = next(source).read_text(encoding="utf-8")
    told = [part.split('",')[0] for part in text.split('"resource_path": "/v2/{project_id}/msgsms')[1:]]
    ours = [operation.path for operation in OPERATIONS if operation.name != "delete_templates"]
    assert sorted(path.split('"')[0] for path in told) == sorted(ours)
    assert all(f"def {operation.name}(" in text for operation in OPERATIONS if operation.name != "delete_templates")
    assert cast("Any", len(ours)) == 20
