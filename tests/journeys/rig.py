"""A pipeline in the test's own process, on a real database, with a clock that tests turn and a carrier on a string."""

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from acting import OPERATOR
from hongyan.control import snapshots
from hongyan.control.answers import Change
from hongyan.control.apps import AppChange
from hongyan.control.plane import assemble
from hongyan.kit.bell import Bell
from hongyan.kit.db import Database
from hongyan.kit.loops import cancel
from hongyan.kit.secretbox import SecretBox
from hongyan.model import numbering
from hongyan.model.carrier import Lost, Part, Receipt, Reply, SubmitOutcome, Submitted, Verdict
from hongyan.model.message import FINAL, Accepted, Caller, Dialect, Kind, Outcome, Refused, SendCommand, Status
from hongyan.model.papers import TemplateDraft
from hongyan.model.reject import Refusal
from hongyan.model.snapshot import LinkConfig, Scope
from hongyan.model.ways import ROUTES
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
from hongyan.pipeline.withdrawals import Withdrawals
from hongyan.products.answers import AnswerService
from hongyan.products.once import SendOnce
from hongyan.store import partitions
from hongyan.store.times import at
from journeys import invariants
from journeys.platform import phone, until

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
        self.free = 1000
        self.submitted: list[OutboundSegment] = []
        self.acknowledged: list[object] = []

    def room(self, now: float) -> int:  # noqa: ARG002 - as much as the test says
        return self.free

    def next_room_in(self, now: float) -> float | None:  # noqa: ARG002 - as above
        return None

    def submit(self, segments: Sequence[OutboundSegment], now: float) -> None:  # noqa: ARG002 - the answers come later
        self.submitted += segments

    def acknowledge(self, acks: Sequence[object], stored: bool) -> None:
        assert stored
        self.acknowledged += acks

    def open(self, number: int) -> None:  # noqa: ARG002 - the string is one session
        return

    async def close(self, number: int, within_s: float) -> None:  # noqa: ARG002 - nothing to wait for
        return


