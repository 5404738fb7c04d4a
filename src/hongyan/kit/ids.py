"""63-bit ids that grow with time: 41 bits of milliseconds, 10 bits of worker, 12 bits of sequence."""

from collections.abc import Callable

EPOCH_MS = 1_735_689_600_000
"""2025-01-01T00:00:00Z."""
WORKERS = 1024
_SEQUENCE_BITS = 12
_TIME_SHIFT = 22


def first_id_at(at: float) -> int:
    """The smallest id that can be given out at Unix second `at`; ids of earlier times are smaller."""
    return max(0, int(at * 1000) - EPOCH_MS) << _TIME_SHIFT


def time_of(id_: int) -> float:
    """Unix seconds at which the id was given out."""
    return ((id_ >> _TIME_SHIFT) + EPOCH_MS) / 1000


def generator(worker: int, clock: Callable[[], float]) -> Callable[[], int]:
    """A function that gives out ids, each larger than the last even when the clock steps back.

    Unique among generators with different workers (0..1023) as long as no two share one at a time.
    """
    if not 0 <= worker < WORKERS:
        raise ValueError(f"worker {worker} is not in 0..{WORKERS - 1}")
    low = worker << _SEQUENCE_BITS
    last_ms = 0
    sequence = 0

    def next_id() -> int:
        nonlocal last_ms, sequence
        now_ms = int(clock() * 1000) - EPOCH_MS
        if now_ms > last_ms:
            last_ms = now_ms
            sequence = 0
        else:
            sequence += 1
            if sequence >> _SEQUENCE_BITS:
                # More than 4,096 in a millisecond, or the clock stepped back: run ahead of it rather than repeat.
                last_ms += 1
                sequence = 0
        return (last_ms << _TIME_SHIFT) | low | sequence

    return next_id
