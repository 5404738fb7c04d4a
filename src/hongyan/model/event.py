"""Facts owed to the customer. Callback and pull read the same ones, so they can never disagree."""

import enum

import msgspec

from hongyan.model.message import Dialect, Kind, Status


class EventKind(enum.IntEnum):
    """What is told apart from the rest: it has an address of its own, and is owed in bundles of its own."""

    REPORT = 1
    REPLY = 2
    NOTICE = 3
    VOICE = 4


class Part(msgspec.Struct, frozen=True):
    """What is known of one segment of a message."""

    sequence: int
    """From 1."""
    status: Status
    code: str
    at: float


class ReportEvent(msgspec.Struct, frozen=True):
    """The delivery report of one message."""

    app_id: int
    event_id: int
    message_id: int
    phone: int
    country_code: int
    status: Status
    code: str
    """The carrier's word, e.g. DELIVRD."""
    at: float
    """Unix seconds at which the handset received it or the failure was final."""
    session_context: str
    """Empty unless the application wants it in reports."""
    dialect: Dialect
    segments: int = 1
    callback_url: str = ""
    """Where it goes; empty means to the application's address."""
    parts: tuple[Part, ...] = ()
    """Of several segments those that were reported of, for dialects that tell them one by one; for others the message's words hold."""


class ReplyEvent(msgspec.Struct, frozen=True):
    """A reply of a handset, matched to the last message it was sent."""

    app_id: int
    event_id: int
    phone: int
    country_code: int
    sign_name: str
    extend: str
    text: str
    at: float
    dialect: Dialect
    to: str = ""
    """The number it was sent to, as the carrier wrote it."""


class NoticeEvent(msgspec.Struct, frozen=True):
    """Something that happened to an application beside its messages: a review, an alarm."""

    app_id: int
    event_id: int
    type: str
    """`review.decided`, or `alarm.` with an `AlarmKind`."""
    at: float
    data: str
    """A JSON object."""


class CallResult(enum.IntEnum):
    """How a call ended."""

    ANSWERED = 0
    UNANSWERED = 1
    ABNORMAL = 2


class CallFact(msgspec.Struct, frozen=True, kw_only=True):
    """What every fact of a call says."""

    app_id: int
    event_id: int
    call_id: int
    """Of the ids that messages have too. The facts of one call are told in the order in which they were owed."""
    phone: int
    country_code: int
    sender_id: str
    """What the handset showed; may be empty."""
    at: float
    """Unix seconds at which it happened."""
    dialect: Dialect
    """The API that the call was asked for through."""


class CallEnded(CallFact, frozen=True, kw_only=True, tag="ended"):
    """A call that is over."""

    kind: Kind
    """`Kind.VERIFICATION` read a code out, any other a text."""
    result: CallResult
    started_at: float
    """When the handset began to be called."""
    answered_at: float | None = None
    minutes: int = 0
    """So many are charged."""


class KeyPressed(CallFact, frozen=True, kw_only=True, tag="key"):
    """A key that was pressed during a call."""

    key: str


class CallFailed(CallFact, frozen=True, kw_only=True, tag="failed"):
    """A call that did not reach anybody, and why."""

    code: int
    """One of `model.call_failures.REASONS`."""
    reason: str = ""
    """In words; empty for those of the code."""


VoiceEvent = CallEnded | KeyPressed | CallFailed
Event = ReportEvent | ReplyEvent | NoticeEvent | VoiceEvent
