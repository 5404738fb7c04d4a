"""Nonces that are good for one request, where the operator wants that."""

from hashlib import blake2b

from hongyan.kit.db import Database
from hongyan.store import nonces

_BYTES = 16


class Nonces:
    """Over all nodes, and over restarts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def first(self, key: str, nonce: str, number: str, until: float) -> bool:
        """Whether the nonce was not used before, or by this very request; it is remembered until then, Unix seconds."""
        mark = blake2b(f"{key}\n{nonce}".encode(), digest_size=_BYTES).digest()
        async with self._db.connection() as conn:
            return await nonces.use(conn, mark, number, until) == number


async def forget_used(db: Database, now: float) -> None:
    """Those that are good no more anyway."""
    async with db.connection() as conn:
        await nonces.forget(conn, now)
