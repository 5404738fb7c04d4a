"""Templates: approved bodies with placeholders."""

from collections.abc import Sequence

import msgspec

from hongyan.control import lint, rules
from hongyan.control.acts import allowed
from hongyan.control.apps import owned
from hongyan.control.desk import Submission
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.linting import plain_draft
from hongyan.control.own_paper import same_scope
from hongyan.control.permissions import demand, within
from hongyan.control.reviewed import Reviewed
from hongyan.control.words import for_review
from hongyan.kit.db import Connection, UniqueViolation
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
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.model.words import Words
from hongyan.store import accounts, signatures, templates
from hongyan.store.reviews import ReviewRow
from hongyan.store.snapshots import publish
from hongyan.store.templates import TemplateRow

PAGE_MOST = 500


class Templates(Reviewed[TemplateRow]):
    """Applied for by an account, usable once approved."""

    _kind = ReviewKind.TEMPLATE
    _noun = Noun.TEMPLATE
    _acts = TEMPLATE_ACTS
    _shelf = templates

    # What an account does.

    async def add(self, actor: Actor, account_id: int, draft: TemplateDraft, *, submit: bool = True, only: bool = False) -> TemplateRow:
        """Apply for one, for all of the account's applications or for one.

        Without `submit` it is saved and not looked at before it is handed in by `change`; with `only` a second of its name is refused.
        """
        demand(actor, Permission.APPLY, account_id)
        words = await self._words()
        try:
            async with self._db.transaction() as tx:
                account = await accounts.lock(tx, account_id)
                if account is None:
                    raise not_found(Noun.ACCOUNT, account_id)
                plain, advice = self._checked(draft, account.kind, words, submit=submit)
                await _owned(tx, plain, account_id)
                if only and await templates.named(tx, account_id, plain.app_id, plain.name):
                    raise _name_taken(plain.name)
                if await templates.count(tx, account_id, plain.app_id) >= self._in_force.templates_most:
                    raise _too_many(self._in_force.templates_most)
                status = ReviewStatus.PENDING if submit else ReviewStatus.DRAFT
                row = await templates.add(tx, account_id, plain, status, self._clock())
                return await self._put_in(tx, actor, row, advice)
        except UniqueViolation as fault:
            raise _alias_taken(draft.alias) from fault

    async def change(
        self, actor: Actor, template_id: int, draft: TemplateDraft, *, acts: Acts = TEMPLATE_ACTS, submit: bool = True
    ) -> TemplateRow:
        """Hand it in again with what the draft says, or without `submit` save it. Its scope stays.

        What is approved cannot be changed, but for its name.
        """
        demand(actor, Permission.APPLY)
        words = await self._words()
        try:
            async with self._db.transaction() as tx:
                row = await self._mine(tx, actor, template_id)
                if Act.RENAME in acts[row.status]:
                    return await self._rename(tx, actor, row, draft)
                allowed(Noun.TEMPLATE, template_id, row.status, Act.MODIFY, acts)
                account = await accounts.get(tx, row.account_id)
                if account is None:
                    raise not_found(Noun.ACCOUNT, row.account_id)
                plain, advice = self._checked(draft, account.kind, words, submit=submit)
                if row.scope is not plain.scope:
                    raise same_scope()
                await _owned(tx, plain, row.account_id)
                if not submit:
                    await self._desk.withdraw(tx, actor, ReviewKind.TEMPLATE, template_id)
                status = ReviewStatus.PENDING if submit else ReviewStatus.DRAFT
                written = await templates.write(tx, template_id, plain, status, self._clock())
                return await self._put_in(tx, actor, row if written is None else written, advice)
        except UniqueViolation as fault:
            raise _alias_taken(draft.alias) from fault

    async def stop(self, actor: Actor, template_id: int) -> TemplateRow:
        """Take an approved one out of use; it can be changed then, and handed in again."""
        demand(actor, Permission.APPLY)
        async with self._db.transaction() as tx:
            row = await self._mine(tx, actor, template_id)
            allowed(Noun.TEMPLATE, template_id, row.status, Act.STOP, TEMPLATE_ACTS)
            stopped = await templates.set_status(tx, template_id, ReviewStatus.STOPPED)
            await self._audit.record(tx, actor, "template.stop", template_id, account_id=row.account_id, detail={"name": row.name})
            await publish(tx, f"template {template_id} stopped", self._clock())
        return row if stopped is None else stopped

    async def _rename(self, tx: Connection, actor: Actor, row: TemplateRow, draft: TemplateDraft) -> TemplateRow:
        name = rules.name(draft.name)
        if any(getattr(row, field) != getattr(draft, field) for field in REVIEWED) or row.content != draft.content.strip():
            raise ControlError(
                Fault.WRONG_STATE,
                f"模板 {row.id} 已通过，只能改名称：要改内容请先停用，或另外申请一个。",
                f"The template {row.id} is approved: nothing but its name can be changed. Stop it first, or apply for another.",
                why="template_approved",
            )
        renamed = await templates.rename(tx, row.id, name)
        await self._audit.record(tx, actor, "template.rename", row.id, account_id=row.account_id, detail={"from": row.name, "to": name})
        return row if renamed is None else renamed

    async def _put_in(self, tx: Connection, actor: Actor, row: TemplateRow, advice: list[lint.Finding]) -> TemplateRow:
        if row.status is not ReviewStatus.DRAFT:
            return await self._submit(tx, actor, row, advice)
        await self._audit.record(tx, actor, "template.save", row.id, account_id=row.account_id, detail={"name": row.name})
        return row

    async def name(self, actor: Actor, template_id: int, alias: str) -> TemplateRow:
        """Another id, by which a program that was written for another platform knows it; empty for none. It is not reviewed."""
        demand(actor, Permission.APPLY)
        plain = rules.alias(alias)
        now = self._clock()
        try:
            async with self._db.transaction() as tx:
                row = await self._mine(tx, actor, template_id)
                named = await templates.set_alias(tx, template_id, plain)
                await self._audit.record(tx, actor, "template.name", template_id, account_id=row.account_id, detail={"alias": plain})
                await publish(tx, f"template {template_id} named", now)
        except UniqueViolation as fault:
            raise _alias_taken(plain) from fault
        return row if named is None else named

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

    # What follows from decisions.

    async def decided(self, tx: Connection, actor: Actor, review: ReviewRow) -> str | None:  # noqa: ARG002 - as every subject's
        """What follows from a decision on one of them."""
        status = ReviewStatus.APPROVED if review.state is ReviewState.APPROVED else ReviewStatus.REJECTED
        row = await templates.decide(tx, review.subject_id, status, reasons=review.reasons, note=review.note, now=self._clock())
        if row is None:
            raise not_found(Noun.TEMPLATE, review.subject_id)
        return f"template {row.id} approved" if status is ReviewStatus.APPROVED else None

    async def _set_status(self, tx: Connection, row: TemplateRow, status: ReviewStatus) -> None:
        await templates.decide(tx, row.id, status, reasons=row.reasons, note=row.note, now=self._clock())

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

    def _checked(
        self, draft: TemplateDraft, account: AccountKind, words: Words, *, submit: bool
    ) -> tuple[TemplateDraft, list[lint.Finding]]:
        """The draft as it is kept, and what a reviewer should look at. Raises `rules.LintError` with all that is wrong.

        What is not handed in yet may be wrong in any way but its length.
        """
        looked_at = plain_draft(draft)
        findings = lint.template(looked_at, self._in_force, account, words)
        if not submit:
            findings = [finding for finding in findings if finding.code is lint.Flaw.TOO_LONG]
        about = tuple(msgspec.structs.replace(variable, about=rules.remark(variable.about)) for variable in draft.variables)
        plain = msgspec.structs.replace(
            draft,
            name=rules.name(draft.name),
            content=looked_at.content,
            variables=about,
            remark=rules.remark(draft.remark),
            alias=rules.alias(draft.alias),
        )
        return plain, rules.submit(findings)


