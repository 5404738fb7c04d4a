"""Counts and times for Prometheus, over all processes of an instance.

On the hot path a number is added to a dictionary; once a second `flush` writes what has gathered into the files that processes share
(prometheus-client's multiprocess mode, switched on by PROMETHEUS_MULTIPROC_DIR before a process starts).
"""

import bisect
import enum
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

Kind = TypeVar("Kind", bound=enum.IntEnum)

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
FLUSH_S = 1.0
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0, 3600.0)
"""Upper bounds of the classes in which times are counted."""


class Step(enum.StrEnum):
    """The times that are measured."""

    ACCEPT = "accept"
    """From a request to its commit."""
    SUBMIT = "submit"
    """From the commit to the carrier's answer."""
    RECEIPT = "receipt"
    """From the commit to the receipt that ends the message."""


class _Times:
    """One histogram's classes and sum, gathered in this process."""

    def __init__(self) -> None:
        self.classes = [0] * (len(SECONDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float, count: int) -> None:
        self.classes[bisect.bisect_left(SECONDS, seconds)] += count
        self.sum += seconds * count

    def move_to(self, histogram: Histogram) -> None:
        """The library can only observe one value at a time; its parts take a whole batch."""
        histogram._sum.inc(self.sum)  # noqa: SLF001 - see above
        for bucket, count in zip(histogram._buckets, self.classes, strict=True):  # noqa: SLF001 - see above
            if count:
                bucket.inc(count)
        self.classes = [0] * (len(SECONDS) + 1)
        self.sum = 0.0


class Metrics:
    """What one process counts. Methods are called on the event loop only."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._messages = self._counter("hongyan_messages", "Messages that reached a stage.", "stage", "kind")
        self._settled = self._counter("hongyan_messages_settled", "Messages that ended, by how.", "status")
        self._callbacks = self._counter("hongyan_callbacks", "Callback requests by how they ended.", "result")
        self._requests = self._counter("hongyan_http_requests", "HTTP requests answered.", "path", "status")
        self._request_seconds = self._histogram("hongyan_http_request_seconds", "Time to answer an HTTP request.", "path")
        self._step_seconds = self._histogram("hongyan_step_seconds", "Time a message takes for a step of its way.", "step")
        self._queue = self._gauge("hongyan_queue_messages", "Messages accepted and not yet handed to a carrier.", "lane")
        self._reviews = self._gauge("hongyan_reviews", "What waits for a reviewer, and what waits longer than promised.", "kind", "state")
        self._credits_frozen = self._gauge("hongyan_credits_frozen", "Accounts whose credit is frozen, since its books do not agree.")
        self._frozen = self._gauge("hongyan_packages_frozen", "Packages whose books do not agree; nothing draws on them.")
        self._link_up = self._gauge("hongyan_link_up", "1 when the link is bound for sending.", "link")
        self._link_flight = self._gauge("hongyan_link_in_flight", "Segments submitted and not yet answered.", "link")
        self._counts: dict[tuple[Counter, tuple[str, ...]], float] = {}
        self._times: dict[tuple[Histogram, str], _Times] = {}

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry, multiprocess_mode="livesum")

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, registry=self.registry, buckets=SECONDS)

    def accepted(self, kinds: Mapping[Kind, int]) -> None:
        """So many messages of each kind were promised."""
        self.messages("accepted", kinds)

    def messages(self, stage: str, kinds: Mapping[Kind, int]) -> None:
        """So many messages of each kind reached a stage: accepted, submitted."""
        for kind, count in kinds.items():
            self._count(self._messages, (stage, kind.name.lower()), count)

    def settled(self, status: str, count: int) -> None:
        """So many messages ended this way: delivered, failed, expired, unknown."""
        self._count(self._settled, (status,), count)

    def took(self, step: Step, seconds: float, count: int = 1) -> None:
        """So many messages took that long for a step."""
        self._time(self._step_seconds, step, seconds, count)

    def callbacks(self, result: str, count: int) -> None:
        self._count(self._callbacks, (result,), count)

    def http(self, path: str, status: int, seconds: float) -> None:
        """A request was answered; the path is one that a door claims, so there are few of them."""
        self._count(self._requests, (path, str(status)), 1)
        self._time(self._request_seconds, path, seconds, 1)

    def queue(self, lane: str, waiting: int) -> None:
        self._queue.labels(lane).set(waiting)

    def reviews(self, kind: str, *, waiting: int, overdue: int) -> None:
        self._reviews.labels(kind, "waiting").set(waiting)
        self._reviews.labels(kind, "overdue").set(overdue)

    def credits_frozen(self, count: int) -> None:
        """The credit of so many accounts is frozen; said by the process that looks."""
        self._credits_frozen.set(count)

    def frozen(self, count: int) -> None:
        """So many packages are frozen; said by the process that looks."""
        self._frozen.set(count)

    def link(self, name: str, *, up: bool, in_flight: int) -> None:
        self._link_up.labels(name).set(int(up))
        self._link_flight.labels(name).set(in_flight)

    async def flush(self) -> None:
        """Hand over what has gathered; run it `every(FLUSH_S, ...)` and once at the end."""
        counts, self._counts = self._counts, {}
        for (counter, labels), count in counts.items():
            counter.labels(*labels).inc(count)
        for (histogram, label), times in self._times.items():
            times.move_to(histogram.labels(label))

    def _count(self, counter: Counter, labels: tuple[str, ...], count: float) -> None:
        key = (counter, labels)
        self._counts[key] = self._counts.get(key, 0) + count

    def _time(self, histogram: Histogram, label: str, seconds: float, count: int) -> None:
        key = (histogram, label)
        if key not in self._times:
            self._times[key] = _Times()
        self._times[key].add(seconds, count)


METRICS = Metrics()
"""This process's. One for the process, like the files it writes to."""


def exposition() -> bytes:
    """All processes' metrics in Prometheus' text format; this process's alone when no directory is shared."""
    directory = os.environ.get(DIRECTORY)
    if not directory:
        return generate_latest(METRICS.registry)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def fresh_directory(run_dir: Path) -> Path:
    """An empty directory for a new instance's processes to share."""
    directory = run_dir / "metrics"
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob("*.db"):
        old.unlink()
    return directory


def forget_process(pid: int, directory: Path) -> None:
    """A process ended: what it counted stays, the states it showed go."""
    mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]
