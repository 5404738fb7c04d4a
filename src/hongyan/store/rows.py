"""Rows as values."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from hongyan.kit.db import Row

T = TypeVar("T", bound=msgspec.Struct)


def one(row: Row | None, kind: type[T]) -> T | None:
    """The row as a `kind`, columns by field name; None stays None."""
    return None if row is None else msgspec.convert(dict(row), kind)


def many(rows: Iterable[Row], kind: type[T]) -> list[T]:
    """Each row as a `kind`, columns by field name."""
    return [msgspec.convert(dict(row), kind) for row in rows]
