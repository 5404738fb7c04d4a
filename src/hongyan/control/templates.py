"""Templates: approved bodies with placeholders."""

from collections.abc import Callable, Sequence

import msgspec

from hongyan.control import lint, rules
from hongyan.control.acts import allowed
from hongyan.control.apps import owned
from hongyan.control.audit import Audit
from hongyan.control.desk import Desk, Submission
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.linting import plain_draft
from hongyan.control.own_paper import not_approved, open_review, own_paper, same_scope
from hongyan.control.permissions import demand, within
from hongyan.control.words import for_review
from hongyan.kit.db import Connection, Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.message import Kind
from hongyan.model.papers import (
    TEMPLATE_ACTS,
    Act,
    Acts,
    ReviewKind,
    ReviewState,
    ReviewStatus,
    TemplateDraft,
)
from hongyan.model.rules.sets import RuleSet
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.model.words import Words
from hongyan.store import accounts, templates
from hongyan.store.reviews import ReviewRow
from hongyan.store.snapshots import publish
from hongyan.store.templates import TemplateRow

PAGE_MOST = 500


class Templates:
    """Applied for by an account, usable once approved."""

    def __init__(self, db: Database, audit: Audit, desk: Desk, clock: Callable[[], float], in_force: RuleSet) -> None:
        self._db = db
        self._audit = audit
        self._desk = desk
        self._clock = clock
        self._in_force = in_force

    # What an account does.

    async def add(self, actor: Actor, account_id: int, draft: TemplateDraft) -> TemplateRow:
        """Apply for one, for all of the account's applications or for one."""
        demand(actor, Permission.APPLY, account_id)
        words = await self._words()
        async with self._db.transaction() as tx:
            account = await accounts.lock(tx, account_id)
            if account is None:
                raise not_found(Noun.ACCOUNT, account_id)
            plain, advice = self._checked(draft, account.kind, words)
            await owned(tx, plain.app_id, account_id)
            if await templates.count(tx, account_id, plain.app_id) >= self._in_force.templates_most:
                raise _too_many(self._in_force.templates_most)
            row = await templates.add(tx, account_id, plain, ReviewStatus.PENDING, self._clock())
            return await self._submit(tx, actor, row, advice)

    async def change(self, actor: Actor, template_id: int, draft: TemplateDraft, *, acts: Acts = TEMPLATE_ACTS) -> TemplateRow:
        """Hand it in again with what the draft says. Its scope stays; what is approved cannot be changed."""
        demand(actor, Permission.APPLY)
        words = await self._words()
        async with self._db.transaction() as tx:
            row = await self._mine(tx, actor, template_id)
            allowed(Noun.TEMPLATE, template_id, row.status, Act.MODIFY, acts)
            account = await accounts.get(tx, row.account_id)
            if account is None:
                raise not_found(Noun.ACCOUNT, row.account_id)
            plain, advice = self._checked(draft, account.kind, words)
            if row.scope is not plain.scope:
                raise same_scope()
            await owned(tx, plain.app_id, row.account_id)
            written = await templates.write(tx, template_id, plain, self._clock())
            return await self._submit(tx, actor, row if written is None else written, advice)

    async def delete(self, actor: Actor, template_id: int, *, acts: Acts = TEMPLATE_ACTS) -> None:
        """For good; messages that were accepted with it are still sent."""
        demand(actor, Permission.APPLY)
        async with self._db.transaction() as tx:
            row = await self._mine(tx, actor, template_id)
            allowed(Noun.TEMPLATE, template_id, row.status, Act.DELETE, acts)
            await self._desk.withdraw(tx, actor, ReviewKind.TEMPLATE, template_id)
            await templates.remove(tx, template_id)
            detail = {"name": row.name, "status": row.status}
            await self._audit.record(tx, actor, "template.delete", template_id, account_id=row.account_id, detail=detail)
            if row.status is ReviewStatus.APPROVED:
                await publish(tx, f"template {template_id} deleted", self._clock())

    async def urge(self, actor: Actor, template_id: int) -> ReviewRow:
        """Ask for a decision: at most once an hour."""
        demand(actor, Permission.APPLY)
        async with self._db.transaction() as tx:
            row = await self._mine(tx, actor, template_id)
            allowed(Noun.TEMPLATE, template_id, row.status, Act.URGE, TEMPLATE_ACTS)
            return await self._desk.urge(tx, actor, ReviewKind.TEMPLATE, template_id)

    # What anybody who may looks at.

    async def get(self, actor: Actor, template_id: int) -> TemplateRow:
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            row = await templates.get(conn, template_id, account_id=actor.account_id)
        if row is None:
            raise not_found(Noun.TEMPLATE, template_id)
        return row

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
    ) -> list[TemplateRow]:
        """By id, at most 500; `ids` limits it to those, `app_id` to what that application may use."""
        only = within(actor, account_id)
        demand(actor, Permission.READ, only)
        async with self._db.connection() as conn:
            return await templates.page(
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

    async def total(self, actor: Actor, account_id: int, scope: Scope | None = None, app_id: int | None = None) -> int:
        """How many the account has, or one of its applications may use, whatever became of them."""
        demand(actor, Permission.READ, account_id)
        async with self._db.connection() as conn:
            return await templates.total(conn, account_id=account_id, scope=scope, app_id=app_id)

    # What the operator does.

    async def approve(self, actor: Actor, template_id: int, note: str = "") -> TemplateRow:
        """Decide on what waits; one that was rejected or taken out of use is put back."""
        demand(actor, Permission.REVIEW)
        async with self._db.transaction() as tx:
            row = await self._any(tx, template_id)
            if row.status is ReviewStatus.PENDING:
                review = await open_review(tx, ReviewKind.TEMPLATE, Noun.TEMPLATE, template_id)
                await self._desk.decide(tx, actor, self, review, ReviewState.APPROVED, note=note)
            elif row.status is not ReviewStatus.APPROVED:
                await self._put(tx, actor, row, ReviewStatus.APPROVED, "reinstate")
            return await self._any(tx, template_id)

    async def reject(self, actor: Actor, template_id: int, codes: Sequence[str] = (), note: str = "") -> TemplateRow:
        """With reasons (`control.reasons`), a note, or both."""
        demand(actor, Permission.REVIEW)
        async with self._db.transaction() as tx:
            await self._any(tx, template_id)
            review = await open_review(tx, ReviewKind.TEMPLATE, Noun.TEMPLATE, template_id)
            await self._desk.decide(tx, actor, self, review, ReviewState.REJECTED, codes=codes, note=note)
            return await self._any(tx, template_id)

    async def deactivate(self, actor: Actor, template_id: int) -> TemplateRow:
        """Take an approved one out of use; the account can only apply for another."""
        demand(actor, Permission.REVIEW)
        async with self._db.transaction() as tx:
            row = await self._any(tx, template_id)
            if row.status not in {ReviewStatus.APPROVED, ReviewStatus.INACTIVE}:
                raise not_approved(Noun.TEMPLATE, template_id)
            if row.status is ReviewStatus.APPROVED:
                await self._put(tx, actor, row, ReviewStatus.INACTIVE, "deactivate")
            return await self._any(tx, template_id)

    async def decided(self, tx: Connection, actor: Actor, review: ReviewRow) -> str | None:  # noqa: ARG002 - as every subject's
        """What follows from a decision on one of them."""
        status = ReviewStatus.APPROVED if review.state is ReviewState.APPROVED else ReviewStatus.REJECTED
        row = await templates.decide(tx, review.subject_id, status, reasons=review.reasons, note=review.note, now=self._clock())
        if row is None:
            raise not_found(Noun.TEMPLATE, review.subject_id)
        return f"template {row.id} approved" if status is ReviewStatus.APPROVED else None

    async def _put(self, tx: Connection, actor: Actor, row: TemplateRow, status: ReviewStatus, verb: str) -> None:
        await templates.decide(tx, row.id, status, reasons=row.reasons, note=row.note, now=self._clock())
        await self._audit.record(tx, actor, f"template.{verb}", row.id, account_id=row.account_id, detail={"name": row.name})
        await publish(tx, f"template {row.id} {status}", self._clock())

    async def _submit(self, tx: Connection, actor: Actor, row: TemplateRow, advice: list[lint.Finding]) -> TemplateRow:
        submission = Submission(
            kind=ReviewKind.TEMPLATE,
            subject_id=row.id,
            account_id=row.account_id,
            app_id=row.app_id,
            title=row.name,
            facts={
                "kind": row.kind, "scope": row.scope, "content": row.content, "variables": row.variables, "remark": row.remark,
                "advice": advice,
            },
            plain=row.kind is not Kind.MARKETING and not advice,
        )  # fmt: skip
        review = await self._desk.submit(tx, actor, submission)
        reason = await self.decided(tx, actor, review) if review.state is ReviewState.APPROVED else None
        if reason is not None:
            await publish(tx, reason, self._clock())
        return await self._any(tx, row.id)

    async def _words(self) -> Words:
        async with self._db.connection() as conn:
            return await for_review(conn)

    def _checked(self, draft: TemplateDraft, account: AccountKind, words: Words) -> tuple[TemplateDraft, list[lint.Finding]]:
        """The draft as it is kept, and what a reviewer should look at. Raises `rules.LintError` with all that is wrong."""
        looked_at = plain_draft(draft)
        findings = lint.template(looked_at, self._in_force, account, words)
        about = tuple(msgspec.structs.replace(variable, about=rules.remark(variable.about)) for variable in draft.variables)
        plain = msgspec.structs.replace(
            draft, name=rules.name(draft.name), content=looked_at.content, variables=about, remark=rules.remark(draft.remark)
        )
        return plain, rules.submit(findings)

    async def _mine(self, tx: Connection, actor: Actor, template_id: int) -> TemplateRow:
        return await own_paper(tx, templates, Noun.TEMPLATE, template_id, actor.account_id)

    async def _any(self, tx: Connection, template_id: int) -> TemplateRow:
        return await own_paper(tx, templates, Noun.TEMPLATE, template_id, None)


def _too_many(most: int) -> ControlError:
    return ControlError(
        Fault.TOO_MANY,
        f"每个应用最多 {most} 个模板：请先删除不用的。",
        f"An application has at most {most} templates: delete some that are not needed.",
        why="too_many_templates",
    )
