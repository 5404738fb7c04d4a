"""Documents that accounts handed in: what is known of each; the bytes are in a blob store."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows, verifications
from hongyan.store.times import at, epoch


class DocumentRow(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    name: str
    media_type: str
    """By its content."""
    size: int
    sha256: bytes
    place: str
    """Its key in the blob store."""
    created_at: float
    about: str = ""
    """What the account says of it."""


COLUMNS = f"id, account_id, name, media_type, size, sha256, place, {epoch('created_at')}, about"


async def add(
    conn: Connection, *, account_id: int, name: str, media_type: str, size: int, sha256: bytes, place: str, about: str, now: float
) -> DocumentRow:
    """The same content of the same account is one document, with the name it was given last."""
    row = await conn.fetchrow(
        "insert into documents (account_id, name, media_type, size, sha256, place, created_at, about) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict on constraint documents_account_content_key "
        f"do update set name = excluded.name, about = excluded.about returning {COLUMNS}",
        account_id, name, media_type, size, sha256, place, at(now), about,
    )  # fmt: skip
    return msgspec.convert(dict(row), DocumentRow)


async def get(conn: Connection, document_id: int, *, account_id: int | None) -> DocumentRow | None:
    row = await conn.fetchrow(
        f"select {COLUMNS} from documents where id = $1 and ($2::bigint is null or account_id = $2)", document_id, account_id
    )
    return rows.one(row, DocumentRow)


async def lock(conn: Connection, ids: Sequence[int], *, account_id: int) -> list[DocumentRow]:
    """Those of the account, kept from going away until the transaction ends."""
    found = await conn.fetch(
        f"select {COLUMNS} from documents where id = any($1::bigint[]) and account_id = $2 order by id for key share", ids, account_id
    )
    return rows.many(found, DocumentRow)


async def kept(conn: Connection, account_id: int) -> tuple[int, int]:
    """How many the account has, and of how many bytes."""
    row = await conn.fetchrow("select count(*), coalesce(sum(size), 0)::bigint from documents where account_id = $1", account_id)
    return (0, 0) if row is None else (row[0], row[1])


async def page(conn: Connection, *, account_id: int | None, after_id: int, most: int) -> list[DocumentRow]:
    found = await conn.fetch(
        f"select {COLUMNS} from documents where ($1::bigint is null or account_id = $1) and id > $2 order by id limit $3",
        account_id, after_id, most,
    )  # fmt: skip
    return rows.many(found, DocumentRow)


IN_QUALIFICATIONS = """
select exists (select from qualifications where account_id = $1 and (documents @> array[$2::bigint] or authorisation = $2
               or change->'documents' @> to_jsonb($2::bigint) or change->>'authorisation' = $2::bigint::text))
"""
IN_SIGNATURES = "select exists (select from signatures where account_id = $1 and (proofs @> array[$2::bigint] or authorisation = $2))"


async def in_use(conn: Connection, account_id: int, document_id: int) -> bool:
    """Whether a qualification, a signature or a verification of the account rests on it."""
    return await verifications.rests_on(conn, account_id, document_id) or bool(
        await conn.fetchval(IN_QUALIFICATIONS, account_id, document_id) or await conn.fetchval(IN_SIGNATURES, account_id, document_id)
    )


async def remove(conn: Connection, document_id: int) -> None:
    await conn.execute("delete from documents where id = $1", document_id)
