"""Signatures: the sender names in brackets."""

from collections.abc import Sequence

import msgspec

from hongyan.control import proofs, rules
from hongyan.control.acts import allowed
from hongyan.control.apps import owned
from hongyan.control.desk import Submission
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.own_paper import open_review, same_scope
from hongyan.control.permissions import demand, within
from hongyan.control.reviewed import Reviewed
from hongyan.control.words import for_review
from hongyan.kit.db import Connection, UniqueViolation
from hongyan.model.actor import Actor, Permission
from hongyan.model.alarm import AlarmKind
from hongyan.model.papers import (
    FILINGS,
    GOOD,
    SIGNATURE_ACTS,
    Act,
    Acts,
    Filing,
    QualificationStatus,
    ReviewKind,
    ReviewState,
    ReviewStatus,
    SignatureDraft,
    SignatureState,
    Standing,
    state_of,
)
from hongyan.model.snapshot import Scope
from hongyan.store import accounts, extensions, from_numbers, notices, qualifications, signatures, templates
from hongyan.store.qualifications import QualificationRow
from hongyan.store.reviews import ReviewRow
from hongyan.store.signatures import SignatureRow
from hongyan.store.snapshots import publish

PAGE_MOST = 500


class Signature(msgspec.Struct, frozen=True):
    """A signature as people see it."""

    row: SignatureRow
    state: SignatureState
    qualification: QualificationRow | None