class Rig:
    """A pipeline in this process, whose clock is `now`."""

    def __init__(self, db: Database) -> None:
        self._number = next(_numbers)
        # A second apart: ids are made of the time.
        self.now = float(int(time.time()) + self._number)
        self.link = StringLink()
        self.db = db
        box = SecretBox(KEY, os.urandom)
        self.control = assemble(db, box, clock=self.clock, entropy=os.urandom, check_url=lambda _url: None)
        self.directory = Directory(version=self.control.snapshots.version, load=lambda: snapshots.load(db, box, self.now), bell=Bell())
        self.settler = settler = Settler(self.directory)
        self.receipts = ReceiptService()
        self.withdrawals = Withdrawals(db=db, directory=self.directory, settler=settler, clock=self.clock)
        self.upkeep = Upkeep(db=db, directory=self.directory, receipts=self.receipts, settler=settler, clock=self.clock, queue_max=100_000)
        self.engine = Engine(db=db, host="test", pid=os.getpid(), roles="all", clock=self.clock)
        self._replies = ReplyService(directory=self.directory, settler=settler, new_id=self.engine.new_id)
        self.recorder = Recorder(db=db, receipts=self.receipts, replies=self._replies, settler=settler, clock=self.clock)
        self._queue_bell = Bell()
        self._tasks: list[asyncio.Task[None]] = []

    def clock(self) -> float:
        return self.now

    @property
    def at_now(self) -> datetime:
        """`now` as the database keeps it."""
        return at(self.now)

    async def start(self) -> None:
        async with self.db.connection() as conn:
            await partitions.ensure(conn, self.now)
        self.tenant = await self.control.sandbox.ensure(OPERATOR, "http://nowhere")
        [sandbox] = [app for app in await self.control.apps.every(OPERATOR) if str(app.id) == self.tenant.sdk_app_id]
        self.app = (await self.control.apps.create(OPERATOR, sandbox.account_id, f"rig {self._number}")).app
        await self.control.apps.change(OPERATOR, self.app.id, AppChange(pull=True))
        await self.control.packages.buy(OPERATOR, self.app.id, Scope.MAINLAND, 1000)
        await self.directory.refresh()
        await self.engine.register()
        self.dispatcher = Dispatcher(
            db=self.db,
            recorder=self.recorder,
            links={LINK: self.link},
            reach=lambda: dict.fromkeys(ROUTES.values(), Reach.HERE),
            numbering=numbering.build(),
            clock=self.clock,
            bell=self._queue_bell,
            engine=self.engine.id,
            renew=self.engine.renew,
            capacity=1000,
            soon=lambda: 1000,
            senders=lambda: self.directory.snapshot.senders,
            apps=lambda: self.directory.snapshot.apps,
        )
        self.engine.died = self.dispatcher.disown
        self.engine.reborn = self.dispatcher.reincarnate
        self.send = self.door(self.db)
        self.answers = AnswerService(db=self.db, directory=self.directory, send=SendOnce(self.db, self.send), clock=self.clock)
        jobs: tuple[Callable[[], Any], ...] = (
            self.engine.run,
            self.send.run,
            self.recorder.run,
            self.dispatcher.run,
            self.dispatcher.run_claims,
        )
        self._tasks = [asyncio.create_task(job()) for job in jobs]

    def door(self, db: Database) -> SendService:
        """Where messages are accepted, over these connections."""
        return SendService(
            db=db,
            directory=self.directory,
            dispatcher=self.dispatcher,
            numbering=numbering.build(),
            clock=self.clock,
            new_id=self.engine.new_id,
            group_max=100,
            waiting_max=1000,
            refuses=lambda _kind: False,
        )

    async def stop(self) -> None:
        await cancel(*self._tasks)

    # What happens.

    async def accept(self, kind: str, params: Sequence[str] | None = None) -> Accepted:
        outcome = await self.asked(self.command(kind, params))
        assert isinstance(outcome, Accepted), outcome
        return outcome

    async def asked(self, command: SendCommand) -> Outcome:
        """What becomes of a command with one number."""
        answer = await self.send.accept(Caller(self.app.account_id, self.tenant.secret_id), command)
        if isinstance(answer, Refusal):
            return Refused(command.phones[0], "", answer.reason, answer.detail)
        [outcome] = answer
        return outcome

    def command(self, kind: str, params: Sequence[str] | None = None) -> SendCommand:
        template = self.tenant.templates[kind]
        return SendCommand(
            app_id=self.app.id,
            template_id=int(template.id),
            phones=(phone(),),
            dialect=Dialect.TENCENT_V3,
            sign_name=self.tenant.sign_name,
            params=tuple(template.params if params is None else params),
        )

    async def template(self, content: str, kind: Kind = Kind.NOTICE) -> int:
        """An approved template of the rig's application."""
        draft = TemplateDraft(name="its own", kind=kind, scope=Scope.MAINLAND, content=content, app_id=self.app.id)
        added = await self.control.templates.add(OPERATOR, self.app.account_id, draft)
        await self.control.templates.approve(OPERATOR, added.id)
        return added.id

    async def answering(self, **changes: object) -> None:
        """Set what the application does with replies."""
        await self.control.answerings.change(OPERATOR, self.app.id, msgspec.structs.replace(Change(), **changes))
        await self.directory.refresh()

    def texts_to(self, number: int) -> list[str]:
        """What the carrier was given for a number, in order."""
        return [segment.text for segment in self.link.submitted if segment.phone == number]

    async def handed_over(self, message: Accepted, copies: int = 1) -> list[OutboundSegment]:
        """The segments the carrier was given, once there are so many."""
        self._queue_bell.ring()
        await until(lambda: len(self.given(message)) >= copies, f"{copies} segments are submitted")
        return self.given(message)

    def ring(self) -> None:
        """Have the dispatcher look for what can be claimed."""
        self._queue_bell.ring()

    def given(self, message: Accepted) -> list[OutboundSegment]:
        return [segment for segment in self.link.submitted if segment.message_id == message.message_id]

    async def answer(self, segments: Sequence[OutboundSegment], outcome: Callable[[OutboundSegment], SubmitOutcome]) -> None:
        for segment in segments:
            self.recorder.outcome(SegmentOutcome(segment, LINK, outcome(segment), self.now))
        await self.written()

    async def answer_late(self, segment: OutboundSegment, outcome: SubmitOutcome | None = None) -> None:
        self.recorder.outcome(LateAnswer(segment, LINK, outcome or taken(segment), self.now))
        await self.written()

    async def reply(self, message: Accepted, text: str, part: Part | None = None) -> None:
        await self._deliver(Reply(LINK, message.phone, "10690000", text, self.now, part))

    async def replies(self) -> list[str]:
        """Texts that are owed to the application."""
        async with self.db.connection() as conn:
            rows = await conn.fetch(
                "select r.text from outbox o join replies r using (app_id, id) where o.kind = 2 and app_id = $1 order by id", self.app.id
            )
        return [row[0] for row in rows]

    async def receipt(
        self,
        segment: OutboundSegment,
        *,
        carrier_id: str = "",
        verdict: Verdict = Verdict.DELIVERED,
        code: str = "",
        done_at: float | None = None,
    ) -> None:
        """Its receipt, under an id that no answer has told unless one is given, in the carrier's own word if there is one."""
        told = Receipt(
            link_id=LINK,
            carrier_id=carrier_id or f"never told {segment.message_id}-{segment.sequence}",
            verdict=verdict,
            code=code or verdict.name,
            phone=segment.phone,
            reference=segment.reference,
            done_at=self.now if done_at is None else done_at,
        )
        await self._deliver(told)

    async def delivered(self, reply: Reply) -> None:
        """A handset's text, wherever it was sent to."""
        await self._deliver(reply)

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
        await self.withdrawals.take_back_listed()
        await self._replies.give_up_waiting(self.db, self.now)

    # How it stands.

    async def status(self, message: Accepted) -> Status:
        timeline = await self.control.records.timeline(OPERATOR, message.message_id)
        assert timeline is not None
        return timeline.status

    async def settled(self, message: Accepted) -> None:
        """Returns once it has ended."""

        async def ended() -> bool:
            return await self.status(message) in FINAL

        await until(ended, "it has ended")

    async def balance(self) -> tuple[int, int]:
        """Segments held and used."""
        [package] = await self.control.packages.every(OPERATOR, self.app.id)
        return package.held, package.used

    async def balances(self) -> list[tuple[int, int]]:
        """Segments held and used, of every package."""
        return [(package.held, package.used) for package in await self.control.packages.every(OPERATOR, self.app.id)]

    async def parked(self) -> int:
        """Receipts that have found no message yet."""
        async with self.db.connection() as conn:
            return int(await conn.fetchval("select count(*) from parked_receipts where link_id = $1", LINK))

    async def resolutions(self, message: Accepted) -> list[tuple[int, int, str | None]]:
        """Segment, attempt and resolution of every doubt there was."""
        async with self.db.connection() as conn:
            rows = await conn.fetch(
                "select sequence, attempt, resolution from suspects where message_id = $1 order by 1, 2", message.message_id
            )
        return [(row[0], row[1], row[2]) for row in rows]

    async def broken(self) -> dict[str, list[str]]:
        async with self.db.connection() as conn:
            return await invariants.broken(conn)


def taken(segment: OutboundSegment) -> SubmitOutcome:
    return Submitted(f"{segment.message_id}-{segment.sequence}")


def lost(_segment: OutboundSegment) -> SubmitOutcome:
    return Lost("the connection broke")


@contextlib.asynccontextmanager
async def running_rig(database_url: str) -> AsyncIterator[Rig]:
    """A rig on this database for as long as the block lasts."""
    db = await Database.open(database_url, size=6)
    rig = Rig(db)
    try:
        await rig.start()
        yield rig
    finally:
        await rig.stop()
        await db.close()
