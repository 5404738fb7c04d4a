"""Which link carries a message. Pure: a choice among what is said to be there."""

import enum
from collections.abc import Collection, Sequence

import msgspec

from hongyan.model.numbering import Numbering
from hongyan.model.phone import is_mainland
from hongyan.model.snapshot import LinkConfig, Scope
from hongyan.model.ways import ROUTES, Route, serves

_ABROAD = next(number for number, route in ROUTES.items() if route.scope is Scope.INTERNATIONAL)
_AT_HOME = {route.carrier: number for number, route in ROUTES.items() if route.scope is Scope.MAINLAND}


def way_of(numbering: Numbering, phone: int) -> int:
    """The number, in `ROUTES`, of the way that messages to this phone go."""
    if not is_mainland(phone):
        return _ABROAD
    return _AT_HOME[numbering.carrier(phone)]


class Reach(enum.Enum):
    """Whose the messages are that go some way."""

    HERE = enum.auto()
    """Ours to send."""
    ELSEWHERE = enum.auto()
    """Another engine may have a bound link for them, we have none."""
    NOWHERE = enum.auto()
    """No link serves them at all."""


def reach(route: Route, configured: Collection[LinkConfig], bound: Collection[LinkConfig], *, alone: bool) -> Reach:
    """`configured` are all links, `bound` those through which we can send now; who is `alone` waits for its own links to be bound."""
    if not any(serves(config, route) for config in configured):
        return Reach.NOWHERE
    return Reach.HERE if alone or any(serves(config, route) for config in bound) else Reach.ELSEWHERE


class LinkState(msgspec.Struct):
    """A link and how many segments it can take right now, and at best."""

    config: LinkConfig
    room: int
    most: int


def choose(links: Sequence[LinkState], route: Route, segments: int) -> LinkState | None:
    """The preferred link with room for the whole message, the emptiest among equals; None when it has to wait.

    A message longer than all that a link can take at once goes to one that has all of that free.
    """
    best: LinkState | None = None
    for link in links:
        if not serves(link.config, route):
            continue
        if link.room < min(segments, link.most):
            continue
        if best is None or (link.config.priority, -link.room) < (best.config.priority, -best.room):
            best = link
    return best
