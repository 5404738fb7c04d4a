"""What an operator changes is so for the running platform within a second."""

import time
from collections.abc import Awaitable, Callable

import pytest

from acting import OPERATOR
from hongyan.control.apps import AppChange
from hongyan.model.message import Kind
from hongyan.model.papers import SignatureDraft
from hongyan.model.snapshot import Scope
from journeys.customers import Customer
from journeys.platform import Platform, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

WITHIN_S = 1.0
Code = Callable[[], Awaitable[str]]


async def soon(code: Code, expected: str) -> None:
    """Ask until the answer changes; a second after the commit it must have."""
    began = time.monotonic()

    async def changed() -> bool:
        asked_at = time.monotonic()
        if await code() == expected:
            return True
        assert asked_at - began < WITHIN_S, f"still not {expected}"
        return False

    await until(changed, f"the answer is {expected}")


def sending(customer: Customer, **more: str) -> Code:
    async def code() -> str:
        [status] = await customer.submit([phone()], **more)
        return str(status["Code"])

    return code


async def test_an_application_is_disabled_and_enabled(customer: Customer, platform: Platform) -> None:
    code = sending(customer)
    async with platform.control() as control:
        await control.apps.change(OPERATOR, customer.app_id, AppChange(enabled=False))
        await soon(code, "UnauthorizedOperation.SdkAppIdIsDisabled")
        await control.apps.change(OPERATOR, customer.app_id, AppChange(enabled=True))
        await soon(code, "Ok")


async def test_a_template_is_approved_and_withdrawn(customer: Customer, platform: Platform) -> None:
    template = await customer.template("您好{1}，您的包裹到了{2}。", Kind.NOTICE, approved=False)
    code = sending(customer, TemplateId=template)
    assert await code() == "FailedOperation.TemplateIncorrectOrUnapproved"
    async with platform.control() as control:
        await control.templates.approve(OPERATOR, int(template))
        await soon(code, "Ok")
        await control.templates.deactivate(OPERATOR, int(template))
        await soon(code, "FailedOperation.TemplateIncorrectOrUnapproved")


async def test_a_signature_is_approved_and_revoked(customer: Customer, platform: Platform) -> None:
    code = sending(customer, SignName="新签名")
    assert await code() == "FailedOperation.SignatureIncorrectOrUnapproved"
    async with platform.control() as control:
        account_id = (await control.apps.get(OPERATOR, customer.app_id)).account_id
        signature = await control.signatures.add(
            OPERATOR, account_id, SignatureDraft(name="新签名", scope=Scope.MAINLAND, app_id=customer.app_id)
        )
        assert await code() == "FailedOperation.SignatureIncorrectOrUnapproved"
        await control.signatures.approve(OPERATOR, signature.id)
        await soon(code, "Ok")
        await control.signatures.deactivate(OPERATOR, signature.id)
        await soon(code, "FailedOperation.SignatureIncorrectOrUnapproved")


async def test_a_key_is_made_and_disabled(customer: Customer, platform: Platform) -> None:
    async with platform.control() as control:
        account_id = (await control.apps.get(OPERATOR, customer.app_id)).account_id
        for old in await control.keys.every(OPERATOR, account_id):
            if old.secret_id != customer.tenant.secret_id:
                await control.keys.set_enabled(OPERATOR, old.secret_id, enabled=False)
        key = await control.keys.create(OPERATOR, account_id)
        request = customer.request(phone())

        async def code() -> str:
            order = {"endpoint": platform.address, "secret_id": key.secret_id, "secret_key": key.secret_key, "action": "SendSms"}
            answer = await customer.ask(order | {"params": request | {"PhoneNumberSet": [phone()]}})
            return str(answer.get("error") or answer["ok"]["SendStatusSet"][0]["Code"])

        await soon(code, "Ok")
        await control.keys.set_enabled(OPERATOR, key.secret_id, enabled=False)
        await soon(code, "AuthFailure.InvalidSecretId")


async def test_a_limit_is_tightened(customer: Customer, platform: Platform) -> None:
    async with platform.control() as control:
        await control.apps.change(OPERATOR, customer.app_id, AppChange(limits={"same_content_30s": 0, "day": 0, "hour": 2}))
        await customer.known()
        to = phone()
        told = [(await customer.submit([to]))[0]["Code"] for _ in range(3)]
    assert told == ["Ok", "Ok", "LimitExceeded.PhoneNumberOneHourLimit"]
