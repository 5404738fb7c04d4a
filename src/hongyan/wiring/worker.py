"""The services of one process, as its roles need them."""

import asyncio
import contextlib
import functools
import os
import random
import socket
import time
from collections.abc import Mapping

import structlog

from hongyan.carriers.smpp import SmppLink
from hongyan.control import snapshots as control_snapshots
from hongyan.control.keyuse import FLUSH_S, KeyUse
from hongyan.doors import published
from hongyan.doors.huawei import manage_bounds as huawei_bounds
from hongyan.doors.ops import routes as ops
from hongyan.doors.rest import webhooks
from hongyan.doors.tencent_v5 import routes as tencent_v5
from hongyan.kit import embedded, web
from hongyan.kit.bell import Bell, Switchboard, WordBell
from hongyan.kit.db import RETRY, UNAVAILABLE, Database
from hongyan.kit.door import HotDoor
from hongyan.kit.http import GuardedClient
from hongyan.kit.loops import Job, every, together
from hongyan.kit.metrics import METRICS
from hongyan.kit.relay import Relay
from hongyan.kit.secretbox import SecretBox
from hongyan.model import numbering
from hongyan.model.message import Kind
from hongyan.model.rules.sets import RULE_SETS
from hongyan.model.snapshot import LinkConfig, Snapshot
from hongyan.model.ways import ROUTES, Route
from hongyan.pipeline.accept import SendService
from hongyan.pipeline.backlog import LOOK_S, Backlog, measure
from hongyan.pipeline.callbacks import CallbackDispatcher
from hongyan.pipeline.deliveries import FLUSH_S as FLUSH_DELIVERIES_S
from hongyan.pipeline.directory import Directory
from hongyan.pipeline.dispatch import Dispatcher
from hongyan.pipeline.engine import Engine
from hongyan.pipeline.linkset import LinkFactory, LinkSet
from hongyan.pipeline.ports import Feed
from hongyan.pipeline.receipts import ReceiptService
from hongyan.pipeline.recorder import Recorder
from hongyan.pipeline.refusals import RefusalLog
from hongyan.pipeline.replies import ReplyService
from hongyan.pipeline.routing import Reach, reach
from hongyan.pipeline.seating import Seating
from hongyan.pipeline.settle import Settler
from hongyan.pipeline.stops import Stops
from hongyan.pipeline.upkeep import Upkeep
from hongyan.pipeline.withdrawals import Withdrawals
from hongyan.settings import Settings
from hongyan.store import partitions
from hongyan.store import snapshots as stored_snapshots
from hongyan.wiring.base import SIMULATOR_LINK, secret_box
from hongyan.wiring.callbacks import RENDERERS, VOICES
from hongyan.wiring.clouds import clouds
from hongyan.wiring.office import Office

log = structlog.get_logger()


def _smpp(config: LinkConfig, feed: Feed) -> SmppLink:
    return SmppLink(config, feed, clock=time.time, monotonic=time.monotonic, jitter=random.random)


LINKS: Mapping[str, LinkFactory] = {"smpp": _smpp}
"""Carrier protocols."""


REQUESTS_END, LINKS_DRAIN, WORK_ENDS = 0.3, 0.25, 0.4
"""Shares of `shutdown_s`: for requests in flight, for answers of carriers, and for all that comes after the requests. The supervisor
kills what is still there after 0.8 of it."""
FULL_ROUNDS = 20
"""Where several dispatch, one holds as much as its links take at once at best, so often: with a rate two seconds of it."""
READY_WITHIN_S = 3.0
AWAY_S = 0.25
"""A database that is away is asked again after this."""


