"""Alarm contacts, review hooks, and the alarms each is told, with what came of it."""

import enum
from collections.abc import Mapping, Sequence

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.model.alarm import AlarmKind
from hongyan.store import rows
from hongyan.store.times import at, epoch


class Medium(enum.StrEnum):
    """By which way an alarm goes."""

    MAIL = "mail"
    SMS = "sms"
    HOOK = "hook"
    REVIEW = "review"
    """The account's review callback."""


class ContactRow(msgspec.Struct, frozen=True):
    id: int
    account_id: int
    app_id: int
    name: str
    email: str
    """Empty for none, as with the other ways."""
    phone: int | None
    hook_url: str
    kinds: tuple[AlarmKind, ...]
    """What it is told of."""
    english: bool
    created_at: float

    @property
    def media(self) -> tuple[Medium, ...]:
        """The ways it can be reached by."""
        ways = ((Medium.MAIL, bool(self.email)), (Medium.SMS, self.phone is not None), (Medium.HOOK, bool(self.hook_url)))
        return tuple(medium for medium, there in ways if there)


CONTACT = f"id, account_id, app_id, name, email, phone, hook_url, kinds, english, {epoch('created_at')}"
CHANGEABLE = frozenset({"name", "email", "phone", "hook_url", "hook_secret_sealed", "kinds", "english"})


async def add_contact(conn: Connection, contact: ContactRow, secret_sealed: bytes | None) -> ContactRow:
    """With an id of its own."""
    row = await conn.fetchrow(
        "insert into alarm_contacts (account_id, app_id, name, email, phone, hook_url, hook_secret_sealed, kinds, english, created_at) "
        f"values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning {CONTACT}",
        contact.account_id, contact.app_id, contact.name, contact.email, contact.phone, contact.hook_url, secret_sealed,
        [kind.value for kind in contact.kinds], contact.english, at(contact.created_at),
    )  # fmt: skip
    return msgspec.convert(dict(row), ContactRow)


async def contact(conn: Connection, contact_id: int, account_id: int | None) -> ContactRow | None:
    """Of this account, or of any (None)."""
    row = await conn.fetchrow(
        f"select {CONTACT} from alarm_contacts where id = $1 and ($2::bigint is null or account_id = $2)", contact_id, account_id
    )
    return rows.one(row, ContactRow)


async def contacts(
    conn: Connection, *, account_id: int | None = None, app_id: int | None = None, after_id: int = 0, most: int = 500
) -> list[ContactRow]:
    """In the order of their ids."""
    found = await conn.fetch(
        f"select {CONTACT} from alarm_contacts where ($1::bigint is null or account_id = $1) and ($2::bigint is null or app_id = $2) "
        "and id > $3 order by id limit $4",
        account_id, app_id, after_id, most,
    )  # fmt: skip
    return rows.many(found, ContactRow)


async def change_contact(conn: Connection, contact_id: int, fields: Mapping[str, object]) -> ContactRow | None:
    """Set columns by name; raises KeyError for one that is not there to be changed."""
    if unknown := fields.keys() - CHANGEABLE:
        raise KeyError(*sorted(unknown))
    settings = ", ".join(f"{column} = ${n}" for n, column in enumerate(fields, start=2))
    row = await conn.fetchrow(f"update alarm_contacts set {settings} where id = $1 returning {CONTACT}", contact_id, *fields.values())
    return rows.one(row, ContactRow)


async def remove_contact(conn: Connection, contact_id: int) -> None:
    """What it was still to be told goes with it."""
    await conn.execute("delete from alarm_contacts where id = $1", contact_id)
    await conn.execute("update alarms set due_at = null, error = 'the contact was removed' where contact_id = $1 and due_at is not null",
                       contact_id)  # fmt: skip


async def hook_secret(conn: Connection, contact_id: int) -> bytes | None:
    """Sealed; None when it has no web hook."""
    secret: bytes | None = await conn.fetchval("select hook_secret_sealed from alarm_contacts where id = $1", contact_id)
    return secret


async def watched(conn: Connection) -> dict[int, frozenset[AlarmKind]]:
    """What contacts of each application want to be told of."""
    found = await conn.fetch("select app_id, kind from alarm_contacts cross join unnest(kinds) kind group by app_id, kind")
    kinds: dict[int, set[AlarmKind]] = {}
    for app_id, kind in found:
        kinds.setdefault(app_id, set()).add(AlarmKind(kind))
    return {app_id: frozenset(wanted) for app_id, wanted in kinds.items()}


class ReviewHook(msgspec.Struct, frozen=True):
    """Where an account's review results are posted."""

    account_id: int
    url: str
    secret_sealed: bytes


async def put_review_hook(conn: Connection, hook: ReviewHook, now: float) -> None:
    await conn.execute(
        "insert into review_hooks (account_id, url, secret_sealed, created_at) values ($1, $2, $3, $4) "
        "on conflict (account_id) do update set url = excluded.url, secret_sealed = excluded.secret_sealed",
        hook.account_id, hook.url, hook.secret_sealed, at(now),
    )  # fmt: skip


async def remove_review_hook(conn: Connection, account_id: int) -> None:
    await conn.execute("delete from review_hooks where account_id = $1", account_id)


