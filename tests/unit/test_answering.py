"""What a reply asks for, from its words alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongyan.model.answering import LANGUAGES, USUAL, WORDS, Answering, plain


@pytest.mark.parametrize(
    "text", ["T", "t", " td ", "TD", "R", "r.", "退订", "Ｔ", "T退订", "“退订”", "Stop", "STOP!", "unsubscribe", "ｓｔｏｐ", "【R】"]
)
def test_opt_out_words_are_understood_as_people_write_them(text: str) -> None:
    assert USUAL.opts_out(plain(text))
    assert not USUAL.opts_in(plain(text))


@pytest.mark.parametrize("text", ["START", "start.", "恢复", "“恢复”", "unstop"])
def test_words_for_coming_back_are_understood_as_people_write_them(text: str) -> None:
    assert USUAL.opts_in(plain(text))
    assert not USUAL.opts_out(plain(text))


@pytest.mark.parametrize("text", ["", "Thanks", "1", "收到", "不要退订", "TDX", "please stop", "don't start"])
def test_other_replies_ask_for_nothing(text: str) -> None:
    assert not USUAL.opts_out(plain(text))
    assert not USUAL.opts_in(plain(text))


def test_languages_can_be_switched_off_and_words_added() -> None:
    ours = Answering(languages=("en",), out_words=("ADIOS",), in_words=("HOLA",))
    assert [ours.opts_out(plain(word)) for word in ("T", "stop", "adios")] == [False, True, True]
    assert [ours.opts_in(plain(word)) for word in ("恢复", "start", "hola")] == [False, True, True]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_of_a_language_means_two_things(language: str) -> None:
    assert not WORDS[language].out & frozenset().union(*(words.back for words in WORDS.values()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_written_as_they_are_compared(language: str) -> None:
    for word in WORDS[language].out | WORDS[language].back:
        assert plain(word) == word


def test_what_is_heeded_is_what_asks_for_something() -> None:
    ours = Answering(languages=("en",), out_words=("ADIOS",), keywords={"1": 7})
    assert {"ADIOS", "1", "STOP", "START"} <= ours.heeded
    assert "T" not in ours.heeded
    assert all(ours.opts_out(word) or ours.opts_in(word) or word in ours.keywords for word in ours.heeded)


@given(st.text())
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    assert plain(plain(text)) == plain(text)
