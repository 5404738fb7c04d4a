"""Who signed a request: TC3-HMAC-SHA256 and the older v1 signatures of Tencent Cloud API 3.0.

Sources: Tencent documents 382/38768 (TC3) and 382/38769 (v1), and what the official SDKs do where they differ from them and from each
other when their endpoint is moved: the Node SDK signs the host without its port and takes the service from the endpoint, Python and Go
always sign the path "/", the document's own example signs x-tc-action in lower case. `read` takes a request apart without believing it;
`verify` believes it or says why not.
"""

import base64
import binascii
import functools
import hashlib
import hmac
import itertools
import urllib.parse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from hongyan.doors.tencent_v3 import errors
from hongyan.doors.tencent_v3.errors import Failure
from hongyan.model.message import Caller
from hongyan.model.snapshot import ApiKey, Snapshot

CLOCK_TOLERANCE_S = 300
"""How far a timestamp may be from the server's clock."""
QUERY_LIMIT = 32 * 1024
FORM_LIMIT = 1024 * 1024
"""Octets of a GET query and of a form (document 382/38767); JSON bodies are limited to 10 MB before they come here."""
MOST_FIELDS = 10_000

TC3 = b"TC3-HMAC-SHA256"
FORM = b"application/x-www-form-urlencoded"
MULTIPART = b"multipart/form-data"
UNSIGNED = b"UNSIGNED-PAYLOAD"
V1_DIGESTS = {"HmacSHA1": "sha1", "HmacSHA256": "sha256"}
V1_COMMON = frozenset(
    {"Action", "Version", "Nonce", "Timestamp", "SecretId", "Region", "SignatureMethod", "Signature", "Token", "Language", "RequestClient"}
)
_USUAL_NAMES = (b"content-type", b"host")
_V1_REQUIRED = ("Signature", "SecretId", "Nonce", "Timestamp")
_LONGEST_TIMESTAMP = 12
_SIGNATURE = b"Signature="
_LONGEST_REMEMBERED = 512
"""Octets of a header that are remembered; official clients write under 200."""
_BLOCK = 64
_INNER, _OUTER = (bytes(octet ^ pad for octet in range(256)) for pad in (0x36, 0x5C))


class Parts(msgspec.Struct, frozen=True):
    """A GET or POST request as it arrived."""

    method: str
    path: str
    query: bytes
    """Without the question mark, not decoded."""
    headers: Mapping[bytes, bytes]
    """Names in lower case."""
    body: bytes


class Authorization(msgspec.Struct, frozen=True):
    """The fields of a TC3 Authorization header, but for the signature."""

    secret_id: str
    date: bytes
    service: bytes
    signed_headers: bytes
    """As it was written."""
    names: tuple[bytes, ...]
    """The same in lower case, in the order given."""


class Tc3(msgspec.Struct, frozen=True):
    """What a TC3 signature was made of."""

    parts: Parts
    authorization: Authorization
    timestamp: bytes
    """As it was written."""
    signature: bytes
    """In lower case."""


class V1(msgspec.Struct, frozen=True):
    """What a v1 signature was made of."""

    parts: Parts
    params: dict[str, str]
    digest: str
    signature: str


class Claim(msgspec.Struct, frozen=True):
    """What a request says about itself; nothing of it is proved yet."""

    action: str
    version: str
    language: str
    secret_id: str
    token: str
    timestamp: int
    form: dict[str, str] | None
    """The action's parameters from a query or form, still flattened; None when they are in a JSON body."""
    proof: Tc3 | V1


def read(parts: Parts) -> Claim | Failure:
    """The claim of a request; the method is GET or POST."""
    content_type = parts.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if content_type == MULTIPART:
        return Failure(errors.INVALID_REQUEST)
    form: dict[str, str] | Failure | None = None
    if parts.method == "GET":
        form = read_form(parts.query, QUERY_LIMIT)
    elif content_type == FORM:
        form = read_form(parts.body, FORM_LIMIT)
    if isinstance(form, Failure):
        return form
    if b"authorization" in parts.headers:
        return _read_tc3(parts, form)
    if form is None:
        return Failure(errors.INVALID_AUTHORIZATION, "a JSON request needs an Authorization header made with TC3-HMAC-SHA256")
    return _read_v1(parts, form)


