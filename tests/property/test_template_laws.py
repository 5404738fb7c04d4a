from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.model.links import has_link
from hongyan.model.template import fill, placeholders

PLAIN = st.text(st.characters(exclude_characters="{}｛｝", exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=100)
@given(st.lists(PLAIN, min_size=1, max_size=8), st.data())
def test_filling_is_joining(pieces: list[str], data: st.DataObject) -> None:
    count = len(pieces) - 1
    order = data.draw(st.permutations(range(1, count + 1)))
    params = tuple(data.draw(st.lists(st.text(max_size=10), min_size=count, max_size=count)))
    content = pieces[0] + "".join(f"{{{number}}}{piece}" for number, piece in zip(order, pieces[1:], strict=True))
    assert placeholders(content) == count
    assert fill(content, params) == pieces[0] + "".join(params[number - 1] + piece for number, piece in zip(order, pieces[1:], strict=True))


@settings(max_examples=100)
@given(st.text(max_size=60))
def test_any_text_is_judged_without_an_exception(content: str) -> None:
    placeholders(content)
    has_link(content)


@settings(max_examples=100)
@given(
    st.sampled_from(["http://x", "www.x", "abc.com", "t.cn/x"]),
    st.lists(st.sampled_from("\u200b\u200d\ufeff\u00ad\u2060"), max_size=3),
    st.integers(0, 6),
)
def test_invisible_characters_hide_no_link(link: str, hidden: list[str], at: int) -> None:
    assert has_link(link[:at] + "".join(hidden) + link[at:])
    assert has_link("".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in link))
