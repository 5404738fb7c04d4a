"""How many messages of a calendar day an application has sent, by country: kept only while a cap or an alarm value asks for it."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.kit.ids import first_id_at
from hongyan.model.protection import ABROAD, ALL
from hongyan.store.partitions import SHANGHAI, day_start

LAST_ID = 2**63 - 1


class DailyCount(msgspec.Struct, frozen=True):
    app_id: int
    region: str
    """ISO 3166 alpha-2, ALL or ABROAD."""
    messages: int


def day_of(now: float) -> dt.date:
    """The calendar day in Asia/Shanghai."""
    return dt.datetime.fromtimestamp(now, SHANGHAI).date()


# In the order of regions, ALL first: whoever counts for the same application waits there, and then sees what the other has counted.
ADD = """
insert into daily_counts (app_id, day, region, messages)
select $1, $2, u.region, u.messages from unnest($3::text[], $4::bigint[]) u(region, messages) order by u.region
    on conflict (app_id, day, region) do update set messages = daily_counts.messages + excluded.messages
returning region, messages
"""


async def add(conn: Connection, app_id: int, now: float, counted: Mapping[str, int]) -> dict[str, int]:
    """Count more messages, by region with ALL among them; the day's counts of these regions afterwards. Held until the transaction ends."""
    found = await conn.fetch(ADD, app_id, day_of(now), list(counted), list(counted.values()))
    return {row[0]: row[1] for row in found}


async def of_today(conn: Connection, app_ids: Sequence[int], now: float) -> list[DailyCount]:
    """What these applications have sent today."""
    found = await conn.fetch(
        "select app_id, region, messages from daily_counts where app_id = any($1) and day = $2 order by app_id, region",
        app_ids, day_of(now),
    )  # fmt: skip
    return [DailyCount(app_id=row[0], region=row[1], messages=row[2]) for row in found]


async def begin(conn: Connection, app_id: int, now: float) -> None:
    """From here on it is counted: what was sent today before is counted from the messages themselves."""
    await conn.execute("delete from daily_counts where app_id = $1", app_id)
    counted = await sent(conn, app_id, from_id=first_id_at(day_start(now)), to_id=LAST_ID)
    if counted:
        await add(conn, app_id, now, with_sums(counted))


COUNTED = "select region, count(*) from messages where app_id = $1 and id >= $2 and id < $3 group by region"


async def sent(conn: Connection, app_id: int, *, from_id: int, to_id: int) -> Counter[str]:
    """Messages of a stretch of time, by country."""
    return Counter({row[0]: row[1] for row in await conn.fetch(COUNTED, app_id, from_id, to_id)})


SET = """
insert into daily_counts (app_id, day, region, messages)
select $1, $2, u.region, u.messages from unnest($3::text[], $4::bigint[]) u(region, messages) order by u.region
    on conflict (app_id, day, region) do update set messages = excluded.messages
"""


async def recount(conn: Connection, app_id: int, now: float, *, before: Mapping[str, int], from_id: int) -> None:
    """Make the day's counts what they are: `before`, by country, and the messages from `from_id` on.

    Whoever counts waits until the transaction ends, and has not been counted: what they promise is not committed yet.
    """
    await add(conn, app_id, now, {ALL: 0})
    counted = with_sums(Counter(before) + await sent(conn, app_id, from_id=from_id, to_id=LAST_ID))
    await conn.execute(SET, app_id, day_of(now), list(counted), list(counted.values()))


async def forget(conn: Connection, before: float) -> None:
    """Days gone by are not asked for any more."""
    await conn.execute("delete from daily_counts where day < $1", day_of(before))


def with_sums(by_region: Mapping[str, int]) -> dict[str, int]:
    """The counts with ALL and ABROAD."""
    abroad = sum(count for region, count in by_region.items() if region != "CN")
    return {ALL: sum(by_region.values()), **({ABROAD: abroad} if abroad else {}), **by_region}
