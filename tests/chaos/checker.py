"""What a history and the tables say about the promises, as sets that have to be empty. Pure: the same input, the same verdict."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from chaos.history import History
from hongyan.model.message import FINAL, Kind, Status
from hongyan.pipeline.conclude import COPIES


class Message(msgspec.Struct, frozen=True):
    """A row of `messages`."""

    id: int
    phone: str
    kind: Kind
    segments: int


class Settlement(msgspec.Struct, frozen=True):
    """A row of `settlements`."""

    status: Status
    charged: int | None


class Package(msgspec.Struct, frozen=True):
    """A package with the sums of its journal."""

    id: int
    segments: int
    available: int
    held: int
    used: int
    entries: Mapping[str, int]
    """By kind of entry."""
    unsettled: int
    """Segments of messages that may still cost something."""
    charged: int
    """Segments of settlements that did, without those that were refunded."""


class Tables(msgspec.Struct):
    """What the database says once nothing moves any more."""

    messages: list[Message] = []
    settlements: dict[int, Settlement] = {}
    suspects: set[tuple[int, int]] = set()
    """(message, segment)."""
    taken: set[tuple[int, int]] = set()
    """(message, segment) for which a carrier's id is written down."""
    packages: list[Package] = []
    queued: int = 0
    parked: int = 0
    untold: int = 0
    """Events whose callback is still due."""
    laws: dict[str, list[str]] = {}
    """Laws of the tables that do not hold, with rows that break them."""


class Verdict(msgspec.Struct):
    """Everything here is a violation; all empty when every promise was kept."""

    lost: list[str] = []
    """Promised, not with the carrier in all segments, and no status says so."""
    twice: dict[str, list[str]] = {}
    """By kind: segments that the carrier took more often than the kind allows."""
    undetected: list[str] = []
    """Segments that the carrier took twice and that are on no list of suspects."""
    unexpected: list[str] = []
    """With the carrier or in the tables although the customer was told that nothing was sent, or never asked."""
    unreported: list[str] = []
    """Ended for good, and the customer was not told."""
    contradicted: list[str] = []
    """Told something else than how it ended, or two things."""
    forgotten: list[str] = []
    """Unknown although the carrier has it and has reported."""
    drift: list[str] = []
    """Money that does not add up."""
    open: dict[str, int] = {}
    """Work that is left although nothing moves any more."""
    laws: dict[str, list[str]] = {}

    @property
    def clean(self) -> bool:
        return not any(getattr(self, name) for name in self.__struct_fields__)


class Counts(msgspec.Struct):
    """What is not wrong, and worth knowing."""

    requests: int = 0
    messages: int = 0
    """Numbers promised."""
    refused: int = 0
    unanswered: int = 0
    unanswered_sent: int = 0
    """Numbers whose request got no answer and that were sent to: no answer is no promise either way."""
    submits: int = 0
    duplicated: dict[str, int] = {}
    """By kind: further copies of a segment that the carrier took."""
    suspects: int = 0
    unknown: int = 0
    unknown_unsent: int = 0
    """Of these, messages that the carrier in fact never got."""
    reports: int = 0
    reports_repeated: int = 0
    longest_outage_s: float = 0.0
    """The longest time between two answers that promised something."""


REPORTED = {Status.DELIVERED: "SUCCESS"}
"""How reports call an ending; all others are FAIL."""


class Promised(msgspec.Struct):
    """What customers were answered, number by number."""

    ok: dict[str, str] = {}
    """Numbers that were promised, with their kind."""
    refused: set[str] = set()
    unanswered: set[str] = set()


def promised(history: History) -> Promised:
    """Every number is asked for once."""
    found, answers = Promised(), {answer.id: answer for answer in history.answers}
    for request in history.requests:
        answer = answers.get(request.id)
        if answer is None:
            found.unanswered.update(request.phones)
            continue
        taken = set(answer.ok)
        found.ok.update(dict.fromkeys(answer.ok, request.kind))
        found.refused.update(phone for phone in request.phones if phone not in taken)
    return found


def check(history: History, tables: Tables, *, aside: frozenset[str] = frozenset(), carrier_remembers: bool = True) -> Verdict:
    """Compare. `aside` are numbers that were sent to without being asked for here (handsets that misbehave).

    A carrier that was killed itself may have answered without having written it down, and forgets the receipts it owed: then
    `carrier_remembers` is False, its answer counts as its copy, and nothing is said about receipts.
    """
    asked, copies = promised(history), copies_of(history, aside)
    by_phone = {message.phone: message for message in tables.messages if message.phone not in aside}
    verdict = Verdict(laws=tables.laws, drift=drift(tables.packages))
    for phone, kind in asked.ok.items():
        message = by_phone.get(phone)
        if message is None:
            verdict.lost.append(f"{phone}: promised and not in the tables")
            continue
        _check_promised(verdict, tables, message, copies, carrier_remembers=carrier_remembers)
        _check_copies(verdict, tables, message, kind, copies)
    _check_strangers(verdict, asked, by_phone, copies)
    _check_reports(verdict, history, tables, by_phone.values())
    left = {"queued": tables.queued, "parked receipts": tables.parked, "callbacks": tables.untold}
    left["unsettled"] = sum(message.id not in tables.settlements for message in by_phone.values())
    if not carrier_remembers:
        del left["unsettled"], left["parked receipts"]
    verdict.open = {name: count for name, count in left.items() if count}
    return verdict


