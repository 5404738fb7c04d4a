"""Why a message did not arrive, or late, or why nobody knows: rules over what is known of it. Pure; the words are in model/causes.toml."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from hongyan.model.carrier import Verdict
from hongyan.model.causes import Cause, Situation, Who, key, words
from hongyan.model.message import Kind, Status
from hongyan.model.protection import Hours, hours_began
from hongyan.model.receipt_codes import Meaning, Stage, meanings
from hongyan.model.reject import Reject

LATE_CALL_S = 3.0
"""A request that is older than this when it is taken was held up before it came here; it says its time in whole seconds."""
LONG_IN_QUEUE_S = 10.0
SOON_S = 60.0
"""Most receipts come within seconds; what takes longer than this says something about the handset or the carrier."""
PUT_OFF_S = 30.0
"""Retries come sooner: what is put off further than this waits for its hours."""

OWN_ENDS: dict[str, Situation] = {
    "STOPPED": Situation.STOPPED,
    "REFUSED": Situation.HELD_REFUSED,
    "HELD": Situation.HELD_EXPIRED,
    "OPTED_OUT": Situation.WITHDRAWN,
    "BLACKLISTED": Situation.WITHDRAWN_LISTED,
}
"""Codes that the platform itself ends messages with; a carrier that says the same has a link."""


class Taken(msgspec.Struct, frozen=True):
    """A segment that a carrier took."""

    sequence: int
    total: int
    link: str
    carrier_id: str
    submitted_at: float


class Reported(msgspec.Struct, frozen=True):
    """A receipt of one segment of a long message."""

    sequence: int
    verdict: Verdict
    code: str
    done_at: float


class Waiting(msgspec.Struct, frozen=True):
    """How it stands in the queue."""

    not_before: float
    attempted_at: float | None
    doubtful: bool
    linked: bool
    """A link that is enabled serves it."""


class End(msgspec.Struct, frozen=True):
    """How it ended."""

    status: Status
    code: str
    charged: int | None
    by_link: bool
    """A carrier said so."""
    done_at: float
    settled_at: float


class Telling(msgspec.Struct, frozen=True):
    """What became of telling the customer."""

    owed: bool
    """There is an event at all."""
    failing: bool = False
    paused: bool = False
    """Its address has failed for long: it is only tried now and then."""
    given_up: bool = False
    error: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one message. Times are Unix seconds."""

    now: float
    kind: Kind
    segments: int
    accepted_at: float
    begins_at: float = 0.0
    """From when on it may be sent; 0 means since it was accepted."""
    hours: Hours | None = None
    """Of its application's marketing."""
    signed_at: float | None = None
    """By the sender's clock, where the request said so."""
    held_at: float | None = None
    waiting: Waiting | None = None
    taken: Sequence[Taken] = ()
    reports: Sequence[Reported] = ()
    doubts: int = 0
    """Segments whose answer was lost at some time."""
    resent: bool = False
    end: End | None = None
    told: Telling = Telling(owed=True)
    stopped: bool = False
    """Its application, in an emergency, by now."""
    opted_out: bool = False
    """The number, by now."""
    blacklisted: bool = False

    @property
    def all_taken(self) -> bool:
        """A carrier took every segment: what it says of the message since is a receipt."""
        return bool(self.taken) and len({segment.sequence for segment in self.taken}) >= self.taken[0].total

    @property
    def since(self) -> float:
        """From when on it could have been sent."""
        return max(self.accepted_at, self.begins_at)


class CauseFound(msgspec.Struct, frozen=True):
    """One thing that explains it, and what to do about it."""

    cause: str
    """For programs: "check.opted_out", "carrier.powered_off", "path.waiting"; docs/how-to/why-not-delivered.md has all."""
    who: Who
    """Who can do something about it."""
    zh: str
    en: str
    do_zh: str
    do_en: str
    note_zh: str = ""
    """What it was concluded from, where there is more to say than the cause."""
    note_en: str = ""


class RawCode(msgspec.Struct, frozen=True):
    """A code as the carrier or the platform said it, for support."""

    code: str
    stage: str
    """"submit", "receipt", or "platform"."""
    segment: int
    """0: the message as a whole."""
    sources: tuple[str, ...] = ()
    """The lists that have it."""
    zh: str = ""
    en: str = ""


def because(cause: Cause, note: tuple[str, str] = ("", "")) -> CauseFound:
    """The cause with its words; `note` is (Chinese, English)."""
    said = words(cause)
    return CauseFound(
        cause=key(cause), who=said.who, zh=said.zh, en=said.en, do_zh=said.do_zh, do_en=said.do_en, note_zh=note[0], note_en=note[1]
    )


