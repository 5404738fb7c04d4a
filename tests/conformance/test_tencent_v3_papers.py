"""Signatures and templates as Tencent's customers apply for them: the door and its services on a real PostgreSQL."""

import base64
import hmac
import itertools
import json
import os
import urllib.parse
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from acting import OPERATOR
from hongyan.control.plane import ControlPlane, assemble
from hongyan.doors.tencent_v3.acts.papers import Papers
from hongyan.doors.tencent_v3.routes import TencentV3Door
from hongyan.kit.blobs import Directory as Blobs
from hongyan.kit.db import Database
from hongyan.kit.door import Request
from hongyan.kit.secretbox import SecretBox
from hongyan.model.credit_code import check_letter
from hongyan.model.papers import Filing, QualificationDraft, SignatureDraft
from hongyan.model.protection import WordAction
from hongyan.model.rules.sets import CURRENT, SEEDS, RuleSet
from hongyan.model.snapshot import AccountKind, Scope, Snapshot

NOW = 1_795_399_200
BODY = "91310000MA1K3YQ6X"
CODE = BODY + check_letter(BODY)
NEW, OLD = "2021-01-11", "2019-07-11"
NOTHING: Any = None

names = (f"applicant {n}" for n in itertools.count(1))


def picture(width: int = 1) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    head = width.to_bytes(4) + (1).to_bytes(4) + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * (width + 1))) + chunk(b"IEND", b"")


PROOF = base64.b64encode(picture()).decode()
SIGN: dict[str, Any] = {
    "SignName": "鸿雁科技",
    "SignType": 0,
    "DocumentType": 1,
    "International": 0,
    "SignPurpose": 0,
    "ProofImage": PROOF,
}
OLDER_SIGN = {"UsedMethod" if name == "SignPurpose" else name: value for name, value in SIGN.items()}
TEMPLATE: dict[str, Any] = {
    "TemplateName": "登录",
    "TemplateContent": "您的验证码是{1}，{2}分钟内有效。",
    "SmsType": 3,
    "International": 0,
    "Remark": "登录用",
}


class Directory:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot


class Anybody:
    """Counts nobody's requests."""

    async def admit(self, _account_id: int, _action: str, _rate: int) -> bool:
        return True


class Applicant(msgspec.Struct):
    """A customer with a key, through the door."""

    control: ControlPlane
    account_id: int
    secret_id: str
    secret_key: str
    door: TencentV3Door

    async def ask(self, action: str, version: str = NEW, language: str = "en-US", **fields: Any) -> dict[str, Any]:
        form = {"Action": action, "Version": version, "Nonce": "1", "Timestamp": str(NOW), "SecretId": self.secret_id, "Language": language}
        for name, value in fields.items():
            form |= {f"{name}.{at}": str(each) for at, each in enumerate(value)} if isinstance(value, list) else {name: str(value)}
        source = "POSTh/?" + "&".join(f"{name}={form[name]}" for name in sorted(form))
        form["Signature"] = base64.b64encode(hmac.digest(self.secret_key.encode(), source.encode(), "sha1")).decode()
        headers = {b"host": b"h", b"content-type": b"application/x-www-form-urlencoded"}
        body = urllib.parse.urlencode(form).encode()
        request = Request("POST", "/", b"", headers, body, "127.0.0.1", too_large=False, request_id=str(uuid.uuid4()))
        told: dict[str, Any] = json.loads((await self.door(request)).body)["Response"]
        return told

    async def refused(self, action: str, version: str = NEW, **fields: Any) -> str:
        told = await self.ask(action, version, **fields)
        assert "Error" in told, told
        return str(told["Error"]["Code"])

    async def sign(self, **changes: Any) -> int:
        told = await self.ask("AddSmsSign", **SIGN | changes)
        assert "AddSignStatus" in told, told
        return int(told["AddSignStatus"]["SignId"])

    async def signs(self, *ids: int, **fields: Any) -> list[dict[str, Any]]:
        told = await self.ask("DescribeSmsSignList", International=0, SignIdSet=list(ids), **fields)
        found: list[dict[str, Any]] = told["DescribeSignListStatusSet"]
        return found

    async def template(self, **changes: Any) -> int:
        told = await self.ask("AddSmsTemplate", **TEMPLATE | changes)
        assert "AddTemplateStatus" in told, told
        return int(told["AddTemplateStatus"]["TemplateId"])

    async def templates(self, *ids: int, **fields: Any) -> list[dict[str, Any]]:
        told = await self.ask("DescribeSmsTemplateList", International=0, TemplateIdSet=list(ids), **fields)
        found: list[dict[str, Any]] = told["DescribeTemplateStatusSet"]
        return found


