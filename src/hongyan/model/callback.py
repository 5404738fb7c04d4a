"""The request that tells a customer's server of events, as a dialect puts it."""

import hashlib
import hmac
from base64 import b64encode

import msgspec

SECRET_BYTES = 24


class Access(msgspec.Struct, frozen=True):
    """A key and its secret, decrypted, by which a dialect signs: never log or print it."""

    key: str
    secret: str


class CallbackSettings(msgspec.Struct, frozen=True):
    """How an application wants its callbacks; the secrets are decrypted: never log or print them."""

    native: bool = False
    """The native body, whatever API the message came through."""
    access: Access | None = None
    """With which callbacks in Huawei's words are signed; None when they are not."""
    reply_time: bool = False
    event_url: str = ""
    voice_url: str = ""
    event_kinds: frozenset[str] = frozenset()
    secrets: tuple[tuple[str, float | None], ...] = ()
    """The newest first, each with the end of its time."""


UNSET = CallbackSettings()


def first_secret(app_key: str) -> str:
    """The secret of an application that has no other yet: it follows from the AppKey, which it does not give away."""
    return "whsec_" + b64encode(hmac.digest(app_key.encode(), b"callbacks of hongyan", hashlib.sha256)[:SECRET_BYTES]).decode()


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


def recipient(url: str, app_key: str, settings: CallbackSettings, now: float) -> Recipient:
    """The recipient at this address as the application has set it."""
    return Recipient(
        url=url,
        now=now,
        access=settings.access,
        secrets=tuple(secret for secret, ends_at in settings.secrets if ends_at is None or ends_at > now) or (first_secret(app_key),),
        reply_time=settings.reply_time,
    )
