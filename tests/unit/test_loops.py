import asyncio

import pytest

from hongyan.kit import loops, retry


@pytest.mark.parametrize(
    ("failures", "jitter", "seconds"),
    [(1, 0.5, 1.0), (2, 0.5, 2.0), (5, 0.5, 16.0), (9, 0.5, 60.0), (10**6, 0.5, 60.0), (1, 0.0, 0.75), (1, 1.0, 1.25)],
)
def test_waits_grow_to_their_limit_and_are_spread(failures: int, jitter: float, seconds: float) -> None:
    assert retry.delay(failures, first_s=1.0, longest_s=60.0, jitter=jitter) == pytest.approx(seconds)


async def test_a_loop_outlives_the_failures_of_its_job() -> None:
    done = asyncio.Event()
    tries = 0

    async def job() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise ValueError("once")
        done.set()

    task = asyncio.create_task(loops.every(0.001, job, name="job", expected=(ValueError,)))
    async with asyncio.timeout(5):
        await done.wait()
    await loops.cancel(task)
    assert task.cancelled()


async def test_jobs_run_together_until_told_to_stop() -> None:
    stop, began, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def job() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    running = asyncio.create_task(loops.together(stop, {"job": job}))
    await began.wait()
    assert not ended.is_set()
    stop.set()
    await running
    assert ended.is_set()
