"""Messages that are paid for later, on a real PostgreSQL: accepted at a price, held, posted or voided once, billed, stopped, resumed."""

import asyncio
import csv
import datetime as dt
import io
import json
import os
import zipfile
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from acting import OPERATOR
from conformance.paying import Clock, Tenant, at, names, phones
from hongyan.control import alarm_words
from hongyan.control.audit import Audit
from hongyan.control.bill_files import BillFiles
from hongyan.control.errors import ControlError, Fault
from hongyan.control.payments import Told
from hongyan.control.plane import assemble
from hongyan.kit.blobs import Directory
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, TENANT, Actor, ActorKind, Permission, Role
from hongyan.model.alarm import AlarmKind
from hongyan.model.billing import Rhythm
from hongyan.model.message import Accepted, Caller, Outcome, Refused, Status
from hongyan.model.money import ChargeRule, PaymentSubject
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import AccountKind, LinkConfig, Scope
from hongyan.model.tariff import NewPrice
from hongyan.store import credit
from hongyan.store.alarms import AlarmRow, Medium
from hongyan.store.notices import NoticeRow

BOX = SecretBox(bytes(32), os.urandom)


@pytest.fixture
def clock() -> Clock:
    return Clock("2026-11-22 12:00")


@pytest.fixture
async def tenant(database: Database, clock: Clock) -> Tenant:
    control = assemble(database, BOX, clock=clock, entropy=os.urandom, check_url=lambda _url: None)
    made = Tenant(database, clock, control)
    await made.begin()
    return made


def accepted(outcomes: list[Outcome] | Refusal) -> list[int]:
    assert isinstance(outcomes, list)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes
    return [outcome.message_id for outcome in outcomes if isinstance(outcome, Accepted)]


def reasons(outcomes: list[Outcome] | Refusal) -> list[Reject | None]:
    assert isinstance(outcomes, list)
    return [outcome.reason if isinstance(outcome, Refused) else None for outcome in outcomes]


