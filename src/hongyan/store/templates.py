"""Templates under review and after it."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.model.message import Kind
from hongyan.model.papers import ReviewStatus, Submitted, TemplateDraft, Variable
from hongyan.model.snapshot import Scope
from hongyan.store.signatures import COUNTED
from hongyan.store.times import at, epoch


class TemplateRow(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    app_id: int | None
    name: str
    kind: Kind
    scope: Scope
    content: str
    variables: tuple[Variable, ...]
    remark: str
    status: ReviewStatus
    reasons: tuple[str, ...]
    """Of the last refusal, by their codes."""
    note: str
    """What the reviewer wrote."""
    created_at: float
    submitted_at: float
    decided_at: float | None
    signature_id: int | None = None
    """The one signature it is for; None for any."""
    universal: bool = False
    """For any signature, which requests then name."""
    alias: str = ""
    """Another id, unique in its account."""
    square_brackets: bool = False
    """The signature stands in [] and not in 【】."""
    submitted: Submitted | None = None
    """As a vendor's API was told it, where that has other words."""


COLUMNS = (
    f"id, account_id, app_id, name, kind, scope, content, variables, remark, status, reasons, note, {epoch('created_at')}, "
    "extract(epoch from coalesce(submitted_at, created_at) at time zone 'UTC')::float8 as submitted_at, "
    f"{epoch('decided_at')}, signature_id, universal, alias, square_brackets, submitted"
)


def _one(row: Row) -> TemplateRow:
    told = {name: None if row[name] is None else msgspec.json.decode(row[name]) for name in ("variables", "submitted")}
    return msgspec.convert(dict(row) | told, TemplateRow)


def _maybe(row: Row | None) -> TemplateRow | None:
    return None if row is None else _one(row)


async def add(conn: Connection, account_id: int, draft: TemplateDraft, status: ReviewStatus, now: float) -> TemplateRow:
    """Raises `UniqueViolation` when the account has another of that alias."""
    row = await conn.fetchrow(
        "insert into templates (account_id, app_id, name, kind, scope, content, variables, remark, status, created_at, submitted_at, "
        "decided_at, signature_id, universal, alias, square_brackets, submitted) "
        f"values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $10, $11, $12, $13, $14, $15, $16::jsonb) returning {COLUMNS}",
        account_id, draft.app_id, draft.name, int(draft.kind), int(draft.scope), draft.content, _variables(draft), draft.remark,
        status.value, at(now), at(now) if status is ReviewStatus.APPROVED else None, draft.signature_id, draft.universal, draft.alias,
        draft.square_brackets, _submitted(draft),
    )  # fmt: skip
    return _one(row)


def _variables(draft: TemplateDraft) -> str:
    return msgspec.json.encode(draft.variables).decode()


def _submitted(draft: TemplateDraft) -> str | None:
    return None if draft.submitted is None else msgspec.json.encode(draft.submitted).decode()


async def write(conn: Connection, template_id: int, draft: TemplateDraft, status: ReviewStatus, now: float) -> TemplateRow | None:
    """Make it say what the draft says, handed in again or saved. Raises `UniqueViolation` when the account has another of that alias."""
    return _maybe(
        await conn.fetchrow(
            "update templates set app_id = $2, name = $3, kind = $4, content = $5, variables = $6::jsonb, remark = $7, "
            "submitted_at = $8, signature_id = $9, universal = $10, alias = $11, status = $12, square_brackets = $13, "
            f"submitted = $14::jsonb where id = $1 returning {COLUMNS}",
            template_id, draft.app_id, draft.name, int(draft.kind), draft.content, _variables(draft), draft.remark, at(now),
            draft.signature_id, draft.universal, draft.alias, status.value, draft.square_brackets, _submitted(draft),
        )
    )  # fmt: skip


async def rename(conn: Connection, template_id: int, name: str) -> TemplateRow | None:
    return _maybe(await conn.fetchrow(f"update templates set name = $2 where id = $1 returning {COLUMNS}", template_id, name))


async def set_status(conn: Connection, template_id: int, status: ReviewStatus) -> TemplateRow | None:
    return _maybe(await conn.fetchrow(f"update templates set status = $2 where id = $1 returning {COLUMNS}", template_id, status.value))


