"""Templates under review and after it."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.message import Kind
from hongyan.model.snapshot import Scope
from hongyan.store import rows
from hongyan.store.signatures import ReviewStatus
from hongyan.store.times import at, epoch


class TemplateRow(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    app_id: int | None
    name: str
    kind: Kind
    scope: Scope
    content: str
    status: ReviewStatus
    created_at: float


COLUMNS = f"id, account_id, app_id, name, kind, scope, content, status, {epoch('created_at')}"


async def add(
    conn: Connection,
    *,
    account_id: int,
    app_id: int | None,
    name: str,
    kind: Kind,
    scope: Scope,
    content: str,
    status: ReviewStatus,
    now: float,
) -> TemplateRow:
    row = await conn.fetchrow(
        "insert into templates (account_id, app_id, name, kind, scope, content, status, created_at) "
        f"values ($1, $2, $3, $4, $5, $6, $7, $8) returning {COLUMNS}",
        account_id, app_id, name, int(kind), int(scope), content, status.value, at(now),
    )  # fmt: skip
    return msgspec.convert(dict(row), TemplateRow)


async def lock(conn: Connection, template_id: int) -> TemplateRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from templates where id = $1 for no key update", template_id), TemplateRow)


async def set_status(conn: Connection, template_id: int, status: ReviewStatus) -> TemplateRow | None:
    return rows.one(
        await conn.fetchrow(f"update templates set status = $2 where id = $1 returning {COLUMNS}", template_id, status.value),
        TemplateRow,
    )


async def find(conn: Connection, *, account_id: int | None, status: ReviewStatus | None) -> list[TemplateRow]:
    """Those of an account and in a status; None means any."""
    found = await conn.fetch(
        f"select {COLUMNS} from templates where ($1::bigint is null or account_id = $1) and ($2::text is null or status = $2) "
        "order by id",
        account_id, status and status.value,
    )  # fmt: skip
    return rows.many(found, TemplateRow)
