"""What is for sale: packages by name, size and price."""

from collections.abc import Mapping

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.money import PackageKind, PackageScope
from hongyan.store import rows
from hongyan.store.times import at, epoch


class OfferRow(msgspec.Struct, frozen=True):
    id: int
    name: str
    scope: PackageScope
    kind: PackageKind
    segments: int
    """For voice: calls."""
    price_milli: int
    """Of the whole package, in thousandths of a fen; whole fen."""
    valid_days: int
    on_sale: bool
    created_at: float


COLUMNS = f"id, name, scope, kind, segments, price_milli, valid_days, on_sale, {epoch('created_at')}"
CHANGEABLE = frozenset({"name", "price_milli", "valid_days", "on_sale"})


async def add(conn: Connection, offer: OfferRow) -> OfferRow:
    """With an id of its own. Raises `UniqueViolation` when the name is taken."""
    row = await conn.fetchrow(
        "insert into offers (name, scope, kind, segments, price_milli, valid_days, on_sale, created_at) "
        f"values ($1, $2, $3, $4, $5, $6, $7, $8) returning {COLUMNS}",
        offer.name, int(offer.scope), int(offer.kind), offer.segments, offer.price_milli, offer.valid_days, offer.on_sale,
        at(offer.created_at),
    )  # fmt: skip
    return msgspec.convert(dict(row), OfferRow)


async def get(conn: Connection, offer_id: int) -> OfferRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from offers where id = $1", offer_id), OfferRow)


async def page(conn: Connection, *, only_on_sale: bool, after_id: int, most: int) -> list[OfferRow]:
    """In the order of their ids."""
    found = await conn.fetch(
        f"select {COLUMNS} from offers where (on_sale or not $1) and id > $2 order by id limit $3", only_on_sale, after_id, most
    )
    return rows.many(found, OfferRow)


async def change(conn: Connection, offer_id: int, fields: Mapping[str, object]) -> OfferRow | None:
    """Set columns by name; raises KeyError for one that is not there to be changed."""
    if unknown := fields.keys() - CHANGEABLE:
        raise KeyError(*sorted(unknown))
    settings = ", ".join(f"{column} = ${n}" for n, column in enumerate(fields, start=2))
    row = await conn.fetchrow(f"update offers set {settings} where id = $1 returning {COLUMNS}", offer_id, *fields.values())
    return rows.one(row, OfferRow)
