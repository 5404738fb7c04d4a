import ipaddress
import json
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hongyan.doors.huawei import errors, schema
from hongyan.doors.huawei.errors import OF_THE_REQUEST, STATUSES
from hongyan.doors.huawei.ids import message_id, sms_msg_id
from hongyan.doors.huawei.words import sending
from hongyan.kit.door import Request
from hongyan.model import long_id
from hongyan.model.message import Accepted, Caller, Dialect, Outcome, Refused, SendCommand
from hongyan.model.reject import Refusal, Reject
from huawei_shop import (
    ABROAD,
    ALIAS,
    APP_ID,
    BOUND,
    CODE,
    FROM,
    FROM_ABROAD,
    FROM_CODES,
    FROM_ELSEWHERE,
    FROM_GONE,
    KEY,
    NOTICE,
    TO,
    UNIVERSAL,
    Answering,
    Platform,
    accept_all,
    app,
    by_signature,
    by_token,
    content,
    diff,
    door,
    form,
    request,
    snapshot,
)

GOLDEN = json.loads((Path(__file__).parents[2] / "captures/huawei/calls.json").read_text(encoding="utf-8"))


async def ask(asked: Request, answer: Answering = accept_all) -> tuple[int, dict[str, Any]]:
    platform = Platform(answer)
    response = await door(platform)(asked)
    assert response.content_type == b"application/json;charset=UTF-8"
    [(name, number)] = response.headers
    assert name == b"x-request-id"
    assert uuid.UUID(number.decode())
    # What was sent or refused can be asked for by it.
    assert all(command.request_id.startswith(number.decode()) for command in platform.commands) or "E000000" in response.body.decode()
    told: dict[str, Any] = json.loads(response.body)
    return response.status, told


def statuses(told: dict[str, Any]) -> list[str]:
    return [entry["status"] for entry in told["result"]]


def refusing(reason: Reject, detail: str = "") -> Answering:
    def answer(command: SendCommand) -> list[Outcome] | Refusal:
        return [Refused(raw, "CN", reason, detail) for raw in command.phones]

    return answer


@pytest.mark.parametrize("call", GOLDEN, ids=lambda call: call["name"])
async def test_the_sdks_own_request_is_answered_byte_for_byte(call: dict[str, Any]) -> None:
    response = await door(Platform(accept_all))(request(call["path"], call["headers"], call["body"].encode()))
    assert (response.status, response.body.decode()) == (200, call["answer"])


@pytest.mark.parametrize("by", [by_token, by_signature])
async def test_a_send_carries_every_field_into_the_command(by: Any) -> None:
    platform = Platform(accept_all)
    await door(platform)(by(form(statusCallback="https://shop.example/cb", extend="order 7")))
    [command] = platform.commands
    assert platform.callers == {Caller(account_id=1, key_id=KEY)}
    assert command == SendCommand(
        app_id=APP_ID,
        template_id=CODE,
        phones=(TO,),
        dialect=Dialect.HUAWEI,
        sign_name="鸿雁",
        signature_id=7,
        params=("369751", "5"),
        session_context="order 7",
        callback_url="https://shop.example/cb",
        request_id=command.request_id,
        of_proof=by is by_signature,
        since=command.since,
    )
    assert command.since < 1_795_348_486


async def test_the_answer_has_an_entry_for_each_number_that_leads_back_to_its_message() -> None:
    status, told = await ask(by_token(form(to=f"{TO},15234567890")))
    assert (status, told["code"], told["description"]) == (200, "000000", "Success")
    assert told["result"] == [
        {
            "originTo": raw,
            "createTime": "2026-11-22T11:54:46Z",
            "from": FROM,
            "smsMsgId": sms_msg_id(100 + at),
            "status": "000000",
            "countryId": "CN",
            "total": 2,
        }
        for at, raw in enumerate([TO, "15234567890"])
    ]
    assert message_id(told["result"][1]["smsMsgId"]) == 101


@pytest.mark.parametrize("written", [long_id.written(NOTICE), long_id.written(NOTICE).upper(), str(NOTICE)])
async def test_a_template_is_known_by_its_long_id_and_by_its_own(written: str) -> None:
    platform = Platform(accept_all)
    await door(platform)(by_token(form(templateId=written)))
    assert platform.commands[0].template_id == NOTICE


