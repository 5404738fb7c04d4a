"""Huawei's placeholders become ours, and are shown as they were written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongyan.doors.huawei.words.syntax import BACK, TYPES, Attribute, Fault, Taken, content_of, length_of, taken, type_of
from hongyan.model.message import Kind
from hongyan.model.papers import Submitted, Variable
from hongyan.model.values import FORMS, ValueType


def good(content: str, *attributes: Attribute, kind: Kind = Kind.NOTICE) -> Taken:
    found = taken(content, kind, attributes)
    assert isinstance(found, Taken), found
    return found


def wrong(content: str, *attributes: Attribute, kind: Kind = Kind.NOTICE) -> Fault:
    found = taken(content, kind, attributes)
    assert isinstance(found, Fault), found
    return found


@pytest.mark.parametrize(
    ("content", "kept", "variables"),
    [
        ("您好，会员日快乐", "您好，会员日快乐", ()),
        ("${1}您好，共${2}元", "{1}您好，共{2}元", (Variable(ValueType.FREE, longest=20),) * 2),
        ("共${2}元，${1}您好", "共{2}元，{1}您好", (Variable(ValueType.FREE, longest=20),) * 2),
        ("验${NUM_6}，${TXT_20}", "验{1}，{2}", (Variable(ValueType.DIGITS, longest=6), Variable(ValueType.FREE, longest=20))),
        ("于${DATE} ，${TIME}到", "于{1} ，{2}到", (Variable(ValueType.DATE), Variable(ValueType.TIME))),
        ("致电${PHONE}", "致电{1}", (Variable(ValueType.PHONE, longest=15),)),
        ("${MONEY}元，${TEXT}", "{1}元，{2}", (Variable(ValueType.MONEY, longest=20), Variable(ValueType.TEXT, longest=20))),
        ("${name}：${other}", "{1}：{2}", (Variable(ValueType.FREE, longest=20),) * 2),
        ("${TXT_5}和${TXT_5}", "{1}和{2}", (Variable(ValueType.FREE, longest=5),) * 2),
        ("${1}，再说一次${1}", "{1}，再说一次{1}", (Variable(ValueType.FREE, longest=20),)),
    ],
)
def test_placeholders_of_both_generations_are_read(content: str, kept: str, variables: tuple[Variable, ...]) -> None:
    assert good(content) == Taken(kept, variables)


def test_what_is_said_beside_the_content_goes_before_a_name() -> None:
    found = good("${1}于${2}到", Attribute(2, "DATETIME"), Attribute(1, "TEXT", "姓名"))
    assert found.variables == (Variable(ValueType.TEXT, "姓名", 20), Variable(ValueType.DATETIME, longest=20))
    assert good("${TEXT}到", Attribute(1, "PHONE")).variables == (Variable(ValueType.PHONE, longest=15),)
    assert good("${1}到", Attribute(1, "LONGTEXT")).variables == (Variable(ValueType.FREE),)


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("您的验证码是${1}", Variable(ValueType.FREE, longest=8)),
        ("您的验证码是${NUM_6}", Variable(ValueType.DIGITS, longest=6)),
        ("您的验证码是${NUM_20}", Variable(ValueType.DIGITS, longest=8)),
        ("您的验证码是${CHARDIGIT}", Variable(ValueType.CHARDIGIT, longest=8)),
        ("您的验证码是${TXT_4}", Variable(ValueType.FREE, longest=4)),
        ("您的验证码是${DATETIME}", Variable(ValueType.FREE, longest=8)),
    ],
)
def test_a_code_has_at_most_eight_characters(content: str, kept: Variable) -> None:
    assert good(content, kind=Kind.VERIFICATION).variables == (kept,)


@pytest.mark.parametrize(
    "content",
    [
        *("{1}您好", "您好{", "${1}}", "｛1｝", "${}", "${01}", "${0}", "${a b}", "${１}", "${²}", "${NUM_21}", "${TXT_99}"),
        *("${2}您好", "${1}，${3}", "${1}和${NUM_6}", "${1}${2}", "${1} ${2}", "，".join(f"${{{n}}}" for n in range(1, 22)), "字" * 501),
    ],
)
def test_what_is_no_content_is_refused(content: str) -> None:
    assert not wrong(content).undescribed


@pytest.mark.parametrize("content", ["您的验证码", "验证码${1}，${2}分钟有效"])
def test_a_verification_content_has_one_variable(content: str) -> None:
    wrong(content, kind=Kind.VERIFICATION)


@pytest.mark.parametrize(
    "attributes",
    [[Attribute(2, "PHONE")], [Attribute(0, "PHONE")], [Attribute(1, "PHONE")] * 2, [Attribute(1, "phone")], [Attribute(1, "")]],
)
def test_attributes_are_for_variables_that_there_are(attributes: list[Attribute]) -> None:
    wrong("您好${1}", *attributes)


def test_a_text_variable_needs_a_description() -> None:
    assert wrong("您好${1}", Attribute(1, "TEXT", " ")).undescribed


def test_every_type_has_a_word_and_every_word_a_type() -> None:
    assert set(BACK) == set(ValueType)
    assert set(BACK.values()) <= set(TYPES)
    assert {variable.type for variable in TYPES.values()} <= set(FORMS)


def test_a_template_that_came_another_way_is_shown_in_these_words() -> None:
    assert content_of("{1}，{2}和{1}", None) == "${1}，${2}和${1}"
    assert content_of("{1}", Submitted(content="${NUM_6}")) == "${NUM_6}"
    assert type_of(1, Variable(ValueType.DIGITS), None) == "CHARDIGIT"
    assert type_of(1, Variable(ValueType.FREE), Submitted(types={"1": "NEWTEXT"})) == "NEWTEXT"
    assert [length_of(Variable(typed)) for typed in (ValueType.CODE, ValueType.PHONE, ValueType.TEXT)] == [6, 15, 20]


@given(st.lists(st.sampled_from(["您好", "，", "$", "{", "}", "${1}", "${2}", "${NUM_3}", "${TEXT}", "1"]), max_size=12))
def test_what_is_taken_can_be_shown_again(parts: list[str]) -> None:
    content = "".join(parts)
    found = taken(content, Kind.NOTICE, [])
    if isinstance(found, Taken) and "NUM" not in content and "TEXT" not in content:
        assert content_of(found.content, None) == content
