"""The queue of what somebody has to decide on, and what was decided."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.model.papers import ReviewKind, ReviewState
from hongyan.store.times import at, epoch


class ReviewRow(msgspec.Struct, frozen=True):
    id: int
    kind: ReviewKind
    subject_id: int
    """Of the qualification, signature, template, account or held message."""
    account_id: int
    app_id: int | None
    title: str
    facts: dict[str, Any]
    """What was applied for, as it was then."""
    state: ReviewState
    ready: bool
    """What it rests on is decided: it can be decided too."""
    submitted_at: float
    due_at: float
    urged_at: float | None
    urges: int
    claimed_by: str
    """The reviewer who has it in hand until `claimed_until`; empty when nobody ever had."""
    claimed_name: str
    claimed_until: float | None
    decided_at: float | None
    decided_by: str
    decided_name: str
    reasons: tuple[str, ...]
    note: str


COLUMNS = (
    f"id, kind, subject_id, account_id, app_id, title, facts, state, ready, {epoch('submitted_at')}, {epoch('due_at')}, "
    f"{epoch('urged_at')}, urges, claimed_by, claimed_name, {epoch('claimed_until')}, {epoch('decided_at')}, decided_by, decided_name, "
    "reasons, note"
)


def _one(row: Row) -> ReviewRow:
    return msgspec.convert(dict(row) | {"facts": msgspec.json.decode(row["facts"])}, ReviewRow)


def _maybe(row: Row | None) -> ReviewRow | None:
    return None if row is None else _one(row)


async def add(
    conn: Connection,
    *,
    kind: ReviewKind,
    subject_id: int,
    account_id: int,
    app_id: int | None,
    title: str,
    facts: Mapping[str, Any],
    ready: bool,
    now: float,
    due_at: float,
) -> ReviewRow:
    """Raises `UniqueViolation` when one about the same is open."""
    row = await conn.fetchrow(
        "insert into reviews (kind, subject_id, account_id, app_id, title, facts, state, ready, submitted_at, due_at) "
        f"values ($1, $2, $3, $4, $5, $6::jsonb, 'pending', $7, $8, $9) returning {COLUMNS}",
        kind.value, subject_id, account_id, app_id, title, msgspec.json.encode(facts).decode(), ready, at(now), at(due_at),
    )  # fmt: skip
    return _one(row)


async def lock(conn: Connection, review_id: int) -> ReviewRow | None:
    return _maybe(await conn.fetchrow(f"select {COLUMNS} from reviews where id = $1 for no key update", review_id))


async def get(conn: Connection, review_id: int, *, account_id: int | None) -> ReviewRow | None:
    return _maybe(
        await conn.fetchrow(
            f"select {COLUMNS} from reviews where id = $1 and ($2::bigint is null or account_id = $2)", review_id, account_id
        )
    )


async def lock_open(conn: Connection, kind: ReviewKind, subject_id: int) -> ReviewRow | None:
    """The one about this that is not decided."""
    return _maybe(
        await conn.fetchrow(
            f"select {COLUMNS} from reviews where kind = $1 and subject_id = $2 and state = 'pending' for no key update",
            kind.value, subject_id,
        )
    )  # fmt: skip


async def close(
    conn: Connection,
    review_id: int,
    state: ReviewState,
    *,
    by: str,
    name: str,
    reasons: Sequence[str] = (),
    note: str = "",
    now: float,
) -> ReviewRow:
    row = await conn.fetchrow(
        "update reviews set state = $2, decided_by = $3, decided_name = $4, reasons = $5, note = $6, decided_at = $7, claimed_until = null "
        f"where id = $1 returning {COLUMNS}",
        review_id, state.value, by, name, list(reasons), note, at(now),
    )  # fmt: skip
    return _one(row)


async def urge(conn: Connection, review_id: int, now: float) -> ReviewRow:
    row = await conn.fetchrow(f"update reviews set urged_at = $2, urges = urges + 1 where id = $1 returning {COLUMNS}", review_id, at(now))
    return _one(row)


async def begin(conn: Connection, review_id: int, due_at: float) -> None:
    """It can be decided from now on, until then."""
    await conn.execute("update reviews set ready = true, due_at = $2 where id = $1", review_id, at(due_at))


async def claim(conn: Connection, review_id: int, *, by: str, name: str, until: float) -> ReviewRow:
    row = await conn.fetchrow(
        f"update reviews set claimed_by = $2, claimed_name = $3, claimed_until = $4 where id = $1 returning {COLUMNS}",
        review_id, by, name, at(until),
    )  # fmt: skip
    return _one(row)


async def release(conn: Connection, review_id: int) -> ReviewRow:
    return _one(await conn.fetchrow(f"update reviews set claimed_until = null where id = $1 returning {COLUMNS}", review_id))


async def lock_next(conn: Connection, kinds: Sequence[ReviewKind], now: float) -> ReviewRow | None:
    """The most urgent one that nobody has in hand; what others are just looking at is left out."""
    return _maybe(
        await conn.fetchrow(
            f"select {COLUMNS} from reviews where state = 'pending' and ready and kind = any($1::text[]) "
            "and (claimed_until is null or claimed_until < $2) "
            "order by least(due_at, urged_at), id limit 1 for no key update skip locked",
            [kind.value for kind in kinds], at(now),
        )
    )  # fmt: skip


async def queue(conn: Connection, *, kinds: Sequence[ReviewKind], after_id: int, most: int) -> list[ReviewRow]:
    """Those that are open, the most urgent first; `after_id` is the last one of the page before."""
    found = await conn.fetch(
        f"select {COLUMNS} from reviews where state = 'pending' and ready and kind = any($1::text[]) and ($2::bigint = 0 or "
        "(least(due_at, urged_at), id) > (select least(due_at, urged_at), id from reviews where id = $2)) "
        "order by least(due_at, urged_at), id limit $3",
        [kind.value for kind in kinds], after_id, most,
    )  # fmt: skip
    return [_one(row) for row in found]


async def page(
    conn: Connection,
    *,
    account_id: int | None,
    kind: ReviewKind | None,
    state: ReviewState | None,
    subject_id: int | None,
    before_id: int,
    most: int,
) -> list[ReviewRow]:
    """The newest first; None means any."""
    found = await conn.fetch(
        f"select {COLUMNS} from reviews where ($1::bigint is null or account_id = $1) and ($2::text is null or kind = $2) "
        "and ($3::text is null or state = $3) and ($4::bigint is null or subject_id = $4) and id < $5 order by id desc limit $6",
        account_id, kind and kind.value, state and state.value, subject_id, before_id, most,
    )  # fmt: skip
    return [_one(row) for row in found]


async def waiting(conn: Connection, now: float) -> dict[ReviewKind, tuple[int, int]]:
    """By kind: how many are open, and how many of them are overdue."""
    found = await conn.fetch(
        "select kind, count(*) as open, count(*) filter (where due_at < $1) as overdue from reviews "
        "where state = 'pending' and ready group by kind",
        at(now),
    )  # fmt: skip
    return {ReviewKind(row["kind"]): (row["open"], row["overdue"]) for row in found}


# Rules that approve by themselves, and days that are other than the packaged calendar says.


async def rules(conn: Connection) -> list[str]:
    """Names of those that are switched on."""
    return [row[0] for row in await conn.fetch("select name from approval_rules order by name")]


async def switch_rule(conn: Connection, name: str, *, on: bool, now: float) -> bool:
    """Whether that changed anything."""
    if on:
        done = await conn.fetchval(
            "insert into approval_rules (name, since) values ($1, $2) on conflict do nothing returning name", name, at(now)
        )
    else:
        done = await conn.fetchval("delete from approval_rules where name = $1 returning name", name)
    return done is not None
