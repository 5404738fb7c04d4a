"""Who signed a request: the `sig` of the v5 API, SHA-256 over the AppKey, `random`, `time` and whatever the call puts behind them.

Source: Tencent's v5 pages and the official SDKs. `random` is taken from the URL and `time` from the body as they are written there.
"""

import hashlib
import hmac
import re
import urllib.parse
from collections.abc import Iterable

import msgspec

from hongyan.doors.tencent.words import decimal
from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.errors import Failure
from hongyan.model.snapshot import App, Snapshot

CLOCK_TOLERANCE_S = 600
"""How far `time` may be from the server's clock."""
# What is signed has no lengths in it: a "random" with an ampersand could say what another field says.
_RANDOM = re.compile(r"[0-9A-Za-z._-]{1,64}")
_TIME = re.compile(r"[0-9]{1,12}")


class Where(msgspec.Struct, frozen=True):
    """What the URL says."""

    app_id: int
    random: str
    time: str
    """Only uploads have it there."""


def read(query: bytes) -> Where | Failure:
    """The URL's part behind the question mark."""
    try:
        given = dict(urllib.parse.parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=20))
    except ValueError:
        return Failure(errors.WRONG_URL, "its parameters are not URL-encoded UTF-8")
    if not (written := given.get("sdkappid", "")):
        return Failure(errors.APP_ID_MISSING)
    app_id = decimal(written)
    if app_id is None:
        return Failure(errors.APP_ID_INVALID)
    return Where(app_id, given.get("random", ""), given.get("time", ""))


def application(where: Where, snapshot: Snapshot) -> App | Failure:
    """The application that asks, when it may."""
    app = snapshot.apps.get(where.app_id)
    if app is None:
        return Failure(errors.NO_SUCH_APP)
    account = snapshot.accounts.get(app.account_id)
    return app if app.enabled and account is not None and account.enabled else Failure(errors.APP_DISABLED)


def verify(app: App, *, sig: str, random: str, time: str, tails: Iterable[str] | Failure, now: float) -> Failure | None:
    """None when the request was signed with the application's key, close to `now` (Unix seconds). Compared in constant time.

    `tails` are the ways in which the call's own part may have been written, or why it has none.
    """
    if (wrong := _wrong(sig, random, time, now)) is not None:
        return wrong
    if isinstance(tails, Failure):
        return tails
    given = sig.lower().encode("utf-8", "replace")
    for tail in tails:
        if hmac.compare_digest(signed(app.app_key, random, time, tail).encode(), given):
            return None
    return Failure(errors.SIG_WRONG)


def _wrong(sig: str, random: str, time: str, now: float) -> Failure | None:
    if not sig:
        return Failure(errors.SIG_MISSING)
    if _TIME.fullmatch(time) is None:
        return Failure(errors.BAD_PACKAGE, "time must be Unix seconds")
    if (away := abs(now - int(time))) > CLOCK_TOLERANCE_S:
        return Failure(errors.TIME_WRONG, f"by {away:.0f} seconds, {CLOCK_TOLERANCE_S} are allowed")
    if _RANDOM.fullmatch(random) is None:
        return Failure(errors.BAD_PACKAGE, "random must be a number in the URL")
    return None


def signed(app_key: str, random: str, time: str, tail: str) -> str:
    """The `sig` of a request; `tail` begins with an ampersand, or is empty.

    Nobody can lengthen what somebody else has signed: the padding of a hash begins with a lone octet 0x80, which no UTF-8 text has.
    """
    return hashlib.sha256(f"appkey={app_key}&random={random}&time={time}{tail}".encode("utf-8", "replace")).hexdigest()
