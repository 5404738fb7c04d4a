"""What is not certain: segments whose answer was lost, and receipts that match nothing yet."""

from collections.abc import Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.carrier import Receipt, Verdict
from hongyan.store.times import at


class Suspect(msgspec.Struct, frozen=True):
    """A segment that the carrier may have taken."""

    app_id: int
    message_id: int
    sequence: int
    total: int
    attempt: int
    link_id: int | None
    phone: int
    reference: int
    """The user_message_reference that was sent with it."""
    why: str
    heard_of: bool = False
    """An answer or a receipt has come since."""


async def suspect(conn: Connection, suspects: Sequence[Suspect], now: float) -> None:
    """List them; they stay listed, with how they were resolved."""
    await conn.executemany(
        """insert into suspects (app_id, message_id, sequence, attempt, total, link_id, phone, reference, why, lost_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing""",
        [
            (s.app_id, s.message_id, s.sequence, s.attempt, s.total, s.link_id, s.phone, s.reference, s.why, at(now))
            for s in suspects
        ],
    )  # fmt: skip


async def suspects_to(conn: Connection, phones: Sequence[int], *, since: float) -> list[Suspect]:
    """Suspects to these numbers, oldest first: those that were given up, sent again or heard of since are among them."""
    rows = await conn.fetch(
        """select app_id, message_id, sequence, total, attempt, link_id, phone, reference, why,
                  coalesce(resolution in ('answered', 'receipt'), false)
             from suspects where phone = any($1) and lost_at >= $2 and resolution is distinct from 'not written' order by lost_at""",
        phones, at(since),
    )  # fmt: skip
    return [
        Suspect(
            app_id=r[0], message_id=r[1], sequence=r[2], total=r[3], attempt=r[4], link_id=r[5], phone=r[6], reference=r[7], why=r[8],
            heard_of=r[9],
        )
        for r in rows
    ]  # fmt: skip


async def resolve(conn: Connection, app_id: int, message_ids: Sequence[int], how: str, now: float, *, sequence: int | None = None) -> None:
    """Note what became of an application's suspects: answered | receipt | resent | unknown | not written; with `sequence` of one segment.

    What is heard of the carrier outweighs what was decided without it.
    """
    await conn.execute(
        """update suspects set resolution = $3, resolved_at = $4
            where app_id = $1 and message_id = any($2) and ($5::smallint is null or sequence = $5)
              and (resolution is null or ($3 in ('answered', 'receipt') and resolution in ('unknown', 'resent')))""",
        app_id, message_ids, how, at(now), sequence,
    )  # fmt: skip


PARK = """
insert into parked_receipts (link_id, carrier_id, verdict, code, phone, reference, done_at, received_at, next_at)
select u.*, $8, $9 from unnest($1::bigint[], $2::text[], $3::smallint[], $4::text[], $5::bigint[], $6::int[], $7::timestamptz[]) u
"""


async def park(conn: Connection, receipts: Sequence[Receipt], *, now: float, next_at: float) -> None:
    """Keep receipts that match nothing yet."""
    await conn.execute(
        PARK,
        [r.link_id for r in receipts], [r.carrier_id for r in receipts], [r.verdict for r in receipts],
        [r.code for r in receipts], [r.phone for r in receipts], [r.reference for r in receipts],
        [at(r.done_at) for r in receipts], at(now), at(next_at),
    )  # fmt: skip


class Parked(msgspec.Struct, frozen=True):
    """A receipt that waits for its segment to be known."""

    id: int
    receipt: Receipt
    received_at: float
    tries: int


async def due_parked(conn: Connection, now: float, most: int) -> list[Parked]:
    """Parked receipts to try again, locked until the transaction ends."""
    rows = await conn.fetch(
        """select id, link_id, carrier_id, verdict, code, phone, reference, done_at, received_at, tries from parked_receipts
            where next_at <= $1 order by next_at limit $2 for update skip locked""",
        at(now), most,
    )  # fmt: skip
    return [
        Parked(
            id=r[0],
            receipt=Receipt(
                link_id=r[1], carrier_id=r[2], verdict=Verdict(r[3]), code=r[4], phone=r[5], reference=r[6], done_at=r[7].timestamp()
            ),
            received_at=r[8].timestamp(),
            tries=r[9],
        )
        for r in rows
    ]  # fmt: skip


async def unpark(conn: Connection, ids: Sequence[int]) -> None:
    """They have found their segments (or are too old to keep)."""
    await conn.execute("delete from parked_receipts where id = any($1)", ids)


async def park_again(conn: Connection, retries: Sequence[tuple[int, float]]) -> None:
    """Try each (id, at) again later."""
    await conn.execute(
        """update parked_receipts p set tries = p.tries + 1, next_at = u.next_at
             from unnest($1::bigint[], $2::timestamptz[]) u(id, next_at) where p.id = u.id""",
        [r[0] for r in retries], [at(r[1]) for r in retries],
    )  # fmt: skip
