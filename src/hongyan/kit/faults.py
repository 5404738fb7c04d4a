"""Fault points: named places at which a test has a process die, fail or stand still, to prove what the platform promises.

Off unless HONGYAN_FAULTS is set when the process starts, and then a point is a call of a function that does nothing. With it, orders are
files in `run/faults` of the data directory: one that fires is renamed first, so that it fires once over all processes and restarts.
"""

import asyncio
import errno
import os
import signal
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import structlog

log = structlog.get_logger()

VARIABLE = "HONGYAN_FAULTS"
ON = "on"
"""The value that allows orders at run time and gives none."""
DIRECTORY = "faults"
SPENT = ".spent"
LONGEST_SLEEP_S = 60.0


class Action(StrEnum):
    """What happens at a point."""

    KILL = "kill"
    """SIGKILL to this process."""
    SLEEP = "sleep"
    """Seconds (1 unless said) pass: for this task alone where the point can wait, else for the whole process, as if it was swapped out."""
    RAISE = "raise"
    """An error that nobody expects, as a bug would be."""
    CUT = "cut"
    """ConnectionResetError, as when the database's connection breaks at this instant."""
    DISK = "disk"
    """OSError, ENOSPC unless EIO is said."""


ANY = frozenset(Action)
LOST_ANSWER = frozenset({Action.KILL, Action.SLEEP, Action.CUT})
"""After a commit: the answer to it can get lost, but nothing else can go wrong between it and the next line."""
DEATH = frozenset({Action.KILL, Action.SLEEP})
"""Where no code runs that could fail."""


class Point(msgspec.Struct, frozen=True):
    """A place in the code."""

    meaning: str
    actions: frozenset[Action]


POINTS: Mapping[str, Point] = {
    "accept_before_tx": Point("a group of requests is about to be decided", ANY),
    "accept_in_tx": Point("a group is decided, and nothing of it is written", ANY),
    "hold": Point("messages, queue entries, holds and their journal are written, and not committed", ANY),
    "accept_after_commit_before_reply": Point("a group is committed, and no customer has been answered", LOST_ANSWER),
    "route_chosen": Point("messages have left the lanes and have a link, and no attempt is noted", DEATH),
    "intent_before_commit": Point("an attempt is about to be noted", ANY),
    "intent_after_commit": Point("an attempt is committed, and nothing is written to the carrier", ANY),
    "pdu_half_written": Point("half of the octets of a write to the carrier are with the kernel", DEATH),
    "pdu_written": Point("submits are with the kernel, and no answer has been read", DEATH),
    "resp_read": Point("answers of a carrier have been read, and nothing is done about them", DEATH),
    "resp_before_commit": Point("answers are about to be written and committed", ANY),
    "resp_after_commit": Point("answers are committed, and nobody knows yet", ANY),
    "receipt_read": Point("receipts have been read, and nothing is done about them", DEATH),
    "receipt_before_commit": Point("receipts are about to be applied and committed", ANY),
    "receipt_commit_before_ack": Point("receipts are committed, and the carrier has not been told", ANY),
    "orphan_match": Point("receipts that had matched nothing have found their messages, and nothing is committed", ANY),
    "post": Point("settlements that charge are about to be written with their money and events", ANY),
    "void": Point("settlements that give segments back are about to be written", ANY),
    "refund": Point("messages that were not delivered are settled and paid for, and about to be refunded", ANY),
    "schedule_claim": Point("a send whose time has come is taken, and nothing of it is promised", ANY),
    "callback_before_send": Point("events are claimed, and their callback is about to be posted", ANY),
    "callback_2xx_before_commit": Point("the customer's server has taken a callback, and that is not written down", ANY),
}
"""Every point there is; the code names each by a literal."""


class Order(msgspec.Struct, frozen=True):
    """What is to happen at a point, at the `nth` time that a process passes it."""

    point: str
    nth: int
    action: Action
    argument: str = ""

    def __str__(self) -> str:
        return ":".join(filter(None, (self.point, str(self.nth), self.action, self.argument)))


class FaultsError(Exception):
    """What was ordered cannot be; the text says why."""


class OrderedError(Exception):
    """The failure of `Action.RAISE`."""


def parse(text: str) -> tuple[Order, ...]:
    """The orders of `point:nth:action[:argument],...`, none of `on`. Raises FaultsError."""
    return () if text.strip() == ON else tuple(_order(entry.strip()) for entry in text.split(","))


def _order(entry: str) -> Order:
    point, nth, action, argument = (*entry.split(":"), "", "", "", "")[:4]
    if point not in POINTS:
        raise FaultsError(f"{VARIABLE}: there is no fault point {point!r}; there are: {', '.join(POINTS)}")
    if not nth.isdigit() or int(nth) < 1 or entry.count(":") > 3:  # noqa: PLR2004 - the four fields above
        raise FaultsError(f"{VARIABLE}: {entry!r} is not point:nth:action[:argument] with a count from 1")
    possible = sorted(POINTS[point].actions)
    if action not in possible:
        raise FaultsError(f"{VARIABLE}: {action!r} cannot happen at {point}; possible are: {', '.join(possible)}")
    order = Order(point, int(nth), Action(action), argument)
    try:
        _seconds(order)
        _errno(order)
    except (ValueError, AttributeError):
        raise FaultsError(f"{VARIABLE}: {argument!r} says nothing to {action} at {point}") from None
    return order


