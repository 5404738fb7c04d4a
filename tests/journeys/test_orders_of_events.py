"""Answers, receipts and time in every order: what has ended stays as it ended, is told once, and is not sent again."""

import asyncio
import math
import time
from collections import Counter, defaultdict
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from acting import OPERATOR
from hongyan.kit.db import Database
from hongyan.model.carrier import Declined, Lost, Receipt, SubmitOutcome, Submitted, Throttled, Verdict
from hongyan.model.message import FINAL, Accepted, Kind, Status
from hongyan.model.money import ChargeRule
from hongyan.model.snapshot import Scope
from hongyan.pipeline.conclude import COPIES
from hongyan.pipeline.ports import Delivery, LateAnswer, OutboundSegment, SegmentOutcome
from hongyan.store import partitions
from journeys import invariants
from journeys.rig import LINK, Rig

pytestmark = pytest.mark.slow

TOGETHER = 25
"""So many messages live at once, each with an order of its own."""
LONGEST = 30
QUIET_S = 10.0
HOUR_S = 3600.0
LONG = ("20260001", "很长的说明，" * 20)

ANSWERS: dict[str, Any] = {
    "taken": Submitted,
    "throttled": lambda _: Throttled(1.0, "RTHROTTLED"),
    "declined": lambda _: Declined("RINVDSTADR"),
    "lost": lambda _: Lost("no answer"),
}
LATE = ("taken late", "declined late", "throttled late")
RECEIPTS: dict[str, Verdict] = {"delivered": Verdict.DELIVERED, "failed": Verdict.FAILED, "expired": Verdict.EXPIRED}
PASSES: dict[str, float] = {"seconds": 1.1, "six seconds": 6.0, "a minute": 61.0}

EVENTS = (*ANSWERS, "taken", "lost", *LATE, *RECEIPTS, "delivered", *PASSES)
"""Some twice, since they are more frequent in life."""

ORDER = st.tuples(
    st.sampled_from((("verification", None), ("notice", None), ("notice", LONG), ("marketing", None))),
    st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 2)), max_size=LONGEST),
)


class Copy(msgspec.Struct):
    """One segment as it was handed to the carrier once."""

    segment: OutboundSegment
    carrier_id: str
    state: str = "in flight"
    reported: bool = False
    """There was a receipt, so the carrier does not say any more that it did not take it."""


class Life:
    """A message, what happened to it, and how it stood."""

    def __init__(self, kind: str, message: Accepted) -> None:
        self.kind = Kind[kind.upper()]
        self.message = message
        self.copies: list[Copy] = []
        self.status = Status.ACCEPTED
        self.end: tuple[Any, ...] | None = None
        self.sent_when_it_ended = 0

    def pick(self, which: int, *states: str) -> Copy | None:
        fitting = [copy for copy in self.copies if copy.state in states]
        return fitting[which % len(fitting)] if fitting else None

    def may_say(self, event: str, which: int, state: str) -> Copy | None:
        copy = self.pick(which, state)
        return None if copy is not None and copy.reported and event.startswith(("declined", "throttled")) else copy


