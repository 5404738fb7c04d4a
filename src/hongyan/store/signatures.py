"""Signatures under review and after it."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.message import Kind
from hongyan.model.papers import DocumentKind, Filing, Purpose, ReviewStatus, SignatureDraft, SignatureKind
from hongyan.model.snapshot import Scope
from hongyan.store import rows
from hongyan.store.times import at, epoch


class SignatureRow(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    app_id: int | None
    name: str
    scope: Scope
    status: ReviewStatus
    kind: SignatureKind
    purpose: Purpose
    document_kind: DocumentKind | None
    proofs: tuple[int, ...]
    authorisation: int | None
    qualification_id: int | None
    remark: str
    filing: Filing
    sends_unfiled: bool
    activation: bool
    reasons: tuple[str, ...]
    """Of the last refusal, by their codes."""
    note: str
    """What the reviewer wrote."""
    created_at: float
    submitted_at: float
    decided_at: float | None
    usage: Kind | None = None
    """What is sent with it; None: anything."""
    source_title: str = ""
    """The whole name of the site, app, shop ... that the name is of."""


COLUMNS = (
    "id, account_id, app_id, name, scope, status, kind, purpose, document_kind, proofs, authorisation, qualification_id, remark, filing, "
    f"sends_unfiled, activation, reasons, note, {epoch('created_at')}, "
    "extract(epoch from coalesce(submitted_at, created_at) at time zone 'UTC')::float8 as submitted_at, "
    f"{epoch('decided_at')}, usage, source_title"
)

APPLY = f"""
insert into signatures as s (account_id, app_id, name, scope, status, created_at, submitted_at, kind, purpose, document_kind, proofs,
                             authorisation, qualification_id, remark, usage, source_title, decided_at)
values ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
on conflict on constraint signatures_account_name_scope_key do update
   set app_id = excluded.app_id, status = excluded.status, submitted_at = excluded.submitted_at, kind = excluded.kind,
       purpose = excluded.purpose, document_kind = excluded.document_kind, proofs = excluded.proofs,
       authorisation = excluded.authorisation, qualification_id = excluded.qualification_id, remark = excluded.remark,
       usage = excluded.usage, source_title = excluded.source_title, activation = false,
       filing = 'none', sends_unfiled = true
 where s.status in ('rejected', 'inactive')
