"""Daily caps: what a group may still send today, counted as it decides. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

from hongyan.model.protection import Protection
from hongyan.model.reject import Reject


class Caps:
    """An application's caps, and the day's messages with those promised meanwhile."""

    def __init__(self, protection: Protection, sent: Mapping[str, int]) -> None:
        """`sent` is what was sent today, by place."""
        self._protection = protection
        self._sent = Counter(sent)

    def passed(self, region: str) -> Reject | None:
        """The cap that one more message there would pass."""
        return self._protection.passed(self._sent, region)

    def take(self, region: str) -> None:
        """One more is promised."""
        self._sent.update(self._protection.places(region))


def tally(protection: Protection, regions: Iterable[str]) -> dict[str, int]:
    """What messages to these countries add, by place."""
    added: Counter[str] = Counter()
    for region, count in Counter(regions).items():
        for place in protection.places(region):
            added[place] += count
    return dict(added)


def over(protection: Protection, sent: Mapping[str, int], regions: Iterable[str]) -> bool:
    """Whether what was sent, by place, is more than a cap allows; only places where these countries count are looked at."""
    return any(0 < cap.most < sent.get(place, 0) for region in set(regions) for place, cap, _ in protection.caps_of(region))
