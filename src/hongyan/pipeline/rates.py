"""How often a second an account may ask for an action, over all nodes together.

There is one bucket for each account and action, in the database; it holds a second's worth. A process takes handfuls from it and then
counts by itself, so that a request costs a look at a counter. Of a high rate some requests are let in at once and taken off with the next
handful, so that no message waits for this; of a low rate each waits for its turn at the bucket. While the database is away nobody is
refused.
"""

import asyncio
from collections.abc import Callable

import msgspec
import structlog

from hongyan.kit.db import RETRY, Database
from hongyan.store import allotments

log = structlog.get_logger()

HANDFULS = 20
"""A handful is this part of a second's worth, at least one."""
ADVANCES = 50
"""This part of a second's worth may be let in before the bucket has answered."""
GOOD_FOR_S = 1.0
"""What was taken and not used by then is no longer ours: the bucket has been filled since."""
MOST_KEPT = 10_000
"""When more are counted, those not asked for lately are dropped."""

Key = tuple[int, str]


class Purse(msgspec.Struct):
    """What this process may still let in."""

    left: int = 0
    until: float = 0.0
    """By the monotonic clock; then nothing is left."""
    owed: int = 0
    """Let in without having been taken from the bucket."""
    empty_until: float = 0.0
    """The bucket was empty: it is not asked before."""
    asking: asyncio.Task[None] | None = None


class Rates:
    """Asked before each request."""

    def __init__(self, *, db: Database, monotonic: Callable[[], float], share: float = 1.0) -> None:
        """Every rate is multiplied by `share`; 0 switches them all off."""
        self._db = db
        self._monotonic = monotonic
        self._share = share
        self._purses: dict[Key, Purse] = {}

    async def admit(self, account_id: int, action: str, rate: int) -> bool:
        """Whether the account may ask for this now, of which there may be `rate` requests a second; 0 is no limit."""
        most = round(rate * self._share) if rate else 0
        if most <= 0:
            return True
        key = (account_id, action)
        purse = self._purses.get(key)
        if purse is None:
            purse = self._open(key)
        while True:
            now = self._monotonic()
            if purse.left > 0 and now < purse.until:
                purse.left -= 1
                if purse.left < most // HANDFULS // 2 and now >= purse.empty_until:
                    self._ask(key, purse, most)
                return True
            if now < purse.empty_until:
                return False
            asked = self._ask(key, purse, most)
            if purse.owed < most // ADVANCES and now >= purse.empty_until + GOOD_FOR_S:
                purse.owed += 1
                return True
            await asyncio.shield(asked)

    def _open(self, key: Key) -> Purse:
        if len(self._purses) >= MOST_KEPT:
            now = self._monotonic()
            self._purses = {other: purse for other, purse in self._purses.items() if now < purse.until}
        return self._purses.setdefault(key, Purse())

    def _ask(self, key: Key, purse: Purse, most: int) -> asyncio.Task[None]:
        """A handful is on its way; only once at a time."""
        if purse.asking is None or purse.asking.done():
            purse.asking = asyncio.create_task(self._take(key, purse, most), name="take an allotment")
        return purse.asking

    async def _take(self, key: Key, purse: Purse, most: int) -> None:
        wanted = max(1, most // HANDFULS)
        owed, purse.owed = purse.owed, 0
        try:
            async with self._db.connection() as conn:
                got = await allotments.take(conn, *key, rate=most, wanted=wanted, owed=owed)
        except RETRY as fault:
            log.warning("rates_not_asked", why=type(fault).__name__)
            got = wanted
        now = self._monotonic()
        purse.left = got + (purse.left if now < purse.until else 0)
        purse.until = now + GOOD_FOR_S
        if got < wanted:
            purse.empty_until = now + wanted / most


async def forget_idle(db: Database) -> None:
    """Buckets that nobody has drawn on for an hour."""
    async with db.connection() as conn:
        await allotments.forget(conn)
