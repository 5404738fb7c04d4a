"""What was sent and how it ended, counted."""

import enum

import msgspec

from hongyan.model.message import Kind, Status
from hongyan.model.receipt_codes import category
from hongyan.model.reject import Reject


class SendCount(msgspec.Struct, frozen=True):
    """What was asked for and what was promised."""

    numbers: int
    """Each number of a request, whether it was accepted or refused."""
    accepted: int
    segments: int
    """Of those that were accepted."""


class Ended(msgspec.Struct, frozen=True):
    """So many messages ended like this."""

    status: Status
    code: str
    """The carrier's word, where it gave one."""
    messages: int


class EndCount(msgspec.Struct, frozen=True):
    """How the messages accepted in a stretch of time ended."""

    accepted: int
    ended: tuple[Ended, ...]
    """The most frequent first; those that have not ended are in none."""


class PackageCount(msgspec.Struct, frozen=True):
    """A package, and what is gone of it; times are Unix seconds."""

    id: int
    segments: int
    gone: int
    """Used, or reserved for what is under way."""
    gift: bool
    created_at: float
    effective_at: float
    expires_at: float


class Attempted(msgspec.Struct, frozen=True):
    """One number of a request, accepted or refused."""

    id: int
    region: str
    at: float
    """Unix seconds."""
    refused: Reject | None
    """Why it was refused; None when it was accepted."""
    text: str
    """Empty when it was refused."""
    segments: int
    status: Status | None
    """How it ended; None until then, and when it was refused."""
    code: str
    done_at: float
    """Unix seconds; 0 until it ended."""
    kind: Kind | None = None
    """None when it was refused."""
    signed: bool = False
    """The text begins with a signature in brackets."""


class Failing(enum.Enum):
    """Sorts of failed deliveries, as the clouds count them."""

    INTERNAL = "internal"
    """Trouble of the carrier's, and whatever is in no other."""
    INVALID_NUMBER = "invalid_number"
    OFF = "off"
    """Powered off, out of reach or suspended."""
    BLACKLIST = "blacklist"
    FREQUENCY = "frequency"


_FAILING: dict[str, Failing] = {
    "empty_number": Failing.INVALID_NUMBER,
    "empty_or_off": Failing.INVALID_NUMBER,
    "powered_off": Failing.OFF,
    "suspended": Failing.OFF,
    "off_or_suspended": Failing.OFF,
    "handset_signal": Failing.OFF,
    "handset_full": Failing.OFF,
    "blacklist": Failing.BLACKLIST,
    "unsubscribed": Failing.BLACKLIST,
    "frequency": Failing.FREQUENCY,
}


def failing(code: str) -> Failing:
    """Which sort a carrier's word for a failure belongs to."""
    return _FAILING.get(category(code) or "", Failing.INTERNAL)


def by_failing(count: EndCount) -> dict[Failing, int]:
    """Failed messages by sort; every sort is there."""
    sums = dict.fromkeys(Failing, 0)
    for ended in count.ended:
        if ended.status is not Status.DELIVERED:
            sums[failing(ended.code)] += ended.messages
    return sums


def delivered(count: EndCount) -> int:
    return sum(ended.messages for ended in count.ended if ended.status is Status.DELIVERED)
