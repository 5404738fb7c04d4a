"""What is true of the tables whatever has happened: nothing lost, nothing twice, the ledger equal to the balances.

Each law is a query for rows that break it. `ALWAYS` holds at every instant; `AT_REST` once nothing is on its way any more.
"""

from hongyan.kit.db import Connection
from hongyan.model.message import FINAL, Kind, Status

FINALS = ", ".join(str(int(status)) for status in sorted(FINAL))

ALWAYS: dict[str, str] = {
    "a package's ledger entries add up to its balances": """
        select p.id, p.available, p.held, p.used, p.withdrawn, e.* from packages p
          join lateral (select coalesce(sum(segments) filter (where kind = 'buy'), 0) as bought,
                               coalesce(sum(segments) filter (where kind = 'hold'), 0) as held_ever,
                               coalesce(sum(segments) filter (where kind = 'post'), 0) as posted,
                               coalesce(sum(segments) filter (where kind = 'void'), 0) as voided,
                               coalesce(sum(segments) filter (where kind = 'refund'), 0) as refunded,
                               coalesce(sum(segments) filter (where kind = 'withdraw'), 0) as taken_out
                          from ledger_entries l where l.app_id = p.app_id and l.package_id = p.id) e on true
         where e.bought <> p.segments or p.available <> e.bought - e.held_ever + e.voided + e.refunded - e.taken_out
            or p.held <> e.held_ever - e.posted - e.voided or p.used <> e.posted - e.refunded or p.withdrawn <> e.taken_out""",
    "what is held is what unsettled messages may still cost": """
        select p.id, p.held, coalesce(m.segments, 0) as unsettled from packages p
          left join (select m.package_id, sum(m.segments) as segments from messages m
                       left join settlements s on s.app_id = m.app_id and s.id = m.id
                      where s.id is null or s.charged is null group by 1) m on m.package_id = p.id
         where p.held <> coalesce(m.segments, 0)""",
    "what is used is what settled messages cost and was not refunded": """
        select p.id, p.used, coalesce(s.charged, 0) as charged, coalesce(r.segments, 0) as refunded from packages p
          left join (select package_id, sum(charged) as charged from settlements group by 1) s on s.package_id = p.id
          left join (select package_id, sum(segments) as segments from refunds group by 1) r on r.package_id = p.id
         where p.used <> coalesce(s.charged, 0) - coalesce(r.segments, 0)""",
    "what is refunded was charged, and was not delivered": f"""
        select r.app_id, r.message_id from refunds r left join settlements s on s.app_id = r.app_id and s.id = r.message_id
         where s.id is null or s.charged is distinct from r.segments or s.status not in ({int(Status.FAILED)}, {int(Status.EXPIRED)})""",
    "a message costs its segments or nothing": """
        select s.id, s.charged, m.segments from settlements s join messages m using (app_id, id) where s.charged not in (0, m.segments)""",
    "no package is frozen, since its books agree": """select app_id, id, frozen_why from packages where frozen_at is not null""",
    "an account's credit is what its journal and its open charges say": """
        select c.account_id, c.held_milli, c.unbilled_milli, c.owed_milli, e.*, o.open from credits c
          cross join lateral (select coalesce(sum(milli) filter (where kind = 'hold'), 0) as hold,
                                     coalesce(sum(milli) filter (where kind = 'void'), 0) as void,
                                     coalesce(sum(milli) filter (where kind = 'post'), 0) as post,
                                     coalesce(sum(milli) filter (where kind = 'refund'), 0) as refund,
                                     coalesce(sum(milli) filter (where kind = 'bill'), 0) as bill,
                                     coalesce(sum(milli) filter (where kind = 'pay'), 0) as pay
                                from credit_entries l where l.account_id = c.account_id) e
          cross join lateral (select coalesce(sum(milli), 0) as open from charges h
                               where h.account_id = c.account_id and h.resolution is null) o
         where c.held_milli <> e.hold - e.void - e.post or c.unbilled_milli <> e.post - e.refund - e.bill
            or c.owed_milli <> e.bill - e.pay or c.held_milli <> o.open or c.frozen""",
    "a message on credit has a charge at its price, and a charge has a message": """
        select m.app_id, m.id, m.package_id, c.* from (select * from messages where package_id < 0) m
          full join charges c on c.app_id = m.app_id and c.id = m.id
          left join prices p on p.id = c.price_id
         where m.id is null or c.id is null or c.price_id <> -m.package_id or c.milli <> p.milli * m.segments or c.region <> m.region""",
    "a charge is posted or voided as its message ended": """
        select c.app_id, c.id, c.resolution, s.charged, s.status from charges c
          join accounts a on a.id = c.account_id
          left join settlements s on s.app_id = c.app_id and s.id = c.id
         where c.resolution is not null and (s.charged is null or c.resolution <> (
               s.charged > 0 and (a.charge = 'submit' or s.status = 4))::int)""",
    "what was posted is what the sums of its days say": """
        select c.account_id, c.posted, d.milli from (select account_id, sum(milli) as posted from charges where resolution = 1 group by 1) c
          full join (select account_id, sum(milli) as milli from charge_days group by 1) d on d.account_id = c.account_id
         where coalesce(c.posted, 0) <> coalesce(d.milli, 0)""",
    "an accepted message is queued, held for review, submitted or settled": """
        select m.app_id, m.id from messages m
          left join queue q on q.app_id = m.app_id and q.id = m.id
          left join settlements s on s.app_id = m.app_id and s.id = m.id
          left join (select app_id, message_id, count(distinct sequence) as taken
                       from (select app_id, message_id, sequence from segments
                             union all select app_id, message_id, sequence from reports) k group by 1, 2) g
                 on g.app_id = m.app_id and g.message_id = m.id
         where q.id is null and s.id is null and coalesce(g.taken, 0) < m.segments
           and not exists (select from held_messages h where h.app_id = m.app_id and h.id = m.id)""",
    "a held message is neither queued nor settled": """
        select h.app_id, h.id from held_messages h
          left join queue q on q.app_id = h.app_id and q.id = h.id
          left join settlements s on s.app_id = h.app_id and s.id = h.id
         where q.id is not null or s.id is not null""",
    "a queue entry has a message": """
        select q.app_id, q.id from queue q where not exists (select from messages m where m.app_id = q.app_id and m.id = q.id)""",
    "a final message of a subscribed application owes one event, and an unfinished one none": f"""
        select a.id as app_id, s.id, s.status, coalesce(o.events, 0) as events from settlements s
          join apps a on a.id = s.app_id
          left join (select app_id, unnest(ids) as id, count(*) as events from outbox where kind = 1 group by 1, 2) o
                 on o.app_id = s.app_id and o.id = s.id
         where (a.pull or a.report_url <> '') and (s.status in ({FINALS}))::int <> coalesce(o.events, 0)""",
    "an event tells of an end, in its words": """
        select o.app_id, o.id, o.status, s.status as settled from (
               select app_id, unnest(ids) as id, unnest(statuses) as status, unnest(codes) as code, unnest(ends) as ends, created_at
                 from outbox where kind = 1) o
          left join settlements s on s.app_id = o.app_id and s.id = o.id
         where s.id is null or s.status <> o.status or s.code <> o.code or s.settled_at <> o.created_at
            or abs(extract(epoch from s.done_at)::float8 - o.ends) > 0.001""",
    "a bundle knows how many events it has": """
        select app_id, id from outbox where events <> cardinality(ids) or pulled > events
            or (kind = 1 and (cardinality(phones), cardinality(segments), cardinality(contexts)) <> (events, events, events))""",
    "no code and no advertisement is attempted again after it may have been sent": f"""
        select q.app_id, q.id, q.attempts from queue q where q.kind <> {int(Kind.NOTICE)} and q.attempts > 1""",
    "no notice is attempted a third time": """select app_id, id, attempts from queue where attempts > 2""",
    "no message was taken by the carrier again except notices that are listed as suspects": f"""
        select g.app_id, g.message_id, g.sequence, count(distinct g.carrier_id) from segments g
          join messages m on m.app_id = g.app_id and m.id = g.message_id
         group by 1, 2, 3, m.kind
        having count(distinct g.carrier_id) > 1
           and (m.kind <> {int(Kind.NOTICE)} or count(distinct g.carrier_id) > 2
                or not exists (select from suspects s where s.app_id = g.app_id and s.message_id = g.message_id))""",
}  # fmt: skip

