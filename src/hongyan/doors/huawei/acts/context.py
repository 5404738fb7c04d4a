"""Who asks the management API, and through which address."""

from typing import Protocol

import msgspec

from hongyan.model.actor import Actor
from hongyan.model.snapshot import Snapshot


class Directory(Protocol):
    """Where the door reads keys and accounts."""

    @property
    def snapshot(self) -> Snapshot: ...


class Asker(msgspec.Struct, frozen=True):
    """Whose request it is, proved by its signature."""

    actor: Actor
    account_id: int
    account_name: str
    origin: str
    """Where the request was sent to, such as https://sms.example.com."""
