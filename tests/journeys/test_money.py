"""Money as customers and payment providers meet it: bought, paid by a signed web hook, sent with, given back; drained by many at once."""

import asyncio
import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import httpx2
import pytest

from acting import OPERATOR
from hongyan.kit.db import UNAVAILABLE
from hongyan.kit.webhook import headers, new_secret
from hongyan.model.money import ChargeRule
from journeys import invariants
from journeys.customers import Customer, Sdk, sign_up
from journeys.platform import Platform, all_of, handset, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

SECRET = new_secret(os.urandom)
NO_PACKAGE = "FailedOperation.InsufficientBalanceInSmsPackage"
CLIENTS = 200


@pytest.fixture(scope="module")
def paid_platform() -> Iterator[Platform]:
    """Where a payment provider is known, and accepting is done in two processes."""
    platform = Platform(PROCESSES="3", PAYMENT_SECRETS=f"{new_secret(os.urandom)},{SECRET}")
    try:
        platform.start()
        yield platform
    finally:
        platform.destroy()


@pytest.fixture
async def many() -> AsyncIterator[httpx2.AsyncClient]:
    """As many connections as there are clients."""
    limits = httpx2.Limits(max_connections=CLIENTS)
    async with httpx2.AsyncClient(timeout=30, trust_env=False, limits=limits) as client:
        yield client


