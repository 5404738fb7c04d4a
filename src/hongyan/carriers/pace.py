"""How fast a link may send: a bucket of tokens, the pauses a carrier asks for, and a rate that follows what the carrier takes."""

from collections import deque
from math import exp2, inf

_BURST_S = 0.1
"""The bucket holds what this many seconds bring, at least one."""

_SLOT_S = 0.1
_SLOTS = 10
"""What was sent is counted over a second, in slots: most carriers count by the second."""

_BACK = 0.97
"""A throttled link goes on with this share of what the carrier took in the last second."""
_DEEPEST = 0.5
"""One cut takes away no more than this share."""
_FIRST = 10.0
"""Segments a second to which a link without a rate falls at most at its first cut."""
_SLOWEST = 1.0
_SETTLE_S = 0.5
"""What was in flight at a cut can still be throttled for so long: it does not say that the cut was too small."""
_HOLD_S = 0.03
"""Nothing goes for about so long after a throttled answer."""

_NEAR = 0.9
"""Below this share of the rate at the last cut the rate doubles each second of full use."""
_SLOWLY, _QUICKLY, _DOUBLING = 0.01, 0.1, 1.0
"""Growth in a second of full use, as a share: so slowly after a cut, and ever less so up to quickly, the longer no other came."""
_MORE_S = 6.0
"""In so many seconds slow growth becomes twice as fast."""
_LONG = 10.0
"""After so many doublings it is quick anyhow, and no number gets too large."""


class Pace:
    """`rate` segments a second, 0 for as many as the windows take. All times are Unix seconds of one clock, which may be set back.

    A carrier that answers "throttled" (`throttled`) has the rate lowered to just under what it took during the last second; every
    segment sent raises it again, slowly near the rate at which it was throttled and quickly elsewhere, but never beyond `rate`.
    """

    def __init__(self, rate: float, now: float) -> None:
        self._agreed = self._rate = rate if rate > 0 else inf
        self._tokens = self._burst
        self._filled_at = now
        self._pause = (now, now)
        self._sent: deque[list[int]] = deque()  # [slot, segments], of the last second
        self._cut_at = -inf
        self._cut_from = inf
        self._least = 0.0

    @property
    def rate(self) -> float:
        """Segments a second as things stand; infinite when unpaced."""
        return self._rate

    def agree(self, rate: float, now: float) -> None:
        """Go on with another rate, tokens as far as the new bucket holds them; a rate that was lowered is lowered as before."""
        if self._rate < inf:
            self._fill(now)
        agreed = rate if rate > 0 else inf
        lowered = self._rate / self._agreed if self._agreed < inf and agreed < inf else 1.0
        self._rate = agreed * lowered if agreed < inf else self._rate
        self._agreed = agreed
        self._tokens = min(self._tokens, self._burst)

    @property
    def burst(self) -> float:
        """How many may go at once at best; infinite when unpaced."""
        return self._burst

    def room(self, now: float) -> float:
        """Return how many may go now; infinite when unpaced."""
        if self._paused_for(now) > 0:
            return 0
        if self._rate == inf:
            return inf
        self._fill(now)
        return max(0, int(self._tokens))

    def take(self, count: int, now: float) -> None:
        """Note that `count` went; more than there was room for is paid back first."""
        if not count:
            return
        self._count(count, now)
        if self._rate == inf:
            return
        self._fill(now)
        self._tokens -= count
        if self._rate < self._agreed:
            self._rate = min(self._agreed, self._rate + count * self._growth(abs(now - self._cut_at)))

    def pause(self, seconds: float, now: float) -> None:
        """Let nothing out for `seconds`; a longer pause under way stays."""
        if self._paused_for(now) < seconds:
            self._pause = (now, now + seconds)

    def throttled(self, now: float) -> None:
        """The carrier did not take one because we are too fast."""
        self._count(-1, now)
        # What is in flight is believed to be taken: whatever is not will say so.
        took = sum(count for _, count in self._sent)
        if not 0 <= now - self._cut_at < _SETTLE_S:
            self._cut_at, self._cut_from = now, self._rate
            self._least = min(self._agreed, max(_SLOWEST, self._rate * _DEEPEST if self._rate < inf else _FIRST))
            self._rate = min(self._rate, max(self._least, self._rate * _BACK))
        self._rate = min(self._rate, max(self._least, took * _BACK))
        # A debt and no pause: a bucket that fills meanwhile would be thrown at the carrier at once.
        self._tokens, self._filled_at = -self._rate * _HOLD_S, now

    def next_in(self, now: float) -> float | None:
        """Return the seconds until there is room; None when there is."""
        paused = self._paused_for(now)
        if self._rate == inf:
            return paused or None
        self._fill(now)
        wait = max(paused, (1 - self._tokens) / self._rate)
        return wait if wait > 0 else None

    @property
    def _burst(self) -> float:
        return max(1.0, self._rate * _BURST_S)

    def _growth(self, since_cut: float) -> float:
        """How much a segment that was sent adds to the rate."""
        if since_cut < _SETTLE_S:
            return 0.0
        if self._rate < self._cut_from * _NEAR:
            return _DOUBLING
        return min(_QUICKLY, _SLOWLY * exp2(min(since_cut / _MORE_S, _LONG)))

    def _count(self, count: int, now: float) -> None:
        slot, sent = int(now / _SLOT_S), self._sent
        if sent and sent[-1][0] == slot:
            sent[-1][1] += count
            return
        if sent and sent[-1][0] > slot:
            sent.clear()
        while sent and sent[0][0] <= slot - _SLOTS:
            sent.popleft()
        sent.append([slot, count])

    def _fill(self, now: float) -> None:
        elapsed = max(0.0, now - self._filled_at)
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate)
        self._filled_at = now

    def _paused_for(self, now: float) -> float:
        since, until = self._pause
        # A clock set back ends the pause instead of stretching it.
        return until - now if since <= now < until else 0.0
