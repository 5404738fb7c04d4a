"""What an operator sets against floods acts on the running platform: told in Tencent's words, and told to contacts."""

import pytest

from acting import OPERATOR
from hongyan.control.alarms import Draft
from hongyan.control.protection import Change
from hongyan.kit.sink import Sink
from hongyan.model.alarm import AlarmKind
from hongyan.model.protection import Cap, WordAction
from journeys.customers import Customer
from journeys.platform import Platform, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]


async def codes(customer: Customer, *phones: str, **more: object) -> list[str]:
    return [str(status["Code"]) for status in await customer.submit(list(phones), **more)]


async def test_a_cap_acts_and_contacts_are_told_with_its_value(customer: Customer, platform: Platform) -> None:
    async with Sink() as sink, platform.control() as control:
        kinds = (AlarmKind.TRAFFIC, AlarmKind.FREQUENCY)
        await control.alarms.add(OPERATOR, customer.app_id, Draft(name="duty", hook_url=f"{sink.url}/alarm", kinds=kinds))
        await control.protections.change(OPERATOR, customer.app_id, Change(mainland=Cap(alarm=2, most=3)))

        async def refused() -> bool:
            return await codes(customer, phone(), phone()) == ["LimitExceeded.AppMainlandChinaDailyLimit"] * 2

        await until(refused, "the cap is reached")
        counted = (await control.protections.get(OPERATOR, customer.app_id)).today
        assert counted["CN"] == counted["all"] == 3
        await until(lambda: sink.bodies("/alarm"), "the contact is told")
        assert b'"value":2' in sink.bodies("/alarm")[0]


async def test_the_emergency_stop_acts_at_once(customer: Customer, platform: Platform) -> None:
    async with platform.control() as control:
        await control.protections.stop(OPERATOR, customer.app_id, "pumped")
        await until(lambda: _is(customer, "UnauthorizedOperation.SdkAppIdIsDisabled"), "it is stopped")
        await control.protections.resume(OPERATOR, customer.app_id)
        await until(lambda: _is(customer, "Ok"), "it sends again")


async def test_a_held_message_reaches_its_handset_when_a_reviewer_lets_it_go(customer: Customer, platform: Platform) -> None:
    async with platform.control() as control:
        await control.words.add(OPERATOR, ["存疑词"], WordAction.HOLD)
        try:
            number = phone()
            template = customer.tenant.templates["notice"]

            async def held() -> bool:
                await customer.submit([phone()], TemplateId=template.id, TemplateParamSet=["存 疑 词", "今天"])
                return bool(await control.held.page(OPERATOR, app_id=customer.app_id))

            await until(held, "the word acts")
            await customer.submit([number], TemplateId=template.id, TemplateParamSet=["存疑词", "明天"])
            [mine] = [one for one in await control.held.page(OPERATOR, app_id=customer.app_id) if one.phone == number]
            assert number not in platform.journal.taken()
            assert await control.held.release(OPERATOR, customer.app_id, [mine.message_id]) == [mine.message_id]
            await until(lambda: number in platform.journal.taken(), "it is on the handset")
            rest = [one.message_id for one in await control.held.page(OPERATOR, app_id=customer.app_id)]
            await control.held.refuse(OPERATOR, customer.app_id, rest)
        finally:
            await control.words.remove(OPERATOR, ["存疑词"])


async def _is(customer: Customer, code: str) -> bool:
    return await codes(customer, phone()) == [code]
