"""Times as Tencent writes them: in UTC+8, to the second or to the hour."""

import functools
from datetime import UTC, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))
HOUR_S = 3600
_HOUR = "%Y%m%d%H"
_HOUR_DIGITS = 10


@functools.lru_cache(maxsize=1024)  # the reports of a call share their seconds
def in_china(second: int) -> str:
    """A Unix second as "YYYY-MM-DD HH:MM:SS"."""
    return datetime.fromtimestamp(second, UTC).astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")


def hour(written: str) -> float | None:
    """The Unix second at which the hour "yyyymmddhh" begins; None when it is none."""
    if not (len(written) == _HOUR_DIGITS and written.isascii() and written.isdigit()):
        return None
    try:
        return datetime.strptime(written, _HOUR).replace(tzinfo=CHINA).timestamp()
    except (ValueError, OverflowError):
        return None
