"""Messages of all kinds from several clients at once, what each was answered, and the account of them afterwards."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec

from hongyan.doors.tencent.words import message_id
from hongyan.kit.db import UNAVAILABLE, Connection
from hongyan.model.message import Status
from journeys import invariants
from journeys.customers import Customer
from journeys.platform import all_of, phone, until

CLIENTS = 8
AT_ONCE = 10
KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("verification", {}),
    ("notice", {}),
    ("marketing", {}),
    ("notice", {"params": ["20260001", "很长的说明，" * 20]}),
)


class Promised(msgspec.Struct, frozen=True):
    """A message that was answered with Ok."""

    id: int
    phone: str
    kind: str
    segments: int


class Load:
    """`messages` of them in requests of `AT_ONCE` numbers, all numbers different."""

    def __init__(self, customer: Customer, messages: int = 2000) -> None:
        self.customer = customer
        self.promised: list[Promised] = []
        self.refused: list[str] = []
        """Numbers that were told that nothing was sent."""
        self.unanswered: list[str] = []
        self._requests: Iterator[int] = iter(range(messages // AT_ONCE))

    async def run(self) -> None:
        """Send all of it; whoever gets no answer goes on with the next request."""
        await all_of(self._client() for _ in range(CLIENTS))

    async def promises(self, count: int) -> None:
        """Wait until so many are promised."""
        await until(lambda: len(self.promised) >= count, f"{count} messages are promised", within_s=30)

    async def _client(self) -> None:
        for number in self._requests:
            kind, more = KINDS[number % len(KINDS)]
            numbers = [phone() for _ in range(AT_ONCE)]
            try:
                statuses = await self.customer.submit(numbers, kind, **more)
            except httpx2.HTTPError:
                self.unanswered += numbers
                await self.customer.ready()
                continue
            for status in statuses:
                self._note(status, kind)
            if self.refused:
                await self.customer.ready()

    def _note(self, status: dict[str, Any], kind: str) -> None:
        if status["Code"] != "Ok":
            self.refused.append(status["PhoneNumber"])
            return
        number = message_id(status["SerialNo"])
        assert number is not None
        self.promised.append(Promised(number, status["PhoneNumber"], kind, status["Fee"]))


class Account(msgspec.Struct):
    """Where the messages of a load are, as far as it should not be so. All empty when everything is well."""

    lost: list[Promised] = []
    """Promised, and neither taken by the carrier nor unknown nor in doubt."""
    repeated: list[Promised] = []
    """Taken more often than the kind allows."""
    forgotten: list[Promised] = []
    """Unknown although the carrier took it and its receipt has been acknowledged."""
    sent_anyway: list[str] = []
    """Numbers that were told that nothing was sent, and there is a message."""
    laws: dict[str, list[str]] = {}


async def settled(load: Load, *, receipts: bool = True, within_s: float = 40.0) -> None:
    """Wait until every message of the application has ended, is unknown, or is in doubt; without `receipts` submitted is an end too."""

    async def nothing_left() -> bool:
        try:
            async with load.customer.platform.database() as db, db.connection() as conn:
                return not await _unfinished(conn, load.customer.app_id, receipts=receipts)
        except UNAVAILABLE:
            return False

    await until(nothing_left, "every message has ended or is in doubt", within_s)


async def _unfinished(conn: Connection, app_id: int, *, receipts: bool) -> bool:
    query = f"select exists (select from ({invariants.UNFINISHED}) u where u.app_id = $1 and ($2 or u.queued))"
    return bool(await conn.fetchval(query, app_id, receipts))


async def account(load: Load, *, receipts: bool = True) -> Account:
    """Compare what was promised with what the carrier wrote down and with the tables."""
    platform, found = load.customer.platform, Account()
    taken = Counter((f"+{entry.phone}", entry.segment) for entry in platform.journal.entries() if not entry.status)
    async with platform.database() as db, db.connection() as conn:
        mine = load.customer.app_id
        ends = dict(await conn.fetch("select id, status from settlements where app_id = $1", mine))
        doubted = {row[0] for row in await conn.fetch("select id from queue where app_id = $1 and resolve_at is not null", mine)}
        answered = {row[0] for row in await conn.fetch("select message_id from segments where app_id = $1", mine)}
        numbers = [int(number) for number in load.refused]
        rows = await conn.fetch("select phone from messages where app_id = $1 and phone = any($2)", mine, numbers)
        found.sent_anyway = [f"+{row['phone']}" for row in rows]
        found.laws = await invariants.broken(conn, at_rest=False)
    for message in load.promised:
        copies = [taken[message.phone, sequence] for sequence in range(1, message.segments + 1)]
        unknown = ends.get(message.id) == Status.UNKNOWN
        # A carrier that was killed may have answered without having written it down.
        if not (all(copies) or unknown or message.id in doubted or (not receipts and message.id in answered)):
            found.lost.append(message)
        if max(copies) > (2 if message.kind == "notice" else 1):
            found.repeated.append(message)
        if receipts and unknown and all(copies):
            found.forgotten.append(message)
    return found


async def under(load: Load, *, at: int = 600) -> "asyncio.Task[None]":
    """The load, running, with so many messages already promised."""
    running = asyncio.create_task(load.run())
    await load.promises(at)
    return running
