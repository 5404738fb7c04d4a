"""Which tables are spread over several servers, which are on each of them, and which stay on the one that everybody connects to."""

import enum
from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.kit.migrate import DURABLE

DISTRIBUTED: tuple[str, ...] = (
    "packages",
    "ledger_entries",
    "ledger_sums",
    "open_holds",
    "refunds",
    "allowlist",
    "blacklist",
    "daily_counts",
    "held_messages",
    "optouts",
    "messages",
    "queue",
    "segments",
    "reports",
    "settlements",
    "suspects",
    "outbox",
    "replies",
    "refusals",
    "refusal_counts",
    "conversions",
    "watermarks",
    "scheduled_sends",
    "answers",
    "charges",
)
"""By app_id, with which their keys begin: all rows of an application are on one server, and what happens to it happens there."""

REFERENCE: tuple[str, ...] = ("accounts", "apps", "api_keys", "signatures", "templates", "links", "senders", "shared_blacklist")
"""A copy on every server: few rows that seldom change, and that rows of applications refer to."""

LOCAL: dict[str, str] = {
    "alarm_contacts": "read where alarms are made",
    "alarm_marks": "as alarm_contacts",
    "alarms": "few, and claimed over all accounts",
    "app_access": "as protections",
    "allotments": "one bucket for an account's requests to all nodes, filled by one clock",
    "alembic_version": "read where migrations are run",
    "answerings": "as protections",
    "approval_rules": "read when somebody applies for something",
    "app_callbacks": "read into the snapshot, not by what accepts",
    "audit_head": "the end of the chain",
    "audit_log": "one chain over all accounts",
    "backlog": "one row for the whole queue",
    "callback_secrets": "as app_callbacks",
    "bill_files": "as bills",
    "bills": "of accounts, over all their applications",
    "calendar_days": "read when somebody applies for something",
    "charge_days": "as bills: what they are the sums of",
    "costs": "read by persons only",
    "credit_entries": "as credits",
    "credits": "one limit for all of an account's applications",
    "deliveries": "noted by every process for all applications at once, and only looked at",
    "documents": "read by persons only",
    "endpoints": "few, and read over all applications",
    "engines": "goes with advisory locks, which are of one server",
    "from_numbers": "as protections",
    "idempotency_keys": "of accounts, asked once a request of the native API",
    "key_uses": "asked beside the keys, and written by every process",
    "letters": "to users",
    "members": "asked when somebody signs in, and for the snapshot",
    "nonces": "asked before any application is",
    "notices": "few, and taken over all accounts",
    "offers": "few, and read by persons only",
    "parked_receipts": "no application is known yet",
    "payments": "one list over all accounts, read by persons only",
    "prices": "read into the snapshot, not by what accepts",
    "protections": "read into the snapshot, not by what accepts",
    "purchases": "of accounts, read by persons only",
    "qualifications": "read by persons only",
    "recovery_codes": "of users",
    "reply_parts": "no application is known yet",
    "review_hooks": "as alarm_contacts",
    "reviews": "one queue over all accounts",
    "sender_extensions": "read into the snapshot, not by what accepts",
    "sessions": "of users",
    "sign_in_tries": "counted over all addresses",
    "snapshot_versions": "goes with NOTIFY, which is of one server",
    "tickets": "of users",
    "users": "people belong to no application",
    "verifications": "of accounts; a reviewer's queue is over all of them",
    "withdrawals": "few, taken over all applications by one job",
    "words": "as protections",
}
"""On the coordinator alone, each with the reason."""

SHARDS = 32
"""Enough to spread over 32 servers some day; each server looks after its own."""


class Obstacle(enum.Enum):
    """Why tables cannot be spread."""

    NO_EXTENSION = "no extension"
    NOT_THE_COORDINATOR = "not the coordinator"
    NO_ADDRESS = "the coordinator has no address"
    NO_WORKER = "no worker"
    IN_USE = "in use"
    ELSEWHERE = "placed otherwise"
    UNSAFE = "unsafe"


class Objection(msgspec.Struct, frozen=True):
    """Why tables cannot be spread, with what it is about."""

    obstacle: Obstacle
    detail: str = ""


HOLDS: tuple[tuple[Obstacle, str], ...] = (
    (Obstacle.NO_EXTENSION, "select exists (select from pg_extension where extname = 'citus')"),
    (Obstacle.NOT_THE_COORDINATOR, "select citus_is_coordinator()"),
    (Obstacle.NO_ADDRESS, "select exists (select from pg_dist_node where groupid = 0 and isactive)"),
    (Obstacle.NO_WORKER, "select exists (select from pg_dist_node where shouldhaveshards and isactive)"),
)
"""What has to be true, in this order: without the extension the other questions cannot be asked."""


async def objection(conn: Connection) -> Objection | None:
    """What has to be done first; None when the tables can be spread."""
    for obstacle, holds in HOLDS:
        if not await conn.fetchval(holds):
            return Objection(obstacle)
    if elsewhere := [row[0] for row in await conn.fetch(ELSEWHERE, DISTRIBUTED, REFERENCE)]:
        return Objection(Obstacle.ELSEWHERE, ", ".join(elsewhere))
    if off := await unsafe(conn):
        return Objection(Obstacle.UNSAFE, ", ".join(off))
    return None


