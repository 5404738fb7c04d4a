"""The bucket of a link: never faster than agreed, and obedient to pauses."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.carriers.pace import Pace


def test_an_unpaced_link_is_bound_by_its_windows_alone() -> None:
    pace = Pace(0, 0.0)
    pace.take(10_000, 0.0)
    assert pace.room(0.0) == math.inf
    assert pace.next_in(0.0) is None


def test_a_bucket_fills_with_time_up_to_its_burst() -> None:
    pace = Pace(100, 0.0)
    assert pace.room(0.0) == 10
    pace.take(10, 0.0)
    assert pace.room(0.0) == 0
    assert pace.next_in(0.0) == pytest.approx(0.01)
    assert pace.room(0.05) == 5
    assert pace.room(99.0) == 10


def test_a_slow_link_still_sends_one() -> None:
    pace = Pace(0.5, 0.0)
    assert pace.room(0.0) == 1
    pace.take(1, 0.0)
    assert pace.next_in(0.0) == pytest.approx(2.0)


def test_a_pause_lets_nothing_out_and_a_shorter_one_does_not_end_it() -> None:
    pace = Pace(0, 0.0)
    pace.pause(5.0, 10.0)
    pace.pause(1.0, 10.0)
    assert pace.room(14.9) == 0
    assert pace.next_in(12.0) == pytest.approx(3.0)
    assert pace.room(15.0) == math.inf


def test_a_clock_set_back_neither_stretches_a_pause_nor_empties_the_bucket() -> None:
    pace = Pace(100, 1_000.0)
    pace.pause(5.0, 1_000.0)
    assert pace.room(400.0) == 10


@settings(max_examples=60)
@given(rate=st.floats(1, 1_000), steps=st.lists(st.floats(0, 0.5), min_size=1, max_size=30))
def test_no_second_carries_more_than_the_rate_and_one_burst(rate: float, steps: list[float]) -> None:
    pace = Pace(rate, 0.0)
    now, sent = 0.0, 0
    for step in steps:
        now += step
        room = int(pace.room(now))
        pace.take(room, now)
        sent += room
    assert sent <= now * rate + max(1.0, rate / 10) + 1e-6
