"""What has happened that somebody wants to be told of: written with what happened, gone once it has become alarms."""

from collections.abc import Iterable, Mapping

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.alarm import AlarmKind
from hongyan.store import rows
from hongyan.store.times import at, epoch

Facts = Mapping[str, str | int | float | bool]
"""What happened. For a review: `id`, `name`, `approved`, `reasons`. No secrets; numbers masked."""


class NoticeRow(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    app_id: int | None
    """None when it concerns the whole account."""
    kind: AlarmKind
    facts: dict[str, str | int | float | bool]
    at: float


async def add(conn: Connection, *, account_id: int, app_id: int | None, kind: AlarmKind, facts: Facts, now: float) -> None:
    """In the transaction of what happened, so that nobody is told of what was rolled back. A job in the office turns it into alarms."""
    await conn.execute(
        "insert into notices (account_id, app_id, kind, facts, at) values ($1, $2, $3, $4::jsonb, $5)",
        account_id, app_id, kind.value, msgspec.json.encode(dict(facts)).decode(), at(now),
    )  # fmt: skip


WAITING = f"""
select id, account_id, app_id, kind, facts, {epoch("at")} from notices n
 where not exists (select from alarm_marks m
                    where m.account_id = n.account_id and m.app_id = coalesce(n.app_id, 0) and m.what = 'told of ' || n.kind and m.at > $1)
 order by id limit $2 for update of n skip locked
"""


async def waiting(conn: Connection, *, told_before: float, most: int) -> list[NoticeRow]:
    """The oldest first, kept from other takers until the transaction ends; without kinds that somebody was told of since."""
    found = await conn.fetch(WAITING, at(told_before), most)
    return rows.many(({**row, "facts": msgspec.json.decode(row["facts"])} for row in found), NoticeRow)


async def remove(conn: Connection, ids: Iterable[int]) -> None:
    await conn.execute("delete from notices where id = any($1)", list(ids))