async def test_a_template_that_there_is_not_is_refused_by_the_pipeline_where_it_is_noted() -> None:
    platform = Platform(refusing(Reject.TEMPLATE_UNUSABLE))
    response = await door(platform)(by_token(form(templateId="nonsense")))
    assert platform.commands[0].template_id == 0
    assert (response.status, statuses(json.loads(response.body))) == (400, ["E200030"])


async def test_a_plus_that_was_not_encoded_is_put_back() -> None:
    platform = Platform(accept_all)
    body = form(to=None) + b"&to=+8615123456789,+33612345678"
    _, told = await ask(by_token(body))
    await door(platform)(by_token(body))
    assert [command.phones for command in platform.commands] == [("+8615123456789",), ("+33612345678",)]
    assert [entry["originTo"] for entry in told["result"]] == ["+8615123456789", "+33612345678"]


async def test_one_text_to_one_number_twice_is_sent_once() -> None:
    platform = Platform(accept_all)
    response = await door(platform)(by_token(form(to=f"{TO},15123456789,{TO[1:]}")))
    assert platform.commands[0].phones == (TO,)
    told = json.loads(response.body)
    assert (response.status, told["code"]) == (200, "E000510")
    assert statuses(told) == ["000000", "E200041", "E200041"]


async def test_of_many_texts_the_same_one_to_the_same_number_is_sent_once_and_others_are_sent() -> None:
    again, other = content([TO]), content([TO], CODE, ("111111", "5"))
    status, told = await ask(by_token(diff(content([TO]), again, other), path=schema.SEND_DIFF))
    assert (status, statuses(told)) == (200, ["000000", "E200041", "000000"])


async def test_each_text_of_many_is_a_command_with_a_number_of_its_own() -> None:
    platform = Platform(accept_all)
    contents = content([TO, "15234567890"]), content(["15234567891"], NOTICE, (3, 1.5))
    await door(platform)(by_signature(diff(*contents, extend="x"), path=schema.SEND_DIFF))
    first, second = platform.commands
    assert (first.phones, second.phones) == ((TO, "15234567890"), ("15234567891",))
    assert (second.template_id, second.params) == (NOTICE, ("3", "1.5"))
    assert second.request_id == f"{first.request_id}.1"
    assert {first.session_context, second.session_context} == {"x"}


async def test_numbers_at_home_and_abroad_hold_each_other_up_no_more_than_they_must() -> None:
    platform = Platform(accept_all)
    response = await door(platform)(by_token(form(to=f"{TO},+33612345678,+8615234567890,12")))
    assert [command.phones for command in platform.commands] == [(TO, "+8615234567890", "12"), ("+33612345678",)]
    assert len({command.request_id for command in platform.commands}) == 2
    assert response.status == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"from_": "1"}, "E200018"),
        ({"from_": FROM_ELSEWHERE}, "E200018"),
        ({"from_": FROM_CODES, "templateId": long_id.written(NOTICE)}, "E200029"),
        ({"templateId": long_id.written(BOUND)}, "E200021"),
        ({"templateId": long_id.written(UNIVERSAL)}, "E200020"),
        ({"templateId": long_id.written(UNIVERSAL), "signature": "商城"}, "E200021"),
    ],
)
async def test_what_does_not_fit_the_from_number_is_refused_for_every_number(fields: dict[str, str], status: str) -> None:
    platform = Platform(accept_all)
    response = await door(platform)(by_token(form(to=f"{TO},15234567890", **fields)))
    told = json.loads(response.body)
    # The pipeline refuses it too, where it is noted.
    assert [command.misfit is None for command in platform.commands] == [False]
    assert (response.status, told["code"], statuses(told)) == (400, "E000510", [status, status])
    assert told["description"].startswith("The SMS fails to be sent. For details, see status. Number 1: ")
    assert len({entry["smsMsgId"] for entry in told["result"]}) == 2
    assert all(len(entry["smsMsgId"]) <= 50 for entry in told["result"])


