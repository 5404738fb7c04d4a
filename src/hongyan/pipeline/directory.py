"""The current snapshot, in this process, never older than a second."""

from collections.abc import Awaitable, Callable

import structlog

from hongyan.kit.bell import Bell
from hongyan.kit.db import UNAVAILABLE
from hongyan.model.snapshot import EMPTY, Snapshot

log = structlog.get_logger()


class Directory:
    """Holds the snapshot that the control plane published last."""

    def __init__(
        self,
        *,
        version: Callable[[], Awaitable[int]],
        load: Callable[[], Awaitable[Snapshot]],
        bell: Bell,
        changed: Callable[[Snapshot], None] = lambda _snapshot: None,
    ) -> None:
        self._version = version
        self._load = load
        self._bell = bell
        self._changed = changed
        self._loaded = False
        self.snapshot: Snapshot = EMPTY

    async def refresh(self) -> None:
        """Load the newest snapshot if there is a newer one."""
        if self._loaded and await self._version() == self.snapshot.version:
            return
        self.snapshot = await self._load()
        self._loaded = True
        log.info("snapshot", version=self.snapshot.version, apps=len(self.snapshot.apps))
        self._changed(self.snapshot)

    async def run(self) -> None:
        """Follow until cancelled; while the database is away the last snapshot stays good."""
        while True:
            await self._bell.wait()
            try:
                await self.refresh()
            except UNAVAILABLE as fault:
                log.warning("snapshot_kept", why=type(fault).__name__)
