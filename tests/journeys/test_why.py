"""Why did my user not get it, asked of a running platform after sends through Tencent's door: by the native API and on the command line."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from acting import OPERATOR
from hongyan.cli import tc3
from hongyan.client import AsyncHongyan
from hongyan.model.snapshot import AccountKind
from journeys.customers import VERSION, Customer
from journeys.platform import Platform, handset, phone, until
from shell import Shell, shell_on

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

ON_THE_WAY = {"path.waiting", "path.in_flight", "path.awaiting_receipt"}
ENDS = {
    "0001": "carrier.empty_or_off",
    "0002": "path.awaiting_receipt",
    "0004": "carrier.bad_number",
    "0005": "carrier.timeout",
    "0007": "path.delivered",
    "0009": "carrier.empty_number",
}
"""Handsets of the simulated carrier, and what is said of messages to them."""


class Asking:
    """A program that asks why."""

    def __init__(self, customer: Customer, http: httpx2.AsyncClient) -> None:
        self.customer = customer
        self._http = http
        self.key = (customer.tenant.secret_id, customer.tenant.secret_key)

    async def ask(self, path: str, *, status: int = 200, lang: str = "en", **params: Any) -> Any:
        url = f"http://{self.customer.platform.address}/api/v1/messages{path}"
        answer = await self._http.get(url, params=params, auth=self.key, headers={"accept-language": lang})
        assert answer.status_code == status, answer.text
        return answer.json()

    async def why(self, message_id: int, **more: Any) -> Any:
        return await self.ask(f"/{message_id}/explanation", **more)

    async def settled(self, message_id: int, cause: str) -> dict[str, Any]:
        """The explanation once this is the cause; meanwhile it is on its way."""

        async def told() -> dict[str, Any] | None:
            found: dict[str, Any] = await self.why(message_id)
            first: str = found["causes"][0]["cause"]
            assert first == cause or first in ON_THE_WAY, first
            return found if first == cause else None

        found: dict[str, Any] = await until(told, cause)
        return found


@pytest.fixture
def asking(customer: Customer, http: httpx2.AsyncClient) -> Asking:
    return Asking(customer, http)


@pytest.fixture(scope="module")
def shell(shared_platform: Platform) -> Iterator[Shell]:
    with shell_on(DATA_DIR=str(shared_platform.settings.data_dir)) as made:
        yield made


async def test_every_end_of_a_message_is_explained_alike_by_api_and_command(asking: Asking, shell: Shell) -> None:
    statuses = await asking.customer.send([handset(last) for last in ENDS])
    for status, cause in zip(statuses, ENDS.values(), strict=True):
        number = int(status["SerialNo"].rpartition(":")[2])
        found = await asking.settled(number, cause)
        assert found["causes"][0]["advice"]
        assert (found["message_id"], found["phone"]) == (str(number), status["PhoneNumber"])
        assert [hop["step"] for hop in found["hops"]][:2] == ["asked", "accepted"]
        assert [hop["at"] for hop in found["hops"]] == sorted(hop["at"] for hop in found["hops"])
        told = shell.ask("why", status["SerialNo"])
        assert [each["cause"] for each in told["causes"]] == [each["cause"] for each in found["causes"]]
    refused = await asking.why(int(statuses[2]["SerialNo"].rpartition(":")[2]))
    assert [(raw["code"], raw["stage"], raw["sources"]) for raw in refused["codes"]] == [("RINVDSTADR", "submit", ["smpp"])]
    chinese = await asking.why(int(statuses[5]["SerialNo"].rpartition(":")[2]), lang="zh-CN")
    assert chinese["causes"][0]["text"].startswith("空号")
    assert chinese["taken"][0]["carrier_id"]


async def test_what_a_number_was_to_be_sent_is_told_with_what_was_refused(asking: Asking, shell: Shell) -> None:
    to = phone()
    sent = await asking.customer.send_one(to)
    await asking.settled(sent.id, "path.delivered")
    [again] = await asking.customer.send(to)
    assert again["Code"].startswith("LimitExceeded")

    async def both() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await asking.ask("/explanations", phone=to))["explanations"]
        return found if len(found) == 2 else []

    newest, first = await until(both, "the refusal is noted")
    assert (newest["status"], newest["message_id"], newest["causes"][0]["cause"]) == ("refused", None, "check.same_content")
    assert first["message_id"] == str(sent.id)
    told = shell.ask("why", "--phone", to)
    assert [each["causes"][0]["cause"] for each in told["explanations"]] == ["check.same_content", "path.delivered"]
    async with AsyncHongyan(f"http://{asking.customer.platform.address}", *asking.key, language="en") as client:
        inquiry = await client.inquire(to)
        assert [each.causes[0].who for each in inquiry.explanations] == ["caller", "recipient"]
        assert inquiry.explanations[1] == await client.explain(str(sent.id))
    code, out, _ = shell.run("why", "--phone", to)
    assert code == 0
    assert "The same text went to this number" in " ".join(out.split())


async def test_a_request_that_was_held_up_on_its_way_here_says_so(asking: Asking, http: httpx2.AsyncClient) -> None:
    customer, to = asking.customer, phone()
    body = json.dumps(customer.request(to)).encode()
    keys = {"secret_id": customer.tenant.secret_id, "secret_key": customer.tenant.secret_key}
    address, at = customer.platform.address, int(time.time()) - 20
    headers = tc3.headers(**keys, host=address, action="SendSms", version=VERSION, body=body, at=at)
    answer = (await http.post(f"http://{address}/", content=body, headers=headers)).json()["Response"]
    number = int(answer["SendStatusSet"][0]["SerialNo"].rpartition(":")[2])
    found = await asking.settled(number, "path.delivered")
    [late] = [each for each in found["causes"] if each["cause"] == "path.request_late"]
    assert late["who"] == "caller"
    assert found["hops"][0] == {"at": float(at), "step": "asked", "text": "the caller made its request (its own clock, whole seconds)"}


async def test_whoever_replies_that_they_want_no_more_is_the_reason_from_then_on(asking: Asking) -> None:
    sent = await asking.customer.send_one(handset("0008"))

    async def left() -> bool:
        found = await asking.why(sent.id)
        return "path.opted_out_now" in [each["cause"] for each in found["causes"]]

    await until(left, "the opt-out is known")


async def test_of_what_was_never_seen_and_of_what_is_another_account_s_nothing_is_told(
    asking: Asking, http: httpx2.AsyncClient, shell: Shell
) -> None:
    to = phone()
    nothing = await asking.ask("/explanations", phone=to)
    assert (nothing["explanations"], [each["cause"] for each in nothing["causes"]]) == ([], ["path.never_seen"])
    assert [each["cause"] for each in shell.ask("why", "--phone", to)["causes"]] == ["path.never_seen"]
    assert shell.refused("why", "1") == "not_found"
    assert (await asking.ask("/explanations", phone="nobody", status=422))["code"] == "bad_number"
    assert (await asking.ask("/explanations", phone=to, request_id="a\0b", status=422))["code"] == "invalid"
    sent = await asking.customer.send_one(to)
    async with asking.customer.platform.control() as control:
        stranger = await control.accounts.create(OPERATOR, f"curious {to}", AccountKind.ENTERPRISE)
        key = await control.keys.create(OPERATOR, stranger.id)
    theirs = Asking(asking.customer, http)
    theirs.key = (key.secret_id, key.secret_key)

    async def known() -> bool:
        url = f"http://{asking.customer.platform.address}/api/v1/messages"
        return (await http.get(url, auth=theirs.key)).status_code == 200

    await until(known, "the key is known")
    assert (await theirs.why(sent.id, status=404))["code"] == "not_found"
    assert (await theirs.ask("/explanations", phone=to))["explanations"] == []
    assert (await theirs.ask("/explanations", phone=to, app_id=asking.customer.app_id, status=404))["code"] == "not_found"