def explain(facts: Facts) -> tuple[CauseFound, ...]:
    """What explains how it stands: in front what decides, then what else should be known, each once."""
    found: dict[str, CauseFound] = {}
    for rule in RULES:
        for each in rule(facts):
            found.setdefault(each.cause, each)
    return tuple(found.values())


def explain_refusal(reason: Reject, detail: str, taken_at: float, signed_at: float | None) -> tuple[CauseFound, ...]:
    """The same of a number that was refused."""
    return (because(reason, (detail, detail)), *_late(signed_at, taken_at))


def raw_codes(facts: Facts) -> tuple[RawCode, ...]:
    """Every code that somebody said of it, once for each segment."""
    found = [_raw(report.code, Stage.RECEIPT, report.sequence) for report in facts.reports]
    end = facts.end
    if end is not None and end.code and end.code not in {raw.code for raw in found}:
        found.append(_raw(end.code, _stage(facts, end), 0) if end.by_link else RawCode(end.code, "platform", 0))
    return tuple(found)


def _raw(code: str, stage: Stage, segment: int) -> RawCode:
    known = meanings(code, stage)
    return RawCode(
        code=code,
        stage=stage.value,
        segment=segment,
        sources=tuple(dict.fromkeys(meaning.source for meaning in known)),
        zh="；".join(meaning.zh or words(meaning.category).zh for meaning in known),
        en="; ".join(meaning.en or words(meaning.category).en for meaning in known),
    )


def _stage(facts: Facts, end: End) -> Stage:
    """Whether a carrier said it of what it had, or refused it at the door. Charges do not tell: what fails may be given back."""
    return Stage.RECEIPT if end.charged or facts.all_taken else Stage.SUBMIT


# Rules, in the order of what they are worth to who asks.


def _standing(facts: Facts) -> Iterator[CauseFound]:
    """Where it is while it has not ended."""
    if facts.end is not None:
        return
    waiting = facts.waiting
    if facts.held_at is not None:
        yield because(Situation.HELD)
    elif waiting is not None:
        yield because(_queued(facts, waiting))
    elif not facts.taken:
        yield because(Situation.IN_FLIGHT)
    elif facts.reports:
        done = f"{len(facts.reports)}/{facts.taken[0].total}"
        yield because(Situation.PARTLY_REPORTED, (f"已有 {done} 段的报告", f"{done} segments are reported"))
    else:
        since = facts.now - max(segment.submitted_at for segment in facts.taken)
        late = since > SOON_S
        yield because(
            Situation.NO_RECEIPT_YET if late else Situation.AWAITING_RECEIPT, _for("运营商收下已", "the carrier has had it for", since)
        )


QUEUED: tuple[tuple[Situation, Callable[[Facts, Waiting], bool]], ...] = (
    (Situation.DOUBTFUL, lambda _facts, waiting: waiting.doubtful),
    (Situation.IN_FLIGHT, lambda _facts, waiting: waiting.attempted_at is not None),
    (Situation.STOPPING, lambda facts, _waiting: facts.stopped),
    (Situation.DEFERRED, lambda facts, waiting: facts.kind is Kind.MARKETING and waiting.not_before > facts.now + PUT_OFF_S),
    (Situation.NO_LINK, lambda _facts, waiting: not waiting.linked),
    (Situation.RETRYING, lambda facts, waiting: waiting.not_before > facts.since),
    (Situation.WAITING, lambda _facts, _waiting: True),
)
"""What a queue entry says; the first that is true."""


def _queued(facts: Facts, waiting: Waiting) -> Situation:
    return next(situation for situation, holds in QUEUED if holds(facts, waiting))


def _ending(facts: Facts) -> Iterator[CauseFound]:
    """How it ended."""
    end = facts.end
    if end is None:
        return
    if end.status is Status.UNKNOWN:
        yield because(Situation.UNKNOWN_OUTCOME)
    elif end.status is Status.DELIVERED:
        yield _delivered(facts, end)
    elif not end.by_link and end.code in OWN_ENDS:
        yield because(OWN_ENDS[end.code])
    elif not end.by_link and end.status is Status.EXPIRED:
        yield because(_expired(facts, end))
    else:
        yield from _said(end.code, _stage(facts, end))


def _delivered(facts: Facts, end: End) -> CauseFound:
    took = end.done_at - max((segment.submitted_at for segment in facts.taken), default=end.done_at)
    if took <= SOON_S:
        return because(Situation.DELIVERED)
    return because(Situation.DELIVERED_LATE, _for("运营商收下后历时", "after the carrier took it it needed", took))


