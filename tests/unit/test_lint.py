import pytest

from hongyan.control import lint
from hongyan.control.lint import Flaw, SignatureDraft, TemplateDraft
from hongyan.model.message import Kind
from hongyan.model.rules.sets import CURRENT, GUIDE_2016, RULE_SETS, SEEDS, RuleSet
from hongyan.model.rules.words import built_in
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.model.values import ValueType
from hongyan.model.words import Severity, Word, Words
from hongyan.settings import Rules

ENTERPRISE, INDIVIDUAL = AccountKind.ENTERPRISE, AccountKind.INDIVIDUAL


def of_signature(name: str, rules: RuleSet = SEEDS, scope: Scope = Scope.MAINLAND) -> list[tuple[Flaw, int | None]]:
    return [(finding.code, finding.at) for finding in lint.signature(SignatureDraft(name, scope), rules, ENTERPRISE)]


def of_template(
    content: str,
    kind: Kind = Kind.NOTICE,
    rules: RuleSet = SEEDS,
    *,
    scope: Scope = Scope.MAINLAND,
    account: AccountKind = ENTERPRISE,
    types: tuple[ValueType, ...] = (),
) -> list[tuple[Flaw, int | None]]:
    return [(finding.code, finding.at) for finding in lint.template(TemplateDraft(content, kind, scope, types), rules, account)]


def test_every_rule_set_of_the_settings_is_there() -> None:
    assert RULE_SETS.keys() == {str(rules) for rules in Rules}


@pytest.mark.parametrize("name", ["腾讯云", "QQ", "鸿雁2026", "𠮷野家"[1:] + "店", "一二三四五六七八九十甲乙", "测试仪器厂", "通知书"])
def test_a_good_signature_has_no_findings(name: str) -> None:
    assert of_signature(name) == []


@pytest.mark.parametrize(
    ("name", "findings"),
    [
        ("云", [(Flaw.SIGNATURE_LENGTH, None)]),
        ("一二三四五六七八九十甲乙丙", [(Flaw.SIGNATURE_LENGTH, None)]),
        ("腾讯 云", [(Flaw.SIGNATURE_CHARACTER, 2)]),
        ("腾讯\u200b云-", [(Flaw.SIGNATURE_CHARACTER, 2), (Flaw.SIGNATURE_CHARACTER, 4)]),
        ("ＡＢ公司", [(Flaw.SIGNATURE_CHARACTER, 0), (Flaw.SIGNATURE_CHARACTER, 1)]),
        ("测试", [(Flaw.SIGNATURE_NEUTRAL, None)]),
        ("验证码123", [(Flaw.SIGNATURE_NEUTRAL, None)]),
        ("测试公司", [(Flaw.SIGNATURE_NEUTRAL, None)]),
        ("短信通知", [(Flaw.SIGNATURE_NEUTRAL, None)]),
        ("Test", [(Flaw.SIGNATURE_NEUTRAL, None)]),
        ("AABB", [(Flaw.SIGNATURE_NEUTRAL, None)]),
        ("哈哈哈", [(Flaw.SIGNATURE_NEUTRAL, None)]),
        ("888888", [(Flaw.SIGNATURE_NEUTRAL, None)]),
        ("тest", [(Flaw.SIGNATURE_CHARACTER, 0), (Flaw.SIGNATURE_NEUTRAL, None)]),
    ],
)
def test_everything_wrong_with_a_signature_is_told_with_its_place(name: str, findings: list[tuple[Flaw, int | None]]) -> None:
    assert of_signature(name) == findings


def test_the_guide_of_2016_had_8_characters() -> None:
    assert of_signature("一二三四五六七八", GUIDE_2016) == []
    assert of_signature("一二三四五六七八九", GUIDE_2016) == [(Flaw.SIGNATURE_LENGTH, None)]
    assert of_signature("HongyanPlatform", scope=Scope.INTERNATIONAL) == []


