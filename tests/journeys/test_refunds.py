"""What a message costs when it is not delivered, and which packages pay for which messages."""

from collections.abc import AsyncIterator

import pytest

from acting import OPERATOR
from hongyan.model.carrier import Declined, Verdict
from hongyan.model.message import Accepted, Kind, Status
from hongyan.model.money import ChargeRule, PackageKind
from hongyan.model.reject import Reject
from hongyan.model.snapshot import Scope
from journeys.rig import Rig, lost, running_rig, taken

pytestmark = pytest.mark.slow
LONG = ("20260001", "很长的说明，" * 20)


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[Rig]:
    async with running_rig(database_url) as running:
        await set_rule(running, ChargeRule.DELIVERED)
        yield running
        await set_rule(running, ChargeRule.SUBMIT)
        assert await running.broken() == {}


async def set_rule(rig: Rig, rule: ChargeRule) -> None:
    await rig.control.accounts.set_charge(OPERATOR, rig.app.account_id, rule)
    await rig.directory.refresh()


async def balance(rig: Rig) -> tuple[int, int, int]:
    [package] = await rig.control.packages.every(OPERATOR, rig.app.id)
    return package.available, package.held, package.used


async def journal(rig: Rig) -> list[tuple[str, int]]:
    async with rig.db.connection() as conn:
        found = await conn.fetch("select kind, segments from ledger_entries where app_id = $1 and kind <> 'buy' order by id", rig.app.id)
    return [(row[0], row[1]) for row in found]


async def sent(rig: Rig, kind: str = "notice", params: tuple[str, ...] | None = None) -> Accepted:
    """A message that a carrier has taken."""
    message = await rig.accept(kind, params)
    await rig.answer(await rig.handed_over(message, 3 if params == LONG else 1), taken)
    return message


async def test_what_failed_after_a_carrier_took_it_is_refunded_once_however_often_that_is_said(rig: Rig) -> None:
    message = await sent(rig)
    [segment] = rig.given(message)
    for _ in range(3):
        await rig.receipt(segment, carrier_id=f"{message.message_id}-1", verdict=Verdict.FAILED)
    await rig.receipt(segment, carrier_id=f"{message.message_id}-1")
    assert await rig.status(message) is Status.FAILED
    assert await balance(rig) == (1000, 0, 0)
    assert await journal(rig) == [("hold", 1), ("post", 1), ("refund", 1)]


async def test_what_was_delivered_costs_whatever_is_said_afterwards(rig: Rig) -> None:
    message = await sent(rig)
    [segment] = rig.given(message)
    await rig.receipt(segment, carrier_id=f"{message.message_id}-1")
    await rig.receipt(segment, carrier_id=f"{message.message_id}-1", verdict=Verdict.FAILED)
    assert await balance(rig) == (999, 0, 1)
    assert await journal(rig) == [("hold", 1), ("post", 1)]


async def test_a_long_message_is_refunded_with_all_its_segments(rig: Rig) -> None:
    message = await sent(rig, params=LONG)
    assert message.segments == 3
    first, second, third = sorted(rig.given(message), key=lambda segment: segment.sequence)
    await rig.receipt(first, carrier_id=f"{message.message_id}-1")
    await rig.receipt(third, carrier_id=f"{message.message_id}-3", verdict=Verdict.EXPIRED)
    await rig.receipt(second, carrier_id=f"{message.message_id}-2", verdict=Verdict.FAILED)
    assert await balance(rig) == (1000, 0, 0)
    assert await journal(rig) == [("hold", 3), ("post", 3), ("refund", 3)]


async def test_what_nobody_reported_for_72_hours_is_refunded(rig: Rig) -> None:
    message = await sent(rig)
    await rig.later(73 * 3600)
    for _ in range(2):
        await rig.upkeep.expire()
    assert await rig.status(message) is Status.EXPIRED
    assert await balance(rig) == (1000, 0, 0)