async def review_hook(conn: Connection, account_id: int) -> ReviewHook | None:
    row = await conn.fetchrow("select account_id, url, secret_sealed from review_hooks where account_id = $1", account_id)
    return rows.one(row, ReviewHook)


class AlarmRow(msgspec.Struct, frozen=True):
    """One telling of one contact by one way."""

    id: int
    account_id: int
    app_id: int | None
    contact_id: int | None
    """None for the review callback."""
    medium: Medium
    kind: str
    """An `AlarmKind`, or "test"."""
    happened: int
    """How many things it tells of."""
    facts: dict[str, object]
    """Of the last of them, with sums where numbers can be added."""
    first_at: float
    last_at: float
    created_at: float
    due_at: float | None
    """When it is told, or tried again; None when that is over."""
    attempts: int
    told_at: float | None
    error: str
    """Why it could not be told, when last tried."""


ALARM = (
    "id, account_id, app_id, contact_id, medium, kind, happened, facts, "
    f"{epoch('first_at')}, {epoch('last_at')}, {epoch('created_at')}, {epoch('due_at')}, attempts, {epoch('told_at')}, error"
)


def _alarms(found: Sequence[Row]) -> list[AlarmRow]:
    return rows.many(({**row, "facts": msgspec.json.decode(row["facts"])} for row in found), AlarmRow)


async def add(conn: Connection, alarm: AlarmRow) -> AlarmRow:
    """With an id of its own."""
    found = await conn.fetch(
        "insert into alarms (account_id, app_id, contact_id, medium, kind, happened, facts, first_at, last_at, created_at, due_at) "
        f"values ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9, $10, $11) returning {ALARM}",
        alarm.account_id, alarm.app_id, alarm.contact_id, alarm.medium.value, alarm.kind, alarm.happened,
        msgspec.json.encode(alarm.facts).decode(), at(alarm.first_at), at(alarm.last_at), at(alarm.created_at),
        None if alarm.due_at is None else at(alarm.due_at),
    )  # fmt: skip
    return _alarms(found)[0]


CLAIM = f"""
with picked as (
    select id from alarms where due_at <= $1 order by due_at limit $2 for update skip locked
)
update alarms set due_at = $3, attempts = attempts + 1 where id in (select id from picked)
returning {ALARM}
"""


async def claim(conn: Connection, *, now: float, lease_until: float, most: int) -> list[AlarmRow]:
    """Take what is due; others get it again when the lease ends without a word."""
    return _alarms(await conn.fetch(CLAIM, at(now), most, at(lease_until)))


async def told(conn: Connection, alarm_id: int, now: float) -> None:
    await conn.execute("update alarms set due_at = null, told_at = $2, error = '' where id = $1", alarm_id, at(now))


async def failed(conn: Connection, alarm_id: int, *, again_at: float | None, error: str) -> None:
    """None gives up: it stays to be seen."""
    await conn.execute(
        "update alarms set due_at = $2, error = $3 where id = $1", alarm_id, None if again_at is None else at(again_at), error[:500]
    )


async def page(conn: Connection, *, account_id: int | None, before_id: int, most: int) -> list[AlarmRow]:
    """The newest first."""
    found = await conn.fetch(
        f"select {ALARM} from alarms where ($1::bigint is null or account_id = $1) and id < $2 order by id desc limit $3",
        account_id, before_id, most,
    )  # fmt: skip
    return _alarms(found)


async def tested_since(conn: Connection, contact_id: int, since: float) -> bool:
    """Whether a contact was sent a test since then."""
    found: bool = await conn.fetchval(
        "select exists (select from alarms where contact_id = $1 and kind = 'test' and created_at > $2)", contact_id, at(since)
    )
    return found


async def tests_since(conn: Connection, account_id: int, since: float) -> int:
    """How many tests an account has asked for since then, of contacts that are no more too."""
    return int(
        await conn.fetchval(
            "select count(*) from alarms where account_id = $1 and kind = 'test' and created_at > $2", account_id, at(since)
        )
    )


async def sweep(conn: Connection, before: float) -> None:
    """What is long over goes."""
    await conn.execute("delete from alarms where created_at < $1 and due_at is null", at(before))
    await conn.execute("delete from alarm_marks where at < $1", at(before))


MARK = """
insert into alarm_marks (account_id, app_id, what, at) values ($1, $2, $3, $4)
    on conflict (account_id, app_id, what) do update set at = excluded.at
"""


async def mark(conn: Connection, account_id: int, app_id: int, what: str, now: float) -> None:
    """Note that something was told of, or passed; 0 stands for the account as a whole."""
    await conn.execute(MARK, account_id, app_id, what, at(now))


async def mark_first(conn: Connection, account_id: int, app_id: int, what: str, now: float) -> bool:
    """The same, and whether it is the first time."""
    done = await conn.fetchval(
        "insert into alarm_marks (account_id, app_id, what, at) values ($1, $2, $3, $4) on conflict do nothing returning 1",
        account_id, app_id, what, at(now),
    )  # fmt: skip
    return done is not None


async def unmark(conn: Connection, account_id: int, app_id: int, what: str) -> None:
    await conn.execute("delete from alarm_marks where account_id = $1 and app_id = $2 and what = $3", account_id, app_id, what)
