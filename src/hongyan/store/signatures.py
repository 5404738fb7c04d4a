"""Signatures under review and after it."""

import enum

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.snapshot import Scope
from hongyan.store import rows
from hongyan.store.times import at, epoch


class ReviewStatus(enum.StrEnum):
    """Where a signature or template stands in review; only approved ones can be sent with."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    INACTIVE = "inactive"


class SignatureRow(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    app_id: int | None
    name: str
    scope: Scope
    status: ReviewStatus
    created_at: float


COLUMNS = f"id, account_id, app_id, name, scope, status, {epoch('created_at')}"

APPLY = f"""
insert into signatures as s (account_id, app_id, name, scope, status, created_at) values ($1, $2, $3, $4, $5, $6)
on conflict on constraint signatures_account_name_scope_key do update
   set app_id = excluded.app_id, status = excluded.status, created_at = excluded.created_at
 where s.status in ('rejected', 'inactive')
returning {COLUMNS}
"""


async def apply(
    conn: Connection, *, account_id: int, app_id: int | None, name: str, scope: Scope, status: ReviewStatus, now: float
) -> SignatureRow | None:
    """A new one, or a rejected or inactive one again; None when it is pending or approved already."""
    row = await conn.fetchrow(APPLY, account_id, app_id, name, int(scope), status.value, at(now))
    return rows.one(row, SignatureRow)


async def lock(conn: Connection, signature_id: int) -> SignatureRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from signatures where id = $1 for no key update", signature_id), SignatureRow)


async def set_status(conn: Connection, signature_id: int, status: ReviewStatus) -> SignatureRow | None:
    return rows.one(
        await conn.fetchrow(f"update signatures set status = $2 where id = $1 returning {COLUMNS}", signature_id, status.value),
        SignatureRow,
    )


async def find(conn: Connection, *, account_id: int | None, status: ReviewStatus | None) -> list[SignatureRow]:
    """Those of an account and in a status; None means any."""
    found = await conn.fetch(
        f"select {COLUMNS} from signatures where ($1::bigint is null or account_id = $1) and ($2::text is null or status = $2) "
        "order by id",
        account_id, status and status.value,
    )  # fmt: skip
    return rows.many(found, SignatureRow)
