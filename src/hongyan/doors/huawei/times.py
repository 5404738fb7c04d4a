"""Times as Huawei's send API and its pushes write them."""

import datetime as dt


def utc(seconds: float) -> str:
    """yyyy-MM-ddTHH:mm:ssZ."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
