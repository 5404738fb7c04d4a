"""How fast a link may send: a bucket of tokens, and the pauses a carrier asks for."""

from math import inf

_BURST_S = 0.1
"""The bucket holds what this many seconds bring, at least one."""


class Pace:
    """`rate` segments a second, 0 for as many as the windows take. All times are Unix seconds of one clock, which may be set back."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._burst = max(1.0, rate * _BURST_S)
        self._tokens = self._burst
        self._filled_at = now
        self._pause = (now, now)

    @property
    def burst(self) -> float:
        """How many may go at once at best; infinite when unpaced."""
        return self._burst if self._rate > 0 else inf

    def room(self, now: float) -> float:
        """Return how many may go now; infinite when unpaced."""
        if self._paused_for(now) > 0:
            return 0
        if self._rate <= 0:
            return inf
        self._fill(now)
        return int(self._tokens)

    def take(self, count: int, now: float) -> None:
        """Note that `count` went; more than there was room for is paid back first."""
        if self._rate > 0:
            self._fill(now)
            self._tokens -= count

    def pause(self, seconds: float, now: float) -> None:
        """Let nothing out for `seconds`; a longer pause under way stays."""
        if self._paused_for(now) < seconds:
            self._pause = (now, now + seconds)

    def next_in(self, now: float) -> float | None:
        """Return the seconds until there is room; None when there is."""
        paused = self._paused_for(now)
        if self._rate <= 0:
            return paused or None
        self._fill(now)
        wait = max(paused, (1 - self._tokens) / self._rate)
        return wait if wait > 0 else None

    def _fill(self, now: float) -> None:
        elapsed = max(0.0, now - self._filled_at)
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate)
        self._filled_at = now

    def _paused_for(self, now: float) -> float:
        since, until = self._pause
        # A clock set back ends the pause instead of stretching it.
        return until - now if since <= now < until else 0.0
