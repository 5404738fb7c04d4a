"""Laws of the small languages inside fields, and of receipts' ids."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.model.receipt import alternative_keys, carrier_key
from hongyan.wire.smpp import alphabet, receipt_text, times, udh
from hongyan.wire.smpp.receipt_text import ReceiptText
from hongyan.wire.smpp.udh import Concatenation

WORD = st.text(st.sampled_from("abcXYZ0189"), max_size=8)
DIGITS = st.text(st.sampled_from("0123456789"), max_size=12)
STAT = st.one_of(WORD, st.just("MK:0001"))
RECEIPTS = st.builds(
    ReceiptText, id=WORD, sub=WORD, dlvrd=WORD, submit_date=DIGITS, done_date=DIGITS, stat=STAT, err=WORD, text=st.text(max_size=20)
)
PIECES = st.sampled_from(["id:", "Sub:", "dlvrd:", "submit date:", "done_date:", "STAT:", "err:", "text:", " ", "x", "1", ":", "\n"])


@settings(max_examples=100)
@given(st.text())
def test_what_gsm7_takes_it_gives_back(text: str) -> None:
    octets = alphabet.to_gsm7(text)
    assert octets is None or alphabet.from_gsm7(octets) == text


@settings(max_examples=100)
@given(st.text(), st.binary())
def test_ucs2_gives_back_every_text_and_reads_every_octet(text: str, octets: bytes) -> None:
    assert alphabet.from_ucs2(alphabet.to_ucs2(text)) == text
    assert isinstance(alphabet.from_ucs2(octets) + alphabet.from_gsm7(octets) + alphabet.from_latin1(octets), str)


@settings(max_examples=100)
@given(st.integers(0, 255), st.integers(1, 255), st.integers(1, 255), st.booleans(), st.binary(max_size=140))
def test_a_header_is_read_as_it_was_built(reference: int, total: int, sequence: int, wide: bool, text: bytes) -> None:
    part = Concatenation(reference * 257 if wide else reference, total, sequence, wide)
    assert udh.parse(udh.build(part) + text) == (part, text)


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_any_octets_are_a_header_and_a_text(content: bytes) -> None:
    _, text = udh.parse(content)
    assert content.endswith(text)


@settings(max_examples=100)
@given(RECEIPTS)
def test_a_receipt_text_is_read_as_it_was_written(receipt: ReceiptText) -> None:
    assert receipt_text.parse(receipt_text.write(receipt)) == receipt


@settings(max_examples=100)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_the_short_cut_reads_what_the_general_parser_does(text: str) -> None:
    assert receipt_text.parse(text) == receipt_text.parse_any(text)
    usual = f"id:{text} sub:001 dlvrd:001 submit date:2611220101 done date:2611220101 stat:DELIVRD err:000 text:{text}"
    assert receipt_text.parse(usual) == receipt_text.parse_any(usual)


@settings(max_examples=100)
@given(st.integers(1, 31 * 86_400), st.floats(0, 1e9))
def test_a_relative_time_is_read_as_it_was_written(seconds: int, now: float) -> None:
    assert times.parse(times.relative(seconds), now) == pytest.approx(now + seconds, abs=1e-6)


@settings(max_examples=100)
@given(st.integers(946_771_200, 4_000_000_000), st.integers(-48, 48))
def test_an_absolute_time_is_read_as_it_was_written(at: int, quarters: int) -> None:
    assert times.parse(times.absolute(at, quarters), 0.0) == at


@settings(max_examples=100)
@given(st.text(max_size=20))
def test_any_text_is_a_time_or_not(text: str) -> None:
    assert times.parse(text, 0.0) is None or len(text) == 16
    assert receipt_text.date_at(text) is None or len(text) in (10, 12)


@settings(max_examples=100)
@given(st.text(st.characters(max_codepoint=127), max_size=70), st.integers(0, 9))
def test_a_key_forgets_case_zeros_and_spaces(raw: str, zeros: int) -> None:
    key = carrier_key(raw)
    assert carrier_key(key) == key
    assert carrier_key(f" {raw.upper()} ") == key
    if key:
        assert carrier_key("0" * zeros + key) == key


@settings(max_examples=100)
@given(st.integers(1, 2**128))
def test_the_other_base_is_among_the_alternatives_both_ways(number: int) -> None:
    decimal, hexadecimal = str(number), f"{number:X}"
    assert carrier_key(hexadecimal) in {carrier_key(decimal), *alternative_keys(decimal)}
    assert carrier_key(decimal) in {carrier_key(hexadecimal), *alternative_keys(hexadecimal)}


@settings(max_examples=100)
@given(st.text(max_size=70))
def test_alternatives_are_few_and_never_the_key_itself(raw: str) -> None:
    found = alternative_keys(raw)
    assert carrier_key(raw) not in found
    assert len(found) <= 2
