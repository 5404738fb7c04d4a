"""What a customer's address is sent in the native words: JSON, signed as standardwebhooks.com says, with an id that repeats keep.

A request tells a bundle, and a bundle is told again as it is: the same id, the same body, another time and so another signature.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from hongyan.kit.webhook import headers
from hongyan.model.call_failures import reason
from hongyan.model.callback import CallbackRequest, Recipient
from hongyan.model.event import CallEnded, CallFailed, NoticeEvent, ReplyEvent, ReportEvent, VoiceEvent
from hongyan.model.phone import e164

TOGETHER = 1
PARTS = False
TAKEN = range(200, 300)
REPORTS, REPLIES = "message.reports", "message.replies"
ENDED, KEY, FAILED = "voice.ended", "voice.key", "voice.failed"


class Report(msgspec.Struct, frozen=True):
    """How a message ended; the fields are those of `POST /events/reports`."""

    id: str
    """Of the event: the same however often it is told."""
    app_id: int
    message_id: str
    phone: str
    status: str
    code: str
    at: float
    segments: int
    context: str


class Reply(msgspec.Struct, frozen=True):
    """What a handset wrote; the fields are those of `POST /events/replies`."""

    id: str
    app_id: int
    phone: str
    text: str
    at: float
    sign_name: str
    extend: str
    to: str


class Ended(msgspec.Struct, frozen=True):
    """How a call ended, at `at`."""

    id: str
    app_id: int
    call_id: str
    phone: str
    sender_id: str
    at: float
    kind: str
    result: str
    started_at: float
    answered_at: float | None
    minutes: int


class Key(msgspec.Struct, frozen=True):
    """A key that was pressed during a call."""

    id: str
    app_id: int
    call_id: str
    phone: str
    sender_id: str
    at: float
    key: str


class Failure(msgspec.Struct, frozen=True):
    """Why a call did not reach anybody."""

    id: str
    app_id: int
    call_id: str
    phone: str
    sender_id: str
    at: float
    code: int
    reason: str


class _Call(msgspec.Struct, frozen=True):
    type: str
    timestamp: str
    data: Ended | Key | Failure


class _Body(msgspec.Struct, frozen=True):
    type: str
    timestamp: str
    data: Sequence[Report] | Sequence[Reply]


def reports(recipient: Recipient, events: Sequence[ReportEvent]) -> list[CallbackRequest]:
    """One request for all of them, to the address that the messages named, else to the application's."""
    told = [
        Report(
            id=str(event.event_id),
            app_id=event.app_id,
            message_id=str(event.message_id),
            phone=e164(event.phone),
            status=event.status.name.lower(),
            code=event.code,
            at=event.at,
            segments=event.segments,
            context=event.session_context,
        )
        for event in events
    ]
    url = events[0].callback_url or recipient.url
    return [_request(recipient, url, _Body(REPORTS, _iso(max(event.at for event in events)), told))]


def reply(recipient: Recipient, event: ReplyEvent) -> list[CallbackRequest]:
    """One request for one reply."""
    told = Reply(
        id=str(event.event_id),
        app_id=event.app_id,
        phone=e164(event.phone),
        text=event.text,
        at=event.at,
        sign_name=event.sign_name,
        extend=event.extend,
        to=event.to,
    )
    return [_request(recipient, recipient.url, _Body(REPLIES, _iso(event.at), [told]))]


def notice(recipient: Recipient, event: NoticeEvent) -> list[CallbackRequest]:
    """One request for one event beside messages, to the application's address for these."""
    happened = msgspec.json.decode(event.data, type=dict[str, Any])
    body = msgspec.json.encode({"type": event.type, "timestamp": _iso(event.at), "data": {"id": str(event.event_id), **happened}})
    return [_signed(recipient, recipient.url, f"evt_{event.event_id}", body, 1)]


def voice(recipient: Recipient, events: Sequence[VoiceEvent]) -> list[CallbackRequest]:
    """One request for each fact of a call, one after the other."""
    return [
        _signed(recipient, recipient.url, f"evt_{event.event_id}", msgspec.json.encode(call(event)), nth)
        for nth, event in enumerate(events, 1)
    ]


def call(event: VoiceEvent) -> _Call:
    """A fact of a call."""
    head = (str(event.event_id), event.app_id, str(event.call_id), e164(event.phone), event.sender_id, event.at)
    if isinstance(event, CallEnded):
        kind, result = event.kind.name.lower(), event.result.name.lower()
        return _Call(ENDED, _iso(event.at), Ended(*head, kind, result, event.started_at, event.answered_at, event.minutes))
    if isinstance(event, CallFailed):
        return _Call(FAILED, _iso(event.at), Failure(*head, event.code, reason(event.code, event.reason)))
    return _Call(KEY, _iso(event.at), Key(*head, event.key))


def taken(status: int, _body: bytes) -> bool:
    """Whether the customer's server took it."""
    return status in TAKEN


def expected() -> str:
    """What `taken` asks for, in words."""
    return "2xx"


def _request(recipient: Recipient, url: str, told: _Body) -> CallbackRequest:
    return _signed(recipient, url, f"evt_{told.data[0].id}", msgspec.json.encode(told), len(told.data))


def _signed(recipient: Recipient, url: str, id_: str, body: bytes, through: int) -> CallbackRequest:
    signed = headers(recipient.secrets, id_, recipient.now, body.decode())
    return CallbackRequest(url=url, body=body, through=through, headers=tuple(signed.items()))


def _iso(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
