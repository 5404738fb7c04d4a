import pytest

from hongyan.model.links import has_link
from hongyan.model.message import Kind
from hongyan.model.reject import Reject
from hongyan.model.template import TemplateFault, compose_text, fill, placeholders, split_signed
from hongyan.model.values import ValueRules, refused_params


@pytest.mark.parametrize(
    ("content", "count"),
    [
        ("", 0),
        ("no values", 0),
        ("{1}", 1),
        ("code {1}, {2} minutes", 2),
        ("{2} then {1}", 2),
        ("{1} and {1} again", 1),
        ("100% of {1} }{", 1),
        ("{", 0),
    ],
)
def test_placeholders_are_counted(content: str, count: int) -> None:
    assert placeholders(content) == count


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("{2}", TemplateFault.NOT_CONSECUTIVE),
        ("{1} {3}", TemplateFault.NOT_CONSECUTIVE),
        ("{0}", TemplateFault.NOT_A_NUMBER),
        ("{01}", TemplateFault.NOT_A_NUMBER),
        ("{code}", TemplateFault.NOT_A_NUMBER),
        ("{}", TemplateFault.NOT_A_NUMBER),
        ("{ 1 }", TemplateFault.NOT_A_NUMBER),
        ("｛1｝", TemplateFault.NOT_A_NUMBER),
        ("{100}", TemplateFault.TOO_MANY),
    ],
)
def test_a_body_with_odd_placeholders_says_what_is_wrong(content: str, fault: TemplateFault) -> None:
    assert placeholders(content) is fault


@pytest.mark.parametrize(
    ("content", "params", "text"),
    [
        ("code {1}, {2} minutes", ("1234", "5"), "code 1234, 5 minutes"),
        ("{2} then {1}", ("a", "b"), "b then a"),
        ("{1}{1}", ("a",), "aa"),
        ("100% %s {1}", ("x",), "100% %s x"),
        ("{1} {2}", ("{2}", "%s"), "{2} %s"),
        ("plain", (), "plain"),
    ],
)
def test_values_take_the_places_of_placeholders(content: str, params: tuple[str, ...], text: str) -> None:
    assert fill(content, params) == text


def test_the_signature_stands_in_brackets_in_front() -> None:
    assert compose_text("腾讯云", "您好") == "【腾讯云】您好"
    assert compose_text("", "hello") == "hello"
    assert compose_text("Shop", "hello", square=True) == "[Shop]hello"
    assert compose_text("", "hello", square=True) == "hello"
    assert split_signed("[Shop]hello [x]") == ("Shop", "hello [x]")
    assert split_signed("【鸿雁】您好") == ("鸿雁", "您好")


@pytest.mark.parametrize(
    "value",
    [
        *(
            "http://a.b",
            "https://example.com/x",
            "HTTPS：//x",
            "ftp://files",
            "www.example",
            "点击baidu.com领取",
            "t.cn",
            "ｂａｉｄｕ．ｃｏｍ",
            "baidu。com",
        ),
        *(
            "ba\u200bidu.c\u200bom",
            "h\u00adttp://x",
            "Bit.ly/3xYz",
            "10.0.0.1/a",
            "10.0.0.1:8080",
            "商城.中国",
            "a.b.example.org",
            "x.shop",
            "weixin://dl",
        ),
    ],
)
def test_a_link_is_found_however_it_is_disguised(value: str) -> None:
    assert has_link(value)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "123456",
            "2026-11-22 12:00",
            "3.14",
            "1.2.3.4",
            "ann@example.com",
            "Dr. Wang",
            "a.m.",
            "and/or",
            "订单：A-12",
            "10:30",
            "我来自。中国很大",
            "No.5",
        ),
        *("¥12.50", "node.js", "", "Thanks.to", "comma.comet"),
    ],
)
def test_ordinary_values_are_no_links(value: str) -> None:
    assert not has_link(value)


@pytest.mark.parametrize(
    ("kind", "params", "reason"),
    [
        (Kind.VERIFICATION, ("1234", "5"), None),
        (Kind.VERIFICATION, ("",), None),
        (Kind.VERIFICATION, ("1234567",), Reject.PARAM_FORMAT),
        (Kind.VERIFICATION, ("12a4",), Reject.PARAM_FORMAT),
        (Kind.VERIFICATION, ("１２３４",), Reject.PARAM_FORMAT),
        (Kind.NOTICE, ("12 chars long",), Reject.PARAM_TOO_LONG),
        (Kind.NOTICE, ("a", "t.cn"), Reject.PARAM_HAS_LINK),
        (Kind.MARKETING, ("【x】",), Reject.PARAM_FORMAT),
        (Kind.NOTICE, ("张三", "A-12"), None),
    ],
)
def test_values_are_checked_by_the_kind_of_template(kind: Kind, params: tuple[str, ...], reason: Reject | None) -> None:
    refusal = refused_params(kind, params, ValueRules(longest=12))
    assert (refusal and refusal.reason) == reason


def test_a_refusal_names_the_position_and_never_the_value() -> None:
    refusal = refused_params(Kind.VERIFICATION, ("1234", "7654321"))
    assert refusal is not None
    assert "value 2" in refusal.detail
    assert "7654321" not in refusal.detail
