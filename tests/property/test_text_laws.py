from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.model.text import CONCATENATED, GSM7_BASIC, GSM7_ESCAPED, SINGLE, Alphabet, air, alphabet_of, billed, split, units

GSM7 = st.text(st.sampled_from([*GSM7_BASIC.replace("\x1b", ""), *GSM7_ESCAPED] + ["[", "€"] * 20), max_size=700)
MIXED = st.text(st.one_of(st.sampled_from("字a😀【】"), st.characters(exclude_categories=["Cs"])), max_size=400)


def fits(parts: tuple[str, ...], alphabet: Alphabet) -> bool:
    room = SINGLE[alphabet] if len(parts) == 1 else CONCATENATED[alphabet]
    return all(units(part, alphabet) <= room for part in parts)


@settings(max_examples=100)
@given(GSM7)
def test_gsm7_segments_lose_nothing_and_fit(text: str) -> None:
    parts = split(text, Alphabet.GSM7)
    assert alphabet_of(text) is Alphabet.GSM7
    assert "".join(parts) == text
    assert fits(parts, Alphabet.GSM7)


@settings(max_examples=100)
@given(MIXED)
def test_ucs2_segments_lose_nothing_and_never_cut_a_pair(text: str) -> None:
    parts = split(text, Alphabet.UCS2)
    assert "".join(parts) == text
    assert fits(parts, Alphabet.UCS2)
    assert b"".join(part.encode("utf-16-be") for part in parts) == text.encode("utf-16-be")
    assert all(units(part, Alphabet.UCS2) * 2 == len(part.encode("utf-16-be")) for part in parts)


@settings(max_examples=100)
@given(st.one_of(GSM7, MIXED), st.booleans())
def test_the_bill_never_exceeds_the_air_and_is_short_by_pairs_only(text: str, mainland: bool) -> None:
    parts = air(text, mainland=mainland)
    bill = billed(text, mainland=mainland)
    length = units(text, parts.alphabet)
    assert 1 <= bill <= len(parts.parts)
    if length == len(text):
        assert bill == len(parts.parts)


@settings(max_examples=50)
@given(MIXED, MIXED)
def test_a_longer_text_never_costs_less(text: str, more: str) -> None:
    assert billed(text, mainland=True) <= billed(text + more, mainland=True)
