"""What is done to a running platform, at random but repeatably, and the account of it afterwards."""

import asyncio
import contextlib
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import psutil

from chaos.checker import Counts, Verdict, check, count
from chaos.history import read
from chaos.rig import ASIDE, BACK_S, Rig
from chaos.tables import look
from hongyan.kit import embedded, faults
from hongyan.kit.db import UNAVAILABLE
from hongyan.kit.faults import POINTS, Action, Order
from journeys.platform import until

WORKERS = ("engine", "api-1", "office")
POINT_S = 180.0
"""A point that is not passed within this under the load is no point."""
SETTLE_S = 90.0
FAILURES = {Action.RAISE: "", Action.CUT: "", Action.DISK: "ENOSPC"}


class Result(msgspec.Struct):
    """A campaign's outcome."""

    seed: int
    cycles: int = 0
    kills: dict[str, int] = {}
    """By target."""
    points: dict[str, str] = {}
    """What was ordered at each fault point and carried out."""
    seconds: float = 0.0
    counts: Counts = msgspec.field(default_factory=Counts)
    verdict: Verdict = msgspec.field(default_factory=Verdict)

    @property
    def killed(self) -> int:
        """Processes and whole platforms that were killed."""
        return sum(times for target, times in self.kills.items() if target not in HARMLESS)


class Campaign:
    """Strikes one rig."""

    def __init__(self, built: Rig, seed: int) -> None:
        self.rig = built
        self.chance = random.Random(seed)  # noqa: S311 - chance that can be repeated, no secret
        self.result = Result(seed)
        self._began = time.monotonic()

    def say(self, what: str) -> None:
        """Progress, for whoever waits."""
        print(f"chaos: {time.monotonic() - self._began:6.1f} s, {self.result.cycles} strikes: {what}", file=sys.stderr)

    # Single strikes.

    async def engine(self) -> None:
        await self._kill("engine")

    async def api(self) -> None:
        await self._kill("api-1")

    async def office(self) -> None:
        await self._kill("office")

    async def workers(self) -> None:
        """All of them at the same instant."""
        await self._kill(*WORKERS)

    async def database(self) -> None:
        """The postmaster; its backends follow."""
        await self._kill("database")

    async def parent(self) -> None:
        """The platform's parent; its children follow, the database stays."""
        self.rig.kill("platform")
        await self.rig.restart()

    async def everything(self) -> None:
        """As when the power fails, but for the disk's cache."""
        self.rig.kill("platform", "database", *WORKERS)
        await self.rig.restart()

    async def carrier(self) -> None:
        """The carrier dies with the receipts it owes."""
        self.rig.carrier.kill()
        self.rig.carrier.start()

    async def backends(self) -> None:
        """Some sessions of the pipeline end, as an administrator ends them."""
        await self._sql(
            """select pg_terminate_backend(pid) from (select pid from pg_stat_activity where application_name = 'hongyan-pipeline'
                order by random() limit $1) chosen""",
            self.chance.randint(1, 3),
        )

    async def freeze(self) -> None:
        """A process stands still for a while, as when the machine swaps."""
        pid = self.rig.pids().get(self.chance.choice(WORKERS))
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            psutil.Process(pid).suspend()
            await asyncio.sleep(self.chance.uniform(0.2, 2.5))
            psutil.Process(pid).resume()

    async def drop(self) -> None:
        """The carrier cuts its connections."""
        await self.rig.carrier.order(do="drop", refuse_s=self.chance.choice([0, 0.3]))

    async def checkpoint(self) -> None:
        """The postmaster is killed while it writes a checkpoint."""
        writing = asyncio.create_task(self._sql("checkpoint"))
        await asyncio.sleep(self.chance.uniform(0, 0.05))
        await self._kill("database")
        await writing

    async def backup(self) -> None:
        """The postmaster is killed while it is backed up."""
        place = self.rig.platform.home / "backup"
        url = embedded.url(self.rig.platform.settings.data_dir)
        command = [str(embedded.binaries() / "pg_basebackup"), "-d", str(url), "-D", str(place), "-X", "stream", "--checkpoint=fast"]
        copying = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(copying.wait(), self.chance.uniform(0.1, 1.0))
        await self._kill("database")
        await copying.wait()
        shutil.rmtree(place, ignore_errors=True)

    async def _kill(self, *names: str) -> None:
        """One that died a moment ago is waited for, so that every kill is of something that lives."""
        await until(lambda: set(names) <= self.rig.pids().keys(), f"{names} live", BACK_S)
        self.rig.kill(*names)

    async def _sql(self, statement: str, *values: object) -> None:
        """The database may be away, or go away while it does this."""
        with contextlib.suppress(*UNAVAILABLE, TimeoutError, AssertionError):
            async with self.rig.platform.database() as db, db.connection() as conn:
                await conn.execute(statement, *values)

    # Many of them.

    async def cycle(self, target: str) -> None:
        """One strike, whatever is under way from the last one."""
        self.rig.book.struck(target, "")
        await STRIKES[target](self)
        self.result.kills[target] = self.result.kills.get(target, 0) + 1
        self.result.cycles += 1

    async def cycles(self, targets: Sequence[str], *, pauses: tuple[float, float]) -> None:
        """Strike these in a random order with random pauses."""
        order = list(targets)
        self.chance.shuffle(order)
        for target in order:
            await asyncio.sleep(self.chance.uniform(*pauses))
            await self.cycle(target)

    async def every_point(self, action: Action | None = None) -> None:
        """Order something at every point at once and wait until all of it has happened: a kill, or some failure that can happen there."""
        orders = [order for name in POINTS if (order := self._order(name, action)) is not None]
        run_dir = self.rig.platform.settings.run_dir
        faults.post(run_dir, orders, anew=True)
        left = {order.point: order for order in orders}

        def happened() -> bool:
            for point in [point for point in left if faults.carried_out(run_dir, point)]:
                order = left.pop(point)
                self.rig.book.struck(point, str(order))
                self.result.points[point] = " ".join(filter(None, (self.result.points.get(point, ""), order.action)))
                if order.action is Action.KILL:
                    self.result.kills["at a point"] = self.result.kills.get("at a point", 0) + 1
                self.result.cycles += 1
            return not left

        try:
            await until(happened, "every point is passed", POINT_S)
        except AssertionError:
            raise AssertionError(f"not passed within {POINT_S:g} s: {sorted(left)}") from None

    def _order(self, point: str, action: Action | None) -> Order | None:
        nth = self.chance.randint(1, 3)
        if action is not None:
            return Order(point, nth, action)
        possible = sorted(POINTS[point].actions & FAILURES.keys())
        if not possible:
            return Order(point, nth, Action.SLEEP, "0.3")
        chosen = self.chance.choice(possible)
        return Order(point, nth, chosen, FAILURES[chosen])

    # The end.

    async def account(self) -> None:
        """End the load, let everything settle, compare."""
        await self.rig.back()
        await self.rig.quiet()
        await self._settle()
        self.say("compared")
        async with self.rig.platform.database() as db, db.connection() as conn:
            tables = await look(conn, self.rig.app_id, ASIDE)
        history = read(self.rig.book_path, [self.rig.carrier.journal])
        remembers = "carrier" not in self.result.kills
        self.result.counts = count(history, tables, aside=ASIDE)
        self.result.verdict = check(history, tables, aside=ASIDE, carrier_remembers=remembers)

    async def _settle(self) -> None:
        """Wait until nothing moves. Waiting that is only a matter of time is cut short: doubts are due once no receipt is owed any more."""
        deadline = time.monotonic() + SETTLE_S
        said = 0.0
        while left := await self._left():
            if time.monotonic() > deadline:
                return  # what is left is in the verdict
            if time.monotonic() > said + 5:
                said = time.monotonic()
                self.say(f"left to do: {left}")
            await asyncio.sleep(0.2)

    async def _left(self) -> dict[str, int]:
        """What is still to be done, by name."""
        aside = sorted(map(int, ASIDE))
        try:
            owed = await self.rig.carrier.owed()
            async with self.rig.platform.database() as db, db.connection() as conn:
                app = self.rig.app_id
                # What matches nothing is looked at ever more rarely; here it is looked at now.
                await conn.execute("update parked_receipts set next_at = now() where next_at > now() + interval '1 s'")
                left = dict(await conn.fetchrow(LEFT, app, aside)) | {"receipts owed": owed}
                if not left["waiting"] and not owed:
                    # Whoever had it is dead, and what it promised is there.
                    await conn.execute("update scheduled_sends set claimed_at = claimed_at - interval '10 min' where state = 'sending'")
                    await conn.execute("update queue set resolve_at = now() where resolve_at > now()")
                    await conn.execute("update outbox set due_at = now() where app_id = $1 and callback = 1 and due_at > now()", app)
                if "carrier" in self.result.kills:
                    # Receipts died with it.
                    del left["without an ending"], left["receipts without a message"]
                return {name: count for name, count in left.items() if count}
        except (*UNAVAILABLE, TimeoutError) as fault:
            return {type(fault).__name__: 1}


