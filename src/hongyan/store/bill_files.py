"""What was made of bills for people to keep: which files, and where their parts are."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.store import rows
from hongyan.store.times import at, epoch


class BillFile(msgspec.Struct, frozen=True):
    bill_id: int
    name: str
    bytes: int
    parts: int
    place: str
    made_at: float


COLUMNS = f"bill_id, name, bytes, parts, place, {epoch('made_at')}"


async def due(conn: Connection, name: str, most: int) -> list[int]:
    """Bills that have no file of that name yet, the oldest first."""
    found = await conn.fetch(
        "select id from bills b where not exists (select from bill_files f where f.bill_id = b.id and f.name = $1) order by id limit $2",
        name, most,
    )  # fmt: skip
    return [row[0] for row in found]


async def add(conn: Connection, file: BillFile) -> bool:
    """False when there is one of that name already."""
    done: str = await conn.execute(
        "insert into bill_files (bill_id, name, bytes, parts, place, made_at) values ($1, $2, $3, $4, $5, $6) on conflict do nothing",
        file.bill_id, file.name, file.bytes, file.parts, file.place, at(file.made_at),
    )  # fmt: skip
    return done.endswith(" 1")


async def every(conn: Connection, bill_id: int) -> list[BillFile]:
    return rows.many(await conn.fetch(f"select {COLUMNS} from bill_files where bill_id = $1 order by name", bill_id), BillFile)
