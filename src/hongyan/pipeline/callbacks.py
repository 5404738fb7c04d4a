"""Telling the customer: events from the outbox, in the words of the API the message came through."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog

from hongyan.kit.bell import POLL_S, WordBell
from hongyan.kit.db import UNAVAILABLE, Connection, Database, Row
from hongyan.kit.faults import fault_async
from hongyan.model.callback import UNSET, CallbackRequest, recipient
from hongyan.model.event import EventKind, Part, ReplyEvent
from hongyan.model.message import Dialect
from hongyan.model.snapshot import App
from hongyan.pipeline import calls
from hongyan.pipeline.calls import Chain, NoticeRenderer, Renderer, Told, VoiceRenderer, refusal
from hongyan.pipeline.conclude import STATUS_OF
from hongyan.pipeline.deliveries import Deliveries, Poster, delivery, post
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.endpoints import Endpoints
from hongyan.pipeline.pulls import reply_event
from hongyan.store import outbox, segments
from hongyan.store.outbox import Bundle, Failure, Key, rung

log = structlog.get_logger()

GIVE_UP_AFTER_S = 86_400.0
FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 3600.0
PROBED_S = 120.0
"""Where all fails, and not this bundle alone, it is its address that is left alone: something has to be due to see whether it is well."""
LEASE_S = 60.0
WORKED_ON = 0.5
"""Share of the lease after which nothing more is begun with what was claimed."""
BUNDLES = 16
"""How many are claimed at once for one application and kind."""
PLACES_AT_ONCE = 8
"""Places of one application that are served at a time."""
PLACES_LOOKED_AT = 1000
FAILING_SHARE = 0.5
"""Of all that are served at a time at most so many are such as failed when they were last asked."""
AT_ONE_ENDPOINT = 4
"""Requests under way at once to one address; a message's events are never in two of them."""