Make = Callable[..., Any]


@pytest.fixture
def make(database: Database, tmp_path: Path) -> Make:
    async def applicant(kind: AccountKind = AccountKind.ENTERPRISE, rules: RuleSet = SEEDS) -> Applicant:
        control = assemble(
            database,
            SecretBox(bytes(32), os.urandom),
            clock=lambda: float(NOW),
            entropy=os.urandom,
            check_url=lambda _url: None,
            blobs=Blobs(tmp_path / "documents"),
            rules=rules,
        )
        account = await control.accounts.create(OPERATOR, next(names), kind)
        key = await control.keys.create(OPERATOR, account.id)
        door = TencentV3Door(
            directory=Directory(await control.snapshots.load()),
            send=NOTHING,
            pulls=NOTHING,
            counts=control.statistics,
            papers=Papers(control.signatures, control.templates, control.documents, control.qualifications),
            rates=Anybody(),
            used=lambda _key, _address: None,
            clock=lambda: float(NOW),
        )
        return Applicant(control, account.id, key.secret_id, key.secret_key, door)

    return applicant


async def test_a_signature_is_applied_for_reviewed_and_deleted(make: Make) -> None:
    shop = await make()
    sign_id = await shop.sign(Remark="请尽快")
    [told] = await shop.signs(sign_id)
    assert told == {
        "SignId": sign_id,
        "International": 0,
        "StatusCode": 1,
        "ReviewReply": "",
        "SignName": "鸿雁科技",
        "CreateTime": NOW,
        "QualificationId": 0,
        "QualificationName": "",
        "QualificationStatusCode": -1,
    }
    await shop.control.signatures.approve(OPERATOR, sign_id)
    [told] = await shop.signs(sign_id)
    assert told["StatusCode"] == 0
    assert await shop.refused("ModifySmsSign", **SIGN, SignId=sign_id) == "InvalidParameterValue.SignAlreadyPassedCheck"
    assert await shop.refused("AddSmsSign", **SIGN) == "InvalidParameterValue.SignAlreadyPassedCheck"
    deleted = await shop.ask("DeleteSmsSign", SignId=sign_id)
    assert deleted["DeleteSignStatus"] == {"DeleteStatus": "return successfully!", "DeleteTime": NOW}
    assert await shop.signs(sign_id) == []
    assert await shop.refused("DeleteSmsSign", SignId=sign_id) == "FailedOperation.SignIdNotExist"
    assert await shop.refused("ModifySmsSign", **SIGN, SignId=sign_id) == "FailedOperation.MissingSignatureToModify"


async def test_a_refused_signature_says_why_and_is_handed_in_again(make: Make) -> None:
    shop = await make()
    sign_id = await shop.sign()
    assert await shop.refused("AddSmsSign", **SIGN) == "InvalidParameterValue.SignExistAndUnapproved"
    await shop.control.signatures.reject(OPERATOR, sign_id, ["neutral"], "see the guide")
    [told] = await shop.signs(sign_id)
    assert (told["StatusCode"], told["ReviewReply"]) == (
        -1,
        "A neutral name does not say who sends: use the company's. see the guide",
    )
    [told] = (await shop.ask("DescribeSmsSignList", language="zh-CN", International=0, SignIdSet=[sign_id]))["DescribeSignListStatusSet"]
    assert told["ReviewReply"].startswith("中性化签名")
    changed = await shop.ask("ModifySmsSign", **SIGN | {"SignName": "鸿雁商城"}, SignId=sign_id)
    assert changed["ModifySignStatus"] == {"SignId": sign_id}
    [told] = await shop.signs(sign_id)
    assert (told["StatusCode"], told["SignName"], told["ReviewReply"]) == (1, "鸿雁商城", "")


