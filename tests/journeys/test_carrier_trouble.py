"""Carriers that throttle, hang up, swallow answers and spell ids in their own way: nothing is lost, nothing goes twice."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest

from acting import OPERATOR
from hongyan.kit.db import Database
from hongyan.model.message import Status
from hongyan.simulator.ids import Spelling
from hongyan.wiring import SIMULATOR_LINK
from journeys.customers import Customer, Sent
from journeys.platform import Platform, handset, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.usefixtures("laws_hold")]

LONG = ["20260001", "很长的说明，" * 20]


def phones(count: int) -> list[str]:
    return [phone() for _ in range(count)]


async def accepted(customer: Customer, to: Sequence[str], kind: str, **more: object) -> list[Sent]:
    statuses = await customer.submit(to, kind, **more)
    assert {status["Code"] for status in statuses} == {"Ok"}
    return [Sent(status) for status in statuses]


async def statuses(database: Database, sent: Sequence[Sent]) -> Counter[str]:
    """How many of them ended in which way; "" for those that have not."""
    async with database.connection() as conn:
        rows = await conn.fetch("select id, status from settlements where id = any($1)", [message.id for message in sent])
    told = {row["id"]: Status(row["status"]).name for row in rows}
    return Counter(told.get(message.id, "") for message in sent)


async def all_end(database: Database, sent: Sequence[Sent], how: Status = Status.DELIVERED, within_s: float = 45.0) -> None:
    async def ended() -> bool:
        return await statuses(database, sent) == {how.name: len(sent)}

    await until(ended, f"all {len(sent)} are {how.name}", within_s)


async def resolutions(database: Database, sent: Sequence[Sent]) -> set[str | None]:
    async with database.connection() as conn:
        rows = await conn.fetch("select resolution from suspects where message_id = any($1)", [message.id for message in sent])
    return {row["resolution"] for row in rows}


def copies(platform: Platform, sent: Sequence[Sent]) -> set[int]:
    """How often the carrier took each segment of each message, as a set: {1} is what it should be."""
    taken = Counter(
        (f"+{entry.phone}", entry.segment) for entry in platform.journal.entries() if not entry.status
    )  # fmt: skip
    return {taken[message.phone, sequence] for message in sent for sequence in range(1, message.fee + 1)}


@pytest.fixture
async def impatient(platform: Platform, customer: Customer) -> AsyncIterator[None]:
    """The link waits for an answer for one second instead of a minute."""
    async with platform.control() as control:
        before = next(link for link in await control.links.every(OPERATOR) if link.name == SIMULATOR_LINK)
        await control.links.change(OPERATOR, SIMULATOR_LINK, {"response_s": 1.0})
    await customer.known()
    yield
    async with platform.control() as control:
        await control.links.change(OPERATOR, SIMULATOR_LINK, {"response_s": before.response_s})
    await customer.known()


async def test_a_message_with_more_segments_than_the_pace_lets_out_at_once_is_sent_all_the_same(
    customer: Customer, platform: Platform, database: Database
) -> None:
    async with platform.control() as control:
        await control.links.change(OPERATOR, SIMULATOR_LINK, {"rate": 8.0})
    await customer.known()
    try:
        sent = await accepted(customer, phones(1), "notice", params=LONG)
        assert sent[0].fee > 1
        await all_end(database, sent)
    finally:
        async with platform.control() as control:
            await control.links.change(OPERATOR, SIMULATOR_LINK, {"rate": 0.0})
    await customer.known()
    assert copies(platform, sent) == {1}


async def test_what_is_throttled_is_sent_again_and_nothing_twice(customer: Customer, platform: Platform, database: Database) -> None:
    await platform.simulate(do="throttle", next=80)
    sent = await accepted(customer, phones(40), "notice", params=LONG)
    sent += await accepted(customer, phones(50), "verification") + await accepted(customer, phones(50), "marketing")
    # Each refusal slows the link down, and what an earlier journey did to its pace counts too.
    await all_end(database, sent, within_s=150)
    assert (await platform.simulate(do="stats"))["throttled"] == 80
    assert copies(platform, sent) == {1}
    assert await resolutions(database, sent) == set()


async def test_a_carrier_that_takes_few_a_second_gets_them_all_in_time(customer: Customer, platform: Platform, database: Database) -> None:
    await platform.simulate(do="throttle", per_s=40)
    sent = await accepted(customer, phones(60), "notice") + await accepted(customer, phones(20), "notice", params=LONG)
    await all_end(database, sent)
    assert copies(platform, sent) == {1}


async def test_a_link_finds_the_rate_of_a_carrier_that_throttles(customer: Customer, platform: Platform, database: Database) -> None:
    await platform.simulate(do="throttle", per_s=100)
    sent = [message for _ in range(8) for message in await accepted(customer, phones(150), "notice")]
    await all_end(database, sent, within_s=40)
    assert copies(platform, sent) == {1}
    assert await resolutions(database, sent) == set()
    mine = {message.phone for message in sent}
    entries = [entry for entry in platform.journal.entries() if f"+{entry.phone}" in mine]
    # The first seconds are the search; at the very end nothing is left to be sent.
    began = entries[0].monotonic
    steady = [entry for entry in entries if 4 <= entry.monotonic - began <= 10]
    assert sum(1 for entry in steady if not entry.status) >= 0.95 * 6 * 100
    assert sum(1 for entry in steady if entry.status) <= 0.02 * len(steady)


async def test_codes_go_before_notices_before_advertisements_when_the_carrier_is_slow(
    customer: Customer, platform: Platform, database: Database
) -> None:
    await platform.simulate(do="drop", refuse_s=4.0)
    marketing = await accepted(customer, phones(60), "marketing")
    notices = await accepted(customer, phones(60), "notice")
    codes = await accepted(customer, phones(60), "verification")
    await all_end(database, [*marketing, *notices, *codes])
    order = {f"+{entry.phone}": place for place, entry in enumerate(platform.journal.entries())}
    assert max(order[sent.phone] for sent in codes) < min(order[sent.phone] for sent in notices)
    assert max(order[sent.phone] for sent in notices) < min(order[sent.phone] for sent in marketing)


async def test_what_was_in_flight_when_the_carrier_hung_up_is_settled_by_its_receipts_and_never_sent_again(
    customer: Customer, platform: Platform, database: Database
) -> None:
    # Longer than taking them all lasts on any machine: no answer may come before the carrier hangs up.
    await platform.simulate(do="slow", delay_s=8)
    sent = await accepted(customer, phones(50), "verification") + await accepted(customer, phones(50), "notice")
    sent += await accepted(customer, phones(20), "notice", params=LONG)
    silent = await accepted(customer, [handset("0002")], "verification")

    async def in_flight() -> bool:
        return bool((await platform.simulate(do="stats"))["taken"] == 50 + 50 + 60 + 1)

    await until(in_flight, "all are taken")
    await platform.simulate(do="drop")
    await platform.simulate(do="slow", delay_s=0)
    await all_end(database, sent)
    assert copies(platform, sent) == {1}
    assert await resolutions(database, sent) == {"receipt"}
    # Nothing will ever be heard of this one: it is not sent again on a guess.
    await all_end(database, silent, Status.UNKNOWN)
    assert await resolutions(database, silent) == {"unknown"}
    assert len(await platform.journal.written(silent[0].phone, silent[0].id)) == 1


@pytest.mark.usefixtures("impatient")
async def test_answers_that_are_swallowed_are_made_up_for_by_receipts(customer: Customer, platform: Platform, database: Database) -> None:
    await platform.simulate(do="swallow", next=70)
    sent = await accepted(customer, phones(30), "verification") + await accepted(customer, phones(10), "notice")
    sent += await accepted(customer, phones(10), "notice", params=LONG)
    await all_end(database, sent)
    assert copies(platform, sent) == {1}
    assert await resolutions(database, sent) == {"receipt"}


@pytest.mark.usefixtures("impatient")
async def test_answers_that_come_late_are_still_answers(customer: Customer, platform: Platform, database: Database) -> None:
    await platform.simulate(do="slow", delay_s=2.0)
    await platform.simulate(do="receipts", delay_s=3.0)
    sent = await accepted(customer, phones(20), "verification") + await accepted(customer, phones(20), "notice")
    sent += await accepted(customer, phones(10), "notice", params=LONG)
    await all_end(database, sent)
    assert copies(platform, sent) == {1}
    assert await resolutions(database, sent) == {"answered"}


@pytest.mark.usefixtures("impatient")
async def test_a_code_that_ended_as_unknown_is_delivered_after_all_when_its_receipt_comes(
    customer: Customer, platform: Platform, database: Database
) -> None:
    await platform.simulate(do="swallow", next=11)
    await platform.simulate(do="receipts", delay_s=8.5)
    sent = await accepted(customer, phones(10), "verification")
    silent = await accepted(customer, [handset("0002")], "verification")
    await all_end(database, [*sent, *silent], Status.UNKNOWN)
    assert await customer.pull() == []
    async with database.connection() as conn:
        held = await conn.fetchval("select held from packages where app_id = $1 and scope = 0", customer.app_id)
    assert held == 11
    await all_end(database, sent)
    assert copies(platform, sent) == {1}
    assert {record["ReportStatus"] for record in await customer.pulled(10)} == {"SUCCESS"}
    assert await statuses(database, silent) == {"UNKNOWN": 1}


@pytest.mark.parametrize("spelling", Spelling)
async def test_receipts_find_their_messages_however_the_carrier_spells_ids(
    customer: Customer, platform: Platform, database: Database, spelling: Spelling
) -> None:
    await platform.simulate(do="receipts", ids=spelling.value, copies=2)
    sent = await accepted(customer, phones(20), "notice") + await accepted(customer, phones(5), "notice", params=LONG)
    await all_end(database, sent)
    assert len(await customer.pulled(25)) == 25


async def test_receipts_that_come_at_once_or_long_after_end_their_messages(
    customer: Customer, platform: Platform, database: Database
) -> None:
    await platform.simulate(do="receipts", delay_s=0)
    at_once = await accepted(customer, phones(50), "notice")
    await all_end(database, at_once)
    await platform.simulate(do="receipts", delay_s=2)
    later = await accepted(customer, phones(50), "notice")
    await all_end(database, later)
    assert copies(platform, [*at_once, *later]) == {1}
