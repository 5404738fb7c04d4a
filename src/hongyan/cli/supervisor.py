"""Keeping processes running: each is started again when it dies, all end together."""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import structlog

from hongyan.kit.loops import cancel
from hongyan.kit.retry import delay

log = structlog.get_logger()

HEALTHY_AFTER_S = 20.0
"""A process that lived so long did not die of how it was started."""
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 15.0
KILL_PATIENCE_S = 2.0

Changed = Callable[[], None]
"""Called whenever a process began or ended."""
Ended = Callable[[int], None]
"""Called with the id of a process that ended."""


class Program(msgspec.Struct, frozen=True):
    """What to run as a process of its own: `python -m hongyan.cli.worker` with these arguments."""

    name: str
    arguments: tuple[str, ...]
    given: bytes
    """On its standard input: settings, which hold secrets and so must not be arguments."""
    descriptors: tuple[int, ...] = ()
    """Sockets it inherits."""


def failed_by_itself(lived_s: float, code: int | None) -> bool:
    """Whether its start is to blame: it ended soon, and nobody killed it."""
    return lived_s <= HEALTHY_AFTER_S and code != -signal.SIGKILL


class Keeper:
    """Keeps one program running until told to let go."""

    def __init__(self, program: Program, *, environ: dict[str, str], changed: Changed, ended: Ended) -> None:
        self.program = program
        self._environ = environ
        self._changed = changed
        self._ended = ended
        self._process: asyncio.subprocess.Process | None = None
        self._letting_go = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def run(self) -> None:
        """Start it, and again whenever it dies, after a pause that grows while it dies soon; returns once it was told to end and has."""
        failures = 0
        while not self._letting_go:
            began = time.monotonic()
            try:
                code = await self._live_once()
            except OSError as fault:
                log.error("process_not_started", name=self.program.name, why=str(fault))  # noqa: TRY400 - the machine's trouble, not ours
                code = None
            if self._letting_go:
                return
            failures = failures + 1 if failed_by_itself(time.monotonic() - began, code) else 1
            pause = delay(failures, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S, jitter=random.random())  # noqa: S311 - no secret
            log.error("process_died", name=self.program.name, code=code, again_in_s=round(pause, 2))
            await asyncio.sleep(pause)

    def signal(self, number: signal.Signals) -> None:
        """Say so to the process if it lives; after SIGTERM and SIGKILL it is not started again."""
        self._letting_go = self._letting_go or number in {signal.SIGTERM, signal.SIGKILL}
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _live_once(self) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hongyan.cli.worker",
            "--parent",
            str(os.getpid()),
            *self.program.arguments,
            stdin=asyncio.subprocess.PIPE,
            env=self._environ,
            pass_fds=self.program.descriptors,
            # A Ctrl-C goes to the parent alone, which then ends everything in order.
            process_group=0,
        )
        self._process = process
        if self._letting_go:
            process.terminate()
        log.info("process_started", name=self.program.name, pid=process.pid)
        self._changed()
        with contextlib.suppress(ConnectionError):
            await process.communicate(self.program.given)
        code = await process.wait()
        self._ended(process.pid)
        self._changed()
        return code


async def keep(keepers: Sequence[Keeper], *, stop: asyncio.Event, now: asyncio.Event, patience_s: float) -> None:
    """Keep all running until `stop`, then end all and wait; what has not ended after `patience_s`, or when `now` is set, is killed."""
    running = [asyncio.create_task(keeper.run(), name=keeper.program.name) for keeper in keepers]
    try:
        await stop.wait()
    finally:
        await end(keepers, running, now=now, patience_s=patience_s)


async def end(keepers: Sequence[Keeper], running: Sequence[asyncio.Task[None]], *, now: asyncio.Event, patience_s: float) -> None:
    """SIGTERM, then after `patience_s` or when `now` is set SIGKILL."""
    for keeper in keepers:
        keeper.signal(signal.SIGTERM)
    all_ended: asyncio.Future[Any] = asyncio.gather(*running, return_exceptions=True)
    impatient: asyncio.Future[Any] = asyncio.create_task(now.wait())
    await asyncio.wait([all_ended, impatient], timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
    impatient.cancel()
    late = [keeper for keeper in keepers if keeper.pid is not None]
    for keeper in late:
        log.warning("process_killed", name=keeper.program.name, pid=keeper.pid)
        keeper.signal(signal.SIGKILL)
    await asyncio.wait([all_ended], timeout=KILL_PATIENCE_S)
    await cancel(*running)
