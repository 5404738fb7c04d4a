"""One measurement: load, wait until everything is through, compare what was promised with what came of it."""

import asyncio
import os
import time
from array import array
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from hongyan.cli.load.answers import Answers
from hongyan.cli.load.costs import Processes, Spent
from hongyan.cli.load.driver import Builder, Load, Pace
from hongyan.cli.load.numbers import Numbers
from hongyan.cli.load.promises import Promises, Sightings, Tellings, quantile_ms
from hongyan.cli.load.receiver import OCTETS

LOAD = "load"
"""The name under which this process's own costs are reported."""
RECEIVER = "receiver"
"""And those of the customer's callback server."""
NOT_THE_PLATFORM = frozenset({LOAD, RECEIVER, "simulator"})
LOOK_S = 0.1
"""How often the journal's growth is looked at while the platform works off what it has accepted."""
COUNT_S = 0.5
"""How often the database is asked; it shares the machine."""
STUCK_S = 8.0
"""Nothing changed for so long: what is missing by then will not come."""
PATIENCE_S = 300.0
MEBIBYTE = 1024 * 1024


class Settled(msgspec.Struct, frozen=True):
    """What the platform says of the messages accepted since a moment."""

    delivered: int
    between: int
    """Settled in the time that was measured."""
    last_at: float | None
    """Unix seconds."""


AskSettled = Callable[[float, float, float], Awaitable[Settled]]
"""(accepted since, begin, end), all Unix seconds."""


class Api(msgspec.Struct, frozen=True):
    """How one API is asked, and how its answers are read."""

    requests: Callable[[Numbers, int], Builder]
    """Of these numbers, so many in each request."""
    answers: Answers


def fresh_numbers() -> Numbers:
    """Numbers in an order of their own: two loads hardly ever share one."""
    return Numbers(int.from_bytes(os.urandom(4), "big"))


class Line(msgspec.Struct):
    """What matters of a line of the simulator's journal."""

    monotonic: float
    phone: str
    status: int
    segment: int


