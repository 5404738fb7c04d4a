"""Events for those who fetch them: the same rows that callbacks are made from."""

from collections.abc import Callable, Sequence
from typing import Any

from hongyan.kit import ids
from hongyan.kit.db import Database, Row
from hongyan.model.context import unpack
from hongyan.model.event import EventKind, ReplyEvent, ReportEvent
from hongyan.model.message import Dialect, Status
from hongyan.model.phone import country
from hongyan.pipeline.directory import Directory
from hongyan.store import outbox
from hongyan.store.outbox import Bundle

STATUSES = {int(status): status for status in Status}
"""Calling an enumeration costs five times as much as looking here."""


class PullService:
    """Hands out reports and replies."""

    def __init__(self, *, db: Database, directory: Directory, clock: Callable[[], float]) -> None:
        self._db = db
        self._directory = directory
        self._clock = clock

    async def reports(self, app_id: int, limit: int) -> list[ReportEvent]:
        """The oldest reports not handed out yet, each once."""
        async with self._db.transaction() as tx:
            taken = await outbox.take(tx, app_id, EventKind.REPORT, now=self._clock(), most=limit)
        return [event for bundle in taken for event in report_events(app_id, bundle, context=self._context(app_id))]

    async def replies(self, app_id: int, limit: int) -> list[ReplyEvent]:
        """The oldest replies not handed out yet, each once."""
        async with self._db.transaction() as tx:
            taken = await outbox.take(tx, app_id, EventKind.REPLY, now=self._clock(), most=limit)
            rows = await outbox.replies(tx, app_id, [reply for bundle in taken for reply in bundle.ids]) if taken else []
        return [reply_event(row) for row in rows]

    async def reports_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReportEvent]:
        """One number's reports of messages sent from `begin` to `end` (Unix seconds), newest first; consumes nothing."""
        async with self._db.connection() as conn:
            rows = await outbox.reports_of(conn, app_id, phone, from_id=ids.first_id_at(begin), to_id=ids.first_id_at(end + 1), most=limit)
        context = self._context(app_id)
        return [_report(app_id, row[:7], Dialect(row[7]), context=context) for row in rows]

    async def replies_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReplyEvent]:
        """One number's replies from `begin` to `end` (Unix seconds), newest first; consumes nothing."""
        async with self._db.connection() as conn:
            rows = await outbox.replies_of(conn, app_id, phone, from_id=ids.first_id_at(begin), to_id=ids.first_id_at(end + 1), most=limit)
        return [reply_event(row) for row in rows]

    def _context(self, app_id: int) -> bool:
        app = self._directory.snapshot.apps.get(app_id)
        return app is not None and app.context_in_reports


def report_events(app_id: int, bundle: Bundle, *, context: bool) -> list[ReportEvent]:
    """The reports of a bundle."""
    told = bundle.reports
    if told is None:
        return []
    dialect = Dialect(bundle.dialect)
    each = zip(told.ids, told.phones, told.segments, told.statuses, told.codes, told.ends, told.contexts, strict=True)
    return [_report(app_id, said, dialect, context=context) for said in each]


def _report(app_id: int, said: Sequence[Any], dialect: Dialect, *, context: bool) -> ReportEvent:
    """From the fields of `store.outbox.Reports`, in their order."""
    message_id, phone, segments, status, code, at, column = said
    given = unpack(column)
    return ReportEvent(
        app_id=app_id,
        event_id=message_id,
        message_id=message_id,
        phone=phone,
        country_code=country(phone)[0],
        status=STATUSES[status],
        code=code,
        at=at,
        # Huawei's reports always have it.
        session_context=given.text if context or dialect is Dialect.HUAWEI else "",
        dialect=dialect,
        segments=segments,
        callback_url=given.url,
    )


def reply_event(row: Row) -> ReplyEvent:
    """A reply from a `replies` row."""
    return ReplyEvent(
        app_id=row["app_id"],
        event_id=row["id"],
        phone=row["phone"],
        country_code=country(row["phone"])[0],
        sign_name=row["sign_name"],
        extend=row["extend"],
        text=row["text"],
        at=row["received_at"].timestamp(),
        dialect=Dialect(row["dialect"]),
        to=row["sender_id"],
    )
