"""What is answered to replies: each a message that is still to be sent, or what became of it."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.message import Dialect
from hongyan.store import rows
from hongyan.store.times import at, epoch


class NewAnswer(msgspec.Struct, frozen=True):
    app_id: int
    id: int
    phone: int
    reply_id: int
    template_id: int
    sign_name: str
    extend: str
    dialect: Dialect
    after_opt_out: bool
    """It tells that the number has opted out: it is sent all the same."""


class AnswerRow(NewAnswer, frozen=True):
    state: str
    """waiting, sending, sent, failed."""
    created_at: float
    began_at: float | None
    """When it was first taken to be sent."""
    claimed_at: float | None
    """When it was last taken."""
    outcome: str
    """Why it was refused; empty otherwise."""


COLUMNS = (
    "app_id, id, phone, reply_id, template_id, sign_name, extend, dialect, after_opt_out, state, "
    f"{epoch('created_at')}, {epoch('began_at')}, {epoch('claimed_at')}, outcome"
)


async def add(conn: Connection, answer: NewAnswer, now: float) -> None:
    """In the transaction of the reply: it is then sent, once."""
    await conn.execute(
        "insert into answers (app_id, id, phone, reply_id, template_id, sign_name, extend, dialect, after_opt_out, state, created_at, "
        "outcome) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting', $10, '')",
        *msgspec.structs.astuple(answer), at(now),
    )  # fmt: skip


async def count(conn: Connection, app_id: int, phone: int, *, since_id: int) -> int:
    """How many a number was answered with, since the time of an id."""
    return int(await conn.fetchval("select count(*) from answers where app_id = $1 and phone = $2 and id >= $3", app_id, phone, since_id))


DUE = """
select app_id, id from answers
 where state in ('waiting', 'sending') and (state = 'waiting' or claimed_at <= $1) order by created_at limit $2
"""

CLAIM = f"""
update answers set state = 'sending', claimed_at = $3, began_at = coalesce(began_at, $3)
 where app_id = $1 and id = (select id from answers where app_id = $1 and id = $2
        and (state = 'waiting' or (state = 'sending' and claimed_at <= $4)) for update skip locked)
returning {COLUMNS}
"""


async def due(conn: Connection, *, abandoned: float, most: int) -> list[tuple[int, int]]:
    """Application and id of what should go, the oldest first; also what somebody took before `abandoned` and never finished."""
    return [(row[0], row[1]) for row in await conn.fetch(DUE, at(abandoned), most)]


async def claim(conn: Connection, app_id: int, id_: int, *, now: float, abandoned: float) -> AnswerRow | None:
    """Take it; None when somebody else has."""
    return rows.one(await conn.fetchrow(CLAIM, app_id, id_, at(now), at(abandoned)), AnswerRow)


async def finish(conn: Connection, app_id: int, id_: int, *, sent: bool, outcome: str) -> None:
    """What became of it."""
    await conn.execute(
        "update answers set state = $3, outcome = $4 where app_id = $1 and id = $2", app_id, id_, "sent" if sent else "failed", outcome
    )


async def page(conn: Connection, app_id: int, *, before_id: int, most: int) -> list[AnswerRow]:
    """The newest first, those with smaller ids than `before_id`."""
    found = await conn.fetch(
        f"select {COLUMNS} from answers where app_id = $1 and id < $2 order by id desc limit $3", app_id, before_id, most
    )
    return rows.many(found, AnswerRow)


async def forget(conn: Connection, app_id: int, *, before_id: int) -> None:
    """Those of before the time of an id."""
    await conn.execute("delete from answers where app_id = $1 and id < $2", app_id, before_id)
