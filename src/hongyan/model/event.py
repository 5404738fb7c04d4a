"""Facts owed to the customer. Callback and pull read the same ones, so they can never disagree."""

import enum

import msgspec

from hongyan.model.message import Dialect, Status


class EventKind(enum.IntEnum):
    """What is told apart from the rest: it has an address of its own, and is owed in bundles of its own."""

    REPORT = 1
    REPLY = 2
    NOTICE = 3


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


Event = ReportEvent | ReplyEvent | NoticeEvent
