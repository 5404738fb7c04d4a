"""Laws of Huawei's words: ids, and requests in which something signed was changed."""

import asyncio
import base64
import contextlib
import json
import re
import uuid
from urllib.parse import urlencode

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hongyan.doors.huawei import auth
from hongyan.doors.huawei.ids import message_id, sms_msg_id
from hongyan.doors.huawei.schema import SEND, SEND_DIFF, BatchSms
from hongyan.doors.huawei.signing import Signed
from hongyan.kit.door import Request
from hongyan.model import long_id
from huawei_shop import ALIAS, FROM, NOW, TO, Platform, accept_all, by_signature, by_token, content, diff, door, request, snapshot

BODY = diff(content([TO]), extend="order 7")
CONTROL = snapshot()
IDS = st.integers(0, 2**63 - 1)


@given(IDS)
def test_a_messages_id_is_a_uuid_and_a_number_and_leads_back(number: int) -> None:
    written = sms_msg_id(number)
    assert len(written) <= 50
    assert uuid.UUID(written.partition("_")[0]).version == 8
    assert message_id(written) == number


@given(st.text(max_size=60))
def test_what_is_no_id_of_ours_leads_nowhere(written: str) -> None:
    found = message_id(written)
    assert found is None or sms_msg_id(found) == written


@given(IDS)
def test_a_templates_id_in_32_digits_leads_back(number: int) -> None:
    assert len(long_id.written(number)) == long_id.LENGTH
    assert long_id.read(long_id.written(number)) == number
    assert long_id.read(str(number)) == number


# What was changed on its way proves nothing.

CHARACTERS = st.sampled_from('0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/=-_.:;, "')


def changed(data: st.DataObject, text: str) -> str:
    """One character of it is another one, not the same in another case."""
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(CHARACTERS)
    assume(other.casefold() != text[at].casefold())
    return text[:at] + other + text[at + 1 :]


def accepted(asked: Request) -> bool:
    signed = Signed(asked.method, asked.path, asked.query, asked.headers, asked.body)
    return isinstance(auth.authenticate(signed, asked.client, CONTROL, NOW), auth.Asker)


@settings(max_examples=500)
@given(st.data())
def test_a_signed_request_with_anything_signed_changed_is_refused(data: st.DataObject) -> None:
    asked = by_signature(BODY, path=SEND_DIFF)
    part = data.draw(st.sampled_from(["method", "path", "query", "body", b"authorization", b"x-sdk-date", b"content-type"]))
    if isinstance(part, bytes):
        before = asked.headers[part].decode()
        after = changed(data, before)
        # Blanks around a value and between the parts are nobody's.
        assume("".join(after.split()) != "".join(before.split()))
        assume(after.strip(" ,") != before.strip(" ,"))
        asked = msgspec.structs.replace(asked, headers=dict(asked.headers) | {part: after.encode()})
    elif part == "query":
        asked = msgspec.structs.replace(asked, query=data.draw(st.text("abc=", min_size=1)).encode())
    else:
        before = getattr(asked, part)
        after = changed(data, before if isinstance(before, str) else before.decode())
        asked = msgspec.structs.replace(asked, **{part: after if isinstance(before, str) else after.encode()})
    assert not accepted(asked)


@settings(max_examples=500)
@given(st.data(), st.booleans())
def test_a_token_with_any_part_changed_is_refused(data: st.DataObject, raw: bool) -> None:
    asked = by_token(BODY, path=SEND_DIFF, raw=raw)
    assert accepted(asked)
    parts = dict(re.findall(r'(\w+)="([^"]*)"', asked.headers[b"x-wsse"].decode()))
    name = data.draw(st.sampled_from(sorted(parts)))
    after = changed(data, parts[name])
    assume('"' not in after and after.strip() == after)
    if name == "PasswordDigest":
        # The last character has bits that stand for nothing, and hexadecimal digits are the same in either case.
        assume(_octets(after).lower() != _octets(parts[name]).lower())
    x_wsse = "UsernameToken " + ", ".join(f'{each}="{after if each == name else value}"' for each, value in parts.items())
    assert not accepted(msgspec.structs.replace(asked, headers=dict(asked.headers) | {b"x-wsse": x_wsse.encode()}))


def _octets(written: str) -> bytes:
    try:
        return base64.b64decode(written, validate=True)
    except ValueError:
        return written.encode()


@given(st.binary(max_size=400), st.sampled_from([SEND, SEND_DIFF]))
def test_any_body_is_answered_in_the_vendors_words(body: bytes, path: str) -> None:
    answer = asyncio.run(door(Platform(accept_all))(by_token(body, path=path)))
    told = json.loads(answer.body)
    assert answer.status in {200, 400}
    assert re.fullmatch("000000|E[0-9]{6}", told["code"])
    assert "request id" not in told["description"]


@given(st.dictionaries(st.sampled_from([*BatchSms.__struct_encode_fields__, "x"]), st.text()))
def test_any_form_is_answered_in_the_vendors_words(fields: dict[str, str]) -> None:
    with contextlib.suppress(UnicodeEncodeError):
        body = urlencode({"from": FROM, "to": TO, "templateId": ALIAS} | fields).encode()
        answer = asyncio.run(door(Platform(accept_all))(by_token(body)))
        assert "request id" not in json.loads(answer.body)["description"]


@given(st.dictionaries(st.sampled_from(["Authorization", "X-WSSE", "X-Sdk-Date", "Content-Type"]), st.text()))
def test_any_headers_are_answered_in_the_vendors_words(headers: dict[str, str]) -> None:
    told = {name: value.encode("utf-8", "surrogatepass").decode("utf-8", "replace") for name, value in headers.items()}
    answer = asyncio.run(door(Platform(accept_all))(request(SEND, told, BODY)))
    assert answer.status in {400, 401}
