"""Frequency limits, black lists and packages as a customer meets them."""

from collections import Counter
from typing import Any

import pytest

from acting import OPERATOR
from hongyan.control.blacklist import Where
from hongyan.model.snapshot import Scope
from journeys.customers import Customer, Newcomer
from journeys.platform import Platform, all_of, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

NO_PACKAGE = "FailedOperation.InsufficientBalanceInSmsPackage"


def codes(statuses: list[dict[str, str]]) -> list[str]:
    return [status["Code"] for status in statuses]


async def balances(customer: Customer) -> dict[str, int]:
    """Segments over all packages."""
    async with customer.platform.database() as db, db.connection() as conn:
        rows = await conn.fetch("select available, held, used from packages where app_id = $1", customer.app_id)
    return {name: sum(row[name] for row in rows) for name in ("available", "held", "used")}


async def test_the_same_content_goes_to_a_number_once_in_30_seconds(customer: Customer, platform: Platform) -> None:
    to = phone()
    assert codes(await customer.send(to)) == ["Ok"]
    assert codes(await customer.send(to)) == ["LimitExceeded.PhoneNumberThirtySecondLimit"]
    assert codes(await customer.send(to, params=["20260002", "预计明天送达"])) == ["Ok"]
    await customer.pulled(2)
    assert len(platform.journal.taken()[to]) == 2


async def test_the_eleventh_message_of_a_day_is_refused_and_an_allow_listed_number_has_no_limit(
    customer: Customer, platform: Platform
) -> None:
    limited, free = phone(), phone()
    async with platform.control() as control:
        await control.apps.allow(OPERATOR, customer.app_id, [free])
    await customer.known()
    told = [codes(await customer.send([limited, free], params=[f"2026{n:04d}", "预计明天送达"])) for n in range(11)]
    assert told == [["Ok", "Ok"]] * 10 + [["LimitExceeded.PhoneNumberDailyLimit", "Ok"]]
    assert codes(await customer.send([limited, free], params=["20260010", "预计明天送达"])) == ["LimitExceeded.PhoneNumberDailyLimit", "Ok"]


async def test_one_number_at_once_from_many_clients_keeps_its_limits(customer: Customer) -> None:
    to = phone()
    same = await all_of(customer.submit([to]) for _ in range(30))
    assert Counter(codes([status for [status] in same])) == {"Ok": 1, "LimitExceeded.PhoneNumberThirtySecondLimit": 29}
    others = await all_of(customer.submit([to], params=[f"2026{n:04d}", "今天"]) for n in range(30))
    assert Counter(codes([status for [status] in others])) == {"Ok": 9, "LimitExceeded.PhoneNumberDailyLimit": 21}


async def test_a_number_that_is_twice_in_a_request_is_sent_to_once(customer: Customer, platform: Platform) -> None:
    to = phone()
    statuses = await customer.send([to, to.removeprefix("+86"), to.replace("+86", "0086")])
    assert codes(statuses) == ["Ok", "LimitExceeded.PhoneNumberThirtySecondLimit", "LimitExceeded.PhoneNumberThirtySecondLimit"]
    await customer.pulled(1)
    assert len(platform.journal.taken()[to]) == 1


async def test_a_blacklisted_number_is_refused_and_costs_nothing(customer: Customer, platform: Platform) -> None:
    listed, other = phone(), phone()
    async with platform.control() as control:
        await control.blacklist.add(OPERATOR, Where(app_id=customer.app_id), [listed])
    before = await balances(customer)
    assert codes(await customer.send([listed, other])) == ["FailedOperation.PhoneNumberInBlacklist", "Ok"]
    await customer.pulled(1)
    assert listed not in platform.journal.taken()
    after = await balances(customer)
    assert (after["available"], after["used"]) == (before["available"] - 1, before["used"] + 1)
    async with platform.control() as control:
        await control.blacklist.remove(OPERATOR, Where(app_id=customer.app_id), [listed])
    assert codes(await customer.send(listed, params=["20260002", "今天"])) == ["Ok"]


async def test_a_package_is_used_to_the_last_segment_and_not_beyond(newcomer: Newcomer) -> None:
    customer = await newcomer(mainland=5, international=0)
    long: dict[str, Any] = {"params": ["20260001", "很长的说明，" * 20]}
    # Three segments of five, then no room for three more, but for two single ones.
    assert codes(await customer.send(phone(), **long)) == ["Ok"]
    assert codes(await customer.send(phone(), **long)) == [NO_PACKAGE]
    assert codes(await customer.send([phone(), phone(), phone()])) == ["Ok", "Ok", NO_PACKAGE]
    await customer.pulled(3)
    assert await balances(customer) == {"available": 0, "held": 0, "used": 5}
    assert codes(await customer.send("+33612345678", "international")) == [NO_PACKAGE]
    async with customer.platform.control() as control:
        await control.packages.buy(OPERATOR, customer.app_id, Scope.MAINLAND, 1)
    await customer.known()
    assert codes(await customer.send([phone(), phone()])) == ["Ok", NO_PACKAGE]


async def test_fifty_clients_draw_a_package_to_exactly_nothing(newcomer: Newcomer) -> None:
    customer = await newcomer(mainland=137, international=0)

    async def draw() -> int:
        """Send two at a time until there is nothing left; how many were accepted."""
        accepted = 0
        while True:
            statuses = await customer.submit([phone(), phone()])
            accepted += codes(statuses).count("Ok")
            if NO_PACKAGE in codes(statuses):
                assert set(codes(statuses)) <= {"Ok", NO_PACKAGE}
                return accepted

    assert sum(await all_of(draw() for _ in range(50))) == 137
    assert (await balances(customer))["available"] == 0

    async def all_used() -> bool:
        return await balances(customer) == {"available": 0, "held": 0, "used": 137}

    await until(all_used, "every segment is used")


async def test_what_was_refused_by_the_carrier_can_be_sent_again(newcomer: Newcomer) -> None:
    customer = await newcomer(mainland=1, international=0)
    await customer.send_one("+8619900000004")
    await customer.pulled(1)
    assert await balances(customer) == {"available": 1, "held": 0, "used": 0}
    await customer.send_one(phone())
    await customer.pulled(1)
    assert await balances(customer) == {"available": 0, "held": 0, "used": 1}
