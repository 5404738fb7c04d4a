"""Telling the customer: events from the outbox, in the words of the API the message came through."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
import structlog

from hongyan.kit.bell import POLL_S, Bell
from hongyan.kit.db import UNAVAILABLE, Database
from hongyan.kit.faults import fault_async
from hongyan.kit.http import Answer, Failed
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.message import Dialect
from hongyan.model.snapshot import App
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.pulls import reply_event, report_event
from hongyan.store import outbox
from hongyan.store.outbox import Claimed, EventKind

log = structlog.get_logger()

GIVE_UP_AFTER_S = 86_400.0
FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 3600.0
LEASE_S = 60.0
BATCH = 100


class Poster(Protocol):
    """An HTTP client that can be trusted with addresses customers give."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer | Failed: ...


class Renderer(Protocol):
    """A dialect's words for events."""

    def render_reports(self, events: Sequence[ReportEvent]) -> bytes: ...

    def render_reply(self, event: ReplyEvent) -> bytes: ...

    def acknowledged(self, status: int, body: bytes) -> bool:
        """Whether the answer says that the events were taken."""
        ...


class Post(msgspec.Struct, frozen=True):
    """One request: which events it carries."""

    url: str
    body: bytes
    dialect: Dialect
    ids: tuple[int, ...]


def retry_at(attempts: int, created_at: float, now: float, jitter: float) -> float | None:
    """When to try an event again after its n-th failure; `jitter` is 0..1. None after a day: it is dead."""
    if now - created_at >= GIVE_UP_AFTER_S:
        return None
    delay = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** min(attempts - 1, 16))
    return now + float(delay) * (0.75 + 0.5 * jitter)


class CallbackDispatcher:
    """Delivers due events at least once. Each application has its own turn, so that a dead address delays nobody else."""

    def __init__(
        self,
        *,
        db: Database,
        directory: Directory,
        post: Poster,
        renderers: Mapping[Dialect, Renderer],
        clock: Callable[[], float],
        jitter: Callable[[], float],
        bell: Bell,
        at_once: int,
        finished: Callable[[str, int], None] = lambda _result, _count: None,
    ) -> None:
        """`at_once` bounds the applications served at one time; `finished(result, events)` counts for the metrics."""
        self._db = db
        self._directory = directory
        self._post = post
        self._renderers = renderers
        self._clock = clock
        self._jitter = jitter
        self._bell = bell
        self._at_once = at_once
        self._finished = finished
        self._busy: dict[tuple[int, EventKind], asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Deliver until cancelled; what is in flight is then left to its lease."""
        try:
            while True:
                try:
                    await self._start_due()
                except UNAVAILABLE as fault:
                    log.warning("callbacks_wait_for_database", why=type(fault).__name__)
                await self._bell.wait(POLL_S)
        finally:
            for task in self._busy.values():
                task.cancel()

    async def drain(self) -> None:
        """Let the requests that are under way end."""
        if self._busy:
            await asyncio.wait(list(self._busy.values()), timeout=LEASE_S)

    async def _start_due(self) -> None:
        apps = [app.id for app in self._directory.snapshot.apps.values() if app.report_url or app.reply_url]
        if not apps:
            return
        async with self._db.connection() as conn:
            due = await outbox.due(conn, apps, self._clock())
        for app_id, kind in due:
            if (app_id, kind) in self._busy or len(self._busy) >= self._at_once:
                continue
            task = asyncio.create_task(self._serve(app_id, kind), name=f"callbacks {app_id}")
            self._busy[(app_id, kind)] = task
            task.add_done_callback(lambda _task, key=(app_id, kind): self._gone(key))  # type: ignore[misc]

    def _gone(self, key: tuple[int, EventKind]) -> None:
        task = self._busy.pop(key)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("callbacks_failed", app_id=key[0], why=repr(fault))
        self._bell.ring()

    async def _serve(self, app_id: int, kind: EventKind) -> None:
        """Batch after batch of one application and kind, until nothing is due or the customer's server fails."""
        while (app := self._directory.snapshot.apps.get(app_id)) is not None:
            now = self._clock()
            async with self._db.transaction() as tx:
                claimed = await outbox.claim(tx, app_id, kind, now=now, lease_until=now + LEASE_S, most=BATCH)
                posts = await self._posts(tx, app, kind, [c.id for c in claimed])
            if not claimed:
                return
            for post in posts:
                if not await self._deliver(app_id, post, {c.id: c for c in claimed}):
                    return
            if len(claimed) < BATCH:
                return

    async def _posts(self, tx: object, app: App, kind: EventKind, ids: list[int]) -> list[Post]:
        if not ids:
            return []
        if kind is EventKind.REPLY:
            replies = [reply_event(row) for row in await outbox.replies(tx, app.id, ids)]
            return [Post(app.reply_url, self._renderer(r.dialect).render_reply(r), r.dialect, (r.event_id,)) for r in replies]
        by_dialect: dict[Dialect, list[ReportEvent]] = {}
        for row in await outbox.reports(tx, app.id, ids):
            event = report_event(app.id, row, context=app.context_in_reports)
            by_dialect.setdefault(event.dialect, []).append(event)
        return [
            Post(app.report_url, self._renderer(dialect).render_reports(events), dialect, tuple(e.event_id for e in events))
            for dialect, events in by_dialect.items()
        ]

    def _renderer(self, dialect: Dialect) -> Renderer:
        return self._renderers.get(dialect) or self._renderers[Dialect.TENCENT_V3]

    async def _deliver(self, app_id: int, post: Post, claimed: Mapping[int, Claimed]) -> bool:
        await fault_async("callback_before_send")
        error = await self._ask(post)
        now = self._clock()
        if error is None:
            await fault_async("callback_2xx_before_commit")
        async with self._db.transaction() as tx:
            if error is None:
                await outbox.delivered(tx, app_id, post.ids, now)
            else:
                retries = [(i, retry_at(claimed[i].attempts, claimed[i].created_at, now, self._jitter())) for i in post.ids]
                await outbox.failed(tx, app_id, retries, error)
        self._finished("delivered" if error is None else "failed", len(post.ids))
        if error is not None:
            log.warning("callback_failed", app_id=app_id, events=len(post.ids), why=error)
        return error is None

    async def _ask(self, post: Post) -> str | None:
        """None when the events were taken, otherwise what went wrong in words for the customer."""
        if not post.url:
            return "no callback address is set for this kind of event"
        answer = await self._post(post.url, post.body, {"content-type": "application/json"})
        if isinstance(answer, Failed):
            return answer.reason
        if self._renderer(post.dialect).acknowledged(answer.status, answer.body):
            return None
        return f'HTTP {answer.status}; expected 200 and {{"result": 0}}'
