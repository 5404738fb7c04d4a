"""The simulator's handsets that misbehave: what the customer is told, and what it costs."""

import pytest

from acting import OPERATOR
from journeys.customers import CallbackServer, Customer, Sent
from journeys.platform import Platform, handset, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

HELD, POSTED, VOIDED = (1, 0), (0, 1), (0, 0)
"""Segments held and used of a message of one segment."""


async def balance(customer: Customer) -> tuple[int, int]:
    """Segments held and used of the application's mainland package."""
    async with customer.platform.database() as db, db.connection() as conn:
        row = await conn.fetchrow("select held, used from packages where app_id = $1 and scope = 0", customer.app_id)
    return row["held"], row["used"]


@pytest.mark.parametrize(
    ("last", "told", "word"),
    [
        pytest.param("0001", "FAIL", "UNDELIV", id="undelivered"),
        pytest.param("0005", "FAIL", "EXPIRED", id="expired at the carrier"),
        pytest.param("0006", "SUCCESS", "DELIVRD", id="its receipt overtakes the answer"),
        pytest.param("0007", "SUCCESS", "DELIVRD", id="its receipt comes twice"),
        pytest.param("0009", "FAIL", "MK:0001", id="a word of the carrier's own"),
    ],
)
async def test_a_receipt_ends_the_message_once(customer: Customer, callbacks: CallbackServer, last: str, told: str, word: str) -> None:
    platform = customer.platform
    receipts = 2 if last == "0007" else 1
    sent = await customer.send_one(handset(last))
    report = await callbacks.report_of(sent)
    assert (report["report_status"], report["errmsg"]) == (told, word)
    assert report["description"]

    async def all_came() -> bool:
        stats = await platform.simulate(do="stats")
        return bool(stats["acknowledged"] >= receipts)

    await until(all_came, "every receipt is acknowledged")
    assert [(record["ReportStatus"], record["Description"]) for record in await customer.pulled(1)] == [(told, word)]
    assert [record["sid"] for record in callbacks.reports()] == [sent.serial]
    assert await balance(customer) == POSTED
    assert len(await platform.journal.written(sent.phone, sent.id)) == 1


async def test_what_the_carrier_refuses_is_reported_and_given_back(
    customer: Customer, callbacks: CallbackServer, platform: Platform
) -> None:
    sent = await customer.send_one(handset("0004"))
    report = await callbacks.report_of(sent)
    assert report["report_status"] == "FAIL"
    assert report["errmsg"] == "RINVDSTADR"
    [record] = await customer.pulled(1)
    assert (record["SerialNo"], record["ReportStatus"]) == (sent.serial, "FAIL")
    assert await balance(customer) == VOIDED
    assert [submit.status != 0 for submit in await platform.journal.written(sent.phone, sent.id)] == [True]


async def test_without_a_receipt_a_message_stays_submitted_and_nothing_is_told(
    customer: Customer, callbacks: CallbackServer, platform: Platform
) -> None:
    silent = await customer.send_one(handset("0002"))
    later = await customer.send_one(handset("0001"))
    # The other one was sent after it and is through: had there been something to tell, it would be here.
    await callbacks.report_of(later)
    async with platform.control() as control:
        timeline = await control.records.timeline(OPERATOR, silent.id)
    assert timeline is not None
    assert timeline.status.name == "SUBMITTED"
    assert [record["SerialNo"] for record in await customer.pulled(1)] == [later.serial]
    assert [report["sid"] for report in callbacks.reports()] == [later.serial]
    assert await balance(customer) == (HELD[0], POSTED[1])


async def test_a_slow_receipt_does_not_hold_up_the_others(customer: Customer, callbacks: CallbackServer) -> None:
    slow, quick = await customer.send([handset("0003"), handset("1234")])
    await callbacks.report_of(Sent(quick))
    assert slow["SerialNo"] not in [report["sid"] for report in callbacks.reports()]