@pytest.mark.parametrize(
    ("content", "findings"),
    [
        ("您的订单{1}已发货", []),
        ("两行\n通知", []),
        ("{1}{2}您好", []),
        ("", [(Flaw.EMPTY, None)]),
        ("长" * 501, [(Flaw.TOO_LONG, 500)]),
        ("您\u202e好\u200b", [(Flaw.HIDDEN_CHARACTER, 1), (Flaw.HIDDEN_CHARACTER, 3)]),
        ("【别人】您好", [(Flaw.BRACKET, 0), (Flaw.BRACKET, 3)]),
        ("︻别人︼您好", [(Flaw.BRACKET, 0), (Flaw.BRACKET, 3)]),
        ("您的{code}和｛1｝", [(Flaw.PLACEHOLDER_FORM, 2), (Flaw.PLACEHOLDER_FORM, 9)]),
        ("您的{1}和{4}", [(Flaw.PLACEHOLDER_GAP, 6)]),
        ("您的{100}", [(Flaw.PLACEHOLDERS_TOO_MANY, 2)]),
        ("您的{ 1 }{01}❴2❵", [(Flaw.PLACEHOLDER_FORM, 2), (Flaw.PLACEHOLDER_FORM, 7), (Flaw.PLACEHOLDER_FORM, 11)]),
        ("{1}，{2}。", [(Flaw.PLACEHOLDERS_ONLY, None)]),
        ("请看 https://example.com/a 谢谢", [(Flaw.LINK, 3)]),
        ("请看ｂaidu.com 谢谢", [(Flaw.LINK_DISGUISED, 2)]),
        ("请看https://a.cn/{1}", [(Flaw.PLACEHOLDER_IN_LINK, 2)]),
        ("请看{1}.com", [(Flaw.PLACEHOLDER_IN_LINK, 5)]),
        ("请看{1}.baidu.com", [(Flaw.PLACEHOLDER_IN_LINK, 6)]),
    ],
)
def test_everything_wrong_with_a_template_is_told_with_its_place(content: str, findings: list[tuple[Flaw, int | None]]) -> None:
    assert of_template(content) == findings


def test_verification_templates_say_so_and_take_codes() -> None:
    assert of_template("您的密码{1}", Kind.VERIFICATION) == [(Flaw.VERIFICATION_UNNAMED, None)]
    assert of_template("验证码{1}", Kind.VERIFICATION, types=(ValueType.CODE,)) == []
    assert of_template("验证码{1}", Kind.VERIFICATION, types=(ValueType.TEXT,)) == [(Flaw.VALUE_TYPES, None)]
    assert of_template("验证码{1}", Kind.VERIFICATION, types=(ValueType.CODE, ValueType.CODE)) == [(Flaw.VALUE_TYPES, None)]


def test_marketing_is_for_enterprises_and_can_be_refused() -> None:
    assert of_template("新品上市", Kind.MARKETING, account=INDIVIDUAL) == [(Flaw.MARKETING_DENIED, None), (Flaw.OPT_OUT_MISSING, None)]
    assert of_template("新品上市，回T退订", Kind.MARKETING) == []
    assert of_template("New. Reply STOP to opt out", Kind.MARKETING, CURRENT, scope=Scope.INTERNATIONAL) == []


def test_the_rules_of_today_are_stricter() -> None:
    assert of_template("您的订单{1}{2}★", rules=CURRENT) == [
        (Flaw.ODD_SYMBOL, 10),
        (Flaw.PLACEHOLDERS_DENIED, 4),
        (Flaw.PLACEHOLDERS_TOUCH, 7),
    ]
    assert of_template("新品上市，回T退订", Kind.MARKETING, CURRENT) == [(Flaw.OPT_OUT_MISSING, None)]
    assert of_template("新品上市，拒收请回复R", Kind.MARKETING, CURRENT) == []
    assert of_template("验证码{1}，{2}分钟内有效", Kind.VERIFICATION, CURRENT) == []


def test_words_are_found_in_both_and_only_forbidden_ones_refuse() -> None:
    words = Words([Word("赌博", topic="赌博"), Word("贷款", Severity.SUSPICIOUS)])
    found = lint.template(TemplateDraft("赌-博和貸 款", Kind.NOTICE, Scope.MAINLAND), SEEDS, ENTERPRISE, words)
    assert [(finding.code, finding.at, finding.refuses) for finding in found] == [
        (Flaw.FORBIDDEN_WORD, 0, True),
        (Flaw.SUSPICIOUS_WORD, 4, False),
    ]
    assert [finding.code for finding in lint.signature(SignatureDraft("赌博网", Scope.MAINLAND), SEEDS, ENTERPRISE, words)] == [
        Flaw.FORBIDDEN_WORD
    ]


