import base64
import hashlib
import hmac
import json
import time
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from hongyan.doors.tencent_v3 import auth
from hongyan.doors.tencent_v3.auth import Parts
from hongyan.doors.tencent_v3.errors import Failure
from hongyan.model.message import Caller
from hongyan.model.snapshot import EMPTY, Account, AccountKind, ApiKey, Snapshot

VECTORS = json.loads((Path(__file__).parents[2] / "captures/tencent_v3/signatures.json").read_text(encoding="utf-8"))
NOW = 1_700_000_000
KEY = ApiKey(secret_id="AKIDmine", secret_key="key", account_id=1, enabled=True)


def snapshot_of(*keys: ApiKey, account_enabled: bool = True) -> Snapshot:
    accounts = {1: Account(id=1, name="one", kind=AccountKind.ENTERPRISE, enabled=account_enabled)}
    return Snapshot(
        version=1,
        accounts=accounts,
        keys={key.secret_id: key for key in keys},
        apps=EMPTY.apps,
        signatures=EMPTY.signatures,
        templates=EMPTY.templates,
        packages=EMPTY.packages,
        links=EMPTY.links,
    )


def check(parts: Parts, snapshot: Snapshot, now: float = NOW) -> Caller | Failure:
    claim = auth.read(parts)
    return claim if isinstance(claim, Failure) else auth.verify(claim, snapshot, now, "")


def code(parts: Parts, snapshot: Snapshot | None = None, now: float = NOW) -> str:
    outcome = check(parts, snapshot or snapshot_of(KEY), now)
    return outcome.fault.code if isinstance(outcome, Failure) else "Ok"