def _seconds(order: Order) -> float:
    return min(float(order.argument or 1), LONGEST_SLEEP_S) if order.action is Action.SLEEP else 0.0


def _errno(order: Order) -> int:
    return int(getattr(errno, order.argument or "ENOSPC")) if order.action is Action.DISK else 0


def post(run_dir: Path, orders: Iterable[Order], *, anew: bool = False) -> None:
    """Leave orders for the processes of this run folder; one that has been carried out is left again only when `anew`."""
    directory = run_dir / DIRECTORY
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for order in orders:
        spent = directory / f"{order.point}{SPENT}"
        if anew:
            spent.unlink(missing_ok=True)
        if not spent.exists():
            whole = directory / f".{order.point}.{os.getpid()}"
            whole.write_text(str(order), encoding="utf-8")
            whole.replace(directory / order.point)


def carried_out(run_dir: Path, point: str) -> bool:
    """Whether the order for this point has fired."""
    return (run_dir / DIRECTORY / f"{point}{SPENT}").exists()


class Armed:
    """The points of a process that was started with HONGYAN_FAULTS. They do nothing before `begin`."""

    def __init__(self) -> None:
        self._directory: Path | None = None
        self._passed: dict[str, int] = {}

    def begin(self, run_dir: Path) -> None:
        """Follow the orders in this run folder from now on, and say so loudly."""
        self._directory = run_dir / DIRECTORY
        log.error("fault_points_are_on", why=f"{VARIABLE} is set: this process dies and fails on order; unset it for anything but tests")

    def fault(self, name: str) -> None:
        """A point at which nothing may wait."""
        order = self._due(name)
        if order is None:
            return
        if order.action is Action.SLEEP:
            time.sleep(_seconds(order))
        else:
            _strike(order)

    async def fault_async(self, name: str) -> None:
        """A point at which a task may wait."""
        order = self._due(name)
        if order is None:
            return
        if order.action is Action.SLEEP:
            await asyncio.sleep(_seconds(order))
        else:
            _strike(order)

    def torn(self, name: str, transport: asyncio.Transport, data: bytes) -> bytes:
        """A point between two halves of a write: what is left to be written."""
        if self._directory is None or transport.get_write_buffer_size() or (order := self._due(name)) is None:
            return data
        written = os.write(transport.get_extra_info("socket").fileno(), data[: len(data) // 2])
        if order.action is Action.SLEEP:
            time.sleep(_seconds(order))
        else:
            _strike(order)
        return data[written:]

    def soon(self, name: str) -> None:
        """A point behind what this turn of the event loop has still to write."""
        asyncio.get_running_loop().call_soon(self.fault, name)

    def _due(self, name: str) -> Order | None:
        """The order for this point if this is the time for it; it is spent then."""
        if self._directory is None:
            return None
        left = self._directory / name
        try:
            order = _order(left.read_text(encoding="utf-8"))
            self._passed[name] = self._passed.get(name, 0) + 1
            if self._passed[name] < order.nth:
                return None
            # Whoever renames it has it: no other process, and no later life of this one.
            left.rename(left.with_name(f"{name}{SPENT}"))
        except FileNotFoundError:
            self._passed.pop(name, None)
            return None
        self._passed.pop(name, None)
        log.error("fault_ordered", point=name, order=str(order))
        return order


def _strike(order: Order) -> None:
    match order.action:
        case Action.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Action.CUT:
            raise ConnectionResetError(errno.ECONNRESET, f"cut on order at {order.point}")
        case Action.DISK:
            raise OSError(_errno(order), f"{os.strerror(_errno(order))} on order at {order.point}")
        case _:
            raise OrderedError(f"raised on order at {order.point}")


def _nothing(_what: object) -> None:
    return None


async def _nothing_async(_name: str) -> None:
    return None


def _whole(_name: str, _transport: asyncio.Transport, data: bytes) -> bytes:
    return data


_armed = Armed() if os.environ.get(VARIABLE) else None

switched_on = _armed is not None
begin: Callable[[Path], None] = _nothing if _armed is None else _armed.begin
fault: Callable[[str], None] = _nothing if _armed is None else _armed.fault
fault_async: Callable[[str], Coroutine[Any, Any, None]] = _nothing_async if _armed is None else _armed.fault_async
torn: Callable[[str, asyncio.Transport, bytes], bytes] = _whole if _armed is None else _armed.torn
soon: Callable[[str], None] = _nothing if _armed is None else _armed.soon