AT_REST: dict[str, str] = {
    "a message that has ended is not in the queue": f"""
        select q.app_id, q.id, s.status from queue q join settlements s on s.app_id = q.app_id and s.id = q.id
         where s.status in ({FINALS})""",
    "nobody's entry is held by an engine that is gone": """
        select q.app_id, q.id, q.owner from queue q
         where q.owner > 0 and not exists (select from engines e where e.id = q.owner)""",
    "what sleeps until its time has never been attempted": """
        select q.app_id, q.id from queue q
         where q.owner = 0 and (q.attempted_at is not null or q.resolve_at is not null or q.attempts > 0 or q.sent_mask <> 0)""",
    "every receipt has found its message": """select id, carrier_id from parked_receipts""",
}

UNFINISHED = """
select m.app_id, m.id, q.id is not null as queued from messages m
  left join settlements s on s.app_id = m.app_id and s.id = m.id
  left join queue q on q.app_id = m.app_id and q.id = m.id
 where s.id is null and q.resolve_at is null
"""
"""Messages that are neither settled (or unknown) nor in doubt: still on their way."""


async def broken(conn: Connection, *, at_rest: bool = True) -> dict[str, list[str]]:
    """The laws that do not hold, each with some of the rows that break it; all are looked at in one instant."""
    laws = ALWAYS | (AT_REST if at_rest else {})
    found: dict[str, list[str]] = {}
    async with conn.transaction(isolation="repeatable_read"):
        # Tables that have just been filled have no statistics: what looks like few rows are thousands.
        await conn.execute("set local enable_nestloop = off")
        for law, query in laws.items():
            if rows := await conn.fetch(f"{query} limit 5"):
                found[law] = [str(dict(row)) for row in rows]
    return found
