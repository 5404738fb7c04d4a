"""Who asks for a send in Huawei's API: each fault in its order, and both ways to prove it."""

import base64
import json
import re
import time
from pathlib import Path

import msgspec
import pytest

from hongyan.doors.huawei import auth, schema, signing
from hongyan.doors.huawei.auth import Asker, Wsse
from hongyan.doors.huawei.errors import Failure
from hongyan.doors.huawei.signing import Signed
from hongyan.doors.huawei.times import utc
from hongyan.model.replay import signed_at
from huawei_shop import KEY, NOW, SECRET, WSSE, by_signature, by_token, form, snapshot, token

CLIENT = "192.0.2.1"
GOLDEN = json.loads((Path(__file__).parents[2] / "captures/huawei/calls.json").read_text(encoding="utf-8"))
VECTOR = ("8n8XLHG2tqK2zv2N7P8lYHyl6", "c8aba7b2f0e14d0f", "2026-11-21T15:30:20Z")
"""Secret, nonce and time of a published example."""


def headers(authorization: str = WSSE, x_wsse: str | None = None) -> dict[bytes, bytes]:
    given = {b"authorization": authorization.encode(), b"x-wsse": (token() if x_wsse is None else x_wsse).encode()}
    return {name: value for name, value in given.items() if value}


def judged(given: dict[bytes, bytes], now: float = NOW) -> str:
    """The code, or empty when who asks has proved it."""
    found = auth.authenticate(Signed("POST", schema.SEND, b"", given, form()), CLIENT, snapshot(), now)
    return found.fault.code if isinstance(found, Failure) else ""


def without(part: str, text: str) -> str:
    return re.sub(rf',?\s*{part}="[^"]*"', "", text)


def with_(part: str, value: str, text: str) -> str:
    return re.sub(rf'{part}="[^"]*"', f'{part}="{value}"', text)


FAULTS = [
    ("E000001", "", None),
    ("E000008", without("realm", WSSE).replace("WSSE", "Basic"), None),
    ("E000008", "Bearer abc", None),
    ("E000002", without("realm", WSSE), None),
    ("E000004", with_("realm", "SDX", WSSE), None),
    ("E000003", without("profile", WSSE), None),
    ("E000005", with_("profile", "Password", WSSE), None),
    ("E000007", without("type", WSSE), None),
    ("E000006", with_("type", "Userkey", WSSE), None),
    ("E000020", WSSE, ""),
    ("E000026", WSSE, token().replace("UsernameToken ", "")),
    ("E000021", WSSE, without("Username", token())),
    ("E000024", WSSE, without("PasswordDigest", token())),
    ("E000022", WSSE, without("Nonce", token())),
    ("E000022", WSSE, token(nonce="n" * 129)),
    ("E000023", WSSE, without("Created", token())),
    ("E000025", WSSE, token(created="2026-11-22 11:54:46")),
    ("E000025", WSSE, token(created="2026-13-22T11:54:46Z")),
    ("E000102", WSSE, token(key="nobody")),
    ("E000109", WSSE, token(key="of-a-stopped-account")),
    ("E000103", WSSE, token(key="of-a-stopped-app")),
    ("E000110", WSSE, token(created=utc(NOW - 86_401))),
    ("E000110", WSSE, token(created=utc(NOW + 86_401))),
    ("E000105", WSSE, token(secret=SECRET + "x")),
    ("E000105", WSSE, token(secret=SECRET + "x", raw=True)),
    ("E000105", WSSE, with_("PasswordDigest", "c2hvcnQ=", token())),
    ("E000105", WSSE, with_("PasswordDigest", "???", token())),
    ("E000105", WSSE, with_("Nonce", "another", token())),
    ("E000027", WSSE, token() + " " * 3 + "x" * 3000),
]


@pytest.mark.parametrize(("code", "authorization", "x_wsse"), FAULTS)
def test_each_fault_has_its_code(code: str, authorization: str, x_wsse: str | None) -> None:
    assert judged(headers(authorization, x_wsse)) == code


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("created", [utc(NOW), utc(NOW + 8 * 3600), utc(NOW - 86_000)])
def test_both_digests_are_good_for_a_day_to_either_side(raw: bool, created: str) -> None:
    assert judged(headers(x_wsse=token(raw=raw, created=created))) == ""


def test_the_parts_may_be_written_in_any_order_with_blanks_between() -> None:
    username, digest, nonce, created = re.findall(r'\w+="[^"]*"', token())
    assert (
        judged(
            headers('WSSE realm="SDP", profile="UsernameToken", type="Appkey"', f"UsernameToken {created}, {nonce}, {digest}, {username}")
        )
        == ""
    )