def read_form(text: bytes, limit: int) -> dict[str, str] | Failure:
    """Decoded parameters of a query or form."""
    if len(text) > limit:
        return Failure(errors.TOO_LARGE, f"{len(text)} bytes were sent, {limit} are allowed here")
    try:
        pairs = urllib.parse.parse_qsl(text.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        return Failure(errors.INVALID_PARAMETER, f"the parameters are not URL-encoded UTF-8, or more than {MOST_FIELDS}")
    params = dict(pairs)
    if len(params) != len(pairs):
        return Failure(errors.INVALID_PARAMETER, "a parameter is given twice")
    return params


def _read_tc3(parts: Parts, form: dict[str, str] | None) -> Claim | Failure:
    headers = parts.headers
    found = _read_authorization(headers[b"authorization"])
    if isinstance(found, Failure):
        return found
    authorization, signature = found
    for name in authorization.names:
        if name not in headers:
            return Failure(errors.INVALID_AUTHORIZATION, "SignedHeaders names a header that the request does not have")
    written = headers.get(b"x-tc-timestamp", b"").strip()
    timestamp = _timestamp(written.decode("latin-1"), "X-TC-Timestamp")
    if isinstance(timestamp, Failure):
        return timestamp
    return Claim(
        action=_header(headers, b"x-tc-action"),
        version=_header(headers, b"x-tc-version"),
        language=_header(headers, b"x-tc-language"),
        secret_id=authorization.secret_id,
        token=_header(headers, b"x-tc-token"),
        timestamp=timestamp,
        form=form,
        proof=Tc3(parts, authorization, written, signature),
    )


def _read_authorization(header: bytes) -> tuple[Authorization, bytes] | Failure:
    """What it says, and the signature. A key's headers of one day differ in nothing but their ends."""
    before, _, signature = header.rpartition(_SIGNATURE)
    if not signature.isalnum() or len(before) > _LONGEST_REMEMBERED:
        return _take_apart(header)
    found = _before_signature(before)
    return found if isinstance(found, Failure) else (found, signature.lower())


@functools.lru_cache(maxsize=4096)
def _before_signature(before: bytes) -> Authorization | Failure:
    found = _take_apart(before + _SIGNATURE + b"0")
    return found if isinstance(found, Failure) else found[0]


def _take_apart(header: bytes) -> tuple[Authorization, bytes] | Failure:
    algorithm, _, rest = header.strip().partition(b" ")
    if algorithm != TC3:
        return Failure(errors.INVALID_AUTHORIZATION, "it must begin with TC3-HMAC-SHA256")
    fields = dict([field.strip().partition(b"=")[::2] for field in rest.split(b",")])
    credential = fields.get(b"Credential", b"").split(b"/")
    if len(credential) != 4 or credential[3] != b"tc3_request":  # noqa: PLR2004 - the four parts of the format
        return Failure(errors.INVALID_AUTHORIZATION, "Credential must be <SecretId>/<YYYY-MM-DD>/<service>/tc3_request")
    signed_headers, signature = fields.get(b"SignedHeaders", b""), fields.get(b"Signature", b"")
    names = signed_headers.lower().split(b";")
    if b"content-type" not in names or b"host" not in names:
        return Failure(errors.INVALID_AUTHORIZATION, "SignedHeaders must name content-type and host")
    if not signature:
        return Failure(errors.INVALID_AUTHORIZATION, "Signature is missing")
    authorization = Authorization(credential[0].decode("latin-1"), credential[1], credential[2], signed_headers, tuple(names))
    return authorization, signature.lower()


def _read_v1(parts: Parts, form: dict[str, str]) -> Claim | Failure:
    for name in _V1_REQUIRED:
        if not form.get(name):
            return Failure(errors.MISSING_PARAMETER, name)
    digest = V1_DIGESTS.get(form.get("SignatureMethod", "HmacSHA1"))
    if digest is None:
        return Failure(errors.INVALID_AUTHORIZATION, "SignatureMethod must be HmacSHA1 or HmacSHA256")
    if not (form["Nonce"].isascii() and form["Nonce"].isdigit()):
        return Failure(errors.INVALID_VALUE, "Nonce must be a positive integer")
    timestamp = _timestamp(form["Timestamp"], "Timestamp")
    if isinstance(timestamp, Failure):
        return timestamp
    # A base64 "+" that was not encoded arrives as a blank.
    signature = form["Signature"].replace(" ", "+")
    params = {name: value for name, value in form.items() if name != "Signature"}
    return Claim(
        action=form.get("Action", ""),
        version=form.get("Version", ""),
        language=form.get("Language", ""),
        secret_id=form["SecretId"],
        token=form.get("Token", ""),
        timestamp=timestamp,
        form={name: value for name, value in form.items() if name not in V1_COMMON},
        proof=V1(parts, params, digest, signature),
    )


def _header(headers: Mapping[bytes, bytes], name: bytes) -> str:
    value = headers.get(name)
    return value.strip().decode("latin-1") if value else ""


def _timestamp(written: str, name: str) -> int | Failure:
    if not written:
        return Failure(errors.MISSING_PARAMETER, name)
    if not (written.isascii() and written.isdigit() and len(written) <= _LONGEST_TIMESTAMP):
        return Failure(errors.INVALID_VALUE, f"{name} must be Unix time in seconds")
    return int(written)


def verify(claim: Claim, snapshot: Snapshot, now: float, client: str) -> Caller | Failure:
    """The caller when time, key, signature and address are right.

    `now` is Unix seconds, `client` the address the request came from. Signatures are compared in constant time.
    """
    key = _live_key(claim, snapshot, now)
    if isinstance(key, Failure):
        return key
    proof = claim.proof
    if isinstance(proof, Tc3) and proof.authorization.date != _utc_date(claim.timestamp // 86_400):
        return Failure(errors.INVALID_AUTHORIZATION, "the date in Credential is not the UTC date of X-TC-Timestamp")
    if not (_tc3_proved(proof, key.secret_key) if isinstance(proof, Tc3) else _v1_proved(proof, key.secret_key)):
        return Failure(errors.SIGNATURE_FAILURE)
    if claim.token:
        return Failure(errors.TOKEN_FAILURE)
    if (fault := _not_welcome(key, snapshot, client)) is not None:
        return fault
    return Caller(account_id=key.account_id, key_id=key.secret_id)


def _not_welcome(key: ApiKey, snapshot: Snapshot, client: str) -> Failure | None:
    account = snapshot.accounts.get(key.account_id)
    if account is None or not account.enabled:
        return Failure(errors.ACCOUNT_DISABLED)
    return None if key.admits(client) else Failure(errors.ADDRESS_NOT_ALLOWED, client)


def _live_key(claim: Claim, snapshot: Snapshot, now: float) -> ApiKey | Failure:
    away = abs(now - claim.timestamp)
    if away > CLOCK_TOLERANCE_S:
        return Failure(errors.SIGNATURE_EXPIRED, f"it differs by {away:.0f} seconds")
    key = snapshot.keys.get(claim.secret_id)
    if key is None:
        return Failure(errors.SECRET_ID_NOT_FOUND)
    return key if key.enabled else Failure(errors.INVALID_SECRET_ID)


@functools.lru_cache(maxsize=8)
def _utc_date(day: int) -> bytes:
    return datetime.fromtimestamp(day * 86_400, UTC).strftime("%Y-%m-%d").encode()


class Key:
    """HMAC-SHA256 (RFC 2104) with a key of up to 64 octets, which is mixed in once and not for each text."""

    def __init__(self, key: bytes) -> None:
        block = key.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER))
        self._outer = hashlib.sha256(block.translate(_OUTER))

    def digest(self, text: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()


@functools.lru_cache(maxsize=4096)
def _signing_key(secret_key: str, date: bytes, service: bytes) -> Key:
    """The key for one day and service. Only keys are remembered, never an outcome."""
    dated = hmac.digest(b"TC3" + secret_key.encode(), date, "sha256")
    return Key(hmac.digest(hmac.digest(dated, service, "sha256"), b"tc3_request", "sha256"))


def _tc3_proved(proof: Tc3, secret_key: str) -> bool:
    parts, authorization = proof.parts, proof.authorization
    query = parts.query if parts.method == "GET" else b""
    canonical_tail = b"\n%b\n%b" % (authorization.signed_headers, _payload_digest(parts))
    head = b"%b\n%b\n%b/%b/tc3_request\n" % (TC3, proof.timestamp, authorization.date, authorization.service)
    key = _signing_key(secret_key, authorization.date, authorization.service)
    for path in _paths(parts):
        for block in _header_blocks(parts.headers, authorization.names):
            canonical = b"%b\n%b\n%b\n%b%b" % (parts.method.encode(), path, query, block, canonical_tail)
            expected = binascii.hexlify(key.digest(head + binascii.hexlify(hashlib.sha256(canonical).digest())))
            if hmac.compare_digest(expected, proof.signature):
                return True
    return False


def _payload_digest(parts: Parts) -> bytes:
    if parts.headers.get(b"x-tc-content-sha256", b"").strip() == UNSIGNED:
        payload = UNSIGNED
    else:
        payload = b"" if parts.method == "GET" else parts.body
    return binascii.hexlify(hashlib.sha256(payload).digest())


def _header_blocks(headers: Mapping[bytes, bytes], names: tuple[bytes, ...]) -> Iterator[bytes]:
    """The signed headers as SDKs write them: host as received or without port; the others lower-cased or as they are."""
    if names == _USUAL_NAMES:
        content_type = headers[b"content-type"].strip()
        for host in _hosts(headers[b"host"].strip()):
            yield b"content-type:%b\nhost:%b\n" % (content_type, host)
        return
    values = {name: headers[name].strip() for name in names}
    lower = {name: value if name == b"content-type" else value.lower() for name, value in values.items()}
    for spelling in (lower, values) if lower != values else (lower,):
        for host in _hosts(values[b"host"]):
            yield b"".join([b"%b:%b\n" % (name, host if name == b"host" else spelling[name]) for name in names])


def _hosts(host: bytes) -> Iterator[bytes]:
    """As received and without the port, each in lower case first."""
    first = host.lower()
    yield first
    bare, _, port = host.rpartition(b":")
    without_port = bare if bare and port.isdigit() else host
    yield from {without_port.lower(), host, without_port} - {first}


def _paths(parts: Parts) -> tuple[bytes, ...]:
    """Most SDKs sign "/" wherever they send to, the Node SDK the path it sends to."""
    return (b"/",) if parts.path == "/" else (b"/", parts.path.encode("utf-8", "replace"))


def _v1_proved(proof: V1, secret_key: str) -> bool:
    query = "&".join([f"{name}={proof.params[name]}" for name in sorted(proof.params)]).encode()
    given = proof.signature.encode()
    for host, path in itertools.product(_hosts(proof.parts.headers.get(b"host", b"").strip()), _paths(proof.parts)):
        source = b"%b%b%b?%b" % (proof.parts.method.encode(), host, path, query)
        if hmac.compare_digest(base64.b64encode(hmac.digest(secret_key.encode(), source, proof.digest)), given):
            return True
    return False
