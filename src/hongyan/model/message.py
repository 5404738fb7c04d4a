"""A message: one text to one handset, and the states it passes through."""

import enum
from collections.abc import Mapping

import msgspec

from hongyan.model.answering import Answers
from hongyan.model.reject import Refusal, Reject


class Kind(enum.IntEnum):
    """The class of a message. Its number is its lane: a smaller one is sent first."""

    VERIFICATION = 1
    NOTICE = 2
    MARKETING = 3


VALIDITY_S: Mapping[Kind, float] = {Kind.VERIFICATION: 600.0, Kind.NOTICE: 86_400.0, Kind.MARKETING: 86_400.0}
"""How long a message may wait for a carrier and be tried by it, from when it may be sent: a code is worth nothing after minutes."""


class Dialect(enum.IntEnum):
    """The API a message came through; its events are rendered in the same words."""

    NATIVE = 0
    TENCENT_V3 = 1
    TENCENT_V5 = 2
    HUAWEI = 3


class Status(enum.IntEnum):
    """Where a message stands."""

    ACCEPTED = 1
    SUBMITTED = 2
    UNKNOWN = 3
    """Handed to the carrier without any confirmation; a late answer or receipt still resolves it."""
    DELIVERED = 4
    FAILED = 5
    EXPIRED = 6


NEXT: dict[Status, frozenset[Status]] = {
    Status.ACCEPTED: frozenset({Status.SUBMITTED, Status.UNKNOWN, Status.FAILED, Status.EXPIRED}),
    # A receipt may overtake the note of the submit, so a submitted message can end at once.
    Status.SUBMITTED: frozenset({Status.DELIVERED, Status.FAILED, Status.EXPIRED, Status.UNKNOWN}),
    Status.UNKNOWN: frozenset({Status.SUBMITTED, Status.DELIVERED, Status.FAILED, Status.EXPIRED}),
    Status.DELIVERED: frozenset(),
    Status.FAILED: frozenset(),
    Status.EXPIRED: frozenset(),
}

FINAL: frozenset[Status] = frozenset(status for status, following in NEXT.items() if not following)


def advance(current: Status, reported: Status) -> Status:
    """The status after `reported` arrives; late and repeated reports change nothing."""
    return reported if reported in NEXT[current] else current


class Message(msgspec.Struct, frozen=True):
    """What the dispatcher needs to hand an accepted message to a carrier."""

    app_id: int
    id: int
    phone: int
    """E.164 digits without the plus."""
    kind: Kind
    text: str
    segments: int
    sender_id: str
    """The number or name the handset shows; empty means the link's own."""
    extend: str
    """Digits appended to a numeric sender, so that replies can be told apart."""
    expires_at: float
    """Unix seconds; not sent after it."""
    attempts: int = 0
    sent_mask: int = 0
    """Bit n is set when segment n + 1 has already been taken by the carrier."""
    signature_id: int | None = None
    """By which digits are added to an access code."""
    way: int = 0
    """Which links can carry it: a number of model.ways.ROUTES; 0 when that was not noted."""


class SendCommand(msgspec.Struct, frozen=True):
    """One request to send one text to one or more numbers, in nobody's dialect."""

    app_id: int
    template_id: int
    phones: tuple[str, ...]
    """As the customer wrote them."""
    dialect: Dialect
    sign_name: str = ""
    signature_id: int | None = None
    """Which of those of that name, where the door knows it."""
    params: tuple[str, ...] = ()
    session_context: str = ""
    extend: str = ""
    sender_id: str = ""
    request_id: str = ""
    callback_url: str = ""
    """Where the reports of these messages go; empty means to the application's address. The door has looked at it."""
    answers: Answers = Answers.NOTHING
    """What these messages answer."""
    misfit: Refusal | None = None
    """Why none of its numbers is sent to, where the door knows it; so it is noted like any other refusal."""
    since: float = 0.0
    """When this very request can have come first, Unix seconds, where its proof is good for longer than usual: since then it is known."""
    of_proof: bool = False
    """The request id is made of what proves the request: whoever asks for the same twice within a second gives it twice."""


class Caller(msgspec.Struct, frozen=True):
    """Who asks: the account behind a verified key."""

    account_id: int
    key_id: str


class Accepted(msgspec.Struct, frozen=True):
    """The message survives a crash from here on."""

    message_id: int
    phone: int
    region: str
    segments: int


class Refused(msgspec.Struct, frozen=True):
    """This one number was refused; nothing was written or charged for it."""

    phone: str
    """E.164 with the plus when the number could be read, otherwise as the customer wrote it."""
    region: str
    reason: Reject
    detail: str = ""


Outcome = Accepted | Refused