class Seen:
    """The journal from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0

    def size(self) -> int:
        """Octets that were added."""
        return self._path.stat().st_size - self._offset if self._path.exists() else 0

    def sightings(self, promises: Promises) -> Sightings:
        """What was added, compared with these promises."""
        sightings = Sightings(promises)
        decode = msgspec.json.Decoder(Line).decode
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._offset)
                for written in file:
                    if written.endswith(b"\n"):
                        line = decode(written)
                        sightings.note(line.phone, line.status, line.segment, line.monotonic)
        return sightings


class Heard:
    """What a callback receiver (`hongyan.cli.load.receiver`) notes from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = path.stat().st_size if path.exists() else 0

    def count(self) -> int:
        """Tellings that were added, repetitions included."""
        return (self._path.stat().st_size - self._offset) // OCTETS if self._path.exists() else 0

    def tellings(self, promises: Promises) -> Tellings:
        """What was added, compared with these promises."""
        tellings = Tellings(promises)
        notes = array("d")
        if self._path.exists():
            octets = self._path.read_bytes()[self._offset :]
            notes.frombytes(octets[: len(octets) // OCTETS * OCTETS])
        for at, phone in zip(notes[::2], notes[1::2], strict=True):
            tellings.note(str(int(phone)), at)
        return tellings


class Stretch(msgspec.Struct, frozen=True):
    """A load and what came of it. Moments are monotonic seconds."""

    promises: Promises
    sightings: Sightings
    tellings: Tellings | None
    """None when no callbacks were asked for."""
    began: float
    ended: float
    """When the last request was sent."""
    drained: float
    """When the last message was settled and told of, or, where something is missing, when it was no longer waited for."""
    settled: Settled
    broken_connections: int
    before: dict[str, Spent]
    after: dict[str, Spent]


class Bench:
    """Measures a running platform from outside: its door, the simulator's journal, its database and its processes."""

    def __init__(
        self,
        *,
        api: Api,
        address: tuple[str, int],
        journal: Path,
        settled: AskSettled,
        processes: Processes,
        numbers_per_request: int,
        heard: Path | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`heard` is the file of a callback receiver to which the platform reports; None when it does not.

        What moves is waited for, at most `patience_s` after the last answer.
        """
        self._api = api
        self._address = address
        self._journal = journal
        self._settled = settled
        self._processes = processes
        self._count = numbers_per_request
        self._heard = heard
        self._patience_s = patience_s

    async def measure(self, pace: Pace) -> Stretch:
        """Send at this pace and wait until all of it is settled or nothing moves any more."""
        numbers = fresh_numbers()
        promises = Promises(numbers, self._count, self._api.answers)
        load = Load(self._api.requests(numbers, self._count), promises, pace, self._address)
        journal = Seen(self._journal)
        heard = None if self._heard is None else Heard(self._heard)
        wall = time.time()
        before = self._processes.spent()
        await load.run()
        # Its own part ends here: what follows is counting.
        own = self._processes.spent().get(LOAD)
        await self._drain(promises.ok, wall, journal, heard)
        gave_up, after = time.monotonic(), self._processes.spent()
        if own is not None:
            after[LOAD] = own
        offset = time.time() - time.monotonic()
        tellings = None if heard is None else heard.tellings(promises)
        settled = await self._settled(wall, load.began + offset, load.ends + offset)
        through = settled.delivered >= promises.ok and (tellings is None or not tellings.untold())
        last = (0.0 if settled.last_at is None else settled.last_at - offset, max(tellings.at, default=0.0) if tellings else 0.0)
        return Stretch(
            promises=promises,
            sightings=journal.sightings(promises),
            tellings=tellings,
            began=load.began,
            ended=load.ends,
            drained=max(load.ends, *last) if through else gave_up,
            settled=settled,
            broken_connections=load.broken,
            before=before,
            after=after,
        )

    async def _drain(self, promised: int, since: float, journal: Seen, heard: Heard | None) -> None:
        give_up = time.monotonic() + self._patience_s
        grown = (-1, -1)
        settled = -1
        moved = time.monotonic()
        while time.monotonic() < min(give_up, moved + STUCK_S):
            now = (journal.size(), 0 if heard is None else heard.count())
            if now != grown:
                # Cheap while submits and callbacks go on; the database is asked once they have ended.
                grown, moved = now, time.monotonic()
                await asyncio.sleep(LOOK_S)
                continue
            delivered = (await self._settled(since, 0.0, 0.0)).delivered
            if delivered >= promised and (heard is None or now[1] >= promised):
                return
            if delivered != settled:
                settled, moved = delivered, time.monotonic()
            await asyncio.sleep(COUNT_S)


def figures(stretch: Stretch) -> dict[str, Any]:
    """The result as the command prints it."""
    promises, sightings, settled = stretch.promises, stretch.sightings, stretch.settled
    seconds = stretch.ended - stretch.began
    ok = promises.ok
    whole = stretch.drained - stretch.began
    waits = promises.waits_s(stretch.began, stretch.ended + 1)
    return {
        "accepted_per_s": round(promises.taken_between(stretch.began, stretch.ended) / seconds),
        "submitted_per_s": round(sightings.seen_between(stretch.began, stretch.ended) / seconds),
        "receipts_per_s": round(settled.between / seconds),
        "delivered_per_s": round(min(ok, settled.delivered) / whole),
        "requests_per_s": round(sum(1 for at in promises.answered if stretch.began <= at < stretch.ended) / seconds),
        "accept_ms": {"p50": quantile_ms(waits, 0.5), "p99": quantile_ms(waits, 0.99), "max": quantile_ms(waits, 1.0)},
        "accept_to_carrier_ms": {
            "p50": quantile_ms(sightings.waits_s, 0.5),
            "p99": quantile_ms(sightings.waits_s, 0.99),
            "max": quantile_ms(sightings.waits_s, 1.0),
        },
        **_told(stretch, seconds),
        "drain_s": round(stretch.drained - stretch.ended, 2),
        "messages": {
            "ok": ok,
            "refused": dict(promises.refused),
            "unanswered_requests": promises.unanswered,
            "broken_connections": stretch.broken_connections,
            "seen_by_carrier": sightings.seen,
            "rejected_by_carrier": sightings.rejected,
            "delivered": settled.delivered,
        },
        "cpu_us_per_message": _cpu_us(stretch, ok),
        "memory_mib": {name: round(spent.memory / MEBIBYTE) for name, spent in stretch.after.items()},
        "lost": sightings.lost(),
        "duplicated": sightings.doubles,
        "unsettled": max(0, ok - settled.delivered),
        "unpromised": sightings.unpromised(),
    }


def _told(stretch: Stretch, seconds: float) -> dict[str, Any]:
    """What came of the callbacks, where there were any."""
    tellings = stretch.tellings
    if tellings is None:
        return {}
    waits = tellings.waits_s
    return {
        "callbacks_per_s": round(tellings.told_between(stretch.began, stretch.ended) / seconds),
        "request_to_callback_ms": {"p50": quantile_ms(waits, 0.5), "p99": quantile_ms(waits, 0.99), "max": quantile_ms(waits, 1.0)},
        "callbacks_repeated": tellings.repeated,
        "untold": tellings.untold(),
    }


def _cpu_us(stretch: Stretch, messages: int) -> dict[str, float]:
    """By process; of the whole stretch, from rest to rest. A process that was started anew in between is left out."""
    if not messages:
        return {}
    found = {
        name: round((spent.cpu_s - stretch.before[name].cpu_s) / messages * 1e6, 1)
        for name, spent in stretch.after.items()
        if name in stretch.before
    }
    return found | {"platform": round(sum(us for name, us in found.items() if name not in NOT_THE_PLATFORM), 1)}
