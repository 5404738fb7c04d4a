"""The desk: where what is applied for waits for a decision, and where decisions are written down."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from hongyan.control import calendar, reasons, rules
from hongyan.control.audit import Audit, Detail
from hongyan.control.errors import ControlError, Fault
from hongyan.kit.db import Connection
from hongyan.model.actor import Actor, ActorKind, Permission, system
from hongyan.model.alarm import AlarmKind
from hongyan.model.papers import ReviewKind, ReviewState
from hongyan.store import members, notices, reviews
from hongyan.store.reviews import ReviewRow
from hongyan.store.snapshots import publish

DUE_S: Mapping[ReviewKind, float] = {
    ReviewKind.QUALIFICATION: calendar.DAY_S,
    ReviewKind.SIGNATURE: calendar.DAY_S / 2,
    ReviewKind.TEMPLATE: 2 * 3600.0,
    ReviewKind.ACCOUNT: calendar.DAY_S,
}
"""Working time until each is due: a signature half a working day, a template two hours."""

URGE_EVERY_S = 3600.0
"""Whoever waits may say so once an hour."""

ALARMS: Mapping[ReviewKind, AlarmKind] = {
    ReviewKind.QUALIFICATION: AlarmKind.QUALIFICATION,
    ReviewKind.SIGNATURE: AlarmKind.SIGNATURE,
    ReviewKind.TEMPLATE: AlarmKind.TEMPLATE,
    ReviewKind.ACCOUNT: AlarmKind.QUALIFICATION,
}
"""Which contacts of the account are told of a decision."""


OTHERS = "others"
"""Under this name facts tell the reviewer which other accounts have the same name or code; applicants are not told."""


class Submission(msgspec.Struct, frozen=True):
    """Something to be decided on."""

    kind: ReviewKind
    subject_id: int
    account_id: int
    title: str
    facts: Mapping[str, Any]
    """What the reviewer needs to see of it."""
    app_id: int | None = None
    plain: bool = False
    """Nothing about it is out of the ordinary: a rule may approve it when the operator has switched that on."""
    waits: bool = False
    """What it rests on is not decided yet: nothing is approved before that, and its time runs from then."""


class ApprovalRule(msgspec.Struct, frozen=True):
    """Approves by itself, when the operator has switched it on."""

    zh: str
    en: str
    kinds: frozenset[ReviewKind]
    only_plain: bool


APPLICATIONS = frozenset({ReviewKind.QUALIFICATION, ReviewKind.SIGNATURE, ReviewKind.TEMPLATE})

RULES: Mapping[str, ApprovalRule] = {
    "plain-templates": ApprovalRule(
        "自动通过没有疑点的验证码、通知模板",
        "Approves templates of codes and notices about which nothing is doubtful",
        frozenset({ReviewKind.TEMPLATE}),
        only_plain=True,
    ),
    "company-signatures": ApprovalRule(
        "自动通过以已通过资质的公司名（可省去“有限公司”等）为名、且无他人使用的自用签名",
        "Approves signatures for own use that are the company's name on an approved qualification, with or without its legal form, "
        "and that nobody else sends with",
        frozenset({ReviewKind.SIGNATURE}),
        only_plain=True,
    ),
    "everything": ApprovalRule(
        "自动通过一切符合规则的资质、签名、模板：仅用于自己用的平台和测试",
        "Approves every qualification, signature and template that the rules allow: for a platform of one's own, and for tests",
        APPLICATIONS,
        only_plain=False,
    ),
}
"""Never for accounts: those are looked at by somebody."""


class Subject(Protocol):
    """A noun whose papers are decided on."""

    async def decided(self, tx: Connection, actor: Actor, review: ReviewRow) -> str | None:
        """Do what follows from this closed review, in its transaction; why the pipeline must look again, or None when it need not.

        Raises ControlError when the decision cannot be taken now; nothing is written then.
        """


def in_hand(review: ReviewRow, actor: Actor, now: float) -> None:
    """Raises when another reviewer has it."""
    if review.claimed_until is not None and review.claimed_until > now and review.claimed_by != actor.id:
        raise ControlError(
            Fault.IN_USE,
            f"{review.claimed_name} 正在处理审核 {review.id}：请等其完成或释放。",
            f"{review.claimed_name} has the review {review.id} in hand: wait until it is decided or put back.",
            why="review_claimed",
        )


async def _not_their_own(tx: Connection, actor: Actor, review: ReviewRow) -> None:
    """Nobody decides on what their own account applied for, but an administrator, who may be the only one there is."""
    if actor.kind is not ActorKind.USER or Permission.ADMINISTER in actor.permissions:
        return
    if await members.belongs(tx, review.account_id, actor.id):
        raise ControlError(
            Fault.NOT_ALLOWED,
            "这是你自己账号的申请：请让另一位审核员处理。",
            "Your own account applied for this: leave the decision to another reviewer.",
            why="own_application",
        )


class Desk:
    """Used by services inside their own transactions; nobody is asked whether they may."""

    def __init__(self, audit: Audit, clock: Callable[[], float]) -> None:
        self._audit = audit
        self._clock = clock

    async def submit(self, tx: Connection, actor: Actor, submission: Submission) -> ReviewRow:
        """Queue it; an earlier review about the same that is not decided is withdrawn.

        The row is approved already when a rule of the operator's did so: the caller then does what follows from that.
        """
        await self.withdraw(tx, actor, submission.kind, submission.subject_id)
        now = self._clock()
        days = await calendar.load(tx)
        review = await reviews.add(
            tx,
            kind=submission.kind,
            subject_id=submission.subject_id,
            account_id=submission.account_id,
            app_id=submission.app_id,
            title=submission.title,
            facts=submission.facts,
            ready=not submission.waits,
            now=now,
            due_at=days.after(now, DUE_S[submission.kind]),
        )
        await self._record(tx, actor, "submit", review)
        rule = await self._rule_for(tx, submission)
        return review if rule is None else await self.close(tx, system(rule), review, ReviewState.APPROVED)

    async def _rule_for(self, tx: Connection, submission: Submission) -> str | None:
        if submission.waits:
            return None
        for name in await reviews.rules(tx):
            rule = RULES.get(name)
            if rule is not None and submission.kind in rule.kinds and (submission.plain or not rule.only_plain):
                return name
        return None

    async def close(
        self, tx: Connection, actor: Actor, review: ReviewRow, state: ReviewState, *, codes: Sequence[str] = (), note: str = ""
    ) -> ReviewRow:
        """Write the decision down and have the applicant told."""
        now = self._clock()
        closed = await reviews.close(tx, review.id, state, by=actor.id, name=actor.name, reasons=codes, note=note, now=now)
        await self._record(tx, actor, _VERBS[state], closed)
        if state is not ReviewState.WITHDRAWN:
            zh, en = reasons.told(review.kind, codes, note)
            facts: notices.Facts = {
                "review": review.id, "of": review.kind.value, "id": review.subject_id, "name": review.title,
                "approved": state is ReviewState.APPROVED, "state": state.value, "reasons": zh, "reasons_en": en,
            }  # fmt: skip
            await notices.add(tx, account_id=review.account_id, app_id=review.app_id, kind=ALARMS[review.kind], facts=facts, now=now)
        return closed

    async def withdraw(self, tx: Connection, actor: Actor, kind: ReviewKind, subject_id: int) -> None:
        """Take it back, if it waits: it was changed, or is no more."""
        waiting = await reviews.lock_open(tx, kind, subject_id)
        if waiting is not None:
            await self.close(tx, actor, waiting, ReviewState.WITHDRAWN)

    async def urge(self, tx: Connection, actor: Actor, kind: ReviewKind, subject_id: int) -> ReviewRow:
        """Move it up in the queue, at most once an hour."""
        waiting = await reviews.lock_open(tx, kind, subject_id)
        if waiting is None:
            raise ControlError(Fault.WRONG_STATE, "已有审核结果，不用再催。", "It has been decided: there is nothing to urge.")
        now = self._clock()
        if waiting.urged_at is not None and now - waiting.urged_at < URGE_EVERY_S:
            raise ControlError(
                Fault.TOO_MANY,
                f"一小时内已催过审：请在 {int((URGE_EVERY_S - now + waiting.urged_at) // 60) + 1} 分钟后再催。",
                "It was urged within the last hour: wait a little, or ask the operator.",
            )
        urged = await reviews.urge(tx, waiting.id, now)
        await self._record(tx, actor, "urge", urged)
        return urged

    async def begin(self, tx: Connection, submission: Submission) -> ReviewRow | None:
        """What it rests on has been decided: its time runs from now, and rules may approve it. None when it does not wait."""
        waiting = await reviews.lock_open(tx, submission.kind, submission.subject_id)
        if waiting is None:
            return None
        days = await calendar.load(tx)
        await reviews.begin(tx, waiting.id, days.after(self._clock(), DUE_S[submission.kind]))
        rule = await self._rule_for(tx, submission)
        return waiting if rule is None else await self.close(tx, system(rule), waiting, ReviewState.APPROVED)

    async def decide(
        self,
        tx: Connection,
        actor: Actor,
        subject: Subject,
        review: ReviewRow,
        state: ReviewState,
        *,
        codes: Sequence[str] = (),
        note: str = "",
    ) -> ReviewRow:
        """A reviewer's decision and all that follows from it; the transaction's last change."""
        now = self._clock()
        if review.state is not ReviewState.PENDING:
            raise ControlError(
                Fault.WRONG_STATE,
                f"审核 {review.id} 已由 {review.decided_name} 处理：不能再次决定。",
                f"The review {review.id} was decided by {review.decided_name}: it cannot be decided again.",
                why="review_decided",
            )
        in_hand(review, actor, now)
        await _not_their_own(tx, actor, review)
        said = rules.remark(note)
        known = reasons.checked(review.kind, codes, said) if state is not ReviewState.APPROVED else ()
        closed = await self.close(tx, actor, review, state, codes=known, note=said)
        reason = await subject.decided(tx, actor, closed)
        if reason is not None:
            await publish(tx, reason, now)
        return closed

    async def _record(self, tx: Connection, actor: Actor, verb: str, review: ReviewRow) -> None:
        detail: Detail = {"review": review.id, "title": review.title, "reasons": ",".join(review.reasons)}
        await self._audit.record(tx, actor, f"{review.kind}.{verb}", review.subject_id, account_id=review.account_id, detail=detail)


_VERBS: Mapping[ReviewState, str] = {
    ReviewState.APPROVED: "approve",
    ReviewState.REJECTED: "reject",
    ReviewState.INCOMPLETE: "ask",
    ReviewState.WITHDRAWN: "withdraw",
}
