"""SDK-HMAC-SHA256, forwards and backwards."""

import msgspec
import pytest

from hongyan.doors.huawei import signing
from hongyan.doors.huawei.signing import Claim, Signed

NOW = 1_795_399_200.0
SECRET = "q4Ii87BhST9vcs8wvrzN80SfD7Al"
FORM = Signed(
    method="POST",
    path="/sms/batchSendSms/v1",
    query=b"",
    headers={
        b"content-type": b"application/x-www-form-urlencoded",
        b"host": b"127.0.0.1:8080",
        b"x-sdk-content-sha256": b"UNSIGNED-PAYLOAD",
    },
    body=b"from=1&to=2",
)
LIST = Signed(
    method="GET", path="/v2/p/msgsms/signatures", query=b"signature_name=%E5%8D%8E%E4%B8%BA%20a%2Fb&limit=10", headers={}, body=b""
)


def signed(request: Signed, *, beside: dict[bytes, bytes] | None = None) -> tuple[Signed, Claim]:
    """The request as it comes in, with headers that a proxy or client put beside those signed."""
    told = signing.sign("key", SECRET, request, NOW)
    claim = signing.read(told["Authorization"])
    assert claim is not None
    headers = dict(request.headers) | {b"x-sdk-date": told["X-Sdk-Date"].encode()} | (beside or {})
    return msgspec.structs.replace(request, headers=headers), claim


@pytest.mark.parametrize("request_", [FORM, LIST])
def test_what_is_signed_is_verified(request_: Signed) -> None:
    came, claim = signed(request_, beside={b"x-forwarded-for": b"192.0.2.1"})
    assert claim.access == "key"
    assert signing.verify(SECRET, claim, came)
    assert not signing.verify(SECRET + "x", claim, came)
    assert signing.date_of(came.headers) == NOW


def test_an_unsigned_payload_is_not_looked_at_and_a_signed_one_is() -> None:
    came, claim = signed(FORM)
    assert signing.verify(SECRET, claim, msgspec.structs.replace(came, body=b"from=1&to=3"))
    body = msgspec.structs.replace(FORM, headers={b"content-type": b"application/json"})
    came, claim = signed(body)
    assert signing.verify(SECRET, claim, came)
    assert not signing.verify(SECRET, claim, msgspec.structs.replace(came, body=b"from=1&to=3"))


def test_a_change_of_anything_signed_is_seen() -> None:
    came, claim = signed(LIST)
    for other in (
        msgspec.structs.replace(came, method="PUT"),
        msgspec.structs.replace(came, path="/v2/q/msgsms/signatures"),
        msgspec.structs.replace(came, query=b"limit=11&signature_name=%E5%8D%8E%E4%B8%BA%20a%2Fb"),
        msgspec.structs.replace(came, headers={b"x-sdk-date": b"20261123T020001Z"}),
    ):
        assert not signing.verify(SECRET, claim, other)


def test_how_a_query_is_written_makes_no_difference() -> None:
    came, claim = signed(LIST)
    assert signing.verify(SECRET, claim, msgspec.structs.replace(came, query=b"limit=10&signature_name=%e5%8d%8e%e4%b8%ba+a/b"))


def test_a_signature_that_leaves_out_the_date_or_names_a_header_that_is_not_there_is_none() -> None:
    came, claim = signed(FORM)
    without = msgspec.structs.replace(claim, signed_headers=("content-type",))
    assert not signing.verify(SECRET, without, came)
    more = msgspec.structs.replace(claim, signed_headers=(*claim.signed_headers, "x-project-id"))
    assert not signing.verify(SECRET, more, came)


@pytest.mark.parametrize(
    "header",
    ["", "WSSE realm=SDP", "SDK-HMAC-SM3 Access=a, SignedHeaders=b, Signature=" + "0" * 64, "SDK-HMAC-SHA256 Access=a, Signature=b",
     "SDK-HMAC-SHA256 Access=a, SignedHeaders=x-sdk-date, Signature=" + "g" * 64],
)  # fmt: skip
def test_a_header_of_another_kind_says_nothing(header: str) -> None:
    assert signing.read(header) is None


@pytest.mark.parametrize("written", [b"", b"2026-11-22T00:00:00Z", b"20261340T000000Z", b"20261122T000000"])
def test_a_date_that_is_none_is_none(written: bytes) -> None:
    assert signing.date_of({b"x-sdk-date": written}) is None


def test_a_push_is_signed_with_its_host() -> None:
    request = signing.outgoing("POST", "https://shop.example:8443/cb?x=1", {"Content-Type": "application/json"}, b"{}")
    told = signing.sign("key", SECRET, request, NOW)
    assert "SignedHeaders=content-type;host;x-sdk-date" in told["Authorization"]
    assert request.headers[b"host"] == b"shop.example:8443"
    assert request.query == b"x=1"


def test_the_path_is_signed_as_the_vendors_sdk_encodes_it() -> None:
    # huaweicloudsdkcore signs the unquoted path quoted again, always with a slash behind it.
    assert signing._path("/v2/%7Ep/a%20b") == b"/v2/~p/a%20b/"
