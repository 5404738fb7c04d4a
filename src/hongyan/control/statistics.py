"""Statistics: what an application sent and how it ended, what it has left, what one number was sent.

They are counted from the messages themselves, so a question is bounded: one application, at most 32 days, few questions at a time.
"""

import asyncio
from collections.abc import Callable

from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, own_app
from hongyan.kit import ids
from hongyan.kit.db import Database, Row
from hongyan.model.actor import Actor, Permission
from hongyan.model.message import Kind, Status
from hongyan.model.reject import Reject
from hongyan.model.statistics import Attempted, EndCount, Ended, PackageCount, SendCount
from hongyan.store import packages, statistics

DAY_S = 86_400.0
LONGEST_S = 32 * DAY_S
MOST_WORDS = 1_000
"""How many different words of carriers are told apart."""
MOST_LISTED = 1_000
PAGE_MOST = 500
AT_ONCE = 2
"""Questions of this process that count at the same time; the others wait, so that sends always find a connection."""
CLOCK_SLACK_S = 300.0


class Statistics:
    """Asked by doors, the console and commands."""

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db = db
        self._clock = clock
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def sends(self, actor: Actor, app_id: int, begin: float, end: float) -> SendCount:
        """Of the whole hours from `begin` up to `end` (Unix seconds), at most 32 days."""
        demand(actor, Permission.READ)
        _bounded(begin, end)
        async with self._turns, self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            accepted, segments = await statistics.sent(conn, app_id, from_id=ids.first_id_at(begin), to_id=ids.first_id_at(end))
            refused = await statistics.refused(conn, app_id, begin=begin, end=end)
        return SendCount(numbers=accepted + refused, accepted=accepted, segments=segments)

    async def ends(self, actor: Actor, app_id: int, begin: float, end: float) -> EndCount:
        """Of the messages accepted from `begin` up to `end` (Unix seconds), at most 32 days."""
        demand(actor, Permission.READ)
        _bounded(begin, end)
        from_id, to_id = ids.first_id_at(begin), ids.first_id_at(end)
        async with self._turns, self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            accepted, _ = await statistics.sent(conn, app_id, from_id=from_id, to_id=to_id)
            rows = await statistics.ended(conn, app_id, from_id=from_id, to_id=to_id, most=MOST_WORDS)
        return EndCount(accepted=accepted, ended=tuple([Ended(Status(row[0]), row[1], row[2]) for row in rows]))

    async def packages(
        self, actor: Actor, app_id: int, *, begin: float = 0.0, end: float | None = None, offset: int = 0, most: int = PAGE_MOST
    ) -> list[PackageCount]:
        """Those bought from `begin` up to `end` (Unix seconds; None: any time), in the order in which they were; at most 500."""
        demand(actor, Permission.MONEY_READ)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            rows = await packages.bought(conn, app_id, begin=begin, end=end, offset=max(0, offset), most=max(1, min(most, PAGE_MOST)))
        return [
            PackageCount(
                id=row.id,
                segments=row.segments,
                gone=row.used + row.held,
                gift=row.gift,
                created_at=row.created_at,
                effective_at=row.effective_at,
                expires_at=row.expires_at,
            )
            for row in rows
        ]

    async def to_number(self, actor: Actor, app_id: int, phone: int, begin: float, end: float) -> list[Attempted]:
        """What was to be sent to a number from `begin` up to `end` (Unix seconds), the newest first; at most 1,000.

        Refusals are kept for three days.
        """
        demand(actor, Permission.REVEAL)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            rows = await statistics.to_number(
                conn, app_id, phone, from_id=ids.first_id_at(begin), to_id=ids.first_id_at(end), most=MOST_LISTED
            )
        return [_attempted(row) for row in rows]

    async def converted(self, actor: Actor, app_id: int, begin: float, end: float) -> int:
        """Of the messages accepted from `begin` up to `end` (Unix seconds), at most 32 days, those whose code was typed in."""
        demand(actor, Permission.READ)
        _bounded(begin, end)
        async with self._turns, self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            return await statistics.converted(conn, app_id, from_id=ids.first_id_at(begin), to_id=ids.first_id_at(end))

    async def convert(self, actor: Actor, app_id: int, message_id: int, at: float | None = None) -> None:
        """Note that the code in this verification message was typed in, at `at` (Unix seconds; None: now). Told twice it counts once."""
        demand(actor, Permission.SEND)
        now = self._clock()
        when = now if at is None else at
        if not ids.time_of(message_id) - CLOCK_SLACK_S <= when <= now + CLOCK_SLACK_S:
            raise ControlError(
                Fault.INVALID,
                "转化时间需在短信发送之后、当前时间之前（Unix 秒）。",
                "A code is typed in after its message was sent and not in the future; the time is in Unix seconds.",
            )
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            kind = await statistics.convert(conn, app_id, message_id, converted_at=when, now=now)
        if kind is None:
            raise not_found(Noun.MESSAGE, message_id)
        if kind != Kind.VERIFICATION:
            raise ControlError(
                Fault.INVALID,
                "只有验证码短信可以上报转化。",
                "Only a verification message has a code that can be typed in.",
            )


def _bounded(begin: float, end: float) -> None:
    if not begin < end <= begin + LONGEST_S:
        raise ControlError(
            Fault.INVALID,
            "统计的起止时间有误：结束需晚于开始，且不超过 32 天。",
            "A stretch of time ends after it begins, and has at most 32 days.",
        )


def _attempted(row: Row) -> Attempted:
    return Attempted(
        id=row["id"],
        region=row["region"] if row["taken"] else row["refused_region"],
        at=ids.time_of(row["id"]),
        refused=None if row["taken"] else Reject(row["reason"]),
        text=row["text"] or "",
        segments=row["segments"] or 0,
        status=None if row["status"] is None else Status(row["status"]),
        code=row["code"] or "",
        done_at=0.0 if row["done_at"] is None else row["done_at"].timestamp(),
        kind=None if row["kind"] is None else Kind(row["kind"]),
        signed=row["signature_id"] is not None,
    )
