"""A callback dispatcher on a real PostgreSQL whose clock and customers' servers are in the test's hand."""

import asyncio
import contextlib
import itertools
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from acting import OPERATOR
from hongyan.control.apps import AppChange
from hongyan.control.plane import ControlPlane, assemble
from hongyan.doors.rest import webhooks
from hongyan.kit import ids
from hongyan.kit.bell import WordBell
from hongyan.kit.db import Connection, Database
from hongyan.kit.http import Answer, Failed
from hongyan.kit.secretbox import SecretBox
from hongyan.model.context import Context, pack
from hongyan.model.message import Dialect, Kind, Status
from hongyan.model.snapshot import AccountKind, Snapshot
from hongyan.model.snapshot import Scope as Region
from hongyan.pipeline.callbacks import CallbackDispatcher
from hongyan.pipeline.deliveries import Poster
from hongyan.pipeline.directory import Directory
from hongyan.store import messages, partitions, settlements
from hongyan.store.messages import NewMessage, Scope
from hongyan.store.settlements import Ending
from hongyan.wiring import RENDERERS, VOICES

names = (f"dispatching {n}" for n in itertools.count(1))
phones = itertools.count(8613400000000)
TAKEN = Answer(200, b'{"result":0}')


class Clock:
    """Stands still unless it is moved."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Server:
    """All customers' servers: `answer` decides, `asked` remembers."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.answer: Callable[[str, bytes], Answer | Failed | Awaitable[Answer | Failed]] = lambda _url, _body: TAKEN

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer | Failed:
        self.asked.append((url, body, headers))
        answer = self.answer(url, body)
        return answer if isinstance(answer, (Answer, Failed)) else await answer

    def to(self, url: str) -> list[bytes]:
        return [body for asked, body, _ in self.asked if asked == url]


class World:
    """Applications with messages that have ended."""

    def __init__(self, db: Database, now: float) -> None:
        self.db = db
        self.clock = Clock(now)
        self.server = Server()
        self.bell = WordBell()
        self.control: ControlPlane = assemble(
            db, SecretBox(bytes(32), os.urandom), clock=self.clock, entropy=os.urandom, check_url=lambda _url: None
        )
        self.new_id = ids.generator(6, self.clock)
        self.mine: set[int] = set()

    async def app(self, **change: Any) -> int:
        account = await self.control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)
        app = (await self.control.apps.create(OPERATOR, account.id, "shop")).app
        self.mine.add(app.id)
        await self.control.packages.buy(OPERATOR, app.id, Region.MAINLAND, 100_000)
        if change:
            await self.control.apps.change(OPERATOR, app.id, AppChange(**change))
        return app.id

    async def end(
        self, app_id: int, count: int, *, dialect: Dialect = Dialect.TENCENT_V3, url: str = "", bundles: int = 1, segments: int = 1
    ) -> list[int]:
        """So many messages in each of so many settlements, delivered; their ids."""
        done: list[int] = []
        async with self.db.connection() as conn:
            await partitions.ensure(conn, self.clock())
            for _ in range(bundles):
                done += await self._end(conn, app_id, count, (Kind.NOTICE, dialect, segments, 600.0), pack(Context("", url)))
        return done

    async def _end(self, conn: Connection, app_id: int, count: int, head: tuple[Kind, Dialect, int, float], context: str) -> list[int]:
        snapshot = await self.control.snapshots.load()
        [package] = snapshot.packages[app_id, Region.MAINLAND]
        tail = (1, 1, package.id, 77, "CN", "text", context, "", "", "", 2)
        rows = [NewMessage(0, 0, 5, 9, self.new_id(), next(phones), *head, *tail) for _ in range(count)]
        scope = Scope(since_id=ids.first_id_at(self.clock() - 3600), most=11, packages=[package.id])
        assert await messages.promise(conn, app_id, rows, scope, [], now=self.clock()) is not None
        endings = [Ending(app_id, row.id, Status.DELIVERED, "DELIVRD", charge=True, link_id=1, done_at=self.clock()) for row in rows]
        app = snapshot.apps[app_id]
        await settlements.settle(conn, app_id, endings, callback=bool(app.report_url), pull=app.pull, now=self.clock())
        return [row.id for row in rows]

    @contextlib.asynccontextmanager
    async def dispatching(self, at_once: int = 64, seed: int = 1, post: Poster | None = None) -> AsyncIterator[CallbackDispatcher]:
        async def load() -> Snapshot:
            snapshot = await self.control.snapshots.load()
            # What others' tests are owed is none of this one's.
            return msgspec.structs.replace(
                snapshot,
                apps={id_: app for id_, app in snapshot.apps.items() if id_ in self.mine},
                access={key: access for key, access in snapshot.access.items() if access.app_id in self.mine},
            )

        directory = Directory(version=self.control.snapshots.version, load=load, bell=WordBell())
        await directory.refresh()
        dispatcher = CallbackDispatcher(
            db=self.db, directory=directory, post=post or self.server, renderers=RENDERERS, notices=webhooks, voices=VOICES,
            clock=self.clock, jitter=random.Random(seed).random,  # noqa: S311 - a game of chance that can be played again
            bell=self.bell, at_once=at_once, poll_s=0.005,
        )  # fmt: skip
        running = asyncio.create_task(dispatcher.run())
        try:
            yield dispatcher
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def states(self, app_id: int) -> Sequence[int]:
        async with self.db.connection() as conn:
            rows = await conn.fetch("select callback from outbox where app_id = $1 order by id", app_id)
        return [row[0] for row in rows]


async def until(
    true: Callable[[], bool | Awaitable[bool]], what: str, within_s: float = 20.0, step: Callable[[], None] = lambda: None
) -> None:
    """Wait; `step` is taken between looks, for a clock that is moved."""
    end = asyncio.get_running_loop().time() + within_s
    while True:
        found = true()
        if found if isinstance(found, bool) else await found:
            return
        assert asyncio.get_running_loop().time() < end, f"not within {within_s} s: {what}"
        step()
        await asyncio.sleep(0.01)
