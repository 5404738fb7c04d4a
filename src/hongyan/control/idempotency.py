"""Idempotency keys: a request may be sent again under the same key, and happens once."""

import hashlib
import re
from collections.abc import Callable

import msgspec

from hongyan.control.errors import ControlError, Fault
from hongyan.kit.db import Database
from hongyan.store import idempotency
from hongyan.store.idempotency import KeyRow

KEPT_S = 86_400.0
"""How long a key is remembered."""
SETTLED_S = 60.0
"""After this a request that was never answered has either been promised, and is found by its number, or never will be."""
_KEY = re.compile(r"[\x21-\x7e]{1,128}")


class Answered(msgspec.Struct, frozen=True):
    """It was asked and answered before."""

    status: int
    answer: bytes


class Interrupted(msgspec.Struct, frozen=True):
    """It was asked before, and whoever answered it died: what it promised is found by its number and time."""

    request_id: str
    since: float


class IdempotencyKeys:
    """Kept for 24 hours, for each account."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock

    async def begin(self, account_id: int, key: str, body: bytes, request_id: str) -> Answered | Interrupted | None:
        """None: go on, and call `finish`, or `forget` when nothing was done.

        Raises ControlError for another body under the same key, and while the first request is still under way.
        """
        if _KEY.fullmatch(key) is None:
            raise ControlError(
                Fault.INVALID,
                "Idempotency-Key 需为 1 到 128 个可见的 ASCII 字符，例如一个 UUID。",
                "An Idempotency-Key is 1 to 128 visible ASCII characters, a UUID for example.",
            )
        body_hash = hashlib.sha256(body).digest()
        now = self._clock()
        async with self._db.transaction() as tx:
            row = await idempotency.begin(tx, account_id, key, body_hash=body_hash, request_id=request_id, now=now)
        return None if row is None else _before(row, body_hash, now)

    async def finish(self, account_id: int, key: str, status: int, answer: bytes) -> None:
        async with self._db.transaction() as tx:
            await idempotency.finish(tx, account_id, key, status=status, answer=answer)

    async def forget(self, account_id: int, key: str) -> None:
        async with self._db.transaction() as tx:
            await idempotency.forget(tx, account_id, key)

    async def sweep(self) -> None:
        """Forget what is older than a day."""
        async with self._db.transaction() as tx:
            await idempotency.sweep(tx, self._clock() - KEPT_S)


def _before(row: KeyRow, body_hash: bytes, now: float) -> Answered | Interrupted:
    if row.body_hash != body_hash:
        raise ControlError(
            Fault.TAKEN,
            "这个 Idempotency-Key 已用于另一个内容不同的请求：新的请求请换一个新的键。",
            "This Idempotency-Key was used for a request with another body: use a new key for a new request.",
        )
    if row.status is not None and row.answer is not None:
        return Answered(row.status, row.answer)
    if now - row.created_at < SETTLED_S:
        raise ControlError(
            Fault.IN_USE,
            "使用这个 Idempotency-Key 的请求仍在处理中：请稍后用同一个键重试。",
            "The request under this Idempotency-Key is still under way: try again with the same key in a moment.",
        )
    return Interrupted(row.request_id, row.created_at)
