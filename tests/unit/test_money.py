"""What a purchase is worth when it is given back, until when that goes, and how books add up."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongyan.model.message import Kind
from hongyan.model.money import CARRIES, Balance, PackageKind, Sums, balance_of, corrections, refund_milli, refundable_until
from hongyan.model.protection import SHANGHAI

amounts = st.integers(0, 10**12)


def at(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp()


@pytest.mark.parametrize(
    ("paid", "until"),
    [
        ("2018-10-09 17:06:44", "2018-10-15 00:00"),
        ("2018-10-09 00:00:00", "2018-10-15 00:00"),
        ("2018-10-09 23:59:59.999", "2018-10-15 00:00"),
        ("2018-12-29 12:00:00", "2019-01-04 00:00"),
        ("2024-02-25 12:00:00", "2024-03-02 00:00"),
        ("2023-02-25 12:00:00", "2023-03-03 00:00"),
    ],
    ids=["within a month", "first instant", "last instant", "over new year", "leap year", "no leap year"],
)
def test_a_purchase_can_be_refunded_until_the_end_of_the_fifth_day_in_shanghai(paid: str, until: str) -> None:
    assert refundable_until(at(paid)) == at(until)


@given(price=st.integers(1, 10**9).map(lambda fen: fen * 1000), segments=st.integers(1, 10**9), data=st.data())
def test_what_is_paid_back_is_whole_fen_never_more_than_the_price_and_all_of_it_only_for_what_is_unused(
    price: int, segments: int, data: st.DataObject
) -> None:
    unused = data.draw(st.integers(0, segments))
    back = refund_milli(price, segments, unused)
    assert 0 <= back <= price
    assert back % 1000 == 0
    assert (back == price) == (unused == segments)
    assert price * unused - 1000 * segments < back * segments <= price * unused


@given(price=st.integers(1, 10**6).map(lambda fen: fen * 1000), segments=st.integers(1, 10**6), data=st.data())
def test_whoever_used_less_is_never_paid_back_less(price: int, segments: int, data: st.DataObject) -> None:
    less, more = sorted([data.draw(st.integers(0, segments)), data.draw(st.integers(0, segments))])
    assert refund_milli(price, segments, less) <= refund_milli(price, segments, more)


def test_more_than_there_was_is_not_paid_back() -> None:
    with pytest.raises(ValueError, match="11"):
        refund_milli(1000, 10, 11)


def test_each_kind_of_message_is_paid_for_by_some_packages_and_not_by_others() -> None:
    assert {kind: {p.name for p in PackageKind if kind in CARRIES[p]} for kind in Kind} == {
        Kind.VERIFICATION: {"GENERAL", "REGULAR"},
        Kind.NOTICE: {"GENERAL", "REGULAR"},
        Kind.MARKETING: {"GENERAL", "MARKETING"},
    }


@given(st.builds(Sums, amounts, amounts, amounts, amounts, amounts, amounts))
def test_what_a_journal_says_is_there_adds_up_to_what_was_bought(sums: Sums) -> None:
    found = balance_of(sums)
    assert found.available + found.held + found.used + found.withdrawn == found.bought == sums.bought


@given(st.builds(Sums, amounts, amounts, amounts, amounts, amounts, amounts), st.tuples(amounts, amounts, amounts))
def test_entries_can_bring_a_journal_to_whatever_is_there(sums: Sums, there: tuple[int, int, int]) -> None:
    held, used, more = there
    withdrawn = sums.withdrawn + more
    found = Balance(sums.bought, sums.bought - held - used - withdrawn, held, used, withdrawn)
    entries = corrections(balance_of(sums), found)
    assert entries is not None
    names = {"hold": "held", "post": "posted", "void": "voided", "refund": "refunded", "withdraw": "withdrawn"}
    added = {names[kind]: getattr(sums, names[kind]) + segments for kind, segments in entries}
    assert all(segments > 0 for _, segments in entries)
    assert balance_of(Sums(**{name: added.get(name, getattr(sums, name)) for name in Sums.__struct_fields__})) == found


def test_what_was_never_bought_cannot_be_put_right_by_entries() -> None:
    assert corrections(Balance(10, 10, 0, 0, 0), Balance(11, 11, 0, 0, 0)) is None
    assert corrections(Balance(10, 5, 0, 0, 5), Balance(10, 10, 0, 0, 0)) is None
