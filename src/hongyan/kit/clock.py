"""The one place where the wall clock is read; everybody else is given a `Clock`."""

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Unix seconds."""


def now() -> float:
    """Unix seconds, as the machine's clock tells them."""
    return time.time()