returning {COLUMNS}
"""


def _papers(draft: SignatureDraft) -> tuple[object, ...]:
    document_kind = None if draft.document_kind is None else int(draft.document_kind)
    usage = None if draft.usage is None else int(draft.usage)
    return (
        int(draft.kind), int(draft.purpose), document_kind, list(draft.proofs), draft.authorisation, draft.qualification_id, draft.remark,
        usage, draft.source_title,
    )  # fmt: skip


async def apply(conn: Connection, account_id: int, draft: SignatureDraft, status: ReviewStatus, now: float) -> SignatureRow | None:
    """A new one, or a rejected or inactive one again; None when it is pending or approved already."""
    decided_at = at(now) if status is ReviewStatus.APPROVED else None
    row = await conn.fetchrow(
        APPLY, account_id, draft.app_id, draft.name, int(draft.scope), status.value, at(now), *_papers(draft), decided_at
    )
    return rows.one(row, SignatureRow)


async def write(conn: Connection, signature_id: int, draft: SignatureDraft, now: float) -> SignatureRow | None:
    """Make it say what the draft says, under review and unfiled again. Raises `UniqueViolation` when there is another of that name."""
    row = await conn.fetchrow(
        "update signatures set app_id = $2, name = $3, status = 'pending', submitted_at = $4, kind = $5, purpose = $6, "
        "document_kind = $7, proofs = $8, authorisation = $9, qualification_id = $10, remark = $11, usage = $12, source_title = $13, "
        f"activation = false, filing = 'none', sends_unfiled = true where id = $1 returning {COLUMNS}",
        signature_id, draft.app_id, draft.name, at(now), *_papers(draft),
    )  # fmt: skip
    return rows.one(row, SignatureRow)


async def lock(conn: Connection, signature_id: int, *, account_id: int | None = None) -> SignatureRow | None:
    """Of the account, or of any (None)."""
    row = await conn.fetchrow(
        f"select {COLUMNS} from signatures where id = $1 and ($2::bigint is null or account_id = $2) for no key update",
        signature_id, account_id,
    )  # fmt: skip
    return rows.one(row, SignatureRow)


async def get(conn: Connection, signature_id: int, *, account_id: int | None = None) -> SignatureRow | None:
    row = await conn.fetchrow(
        f"select {COLUMNS} from signatures where id = $1 and ($2::bigint is null or account_id = $2)", signature_id, account_id
    )
    return rows.one(row, SignatureRow)


async def of_name(
    conn: Connection, account_id: int, name: str, scope: Scope, *, usage: Kind | None = None, app_id: int | None = None
) -> SignatureRow | None:
    """The one of this name; of those that say what is sent with them each application has its own."""
    row = await conn.fetchrow(
        f"select {COLUMNS} from signatures where account_id = $1 and name = $2 and scope = $3 and usage is not distinct from $4 "
        "and (usage is null or app_id is not distinct from $5) for no key update",
        account_id, name, int(scope), None if usage is None else int(usage), app_id,
    )  # fmt: skip
    return rows.one(row, SignatureRow)


async def set_status(conn: Connection, signature_id: int, status: ReviewStatus) -> SignatureRow | None:
    return rows.one(
        await conn.fetchrow(f"update signatures set status = $2 where id = $1 returning {COLUMNS}", signature_id, status.value),
        SignatureRow,
    )


async def decide(
    conn: Connection, signature_id: int, status: ReviewStatus, *, reasons: Sequence[str], note: str, now: float
) -> SignatureRow | None:
    row = await conn.fetchrow(
        "update signatures set status = $2, reasons = $3, note = $4, decided_at = $5, activation = false "
        f"where id = $1 returning {COLUMNS}",
        signature_id, status.value, list(reasons), note, at(now),
    )  # fmt: skip
    return rows.one(row, SignatureRow)


async def ask_activation(conn: Connection, signature_id: int, now: float) -> SignatureRow | None:
    row = await conn.fetchrow(
        f"update signatures set status = 'pending', activation = true, submitted_at = $2 where id = $1 returning {COLUMNS}",
        signature_id, at(now),
    )  # fmt: skip
    return rows.one(row, SignatureRow)


async def set_filing(conn: Connection, signature_id: int, filing: Filing, *, sends_unfiled: bool) -> SignatureRow | None:
    row = await conn.fetchrow(
        f"update signatures set filing = $2, sends_unfiled = $3 where id = $1 returning {COLUMNS}",
        signature_id, filing.value, sends_unfiled,
    )  # fmt: skip
    return rows.one(row, SignatureRow)


async def set_qualification(conn: Connection, signature_id: int, qualification_id: int) -> SignatureRow | None:
    row = await conn.fetchrow(
        f"update signatures set qualification_id = $2 where id = $1 returning {COLUMNS}", signature_id, qualification_id
    )
    return rows.one(row, SignatureRow)


async def resting_on(conn: Connection, qualification_id: int) -> list[SignatureRow]:
    """Those that name the qualification, kept from changing until the transaction ends."""
    found = await conn.fetch(
        f"select {COLUMNS} from signatures where qualification_id = $1 order by id for no key update", qualification_id
    )
    return rows.many(found, SignatureRow)


async def accounts_with(conn: Connection, name: str, *, apart_from: int) -> list[int]:
    """Other accounts that send with a signature of this name; at most 20."""
    found = await conn.fetch(
        "select distinct account_id from signatures where name = $1 and status = 'approved' and account_id <> $2 order by 1 limit 20",
        name, apart_from,
    )  # fmt: skip
    return [row[0] for row in found]


async def remove(conn: Connection, signature_id: int) -> None:
    """With the from numbers that were its."""
    await conn.execute("delete from from_numbers where signature_id = $1", signature_id)
    await conn.execute("delete from signatures where id = $1", signature_id)


COUNTED = """
select coalesce(sum(n) filter (where app_id is null), 0) + case
         when $2::bigint is null then coalesce(max(n) filter (where app_id is not null), 0)
         else coalesce(sum(n) filter (where app_id = $2), 0) end
  from (select app_id, count(*) as n from {table} where account_id = $1 group by app_id) counted
"""
"""How many an application has, those for all of the account's among them; of all applications, as many as the one with most."""


async def count(conn: Connection, account_id: int, app_id: int | None) -> int:
    """How many the application has; under a lock on the account, or it may change."""
    return int(await conn.fetchval(COUNTED.format(table="signatures"), account_id, app_id))


async def sendable(conn: Connection) -> list[SignatureRow]:
    """Those that messages may carry: approved, and filed where that is asked for."""
    found = await conn.fetch(
        f"select {COLUMNS} from signatures where status = 'approved' and (sends_unfiled or filing in ('none', 'registered', 'failed')) "
        "order by id"
    )
    return rows.many(found, SignatureRow)


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
) -> list[SignatureRow]:
    """By id; None means any."""
    found = await conn.fetch(
        f"select {COLUMNS} from signatures where ($1::bigint is null or account_id = $1) and ($2::text is null or status = $2) "
        "and ($3::smallint is null or scope = $3) and ($4::bigint[] is null or id = any($4)) and id > $5 "
        "and ($8::bigint is null or app_id is null or app_id = $8) order by id limit $6 offset $7",
        account_id, status and status.value, None if scope is None else int(scope), None if ids is None else list(ids),
        after_id, most, offset, app_id,
    )  # fmt: skip
    return rows.many(found, SignatureRow)


async def total(conn: Connection, *, account_id: int, scope: Scope | None = None, app_id: int | None = None) -> int:
    return int(
        await conn.fetchval(
            "select count(*) from signatures where account_id = $1 and ($2::smallint is null or scope = $2) "
            "and ($3::bigint is null or app_id is null or app_id = $3)",
            account_id, None if scope is None else int(scope), app_id,
        )
    )  # fmt: skip