class Worker:
    """The services of one process, as its roles need them."""

    def __init__(self, settings: Settings, roles: frozenset[str], db: Database, box: SecretBox) -> None:
        self.roles = roles
        self._settings, self._db, self._box = settings, db, box
        self._snapshot_bell, self._queue_bell, self._outbox_bell = Bell(), Bell(), WordBell()
        self._seats_bell = Bell()
        self.directory = Directory(
            version=lambda: _version(db),
            load=lambda: control_snapshots.load(db, box, time.time(), RULE_SETS[settings.rules]),
            bell=self._snapshot_bell,
            changed=self._snapshot_changed,
        )
        self.engine = Engine(db=db, host=socket.gethostname(), pid=os.getpid(), roles="+".join(sorted(roles)), clock=time.time)
        self.receipts = ReceiptService()
        self.settler = Settler(self.directory)
        self.numbering = numbering.build()
        self.key_use = KeyUse(db)
        self.backlog = Backlog(db=db, most=settings.queue_max)
        self.linkset: LinkSet | None = None
        self.seating: Seating | None = None
        self.recorder: Recorder | None = None
        self.dispatcher: Dispatcher | None = None
        self.send: SendService | None = None
        self.refusals: RefusalLog | None = None

    def _snapshot_changed(self, snapshot: Snapshot) -> None:
        if self.seating is None:
            return
        # A simulated carrier is this node's own affair: others on the same database may have one.
        without = SIMULATOR_LINK if self._settings.simulator == "off" else None
        self.seating.follow(tuple(link for link in snapshot.links if link.name != without))

    async def start(self) -> None:
        """Construct what the roles need; loops do not run yet."""
        await self.engine.register()
        if "dispatch" in self.roles:
            self._build_dispatch()
        await self.directory.refresh()
        if self.seating is not None:
            await self.seating.look()
        # The native API sends, too; where the doors are elsewhere its messages are claimed like any other process's.
        if self.roles & {"api", "console", "jobs"}:
            self.send = SendService(
                db=self._db,
                directory=self.directory,
                dispatcher=self.dispatcher,
                numbering=self.numbering,
                clock=time.time,
                new_id=self.engine.new_id,
                group_max=self._settings.accept_group_max,
                waiting_max=self._settings.max_backlog,
                refuses=self.backlog.refuses,
            )
            self.refusals = RefusalLog(db=self._db, directory=self.directory, send=self.send, clock=time.time, new_id=self.engine.new_id)

    def _reach(self) -> dict[Route, Reach]:
        if self.linkset is None or self.seating is None:
            return dict.fromkeys(ROUTES.values(), Reach.ELSEWHERE)
        configured, alone = self.seating.configs.values(), self.seating.alone
        bound = [link.config for link in self.linkset.links.values() if link.up]
        return {route: reach(route, configured, bound, alone=alone) for route in ROUTES.values()}

    def _soon(self) -> int:
        if self.linkset is None or self.seating is None or self.seating.alone:
            return self._settings.dispatch_capacity
        return min(self._settings.dispatch_capacity, FULL_ROUNDS * sum(link.most for link in self.linkset.links.values() if link.up))

    def _build_dispatch(self) -> None:
        replies = self._replies()
        self.recorder = Recorder(db=self._db, receipts=self.receipts, replies=replies, settler=self.settler, clock=time.time)
        self.linkset = LinkSet(feed=self.recorder, factories=LINKS)
        self.seating = Seating(
            engine=self.engine,
            linkset=self.linkset,
            bell=self._seats_bell,
            monotonic=time.monotonic,
            drain_s=self._settings.shutdown_s * LINKS_DRAIN,
        )
        self.dispatcher = Dispatcher(
            db=self._db,
            recorder=self.recorder,
            links=self.linkset.links,
            reach=self._reach,
            numbering=self.numbering,
            clock=time.time,
            bell=self._queue_bell,
            engine=self.engine.id,
            renew=self.engine.renew,
            capacity=self._settings.dispatch_capacity,
            soon=self._soon,
            senders=lambda: self.directory.snapshot.senders,
            apps=lambda: self.directory.snapshot.apps,
        )
        self.engine.died = self._identity_ended
        self.engine.reborn = self._identity_taken

    def _identity_ended(self) -> None:
        if self.dispatcher is not None and self.seating is not None:
            self.dispatcher.disown()
            self.seating.lost()

    def _identity_taken(self, engine: int) -> None:
        if self.dispatcher is not None:
            self.dispatcher.reincarnate(engine)
            self._seats_bell.ring()

    def jobs(self) -> dict[str, Job]:
        """What runs for as long as the process does, by name."""
        bells = {"hongyan_snapshot": self._snapshot_bell, "hongyan_queue": self._queue_bell, "hongyan_outbox": self._outbox_bell}
        if self.seating is not None:
            bells["hongyan_seats"] = self._seats_bell
        jobs: dict[str, Job] = {
            "switchboard": Switchboard(self._db, bells).run,
            "directory": self.directory.run,
            "engine": self.engine.run,
        }
        if self.send is not None and self.refusals is not None:
            jobs["accept"] = self.send.run
            jobs["key use"] = functools.partial(every, FLUSH_S, self.key_use.flush, name="key use", expected=UNAVAILABLE)
            jobs["refusals"] = self.refusals.run
            jobs["backlog"] = functools.partial(every, LOOK_S, self.backlog.look, name="backlog", expected=RETRY)
        if self.recorder is not None and self.dispatcher is not None and self.seating is not None:
            jobs |= {"recorder": self.recorder.run, "dispatcher": self.dispatcher.run, "claims": self.dispatcher.run_claims}
            jobs["seats"] = self.seating.run
            jobs["measure links"] = functools.partial(every, 1.0, self._measure_links, name="measure links")
        jobs["partitions"] = functools.partial(every, 3600.0, self._ensure_partitions, name="partitions", expected=UNAVAILABLE)
        if "callbacks" in self.roles:
            jobs |= self._callback_jobs()
        if "jobs" in self.roles:
            jobs |= self._upkeep() | self._office.jobs()
        return jobs

    async def _ensure_partitions(self) -> None:
        async with self._db.connection() as conn:
            await partitions.ensure(conn, time.time())

    async def _measure_links(self) -> None:
        if self.linkset is None or self.seating is None:
            return
        for link_id, config in self.seating.configs.items():
            link = self.linkset.links.get(link_id)
            METRICS.link(config.name, up=link is not None and link.up, in_flight=0 if link is None else link.in_flight)

    def _upkeep(self) -> dict[str, Job]:
        upkeep = Upkeep(
            db=self._db,
            directory=self.directory,
            receipts=self.receipts,
            settler=self.settler,
            clock=time.time,
            queue_max=self._settings.queue_max,
        )
        stops = Stops(db=self._db, directory=self.directory, settler=self.settler, clock=time.time)
        withdrawals = Withdrawals(db=self._db, directory=self.directory, settler=self.settler, clock=time.time)
        rounds: dict[str, tuple[float, Job]] = {
            "bury the dead": (1.0, upkeep.bury_the_dead),
            "gather strays": (30.0, upkeep.gather_strays),
            "measure": (LOOK_S, self._measure_queue),
            "resolve doubts": (0.5, upkeep.resolve_doubts),
            "wake what sleeps until its time": (1.0, upkeep.wake),
            "let marketing rest": (2.0, upkeep.lull),
            "retry parked receipts": (0.25, upkeep.retry_parked),
            "give up waiting for parts of replies": (5.0, self._give_up_waiting),
            "expire": (60.0, upkeep.expire),
            "take back what is stopped": (0.5, stops.take_back),
            "take back what nobody wants": (0.25, withdrawals.take_back_listed),
            "end what was held too long": (5.0, stops.end_held),
            "sweep": (3600.0, upkeep.sweep),
        }
        return {name: functools.partial(every, seconds, job, name=name, expected=UNAVAILABLE) for name, (seconds, job) in rounds.items()}

    @functools.cached_property
    def _office(self) -> Office:
        assert self.refusals is not None  # noqa: S101 - roles that ask for it have one
        assert self.send is not None  # noqa: S101 - as above
        return Office(
            settings=self._settings,
            db=self._db,
            box=self._box,
            directory=self.directory,
            send=self.refusals,
            preview=self.send.preview,
            new_id=self.engine.new_id,
            key_used=self._key_used,
        )

    def _unhurried(self) -> dict[str, web.Application]:
        """What the process with the role `console` answers, others by way of its socket: by how its paths begin."""
        if "console" in self.roles:
            return {"/api/": self._office.native(), "/v2/": self._office.huawei()}
        return dict.fromkeys(("/api/", "/v2/"), Relay(self._settings.office_socket))

    def _key_used(self, secret_id: str, address: str) -> None:
        self.key_use.note(secret_id, address, time.time())

    async def _measure_queue(self) -> None:
        depth = await measure(self._db, self._settings.queue_max, time.monotonic)
        for kind in Kind:
            METRICS.queue(kind.name.lower(), 0 if depth is None else depth.waiting[kind])

    def _replies(self) -> ReplyService:
        return ReplyService(directory=self.directory, settler=self.settler, new_id=self.engine.new_id)

    async def _give_up_waiting(self) -> None:
        await self._replies().give_up_waiting(self._db, time.time())

    def _callback_jobs(self) -> dict[str, Job]:
        dispatcher = self._callbacks()
        rounds: dict[str, tuple[float, Job]] = {
            "deliveries": (FLUSH_DELIVERIES_S, dispatcher.deliveries.flush),
            "sweep deliveries": (3600.0, dispatcher.deliveries.sweep),
            "sweep endpoints": (3600.0, dispatcher.endpoints.sweep),
        }
        jobs: dict[str, Job] = {"callbacks": dispatcher.run}
        for name, (seconds, job) in rounds.items():
            jobs[name] = functools.partial(every, seconds, job, name=name, expected=UNAVAILABLE)
        return jobs

    def _callbacks(self) -> CallbackDispatcher:
        client = GuardedClient(allow=self._settings.callback_allow, timeout_s=self._settings.callback_timeout_s)
        return CallbackDispatcher(
            db=self._db,
            directory=self.directory,
            post=client.post,
            renderers=RENDERERS,
            notices=webhooks,
            voices=VOICES,
            clock=time.time,
            jitter=random.random,
            bell=self._outbox_bell,
            at_once=self._settings.callbacks_at_once,
            finished=METRICS.callbacks,
        )

    def application(self, *, relayed: bool = False) -> web.HotPaths:
        """What is served over HTTP: the doors of an api process, the native API, and for any process what operators ask."""
        doors: dict[str, HotDoor] = {}
        if self.refusals is not None and "api" in self.roles:
            doors |= clouds(self._settings, self._db, self.directory, self.refusals, self._key_used)
        return web.HotPaths(
            doors,
            web.by_prefix(self._unhurried(), web.starlette([*ops.routes(self._ready, published.served()), *tencent_v5.routes()])),
            body_limit=self._settings.max_body,
            trusted_proxies=self._settings.trusted_proxies,
            seen=METRICS.http,
            relayed=relayed,
            too_large={"/v2/": huawei_bounds.too_large},
        )

    async def _ready(self) -> Mapping[str, str]:
        """What is not ready, by name; empty when all is."""
        problems: dict[str, str] = {}
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await _version(self._db)
        except RETRY as fault:
            problems["database"] = f"does not answer ({type(fault).__name__})"
        if self.send is not None and self.send.stuck:
            problems["commits"] = "are not answered (does the database wait for a standby that is away?)"
        # Whoever has no session while others have sends through them.
        if self.seating is not None and self.linkset is not None:
            links = self.linkset.links.values()
            if (links or self.seating.alone) and not any(link.up for link in links):
                problems["links"] = "no link to a carrier is bound"
        return problems

    async def stop(self) -> None:
        """Finish what is in flight: answers to requests, then to carriers, then unbind."""
        if self.send is not None and self.refusals is not None:
            await self.send.drain()
            await self.refusals.flush()
        if self.dispatcher is not None and self.seating is not None and self.recorder is not None:
            await self.dispatcher.stop()
            await self.seating.stop()
            await self.recorder.drain()