# Tables that were spread by somebody else, by another column, or not beside the others. Those only known to Citus are still in one place.
ELSEWHERE = """
select p.logicalrelid::text from pg_dist_partition p
  left join pg_dist_partition first on first.logicalrelid = to_regclass('packages')
 where p.logicalrelid::text = any($1::text[] || $2::text[]) and not (p.partmethod = 'n' and p.repmodel = 's')
   and case when p.logicalrelid::text = any($1)
            then p.partmethod <> 'h' or column_to_column_name(p.logicalrelid, p.partkey) <> 'app_id' or p.colocationid <> first.colocationid
            else p.partmethod <> 'n' end is not false
 order by 1
"""


async def unsafe(conn: Connection) -> list[str]:
    """Servers and settings (`HOST:PORT SETTING`) that could lose what was promised when the power fails."""
    found = await conn.fetch(
        "select nodename || ':' || nodeport || ' ' || result from run_command_on_workers($1) where result <> ''",
        f"select coalesce(string_agg(name, ' '), '') from pg_settings where setting = 'off' and name in {DURABLE}",
    )
    return [row[0] for row in found]


async def missing(conn: Connection) -> list[str]:
    """Tables that are not in their place yet, those by application first."""
    found = await conn.fetch(
        """select name from unnest($1::text[]) with ordinality t(name, nth)
            where not exists (select from pg_dist_partition p where p.logicalrelid = to_regclass(name)
                                 and (p.partmethod = 'h' or p.repmodel = 't')) order by nth""",
        [*DISTRIBUTED, *REFERENCE],
    )  # fmt: skip
    return [row[0] for row in found]


async def begun(conn: Connection) -> bool:
    """Whether the tables have been spread: what a migration makes later belongs beside them."""
    return DISTRIBUTED[0] not in await missing(conn) and not await conn.fetch(ELSEWHERE, DISTRIBUTED, REFERENCE)


async def distribute(conn: Connection, *, shards: int = SHARDS) -> list[str]:
    """Bring every table to its place with the rows it has; returns which were moved. All or none, when the transaction ends.

    Each table is locked until then. What is in its place already stays as it is.
    """
    for row in await conn.fetch(KEPT_PLANS):
        await conn.execute(row[0])
    moving = await missing(conn)
    if not moving:
        return []
    await conn.execute("set local citus.multi_shard_modify_mode to 'sequential'")
    # A trigger that only refuses is as good on a shard as on the whole table.
    await conn.execute("set local citus.enable_unsafe_triggers to on")
    await conn.execute("set local client_min_messages to warning")
    # A table that another refers to cannot go alone, and what is left behind could not be cleared under a trigger that forbids it.
    again = [*await _set_aside(conn, FOREIGN_KEYS, moving), *await _set_aside(conn, TRUNCATE_TRIGGERS, moving)]
    for table in moving:
        if table in REFERENCE:
            await conn.execute("select create_reference_table($1::text::regclass)", table)
        elif table == DISTRIBUTED[0]:
            await conn.execute("select create_distributed_table($1::text::regclass, 'app_id', colocate_with => 'none', shard_count => $2)",
                               table, shards)  # fmt: skip
        else:
            await conn.execute("select create_distributed_table($1::text::regclass, 'app_id', colocate_with => $2)", table, DISTRIBUTED[0])
    for table in moving:
        await conn.execute("select truncate_local_data_after_distributing_table($1::text::regclass)", table)
    for statement in again:
        await conn.execute(statement)
    return moving


# A kept plan cannot know to which shard a statement goes.
KEPT_PLANS = """
select format('alter function %s set plan_cache_mode = force_custom_plan', oid::regprocedure)
  from pg_proc where proconfig @> array['plan_cache_mode=force_generic_plan']
"""

FOREIGN_KEYS = """
select format('alter table %I drop constraint %I', c.relname, k.conname),
       format('alter table %I add constraint %I %s', c.relname, k.conname, pg_get_constraintdef(k.oid))
  from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class f on f.oid = k.confrelid
 where k.contype = 'f' and k.conparentid = 0 and (c.relname = any($1) or f.relname = any($1))
 order by f.relname = 'accounts' desc, f.relname, c.relname
"""

TRUNCATE_TRIGGERS = """
select format('drop trigger %I on %I', t.tgname, c.relname), pg_get_triggerdef(t.oid)
  from pg_trigger t join pg_class c on c.oid = t.tgrelid where c.relname = any($1) and not t.tgisinternal and t.tgtype & 32 <> 0
"""


async def _set_aside(conn: Connection, what: str, tables: Sequence[str]) -> list[str]:
    """Drop what stands in the way; returns the statements that make it again."""
    found = await conn.fetch(what, tables)
    for row in found:
        await conn.execute(row[0])
    return [row[1] for row in found]