def tc3(
    *,
    method: str = "POST",
    path: str = "/",
    query: bytes = b"",
    body: bytes = b"{}",
    signed: dict[str, str] | None = None,
    host: str = "sms.example.com",
    service: str = "sms",
    date: str = "",
    template: str = "TC3-HMAC-SHA256 Credential={id}/{date}/{service}/tc3_request, SignedHeaders={names}, Signature={signature}",
    timestamp: str = str(NOW),
    uri: str = "/",
    more: dict[str, str] | None = None,
) -> Parts:
    """A request signed as the document says; `signed` are the values that the client signs where they differ from what it sends."""
    headers = {"host": host, "content-type": "application/json", "x-tc-timestamp": timestamp, "x-tc-action": "SendSms"} | (more or {})
    date = date or time.strftime("%Y-%m-%d", time.gmtime(int(timestamp)))
    values = signed or {"content-type": headers["content-type"], "host": host}
    names = ";".join(values)
    payload = b"UNSIGNED-PAYLOAD" if headers.get("x-tc-content-sha256") == "UNSIGNED-PAYLOAD" else body if method == "POST" else b""
    block = "".join(f"{name}:{value}\n" for name, value in values.items())
    canonical = f"{method}\n{uri}\n{query.decode()}\n{block}\n{names}\n{hashlib.sha256(payload).hexdigest()}"
    scope = f"{date}/{service}/tc3_request"
    text = f"TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"TC3" + KEY.secret_key.encode()
    for step in (date, service, "tc3_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = template.format(id=KEY.secret_id, date=date, service=service, names=names, signature=signature)
    return Parts(method, path, query, {name.encode(): value.encode() for name, value in headers.items()}, body)


def v1(
    *, method: str = "GET", host: str = "sms.example.com", signed_host: str = "", digest: str = "", drop: str = "", **more: str
) -> Parts:
    params = {"Action": "SendSms", "Version": "2021-01-11", "Nonce": "7", "Timestamp": str(NOW), "SecretId": KEY.secret_id, **more}
    if digest:
        params["SignatureMethod"] = digest
    source = f"{method}{signed_host or host}/?" + "&".join(f"{name}={params[name]}" for name in sorted(params))
    algorithm = "sha256" if digest == "HmacSHA256" else "sha1"
    params["Signature"] = base64.b64encode(hmac.digest(KEY.secret_key.encode(), source.encode(), algorithm)).decode()
    params.pop(drop, None)
    encoded = urllib.parse.urlencode(params).encode()
    headers = {b"host": host.encode()}
    if method == "GET":
        return Parts(method, "/", encoded, headers, b"")
    return Parts(method, "/", b"", headers | {b"content-type": b"application/x-www-form-urlencoded"}, encoded)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_published_signatures_are_right(vector: dict[str, Any]) -> None:
    headers = {name.encode(): value.encode() for name, value in vector["headers"].items()}
    parts = Parts(vector["method"], vector["path"], vector["query"].encode(), headers, vector["body"].encode())
    key = ApiKey(secret_id=vector["secret_id"], secret_key=vector["secret_key"], account_id=1, enabled=True)
    assert check(parts, snapshot_of(key), vector["now"]) == Caller(account_id=1, key_id=vector["secret_id"])


@pytest.mark.parametrize(
    "parts",
    [
        tc3(),
        tc3(host="127.0.0.1:18765"),
        tc3(host="127.0.0.1:18765", signed={"content-type": "application/json", "host": "127.0.0.1"}, service="127"),
        tc3(host="localhost:18765", service="localhost:18765"),
        tc3(host="LocalHost:1", signed={"content-type": "application/json", "host": "localhost"}),
        tc3(host="LocalHost:1"),
        tc3(host="[::1]:80", signed={"content-type": "application/json", "host": "[::1]"}),
        tc3(signed={"content-type": "application/json", "host": "sms.example.com", "x-tc-action": "sendsms"}),
        tc3(signed={"content-type": "application/json", "host": "sms.example.com", "x-tc-action": "SendSms"}),
        tc3(more={"x-tc-content-sha256": "UNSIGNED-PAYLOAD"}),
        tc3(method="GET", query=b"Limit=1&B=a+b&A=%E4%BD%A0", body=b""),
        tc3(path="/sms", uri="/sms"),
        tc3(path="/sms", uri="/"),
        tc3(more={"content-type": "application/json; charset=utf-8"}),
        tc3(template="TC3-HMAC-SHA256 Credential={id}/{date}/{service}/tc3_request,SignedHeaders={names},Signature={signature}"),
        tc3(timestamp=str(NOW - 299)),
        v1(),
        v1(method="POST"),
        v1(digest="HmacSHA1"),
        v1(digest="HmacSHA256"),
        v1(method="POST", digest="HmacSHA256", **{"TemplateParamSet.0": "a b+c&你=好"}),
        v1(host="127.0.0.1:18765", signed_host="127.0.0.1"),
    ],
)
def test_what_the_sdks_sign_is_believed(parts: Parts) -> None:
    assert code(parts) == "Ok"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (tc3(template="SKIP"), "AuthFailure.InvalidAuthorization"),
        (tc3(template=""), "AuthFailure.InvalidAuthorization"),
        (tc3(template="TC3-HMAC-SHA256"), "AuthFailure.InvalidAuthorization"),
        (tc3(template="TC3-HMAC-SHA512 Credential={id}/{date}/sms/tc3_request"), "AuthFailure.InvalidAuthorization"),
        (tc3(template="TC3-HMAC-SHA256 Credential={id}, SignedHeaders={names}, Signature={signature}"), "AuthFailure.InvalidAuthorization"),
        (tc3(template="TC3-HMAC-SHA256 Credential={id}/{date}/sms/tc3_request, SignedHeaders={names}"), "AuthFailure.InvalidAuthorization"),
        (tc3(signed={"host": "sms.example.com"}), "AuthFailure.InvalidAuthorization"),
        (tc3(signed={"content-type": "application/json"}), "AuthFailure.InvalidAuthorization"),
        (tc3(signed={"content-type": "application/json", "host": "sms.example.com", "x-none": "1"}), "AuthFailure.InvalidAuthorization"),
        (tc3(date="2020-01-01"), "AuthFailure.InvalidAuthorization"),
        (tc3(more={"content-type": "multipart/form-data; boundary=x"}), "InvalidRequest"),
        (tc3(timestamp=str(NOW - 301)), "AuthFailure.SignatureExpire"),
        (tc3(timestamp=str(NOW + 301)), "AuthFailure.SignatureExpire"),
        (tc3(more={"x-tc-token": "temporary"}), "AuthFailure.TokenFailure"),
        (Parts("POST", "/", b"", {b"content-type": b"application/json"}, b"{}"), "AuthFailure.InvalidAuthorization"),
        (Parts("GET", "/", b"", {}, b""), "MissingParameter"),
        (v1(drop="Signature"), "MissingParameter"),
        (v1(drop="Nonce"), "MissingParameter"),
        (v1(drop="Timestamp"), "MissingParameter"),
        (v1(drop="SecretId"), "MissingParameter"),
        (v1(digest="HmacMD5"), "AuthFailure.InvalidAuthorization"),
        (v1(Nonce="-1"), "InvalidParameterValue"),
        (v1(Timestamp="soon"), "InvalidParameterValue"),
        (v1(Timestamp="²"), "InvalidParameterValue"),
        (v1(Timestamp=str(NOW - 301)), "AuthFailure.SignatureExpire"),
        (v1(SecretId="AKIDother"), "AuthFailure.SecretIdNotFound"),
        (v1(Token="temporary"), "AuthFailure.TokenFailure"),
        (v1(signed_host="elsewhere.example.com"), "AuthFailure.SignatureFailure"),
        (Parts("GET", "/", b"A=%ff", {}, b""), "InvalidParameter"),
        (Parts("GET", "/", b"\xff", {}, b""), "InvalidParameter"),
        (Parts("GET", "/", b"A=1&A=2", {}, b""), "InvalidParameter"),
        (Parts("GET", "/", b"A=" + b"x" * 40_000, {}, b""), "RequestSizeLimitExceeded"),
        (Parts("GET", "/", b"a&" * 16_000, {}, b""), "InvalidParameter"),
    ],
)
def test_what_is_wrong_gets_its_documented_code(parts: Parts, expected: str) -> None:
    assert code(parts) == expected


