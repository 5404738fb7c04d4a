"""Texts from handsets, and the numbers that want no more."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.message import Dialect
from hongyan.store.times import at


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


async def add(conn: Connection, reply: NewReply) -> None:
    """Keep a reply; the same one twice (delivered again after a lost answer) is kept once."""
    await conn.execute(
        """insert into replies (app_id, id, phone, sender_id, extend, text, sign_name, message_id, dialect, link_id, received_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing""",
        reply.app_id, reply.id, reply.phone, reply.sender_id, reply.extend, reply.text, reply.sign_name, reply.message_id,
        reply.dialect, reply.link_id, at(reply.received_at),
    )  # fmt: skip


async def opt_out(conn: Connection, app_id: int, phone: int, reply_id: int, now: float) -> None:
    """From the commit on, the application's messages to this number are refused."""
    await conn.execute(
        "insert into optouts (app_id, phone, reply_id, created_at) values ($1, $2, $3, $4) on conflict do nothing",
        app_id, phone, reply_id, at(now),
    )  # fmt: skip
