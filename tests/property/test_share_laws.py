"""How the sessions of a link are divided among engines, whatever they hold at the moment."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hongyan.pipeline.shares import shares

engines = st.sets(st.integers(1, 10_000), min_size=1, max_size=12)
sessions = st.integers(1, 64)
turns = st.integers(0, 100)


@given(engines, sessions, turns, st.data())
def test_every_session_is_somebody_s_and_nobody_has_two_more_than_another(
    living: set[int], count: int, turn: int, data: st.DataObject
) -> None:
    having = data.draw(st.dictionaries(st.sampled_from(sorted(living)), st.integers(0, count)))
    told = shares(living, having, count, turn=turn, load=having)
    assert told.keys() == living
    assert sum(told.values()) == count
    assert max(told.values()) - min(told.values()) <= 1


@given(engines, sessions, turns, st.data())
def test_what_is_divided_fairly_stays_where_it_is(living: set[int], count: int, turn: int, data: st.DataObject) -> None:
    fair = shares(living, {}, count, turn=data.draw(turns), load={})
    assert shares(living, fair, count, turn=turn, load={}) == fair


@given(engines, sessions, turns, st.data())
def test_engines_that_join_and_leave_move_no_more_than_they_must(living: set[int], count: int, turn: int, data: st.DataObject) -> None:
    before = shares(living, {}, count, turn=turn, load={})
    joined = living | {0}
    after = shares(joined, before, count, turn=turn, load=before)
    assert all(after[engine] <= before[engine] for engine in living)
    gone = data.draw(st.sampled_from(sorted(living)))
    if staying := living - {gone}:
        after = shares(staying, before, count, turn=turn, load=before)
        assert all(after[engine] >= before[engine] for engine in staying)


@given(engines)
def test_links_with_one_session_each_go_to_different_engines(living: set[int]) -> None:
    owners = Counter(
        engine for link_id in range(len(living)) for engine, number in shares(living, {}, 1, turn=link_id, load={}).items() if number
    )  # fmt: skip
    assert owners == Counter(living)


def test_nobody_has_a_share_where_nobody_lives() -> None:
    assert shares([], {}, 4, turn=1, load={}) == {}


def test_an_odd_session_goes_to_who_has_least_to_do() -> None:
    assert shares([1, 2, 3], {}, 1, turn=0, load={1: 2, 2: 1, 3: 2}) == {1: 0, 2: 1, 3: 0}
    assert shares([1, 2, 3], {1: 1}, 1, turn=0, load={1: 2, 2: 1, 3: 2}) == {1: 1, 2: 0, 3: 0}
