"""Telling the customer: events from the outbox, in the words of the API the message came through."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec
import structlog

from hongyan.kit.bell import POLL_S, WordBell
from hongyan.kit.db import UNAVAILABLE, Connection, Database
from hongyan.kit.faults import fault_async
from hongyan.kit.http import Answer, Failed
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.message import Dialect
from hongyan.model.snapshot import App
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.pulls import reply_event, report_events
from hongyan.store import outbox
from hongyan.store.outbox import BUNDLE, Bundle, EventKind, rung

log = structlog.get_logger()

GIVE_UP_AFTER_S = 86_400.0
FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 3600.0
LEASE_S = 60.0
BUNDLES = 16
"""How many are claimed at once for one application and kind."""
AT_ONE_ENDPOINT = 4
"""Requests under way at once to one address; a message's events are never in two of them."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
"""After a failure an address is left alone: one that is dead then costs a request now and then, whatever is owed to it."""

Key: TypeAlias = tuple[int, EventKind]
"""What is served by itself: an application's reports, an application's replies."""


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
    """One request: the bundles that end with it, and how many events it carries."""

    url: str
    body: bytes
    dialect: Dialect
    bundles: tuple[Bundle, ...]
    events: int


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
        bell: WordBell,
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
        self._wanted: dict[Key, None] = {}
        self._busy: dict[Key, asyncio.Task[None]] = {}
        self._failures: dict[Key, int] = {}
        self._paused: dict[Key, float] = {}
        """Until when."""

    async def run(self) -> None:
        """Deliver until cancelled; what is in flight is then left to its lease."""
        looked = -POLL_S
        try:
            while True:
                self._wanted |= dict.fromkeys(rung(word) for word in self._bell.words())
                if (now := asyncio.get_running_loop().time()) >= looked + POLL_S:
                    looked = now
                    await self._look()
                self._start()
                await self._bell.wait(POLL_S)
        finally:
            for task in self._busy.values():
                task.cancel()

    async def _look(self) -> None:
        """What is due without anybody having rung: retries, leases that ended, rings that were lost."""
        apps = [app.id for app in self._directory.snapshot.apps.values() if app.report_url or app.reply_url]
        if not apps:
            return
        try:
            async with self._db.connection() as conn:
                self._wanted |= dict.fromkeys(await outbox.due(conn, apps, self._clock()))
        except UNAVAILABLE as fault:
            log.warning("callbacks_wait_for_database", why=type(fault).__name__)

    def _start(self) -> None:
        now = self._clock()
        for key in list(self._wanted):
            if len(self._busy) >= self._at_once:
                return
            if key in self._busy:
                continue
            del self._wanted[key]
            if self._paused.get(key, now) <= now:
                task = asyncio.create_task(self._serve(*key), name=f"callbacks {key[0]}")
                self._busy[key] = task
                task.add_done_callback(lambda _task, key=key: self._gone(key))  # type: ignore[misc]

    def _gone(self, key: Key) -> None:
        task = self._busy.pop(key)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._pause(key)
            if isinstance(fault, UNAVAILABLE):
                log.warning("callbacks_wait_for_database", why=type(fault).__name__)
            else:
                log.error("callbacks_failed", app_id=key[0], why=repr(fault))
        if self._wanted:
            self._bell.ring()

    def _pause(self, key: Key) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        self._paused[key] = self._clock() + min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 16))

    def _well(self, key: Key) -> None:
        self._failures.pop(key, None)
        self._paused.pop(key, None)

    async def _serve(self, app_id: int, kind: EventKind) -> None:
        """Batch after batch of one application and kind, until nothing is due or the customer's server fails."""
        key = (app_id, kind)
        told: Sequence[int] = ()
        while (app := self._directory.snapshot.apps.get(app_id)) is not None:
            now = self._clock()
            most = 1 if key in self._failures else BUNDLES
            async with self._db.connection() as conn:
                bundles = await outbox.claim(conn, app_id, kind, now=now, lease_until=now + LEASE_S, most=most, told=told)
                posts = await self._posts(conn, app, kind, bundles)
            if not bundles and key not in self._wanted:
                return
            self._wanted.pop(key, None)
            told = [bundle.id for post in posts for bundle in post.bundles]
            if bundles and not await self._deliver(app_id, posts):
                self._pause(key)
                return
            if bundles:
                self._well(key)
        if told:
            async with self._db.connection() as conn:
                await outbox.delivered(conn, app_id, told, self._clock())

    async def _posts(self, conn: Connection, app: App, kind: EventKind, bundles: Sequence[Bundle]) -> list[Post]:
        if kind is EventKind.REPLY:
            owners = {reply_id: bundle for bundle in bundles for reply_id in bundle.ids}
            replies = [reply_event(row) for row in await outbox.replies(conn, app.id, list(owners))] if owners else []
            return [Post(app.reply_url, self._renderer(r.dialect).render_reply(r), r.dialect, (owners[r.event_id],), 1) for r in replies]
        return [self._reports(app, together) for together in _together(bundles)]

    def _reports(self, app: App, bundles: Sequence[Bundle]) -> Post:
        dialect = Dialect(bundles[0].dialect)
        events = [event for bundle in bundles for event in report_events(app.id, bundle, context=app.context_in_reports)]
        return Post(app.report_url, self._renderer(dialect).render_reports(events), dialect, tuple(bundles), len(events))

    def _renderer(self, dialect: Dialect) -> Renderer:
        return self._renderers.get(dialect) or self._renderers[Dialect.TENCENT_V3]

    async def _deliver(self, app_id: int, posts: Sequence[Post]) -> bool:
        """Post them, some at once; after a failure the rest is not tried.

        False when one failed: what came of each is noted then. That all were taken is noted with the next claim.
        """
        await fault_async("callback_before_send")
        error: str | None = None
        taken: list[Post] = []
        left: list[Post] = []
        for begin in range(0, len(posts), AT_ONE_ENDPOINT):
            some = posts[begin : begin + AT_ONE_ENDPOINT]
            errors = [error] * len(some) if error else await asyncio.gather(*(self._ask(post) for post in some))
            for post, why in zip(some, errors, strict=True):
                (taken if why is None else left).append(post)
                error = error or why
        if taken:
            await fault_async("callback_2xx_before_commit")
        if left:
            await self._note(app_id, taken, left, error or "")
        self._finished("delivered", sum(post.events for post in taken))
        if left:
            events = sum(post.events for post in left)
            self._finished("failed", events)
            log.warning("callback_failed", app_id=app_id, events=events, why=error)
        return not left

    async def _note(self, app_id: int, taken: Sequence[Post], left: Sequence[Post], error: str) -> None:
        now = self._clock()
        async with self._db.connection() as conn:
            if taken:
                await outbox.delivered(conn, app_id, [bundle.id for post in taken for bundle in post.bundles], now)
            if left:
                retries = [(b.id, retry_at(b.attempts, b.created_at, now, self._jitter())) for post in left for b in post.bundles]
                await outbox.failed(conn, app_id, retries, error)

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


def _together(bundles: Sequence[Bundle]) -> list[list[Bundle]]:
    """Small bundles of one dialect share a call, as far as they fit."""
    calls: list[list[Bundle]] = []
    room: dict[int, int] = {}
    open_: dict[int, list[Bundle]] = {}
    for bundle in bundles:
        if room.get(bundle.dialect, 0) < len(bundle.ids):
            open_[bundle.dialect] = []
            room[bundle.dialect] = BUNDLE
            calls.append(open_[bundle.dialect])
        open_[bundle.dialect].append(bundle)
        room[bundle.dialect] -= len(bundle.ids)
    return calls