async def _version(db: Database) -> int:
    async with db.connection() as conn:
        return await stored_snapshots.version(conn)


async def run_worker(settings: Settings, roles: frozenset[str], listen: socket.socket | None, stop: asyncio.Event) -> None:
    """Be one process of the platform until `stop`, then finish what is in flight within `settings.shutdown_s`."""
    url = settings.database_url or embedded.url(settings.data_dir)
    if url is None:
        raise RuntimeError(f"no database: neither HONGYAN_DATABASE_URL nor an embedded one in {settings.data_dir}")
    begun = await _begin(settings, roles, url, stop)
    if begun is None:
        return
    db, worker = begun
    over = asyncio.Event()
    running = asyncio.create_task(together(over, worker.jobs(), expected=UNAVAILABLE), name="jobs")
    try:
        patience_s = settings.shutdown_s * REQUESTS_END
        if listen is not None:
            await web.serve(worker.application(), listen, stop=stop, patience_s=patience_s)
        elif "console" in roles:
            with web.unix_socket(settings.office_socket) as office:
                await web.serve(worker.application(relayed=True), office, stop=stop, patience_s=patience_s)
        await stop.wait()
        async with asyncio.timeout(settings.shutdown_s * WORK_ENDS):
            await worker.stop()
    except TimeoutError:
        log.warning("stopped_with_work_in_flight", roles=sorted(roles))
    finally:
        over.set()
        await running
        await db.close()


async def _begin(settings: Settings, roles: frozenset[str], url: str, stop: asyncio.Event) -> tuple[Database, Worker] | None:
    """A worker that is ready to run, as soon as the database is there; None when `stop` came first."""
    box = secret_box(settings)
    while not stop.is_set():
        try:
            db = await Database.open(url, size=settings.database_connections, pipeline=True)
            worker = Worker(settings, roles, db, box)
            try:
                await worker.start()
            except BaseException:
                worker.engine.renew()
                await db.close()
                raise
        except UNAVAILABLE as fault:
            log.warning("start_waits_for_database", why=type(fault).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AWAY_S):
                    await stop.wait()
        else:
            return db, worker
    return None
