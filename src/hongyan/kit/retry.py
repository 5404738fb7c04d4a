"""How long to wait before trying again, as pure arithmetic."""

LARGEST_EXPONENT = 60
"""2 to the power of more than this says nothing new and overflows in the end."""


def delay(failures: int, *, first_s: float, longest_s: float, jitter: float, factor: float = 2.0) -> float:
    """Seconds to wait after so many failures in a row (from 1): growing by `factor` up to `longest_s`, spread by a quarter either way.

    `jitter` is a random number from 0 to 1: those who failed together should not come back together.
    """
    grown = first_s * factor ** min(failures - 1, LARGEST_EXPONENT)
    return min(longest_s, grown) * (0.75 + 0.5 * jitter)
