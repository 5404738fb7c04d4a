"""Rows as values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from hongyan.kit.db import Row

T = TypeVar("T", bound=msgspec.Struct)


def one(row: Row | None, kind: type[T]) -> T | None:
    """The row as a `kind`, columns by field name; None stays None."""
    return None if row is None else msgspec.convert(dict(row), kind)


def many(rows: Iterable[Row | Mapping[str, object]], kind: type[T]) -> list[T]:
    """Each row as a `kind`, columns by field name."""
    return [msgspec.convert(dict(row), kind) for row in rows]


def by_app(found: Sequence[Row]) -> dict[int, list[int]]:
    """Rows of (app_id, id) as ids by application, always in the same order.

    What was found over all applications is locked or changed in one after the other: each is on one server.
    """
    ids: dict[int, list[int]] = {}
    for app_id, id_ in sorted((row[0], row[1]) for row in found):
        ids.setdefault(app_id, []).append(id_)
    return ids
