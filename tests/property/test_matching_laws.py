import re

from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.model.matching import Match, Matcher, Mismatch
from hongyan.model.message import Kind
from hongyan.model.snapshot import Scope, Template
from hongyan.model.template import fill

PIECE = st.text("ab ，.\u200b", max_size=4)


def template(number: int, pieces: list[str], order: list[int]) -> Template:
    content = pieces[0] + "".join(f"{{{which}}}{piece}" for which, piece in zip(order, pieces[1:], strict=True))
    return Template(id=number, account_id=1, app_id=None, kind=Kind.NOTICE, scope=Scope.MAINLAND, content=content, params=len(set(order)))


@st.composite
def templates(draw: st.DrawFn) -> list[Template]:
    made = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        count = draw(st.integers(0, 3))
        order = list(range(1, count + 1)) + ([draw(st.integers(1, count))] if count and draw(st.booleans()) else [])
        pieces = draw(st.lists(PIECE, min_size=len(order) + 1, max_size=len(order) + 1))
        made.append(template(number, pieces, order))
    return made


def oracle(content: str) -> re.Pattern[str]:
    """The template as a pattern: what the matcher must agree with, and never is."""
    seen: set[str] = set()
    made = ""
    for at, piece in enumerate(re.split(r"\{([1-9])\}", content)):
        if at % 2 == 0:
            made += re.escape(piece)
        else:
            made += f"(?P=v{piece})" if piece in seen else f"(?P<v{piece}>.*)"
            seen.add(piece)
    return re.compile(made, re.DOTALL)


@settings(max_examples=200)
@given(templates(), st.text("ab ，.\u200b", max_size=12), st.data())
def test_what_matches_is_exactly_what_a_template_can_make(made: list[Template], text: str, data: st.DataObject) -> None:
    if data.draw(st.booleans()):
        chosen = data.draw(st.sampled_from(made))
        text = fill(chosen.content, tuple(data.draw(st.lists(PIECE, min_size=chosen.params, max_size=chosen.params))))
    fitting = {one.id for one in made if oracle(one.content).fullmatch(text)}
    found = Matcher(made).match(text)
    if isinstance(found, Mismatch) and fitting:
        # Only for a character that nobody sees in a value.
        assert found.at is not None
        assert text[found.at] in "\u200b "
        assert found.template_id in fitting
        return
    assert isinstance(found, Match) == bool(fitting)
    if isinstance(found, Match):
        chosen = made[found.template_id - 1]
        assert found.template_id in fitting
        assert len(found.params) == chosen.params
        assert fill(chosen.content, found.params) == text


@settings(max_examples=100)
@given(templates(), st.text(max_size=30), st.integers(0, 40), st.sampled_from("\u200b \n\u00a0，"))
def test_a_mismatch_always_has_a_reason_in_both_languages(made: list[Template], text: str, at: int, extra: str) -> None:
    found = Matcher(made).match(made[0].content[:at] + extra + text)
    if isinstance(found, Mismatch):
        assert found.reason
        assert found.zh
        assert found.at is None or found.at >= 0


CONTENTS = [
    "您的登录验证码为{1}，{2}分钟内有效，请勿告诉他人。",
    "您的订单{1}已发货，预计{2}送达，请保持电话畅通",
    "尊敬的{1}，您预约的服务将于{2}开始，地点：{3}，请准时到达",
    "会员日全场{1}折，{2}当天有效，欢迎光临。拒收请回复R",
    "您尾号{1}的账户于{2}收入{3}元，余额{4}元",
    "Your verification code is {1}. It is valid for {2} minutes.",
    "系统将于今晚升级，届时暂停服务",
]


def parts(content: str) -> tuple[list[str], list[int]]:
    split = re.split(r"\{([1-9])\}", content)
    return split[::2], [int(which) for which in split[1::2]]


REAL = Matcher(template(number, *parts(content)) for number, content in enumerate(CONTENTS, start=1))


@settings(max_examples=300)
@given(st.data(), st.sampled_from("\u200b\u00a0 \u3000\ufeff\u00ad\u2060\t\n"))
def test_one_character_too_much_in_the_fixed_text_is_named_with_its_place(data: st.DataObject, extra: str) -> None:
    number = data.draw(st.integers(1, len(CONTENTS)))
    pieces, order = parts(CONTENTS[number - 1])
    which = data.draw(st.integers(0, len(pieces) - 1).filter(lambda which: len(pieces[which]) > 1))
    at = data.draw(st.integers(1, len(pieces[which]) - 1))
    values = data.draw(st.lists(st.text("0123456789张三明天", min_size=1, max_size=6), min_size=len(order), max_size=len(order)))
    spoilt = [piece[:at] + extra + piece[at:] if place == which else piece for place, piece in enumerate(pieces)]
    text = spoilt[0] + "".join(value + piece for value, piece in zip(values, spoilt[1:], strict=True))
    place = len("".join(piece + value for piece, value in zip(pieces[:which], values, strict=False))) + at
    found = REAL.match(text)
    if isinstance(found, Match) and extra == " ":
        # One blank more beside a value belongs to the value.
        assert any(value != value.strip() for value in found.params)
        return
    assert isinstance(found, Mismatch)
    assert found.template_id == number
    # Beside another of its kind a blank cannot be told from it.
    assert found.at == place or extra in {text[place - 1], text[place + 1]}
    assert f"U+{ord(extra):04X}" in found.reason
    assert f"U+{ord(extra):04X}" in found.zh
