"""Users: people who sign in."""

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.actor import Role
from hongyan.store import rows
from hongyan.store.times import at, epoch


class UserRow(msgspec.Struct, frozen=True):
    """A user without what proves that it is they."""

    id: int
    email: str
    name: str
    operator_role: Role | None
    enabled: bool
    has_password: bool
    second_factor: bool
    created_at: float
    signed_in_at: float | None


class ProofRow(msgspec.Struct, frozen=True):
    """What proves that it is they: never log or print it."""

    id: int
    email: str
    name: str
    enabled: bool
    password: str | None
    totp_sealed: bytes | None
    totp_wanted: bytes | None
    """A second factor that was begun and not confirmed yet."""
    totp_step: int
    """The time step of the last code that was taken: no code is taken twice."""


COLUMNS = (
    "id, email, name, operator_role, enabled, password is not null as has_password, totp_sealed is not null as second_factor, "
    f"{epoch('created_at')}, {epoch('signed_in_at')}"
)
PROOF = "id, email, name, enabled, password, totp_sealed, totp_wanted, totp_step"


async def add(conn: Connection, *, email: str, name: str, operator_role: Role | None, now: float) -> UserRow:
    """Without a password yet. Raises `UniqueViolation` when the address is taken."""
    row = await conn.fetchrow(
        f"insert into users (email, name, operator_role, enabled, created_at) values ($1, $2, $3, true, $4) returning {COLUMNS}",
        email, name, operator_role, at(now),
    )  # fmt: skip
    return msgspec.convert(dict(row), UserRow)


async def get(conn: Connection, user_id: int) -> UserRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from users where id = $1", user_id), UserRow)


async def named(conn: Connection, email: str) -> UserRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from users where email = $1", email), UserRow)


async def lock(conn: Connection, user_id: int) -> UserRow | None:
    """The user, kept from changing until the transaction ends."""
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from users where id = $1 for no key update", user_id), UserRow)


async def proof(conn: Connection, email: str) -> ProofRow | None:
    return rows.one(await conn.fetchrow(f"select {PROOF} from users where email = $1", email), ProofRow)


async def proof_of(conn: Connection, user_id: int) -> ProofRow | None:
    return rows.one(await conn.fetchrow(f"select {PROOF} from users where id = $1", user_id), ProofRow)


async def lock_proof(conn: Connection, user_id: int) -> ProofRow | None:
    """As `proof`, kept from changing until the transaction ends."""
    return rows.one(await conn.fetchrow(f"select {PROOF} from users where id = $1 for no key update", user_id), ProofRow)


async def page(conn: Connection, *, after_id: int, most: int) -> list[UserRow]:
    found = await conn.fetch(f"select {COLUMNS} from users where id > $1 order by id limit $2", after_id, most)
    return rows.many(found, UserRow)


async def administrators(conn: Connection, *, beside: int) -> int:
    """How many enabled users administer the platform, not counting one. Locked, so that two cannot leave at once."""
    found = await conn.fetch("select id from users where operator_role = 'administrator' and enabled order by id for no key update")
    return sum(row[0] != beside for row in found)


async def set_enabled(conn: Connection, user_id: int, *, enabled: bool) -> None:
    await conn.execute("update users set enabled = $2 where id = $1", user_id, enabled)


async def set_operator_role(conn: Connection, user_id: int, role: Role | None) -> None:
    await conn.execute("update users set operator_role = $2 where id = $1", user_id, role)


async def set_name(conn: Connection, user_id: int, name: str) -> None:
    await conn.execute("update users set name = $2 where id = $1", user_id, name)


async def set_password(conn: Connection, user_id: int, hashed: str, now: float) -> None:
    await conn.execute("update users set password = $2, password_at = $3 where id = $1", user_id, hashed, at(now))


async def signed_in(conn: Connection, user_id: int, now: float) -> None:
    await conn.execute("update users set signed_in_at = $2 where id = $1", user_id, at(now))


async def want_totp(conn: Connection, user_id: int, sealed: bytes) -> None:
    """The secret of a second factor, not in force before it is confirmed."""
    await conn.execute("update users set totp_wanted = $2 where id = $1", user_id, sealed)


async def confirm_totp(conn: Connection, user_id: int, step: int) -> None:
    await conn.execute("update users set totp_sealed = totp_wanted, totp_wanted = null, totp_step = $2 where id = $1", user_id, step)


async def drop_totp(conn: Connection, user_id: int) -> None:
    await conn.execute("update users set totp_sealed = null, totp_wanted = null where id = $1", user_id)


async def use_totp(conn: Connection, user_id: int, step: int) -> None:
    """Note the step of a code that is being taken."""
    await conn.execute("update users set totp_step = $2 where id = $1", user_id, step)


async def set_recovery_codes(conn: Connection, user_id: int, marks: list[bytes]) -> None:
    """In the place of those there are."""
    await conn.execute("delete from recovery_codes where user_id = $1", user_id)
    await conn.execute("insert into recovery_codes (user_id, mark) select $1, unnest($2::bytea[])", user_id, marks)


async def use_recovery_code(conn: Connection, user_id: int, mark: bytes) -> bool:
    """Take a code out; whether it was there."""
    return await conn.fetchval("delete from recovery_codes where user_id = $1 and mark = $2 returning true", user_id, mark) is True


async def recovery_codes(conn: Connection, user_id: int) -> int:
    """How many are left."""
    return int(await conn.fetchval("select count(*) from recovery_codes where user_id = $1", user_id))
