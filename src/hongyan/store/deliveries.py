"""What was lately sent to customers' addresses, and what they answered."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.event import EventKind
from hongyan.store import rows
from hongyan.store.times import at, epoch


class Delivery(msgspec.Struct, frozen=True):
    """One request and its answer."""

    app_id: int
    at: float
    kind: EventKind
    place: str
    url: str
    events: int
    """How many it told."""
    status: int | None
    """What was answered; None when nothing was."""
    took_ms: int
    sent: str
    """The beginning of its body."""
    answer: str
    """The beginning of the answer."""
    error: str
    """Why it was not taken; empty when it was."""
    test: bool = False
    """Asked for by a person; it told of nothing."""


class DeliveryRow(msgspec.Struct, frozen=True):
    """The same as it is kept."""

    id: int
    app_id: int
    at: float
    kind: EventKind
    place: str
    url: str
    events: int
    status: int | None
    took_ms: int
    sent: str
    answer: str
    error: str
    test: bool


COLUMNS = f"id, app_id, {epoch('at')}, kind, place, url, events, status, took_ms, sent, answer, error, test"

ADD = f"""
insert into deliveries (app_id, at, kind, place, url, events, status, took_ms, sent, answer, error, test)
select * from unnest($1::bigint[], $2::timestamptz[], $3::smallint[], $4::text[], $5::text[], $6::integer[], $7::smallint[], $8::integer[],
                     $9::text[], $10::text[], $11::text[], $12::boolean[])
returning {COLUMNS}
"""


async def add(conn: Connection, some: Sequence[Delivery]) -> list[DeliveryRow]:
    """With ids that grow."""
    columns = [list(column) for column in zip(*(msgspec.structs.astuple(delivery) for delivery in some), strict=True)]
    columns[1] = [at(seconds) for seconds in columns[1]]
    return rows.many(await conn.fetch(ADD, *columns), DeliveryRow)


async def remove(conn: Connection, app_id: int, id_: int) -> None:
    await conn.execute("delete from deliveries where app_id = $1 and id = $2", app_id, id_)


async def page(conn: Connection, *, app_id: int, before_id: int, most: int, failed: bool) -> list[DeliveryRow]:
    """The newest first; with `failed` only those that were not taken."""
    found = await conn.fetch(
        f"select {COLUMNS} from deliveries where app_id = $1 and id < $2 and (not $4 or error <> '') order by id desc limit $3",
        app_id, before_id, most, failed,
    )  # fmt: skip
    return rows.many(found, DeliveryRow)


async def tests_since(conn: Connection, app_id: int, since: float) -> int:
    """How many tests of it there were."""
    return int(await conn.fetchval("select count(*) from deliveries where app_id = $1 and test and at > $2", app_id, at(since)))


async def keep(conn: Connection, app_id: int, kind: EventKind, place: str, most: int) -> None:
    """The newest so many of one place."""
    await conn.execute(
        """delete from deliveries where app_id = $1 and kind = $2 and place = $3 and id <= (
             select id from deliveries where app_id = $1 and kind = $2 and place = $3 order by id desc offset $4 limit 1)""",
        app_id, kind, place, most,
    )  # fmt: skip


async def keep_of_app(conn: Connection, app_id: int, most: int) -> None:
    """The newest so many of an application, however many places there are."""
    await conn.execute(
        "delete from deliveries where app_id = $1 "
        "and id <= (select id from deliveries where app_id = $1 order by id desc offset $2 limit 1)",
        app_id, most,
    )  # fmt: skip


async def sweep(conn: Connection, before: float) -> None:
    """What is older goes."""
    await conn.execute("delete from deliveries where at < $1", at(before))
