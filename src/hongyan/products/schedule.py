"""Sends at a time: kept until then, taken by one process, sent once."""

import enum
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import structlog

from hongyan.kit.db import Database
from hongyan.kit.faults import fault_async
from hongyan.model.message import Accepted, Caller, SendCommand
from hongyan.model.reject import Refusal, Reject
from hongyan.pipeline.directory import Directory
from hongyan.products.once import Answers, SendOnce
from hongyan.store import schedules
from hongyan.store.schedules import ScheduleRow

log = structlog.get_logger()

AHEAD_S = 31 * 86_400.0
"""The farthest a send can be put off."""
LATE_S = 10.0
"""A time that has just passed is now: clocks differ."""
AT_ONCE = 20
PASSING = frozenset({Reject.TOO_BUSY, Reject.INTERNAL})
"""Refusals that say nothing of the request: it is tried again."""
PATIENCE_S = 600.0
"""So long after its time a send is tried again."""
ABANDONED_S = 5.0
"""Whoever took it and has not finished by then has died, or is late; what it promises meanwhile is known again as its own request's."""


class State(enum.StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    """At least one number was taken."""
    FAILED = "failed"
    CANCELLED = "cancelled"


class Schedule(msgspec.Struct, frozen=True):
    """A send that waits, or what became of it."""

    id: int
    app_id: int
    send_at: float
    state: State
    numbers: int
    created_at: float
    accepted: int | None
    outcome: str
    """Why numbers were refused: reasons with how many, the commonest first."""


class ScheduleService:
    """Takes sends for later, and sends them when their time has come."""

    def __init__(
        self, *, db: Database, directory: Directory, send: SendOnce, clock: Callable[[], float], new_id: Callable[[], int]
    ) -> None:
        self._db = db
        self._directory = directory
        self._send = send
        self._clock = clock
        self._new_id = new_id

    async def add(self, caller: Caller, commands: Sequence[SendCommand], send_at: float) -> Schedule | Refusal:
        """Keep commands of one application and one request id until `send_at` (Unix seconds), at most 31 days from now.

        What they say is checked when they are sent: approvals, limits and money of then count.
        """
        now = self._clock()
        app_id, request_id = commands[0].app_id, commands[0].request_id
        app = self._directory.snapshot.apps.get(app_id)
        if app is None or app.account_id != caller.account_id:
            return Refusal(Reject.APP_NOT_FOUND)
        if not now - LATE_S <= send_at <= now + AHEAD_S:
            return Refusal(Reject.BAD_REQUEST, "send_at must lie between now and 31 days from now")
        async with self._db.transaction() as tx:
            row = await schedules.add(
                tx,
                app_id=app_id,
                id_=self._new_id(),
                send_at=send_at,
                commands=msgspec.msgpack.encode(list(commands)),
                numbers=sum(len(command.phones) for command in commands),
                request_id=request_id,
                key_id=caller.key_id,
                now=now,
            )
        return _shown(row)

    async def get(self, account_id: int | None, id_: int) -> Schedule | None:
        """One of the account's (of anybody's for None)."""
        async with self._db.connection() as conn:
            row = await schedules.get(conn, self._apps(account_id), id_)
        return None if row is None else _shown(row)

    async def page(self, account_id: int | None, *, before_id: int, most: int) -> list[Schedule]:
        """The newest first."""
        async with self._db.connection() as conn:
            return [_shown(row) for row in await schedules.page(conn, self._apps(account_id), before_id=before_id, most=most)]

    async def cancel(self, account_id: int | None, id_: int) -> Schedule | None:
        """As it is afterwards: cancelled, or sent when it was too late; None when there is none."""
        async with self._db.transaction() as tx:
            row = await schedules.get(tx, self._apps(account_id), id_)
            if row is None:
                return None
            await schedules.cancel(tx, row.app_id, id_)
            row = await schedules.get(tx, [row.app_id], id_)
        return None if row is None else _shown(row)

    async def send_due(self) -> int:
        """Send what is due; returns how many were. Any number of processes may ask: each is taken by one."""
        now = self._clock()
        async with self._db.connection() as conn:
            due = await schedules.due(conn, now=now, abandoned=now - ABANDONED_S, most=AT_ONCE)
        sent = 0
        for app_id, id_ in due:
            async with self._db.transaction() as tx:
                row = await schedules.claim(tx, app_id, id_, now=self._clock(), abandoned=now - ABANDONED_S)
            if row is None:
                continue
            await fault_async("schedule_claim")
            await self._fire(row)
            sent += 1
        return sent

    async def _fire(self, row: ScheduleRow) -> None:
        commands = msgspec.msgpack.decode(row.commands, type=list[SendCommand])
        app = self._directory.snapshot.apps.get(row.app_id)
        if app is None:
            await self._finish(row, State.FAILED, 0, Reject.APP_NOT_FOUND.value)
            return
        caller = Caller(account_id=app.account_id, key_id=row.key_id)
        if row.began_at is None or row.began_at == row.claimed_at:
            answers = await self._send.first(caller, commands)
        else:
            answers = await self._send.again(caller, commands, since=row.began_at, until=self._clock())
        if self._clock() < row.send_at + PATIENCE_S and any(isinstance(answer, Refusal) and answer.reason in PASSING for answer in answers):
            # Left as it is, it is taken up again as if its process had died.
            log.info("schedule_tried_again", app_id=row.app_id, schedule=row.id)
            return
        accepted, outcome = summary(commands, answers)
        await self._finish(row, State.SENT if accepted else State.FAILED, accepted, outcome)

    async def _finish(self, row: ScheduleRow, state: State, accepted: int, outcome: str) -> None:
        async with self._db.transaction() as tx:
            await schedules.finish(tx, row.app_id, row.id, state=state, accepted=accepted, outcome=outcome)
        log.info("schedule_sent", app_id=row.app_id, schedule=row.id, accepted=accepted, of=row.numbers)

    def _apps(self, account_id: int | None) -> list[int]:
        return [app.id for app in self._directory.snapshot.apps.values() if account_id is None or app.account_id == account_id]


def summary(commands: Sequence[SendCommand], answers: Answers) -> tuple[int, str]:
    """How many numbers were taken, and why the others were not: "limit_day 3, bad_number 1"."""
    accepted = 0
    refused: Counter[str] = Counter()
    for command, answer in zip(commands, answers, strict=True):
        if isinstance(answer, Refusal):
            refused[answer.reason.value] += len(command.phones)
            continue
        for outcome in answer:
            if isinstance(outcome, Accepted):
                accepted += 1
            else:
                refused[outcome.reason.value] += 1
    return accepted, ", ".join(f"{reason} {count}" for reason, count in refused.most_common())


def _shown(row: ScheduleRow) -> Schedule:
    return Schedule(
        id=row.id,
        app_id=row.app_id,
        send_at=row.send_at,
        state=State(row.state),
        numbers=row.numbers,
        created_at=row.created_at,
        accepted=row.accepted,
        outcome=row.outcome,
    )
