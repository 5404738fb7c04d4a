"""Qualifications: who stands behind signatures."""

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.model.papers import DocumentKind, Purpose, QualificationDraft, QualificationStatus
from hongyan.store.times import at, epoch


class QualificationRow(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    name: str
    purpose: Purpose
    company: str
    credit_code: str
    document_kind: DocumentKind
    documents: tuple[int, ...]
    authorisation: int | None
    valid_until: float | None
    contact: str
    remark: str
    status: QualificationStatus
    change: QualificationDraft | None
    """What an approved one is to become, when somebody has asked for that."""
    reasons: tuple[str, ...]
    """Of the last refusal, by their codes."""
    note: str
    """What the reviewer wrote."""
    created_at: float
    submitted_at: float
    decided_at: float | None


COLUMNS = (
    f"id, account_id, name, purpose, company, credit_code, document_kind, documents, authorisation, {epoch('valid_until')}, contact, "
    f"remark, status, change, reasons, note, {epoch('created_at')}, {epoch('submitted_at')}, {epoch('decided_at')}"
)


def _one(row: Row) -> QualificationRow:
    change = row["change"]
    return msgspec.convert(dict(row) | {"change": None if change is None else msgspec.json.decode(change)}, QualificationRow)


def _values(draft: QualificationDraft) -> tuple[object, ...]:
    until = None if draft.valid_until is None else at(draft.valid_until)
    return (
        draft.name, int(draft.purpose), draft.company, draft.credit_code, int(draft.document_kind), list(draft.documents),
        draft.authorisation, until, draft.contact, draft.remark,
    )  # fmt: skip


async def add(conn: Connection, account_id: int, draft: QualificationDraft, now: float) -> QualificationRow:
    """Under review. Raises `UniqueViolation` when the account has one of that name."""
    row = await conn.fetchrow(
        "insert into qualifications (account_id, created_at, submitted_at, status, name, purpose, company, credit_code, document_kind, "
        "documents, authorisation, valid_until, contact, remark) "
        f"values ($1, $2, $2, 'pending', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning {COLUMNS}",
        account_id, at(now), *_values(draft),
    )  # fmt: skip
    return _one(row)


async def write(conn: Connection, qualification_id: int, draft: QualificationDraft, now: float) -> QualificationRow:
    """Make it say what the draft says, under review again. Raises `UniqueViolation`."""
    row = await conn.fetchrow(
        "update qualifications set submitted_at = $2, status = 'pending', change = null, name = $3, purpose = $4, company = $5, "
        "credit_code = $6, document_kind = $7, documents = $8, authorisation = $9, valid_until = $10, contact = $11, remark = $12 "
        f"where id = $1 returning {COLUMNS}",
        qualification_id, at(now), *_values(draft),
    )  # fmt: skip
    return _one(row)


async def ask_change(conn: Connection, qualification_id: int, draft: QualificationDraft, now: float) -> QualificationRow:
    """Keep what it says and note what it is to become."""
    row = await conn.fetchrow(
        f"update qualifications set submitted_at = $2, status = 'change_pending', change = $3::jsonb where id = $1 returning {COLUMNS}",
        qualification_id, at(now), msgspec.json.encode(draft).decode(),
    )  # fmt: skip
    return _one(row)


async def decide(
    conn: Connection, qualification_id: int, status: QualificationStatus, *, reasons: tuple[str, ...], note: str, now: float
) -> QualificationRow:
    row = await conn.fetchrow(
        "update qualifications set status = $2, reasons = $3, note = $4, decided_at = $5 "
        f"where id = $1 returning {COLUMNS}",
        qualification_id, status.value, list(reasons), note, at(now),
    )  # fmt: skip
    return _one(row)


async def lock(conn: Connection, qualification_id: int, *, account_id: int | None) -> QualificationRow | None:
    row = await conn.fetchrow(
        f"select {COLUMNS} from qualifications where id = $1 and ($2::bigint is null or account_id = $2) for no key update",
        qualification_id, account_id,
    )  # fmt: skip
    return None if row is None else _one(row)


async def get(conn: Connection, qualification_id: int, *, account_id: int | None) -> QualificationRow | None:
    row = await conn.fetchrow(
        f"select {COLUMNS} from qualifications where id = $1 and ($2::bigint is null or account_id = $2)", qualification_id, account_id
    )
    return None if row is None else _one(row)


async def named(conn: Connection, account_id: int, name: str) -> int | None:
    """Which of the account's has this name."""
    found: int | None = await conn.fetchval("select id from qualifications where account_id = $1 and name = $2", account_id, name)
    return found


async def some(conn: Connection, ids: list[int]) -> dict[int, QualificationRow]:
    """By id; what is not there is left out."""
    found = await conn.fetch(f"select {COLUMNS} from qualifications where id = any($1::bigint[])", ids)
    return {row["id"]: _one(row) for row in found}


async def page(
    conn: Connection, *, account_id: int | None, status: QualificationStatus | None, after_id: int, most: int
) -> list[QualificationRow]:
    found = await conn.fetch(
        f"select {COLUMNS} from qualifications where ($1::bigint is null or account_id = $1) and ($2::text is null or status = $2) "
        "and id > $3 order by id limit $4",
        account_id, status and status.value, after_id, most,
    )  # fmt: skip
    return [_one(row) for row in found]


async def accounts_with(conn: Connection, credit_code: str, *, apart_from: int) -> list[int]:
    """Other accounts with a qualification of this company; at most 20."""
    found = await conn.fetch(
        "select distinct account_id from qualifications where credit_code = $1 and account_id <> $2 and status <> 'rejected' "
        "order by 1 limit 20",
        credit_code, apart_from,
    )  # fmt: skip
    return [row[0] for row in found]


async def remove(conn: Connection, qualification_id: int) -> None:
    await conn.execute("delete from qualifications where id = $1", qualification_id)
