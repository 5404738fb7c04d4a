"""What a list is asked for: filters, which part, in which order."""

import msgspec

from hongyan.model.message import Kind
from hongyan.model.papers import ReviewStatus, SignatureState
from hongyan.model.snapshot import Scope


class Cut(msgspec.Struct, frozen=True):
    """Which part of a list, in which order."""

    order: str = "created"
    """By "created", "changed", "name" or "status"."""
    descending: bool = True
    most: int = 10
    offset: int = 0


class AppsWanted(msgspec.Struct, frozen=True):
    """What is left out says nothing; names are looked for anywhere in a name."""

    id: int | None = None
    name: str | None = None
    scope: Scope | None = None
    """One that does not say what it is for counts as for the mainland."""
    live: bool | None = None
    """Enabled and not stopped."""
    since: float | None = None
    until: float | None = None
    """When it was made."""


class SignaturesWanted(msgspec.Struct, frozen=True):
    """As `AppsWanted`."""

    id: int | None = None
    name: str | None = None
    usage: Kind | None = None
    scope: Scope | None = None
    state: SignatureState | None = None
    app_name: str | None = None
    since: float | None = None
    until: float | None = None


class TemplatesWanted(msgspec.Struct, frozen=True):
    """As `AppsWanted`."""

    id: int | None = None
    alias: str | None = None
    """The one of this id or of this alias."""
    name: str | None = None
    kind: Kind | None = None
    scope: Scope | None = None
    status: ReviewStatus | None = None
    sign_waits: bool | None = None
    """The signature it is for is under review."""
    has_values: bool | None = None
    sign_name: str | None = None
    app_name: str | None = None
    access_key: str | None = None
    since: float | None = None
    until: float | None = None
