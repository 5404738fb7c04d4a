"""Sessions of people who signed in. Only marks of their tokens are kept."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.actor import Role
from hongyan.store import rows
from hongyan.store.times import at, epoch


class SessionRow(msgspec.Struct, frozen=True):
    """A session as its owner sees it."""

    id: int
    account_id: int | None
    address: str
    agent: str
    created_at: float
    seen_at: float
    expires_at: float


class SignedRow(msgspec.Struct, frozen=True):
    """A session with all that decides what it may do."""

    id: int
    user_id: int
    email: str
    name: str
    enabled: bool
    """The user is."""
    operator_role: Role | None
    second_factor: bool
    account_id: int | None
    role: Role | None
    """In that account; None when the user is no member of it."""
    complete: bool
    """All that proves the user was given; before it is good for the second step alone."""
    seen_at: float
    expires_at: float


COLUMNS = f"id, account_id, address, agent, {epoch('created_at')}, {epoch('seen_at')}, {epoch('expires_at')}"

SIGNED = f"""
select s.id, s.user_id, u.email, u.name, u.enabled, u.operator_role, u.totp_sealed is not null as second_factor, s.account_id, m.role,
       s.complete, {epoch("seen_at")}, {epoch("expires_at")}
  from sessions s join users u on u.id = s.user_id left join members m on m.account_id = s.account_id and m.user_id = s.user_id
 where s.mark = $1 and s.expires_at > $2
"""


async def add(
    conn: Connection,
    *,
    mark: bytes,
    user_id: int,
    account_id: int | None,
    complete: bool,
    address: str,
    agent: str,
    now: float,
    expires_at: float,
) -> int:
    """Its number."""
    return int(
        await conn.fetchval(
            "insert into sessions (mark, user_id, account_id, complete, address, agent, created_at, seen_at, expires_at) "
            "values ($1, $2, $3, $4, $5, $6, $7, $7, $8) returning id",
            mark, user_id, account_id, complete, address, agent, at(now), at(expires_at),
        )
    )  # fmt: skip


async def signed(conn: Connection, mark: bytes, now: float) -> SignedRow | None:
    return rows.one(await conn.fetchrow(SIGNED, mark, at(now)), SignedRow)


async def guess(conn: Connection, session_id: int, most: int) -> bool:
    """Count a guess at the code that is still missing; False when there were enough already."""
    counted = await conn.fetchval(
        "update sessions set guesses = guesses + 1 where id = $1 and not complete and guesses < $2 returning true", session_id, most
    )
    return counted is True


async def seen(conn: Connection, session_id: int, now: float) -> None:
    await conn.execute("update sessions set seen_at = $2 where id = $1", session_id, at(now))


async def work_in(conn: Connection, session_id: int, account_id: int | None) -> None:
    await conn.execute("update sessions set account_id = $2 where id = $1", session_id, account_id)


async def of_user(conn: Connection, user_id: int, now: float, most: int) -> list[SessionRow]:
    """The newest first."""
    found = await conn.fetch(
        f"select {COLUMNS} from sessions where user_id = $1 and complete and expires_at > $2 order by id desc limit $3",
        user_id, at(now), most,
    )  # fmt: skip
    return rows.many(found, SessionRow)


async def end(conn: Connection, session_id: int, user_id: int) -> bool:
    """Whether the user had it."""
    return await conn.fetchval("delete from sessions where id = $1 and user_id = $2 returning true", session_id, user_id) is True


async def end_marked(conn: Connection, mark: bytes) -> None:
    await conn.execute("delete from sessions where mark = $1", mark)


async def end_all(conn: Connection, user_id: int, *, beside: bytes = b"") -> None:
    """All of a user, but for the one with this mark."""
    await conn.execute("delete from sessions where user_id = $1 and mark <> $2", user_id, beside)


async def keep_newest(conn: Connection, user_id: int, most: int) -> None:
    """End the oldest ones beyond so many."""
    await conn.execute(
        "delete from sessions where id in (select id from sessions where user_id = $1 order by id desc offset $2)", user_id, most
    )


async def leave(conn: Connection, user_id: int, account_id: int) -> None:
    """A user's sessions in an account are in none from now on."""
    await conn.execute("update sessions set account_id = null where user_id = $1 and account_id = $2", user_id, account_id)


async def sweep(conn: Connection, *, now: float, idle_since: float) -> int:
    """Forget those that are over."""
    return len(await conn.fetch("delete from sessions where expires_at <= $1 or seen_at <= $2 returning id", at(now), at(idle_since)))
