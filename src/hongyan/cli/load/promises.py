"""What the platform answered, request by request, in a few octets each."""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

from hongyan.cli.load.answers import Answers, Partly
from hongyan.cli.load.numbers import Numbers


class Promises:
    """Which numbers were answered OK. Times are monotonic seconds."""

    def __init__(self, numbers: Numbers, count: int, answers: Answers) -> None:
        self._answers = answers
        self.numbers = numbers
        self.count = count
        self.began = array("d")
        self.answered = array("d")
        """By request; 0 while there is no answer."""
        self.partly: dict[int, frozenset[int]] = {}
        """By request: positions of the numbers that were taken, where it was not all of them."""
        self.refused: Counter[str] = Counter()
        """Numbers, by the code of the answer."""

    def begin(self, now: float) -> int:
        """The next request; it begins at `now`."""
        self.began.append(now)
        self.answered.append(0.0)
        return len(self.began) - 1

    def answer(self, request: int, status: int, body: bytes, now: float) -> bool:
        """Its answer came, with this HTTP status; False when the request as a whole was refused."""
        self.answered[request] = now
        if self._answers.whole(status, body, self.count):
            return True
        self.partly[request] = frozenset()
        read = self._answers.read(status, body)
        if not isinstance(read, Partly):
            self.refused[read] += self.count
            return False
        indices = map(self.numbers.index, read.phones)
        self.partly[request] = frozenset(index for index in indices if index is not None)
        self.refused.update(read.refused)
        return True

    def taken(self, request: int) -> int:
        """How many of its numbers were answered OK."""
        if not self.answered[request]:
            return 0
        partly = self.partly.get(request)
        return self.count if partly is None else len(partly)

    def is_taken(self, index: int) -> bool:
        """Whether the number at this position was answered OK."""
        request = index // self.count
        if request >= len(self.began) or not self.answered[request]:
            return False
        partly = self.partly.get(request)
        return partly is None or index in partly

    @property
    def ok(self) -> int:
        """Numbers answered OK."""
        answered = sum(1 for at in self.answered if at)
        return (answered - len(self.partly)) * self.count + sum(map(len, self.partly.values()))

    @property
    def unanswered(self) -> int:
        """Requests to which no answer came."""
        return sum(1 for at in self.answered if not at)

    def taken_between(self, begin: float, end: float) -> int:
        """Numbers whose OK came in this time."""
        return sum(self.taken(request) for request, at in enumerate(self.answered) if begin <= at < end)

    def waits_s(self, begin: float, end: float) -> list[float]:
        """From sending to answer, of requests sent in this time."""
        return [at - sent for sent, at in zip(self.began, self.answered, strict=True) if at and begin <= sent < end]


class Sightings:
    """What the carrier saw of these numbers, from the lines of its journal."""

    def __init__(self, promises: Promises) -> None:
        self._promises = promises
        self._seen = bytearray(len(promises.began) * promises.count)
        self._further: set[tuple[int, int]] = set()
        self.at = array("d")
        """When each number was first seen, in the order of the journal."""
        self.waits_s = array("d")
        """From the sending of its request until then."""
        self.doubles = 0
        """Copies of a segment beyond the first."""
        self.rejected = 0
        """Submits that the carrier answered with an error."""

    def note(self, phone: str, status: int, segment: int, monotonic: float) -> None:
        """One submit."""
        index = self._promises.numbers.index(phone)
        if index is None or index >= len(self._seen):
            return
        if status:
            self.rejected += 1
        elif segment > 1:
            self.doubles += (index, segment) in self._further
            self._further.add((index, segment))
        elif self._seen[index]:
            self.doubles += 1
        else:
            self._seen[index] = 1
            self.at.append(monotonic)
            self.waits_s.append(monotonic - self._promises.began[index // self._promises.count])

    @property
    def seen(self) -> int:
        """Numbers that reached the carrier."""
        return len(self.at)

    def seen_between(self, begin: float, end: float) -> int:
        """Numbers that reached it in this time."""
        return sum(1 for at in self.at if begin <= at < end)

    def lost(self) -> int:
        """Numbers answered OK that never reached the carrier."""
        return sum(1 for index, seen in enumerate(self._seen) if not seen and self._promises.is_taken(index))

    def unpromised(self) -> int:
        """Numbers that reached the carrier without having been answered OK."""
        return sum(1 for index, seen in enumerate(self._seen) if seen and not self._promises.is_taken(index))


class Tellings:
    """Which of these numbers a callback receiver was told of."""

    def __init__(self, promises: Promises) -> None:
        self._promises = promises
        self._told = bytearray(len(promises.began) * promises.count)
        self.at = array("d")
        """When each number was first told of."""
        self.waits_s = array("d")
        """From the sending of its request until then."""
        self.repeated = 0
        """Tellings beyond the first: a callback comes at least once."""

    def note(self, phone: str, monotonic: float) -> None:
        """One telling."""
        index = self._promises.numbers.index(phone)
        if index is None or index >= len(self._told):
            return
        if self._told[index]:
            self.repeated += 1
            return
        self._told[index] = 1
        self.at.append(monotonic)
        self.waits_s.append(monotonic - self._promises.began[index // self._promises.count])

    def told_between(self, begin: float, end: float) -> int:
        """Numbers first told of in this time."""
        return sum(1 for at in self.at if begin <= at < end)

    def untold(self) -> int:
        """Numbers answered OK of which nothing was told."""
        return sum(1 for index, told in enumerate(self._told) if not told and self._promises.is_taken(index))


def quantile_ms(seconds: Iterable[float], share: float) -> float | None:
    """The nearest-rank quantile in milliseconds; None of nothing."""
    ordered: Sequence[float] = sorted(seconds)
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)] * 1000, 2)
