import random
import time

import pytest

from hongyan.model.rules.words import built_in
from hongyan.model.template import fill
from hongyan.model.variants import SIMPLE
from hongyan.model.words import Severity, Word, Words

WORDS = Words([Word("发票"), Word("贷款", Severity.SUSPICIOUS), Word("六合彩"), Word("K粉"), Word("AV"), Word("USDT"), Word("free money")])


def found(text: str) -> list[tuple[str, str]]:
    return [(hit.word.text, text[hit.at : hit.end]) for hit in WORDS.find(text)]


@pytest.mark.parametrize(
    ("text", "word", "place"),
    [
        ("代开发票", "发票", "发票"),
        ("代开發票", "发票", "發票"),
        ("开发 票", "发票", "发 票"),
        ("开发*_-票", "发票", "发*_-票"),
        ("开发\u200b票", "发票", "发\u200b票"),
        ("貸\u3000款", "贷款", "貸\u3000款"),
        ("6合彩", "六合彩", "6合彩"),
        ("陸合彩", "六合彩", "陸合彩"),
        ("卖ｋ粉", "K粉", "ｋ粉"),
        ("看AV吗", "AV", "AV"),
        ("u.s.d.t", "USDT", "u.s.d.t"),
        ("FRΕΕ MΟNEY!", "free money", "FRΕΕ MΟNEY"),
    ],
)
def test_a_word_is_found_however_it_is_written(text: str, word: str, place: str) -> None:
    assert found(text) == [(word, place)]


@pytest.mark.parametrize("text", ["已出发，票已寄出", "出发。票", "have", "plan A v2", "a v", "OK粉丝", "usdtx", "", "36合彩", "借款"])
def test_what_only_contains_the_characters_is_no_word(text: str) -> None:
    assert found(text) == []


def test_the_worst_word_is_told_first() -> None:
    hit = WORDS.worst("贷款和发票")
    assert hit is not None
    assert hit.word.text == "发票"
    assert WORDS.worst("您好") is None
    assert Words([]).worst("发票") is None
    assert len(Words([Word("发票", Severity.SUSPICIOUS), Word("發 票"), Word("***")])) == 1


@pytest.mark.parametrize(
    ("content", "params", "word"),
    [
        ("贷款审批{1}", ("通过",), None),
        ("贷款审批{1}", ("贷款",), "贷款"),
        ("您的{1}票到了", ("发",), "发票"),
        ("您的{1}{2}到了", ("发", "票"), "发票"),
        ("您的{1}，{2}到了", ("发", "票"), None),
        ("验证码{1}", ("123456",), None),
        ("{1}和{2}", ("贷款", "发票"), "发票"),
    ],
)
def test_words_that_the_values_brought_in_are_told_from_those_of_the_reviewed_text(
    content: str, params: tuple[str, ...], word: str | None
) -> None:
    hit = WORDS.brought(content, params, fill(content, params))
    assert (hit and hit.word.text) == word


def test_10000_words_cost_a_few_microseconds_a_message() -> None:
    chosen = random.Random(3)  # noqa: S311 - a load, no secret
    many = [Word("".join(chr(chosen.randint(0x4E00, 0x9FA0)) for _ in range(chosen.randint(2, 5)))) for _ in range(10_000)]
    words = Words([*many, *built_in()])
    text = "【腾讯云】您的登录验证码为385204，5分钟内有效，请勿告诉他人。如非本人操作，请忽略本短信，谢谢您的使用。"
    words.worst(text)
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        for _ in range(300):
            words.worst(text)
        best = min(best, (time.process_time() - started) / 300)
    assert best < 40e-6


def test_the_words_that_come_with_the_platform_are_each_once_and_none_hides_another() -> None:
    texts = [word.text for word in built_in()]
    assert len(texts) == len(set(texts))
    assert len(Words(built_in())) == len(texts)
    ordinary = (
        "您的登录验证码为385204，5分钟内有效，请勿告诉他人。",
        "您的订单20260001已发货，预计明天送达。",
        "会员日全场八折，本周六当天有效，欢迎光临。拒收请回复R",
        "尊敬的旅客，您预订的航班已开始办理登机手续。",
        "【某银行】您尾号1234的账户于11月22日收入100.00元。",
    )
    assert not [hit for text in ordinary for hit in Words(built_in()).find(text) if hit.word.severity is Severity.FORBIDDEN]


def test_variants_lead_to_characters_that_stay() -> None:
    assert not [char for char in SIMPLE.values() if SIMPLE.get(char, char) != char]
