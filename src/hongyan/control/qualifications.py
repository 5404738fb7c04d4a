"""Qualifications: the company behind signatures, and the papers that show it."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from hongyan.control import documents, rules
from hongyan.control.audit import Audit
from hongyan.control.desk import OTHERS, Desk, Submission
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.own_paper import open_review, own_paper
from hongyan.control.permissions import demand, within
from hongyan.control.signatures import Signatures
from hongyan.kit.db import Connection, Database, UniqueViolation
from hongyan.model.actor import Actor, Permission
from hongyan.model.credit_code import is_credit_code
from hongyan.model.papers import (
    GOOD,
    DocumentKind,
    Purpose,
    QualificationDraft,
    QualificationStatus,
    ReviewKind,
    ReviewState,
)
from hongyan.store import accounts, qualifications, signatures
from hongyan.store.qualifications import QualificationRow
from hongyan.store.reviews import ReviewRow
from hongyan.store.snapshots import publish

PAGE_MOST = 500
DOCUMENTS_MOST = 6
MOST = 500
LICENCES = frozenset({DocumentKind.THREE_IN_ONE, DocumentKind.LICENCE, DocumentKind.ORGANISATION_CODE, DocumentKind.CREDIT_CODE})

DECISIONS: dict[ReviewState, QualificationStatus] = {
    ReviewState.APPROVED: QualificationStatus.APPROVED,
    ReviewState.REJECTED: QualificationStatus.REJECTED,
    ReviewState.INCOMPLETE: QualificationStatus.INCOMPLETE,
}
CHANGEABLE = frozenset(QualificationStatus) - {QualificationStatus.PENDING, QualificationStatus.CHANGE_PENDING}


class Qualifications:
    """Applied for by an account; signatures rest on approved ones."""

    def __init__(self, db: Database, audit: Audit, desk: Desk, signatures_: Signatures, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._desk = desk
        self._signatures = signatures_
        self._clock = clock

    async def add(self, actor: Actor, account_id: int, draft: QualificationDraft) -> QualificationRow:
        """Apply for one."""
        demand(actor, Permission.APPLY, account_id)
        plain = self._checked(draft)
        try:
            async with self._db.transaction() as tx:
                if await accounts.lock(tx, account_id) is None:
                    raise not_found(Noun.ACCOUNT, account_id)
                await documents.usable(tx, account_id, (*plain.documents, plain.authorisation))
                if len(await qualifications.page(tx, account_id=account_id, status=None, after_id=0, most=MOST)) >= MOST:
                    raise ControlError(
                        Fault.TOO_MANY, f"每个账号最多 {MOST} 份资质。", f"An account has at most {MOST} qualifications.",
                        why="too_many_qualifications",
                    )  # fmt: skip
                row = await qualifications.add(tx, account_id, plain, self._clock())
                return await self._submit(tx, actor, row)
        except UniqueViolation as fault:
            raise _taken(plain.name) from fault

    async def change(self, actor: Actor, qualification_id: int, draft: QualificationDraft) -> QualificationRow:
        """Hand it in again; an approved one stays good as it is until the change is decided."""
        demand(actor, Permission.APPLY)
        plain = self._checked(draft)
        now = self._clock()
        try:
            async with self._db.transaction() as tx:
                row = await self._mine(tx, actor, qualification_id)
                if row.status not in CHANGEABLE:
                    raise _waits(qualification_id)
                await documents.usable(tx, row.account_id, (*plain.documents, plain.authorisation))
                if await qualifications.named(tx, row.account_id, plain.name) not in {None, qualification_id}:
                    raise _taken(plain.name)
                changing = qualifications.ask_change if row.status in GOOD else qualifications.write
                return await self._submit(tx, actor, await changing(tx, qualification_id, plain, now))
        except UniqueViolation as fault:
            raise _taken(plain.name) from fault

    async def delete(self, actor: Actor, qualification_id: int) -> None:
        """Only while no signature rests on it."""
        demand(actor, Permission.APPLY)
        async with self._db.transaction() as tx:
            row = await self._mine(tx, actor, qualification_id)
            if await signatures.resting_on(tx, qualification_id):
                raise ControlError(
                    Fault.IN_USE,
                    f"资质“{row.name}”下还有签名：请先删除这些签名或改用别的资质。",
                    f"Signatures rest on the qualification “{row.name}”: delete them first, or give them another.",
                    why="qualification_in_use",
                )
            await self._desk.withdraw(tx, actor, ReviewKind.QUALIFICATION, qualification_id)
            await qualifications.remove(tx, qualification_id)
            await self._audit.record(
                tx, actor, "qualification.delete", qualification_id, account_id=row.account_id, detail={"name": row.name}
            )

    async def urge(self, actor: Actor, qualification_id: int) -> ReviewRow:
        """Ask for a decision: at most once an hour."""
        demand(actor, Permission.APPLY)
        async with self._db.transaction() as tx:
            await self._mine(tx, actor, qualification_id)
            return await self._desk.urge(tx, actor, ReviewKind.QUALIFICATION, qualification_id)

    async def get(self, actor: Actor, qualification_id: int) -> QualificationRow:
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            row = await qualifications.get(conn, qualification_id, account_id=actor.account_id)
        if row is None:
            raise not_found(Noun.QUALIFICATION, qualification_id)
        return row

    async def page(
        self,
        actor: Actor,
        *,
        account_id: int | None = None,
        status: QualificationStatus | None = None,
        after_id: int = 0,
        most: int = 100,
    ) -> list[QualificationRow]:
        only = within(actor, account_id)
        demand(actor, Permission.READ, only)
        async with self._db.connection() as conn:
            return await qualifications.page(conn, account_id=only, status=status, after_id=after_id, most=max(1, min(most, PAGE_MOST)))

    async def approve(self, actor: Actor, qualification_id: int, note: str = "") -> QualificationRow:
        """Decide on what waits."""
        return await self._decide(actor, qualification_id, ReviewState.APPROVED, (), note)

    async def reject(self, actor: Actor, qualification_id: int, codes: Sequence[str] = (), note: str = "") -> QualificationRow:
        """With reasons (`control.reasons`), a note, or both."""
        return await self._decide(actor, qualification_id, ReviewState.REJECTED, codes, note)

    async def _decide(self, actor: Actor, qualification_id: int, state: ReviewState, codes: Sequence[str], note: str) -> QualificationRow:
        demand(actor, Permission.REVIEW)
        async with self._db.transaction() as tx:
            await self._mine(tx, actor, qualification_id)
            review = await open_review(tx, ReviewKind.QUALIFICATION, Noun.QUALIFICATION, qualification_id)
            await self._desk.decide(tx, actor, self, review, state, codes=codes, note=note)
            return await self._mine(tx, actor, qualification_id)

    async def decided(self, tx: Connection, actor: Actor, review: ReviewRow) -> str | None:
        """What follows from a decision; the signatures that waited for it are told."""
        row = await qualifications.lock(tx, review.subject_id, account_id=None)
        if row is None:
            raise not_found(Noun.QUALIFICATION, review.subject_id)
        now = self._clock()
        status = DECISIONS[review.state]
        change = row.change
        if change is not None and status is QualificationStatus.APPROVED:
            try:
                row = await qualifications.write(tx, row.id, change, now)
            except UniqueViolation as fault:
                # Another was given the name while this waited.
                raise _taken(change.name) from fault
        elif change is not None:
            status = QualificationStatus.CHANGE_REJECTED
        done = await qualifications.decide(tx, row.id, status, reasons=review.reasons, note=review.note, now=now)
        if status is QualificationStatus.CHANGE_REJECTED:
            return None
        return await self._signatures.qualified(tx, actor, done)

    async def _submit(self, tx: Connection, actor: Actor, row: QualificationRow) -> QualificationRow:
        said = row if row.change is None else row.change
        others = await qualifications.accounts_with(tx, said.credit_code, apart_from=row.account_id)
        submission = Submission(
            kind=ReviewKind.QUALIFICATION,
            subject_id=row.id,
            account_id=row.account_id,
            title=row.name,
            facts=_facts(said) | {OTHERS: others},
        )
        review = await self._desk.submit(tx, actor, submission)
        if review.state is ReviewState.APPROVED and (reason := await self.decided(tx, actor, review)) is not None:
            await publish(tx, reason, self._clock())
        now_is = await qualifications.get(tx, row.id, account_id=row.account_id)
        return row if now_is is None else now_is

    async def _mine(self, tx: Connection, actor: Actor, qualification_id: int) -> QualificationRow:
        return await own_paper(tx, qualifications, Noun.QUALIFICATION, qualification_id, actor.account_id)

    def _checked(self, draft: QualificationDraft) -> QualificationDraft:
        code = draft.credit_code.strip().upper()
        if not is_credit_code(code):
            raise _invalid("credit_code", "统一社会信用代码应为 18 位且校验位正确：请照证照核对。",
                           "The credit code has 18 characters, the last of which is a check: compare it with the licence.")  # fmt: skip
        if draft.document_kind not in LICENCES:
            raise _invalid("document_kind", "资质证照应为三证合一、营业执照、组织机构代码证或社会信用代码证。",
                           "A qualification is shown by a licence or by a certificate of the organisation's code.")  # fmt: skip
        if not 1 <= len(draft.documents) <= DOCUMENTS_MOST:
            raise _invalid("documents", f"请上传 1 到 {DOCUMENTS_MOST} 份证照文件。",
                           f"A qualification needs 1 to {DOCUMENTS_MOST} documents.")  # fmt: skip
        if draft.purpose is Purpose.ON_BEHALF and draft.authorisation is None:
            raise _invalid("authorisation", "他用资质需要授权委托书：请上传对方盖章的委托书。",
                           "A qualification on behalf of another needs their letter of authorisation: upload it.")  # fmt: skip
        if draft.valid_until is not None and draft.valid_until <= self._clock():
            raise _invalid("valid_until", "证照已过有效期：请换成有效的证照。", "The licence has expired: hand in a valid one.")
        return msgspec.structs.replace(
            draft,
            name=rules.name(draft.name),
            company=rules.name(draft.company),
            credit_code=code,
            documents=tuple(dict.fromkeys(draft.documents)),
            contact=rules.reason(draft.contact),
            remark=rules.remark(draft.remark),
        )


def _facts(said: QualificationRow | QualificationDraft) -> dict[str, Any]:
    return {
        "purpose": said.purpose, "company": said.company, "credit_code": said.credit_code, "document_kind": said.document_kind,
        "documents": said.documents, "authorisation": said.authorisation, "valid_until": said.valid_until, "contact": said.contact,
        "remark": said.remark,
    }  # fmt: skip


def _invalid(what: str, zh: str, en: str) -> ControlError:
    return ControlError(Fault.INVALID, zh, en, why=f"qualification_{what}")


def _taken(name: str) -> ControlError:
    return ControlError(
        Fault.TAKEN,
        f"已有名为“{name}”的资质：请换个名称，或修改原来的。",
        f"There is a qualification “{name}” already: choose another name, or change that one.",
        why="qualification_exists",
    )


def _waits(qualification_id: int) -> ControlError:
    return ControlError(
        Fault.WRONG_STATE,
        f"资质 {qualification_id} 正在审核，不能修改：请等审核结果，或先催审。",
        f"The qualification {qualification_id} is under review and cannot be changed: wait for the decision, or urge it.",
        why="qualification_pending",
    )