class Signatures(Reviewed[SignatureRow]):
    """Applied for by an account, usable once approved."""

    _kind = ReviewKind.SIGNATURE
    _noun = Noun.SIGNATURE
    _acts = SIGNATURE_ACTS
    _shelf = signatures

    # What an account does.

    async def add(self, actor: Actor, account_id: int, draft: SignatureDraft) -> SignatureRow:
        """Apply for one; a rejected or inactive one of that name is applied for again."""
        demand(actor, Permission.APPLY, account_id)
        plain = await self._checked(draft)
        now = self._clock()
        async with self._db.transaction() as tx:
            if await accounts.lock(tx, account_id) is None:
                raise not_found(Noun.ACCOUNT, account_id)
            await owned(tx, plain.app_id, account_id)
            qualification = await proofs.in_order(tx, actor, account_id, plain, in_force=self._in_force, now=self._clock())
            before = await signatures.of_name(tx, account_id, plain.name, plain.scope, usage=plain.usage, app_id=plain.app_id)
            if before is None and await signatures.count(tx, account_id, plain.app_id) >= self._in_force.signatures_most:
                raise _too_many(self._in_force.signatures_most)
            applied = await signatures.apply(tx, account_id, plain, ReviewStatus.PENDING, now)
            if applied is None:
                raise _there_is(plain.name, ReviewStatus.PENDING if before is None else before.status)
            return await self._submit(tx, actor, applied, qualification)

    async def change(self, actor: Actor, signature_id: int, draft: SignatureDraft, *, acts: Acts = SIGNATURE_ACTS) -> SignatureRow:
        """Hand it in again with what the draft says. Its scope stays; approved ones cannot be changed unless their filing failed."""
        demand(actor, Permission.APPLY)
        plain = await self._checked(draft)
        try:
            async with self._db.transaction() as tx:
                row = await self._mine(tx, actor, signature_id)
                if not (row.status is ReviewStatus.APPROVED and row.filing is Filing.FAILED):
                    allowed(Noun.SIGNATURE, signature_id, row.status, Act.MODIFY, acts)
                if row.scope is not plain.scope:
                    raise same_scope()
                await owned(tx, plain.app_id, row.account_id)
                qualification = await proofs.in_order(tx, actor, row.account_id, plain, in_force=self._in_force, now=self._clock())
                written = await signatures.write(tx, signature_id, plain, self._clock())
                applied = row if written is None else written
                return await self._submit(tx, actor, applied, qualification, changed=row.status is ReviewStatus.APPROVED)
        except UniqueViolation as fault:
            raise _there_is(plain.name, None) from fault

    async def supplement(self, actor: Actor, signature_id: int, qualification_id: int) -> SignatureRow:
        """Let one that was approved without a qualification rest on one; it stays in use meanwhile."""
        demand(actor, Permission.APPLY)
        async with self._db.transaction() as tx:
            row = await self._mine(tx, actor, signature_id)
            await proofs.usable(tx, row.account_id, qualification_id, self._clock())
            if row.status is not ReviewStatus.APPROVED:
                raise ControlError(
                    Fault.WRONG_STATE,
                    f"签名 {signature_id} 未通过审核：请用修改来补充资质。",
                    f"The signature {signature_id} is not approved: give it a qualification by changing it.",
                    why="signature_not_approved",
                )
            changed = await signatures.set_qualification(tx, signature_id, qualification_id)
            await self._audit.record(
                tx, actor, "signature.supplement", signature_id, account_id=row.account_id, detail={"qualification": qualification_id}
            )
        return row if changed is None else changed

    async def activate(self, actor: Actor, signature_id: int) -> SignatureRow:
        """Ask that an inactive one be used again."""
        demand(actor, Permission.APPLY)
        async with self._db.transaction() as tx:
            row = await self._mine(tx, actor, signature_id)
            allowed(Noun.SIGNATURE, signature_id, row.status, Act.ACTIVATE, SIGNATURE_ACTS)
            asked = await signatures.ask_activation(tx, signature_id, self._clock())
            qualification = await self._resting(tx, row)
            return await self._submit(tx, actor, row if asked is None else asked, qualification)

    # What anybody who may looks at.

    async def get(self, actor: Actor, signature_id: int) -> Signature:
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            row = await signatures.get(conn, signature_id, account_id=actor.account_id)
            if row is None:
                raise not_found(Noun.SIGNATURE, signature_id)
            return (await self._shown(conn, [row]))[0]

    async def page(
        self,
        actor: Actor,
        *,
        account_id: int | None = None,
        status: ReviewStatus | None = None,
        scope: Scope | None = None,
        app_id: int | None = None,
        ids: Sequence[int] | None = None,
        after_id: int = 0,
        most: int = 100,
        offset: int = 0,
    ) -> list[Signature]:
        """By id, at most 500; `ids` limits it to those, `app_id` to what that application may use."""
        only = within(actor, account_id)
        demand(actor, Permission.READ, only)
        async with self._db.connection() as conn:
            found = await signatures.page(
                conn,
                account_id=only,
                status=status,
                scope=scope,
                app_id=app_id,
                ids=ids,
                after_id=after_id,
                most=max(1, min(most, PAGE_MOST)),
                offset=max(0, offset),
            )
            return await self._shown(conn, found)

    # What the operator does.

    async def file(self, actor: Actor, signature_id: int, filing: Filing, note: str = "") -> SignatureRow:
        """Write down how far its filing with the carriers is; the account is told how it ended."""
        demand(actor, Permission.REVIEW)
        said = rules.reason(note)
        now = self._clock()
        async with self._db.transaction() as tx:
            row = await self._any(tx, signature_id)
            if row.status is not ReviewStatus.APPROVED or filing not in FILINGS[row.filing]:
                after = "、".join(FILINGS[row.filing])
                raise ControlError(
                    Fault.WRONG_STATE,
                    f"签名 {signature_id} 的报备状态是 {row.filing}，不能改为 {filing}：已通过的签名接下来可以是 {after}。",
                    f"The filing of signature {signature_id} is {row.filing} and cannot become {filing}: of an approved one it may "
                    f"become {', '.join(FILINGS[row.filing])}.",
                    why="filing_order",
                )
            filed = await signatures.set_filing(tx, signature_id, filing, sends_unfiled=row.sends_unfiled)
            detail = {"from": row.filing, "to": filing, "note": said}
            await self._audit.record(tx, actor, "signature.file", signature_id, account_id=row.account_id, detail=detail)
            if filing in {Filing.REGISTERED, Filing.FAILED}:
                facts: notices.Facts = {
                    "of": "filing", "id": signature_id, "name": row.name, "approved": filing is Filing.REGISTERED,
                    "state": filing.value, "reasons": said, "reasons_en": said,
                }  # fmt: skip
                await notices.add(tx, account_id=row.account_id, app_id=row.app_id, kind=AlarmKind.SIGNATURE, facts=facts, now=now)
            await publish(tx, f"signature {signature_id} filed", now)
        return row if filed is None else filed

    # What follows from decisions.

    async def decided(self, tx: Connection, actor: Actor, review: ReviewRow) -> str | None:  # noqa: ARG002 - as every subject's
        """What follows from a decision on one of them."""
        row = await self._any(tx, review.subject_id)
        if review.state is ReviewState.APPROVED:
            await self._may_be_approved(tx, row)
        status = ReviewStatus.APPROVED if review.state is ReviewState.APPROVED else ReviewStatus.REJECTED
        if row.activation and status is ReviewStatus.REJECTED:
            status = ReviewStatus.INACTIVE
        await signatures.decide(tx, row.id, status, reasons=review.reasons, note=review.note, now=self._clock())
        if status is not ReviewStatus.APPROVED:
            return None
        await from_numbers.add_lacking(tx, row.account_id, self._clock())
        await extensions.add_lacking(tx, row.account_id, self._clock())
        if self._in_force.filing and row.scope is Scope.MAINLAND and row.filing is Filing.NONE:
            await signatures.set_filing(tx, row.id, Filing.PROCESSING, sends_unfiled=False)
        return f"signature {row.id} approved"

    async def qualified(self, tx: Connection, actor: Actor, qualification: QualificationRow) -> str | None:
        """What follows for signatures from a decision on the qualification they rest on."""
        published: str | None = None
        for row in await signatures.resting_on(tx, qualification.id):
            if row.status is not ReviewStatus.PENDING:
                continue
            if qualification.status in GOOD:
                review = await self._desk.begin(tx, await self._submission(tx, row, qualification))
                if review is not None and review.state is ReviewState.APPROVED:
                    published = await self.decided(tx, actor, review) or published
            elif qualification.status is QualificationStatus.REJECTED:
                review = await open_review(tx, ReviewKind.SIGNATURE, Noun.SIGNATURE, row.id)
                closed = await self._desk.close(tx, actor, review, ReviewState.REJECTED, codes=("no_qualification",))
                await self.decided(tx, actor, closed)
        return published

    async def _may_be_approved(self, tx: Connection, row: SignatureRow) -> None:
        qualification = await self._resting(tx, row)
        if qualification is not None and qualification.status not in GOOD:
            raise ControlError(
                Fault.WRONG_STATE,
                f"签名 {row.id} 所用的资质“{qualification.name}”还未通过：请先审核该资质。",
                f"The qualification “{qualification.name}” that signature {row.id} rests on is not approved: decide on that first.",
                why="qualification_not_approved",
            )

    async def _remove_with(self, tx: Connection, actor: Actor, row: SignatureRow) -> bool:
        """The templates that are for it alone."""
        bound = await templates.of_signature(tx, row.id)
        for template in bound:
            await self._desk.withdraw(tx, actor, ReviewKind.TEMPLATE, template.id)
            await templates.remove(tx, template.id)
            detail: dict[str, str | int] = {"name": template.name, "status": template.status, "signature": row.id}
            await self._audit.record(tx, actor, "template.delete", template.id, account_id=row.account_id, detail=detail)
        return bool(bound)

    async def _set_status(self, tx: Connection, row: SignatureRow, status: ReviewStatus) -> None:
        await signatures.set_status(tx, row.id, status)
        if status is ReviewStatus.APPROVED:
            await from_numbers.add_lacking(tx, row.account_id, self._clock())
            await extensions.add_lacking(tx, row.account_id, self._clock())

    async def _submit(
        self, tx: Connection, actor: Actor, row: SignatureRow, qualification: QualificationRow | None, *, changed: bool = False
    ) -> SignatureRow:
        review = await self._desk.submit(tx, actor, await self._submission(tx, row, qualification))
        reason = await self.decided(tx, actor, review) if review.state is ReviewState.APPROVED else None
        if reason is not None or changed:
            await publish(tx, reason or f"signature {row.id} changed", self._clock())
        return await self._any(tx, row.id)

    async def _submission(self, tx: Connection, row: SignatureRow, qualification: QualificationRow | None) -> Submission:
        others = await signatures.accounts_with(tx, row.name, apart_from=row.account_id)
        return proofs.submission(row, qualification, others)

    async def _checked(self, draft: SignatureDraft) -> SignatureDraft:
        async with self._db.connection() as conn:
            words = await for_review(conn)
        return proofs.checked(draft, self._in_force, words)

    async def _resting(self, tx: Connection, row: SignatureRow) -> QualificationRow | None:
        return None if row.qualification_id is None else await qualifications.get(tx, row.qualification_id, account_id=row.account_id)

    async def _shown(self, conn: Connection, found: list[SignatureRow]) -> list[Signature]:
        ids = {row.qualification_id for row in found if row.qualification_id is not None}
        known = await qualifications.some(conn, sorted(ids)) if ids else {}
        return [shown(row, None if row.qualification_id is None else known.get(row.qualification_id)) for row in found]


def shown(row: SignatureRow, qualification: QualificationRow | None) -> Signature:
    """The signature with its state in one word."""
    standing = Standing(
        scope=row.scope,
        status=row.status,
        filing=row.filing,
        sends_unfiled=row.sends_unfiled,
        activation=row.activation,
        qualification=None if qualification is None else qualification.status,
    )
    return Signature(row=row, state=state_of(standing), qualification=qualification)


def _too_many(most: int) -> ControlError:
    return ControlError(
        Fault.TOO_MANY,
        f"每个应用最多 {most} 个签名：请先删除不用的。",
        f"An application has at most {most} signatures: delete some that are not needed.",
        why="too_many_signatures",
    )


def _there_is(name: str, status: ReviewStatus | None) -> ControlError:
    return ControlError(
        Fault.TAKEN,
        f"签名“{name}”已在审核中或已通过，不用再申请。",
        f"The signature “{name}” is pending or approved already: there is nothing to apply for.",
        why="signature_approved" if status is ReviewStatus.APPROVED else "signature_pending",
    )