async def test_a_message_abroad_is_held_at_its_price_and_posted_or_voided_once(tenant: Tenant) -> None:
    await tenant.price(("FR", 40_000), ("*", 90_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 1_000_000)
    [first] = accepted(await tenant.send(next(phones)))
    [second] = accepted(await tenant.send(next(phones)))
    [third] = accepted(await tenant.send("+12025550123"))
    assert await tenant.books() == (170_000, 0, 0)
    await tenant.end(first)
    await tenant.end(second, Status.FAILED, charge=False)
    assert await tenant.charging.resolve() == 2
    assert await tenant.charging.resolve() == 0
    assert await tenant.books() == (90_000, 40_000, 0)
    await tenant.end(third, Status.UNKNOWN, charge=None)
    assert await tenant.charging.resolve() == 0
    await tenant.end(third, Status.EXPIRED, charge=False)
    assert await tenant.charging.resolve() == 1
    assert await tenant.books() == (0, 40_000, 0)
    async with tenant.database.connection() as conn:
        kept = await conn.fetch("select package_id from messages where app_id = $1 order by id", tenant.app_id)
        found = await conn.fetch("select price_id, milli from charges where app_id = $1 order by id", tenant.app_id)
    assert [-row[0] for row in kept] == [row["price_id"] for row in found]
    assert [row["milli"] for row in found] == [40_000, 40_000, 90_000]


async def test_where_only_what_arrives_is_paid_for_a_failed_message_is_given_back(tenant: Tenant) -> None:
    await tenant.price(("FR", 40_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 1_000_000)
    await tenant.control.accounts.set_charge(OPERATOR, tenant.account_id, ChargeRule.DELIVERED)
    first, second = accepted(await tenant.send(next(phones), next(phones)))
    await tenant.end(first)
    await tenant.end(second, Status.FAILED)
    assert await tenant.charging.resolve() == 2
    assert await tenant.books() == (0, 40_000, 0)


async def test_a_payment_counts_once_however_often_it_is_told_of(tenant: Tenant, clock: Clock) -> None:
    await tenant.price(("FR", 40_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9)
    [message] = accepted(await tenant.send(next(phones)))
    await tenant.end(message)
    await tenant.charging.resolve()
    clock.to("2026-12-01 00:00")
    await tenant.close()
    [bill] = await tenant.control.bills.every(OPERATOR, account_id=tenant.account_id)
    told = Told(PaymentSubject.BILL, bill.id, 40_000, "provider 77", event_id="evt_1")
    unfit = await tenant.control.payments.hear(msgspec.structs.replace(told, amount_milli=39_000, reference="provider 76"))
    assert (unfit.fits, unfit.why) == (False, "other_amount")
    paid = await asyncio.gather(*(tenant.control.payments.hear(told) for _ in range(10)))
    assert {payment.id for payment in paid} == {paid[0].id}
    assert paid[0].fits
    assert await tenant.books() == (0, 0, 0)
    late = await tenant.control.payments.hear(msgspec.structs.replace(told, reference="provider 78"))
    assert (late.fits, late.why) == (False, "is_paid")


async def test_many_at_once_owe_exactly_the_limit_and_not_a_message_more(tenant: Tenant) -> None:
    await tenant.price(("FR", 30_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 7 * 30_000 + 29_999)
    services = [await tenant.service() for _ in range(3)]
    running = [asyncio.create_task(service.run()) for service in services]
    try:
        answers = await asyncio.gather(
            *(services[n % 3].accept(Caller(tenant.account_id, "key"), tenant.command(next(phones), next(phones))) for n in range(20))
        )
    finally:
        for task in running:
            task.cancel()
    told = [reason for answer in answers for reason in reasons(answer)]
    assert (told.count(None), told.count(Reject.NO_CREDIT)) == (7, 33)
    assert await tenant.books() == (210_000, 0, 0)


async def test_an_account_has_a_cap_of_a_day_over_all_its_applications(tenant: Tenant, clock: Clock) -> None:
    await tenant.price(("FR", 10_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9, daily_most=3)
    assert reasons(await tenant.send(*(next(phones) for _ in range(5)))) == [None] * 3 + [Reject.ACCOUNT_DAY] * 2
    assert reasons(await tenant.send(next(phones))) == [Reject.ACCOUNT_DAY]
    clock.to("2026-11-23 00:00")
    assert reasons(await tenant.send(next(phones))) == [None]


async def test_a_country_without_a_price_is_not_served_and_an_account_without_credit_needs_a_package(tenant: Tenant) -> None:
    await tenant.price(("DE", 30_000))
    assert reasons(await tenant.send(next(phones))) == [Reject.NO_PACKAGE]
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9)
    assert reasons(await tenant.send(next(phones))) == [Reject.REGION_NOT_SERVED]
    package = await tenant.control.packages.buy(OPERATOR, tenant.app_id, Scope.INTERNATIONAL, 1)
    assert reasons(await tenant.send(next(phones))) == [None]
    assert await tenant.books() == (0, 0, 0), f"package {package.id} paid"
    assert reasons(await tenant.send(next(phones))) == [Reject.REGION_NOT_SERVED]


async def test_the_price_in_force_is_that_of_the_time_of_acceptance(tenant: Tenant, clock: Clock) -> None:
    await tenant.price(("FR", 10_000))
    await tenant.price(("FR", 20_000), day="2026-12-01")
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9)
    clock.to("2026-11-30 23:59:59")
    accepted(await tenant.send(next(phones)))
    clock.to("2026-12-01 00:00:00")
    accepted(await tenant.send(next(phones)))
    assert (await tenant.books())[0] == 30_000


async def test_of_two_versions_for_a_day_the_later_one_counts_and_what_was_accepted_keeps_its_price(tenant: Tenant) -> None:
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9)
    await tenant.price(("FR", 10_000))
    [first] = accepted(await tenant.send(next(phones)))
    await tenant.price(("FR", 15_000))
    accepted(await tenant.send(next(phones)))
    assert (await tenant.books())[0] == 25_000
    await tenant.end(first)
    await tenant.charging.resolve()
    assert await tenant.books() == (15_000, 10_000, 0)


async def test_only_an_enterprise_that_was_looked_at_may_pay_later(tenant: Tenant) -> None:
    person = await tenant.control.accounts.create(OPERATOR, next(names), AccountKind.INDIVIDUAL)
    with pytest.raises(ControlError) as caught:
        await tenant.control.credits.set(OPERATOR, person.id, 1_000_000)
    assert (caught.value.code, caught.value.why) == (Fault.NOT_ALLOWED, "enterprise_only")


async def test_a_month_is_billed_unpaid_stops_on_the_9th_and_paid_resumes(tenant: Tenant, clock: Clock) -> None:
    await tenant.price(("FR", 40_300))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9)
    [message] = accepted(await tenant.send(next(phones)))
    await tenant.end(message)
    clock.to("2026-11-30 23:59:59")
    await tenant.charging.resolve()
    assert await tenant.close() == 0
    clock.to("2026-12-01 00:00:05")
    assert await tenant.close() == 1
    assert await tenant.close() == 0
    [bill] = await tenant.control.bills.every(OPERATOR, account_id=tenant.account_id)
    assert (bill.begins, bill.ends) == (dt.date(2026, 11, 22), dt.date(2026, 12, 1))
    # What is less than a fen goes to the next one.
    assert (bill.posted_milli, bill.carried_milli, bill.total_milli) == (40_300, 0, 40_000)
    assert await tenant.books() == (0, 300, 40_000)
    clock.to("2026-12-08 23:59:59")
    accepted(await tenant.send(next(phones)))
    clock.to("2026-12-09 00:00:00")
    stopped = await tenant.send(next(phones))
    assert isinstance(stopped, Refusal)
    assert stopped.reason is Reject.ARREARS
    await tenant.pay(bill.id)
    accepted(await tenant.send(next(phones)))
    assert await tenant.books() == (80_600, 300, 0)
    [line] = await tenant.control.bills.lines(OPERATOR, bill.id)
    assert (line.region, line.price_milli, line.messages, line.segments, line.posted_milli) == ("FR", 40_300, 1, 1, 40_300)


async def test_what_was_posted_after_midnight_before_the_month_was_closed_is_on_the_next_bill(tenant: Tenant, clock: Clock) -> None:
    await tenant.price(("FR", 40_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9)
    first, second = accepted(await tenant.send(next(phones), next(phones)))
    await tenant.end(first)
    await tenant.charging.resolve()
    clock.to("2026-12-01 00:00:00")
    await tenant.end(second)
    await tenant.charging.resolve()
    clock.to("2026-12-05 10:00")
    assert await tenant.close() == 1
    [bill] = await tenant.control.bills.every(OPERATOR, account_id=tenant.account_id)
    assert (bill.total_milli, bill.stops_at) == (40_000, at("2026-12-11 00:00"))
    clock.to("2027-01-01 00:01")
    assert await tenant.close() == 1
    [last, _] = await tenant.control.bills.every(OPERATOR, account_id=tenant.account_id)
    assert (last.begins, last.total_milli) == (dt.date(2026, 12, 1), 40_000)


async def test_a_refund_of_a_closed_month_lessens_the_next_bill_and_happens_once(tenant: Tenant, clock: Clock) -> None:
    await tenant.price(("FR", 40_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9)
    [message] = accepted(await tenant.send(next(phones)))
    await tenant.end(message)
    await tenant.charging.resolve()
    clock.to("2026-12-01 00:01")
    await tenant.close()
    await tenant.control.credits.refund(OPERATOR, tenant.app_id, message, "it never arrived")
    with pytest.raises(ControlError):
        await tenant.control.credits.refund(OPERATOR, tenant.app_id, message, "again")
    assert await tenant.books() == (0, -40_000, 40_000)
    [first] = await tenant.control.bills.every(OPERATOR, account_id=tenant.account_id)
    await tenant.pay(first.id)
    clock.to("2027-01-01 00:01")
    assert await tenant.close() == 0, "there is nothing to pay"
    [later] = accepted(await tenant.send(next(phones), value="2"))
    [more] = accepted(await tenant.send(next(phones), value="2"))
    await tenant.end(later)
    await tenant.end(more)
    await tenant.charging.resolve()
    clock.to("2027-02-01 00:01")
    assert await tenant.close() == 1
    [bill, _] = await tenant.control.bills.every(OPERATOR, account_id=tenant.account_id)
    assert (bill.posted_milli, bill.carried_milli, bill.total_milli) == (80_000, -40_000, 40_000)


async def test_an_account_may_be_billed_by_the_day(tenant: Tenant, clock: Clock) -> None:
    await tenant.price(("FR", 40_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9, rhythm=Rhythm.DAILY)
    [message] = accepted(await tenant.send(next(phones)))
    await tenant.end(message)
    await tenant.charging.resolve()
    clock.to("2026-11-23 07:59:59")
    assert await tenant.close() == 0
    clock.to("2026-11-23 08:00")
    assert await tenant.close() == 1
    clock.to("2026-11-23 19:59:59")
    accepted(await tenant.send(next(phones)))
    clock.to("2026-11-23 20:00:00")
    assert isinstance(await tenant.send(next(phones)), Refusal)


async def test_books_that_disagree_freeze_the_credit_until_somebody_has_put_them_right(tenant: Tenant) -> None:
    await tenant.price(("FR", 40_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9)
    accepted(await tenant.send(next(phones)))
    async with tenant.database.connection() as conn:
        await conn.execute("update credits set held_milli = held_milli + 1 where account_id = $1", tenant.account_id)
    assert await tenant.charging.compare() == 1
    assert reasons(await tenant.send(next(phones))) == [Reject.NO_CREDIT]
    with pytest.raises(ControlError) as caught:
        await tenant.control.credits.unfreeze(OPERATOR, tenant.account_id)
    assert caught.value.code is Fault.WRONG_STATE
    async with tenant.database.connection() as conn:
        await conn.execute("update credits set held_milli = held_milli - 1 where account_id = $1", tenant.account_id)
    assert not (await tenant.control.credits.unfreeze(OPERATOR, tenant.account_id)).frozen
    accepted(await tenant.send(next(phones)))


async def test_the_journal_cannot_be_changed(tenant: Tenant) -> None:
    await tenant.price(("FR", 40_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9)
    accepted(await tenant.send(next(phones)))
    async with tenant.database.connection() as conn:
        [entry] = await credit.entries(conn, tenant.account_id, after_id=0, most=10)
        assert (entry.kind, entry.milli, entry.app_id) == ("hold", 40_000, tenant.app_id)
        with pytest.raises(Exception, match="append-only"):
            await conn.execute("update credit_entries set milli = 1")


async def test_a_bill_has_files_that_say_what_it_says_in_bounded_pieces(tenant: Tenant, clock: Clock, tmp_path: Path) -> None:
    files = BillFiles(tenant.database, Directory(tmp_path), BOX, clock=clock, entropy=os.urandom)
    await tenant.price(("FR", 40_000), ("US", 12_345))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9)
    messages = accepted(await tenant.send(*(next(phones) for _ in range(5)), "+12025550177"))
    for message in messages:
        await tenant.end(message)
    await tenant.charging.resolve()
    await tenant.control.credits.refund(OPERATOR, tenant.app_id, messages[0], "")
    clock.to("2026-12-01 00:00")
    await tenant.close()
    [bill] = await tenant.control.bills.every(OPERATOR, account_id=tenant.account_id)
    while await files.make_due():
        pass
    made = await files.every(OPERATOR, bill.id)
    assert [file.name for file in made] == ["details.csv", "details.xlsx", "summary.pdf"]
    whole = b"".join([piece async for piece in files.read(OPERATOR, bill.id, "details.csv")])
    rows = list(csv.reader(io.StringIO(whole.decode("utf-8-sig"), newline="")))
    assert len(rows) == 1 + 6 + 1
    assert sum(Decimal(row[-1]) for row in rows[1:]) * 100_000 == bill.posted_milli - bill.refunded_milli == 4 * 40_000 + 12_345
    assert {row[5] for row in rows[1:]} >= {"'+1 20****0177"}
    assert not [row for row in rows[1:] if "3361234" in row[5]]
    with zipfile.ZipFile(io.BytesIO(b"".join([piece async for piece in files.read(OPERATOR, bill.id, "details.xlsx")]))) as book:
        assert book.testzip() is None
    # What lies in the store is sealed, and another account's member finds nothing.
    async with tenant.database.connection() as conn:
        kept = [row[0] for row in await conn.fetch("select place from bill_files where bill_id = $1", bill.id)]
    pieces = [await Directory(tmp_path).get(f"{place}/0") or b"" for place in kept]
    assert all(pieces)
    assert not [piece for piece in pieces if b"3361" in piece or piece.startswith((b"PK", b"%PDF", b"\xef"))]
    stranger = Actor(kind=ActorKind.USER, id="9", name="x", permissions=TENANT, account_id=tenant.account_id + 1)
    with pytest.raises(ControlError) as caught:
        await files.every(stranger, bill.id)
    assert caught.value.code is Fault.NOT_FOUND


async def test_margins_are_what_messages_brought_in_less_what_their_links_ask(tenant: Tenant) -> None:
    config = LinkConfig(id=0, name=f"cheap {tenant.app_id}", protocol="smpp", host="127.0.0.1", port=2775, system_id="x", password="y")
    link = await tenant.control.links.add(OPERATOR, config)
    today = dt.date(2026, 11, 22)
    await tenant.control.costs.add(OPERATOR, link.name, [NewPrice("FR", 25_000, today), NewPrice("*", 50_000, today)])
    await tenant.price(("FR", 40_000), ("US", 45_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9)
    first, second, third = accepted(await tenant.send(next(phones), next(phones), "+12025550188"))
    await tenant.end(first, link_id=link.id)
    await tenant.end(second, Status.FAILED, charge=False)
    await tenant.end(third, link_id=link.id)
    found = await tenant.control.margins.report(OPERATOR, today, today + dt.timedelta(days=1), app_id=tenant.app_id)
    assert [(row.region, row.link, row.segments, row.revenue_milli, row.cost_milli, row.margin_milli) for row in found] == [
        ("FR", link.name, 1, 40_000, 25_000, 15_000),
        ("US", link.name, 1, 45_000, 50_000, -5_000),
    ]
    # What was taken off the bill again brought in nothing, and cost what it cost.
    await tenant.charging.resolve()
    await tenant.control.credits.refund(OPERATOR, tenant.app_id, first, "sent twice by us")
    [french, _] = await tenant.control.margins.report(OPERATOR, today, today + dt.timedelta(days=1), app_id=tenant.app_id)
    assert (french.segments, french.revenue_milli, french.cost_milli) == (1, 0, 25_000)
    with pytest.raises(ControlError) as caught:
        await tenant.control.margins.report(OPERATOR, dt.date.min, today, app_id=tenant.app_id)
    assert caught.value.code is Fault.INVALID
    assert await tenant.control.margins.report(OPERATOR, dt.date.max, dt.date.max, app_id=tenant.app_id) == []


async def test_contacts_are_told_of_a_bill(tenant: Tenant, clock: Clock) -> None:
    await tenant.price(("FR", 1_234_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9)
    [message] = accepted(await tenant.send(next(phones)))
    await tenant.end(message)
    await tenant.charging.resolve()
    clock.to("2026-12-01 00:00")
    await tenant.close()
    async with tenant.database.connection() as conn:
        [row] = await conn.fetch("select app_id, kind, facts from notices where account_id = $1 and kind = 'balance'", tenant.account_id)
    assert (row["app_id"], row["kind"]) == (None, "balance")
    facts = json.loads(row["facts"])
    notice = NoticeRow(1, tenant.account_id, None, AlarmKind.BALANCE, facts, clock.now)
    alarm = AlarmRow(
        id=1, account_id=tenant.account_id, app_id=None, contact_id=1, medium=Medium.SMS, kind="balance", happened=1,
        facts=alarm_words.gathered([notice]), first_at=clock.now, last_at=clock.now, created_at=clock.now, due_at=None, attempts=0,
        told_at=None, error="",
    )  # fmt: skip
    assert alarm_words.sms_of(alarm) == ("bill", (str(facts["bill"]), "12", "34", "12", "9", "0"))
    assert "应付 12.34 元，2026-12-09 00:00 前未付清将停止发送" in alarm_words.letter(alarm, "shop", english=False).text
    assert "12.34 CNY" in alarm_words.letter(alarm, "shop", english=True).text


@pytest.mark.parametrize("role", [Role.OWNER, Role.FINANCE, Role.DEVELOPER, Role.READER])
async def test_another_account_sees_nothing_of_it_and_no_role_gives_itself_credit(tenant: Tenant, clock: Clock, role: Role) -> None:
    await tenant.price(("FR", 40_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 10**9)
    [message] = accepted(await tenant.send(next(phones)))
    await tenant.end(message)
    await tenant.charging.resolve()
    clock.to("2026-12-01 00:00")
    await tenant.close()
    [bill] = await tenant.control.bills.every(OPERATOR, account_id=tenant.account_id)
    control, mine = tenant.control, tenant.account_id + 1
    stranger = Actor(kind=ActorKind.USER, id="9", name="x", permissions=GRANTS[role], account_id=mine)
    for ask in (
        control.credits.get(stranger, tenant.account_id), control.credits.entries(stranger, tenant.account_id),
        control.credits.unbilled(stranger, tenant.account_id), control.bills.get(stranger, bill.id),
        control.bills.lines(stranger, bill.id), control.bills.every(stranger, account_id=tenant.account_id),
        control.prices.every(stranger, account_id=tenant.account_id), control.prices.in_force(stranger, account_id=tenant.account_id),
        control.credits.check(stranger, tenant.account_id),
    ):  # fmt: skip
        with pytest.raises(ControlError) as caught:
            await ask
        assert caught.value.code is (Fault.NOT_FOUND if Permission.MONEY_READ in stranger.permissions else caught.value.code)
    if Permission.MONEY_READ in stranger.permissions:
        assert await control.bills.every(stranger) == await control.credits.every(stranger) == await control.credits.check(stranger) == []
        assert {row.account_id for row in await control.prices.in_force(stranger)} <= {0}
    insider = msgspec.structs.replace(stranger, account_id=tenant.account_id)
    for ask in (
        control.credits.set(insider, tenant.account_id, 10**12), control.credits.refund(insider, tenant.app_id, message, ""),
        control.prices.add(insider, [NewPrice("FR", 1, dt.date(2026, 12, 1))]), control.credits.unfreeze(insider, tenant.account_id),
        control.costs.add(insider, "main", [NewPrice("FR", 1, dt.date(2026, 12, 1))]),
        control.margins.report(insider, dt.date(2026, 12, 1), dt.date(2026, 12, 2)),
    ):  # fmt: skip
        with pytest.raises(ControlError) as caught:
            await ask
        assert caught.value.code is Fault.NOT_ALLOWED


async def test_a_price_list_that_was_exported_can_be_imported_on_another_day(tenant: Tenant, clock: Clock) -> None:
    prices = tenant.control.prices

    async def exported() -> str:
        return "".join([part async for part in prices.hand_out(OPERATOR, account_id=tenant.account_id)])

    await prices.take_in(OPERATOR, b"FR,40000\n*,90000\nFR,45000,2026-12-01\n", account_id=tenant.account_id)
    clock.to("2026-11-24 09:00")
    before = await exported()
    assert await prices.take_in(OPERATOR, before.encode(), account_id=tenant.account_id) == 0
    assert await exported() == before
    # One line more, and only that is new.
    assert await prices.take_in(OPERATOR, (before + "DE,50000,2026-11-25\n").encode(), account_id=tenant.account_id) == 1
    assert sorted((await exported()).split()) == sorted([*before.split(), "DE,50000,2026-11-25"])
    # Of what is in force nothing changes, and what would is found in its file.
    with pytest.raises(ControlError, match="Row 3: a price takes effect today"):
        await prices.take_in(
            OPERATOR, b"region,price_milli,effective_on\nFR,40000,2026-11-22\nFR,1,2026-11-22\n", account_id=tenant.account_id
        )


async def test_a_credit_that_paid_for_what_no_carrier_took_is_frozen_and_used_again_after_a_look(tenant: Tenant, clock: Clock) -> None:
    await tenant.price(("FR", 40_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 1_000_000)
    [message] = accepted(await tenant.send(next(phones)))
    await tenant.end(message)
    assert await tenant.charging.resolve() == 1
    for _ in range(5):
        clock.now += 60
        await tenant.control.ledger.self_check()
    assert (await tenant.control.credits.get(OPERATOR, tenant.account_id)).frozen
    assert reasons(await tenant.send(next(phones))) == [Reject.NO_CREDIT]
    [noted] = [row for row in await tenant.control.audit.page(OPERATOR, account_id=tenant.account_id) if row.action == "credit.freeze"]
    assert "never taken by a carrier" in noted.detail
    assert not (await tenant.control.credits.unfreeze(OPERATOR, tenant.account_id)).frozen
    for _ in range(5):
        clock.now += 60
        await tenant.control.ledger.self_check()
    accepted(await tenant.send(next(phones)))


async def test_a_bill_is_paid_while_somebody_changes_the_credit_it_is_for(tenant: Tenant, clock: Clock) -> None:
    await tenant.price(("FR", 40_000))
    await tenant.control.credits.set(OPERATOR, tenant.account_id, 1_000_000)
    [message] = accepted(await tenant.send(next(phones)))
    await tenant.end(message)
    await tenant.charging.resolve()
    clock.to("2026-12-01 00:10")
    assert await tenant.close() == 1
    [bill] = await tenant.control.bills.every(OPERATOR, account_id=tenant.account_id)

    async def waits() -> bool:
        async with tenant.database.connection() as conn:
            return bool(await conn.fetchval("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and state = 'active'"))

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks, tenant.database.transaction() as tx:
        await credit.get(tx, tenant.account_id, lock=True)
        tasks.create_task(tenant.pay(bill.id))
        while not await waits():  # noqa: ASYNC110 - another connection's lock has no event
            await asyncio.sleep(0.02)
        await Audit(tenant.database, BOX, clock).record(tx, OPERATOR, "credit.set", tenant.account_id)
    assert await tenant.books() == (0, 0, 0)
