"""Who did what: rows that only grow, each chained to the one before."""

from collections.abc import Callable

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows
from hongyan.store.times import at, epoch

LOCK = 0x4859_4144
"""Writers wait for each other: a chain has one end."""


class AuditRow(msgspec.Struct, frozen=True):
    id: int
    """1, 2, 3 ... without gaps."""
    at: float
    actor_kind: str
    actor: str
    actor_name: str
    address: str
    account_id: int | None
    """Whose account was concerned; None for the operator's own affairs."""
    action: str
    """"noun.verb"."""
    target: str
    detail: str
    """JSON; no secrets, numbers masked."""
    previous: bytes
    mark: bytes


COLUMNS = f"id, {epoch('at')}, actor_kind, actor, actor_name, address, account_id, action, target, detail, previous, mark"


async def append(conn: Connection, row: AuditRow, seal: Callable[[AuditRow], bytes]) -> AuditRow:
    """Add the row at the end of the chain; `seal` marks it once its number and predecessor are known. Held until the transaction ends."""
    await conn.execute("select pg_advisory_xact_lock($1)", LOCK)
    last = await conn.fetchrow("select id, mark from audit_log order by id desc limit 1")
    id_, previous = (1, b"") if last is None else (last["id"] + 1, bytes(last["mark"]))
    placed = msgspec.structs.replace(row, id=id_, previous=previous)
    placed = msgspec.structs.replace(placed, mark=seal(placed))
    await conn.execute(
        "insert into audit_log (id, at, actor_kind, actor, actor_name, address, account_id, action, target, detail, previous, mark) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        placed.id, at(placed.at), placed.actor_kind, placed.actor, placed.actor_name, placed.address, placed.account_id, placed.action,
        placed.target, placed.detail, placed.previous, placed.mark,
    )  # fmt: skip
    await conn.execute(
        "insert into audit_head (one, id, mark) values (true, $1, $2) "
        "on conflict (one) do update set id = excluded.id, mark = excluded.mark",
        placed.id, seal_head(placed, seal),
    )  # fmt: skip
    return placed


def seal_head(row: AuditRow, seal: Callable[[AuditRow], bytes]) -> bytes:
    """The mark of the chain's end: without it the newest rows could be cut off unseen."""
    return seal(msgspec.structs.replace(row, action="head", previous=row.mark, mark=b""))


async def page(conn: Connection, *, account_id: int | None, before_id: int, most: int) -> list[AuditRow]:
    """The newest first, of one account or of all (None), those below `before_id`."""
    found = await conn.fetch(
        f"select {COLUMNS} from audit_log where ($1::bigint is null or account_id = $1) and id < $2 order by id desc limit $3",
        account_id, before_id, most,
    )  # fmt: skip
    return rows.many(found, AuditRow)


async def following(conn: Connection, after_id: int, most: int) -> list[AuditRow]:
    """In the order of the chain."""
    found = await conn.fetch(f"select {COLUMNS} from audit_log where id > $1 order by id limit $2", after_id, most)
    return rows.many(found, AuditRow)


async def head(conn: Connection) -> tuple[int, bytes] | None:
    """The number and mark of the chain's end; None before the first row."""
    row = await conn.fetchrow("select id, mark from audit_head")
    return None if row is None else (row["id"], bytes(row["mark"]))
