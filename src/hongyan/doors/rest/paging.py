"""Lists in pages: a cursor stands for the last item seen, so that nothing is shown twice or left out when rows come in between."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeAlias, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel, Field

from hongyan.doors.rest.problems import Refused

T = TypeVar("T")
R = TypeVar("R")
K = TypeVar("K", int, str)

MOST = 200

Limit: TypeAlias = Annotated[int, Query(ge=1, le=MOST, description="The most items of a page.")]
Cursor: TypeAlias = Annotated[str | None, Query(max_length=200, description="`next` of the page before; leave it out for the first.")]


class Page(BaseModel, Generic[T]):
    """Some items of a list."""

    items: list[T]
    next: str | None = Field(default=None, description="The cursor of the next page; null on the last.")


def after(cursor: str | None, start: int = 0) -> int:
    """The number a page begins after. Raises Refused for what is no cursor of ours."""
    return start if cursor is None else _read(cursor, int)


def text_after(cursor: str | None) -> str:
    """The text a page begins after, for lists in the order of texts."""
    return "" if cursor is None else _read(cursor, str)


def _read(cursor: str, kind: type[K]) -> K:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cursor.encode()), type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise Refused(
            422,
            "bad_cursor",
            "cursor 不是上一页的 next：请从第一页重新开始。",
            "The cursor is not `next` of a page before: begin again with the first page.",
        ) from None


def cursor_of(place: int | str) -> str:
    """What stands for everything up to this one."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


def page(rows: Sequence[R], most: int, place: Callable[[R], int | str], shown: Callable[[R], T]) -> Page[T]:
    """The first `most` of rows of which one more was asked for: with it one knows whether there is another page."""
    kept = rows[:most]
    return Page[T](items=[shown(row) for row in kept], next=cursor_of(place(kept[-1])) if len(rows) > most else None)
