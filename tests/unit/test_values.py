import pytest

from hongyan.model.links import Openness
from hongyan.model.message import Kind
from hongyan.model.reject import Reject
from hongyan.model.rules.sets import CURRENT, SEEDS, value_rules
from hongyan.model.snapshot import AccountKind
from hongyan.model.template import fill, joins_link, prepare
from hongyan.model.values import FORMS, ValueRules, ValueType, refused_params


def refused(value: str, rules: ValueRules | None = None, kind: Kind = Kind.NOTICE) -> Reject | None:
    refusal = refused_params(kind, (value,), rules or ValueRules())
    return None if refusal is None else refusal.reason


def test_every_type_but_any_has_a_form() -> None:
    assert FORMS.keys() | {ValueType.ANY} == set(ValueType)


@pytest.mark.parametrize(
    ("typed", "good", "bad"),
    [
        (ValueType.CODE, ["", "123456"], ["1234567", "12a", "１２"]),
        (ValueType.DIGITS, ["1", "9" * 20], ["", "12a", "9" * 21, "１"]),
        (ValueType.WORD, ["A-1_b"], ["A 1", "订单", ""]),
        (ValueType.DATETIME, ["2026-11-22 12:00", "11月22日 下午3点", "12:30"], ["明年", "", "x"]),
        (ValueType.MONEY, ["12.50", "¥1,200", "壹佰元"], ["很多", ""]),
        (ValueType.PHONE, ["+86-755-1234", "10086"], ["123", "call me"]),
        (
            ValueType.TEXT,
            ["张三", "明天 下午", "订单12345678"],
            ["", "a.b", "<b>", "x" * 21, "它's", "找我13800138000", "电话0755-12345678"],
        ),
        (ValueType.CHARDIGIT, ["a_1", "9" * 20], ["", "a-1", "订单", "9" * 21]),
        (ValueType.DATE, ["2026/11/22", "2026/1/2"], ["2026-11-22", "2026/13/01", ""]),
        (ValueType.TIME, ["09:30", "9:30:59"], ["24:00", "9.30", ""]),
        (ValueType.FREE, ["尊敬的客户", "a.b，c" * 9], ["", "它's", "{1}"]),
    ],
)
def test_values_are_of_their_types(typed: ValueType, good: list[str], bad: list[str]) -> None:
    rules = ValueRules(types=(typed,))
    assert [value for value in good if refused(value, rules)] == []
    assert [value for value in bad if refused(value, rules) is not Reject.PARAM_FORMAT] == []


def test_a_template_can_say_how_long_each_value_may_be() -> None:
    rules = ValueRules(types=(ValueType.DIGITS, ValueType.FREE), longests=(4, 0))
    assert refused_params(Kind.NOTICE, ("1234", "x" * 30), rules) is None
    refusal = refused_params(Kind.NOTICE, ("12345", "x"), rules)
    assert refusal is not None
    assert refusal.reason is Reject.PARAM_TOO_LONG


def test_a_code_can_have_letters_where_its_template_says_so() -> None:
    rules = ValueRules(types=(ValueType.CHARDIGIT,), longests=(8,))
    assert refused("AB12cd34", rules, Kind.VERIFICATION) is None
    assert refused("AB12cd345", rules, Kind.VERIFICATION) is Reject.PARAM_TOO_LONG
    assert refused("验证码", rules, Kind.VERIFICATION) is Reject.PARAM_FORMAT
    assert refused("AB12", kind=Kind.VERIFICATION) is Reject.PARAM_FORMAT


@pytest.mark.parametrize(
    "value",
    [
        "第一\n第二",
        "\t",
        "a\u200bb",
        "恭喜\u202e您",
        "\ufeff您",
        "【银行】",
        "〖银行〗",
        "︻银行︼",
        "\x00",
        "\u2028",
        "a\r",
        "\ue000",
        "\u2066x",
    ],
)
def test_what_nobody_may_send_is_no_value(value: str) -> None:
    assert refused(value) is Reject.PARAM_FORMAT


