"""Answers to replies: written down with the reply, sent once."""

from collections.abc import Callable

import structlog

from hongyan.kit.db import Database
from hongyan.kit.ids import first_id_at
from hongyan.model import phone as phones
from hongyan.model.answering import Answers
from hongyan.model.message import Accepted, Caller, SendCommand
from hongyan.model.reject import Refusal, Reject
from hongyan.pipeline.directory import Directory
from hongyan.products.once import SendOnce
from hongyan.store import answers
from hongyan.store.answers import AnswerRow
from hongyan.store.messages import CONFIRMING

log = structlog.get_logger()

ANSWERING = "answers-"
AT_ONCE = 50
PASSING = frozenset({Reject.TOO_BUSY, Reject.INTERNAL})
"""Refusals that say nothing of the answer: it is tried again."""
PATIENCE_S = 600.0
"""So long after the reply it is tried again: an answer that comes later than that surprises."""
KEPT_S = 31 * 86_400.0
ABANDONED_S = 5.0
"""Whoever took it and has not finished by then has died, or is late; what it promises meanwhile is known again."""


class AnswerService:
    """Sends what replies are answered with. Any number of processes may: each answer is taken by one."""

    def __init__(self, *, db: Database, directory: Directory, send: SendOnce, clock: Callable[[], float]) -> None:
        self._db = db
        self._directory = directory
        self._send = send
        self._clock = clock

    async def send_due(self) -> int:
        """Send what waits; returns how many."""
        now = self._clock()
        async with self._db.connection() as conn:
            due = await answers.due(conn, abandoned=now - ABANDONED_S, most=AT_ONCE)
        sent = 0
        for app_id, id_ in due:
            async with self._db.transaction() as tx:
                row = await answers.claim(tx, app_id, id_, now=self._clock(), abandoned=now - ABANDONED_S)
            if row is not None:
                await self._answer(row)
                sent += 1
        return sent

    async def forget_old(self) -> None:
        """What was answered a month ago is of no more use."""
        before_id = first_id_at(self._clock() - KEPT_S)
        for app_id in sorted(self._directory.snapshot.apps):
            async with self._db.connection() as conn:
                await answers.forget(conn, app_id, before_id=before_id)

    async def _answer(self, row: AnswerRow) -> None:
        app = self._directory.snapshot.apps.get(row.app_id)
        if app is None:
            await self._finish(row, Reject.APP_NOT_FOUND.value)
            return
        command = SendCommand(
            app_id=row.app_id,
            template_id=row.template_id,
            phones=(phones.e164(row.phone),),
            dialect=row.dialect,
            sign_name=row.sign_name,
            # Further replies come to the same extension.
            extend=row.extend if app.extend_allowed else "",
            request_id=f"{CONFIRMING if row.after_opt_out else ANSWERING}{row.id}",
            answers=Answers.OPT_OUT if row.after_opt_out else Answers.REPLY,
        )
        caller = Caller(account_id=app.account_id, key_id="")
        if row.began_at is None or row.began_at == row.claimed_at:
            [answer] = await self._send.first(caller, [command])
        else:
            [answer] = await self._send.again(caller, [command], since=row.began_at, until=self._clock())
        if isinstance(answer, Refusal):
            if answer.reason in PASSING and self._clock() < row.created_at + PATIENCE_S:
                # Left as it is, it is taken up again as if its process had died.
                return
            await self._finish(row, answer.reason.value)
            return
        [outcome] = answer
        await self._finish(row, "" if isinstance(outcome, Accepted) else outcome.reason.value)

    async def _finish(self, row: AnswerRow, refused: str) -> None:
        async with self._db.connection() as conn:
            await answers.finish(conn, row.app_id, row.id, sent=not refused, outcome=refused)
        log.info("reply_answered", app_id=row.app_id, answer=row.id, refused=refused)
