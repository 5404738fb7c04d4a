"""A signed request that comes again, copied by somebody or sent again by a network, sends nothing and is answered the same."""

import asyncio
import json
import time
from collections import Counter
from typing import Any

import httpx2
import pytest

from hongyan.cli import tc3
from hongyan.kit.db import Database
from journeys.customers import VERSION, Customer
from journeys.platform import phone

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]


def signed(customer: Customer, body: dict[str, Any], **changed: str) -> dict[str, Any]:
    content = json.dumps(body).encode()
    headers = tc3.headers(
        secret_id=customer.tenant.secret_id,
        secret_key=customer.tenant.secret_key,
        host=customer.platform.address,
        action="SendSms",
        version=VERSION,
        body=content,
        at=int(time.time()),
    )
    return {"content": content, "headers": headers | changed}


async def messages(database: Database, customer: Customer) -> int:
    async with database.connection() as conn:
        count: int = await conn.fetchval("select count(*) from messages where app_id = $1", customer.app_id)
        return count


async def test_a_copied_request_never_sends_again(customer: Customer, http: httpx2.AsyncClient, database: Database) -> None:
    request = signed(customer, customer.request(phone(), "notice"))
    url = f"http://{customer.platform.address}/"
    answers = await asyncio.gather(*(http.post(url, **request) for _ in range(50)))
    codes = Counter(answer.json()["Response"]["SendStatusSet"][0]["Code"] for answer in answers)
    # As long as the same text twice is over the limit, that is what a copy is told: it may be a second wish.
    assert codes == {"Ok": 1, "LimitExceeded.PhoneNumberThirtySecondLimit": 49}
    assert await messages(database, customer) == 1


async def test_requests_of_one_second_that_differ_in_their_body_are_two(
    customer: Customer, http: httpx2.AsyncClient, database: Database
) -> None:
    url = f"http://{customer.platform.address}/"
    for _ in range(2):
        answer = await http.post(url, **signed(customer, customer.request(phone(), "notice")))
        assert answer.json()["Response"]["SendStatusSet"][0]["Code"] == "Ok"
    assert await messages(database, customer) == 2
