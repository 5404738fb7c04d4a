"""Our SMPP link and the simulated carrier with a bad line between them: thousands of submits through every fault.

Whatever the line does, each submit gets exactly one outcome and in time, the window comes free, the link is back as soon as its pause is
over, every receipt of what the carrier took arrives, and nothing goes to the carrier twice.
"""

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from faultline.proxy import (
    SMPP,
    Fault,
    Line,
    Shape,
    Way,
    corrupt,
    cut,
    half_open,
    late,
    reorder,
    repeat,
    reset,
    split,
    stop_reading,
    stray,
    swallow,
)
from hongyan.carriers.smpp import SmppLink
from hongyan.model.carrier import Lost, NotSent, Receipt, Submitted
from hongyan.model.snapshot import LinkConfig
from hongyan.model.text import Alphabet
from hongyan.pipeline.ports import Delivery, LateAnswer, Link, OutboundSegment, SegmentOutcome
from hongyan.simulator.config import SimulatorConfig
from hongyan.simulator.server import Simulator

pytestmark = pytest.mark.alone

PATIENCE_S = 60.0
RESPONSE_S, KEEPALIVE_S, WINDOW = 0.6, 0.4, 200
STUCK_S = RESPONSE_S + 5.0
"""A window that is not free by then is stuck."""
RECONNECT_S = 1.0
"""What connecting and binding may take on a busy machine, once the pause is over."""
CARRIER = SimulatorConfig(receipt_delay_s=0.01, receipt_retry_s=0.02, response_s=1.0, keepalive_s=1.0)
FIRST_PHONE = 8613900000000
SEGMENT = OutboundSegment(1, 0, 1, 1, 0, "1069123", Alphabet.GSM7, "Your code is 482910.", 0, 0, 300)

ANSWER, RECEIPT, SUBMIT = SMPP.submit_response, SMPP.deliver, SMPP.submit


class Case(msgspec.Struct, frozen=True):
    """What is wrong with the line, and what may come of it."""

    faults: Callable[[int], list[Fault]]
    """For so many submits."""
    shapes: dict[Way, Shape] = {}
    lost: float = 0.0
    """At most this share of the submits stays without an answer in time,"""
    windows: int = 0
    """besides so many windows full of them."""
    unseen: bool = False
    """Some of those may never have reached the carrier."""
    late: bool = False
    """Each of those is answered after all."""
    mistaken: int = 0
    """So many answers may name another segment's id: SMPP has nothing to tell them by."""
    calls: int = 1
    """The link has to call at least so often."""


