"""How far a job has come with an application, by message id."""

from hongyan.kit.db import Connection

PAYS = "pays"
"""No place that a job has come to: the application has had a package or credit, so it may have sent something."""
TOLD = "is told of"
"""Nor this: the application is, or was, told of events beside its messages."""
EXPIRED = "expired up to"
"""Messages up to it have been looked at after their 72 hours: what had left the queue is settled."""


async def get(conn: Connection, app_id: int, name: str) -> int | None:
    """The mark, locked until the transaction ends; None when the job has never run."""
    value: int | None = await conn.fetchval("select value from watermarks where app_id = $1 and name = $2 for update", app_id, name)
    return value


async def set_to(conn: Connection, app_id: int, name: str, value: int) -> None:
    """Move the mark."""
    await conn.execute(
        """insert into watermarks (app_id, name, value) values ($1, $2, $3)
           on conflict (app_id, name) do update set value = excluded.value""",
        app_id, name, value,
    )  # fmt: skip


async def pays(conn: Connection, app_id: int) -> None:
    """From now on it is among those that may have sent something."""
    await conn.execute("insert into watermarks (app_id, name, value) values ($1, $2, 0) on conflict do nothing", app_id, PAYS)


async def begin(conn: Connection, app_id: int, name: str, value: int) -> None:
    """Have a mark when there is none; who does the same at this moment waits for the other."""
    await conn.execute("insert into watermarks (app_id, name, value) values ($1, $2, $3) on conflict do nothing", app_id, name, value)
