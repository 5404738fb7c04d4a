"""Who asks for a send: X-WSSE in both digests that programs make, or SDK-HMAC-SHA256; by an application's key and secret.

Source: page sms_05_0046, and the demos of Huawei, gutierrezps and SMS4J. Each fault has its code; the order of the checks is ours.
"""

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping

import msgspec

from hongyan.doors.huawei import errors, signing
from hongyan.doors.huawei.errors import Failure, Fault
from hongyan.doors.huawei.signing import Signed
from hongyan.model.replay import request_id
from hongyan.model.snapshot import App, AppAccess, Snapshot

WINDOW_S = 86_400.0
"""How far Created may be from now: programs are known to write local time with a Z behind it."""
_LONGEST_NONCE = 128
_LONGEST_HEADER = 2_000
_RAW, _HEX = 32, 64
_CREATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_PART = re.compile(r'(?<![A-Za-z])([A-Za-z]{1,32})\s*=\s*"([^"]*)"')
_AKSK = re.compile(r"(?:SDK|V11)-[A-Z0-9-]+(?:\s|$)")


class Wsse(msgspec.Struct, frozen=True):
    """What the two headers say, not yet believed."""

    username: str
    digest: str
    nonce: str
    created: str
    created_at: float


class Asker(msgspec.Struct, frozen=True):
    """Whose request it is, proved by its secret."""

    app: App
    key: str
    number: str
    """Made of the request's proof and its body: what its messages carry."""
    since: float
    """When this very request can have come first, Unix seconds: from then on it is known again."""
    nonce: str = ""
    """What a program made for this request alone; empty where the proof has none."""
    until: float = 0.0
    """When the nonce is good no more."""


def authenticate(request: Signed, client: str, snapshot: Snapshot, now: float, *, window_s: float = WINDOW_S) -> Asker | Failure:
    """Whoever proves to have an application's secret, from an address where it may be used; `now` in Unix seconds."""
    authorization, token = _header(request.headers, b"authorization"), _header(request.headers, b"x-wsse")
    if not authorization:
        return Failure(errors.NO_AUTHORIZATION)
    if max(len(authorization), len(token)) > _LONGEST_HEADER:
        return Failure(errors.ILLEGAL, "Authorization or X-WSSE is too long.")
    asker = (
        _by_signature(request, authorization, snapshot, now)
        if _AKSK.match(authorization)
        else _by_token(request, read(authorization, token), snapshot, now, window_s)
    )
    if isinstance(asker, Asker) and not asker.app.admits(client):
        return Failure(errors.ADDRESS, f"It is {client}.")
    return asker


# X-WSSE.


def read(authorization: str, token: str) -> Wsse | Failure:
    """The headers taken apart; the first fault in the order of their codes."""
    fault = next(_faults(authorization, token), None)
    if fault is not None:
        return Failure(fault)
    given = _parts(token)
    created_at = _time(given["created"])
    if created_at is None:
        return Failure(errors.WRONG_CREATED)
    return Wsse(given["username"], given["passworddigest"], given["nonce"], given["created"], created_at)


def _faults(authorization: str, token: str) -> Iterator[Fault]:
    said, given = _parts(authorization), _parts(token)
    if "wsse" not in authorization.casefold():
        yield errors.NO_WSSE
    for name, value, missing, wrong in DECLARED:
        if not said.get(name):
            yield missing
        elif said[name].casefold() != value:
            yield wrong
    if not token:
        yield errors.NO_X_WSSE
    if "usernametoken" not in token.casefold():
        yield errors.NO_TOKEN
    for name, missing in GIVEN:
        if not given.get(name):
            yield missing
    if len(given.get("nonce", "")) > _LONGEST_NONCE:
        yield errors.NO_NONCE


DECLARED: tuple[tuple[str, str, Fault, Fault], ...] = (
    ("realm", "sdp", errors.NO_REALM, errors.WRONG_REALM),
    ("profile", "usernametoken", errors.NO_PROFILE, errors.WRONG_PROFILE),
    ("type", "appkey", errors.NO_TYPE, errors.WRONG_TYPE),
)
"""Parts of Authorization in the order they are looked at, with what they must say."""
GIVEN: tuple[tuple[str, Fault], ...] = (
    ("username", errors.NO_USERNAME),
    ("passworddigest", errors.NO_DIGEST),
    ("nonce", errors.NO_NONCE),
    ("created", errors.NO_CREATED),
)
"""Parts of X-WSSE in the order they are looked at."""


