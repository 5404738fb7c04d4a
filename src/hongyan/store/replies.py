"""Texts from handsets, and the numbers that want no more."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.kit.ids import first_id_at
from hongyan.model.carrier import Part, Reply
from hongyan.model.message import Dialect
from hongyan.store import rows
from hongyan.store.times import at, epoch


class NewReply(msgspec.Struct, frozen=True):
    """A row of `replies`; `app_id` is 0 when no application has sent anything to the number lately."""

    app_id: int
    id: int
    phone: int
    sender_id: str
    extend: str
    text: str
    sign_name: str
    message_id: int | None
    dialect: Dialect
    link_id: int
    received_at: float


AGAIN_S = 60.0
"""A carrier that missed our answer delivers a reply again within about this time."""

ADD = """
insert into replies (app_id, id, phone, sender_id, extend, text, sign_name, message_id, dialect, link_id, received_at)
select $1::bigint, $2::bigint, $3::bigint, $4::text, $5, $6::text, $7, $8::bigint, $9::smallint, $10::bigint, $11::timestamptz
 where not exists (select from replies
                    where app_id = $1 and phone = $3 and id >= $12 and sender_id = $4 and text = $6 and link_id = $10
                      and not ($13 and exists (select from replies l
                                                where l.app_id = $1 and l.phone = $3 and l.id > replies.id and l.text <> $6)))
returning id
"""


async def add(conn: Connection, reply: NewReply, *, means_it: bool = False) -> bool:
    """Keep a reply; False when the same text came from the same handset within a minute: it was delivered again.

    With `means_it` it is taken for a new one when the handset has said something else in between.
    """
    since_id = first_id_at(reply.received_at - AGAIN_S)
    added = await conn.fetchval(
        ADD, reply.app_id, reply.id, reply.phone, reply.sender_id, reply.extend, reply.text, reply.sign_name, reply.message_id,
        reply.dialect, reply.link_id, at(reply.received_at), since_id, means_it,
    )  # fmt: skip
    return added is not None


LOCK_SPACE = 0x4850
PART_OF = "link_id = $1 and phone = $2 and sender_id = $3 and reference = $4 and total = $5 and not joined"


async def add_part(conn: Connection, reply: Reply, part: Part) -> str | None:
    """Keep one part of a long text; with the last one that was missing the whole text. A part that came before changes nothing."""
    # Parts that come through two processes at once must see each other.
    await conn.execute("select pg_advisory_xact_lock($1, hashtext($2))", LOCK_SPACE, f"{reply.phone}")
    await conn.execute(
        """insert into reply_parts (link_id, phone, sender_id, reference, total, sequence, text, received_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing""",
        reply.link_id, reply.phone, reply.to, part.reference, part.total, part.sequence, reply.text, at(reply.received_at),
    )  # fmt: skip
    key = (reply.link_id, reply.phone, reply.to, part.reference, part.total)
    texts = [row[0] for row in await conn.fetch(f"select text from reply_parts where {PART_OF} order by sequence", *key)]
    if len(texts) < part.total:
        return None
    await conn.execute(f"update reply_parts set joined = true where {PART_OF}", *key)
    return "".join(texts)


OVERDUE = """
with overdue as (
    update reply_parts p set joined = true from (
        select link_id, phone, sender_id, reference, total from reply_parts where not joined
         group by 1, 2, 3, 4, 5 having max(received_at) < $1 limit $2) o
     where p.link_id = o.link_id and p.phone = o.phone and p.sender_id = o.sender_id and p.reference = o.reference
       and p.total = o.total and not p.joined
    returning p.*
)
select link_id, phone, sender_id, string_agg(text, '' order by sequence) as text, min(received_at) as received_at
  from overdue group by link_id, phone, sender_id, reference, total
"""


async def overdue(conn: Connection, *, before: float, most: int) -> list[Reply]:
    """What there is of texts whose last part came before that time; they are not waited for any longer."""
    found = await conn.fetch(OVERDUE, at(before), most)
    return [Reply(row["link_id"], row["phone"], row["sender_id"], row["text"], row["received_at"].timestamp()) for row in found]


async def forget_parts(conn: Connection, *, before: float) -> None:
    """Parts of texts that were handed out before that time: handsets use their references again."""
    await conn.execute("delete from reply_parts where joined and received_at < $1", at(before))


class ReplyRow(msgspec.Struct, frozen=True):
    id: int
    phone: int
    text: str
    received_at: float
    sign_name: str
    """The signature it was written to, or of the message it answers."""
    extend: str
    to: str
    """The number it was written to."""
    message_id: int | None
    """What it answers."""


async def page(conn: Connection, app_id: int, *, phone: int | None, before_id: int, most: int) -> list[ReplyRow]:
    """The newest first, those with smaller ids than `before_id`, of one number or of all."""
    found = await conn.fetch(
        f"select id, phone, text, {epoch('received_at')}, sign_name, extend, sender_id as to, message_id from replies "
        "where app_id = $1 and ($2::bigint is null or phone = $2) and id < $3 order by id desc limit $4",
        app_id, phone, before_id, most,
    )  # fmt: skip
    return rows.many(found, ReplyRow)
