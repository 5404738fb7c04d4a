"""Purchases of packages: what was agreed on, and what became of it."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.money import PackageKind, PackageScope, PurchaseState
from hongyan.store import rows
from hongyan.store.offers import OfferRow
from hongyan.store.times import at, epoch


class PurchaseRow(msgspec.Struct, frozen=True):
    """What was agreed on is copied from the offer; amounts are in thousandths of a fen."""

    id: int
    account_id: int
    app_id: int
    offer_id: int
    name: str
    scope: PackageScope
    kind: PackageKind
    segments: int
    price_milli: int
    valid_days: int
    state: PurchaseState
    package_id: int | None
    """None until it is paid."""
    created_at: float
    paid_at: float | None
    cancelled_at: float | None
    refund_asked_at: float | None
    """When it was refunded; from then on nothing draws on the package."""
    refunded_at: float | None
    refunded_segments: int | None
    refund_milli: int | None
    """What is to be paid back."""
    repaid_at: float | None
    """When the operator noted that it was."""
    repaid_reference: str
    reason: str


TIMES = ("created_at", "paid_at", "cancelled_at", "refund_asked_at", "refunded_at", "repaid_at")
COLUMNS = (
    "id, account_id, app_id, offer_id, name, scope, kind, segments, price_milli, valid_days, state, package_id, refunded_segments, "
    f"refund_milli, repaid_reference, reason, {', '.join(map(epoch, TIMES))}"
)


async def add(conn: Connection, *, account_id: int, app_id: int, offer: OfferRow, now: float) -> PurchaseRow:
    """Of an offer as it is now; nobody has paid yet."""
    row = await conn.fetchrow(
        "insert into purchases (account_id, app_id, offer_id, name, scope, kind, segments, price_milli, valid_days, state, created_at) "
        f"values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', $10) returning {COLUMNS}",
        account_id, app_id, offer.id, offer.name, int(offer.scope), int(offer.kind), offer.segments, offer.price_milli, offer.valid_days,
        at(now),
    )  # fmt: skip
    return msgspec.convert(dict(row), PurchaseRow)


async def get(conn: Connection, purchase_id: int) -> PurchaseRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from purchases where id = $1", purchase_id), PurchaseRow)


async def lock(conn: Connection, purchase_id: int) -> PurchaseRow | None:
    """Kept from changing until the transaction ends."""
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from purchases where id = $1 for update", purchase_id), PurchaseRow)


async def pending(conn: Connection, account_id: int) -> int:
    """How many of an account's nobody has paid."""
    return int(await conn.fetchval("select count(*) from purchases where account_id = $1 and state = 'pending'", account_id))


async def page(conn: Connection, *, account_id: int | None, app_id: int | None, before_id: int, most: int) -> list[PurchaseRow]:
    """The newest first."""
    found = await conn.fetch(
        f"select {COLUMNS} from purchases where ($1::bigint is null or account_id = $1) and ($2::bigint is null or app_id = $2) "
        "and id < $3 order by id desc limit $4",
        account_id, app_id, before_id, most,
    )  # fmt: skip
    return rows.many(found, PurchaseRow)


async def refunding(conn: Connection, *, after_id: int, most: int) -> list[int]:
    """Those that are being refunded, in the order of their ids."""
    found = await conn.fetch("select id from purchases where state = 'refunding' and id > $1 order by id limit $2", after_id, most)
    return [row[0] for row in found]


async def paid(conn: Connection, purchase_id: int, package_id: int, now: float) -> PurchaseRow:
    row = await conn.fetchrow(
        f"update purchases set state = 'paid', package_id = $2, paid_at = $3 where id = $1 returning {COLUMNS}",
        purchase_id, package_id, at(now),
    )  # fmt: skip
    return msgspec.convert(dict(row), PurchaseRow)


async def cancelled(conn: Connection, purchase_id: int, reason: str, now: float) -> PurchaseRow:
    row = await conn.fetchrow(
        f"update purchases set state = 'cancelled', cancelled_at = $2, reason = $3 where id = $1 returning {COLUMNS}",
        purchase_id, at(now), reason,
    )  # fmt: skip
    return msgspec.convert(dict(row), PurchaseRow)


async def refund_asked(conn: Connection, purchase_id: int, reason: str, now: float) -> PurchaseRow:
    row = await conn.fetchrow(
        f"update purchases set state = 'refunding', refund_asked_at = $2, reason = $3 where id = $1 returning {COLUMNS}",
        purchase_id, at(now), reason,
    )  # fmt: skip
    return msgspec.convert(dict(row), PurchaseRow)


async def refunded(conn: Connection, purchase_id: int, *, segments: int, refund_milli: int, now: float) -> PurchaseRow:
    row = await conn.fetchrow(
        "update purchases set state = 'refunded', refunded_at = $2, refunded_segments = $3, refund_milli = $4 "
        f"where id = $1 returning {COLUMNS}",
        purchase_id, at(now), segments, refund_milli,
    )  # fmt: skip
    return msgspec.convert(dict(row), PurchaseRow)


async def repaid(conn: Connection, purchase_id: int, reference: str, now: float) -> PurchaseRow:
    row = await conn.fetchrow(
        f"update purchases set repaid_at = $2, repaid_reference = $3 where id = $1 returning {COLUMNS}",
        purchase_id, at(now), reference,
    )  # fmt: skip
    return msgspec.convert(dict(row), PurchaseRow)