@pytest.mark.parametrize(
    ("fields", "sign_name"),
    [
        ({"signature": "商城"}, "鸿雁"),
        ({"templateId": long_id.written(UNIVERSAL), "signature": "鸿雁"}, "鸿雁"),
        ({"from_": FROM_GONE}, ""),
        ({"from_": FROM_ABROAD, "templateId": long_id.written(ABROAD), "to": "+33612345678"}, ""),
    ],
)
async def test_the_signature_is_the_from_numbers_unless_the_template_is_universal(fields: dict[str, str], sign_name: str) -> None:
    platform = Platform(accept_all)
    await door(platform)(by_token(form(**fields)))
    assert platform.commands[0].sign_name == sign_name


@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        ({"from_": None}, "E000503", "from"),
        ({"from_": "1" * 22}, "E000503", "from"),
        ({"to": None}, "E000503", "to"),
        ({"to": "15123456789,"}, "E000503", "to"),
        ({"to": "1512345678a"}, "E000503", "to"),
        ({"to": "１５１２３４５６７８９"}, "E000503", "to"),
        ({"to": "+" + "1" * 21}, "E000503", "to"),
        ({"to": ",".join(str(15100000000 + n) for n in range(501))}, "E000503", "500"),
        ({"templateId": ""}, "E000503", "templateId"),
        ({"templateId": "0" * 33}, "E000503", "templateId"),
        ({"templateParas": '["1",""]'}, "E000503", "templateParas"),
        ({"templateParas": "369751"}, "E000000", "templateParas"),
        ({"templateParas": '{"1":"2"}'}, "E000000", "templateParas"),
        ({"templateParas": "[" * 5000}, "E000000", "templateParas"),
        ({"extend": "e" * 129}, "E000503", "extend"),
        ({"statusCallback": "http://10.0.0.1/"}, "E000503", "statusCallback"),
        ({"statusCallback": "file:///etc/passwd"}, "E000503", "statusCallback"),
    ],
)
async def test_what_is_malformed_refuses_the_whole_request_and_is_named(fields: dict[str, Any], code: str, named: str) -> None:
    status, told = await ask(by_token(form(**fields)))
    assert (status, told["code"]) == (400, code)
    assert named in told["description"]
    assert told.keys() == {"code", "description"}


async def test_empty_and_unknown_fields_are_left_alone() -> None:
    status, told = await ask(by_token(form(statusCallback="", signature="", extend="", other="1")))
    assert (status, told["code"]) == (200, "000000")


async def test_five_hundred_numbers_are_taken() -> None:
    to = ",".join(f"+86{15100000000 + n}" for n in range(500))
    status, told = await ask(by_token(form(to=to)))
    assert (status, len(told["result"])) == (200, 500)


@pytest.mark.parametrize(
    ("path", "content_type"),
    [(schema.SEND, "application/json"), (schema.SEND, ""), (schema.SEND_DIFF, "application/x-www-form-urlencoded")],
)
async def test_another_content_type_is_refused(path: str, content_type: str) -> None:
    asked = by_token(form(), path=path)
    headers = dict(asked.headers) | {b"content-type": content_type.encode()}
    status, told = await ask(msgspec.structs.replace(asked, headers=headers))
    assert (status, told["code"]) == (400, "E000040")


async def test_a_content_type_may_name_its_charset() -> None:
    asked = by_token(form())
    headers = dict(asked.headers) | {b"content-type": b"application/x-www-form-urlencoded; charset=UTF-8"}
    assert (await ask(msgspec.structs.replace(asked, headers=headers)))[0] == 200


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b'{"from": 1}', b'{"smsContent": [1]}', b"\xff", b'{"from":"1","smsContent":[]}']
)
async def test_a_body_that_is_no_request_is_refused(body: bytes) -> None:
    status, told = await ask(by_token(body, path=schema.SEND_DIFF))
    assert (status, told["code"]) in {(400, "E000503"), (400, "E000000")}


async def test_many_texts_have_a_bound() -> None:
    big = content([TO], CODE, ("1" * 66_000,))
    status, told = await ask(by_token(diff(big), path=schema.SEND_DIFF))
    assert (status, told["code"]) == (400, "E000503")


