"""When each key was used last, told cheaply: a note in memory for a request, one statement for all keys now and then."""

from hongyan.kit.db import UNAVAILABLE, Database
from hongyan.store import keys

FLUSH_S = 5.0
"""How long a process keeps what it has noted."""


class KeyUse:
    """Kept in each process with doors."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._uses: dict[str, tuple[float, str]] = {}

    def note(self, secret_id: str, address: str, now: float) -> None:
        """A verified key was used. As many are remembered as there are keys."""
        self._uses[secret_id] = (now, address)

    async def flush(self) -> None:
        """Write what has been noted; what cannot be written is kept for the next time."""
        if not self._uses:
            return
        uses, self._uses = self._uses, {}
        try:
            async with self._db.transaction() as tx:
                await keys.used(tx, uses)
        except UNAVAILABLE:
            self._uses = uses | self._uses
            raise
