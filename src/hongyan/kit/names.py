"""Names looked up on threads of their own: one whose servers are silent holds up no other, nor the end of the process.

An event loop's own look-ups share a few threads (uvloop's two), each of which is taken for as long as the system waits for an answer: ten
seconds and more. Whoever may give names could stop everybody's.
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import TypeAlias

Lookup: TypeAlias = Callable[[str], list[str]]
"""The addresses of a name, as text; waits. Raises OSError when there are none."""

MOST = 256
"""Names that are asked for at once; a thread each."""


def system_lookup(host: str) -> list[str]:
    """The addresses that this machine's resolver knows."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as fault:
        raise OSError(str(fault)) from fault
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Names:
    """Who asks for a name that is being asked for waits for the same answer; no answer is kept."""

    def __init__(self, lookup: Lookup = system_lookup, *, most: int = MOST) -> None:
        self._lookup = lookup
        self._most = most
        self._asked: dict[str, asyncio.Future[list[str] | OSError]] = {}

    async def __call__(self, host: str, _port: int) -> list[str]:
        """The addresses of a host, as text. Raises OSError when there are none, or too many names are being asked for."""
        with contextlib.suppress(ValueError):
            return [str(ipaddress.ip_address(host))]
        # Whoever goes away leaves the others their answer.
        found = await asyncio.shield(self._asked.get(host) or self._ask(host))
        if isinstance(found, OSError):
            raise OSError(*found.args)
        return found

    def _ask(self, host: str) -> "asyncio.Future[list[str] | OSError]":
        if len(self._asked) >= self._most:
            raise OSError("too many names are being looked up")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str] | OSError] = loop.create_future()

        def told(found: list[str] | OSError) -> None:
            del self._asked[host]
            answer.set_result(found)

        def ask() -> None:
            found: list[str] | OSError
            try:
                found = self._lookup(host)
            except OSError as fault:
                found = fault
            # The loop may be over by then.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(told, found)

        threading.Thread(target=ask, name=f"name {host}", daemon=True).start()
        self._asked[host] = answer
        return answer
