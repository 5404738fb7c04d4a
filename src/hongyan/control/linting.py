"""What would be said against a draft, with the account's kind, the rules in force and the words of now; nothing is kept."""

from hongyan.control import lint
from hongyan.control.errors import Noun, not_found
from hongyan.control.permissions import demand
from hongyan.control.words import for_review
from hongyan.kit.db import Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.papers import SignatureDraft, TemplateDraft
from hongyan.model.rules.sets import RuleSet
from hongyan.store import accounts


class Linting:
    """As applying looks at it, before anything is submitted."""

    def __init__(self, db: Database, in_force: RuleSet) -> None:
        self._db = db
        self._in_force = in_force

    async def signature(self, actor: Actor, account_id: int, draft: SignatureDraft) -> list[lint.Finding]:
        demand(actor, Permission.READ, account_id)
        async with self._db.connection() as conn:
            account = await accounts.get(conn, account_id)
            if account is None:
                raise not_found(Noun.ACCOUNT, account_id)
            words = await for_review(conn)
        return lint.signature(lint.SignatureDraft(draft.name, draft.scope), self._in_force, account.kind, words)

    async def template(self, actor: Actor, account_id: int, draft: TemplateDraft) -> list[lint.Finding]:
        demand(actor, Permission.READ, account_id)
        async with self._db.connection() as conn:
            account = await accounts.get(conn, account_id)
            if account is None:
                raise not_found(Noun.ACCOUNT, account_id)
            words = await for_review(conn)
        types = tuple(variable.type for variable in draft.variables)
        plain = lint.TemplateDraft(draft.content.strip(), draft.kind, draft.scope, types)
        return lint.template(plain, self._in_force, account.kind, words)
