"""Submits whose answers were lost, with a clock that the tests turn: who is sent to again, what resolves a doubt, and what it costs.

The real pipeline on a real database; only the carrier is on a string, since no carrier would wait for 72 hours in a test.
"""

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from hongyan.control import snapshots
from hongyan.control.apps import AppChange
from hongyan.control.plane import assemble
from hongyan.kit.bell import Bell
from hongyan.kit.db import Database
from hongyan.kit.loops import cancel
from hongyan.kit.secretbox import SecretBox
from hongyan.model import numbering
from hongyan.model.carrier import Declined, Lost, Part, Receipt, Reply, SubmitOutcome, Submitted, Throttled, Verdict
from hongyan.model.message import Accepted, Caller, Dialect, SendCommand, Status
from hongyan.model.snapshot import LinkConfig, Scope
from hongyan.pipeline.accept import SendService
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.dispatch import Dispatcher
from hongyan.pipeline.engine import Engine
from hongyan.pipeline.ports import Delivery, LateAnswer, OutboundSegment, SegmentOutcome
from hongyan.pipeline.receipts import ReceiptService
from hongyan.pipeline.recorder import Recorder
from hongyan.pipeline.replies import ReplyService
from hongyan.pipeline.routing import Reach
from hongyan.pipeline.settle import Settler
from hongyan.pipeline.upkeep import Upkeep
from hongyan.store import partitions, queue
from journeys import invariants
from journeys.platform import phone, until

HOUR_S = 3600.0
LONG = ("20260001", "很长的说明，" * 20)
LINK = 7
KEY = os.urandom(32)
_numbers = itertools.count(1)


class StringLink:
    """A link whose carrier says what the test says, when the test says it."""

    def __init__(self) -> None:
        self.config = LinkConfig(id=LINK, name="string", protocol="smpp", host="-", port=1, system_id="-", password="-")
        self.up = True
        self.in_flight = 0
        self.most = 1000
        self.submitted: list[OutboundSegment] = []
        self.acknowledged: list[object] = []

    def room(self, now: float) -> int:  # noqa: ARG002 - always room
        return 1000

    def next_room_in(self, now: float) -> float | None:  # noqa: ARG002 - as above
        return None

    def submit(self, segments: Sequence[OutboundSegment], now: float) -> None:  # noqa: ARG002 - the answers come later
        self.submitted += segments

    def acknowledge(self, acks: Sequence[object], stored: bool) -> None:
        assert stored
        self.acknowledged += acks

    async def run(self) -> None:
        return

    async def drain(self, within_s: float) -> None:  # noqa: ARG002 - nothing to wait for
        return


