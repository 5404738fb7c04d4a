"""Loops that never die in silence."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import structlog

from hongyan.kit.db import UNAVAILABLE
from hongyan.kit.retry import delay

log = structlog.get_logger()

Job: TypeAlias = Callable[[], Awaitable[object]]

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


async def every(seconds: float, job: Job, *, name: str = "", expected: tuple[type[BaseException], ...] = UNAVAILABLE) -> None:
    """Do the job, wait, do it again, until cancelled. A failure is logged and the wait grows until the job succeeds again.

    `expected` failures (by default: the database is away) get one line, others their traceback.
    """
    failures = 0
    while True:
        pause = seconds
        try:
            await job()
            failures = 0
        except Exception as fault:  # noqa: BLE001 - a loop outlives whatever its job does
            failures += 1
            pause = max(seconds, _pause(failures))
            _tell("loop_failed", name or _name(job), fault, expected, failures)
        await asyncio.sleep(pause)


def sparingly(job: Job, share: float) -> Job:
    """The job, left out as often as it takes for it not to need more than this share of the time."""
    rest_until = 0.0

    async def in_turn() -> None:
        nonlocal rest_until
        loop = asyncio.get_running_loop()
        began = loop.time()
        if began < rest_until:
            return
        try:
            await job()
        finally:
            ended = loop.time()
            rest_until = ended + (ended - began) * (1 / share - 1)

    return in_turn


async def always(job: Job, *, name: str = "", expected: tuple[type[BaseException], ...] = UNAVAILABLE) -> None:
    """Run a job that should never end; when it fails it is started again, sooner at first and later when it keeps failing."""
    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        began = loop.time()
        try:
            await job()
        except Exception as fault:  # noqa: BLE001 - as in every
            failures = failures + 1 if loop.time() - began < LONGEST_PAUSE_S else 1
            _tell("job_failed", name or _name(job), fault, expected, failures)
        else:
            log.warning("job_ended", job=name or _name(job))
            failures = 1
        await asyncio.sleep(_pause(failures))


async def together(stop: asyncio.Event, jobs: Mapping[str, Job], *, expected: tuple[type[BaseException], ...] = UNAVAILABLE) -> None:
    """Keep all jobs running (`always`) until `stop`, then cancel them and wait for their ends."""
    tasks = [asyncio.create_task(always(job, name=name, expected=expected), name=name) for name, job in jobs.items()]
    try:
        await stop.wait()
    finally:
        await cancel(*tasks)


async def cancel(*tasks: asyncio.Task[object] | asyncio.Task[None]) -> None:
    """Cancel tasks and wait until they have ended; how they ended is nobody's business any more."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


def _name(job: Job) -> str:
    return getattr(job, "__qualname__", repr(job))


def _pause(failures: int) -> float:
    return delay(failures, first_s=FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S, jitter=random.random())  # noqa: S311 - spreads load, no secret


def _tell(event: str, name: str, fault: Exception, expected: tuple[type[BaseException], ...], failures: int) -> None:
    if isinstance(fault, expected):
        log.warning(event, job=name, why=type(fault).__name__, failures=failures)
    else:
        log.error(event, job=name, failures=failures, exc_info=fault)
