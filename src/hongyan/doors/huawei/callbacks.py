"""What a customer's address is sent in Huawei's words: status reports, one for each segment, and uplinks.

Source: Huawei documents sms_05_0003 (one report a request, where the message named a statusCallback), sms_05_0063 (JSON, where it did not)
and sms_05_0004 (uplinks). What the customer's server says is free; Huawei documents no repeats, here whatever is not taken is told again.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from urllib.parse import urlencode, urlsplit

import msgspec

from hongyan.doors.huawei.ids import sms_msg_id
from hongyan.doors.huawei.signing import outgoing, sign
from hongyan.model.callback import CallbackRequest, Recipient
from hongyan.model.event import Part, ReplyEvent, ReportEvent
from hongyan.model.message import Status
from hongyan.model.phone import e164

TOGETHER = 100
PARTS = True
MOST_REPORTS = 50
"""Reports in one JSON request."""
FORM = (("content-type", "application/x-www-form-urlencoded"),)
JSON = (("content-type", "application/json;charset=UTF-8"),)
PORTS = {"http": 80, "https": 443}
TAKEN = range(200, 300)

WORDS = {Status.DELIVERED: "DELIVRD", Status.FAILED: "UNDELIV", Status.EXPIRED: "EXPIRED"}
"""What a report says when the carrier gave no word of its own; anything else is UNKNOWN."""
OWN_WORDS = frozenset({Status.FAILED.name, Status.UNKNOWN.name, "STOPPED", "HELD", "REFUSED"})
"""Codes that this platform writes where no carrier has said anything."""
PLATFORM, CARRIER, INTERCEPTED = "1", "2", "3"
INTERCEPTIONS = ("E2", "SC:")


class StatusReport(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """One segment's."""

    sms_msg_id: str
    total: str
    sequence: str
    status: str
    source: str
    update_time: str | msgspec.UnsetType = msgspec.UNSET
    """Not in reports that the platform made itself."""
    org_code: str | msgspec.UnsetType = msgspec.UNSET
    extend: str | msgspec.UnsetType = msgspec.UNSET
    """As the request had it; the number comes back with it."""
    to: str | msgspec.UnsetType = msgspec.UNSET


class _List(msgspec.Struct, frozen=True, rename="camel"):
    status_report_list: list[StatusReport]


def reports(recipient: Recipient, events: Sequence[ReportEvent]) -> list[CallbackRequest]:
    """A form for each segment where the message named an address, else JSON for up to 50 segments. All events are for one address."""
    if events and events[0].callback_url:
        return [
            _signed(recipient, event.callback_url, FORM, _form(report), nth + (report.sequence == report.total))
            for nth, event in enumerate(events)
            for report in _segments(event)
        ]
    return [
        _signed(recipient, recipient.url, JSON, msgspec.json.encode(_List(some)), through)
        for some, through in _batches([list(_segments(event)) for event in events])
    ]


def reply(recipient: Recipient, event: ReplyEvent) -> list[CallbackRequest]:
    """An uplink; its id is its own, not that of the message it answers."""
    told = {"smsMsgId": sms_msg_id(event.event_id), "from": e164(event.phone), "to": event.to, "body": event.text}
    if recipient.reply_time:
        told["createTime"] = _utc(event.at)
    return [_signed(recipient, recipient.url, FORM, urlencode(told).encode(), 1)]


def taken(status: int, _body: bytes) -> bool:
    """Whether the customer's server took it: what it says beside that is free."""
    return status in TAKEN


def expected() -> str:
    """What `taken` asks for, in words."""
    return "2xx"


def _segments(event: ReportEvent) -> Iterator[StatusReport]:
    known = {part.sequence: part for part in event.parts}
    whole = Part(0, event.status, event.code, event.at)
    for sequence in range(1, event.segments + 1):
        part = known.get(sequence, whole)
        source = _source(part.code)
        yield StatusReport(
            sms_msg_id=sms_msg_id(event.message_id),
            total=str(event.segments),
            sequence=str(sequence),
            status=part.code if part.code and part.code not in OWN_WORDS else WORDS.get(part.status, "UNKNOWN"),
            source=source,
            update_time=_utc(part.at) if source == CARRIER else msgspec.UNSET,
            org_code=part.code if source == CARRIER else msgspec.UNSET,
            extend=event.session_context or msgspec.UNSET,
            to=e164(event.phone) if event.session_context else msgspec.UNSET,
        )


def _source(code: str) -> str:
    if not code or code in OWN_WORDS:
        return PLATFORM
    return INTERCEPTED if code.startswith(INTERCEPTIONS) else CARRIER


def _batches(each: Sequence[list[StatusReport]]) -> Iterator[tuple[list[StatusReport], int]]:
    """At most `MOST_REPORTS` at once, with the segments of a message together."""
    some: list[StatusReport] = []
    for nth, segments in enumerate(each):
        if some and len(some) + len(segments) > MOST_REPORTS:
            yield some, nth
            some = []
        some = some + segments
    if some:
        yield some, len(each)


def _form(report: StatusReport) -> bytes:
    return urlencode(msgspec.to_builtins(report)).encode()


def _signed(recipient: Recipient, url: str, headers: tuple[tuple[str, str], ...], body: bytes, through: int) -> CallbackRequest:
    if recipient.access is not None:
        request = outgoing("POST", url, {"host": _host(url)} | dict(headers), body)
        headers = (*headers, *sign(recipient.access.key, recipient.access.secret, request, recipient.now).items())
    return CallbackRequest(url=url, body=body, through=through, headers=headers)


def _host(url: str) -> str:
    """As the client writes it: no port that goes without saying."""
    parts = urlsplit(url)
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return name if parts.port in {None, PORTS.get(parts.scheme)} else f"{name}:{parts.port}"


def _utc(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