class Buyer:
    """A program with a key that may buy, an operator, and a payment provider."""

    def __init__(self, platform: Platform, customer: Customer, http: httpx2.AsyncClient, key: tuple[str, str]) -> None:
        self.platform = platform
        self.customer = customer
        self._http = http
        self._key = key

    async def ask(self, method: str, path: str, *, status: int = 200, **more: Any) -> Any:
        answer = await self._http.request(method, self._url(path), auth=self._key, headers={"accept-language": "en"}, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if "json" in answer.headers["content-type"] else answer.text

    async def provider(
        self, event: dict[str, Any], *, id_: str = "evt_1", secret: str = SECRET, at: float | None = None
    ) -> httpx2.Response:
        """The provider posts an event."""
        body = json.dumps(event)
        signed = headers([secret], id_, time.time() if at is None else at, body)
        return await self._http.post(self._url("/payments/events"), content=body.encode(), headers=signed)

    def _url(self, path: str) -> str:
        return f"http://{self.platform.address}/api/v1{path}"

    def paid(self, purchase: dict[str, Any], reference: str) -> dict[str, Any]:
        data = {"purchase_id": purchase["id"], "amount_milli": purchase["price_milli"], "currency": "CNY", "reference": reference}
        return {"type": "payment.succeeded", "data": data | {"card": {"last4": "4242"}}}

    async def state(self, purchase: dict[str, Any]) -> str:
        return str((await self.ask("GET", f"/purchases/{purchase['id']}"))["state"])


@pytest.fixture
async def buyer(paid_platform: Platform, sdk: Sdk, many: httpx2.AsyncClient) -> Buyer:
    tenant, app_id = await sign_up(paid_platform, f"buyer {time.time()}", mainland=0, international=0)
    customer = Customer(paid_platform, sdk, tenant, app_id, many)
    async with paid_platform.control() as control:
        account_id = (await control.apps.get(OPERATOR, app_id)).account_id
        for old in await control.keys.every(OPERATOR, account_id):
            if old.note == "buyer":
                await control.keys.set_enabled(OPERATOR, old.secret_id, enabled=False)
        key = await control.keys.create(OPERATOR, account_id, note="buyer", scopes=["read", "money_read", "money"])
    await customer.known()
    return Buyer(paid_platform, customer, many, (key.secret_id, key.secret_key))


async def test_what_is_bought_is_paid_by_web_hook_sent_with_and_given_back(buyer: Buyer) -> None:
    customer = buyer.customer
    assert [one["Code"] for one in await customer.send(phone())] == [NO_PACKAGE]
    async with buyer.platform.control() as control:
        made = await control.offers.add(OPERATOR, f"offer {time.time()}", 100, 4_500_000)
    [offer] = [one for one in (await buyer.ask("GET", "/offers"))["items"] if one["id"] == made.id]
    purchase = await buyer.ask("POST", "/purchases", json={"app_id": customer.app_id, "offer_id": offer["id"]}, status=201)
    assert (purchase["state"], purchase["refundable_until"]) == ("pending", None)

    # Whoever does not have the secret, or tells an old tale, pays for nothing.
    event = buyer.paid(purchase, f"pay {purchase['id']}")
    assert (await buyer.provider(event, secret=new_secret(os.urandom))).status_code == 401
    assert (await buyer.provider(event, at=time.time() - 400)).status_code == 401
    assert (await buyer.provider({"type": "payment.failed", "data": {}})).json() == {"taken": False, "fits": False}
    assert (await buyer.provider({"type": "payment.succeeded", "data": {"purchase_id": purchase["id"]}})).status_code == 422
    assert await buyer.state(purchase) == "pending"

    answers = await asyncio.gather(*(buyer.provider(event, id_=f"evt_{n % 3}") for n in range(12)))
    assert [answer.json() for answer in answers] == [{"taken": True, "fits": True}] * 12
    assert await buyer.state(purchase) == "paid"
    await customer.known()
    [package] = (await buyer.ask("GET", f"/packages?app_id={customer.app_id}"))["items"]
    assert (package["segments"], package["available"], package["kind"]) == (100, 100, "general")

    for _ in range(3):
        await customer.send_one(phone())
    await customer.pulled(3)
    back = await buyer.ask("POST", f"/purchases/{purchase['id']}/refund", json={"reason": "no need"})
    assert back["state"] in {"refunding", "refunded"}

    async def refunded() -> bool:
        return await buyer.state(purchase) == "refunded"

    await until(refunded, "it is refunded", within_s=30)
    done = await buyer.ask("GET", f"/purchases/{purchase['id']}")
    assert (done["refunded_segments"], done["refund_milli"]) == (97, 4_365_000)
    await customer.known()
    assert [one["Code"] for one in await customer.send(phone())] == [NO_PACKAGE]

    journal = await buyer.ask("GET", f"/ledger/file?app_id={customer.app_id}")
    kinds = Counter(line.split(",")[4] for line in journal.splitlines()[1:])
    assert kinds["buy"] == kinds["withdraw"] == 1
    assert await buyer.ask("GET", f"/ledger/check?app_id={customer.app_id}") == []
    # What was paid is told to the customer, and of cards there is no word.
    [payment] = (await buyer.ask("GET", "/payments"))["items"][:1]
    assert (payment["reference"], payment["fits"]) == (f"pay {purchase['id']}", True)
    assert "4242" not in json.dumps(payment)
    again = await buyer.ask("POST", f"/purchases/{purchase['id']}/refund", json={}, status=409)
    assert again["code"] == "wrong_state"
    async with buyer.platform.control() as control:
        [counted] = await control.statistics.packages(OPERATOR, customer.app_id)
    assert (counted.id, counted.segments, counted.gone, counted.gift) == (package["id"], 100, 3, False)


async def test_who_may_only_send_buys_nothing_and_tells_of_no_payment(buyer: Buyer) -> None:
    tenant = buyer.customer.tenant
    sender = Buyer(buyer.platform, buyer.customer, buyer._http, (tenant.secret_id, tenant.secret_key))
    assert (await sender.ask("POST", "/purchases", json={"app_id": buyer.customer.app_id, "offer_id": 1}, status=403))[
        "code"
    ] == "not_allowed"
    told = {"subject": "purchase", "subject_id": 1, "reference": "mine"}
    for asks in (sender, buyer):
        assert (await asks.ask("POST", "/payments", json=told, status=403))["code"] == "not_allowed"
    assert (await buyer.ask("POST", "/packages", json={"app_id": 1, "scope": "mainland", "segments": 5}, status=403))[
        "code"
    ] == "not_allowed"


async def test_two_hundred_clients_drain_a_package_to_exactly_nothing_whoever_dies(buyer: Buyer, rounds: int) -> None:
    customer, segments = buyer.customer, 700
    for number in range(rounds):
        async with buyer.platform.control() as control:
            account_id = (await control.apps.get(OPERATOR, customer.app_id)).account_id
            await control.accounts.set_charge(OPERATOR, account_id, list(ChargeRule)[number % 2])
            bought = await control.packages.buy(OPERATOR, customer.app_id, 0, segments)
        await customer.known()
        drain = Drain(customer)
        strikes = drain.strike((("engine", 100), ("api-1", 300), ("database", 450)))
        await asyncio.gather(all_of(drain.client() for _ in range(CLIENTS)), strikes)
        await customer.ready()
        await Drained(customer, bought.id).holds(drain)


class Drain:
    """Clients that send until nothing is left."""

    def __init__(self, customer: Customer) -> None:
        self._customer = customer
        self.accepted: list[str] = []
        self.unanswered: list[str] = []

    async def strike(self, strikes: Sequence[tuple[str, int]]) -> None:
        """Kill a process each time that so many are accepted."""
        for name, at in strikes:
            await until(lambda at=at: len(self.accepted) >= at, f"{at} are accepted", within_s=60)  # type: ignore[misc]
            with contextlib.suppress(KeyError, ProcessLookupError):
                self._customer.platform.kill(name)

    async def client(self) -> None:
        while True:
            numbers = [phone(), phone()]
            try:
                statuses = await self._customer.submit(numbers)
            except (httpx2.HTTPError, AssertionError, ValueError):
                self.unanswered += numbers
                await self._customer.ready()
                continue
            codes = {status["PhoneNumber"]: status["Code"] for status in statuses}
            self.accepted += [number for number, code in codes.items() if code == "Ok"]
            if NO_PACKAGE in codes.values():
                return
            if "Ok" not in codes.values():
                await self._customer.ready()


class Drained:
    """What the tables say of a package that was drained."""

    def __init__(self, customer: Customer, package_id: int) -> None:
        self._customer = customer
        self._package_id = package_id

    async def holds(self, drain: Drain) -> None:
        """Exactly so many segments were promised as there were, nothing of it twice, and whoever was told Ok has a message."""
        async with self._customer.platform.database() as db, db.connection() as conn:
            app_id = self._customer.app_id
            rows = await conn.fetch("select phone, segments from messages where app_id = $1 and package_id = $2", app_id, self._package_id)
            package = await conn.fetchrow("select * from packages where app_id = $1 and id = $2", app_id, self._package_id)
            given_back = await conn.fetchval(
                "select coalesce(sum(segments), 0) from ledger_entries "
                "where app_id = $1 and package_id = $2 and kind in ('void', 'refund')",
                app_id, self._package_id,
            )  # fmt: skip
            broken = await invariants.broken(conn, at_rest=False)
        promised = {f"+{row['phone']}" for row in rows}
        assert broken == {}
        assert len(rows) == len(promised)
        # What was given back may have been drawn on again, or is there: of what was left nobody got more, and nothing is lost.
        assert sum(row["segments"] for row in rows) == package["segments"] - package["available"] + given_back
        assert package["available"] <= given_back
        assert set(drain.accepted) <= promised
        assert promised <= set(drain.accepted) | set(drain.unanswered)


async def test_what_fails_costs_nothing_under_the_rule_of_delivery(buyer: Buyer) -> None:
    customer = buyer.customer
    async with buyer.platform.control() as control:
        account_id = (await control.apps.get(OPERATOR, customer.app_id)).account_id
        await control.accounts.set_charge(OPERATOR, account_id, ChargeRule.DELIVERED)
        await control.packages.buy(OPERATOR, customer.app_id, 0, 10)
    await customer.known()
    await customer.send_one(handset("0001"))
    await customer.send_one(phone())
    await customer.pulled(2)

    async def is_given_back() -> bool:
        with contextlib.suppress(*UNAVAILABLE):
            async with buyer.platform.control() as control:
                [package] = await control.packages.every(OPERATOR, customer.app_id)
                return (package.available, package.held, package.used) == (9, 0, 1)
        return False

    await until(is_given_back, "one of two is paid for")
