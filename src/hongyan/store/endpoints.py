"""Addresses that do not take their callbacks: a row for each as long as it fails."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.event import EventKind
from hongyan.store import rows
from hongyan.store.outbox import Key
from hongyan.store.times import at, epoch


class EndpointRow(msgspec.Struct, frozen=True):
    """One that fails."""

    app_id: int
    kind: EventKind
    place: str
    """Empty for the application's own address; else the beginning of those that messages named."""
    url: str
    """The one that was asked last."""
    failures: int
    """In a row."""
    failing_since: float
    failed_at: float
    paused_at: float | None
    """From then on it is only asked now and then whether it is well again."""
    error: str


COLUMNS = f"app_id, kind, place, url, failures, {epoch('failing_since')}, {epoch('failed_at')}, {epoch('paused_at')}, error"

FAILED = f"""
insert into endpoints as e (app_id, kind, place, url, failures, failing_since, failed_at, error)
values ($1, $2, $3, $4, 1, $5, $5, $6)
on conflict (app_id, kind, place) do update
   set url = excluded.url, failures = e.failures + 1, failed_at = excluded.failed_at, error = excluded.error
returning {COLUMNS}
"""


async def failed(conn: Connection, key: Key, url: str, error: str, now: float) -> EndpointRow:
    """Once more."""
    row = await conn.fetchrow(FAILED, *key, url, at(now), error[:500])
    return msgspec.convert(dict(row), EndpointRow)


async def pause(conn: Connection, key: Key, now: float) -> bool:
    """Whether it was not paused before: whoever is first tells of it."""
    done = await conn.fetchval(
        "update endpoints set paused_at = $4 where app_id = $1 and kind = $2 and place = $3 and paused_at is null returning true",
        *key, at(now),
    )  # fmt: skip
    return done is True


async def well(conn: Connection, key: Key) -> int:
    """It takes them again; how often in a row it had failed."""
    had = await conn.fetchval("delete from endpoints where app_id = $1 and kind = $2 and place = $3 returning failures", *key)
    return had or 0


async def get(conn: Connection, key: Key) -> EndpointRow | None:
    """None when it takes them."""
    row = await conn.fetchrow(f"select {COLUMNS} from endpoints where app_id = $1 and kind = $2 and place = $3", *key)
    return None if row is None else msgspec.convert(dict(row), EndpointRow)


async def every(conn: Connection) -> list[EndpointRow]:
    """All that fail."""
    return rows.many(await conn.fetch(f"select {COLUMNS} from endpoints"), EndpointRow)


async def page(conn: Connection, *, account_id: int | None, app_id: int | None, most: int) -> list[EndpointRow]:
    """Those of an account or an application, or all; the longest failing first."""
    found = await conn.fetch(
        f"select {COLUMNS} from endpoints where ($1::bigint is null or app_id in (select id from apps where account_id = $1)) "
        "and ($2::bigint is null or app_id = $2) order by endpoints.failing_since, app_id, kind, place limit $3",
        account_id, app_id, most,
    )  # fmt: skip
    return rows.many(found, EndpointRow)


async def forget(conn: Connection, before: float) -> None:
    """Those that nobody has asked since then: nothing is owed to them any more."""
    await conn.execute("delete from endpoints where failed_at < $1", at(before))