LEFT = """
select (select count(*) from queue where resolve_at is null) as waiting,
       (select count(*) from queue where resolve_at is not null) as "in doubt",
       (select count(*) from parked_receipts where phone <> all($2)) as "receipts without a message",
       (select count(*) from outbox where app_id = $1 and callback = 1) as "callbacks",
       (select count(*) from scheduled_sends where app_id = $1 and state in ('waiting', 'sending')) as "sends at a time",
       (select count(*) from messages m where m.app_id = $1 and not exists (
          select from settlements s where s.app_id = m.app_id and s.id = m.id)) as "without an ending"
"""

STRIKES: dict[str, Callable[[Campaign], Awaitable[None]]] = {
    "engine": Campaign.engine,
    "api": Campaign.api,
    "office": Campaign.office,
    "workers": Campaign.workers,
    "database": Campaign.database,
    "parent": Campaign.parent,
    "everything": Campaign.everything,
    "carrier": Campaign.carrier,
    "backends": Campaign.backends,
    "freeze": Campaign.freeze,
    "drop": Campaign.drop,
    "checkpoint": Campaign.checkpoint,
    "backup": Campaign.backup,
}
HARMLESS = frozenset({"backends", "freeze", "drop"})
"""Strikes that kill no process of the platform."""
WEIGHTS: dict[str, int] = {
    "engine": 6, "api": 4, "office": 4, "workers": 2, "database": 4, "parent": 1, "everything": 1, "backends": 4, "freeze": 3, "drop": 2,
    "checkpoint": 2, "backup": 1,
}  # fmt: skip
"""How often each is drawn."""


def draw(seed: int, cycles: int, *, carrier: bool) -> list[str]:
    """The strikes of a campaign: every one at least once when there are enough."""
    weights = WEIGHTS | ({"carrier": 2} if carrier else {})
    chance = random.Random(seed)  # noqa: S311 - as above
    chosen = list(weights)[:cycles]
    return chosen + chance.choices(list(weights), list(weights.values()), k=cycles - len(chosen))
