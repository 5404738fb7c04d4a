"""Templates: approved bodies with placeholders."""

from collections.abc import Callable

import msgspec

from hongyan.control import rules
from hongyan.control.apps import owned
from hongyan.control.errors import Noun, not_found
from hongyan.control.review import decided
from hongyan.kit.db import Database
from hongyan.model.message import Kind
from hongyan.model.rules.sets import RuleSet
from hongyan.model.snapshot import Scope
from hongyan.store import accounts, templates
from hongyan.store.signatures import ReviewStatus
from hongyan.store.snapshots import publish
from hongyan.store.templates import TemplateRow


class Templates:
    """Applied for by an account, usable once approved."""

    def __init__(self, db: Database, clock: Callable[[], float], in_force: RuleSet) -> None:
        self._db = db
        self._clock = clock
        self._in_force = in_force

    async def add(self, account_id: int, *, name: str, kind: Kind, scope: Scope, content: str, app_id: int | None = None) -> TemplateRow:
        """Apply for one, for all of the account's applications or for one."""
        plain_name = rules.name(name)
        now = self._clock()
        async with self._db.transaction() as tx:
            account = await accounts.get(tx, account_id)
            if account is None:
                raise not_found(Noun.ACCOUNT, account_id)
            body = rules.template(content, kind, scope, account.kind, self._in_force)
            await owned(tx, app_id, account_id)
            template = await templates.add(
                tx,
                account_id=account_id,
                app_id=app_id,
                name=plain_name,
                kind=kind,
                scope=scope,
                content=body,
                status=ReviewStatus.PENDING,
                now=now,
            )
            await publish(tx, f"template {template.id} applied for", now)
        return template

    async def every(self, account_id: int | None = None, status: ReviewStatus | None = None) -> list[TemplateRow]:
        """Those of an account and in a status; None means any."""
        async with self._db.connection() as conn:
            return await templates.find(conn, account_id=account_id, status=status)

    async def approve(self, template_id: int) -> TemplateRow:
        return await self._decide(template_id, ReviewStatus.APPROVED)

    async def reject(self, template_id: int) -> TemplateRow:
        return await self._decide(template_id, ReviewStatus.REJECTED)

    async def deactivate(self, template_id: int) -> TemplateRow:
        return await self._decide(template_id, ReviewStatus.INACTIVE)

    async def _decide(self, template_id: int, decision: ReviewStatus) -> TemplateRow:
        now = self._clock()
        async with self._db.transaction() as tx:
            template = await templates.lock(tx, template_id)
            if template is None:
                raise not_found(Noun.TEMPLATE, template_id)
            if decided(Noun.TEMPLATE, template_id, template.status, decision):
                await templates.set_status(tx, template_id, decision)
                await publish(tx, f"template {template_id} {decision}", now)
        return msgspec.structs.replace(template, status=decision)
