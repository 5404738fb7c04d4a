"""The identity of this process: who holds queue entries, and which worker number its ids carry."""

import asyncio
from collections.abc import Callable

import structlog

from hongyan.kit import ids
from hongyan.kit.bell import POLL_S
from hongyan.kit.db import UNAVAILABLE, Connection, Database
from hongyan.store import engines

log = structlog.get_logger()


class Engine:
    """Alive as long as one database session is; after a break it comes back as somebody new.

    `id` holds queue entries, `new_id` gives out ids that are unique over all living processes.
    """

    def __init__(self, *, db: Database, host: str, pid: int, roles: str, clock: Callable[[], float]) -> None:
        self.id = 0
        self.died: Callable[[], None] = lambda: None
        """Called when the identity has ended: what is held or given out under it now may be taken by others."""
        self.reborn: Callable[[int], None] = lambda _engine: None
        """Called with the next identity."""
        self._db = db
        self._host = host
        self._pid = pid
        self._roles = roles
        self._clock = clock
        self._session: Connection | None = None
        self._worker = pid % ids.WORKERS
        self._over = asyncio.Event()
        self._next: Callable[[], int] = lambda: 0

    def new_id(self) -> int:
        """A time-ordered id that no other living process gives out."""
        return self._next()

    @property
    def session(self) -> Connection | None:
        """What the identity lives by; None between two identities. What is locked in it is held for as long as the identity lasts."""
        return None if self._over.is_set() else self._session

    async def register(self) -> None:
        """Become alive. Raises one of `UNAVAILABLE` when the database cannot be reached."""
        session = await self._db.dedicated()
        self._over.clear()
        session.add_termination_listener(lambda _session: self._end())
        try:
            # The same number as before: ids given out until the end was noticed are then still nobody else's.
            self.id, self._worker = await engines.register(
                session, host=self._host, pid=self._pid, roles=self._roles, worker=self._worker, now=self._clock()
            )
        except BaseException:
            session.terminate()
            self._over.set()
            raise
        self._next = ids.generator(self._worker, self._clock)
        self._session = session

    def _end(self) -> None:
        self._over.set()
        self.died()

    def renew(self) -> None:
        """End this identity; `run` takes a new one at once."""
        if self._session is not None:
            self._session.terminate()

    async def run(self) -> None:
        """Watch over the session until cancelled."""
        try:
            while True:
                await self._over.wait()
                try:
                    await self.register()
                except UNAVAILABLE as fault:
                    log.warning("engine_waits_for_database", why=type(fault).__name__)
                    await asyncio.sleep(POLL_S / 4)
                else:
                    self.reborn(self.id)
        finally:
            if self._session is not None:
                self._session.terminate()
