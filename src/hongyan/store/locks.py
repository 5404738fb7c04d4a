"""Locks on buckets of things rather than on each: the lock table stays small whatever arrives."""

from collections.abc import Iterable

from hongyan.kit.db import Connection


async def lock(conn: Connection, space: int, buckets: Iterable[int]) -> None:
    """Hold these buckets of a space until the transaction ends; whoever has one of them is waited for.

    Taken in sorted order, so that two who lock several cannot deadlock.
    """
    await conn.execute("select pg_advisory_xact_lock($1, b) from unnest($2::int[]) b", space, sorted(set(buckets)))
