"""Messages as they were promised, and the questions asked before promising one."""

import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from hongyan.kit.db import Connection, PostgresError, Row
from hongyan.model.message import Dialect, Kind, Message
from hongyan.store.locks import lock
from hongyan.store.times import at

LOCK_SPACE = 0x4859
LOCK_BUCKETS = 4096
SHORT = "HY001"
"""The error of the function accept_promise when a package has less left than is needed."""
CONFIRMING = "opted-out-"
"""How the request ids begin of messages that tell somebody that they have opted out: they alone are sent although they have."""


def bucket(app_id: int, phone: int) -> int:
    """The bucket, of 4,096, whose lock everybody holds who promises the application's messages to a number, or forbids them."""
    return zlib.crc32(b"%d:%d" % (app_id, phone)) % LOCK_BUCKETS


async def lock_numbers(conn: Connection, app_id: int, phones: Iterable[int]) -> None:
    """Until the transaction ends nobody promises the application's messages to these numbers.

    To be asked for before anything of a package is locked, as accepting does, and once a transaction.
    """
    await lock(conn, LOCK_SPACE, (bucket(app_id, phone) for phone in phones))


class NewMessage(NamedTuple):
    """A message to promise; a tuple, because many of them are turned into columns at once."""

    request: int
    """Messages with the same number are promised together or not at all."""
    seen: int
    """How many recent messages to this phone the decision was made with; with another number of them it is not promised.

    Its complement (`~seen`, below zero) for a message that is promised although the number has opted out.
    """
    owner: int | None
    """The engine that takes it at once; None leaves it to whoever claims it."""
    link_id: int | None
    """The link to which the owner writes it right after the commit: its attempt is noted with it."""
    id: int
    phone: int
    kind: Kind
    dialect: Dialect
    segments: int
    validity_s: float
    template_id: int
    signature_id: int | None
    package_id: int
    content_hash: int
    region: str
    text: str
    session_context: str
    extend: str
    sender_id: str
    request_id: str
    way: int
    """Which links can carry it (`model.message.Message.way`)."""


class Facts(msgspec.Struct, frozen=True):
    """What one application knows about some numbers; a number that is absent everywhere has no history."""

    blacklisted: frozenset[int]
    opted_out: frozenset[int]
    recent: dict[int, list[tuple[int, int, int]]]
    """By number: (message id, content hash, kind) of what was sent lately, newest first."""
    available: dict[int, int]
    """By package: segments that can still be reserved."""


class Scope(msgspec.Struct, frozen=True):
    """What is asked about an application's numbers."""

    since_id: int
    most: int
    """Recent messages a number."""
    packages: Sequence[int]


async def facts(conn: Connection, app_id: int, phones: Sequence[int], scope: Scope) -> Facts:
    """One round trip for any number of an application's numbers."""
    rows = await conn.fetch("select * from accept_known($1, $2, $3, $4, $5)", app_id, phones, scope.since_id, scope.most, scope.packages)
    return _facts(rows)


def _facts(rows: Sequence[Row]) -> Facts:
    recent: dict[int, list[tuple[int, int, int]]] = {}
    blacklisted: set[int] = set()
    opted_out: set[int] = set()
    available: dict[int, int] = {}
    for what, phone, id_, value, kind in rows:
        if what == 1:
            recent.setdefault(phone, []).append((id_, value, kind))
        elif what == 2:  # noqa: PLR2004 - the numbers of the function accept_known
            blacklisted.add(phone)
        elif what == 3:  # noqa: PLR2004
            opted_out.add(phone)
        elif what == 4:  # noqa: PLR2004
            available[id_] = value
    return Facts(blacklisted=frozenset(blacklisted), opted_out=frozenset(opted_out), recent=recent, available=available)


PROMISE = f"select what, phone, id, value, kind from accept_promise({', '.join(f'${n}' for n in range(1, 31))})"


async def promise(
    conn: Connection,
    app_id: int,
    rows: Sequence[NewMessage],
    scope: Scope,
    buckets: Sequence[int],
    *,
    now: float,
    delays: Sequence[float] = (),
) -> tuple[set[int], Facts] | None:
    """Write an application's messages with their queue entries, hold their segments and journal that: all in one round trip.

    Messages of a request about whose numbers more is known than it was decided with are left out; their requests and what is known
    of their numbers are returned. None when a package has less left than the messages need: then nothing is written at all.
    Accepts that concern the same numbers wait for each other, over all processes; `buckets` (0..4095, each a hash of application and
    number) must be sorted, so that two of them cannot deadlock. `delays`, when given, says of each row for how many seconds it sleeps
    before it may be sent; its validity begins then.
    """
    columns = list(zip(*rows, strict=True))
    note = f"messages from {rows[0].id}"
    try:
        found = await conn.fetch(
            PROMISE, app_id, at(now), scope.since_id, scope.most, scope.packages, LOCK_SPACE, buckets, note, delays, *columns
        )  # fmt: skip
    except PostgresError as fault:
        if fault.sqlstate == SHORT:
            return None
        raise
    return {row[2] for row in found if row[0] == 0}, _facts(found)


