"""Times as Tencent writes them: in UTC+8, to the second or to the hour."""

import functools
from datetime import UTC, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
HOUR_S = 3600
_HOUR = "%Y%m%d%H"
_HOUR_DIGITS = 10
_YEARS = (1971, 9000)
"""Others are slips, and some cannot be told as a number of seconds everywhere."""


@functools.lru_cache(maxsize=1024)  # the reports of a call share their seconds
def in_china(second: int) -> str:
    """A Unix second as "YYYY-MM-DD HH:MM:SS"."""
    return datetime.fromtimestamp(second, UTC).astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def hour(written: str) -> float | None:
    """The Unix second at which the hour "yyyymmddhh" begins; None when it is none."""
    if not (len(written) == _HOUR_DIGITS and written.isascii() and written.isdigit()):
        return None
    try:
        begins = datetime.strptime(written, _HOUR).replace(tzinfo=CHINA)
    except ValueError:
        return None
    return begins.timestamp() if _YEARS[0] <= begins.year <= _YEARS[1] else None
