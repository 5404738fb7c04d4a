"""Bells: something may have happened, look now instead of at the next poll. A lost ring costs one poll."""

import asyncio
import contextlib

import structlog

from hongyan.kit.db import PULSE_S, UNAVAILABLE, Connection, Database, listen

log = structlog.get_logger()

POLL_S = 1.0
PULSE_EVERY_S = 2.0


class Bell:
    """Wakes one waiter in this process."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self, _word: str = "") -> None:
        self._event.set()

    async def wait(self, timeout_s: float = POLL_S) -> bool:
        """True when it rang, False after `timeout_s`; either way the next wait starts silent."""
        if not self._event.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._event.wait()
        rang = self._event.is_set()
        self._event.clear()
        return rang


class WordBell(Bell):
    """A bell whose rings may say what for."""

    def __init__(self) -> None:
        super().__init__()
        self._words: dict[str, None] = {}

    def ring(self, word: str = "") -> None:
        if word:
            self._words[word] = None
        super().ring()

    def words(self) -> list[str]:
        """What was said since the last time this was asked, each word once."""
        words, self._words = list(self._words), {}
        return words


class Switchboard:
    """Rings local bells when PostgreSQL notifies their channels; reconnects by itself, ringing all after a gap.

    Its session, which has nothing else to do, is also the one that finds out when the server is silent or no longer the primary.
    """

    def __init__(self, db: Database, bells: dict[str, Bell]) -> None:
        self._db = db
        self._bells = bells
        self._gone = asyncio.Event()

    async def run(self) -> None:
        while True:
            try:
                await self._listen_until_gone()
            except UNAVAILABLE as fault:
                log.warning("bell_lost", why=type(fault).__name__)
            await asyncio.sleep(POLL_S)

    async def _listen_until_gone(self) -> None:
        conn: Connection = await self._db.dedicated(command_timeout=PULSE_S)
        try:
            self._gone.clear()
            for channel, bell in self._bells.items():
                await listen(conn, channel, bell.ring, self._gone.set)
            for bell in self._bells.values():
                bell.ring()
            while not await self._is_gone_within(PULSE_EVERY_S):
                await self._db.pulse(conn)
        finally:
            conn.terminate()

    async def _is_gone_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        return self._gone.is_set()
