"""Which link carries a message. Pure: a choice among what is said to be there."""

from collections.abc import Sequence

import msgspec

from hongyan.model.snapshot import LinkConfig, Scope


class LinkState(msgspec.Struct):
    """A link and how many segments it can take right now."""

    config: LinkConfig
    room: int


def choose(links: Sequence[LinkState], *, scope: Scope, carrier: str, segments: int) -> LinkState | None:
    """The preferred link with room for the whole message, the emptiest among equals; None when it has to wait.

    A message longer than any link's window goes to a link that has all of its window free.
    """
    best: LinkState | None = None
    for link in links:
        if not _serves(link.config, scope, carrier):
            continue
        if link.room < min(segments, link.config.window * link.config.sessions):
            continue
        if best is None or (link.config.priority, -link.room) < (best.config.priority, -best.room):
            best = link
    return best


def _serves(config: LinkConfig, scope: Scope, carrier: str) -> bool:
    return scope in config.scopes and (not config.carriers or not carrier or carrier in config.carriers)
