"""Verifications: what accounts said of who they are, and what came of it."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.identity import VerificationStatus
from hongyan.model.snapshot import AccountKind
from hongyan.store import rows
from hongyan.store.times import at, epoch


class VerificationRow(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    kind: AccountKind
    name: str
    number_shown: str
    """A person's is masked."""
    documents: tuple[int, ...]
    contact: str
    remark: str
    status: VerificationStatus
    reasons: tuple[str, ...]
    note: str
    submitted_at: float
    decided_at: float | None


COLUMNS = (
    "id, account_id, kind, name, number_shown, documents, contact, remark, status, reasons, note, "
    f"{epoch('submitted_at')}, {epoch('decided_at')}"
)


async def add(
    conn: Connection,
    *,
    account_id: int,
    kind: AccountKind,
    name: str,
    number_shown: str,
    number_sealed: bytes,
    documents: Sequence[int],
    contact: str,
    remark: str,
    now: float,
) -> VerificationRow:
    row = await conn.fetchrow(
        "insert into verifications (account_id, kind, name, number_shown, number_sealed, documents, contact, remark, status, submitted_at) "
        f"values ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $9) returning {COLUMNS}",
        account_id, int(kind), name, number_shown, number_sealed, documents, contact, remark, at(now),
    )  # fmt: skip
    return msgspec.convert(dict(row), VerificationRow)


async def lock(conn: Connection, verification_id: int) -> VerificationRow | None:
    row = await conn.fetchrow(f"select {COLUMNS} from verifications where id = $1 for no key update", verification_id)
    return rows.one(row, VerificationRow)


async def newest(conn: Connection, account_id: int) -> VerificationRow | None:
    """The account's last one."""
    row = await conn.fetchrow(f"select {COLUMNS} from verifications where account_id = $1 order by id desc limit 1", account_id)
    return rows.one(row, VerificationRow)


async def page(conn: Connection, *, account_id: int | None, before_id: int, most: int) -> list[VerificationRow]:
    """The newest first."""
    found = await conn.fetch(
        f"select {COLUMNS} from verifications where ($1::bigint is null or account_id = $1) and id < $2 order by id desc limit $3",
        account_id, before_id, most,
    )  # fmt: skip
    return rows.many(found, VerificationRow)


async def sealed_number(conn: Connection, verification_id: int, *, account_id: int | None) -> bytes | None:
    found = await conn.fetchval(
        "select number_sealed from verifications where id = $1 and ($2::bigint is null or account_id = $2)", verification_id, account_id
    )
    return None if found is None else bytes(found)


async def close(
    conn: Connection, verification_id: int, status: VerificationStatus, *, reasons: Sequence[str] = (), note: str = "", now: float
) -> VerificationRow:
    row = await conn.fetchrow(
        f"update verifications set status = $2, reasons = $3, note = $4, decided_at = $5 where id = $1 returning {COLUMNS}",
        verification_id, status.value, list(reasons), note, at(now),
    )  # fmt: skip
    return msgspec.convert(dict(row), VerificationRow)


async def rests_on(conn: Connection, account_id: int, document_id: int) -> bool:
    """Whether one that waits or was approved rests on the document."""
    return bool(
        await conn.fetchval(
            "select exists (select from verifications where account_id = $1 and status in ('pending', 'approved') and $2 = any(documents))",
            account_id, document_id,
        )
    )  # fmt: skip
