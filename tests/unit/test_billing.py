"""The calendar of bills: when a month ends, until when it is to be paid, when an account stops."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongyan.doors.huawei import errors as huawei_errors
from hongyan.doors.rest import words
from hongyan.doors.tencent_v3 import errors as tencent_v3
from hongyan.doors.tencent_v5 import errors as tencent_v5
from hongyan.model.billing import Period, Rhythm, closes_at, day_of, midnight, period_from, stops_at, whole_fen, yuan
from hongyan.model.protection import SHANGHAI
from hongyan.model.reject import Refusal, Reject

days = st.dates(dt.date(2016, 1, 1), dt.date(2099, 12, 1))


def at(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp()


def month(first: str) -> Period:
    return period_from(Rhythm.MONTHLY, dt.date.fromisoformat(first))


@pytest.mark.parametrize(
    ("begins", "ends"),
    [("2026-01-01", "2026-02-01"), ("2026-02-01", "2026-03-01"), ("2028-02-29", "2028-03-01"), ("2026-12-31", "2027-01-01"),
     ("2026-11-22", "2026-12-01"), ("2026-01-31", "2026-02-01")],
)  # fmt: skip
def test_a_month_ends_with_its_last_day_whatever_its_length(begins: str, ends: str) -> None:
    assert month(begins) == Period(dt.date.fromisoformat(begins), dt.date.fromisoformat(ends))


@pytest.mark.parametrize(
    ("issued", "stops"),
    [("2026-12-01 00:00:00", "2026-12-09 00:00"), ("2026-12-03 23:59:59", "2026-12-09 00:00"),
     ("2026-12-04 00:00:00", "2026-12-10 00:00"), ("2026-12-08 23:59:59", "2026-12-14 00:00"),
     ("2026-12-31 12:00:00", "2027-01-06 00:00")],
)  # fmt: skip
def test_a_month_is_payable_until_the_8th_and_stops_on_the_9th_and_a_late_bill_leaves_five_whole_days(issued: str, stops: str) -> None:
    assert stops_at(Rhythm.MONTHLY, month("2026-11-01"), at(issued)) == at(stops)


def test_a_month_ends_at_midnight_in_shanghai_and_nowhere_else() -> None:
    assert closes_at(Rhythm.MONTHLY, month("2026-11-01")) == dt.datetime(2026, 11, 30, 16, 0, tzinfo=dt.UTC).timestamp()
    assert day_of(at("2026-11-30 23:59:59.999")) == dt.date(2026, 11, 30)
    assert day_of(at("2026-12-01 00:00:00")) == dt.date(2026, 12, 1)


def test_a_day_is_billed_at_eight_and_stops_twelve_hours_later_or_after_a_later_issue() -> None:
    day = period_from(Rhythm.DAILY, dt.date(2026, 2, 28))
    assert closes_at(Rhythm.DAILY, day) == at("2026-03-01 08:00")
    assert stops_at(Rhythm.DAILY, day, at("2026-03-01 08:00:30")) == at("2026-03-01 20:00:30")
    assert stops_at(Rhythm.DAILY, day, at("2026-03-02 11:00")) == at("2026-03-02 23:00")


@given(begins=days, issued_after_s=st.floats(0, 60 * 86_400), rhythm=st.sampled_from(Rhythm))
def test_nobody_stops_without_having_had_time_to_pay(begins: dt.date, issued_after_s: float, rhythm: Rhythm) -> None:
    period = period_from(rhythm, begins)
    issued = closes_at(rhythm, period) + issued_after_s
    least = 12 * 3600 if rhythm is Rhythm.DAILY else 5 * 86_400
    assert stops_at(rhythm, period, issued) - issued >= least


@given(begins=days, rhythm=st.sampled_from(Rhythm))
def test_periods_follow_each_other_without_a_gap(begins: dt.date, rhythm: Rhythm) -> None:
    period = period_from(rhythm, begins)
    following = period_from(rhythm, period.ends)
    assert period.begins < period.ends == following.begins
    assert day_of(midnight(period.ends)) == period.ends
    assert day_of(midnight(period.ends) - 0.001) == period.ends - dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("milli", "text"),
    [(0, "0.00"), (1, "0.00001"), (4_125, "0.04125"), (100_000, "1.00"), (1_230_000, "12.30"), (-250_000, "-2.50"), (99_999, "0.99999")],
)
def test_money_is_written_in_yuan_without_losing_anything(milli: int, text: str) -> None:
    assert yuan(milli) == text


@given(st.integers(-(10**15), 10**15))
def test_what_can_be_paid_and_what_is_left_over_make_the_amount(milli: int) -> None:
    assert 0 <= milli - whole_fen(milli) < 1_000
    assert whole_fen(milli) % 1_000 == 0


MONEY: dict[Reject, tuple[str, int, str, int]] = {
    Reject.NO_PACKAGE: ("FailedOperation.InsufficientBalanceInSmsPackage", 1031, "E000112", 409),
    Reject.NO_CREDIT: ("FailedOperation.InsufficientBalanceInSmsPackage", 1031, "E000112", 409),
    Reject.ARREARS: ("UnauthorizedOperation.ServiceSuspendDueToArrears", 1033, "E000112", 403),
    Reject.ACCOUNT_DAY: ("LimitExceeded.DailyLimit", 1047, "BEYONDN", 422),
}


@pytest.mark.parametrize("reason", MONEY, ids=lambda reason: reason.value)
def test_every_door_has_its_vendor_s_code_for_no_money_and_for_arrears(reason: Reject) -> None:
    v3, v5, huawei, status = MONEY[reason]
    assert tencent_v3.FAULTS[reason].code == v3
    assert tencent_v5.FAULTS[reason].result == v5
    assert huawei_errors.STATUSES[reason] == huawei
    assert words.refused(Refusal(reason)).status == status
