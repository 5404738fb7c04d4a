"""Whatever can stop, delay or hide a message is explained, in both languages, with what to do and who can do it."""

import re

import pytest

from hongyan.control import held
from hongyan.control.explain import OWN_ENDS
from hongyan.model import causes
from hongyan.model.causes import Cause, Who, every, key, table, words
from hongyan.model.receipt_codes import Category, Stage, categories, meanings, statuses
from hongyan.pipeline import stops, withdrawals
from hongyan.wire.smpp import status

CHINESE = re.compile(r"[一-鿿]")
ENDS = ("。", ".")


def test_the_table_has_every_cause_and_nothing_else() -> None:
    assert table().keys() == {key(cause) for cause in every()}
    assert set(causes.LISTS) == {name.partition(".")[0] for name in table()}


@pytest.mark.parametrize("cause", every(), ids=key)
def test_every_cause_is_said_in_both_languages_with_what_to_do(cause: Cause) -> None:
    said = words(cause)
    assert isinstance(said.who, Who)
    for chinese in (said.zh, said.do_zh):
        assert CHINESE.search(chinese), chinese
        assert chinese.endswith("。")
    for english in (said.en, said.do_en):
        assert not CHINESE.search(english), english
        assert english.endswith(".")
    assert said.do_zh != said.zh


def test_every_code_that_is_listed_has_a_category() -> None:
    assert set(categories().values()) <= set(Category)
    assert len(categories()) > 1900
    for (stage, code), listed in statuses().items():
        for meaning in listed:
            assert meaning.en, code
            assert CHINESE.search(meaning.zh), code
            assert meaning.family == code.endswith("*")
        if not code.endswith("*"):
            assert meanings(code, stage), code


def test_no_list_names_a_code_twice() -> None:
    found = [(meaning.source, place) for place, listed in statuses().items() for meaning in listed]
    assert len(found) == len(set(found))


def test_every_answer_that_the_carriers_protocols_name_is_explained() -> None:
    unexplained = [name for name in status.NAMES.values() if name != "ROK" and not meanings(name, Stage.SUBMIT)]
    assert unexplained == []
    assert meanings(status.name(0x0450), Stage.SUBMIT), "a carrier's own status"


def test_what_the_platform_itself_ends_messages_with_is_explained() -> None:
    said = {held.REFUSED, stops.HELD, stops.STOPPED, withdrawals.OPTED_OUT, withdrawals.BLACKLISTED}
    assert said == OWN_ENDS.keys()
