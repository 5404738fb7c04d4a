"""What each process spends: processor time and memory, from the operating system's own counts."""

import contextlib
from collections.abc import Mapping

import msgspec
import psutil


class Spent(msgspec.Struct, frozen=True):
    """What a process has used so far and holds now."""

    cpu_s: float
    """User and system time, children that have ended included."""
    memory: int
    """Bytes: the resident set; of a family of processes their resident sets with shared pages counted once."""


class Processes:
    """Processes by name; `families` are counted with everything they started, as a server with a process for each connection."""

    def __init__(self, pids: Mapping[str, int], families: frozenset[str]) -> None:
        self._roots: dict[str, psutil.Process] = {}
        for name, pid in pids.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                self._roots[name] = psutil.Process(pid)
        self._families = families

    def spent(self) -> dict[str, Spent]:
        """By name; a process that has gone is left out."""
        found: dict[str, Spent] = {}
        for name, root in self._roots.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                found[name] = _family(root) if name in self._families else Spent(_cpu_s(root), root.memory_info().rss)
        return found


def _family(root: psutil.Process) -> Spent:
    cpu_s, memory = 0.0, 0
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            cpu_s += _cpu_s(process)
            full = process.memory_full_info()
            memory += getattr(full, "pss", full.rss)
    return Spent(cpu_s, memory)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    ended: float = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return times.user + times.system + ended
