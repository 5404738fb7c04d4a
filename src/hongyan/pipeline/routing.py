"""Which link carries a message. Pure: a choice among what is said to be there."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from hongyan.model.snapshot import LinkConfig, Scope


class Route(NamedTuple):
    """The way a number's messages go: all with the same one can be carried by the same links."""

    scope: Scope
    carrier: str
    """The home network by prefix ("cmcc", "cucc", "ctcc", "cbn"), "" when unknown or abroad: a hint."""


class LinkState(msgspec.Struct):
    """A link and how many segments it can take right now."""

    config: LinkConfig
    room: int


def choose(links: Sequence[LinkState], route: Route, segments: int) -> LinkState | None:
    """The preferred link with room for the whole message, the emptiest among equals; None when it has to wait.

    A message longer than any link's window goes to a link that has all of its window free.
    """
    best: LinkState | None = None
    for link in links:
        if not serves(link.config, route):
            continue
        if link.room < min(segments, link.config.window * link.config.sessions):
            continue
        if best is None or (link.config.priority, -link.room) < (best.config.priority, -best.room):
            best = link
    return best


def serves(config: LinkConfig, route: Route) -> bool:
    """Whether a link carries messages that go this way at all."""
    return route.scope in config.scopes and (not config.carriers or not route.carrier or route.carrier in config.carriers)
