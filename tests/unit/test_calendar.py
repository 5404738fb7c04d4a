"""Until when a review is due: working hours in Shanghai."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongyan.control.calendar import CLOSES, DAY_S, OPENS, ZONE, WorkingCalendar, announced
from hongyan.control.errors import ControlError

PACKAGED = WorkingCalendar(announced())
HOUR = 3600.0


def at(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-11-23 10:00", 2, "2026-11-23 12:00"),
        ("2026-11-23 10:00", 4.5, "2026-11-23 14:30"),
        ("2026-11-23 17:00", 2, "2026-11-24 10:00"),
        ("2026-11-23 03:00", 2, "2026-11-23 11:00"),
        ("2026-11-23 19:00", 2, "2026-11-24 11:00"),
        ("2026-11-23 16:00", 2, "2026-11-23 18:00"),
        ("2026-11-27 17:00", 2, "2026-11-30 10:00"),
        ("2026-11-28 12:00", 2, "2026-11-30 11:00"),
        # The National Day week, and the Saturday that is worked for it.
        ("2026-09-30 17:00", 2, "2026-10-08 10:00"),
        ("2026-10-09 17:30", 1, "2026-10-10 09:30"),
        ("2026-02-14 17:00", 9, "2026-02-24 17:00"),
        # A year that nobody has announced yet: its weekends, and what the law fixes.
        ("2028-04-28 17:00", 2, "2028-05-03 10:00"),
    ],
)
def test_due_times(start: str, hours: float, due: str) -> None:
    assert PACKAGED.after(at(start), hours * HOUR) == at(due)


def test_the_operator_s_own_days_come_first() -> None:
    calendar = WorkingCalendar(announced() | {dt.date(2026, 11, 23): (False, "outing"), dt.date(2026, 11, 22): (True, "instead")})
    assert calendar.after(at("2026-11-22 10:00"), 2 * HOUR) == at("2026-11-22 12:00")
    assert calendar.after(at("2026-11-22 17:00"), 2 * HOUR) == at("2026-11-24 10:00")


def test_a_calendar_without_working_days_is_told_as_such() -> None:
    never = WorkingCalendar({dt.date(2026, 1, 1) + dt.timedelta(days): (False, "") for days in range(4000)})
    with pytest.raises(ControlError):
        never.after(at("2026-11-23 10:00"), HOUR)


@given(st.integers(1_770_000_000, 1_900_000_000), st.integers(1, 200_000), st.integers(0, 200_000))
def test_a_due_time_is_in_working_hours_and_more_time_is_never_due_sooner(start: int, seconds: int, more: int) -> None:
    due = PACKAGED.after(start, seconds)
    moment = dt.datetime.fromtimestamp(due, ZONE)
    assert PACKAGED.is_working(moment.date())
    assert OPENS < moment.time() <= CLOSES
    assert due >= start + seconds
    assert PACKAGED.after(start, seconds + more) >= due


@given(st.integers(1_770_000_000, 1_790_000_000), st.integers(1, 100_000), st.integers(1, 100_000))
def test_working_time_adds_up(start: int, first: int, second: int) -> None:
    assert PACKAGED.after(PACKAGED.after(start, first), second) == pytest.approx(PACKAGED.after(start, first + second))


def test_a_working_day_has_nine_hours() -> None:
    opening = at("2026-11-23 09:00")
    assert PACKAGED.after(opening, DAY_S) - opening == DAY_S
