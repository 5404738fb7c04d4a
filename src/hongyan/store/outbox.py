"""Events owed to customers, in bundles: callbacks claim them, pulls take from them, both from the same rows.

A bundle is a row with up to `BUNDLE` events of one application, kind and dialect. Reports are in it word for word, of replies the ids.
"""

import enum
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.model.event import EventKind, NoticeEvent, VoiceEvent
from hongyan.store.rows import by_app
from hongyan.store.times import at

BUNDLE = 100
"""As many as the dialects take in one call."""


class Callback(enum.IntEnum):
    """Where an event's callback stands."""

    NONE = 0
    DUE = 1
    DONE = 2
    DEAD = 3
    ELSEWHERE = 4
    """Due, at an address that the messages named themselves."""


REPLY_OWED = """
insert into outbox (app_id, id, kind, dialect, events, callback, pulled, due_at, created_at, ids)
values ($1, $2, 2, $3, 1, $4, $5, $6, $6, array[$2::bigint])
on conflict do nothing
"""


async def put_reply(conn: Connection, app_id: int, reply_id: int, dialect: int, *, callback: bool, pull: bool, now: float) -> None:
    """Owe an application this reply, once however often it is said. With `callback` the callback dispatchers are woken at commit."""
    await conn.execute(REPLY_OWED, app_id, reply_id, dialect, int(callback), int(not pull), at(now))
    if callback:
        await ring(conn, app_id, EventKind.REPLY)


# In the places of reports: the type in codes, what happened in contexts.
NOTICE_OWED = """
insert into outbox (app_id, id, kind, dialect, events, callback, pulled, due_at, created_at, ids, phones, segments, statuses, codes, ends,
                    contexts)
values ($1, $2, 3, 0, 1, 1, 1, $6, $6, array[$2::bigint], array[0], array[0], array[0], array[$3], array[$4::float8], array[$5])
"""


async def put_notice(conn: Connection, event: NoticeEvent, now: float) -> None:
    """Owe an application this event; the callback dispatchers are woken at commit."""
    await conn.execute(NOTICE_OWED, event.app_id, event.event_id, event.type, event.at, event.data, at(now))
    await ring(conn, event.app_id, EventKind.NOTICE)


# In the places of reports: what happened in contexts. A call is a bundle, so that its facts are told one after the other.
VOICE_OWED = """
insert into outbox as o (app_id, id, kind, dialect, events, callback, pulled, due_at, created_at, ids, phones, segments, statuses, codes,
                         ends, contexts)
values ($1, $2, 4, $3, 1, 1, 1, $8, $8, array[$4::bigint], array[$5::bigint], array[0::smallint], array[0::smallint], array[''],
        array[$6::float8], array[$7])
on conflict (app_id, id) do update
   set events = o.events + 1, pulled = o.pulled + 1, callback = 1, done_at = null,
       due_at = case when o.callback = 1 then o.due_at else excluded.due_at end,
       attempts = case when o.callback = 1 then o.attempts else 0 end,
       ids = o.ids || excluded.ids, phones = o.phones || excluded.phones, segments = o.segments || excluded.segments,
       statuses = o.statuses || excluded.statuses, codes = o.codes || excluded.codes, ends = o.ends || excluded.ends,
       contexts = o.contexts || excluded.contexts
 where not o.ids && excluded.ids
"""


async def put_voice(conn: Connection, event: VoiceEvent, now: float) -> None:
    """Owe an application this fact of a call, once however often it is said, behind those of the same call that were owed before.

    Only for one that has an address for it (`CallbackSettings.voice_url`). The callback dispatchers are woken at commit.
    """
    told = msgspec.json.encode(event).decode()
    await conn.execute(VOICE_OWED, event.app_id, event.call_id, event.dialect, event.event_id, event.phone, event.at, told, at(now))
    await ring(conn, event.app_id, EventKind.VOICE)


async def ring(conn: Connection, app_id: int, kind: EventKind) -> None:
    """Wake the callback dispatchers when this transaction commits, with the word "APPLICATION KIND": this is owed."""
    await conn.execute("select pg_notify('hongyan_outbox', $1)", f"{app_id} {kind}")


Key: TypeAlias = tuple[int, EventKind, str]
"""What is served by itself: an application's reports or replies, and the place they go to.

A place is the beginning of addresses that messages named (`https://name:port`); empty stands for the application's own address.
"""


def rung(word: str) -> Key:
    """What a word of `ring`, or of the function `settle_messages`, says."""
    app_id, kind, *place = word.split(" ", 2)
    return int(app_id), EventKind(int(kind)), place[0] if place else ""


class Reports(msgspec.Struct, frozen=True):
    """What the reports of a bundle say, one after the other in the same places."""

    ids: list[int]
    phones: list[int]
    segments: list[int]
    statuses: list[int]
    codes: list[str]
    ends: list[float]
    """Unix seconds."""
    contexts: list[str]


