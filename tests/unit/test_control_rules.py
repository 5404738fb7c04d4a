import os
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.control import lint, rules, tokens
from hongyan.control.errors import ControlError, Fault
from hongyan.control.links import checked
from hongyan.control.sandbox import SAMPLES, SIGN_NAME
from hongyan.model.message import Kind
from hongyan.model.snapshot import AccountKind, LinkConfig, Scope
from hongyan.model.template import TemplateFault, placeholders
from hongyan.model.values import refused_params

LINK = LinkConfig(id=0, name="main", protocol="smpp", host="127.0.0.1", port=2775, system_id="hongyan", password="secret")


def fault_of(act: Callable[[], object]) -> Fault:
    with pytest.raises(ControlError) as caught:
        act()
    assert caught.value.zh != caught.value.en
    return caught.value.code


@pytest.mark.parametrize("name", ["腾讯科技", "QQ", "鸿雁2026", "【腾讯云】", "一二三四五六七八九十十二"])
def test_a_signature_of_2_to_12_chinese_letters_and_digits_is_taken(name: str) -> None:
    assert rules.signature(name, Scope.MAINLAND) == name.strip("【】")


@pytest.mark.parametrize("name", ["云", "一二三四五六七八九十十二三", "腾讯 云", "腾讯-云", "a【b】c", "云☆片", "", "ＡＢ公司"])
def test_a_signature_of_another_shape_is_refused(name: str) -> None:
    assert fault_of(lambda: rules.signature(name, Scope.MAINLAND)) is Fault.INVALID


@pytest.mark.parametrize("name", ["测试", "验证码", "通知", "test", "TEST", "Test123", "aabb", "12345", "短信通知"])
def test_a_neutral_signature_is_refused(name: str) -> None:
    assert fault_of(lambda: rules.signature(name, Scope.MAINLAND)) is Fault.INVALID


def test_abroad_a_signature_may_have_15_characters() -> None:
    assert rules.signature("HongyanPlatform", Scope.INTERNATIONAL) == "HongyanPlatform"
    assert fault_of(lambda: rules.signature("HongyanPlatform", Scope.MAINLAND)) is Fault.INVALID


TAKEN = [
    (Kind.VERIFICATION, "您的验证码是{1}"),
    (Kind.VERIFICATION, "Your Code is {1}"),
    (Kind.NOTICE, "您的订单{1}将在{2}送达"),
    (Kind.NOTICE, "没有变量的通知"),
    (Kind.NOTICE, "两行\n通知\u3000😀"),
    (Kind.MARKETING, "新品上市，拒收请回复R"),
    (Kind.MARKETING, "新品上市，回T退订"),
    (Kind.MARKETING, "新品上市，回复TD退订"),
    (Kind.MARKETING, "新品上市，退订回T"),
    (Kind.MARKETING, "新品上市 拒收回R"),
    (Kind.MARKETING, "New arrivals. Reply STOP to unsubscribe"),
]
REFUSED = [
    (Kind.VERIFICATION, "您的密码是{1}"),
    (Kind.NOTICE, "您的{2}已发货"),
    (Kind.NOTICE, "您的{1}和{3}已发货"),
    (Kind.NOTICE, "您的{name}已发货"),
    (Kind.NOTICE, "{1}"),
    (Kind.NOTICE, "{1}，{2}。"),
    (Kind.NOTICE, ""),
    (Kind.NOTICE, "长" * 501),
    (Kind.NOTICE, "控制字符\x00"),
    (Kind.NOTICE, "半个代理对\ud83d"),
    (Kind.NOTICE, "【别人】您的订单已发货"),
    (Kind.MARKETING, "新品上市，欢迎光临"),
    (Kind.MARKETING, "新品上市，回复TRUE有礼"),
]


@pytest.mark.parametrize(("kind", "content"), TAKEN)
def test_a_template_by_the_rules_is_taken(kind: Kind, content: str) -> None:
    assert rules.template(f" {content}\n", kind, Scope.MAINLAND, AccountKind.ENTERPRISE) == content


@pytest.mark.parametrize(("kind", "content"), REFUSED)
def test_a_template_against_the_rules_is_refused(kind: Kind, content: str) -> None:
    assert fault_of(lambda: rules.template(content, kind, Scope.MAINLAND, AccountKind.ENTERPRISE)) is Fault.INVALID


