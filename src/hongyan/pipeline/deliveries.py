"""What was sent to customers' addresses and what they said, kept for them to see: bounded in memory and in the table."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from hongyan.kit.db import Database
from hongyan.kit.http import Answer, Failed
from hongyan.model.callback import CallbackRequest
from hongyan.model.event import EventKind
from hongyan.store import deliveries
from hongyan.store.deliveries import Delivery
from hongyan.store.outbox import Key

FLUSH_S = 1.0
AT_ONCE = 20
"""Of one place, between two flushes; whoever is told more often finds enough in those."""
WAITING_MOST = 2000
KEPT, KEPT_OF_APP = 100, 2000
"""Of one place, of an application."""
KEPT_S = 3 * 86_400.0
TRIM_EVERY = 50
SENT_MOST, ANSWER_MOST = 1000, 200
"""Characters. Of an answer little is kept, and nothing that steers a terminal: a customer could have it come from somewhere else."""


class Poster(Protocol):
    """An HTTP client that can be trusted with addresses customers give."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer | Failed: ...


Timer = Callable[[], float]


class Deliveries:
    """The note of one process."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock
        self._waiting: list[Delivery] = []
        self._noted: Counter[Key] = Counter()
        self._since_trim: Counter[Key] = Counter()

    def note(self, key: Key, delivery: Delivery) -> None:
        """Keep it, unless there is enough of its place or of all already."""
        if self._noted[key] >= AT_ONCE or len(self._waiting) >= WAITING_MOST:
            return
        self._noted[key] += 1
        self._waiting.append(delivery)

    async def flush(self) -> None:
        """Write what was noted. What a crash takes with it was only to be looked at."""
        waiting, noted = self._waiting, self._noted
        self._waiting, self._noted = [], Counter()
        if not waiting:
            return
        self._since_trim += noted
        full = [key for key, count in self._since_trim.items() if count >= TRIM_EVERY]
        async with self._db.connection() as conn:
            await deliveries.add(conn, waiting)
            for key in full:
                del self._since_trim[key]
                await deliveries.keep(conn, *key, KEPT)
                await deliveries.keep_of_app(conn, key[0], KEPT_OF_APP)

    async def sweep(self) -> None:
        """What nobody looks at any more goes."""
        self._since_trim.clear()
        async with self._db.connection() as conn:
            await deliveries.sweep(conn, self._clock() - KEPT_S)


async def post(poster: Poster, request: CallbackRequest, timer: Timer = time.monotonic) -> tuple[Answer | Failed, int]:
    """The answer, and after how many milliseconds it came."""
    begun = timer()
    answer = await poster(request.url, request.body, dict(request.headers))
    return answer, round((timer() - begun) * 1000)


def delivery(
    key: Key, request: CallbackRequest, answer: Answer | Failed, error: str | None, *, events: int, took_ms: int, now: float
) -> Delivery:
    """As it is kept."""
    return Delivery(
        app_id=key[0],
        at=now,
        kind=EventKind(key[1]),
        place=key[2],
        url=request.url,
        events=events,
        status=answer.status if isinstance(answer, Answer) else None,
        took_ms=took_ms,
        sent=readable(request.body, SENT_MOST),
        answer=readable(answer.body, ANSWER_MOST) if isinstance(answer, Answer) else "",
        error=error or "",
    )


def readable(body: bytes, most: int) -> str:
    """The beginning as one line of text."""
    text = body[: most * 4].decode("utf-8", "replace")[:most]
    return "".join(character if character.isprintable() else "\N{MIDDLE DOT}" for character in text)