async def test_what_the_carrier_refused_was_never_paid_for_and_is_not_refunded(rig: Rig) -> None:
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lambda _segment: Declined("REJECTED"))
    assert await journal(rig) == [("hold", 1), ("void", 1)]
    assert await balance(rig) == (1000, 0, 0)


async def test_under_the_usual_rule_a_carrier_s_work_is_paid_for(rig: Rig) -> None:
    await set_rule(rig, ChargeRule.SUBMIT)
    message = await sent(rig)
    [segment] = rig.given(message)
    await rig.receipt(segment, carrier_id=f"{message.message_id}-1", verdict=Verdict.FAILED)
    assert await balance(rig) == (999, 0, 1)
    # A rule that changes later changes nothing about what has ended.
    await set_rule(rig, ChargeRule.DELIVERED)
    rig.now += 1
    await rig.receipt(segment, carrier_id=f"{message.message_id}-1", verdict=Verdict.FAILED)
    assert await balance(rig) == (999, 0, 1)


@pytest.mark.parametrize("rule", ChargeRule)
async def test_a_copy_that_we_sent_costs_the_customer_nothing(rig: Rig, rule: ChargeRule) -> None:
    await set_rule(rig, rule)
    message = await rig.accept("notice")
    await rig.answer(await rig.handed_over(message), lost)
    await rig.later(61)
    await rig.answer((await rig.handed_over(message, 2))[1:], taken)
    first, second = rig.given(message)
    await rig.receipt(second, carrier_id=f"{message.message_id}-1")
    await rig.receipt(first, carrier_id="another")
    assert await balance(rig) == (999, 0, 1)
    assert await journal(rig) == [("hold", 1), ("post", 1)]


async def test_a_refund_into_a_package_that_has_expired_is_shown_as_late_and_cannot_be_used(rig: Rig) -> None:
    message = await sent(rig)
    async with rig.db.connection() as conn:
        await conn.execute("update packages set expires_at = effective_at + interval '30 s' where app_id = $1", rig.app.id)
    rig.now += 60
    [segment] = rig.given(message)
    await rig.receipt(segment, carrier_id=f"{message.message_id}-1", verdict=Verdict.FAILED)
    [package] = await rig.control.packages.every(OPERATOR, rig.app.id)
    assert (package.available, package.late, package.used) == (1000, 1, 0)
    await set_rule(rig, ChargeRule.DELIVERED)
    outcome = await rig.asked(rig.command("notice"))
    assert outcome.reason is Reject.NO_PACKAGE  # type: ignore[union-attr]


async def test_a_package_pays_for_its_kinds_of_messages_and_the_one_that_expires_first_pays_first(rig: Rig) -> None:
    async with rig.db.connection() as conn:
        await conn.execute("update packages set closed_at = now() where app_id = $1", rig.app.id)
    soon, later = rig.now + 86_400, rig.now + 2 * 86_400
    regular = await rig.control.packages.buy(OPERATOR, rig.app.id, Scope.MAINLAND, 2, kind=PackageKind.REGULAR, expires_at=later)
    ads = await rig.control.packages.buy(OPERATOR, rig.app.id, Scope.MAINLAND, 1, kind=PackageKind.MARKETING, expires_at=soon)
    general = await rig.control.packages.buy(OPERATOR, rig.app.id, Scope.MAINLAND, 1, expires_at=soon + 60)
    await rig.directory.refresh()
    outcomes = [
        await rig.asked(rig.command(kind)) for kind in ("verification", "marketing", "marketing", "notice", "verification", "notice")
    ]
    drawn = [isinstance(outcome, Accepted) for outcome in outcomes]
    # The general one expires before the regular one: a code draws on it first, and the second advertisement finds nothing left.
    assert drawn == [True, True, False, True, True, False]
    async with rig.db.connection() as conn:
        found = await conn.fetch("select kind, package_id from messages where app_id = $1 order by id", rig.app.id)
    assert [(row[0], row[1]) for row in found] == [
        (Kind.VERIFICATION, general.id),
        (Kind.MARKETING, ads.id),
        (Kind.NOTICE, regular.id),
        (Kind.VERIFICATION, regular.id),
    ]