def _expired(facts: Facts, end: End) -> Situation:
    if end.charged or facts.all_taken:
        return Situation.EXPIRED_WITHOUT_RECEIPT
    return Situation.EXPIRED_UNKNOWN if facts.doubts else Situation.EXPIRED_IN_QUEUE


def _said(code: str, stage: Stage) -> Iterator[CauseFound]:
    """What a carrier's code means: all that the lists say, the likeliest in front."""
    known = meanings(code, stage)
    if not known:
        yield because(Situation.UNKNOWN_CODE, (f"代码 {code}", f"code {code}"))
        return
    for meaning in known:
        yield because(meaning.category, _reading(code, meaning))


def _reading(code: str, meaning: Meaning) -> tuple[str, str]:
    family_zh, family_en = (
        ("；代码表里没有它，这是同类代码的含义", "; no list has it, this is what its family means") if meaning.family else ("", "")
    )
    zh = f"运营商代码 {code}{f'：{meaning.zh}' if meaning.zh else ''}（{meaning.source} 代码表{family_zh}）"
    en = f"carrier's code {code}{f': {meaning.en}' if meaning.en else ''} (list: {meaning.source}{family_en})"
    return zh, en


def _by_parts(facts: Facts) -> Iterator[CauseFound]:
    """A long message of which some arrived and some did not."""
    done = [report.sequence for report in facts.reports if report.verdict is Verdict.DELIVERED]
    failed = [report for report in facts.reports if report.verdict in {Verdict.FAILED, Verdict.EXPIRED}]
    if not done or not failed:
        return
    ones, others = ", ".join(map(str, done)), ", ".join(f"{report.sequence} ({report.code})" for report in failed)
    yield because(Situation.PARTLY_DELIVERED, (f"已送达的段：{ones}；失败的段：{others}", f"arrived: {ones}; failed: {others}"))


def _slowness(facts: Facts) -> Iterator[CauseFound]:
    """What took long before the carrier had it."""
    yield from _late(facts.signed_at, facts.accepted_at)
    first = min((segment.submitted_at for segment in facts.taken), default=None)
    if first is None or facts.held_at is not None:
        return
    since = facts.since
    if facts.kind is Kind.MARKETING and facts.hours is not None:
        # While its hours had not begun it slept, which is no link's fault.
        since = max(since, hours_began(facts.hours, first))
    waited = first - since
    if waited > LONG_IN_QUEUE_S:
        yield because(Situation.QUEUED_LONG, _for("从受理到运营商收下历时", "from when it was taken until a carrier had it:", waited))


def _late(signed_at: float | None, taken_at: float) -> Iterator[CauseFound]:
    if signed_at is not None and taken_at - signed_at > LATE_CALL_S:
        lag = taken_at - signed_at
        yield because(
            Situation.REQUEST_LATE,
            _for("从调用方发起（按其时钟）到平台受理历时", "from when it was made (by the caller's clock) until it was taken:", lag),
        )


def _copies(facts: Facts) -> Iterator[CauseFound]:
    if facts.resent:
        yield because(Situation.RESENT)


def _telling(facts: Facts) -> Iterator[CauseFound]:
    """What the customer was told of its end."""
    told = facts.told
    if facts.end is None or facts.end.status is Status.UNKNOWN:
        return
    if told.given_up:
        yield because(Situation.CALLBACK_GIVEN_UP, _last(told.error))
    elif told.paused:
        yield because(Situation.CALLBACK_PAUSED, _last(told.error))
    elif told.failing:
        yield because(Situation.CALLBACK_FAILING, _last(told.error))
    elif not told.owed:
        yield because(Situation.NOBODY_TOLD)


def _last(error: str) -> tuple[str, str]:
    return f"最近一次：{error}", f"the last time: {error}"


def _from_now_on(facts: Facts) -> Iterator[CauseFound]:
    """What the next message to the number will meet."""
    if facts.opted_out:
        yield because(Situation.OPTED_OUT_NOW)
    if facts.blacklisted:
        yield because(Situation.BLACKLISTED_NOW)


Rule = Callable[[Facts], Iterator[CauseFound]]

RULES: tuple[Rule, ...] = (_standing, _ending, _by_parts, _slowness, _copies, _telling, _from_now_on)
"""In front what decides; a message has an end or a standing."""


def _for(zh: str, en: str, seconds: float) -> tuple[str, str]:
    shown = f"{seconds:.1f}" if seconds < SOON_S else f"{seconds:.0f}"
    return f"{zh} {shown} 秒", f"{en} {shown} s"
