"""May this be sent? Ordered, pure questions about a draft and what is known of its number."""

from collections.abc import Callable, Sequence

import msgspec

from hongyan.model.limits import Limits, Recent
from hongyan.model.reject import Reject
from hongyan.pipeline.compose import Draft


class Standing(msgspec.Struct, frozen=True):
    """What is known about a draft's number, and whether a package can pay for it."""

    recent: Recent
    blacklisted: bool
    opted_out: bool
    limited: bool
    """False for numbers on the frequency allow-list."""
    affordable: bool
    cap: Reject | None = None
    """The daily cap that one more message would pass."""


Check = Callable[[Draft, Standing], Reject | None]


def not_blacklisted(_draft: Draft, standing: Standing) -> Reject | None:
    return Reject.BLACKLISTED if standing.blacklisted else None


def not_opted_out(_draft: Draft, standing: Standing) -> Reject | None:
    return Reject.OPTED_OUT if standing.opted_out else None


LIMITS: tuple[tuple[str, Reject], ...] = (
    ("same_content_30s", Reject.SAME_CONTENT),
    ("any_30s", Reject.LIMIT_30_SECONDS),
    ("hour", Reject.LIMIT_HOUR),
    ("day", Reject.LIMIT_DAY),
    ("same_content_day", Reject.SAME_CONTENT_DAY),
)
"""A field of `Limits` and `Recent`, and what passing it is called; the order is the one in which they are told."""


def within_frequency(draft: Draft, standing: Standing) -> Reject | None:
    if not standing.limited or standing.recent is NOTHING:
        return None
    limits, recent = draft.body.app.limits, standing.recent
    return next((reject for name, reject in LIMITS if 0 < getattr(limits, name) <= getattr(recent, name)), None)


def within_daily_caps(_draft: Draft, standing: Standing) -> Reject | None:
    return standing.cap


def covered_by_package(_draft: Draft, standing: Standing) -> Reject | None:
    return None if standing.affordable else Reject.NO_PACKAGE


CHECKS: tuple[Check, ...] = (not_blacklisted, not_opted_out, within_frequency, within_daily_caps, covered_by_package)
"""The order is policy: the reason a customer can do most about comes first."""


def first_refusal(draft: Draft, standing: Standing) -> Reject | None:
    """The first reason not to send, or None."""
    for check in CHECKS:
        if (reason := check(draft, standing)) is not None:
            return reason
    return None


NOTHING = Recent()
"""Of a number without any history: nothing can be passed."""


class Horizon(msgspec.Struct, frozen=True):
    """From which message id on a window counts; ids grow with time."""

    seconds_30: int
    hour: int
    day: int
    repeats: int
    """How far back a request that comes again is known again: as long as its signature is good."""

    def since(self, limits: Limits) -> int:
        """The oldest id that any of the application's limits asks about."""
        return min(
            self.repeats,
            self.hour if limits.hour else self.seconds_30,
            self.day if limits.day or limits.same_content_day else self.seconds_30,
        )


def recent(history: Sequence[tuple[int, int]], content_hash: int, horizon: Horizon) -> Recent:
    """Count a number's messages, (id, content hash) each, in every window."""
    if not history:
        return NOTHING
    same_30 = any_30 = hour = day = same_day = 0
    for id_, hashed in history:
        same = hashed == content_hash
        if id_ >= horizon.seconds_30:
            any_30 += 1
            same_30 += same
        hour += id_ >= horizon.hour
        if id_ >= horizon.day:
            day += 1
            same_day += same
    return Recent(same_content_30s=same_30, any_30s=any_30, hour=hour, day=day, same_content_day=same_day)


def enough_history(limits: Limits) -> int:
    """How many recent messages of a number decide every limit: beyond the largest one, more say nothing new."""
    if not limits.day:
        return 1000
    return max(limits.day, limits.hour, limits.any_30s, limits.same_content_30s, limits.same_content_day) + 1