async def named(conn: Connection, account_id: int, app_id: int | None, name: str) -> bool:
    """Whether the account has one of this name for this application, or for all (None)."""
    found = await conn.fetchval(
        "select exists (select from templates where account_id = $1 and app_id is not distinct from $2 and name = $3)",
        account_id, app_id, name,
    )  # fmt: skip
    return bool(found)


async def of_signature(conn: Connection, signature_id: int) -> list[TemplateRow]:
    """Those that are for this signature alone, kept from changing until the transaction ends."""
    found = await conn.fetch(f"select {COLUMNS} from templates where signature_id = $1 order by id for no key update", signature_id)
    return [_one(row) for row in found]


async def set_alias(conn: Connection, template_id: int, alias: str) -> TemplateRow | None:
    """Raises `UniqueViolation` when the account has another of that alias."""
    return _maybe(await conn.fetchrow(f"update templates set alias = $2 where id = $1 returning {COLUMNS}", template_id, alias))


async def lock(conn: Connection, template_id: int, *, account_id: int | None = None) -> TemplateRow | None:
    """Of the account, or of any (None)."""
    return _maybe(
        await conn.fetchrow(
            f"select {COLUMNS} from templates where id = $1 and ($2::bigint is null or account_id = $2) for no key update",
            template_id, account_id,
        )
    )  # fmt: skip


async def get(conn: Connection, template_id: int, *, account_id: int | None = None) -> TemplateRow | None:
    return _maybe(
        await conn.fetchrow(
            f"select {COLUMNS} from templates where id = $1 and ($2::bigint is null or account_id = $2)", template_id, account_id
        )
    )


async def decide(
    conn: Connection, template_id: int, status: ReviewStatus, *, reasons: Sequence[str], note: str, now: float
) -> TemplateRow | None:
    return _maybe(
        await conn.fetchrow(
            f"update templates set status = $2, reasons = $3, note = $4, decided_at = $5 where id = $1 returning {COLUMNS}",
            template_id, status.value, list(reasons), note, at(now),
        )
    )  # fmt: skip


async def remove(conn: Connection, template_id: int) -> None:
    await conn.execute("delete from templates where id = $1", template_id)


async def count(conn: Connection, account_id: int, app_id: int | None) -> int:
    """How many the application has; under a lock on the account, or it may change."""
    return int(await conn.fetchval(COUNTED.format(table="templates"), account_id, app_id))


async def approved(conn: Connection, account_id: int | None = None) -> list[TemplateRow]:
    """Those that messages may be made from, of an account or of all."""
    found = await conn.fetch(
        f"select {COLUMNS} from templates where status = 'approved' and ($1::bigint is null or account_id = $1) order by id", account_id
    )
    return [_one(row) for row in found]


async def page(
    conn: Connection,
    *,
    account_id: int | None,
    status: ReviewStatus | None = None,
    scope: Scope | None = None,
    app_id: int | None = None,
    ids: Sequence[int] | None = None,
    after_id: int = 0,
    most: int,
    offset: int = 0,
) -> list[TemplateRow]:
    """By id; None means any."""
    found = await conn.fetch(
        f"select {COLUMNS} from templates where ($1::bigint is null or account_id = $1) and ($2::text is null or status = $2) "
        "and ($3::smallint is null or scope = $3) and ($4::bigint[] is null or id = any($4)) and id > $5 "
        "and ($8::bigint is null or app_id is null or app_id = $8) order by id limit $6 offset $7",
        account_id, status and status.value, None if scope is None else int(scope), None if ids is None else list(ids),
        after_id, most, offset, app_id,
    )  # fmt: skip
    return [_one(row) for row in found]


async def total(conn: Connection, *, account_id: int, scope: Scope | None = None, app_id: int | None = None) -> int:
    return int(
        await conn.fetchval(
            "select count(*) from templates where account_id = $1 and ($2::smallint is null or scope = $2) "
            "and ($3::bigint is null or app_id is null or app_id = $3)",
            account_id, None if scope is None else int(scope), app_id,
        )
    )  # fmt: skip