async def test_another_method_and_a_body_too_large_are_refused() -> None:
    asked = by_token(form())
    for odd in (msgspec.structs.replace(asked, method="GET"), msgspec.structs.replace(asked, body=b"", too_large=True)):
        status, told = await ask(odd)
        assert (status, told["code"]) == (400, "E000027")


@pytest.mark.parametrize("reason", list(Reject))
async def test_every_reason_has_its_words(reason: Reject) -> None:
    status, told = await ask(by_token(form(to=f"{TO},15234567890")), refusing(reason))
    if reason in OF_THE_REQUEST:
        assert (status, told["code"]) == (OF_THE_REQUEST[reason].status, OF_THE_REQUEST[reason].code)
        assert "result" not in told
    else:
        assert (status, told["code"], statuses(told)) == (400, "E000510", [STATUSES[reason]] * 2)
    assert len(STATUSES[reason]) <= 7
    whole = await ask(by_token(form()), lambda _command: Refusal(reason, "why"))
    assert whole[0] in {400, 401}
    assert "why" in whole[1]["description"]


async def test_when_some_are_taken_the_others_tell_why_and_the_request_is_no_error() -> None:
    def every_other(command: SendCommand) -> list[Outcome] | Refusal:
        return [Accepted(7, 8615123456789, "CN", 1), Refused(command.phones[1], "CN", Reject.NO_PACKAGE)]

    status, told = await ask(by_token(form(to=f"{TO},15234567890")), every_other)
    assert (status, told["code"], statuses(told)) == (200, "E000510", ["000000", "E000112"])


async def test_a_fault_of_ours_is_told_without_its_insides() -> None:
    def broken(_command: SendCommand) -> list[Outcome] | Refusal:
        raise RuntimeError("secret")

    status, told = await ask(by_token(form()), broken)
    assert (status, told["code"]) == (400, "E000000")
    assert "secret" not in told["description"]


async def test_too_many_requests_are_told_so() -> None:
    platform = Platform(accept_all)
    platform.admitted = False
    response = await door(platform)(by_token(form()))
    assert (response.status, json.loads(response.body)["code"]) == (400, "E200015")
    assert platform.commands == []


async def test_an_address_outside_the_applications_networks_is_refused() -> None:
    networks = (ipaddress.ip_network("192.0.2.0/24"),)
    platform = Platform(accept_all, snapshot(app(APP_ID, networks=networks)))
    assert (await door(platform)(by_token(form()))).status == 200
    response = await door(platform)(by_token(form(), client="198.51.100.7"))
    assert (response.status, json.loads(response.body)["code"]) == (403, "E000620")


async def test_a_nonce_is_good_for_one_request_where_that_is_set() -> None:
    platform = Platform(accept_all)
    opened = door(platform, once=True)
    codes = Counter([
        json.loads((await opened(asked)).body)["code"]
        for asked in (by_token(form()), by_token(form()), by_token(form(to="15234567890")), by_signature(form()))
    ])  # fmt: skip
    assert codes == {"000000": 3, "E000101": 1}
    # The same request again is known by its number: it is answered with the same messages, and sends nothing.
    assert platform.commands[0].request_id == platform.commands[1].request_id


async def test_a_signature_is_no_number_of_a_request() -> None:
    platform = Platform(accept_all)
    opened = door(platform)
    for to in (TO, "15234567890"):
        asked = by_signature(form())
        headers = dict(asked.headers) | {b"x-sdk-content-sha256": b"UNSIGNED-PAYLOAD"}
        await opened(msgspec.structs.replace(asked, headers=headers, body=form(to=to)))
        await opened(by_signature(form(to=to)))
    numbers = [command.request_id for command in platform.commands]
    assert len(set(numbers)) == len(numbers) > 1


def test_descriptions_fit_the_vendors_field() -> None:
    assert len(errors.description(errors.FORMAT, "x" * 1000)) == 512


def test_a_form_of_too_many_fields_is_none() -> None:
    assert isinstance(sending.read(schema.SEND, schema.FORM, b"&".join(b"a%d=1" % n for n in range(60))), errors.Failure)
    assert ALIAS in form().decode()
