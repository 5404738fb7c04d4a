"""What a hot door is asked and answers: no HTTP server's types, so that the server in front of it can change."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec


class Head(msgspec.Struct, frozen=True):
    """A request before its body."""

    method: str
    path: str
    query: bytes
    """As received, without the question mark."""
    headers: dict[bytes, bytes]
    """Names in lower case; of a repeated header the last counts."""


class Request(msgspec.Struct, frozen=True):
    """What a hot door gets to see."""

    method: str
    path: str
    query: bytes
    """As received, without the question mark."""
    headers: dict[bytes, bytes]
    """Names in lower case; of a repeated header the last counts."""
    body: bytes
    client: str
    """The address the request came from; behind trusted proxies the one they say."""
    too_large: bool
    """The body was over the limit; it is then given as b""."""
    request_id: str
    """A UUID (version 4) in its usual text form."""


class Response(msgspec.Struct, frozen=True):
    """What a hot door answers."""

    body: bytes
    content_type: bytes
    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ()


HotDoor: TypeAlias = Callable[[Request], Awaitable[Response]]
