"""Unix seconds inside, timestamptz in tables."""

import datetime as dt


def at(seconds: float) -> dt.datetime:
    """The aware UTC time of Unix `seconds`."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
