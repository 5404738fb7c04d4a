"""Unix seconds inside, timestamptz in tables."""

import datetime as dt
import functools


@functools.lru_cache(maxsize=4096)  # the rows of a batch share their times
def at(seconds: float) -> dt.datetime:
    """The aware UTC time of Unix `seconds`."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def epoch(column: str) -> str:
    """SQL for a timestamptz column as Unix seconds under its own name."""
    # By way of UTC it depends on no setting: only such an expression may stand in `returning` where a table is on several servers.
    return f"extract(epoch from {column} at time zone 'UTC')::float8 as {column}"
