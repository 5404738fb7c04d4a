"""The tables as the checker wants them."""

import msgspec

from chaos.checker import Message, Package, Settlement, Tables
from hongyan.kit.db import Connection
from hongyan.model.message import Kind, Status
from journeys import invariants

PACKAGES = """
select p.id, p.segments, p.available, p.held, p.used, coalesce(e.entries, '{}'::jsonb)::text as entries,
       coalesce(u.segments, 0) as unsettled, coalesce(c.charged, 0) - coalesce(r.segments, 0) as charged
  from packages p
  left join (select package_id, jsonb_object_agg(kind, n) as entries
               from (select package_id, kind, sum(segments) as n from ledger_entries group by 1, 2) k group by 1) e on e.package_id = p.id
  left join (select m.package_id, sum(m.segments) as segments from messages m
               left join settlements s on s.app_id = m.app_id and s.id = m.id
              where s.id is null or s.charged is null group by 1) u on u.package_id = p.id
  left join (select package_id, sum(charged) as charged from settlements group by 1) c on c.package_id = p.id
  left join (select package_id, sum(segments) as segments from refunds group by 1) r on r.package_id = p.id
"""
LEFT = """
select (select count(*) from queue where app_id = $1) as queued, (select count(*) from parked_receipts where phone <> all($2)) as parked,
       (select count(*) from outbox where app_id = $1 and callback = 1)
       + (select count(*) from scheduled_sends where app_id = $1 and state in ('waiting', 'sending')) as untold
"""


async def look(conn: Connection, app_id: int, aside: frozenset[str]) -> Tables:
    """One application's messages, everybody's money, in one instant; `aside` are numbers whose receipts may be ambiguous."""
    async with conn.transaction(isolation="repeatable_read"):
        await conn.execute("set local enable_nestloop = off")
        messages = await conn.fetch("select id, phone, kind, segments from messages where app_id = $1", app_id)
        settlements = await conn.fetch("select id, status, charged from settlements where app_id = $1", app_id)
        suspects = await conn.fetch("select message_id, sequence from suspects where app_id = $1", app_id)
        taken = await conn.fetch("select message_id, sequence from segments where app_id = $1", app_id)
        packages = await conn.fetch(PACKAGES)
        left = await conn.fetchrow(LEFT, app_id, sorted(map(int, aside)))
    return Tables(
        messages=[Message(row["id"], str(row["phone"]), Kind(row["kind"]), row["segments"]) for row in messages],
        settlements={row["id"]: Settlement(Status(row["status"]), row["charged"]) for row in settlements},
        suspects={(row[0], row[1]) for row in suspects},
        taken={(row[0], row[1]) for row in taken},
        packages=[_package(row) for row in packages],
        queued=left["queued"],
        parked=left["parked"],
        untold=left["untold"],
        laws=await invariants.broken(conn, at_rest=False),
    )


def _package(row: object) -> Package:
    fields = dict(row)
    entries = msgspec.json.decode(fields.pop("entries"), type=dict[str, int])
    return Package(**{name: int(value) for name, value in fields.items()}, entries=entries)
