"""A campaign in the background: messages that are accepted while the carrier is away, and drain while something else is measured."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hongyan.cli.load.driver import Load, Pace
from hongyan.cli.load.measure import Api, Seen, Stretch, fresh_numbers
from hongyan.cli.load.promises import Promises, quantile_ms

NUMBERS = 200
"""In each request."""
CONNECTIONS = 16
ACCEPT_PATIENCE_S = 3600.0
AWAY_S = 86_400.0
RETURN_PATIENCE_S = 120.0
LOOK_S = 0.02

Order = Callable[[dict[str, Any]], Awaitable[None]]
"""Tells the simulated carrier what to do."""


class Campaign:
    """So many messages of one template, sent `NUMBERS` a request."""

    def __init__(self, api: Api, address: tuple[str, int], journal: Path, order: Order) -> None:
        self._order = order
        self._seen = Seen(journal)
        numbers = fresh_numbers()
        self.promises = Promises(numbers, NUMBERS, api.answers)
        self._requests = api.requests(numbers, NUMBERS)
        self._address = address
        self._accept_s = 0.0
        self._back_at = 0.0

    async def accept(self, messages: int) -> None:
        """Have at least so many accepted while no carrier takes any."""
        await self._order({"do": "drop", "close": True, "refuse_s": AWAY_S})
        pace = Pace(ACCEPT_PATIENCE_S, CONNECTIONS, None, requests=-(-messages // NUMBERS))
        load = Load(self._requests, self.promises, pace, self._address)
        await load.run()
        self._accept_s = max(self.promises.answered) - load.began

    async def release(self) -> None:
        """The carrier is back; over when the first message has reached it. Raises TimeoutError."""
        before = self._seen.size()
        await self._order({"do": "reset"})
        give_up = time.monotonic() + RETURN_PATIENCE_S
        while (now := time.monotonic()) < give_up:
            if self._seen.size() > before:
                self._back_at = now
                return
            await asyncio.sleep(LOOK_S)
        raise TimeoutError(f"nothing reached the carrier within {RETURN_PATIENCE_S:.0f} s of its return")

    def figures(self, codes: Stretch) -> dict[str, Any]:
        """What became of it, and of the `codes` that were sent while it drained."""
        sightings = self._seen.sightings(self.promises)
        end = max(sightings.at, default=self._back_at)
        count, seen = codes.promises.count, codes.sightings
        sent_at = codes.promises.began
        waits = [wait for at, wait in zip(seen.at, seen.waits_s, strict=True) if at - wait < end]
        drain_s = end - self._back_at
        return {
            "messages": self.promises.ok,
            "refused": dict(self.promises.refused),
            "accepted_per_s": round(self.promises.ok / self._accept_s) if self._accept_s else None,
            "drain_s": round(drain_s, 2),
            "drained_per_s": round(sightings.seen / drain_s) if drain_s > 0 else None,
            "lost": sightings.lost(),
            "duplicated": sightings.doubles,
            "codes_meanwhile": sum(1 for at in sent_at if at < end) * count,
            "code_to_carrier_ms": {"p50": quantile_ms(waits, 0.5), "p99": quantile_ms(waits, 0.99), "max": quantile_ms(waits, 1.0)},
        }
