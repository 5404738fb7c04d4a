"""What customers with Huawei's words are sent: the golden bodies, a report for each segment, and what may be signed about it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongyan.doors.huawei import callbacks
from hongyan.doors.huawei.ids import message_id
from hongyan.doors.huawei.signing import Signed, read, verify
from hongyan.model.callback import Access, CallbackRequest, Recipient
from hongyan.model.event import Part, ReplyEvent, ReportEvent
from hongyan.model.message import Dialect, Status

GOLDEN = json.loads((Path(__file__).parents[2] / "captures" / "huawei" / "callbacks.json").read_text(encoding="utf-8"))
NOW = 1523601106.0
"""2018-04-13 06:31:46 UTC, as in the document's example."""
OWN = "https://sms.example.com/status?of=1"
RECIPIENT = Recipient("https://sms.example.com/batch", NOW)
REPLY = ReplyEvent(1, 7, 8618501234444, 86, "华为", "", "退订 &", NOW, Dialect.HUAWEI, to="1069036501")


def event(**more: Any) -> ReportEvent:
    given: dict[str, Any] = {
        "app_id": 1,
        "event_id": 5231907345806,
        "message_id": 5231907345806,
        "phone": 8618501234444,
        "country_code": 86,
        "status": Status.DELIVERED,
        "code": "DELIVRD",
        "at": NOW,
        "session_context": "",
        "dialect": Dialect.HUAWEI,
    }
    return ReportEvent(**(given | more))


LONG = event(
    segments=2,
    status=Status.FAILED,
    code="MK:0001",
    at=NOW + 4,
    session_context="order-1",
    callback_url=OWN,
    parts=(Part(1, Status.DELIVERED, "DELIVRD", NOW), Part(2, Status.FAILED, "MK:0001", NOW + 4)),
)


def forms(requests: Sequence[CallbackRequest]) -> list[dict[str, str]]:
    return [{name: value for name, [value] in parse_qs(r.body.decode(), strict_parsing=True).items()} for r in requests]


def test_each_segment_is_a_form_to_the_address_that_the_message_named() -> None:
    first, second = callbacks.reports(RECIPIENT, [LONG])
    assert [first.url, second.url] == [OWN, OWN]
    assert [first.body.decode(), second.body.decode()] == [GOLDEN["form"], GOLDEN["form_2"]]
    assert first.headers == (("content-type", "application/x-www-form-urlencoded"),)


def test_a_message_is_told_when_its_last_segment_was_taken() -> None:
    requests = callbacks.reports(RECIPIENT, [LONG, msgspec.structs.replace(LONG, message_id=2, segments=1, parts=()), LONG])
    assert [request.through for request in requests] == [0, 1, 2, 2, 3]


def test_a_segment_of_which_nothing_is_known_has_the_words_of_its_message() -> None:
    told = forms(callbacks.reports(RECIPIENT, [msgspec.structs.replace(LONG, parts=LONG.parts[:1], segments=3)]))
    assert [(t["sequence"], t["total"], t["status"]) for t in told] == [("1", "3", "DELIVRD"), ("2", "3", "MK:0001"), ("3", "3", "MK:0001")]


def test_without_an_address_of_their_own_reports_are_json() -> None:
    ours = event(message_id=5231907345807, status=Status.FAILED, code="FAILED")
    [request] = callbacks.reports(RECIPIENT, [event(), ours])
    assert (request.url, request.body.decode(), request.through) == (RECIPIENT.url, GOLDEN["json"], 2)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=100))
def test_a_batch_has_at_most_fifty_reports_and_whole_messages(segments: list[int]) -> None:
    events = [event(message_id=n + 1, segments=count) for n, count in enumerate(segments)]
    requests = callbacks.reports(RECIPIENT, events)
    batches = [json.loads(request.body)["statusReportList"] for request in requests]
    told = [(message_id(r["smsMsgId"]), int(r["sequence"])) for batch in batches for r in batch]
    assert told == [(n + 1, s + 1) for n, count in enumerate(segments) for s in range(count)]
    assert max(map(len, batches)) <= 50
    assert [len({r["smsMsgId"] for batch in batches[: n + 1] for r in batch}) for n in range(len(batches))] == [r.through for r in requests]


def test_an_uplink_is_a_form_and_says_when_only_if_asked_to() -> None:
    [request] = callbacks.reply(RECIPIENT, REPLY)
    assert (request.url, request.body.decode(), request.through) == (RECIPIENT.url, GOLDEN["reply"], 1)
    [request] = callbacks.reply(msgspec.structs.replace(RECIPIENT, reply_time=True), REPLY)
    assert request.body.decode() == GOLDEN["reply_with_time"]


@pytest.mark.parametrize(
    ("status", "code", "word", "source"),
    [
        (Status.DELIVERED, "", "DELIVRD", "1"),
        (Status.FAILED, "STOPPED", "UNDELIV", "1"),
        (Status.EXPIRED, "HELD", "EXPIRED", "1"),
        (Status.FAILED, "SC:0016", "SC:0016", "3"),
        (Status.FAILED, "E200027", "E200027", "3"),
        (Status.EXPIRED, "EXPIRED", "EXPIRED", "2"),
    ],
)
def test_a_report_says_whose_word_it_is(status: Status, code: str, word: str, source: str) -> None:
    [told] = forms(callbacks.reports(RECIPIENT, [event(status=status, code=code, callback_url=OWN)]))
    assert (told["status"], told["source"]) == (word, source)
    assert ("updateTime" in told) == ("orgCode" in told) == (source == "2")


def test_the_number_comes_back_only_with_what_the_request_said() -> None:
    [plain] = forms(callbacks.reports(RECIPIENT, [event(callback_url=OWN)]))
    assert "to" not in plain
    assert "extend" not in plain


@pytest.mark.parametrize("url", [OWN, "http://sms.example.com:8080/a%20b", "https://sms.example.com:443"])
def test_signed_requests_can_be_verified_from_what_arrives(url: str) -> None:
    recipient = msgspec.structs.replace(RECIPIENT, access=Access("key", "secret"))
    parts = urlsplit(url)
    for request in callbacks.reports(recipient, [msgspec.structs.replace(LONG, callback_url=url)]):
        port = f":{parts.port}" if parts.port not in {None, 443} else ""
        headers = {name.lower().encode(): value.encode() for name, value in request.headers} | {b"host": f"{parts.hostname}{port}".encode()}
        claim = read(headers[b"authorization"].decode())
        assert claim is not None
        arrived = Signed("POST", parts.path or "/", parts.query.encode(), headers, request.body)
        assert verify("secret", claim, arrived)
        assert not verify("secret", claim, msgspec.structs.replace(arrived, body=request.body + b"&x=1"))
        assert not verify("other", claim, arrived)


def test_whatever_the_server_says_beside_2xx_is_free() -> None:
    assert callbacks.taken(200, b"")
    assert callbacks.taken(204, b"whatever")
    assert not callbacks.taken(401, b"")
    assert not callbacks.taken(302, b"")
    assert not callbacks.taken(500, b"")
