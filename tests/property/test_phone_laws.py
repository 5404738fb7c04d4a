from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.model import phone

NATIONAL = st.integers(13_000_000_000, 19_999_999_999).map(str)
SPELLINGS = st.sampled_from(["{}", "86{}", "0086{}", "+86{}", "+860{}", "0{}", " +86 {} ", "+86-{}"])


@settings(max_examples=100)
@given(NATIONAL, SPELLINGS)
def test_every_spelling_of_a_mainland_number_means_the_same(national: str, spelling: str) -> None:
    found = phone.parse(spelling.format(national))
    assert found is not None
    assert found.number == int("86" + national)
    assert phone.is_mainland(found.number)
    assert phone.country(found.number) == (86, national)


@settings(max_examples=100)
@given(st.one_of(st.integers(10**6, 10**15).map(lambda n: f"+{n}"), NATIONAL.map("+86{}".format)))
def test_what_was_read_reads_the_same_again(raw: str) -> None:
    found = phone.parse(raw)
    if found is not None:
        assert phone.parse(phone.e164(found.number)) == found
        assert phone.country(found.number) == (found.country_code, found.national)


@settings(max_examples=100)
@given(st.text(max_size=50))
def test_nonsense_is_never_an_exception(raw: str) -> None:
    phone.parse(raw)
    assert "****" in phone.mask(raw)


@settings(max_examples=100)
@given(st.integers(10**6, 10**15))
def test_a_mask_never_shows_more_than_seven_national_digits(number: int) -> None:
    shown = phone.mask(number).split(" ")[-1]
    national = phone.country(number)[1]
    assert sum(map(str.isdigit, shown)) <= min(7, max(0, len(national) - 4))
