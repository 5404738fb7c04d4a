import pytest

from hongyan.model import numbering
from hongyan.model.phone import parse

PLAN = numbering.build()


@pytest.mark.parametrize(
    ("national", "carrier"),
    [
        *(("13800000000", "cmcc"), ("13480000000", "cmcc"), ("19500000000", "cmcc"), ("17030000000", "cmcc"), ("16500000000", "cmcc")),
        *(("13000000000", "cucc"), ("16600000000", "cucc"), ("17090000000", "cucc"), ("17100000000", "cucc"), ("16700000000", "cucc")),
        *(("13300000000", "ctcc"), ("19900000001", "ctcc"), ("17000000000", "ctcc"), ("16200000000", "ctcc")),
        *(("19200000000", "cbn"), ("13490000000", ""), ("14000000000", "")),
    ],
)
def test_a_mainland_prefix_names_the_network(national: str, carrier: str) -> None:
    assert PLAN.carrier(int("86" + national)) == carrier


def test_numbers_abroad_have_no_mainland_network() -> None:
    assert PLAN.carrier(13800000000) == ""
    assert PLAN.carrier(85213800000) == ""


def test_the_operators_own_prefixes_come_first() -> None:
    plan = numbering.build({"138": "cbn", "1391234": "cucc"})
    assert plan.carrier(8613800000000) == "cbn"
    assert plan.carrier(8613912340000) == "cucc"
    assert plan.carrier(8613900000000) == "cmcc"


@pytest.mark.parametrize(
    ("raw", "name"), [("13800000000", "China"), ("+85251234567", "Hong Kong"), ("+12025550123", "United States"), ("+80012345678", "")]
)
def test_countries_have_english_names(raw: str, name: str) -> None:
    found = parse(raw)
    assert found is not None
    assert numbering.country_name(found) == name
