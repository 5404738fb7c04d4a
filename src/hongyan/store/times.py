"""Unix seconds inside, timestamptz in tables."""

import datetime as dt
import functools


@functools.lru_cache(maxsize=4096)  # the rows of a batch share their times
def at(seconds: float) -> dt.datetime:
    """The aware UTC time of Unix `seconds`."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