async def test_a_pending_signature_may_be_changed_and_taken_back(make: Make) -> None:
    shop = await make()
    sign_id = await shop.sign()
    assert "ModifySignStatus" in await shop.ask("ModifySmsSign", **SIGN | {"SignName": "鸿雁云"}, SignId=sign_id)
    assert "DeleteSignStatus" in await shop.ask("DeleteSmsSign", SignId=sign_id)


async def test_a_signature_rests_on_an_approved_qualification(make: Make) -> None:
    shop = await make(rules=CURRENT)
    assert await shop.refused("AddSmsSign", **SIGN) == "MissingParameter"
    assert await shop.refused("AddSmsSign", **SIGN, QualificationId=424242) == "InvalidParameterValue.QualificationIdNotFound"
    assert await shop.refused("AddSmsSign", **SIGN, QualificationId=2**63 - 1) == "InvalidParameterValue.QualificationIdNotFound"
    licence = await shop.control.documents.add(OPERATOR, shop.account_id, "licence.png", picture(2))
    draft = QualificationDraft(name="主体", company="鸿雁科技有限公司", credit_code=CODE, documents=(licence.id,))
    qualification = (await shop.control.qualifications.add(OPERATOR, shop.account_id, draft)).id
    assert await shop.refused("AddSmsSign", **SIGN, QualificationId=qualification) == "FailedOperation.QualificationIdNotApproved"
    await shop.control.qualifications.approve(OPERATOR, qualification)
    sign_id = await shop.sign(QualificationId=qualification)
    await shop.control.signatures.approve(OPERATOR, sign_id)
    [told] = await shop.signs(sign_id)
    assert (told["StatusCode"], told["QualificationId"], told["QualificationName"], told["QualificationStatusCode"]) == (
        2,
        qualification,
        "主体",
        1,
    )
    await shop.control.signatures.file(OPERATOR, sign_id, Filing.REGISTERING)
    await shop.control.signatures.file(OPERATOR, sign_id, Filing.REGISTERED)
    assert (await shop.signs(sign_id))[0]["StatusCode"] == 0


async def test_a_signature_on_behalf_of_another_needs_their_letter(make: Make) -> None:
    shop = await make()
    on_behalf = SIGN | {"SignPurpose": 1}
    assert await shop.refused("AddSmsSign", **on_behalf) == "MissingParameter"
    sign_id = await shop.sign(SignPurpose=1, CommissionImage=base64.b64encode(picture(3)).decode())
    found = (await shop.control.signatures.get(OPERATOR, sign_id)).row
    assert found.authorisation is not None
    assert found.proofs != (found.authorisation,)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"International": 2}, "InvalidParameterValue.InvalidInternational"),
        ({"SignType": 7}, "InvalidParameterValue"),
        ({"SignPurpose": 2}, "InvalidParameterValue.InvalidSignPurpose"),
        ({"DocumentType": 9}, "InvalidParameterValue.InvalidDocumentType"),
        ({"DocumentType": 7}, "InvalidParameterValue.InvalidDocumentType"),
        ({"SignType": 4}, "InvalidParameterValue.InvalidDocumentType"),
        ({"SignName": "鸿雁科技有限公司上海第一分公司"}, "InvalidParameterValue.SignNameLengthTooLong"),
        ({"SignName": "鸿雁 科技"}, "FailedOperation.ParametersOtherError"),
        ({"SignName": "验证码"}, "FailedOperation.ParametersOtherError"),
        ({"SignName": "鸿\x00雁"}, "FailedOperation.ParametersOtherError"),
        ({"ProofImage": "no base64!"}, "InvalidParameterValue.ImageInvalid"),
        ({"ProofImage": base64.b64encode(b"GIF89a").decode()}, "InvalidParameterValue.ImageInvalid"),
        ({"ProofImage": ""}, "InvalidParameterValue.ImageInvalid"),
        ({"CommissionImage": "no base64!"}, "InvalidParameterValue.ImageInvalid"),
        ({"Remark": "r" * 1001}, "InvalidParameterValue"),
    ],
)
async def test_a_signature_has_its_rules(make: Make, changes: dict[str, Any], code: str) -> None:
    shop = await make()
    assert await shop.refused("AddSmsSign", **SIGN | changes) == code
    assert await shop.control.signatures.total(OPERATOR, shop.account_id) == 0