def _parts(header: str) -> dict[str, str]:
    return {name.lower(): value.strip() for name, value in _PART.findall(header)}


def _time(created: str) -> float | None:
    if _CREATED.fullmatch(created) is None:
        return None
    try:
        return dt.datetime.fromisoformat(created).timestamp()
    except ValueError:
        return None


def digest(nonce: str, created: str, secret: str) -> bytes:
    """What a PasswordDigest is made of."""
    return hashlib.sha256(f"{nonce}{created}{secret}".encode()).digest()


def _proves(token: Wsse, secret: str) -> bool:
    """Both in use: Base64 of the 32 octets, and Base64 of their 64 hexadecimal digits."""
    try:
        given = base64.b64decode(token.digest, validate=True)
    except (binascii.Error, ValueError):
        return False
    expected = digest(token.nonce, token.created, secret)
    if len(given) == _RAW:
        return hmac.compare_digest(given, expected)
    return len(given) == _HEX and hmac.compare_digest(given.lower(), expected.hex().encode())


def _by_token(request: Signed, token: Wsse | Failure, snapshot: Snapshot, now: float, window_s: float) -> Asker | Failure:
    if isinstance(token, Failure):
        return token
    found = _application(snapshot, token.username)
    if isinstance(found, Failure):
        return found
    access, app = found
    if (away := abs(now - token.created_at)) > window_s:
        return Failure(errors.TIME, f"By {away:.0f} seconds; {window_s:.0f} are allowed.")
    if not _proves(token, access.secret):
        return Failure(errors.WRONG_DIGEST)
    # A token is good for a day, and some programs make one for many requests: its time says nothing of when this one was made.
    proof = (access.key.encode(), token.nonce.encode(), token.created.encode(), request.body)
    return Asker(
        app=app,
        key=access.key,
        number=request_id(*proof),
        since=token.created_at - window_s,
        nonce=f"{token.nonce} {token.created}",
        until=token.created_at + window_s,
    )


# SDK-HMAC-SHA256.


def _by_signature(request: Signed, authorization: str, snapshot: Snapshot, now: float) -> Asker | Failure:
    claim = signing.read(authorization)
    if claim is None:
        return Failure(
            errors.SIGNATURE, "Authorization must be: SDK-HMAC-SHA256 Access=<AK>, SignedHeaders=<names>, Signature=<64 hex digits>."
        )
    found = _application(snapshot, claim.access)
    if isinstance(found, Failure):
        return found
    access, app = found
    signed_at = signing.date_of(request.headers)
    if signed_at is None or abs(now - signed_at) > signing.SKEW_S:
        return Failure(errors.SIGNATURE, f"X-Sdk-Date must be like 20261121T233151Z, UTC, and within {signing.SKEW_S:.0f} seconds of now.")
    if not signing.verify(access.secret, claim, request):
        return Failure(errors.SIGNATURE, "Sign the headers you name, as they are sent; behind a proxy Host has to stay as it was.")
    # A signature is no request's number: without the payload two of one second have the same.
    number = request_id(access.key.encode(), claim.signature.encode(), request.body, at=int(signed_at))
    return Asker(app=app, key=access.key, number=number, since=signed_at - signing.SKEW_S)


def _application(snapshot: Snapshot, key: str) -> tuple[AppAccess, App] | Failure:
    access = snapshot.access.get(key)
    if access is None:
        return Failure(errors.UNKNOWN_KEY)
    app, account = snapshot.apps.get(access.app_id), snapshot.accounts.get(access.account_id)
    if account is None or not account.enabled:
        return Failure(errors.DEACTIVATED)
    return (access, app) if app is not None and app.enabled else Failure(errors.UNUSABLE_KEY)


def _header(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("utf-8", "replace").strip()
