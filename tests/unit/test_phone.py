import pytest

from hongyan.model import phone
from hongyan.model.phone import Phone

MAINLAND = Phone(number=8613800000000, region="CN", country_code=86, national="13800000000", mainland=True)


@pytest.mark.parametrize(
    "raw",
    [
        "13800000000",
        "8613800000000",
        "008613800000000",
        "+8613800000000",
        "+86 138-0000-0000",
        "(+86) 138 0000 0000",
        "+86013800000000",
        "013800000000",
        "＋８６１３８００００００００",
        "\u202a+8613800000000\u202c",
        "\t13800000000\n",
    ],
)
def test_a_mainland_number_is_taken_in_all_its_spellings(raw: str) -> None:
    assert phone.parse(raw) == MAINLAND


@pytest.mark.parametrize(
    ("raw", "region", "country_code", "national"),
    [
        ("+12025550123", "US", 1, "2025550123"),
        ("+17872345678", "PR", 1, "7872345678"),
        ("+85251234567", "HK", 852, "51234567"),
        ("+85366123456", "MO", 853, "66123456"),
        ("+886912345678", "TW", 886, "912345678"),
        ("0065 9123 4567", "SG", 65, "91234567"),
        ("+447700900123", "GB", 44, "7700900123"),
        ("+390612345678", "IT", 39, "0612345678"),
        ("+80012345678", "DEF", 800, "12345678"),
    ],
)
def test_a_number_abroad_names_its_country(raw: str, region: str, country_code: int, national: str) -> None:
    found = phone.parse(raw)
    assert found == Phone(int(f"{country_code}{national}"), region, country_code, national, mainland=False)
    assert phone.country(found.number) == (country_code, national)
    assert not phone.is_mainland(found.number)


@pytest.mark.parametrize(
    "raw",
    [
        *("", "+", "+86", "abc", "+8612800000000", "12800000000", "1380000000", "138000000000", "+861012345678", "+8610600000000000"),
        *("+99912345678", "+1202", "85251234567", "+1" + "2" * 30, "１" * 5000, "1" * 5000, "+86+13800000000", "1380000٠٠٠٠", "+", "00"),
    ],
)
def test_what_cannot_be_sent_to_is_no_number(raw: str) -> None:
    assert phone.parse(raw) is None


@pytest.mark.parametrize("ending", [1, 2, 8, 9, 1234])
def test_simulated_handsets_are_numbers(ending: int) -> None:
    found = phone.parse(f"+861990000{ending:04d}")
    assert found is not None
    assert found.mainland


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (8613800000000, "138****0000"),
        ("+8613800000000", "138****0000"),
        ("008613800000000", "138****0000"),
        ("13800000000", "138****0000"),
        ("+86 138-0000-0000", "138****0000"),
        (12025550123, "+1 20****0123"),
        ("+12025550123", "+1 20****0123"),
        (85251234567, "+852 ****4567"),
        ("+852123", "+852 ****"),
        ("12345", "****5"),
        ("", "****"),
        ("nonsense", "****"),
        ("1" * 5000, "111****1111"),
    ],
)
def test_a_masked_number_hides_at_least_four_digits(written: str | int, shown: str) -> None:
    assert phone.mask(written) == shown


def test_a_number_of_no_country_keeps_all_its_digits() -> None:
    assert phone.country(99912345678) == (0, "99912345678")
