"""What would be said against a draft, with the account's kind, the rules in force and the words of now; nothing is kept."""

from hongyan.control import lint
from hongyan.control.errors import Noun, not_found
from hongyan.control.permissions import demand
from hongyan.control.words import for_review
from hongyan.kit.db import Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.papers import SignatureDraft, TemplateDraft
from hongyan.model.rules.sets import RuleSet
from hongyan.model.snapshot import AccountKind
from hongyan.model.words import Words
from hongyan.store import accounts


class Linting:
    """As applying looks at it, before anything is submitted."""

    def __init__(self, db: Database, in_force: RuleSet) -> None:
        self._db = db
        self._in_force = in_force

    async def signature(self, actor: Actor, account_id: int, draft: SignatureDraft) -> list[lint.Finding]:
        demand(actor, Permission.READ, account_id)
        kind, words = await self._of(account_id)
        return lint.signature(lint.SignatureDraft(draft.name, draft.scope), self._in_force, kind, words)

    async def template(self, actor: Actor, account_id: int, draft: TemplateDraft) -> list[lint.Finding]:
        demand(actor, Permission.READ, account_id)
        kind, words = await self._of(account_id)
        return lint.template(plain_draft(draft), self._in_force, kind, words)

    async def _of(self, account_id: int) -> tuple[AccountKind, Words]:
        async with self._db.connection() as conn:
            account = await accounts.get(conn, account_id)
            if account is None:
                raise not_found(Noun.ACCOUNT, account_id)
            return account.kind, await for_review(conn)


def plain_draft(draft: TemplateDraft) -> lint.TemplateDraft:
    """What is looked at of a template."""
    types = tuple(variable.type for variable in draft.variables)
    longests = tuple(variable.longest for variable in draft.variables)
    return lint.TemplateDraft(draft.content.strip(), draft.kind, draft.scope, types, longests)
