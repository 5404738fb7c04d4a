import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from hongyan.doors.tencent.words import message_id, serial_no
from hongyan.doors.tencent_v3 import auth
from hongyan.doors.tencent_v3.auth import Parts
from hongyan.doors.tencent_v3.errors import Failure
from hongyan.doors.tencent_v3.schema import Schema
from hongyan.doors.tencent_v3.words.pulling import PullNumber
from hongyan.doors.tencent_v3.words.sending import DescribePhoneNumberInfo, MultiSmsInfo, SendMultiGlobalSms, SendSms
from hongyan.model.message import Caller
from hongyan.model.snapshot import EMPTY, Account, AccountKind, ApiKey, Snapshot

VECTORS = {
    vector["name"]: vector
    for vector in json.loads((Path(__file__).parents[2] / "captures/tencent_v3/signatures.json").read_text(encoding="utf-8"))
}
TC3 = VECTORS["python-sdk-send-sms"]
V1 = VECTORS["document-v1"]
SNAPSHOT = Snapshot(
    version=1,
    accounts={1: Account(id=1, name="one", kind=AccountKind.ENTERPRISE, enabled=True)},
    keys={TC3["secret_id"]: ApiKey(secret_id=TC3["secret_id"], secret_key=TC3["secret_key"], account_id=1, enabled=True)},
    apps=EMPTY.apps,
    signatures=EMPTY.signatures,
    templates=EMPTY.templates,
    packages=EMPTY.packages,
    links=EMPTY.links,
)
SIGNED = ["host", "content-type", "x-tc-timestamp", "authorization"]


def believed(method: str, query: bytes, headers: dict[bytes, bytes], body: bytes, now: float) -> bool:
    claim = auth.read(Parts(method, "/", query, headers, body))
    return not isinstance(claim, Failure) and isinstance(auth.verify(claim, SNAPSHOT, now, ""), Caller)


def changed(data: st.DataObject, text: bytes) -> bytes:
    """The text with one octet replaced by another, letters of another case excepted."""
    at = data.draw(st.integers(0, len(text) - 1))
    octet = data.draw(st.integers(0, 255).filter(lambda octet: bytes([octet]).lower() != text[at : at + 1].lower()))
    return text[:at] + bytes([octet]) + text[at + 1 :]


def tc3_headers() -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in TC3["headers"].items()}


@settings(max_examples=100)
@given(st.data())
def test_any_change_of_a_signed_body_is_refused(data: st.DataObject) -> None:
    body = changed(data, TC3["body"].encode())
    assert not believed("POST", b"", tc3_headers(), body, TC3["now"])


@settings(max_examples=100)
@given(st.sampled_from(SIGNED), st.data())
def test_any_change_of_a_signed_header_is_refused(name: str, data: st.DataObject) -> None:
    headers = tc3_headers()
    original = headers[name.encode()]
    headers[name.encode()] = changed(data, original)
    if headers[name.encode()].split() != original.split() and b"".join(headers[name.encode()].split()) != b"".join(original.split()):
        assert not believed("POST", b"", headers, TC3["body"].encode(), TC3["now"])


@settings(max_examples=100)
@given(st.data())
def test_any_change_of_a_signed_query_is_refused(data: st.DataObject) -> None:
    headers = {b"host": V1["headers"]["host"].encode()}
    given = auth.read_form(V1["query"].encode(), auth.QUERY_LIMIT)
    query = changed(data, V1["query"].encode())
    if auth.read_form(query, auth.QUERY_LIMIT) != given:  # %2B and %2b are the same
        assert not believed("GET", query, headers, b"", V1["now"])


@settings(max_examples=100)
@given(
    st.sampled_from(["GET", "POST"]),
    st.binary(max_size=60),
    st.dictionaries(
        st.sampled_from([b"host", b"content-type", b"authorization", b"x-tc-timestamp", b"x-tc-token"]), st.binary(max_size=80)
    ),
    st.binary(max_size=60),
)
def test_nonsense_is_refused_without_an_exception(method: str, query: bytes, headers: dict[bytes, bytes], body: bytes) -> None:
    assert not believed(method, query, headers, body, TC3["now"])


@settings(max_examples=100)
@given(
    st.sampled_from([SendSms, SendMultiGlobalSms, PullNumber, DescribePhoneNumberInfo]),
    st.one_of(
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["Limit", "PhoneNumberSet", "MultiSmsInfoSet", "SmsSdkAppId", "TemplateId", "x"]), inner, max_size=4
                )
            ),
            max_leaves=8,
        ).map(lambda value: json.dumps(value).encode()),
    ),
)
def test_any_body_is_read_or_refused(request_type: type, body: bytes) -> None:
    read = Schema(request_type).read(None, body)
    assert isinstance(read, request_type | Failure)


@settings(max_examples=100)
@given(st.lists(st.text(max_size=8), min_size=1, max_size=20), st.text(max_size=8))
def test_a_flattened_form_says_the_same_as_json(phones: list[str], sign: str) -> None:
    fields = {"SmsSdkAppId": "1", "TemplateId": "2", "SignName": sign}
    form = fields | {f"PhoneNumberSet.{at}": phone for at, phone in enumerate(phones)}
    body = json.dumps(fields | {"PhoneNumberSet": phones}).encode()
    assert Schema(SendSms).read(form, b"") == Schema(SendSms).read(None, body)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.text(max_size=8), st.lists(st.text(max_size=4), max_size=3)), min_size=1, max_size=5))
def test_flattened_objects_say_the_same_as_json(entries: list[tuple[str, list[str]]]) -> None:
    form = {"SmsSdkAppId": "1"}
    for at, (phone, values) in enumerate(entries):
        form |= {f"MultiSmsInfoSet.{at}.PhoneNumber": phone, f"MultiSmsInfoSet.{at}.TemplateId": "2"}
        form |= {f"MultiSmsInfoSet.{at}.TemplateParamSet.{n}": value for n, value in enumerate(values)}
    told = [{"PhoneNumber": phone, "TemplateId": "2", "TemplateParamSet": values or None} for phone, values in entries]
    read = Schema(SendMultiGlobalSms).read(form, b"")
    assert read == Schema(SendMultiGlobalSms).read(None, json.dumps({"SmsSdkAppId": "1", "MultiSmsInfoSet": told}).encode())
    assert isinstance(read, SendMultiGlobalSms)
    assert all(isinstance(entry, MultiSmsInfo) for entry in read.multi_sms_info_set)


@settings(max_examples=50)
@given(st.integers(0, 2**63 - 1))
def test_a_serial_number_leads_back_to_its_message(number: int) -> None:
    assert message_id(serial_no(number)) == number
    assert message_id(str(number)) is None
