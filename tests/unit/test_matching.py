import random
import time

import msgspec
import pytest

from hongyan.model.limits import Limits
from hongyan.model.matching import Match, Matcher, Matchers, Mismatch
from hongyan.model.message import Kind
from hongyan.model.snapshot import EMPTY, App, Scope, Template
from hongyan.model.template import fill, placeholders, split_text


def template(number: int, content: str, kind: Kind = Kind.NOTICE, scope: Scope = Scope.MAINLAND) -> Template:
    count = placeholders(content)
    assert isinstance(count, int)
    return Template(id=number, account_id=1, app_id=None, kind=kind, scope=scope, content=content, params=count)


CODE = template(1, "您的验证码是{1}，{2}分钟内有效。", Kind.VERIFICATION)
ORDER = template(2, "您的订单{1}已发货，{2}。")
PLAIN = template(3, "门店今日休息")
SALE = template(4, "会员日{1}折，拒收请回复R", Kind.MARKETING)
ABROAD = template(5, "Your code is {1}.", Kind.VERIFICATION, Scope.INTERNATIONAL)
TWICE = template(6, "{1}您好，{1}的积分是{2}")
SWAPPED = template(7, "今天{2}，明天{1}")
MATCHER = Matcher([CODE, ORDER, PLAIN, SALE, ABROAD, TWICE, SWAPPED])


@pytest.mark.parametrize(
    ("text", "number", "params"),
    [
        ("您的验证码是123456，5分钟内有效。", 1, ("123456", "5")),
        ("您的订单A-1已发货，预计明天，后天送达。", 2, ("A-1", "预计明天，后天送达")),
        ("门店今日休息", 3, ()),
        ("会员日八折，拒收请回复R", 4, ("八",)),
        ("Your code is 1234.", 5, ("1234",)),
        ("张三您好，张三的积分是5", 6, ("张三", "5")),
        ("今天晴，明天雨", 7, ("雨", "晴")),
        ("您的订单已发货，。", 2, ("", "")),
        ("您的订单 123 已发货，a。", 2, (" 123 ", "a")),
        ("您的订单evil.com已发货，a。", 2, ("evil.com", "a")),
    ],
)
def test_a_text_is_told_its_template_and_its_values(text: str, number: int, params: tuple[str, ...]) -> None:
    assert MATCHER.match(text) == Match(number, params)


@pytest.mark.parametrize(
    ("text", "number", "at", "words"),
    [
        ("您的验证\u200b码是123456，5分钟内有效。", 1, 4, "U+200B ZERO WIDTH SPACE"),
        ("您的验证码是123456,5分钟内有效。", 1, 12, "U+002C COMMA"),
        ("您的验证码是123456，5分钟内有效。 ", 1, 20, "U+0020 SPACE is too much"),
        (" 您的验证码是123456，5分钟内有效。", 1, 0, "U+0020 SPACE is too much"),
        ("您的验证码是123456，5分钟内有效", 1, 19, "“。” (U+3002 IDEOGRAPHIC FULL STOP) is missing"),
        ("您的验证码是123456，5分钟内有效。\n", 1, 20, "U+000A is too much"),
        ("门店 今日休息", 3, 2, "U+0020 SPACE is too much"),
        ("门店\u00a0今日休息", 3, 2, "U+00A0 NO-BREAK SPACE"),
        ("您的验证码是123456\u200b，5分钟内有效。", 1, 12, "U+200B ZERO WIDTH SPACE"),
        ("您的验证码是 123456，5分钟内有效。", 1, 6, "U+0020 SPACE"),
        ("您的验证码是123456，5\u3000分钟内有效。", 1, 14, "U+3000 IDEOGRAPHIC SPACE"),
        ("您的订单12\u200b3已发货，a。", 2, 6, "U+200B ZERO WIDTH SPACE"),
        ("您的订单12已发货，a\nb。", 2, 11, "U+000A"),
        ("您的验证码是123456，请尽快填写", 1, 13, "“分钟内有效。”, which the text has not"),
        ("你的验证码是123456，5分钟内有效。", 1, 0, "begins with"),
        ("Your code is 1234", 5, 13, "“.”, which the text has not"),
        ("YOUR CODE IS 1234.", 5, None, "“o”"),
    ],
)
def test_the_nearest_template_and_the_first_difference_are_named(text: str, number: int, at: int | None, words: str) -> None:
    found = MATCHER.match(text)
    assert isinstance(found, Mismatch)
    assert found.template_id == number
    assert at is None or found.at == at
    assert words in found.reason
    assert str(number) in found.zh


def test_a_text_that_is_like_none_says_so() -> None:
    found = MATCHER.match("完全不同的一句话")
    assert isinstance(found, Mismatch)
    assert found.template_id is None
    assert isinstance(Matcher([]).match("x"), Mismatch)


def test_reasons_never_repeat_a_value() -> None:
    for text in (
        "您的验证码是385204,7分钟内有效。",
        "您的验证码是385204，7分钟有效",
        "验证码385204",
        "您的验证码是385204",
        "385204您的验证码是，分钟内有效。",
    ):
        found = MATCHER.match(text)
        assert isinstance(found, Mismatch)
        assert "385204" not in found.reason + found.zh
        assert "“3”" not in found.reason + found.zh


