"""SDK-HMAC-SHA256: how requests are signed with an AK and an SK, for those that come in and for those that go out.

Source: `huaweicloudsdkcore/signer/signer.py` 3.1.219. The SK is used as it is; no key is derived from it. A signature is no number of a
request: where the payload is unsigned, two requests of one second have the same.
"""

import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote_from_bytes, unquote_to_bytes, urlsplit

import msgspec

ALGORITHM = "SDK-HMAC-SHA256"
DATE = b"x-sdk-date"
CONTENT = b"x-sdk-content-sha256"
SKEW_S = 900.0
"""How far X-Sdk-Date may be from now (huawei.md section 3.2)."""

_EMPTY = hashlib.sha256(b"").hexdigest()
_FORMAT = "%Y%m%dT%H%M%SZ"
_WRITTEN = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_AUTHORIZATION = re.compile(
    r"SDK-HMAC-SHA256\s+Access=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([0-9a-fA-F]{64})\s*", re.ASCII
)


class Signed(msgspec.Struct, frozen=True):
    """What is signed of a request."""

    method: str
    path: str
    """As received, still percent-encoded."""
    query: bytes
    """As received, without the question mark."""
    headers: Mapping[bytes, bytes]
    """Names in lower case."""
    body: bytes


class Claim(msgspec.Struct, frozen=True):
    """What an Authorization header says, not yet believed."""

    access: str
    """The AK."""
    signed_headers: tuple[str, ...]
    signature: str


def read(authorization: str) -> Claim | None:
    """None for a header that is not of this algorithm, or lacks a part."""
    found = _AUTHORIZATION.fullmatch(authorization.strip())
    if found is None:
        return None
    return Claim(access=found[1], signed_headers=tuple(found[2].lower().split(";")), signature=found[3].lower())


def date_of(headers: Mapping[bytes, bytes]) -> float | None:
    """When the request says it was signed, in Unix seconds; None without a readable X-Sdk-Date."""
    text = headers.get(DATE, b"").decode("latin-1").strip()
    if _WRITTEN.fullmatch(text) is None:
        return None
    try:
        return dt.datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def verify(secret: str, claim: Claim, request: Signed) -> bool:
    """Whether whoever has the SK signed exactly this: the headers named and no others, X-Sdk-Date among them."""
    names = [name.encode() for name in claim.signed_headers]
    if DATE not in names or any(name not in request.headers for name in names):
        return False
    expected = _signature(secret, request, names)
    return hmac.compare_digest(expected.encode(), claim.signature.encode())


def sign(access: str, secret: str, request: Signed, now: float) -> dict[str, str]:
    """X-Sdk-Date and Authorization, to be sent beside the request's own headers; all of these are signed."""
    written = dt.datetime.fromtimestamp(now, dt.UTC).strftime(_FORMAT)
    headers = {name: value for name, value in request.headers.items() if name != DATE} | {DATE: written.encode()}
    names = sorted(headers)
    signature = _signature(secret, msgspec.structs.replace(request, headers=headers), names)
    listed = b";".join(names).decode()
    return {"X-Sdk-Date": written, "Authorization": f"{ALGORITHM} Access={access}, SignedHeaders={listed}, Signature={signature}"}


def outgoing(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Signed:
    """What is signed of a request to this URL; its Host is added when the headers do not name one."""
    parts = urlsplit(url)
    told = {name.lower().encode(): value.strip().encode() for name, value in headers.items()}
    host = parts.netloc.rpartition("@")[2].encode()
    return Signed(method=method, path=parts.path or "/", query=parts.query.encode(), headers={b"host": host} | told, body=body)


def _signature(secret: str, request: Signed, names: list[bytes]) -> str:
    canonical = b"\n".join((
        request.method.upper().encode(),
        _path(request.path),
        _query(request.query),
        b"".join(name + b":" + request.headers[name].strip() + b"\n" for name in names),
        b";".join(names),
        _payload(request).encode(),
    ))  # fmt: skip
    date = request.headers[DATE].strip()
    told = b"\n".join((ALGORITHM.encode(), date, hashlib.sha256(canonical).hexdigest().encode()))
    return hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()


def _path(path: str) -> bytes:
    encoded = "/".join(_encoded(part) for part in unquote_to_bytes(path).split(b"/"))
    return (encoded if encoded.endswith("/") else encoded + "/").encode()


def _query(query: bytes) -> bytes:
    parts = [part.partition(b"=") for part in query.replace(b"+", b" ").split(b"&") if part]
    pairs = sorted((unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in parts)
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs).encode()


def _encoded(part: bytes) -> str:
    return quote_from_bytes(part, safe="~")


def _payload(request: Signed) -> str:
    if not request.body:
        return _EMPTY
    given = request.headers.get(CONTENT, b"").decode("latin-1")
    return given or hashlib.sha256(request.body).hexdigest()