ORDINARY = [
    "张三", "李小姐", "138****0000", "2026年11月22日14:30", "11-22 14:30", "¥99.00", "99.9元", "SF1234567890123", "京A·12345",
    "中关村大街1号（海淀区）", "A座/3层", "3.5折", "CA1234", "北京-上海", "100%", "第1/3批", "Wi-Fi", "iPhone 15 Pro", "C++ 入门",
    "v2.0.1", "node.js 20", "小米14 Ultra 12GB+256GB", "12:30~14:00", "2026/11/22", "ann@example.com", "“双12”大促", "O'Neil",
    "Tel:010-12345678", "No.12", "Mr. Wang", "U.S.A.", "T恤 XL", "（预计2天）", "·", "—", "……", "3℃", "50㎡", "①号线", "№5",
    "½", "€20", "Übung", "Москва", "서울", "ありがとう", "ประเทศไทย", "مرحبا", "नमस्ते", "😀",
    "👨\u200d👩\u200d👧", "❤\ufe0f", "阿依古丽·买买提", "S.H.E", "5.1劳动节", "10.1国庆", "3.15", "K11", "1.5L", "e.g. 例",
    "电话:13800000000", "微信 abc_123", "QQ:12345", "一、二、三", "a/b", "1/2", "and/or", "km/h", "24h/7d", "地址：http服务部",
    "点读笔", "9点30",
]  # fmt: skip


@pytest.mark.parametrize("value", ORDINARY)
def test_ordinary_values_are_taken(value: str) -> None:
    assert refused(value) is None


@pytest.mark.parametrize("value", ["evil.com", ".com", "。cn", "点com", "(dot)com", " dot com"])
def test_links_and_what_would_end_one_are_refused(value: str) -> None:
    assert refused(value) is Reject.PARAM_HAS_LINK


def test_lengths_are_those_of_the_rules_and_of_the_account() -> None:
    assert refused("十二个字的内容刚刚好好的", value_rules(SEEDS, AccountKind.INDIVIDUAL)) is None
    assert refused("十二个字的内容刚刚好好的呀", value_rules(SEEDS, AccountKind.INDIVIDUAL)) is Reject.PARAM_TOO_LONG
    assert refused("七个字的内容呀", value_rules(CURRENT, AccountKind.INDIVIDUAL)) is Reject.PARAM_TOO_LONG
    assert refused("长" * 700, value_rules(SEEDS, AccountKind.ENTERPRISE)) is None
    assert refused("长" * 701) is Reject.PARAM_TOO_LONG


def test_symbols_are_refused_by_the_rules_of_today() -> None:
    assert refused("五★", value_rules(SEEDS, AccountKind.ENTERPRISE)) is None
    assert refused("五★", value_rules(CURRENT, AccountKind.ENTERPRISE)) is Reject.PARAM_FORMAT


def test_a_refusal_never_repeats_a_value() -> None:
    for value in ("evil.com", "机密\n", "【机密】", "机密" * 400):
        refusal = refused_params(Kind.NOTICE, ("ok", value), ValueRules())
        assert refusal is not None
        assert "value 2" in refusal.detail
        assert not any(part in refusal.detail for part in ("机密", "evil"))


@pytest.mark.parametrize(
    ("content", "openness"),
    [
        ("您的登录验证码为{1}，{2}分钟内有效，请勿告诉他人。", Openness.NONE),
        ("您的订单{1}已发货，{2}。", Openness.NONE),
        ("Your verification code is {1}. It is valid for {2} minutes.", Openness.NONE),
        ("code:{1}", Openness.WORDS),
        ("验证码：{1}", Openness.NONE),
        ("订单No.{1}已到", Openness.ALL),
        ("{1}{2}您好", Openness.ALL),
        ("没有变量", Openness.NONE),
    ],
)
def test_only_templates_whose_values_could_join_a_link_cost_a_second_look(content: str, openness: Openness) -> None:
    assert prepare(content).openness is openness


@pytest.mark.parametrize(
    ("content", "params", "joins"),
    [
        ("请看baidu.{1}谢谢", ("com",), True),
        ("请看baidu.{1}谢谢", ("x",), False),
        ("{1}.{2}", ("t", "cn/a"), True),
        ("{1}{2}您好", ("evil.", "com"), True),
        ("{1}中国电信", ("百度.",), False),
        ("{1}公司", ("百度.",), True),
        ("详见www.a.cn，编号No.{1}", ("5",), False),
        ("详见www.a.cn，编号No.{1}", ("cc",), True),
    ],
)
def test_a_link_made_of_a_value_and_the_text_beside_it_is_found(content: str, params: tuple[str, ...], joins: bool) -> None:
    assert joins_link(content, params, fill(content, params)) is joins