@pytest.mark.parametrize("wrong", ["a" * 2000, "UsernameToken " + "a" * 1980, "a " * 1000, "a=" * 1000, 'a="' * 660, " " * 2000])
def test_headers_that_say_nothing_are_soon_read(wrong: str) -> None:
    """Anybody can send them, and nobody else is answered meanwhile."""
    took = []
    for _ in range(3):
        begun = time.thread_time()
        assert isinstance(auth.read(WSSE, wrong), Failure)
        assert isinstance(auth.read(wrong, token()), Failure)
        took.append(time.thread_time() - begun)
    assert min(took) < 0.005


def test_a_digest_in_capital_digits_is_the_same() -> None:
    found = auth.read(WSSE, token())
    assert isinstance(found, Wsse)
    upper = base64.b64encode(base64.b64decode(found.digest).upper()).decode()
    assert judged(headers(x_wsse=with_("PasswordDigest", upper, token()))) == ""


def test_the_published_example_comes_out_as_published() -> None:
    secret, nonce, created = VECTOR
    raw = auth.digest(nonce, created, secret)
    assert raw.hex() == "4f42e1b23ad34a4e1935c22e91e404b1bc1c5a72db96daff67228941db07d6c8"
    assert base64.b64encode(raw).decode() == "T0LhsjrTSk4ZNcIukeQEsbwcWnLbltr/ZyKJQdsH1sg="
    hexadecimal = "NGY0MmUxYjIzYWQzNGE0ZTE5MzVjMjJlOTFlNDA0YjFiYzFjNWE3MmRiOTZkYWZmNjcyMjg5NDFkYjA3ZDZjOA=="
    assert base64.b64encode(raw.hex().encode()).decode() == hexadecimal


@pytest.mark.parametrize("call", GOLDEN, ids=lambda call: call["name"])
def test_the_sdks_signature_is_good_for_a_quarter_of_an_hour(call: dict[str, str]) -> None:
    given = {name.encode(): value.encode() for name, value in dict(call["headers"]).items()}  # type: ignore[call-overload]
    signed = Signed("POST", call["path"], b"", given, call["body"].encode())
    for now, good in ((NOW, True), (NOW - 899, True), (NOW + 899, True), (NOW - 901, False), (NOW + 901, False)):
        found = auth.authenticate(signed, CLIENT, snapshot(), now)
        assert isinstance(found, Asker) is good
    mutated = given | {b"host": b"127.0.0.1:18098"}
    found = auth.authenticate(msgspec.structs.replace(signed, headers=mutated), CLIENT, snapshot(), NOW)
    assert isinstance(found, Failure)
    assert found.fault.code == "E000045"


@pytest.mark.parametrize(
    ("code", "authorization"),
    [
        ("E000045", "SDK-HMAC-SM3 Access=a, SignedHeaders=b, Signature=" + "0" * 64),
        ("E000045", "V11-HMAC-SHA256 Credential=a/20261122/r/s, SignedHeaders=b, Signature=" + "0" * 64),
        ("E000045", "SDK-HMAC-SHA256 Access=a"),
        ("E000102", "SDK-HMAC-SHA256 Access=nobody, SignedHeaders=x-sdk-date, Signature=" + "0" * 64),
        ("E000045", f"SDK-HMAC-SHA256 Access={KEY}, SignedHeaders=x-sdk-date, Signature=" + "0" * 64),
    ],
)
def test_signatures_that_cannot_be_good(code: str, authorization: str) -> None:
    assert judged({b"authorization": authorization.encode(), b"x-sdk-date": b"20261122T115446Z"}) == code


def test_a_proof_says_since_when_it_can_have_come() -> None:
    def since(request_headers: dict[bytes, bytes]) -> float:
        found = auth.authenticate(Signed("POST", schema.SEND, b"", request_headers, form()), CLIENT, snapshot(), NOW)
        assert isinstance(found, Asker)
        return found.since

    assert since(by_token(form()).headers) == NOW - auth.WINDOW_S
    assert since(by_token(form(), created=utc(NOW + 8 * 3600)).headers) == NOW + 8 * 3600 - auth.WINDOW_S
    assert since(by_signature(form()).headers) == NOW - signing.SKEW_S


def test_the_same_request_has_one_number_and_any_other_another() -> None:
    def number(request_headers: dict[bytes, bytes], body: bytes) -> str:
        found = auth.authenticate(Signed("POST", schema.SEND, b"", request_headers, body), CLIENT, snapshot(), NOW)
        assert isinstance(found, Asker)
        return found.number

    first, other = form(), form(to="15234567890")
    numbers = [number(by_token(first).headers, first) for _ in range(2)]
    numbers += [number(by_token(other).headers, other), number(by_token(first, nonce="n").headers, first)]
    numbers += [number(by_signature(first).headers, first), number(by_token(first, created=utc(NOW - 1)).headers, first)]
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 5
    # A signature is made for one request and says when; a token may be hours old by itself.
    assert [signed_at(each, NOW) for each in numbers] == [None, None, None, None, NOW, None]
