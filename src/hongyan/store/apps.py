"""Applications and the numbers exempt from their limits."""

from collections.abc import Mapping, Sequence

import msgspec

from hongyan.kit.db import Connection, Row
from hongyan.model.limits import Limits, Window
from hongyan.model.snapshot import Scope
from hongyan.store.times import at, epoch

LIMITS: tuple[str, ...] = Limits.__struct_fields__
"""Each limit with a name is the column limit_<name>; the other windows are in limit_windows."""

CHANGEABLE: frozenset[str] = frozenset(
    {
        "name",
        "enabled",
        "pull",
        "report_url",
        "reply_url",
        "context_in_reports",
        "sender_id",
        "extend_allowed",
        "networks",
        "scope",
        "project_id",
        "project_name",
    }
)


class AppRow(msgspec.Struct, frozen=True):
    """An application without its key."""

    id: int
    account_id: int
    name: str
    enabled: bool
    limits: Limits
    pull: bool
    report_url: str
    reply_url: str
    context_in_reports: bool
    sender_id: str
    extend_allowed: bool
    created_at: float
    networks: tuple[str, ...] = ()
    """From where its AppKey may be used; empty means from anywhere."""
    scope: Scope | None = None
    """What its owner says it is for; it can send anywhere all the same."""
    project_id: str = ""
    """What its owner books it under, with its name; nothing here depends on it."""
    project_name: str = ""
    windows: tuple[Window, ...] = ()
    """Frequency limits beside those with a name."""


class SealedApp(msgspec.Struct, frozen=True):
    app: AppRow
    app_key_sealed: bytes


COLUMNS = (
    "id, account_id, name, enabled, pull, report_url, reply_url, context_in_reports, sender_id, extend_allowed, networks, "
    "scope, project_id, project_name, "
    f"{epoch('created_at')}, " + ", ".join(f"limit_{name}" for name in LIMITS) + ", limit_windows"
)


def _app(row: Row) -> AppRow:
    fields = dict(row)
    fields["limits"] = {name: fields[f"limit_{name}"] for name in LIMITS}
    fields["windows"] = msgspec.json.decode(fields["limit_windows"])
    return msgspec.convert(fields, AppRow)


async def next_id(conn: Connection) -> int:
    """A fresh SdkAppID; taken before the insert because the key is sealed for it."""
    return int(await conn.fetchval("select nextval('app_ids')"))


async def add(
    conn: Connection,
    *,
    app_id: int,
    account_id: int,
    name: str,
    app_key_sealed: bytes,
    limits: Limits,
    windows: Sequence[Window],
    pull: bool,
    now: float,
) -> AppRow:
    """Raises `UniqueViolation` when the account has one of that name."""
    row = await conn.fetchrow(
        f"""
        insert into apps (id, account_id, name, app_key_sealed, enabled, pull, report_url, reply_url, context_in_reports, sender_id,
                          extend_allowed, created_at, limit_windows, {", ".join(f"limit_{name}" for name in LIMITS)})
        values ($1, $2, $3, $4, true, $5, '', '', false, '', false, $6, $7::jsonb,
                {", ".join(f"${8 + n}" for n in range(len(LIMITS)))})
        returning {COLUMNS}
        """,
        app_id, account_id, name, app_key_sealed, pull, at(now), _json(windows), *msgspec.structs.astuple(limits),
    )  # fmt: skip
    return _app(row)


async def get(conn: Connection, app_id: int) -> AppRow | None:
    row = await conn.fetchrow(f"select {COLUMNS} from apps where id = $1", app_id)
    return None if row is None else _app(row)


async def lock(conn: Connection, app_id: int) -> AppRow | None:
    """The application, kept from changing until the transaction ends: what is counted per application is counted under this lock."""
    row = await conn.fetchrow(f"select {COLUMNS} from apps where id = $1 for no key update", app_id)
    return None if row is None else _app(row)


async def named(conn: Connection, account_id: int, name: str) -> AppRow | None:
    row = await conn.fetchrow(f"select {COLUMNS} from apps where account_id = $1 and name = $2", account_id, name)
    return None if row is None else _app(row)


async def every(conn: Connection, account_id: int | None) -> list[AppRow]:
    """An account's applications, or all."""
    found = await conn.fetch(f"select {COLUMNS} from apps where $1::bigint is null or account_id = $1 order by id", account_id)
    return [_app(row) for row in found]


async def some(conn: Connection, ids: Sequence[int]) -> dict[int, AppRow]:
    """By id; what is not there is left out."""
    found = await conn.fetch(f"select {COLUMNS} from apps where id = any($1::bigint[])", ids)
    return {row["id"]: _app(row) for row in found}


async def count(conn: Connection, account_id: int) -> int:
    return int(await conn.fetchval("select count(*) from apps where account_id = $1", account_id))


async def page(conn: Connection, *, account_id: int | None, after_id: int, most: int) -> list[AppRow]:
    """An account's or all, those above `after_id`, in the order of their ids."""
    found = await conn.fetch(
        f"select {COLUMNS} from apps where ($1::bigint is null or account_id = $1) and id > $2 order by id limit $3",
        account_id, after_id, most,
    )  # fmt: skip
    return [_app(row) for row in found]


async def sealed(conn: Connection, app_id: int | None = None) -> list[SealedApp]:
    """One application, or all, with their sealed keys."""
    found = await conn.fetch(f"select {COLUMNS}, app_key_sealed from apps where $1::bigint is null or id = $1", app_id)
    return [SealedApp(app=_app(row), app_key_sealed=row["app_key_sealed"]) for row in found]


def _json(windows: Sequence[Window]) -> str:
    return msgspec.json.encode(windows).decode()


async def change(
    conn: Connection, app_id: int, fields: Mapping[str, object], limits: Mapping[str, int], windows: Sequence[Window] | None = None
) -> AppRow | None:
    """Set columns by name, and all windows when given; raises KeyError for a column that is not there to be changed."""
    if unknown := (fields.keys() - CHANGEABLE) | (limits.keys() - set(LIMITS)):
        raise KeyError(*sorted(unknown))
    values = [*fields.values(), *limits.values(), *(() if windows is None else (_json(windows),))]
    columns = [*fields, *(f"limit_{name}" for name in limits), *(() if windows is None else ("limit_windows",))]
    settings = ", ".join(f"{column} = ${n}" for n, column in enumerate(columns, start=2))
    row = await conn.fetchrow(f"update apps set {settings} where id = $1 returning {COLUMNS}", app_id, *values)
    return None if row is None else _app(row)


async def allow(conn: Connection, app_id: int, phones: Sequence[int]) -> int:
    """Put numbers on the allow-list; how many were not on it yet."""
    found = await conn.fetch(
        "insert into allowlist (app_id, phone) select $1, unnest($2::bigint[]) on conflict do nothing returning phone",
        app_id, phones,
    )  # fmt: skip
    return len(found)


async def disallow(conn: Connection, app_id: int, phones: Sequence[int]) -> int:
    """Take numbers off the allow-list; how many were on it."""
    found = await conn.fetch("delete from allowlist where app_id = $1 and phone = any($2) returning phone", app_id, phones)
    return len(found)


async def allowed(conn: Connection, app_id: int) -> list[int]:
    return [row[0] for row in await conn.fetch("select phone from allowlist where app_id = $1 order by phone", app_id)]


async def all_allowed(conn: Connection) -> dict[int, frozenset[int]]:
    """The allow-lists of all applications that have one."""
    found = await conn.fetch("select app_id, array_agg(phone) from allowlist group by app_id")
    return {app_id: frozenset(phones) for app_id, phones in found}