def test_individual_accounts_cannot_have_marketing_templates() -> None:
    assert (
        fault_of(lambda: rules.template("新品上市，回T退订", Kind.MARKETING, Scope.MAINLAND, AccountKind.INDIVIDUAL)) is Fault.NOT_ALLOWED
    )


def test_every_template_fault_has_words() -> None:
    assert lint.PLACEHOLDER_FAULTS.keys() == set(TemplateFault)


@pytest.mark.parametrize(
    "url", ["", "http://a.example/cb", "https://a.example:8443/cb?x=1", "http://[2001:db8::1]/", "http://10.0.0.1:80/x"]
)
def test_a_callback_address_is_http_or_https(url: str) -> None:
    assert rules.callback_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/", "a.example/cb", "http://", "http:///x", "http://u:p@a.example/", "http://a.example/#x", "http://a.example:99999/",
        "http://a b/", "http://a.example\\@b/", "javascript:alert(1)", "http://[::1", "http://a.example/" + "x" * 1000, "http://例子.测试/",
    ],
)  # fmt: skip
def test_any_other_callback_address_is_refused(url: str) -> None:
    assert fault_of(lambda: rules.callback_url(url)) is Fault.INVALID


def test_numbers_are_read_as_customers_write_them_and_kept_once() -> None:
    assert rules.phones(["13800000000", "+8613800000000", "+85290000000"]) == [8613800000000, 85290000000]


def test_a_number_that_cannot_be_read_is_named_by_its_place_and_not_repeated() -> None:
    with pytest.raises(ControlError) as caught:
        rules.phones(["13800000000", "12345"])
    assert "2" in caught.value.en
    assert "12345" not in caught.value.en + caught.value.zh


@pytest.mark.parametrize("changes", [{"day": -1}, {"nonsense": 1}, {"hour": 10**9}])
def test_limits_are_known_and_not_negative(changes: dict[str, int]) -> None:
    assert fault_of(lambda: rules.limits(changes)) is Fault.INVALID
    assert rules.limits({"day": 0, "hour": 5}) == {"day": 0, "hour": 5}


@pytest.mark.parametrize("number", ["106912345678", "Qcloud", "1" * 20])
def test_a_sender_is_digits_or_a_short_name(number: str) -> None:
    assert rules.sender(number) == number


@pytest.mark.parametrize("number", ["", "1" * 21, "TwelveLetter", "+86106", "鸿雁"])
def test_another_sender_is_refused(number: str) -> None:
    assert fault_of(lambda: rules.sender(number)) is Fault.INVALID


def test_the_sandbox_follows_the_rules_itself() -> None:
    assert rules.signature(SIGN_NAME, Scope.MAINLAND) == SIGN_NAME
    for sample in SAMPLES.values():
        assert rules.template(sample.content, sample.kind, sample.scope, AccountKind.ENTERPRISE) == sample.content
        assert placeholders(sample.content) == len(sample.params)
        assert refused_params(sample.kind, sample.params) is None


@settings(max_examples=50)
@given(st.integers(min_value=1, max_value=64))
def test_keys_have_the_shape_of_the_clouds(length: int) -> None:
    assert re.fullmatch("AKID[A-Za-z0-9]{32}", tokens.secret_id(os.urandom))
    assert re.fullmatch("[A-Za-z0-9]{32}", tokens.secret_key(os.urandom))
    assert re.fullmatch("[0-9a-f]{32}", tokens.app_key(os.urandom))
    assert len(tokens.letters(os.urandom, length)) == length


def test_bytes_that_would_favour_some_letters_are_thrown_away() -> None:
    given_bytes = iter([b"\xff\xfe\x00", b"\x01\x02\xf8"])
    assert tokens.letters(lambda _size: next(given_bytes), 3) == "ABC"


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "carrier pigeon"}, {"host": "a b"}, {"port": 0}, {"port": 70_000}, {"system_id": "x" * 64}, {"password": "密码"},
        {"bind": "rx"}, {"sessions": 0}, {"window": 0}, {"rate": -1.0}, {"keepalive_s": 0.0}, {"default_alphabet": "ebcdic"},
        {"carriers": ("nobody",)}, {"scopes": ()}, {"name": ""}, {"sender_id": "+86"}, {"priority": -1},
    ],
)  # fmt: skip
def test_a_link_that_could_not_work_is_refused(change: dict[str, object]) -> None:
    assert checked(LINK) == LINK
    values = {name: getattr(LINK, name) for name in LINK.__struct_fields__} | change
    assert fault_of(lambda: checked(LinkConfig(**values))) is Fault.INVALID
