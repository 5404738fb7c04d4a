"""Numbers that were refused, noted aside: for statistics and for whoever asks why somebody got nothing.

Nothing was promised for them, so this is done afterwards and in batches; what the last half second refused may be lost with the process.
Every refusal is counted, of a flood of them only some can be looked up.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from hongyan.kit.db import RETRY, Connection, Database
from hongyan.kit.ids import first_id_at
from hongyan.model.alarm import AlarmKind
from hongyan.model.message import Caller, Outcome, Refused, SendCommand
from hongyan.model.phone import parse
from hongyan.model.reject import Refusal, Reject
from hongyan.pipeline.directory import Directory
from hongyan.store import notices, statistics
from hongyan.store.statistics import Listed

log = structlog.get_logger()

HOUR_S = 3600.0
EVERY_S = 0.5
MOST_LISTED = 2_000
"""At a time; what is refused beyond that is only counted."""
KEPT_S = 73 * HOUR_S
"""So long refusals can be looked up."""
OURS = frozenset({Reject.TOO_BUSY, Reject.INTERNAL, Reject.APP_NOT_FOUND, Reject.APP_NOT_YOURS})
"""Trouble of ours, and requests of nobody: not noted."""

HITS = frozenset({
    Reject.SAME_CONTENT, Reject.LIMIT_30_SECONDS, Reject.LIMIT_HOUR, Reject.LIMIT_DAY, Reject.SAME_CONTENT_DAY,
})  # fmt: skip
"""What frequency limits refuse: contacts may want to be told."""
HITS_EVERY_S = 10.0

LONGEST_DETAIL = 200


class Sends(Protocol):
    """Who takes messages."""

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal: ...


class RefusalLog:
    """Stands before whoever takes messages and notes what was refused."""

    def __init__(self, *, db: Database, directory: Directory, send: Sends, clock: Callable[[], float], new_id: Callable[[], int]) -> None:
        self._db = db
        self._directory = directory
        self._send = send
        self._clock = clock
        self._new_id = new_id
        self._counted: Counter[tuple[int, float]] = Counter()
        self._listed: deque[tuple[int, Listed]] = deque()
        self._hits: dict[int, Counter[str]] = {}
        self._hits_told = clock()

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        """As whoever is behind answers it."""
        answer = await self._send.accept(caller, command)
        if isinstance(answer, Refusal):
            if answer.reason not in OURS and command.phones:
                self._note(command, [_refused(raw, answer) for raw in command.phones[:1000]])
        # By its class: asked for every number, most of which are accepted.
        elif refused := [outcome for outcome in answer if outcome.__class__ is Refused]:
            self._note(command, [outcome for outcome in refused if outcome.reason not in OURS])
        return answer

    def _note(self, command: SendCommand, refused: Sequence[Refused]) -> None:
        now = self._clock()
        self._counted[command.app_id, now // HOUR_S * HOUR_S] += len(refused)
        app = self._directory.snapshot.apps.get(command.app_id)
        if app is not None and AlarmKind.FREQUENCY in app.watched:
            self._hits.setdefault(app.id, Counter()).update(each.reason.value for each in refused if each.reason in HITS)
        for each in refused:
            if len(self._listed) >= MOST_LISTED:
                return
            if each.phone.startswith("+") and each.phone[1:].isdigit() and each.region:
                self._listed.append((command.app_id, self._told(command, each)))

    def _told(self, command: SendCommand, refused: Refused) -> Listed:
        return Listed(
            id=self._new_id(),
            phone=int(refused.phone[1:]),
            region=refused.region,
            reason=refused.reason.value,
            request_id=command.request_id,
            # What a customer wrote may be in it: half a surrogate pair or a NUL no database takes.
            detail=refused.detail[:LONGEST_DETAIL].encode("utf-8", "replace").decode().replace("\0", ""),
        )

    async def run(self) -> None:
        """Write down what was noted, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Write down what has been noted by now."""
        counted, self._counted = self._counted, Counter()
        listed, self._listed = self._listed, deque()
        if not counted and not self._hits:
            return
        by_app: dict[int, list[Listed]] = {}
        for app_id, row in listed:
            by_app.setdefault(app_id, []).append(row)
        try:
            async with self._db.connection() as conn:
                for (app_id, hour), numbers in counted.items():
                    await statistics.note_refusals(conn, app_id, hour, numbers)
                for app_id, rows in by_app.items():
                    await statistics.list_refusals(conn, app_id, rows)
                await self._tell_hits(conn)
        except RETRY as fault:
            log.warning("refusals_not_noted", numbers=counted.total(), why=type(fault).__name__)

    async def _tell_hits(self, conn: Connection) -> None:
        """What the limits refused, for alarm contacts: some seconds of it at a time."""
        now = self._clock()
        if not self._hits or now - self._hits_told < HITS_EVERY_S:
            return
        hits, self._hits, self._hits_told = self._hits, {}, now
        for app_id, reasons in hits.items():
            app = self._directory.snapshot.apps.get(app_id)
            if app is None or not reasons:
                continue
            facts = {"hits": reasons.total(), **reasons}
            await notices.add(conn, account_id=app.account_id, app_id=app_id, kind=AlarmKind.FREQUENCY, facts=facts, now=now)


async def forget_old(db: Database, now: float) -> None:
    """Refusals that nobody can look up any more."""
    async with db.connection() as conn:
        await statistics.forget_refusals(conn, before_id=first_id_at(now - KEPT_S))


def _refused(raw: str, why: Refusal) -> Refused:
    phone = parse(raw)
    if phone is None:
        return Refused(raw, "", why.reason, why.detail)
    return Refused(f"+{phone.number}", phone.region, why.reason, why.detail)
