"""The ways that messages can go, and which links carry what goes them."""

from collections.abc import Mapping
from typing import NamedTuple

from hongyan.model.snapshot import LinkConfig, Scope


class Route(NamedTuple):
    """The way a number's messages go: all with the same one can be carried by the same links."""

    scope: Scope
    carrier: str
    """The home network by prefix ("cmcc", "cucc", "ctcc", "cbn"), "" when unknown or abroad: a hint."""


ROUTES: Mapping[int, Route] = {
    1: Route(Scope.MAINLAND, ""),
    2: Route(Scope.MAINLAND, "cmcc"),
    3: Route(Scope.MAINLAND, "cucc"),
    4: Route(Scope.MAINLAND, "ctcc"),
    5: Route(Scope.MAINLAND, "cbn"),
    6: Route(Scope.INTERNATIONAL, ""),
}
"""Every way a message can go, by the number that queue entries carry. 0 stands for an entry from before they did."""
UNSAID = 0


def serves(config: LinkConfig, route: Route) -> bool:
    """Whether a link carries messages that go this way at all."""
    return route.scope in config.scopes and (not config.carriers or not route.carrier or route.carrier in config.carriers)
