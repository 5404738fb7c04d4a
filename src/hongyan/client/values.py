"""What the native API says, as values. Times are Unix seconds; message ids are texts, since they are larger than JSON's readers expect."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Recipient(msgspec.Struct, frozen=True, omit_defaults=True):
    """A number, with values and a context of its own."""

    phone: str
    params: list[str] | None = None
    context: str | None = None


class Result(msgspec.Struct, frozen=True):
    """What became of one number, in the order they were given."""

    phone: str
    status: str
    """"accepted" or "refused"."""
    message_id: str | None = None
    segments: int = 0
    region: str = ""
    code: str | None = None
    """Why it was refused, for programs."""
    detail: str | None = None
    """Why it was refused, for people."""


class Sent(msgspec.Struct, frozen=True):
    accepted: int
    results: list[Result]


class Entry(msgspec.Struct, frozen=True):
    at: float
    step: str
    text: str


class Timeline(msgspec.Struct, frozen=True):
    """One message from its promise to its end."""

    message_id: str
    app_id: int
    phone: str
    kind: str
    segments: int
    status: str
    code: str
    entries: list[Entry]


class Cause(msgspec.Struct, frozen=True):
    """One thing that explains what became of a message, and what to do about it."""

    cause: str
    """For programs: check.*, carrier.* or path.*."""
    who: str
    """Who can do something about it: caller, recipient, operator, carrier or nobody."""
    text: str
    advice: str
    seen: str = ""
    """What it was concluded from."""


class RawCode(msgspec.Struct, frozen=True):
    """A code as the carrier or the platform said it, for support."""

    code: str
    stage: str
    segment: int
    sources: list[str]
    text: str


class Taken(msgspec.Struct, frozen=True):
    """A segment that a carrier took, under the carrier's id."""

    segment: int
    total: int
    link: str
    carrier_id: str
    submitted_at: float


class Explanation(msgspec.Struct, frozen=True):
    """Why somebody got a message late, or not, or why that is not known."""

    message_id: str | None
    """None: it was refused, nothing was promised."""
    app_id: int
    phone: str
    at: float
    kind: str | None
    status: str
    code: str
    request_id: str
    causes: list[Cause]
    """In front what decides."""
    hops: list[Entry]
    codes: list[RawCode]
    taken: list[Taken]


class Inquiry(msgspec.Struct, frozen=True):
    """What a number was to be sent of late, each explained; `causes` when there is none."""

    phone: str
    since: float
    explanations: list[Explanation]
    causes: list[Cause]


class Glance(msgspec.Struct, frozen=True):
    """A message in a list."""

    message_id: str
    app_id: int
    phone: str
    kind: str
    segments: int
    accepted_at: float
    status: str
    code: str


class Schedule(msgspec.Struct, frozen=True):
    """A send that waits, or what became of it."""

    id: str
    app_id: int
    send_at: float
    state: str
    numbers: int
    created_at: float
    accepted: int | None
    outcome: str


class App(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    name: str
    enabled: bool
    limits: dict[str, int]
    pull: bool
    report_url: str
    reply_url: str


class NewKey(msgspec.Struct, frozen=True):
    """The only time the secret is shown."""

    secret_id: str
    secret_key: str


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong with a draft."""

    code: str
    refuses: bool
    detail: str
    at: int | None


class Linted(msgspec.Struct, frozen=True):
    good: bool
    findings: list[Finding]
    segments: int


class Signature(msgspec.Struct, frozen=True):
    id: int
    name: str
    scope: str
    status: str
    reasons: list[str]
    note: str


class Template(msgspec.Struct, frozen=True):
    id: int
    name: str
    kind: str
    scope: str
    content: str
    status: str
    reasons: list[str]
    note: str


class Review(msgspec.Struct, frozen=True):
    id: int
    kind: str
    subject_id: int
    account_id: int
    title: str
    facts: dict[str, Any]
    state: str
    due_at: float


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some items of a list; give `next` as the following call's `cursor`."""

    items: list[T]
    next: str | None = None


class FieldFault(msgspec.Struct, frozen=True):
    at: str
    code: str
    detail: str


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """The platform said no: nothing was changed or sent."""

    def __init__(self, status: int, told: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(told.get("code", "unknown"))
        """Stable, for programs."""
        self.detail = str(told.get("detail", ""))
        """For people: what happened, which rule, what to do."""
        self.request_id = str(told.get("request_id", ""))
        self.errors = [FieldFault(str(e.get("at", "")), str(e.get("code", "")), str(e.get("detail", ""))) for e in told.get("errors", [])]
        super().__init__(f"{self.code}: {self.detail}")


class Unreachable(Exception):  # noqa: N818 - it says what is the case
    """The platform could not be asked, or did not answer. A send may have happened: repeat it under the same idempotency key."""