REPEATED = """
select u.phone, u.request_id, m.id from unnest($2::bigint[], $3::text[]) u(phone, request_id)
 cross join lateral (
       select id from messages
        where app_id = $1 and phone >= u.phone and phone <= u.phone and id >= $4 and request_id = u.request_id
        order by phone desc, id desc limit 1) m
"""


async def repeated(conn: Connection, app_id: int, pairs: Sequence[tuple[int, str]], *, since_id: int) -> dict[tuple[int, str], int]:
    """Of these numbers and request ids, the message that the number was promised by that very request; those that were none are absent."""
    phones, requests = zip(*pairs, strict=True)
    return {(row[0], row[1]): row[2] for row in await conn.fetch(REPEATED, app_id, phones, requests, since_id)}


async def present(conn: Connection, app_id: int, ids: Sequence[int]) -> set[int]:
    """Which of these messages are there."""
    return {row[0] for row in await conn.fetch("select id from messages where app_id = $1 and id = any($2)", app_id, ids)}


async def last_dialect(conn: Connection, app_id: int, *, since_id: int) -> int | None:
    """In whose words the application sent its last message."""
    dialect: int | None = await conn.fetchval(
        "select dialect from messages where app_id = $1 and id >= $2 order by id desc limit 1", app_id, since_id
    )
    return dialect


LATELY_TO = """
select m.id from unnest($2::bigint[]) u(phone)
 cross join lateral (select id, request_id from messages where app_id = $1 and phone = u.phone and id >= $3) m
 where not starts_with(m.request_id, $4) order by m.id
"""


async def lately_to(conn: Connection, app_id: int, phones: Sequence[int], *, since_id: int) -> list[int]:
    """The application's messages to these numbers, but for those that confirm an opt-out."""
    return [row[0] for row in await conn.fetch(LATELY_TO, app_id, phones, since_id, CONFIRMING)]


UNWANTED = """
select u.id, exists (select from optouts where app_id = $1 and phone = m.phone) as opted_out
  from unnest($2::bigint[]) u(id)
 cross join lateral (select phone, request_id from messages where app_id = $1 and id = u.id limit 1) m
 where not starts_with(m.request_id, $3)
   and (exists (select from optouts where app_id = $1 and phone = m.phone)
        or exists (select from blacklist where app_id = $1 and phone = m.phone)
        or exists (select from shared_blacklist s where s.phone = m.phone
                      and s.account_id in (0, (select a.account_id from apps a where a.id = $1))))
"""


async def unwanted(conn: Connection, app_id: int, ids: Sequence[int]) -> dict[int, bool]:
    """Which of these messages are to numbers not to be sent to any more: True for those that opted out, False on a list."""
    return {row[0]: row[1] for row in await conn.fetch(UNWANTED, app_id, ids, CONFIRMING)}


def message_of(row: Row) -> Message:
    """The dispatcher's view of a joined `messages` and `queue` row."""
    return Message(
        app_id=row["app_id"],
        id=row["id"],
        phone=row["phone"],
        kind=Kind(row["kind"]),
        text=row["text"],
        segments=row["segments"],
        sender_id=row["sender_id"],
        extend=row["extend"],
        signature_id=row["signature_id"],
        expires_at=row["expires_at"].timestamp(),
        attempts=row["attempts"],
        sent_mask=row["sent_mask"],
        way=row["way"],
    )


UNSETTLED = """
select m.id from messages m
  left join lateral (select id, charged from settlements where app_id = $1 and id = m.id and id > $2 and id <= $3 limit 1) s on true
 where m.app_id = $1 and m.id > $2 and m.id <= $3 and (s.id is null or s.charged is null)
   and not exists (select from queue q where q.app_id = m.app_id and q.id = m.id)
 order by m.id limit $4
"""


async def unsettled(conn: Connection, app_id: int, *, after_id: int, up_to_id: int, most: int) -> list[int]:
    """Messages of a stretch of time that have left the queue and never ended."""
    return [row[0] for row in await conn.fetch(UNSETTLED, app_id, after_id, up_to_id, most)]


# Who has sent anything has paid, or may pay later. Begun with a table that has the application in its key, each shard answers for its own.
LAST_TO = """
select m.app_id, m.id, m.extend, m.sender_id, m.dialect, m.signature_id, m.session_context
  from (select app_id from watermarks where app_id = any($1) and name = 'pays') a
 cross join lateral (
       select * from messages where app_id = a.app_id and phone = $2 and id >= $3 order by id desc limit 20) m
 order by m.id desc
"""


async def last_to(conn: Connection, app_ids: Sequence[int], phone: int, *, since_id: int) -> list[Row]:
    """The latest messages to a number over these applications, newest first."""
    rows: list[Row] = await conn.fetch(LAST_TO, app_ids, phone, since_id)
    return rows