REVIEWED = ("app_id", "kind", "scope", "variables", "signature_id", "universal", "square_brackets")
"""With the content, what a reviewer has approved."""


def _name_taken(name: str) -> ControlError:
    return ControlError(
        Fault.TAKEN,
        f"该应用已有名为“{name}”的模板：请换个名称。",
        f"The application has a template named “{name}” already: choose another name.",
        why="template_name_taken",
    )


async def _owned(tx: Connection, draft: TemplateDraft, account_id: int) -> None:
    """Refuse an application or a signature that is not the account's."""
    await owned(tx, draft.app_id, account_id)
    if draft.signature_id is None:
        return
    if draft.universal:
        raise ControlError(
            Fault.INVALID,
            "通用模板不绑定签名：请去掉 signature_id，或不要设为通用。",
            "A universal template is bound to no signature: leave out signature_id, or do not make it universal.",
            why="universal_and_bound",
        )
    if await signatures.get(tx, draft.signature_id, account_id=account_id) is None:
        raise not_found(Noun.SIGNATURE, draft.signature_id)


def _alias_taken(alias: str) -> ControlError:
    return ControlError(
        Fault.TAKEN,
        f"该账号已有别名为 {alias} 的模板：请换一个。",
        f"The account has a template with the alias {alias} already: choose another one.",
        why="alias_taken",
    )


def _too_many(most: int) -> ControlError:
    return ControlError(
        Fault.TOO_MANY,
        f"每个应用最多 {most} 个模板：请先删除不用的。",
        f"An application has at most {most} templates: delete some that are not needed.",
        why="too_many_templates",
    )
