"""Verification: an account shows who it is, a reviewer looks at it, and what the account may do follows from that."""

from collections.abc import Callable
from typing import Any

import msgspec

from hongyan.control import documents, rules
from hongyan.control.audit import Audit
from hongyan.control.desk import Desk, Submission
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, within
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import Actor, Permission
from hongyan.model.credit_code import is_credit_code
from hongyan.model.identity import VerificationDraft, VerificationStatus, is_identity_number, masked_number
from hongyan.model.papers import ReviewKind, ReviewState
from hongyan.model.snapshot import AccountKind
from hongyan.store import accounts, reviews, verifications
from hongyan.store.accounts import AccountRow
from hongyan.store.reviews import ReviewRow
from hongyan.store.verifications import VerificationRow

PAGE_MOST = 500
NEWEST = 2**62
DOCUMENTS_MOST = 6

DECISIONS: dict[ReviewState, VerificationStatus] = {
    ReviewState.APPROVED: VerificationStatus.APPROVED,
    ReviewState.REJECTED: VerificationStatus.REJECTED,
    ReviewState.INCOMPLETE: VerificationStatus.INCOMPLETE,
}


class Verifications:
    """One at a time waits. An approved one makes the account a person's or an organisation's; a person's may become an organisation's."""

    def __init__(self, db: Database, audit: Audit, desk: Desk, box: SecretBox, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._desk = desk
        self._box = box
        self._clock = clock

    async def apply(self, actor: Actor, account_id: int, draft: VerificationDraft) -> VerificationRow:
        """Hand in papers; what waits already is to be decided or withdrawn first."""
        demand(actor, Permission.ACCOUNT, account_id)
        plain = checked(draft)
        now = self._clock()
        async with self._db.transaction() as tx:
            account = await self._locked(tx, account_id)
            last = await verifications.newest(tx, account_id)
            if last is not None and last.status is VerificationStatus.PENDING:
                raise ControlError(
                    Fault.WRONG_STATE,
                    "认证正在审核：请等审核结果，或先撤回再重新提交。",
                    "A verification is under review: wait for the decision, or withdraw it and hand in again.",
                    why="verification_pending",
                )
            _no_way_back(account, plain)
            await documents.usable(tx, account_id, plain.documents)
            row = await verifications.add(
                tx,
                account_id=account_id,
                kind=plain.kind,
                name=plain.name,
                number_shown=plain.number if plain.kind is AccountKind.ENTERPRISE else masked_number(plain.number),
                number_sealed=self._box.seal(plain.number, _context(account_id)),
                documents=plain.documents,
                contact=plain.contact,
                remark=plain.remark,
                now=now,
            )
            await self._desk.submit(tx, actor, Submission(ReviewKind.ACCOUNT, row.id, account_id, title=row.name, facts=_facts(row)))
        return row

    async def urge(self, actor: Actor, account_id: int) -> ReviewRow:
        """Ask for a decision: at most once an hour."""
        demand(actor, Permission.ACCOUNT, account_id)
        async with self._db.transaction() as tx:
            return await self._desk.urge(tx, actor, ReviewKind.ACCOUNT, (await self._waiting(tx, account_id)).id)

    async def withdraw(self, actor: Actor, account_id: int) -> VerificationRow:
        """Take back what waits."""
        demand(actor, Permission.ACCOUNT, account_id)
        async with self._db.transaction() as tx:
            row = await self._waiting(tx, account_id)
            await self._desk.withdraw(tx, actor, ReviewKind.ACCOUNT, row.id)
            return await verifications.close(tx, row.id, VerificationStatus.WITHDRAWN, now=self._clock())

    async def page(self, actor: Actor, *, account_id: int | None = None, before_id: int = NEWEST, most: int = 100) -> list[VerificationRow]:
        """The newest first; an account's own, or for the operator all."""
        only = within(actor, account_id)
        demand(actor, Permission.READ, only)
        async with self._db.connection() as conn:
            return await verifications.page(conn, account_id=only, before_id=before_id, most=max(1, min(most, PAGE_MOST)))

    async def number(self, actor: Actor, verification_id: int) -> str:
        """The whole number, for the reviewer who compares it with the papers; that it was looked at is noted."""
        demand(actor, Permission.REVIEW)
        async with self._db.transaction() as tx:
            row = await verifications.lock(tx, verification_id)
            sealed = await verifications.sealed_number(tx, verification_id, account_id=actor.account_id)
            if row is None or sealed is None:
                raise not_found(Noun.VERIFICATION, verification_id)
            await self._audit.record(tx, actor, "account.reveal", verification_id, account_id=row.account_id)
        return self._box.open(sealed, _context(row.account_id))

    async def approve(self, actor: Actor, account_id: int, note: str = "") -> VerificationRow:
        """Decide on what waits."""
        return await self._decide(actor, account_id, ReviewState.APPROVED, (), note)

    async def reject(self, actor: Actor, account_id: int, codes: tuple[str, ...] = (), note: str = "") -> VerificationRow:
        """With reasons (`control.reasons`), a note, or both."""
        return await self._decide(actor, account_id, ReviewState.REJECTED, codes, note)

    async def _decide(self, actor: Actor, account_id: int, state: ReviewState, codes: tuple[str, ...], note: str) -> VerificationRow:
        demand(actor, Permission.REVIEW)
        async with self._db.transaction() as tx:
            row = await self._waiting(tx, account_id)
            review = await reviews.lock_open(tx, ReviewKind.ACCOUNT, row.id)
            if review is None:
                raise _nothing_waits(account_id)
            await self._desk.decide(tx, actor, self, review, state, codes=codes, note=note)
            return await verifications.lock(tx, row.id) or row

    async def decided(self, tx: Connection, actor: Actor, review: ReviewRow) -> str | None:
        """What follows from a decision: an approved one changes what the account is."""
        row = await verifications.lock(tx, review.subject_id)
        if row is None:
            raise not_found(Noun.VERIFICATION, review.subject_id)
        now = self._clock()
        await verifications.close(tx, row.id, DECISIONS[review.state], reasons=review.reasons, note=review.note, now=now)
        if review.state is not ReviewState.APPROVED:
            return None
        before = await self._locked(tx, row.account_id)
        await accounts.verify(tx, row.account_id, kind=row.kind, name=row.name, now=now)
        detail = {"name": row.name, "before": before.kind.name.lower(), "after": row.kind.name.lower()}
        await self._audit.record(tx, actor, "account.verified", row.account_id, account_id=row.account_id, detail=detail)
        return f"account {row.account_id} verified"

    async def _locked(self, tx: Connection, account_id: int) -> AccountRow:
        account = await accounts.lock(tx, account_id)
        if account is None:
            raise not_found(Noun.ACCOUNT, account_id)
        return account

    async def _waiting(self, tx: Connection, account_id: int) -> VerificationRow:
        await self._locked(tx, account_id)
        row = await verifications.newest(tx, account_id)
        if row is None or row.status is not VerificationStatus.PENDING:
            raise _nothing_waits(account_id)
        return row


def checked(draft: VerificationDraft) -> VerificationDraft:
    """In order and complete; raises ControlError."""
    number = draft.number.strip().upper()
    if draft.kind is AccountKind.ENTERPRISE and not is_credit_code(number):
        raise _invalid(
            "credit_code",
            "统一社会信用代码应为 18 位且校验位正确：请照证照核对。",
            "The credit code has 18 characters, the last of which is a check: compare it with the licence.",
        )
    if draft.kind is AccountKind.INDIVIDUAL and not is_identity_number(number):
        raise _invalid(
            "identity_number",
            "身份证号应为 18 位且校验位正确：请照证件核对。",
            "The identity number has 18 characters, the last of which is a check: compare it with the card.",
        )
    if not 1 <= len(draft.documents) <= DOCUMENTS_MOST:
        raise _invalid(
            "documents",
            f"请上传 1 到 {DOCUMENTS_MOST} 份证件文件：企业为营业执照，个人为身份证正反面。",
            f"1 to {DOCUMENTS_MOST} documents are needed: the licence of an enterprise, both sides of a person's card.",
        )
    return msgspec.structs.replace(
        draft,
        name=rules.name(draft.name),
        number=number,
        documents=tuple(dict.fromkeys(draft.documents)),
        contact=rules.reason(draft.contact),
        remark=rules.remark(draft.remark),
    )


async def demand_verified(tx: Connection, account_id: int) -> None:
    """Raises ControlError while nobody has looked at who the account is."""
    account = await accounts.get(tx, account_id)
    if account is not None and account.verified_at is None:
        raise ControlError(
            Fault.WRONG_STATE,
            f"账号 {account_id} 还未通过认证：请先提交认证资料并等待审核通过。",
            f"Account {account_id} is not verified yet: hand in its papers first, and wait for the decision.",
            why="account_not_verified",
        )


def _no_way_back(account: AccountRow, draft: VerificationDraft) -> None:
    if account.verified_at is not None and account.kind is AccountKind.ENTERPRISE and draft.kind is AccountKind.INDIVIDUAL:
        raise ControlError(
            Fault.NOT_ALLOWED,
            "企业账号不能改为个人账号：个人使用请另开账号。",
            "An enterprise account cannot become an individual's: open another account for that.",
            why="verification_downgrade",
        )


def _facts(row: VerificationRow) -> dict[str, Any]:
    return {
        "kind": row.kind.name.lower(), "name": row.name, "number": row.number_shown, "documents": row.documents, "contact": row.contact,
        "remark": row.remark,
    }  # fmt: skip


def _context(account_id: int) -> str:
    return f"identity of account {account_id}"


def _invalid(what: str, zh: str, en: str) -> ControlError:
    return ControlError(Fault.INVALID, zh, en, why=f"verification_{what}")


def _nothing_waits(account_id: int) -> ControlError:
    return ControlError(
        Fault.WRONG_STATE,
        f"账号 {account_id} 没有审核中的认证。",
        f"No verification of account {account_id} is under review.",
        why="not_pending",
    )
