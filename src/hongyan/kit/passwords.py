"""Passwords at rest: Argon2id, computed beside the event loop and by a few threads only, since each takes much memory."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

AT_ONCE = 2
WAITING_MOST = 64

T = TypeVar("T")


class BusyError(Exception):
    """More passwords wait to be computed than can be in reasonable time."""


class Passwords:
    """`memory_kib` and `passes` are Argon2's (RFC 9106); what was hashed with others is still verified."""

    def __init__(self, *, memory_kib: int = 64 * 1024, passes: int = 3) -> None:
        self._hasher = PasswordHash((Argon2Hasher(time_cost=passes, memory_cost=memory_kib, parallelism=1),))
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """Its hash with a salt of its own. Raises BusyError."""
        return await self._beside(lambda: self._hasher.hash(password))

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Whether it is the one that was hashed. Of None it never is, which takes as long to find out. Raises BusyError."""
        if self._nobody is None:
            self._nobody = await self.hash("nobody's")
        known = hashed or self._nobody
        right = await self._beside(lambda: self._hasher.verify(password, known))
        return right and hashed is not None

    async def _beside(self, compute: Callable[[], T]) -> T:
        if self._waiting >= WAITING_MOST:
            raise BusyError
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(compute)
        finally:
            self._waiting -= 1
