"""The bucket of a link: never faster than agreed, obedient to pauses, and just under what a carrier takes."""

import heapq
import math
from collections.abc import Callable

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


class Bucket:
    """A carrier that takes `rate` a second on average, and `burst` at once."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = self._tokens = burst
        self._at = 0.0

    def takes(self, now: float) -> bool:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Counter:
    """A carrier that takes `rate` in each second of its clock."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._second, self._taken = 0, 0

    def takes(self, now: float) -> bool:
        if int(now) != self._second:
            self._second, self._taken = int(now), 0
        self._taken += 1
        return self._taken <= self._rate


class Road:
    """A link at full load and its carrier, in virtual time: `log` has when each segment was sent and whether it was taken."""

    def __init__(self, pace: Pace, takes: Callable[[float], bool], *, round_trip: float = 0.05, window: int = 500) -> None:
        self.pace = pace
        self.takes = takes
        self.log: list[tuple[float, bool]] = []
        self._round_trip = round_trip
        self._window = window
        self._now = 0.0
        self._answers: list[tuple[float, int, bool]] = []

    def drive(self, until: float) -> None:
        answers = self._answers
        while self._now < until:
            while answers and answers[0][0] <= self._now:
                _, _, taken = heapq.heappop(answers)
                if not taken:
                    self.pace.throttled(self._now)
            self._send(int(min(self._window - len(answers), self.pace.room(self._now))))
            wait = self.pace.next_in(self._now) if len(answers) < self._window else None
            soonest = [at for at in (answers[0][0] if answers else None, None if wait is None else self._now + max(0.001, wait)) if at]
            self._now = max(self._now + 1e-6, min(soonest))

    def _send(self, count: int) -> None:
        for _ in range(count):
            taken = self.takes(self._now + self._round_trip / 2)
            heapq.heappush(self._answers, (self._now + self._round_trip, len(self.log), taken))
            self.log.append((self._now, taken))
        self.pace.take(count, self._now)

    def told(self, since: float) -> tuple[float, float]:
        """Since then: segments taken a second, and the share that was throttled."""
        answers = [taken for at, taken in self.log if at >= since]
        return sum(answers) / (self._now - since), 1 - sum(answers) / len(answers)


@pytest.mark.parametrize("agreed", [0.0, 3_000.0], ids=["no rate agreed", "too much agreed"])
@pytest.mark.parametrize("round_trip", [0.001, 0.05])
@pytest.mark.parametrize("limit", [100.0, 500.0])
@pytest.mark.parametrize(
    "carrier",
    [lambda rate: Bucket(rate, rate), lambda rate: Bucket(rate, rate / 10), Counter],
    ids=["a second at once", "a tenth at once", "by the second"],
)
def test_a_throttled_link_settles_just_under_what_the_carrier_takes(
    carrier: Callable[[float], Bucket | Counter], limit: float, round_trip: float, agreed: float
) -> None:
    road = Road(Pace(agreed, 0.0), carrier(limit).takes, round_trip=round_trip)
    road.drive(60)
    taken, throttled = road.told(since=15)
    assert taken >= 0.95 * limit
    assert throttled <= 0.02


def test_a_carrier_that_takes_more_again_is_sent_more_again() -> None:
    narrow, wide = Counter(50), Counter(400)
    road = Road(Pace(400, 0.0), narrow.takes)
    road.drive(20)
    assert road.pace.rate < 60
    road.takes = wide.takes
    road.drive(80)
    assert road.pace.rate == pytest.approx(400, rel=0.1)


def test_a_link_that_is_never_throttled_is_never_slowed_down() -> None:
    pace = Pace(200, 0.0)
    road = Road(pace, lambda _now: True)
    road.drive(10)
    assert pace.rate == 200


def test_answers_to_what_was_in_flight_at_a_cut_do_not_cut_again_and_again() -> None:
    pace = Pace(1_000, 0.0)
    pace.take(100, 0.0)
    for _ in range(100):
        pace.throttled(0.01)
    assert pace.rate == 500


def test_a_carrier_that_takes_nothing_is_asked_once_a_second() -> None:
    road = Road(Pace(1_000, 0.0), lambda _now: False)
    road.drive(60)
    assert road.pace.rate < 3
    assert sum(1 for at, _ in road.log if at >= 50) <= 20


def test_a_clock_set_back_neither_stops_a_throttled_link_nor_counts_twice() -> None:
    pace = Pace(100, 1_000.0)
    pace.take(10, 1_000.0)
    pace.throttled(1_000.0)
    before = pace.rate
    assert pace.room(500.0) == 0
    pace.throttled(500.0)
    assert before > pace.rate >= before / 2
    assert pace.room(501.0) > 0


def test_another_rate_goes_on_with_the_tokens_there_are() -> None:
    pace = Pace(100, 0.0)
    pace.agree(50, 0.0)
    assert pace.room(0.0) == pace.burst == 5
    pace.take(5, 0.0)
    pace.agree(100, 0.0)
    assert (pace.room(0.0), pace.burst) == (0, 10)
    assert pace.room(0.05) == 5
