"""A person's own sessions."""

from collections.abc import Callable

from hongyan.control.errors import Noun, not_found
from hongyan.control.permissions import person
from hongyan.kit.db import Database
from hongyan.model.actor import Actor
from hongyan.store import sessions, tickets, tries
from hongyan.store.sessions import SessionRow

MOST = 100
TRIES_KEPT_S = 86_400.0


class Sessions:
    """Where one is signed in, and how to end it."""

    def __init__(self, db: Database, clock: Callable[[], float], idle_s: float) -> None:
        self._db = db
        self._clock = clock
        self._idle_s = idle_s

    async def every(self, actor: Actor) -> list[SessionRow]:
        """One's own, the newest first."""
        user_id = person(actor)
        async with self._db.connection() as conn:
            return await sessions.of_user(conn, user_id, self._clock(), MOST)

    async def end(self, actor: Actor, session_id: int) -> None:
        """At once; another person's is not found."""
        user_id = person(actor)
        async with self._db.connection() as conn:
            if not await sessions.end(conn, session_id, user_id):
                raise not_found(Noun.SESSION, session_id)

    async def end_all(self, actor: Actor) -> None:
        """This one too."""
        user_id = person(actor)
        async with self._db.connection() as conn:
            await sessions.end_all(conn, user_id)

    async def sweep(self) -> None:
        """Forget sessions, tickets and tries that are over; a job does it."""
        now = self._clock()
        async with self._db.transaction() as tx:
            await sessions.sweep(tx, now=now, idle_since=now - self._idle_s)
            await tickets.sweep(tx, now)
            await tries.sweep(tx, now - TRIES_KEPT_S)
