"""Prepaid packages and their purchase in the ledger."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.money import PackageKind, PackageScope
from hongyan.model.snapshot import PackageRef
from hongyan.store import rows, watermarks
from hongyan.store.times import at, epoch


class PackageRow(msgspec.Struct, frozen=True):
    """available + held + used + withdrawn = segments, always."""

    app_id: int
    id: int
    scope: PackageScope
    kind: PackageKind
    segments: int
    """For voice: calls."""
    available: int
    held: int
    used: int
    withdrawn: int
    """Taken out, when its purchase was refunded."""
    late: int
    """Of what was refunded, what came back after the package had expired: it is there, and cannot be used."""
    gift: bool
    effective_at: float
    expires_at: float
    created_at: float
    closed_at: float | None
    """Nothing draws on it since its purchase was refunded."""
    frozen_at: float | None
    """Nothing draws on it while its books do not agree."""
    frozen_why: str


TIMES = ("effective_at", "expires_at", "created_at", "closed_at", "frozen_at")
COLUMNS = f"app_id, id, scope, kind, segments, available, held, used, withdrawn, late, gift, frozen_why, {', '.join(map(epoch, TIMES))}"

BUY = f"""
insert into packages (app_id, scope, kind, segments, available, held, used, gift, effective_at, expires_at, created_at)
values ($1, $2, $8, $3, $3, 0, 0, $4, $5, $6, $7) returning {COLUMNS}
"""


async def buy(
    conn: Connection,
    *,
    app_id: int,
    scope: int,
    kind: PackageKind = PackageKind.GENERAL,
    segments: int,
    gift: bool,
    effective_at: float,
    expires_at: float,
    note: str,
    now: float,
) -> PackageRow:
    """The package and its `buy` entry; `scope` is a `PackageScope`."""
    row = await conn.fetchrow(BUY, app_id, int(scope), segments, gift, at(effective_at), at(expires_at), at(now), int(kind))
    bought = msgspec.convert(dict(row), PackageRow)
    await conn.execute(
        "insert into ledger_entries (app_id, package_id, kind, segments, at, note) values ($1, $2, 'buy', $3, $4, $5)",
        app_id, bought.id, segments, at(now), note,
    )  # fmt: skip
    await watermarks.pays(conn, app_id)
    return bought


async def every(conn: Connection, app_id: int) -> list[PackageRow]:
    """An application's packages, the one that expires first in front."""
    found = await conn.fetch(f"select {COLUMNS} from packages where app_id = $1 order by scope, expires_at, id", app_id)
    return rows.many(found, PackageRow)


async def page(conn: Connection, app_ids: Sequence[int], *, after_id: int, most: int) -> list[PackageRow]:
    """Packages of these applications above `after_id`, in the order of their ids."""
    found = await conn.fetch(
        f"select {COLUMNS} from packages where app_id = any($1) and id > $2 order by id limit $3", app_ids, after_id, most
    )
    return rows.many(found, PackageRow)


BOUGHT = f"""
select {COLUMNS} from packages where app_id = $1 and scope < 2 and created_at >= $2 and created_at < coalesce($3, 'infinity'::timestamptz)
 order by id offset $4 limit $5
"""


async def bought(conn: Connection, app_id: int, *, begin: float, end: float | None, offset: int, most: int) -> list[PackageRow]:
    """An application's packages of segments of a stretch of time, in the order in which they were bought."""
    return rows.many(await conn.fetch(BOUGHT, app_id, at(begin), None if end is None else at(end), offset, most), PackageRow)


class Left(msgspec.Struct, frozen=True):
    """What messages of a kind may still draw on: of packages for all kinds and for theirs."""

    app_id: int
    scope: PackageScope
    kind: PackageKind
    """REGULAR or MARKETING."""
    segments: int


USABLE = "effective_at <= $2 and expires_at > $2 and closed_at is null and frozen_at is null"
LEFT = f"""
select app_id, scope,
       case when bool_or(kind <> 2) then coalesce(sum(available) filter (where {USABLE} and kind <> 2), 0)::bigint end as regular,
       case when bool_or(kind = 2) then coalesce(sum(available) filter (where {USABLE} and kind <> 1), 0)::bigint end as marketing
  from packages where app_id = any($1) and scope < 2 group by app_id, scope order by app_id, scope
"""


