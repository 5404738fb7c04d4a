"""Price lists as CSV: what is taken, and what is refused with the row it is about."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongyan.control.errors import ControlError
from hongyan.control.prices import BYTES_MOST, HEADING, read
from hongyan.model.tariff import NewPrice, Price, Tariff

TODAY = dt.date(2026, 11, 22)


def test_a_list_has_a_heading_or_none_remarks_and_days_or_today() -> None:
    file = "\ufeff" + HEADING + "\r\n# a remark\r\nfr, 40000 ,2026-12-01\r\n\r\n*,90000\r\n"
    assert read(file.encode(), TODAY) == {3: NewPrice("FR", 40_000, dt.date(2026, 12, 1)), 5: NewPrice("*", 90_000, TODAY)}


@pytest.mark.parametrize(
    ("file", "row"),
    [
        (b"FR,0.4", "Row 1"), (b"FR,40000,soon", "Row 1"), (b"FR,1\nUS,=1+1", "Row 2"), (b"FR", "Row 1"), (b"FR,-1", "Row 1"),
        ("FR,１２".encode(), "Row 1"), (b"\xff\xfe", "the file"), (b"x" * (BYTES_MOST + 1), "the file"), (b"FR,9999999999", "Row 1"),
    ],
)  # fmt: skip
def test_what_is_no_price_is_refused_with_its_row(file: bytes, row: str) -> None:
    with pytest.raises(ControlError) as refused:
        read(file, TODAY)
    assert row in refused.value.en
    assert "Nothing was taken" in refused.value.en


@given(st.binary(max_size=200))
def test_whatever_a_file_has_it_is_taken_or_refused(file: bytes) -> None:
    try:
        found = read(file, TODAY)
    except ControlError:
        return
    assert all(price.milli >= 0 for price in found.values())


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), max_size=8), st.integers(0, 6))
def test_the_price_in_force_is_the_newest_that_has_taken_effect(rows: list[tuple[int, int]], now: int) -> None:
    newest_first = [Price(n, milli, float(since)) for n, (since, milli) in sorted(enumerate(rows), key=lambda row: (-row[1][0], -row[0]))]
    found = Tariff({}, {"FR": newest_first}).price("FR", float(now))
    effective = [(since, n) for n, (since, _) in enumerate(rows) if since <= now]
    assert (None if found is None else found.id) == (max(effective)[1] if effective else None)


def test_an_account_s_own_price_for_everywhere_comes_before_everybody_s_for_a_country() -> None:
    own, general = Price(1, 10, 0.0), Price(2, 20, 0.0)
    assert Tariff({"*": [own]}, {"FR": [general]}).price("FR", 1.0) is own
    assert Tariff({"DE": [own]}, {"FR": [general]}).price("FR", 1.0) is general
    assert Tariff({"DE": [own]}, {"*": [general]}).price("FR", 1.0) is general
    assert Tariff({}, {}).price("FR", 1.0) is None
