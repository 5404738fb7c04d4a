"""Callbacks as a customer lives with them: a server that fails and comes back, the native body, a look at what was sent, and a replay."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from hongyan.kit.sink import Sink
from hongyan.model.event import CallEnded, CallResult
from hongyan.model.message import Dialect, Kind
from hongyan.store import outbox
from journeys.customers import CallbackServer, Customer
from journeys.platform import all_of, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]


class Program:
    """With the customer's key, over the native API."""

    def __init__(self, customer: Customer, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._base = f"http://{customer.platform.address}/api/v1/apps/{customer.app_id}/callbacks"
        self._key = (customer.tenant.secret_id, customer.tenant.secret_key)

    async def ask(self, method: str, path: str = "", *, status: int = 200, **more: Any) -> Any:
        answer = await self._http.request(method, self._base + path, auth=self._key, headers={"accept-language": "en"}, **more)
        assert answer.status_code == status, answer.text
        return answer.json()


@pytest.fixture
def program(customer: Customer, http: httpx2.AsyncClient) -> Program:
    return Program(customer, http)


@pytest.fixture
async def silent() -> AsyncIterator[Sink]:
    """A server that has not answered yet when it is given up."""
    async with Sink() as sink:
        sink.delay_s = 30
        yield sink


async def test_a_server_that_answers_500_hangs_and_comes_back_is_told_all(
    customer: Customer, callbacks: CallbackServer, program: Program, silent: Sink
) -> None:
    callbacks.sink.answer = (500, b"out of order")
    first = await customer.send_one(phone())
    await callbacks.sink.next()

    async def failing() -> bool:
        rows = await program.ask("GET", "/endpoints")
        return [row["error"] for row in rows] == ['HTTP 500; expected 200 and {"result": 0}']

    await until(failing, "it is known to fail")
    await customer.change(report_url=f"{silent.url}/reports")
    second = await customer.send_one(phone())

    async def timed_out() -> bool:
        found = await program.ask("GET", "/deliveries?failed=true")
        return any(row["error"].startswith("no answer within") for row in found["items"])

    await until(timed_out, "it was given up", 30)
    callbacks.sink.answer = (200, b'{"result":0,"errmsg":"OK"}')
    await customer.change(report_url=f"{callbacks.sink.url}/reports")
    told = await all_of(callbacks.report_of(sent, 40) for sent in (first, second))
    assert [report["report_status"] for report in told] == ["SUCCESS", "SUCCESS"]

    async def well() -> bool:
        return await program.ask("GET", "/endpoints") == []

    await until(well, "it is well again")
    deliveries = (await program.ask("GET", "/deliveries"))["items"]
    assert {row["status"] for row in deliveries} == {200, 500, None}
    assert any(first.serial in row["sent"] for row in deliveries)


async def test_reports_are_replayed_as_they_were_and_in_the_native_body_when_that_is_asked_for(
    customer: Customer, callbacks: CallbackServer, program: Program
) -> None:
    begin = time.time() - 5
    sent = await customer.send_one(phone())
    once = await callbacks.report_of(sent)

    async def replayed() -> bool:
        # What is not noted as told yet is not told once more.
        done = await program.ask("POST", "/replay", json={"begin": begin, "end": time.time() + 5})
        return bool(done["events"] == 1)

    await until(replayed, "it is owed again")
    await until(lambda: len(callbacks.reports()) == 2, "it is told again")
    assert callbacks.reports() == [once, once]
    await program.ask("PATCH", json={"native": True})
    [secret] = await program.ask("GET", "/secrets")
    again = await customer.send_one(phone())

    def native() -> list[dict[str, Any]]:
        return [body for body in map(json.loads, callbacks.sink.bodies("/reports")) if isinstance(body, dict)]

    await until(lambda: bool(native()), "in the native body", 20)
    [body] = native()
    assert [report["message_id"] for report in body["data"]] == [str(again.id)]
    verified = Webhook(secret["secret"]).verify(callbacks.sink.bodies("/reports")[-1], callbacks.sink.headers("/reports")[-1])
    assert verified == body


async def test_a_button_says_whether_the_address_works(customer: Customer, callbacks: CallbackServer, program: Program) -> None:
    well = await program.ask("POST", "/test", json={})
    assert (well["status"], well["error"], well["test"], well["answer"]) == (200, "", True, '{"result":0,"errmsg":"OK"}')
    await program.ask("PATCH", json={"native": True})
    assert json.loads((await program.ask("POST", "/test", json={"kind": "reply"}))["sent"])["type"] == "message.replies"
    callbacks.sink.answer = (404, b"")
    assert (await program.ask("POST", "/test", json={}))["error"] == "HTTP 404; expected 2xx"
    await customer.change(report_url="")
    assert (await program.ask("POST", "/test", json={}, status=409))["code"] == "wrong_state"


async def test_what_happens_in_a_call_is_posted_to_its_own_address(customer: Customer, callbacks: CallbackServer, program: Program) -> None:
    refused = await program.ask("POST", "/test", json={"kind": "voice"}, status=409)
    assert "voice_url" in refused["detail"]
    await program.ask("PATCH", json={"voice_url": "http://10.0.0.1/voice"}, status=403)
    url = f"{callbacks.sink.url}/voice"
    assert (await program.ask("PATCH", json={"voice_url": url}))["voice_url"] == url
    tested = await program.ask("POST", "/test", json={"kind": "voice"})
    assert (tested["url"], tested["error"], list(json.loads(tested["sent"]))) == (url, "", ["voicecode_callback"])
    now = time.time()
    ended = CallEnded(
        app_id=customer.app_id, event_id=2, call_id=2, phone=8613800138000, country_code=86, sender_id="", at=now, dialect=Dialect.NATIVE,
        kind=Kind.NOTICE, result=CallResult.UNANSWERED, started_at=now - 30,
    )  # fmt: skip
    async with customer.platform.database() as db, db.transaction() as tx:
        await outbox.put_voice(tx, ended, now)
    await until(lambda: len(callbacks.sink.bodies("/voice")) == 2, "it is told")
    body, headers = callbacks.sink.bodies("/voice")[-1], callbacks.sink.headers("/voice")[-1]
    [secret] = await program.ask("GET", "/secrets")
    assert Webhook(secret["secret"]).verify(body, headers)["data"]["result"] == "unanswered"
