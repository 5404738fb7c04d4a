"""What the answers to a message's segments mean for the message. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from hongyan.model.carrier import Declined, Lost, NotSent, SubmitOutcome, Submitted, Throttled, Verdict
from hongyan.model.message import Kind, Status

RESOLVE_AFTER_S: Mapping[Kind, float] = {Kind.VERIFICATION: 5.0, Kind.NOTICE: 60.0, Kind.MARKETING: 60.0}
"""How long a late answer or receipt is waited for (reliability section 4.3)."""

COPIES: Mapping[Kind, int] = {Kind.VERIFICATION: 1, Kind.NOTICE: 2, Kind.MARKETING: 1}
"""How often a message may be handed to a carrier when nobody knows whether the first copy arrived."""


class Taken(msgspec.Struct, frozen=True):
    """The carrier has every segment."""


class PutBack(msgspec.Struct, frozen=True):
    """Some segments certainly were not taken; try those again."""

    retry_in_s: float
    sent_mask: int


class Fail(msgspec.Struct, frozen=True):
    """The carrier will not have it."""

    code: str


class Doubt(msgspec.Struct, frozen=True):
    """Some segments may have been taken."""

    sequences: tuple[int, ...]
    sent_mask: int
    why: str


Conclusion = Taken | PutBack | Fail | Doubt

NOT_SENT_RETRY_S = 0.05
"""No carrier asked us to wait: another link or the next bind can take it."""


def conclude(answers: Sequence[tuple[int, SubmitOutcome]]) -> Conclusion:
    """From the outcome of every segment that was submitted, (sequence, outcome) each. Doubt outweighs everything else."""
    sent_mask = 0
    retry_in_s = 0.0
    again = False
    declined: str | None = None
    lost: list[int] = []
    why = ""
    for sequence, outcome in answers:
        match outcome:
            case Submitted():
                sent_mask |= 1 << (sequence - 1)
            case Throttled():
                again, retry_in_s = True, max(retry_in_s, outcome.retry_in_s)
            case NotSent():
                again, retry_in_s = True, max(retry_in_s, NOT_SENT_RETRY_S)
            case Declined():
                declined = declined or outcome.code
            case Lost():
                lost.append(sequence)
                why = why or outcome.why
    if lost:
        return Doubt(tuple(lost), sent_mask, why)
    if declined is not None:
        return Fail(declined)
    return PutBack(retry_in_s, sent_mask) if again else Taken()


class Ended(msgspec.Struct, frozen=True):
    """How a message ended, from its segments' receipts."""

    status: Status
    code: str
    done_at: float


STATUS_OF: Mapping[Verdict, Status] = {
    Verdict.DELIVERED: Status.DELIVERED,
    Verdict.FAILED: Status.FAILED,
    Verdict.EXPIRED: Status.EXPIRED,
}


def ended(total: int, reports: Sequence[tuple[Verdict, str, float]]) -> Ended | None:
    """A message is delivered when every segment is; the first segment that failed ends it. None: more must come."""
    for verdict, code, done_at in reports:
        if verdict in (Verdict.FAILED, Verdict.EXPIRED):
            return Ended(STATUS_OF[verdict], code, done_at)
    if len(reports) < total:
        return None
    return Ended(Status.DELIVERED, reports[-1][1], max(done_at for _, _, done_at in reports))


_GOLDEN = 0x9E3779B97F4A7C15
"""2 to the power of 64 divided by the golden section (Knuth, volume 3, section 6.4)."""


def _scattered(message_id: int) -> int:
    """Bits in which every bit of an id plays a part: ids that follow each other in time differ in few."""
    return (message_id * _GOLDEN & 0xFFFFFFFFFFFFFFFF) >> 48


def reference_of(message_id: int, sequence: int) -> int:
    """The user_message_reference (16 bits) of a segment: receipts that echo it are matched although the answer was lost."""
    return (_scattered(message_id) + sequence * 0x85EB) & 0xFFFF


def udh_reference_of(message_id: int) -> int:
    """The reference (8 bits) that binds the segments of a long message; the same when a segment is sent again."""
    return (message_id ^ (message_id >> 12) ^ (message_id >> 22)) & 0xFF
