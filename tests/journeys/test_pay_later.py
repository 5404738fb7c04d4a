"""An enterprise that pays later: it sends abroad on credit, is billed, does not pay, stops, pays, and sends again."""

import csv
import datetime as dt
import io
import time
from typing import Any

import httpx2
import pytest

from acting import OPERATOR
from hongyan.control.charging import Charging
from hongyan.doors.tencent_v5 import auth
from hongyan.model.money import PaymentSubject
from hongyan.model.protection import SHANGHAI
from hongyan.store.bills import BillRow
from hongyan.store.credit import CreditRow
from hongyan.store.snapshots import publish
from journeys.customers import Customer, Sdk, pays_later
from journeys.platform import Platform, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

NO_MONEY = "FailedOperation.InsufficientBalanceInSmsPackage"
ARREARS = "UnauthorizedOperation.ServiceSuspendDueToArrears"
PRICE = 40_000


def french(n: int) -> str:
    return f"+3361299{n:04d}"


@pytest.fixture
async def enterprise(platform: Platform, sdk: Sdk, http: httpx2.AsyncClient) -> Customer:
    """An account of its own, without any package, that may owe what three messages cost and a little more."""
    tenant, app_id = await pays_later(platform, price_milli=PRICE, limit_milli=3 * PRICE + 1_000)
    customer = Customer(platform, sdk, tenant, app_id, http)
    await customer.known()
    return customer


async def credit_of(customer: Customer) -> CreditRow:
    async with customer.platform.control() as control:
        account_id = (await control.apps.get(OPERATOR, customer.app_id)).account_id
        return await control.credits.get(OPERATOR, account_id)


async def code(customer: Customer, to: str) -> str:
    """What becomes of a message, in Tencent's words."""
    answer = await customer.sdk("SendSms", **customer.request(to, "international", params=[str(time.time_ns() % 10**6)]))
    told: str = answer["SendStatusSet"][0]["Code"] if "SendStatusSet" in answer else answer["error"]
    return told


async def bill_at(customer: Customer, clock_s: float) -> BillRow:
    """Close what is over at that time; the one bill of the account."""
    account_id = (await credit_of(customer)).account_id
    async with customer.platform.database() as db:
        await Charging(db, lambda: clock_s, dict).close()
    async with customer.platform.control() as control:
        [bill] = await control.bills.every(OPERATOR, account_id=account_id)
        return bill


async def native(customer: Customer, http: httpx2.AsyncClient, path: str) -> httpx2.Response:
    key = (customer.tenant.secret_id, customer.tenant.secret_key)
    return await http.get(f"http://{customer.platform.address}/api/v1{path}", auth=key)


async def test_credit_is_used_billed_in_arrears_paid_and_used_again(enterprise: Customer, http: httpx2.AsyncClient) -> None:
    assert [await code(enterprise, french(n)) for n in range(4)] == ["Ok", "Ok", "Ok", NO_MONEY]
    assert await code(enterprise, "+12025550161") == "UnsupportedOperation.UnsupportedRegion"
    await enterprise.pulled(3)

    async def posted() -> bool:
        row = await credit_of(enterprise)
        return (row.held_milli, row.unbilled_milli) == (0, 3 * PRICE)

    await until(posted, "what was held is posted")
    # The month is over: a bill, with its files.
    row = await credit_of(enterprise)
    over = dt.datetime.combine((row.closed_until.replace(day=1) + dt.timedelta(days=32)).replace(day=1), dt.time(), SHANGHAI)
    bill = await bill_at(enterprise, over.timestamp())
    assert (bill.total_milli, bill.stops_at) == (3 * PRICE, over.replace(day=9).timestamp())
    shown = (await native(enterprise, http, "/bills")).json()["items"]
    assert [(item["id"], item["total_milli"], item["paid_at"]) for item in shown] == [(bill.id, 3 * PRICE, None)]

    async def made() -> bool:
        return len((await native(enterprise, http, f"/bills/{bill.id}/files")).json()) == 3

    await until(made, "the files of the bill are there")
    details = await native(enterprise, http, f"/bills/{bill.id}/files/details.csv")
    rows = list(csv.reader(io.StringIO(details.content.decode("utf-8-sig"), newline="")))
    assert [row[-1] for row in rows[1:]] == ["0.4"] * 3
    assert (await native(enterprise, http, f"/bills/{bill.id}/files/summary.pdf")).content.startswith(b"%PDF-")
    # The 9th has come, and nobody has paid.
    await stop_now(enterprise, bill)
    assert await code(enterprise, french(5)) == ARREARS
    assert (await v5(enterprise, http))["result"] == 1033
    refused = await http.post(
        f"http://{enterprise.platform.address}/api/v1/messages",
        auth=(enterprise.tenant.secret_id, enterprise.tenant.secret_key),
        json={"app_id": enterprise.app_id, "template_id": int(enterprise.tenant.templates["international"].id), "params": ["7"],
              "to": [french(6)]},
    )  # fmt: skip
    assert (refused.status_code, refused.json()["code"]) == (403, "arrears")
    # Paid, it sends again within seconds, and may owe as much as before.
    async with enterprise.platform.control() as control:
        await control.payments.confirm(OPERATOR, PaymentSubject.BILL, bill.id, f"bank {bill.id} {time.time_ns()}")
    await enterprise.known()
    assert [await code(enterprise, french(n)) for n in range(7, 11)] == ["Ok", "Ok", "Ok", NO_MONEY]


async def stop_now(customer: Customer, bill: BillRow) -> None:
    async with customer.platform.database() as db, db.transaction() as tx:
        await tx.execute("update bills set stops_at = now() where id = $1", bill.id)
        await publish(tx, "the 9th", time.time())
    await customer.known()


async def v5(customer: Customer, http: httpx2.AsyncClient) -> dict[str, Any]:
    """What v5 answers to a message of the account."""
    now, mobile = int(time.time()), french(30).removeprefix("+33")
    body = {
        "sig": auth.signed(customer.tenant.app_key, "4711", str(now), f"&mobile={mobile}"), "time": now,
        "tel": {"nationcode": "33", "mobile": mobile}, "tpl_id": int(customer.tenant.templates["international"].id), "params": ["7"],
    }  # fmt: skip
    url = f"http://{customer.platform.address}/v5/tlssmssvr/sendsms?sdkappid={customer.app_id}&random=4711"
    answer: dict[str, Any] = (await http.post(url, json=body)).json()
    return answer


async def test_an_application_with_nothing_but_credit_is_found_by_its_messages(enterprise: Customer, http: httpx2.AsyncClient) -> None:
    assert await code(enterprise, french(20)) == "Ok"
    await enterprise.pulled(1)

    async def listed() -> bool:
        return len((await native(enterprise, http, "/messages")).json()["items"]) == 1

    await until(listed, "its message is in the list")