def retry_at(attempts: int, created_at: float, now: float, jitter: float, *, longest_s: float = LONGEST_RETRY_S) -> float | None:
    """When to try an event again after its n-th failure; `jitter` is 0..1. None after a day: it is dead."""
    if now - created_at >= GIVE_UP_AFTER_S:
        return None
    delay = min(longest_s, FIRST_RETRY_S * 2 ** min(attempts - 1, 16))
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
        notices: NoticeRenderer,
        voices: Mapping[Dialect, VoiceRenderer],
        clock: Callable[[], float],
        jitter: Callable[[], float],
        bell: WordBell,
        at_once: int,
        poll_s: float = POLL_S,
        finished: Callable[[str, int], None] = lambda _result, _count: None,
    ) -> None:
        """`at_once` bounds the places served at one time; `finished(result, events)` counts for the metrics."""
        self._db = db
        self._directory = directory
        self._post = post
        self._renderers = renderers
        self._notices = notices
        self._voices = voices
        self._clock = clock
        self._jitter = jitter
        self._bell = bell
        self._at_once = at_once
        self._poll_s = poll_s
        self._finished = finished
        self._wanted: dict[Key, None] = {}
        self._busy: dict[Key, asyncio.Task[None]] = {}
        self.endpoints = Endpoints(db, clock=clock, jitter=jitter)
        self.deliveries = Deliveries(db, clock)

    async def run(self) -> None:
        """Deliver until cancelled; what is in flight is then left to its lease."""
        looked = -self._poll_s
        try:
            while True:
                self._wanted |= dict.fromkeys(rung(word) for word in self._bell.words())
                if (now := asyncio.get_running_loop().time()) >= looked + self._poll_s:
                    looked = now
                    await self._look()
                self._start()
                await self._bell.wait(self._poll_s)
        finally:
            for task in self._busy.values():
                task.cancel()

    async def _look(self) -> None:
        """What is due without anybody having rung: retries, leases that ended, rings that were lost."""
        snapshot = self._directory.snapshot
        # Only Huawei's API lets messages name addresses.
        apps = {app.id for app in snapshot.apps.values() if app.report_url or app.reply_url} | {a.app_id for a in snapshot.access.values()}
        voice = {app_id for app_id, settings in snapshot.callbacks.items() if settings.voice_url}
        apps |= voice | {app_id for app_id, settings in snapshot.callbacks.items() if settings.event_url}
        if not apps:
            return
        try:
            await self.endpoints.learn()
            async with self._db.connection() as conn:
                for key in await outbox.due(conn, sorted(apps), self._clock(), voice=sorted(voice)):
                    some = await outbox.places(conn, key[0], self._clock(), PLACES_LOOKED_AT) if key[2] else [key]
                    self._wanted |= dict.fromkeys(some)
        except UNAVAILABLE as fault:
            log.warning("callbacks_wait_for_database", why=type(fault).__name__)

    def _start(self) -> None:
        for key in list(self._wanted):
            if len(self._busy) >= self._at_once:
                return
            if key in self._busy or self._crowded(key):
                continue
            del self._wanted[key]
            if not self.endpoints.rests(key):
                task = asyncio.create_task(self._serve(key), name=f"callbacks {key[0]}")
                self._busy[key] = task
                task.add_done_callback(lambda _task, key=key: self._gone(key))  # type: ignore[misc]

    def _crowded(self, key: Key) -> bool:
        """Whether it has to wait so that others do not: those that fail may hang for seconds, each of them."""
        if self.endpoints.fails(key) and len(self._busy.keys() & self.endpoints.failing) >= self._at_once * FAILING_SHARE:
            return True
        return bool(key[2]) and sum(busy[0] == key[0] for busy in self._busy) >= PLACES_AT_ONCE

    def _gone(self, key: Key) -> None:
        task = self._busy.pop(key)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self.endpoints.rest(key)
            if isinstance(fault, UNAVAILABLE):
                log.warning("callbacks_wait_for_database", why=type(fault).__name__)
            else:
                log.error("callbacks_failed", app_id=key[0], why=repr(fault))
        if self._wanted:
            self._bell.ring()

    async def _serve(self, key: Key) -> None:
        """Batch after batch for one place, until nothing is due or the customer's server fails."""
        app_id = key[0]
        told: Sequence[int] = ()
        while (app := self._directory.snapshot.apps.get(app_id)) is not None:
            now = self._clock()
            most = 1 if self.endpoints.fails(key) else BUNDLES
            async with self._db.connection() as conn:
                bundles = await outbox.claim(conn, key, now=now, lease_until=now + LEASE_S, most=most, told=told)
                chains = await self._chains(conn, app, key, bundles) if bundles else []
            if not bundles and key not in self._wanted:
                return
            self._wanted.pop(key, None)
            if not bundles:
                told = ()
                continue
            await fault_async("callback_before_send")
            results = await self._post_all(key, chains, until=now + LEASE_S * WORKED_ON)
            told = await self._conclude(key, bundles, chains, results)
            if (error := _error(results)) is not None:
                if any(result.requests for result in results):
                    await self.endpoints.stumbled(key, LEASE_S)
                else:
                    await self.endpoints.failed(key, app, _url(chains), error)
                return
            await self.endpoints.well(key, LEASE_S)
        if told:
            async with self._db.connection() as conn:
                await outbox.delivered(conn, app_id, told, self._clock())

    async def _chains(self, conn: Connection, app: App, key: Key, bundles: Sequence[Bundle]) -> list[Chain]:
        settings = self._directory.snapshot.callbacks.get(app.id, UNSET)
        words = calls.words_of(self._renderers, native=settings.native)
        if key[1] is EventKind.REPLY:
            owners = {reply_id: bundle for bundle in bundles for reply_id in bundle.ids}
            to = recipient(app.reply_url, app.app_key, settings, self._clock())
            replies = [self._reply(row) for row in await outbox.replies(conn, app.id, list(owners))]
            return [calls.of_reply(owners[r.event_id], words[r.dialect], to, r) for r in replies]
        if key[1] is EventKind.NOTICE:
            to = recipient(settings.event_url, app.app_key, settings, self._clock())
            return [calls.of_notice(app.id, bundle, self._notices, to) for bundle in bundles]
        if key[1] is EventKind.VOICE:
            to = recipient(settings.voice_url, app.app_key, settings, self._clock())
            spoken = calls.words_of(self._voices, native=settings.native)
            return [calls.of_voice(bundle, spoken[Dialect(bundle.dialect)], to) for bundle in bundles]
        to = recipient(app.report_url, app.app_key, settings, self._clock())
        long = calls.long_messages(bundles, words)
        parts = _parts(await segments.reports_of(conn, app.id, long)) if long else {}
        return [
            calls.of_reports(some, words[Dialect(some[0].dialect)], to, app_id=app.id, context=app.context_in_reports, parts=parts)
            for some in calls.together(bundles, words)
        ]

    def _reply(self, row: Row) -> ReplyEvent:
        """Programs written for Huawei know the number they named, not the one that handsets see."""
        event = reply_event(row)
        if event.dialect is not Dialect.HUAWEI:
            return event
        numbers = self._directory.snapshot.from_numbers.values()
        named = (n.number for n in numbers if n.app_id == event.app_id and n.sign_name == event.sign_name)
        return msgspec.structs.replace(event, to=next(named, event.to))

    async def _post_all(self, key: Key, chains: Sequence[Chain], *, until: float) -> list[Told]:
        """Follow the chains, some at once; after a failure the rest is not tried."""
        results: list[Told] = []
        for begin in range(0, len(chains), AT_ONE_ENDPOINT):
            some = chains[begin : begin + AT_ONE_ENDPOINT]
            error = _error(results)
            if error is None:
                results += await asyncio.gather(*(self._follow(key, chain, until) for chain in some))
            else:
                results += [Told(why_not=error)] * len(some)
        return results

    async def _follow(self, key: Key, chain: Chain, until: float) -> Told:
        """One request after the other, to the first that fails, or as long as nobody else claims the bundles."""
        through, requests = 0, 0
        for request in chain.requests:
            if requests and self._clock() >= until:
                break
            why_not = await self._ask(key, chain.renderer, request, request.through - through)
            if why_not is not None:
                return Told(through, requests, why_not)
            through, requests = request.through, requests + 1
        return Told(through, requests)

    async def _conclude(self, key: Key, bundles: Sequence[Bundle], chains: Sequence[Chain], results: Sequence[Told]) -> list[int]:
        """Note what came of each bundle; that all were taken is noted with the next claim, to which these bundles are returned."""
        taken, events = sum(told.through for told in results), sum(chain.events for chain in chains)
        if taken:
            await fault_async("callback_2xx_before_commit")
        self._finished("delivered", taken)
        # In a call something more may have happened by now.
        if taken == events and key[1] is not EventKind.VOICE:
            return [bundle.id for bundle in bundles]
        error = _error(results)
        await self._note(key, chains, results)
        if error is not None:
            self._finished("failed", events - taken)
            log.warning("callback_failed", app_id=key[0], events=events - taken, why=error)
        return []

    async def _note(self, key: Key, chains: Sequence[Chain], results: Sequence[Told]) -> None:
        app_id, now = key[0], self._clock()
        longest_s = PROBED_S if self.endpoints.fails(key) else LONGEST_RETRY_S
        done: list[int] = []
        begun: dict[int, int] = {}
        failed: list[Failure] = []
        for chain, told in zip(chains, results, strict=True):
            for bundle, through in calls.shared_out(chain, told.through):
                all_told = through == len(bundle.ids)
                if all_told and key[1] is not EventKind.VOICE:
                    done.append(bundle.id)
                elif all_told or told.why_not is None:
                    begun[bundle.id] = through
                else:
                    attempts = 1 if through > bundle.told else bundle.attempts
                    due_at = retry_at(attempts, bundle.created_at, now, self._jitter(), longest_s=longest_s)
                    failed.append(Failure(bundle.id, due_at, through, told.why_not))
        async with self._db.connection() as conn:
            if done:
                await outbox.delivered(conn, app_id, done, now)
            if begun:
                await outbox.progress(conn, app_id, begun, now)
            if failed:
                await outbox.failed(conn, app_id, failed)

    async def _ask(self, key: Key, renderer: Renderer, request: CallbackRequest, events: int) -> str | None:
        """None when the events were taken, otherwise what went wrong in words for the customer."""
        if not request.url:
            return "no callback address is set for this kind of event"
        answer, took_ms = await post(self._post, request)
        why_not = refusal(renderer, answer)
        self.deliveries.note(key, delivery(key, request, answer, why_not, events=events, took_ms=took_ms, now=self._clock()))
        return why_not


def _url(chains: Sequence[Chain]) -> str:
    return next((request.url for chain in chains for request in chain.requests), "")


def _error(results: Sequence[Told]) -> str | None:
    return next((told.why_not for told in results if told.why_not is not None), None)


def _parts(reports: Mapping[int, Sequence[segments.SegmentReport]]) -> dict[int, tuple[Part, ...]]:
    return {
        message_id: tuple(Part(r.sequence, STATUS_OF[r.verdict], r.code, r.done_at) for r in each) for message_id, each in reports.items()
    }