async def left(conn: Connection, app_ids: Sequence[int], now: float) -> list[Left]:
    """What is left in the packages of these applications, by scope, for regular messages and for marketing.

    For marketing only where there ever was a package for it alone, for regular ones only where there was any other.
    """
    return [
        Left(row["app_id"], PackageScope(row["scope"]), kind, row[kind.name.lower()])
        for row in await conn.fetch(LEFT, app_ids, at(now))
        for kind in (PackageKind.REGULAR, PackageKind.MARKETING)
        if row[kind.name.lower()] is not None
    ]


async def usable(conn: Connection, *, expiring_after: float) -> list[PackageRef]:
    """What messages can be drawn on, the one that expires first in front."""
    found = await conn.fetch(
        f"select id, app_id, scope, kind, {epoch('effective_at')}, {epoch('expires_at')} "
        "from packages where expires_at > $1 and scope < 2 and closed_at is null and frozen_at is null "
        "order by app_id, scope, expires_at, id",
        at(expiring_after),
    )
    return rows.many(found, PackageRef)


async def get(conn: Connection, app_id: int, package_id: int) -> PackageRow | None:
    return rows.one(await conn.fetchrow(f"select {COLUMNS} from packages where app_id = $1 and id = $2", app_id, package_id), PackageRow)


async def lock(conn: Connection, app_id: int, package_id: int) -> PackageRow | None:
    """Nobody draws on it or settles with it until the transaction ends."""
    row = await conn.fetchrow(f"select {COLUMNS} from packages where app_id = $1 and id = $2 for update", app_id, package_id)
    return rows.one(row, PackageRow)


async def close(conn: Connection, app_id: int, package_id: int, now: float) -> PackageRow | None:
    """Let nothing draw on it any more, and keep it as it is until the transaction ends."""
    row = await conn.fetchrow(
        f"update packages set closed_at = coalesce(closed_at, $3) where app_id = $1 and id = $2 returning {COLUMNS}",
        app_id, package_id, at(now),
    )  # fmt: skip
    return rows.one(row, PackageRow)


WITHDRAW = f"""
update packages set withdrawn = withdrawn + available, available = 0
 where app_id = $1 and id = $2 and closed_at is not null and frozen_at is null and held = 0 returning {COLUMNS}
"""


async def withdraw(conn: Connection, app_id: int, package_id: int, *, note: str, now: float) -> PackageRow | None:
    """Take what is left out of a closed package, with its `withdraw` entry; None while messages that drew on it are on their way."""
    package = rows.one(await conn.fetchrow(WITHDRAW, app_id, package_id), PackageRow)
    if package is not None and package.withdrawn:
        await conn.execute(
            "insert into ledger_entries (app_id, package_id, kind, segments, at, note) values ($1, $2, 'withdraw', $3, $4, $5)",
            app_id, package_id, package.withdrawn, at(now), note,
        )  # fmt: skip
    return package


async def freeze(conn: Connection, app_id: int, package_id: int, why: str, now: float) -> bool:
    """Let nothing draw on it while somebody looks; False when it was frozen already."""
    found = await conn.fetchval(
        "update packages set frozen_at = $3, frozen_why = $4 where app_id = $1 and id = $2 and frozen_at is null returning id",
        app_id, package_id, at(now), why,
    )  # fmt: skip
    return found is not None


async def unfreeze(conn: Connection, app_id: int, package_id: int) -> None:
    await conn.execute("update packages set frozen_at = null, frozen_why = '' where app_id = $1 and id = $2", app_id, package_id)


EXPIRING = f"""
select {COLUMNS} from packages
 where app_id = any($1) and available > 0 and closed_at is null and expires_at > $2 and expires_at <= $3 order by app_id, id
"""


async def expiring(conn: Connection, app_ids: Sequence[int], *, now: float, until: float) -> list[PackageRow]:
    """Packages of these applications with something left that expire up to then."""
    return rows.many(await conn.fetch(EXPIRING, app_ids, at(now), at(until)), PackageRow)


async def release(conn: Connection, app_id: int, package_id: int, segments: int) -> None:
    """What is held can be drawn on again."""
    await conn.execute(
        "update packages set held = held - $3, available = available + $3 where app_id = $1 and id = $2", app_id, package_id, segments
    )


async def frozen(conn: Connection) -> int:
    """How many are."""
    return int(await conn.fetchval("select count(*) from packages where frozen_at is not null"))
