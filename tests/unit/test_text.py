import pytest

from hongyan.model.text import GSM7_BASIC, GSM7_ESCAPED, Alphabet, Parts, air, alphabet_of, billed, split, units


def test_the_default_alphabet_has_a_character_for_every_code() -> None:
    assert len(GSM7_BASIC) == len(set(GSM7_BASIC)) == 128
    assert GSM7_BASIC[0x1B] == "\x1b"
    assert GSM7_BASIC[0x41] == "A"
    assert GSM7_BASIC[0x7F] == "à"
    assert not GSM7_ESCAPED.keys() & set(GSM7_BASIC)


@pytest.mark.parametrize("text", ["", "hello", "[x] {y} ~^|\\", "Ωmega à la carte €5", "a\r\nb\f"])
def test_texts_of_the_default_alphabet_are_gsm7(text: str) -> None:
    assert alphabet_of(text) is Alphabet.GSM7


@pytest.mark.parametrize("text", ["`", "你好", "a\tb", "😀", "ç", "\x1b", "【Hi】"])
def test_any_other_character_makes_it_ucs2(text: str) -> None:
    assert alphabet_of(text) is Alphabet.UCS2


@pytest.mark.parametrize(
    ("text", "alphabet", "length"),
    [("[a]", Alphabet.GSM7, 5), ("€à", Alphabet.GSM7, 3), ("你好", Alphabet.UCS2, 2), ("a😀", Alphabet.UCS2, 3), ("😀", Alphabet.UCS2, 2)],
)
def test_escapes_and_emoji_count_twice(text: str, alphabet: Alphabet, length: int) -> None:
    assert units(text, alphabet) == length


@pytest.mark.parametrize(
    ("text", "mainland", "segments"),
    [
        ("字" * 70, True, 1),
        ("字" * 71, True, 2),
        ("字" * 134, True, 2),
        ("字" * 135, True, 3),
        ("a" * 70, True, 1),
        ("a" * 71, True, 2),
        ("😀" * 35, True, 1),
        ("😀" * 36, True, 2),
        ("a" * 160, False, 1),
        ("a" * 161, False, 2),
        ("a" * 306, False, 2),
        ("a" * 307, False, 3),
        ("[" * 80, False, 1),
        ("[" * 81, False, 2),
        ("字" * 70, False, 1),
        ("字" * 71, False, 2),
        ("", True, 1),
    ],
)
def test_the_bill_counts_whole_segments(text: str, mainland: bool, segments: int) -> None:
    assert billed(text, mainland=mainland) == segments


def test_mainland_texts_go_in_ucs2_even_when_gsm7_would_do() -> None:
    assert air("hello", mainland=True) == Parts(Alphabet.UCS2, ("hello",))
    assert air("hello", mainland=False) == Parts(Alphabet.GSM7, ("hello",))


def test_an_emoji_at_the_edge_moves_whole_to_the_next_segment() -> None:
    text = "字" * 66 + "😀" + "字" * 66
    assert split(text, Alphabet.UCS2) == ("字" * 66, "😀" + "字" * 65, "字")
    assert billed(text, mainland=True) == 2


def test_an_escape_at_the_edge_moves_whole_to_the_next_segment() -> None:
    assert split("a" * 152 + "[" + "b" * 20, Alphabet.GSM7) == ("a" * 152, "[" + "b" * 20)
