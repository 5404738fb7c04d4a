"""Things to do later: one structure for every delayed receipt, answer and reply."""

import heapq
import math
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Wheel(Generic[Item]):
    """Items by due time in steps of 1/`per_s` seconds; adding and taking cost the same however many wait.

    Never early, at most one step late. Items of one step come in the order in which they were added.
    """

    def __init__(self, per_s: int = 100) -> None:
        self._per_s = per_s
        self._slots: dict[int, list[Item]] = {}
        self._order: list[int] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, due: float, item: Item) -> None:
        """Hand `item` out at `due`, seconds on the clock that `take` is called with."""
        slot = math.ceil(due * self._per_s)
        items = self._slots.get(slot)
        if items is None:
            self._slots[slot] = [item]
            heapq.heappush(self._order, slot)
        else:
            items.append(item)
        self._count += 1

    def take(self, now: float) -> list[Item]:
        """What is due by `now`, the earliest first; it is gone from here."""
        due: list[Item] = []
        last = int(now * self._per_s)
        while self._order and self._order[0] <= last:
            due += self._slots.pop(heapq.heappop(self._order))
        self._count -= len(due)
        return due

    def next_due(self) -> float | None:
        """When to call `take` again; None when nothing waits."""
        return self._order[0] / self._per_s if self._order else None

    def clear(self) -> None:
        """Forget everything that waits."""
        self._slots.clear()
        self._order.clear()
        self._count = 0
