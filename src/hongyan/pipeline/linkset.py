"""The links of this process, kept as the snapshot says."""

import asyncio
from collections.abc import Callable, Iterable, Mapping

import structlog

from hongyan.model.snapshot import LinkConfig
from hongyan.pipeline.ports import Feed, Link

log = structlog.get_logger()

LinkFactory = Callable[[LinkConfig, Feed], Link]


class LinkSet:
    """Starts, replaces and stops links. `links` is by link id and changes in place."""

    def __init__(self, *, feed: Feed, factories: Mapping[str, LinkFactory], drain_s: float) -> None:
        """`factories` is by protocol; a link that is taken away gets `drain_s` for what it has in flight."""
        self.links: dict[int, Link] = {}
        self._feed = feed
        self._factories = factories
        self._drain_s = drain_s
        self._running: dict[int, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def follow(self, configs: Iterable[LinkConfig]) -> None:
        """Make the links these."""
        wanted = {config.id: config for config in configs if config.enabled}
        for link_id, link in list(self.links.items()):
            if wanted.get(link_id) != link.config:
                self._retire(link_id)
        for link_id, config in wanted.items():
            if link_id not in self.links:
                self._start(config)
        self._feed.room_changed()

    async def stop(self) -> None:
        """Let every link end what it has in flight, then unbind."""
        for link_id in list(self.links):
            self._retire(link_id)
        if self._leaving:
            await asyncio.wait(self._leaving)

    def _start(self, config: LinkConfig) -> None:
        factory = self._factories.get(config.protocol)
        if factory is None:
            log.error("link_protocol_unknown", link=config.name, protocol=config.protocol)
            return
        link = factory(config, self._feed)
        self.links[config.id] = link
        self._running[config.id] = asyncio.create_task(self._run(link), name=f"link {config.name}")

    async def _run(self, link: Link) -> None:
        try:
            await link.run()
        except Exception:
            log.exception("link_failed", link=link.config.name)

    def _retire(self, link_id: int) -> None:
        link, task = self.links.pop(link_id), self._running.pop(link_id)
        leaving = asyncio.create_task(self._leave(link, task), name=f"leaving {link.config.name}")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _leave(self, link: Link, task: asyncio.Task[None]) -> None:
        await link.drain(self._drain_s)
        task.cancel()
        await asyncio.wait([task])