def _some(count: int, parts: int) -> int:
    """Every how many frames a fault is due so that it strikes about `parts` times."""
    return max(1, count // parts)


def _answers(act: Any, parts: int = 5, command: int | None = ANSWER, way: Way = Way.BACK) -> Callable[[int], list[Fault]]:
    return lambda count: [Fault(way, act, command, every=_some(count, 2 * parts), times=parts)]


CASES: dict[str, Case] = {
    "no fault": Case(lambda _: []),
    "a long way": Case(lambda _: [], dict.fromkeys(Way, Shape(delay_s=0.02))),
    "a narrow line": Case(lambda _: [], dict.fromkeys(Way, Shape(rate=1_500_000))),
    "octet by octet": Case(lambda _: [Fault(Way.BACK, split, every=7), Fault(Way.OUT, split, every=29)]),
    "all at once": Case(lambda _: [], dict.fromkeys(Way, Shape(coalesce_s=0.02))),
    "a carrier that stops reading": Case(_answers(stop_reading(0.25), command=SUBMIT, way=Way.OUT)),
    "a link that is not read from": Case(_answers(stop_reading(0.25))),
    "a carrier that reads nothing for too long": Case(
        # A busy machine may connect again into the same silence.
        _answers(stop_reading(3.0), 1, command=SUBMIT, way=Way.OUT),
        windows=2,
        unseen=True,
        calls=2,
    ),
    "resets": Case(_answers(reset), windows=5, unseen=True, calls=6),
    "resets in the middle of submits": Case(_answers(reset, command=SUBMIT, way=Way.OUT), windows=5, unseen=True, calls=6),
    "half open, nothing comes back": Case(_answers(half_open(Way.BACK), 3), windows=3, calls=4),
    "half open, nothing gets there": Case(_answers(half_open(Way.OUT), 3), windows=4, unseen=True, calls=4),
    "a black hole": Case(_answers(half_open(Way.OUT, Way.BACK), 3), windows=3, unseen=True, calls=4),
    "answers swallowed": Case(lambda _: [Fault(Way.BACK, swallow, ANSWER, every=100)], lost=0.02),
    "answers after their time": Case(lambda _: [Fault(Way.BACK, late(RESPONSE_S + 0.3), ANSWER, every=100)], lost=0.02, late=True),
    "answers repeated": Case(lambda _: [Fault(Way.BACK, repeat(3), ANSWER, every=3)]),
    "answers out of order": Case(lambda _: [Fault(Way.BACK, reorder(40, 7, 0.05), ANSWER)]),
    "receipts and answers out of order": Case(lambda _: [Fault(Way.BACK, reorder(40, 8, 0.05))]),
    "receipts repeated": Case(lambda _: [Fault(Way.BACK, repeat(2), RECEIPT, every=5)]),
    "receipts swallowed": Case(lambda _: [Fault(Way.BACK, swallow, RECEIPT, every=100)]),
    "acknowledgements swallowed": Case(lambda _: [Fault(Way.OUT, swallow, RECEIPT | 0x80000000, every=100)]),
    "a wrong length": Case(_answers(corrupt(SMPP.head_fields["length"]), 4), windows=4, unseen=True, calls=2),
    "a length of nothing": Case(_answers(lambda lane, frame: lane.write(b"\0" * 4 + frame[4:]), 4), windows=4, unseen=True, calls=5),
    "a wrong command": Case(lambda _: [Fault(Way.BACK, corrupt(SMPP.head_fields["command"]), ANSWER, every=100)], lost=0.05),
    "a wrong sequence number": Case(
        lambda _: [Fault(Way.BACK, corrupt(SMPP.head_fields["sequence"]), ANSWER, every=100)], lost=0.05, mistaken=100
    ),
    "a wrong body": Case(lambda _: [Fault(Way.BACK, corrupt(SMPP.head_fields["body"]), ANSWER, every=100)], mistaken=100),
    "cut in the middle": Case(_answers(cut(21)), windows=5, unseen=True, calls=6),
    "submits cut in the middle": Case(_answers(cut(21), command=SUBMIT, way=Way.OUT), windows=5, unseen=True, calls=6),
    "stray octets": Case(_answers(stray(b"\0\0\0\x01HTTP"), 4), windows=4, unseen=True, calls=5),
}


class Desk:
    """A feed that writes everything down, and offers the link what is still to be sent."""

    def __init__(self) -> None:
        self.link: SmppLink
        self.outcomes: dict[int, list[SegmentOutcome]] = {}
        self.late: Counter[int] = Counter()
        self.receipts: Counter[int] = Counter()
        """By handset."""
        self.waiting: deque[OutboundSegment] = deque()
        self.down: list[tuple[float, float]] = []
        """When the link went down, and the pause it announced."""
        self.bound: list[float] = []
        self._acks: list[object] = []
        self._turn = asyncio.Event()

    def outcome(self, outcome: SegmentOutcome | LateAnswer) -> None:
        if isinstance(outcome, LateAnswer):
            self.late[outcome.segment.phone] += 1
        elif isinstance(outcome.outcome, NotSent):
            self.waiting.append(outcome.segment)
        else:
            self.outcomes.setdefault(outcome.segment.phone, []).append(outcome)
        self._turn.set()

    def delivery(self, link: Link, delivery: Delivery) -> bool:
        assert link is self.link
        assert isinstance(delivery.what, Receipt)
        self.receipts[delivery.what.phone] += 1
        self._acks.append(delivery.ack)
        self._turn.set()
        return True

    def room_changed(self) -> None:
        self._turn.set()

    def note(self, event: str, **facts: Any) -> None:
        if event == "link_down":
            self.down.append((time.monotonic(), facts["again_in_s"]))
        elif event == "link_bound":
            self.bound.append(time.monotonic())

    async def serve(self) -> None:
        """Submit what waits as there is room, and acknowledge what was written down."""
        while True:
            wait = self.link.next_room_in(time.time()) if self.waiting else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._turn.wait()
            self._turn.clear()
            acks, self._acks = self._acks, []
            self.link.acknowledge(acks, stored=True)
            room = self.link.room(time.time())
            batch = [self.waiting.popleft() for _ in range(min(room, len(self.waiting)))]
            self.link.submit(batch, time.time())

    async def until(self, holds: Callable[[], bool], what: str, within_s: float = PATIENCE_S) -> None:
        deadline = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
            await asyncio.sleep(0.005)


class Scene(msgspec.Struct):
    desk: Desk
    line: Line
    carrier: Simulator
    link: SmppLink


@asynccontextmanager
async def scene(line_of: Callable[[int], Line], **settings: Any) -> AsyncIterator[Scene]:
    carrier = Simulator(CARRIER, clock=time.time, monotonic=time.monotonic)
    line = line_of(await carrier.start("127.0.0.1", 0))
    desk = Desk()
    facts = {"id": 3, "name": "line", "protocol": "smpp", "host": "127.0.0.1", "port": await line.open(), "system_id": "s", "password": "p"}
    facts |= {"window": WINDOW, "keepalive_s": KEEPALIVE_S, "response_s": RESPONSE_S} | settings
    # The pauses between calls are spread by this number: with it they begin at 20 ms.
    link = SmppLink(LinkConfig(**facts), desk, clock=time.time, monotonic=time.monotonic, jitter=lambda: -1.3, log=desk.note)
    desk.link = link
    for number in range(link.config.sessions):
        link.open(number)
    running = [asyncio.create_task(desk.serve())]
    try:
        await desk.until(lambda: link.up, "the link is bound")
        yield Scene(desk, line, carrier, link)
    finally:
        await asyncio.gather(*(link.close(number, 0) for number in range(link.config.sessions)))
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await line.close()
        await carrier.stop()


def segments(count: int) -> list[OutboundSegment]:
    return [
        msgspec.structs.replace(SEGMENT, message_id=n, phone=FIRST_PHONE + n, reference=n & 0xFFFF) for n in range(1, count + 1)
    ]  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_bad_line_costs_no_window_no_receipt_and_no_second_copy(case: Case, submits: int) -> None:
    async with scene(lambda port: Line(port, case.faults(submits), case.shapes)) as it:
        desk, seen = it.desk, it.carrier.centre.seen
        sent = segments(submits)
        desk.waiting.extend(sent)
        desk.room_changed()
        await desk.until(lambda: not desk.waiting, "everything was offered")
        await desk.until(lambda: it.link.in_flight == 0 and len(desk.outcomes) == submits, "the window is free", STUCK_S)
        taken = [segment for segment in sent if seen.sight(str(segment.phone))]
        await desk.until(lambda: len(desk.receipts) == len(taken), "every receipt is here")
        await desk.until(lambda: it.carrier.centre.owed == 0, "every receipt is acknowledged")
        await desk.until(lambda: it.link.up, "the link is bound")
        lost = [segment for segment in sent if isinstance(desk.outcomes[segment.phone][0].outcome, Lost)]
        if case.late:
            await desk.until(lambda: desk.late.keys() == {segment.phone for segment in lost}, "every late answer is here")

    assert {len(outcomes) for outcomes in desk.outcomes.values()} == {1}
    assert seen.summary().copies == 0
    assert {type(outcomes[0].outcome) for outcomes in desk.outcomes.values()} <= {Submitted, Lost}
    assert len(lost) <= case.lost * submits + case.windows * WINDOW
    assert case.unseen or len(taken) == submits
    unseen = {segment.phone for segment in sent} - {segment.phone for segment in taken}
    assert unseen <= {segment.phone for segment in lost}
    assert desk.late.keys() <= {segment.phone for segment in lost}
    assert set(desk.late.values()) <= {1}
    ids = Counter(out[0].outcome.carrier_id for out in desk.outcomes.values() if isinstance(out[0].outcome, Submitted))
    assert sum(count - 1 for count in ids.values()) <= case.mistaken
    assert it.line.calls >= case.calls
    for went, pause in desk.down[: len(desk.bound) - 1]:
        assert any(went <= at <= went + pause + RECONNECT_S for at in desk.bound)
