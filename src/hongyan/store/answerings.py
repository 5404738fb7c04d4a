"""What applications do with replies."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.answering import Answering
from hongyan.store.times import at


async def get(conn: Connection, app_id: int) -> Answering:
    """As it was set; of an application for which nothing was, as usual."""
    found = await conn.fetchval("select settings from answerings where app_id = $1", app_id)
    return Answering() if found is None else msgspec.json.decode(found, type=Answering)


async def every(conn: Connection) -> dict[int, Answering]:
    """Of the applications for which something was set."""
    found = await conn.fetch("select app_id, settings from answerings")
    return {row[0]: msgspec.json.decode(row[1], type=Answering) for row in found}


async def put(conn: Connection, app_id: int, settings: Answering, now: float) -> None:
    await conn.execute(
        "insert into answerings (app_id, settings, changed_at) values ($1, $2::jsonb, $3) "
        "on conflict (app_id) do update set settings = excluded.settings, changed_at = excluded.changed_at",
        app_id, msgspec.json.encode(settings).decode(), at(now),
    )  # fmt: skip
