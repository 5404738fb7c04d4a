"""Requests that tell a customer's server something, signed as standardwebhooks.com says."""

import datetime as dt
from base64 import b64encode
from collections.abc import Callable, Sequence

from standardwebhooks import Webhook

PREFIX = "whsec_"
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