def copies_of(history: History, aside: frozenset[str]) -> Counter[tuple[str, int]]:
    """How often the carrier took each (number, segment)."""
    return Counter((entry.phone, entry.segment) for entry in history.submits if not entry.status and entry.phone not in aside)


def _check_promised(
    verdict: Verdict, tables: Tables, message: Message, copies: Counter[tuple[str, int]], *, carrier_remembers: bool
) -> None:
    settlement = tables.settlements.get(message.id)
    status = None if settlement is None else settlement.status
    with_carrier = [
        copies[message.phone, n] or (not carrier_remembers and (message.id, n) in tables.taken) for n in range(1, message.segments + 1)
    ]
    # A delivery that no carrier saw is no explanation.
    explained = status is not None and status is not Status.DELIVERED
    if not all(with_carrier) and not explained:
        verdict.lost.append(f"{message.phone}: {message.id}, {status.name if status else 'no ending'}")
    if status is Status.UNKNOWN and all(copies[message.phone, n] for n in range(1, message.segments + 1)) and carrier_remembers:
        verdict.forgotten.append(f"{message.phone}: {message.id}")


def _check_copies(verdict: Verdict, tables: Tables, message: Message, kind: str, copies: Counter[tuple[str, int]]) -> None:
    for segment in range(1, message.segments + 1):
        seen = copies[message.phone, segment]
        if seen > COPIES[message.kind]:
            verdict.twice.setdefault(kind, []).append(f"{message.phone}: {message.id}, segment {segment}, {seen} copies")
        if seen > 1 and (message.id, segment) not in tables.suspects:
            verdict.undetected.append(f"{message.phone}: {message.id}, segment {segment}, {seen} copies")


def _check_strangers(verdict: Verdict, asked: Promised, by_phone: Mapping[str, Message], copies: Counter[tuple[str, int]]) -> None:
    sent = {phone for phone, _ in copies}
    verdict.unexpected += [f"{phone}: told that nothing was sent" for phone in sorted(asked.refused & (sent | by_phone.keys()))]
    known = asked.ok.keys() | asked.refused | asked.unanswered
    verdict.unexpected += [f"{phone}: never asked for" for phone in sorted((sent | by_phone.keys()) - known)]


def _check_reports(verdict: Verdict, history: History, tables: Tables, messages: Iterable[Message]) -> None:
    told: dict[int, set[str]] = {}
    for hit in history.hits:
        for message_id, word in hit.reports:
            told.setdefault(message_id, set()).add(word)
    for message in messages:
        settlement, words = tables.settlements.get(message.id), told.get(message.id, set())
        if settlement is None or settlement.status not in FINAL:
            if words:
                verdict.contradicted.append(f"{message.id}: told {sorted(words)} and not ended")
        elif not words:
            verdict.unreported.append(f"{message.phone}: {message.id}, {settlement.status.name}")
        elif words != {REPORTED.get(settlement.status, "FAIL")}:
            verdict.contradicted.append(f"{message.id}: told {sorted(words)}, ended {settlement.status.name}")


def drift(packages: Iterable[Package]) -> list[str]:
    """Where the journal, the balances and the messages disagree about money."""
    found = []
    for package in packages:
        entry = {kind: package.entries.get(kind, 0) for kind in ("buy", "hold", "post", "void", "refund")}
        sums = {
            "bought": (package.segments, entry["buy"]),
            "available": (package.available, entry["buy"] - entry["hold"] + entry["void"] + entry["refund"]),
            "held": (package.held, entry["hold"] - entry["post"] - entry["void"]),
            "used": (package.used, entry["post"] - entry["refund"]),
            "open holds": (package.held, package.unsettled),
            "charges": (package.used, package.charged),
        }
        found += [f"package {package.id}: {name} is {is_}, not {should}" for name, (is_, should) in sums.items() if is_ != should]
    return found


def count(history: History, tables: Tables, *, aside: frozenset[str] = frozenset()) -> Counts:
    """The figures beside the verdict."""
    asked, copies = promised(history), copies_of(history, aside)
    messages = {message.id: message for message in tables.messages if message.phone not in aside}
    sent = {phone for phone, _ in copies}
    kinds = {message.phone: message.kind.name.lower() for message in messages.values()}
    further: Counter[str] = Counter()
    for (phone, _), seen in copies.items():
        further[kinds.get(phone, "unasked")] += seen - 1
    unknown = [m for m in messages.values() if m.id in tables.settlements and tables.settlements[m.id].status is Status.UNKNOWN]
    reports = [message_id for hit in history.hits for message_id, _ in hit.reports if message_id in messages]
    return Counts(
        requests=len(history.requests),
        messages=len(asked.ok),
        refused=len(asked.refused),
        unanswered=len(asked.unanswered),
        unanswered_sent=len(asked.unanswered & sent),
        submits=sum(copies.values()),
        duplicated={kind: more for kind, more in further.items() if more},
        suspects=sum(1 for message_id, _ in tables.suspects if message_id in messages),
        unknown=len(unknown),
        unknown_unsent=sum(1 for message in unknown if message.phone not in sent),
        reports=len(reports),
        reports_repeated=len(reports) - len(set(reports)),
        longest_outage_s=longest_outage(history),
    )


def longest_outage(history: History) -> float:
    """Between the first request and the last, the longest stretch in which nothing was promised to anybody."""
    if not history.requests:
        return 0.0
    began, ended = history.requests[0].at, history.requests[-1].at
    moments = sorted([began, *(answer.at for answer in history.answers if answer.ok and began <= answer.at <= ended), ended])
    return round(max(later - earlier for earlier, later in itertools.pairwise(moments)), 2)
