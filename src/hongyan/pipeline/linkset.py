"""The links of this process: those of which it has a seat."""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from hongyan.model.snapshot import LinkConfig
from hongyan.pipeline.ports import Feed, Link

log = structlog.get_logger()

LinkFactory = Callable[[LinkConfig, Feed], Link]


class LinkSet:
    """Opens and closes seats as it is told. `links` is by link id and changes in place; a link without an open seat is not in it."""

    def __init__(self, *, feed: Feed, factories: Mapping[str, LinkFactory]) -> None:
        """`factories` is by protocol."""
        self.links: dict[int, Link] = {}
        self._feed = feed
        self._factories = factories
        self._numbers: dict[int, set[int]] = {}

    def knows(self, config: LinkConfig) -> bool:
        """Whether its protocol is one of ours."""
        return config.protocol in self._factories

    def open_seats(self) -> set[tuple[int, int]]:
        """Link id and number of every open seat."""
        return {(link_id, number) for link_id, numbers in self._numbers.items() for number in numbers}

    def sit(self, config: LinkConfig, number: int) -> None:
        """Open a seat; the other open seats of the link have the same `config`."""
        if config.id not in self.links:
            self.links[config.id] = self._factories[config.protocol](config, self._feed)
        self._numbers.setdefault(config.id, set()).add(number)
        self.links[config.id].open(number)
        self._feed.room_changed()

    def rise(self, link_id: int, number: int, within_s: float) -> "asyncio.Task[None]":
        """Take an open seat out of use at once; the task ends when it is closed: what it has in flight gets `within_s` for its answers."""
        link, numbers = self.links[link_id], self._numbers[link_id]
        numbers.remove(number)
        if not numbers:
            del self.links[link_id], self._numbers[link_id]
        rising = asyncio.create_task(self._close(link, number, within_s), name=f"leaving {link.config.name} session {number}")
        self._feed.room_changed()
        return rising

    async def _close(self, link: Link, number: int, within_s: float) -> None:
        try:
            await link.close(number, within_s)
        except Exception:
            log.exception("link_failed", link=link.config.name)