async def test_an_image_may_have_its_prefix_and_line_breaks(make: Make) -> None:
    shop = await make()
    await shop.sign(ProofImage="data:image/png;base64," + PROOF[:20] + "\n" + PROOF[20:])


async def test_the_older_version_applies_under_its_own_names(make: Make) -> None:
    shop = await make()
    added = (await shop.ask("AddSmsSign", OLD, **OLDER_SIGN))["AddSignStatus"]
    sign_id = added["SignId"]
    assert added == {"SignId": sign_id, "SignApplyId": sign_id}
    changed = (await shop.ask("ModifySmsSign", OLD, **OLDER_SIGN, SignId=sign_id))["ModifySignStatus"]
    assert changed == {"SignId": sign_id, "SignApplyId": str(sign_id)}
    listed = (await shop.ask("DescribeSmsSignList", OLD, International=0, SignIdSet=[sign_id]))["DescribeSignListStatusSet"]
    assert [each["SignName"] for each in listed] == ["鸿雁科技"]
    assert await shop.refused("AddSmsSign", OLD, **OLDER_SIGN | {"UsedMethod": 2}) == "InvalidParameterValue.InvalidUsedMethod"
    template_id = int((await shop.ask("AddSmsTemplate", OLD, **TEMPLATE))["AddTemplateStatus"]["TemplateId"])
    [told] = (await shop.ask("DescribeSmsTemplateList", OLD, International=0, TemplateIdSet=[template_id]))["DescribeTemplateStatusSet"]
    assert "TemplateContent" not in told
    wrong = TEMPLATE | {"TemplateContent": "您的验证码是{2}"}
    assert await shop.refused("AddSmsTemplate", OLD, **wrong) == "InvalidParameter.InvalidParameters"


async def test_a_list_without_ids_comes_in_pages(make: Make) -> None:
    shop = await make()
    made = []
    for n in range(12):
        draft = SignatureDraft(name=f"鸿雁{n}号", scope=Scope.MAINLAND)
        made.append((await shop.control.signatures.add(OPERATOR, shop.account_id, draft)).id)
    assert [each["SignId"] for each in await shop.signs()] == made[:10]
    assert [each["SignId"] for each in await shop.signs(Limit=5, Offset=10)] == made[10:]
    assert await shop.signs(Limit=0) == []
    assert (await shop.ask("DescribeSmsSignList", International=1))["DescribeSignListStatusSet"] == []
    assert await shop.refused("DescribeSmsSignList", International=0, Limit=101) == "InvalidParameterValue.LimitVerifyFail"
    assert await shop.refused("DescribeSmsSignList", International=0, Offset=-1) == "InvalidParameterValue.OffsetVerifyFail"
    assert await shop.refused("DescribeSmsSignList", International=7) == "InvalidParameterValue.InvalidInternational"
    many = list(range(1, 102))
    assert await shop.refused("DescribeSmsSignList", International=0, SignIdSet=many) == "InvalidParameterValue.LimitVerifyFail"
    # The older version lists what it is given ids of, and nothing else.
    assert (await shop.ask("DescribeSmsSignList", OLD, International=0, SignIdSet=[0]))["DescribeSignListStatusSet"] == []


async def test_nobody_sees_or_changes_what_is_anothers(make: Make) -> None:
    shop, other = await make(), await make()
    sign_id = await other.sign()
    template_id = await other.template()
    assert await shop.signs(sign_id) == []
    assert await shop.templates(template_id) == []
    assert await shop.refused("DeleteSmsSign", SignId=sign_id) == "FailedOperation.SignIdNotExist"
    assert await shop.refused("ModifySmsSign", **SIGN, SignId=sign_id) == "FailedOperation.MissingSignatureToModify"
    assert await shop.refused("DeleteSmsTemplate", TemplateId=template_id) == "FailedOperation.TemplateIdNotExist"
    assert await shop.refused("ModifySmsTemplate", **TEMPLATE, TemplateId=template_id) == "FailedOperation.MissingTemplateToModify"


