"""Why somebody did not get a message, in words: one total table over everything that can stop, delay or hide one.

The table is `causes.toml` beside this module. A cause is a member of one of three closed lists; programs know it by its `key`.
"""

import enum
import functools
import importlib.resources
import tomllib
from typing import TypeAlias

import msgspec

from hongyan.model.receipt_codes import Category
from hongyan.model.reject import Reject


class Situation(enum.StrEnum):
    """Where a message stands, or what happened to it on its way, besides what checks and carriers say."""

    WAITING = "waiting"
    NO_LINK = "no_link"
    RETRYING = "retrying"
    DEFERRED = "deferred"
    STOPPING = "stopping"
    HELD = "held"
    IN_FLIGHT = "in_flight"
    DOUBTFUL = "doubtful"
    AWAITING_RECEIPT = "awaiting_receipt"
    NO_RECEIPT_YET = "no_receipt_yet"
    PARTLY_REPORTED = "partly_reported"
    PARTLY_DELIVERED = "partly_delivered"
    DELIVERED = "delivered"
    DELIVERED_LATE = "delivered_late"
    REQUEST_LATE = "request_late"
    QUEUED_LONG = "queued_long"
    EXPIRED_IN_QUEUE = "expired_in_queue"
    EXPIRED_WITHOUT_RECEIPT = "expired_without_receipt"
    HELD_EXPIRED = "held_expired"
    HELD_REFUSED = "held_refused"
    STOPPED = "stopped"
    WITHDRAWN = "withdrawn"
    WITHDRAWN_LISTED = "withdrawn_listed"
    UNKNOWN_OUTCOME = "unknown_outcome"
    EXPIRED_UNKNOWN = "expired_unknown"
    RESENT = "resent"
    UNKNOWN_CODE = "unknown_code"
    CALLBACK_FAILING = "callback_failing"
    CALLBACK_PAUSED = "callback_paused"
    CALLBACK_GIVEN_UP = "callback_given_up"
    NOBODY_TOLD = "nobody_told"
    OPTED_OUT_NOW = "opted_out_now"
    BLACKLISTED_NOW = "blacklisted_now"
    NEVER_SEEN = "never_seen"


class Who(enum.StrEnum):
    """Who can do something about it."""

    CALLER = "caller"
    RECIPIENT = "recipient"
    OPERATOR = "operator"
    CARRIER = "carrier"
    NOBODY = "nobody"
    """Nothing is to be done, or only waiting helps."""


Cause: TypeAlias = Reject | Category | Situation

LISTS: dict[str, type[enum.Enum]] = {"check": Reject, "carrier": Category, "path": Situation}
"""The closed lists by what keys begin with."""


class Words(msgspec.Struct, frozen=True):
    """What is said of a cause."""

    who: Who
    zh: str
    en: str
    do_zh: str
    """What to do next."""
    do_en: str


def key(cause: Cause) -> str:
    """The cause for programs, such as "check.opted_out"; stays as it is."""
    [begin] = [name for name, members in LISTS.items() if isinstance(cause, members)]
    return f"{begin}.{cause.value}"


def words(cause: Cause) -> Words:
    """What is said of it."""
    return table()[key(cause)]


@functools.cache
def table() -> dict[str, Words]:
    """Everything that is said, by the key of its cause."""
    text = importlib.resources.files(__package__).joinpath("causes.toml").read_text(encoding="utf-8")
    return {
        f"{begin}.{name}": msgspec.convert(said, Words) for begin, causes in tomllib.loads(text).items() for name, said in causes.items()
    }


def every() -> list[Cause]:
    """Every cause that there is, in the order of the lists."""
    return [member for members in LISTS.values() for member in members]  # type: ignore[misc]
