"""Signatures and templates through the official SDK: every such action of both versions, over real services."""

import base64
import os
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from acting import OPERATOR
from contract.asking import WAYS, Ask, customer
from hongyan.control.plane import ControlPlane, assemble
from hongyan.doors.tencent_v3.acts.papers import Papers
from hongyan.doors.tencent_v3.routes import TencentV3Door
from hongyan.kit.blobs import Directory as Blobs
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.snapshot import AccountKind, Snapshot
from hongyan.pipeline.rates import Rates

OLD = "v20190711"
NOTHING: Any = None


def picture() -> str:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    head = (1).to_bytes(4) + (1).to_bytes(4) + bytes([8, 0, 0, 0, 0])
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"\0\0")), chunk(b"IEND", b"")]
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(parts)).decode()


SIGN = {"SignName": "鸿雁科技", "SignType": 0, "DocumentType": 1, "International": 0, "ProofImage": picture(), "Remark": "备注 & more"}
TEMPLATE = {"TemplateName": "登录", "TemplateContent": "您的验证码是{1}", "SmsType": 3, "International": 0, "Remark": "登录用"}


class Directory:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot


@pytest.fixture
def control(database: Database, tmp_path: Path) -> ControlPlane:
    return assemble(
        database,
        SecretBox(bytes(32), os.urandom),
        clock=time.time,
        entropy=os.urandom,
        check_url=lambda _url: None,
        blobs=Blobs(tmp_path / "documents"),
    )


@pytest.fixture
async def sdk(control: ControlPlane, database: Database, request: pytest.FixtureRequest) -> AsyncIterator[Ask]:
    account = await control.accounts.create(OPERATOR, request.node.name, AccountKind.ENTERPRISE)
    key = await control.keys.create(OPERATOR, account.id)
    door = TencentV3Door(
        directory=Directory(await control.snapshots.load()),
        send=NOTHING,
        pulls=NOTHING,
        counts=control.statistics,
        papers=Papers(control.signatures, control.templates, control.documents, control.qualifications),
        rates=Rates(db=database, monotonic=time.monotonic, share=1000),
        used=lambda _key, _address: None,
        clock=time.time,
    )
    async with customer(door, secret_id=key.secret_id, secret_key=key.secret_key) as ask:
        yield ask


async def test_signatures_in_the_version_of_today(sdk: Ask, control: ControlPlane) -> None:
    [added] = await sdk({"action": "AddSmsSign", "params": SIGN | {"SignPurpose": 0}})
    sign_id = added["ok"]["AddSignStatus"]["SignId"]
    changes = SIGN | {"SignPurpose": 0, "SignId": sign_id, "SignName": "鸿雁云"}
    modified, listed, paged = await sdk(
        {"action": "ModifySmsSign", "params": changes},
        {"action": "DescribeSmsSignList", "params": {"International": 0, "SignIdSet": [sign_id]}, "method": "GET"},
        {"action": "DescribeSmsSignList", "params": {"International": 0, "Limit": 10, "Offset": 0}},
    )
    assert modified["ok"]["ModifySignStatus"] == {"SignId": sign_id}
    [told] = listed["ok"]["DescribeSignListStatusSet"]
    assert (told["SignId"], told["SignName"], told["StatusCode"], told["QualificationStatusCode"]) == (sign_id, "鸿雁云", 1, -1)
    assert paged["ok"]["DescribeSignListStatusSet"] == [told]
    assert all(value is not None for value in told.values())
    await control.signatures.approve(OPERATOR, sign_id)
    refused, deleted = await sdk(
        {"action": "ModifySmsSign", "params": changes, "language": "en-US"}, {"action": "DeleteSmsSign", "params": {"SignId": sign_id}}
    )
    assert refused["error"] == "InvalidParameterValue.SignAlreadyPassedCheck"
    assert deleted["ok"]["DeleteSignStatus"]["DeleteStatus"] == "return successfully!"


async def test_signatures_in_the_older_version(sdk: Ask) -> None:
    [added] = await sdk({"action": "AddSmsSign", "params": SIGN | {"UsedMethod": 0}, "version": OLD})
    sign_id = added["ok"]["AddSignStatus"]["SignId"]
    assert added["ok"]["AddSignStatus"]["SignApplyId"] == sign_id
    orders: list[dict[str, Any]] = [
        {"action": "ModifySmsSign", "params": SIGN | {"UsedMethod": 0, "SignId": sign_id}},
        {"action": "DescribeSmsSignList", "params": {"International": 0, "SignIdSet": [sign_id, 0]}, "method": "GET"},
        {"action": "DeleteSmsSign", "params": {"SignId": sign_id}},
    ]
    modified, listed, deleted = await sdk(*(order | {"version": OLD} for order in orders))
    assert modified["ok"]["ModifySignStatus"] == {"SignId": sign_id, "SignApplyId": str(sign_id)}
    assert [told["SignName"] for told in listed["ok"]["DescribeSignListStatusSet"]] == ["鸿雁科技"]
    assert deleted["ok"]["DeleteSignStatus"]["DeleteTime"] > 0


@pytest.mark.parametrize("version", ["v20210111", OLD])
async def test_templates_in_both_versions(sdk: Ask, control: ControlPlane, version: str) -> None:
    await sdk({"action": "AddSmsSign", "params": SIGN | {"SignPurpose": 0}})
    [added] = await sdk({"action": "AddSmsTemplate", "params": TEMPLATE, "version": version})
    written = added["ok"]["AddTemplateStatus"]["TemplateId"]
    assert isinstance(written, str)
    template_id = int(written)
    orders: list[dict[str, Any]] = [
        {"action": "ModifySmsTemplate", "params": TEMPLATE | {"TemplateId": template_id, "TemplateName": "注册"}},
        {"action": "DescribeSmsTemplateList", "params": {"International": 0, "TemplateIdSet": [template_id]}, "method": "GET"},
    ]
    modified, listed = await sdk(*(order | {"version": version} for order in orders))
    assert modified["ok"]["ModifyTemplateStatus"] == {"TemplateId": template_id}
    [told] = listed["ok"]["DescribeTemplateStatusSet"]
    assert (told["TemplateId"], told["TemplateName"], told["StatusCode"]) == (template_id, "注册", 1)
    assert told.get("TemplateContent") == ("您的验证码是{1}" if version != OLD else None)
    await control.templates.approve(OPERATOR, template_id)
    orders = [
        {"action": "ModifySmsTemplate", "params": TEMPLATE | {"TemplateId": template_id}},
        {"action": "DeleteSmsTemplate", "params": {"TemplateId": template_id}},
        {"action": "DeleteSmsTemplate", "params": {"TemplateId": template_id}},
    ]
    refused, deleted, again = await sdk(*(order | {"version": version} for order in orders))
    assert refused["error"] == "FailedOperation.TemplateAlreadyPassedCheck"
    assert deleted["ok"]["DeleteTemplateStatus"]["DeleteStatus"] == "return successfully!"
    assert again["error"] == "FailedOperation.TemplateIdNotExist"


async def test_an_image_is_signed_for_in_every_way(sdk: Ask) -> None:
    """A query has room for a small one."""
    orders = [
        {"action": "AddSmsSign", "params": SIGN | {"SignPurpose": 0, "SignName": f"鸿雁{n}"}, "method": method, "sign_method": sign_method}
        for n, (method, sign_method) in enumerate(WAYS)
    ]
    assert [list(result) for result in await sdk(*orders)] == [["ok"]] * len(WAYS)
