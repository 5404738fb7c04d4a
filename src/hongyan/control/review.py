"""Review: the operator's queue of what accounts applied for."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from hongyan.control.audit import Audit
from hongyan.control.desk import OTHERS, RULES, Desk, Subject, in_hand
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, within
from hongyan.kit.db import Connection, Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.papers import ReviewKind, ReviewState
from hongyan.store import accounts, reviews
from hongyan.store.reviews import ReviewRow

CLAIM_S = 1800.0
"""A reviewer has half an hour; then others may take it."""
PAGE_MOST = 500
NEWEST = 2**62
INCOMPLETE_KINDS = frozenset({ReviewKind.QUALIFICATION, ReviewKind.ACCOUNT})
"""For which more papers can be asked for."""


class RuleState(msgspec.Struct, frozen=True):
    """A rule that approves by itself."""

    name: str
    on: bool
    zh: str
    en: str


class Waiting(msgspec.Struct, frozen=True):
    """How much there is to do."""

    kind: ReviewKind
    open: int
    overdue: int


class Review:
    """Claim, approve, reject. Each decision is audited, and the applicant is told by a notice."""

    def __init__(self, db: Database, audit: Audit, desk: Desk, clock: Callable[[], float], subjects: Mapping[ReviewKind, Subject]) -> None:
        self._db = db
        self._audit = audit
        self._desk = desk
        self._clock = clock
        self._subjects = subjects

    async def queue(
        self, actor: Actor, *, kinds: Sequence[ReviewKind] = tuple(ReviewKind), after_id: int = 0, most: int = 100
    ) -> list[ReviewRow]:
        """What waits for a decision, the most urgent first; `after_id` is the last one of the page before."""
        demand(actor, Permission.REVIEW)
        async with self._db.connection() as conn:
            return await reviews.queue(conn, kinds=kinds, after_id=after_id, most=max(1, min(most, PAGE_MOST)))

    async def waiting(self, actor: Actor) -> list[Waiting]:
        """How many wait, by kind, and how many of them longer than promised."""
        demand(actor, Permission.REVIEW)
        async with self._db.connection() as conn:
            found = await reviews.waiting(conn, self._clock())
        return [Waiting(kind, *found.get(kind, (0, 0))) for kind in ReviewKind]

    async def page(
        self,
        actor: Actor,
        *,
        account_id: int | None = None,
        kind: ReviewKind | None = None,
        state: ReviewState | None = None,
        subject_id: int | None = None,
        before_id: int = NEWEST,
        most: int = 100,
    ) -> list[ReviewRow]:
        """Reviews and what came of them, the newest first: an account's own, or for the operator all."""
        only = within(actor, account_id)
        demand(actor, Permission.READ, only)
        async with self._db.connection() as conn:
            found = await reviews.page(
                conn, account_id=only, kind=kind, state=state, subject_id=subject_id, before_id=before_id, most=max(1, min(most, PAGE_MOST))
            )
        return [_for(actor, row) for row in found]

    async def get(self, actor: Actor, review_id: int) -> ReviewRow:
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            row = await reviews.get(conn, review_id, account_id=actor.account_id)
        if row is None:
            raise not_found(Noun.REVIEW, review_id)
        return _for(actor, row)

    async def claim(self, actor: Actor, review_id: int) -> ReviewRow:
        """Take it in hand for half an hour; asked again, for another."""
        demand(actor, Permission.REVIEW)
        now = self._clock()
        async with self._db.transaction() as tx:
            row = await self._open(tx, review_id)
            in_hand(row, actor, now)
            return await reviews.claim(tx, review_id, by=actor.id, name=actor.name, until=now + CLAIM_S)

    async def claim_next(self, actor: Actor, kinds: Sequence[ReviewKind] = tuple(ReviewKind)) -> ReviewRow | None:
        """Take the most urgent one that nobody has in hand; None when there is none."""
        demand(actor, Permission.REVIEW)
        now = self._clock()
        async with self._db.transaction() as tx:
            row = await reviews.lock_next(tx, kinds, now)
            if row is None:
                return None
            return await reviews.claim(tx, row.id, by=actor.id, name=actor.name, until=now + CLAIM_S)

    async def release(self, actor: Actor, review_id: int) -> ReviewRow:
        """Put it back into the queue."""
        demand(actor, Permission.REVIEW)
        async with self._db.transaction() as tx:
            row = await self._open(tx, review_id)
            in_hand(row, actor, self._clock())
            return await reviews.release(tx, review_id)

    async def approve(self, actor: Actor, review_id: int, note: str = "") -> ReviewRow:
        """What was applied for is good from now on."""
        return await self._decide(actor, review_id, ReviewState.APPROVED, (), note)

    async def reject(self, actor: Actor, review_id: int, codes: Sequence[str] = (), note: str = "") -> ReviewRow:
        """With reasons (`control.reasons`), a note, or both: the applicant reads them."""
        return await self._decide(actor, review_id, ReviewState.REJECTED, codes, note)

    async def ask(self, actor: Actor, review_id: int, codes: Sequence[str] = (), note: str = "") -> ReviewRow:
        """Ask for more papers: for qualifications and accounts."""
        return await self._decide(actor, review_id, ReviewState.INCOMPLETE, codes, note)

    async def _decide(self, actor: Actor, review_id: int, state: ReviewState, codes: Sequence[str], note: str) -> ReviewRow:
        demand(actor, Permission.REVIEW)
        async with self._db.transaction() as tx:
            seen = await reviews.get(tx, review_id, account_id=None)
            if seen is not None:
                # First of all locks, as wherever papers of an account are changed.
                await accounts.lock(tx, seen.account_id)
            row = await reviews.lock(tx, review_id)
            if row is None:
                raise not_found(Noun.REVIEW, review_id)
            if state is ReviewState.INCOMPLETE and row.kind not in INCOMPLETE_KINDS:
                raise ControlError(
                    Fault.NOT_ALLOWED,
                    "只有资质和账号认证可以要求补充资料，其他请驳回并写明原因。",
                    "More papers can be asked for qualifications and accounts only: reject others with the reason.",
                    why="review_kind",
                )
            subject = self._subjects.get(row.kind)
            if subject is None:
                raise ControlError(
                    Fault.NOT_ALLOWED, f"这里不能审核 {row.kind}。", f"A {row.kind} cannot be decided on here.", why="review_kind"
                )
            return await self._desk.decide(tx, actor, subject, row, state, codes=codes, note=note)

    async def _open(self, tx: Connection, review_id: int) -> ReviewRow:
        row = await reviews.lock(tx, review_id)
        if row is None:
            raise not_found(Noun.REVIEW, review_id)
        if row.state is not ReviewState.PENDING:
            raise ControlError(Fault.WRONG_STATE, f"审核 {review_id} 已结束。", f"The review {review_id} is over.", why="review_decided")
        return row

    # Rules that approve by themselves.

    async def rules(self, actor: Actor) -> list[RuleState]:
        demand(actor, Permission.REVIEW)
        async with self._db.connection() as conn:
            on = await reviews.rules(conn)
        return [RuleState(name=name, on=name in on, zh=rule.zh, en=rule.en) for name, rule in RULES.items()]

    async def switch_rule(self, actor: Actor, name: str, *, on: bool) -> RuleState:
        """From now on; what waits already is decided by somebody."""
        demand(actor, Permission.OPERATE)
        rule = RULES.get(name)
        if rule is None:
            raise ControlError(
                Fault.NOT_FOUND,
                f"没有规则 {name}，可用的是 {'、'.join(RULES)}。",
                f"There is no rule {name}; there are {', '.join(RULES)}.",
                why="no_rule",
            )
        async with self._db.transaction() as tx:
            if await reviews.switch_rule(tx, name, on=on, now=self._clock()):
                await self._audit.record(tx, actor, "approval_rule.switch", name, detail={"on": on})
        return RuleState(name=name, on=on, zh=rule.zh, en=rule.en)


def _for(actor: Actor, row: ReviewRow) -> ReviewRow:
    """An applicant is not told who of the operator's people decides, nor what others applied for."""
    if actor.account_id is None:
        return row
    facts = {name: fact for name, fact in row.facts.items() if name != OTHERS}
    return msgspec.structs.replace(row, facts=facts, claimed_by="", claimed_name="", claimed_until=None, decided_by="", decided_name="")