def test_a_missing_or_odd_timestamp_is_named() -> None:
    parts = tc3()
    without = {name: value for name, value in parts.headers.items() if name != b"x-tc-timestamp"}
    assert code(Parts("POST", "/", b"", without, b"{}")) == "MissingParameter"
    assert code(Parts("POST", "/", b"", without | {b"x-tc-timestamp": b"\xb2"}, b"{}")) == "InvalidParameterValue"


def test_keys_and_accounts_can_be_unknown_or_disabled() -> None:
    disabled = ApiKey(secret_id=KEY.secret_id, secret_key=KEY.secret_key, account_id=1, enabled=False)
    assert code(tc3(), snapshot_of()) == "AuthFailure.SecretIdNotFound"
    assert code(tc3(), snapshot_of(disabled)) == "AuthFailure.InvalidSecretId"
    assert code(tc3(), snapshot_of(KEY, account_enabled=False)) == "AuthFailure.UnauthorizedOperation"


def test_a_blank_in_a_v1_signature_is_a_plus() -> None:
    for nonce in range(1, 200):
        parts = v1(Nonce=str(nonce))
        if b"%2B" in parts.query:
            assert code(Parts("GET", "/", parts.query.replace(b"%2B", b"+"), parts.headers, b"")) == "Ok"
            return
    pytest.fail("no signature had a plus")


def test_a_common_v1_parameter_is_no_parameter_of_the_action() -> None:
    claim = auth.read(v1(Limit="5", Region="ap-guangzhou", Language="en-US"))
    assert not isinstance(claim, Failure)
    assert claim.form == {"Limit": "5"}
    assert (claim.action, claim.version, claim.language) == ("SendSms", "2021-01-11", "en-US")
