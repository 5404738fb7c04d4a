"""What customers with the native body are sent: a verifier of Standard Webhooks takes it, and a repeat has the same id and body."""

import json
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from hongyan.doors.rest import webhooks
from hongyan.model.callback import UNSET, CallbackRequest, CallbackSettings, Recipient, first_secret, recipient
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.message import Dialect, Status

SECRET, OLD = "whsec_" + "A" * 32, "whsec_" + "B" * 32
URL = "https://sms.example.com/hook"


def now() -> float:
    import time  # noqa: PLC0415 - a verifier of standardwebhooks asks the clock itself

    return time.time()


def to(*secrets: str) -> Recipient:
    return Recipient(URL, now(), secrets=secrets)


def event(message_id: int = 2**60, **more: Any) -> ReportEvent:
    fields: dict[str, Any] = {"status": Status.DELIVERED, "code": "DELIVRD", "at": 1620734188.25, "session_context": "order-1"}
    return ReportEvent(
        app_id=1400000001, event_id=message_id, message_id=message_id, phone=8613800000000, country_code=86, dialect=Dialect.NATIVE,
        **(fields | more),
    )  # fmt: skip


def verified(request: CallbackRequest, secret: str) -> Any:
    return Webhook(secret).verify(request.body, dict(request.headers))


def test_reports_of_a_bundle_are_one_signed_request() -> None:
    [request] = webhooks.reports(to(SECRET), [event(), event(2**60 + 1, status=Status.FAILED, code="MK:0001", segments=2)])
    assert (request.url, request.through) == (URL, 2)
    told = verified(request, SECRET)
    assert (told["type"], told["timestamp"]) == ("message.reports", "2021-05-11T11:56:28.250Z")
    assert told["data"][0] == {
        "id": str(2**60), "app_id": 1400000001, "message_id": str(2**60), "phone": "+8613800000000", "status": "delivered",
        "code": "DELIVRD", "at": 1620734188.25, "segments": 1, "context": "order-1",
    }  # fmt: skip
    assert [(r["status"], r["code"], r["segments"]) for r in told["data"]] == [("delivered", "DELIVRD", 1), ("failed", "MK:0001", 2)]


def test_a_reply_is_one_signed_request() -> None:
    reply = ReplyEvent(1400000001, 7, 8613800000000, 86, "鸿雁", "11", "退订", 1620734188.2, Dialect.NATIVE, "106900001")
    [request] = webhooks.reply(to(SECRET), reply)
    told = verified(request, SECRET)
    assert told["type"] == "message.replies"
    assert told["data"] == [
        {"id": "7", "app_id": 1400000001, "phone": "+8613800000000", "text": "退订", "at": 1620734188.2, "sign_name": "鸿雁",
         "extend": "11", "to": "106900001"}
    ]  # fmt: skip


def test_a_repeat_has_the_same_id_and_body_and_its_own_time() -> None:
    first, again = (webhooks.reports(Recipient(URL, at, secrets=(SECRET,)), [event()])[0] for at in (1000.0, 2000.0))
    headers, later = dict(first.headers), dict(again.headers)
    assert first.body == again.body
    assert headers["webhook-id"] == later["webhook-id"] == f"evt_{2**60}"
    assert (headers["webhook-timestamp"], later["webhook-timestamp"]) == ("1000", "2000")
    assert headers["webhook-signature"] != later["webhook-signature"]


def test_while_secrets_change_either_verifies_and_no_other() -> None:
    [request] = webhooks.reports(to(SECRET, OLD), [event()])
    assert verified(request, SECRET) == verified(request, OLD)
    with pytest.raises(WebhookVerificationError):
        verified(request, "whsec_" + "C" * 32)
    with pytest.raises(WebhookVerificationError):
        verified(msgspec.structs.replace(request, body=request.body + b" "), SECRET)


def test_an_application_always_has_a_secret_in_force() -> None:
    derived = first_secret("a" * 32)
    assert recipient(URL, "a" * 32, UNSET, 10.0).secrets == (derived,)
    assert first_secret("b" * 32) != derived
    assert Webhook(derived)
    rotated = CallbackSettings(secrets=((SECRET, None), (OLD, 20.0)))
    assert recipient(URL, "a" * 32, rotated, 10.0).secrets == (SECRET, OLD)
    assert recipient(URL, "a" * 32, rotated, 20.0).secrets == (SECRET,)


def test_the_address_that_a_message_named_is_kept() -> None:
    [request] = webhooks.reports(to(SECRET), [event(callback_url="https://sms.example.com/own")])
    assert request.url == "https://sms.example.com/own"
    assert json.loads(request.body)["data"][0]["id"] == str(2**60)


def test_any_2xx_takes_it() -> None:
    assert [webhooks.taken(status, b"") for status in (200, 202, 204, 302, 400, 500)] == [True, True, True, False, False, False]