def test_the_kind_and_the_scope_of_a_request_count() -> None:
    text = "会员日八折，拒收请回复R"
    assert isinstance(MATCHER.match(text, kinds=frozenset({Kind.MARKETING}), scope=Scope.MAINLAND), Match)
    for found in (
        MATCHER.match(text, kinds=frozenset({Kind.NOTICE, Kind.VERIFICATION})),
        MATCHER.match(text, scope=Scope.INTERNATIONAL),
    ):
        assert isinstance(found, Mismatch)
        assert found.template_id == 4
        assert "marketing" in found.reason


def test_a_way_to_read_the_text_that_may_be_sent_goes_before_others() -> None:
    # The shortest first value would make the second one of letters.
    assert Matcher([template(1, "验证码{1}a{2}", Kind.VERIFICATION)]).match("验证码12a34") == Match(1, ("12", "34"))
    assert Matcher([template(1, "{1}，{2}好")]).match("a，b，c好") == Match(1, ("a", "b，c"))
    assert Matcher([template(1, "见{1}。{2}完")]).match("见a。。b完") == Match(1, ("a", "。b"))
    assert Matcher([template(1, "{1}{2}完")]).match("ab完") == Match(1, ("a", "b"))


def test_the_template_with_most_fixed_text_is_chosen_then_the_oldest() -> None:
    wide, narrow, twin = template(1, "您好{1}"), template(2, "您好，订单{1}"), template(3, "您好，订单{1}")
    assert Matcher([twin, wide, narrow]).match("您好，订单5") == Match(2, ("5",))
    assert Matcher([wide, template(4, "您好{1}", Kind.VERIFICATION)]).match("您好123") == Match(1, ("123",))


def test_templates_that_are_the_same_are_compared_once() -> None:
    matcher = Matcher([template(number, "您好{1}再见") for number in range(2_000, 0, -1)])
    assert matcher.match("您好张三再见") == Match(1, ("张三",))
    assert len(matcher._patterns) == 1


def test_patterns_made_to_be_slow_are_decided_in_bounded_time() -> None:
    many = "".join(f"{{{number}}}a" for number in range(1, 60)) + "b"
    twice = "{1}{2}{3}{1}{2}{3}b"
    started = time.process_time()
    for content in (many, twice):
        Matcher([template(1, content)]).match("a" * 600 + "b")
        Matcher([template(1, content)]).match("a" * 600)
    assert time.process_time() - started < 1


WORDS = "您的订单已经发货请注意查收快递员将于送达感谢使用如非本人操作请忽略本短信会员积分余额到账户登录有效期"


def test_2000_templates_take_less_than_50_microseconds() -> None:
    chosen = random.Random(4)  # noqa: S311 - a load, no secret

    def piece(least: int, most: int) -> str:
        return "".join(chosen.choices(WORDS, k=chosen.randint(least, most)))

    contents = [piece(2, 12) + "".join(f"{{{number}}}，{piece(3, 15)}" for number in range(1, chosen.randint(2, 5))) for _ in range(2_000)]
    templates = [template(number, content) for number, content in enumerate(contents, start=1)]
    matcher = Matcher(templates)
    texts = [(one.id, fill(one.content, ("385204", "五", "12:30", "张三")[: one.params])) for one in chosen.sample(templates, 300)]
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        found = [matcher.match(text) for _, text in texts]
        best = min(best, (time.process_time() - started) / len(texts))
        assert [one.template_id for one in found] == [number for number, _ in texts]
    assert best < 50e-6


def app(number: int) -> App:
    return App(
        id=number, account_id=1, name="", app_key="", enabled=True, limits=Limits(), unlimited_phones=frozenset(), pull=False,
        report_url="", reply_url="", context_in_reports=False, sender_id="", extend_allowed=False,
    )  # fmt: skip


def test_matchers_are_made_again_only_when_the_templates_have_changed() -> None:
    matchers = Matchers()
    own = msgspec.structs.replace(PLAIN, id=9, app_id=2, content="只给应用2")
    snapshot = msgspec.structs.replace(EMPTY, version=1, templates={1: CODE, 9: own})
    first = matchers.of(snapshot, app(1))
    assert matchers.of(snapshot, app(1)) is first
    assert isinstance(first.match("只给应用2"), Mismatch)
    assert isinstance(matchers.of(snapshot, app(2)).match("只给应用2"), Match)
    assert matchers.of(msgspec.structs.replace(snapshot, version=2), app(1)) is first
    changed = msgspec.structs.replace(snapshot, version=3, templates={1: CODE, 2: ORDER, 9: own})
    assert isinstance(matchers.of(changed, app(1)).match("您的订单1已发货，2。"), Match)


def test_matchers_forget_the_first_when_there_are_too_many_templates() -> None:
    matchers = Matchers(most=5)
    snapshot = msgspec.structs.replace(EMPTY, version=1, templates={1: CODE, 2: ORDER})
    made = {number: matchers.of(snapshot, app(number)) for number in range(10)}
    assert matchers.of(snapshot, app(9)) is made[9]
    assert matchers.of(snapshot, app(8)) is made[8]
    assert matchers.of(snapshot, app(0)) is not made[0]
    assert isinstance(matchers.of(snapshot, app(0)).match("您的验证码是1，5分钟内有效。"), Match)
    small = Matchers(most=1)
    assert small.of(snapshot, app(0)) is small.of(snapshot, app(0))


def test_the_signature_in_front_is_taken_off() -> None:
    assert split_text("【腾讯云】您好") == ("腾讯云", "您好")
    assert split_text("您好【腾讯云】") == ("", "您好【腾讯云】")
    assert split_text("【】您好") == ("", "【】您好")
