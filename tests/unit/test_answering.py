"""What a reply asks for."""

import pytest

from hongyan.model.answering import USUAL, plain


@pytest.mark.parametrize("text", ["T", "t", " td ", "TD", "R", "r.", "退订", "Ｔ", "T退订", "“退订”", "stop", "Unsubscribe."])
def test_opt_out_words_are_understood_as_people_write_them(text: str) -> None:
    assert USUAL.opts_out(plain(text))


@pytest.mark.parametrize("text", ["", "Thanks", "1", "收到", "不要退订", "TDX"])
def test_other_replies_opt_nobody_out(text: str) -> None:
    assert not USUAL.opts_out(plain(text))


@pytest.mark.parametrize("text", ["恢复", "start", " HF "])
def test_words_that_ask_for_messages_again_are_understood(text: str) -> None:
    assert USUAL.opts_in(plain(text))