async def test_a_template_is_applied_for_reviewed_and_deleted(make: Make) -> None:
    shop = await make()
    assert await shop.refused("AddSmsTemplate", **TEMPLATE) == "FailedOperation.MissingSignature"
    await shop.sign()
    template_id = await shop.template()
    [told] = await shop.templates(template_id)
    assert told == {
        "TemplateId": template_id,
        "International": 0,
        "StatusCode": 1,
        "ReviewReply": "",
        "TemplateName": "登录",
        "CreateTime": NOW,
        "TemplateContent": "您的验证码是{1}，{2}分钟内有效。",
    }
    changed = await shop.ask("ModifySmsTemplate", **TEMPLATE | {"TemplateName": "注册"}, TemplateId=template_id)
    assert changed["ModifyTemplateStatus"] == {"TemplateId": template_id}
    await shop.control.templates.reject(OPERATOR, template_id, ["unclear"])
    [told] = await shop.templates(template_id)
    assert (told["StatusCode"], told["TemplateName"]) == (-1, "注册")
    assert told["ReviewReply"].startswith("What it is for is unclear")
    await shop.ask("ModifySmsTemplate", **TEMPLATE, TemplateId=template_id)
    await shop.control.templates.approve(OPERATOR, template_id)
    assert (await shop.templates(template_id))[0]["StatusCode"] == 0
    assert await shop.refused("ModifySmsTemplate", **TEMPLATE, TemplateId=template_id) == "FailedOperation.TemplateAlreadyPassedCheck"
    deleted = await shop.ask("DeleteSmsTemplate", TemplateId=template_id)
    assert deleted["DeleteTemplateStatus"] == {"DeleteStatus": "return successfully!", "DeleteTime": NOW}
    assert await shop.templates(template_id) == []


async def test_templates_abroad_need_no_signature_and_both_scopes_are_listed(make: Make) -> None:
    shop = await make()
    abroad = await shop.template(International=1, TemplateContent="Your code is {1}.")
    await shop.sign()
    home = await shop.template()
    told = await shop.ask("DescribeSmsTemplateList", International=3)
    assert [(each["TemplateId"], each["International"]) for each in told["DescribeTemplateStatusSet"]] == [(abroad, 1), (home, 0)]
    changed = TEMPLATE | {"International": 1}
    assert await shop.refused("ModifySmsTemplate", **changed, TemplateId=home) == "InvalidParameterValue.InvalidInternational"


@pytest.mark.parametrize(
    ("sms_type", "content", "kind"),
    [
        (0, "您的验证码是{1}", "VERIFICATION"),
        (0, "您的订单{1}已发货", "NOTICE"),
        (1, "会员日全场{1}折，拒收请回复R", "MARKETING"),
        (2, "您的订单{1}已发货", "NOTICE"),
        (3, "您的验证码是{1}", "VERIFICATION"),
    ],
)
async def test_types_of_both_times_are_understood(make: Make, sms_type: int, content: str, kind: str) -> None:
    shop = await make()
    await shop.sign()
    template_id = await shop.template(SmsType=sms_type, TemplateContent=content)
    assert (await shop.control.templates.get(OPERATOR, template_id)).kind.name == kind


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"International": 2}, "InvalidParameterValue.InvalidInternational"),
        ({"SmsType": 4}, "InvalidParameterValue.InvalidSmsType"),
        ({"TemplateContent": "您的验证码是{2}"}, "InvalidParameterValue.InvalidTemplateFormat"),
        ({"TemplateContent": "{1}"}, "InvalidParameterValue.InvalidTemplateFormat"),
        ({"TemplateContent": "您的短信是{1}"}, "InvalidParameterValue.InvalidTemplateFormat"),
        ({"TemplateContent": "【鸿雁】验证码{1}"}, "InvalidParameterValue.InvalidTemplateFormat"),
        ({"TemplateContent": "验证码{1}\x00"}, "InvalidParameterValue.InvalidTemplateFormat"),
        ({"TemplateContent": "验证码{1}" + "长" * 500}, "InvalidParameterValue.InvalidTemplateFormat"),
        ({"SmsType": 1, "TemplateContent": "全场五折"}, "InvalidParameterValue.MarketingTemplateWithoutUnsubscribe"),
        ({"TemplateName": ""}, "InvalidParameterValue"),
    ],
)
async def test_a_template_has_its_rules(make: Make, changes: dict[str, Any], code: str) -> None:
    shop = await make()
    await shop.sign()
    assert await shop.refused("AddSmsTemplate", **TEMPLATE | changes) == code


