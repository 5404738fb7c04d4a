"""Times in SMPP fields: YYMMDDhhmmsstnnp (SMPP 3.4 section 7.1.1), absolute or relative."""

import calendar
import datetime as dt
import re

_FORM = re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d)(\d\d)([+\-R])", re.ASCII)
_DAY = 86_400
_MONTH_DAYS = 30
_YEAR_DAYS = 365
_QUARTER = 900
_CENTURY = 2000
_LONGEST_DAYS = 31


def relative(seconds: float) -> str:
    """Return the period from now; whole seconds, at least one. Months count 30 days, as carriers read them."""
    whole = max(1, int(seconds))
    days, rest = divmod(whole, _DAY)
    months = 0
    if days > _LONGEST_DAYS:
        months, days = divmod(days, _MONTH_DAYS)
    years, months = divmod(months, 12)
    return f"{min(years, 99):02}{months:02}{days:02}{rest // 3600:02}{rest // 60 % 60:02}{rest % 60:02}000R"


def absolute(at: float, quarters: int = 32) -> str:
    """Return Unix seconds as local time, `quarters` of an hour ahead of UTC (China: 32)."""
    local = dt.datetime.fromtimestamp(at + quarters * _QUARTER, dt.UTC)
    tenths = local.microsecond // 100_000
    return f"{local:%y%m%d%H%M%S}{tenths}{abs(quarters):02}{'-' if quarters < 0 else '+'}"


def parse(text: str, now: float) -> float | None:
    """Return Unix seconds, relative ones counted from `now`; None when it is no time."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, tenths, quarters = (int(part) for part in found.groups()[:8])
    if found[9] == "R":
        days = year * _YEAR_DAYS + month * _MONTH_DAYS + day
        return now + days * _DAY + hour * 3600 + minute * 60 + second
    local = local_seconds(year, month, day, hour, minute, second)
    if local is None:
        return None
    return local + tenths / 10 - (quarters if found[9] == "+" else -quarters) * _QUARTER


def local_seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> float | None:  # noqa: PLR0917 - a date has six parts
    """Return the seconds since 1970 of a two-digit year's date, read as UTC; None when there is no such date."""
    try:
        moment = dt.datetime(_CENTURY + year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError:
        return None
    return float(calendar.timegm(moment.utctimetuple()))