class Rig:
    """A pipeline in this process, whose clock is `now`."""

    def __init__(self, db: Database) -> None:
        self._number = next(_numbers)
        # A second apart: ids are made of the time.
        self.now = float(int(time.time()) + self._number)
        self.link = StringLink()
        self._db = db
        box = SecretBox(KEY, os.urandom)
        self.control = assemble(db, box, clock=self.clock, entropy=os.urandom, check_url=lambda _url: None)
        self.directory = Directory(version=self.control.snapshots.version, load=lambda: snapshots.load(db, box, self.now), bell=Bell())
        settler, self.receipts = Settler(self.directory), ReceiptService()
        self.upkeep = Upkeep(db=db, directory=self.directory, receipts=self.receipts, settler=settler, clock=self.clock)
        self.engine = Engine(db=db, host="test", pid=os.getpid(), roles="all", clock=self.clock)
        self._replies = ReplyService(directory=self.directory, new_id=self.engine.new_id)
        self.recorder = Recorder(db=db, receipts=self.receipts, replies=self._replies, settler=settler, clock=self.clock)
        self._queue_bell = Bell()
        self._tasks: list[asyncio.Task[None]] = []

    def clock(self) -> float:
        return self.now

    async def start(self) -> None:
        async with self._db.connection() as conn:
            await partitions.ensure(conn, self.now)
        self.tenant = await self.control.sandbox.ensure("http://nowhere")
        [sandbox] = [app for app in await self.control.apps.every() if str(app.id) == self.tenant.sdk_app_id]
        self.app = (await self.control.apps.create(sandbox.account_id, f"rig {self._number}")).app
        await self.control.apps.change(self.app.id, AppChange(pull=True))
        await self.control.packages.buy(self.app.id, Scope.MAINLAND, 1000)
        await self.directory.refresh()
        await self.engine.register()
        self.dispatcher = Dispatcher(
            db=self._db,
            recorder=self.recorder,
            links={LINK: self.link},
            reach=lambda _route: Reach.HERE,
            numbering=numbering.build(),
            clock=self.clock,
            bell=self._queue_bell,
            engine=self.engine.id,
            renew=self.engine.renew,
            capacity=1000,
        )
        self.engine.died = self.dispatcher.disown
        self.engine.reborn = self.dispatcher.reincarnate
        self.send = SendService(
            db=self._db,
            directory=self.directory,
            dispatcher=self.dispatcher,
            numbering=numbering.build(),
            clock=self.clock,
            new_id=self.engine.new_id,
            group_max=100,
            waiting_max=1000,
        )
        jobs: tuple[Callable[[], Any], ...] = (
            self.engine.run,
            self.send.run,
            self.recorder.run,
            self.dispatcher.run,
            self.dispatcher.run_claims,
        )
        self._tasks = [asyncio.create_task(job()) for job in jobs]

    async def stop(self) -> None:
        await cancel(*self._tasks)

    # What happens.

    async def accept(self, kind: str, params: Sequence[str] | None = None) -> Accepted:
        template = self.tenant.templates[kind]
        command = SendCommand(
            app_id=self.app.id,
            template_id=int(template.id),
            phones=(phone(),),
            dialect=Dialect.TENCENT_V3,
            sign_name=self.tenant.sign_name,
            params=tuple(template.params if params is None else params),
        )
        answer = await self.send.accept(Caller(self.app.account_id, self.tenant.secret_id), command)
        assert isinstance(answer, list)
        [outcome] = answer
        assert isinstance(outcome, Accepted)
        return outcome

    async def handed_over(self, message: Accepted, copies: int = 1) -> list[OutboundSegment]:
        """The segments the carrier was given, once there are so many."""
        self._queue_bell.ring()
        await until(lambda: len(self.given(message)) >= copies, f"{copies} segments are submitted")
        return self.given(message)

    def given(self, message: Accepted) -> list[OutboundSegment]:
        return [segment for segment in self.link.submitted if segment.message_id == message.message_id]

    async def answer(self, segments: Sequence[OutboundSegment], outcome: Callable[[OutboundSegment], SubmitOutcome]) -> None:
        for segment in segments:
            self.recorder.outcome(SegmentOutcome(segment, LINK, outcome(segment), self.now))
        await self.written()

    async def answer_late(self, segment: OutboundSegment) -> None:
        self.recorder.outcome(LateAnswer(segment, LINK, taken(segment), self.now))
        await self.written()

    async def reply(self, message: Accepted, text: str, part: Part | None = None) -> None:
        await self._deliver(Reply(LINK, message.phone, "10690000", text, self.now, part))

    async def replies(self) -> list[str]:
        """Texts that are owed to the application."""
        async with self._db.connection() as conn:
            rows = await conn.fetch(
                "select r.text from outbox o join replies r using (app_id, id) where o.kind = 2 and app_id = $1 order by id", self.app.id
            )
        return [row[0] for row in rows]

    async def receipt(self, segment: OutboundSegment, *, carrier_id: str = "") -> None:
        """Its receipt, under an id that no answer has told unless one is given."""
        told = Receipt(
            link_id=LINK,
            carrier_id=carrier_id or f"never told {segment.message_id}-{segment.sequence}",
            verdict=Verdict.DELIVERED,
            code="DELIVRD",
            phone=segment.phone,
            reference=segment.reference,
            done_at=self.now,
        )
        await self._deliver(told)

    async def _deliver(self, what: Receipt | Reply) -> None:
        before = len(self.link.acknowledged)
        assert self.recorder.delivery(self.link, Delivery(what, ack=object()))
        await until(lambda: len(self.link.acknowledged) > before, "it is stored")

    async def written(self) -> None:
        await asyncio.sleep(0)
        await self.recorder.drain()

    async def later(self, seconds: float) -> None:
        """Time passes, and everything that time brings is done."""
        self.now += seconds
        await self.upkeep.bury_the_dead()
        await self.upkeep.resolve_doubts()
        await self.upkeep.retry_parked()
        async with self._db.transaction() as tx:
            await self._replies.give_up_waiting(tx, self.now)

    # How it stands.

    async def status(self, message: Accepted) -> Status:
        timeline = await self.control.records.timeline(message.message_id)
        assert timeline is not None
        return timeline.status

    async def balance(self) -> tuple[int, int]:
        """Segments held and used."""
        [package] = await self.control.packages.every(self.app.id)
        return package.held, package.used

    async def resolutions(self, message: Accepted) -> list[tuple[int, int, str | None]]:
        """Segment, attempt and resolution of every doubt there was."""
        async with self._db.connection() as conn:
            rows = await conn.fetch(
                "select sequence, attempt, resolution from suspects where message_id = $1 order by 1, 2", message.message_id
            )
        return [(row[0], row[1], row[2]) for row in rows]

    async def broken(self) -> dict[str, list[str]]:
        async with self._db.connection() as conn:
            return await invariants.broken(conn)


