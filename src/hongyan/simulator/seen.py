"""What the carrier was given: how often each segment came, within a fixed amount of memory."""

import itertools
from collections.abc import Hashable

import msgspec


class Sight(msgspec.Struct, frozen=True, gc=False):
    """What one number was sent."""

    distinct: int
    """Different segments: text and place in its message."""
    copies: int
    """Segments that had come before."""
    system_id: str
    """Who sent last, and from which number: where a reply goes."""
    sender: str


class Summary(msgspec.Struct, frozen=True):
    """All numbers together since the last reset; never forgotten."""

    submits: int
    copies: int
    """Duplicates as far as both came within the memory's reach."""
    numbers: int
    """Numbers remembered now."""


class Seen:
    """Counts by number and segment.

    At least the last `reach` segments are remembered, at most twice as many: two generations, of which the older one is dropped
    when the younger one is full.
    """

    def __init__(self, reach: int = 200_000) -> None:
        self._reach = reach
        self.clear()

    def clear(self) -> None:
        self._young: set[int] = set()
        self._old: set[int] = set()
        self._young_sights: dict[str, Sight] = {}
        self._old_sights: dict[str, Sight] = {}
        self._submits = 0
        self._copies = 0

    def note(self, phone: str, segment: Hashable, *, system_id: str, sender: str) -> bool:
        """Count one segment that was taken; `segment` is what makes it the same one again. True when it is a copy."""
        # A 64-bit hash instead of the text: texts are not kept, and the memory for one segment is small and fixed.
        key = hash((phone, segment))
        copy = key in self._young or key in self._old
        self._submits += 1
        self._copies += copy
        before = self.sight(phone)
        if before is None:
            self._young_sights[phone] = Sight(1, 0, system_id, sender)
        else:
            self._young_sights[phone] = Sight(before.distinct + (not copy), before.copies + copy, system_id, sender)
        self._young.add(key)
        if len(self._young) >= self._reach:
            self._old, self._young = self._young, set()
            self._old_sights, self._young_sights = self._young_sights, {}
        return copy

    def sight(self, phone: str) -> Sight | None:
        """What is remembered of `phone`."""
        return self._young_sights.get(phone) or self._old_sights.get(phone)

    def summary(self) -> Summary:
        return Summary(submits=self._submits, copies=self._copies, numbers=self._numbers())

    def page(self, *, after: int, limit: int, duplicates: bool) -> tuple[dict[str, Sight], int | None]:
        """Numbers from position `after` on, at most `limit`; then the position to go on from, None at the end.

        Positions hold as long as nothing new comes.
        """
        older = ((phone, sight) for phone, sight in self._old_sights.items() if phone not in self._young_sights)
        wanted = ((phone, sight) for phone, sight in itertools.chain(older, self._young_sights.items()) if sight.copies or not duplicates)
        page = dict(itertools.islice(wanted, after, after + limit))
        return page, (after + limit if next(wanted, None) is not None else None)

    def _numbers(self) -> int:
        return len(self._young_sights) + sum(phone not in self._young_sights for phone in self._old_sights)