async def test_by_the_rules_of_today_notices_have_no_variables(make: Make) -> None:
    shop = await make(rules=CURRENT)
    await shop.control.signatures.add(OPERATOR, shop.account_id, SignatureDraft(name="鸿雁科技", scope=Scope.MAINLAND))
    notice = TEMPLATE | {"SmsType": 2, "TemplateContent": "您的订单{1}已发货"}
    assert await shop.refused("AddSmsTemplate", **notice) == "InvalidParameterValue.UnsupportedTemplateVariable"


async def test_there_are_only_so_many(make: Make) -> None:
    few = msgspec.structs.replace(SEEDS, signatures_most=1, templates_most=1)
    shop = await make(rules=few)
    await shop.sign()
    assert await shop.refused("AddSmsSign", **SIGN | {"SignName": "鸿雁云"}) == "FailedOperation.SignNumberLimit"
    await shop.template()
    assert await shop.refused("AddSmsTemplate", **TEMPLATE) == "FailedOperation.TemplateNumberLimit"


INDIVIDUAL: list[tuple[str, dict[str, Any], str, str]] = [
    ("AddSmsSign", SIGN, NEW, "FailedOperation.NotEnterpriseCertification"),
    ("ModifySmsSign", SIGN | {"SignId": 1}, NEW, "FailedOperation.NotEnterpriseCertification"),
    ("DeleteSmsSign", {"SignId": 1}, NEW, "FailedOperation.NotEnterpriseCertification"),
    ("DescribeSmsSignList", {"International": 0}, NEW, "FailedOperation.NotEnterpriseCertification"),
    ("AddSmsTemplate", TEMPLATE, NEW, "FailedOperation.NotEnterpriseCertification"),
    ("AddSmsTemplate", TEMPLATE | {"SmsType": 1}, NEW, "FailedOperation.ForbidAddMarketingTemplates"),
    ("AddSmsTemplate", TEMPLATE | {"SmsType": 1}, OLD, "FailedOperation.NotEnterpriseCertification"),
    ("ModifySmsTemplate", TEMPLATE | {"TemplateId": 1}, NEW, "FailedOperation.NotEnterpriseCertification"),
    ("DeleteSmsTemplate", {"TemplateId": 1}, NEW, "FailedOperation.NotEnterpriseCertification"),
    ("DescribeSmsTemplateList", {"International": 0}, NEW, "FailedOperation.NotEnterpriseCertification"),
]


async def test_individuals_apply_elsewhere(make: Make) -> None:
    person = await make(AccountKind.INDIVIDUAL)
    for action, fields, version, code in INDIVIDUAL:
        assert await person.refused(action, version, **fields) == code, action


async def test_forbidden_words_are_found_in_what_is_applied_for(make: Make) -> None:
    shop = await make()
    await shop.control.words.add(OPERATOR, ["鸿雁赌场"], WordAction.REFUSE)
    assert await shop.refused("AddSmsSign", **SIGN | {"SignName": "鸿雁赌场"}) == "InvalidParameter.DirtyWordFound"
    await shop.sign()
    dirty = TEMPLATE | {"TemplateContent": "验证码{1}，欢迎光临鸿雁赌场"}
    assert await shop.refused("AddSmsTemplate", **dirty) == "InvalidParameterValue.TemplateWithDirtyWords"
    assert await shop.refused("AddSmsTemplate", OLD, **dirty) == "InvalidParameter.InvalidParameters"