def taken(segment: OutboundSegment) -> SubmitOutcome:
    return Submitted(f"{segment.message_id}-{segment.sequence}")


def lost(_segment: OutboundSegment) -> SubmitOutcome:
    return Lost("the connection broke")


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[Rig]:
    db = await Database.open(database_url, size=6)
    made = Rig(db)
    try:
        await made.start()
        yield made
        assert await made.broken() == {}
    finally:
        await made.stop()
        await db.close()


async def test_a_throttled_code_goes_back_once_even_when_that_is_written_twice(rig: Rig, database_url: str) -> None:
    message = await rig.accept("verification")
    [first] = await rig.handed_over(message)
    tried_at = rig.now
    await rig.answer([first], lambda _segment: Throttled(1.0, "RTHROTTLED"))
    await rig.later(1.1)
    await rig.handed_over(message, copies=2)
    # The commit of the first time was not answered, so the recorder says it again: the second attempt is under way by now.
    db = await Database.open(database_url, size=1)
    async with db.connection() as conn:
        await queue.put_back(conn, rig.app.id, message.message_id, attempted_at=tried_at, not_before=rig.now, sent_mask=0)
        row = await conn.fetchrow("select owner, attempts from queue where id = $1", message.message_id)
    await db.close()
    assert tuple(row) == (rig.engine.id, 1)
    await rig.answer(rig.given(message)[1:], taken)
    assert len(rig.given(message)) == 2
    assert await rig.status(message) is Status.SUBMITTED


@pytest.mark.parametrize(("kind", "seconds"), [("verification", 5.0), ("marketing", 60.0)])
async def test_codes_and_advertisements_are_never_sent_twice_on_a_guess(rig: Rig, kind: str, seconds: float) -> None:
    message = await rig.accept(kind)
    await rig.answer(await rig.handed_over(message), lost)
    await rig.later(seconds - 0.1)
    assert await rig.status(message) is Status.ACCEPTED
    await rig.later(0.2)
    assert await rig.status(message) is Status.UNKNOWN
    await rig.later(HOUR_S)
    assert len(rig.given(message)) == 1
    assert await rig.resolutions(message) == [(1, 1, "unknown")]
    assert await rig.balance() == (1, 0)


async def test_a_notice_is_sent_once_more_after_a_minute_and_never_a_third_time(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lost)
    await rig.later(59.9)
    assert len(rig.given(message)) == 1
    await rig.later(0.2)
    first, second = await rig.handed_over(message, copies=2)
    assert first.text == second.text
    assert await rig.resolutions(message) == [(1, 1, "resent")]
    await rig.answer([second], lost)
    await rig.later(60.1)
    assert await rig.status(message) is Status.UNKNOWN
    await rig.later(HOUR_S)
    assert len(rig.given(message)) == 2
    assert await rig.resolutions(message) == [(1, 1, "resent"), (1, 2, "unknown")]
    assert await rig.balance() == (1, 0)


