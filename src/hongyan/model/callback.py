"""The request that tells a customer's server of events, as a dialect puts it."""

import msgspec


class Access(msgspec.Struct, frozen=True):
    """A key and its secret, decrypted, by which a dialect signs: never log or print it."""

    key: str
    secret: str


class Recipient(msgspec.Struct, frozen=True):
    """Where an application wants its events, and what they are signed with; the secrets are decrypted: never log or print it."""

    url: str
    """The application's address for this kind of event; empty means it has none."""
    now: float
    """Unix seconds."""
    access: Access | None = None
    """Only where the application asks for signed requests."""
    secrets: tuple[str, ...] = ()
    """Those in force, the newest first; requests of the native dialect are signed with each."""
    reply_time: bool = False
    """Huawei's uplinks say when they were written."""


class CallbackRequest(msgspec.Struct, frozen=True):
    """One request, and how far it tells: once it and those before it are taken, the first `through` events are told."""

    url: str
    body: bytes
    through: int
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
