"""A vendor's windows as its customers meet them through Tencent's door, and marketing that waits for its hours in a running platform."""

import time

import pytest

from acting import OPERATOR
from hongyan.control.apps import AppChange
from hongyan.control.protection import Change
from hongyan.control.records import Step
from hongyan.model.message import Status
from journeys.customers import Customer, sleeping
from journeys.platform import Platform, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

SHORT, HOUR, DAY = (f"LimitExceeded.PhoneNumber{name}Limit" for name in ("ThirtySecond", "OneHour", "Daily"))


async def codes(customer: Customer, to: str, kind: str, *values: str) -> list[str]:
    rest = customer.tenant.templates[kind].params[1:]
    return [(await customer.send(to, kind, params=[value, *rest]))[0]["Code"] for value in values]


async def preset(customer: Customer, name: str) -> None:
    async with customer.platform.control() as control:
        await control.apps.change(OPERATOR, customer.app_id, AppChange(preset=name))
        # Hours are another journey's: this one runs at night, too.
        await control.protections.change(OPERATOR, customer.app_id, Change(marketing_hours=False))
    await customer.known()


async def test_each_kind_has_its_windows_and_the_code_says_the_rule(customer: Customer, platform: Platform) -> None:
    await preset(customer, "huawei")
    to = phone()
    assert await codes(customer, to, "verification", "1001", "1002", "1003") == ["Ok", "Ok", SHORT]
    assert await codes(customer, to, "marketing", *"一二三四五") == ["Ok", "Ok", "Ok", "Ok", HOUR]
    assert await codes(customer, to, "notice", "1", "1", "1") == ["Ok", "Ok", SHORT]
    assert await codes(customer, to, "notice", *map(str, range(2, 11))) == ["Ok"] * 8 + [SHORT]
    [status] = await customer.send(to, "verification", params=["1004", "5"], SessionContext="x")
    assert "2 messages of the kind verification to one number in 60 s" in status["Message"]
    await customer.pulled(16)
    assert len(platform.journal.taken()[to]) == 16
    # The vendor's own limits again: no more than ten a day, of which there are more.
    await preset(customer, "seeds")
    assert await codes(customer, to, "verification", "1005") == [DAY]


async def test_what_sleeps_is_on_its_handset_when_its_time_has_come_and_not_before(customer: Customer, platform: Platform) -> None:
    to = phone()
    begins = time.time() + 2.5
    id_ = await sleeping(customer, to, 2.5)
    taken = platform.journal.taken
    await until(lambda: to in taken() or time.time() > begins - 0.3, "its time has nearly come")
    assert to not in taken()
    await until(lambda: to in taken(), "it is on its handset")
    assert time.time() >= begins
    [report] = await customer.pulled(1)
    assert report["PhoneNumber"] == to
    async with platform.control() as control:
        timeline = await control.records.timeline(OPERATOR, id_, customer.app_id)
    assert timeline is not None
    assert timeline.status is Status.DELIVERED
    assert Step.DEFERRED in {entry.step for entry in timeline.entries}
