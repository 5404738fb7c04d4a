"""Messages in this process's hands: by kind, fair between applications, bounded."""

from collections import deque
from collections.abc import Callable, Iterable

from hongyan.model.message import Kind, Message
from hongyan.model.ways import Route

Turn = tuple[int, Route]
"""An application's messages that go the same way: what holds up one of them holds up the others, and nobody else."""


class Lanes:
    """Verification before notice before marketing; within a kind the applications, and the ways their messages go, take turns."""

    def __init__(self, capacity: int, route_of: Callable[[Message], Route]) -> None:
        """`capacity` is per kind: a campaign can never take the room of codes."""
        self._capacity = capacity
        self._route_of = route_of
        self._held: dict[Kind, int] = dict.fromkeys(Kind, 0)
        self._queues: dict[Kind, dict[Turn, deque[Message]]] = {kind: {} for kind in Kind}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def room(self, kind: Kind) -> int:
        return self._capacity - self._held[kind]

    def held(self, kind: Kind) -> int:
        """Messages of that kind that are here or for which room was set aside."""
        return self._held[kind]

    def reserve(self, kind: Kind, count: int) -> int:
        """Set aside room for at most `count` messages; returns how many will find it."""
        granted = max(0, min(count, self.room(kind)))
        self._held[kind] += granted
        return granted

    def unreserve(self, kind: Kind, count: int) -> None:
        """Give back room that no message came for."""
        self._held[kind] -= count

    def push(self, messages: Iterable[Message]) -> None:
        """Put in messages for which room was reserved."""
        for message in messages:
            self._queues[message.kind].setdefault((message.app_id, self._route_of(message)), deque()).append(message)
            self._size += 1

    def take(self, budget: int, cost: Callable[[Message], int | None]) -> list[Message]:
        """Messages to send now, best first, whose costs together fit the budget.

        `cost` None means that this one has nowhere to go at the moment: those behind it that go the same way wait too, the
        others go on. The first that is too large for what is left ends the taking, so that long messages are not starved.
        """
        taken: list[Message] = []
        for kind in Kind:
            budget = self._take_kind(kind, budget, cost, taken)
            if budget <= 0:
                break
        return taken

    def _take_kind(self, kind: Kind, budget: int, cost: Callable[[Message], int | None], taken: list[Message]) -> int:
        queues = self._queues[kind]
        turns = deque(queues)
        while turns and budget > 0:
            turn = turns.popleft()
            waiting = queues[turn]
            needed = cost(waiting[0])
            if needed is None:
                continue
            if needed > budget:
                return 0
            budget -= needed
            taken.append(waiting.popleft())
            self._size -= 1
            self._held[kind] -= 1
            # The next taking starts with those that have waited longest.
            del queues[turn]
            if waiting:
                queues[turn] = waiting
                turns.append(turn)
        return budget

    def clear(self) -> list[Message]:
        """Drop everything; returns what was in it."""
        dropped = [message for queues in self._queues.values() for waiting in queues.values() for message in waiting]
        for message in dropped:
            self._held[message.kind] -= 1
        self._queues = {kind: {} for kind in Kind}
        self._size = 0
        return dropped
