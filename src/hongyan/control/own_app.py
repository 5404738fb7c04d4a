"""The platform's own application: with it the platform sends messages of its own, such as alarms, on the same path as everybody."""

from collections.abc import Callable, Mapping

import msgspec

from hongyan.control import stock, tokens
from hongyan.control.apps import issue
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.message import Kind
from hongyan.model.papers import ReviewStatus, TemplateDraft
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.store import accounts, apps, templates
from hongyan.store.snapshots import publish

ACCOUNT = "hongyan platform"
"""No customer's account can have this name."""
APP = "alarms"
SEGMENTS = 1_000_000

Texts = Mapping[str, Mapping[Scope, str]]
"""By name and scope: the texts of its templates."""


class OwnApp(msgspec.Struct, frozen=True):
    account_id: int
    app_id: int
    sign_name: str
    templates: dict[tuple[str, Scope], int]


class OwnApps:
    """Makes the application when it is first needed, and puts back what has been used up or taken away."""

    def __init__(
        self, db: Database, box: SecretBox, *, clock: Callable[[], float], entropy: tokens.Entropy, sign_name: str, texts: Texts
    ) -> None:
        self._db = db
        self._box = box
        self._clock = clock
        self._entropy = entropy
        self._sign_name = sign_name
        self._texts = texts

    async def ensure(self) -> OwnApp:
        """Complete: approved signature and templates, packages, and the default limits, so that nobody is flooded with alarms."""
        now = self._clock()
        async with self._db.transaction() as tx:
            account = await accounts.ensure(tx, name=ACCOUNT, kind=AccountKind.ENTERPRISE, now=now)
            made: list[str] = []
            app_id = await self._app(tx, account.id, now, made)
            await stock.signature(tx, account.id, self._sign_name, made=made, now=now)
            ids = await self._templates(tx, account.id, now, made)
            await stock.segments(tx, app_id, SEGMENTS, note="own messages", made=made, now=now)
            if made:
                await publish(tx, "own application: " + ", ".join(made), now)
        return OwnApp(account.id, app_id, self._sign_name, ids)

    async def _app(self, tx: Connection, account_id: int, now: float, made: list[str]) -> int:
        app = await apps.named(tx, account_id, APP)
        if app is not None:
            return app.id
        made.append("application")
        issued = await issue(tx, self._box, self._entropy, account_id=account_id, name=APP, pull=False, now=now)
        return issued.app.id

    async def _templates(self, tx: Connection, account_id: int, now: float, made: list[str]) -> dict[tuple[str, Scope], int]:
        found = await templates.approved(tx, account_id)
        there = {(row.name, row.scope, row.content): row.id for row in found}
        ids: dict[tuple[str, Scope], int] = {}
        for name, texts in self._texts.items():
            for scope, content in texts.items():
                template_id = there.get((name, scope, content))
                if template_id is None:
                    made.append(f"template {name}")
                    draft = TemplateDraft(name=name, kind=Kind.NOTICE, scope=scope, content=content)
                    added = await templates.add(tx, account_id, draft, ReviewStatus.APPROVED, now)
                    template_id = added.id
                ids[name, scope] = template_id
        return ids
