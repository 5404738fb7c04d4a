"""May this be sent? Ordered, pure questions about a draft and what is known of its number."""

from collections.abc import Callable, Sequence

import msgspec

from hongyan.model.limits import Rule
from hongyan.model.message import Kind
from hongyan.model.reject import Reject
from hongyan.pipeline.compose import Draft

Past = tuple[int, int, int]
"""A message that went to a number: its id, content hash and kind."""


class Standing(msgspec.Struct, frozen=True):
    """What is known about a draft's number, and whether a package can pay for it."""

    blacklisted: bool
    opted_out: bool
    passed: Rule | None = None
    """The frequency limit that one more message would pass; None for numbers on the allow-list, too."""
    unpayable: Reject | None = None
    """Why neither a package nor credit pays for it."""
    cap: Reject | None = None
    """The daily cap that one more message would pass."""


Check = Callable[[Draft, Standing], Reject | None]


def not_blacklisted(_draft: Draft, standing: Standing) -> Reject | None:
    return Reject.BLACKLISTED if standing.blacklisted else None


def not_opted_out(_draft: Draft, standing: Standing) -> Reject | None:
    return Reject.OPTED_OUT if standing.opted_out else None


def within_frequency(_draft: Draft, standing: Standing) -> Reject | None:
    return None if standing.passed is None else standing.passed.reject


def within_daily_caps(_draft: Draft, standing: Standing) -> Reject | None:
    return standing.cap


def can_be_paid(_draft: Draft, standing: Standing) -> Reject | None:
    return standing.unpayable


CHECKS: tuple[Check, ...] = (not_blacklisted, not_opted_out, within_frequency, within_daily_caps, can_be_paid)
"""The order is policy: the reason a customer can do most about comes first."""


def first_refusal(draft: Draft, standing: Standing) -> Reject | None:
    """The first reason not to send, or None."""
    for check in CHECKS:
        if (reason := check(draft, standing)) is not None:
            return reason
    return None


class Horizon(msgspec.Struct, frozen=True):
    """From which message id on each limit of an application counts; ids grow with time."""

    rules: Sequence[tuple[Rule, int]]
    repeats: int
    """How far back a request that comes again is known again: as long as its signature is good."""

    @property
    def since(self) -> int:
        """The oldest id that is asked about."""
        return min(self.repeats, *(since for _, since in self.rules)) if self.rules else self.repeats


def passed(history: Sequence[Past], kind: Kind, content_hash: int, horizon: Horizon) -> Rule | None:
    """The first limit that one more message of this kind and content would pass, after these."""
    if history:
        for rule, since in horizon.rules:
            window = rule.window
            of = window.kind
            if of is not None and of is not kind:
                continue
            count = 0
            for id_, hashed, sent in history:
                count += id_ >= since and (of is None or sent == of) and (hashed == content_hash or not window.same_content)
            if count >= window.most:
                return rule
    return None