class Bundle(msgspec.Struct, frozen=True):
    """Events in a callback dispatcher's hands until its lease ends."""

    id: int
    dialect: int
    attempts: int
    created_at: float
    ids: list[int]
    reports: Reports | None
    """None for replies."""
    told: int = 0
    """So many of its events, from the first on, were taken before."""
    url: str = ""
    """The address that the messages named; empty means the application's."""


CLAIM = """
select id, dialect, attempts, created_at, ids, phones, segments, statuses, codes, ends, contexts, told, url
  from claim_bundles($1, $2, $3, $4, $5, $6, $7)
"""


async def claim(conn: Connection, key: Key, *, now: float, lease_until: float, most: int, told: Sequence[int] = ()) -> list[Bundle]:
    """Take due bundles for one place; others get them again when the lease ends unanswered.

    Those in `told` the customer's server has taken. The commit is not waited for: what a crash takes back is told again.
    """
    app_id, kind, place = key
    rows = await conn.fetch(CLAIM, app_id, kind, at(now), most, at(lease_until), told, place)
    found = [
        Bundle(
            id=row[0],
            dialect=row[1],
            attempts=row[2],
            created_at=row[3].timestamp(),
            ids=row[4],
            reports=None if kind is EventKind.REPLY else Reports(*row[4:11]),
            told=row[11],
            url=row[12] or "",
        )
        for row in rows
    ]
    return sorted(found, key=lambda bundle: bundle.id)


# Who owes an event has paid, or may pay later. Begun with a table that has the application in its key, each shard can answer for its own.
DUE = """
select a.app_id, d.kind, d.place
  from (select distinct app_id from watermarks where app_id = any($1) and name in ('pays', 'is told of')) a
 cross join lateral (
       (select kind, '' as place from outbox where app_id = a.app_id and kind = 1 and callback = 1 and due_at <= $2 limit 1)
        union all
       (select kind, '' from outbox where app_id = a.app_id and kind = 2 and callback = 1 and due_at <= $2 limit 1)
        union all
       (select kind, '' from outbox where app_id = a.app_id and kind = 3 and callback = 1 and due_at <= $2 limit 1)
        union all
       (select kind, '' from outbox
         where app_id = a.app_id and kind = 4 and callback = 1 and due_at <= $2 and a.app_id = any($3) limit 1)
        union all
       (select kind, place from outbox where app_id = a.app_id and callback = 4 and due_at <= $2 limit 1)) d
"""


async def due(conn: Connection, app_ids: Sequence[int], now: float, *, voice: Sequence[int] = ()) -> list[Key]:
    """Which of these applications have callbacks due, by kind; an index probe for each. Of other places one is named: see `places`.

    Of calls only those in `voice` are asked.
    """
    return [(row[0], EventKind(row[1]), row[2]) for row in await conn.fetch(DUE, app_ids, at(now), voice)]


async def places(conn: Connection, app_id: int, now: float, most: int) -> list[Key]:
    """The places that messages of one application named, and where something is due, of the first so many; two index probes for each."""
    return [(app_id, EventKind.REPORT, row[0]) for row in await conn.fetch("select * from places_due($1, $2, $3)", app_id, at(now), most)]


async def delivered(conn: Connection, app_id: int, bundles: Sequence[int], now: float) -> None:
    """The customer's server has taken them."""
    await conn.execute(
        "update outbox set callback = 2, done_at = $3, last_error = null where app_id = $1 and id = any($2)", app_id, bundles, at(now)
    )


class Failure(msgspec.Struct, frozen=True):
    """A bundle that was not taken, or not all of it."""

    id: int
    due_at: float | None
    """When it is tried again, in Unix seconds; None gives up: it then stays visible as dead."""
    told: int
    error: str


async def failed(conn: Connection, app_id: int, some: Sequence[Failure]) -> None:
    """Try again, or give up for good."""
    await conn.execute(
        """update outbox o
              set callback = case when u.due is null then 3 else o.callback end, due_at = coalesce(u.due, o.due_at), told = u.told,
                  attempts = case when u.told > o.told then 1 else o.attempts end,
                  last_error = u.error
             from unnest($2::bigint[], $3::timestamptz[], $4::smallint[], $5::text[]) u(id, due, told, error)
            where o.app_id = $1 and o.id = u.id""",
        app_id, [f.id for f in some], [None if f.due_at is None else at(f.due_at) for f in some], [f.told for f in some],
        [f.error[:500] for f in some],
    )  # fmt: skip