class World:
    """Many lives on one rig."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.lives: dict[int, Life] = {}
        self._read = len(rig.link.submitted)

    async def begin(self, kinds: list[tuple[str, Any]]) -> list[Life]:
        accepted = await asyncio.gather(*(self.rig.accept(kind, params) for kind, params in kinds))
        lives = [Life(kind, message) for (kind, _), message in zip(kinds, accepted, strict=True)]
        self.lives = {life.message.message_id: life for life in lives}
        await self.settle_down()
        return lives

    async def settle_down(self) -> None:
        """Everything that can be sent now has been, and everything said is written."""
        await self.rig.written()
        deadline = time.monotonic() + QUIET_S
        while await self._waiting():
            assert time.monotonic() < deadline, "messages that could be sent are not"
            await asyncio.sleep(0.002)
        for segment in self.rig.link.submitted[self._read :]:
            life = self.lives[segment.message_id]
            copy = Copy(segment, f"{segment.message_id}-{segment.sequence}-{len(life.copies)}")
            life.copies.append(copy)
        self._read = len(self.rig.link.submitted)

    async def _waiting(self) -> int:
        self.rig.ring()
        async with self.rig.db.connection() as conn:
            count: int = await conn.fetchval(
                "select count(*) from queue where id = any($1) and attempted_at is null and resolve_at is null and not_before <= $2",
                list(self.lives), self.rig.at_now,
            )  # fmt: skip
        return count

    def happen(self, life: Life, event: str, which: int) -> None:
        if event in ANSWERS:
            if copy := life.may_say(event, which, "in flight"):
                outcome: SubmitOutcome = ANSWERS[event](copy.carrier_id)
                copy.state = event
                self.rig.recorder.outcome(SegmentOutcome(copy.segment, LINK, outcome, self.rig.now))
        elif event in LATE:
            if copy := life.may_say(event, which, "lost"):
                copy.state = event
                outcome = ANSWERS[event.removesuffix(" late")](copy.carrier_id)
                self.rig.recorder.outcome(LateAnswer(copy.segment, LINK, outcome, self.rig.now))
        elif event in RECEIPTS and (copy := life.pick(which, "in flight", "taken", "lost", "taken late")):
            segment, copy.reported = copy.segment, True
            told = Receipt(LINK, copy.carrier_id, RECEIPTS[event], event.upper(), segment.phone, segment.reference, self.rig.now)
            assert self.rig.recorder.delivery(self.rig.link, Delivery(told, ack=None))

    async def look(self) -> None:
        """Compare how every message stands with how it stood."""
        async with self.rig.db.connection() as conn:
            rows = await conn.fetch("select id, status, code, charged, settled_at from settlements where id = any($1)", list(self.lives))
            told = Counter(row[0] for row in await conn.fetch("select unnest(ids) from outbox where app_id = $1", self.rig.app.id))
        ends = {row[0]: tuple(row)[1:] for row in rows}
        for message_id, life in self.lives.items():
            end = ends.get(message_id)
            status = life.status if end is None else Status(end[0])
            if life.end is not None:
                assert end == life.end, "an ending changed"
                assert len(life.copies) == life.sent_when_it_ended, "what has ended was sent again"
            life.status = Status.SUBMITTED if end is None and life.status is Status.UNKNOWN else status
            if status in FINAL and life.end is None:
                life.end, life.sent_when_it_ended = end, len(life.copies)
            assert told[message_id] == (status in FINAL), "an end is told once"
            self._count(life)

    def _count(self, life: Life) -> None:
        handed = Counter(copy.segment.sequence for copy in life.copies)
        refused = Counter(copy.segment.sequence for copy in life.copies if copy.state.startswith("throttled"))
        for sequence, count in handed.items():
            assert count - refused[sequence] <= COPIES[life.kind], "too many copies"


async def live(world: World, orders: list[tuple[tuple[str, Any], list[tuple[str, int]]]], *, to_the_last: bool, rule: ChargeRule) -> None:
    rig = world.rig
    await rig.control.accounts.set_charge(OPERATOR, rig.app.account_id, rule)
    async with rig.db.connection() as conn:
        await partitions.ensure(conn, rig.now)
    await rig.control.packages.buy(OPERATOR, rig.app.id, Scope.MAINLAND, 1000)
    await rig.directory.refresh()
    lives = await world.begin([kind for kind, _ in orders])
    for step in range(max(len(events) for _, events in orders)):
        due = [(life, *events[step]) for life, (_, events) in zip(lives, orders, strict=True) if step < len(events)]
        for life, event, which in due:
            world.happen(life, event, which)
        await rig.written()
        await rig.later(max((PASSES[event] for _, event, _ in due if event in PASSES), default=0.0))
        await world.settle_down()
        await world.look()
    await rig.control.ledger.self_check()
    await the_end(world, lives, to_the_last=to_the_last)


async def the_end(world: World, lives: list[Life], *, to_the_last: bool) -> None:
    """Nobody answers any more, and when it is `to_the_last` three days pass."""
    rig = world.rig
    for _ in range(3):
        for life in lives:
            while life.pick(0, "in flight"):
                world.happen(life, "lost", 0)
        await rig.written()
        await rig.later(61.0)
        await world.settle_down()
        await world.look()
    # A receipt that has waited long is looked at once an hour.
    await rig.later(HOUR_S + 1.0)
    await world.look()
    if to_the_last:
        await rig.later(73 * HOUR_S)
        await rig.upkeep.expire()
        await world.look()
        assert all(life.end is not None for life in lives)
    await rig.later(120.0)
    await rig.control.ledger.self_check()
    async with rig.db.connection() as conn:
        broken = await invariants.broken(conn)
    assert broken == {}


def test_what_has_ended_never_changes_in_any_order_of_events(database_url: str, orders: int) -> None:
    with asyncio.Runner() as runner:
        db = runner.run(Database.open(database_url, size=6))
        rig = Rig(db)
        runner.run(rig.start())
        seen: dict[str, int] = defaultdict(int)

        @settings(
            max_examples=math.ceil(orders / TOGETHER),
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
        )
        @given(st.lists(ORDER, min_size=TOGETHER, max_size=TOGETHER), st.sampled_from(ChargeRule))
        def laws(orders: list[Any], rule: ChargeRule) -> None:
            # Not each time: packages and partitions are for months, not for years.
            runner.run(live(World(rig), orders, to_the_last=seen["orders"] % (10 * TOGETHER) == 0, rule=rule))
            seen["orders"] += len(orders)

        try:
            laws()
        finally:
            runner.run(rig.stop())
            runner.run(db.close())
        assert seen["orders"] >= orders
