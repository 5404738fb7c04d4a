"""Versions of what the pipeline knows; each is announced when its transaction commits."""

from hongyan.kit.db import Connection
from hongyan.store.times import at

CHANNEL = "hongyan_snapshot"
"""NOTIFY channel; the payload is the version."""

PUBLISH_LOCK = 0x4859_5053


async def publish(conn: Connection, reason: str, now: float) -> int:
    """Make this transaction's changes a new version, announced when it commits. Its last statement: publishers wait for each other.

    Without the lock a version could commit before a smaller one, and a reader that has the larger would never look again.
    """
    await conn.execute("select pg_advisory_xact_lock($1)", PUBLISH_LOCK)
    version = int(
        await conn.fetchval("insert into snapshot_versions (published_at, reason) values ($1, $2) returning version", at(now), reason)
    )
    await conn.execute("select pg_notify($1, $2)", CHANNEL, str(version))
    return version


async def version(conn: Connection) -> int:
    """The newest committed version; 0 before the first."""
    return int(await conn.fetchval("select coalesce(max(version), 0) from snapshot_versions"))