async def progress(conn: Connection, app_id: int, told: Mapping[int, int], now: float) -> None:
    """So many events of these bundles were taken; the rest is due at once, and this was no failure. Where there is none, it is done."""
    await conn.execute(
        """update outbox o set told = u.told, due_at = $4, attempts = greatest(o.attempts - 1, 0),
                  callback = case when u.told < o.events then o.callback else 2 end,
                  done_at = case when u.told < o.events then o.done_at else $4 end,
                  last_error = case when u.told < o.events then o.last_error end
             from unnest($2::bigint[], $3::smallint[]) u(id, told) where o.app_id = $1 and o.id = u.id""",
        app_id, list(told), list(told.values()), at(now),
    )  # fmt: skip


HASTEN = """
with late as (
    select id from outbox where app_id = $1 and kind = $2 and callback = $3 and ($4 = '' or place = $4) and due_at > $6 limit 10000
)
update outbox o set due_at = $5 from late l where o.app_id = $1 and o.id = l.id
"""


async def hasten(conn: Connection, key: Key, now: float, *, beyond: float) -> None:
    """What is due for one place only after `beyond` (so that nobody has it in hand) is due now."""
    app_id, kind, place = key
    await conn.execute(HASTEN, app_id, kind, Callback.ELSEWHERE if place else Callback.DUE, place, at(now), at(beyond))


# Whoever pulls at the same time waits for his turn: bundles are large, and skipping them would leave him with nothing.
TAKE = """
with heads as (
    select id, events, pulled from outbox where app_id = $1 and kind = $2 and pulled < events order by id limit $3 for update
), running as (
    select id, events, pulled, sum(events - pulled) over (order by id) - (events - pulled) as before from heads
), picked as (
    select id, pulled, least(events, pulled + $3 - before)::smallint as upto from running where before < $3
)
update outbox o set pulled = p.upto, pulled_at = $4
  from picked p where o.app_id = $1 and o.id = p.id
returning o.id, o.dialect, o.ids[p.pulled + 1 : p.upto], o.phones[p.pulled + 1 : p.upto], o.segments[p.pulled + 1 : p.upto],
          o.statuses[p.pulled + 1 : p.upto], o.codes[p.pulled + 1 : p.upto], o.ends[p.pulled + 1 : p.upto],
          o.contexts[p.pulled + 1 : p.upto]
"""


async def take(conn: Connection, app_id: int, kind: EventKind, *, now: float, most: int) -> list[Bundle]:
    """Hand out at most so many events to a pull, each once, oldest bundles first: those events alone are in what is returned."""
    rows = await conn.fetch(TAKE, app_id, kind, most, at(now))
    found = [
        Bundle(
            id=row[0],
            dialect=row[1],
            attempts=0,
            created_at=0.0,
            ids=row[2],
            reports=Reports(*row[2:9]) if kind is EventKind.REPORT else None,
        )
        for row in rows
    ]
    return sorted(found, key=lambda bundle: bundle.id)


REPORTS_OF = """
select m.id, m.phone, m.segments, s.status, s.code, extract(epoch from s.done_at)::float8, m.session_context, m.dialect
  from (select * from messages where app_id = $1 and phone = $2 and id >= $3 order by id desc) m
 cross join lateral (select * from settlements where app_id = $1 and id = m.id and status > 3 limit 1) s
 where m.id < $4
 order by m.id desc limit $5
"""


async def reports_of(conn: Connection, app_id: int, phone: int, *, from_id: int, to_id: int, most: int) -> list[Row]:
    """Final reports of one number's messages in a stretch of time, newest first; consumes nothing."""
    rows: list[Row] = await conn.fetch(REPORTS_OF, app_id, phone, from_id, to_id, most)
    return rows


async def replies(conn: Connection, app_id: int, ids: Sequence[int]) -> list[Row]:
    """What the replies of these events say."""
    rows: list[Row] = await conn.fetch("select * from replies where app_id = $1 and id = any($2) order by id", app_id, ids)
    return rows


async def replies_of(conn: Connection, app_id: int, phone: int, *, from_id: int, to_id: int, most: int) -> list[Row]:
    """One number's replies in a stretch of time, newest first; consumes nothing."""
    rows: list[Row] = await conn.fetch(
        "select * from replies where app_id = $1 and phone = $2 and id >= $3 and id < $4 order by id desc limit $5",
        app_id, phone, from_id, to_id, most,
    )  # fmt: skip
    return rows


async def sweep(conn: Connection, *, before_id: int, most: int) -> int:
    """Forget events whose customers have had a week for them; returns how many went."""
    old = await conn.fetch("select app_id, id from outbox where id < $1 and callback not in (1, 4) limit $2", before_id, most)
    swept = 0
    for app_id, ids in by_app(old).items():
        swept += len(
            await conn.fetch("delete from outbox where app_id = $1 and id = any($2) and callback not in (1, 4) returning id", app_id, ids)
        )
    return swept