def test_every_finding_is_said_in_both_languages() -> None:
    drafts = ["", "【a】\u200b{x}", "{1}{2}", "http://a.cn/{1} ｂ.cn 请看 www.b.cn", "{1}a{3}", "长" * 501]
    for content in drafts:
        for kind in Kind:
            for finding in lint.template(TemplateDraft(content, kind, Scope.MAINLAND), CURRENT, INDIVIDUAL):
                assert finding.zh.endswith("。")
                assert finding.en.endswith(".")


def test_missing_numbers_and_odd_placeholders_are_named() -> None:
    (gap,) = lint.template(TemplateDraft("您的{1}和{4}", Kind.NOTICE, Scope.MAINLAND), SEEDS, ENTERPRISE)
    assert "{2}{3}" in gap.zh
    assert "{2}{3}" in gap.en
    (odd,) = lint.template(TemplateDraft("您的{code}", Kind.NOTICE, Scope.MAINLAND), SEEDS, ENTERPRISE)
    assert "{code}" in odd.zh
    assert "{1}" in odd.zh


ORDINARY: dict[Kind, list[str]] = {
    Kind.VERIFICATION: [
        "您的验证码是{1}，请于{2}分钟内填写。如非本人操作，请忽略本短信。",
        "{1}为您的登录验证码，请于{2}分钟内填写，请勿泄露。",
        "您正在申请手机注册，验证码为：{1}，{2}分钟内有效！",
        "尊敬的用户，您的注册会员动态验证码为：{1}，请勿泄漏于他人！",
        "Your verification code is {1}. Do not share it with anyone.",
        "<#> Your code is: {1} abcDEF12345",
    ],
    Kind.NOTICE: [
        "您的订单{1}已发货，快递单号{2}，请注意查收。",
        "亲爱的{1}，您预约的{2}将于{3}开始，地点：{4}，请准时参加。",
        "您尾号{1}的储蓄卡于{2}支出人民币{3}元，余额{4}元。",
        "尊敬的业主：因{1}检修，{2}至{3}将停水，请做好储水准备，谢谢！",
        "{1}您好，您的快递已到{2}，取件码{3}，请及时取件。客服电话：400-123-4567",
        "您在{1}的挂号已成功，就诊时间{2}，请携带身份证。详情请登录 www.hospital.cn 查询",
        "您的服务器{1} CPU使用率{2}%，已持续{3}分钟，请及时处理。",
        "恭喜，您的实名认证已通过！",
        "您的账户余额不足{1}元，请尽快充值（充值地址：https://pay.example.com/）。",
        "会议通知：{1}，时间：{2}，地点：{3}。收到请回复。",
        "航班{1}（{2}-{3}）预计{4}起飞，登机口{5}，请提前到达。",
        "您的退款{1}元已原路退回，预计{2}个工作日到账。",
        "您的密码已重置，新密码：{1}，请尽快修改。",
        "Dear {1}, your booking {2} is confirmed for {3}.",
        "工单#{1}已处理完毕：{2}",
        "水费账单：户号{1}，{2}月用水{3}吨，应缴{4}元，请于{5}前缴纳。",
    ],
    Kind.MARKETING: [
        "双11狂欢，全场{1}折起，点击 https://m.example.com 抢购，拒收请回复R",
        "亲爱的会员，{1}生日快乐！送您{2}元优惠券，退订回T",
        "新店开业，免费领取精美礼品一份，地址：{1}，回复TD退订",
        "Summer sale: {1} off. Reply STOP to unsubscribe.",
    ],
}


@pytest.mark.parametrize(("kind", "content"), [(kind, content) for kind, contents in ORDINARY.items() for content in contents])
def test_ordinary_templates_are_not_refused(kind: Kind, content: str) -> None:
    found = lint.template(TemplateDraft(content, kind, Scope.MAINLAND), SEEDS, ENTERPRISE, Words(built_in()))
    assert [finding for finding in found if finding.refuses] == []
