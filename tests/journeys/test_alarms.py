"""An alarm contact is told by the running platform: over the carrier like any message, and by web hook."""

import json

import pytest

from acting import OPERATOR
from hongyan.control.alarms import Draft
from hongyan.kit.sink import Sink
from hongyan.model.alarm import AlarmKind
from hongyan.store import notices
from journeys.customers import Customer
from journeys.platform import Platform, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]


async def test_a_contact_is_tested_and_told_of_a_review(customer: Customer, platform: Platform) -> None:
    number = phone()
    async with Sink() as sink, platform.control() as control, platform.database() as db:
        account_id = (await control.apps.get(OPERATOR, customer.app_id)).account_id
        made = await control.alarms.add(OPERATOR, customer.app_id, Draft(name="duty", phone=number, hook_url=f"{sink.url}/alarm"))
        await control.alarms.test(OPERATOR, made.contact.id)
        await until(lambda: number in platform.journal.taken(), "the test is on the handset")
        async with db.transaction() as tx:
            facts = {"name": "shop", "approved": True, "reasons": ""}
            await notices.add(tx, account_id=account_id, app_id=customer.app_id, kind=AlarmKind.TEMPLATE, facts=facts, now=0.0)
        await until(lambda: len(sink.bodies("/alarm")) == 2, "both alarms are posted")
        assert {json.loads(body)["type"] for body in sink.bodies("/alarm")} == {"alarm.test", "alarm.template"}

        async def all_told() -> bool:
            return {row.told_at is not None for row in await control.alarms.told(OPERATOR, account_id=account_id)} == {True}

        await until(all_told, "all are told")
