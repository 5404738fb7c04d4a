"""What customers are told of calls: Tencent's bodies byte for byte as documented, and the native ones, signed."""

import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook

from hongyan.doors.rest import webhooks
from hongyan.doors.tencent import callbacks as tencent
from hongyan.model.call_failures import REASONS
from hongyan.model.callback import Recipient
from hongyan.model.event import CallEnded, CallFailed, CallResult, KeyPressed, VoiceEvent
from hongyan.model.message import Dialect, Kind

CAPTURES = json.loads((Path(__file__).parents[2] / "captures/tencent_v5/callbacks.json").read_text(encoding="utf-8"))
SECRET = "whsec_" + "A" * 32
URL = "https://sms.example.com/voice"
HEAD: dict[str, Any] = {
    "app_id": 1400000001, "event_id": 2**60, "call_id": 5231907345678, "phone": 8613800138000, "country_code": 86, "at": 1470196843.0,
    "sender_id": "075583763333", "dialect": Dialect.TENCENT_V5,
}  # fmt: skip
CODE = CallEnded(**HEAD, kind=Kind.VERIFICATION, result=CallResult.ANSWERED, started_at=1470196821.0, answered_at=1470196835.4, minutes=1)
PROMPT = msgspec.structs.replace(
    CODE, kind=Kind.NOTICE, sender_id="", started_at=1470197196.0, answered_at=1470197211.0, at=1470197221.9, event_id=2**60 + 1
)
KEY = KeyPressed(**(HEAD | {"sender_id": ""}), key="2")
FAILURE = CallFailed(**HEAD, code=8)


def to() -> Recipient:
    return Recipient(URL, time.time(), secrets=(SECRET,))


@pytest.mark.parametrize(("name", "event"), [("code", CODE), ("prompt", PROMPT), ("key", KEY), ("failure", FAILURE)])
def test_a_fact_is_one_object_with_one_key_byte_for_byte_as_documented(name: str, event: VoiceEvent) -> None:
    [request] = tencent.voice(to(), [event])
    assert (request.url, request.body.decode(), request.through) == (URL, CAPTURES[name], 1)


def test_in_tencents_words_all_is_text_but_the_code_of_a_failure() -> None:
    for event in (CODE, PROMPT, KEY, FAILURE):
        [fields] = json.loads(tencent.voice(to(), [event])[0].body).values()
        assert {name for name, value in fields.items() if not isinstance(value, str)} <= {"failure_code"}


@pytest.mark.parametrize(("result", "said"), [(CallResult.ANSWERED, "0"), (CallResult.UNANSWERED, "1"), (CallResult.ABNORMAL, "2")])
def test_how_a_call_ended_is_a_number_as_text(result: CallResult, said: str) -> None:
    ended = msgspec.structs.replace(CODE, result=result, answered_at=None, minutes=0)
    told = json.loads(tencent.voice(to(), [ended])[0].body)["voicecode_callback"]
    assert (told["result"], told["accept_time"], told["fee"]) == (said, "0", "0")


def test_the_facts_of_a_call_are_requests_in_their_order() -> None:
    for renderer in (tencent, webhooks):
        requests = renderer.voice(to(), [KEY, msgspec.structs.replace(KEY, key="#"), PROMPT])
        assert [request.through for request in requests] == [1, 2, 3]
        assert [b'"2"' in r.body or b'"#"' in r.body for r in requests] == [True, True, False]


def test_a_failure_without_words_has_those_of_its_code() -> None:
    assert set(range(1, 32)) - set(REASONS) == {14, 21}
    for code in (*REASONS, 99):
        event = msgspec.structs.replace(FAILURE, code=code)
        [body] = json.loads(tencent.voice(to(), [event])[0].body).values()
        assert (body["failure_code"], body["failure_reason"]) == (code, REASONS.get(code, ""))
    [body] = json.loads(tencent.voice(to(), [msgspec.structs.replace(FAILURE, reason="no such number")])[0].body).values()
    assert body["failure_reason"] == "no such number"


def native(event: VoiceEvent) -> Any:
    [request] = webhooks.voice(to(), [event])
    assert dict(request.headers)["webhook-id"] == f"evt_{event.event_id}"
    return Webhook(SECRET).verify(request.body, dict(request.headers))


def test_native_bodies_are_signed_and_say_which_fact_it_is() -> None:
    head = {"id": str(2**60), "app_id": 1400000001, "call_id": "5231907345678", "phone": "+8613800138000", "at": 1470196843.0}
    assert native(CODE) == {
        "type": "voice.ended", "timestamp": "2016-08-03T04:00:43.000Z",
        "data": head | {"sender_id": "075583763333", "kind": "verification", "result": "answered", "started_at": 1470196821.0,
                        "answered_at": 1470196835.4, "minutes": 1},
    }  # fmt: skip
    assert native(KEY)["type"] == "voice.key"
    assert native(KEY)["data"] == head | {"sender_id": "", "key": "2"}
    assert native(FAILURE)["type"] == "voice.failed"
    assert native(FAILURE)["data"] == head | {"sender_id": "075583763333", "code": 8, "reason": "空号"}
