import time

import pytest

from hongyan.model.links import has_link, links
from hongyan.model.lookalike import hidden, plain

LINKS = [
    "http://a.b", "https://example.com/x", "HTTPS：//x", "ftp://files", "www.example", "点击baidu.com领取", "t.cn", "ｂａｉｄｕ．ｃｏｍ",
    "baidu。com", "ba\u200bidu.c\u200bom", "h\u00adttp://x", "Bit.ly/3xYz", "10.0.0.1/a", "10.0.0.1:8080", "商城.中国", "a.b.example.org",
    "x.shop", "weixin://dl", "аррӏе.com", "..baidu.com", "百度点com", "百度.com", "baidu [.] com", "baidu dot com", "b a i d u . c o m",
    "baidu .com", "ⓑaidu.ⓒⓞⓜ", "🅱️aidu.🅲🅾🅼", "baidu·com", "baidu•com", "t．cn／x", "ｈｔｔｐ：／／x", "xn--fiq.xn--x",
    "ann@evil.com/x", "bàidu.com", "t.ly:8080", "baidu.㏄", "b\u0332aidu.com", "@evil.com", "bai\U000e0061du.com", "𝐛𝐚𝐢𝐝𝐮.𝐜𝐨𝐦",
    "hxxp:x", "baidu(dot)com", "baidu.\u202ecom",
]  # fmt: skip
NO_LINKS = [
    "123456", "2026-11-22 12:00", "3.14", "1.2.3.4", "ann@example.com", "Dr. Wang", "a.m.", "and/or", "订单：A-12", "10:30",
    "我来自。中国很大", "No.5", "¥12.50", "node.js", "", "Thanks.to", "comma.comet", "ann@mail.example.com", "ann@example.com.",
    "谢谢。VIP客户", "重点VIP客户", "9点30分", "阿凡提·买买提", "5.8折", "第3.2节", "他说：好。net很好吗", "Ends. It is", "SF1234567890",
    "A座12-3室（东门）",
]  # fmt: skip


@pytest.mark.parametrize("text", LINKS)
def test_a_link_is_found_however_it_is_disguised(text: str) -> None:
    assert has_link(text)
    assert has_link(f"请看，{text}，谢谢")


@pytest.mark.parametrize("text", NO_LINKS)
def test_ordinary_texts_have_no_links(text: str) -> None:
    assert not has_link(text)


def test_a_link_is_told_by_its_place_in_the_text_as_given() -> None:
    text = "您好，ｂａ\u200bｉｄｕ．ｃｏｍ欢迎"
    (link,) = links(text)
    assert text[link.at : link.end] == "ｂａ\u200bｉｄｕ．ｃｏｍ"


@pytest.mark.parametrize("piece", ["a.", "a", "a ", "www ", "a-", "a@", "1.", "http ", "点", "(dot)", "x.c o", "a.b/"])
def test_looking_takes_time_in_proportion_to_the_text(piece: str) -> None:
    text = piece * (20_000 // len(piece)) + "\x00"
    started = time.process_time()
    has_link(text)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "text", ["a\u200bb", "a\u202eb", "a\nb", "\ufeffa", "a\u00adb", "名\u200d字", "x\ufe0f", "\ue000", "\u2028", "a\u200c"]
)
def test_what_nobody_sees_is_hidden(text: str) -> None:
    assert list(hidden(text))


@pytest.mark.parametrize("text", ["张三", "👨\u200d👩\u200d👧", "❤\ufe0f", "1\ufe0f\u20e3", "می\u200cخواهم", "क्\u200dष", "café", "", "¥5"])
def test_what_spelling_needs_is_not_hidden(text: str) -> None:
    assert not list(hidden(text))


def test_letters_that_look_alike_are_the_same() -> None:
    assert plain("ᖴᴀＢ①ⓩа\u0301ß") == "fab1zass"
    assert plain("ΝΗＢҺ𝚩") == "nhbhb"