async def test_a_second_copy_costs_the_customer_nothing(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lost)
    await rig.later(60.1)
    _, second = await rig.handed_over(message, copies=2)
    await rig.answer([second], taken)
    await rig.receipt(second, carrier_id=f"{message.message_id}-1")
    await rig.receipt(second)
    await rig.later(HOUR_S)
    assert await rig.status(message) is Status.DELIVERED
    assert await rig.balance() == (0, 1)


@pytest.mark.parametrize("kind", ["verification", "notice", "marketing"])
async def test_a_receipt_within_the_wait_settles_it_without_another_copy(rig: Rig, kind: str) -> None:
    message = await rig.accept(kind)
    [segment] = await rig.handed_over(message)
    await rig.answer([segment], lost)
    await rig.receipt(segment)
    await rig.later(HOUR_S)
    assert await rig.status(message) is Status.DELIVERED
    assert len(rig.given(message)) == 1
    assert await rig.resolutions(message) == [(1, 1, "receipt")]
    assert await rig.balance() == (0, 1)


async def test_an_answer_that_cannot_be_written_leaves_its_message_in_doubt(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    message = await rig.accept("verification")
    [segment] = await rig.handed_over(message)

    async def fail(*_: object) -> int:
        raise ValueError("what nobody expects")

    with monkeypatch.context() as patched:
        patched.setattr(rig.recorder._settler, "settle", fail)
        await rig.answer([segment], lambda _: Declined("refused"))
    assert await rig.resolutions(message) == [(1, 1, None)]
    await rig.later(HOUR_S)
    assert await rig.status(message) is Status.UNKNOWN


async def test_the_receipt_of_a_segment_in_doubt_that_comes_again_finds_it_again(rig: Rig) -> None:
    message = await rig.accept("verification")
    [segment] = await rig.handed_over(message)
    await rig.answer([segment], lost)
    for _ in range(2):
        await rig.receipt(segment)
    assert await rig.status(message) is Status.DELIVERED
    assert await rig.balance() == (0, 1)


async def test_a_receipt_that_comes_before_the_loss_is_noticed_is_found_later(rig: Rig) -> None:
    message = await rig.accept("verification")
    [segment] = await rig.handed_over(message)
    await rig.receipt(segment)
    await rig.answer([segment], lost)
    await rig.later(1.0)
    assert await rig.status(message) is Status.DELIVERED


async def test_a_late_answer_within_the_wait_settles_it_without_another_copy(rig: Rig) -> None:
    message = await rig.accept("notice")
    [segment] = await rig.handed_over(message)
    await rig.answer([segment], lost)
    await rig.answer_late(segment)
    await rig.later(HOUR_S)
    assert await rig.status(message) is Status.SUBMITTED
    assert len(rig.given(message)) == 1
    await rig.receipt(segment, carrier_id=f"{message.message_id}-1")
    assert await rig.status(message) is Status.DELIVERED


async def test_a_long_code_in_doubt_is_delivered_when_its_receipts_come_one_by_one(rig: Rig) -> None:
    message = await rig.accept("marketing", params=("很长的说明，" * 20, "周六"))
    segments = await rig.handed_over(message, copies=3)
    await rig.answer(segments, lost)
    for segment in segments[:2]:
        await rig.receipt(segment)
        await rig.later(0.0)
    assert await rig.status(message) is Status.SUBMITTED
    await rig.receipt(segments[2])
    assert await rig.status(message) is Status.DELIVERED
    assert await rig.balance() == (0, 3)


async def test_of_a_long_notice_only_the_segments_in_doubt_are_sent_again(rig: Rig) -> None:
    message = await rig.accept("notice", params=LONG)
    first, second, third = await rig.handed_over(message, copies=3)
    # One was answered; of the others one is heard of by its receipt.
    await rig.answer([first], taken)
    await rig.answer([second, third], lost)
    await rig.receipt(second)
    await rig.later(60.1)
    *_, again = await rig.handed_over(message, copies=4)
    assert (again.sequence, again.text, again.udh_reference) == (3, third.text, third.udh_reference)
    await rig.answer([again], taken)
    for segment in (first, again):
        await rig.receipt(segment, carrier_id=f"{message.message_id}-{segment.sequence}")
    await rig.later(HOUR_S)
    assert len(rig.given(message)) == 4
    assert await rig.status(message) is Status.DELIVERED
    assert await rig.balance() == (0, 3)


async def test_a_late_answer_to_one_segment_leaves_the_others_in_doubt(rig: Rig) -> None:
    message = await rig.accept("notice", params=LONG)
    first, second, third = await rig.handed_over(message, copies=3)
    await rig.answer([first, second, third], lost)
    await rig.answer_late(second)
    await rig.later(60.1)
    await rig.handed_over(message, copies=5)
    assert sorted(segment.sequence for segment in rig.given(message)) == [1, 1, 2, 3, 3]


async def test_an_engine_that_dies_leaves_what_it_had_attempted_in_doubt_and_frees_the_rest(rig: Rig) -> None:
    message = await rig.accept("notice", params=LONG)
    segments = await rig.handed_over(message, copies=3)
    rig.engine.renew()
    await until(lambda: rig.dispatcher.engine == rig.engine.id, "it is somebody else")

    async def doubted() -> list[tuple[int, str | None]]:
        """The server may take a moment to notice that a session has ended."""
        await rig.later(0.0)
        return [(sequence, how) for sequence, _, how in await rig.resolutions(message)]

    assert await until(doubted, "its attempt is in doubt") == [(1, None), (2, None), (3, None)]
    for segment in segments:
        await rig.receipt(segment)
    await rig.later(HOUR_S)
    assert len(rig.given(message)) == 3
    assert await rig.status(message) is Status.DELIVERED


async def test_what_is_accepted_between_two_identities_of_an_engine_is_anybodys(rig: Rig, database_url: str) -> None:
    rig.dispatcher.disown()
    message = await rig.accept("verification")
    db = await Database.open(database_url, size=1)
    async with db.connection() as conn:
        assert await conn.fetchval("select owner from queue where id = $1", message.message_id) is None
    await db.close()
    assert rig.given(message) == []
    rig.dispatcher.reincarnate(rig.engine.id)
    await rig.answer(await rig.handed_over(message), taken)
    assert await rig.status(message) is Status.SUBMITTED


async def test_after_three_days_without_a_receipt_what_was_taken_is_paid_and_what_is_unknown_is_given_back(rig: Rig) -> None:
    silent, doubtful = await rig.accept("notice"), await rig.accept("verification")
    await rig.answer(await rig.handed_over(silent), taken)
    await rig.answer(await rig.handed_over(doubtful), lost)
    await rig.later(5.1)
    await rig.later(71 * HOUR_S)
    await rig.upkeep.expire()
    assert [await rig.status(message) for message in (silent, doubtful)] == [Status.SUBMITTED, Status.UNKNOWN]
    assert await rig.balance() == (2, 0)
    await rig.later(2 * HOUR_S)
    await rig.upkeep.expire()
    assert [await rig.status(message) for message in (silent, doubtful)] == [Status.EXPIRED, Status.EXPIRED]
    assert await rig.balance() == (0, 1)


async def test_parts_of_a_reply_are_joined_in_their_order_whatever_order_they_come_in(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.reply(message, "三", Part(9, 3, 3))
    await rig.reply(message, "一", Part(9, 3, 1))
    await rig.reply(message, "三", Part(9, 3, 3))
    assert await rig.replies() == []
    await rig.reply(message, "二", Part(9, 3, 2))
    assert await rig.replies() == ["一二三"]
    # Delivered again after our answer was lost.
    await rig.reply(message, "二", Part(9, 3, 2))
    await rig.later(120.0)
    assert await rig.replies() == ["一二三"]


async def test_a_reply_of_which_a_part_never_comes_is_handed_out_with_what_there_is(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.reply(message, "一", Part(1, 3, 1))
    await rig.later(30.0)
    await rig.reply(message, "三", Part(1, 3, 3))
    await rig.later(59.0)
    assert await rig.replies() == []
    await rig.later(2.0)
    assert await rig.replies() == ["一三"]


async def test_a_reply_that_is_delivered_again_is_told_once_and_the_same_words_later_are_another(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.reply(message, "1")
    await rig.later(5.0)
    await rig.reply(message, "1")
    assert await rig.replies() == ["1"]
    await rig.later(90.0)
    await rig.reply(message, "1")
    assert await rig.replies() == ["1", "1"]
