"""Requests that tell a customer's server something, signed as standardwebhooks.com says."""

import datetime as dt
import hmac
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence

from standardwebhooks import Webhook

PREFIX = "whsec_"
TOLERANCE_S = 300.0
"""How far the time of a request may be from ours."""
_ID = re.compile(r"[!-~]{1,200}")
SECRET_BYTES = 24


def new_secret(entropy: Callable[[int], bytes]) -> str:
    """A secret to share with whoever is told."""
    return PREFIX + b64encode(entropy(SECRET_BYTES)).decode()


def headers(secrets: Sequence[str], id_: str, now: float, body: str) -> dict[str, str]:
    """What goes with the body, signed with each of these secrets: `id_` stays the same however often it is told, so that a repeat is known.

    While a secret takes another's place both sign: who verifies with either finds theirs.
    """
    when = dt.datetime.fromtimestamp(now, dt.UTC)
    return {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(Webhook(secret).sign(id_, when, body) for secret in secrets),
    }


def verified(secrets: Sequence[str], given: Mapping[str, str], body: bytes, now: float) -> str | None:
    """The id of a request that somebody with one of the secrets signed within five minutes of `now`; None when nobody did."""
    id_, sent, signatures = (given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if _ID.fullmatch(id_) is None or not (sent.isascii() and sent.isdigit() and len(sent) <= 11) or abs(now - int(sent)) > TOLERANCE_S:  # noqa: PLR2004 - digits of a time
        return None
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    when = dt.datetime.fromtimestamp(int(sent), dt.UTC)
    expected = [Webhook(secret).sign(id_, when, text).encode() for secret in secrets]
    # Each is compared with each, however soon one fits: how long it takes tells nothing.
    fitting = [hmac.compare_digest(one, other.encode()) for one in expected for other in signatures.split(" ")[:10]]
    return id_ if any(fitting) else None
