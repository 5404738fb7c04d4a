"""What a customer gives with a message to have back."""

from hypothesis import given
from hypothesis import strategies as st

from hongyan.model.context import SEPARATOR, Context, pack, unpack

TEXTS = st.text().filter(lambda text: SEPARATOR not in text)


@given(TEXTS, TEXTS)
def test_what_is_packed_comes_back(text: str, url: str) -> None:
    assert unpack(pack(Context(text, url))) == Context(text, url)


@given(TEXTS)
def test_a_text_alone_is_kept_as_it_is(text: str) -> None:
    assert pack(Context(text)) == text
