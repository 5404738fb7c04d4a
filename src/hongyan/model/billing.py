"""The calendar of bills, in Asia/Shanghai, and money as it is written. Amounts are whole thousandths of a fen (`*_milli`)."""

import datetime as dt
import enum

import msgspec

from hongyan.model.protection import SHANGHAI

FEN = 1_000
"""Thousandths of a fen in a fen."""
YUAN = 100 * FEN
ISSUED_BY = 3
"""The day of the month by which the bill of the month before is issued (document 382, fees, 2018)."""
STOPS_ON = 9
"""The day on which whoever has not paid by the 8th stops, at 00:00."""
DAYS_TO_PAY = 5
"""Whoever gets a bill late has so many whole days, as between the 3rd and the 9th."""
DAILY_ISSUE_S = 8 * 3600.0
DAILY_GRACE_S = 12 * 3600.0
"""The rules of today: billed at 08:00 of the next day, stopped twelve hours later (document 382/18052)."""


class Rhythm(enum.StrEnum):
    """How often an account is billed."""

    MONTHLY = "monthly"
    DAILY = "daily"


class Period(msgspec.Struct, frozen=True):
    """Whole days of Asia/Shanghai: from the first until before the second."""

    begins: dt.date
    ends: dt.date


def day_of(at: float) -> dt.date:
    """The calendar day in Asia/Shanghai."""
    return dt.datetime.fromtimestamp(at, SHANGHAI).date()


def midnight(day: dt.date) -> float:
    """Unix seconds at which a day begins in Asia/Shanghai."""
    return dt.datetime.combine(day, dt.time(), SHANGHAI).timestamp()


def period_from(rhythm: Rhythm, begins: dt.date) -> Period:
    """What is billed together, from a day on: the rest of its month, or that day."""
    if rhythm is Rhythm.DAILY:
        return Period(begins, begins + dt.timedelta(days=1))
    return Period(begins, (begins.replace(day=1) + dt.timedelta(days=32)).replace(day=1))


def closes_at(rhythm: Rhythm, period: Period) -> float:
    """From when on its bill can be made: at the end of the month, of a day at 08:00 of the next."""
    return midnight(period.ends) + (DAILY_ISSUE_S if rhythm is Rhythm.DAILY else 0.0)


def stops_at(rhythm: Rhythm, period: Period, issued_at: float) -> float:
    """When an account stops that has not paid this bill.

    Of a month at 00:00 on the 9th of the next; a bill that is issued after the 3rd leaves five whole days. Of a day twelve hours after
    08:00 of the next, or after a later issue.
    """
    if rhythm is Rhythm.DAILY:
        return max(closes_at(rhythm, period), issued_at) + DAILY_GRACE_S
    usual, issued = period.ends.replace(day=STOPS_ON), day_of(issued_at)
    late = issued >= period.ends.replace(day=ISSUED_BY + 1)
    return midnight(max(usual, issued + dt.timedelta(days=DAYS_TO_PAY + 1)) if late else usual)


def whole_fen(milli: int) -> int:
    """What of an amount can be paid: whole fen, in thousandths; what is left over goes to the next bill."""
    return milli // FEN * FEN


def yuan(milli: int) -> str:
    """The amount in yuan with as many decimals as it needs, at least two: 12.30, 0.04125."""
    sign, (whole, rest) = "-" if milli < 0 else "", divmod(abs(milli), YUAN)
    digits = f"{rest:05d}"
    return f"{sign}{whole}.{digits[:2]}{digits[2:].rstrip('0')}"
