"""What an account has, as lists with filters, sorting and a total ask for it, each with what stands beside it."""

import msgspec

from hongyan.control.errors import Noun, not_found
from hongyan.control.permissions import demand
from hongyan.control.signatures import Signature, shown
from hongyan.kit.db import Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.listing import AppsWanted, Cut, SignaturesWanted, TemplatesWanted
from hongyan.store import apps, inventory, qualifications, signatures, templates
from hongyan.store.apps import AppRow
from hongyan.store.inventory import AppListed, SignatureListed, TemplateListed
from hongyan.store.templates import TemplateRow

PAGE_MOST = 500
ONE = Cut(most=1)


class AppEntry(msgspec.Struct, frozen=True):
    row: AppRow
    beside: AppListed


class SignatureEntry(msgspec.Struct, frozen=True):
    signature: Signature
    beside: SignatureListed


class TemplateEntry(msgspec.Struct, frozen=True):
    row: TemplateRow
    beside: TemplateListed


class Inventory:
    """Lists of at most 500, and how many there are in all."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def apps(self, actor: Actor, account_id: int, wanted: AppsWanted, cut: Cut) -> tuple[list[AppEntry], int]:
        demand(actor, Permission.READ, account_id)
        async with self._db.connection() as conn:
            found, total = await inventory.apps(conn, account_id, wanted, _bounded(cut))
            rows = await apps.some(conn, [each.id for each in found])
        return [AppEntry(rows[each.id], each) for each in found if each.id in rows], total

    async def app(self, actor: Actor, account_id: int, app_id: int) -> AppEntry:
        found, _total = await self.apps(actor, account_id, AppsWanted(id=app_id), ONE)
        if not found:
            raise not_found(Noun.APP, app_id)
        return found[0]

    async def signatures(self, actor: Actor, account_id: int, wanted: SignaturesWanted, cut: Cut) -> tuple[list[SignatureEntry], int]:
        demand(actor, Permission.READ, account_id)
        async with self._db.connection() as conn:
            found, total = await inventory.signatures(conn, account_id, wanted, _bounded(cut))
            ids = [each.id for each in found]
            rows = {row.id: row for row in await signatures.page(conn, account_id=account_id, ids=ids, most=PAGE_MOST)}
            resting = sorted({row.qualification_id for row in rows.values() if row.qualification_id is not None})
            known = await qualifications.some(conn, resting)
        entries = [
            SignatureEntry(shown(row, None if row.qualification_id is None else known.get(row.qualification_id)), each)
            for each in found
            if (row := rows.get(each.id)) is not None
        ]
        return entries, total

    async def signature(self, actor: Actor, account_id: int, signature_id: int) -> SignatureEntry:
        found, _total = await self.signatures(actor, account_id, SignaturesWanted(id=signature_id), ONE)
        if not found:
            raise not_found(Noun.SIGNATURE, signature_id)
        return found[0]

    async def templates(self, actor: Actor, account_id: int, wanted: TemplatesWanted, cut: Cut) -> tuple[list[TemplateEntry], int]:
        demand(actor, Permission.READ, account_id)
        async with self._db.connection() as conn:
            found, total = await inventory.templates(conn, account_id, wanted, _bounded(cut))
            ids = [each.id for each in found]
            rows = {row.id: row for row in await templates.page(conn, account_id=account_id, ids=ids, most=PAGE_MOST)}
        return [TemplateEntry(rows[each.id], each) for each in found if each.id in rows], total

    async def template(self, actor: Actor, account_id: int, template_id: int) -> TemplateEntry:
        found, _total = await self.templates(actor, account_id, TemplatesWanted(id=template_id), ONE)
        if not found:
            raise not_found(Noun.TEMPLATE, template_id)
        return found[0]


def _bounded(cut: Cut) -> Cut:
    return msgspec.structs.replace(cut, most=max(0, min(cut.most, PAGE_MOST)), offset=max(0, cut.offset))
