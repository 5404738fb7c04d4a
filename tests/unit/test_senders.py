"""What handsets show, and whose a number is that they write to: access codes, extensions of signatures and of customers."""

from hypothesis import given
from hypothesis import strategies as st

from hongyan.model.senders import LONGEST, NO_SENDERS, Extension, Owner, SenderNumbers

CODE, SHORT, OWN = "1069012345", "106901", "10690077"
NUMBERS = SenderNumbers(
    digits={CODE: 4, SHORT: 7},
    extensions={
        f"{CODE}0001": Extension(CODE, "0001", signature_id=7, account_id=1, app_id=11),
        f"{CODE}0002": Extension(CODE, "0002", signature_id=8, account_id=2, app_id=None),
        f"{SHORT}0000001": Extension(SHORT, "0000001", signature_id=7, account_id=1, app_id=11),
    },
    of_signatures={(CODE, 7): "0001", (CODE, 8): "0002", (SHORT, 7): "0000001"},
    dedicated={OWN: 12},
    lengths=(10, 8, 6),
)


def test_a_number_without_extensions_is_shown_with_the_customer_s_alone() -> None:
    assert NO_SENDERS.shown("10690000", 7, "88") == "1069000088"
    assert NUMBERS.shown(OWN, 7, "") == OWN
    assert NUMBERS.shown("Hongyan", 7, "88") == "Hongyan"
    assert NUMBERS.shown("", 7, "88") == ""


def test_behind_an_access_code_come_the_signature_s_digits_then_the_customer_s() -> None:
    assert NUMBERS.shown(CODE, 7, "88") == f"{CODE}000188"
    assert NUMBERS.shown(CODE, None, "") == CODE


def test_who_has_no_digits_behind_an_access_code_adds_none_of_another_s() -> None:
    assert NUMBERS.shown(CODE, 9, "0002") == CODE
    assert NUMBERS.shown(CODE, None, "0002") == CODE
    owner = NUMBERS.owner(f"{CODE}0002")
    assert owner is not None
    assert owner.includes(2, 99, 8)
    assert not owner.includes(2, 99, 7)
    assert not owner.includes(1, 11, 8)


def test_what_does_not_fit_is_left_out() -> None:
    assert NUMBERS.shown(CODE, 7, "1" * 6) == f"{CODE}0001111111"
    assert NUMBERS.shown(CODE, 7, "1" * 7) == f"{CODE}0001"


def test_a_number_leads_to_its_signature_however_it_is_written() -> None:
    for written in (f"{CODE}000288", f"+86{CODE}000288", f"86{CODE}000288"):
        assert NUMBERS.owner(written) == Owner(2, None, 8, "88")
    assert NUMBERS.owner(f"{SHORT}0000001") == Owner(1, 11, 7, "")
    assert NUMBERS.owner(f"{OWN}5") == Owner(None, 12, None, "5")


def test_a_number_that_is_nobody_s_in_particular_leads_nowhere() -> None:
    for written in ("", "10690000", f"{CODE}0001x", CODE, f"{CODE}9999", f"{CODE}000", "Hongyan"):
        assert NUMBERS.owner(written) is None


@given(st.sampled_from([7, 8]), st.text(alphabet="0123456789", max_size=12))
def test_a_reply_to_what_was_shown_finds_its_way(signature: int, extend: str) -> None:
    shown = NUMBERS.shown(CODE, signature, extend)
    assert 13 <= len(shown) <= LONGEST
    owner = NUMBERS.owner(shown)
    assert owner is not None
    assert (owner.signature_id, owner.rest) == (signature, extend if len(extend) <= 6 else "")
