"""The native API as a program uses it: keys, refusals, idempotency, pages, sends at a time, all over HTTP through the front process."""

import asyncio
import time
import uuid
from typing import Any

import httpx2
import pytest

from acting import OPERATOR
from hongyan.kit.db import Database
from hongyan.model.message import Status
from hongyan.model.snapshot import AccountKind
from journeys.customers import Customer
from journeys.platform import handset, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]


PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"


class Native:
    """A program with the customer's key."""

    def __init__(self, customer: Customer, http: httpx2.AsyncClient) -> None:
        self.customer = customer
        self._http = http
        self._key = (customer.tenant.secret_id, customer.tenant.secret_key)

    async def ask(self, method: str, path: str, *, status: int = 200, **more: Any) -> Any:
        more.setdefault("headers", {}).setdefault("accept-language", "en")
        answer = await self._http.request(method, f"http://{self.customer.platform.address}/api/v1{path}", auth=self._key, **more)
        assert answer.status_code == status, answer.text
        return answer.json()

    def send(self, *to: Any, **more: Any) -> dict[str, Any]:
        template = self.customer.tenant.templates["notice"]
        return {
            "app_id": self.customer.app_id,
            "template_id": int(template.id),
            "sign_name": self.customer.tenant.sign_name,
            "params": list(template.params),
            "to": list(to),
        } | more


@pytest.fixture
def native(customer: Customer, http: httpx2.AsyncClient) -> Native:
    return Native(customer, http)


async def test_one_request_sends_a_text_of_its_own_to_each(native: Native, database: Database) -> None:
    first, second, third = phone(), phone(), phone()
    sent = await native.ask(
        "POST",
        "/messages",
        json=native.send(first, {"phone": second, "params": ["7", "后天"], "context": "mine"}, "nobody", third, context="all"),
    )
    assert sent["accepted"] == 3
    assert [result["phone"] for result in sent["results"]] == [first, second, "nobody", third]
    assert [result["status"] for result in sent["results"]] == ["accepted", "accepted", "refused", "accepted"]
    assert sent["results"][2]["code"] == "bad_number"
    async with database.connection() as conn:
        rows = await conn.fetch(
            "select id, text, session_context from messages where id = any($1)",
            [int(result["message_id"]) for result in sent["results"] if result["message_id"]],
        )
    texts = {str(row["id"]): (row["text"], row["session_context"]) for row in rows}
    assert texts[sent["results"][1]["message_id"]] == ("【鸿雁沙箱】您的订单7已发货，后天。", "mine")
    assert texts[sent["results"][0]["message_id"]] == ("【鸿雁沙箱】您的订单20260001已发货，预计明天送达。", "all")


async def test_a_message_s_timeline_is_told_in_the_language_asked_for(native: Native) -> None:
    sent = await native.ask("POST", "/messages", json=native.send(phone()))
    path = f"/messages/{sent['results'][0]['message_id']}"

    async def delivered() -> bool:
        found: dict[str, Any] = await native.ask("GET", path)
        return found["status"] == Status.DELIVERED.name.lower()

    await until(delivered, "it is delivered")
    english, chinese = await native.ask("GET", path), await native.ask("GET", path, headers={"accept-language": "zh-CN"})
    assert [entry["step"] for entry in english["entries"]] == [entry["step"] for entry in chinese["entries"]]
    assert english["entries"][0]["text"] == "accepted, 1 segment(s)"
    assert chinese["entries"][0]["text"] == "已受理，计费 1 条"


async def test_the_same_request_under_one_key_at_once_and_again_is_one_message(native: Native, database: Database) -> None:
    body, headers = native.send(phone()), {"idempotency-key": str(uuid.uuid4())}
    url = f"http://{native.customer.platform.address}/api/v1/messages"
    answers = await asyncio.gather(*(native._http.post(url, json=body, headers=headers, auth=native._key) for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    ids = {answer.json()["results"][0]["message_id"] for answer in answers if answer.status_code == 200}
    [once] = ids
    again = await native._http.post(url, json=body, headers=headers, auth=native._key)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["results"][0]["message_id"] == once
    async with database.connection() as conn:
        assert await conn.fetchval("select count(*) from messages where app_id = $1", native.customer.app_id) == 1


async def test_another_body_under_the_same_key_is_refused_and_nothing_is_sent(native: Native, database: Database) -> None:
    headers = {"idempotency-key": str(uuid.uuid4())}
    await native.ask("POST", "/messages", json=native.send(phone()), headers=dict(headers))
    told = await native.ask("POST", "/messages", json=native.send(phone()), headers=dict(headers), status=409)
    assert told["code"] == "taken"
    async with database.connection() as conn:
        assert await conn.fetchval("select count(*) from messages where app_id = $1", native.customer.app_id) == 1


async def test_a_key_whose_request_was_refused_may_be_used_again(native: Native) -> None:
    headers = {"idempotency-key": str(uuid.uuid4())}
    told = await native.ask("POST", "/messages", json=native.send(phone(), app_id=1), headers=dict(headers), status=404)
    assert told["code"] == "app_not_found"
    sent = await native.ask("POST", "/messages", json=native.send(phone()), headers=dict(headers))
    assert sent["accepted"] == 1


async def test_a_refusal_says_what_the_rule_is_in_both_languages(native: Native) -> None:
    body = native.send(phone(), params=["1", "看 https://a.example/x"])
    for lang, part in (("en", "links belong in the reviewed template"), ("zh-CN,zh;q=0.9", "变量里不能有链接")):
        sent = await native.ask("POST", "/messages", json=body, headers={"accept-language": lang})
        assert sent["results"][0]["code"] == "param_has_link"
        assert part in sent["results"][0]["detail"]
    wrong = await native.ask("POST", "/messages", json=body | {"nonsense": 1, "to": []}, status=422)
    assert wrong["code"] == "invalid_request"
    assert {error["at"] for error in wrong["errors"]} == {"nonsense", "to"}


async def test_pages_show_every_message_once(native: Native) -> None:
    numbers = [phone() for _ in range(25)]
    await native.ask("POST", "/messages", json=native.send(*numbers))
    seen, cursor = [], None
    while True:
        page = await native.ask(
            "GET", "/messages", params={"app_id": native.customer.app_id, "limit": 10} | ({"cursor": cursor} if cursor else {})
        )
        seen += [item["phone"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(numbers)
    [only] = (await native.ask("GET", "/messages", params={"phone": numbers[3]}))["items"]
    assert only["phone"] == numbers[3]


async def test_a_send_at_a_time_is_sent_then_and_can_be_cancelled_before(native: Native) -> None:
    soon = await native.ask("POST", "/schedules", json=native.send(phone()) | {"send_at": time.time() + 0.5}, status=201)
    later = await native.ask("POST", "/schedules", json=native.send(phone()) | {"send_at": time.time() + 3600}, status=201)
    assert (await native.ask("DELETE", f"/schedules/{later['id']}"))["state"] == "cancelled"

    async def sent() -> bool:
        found: dict[str, Any] = await native.ask("GET", f"/schedules/{soon['id']}")
        return found["state"] == "sent" and found["accepted"] == 1

    await until(sent, "it is sent")
    told = await native.ask("DELETE", f"/schedules/{soon['id']}", status=409)
    assert told["code"] == "too_late"
    states = {item["id"]: item["state"] for item in (await native.ask("GET", "/schedules"))["items"]}
    assert (states[soon["id"]], states[later["id"]]) == ("sent", "cancelled")


async def test_nobody_sees_what_is_another_account_s(native: Native, http: httpx2.AsyncClient) -> None:
    sent = await native.ask("POST", "/messages", json=native.send(handset("0001")))
    made = await native.ask("POST", "/schedules", json=native.send(phone()) | {"send_at": time.time() + 3600}, status=201)
    async with native.customer.platform.control() as control:
        stranger = await control.accounts.create(OPERATOR, f"stranger {uuid.uuid4()}", AccountKind.ENTERPRISE)
        key = await control.keys.create(OPERATOR, stranger.id)
    theirs = Native(native.customer, http)
    theirs._key = (key.secret_id, key.secret_key)

    async def known() -> bool:
        url = f"http://{native.customer.platform.address}/api/v1/messages"
        return (await http.get(url, auth=theirs._key)).status_code == 200

    await until(known, "the key is known")
    for method, path in (
        ("GET", f"/messages/{sent['results'][0]['message_id']}"),
        ("GET", f"/schedules/{made['id']}"),
        ("DELETE", f"/schedules/{made['id']}"),
    ):
        assert (await theirs.ask(method, path, status=404))["code"] == "not_found"
    assert (await theirs.ask("GET", "/messages"))["items"] == []
    assert (await theirs.ask("GET", "/schedules"))["items"] == []
    assert (await theirs.ask("POST", "/messages", json=native.send(phone()), status=404))["code"] == "app_not_found"


async def test_a_program_makes_an_application_and_a_key_and_changes_them(native: Native) -> None:
    made = await native.ask("POST", "/apps", json={"name": f"made {uuid.uuid4()}"}, status=201)
    path = f"/apps/{made['app']['id']}"
    assert made["app"]["limits"]["day"] == 10
    changed = await native.ask("PATCH", path, json={"pull": True, "limits": {"day": 20}})
    assert (changed["pull"], changed["limits"]["day"], changed["name"]) == (True, 20, made["app"]["name"])
    preset = await native.ask("PATCH", path, json={"preset": "huawei", "limits": {"hour": 9}})
    assert (preset["limits"]["hour"], preset["limits"]["day"], len(preset["windows"])) == (9, 0, 8)
    assert preset["windows"][2] == {"most": 2, "seconds": 60, "kind": "verification", "same_content": False}
    windows = [{"most": 3, "seconds": 600}, {"most": 1, "kind": "marketing", "same_content": True}]
    changed = await native.ask("PATCH", path, json={"windows": windows})
    assert [(one["most"], one["seconds"], one["kind"]) for one in changed["windows"]] == [(3, 600, None), (1, 0, "marketing")]
    assert (await native.ask("PATCH", path, json={"windows": [{"most": 3, "seconds": 90_000}]}, status=422))["code"] == "invalid"
    await native.ask("PATCH", path, json={"preset": "of another vendor"}, status=422)
    assert (await native.ask("PATCH", path, json={"preset": "seeds"}))["windows"] == []
    assert (await native.ask("GET", f"{path}/key"))["app_key"] == made["app_key"]
    assert (await native.ask("POST", f"{path}/allowed", json={"numbers": ["13800000000"]}))["numbers"] == ["+8613800000000"]
    assert (await native.ask("POST", f"{path}/disallowed", json={"numbers": ["13800000000"]}))["numbers"] == []
    refused = await native.ask("PATCH", path, json={"report_url": "ftp://nowhere"}, status=422)
    assert (refused["code"], "http" in refused["detail"]) == ("invalid", True)
    assert (await native.ask("GET", "/apps/1", status=404))["code"] == "not_found"


async def test_a_preview_says_what_would_come_of_it_and_nothing_happens(native: Native, database: Database) -> None:
    first, second = phone(), phone()
    body = native.send(first, {"phone": second, "params": ["7", "后天"]}, "nobody")
    seen = await native.ask("POST", "/messages/preview", json=body)
    assert (seen["would_be_accepted"], seen["segments"]) == (2, 2)
    assert {text["text"] for text in seen["texts"]} == {
        "【鸿雁沙箱】您的订单20260001已发货，预计明天送达。",
        "【鸿雁沙箱】您的订单7已发货，后天。",
    }
    assert [result["message_id"] for result in seen["results"]] == [None, None, None]
    async with database.connection() as conn:
        assert await conn.fetchval("select count(*) from messages where app_id = $1", native.customer.app_id) == 0
    await native.ask("POST", "/messages", json=body)
    seen = await native.ask("POST", "/messages/preview", json=body)
    assert [result["code"] for result in seen["results"]] == ["same_content", "same_content", "bad_number"]


async def test_reports_are_fetched_once(native: Native) -> None:
    sent = await native.ask("POST", "/messages", json=native.send(phone(), context="order 7"))
    fetched: list[dict[str, Any]] = []

    async def there() -> bool:
        fetched.extend(await native.ask("POST", "/events/reports", json={"app_id": native.customer.app_id}))
        return bool(fetched)

    await until(there, "the report is there")
    [report] = fetched
    assert (report["message_id"], report["status"], report["context"]) == (sent["results"][0]["message_id"], "delivered", "order 7")
    assert await native.ask("POST", "/events/reports", json={"app_id": native.customer.app_id}) == []
    assert await native.ask("POST", "/events/replies", json={"app_id": native.customer.app_id}) == []


async def test_what_is_made_is_shown_alike_when_it_is_made_changed_and_listed(native: Native) -> None:
    app_id = native.customer.app_id
    made = await native.ask("POST", "/alarm-contacts", json={"app_id": app_id, "name": "duty", "email": "duty@example.com"}, status=201)
    contact = made["contact"]
    assert contact in (await native.ask("GET", "/alarm-contacts", params={"app_id": app_id}))["items"]
    changed = await native.ask("PATCH", f"/alarm-contacts/{contact['id']}", json={"name": "night"})
    assert changed["contact"] == contact | {"name": "night"}
    assert app_id not in {alarm["app_id"] for alarm in (await native.ask("GET", "/alarms", params={"limit": 200}))["items"]}
    key = await native.ask("PATCH", f"/keys/{native.customer.tenant.secret_id}", json={"note": "journeys"})
    assert key in (await native.ask("GET", "/keys"))["items"]
    guarded = await native.ask("PATCH", f"/apps/{app_id}/protection", json={"day": {"most": 100_000}, "closed": ["FR"]})
    assert guarded["settings"]["day"]["most"] == 100_000
    assert (await native.ask("GET", f"/apps/{app_id}/protection"))["settings"] == guarded["settings"]
    assert (await native.ask("POST", "/blacklist", json={"app_id": app_id, "numbers": ["13800000000"], "reason": "asked"}))["numbers"] == 1
    [listed] = (await native.ask("GET", "/blacklist", params={"app_id": app_id}))["items"]
    assert (listed["phone"], listed["reason"]) == ("+8613800000000", "asked")
    assert (await native.ask("GET", "/replies", params={"app_id": app_id, "phone": "8613800000000"}))["items"] == []
    wanting = {"app_id": app_id, "numbers": ["13800000001"], "reason": "said so"}
    assert (await native.ask("POST", "/opt-outs", json=wanting))["numbers"] == 1
    [out] = (await native.ask("GET", "/opt-outs", params={"app_id": app_id}))["items"]
    assert (out["phone"], out["text"]) == ("+8613800000001", "")
    assert (await native.ask("POST", "/opt-outs/removed", json=wanting))["numbers"] == 1
    answering = await native.ask("PATCH", f"/apps/{app_id}/answering", json={"out_words": ["enough"]})
    assert (answering["settings"]["out_words"], "ENOUGH" in answering["leaving"]) == (["ENOUGH"], True)
    assert await native.ask("GET", f"/apps/{app_id}/answering") == answering
    assert (await native.ask("GET", f"/apps/{app_id}/answers"))["items"] == []
    assert (await native.ask("GET", "/held", params={"app_id": app_id}))["items"] == []
    assert (await native.ask("GET", "/packages", params={"app_id": app_id}))["items"][0]["available"] > 0
    await native.ask("POST", "/messages", json=native.send(phone()))
    count = await native.ask("GET", "/statistics/sends", params={"app_id": app_id, "begin": time.time() - 3600, "end": time.time() + 3600})
    assert count["accepted"] == 1
    ends = await native.ask("GET", "/statistics/ends", params={"app_id": app_id, "begin": time.time() - 3600, "end": time.time() + 60})
    assert ends["accepted"] == 1
    for path in ("/me", "/documents", "/qualifications", "/signatures", "/templates", "/reviews", "/verifications", "/review-hook"):
        await native.ask("GET", path)
    document = await native.ask("POST", "/documents", params={"name": "a.pdf"}, content=PDF, status=201)
    assert document in (await native.ask("GET", "/documents", params={"limit": 200}))["items"]
    template = {"name": "n", "kind": "notice", "scope": "mainland", "content": "您的包裹{1}到了。", "variables": [{"type": "digits"}]}
    applied = await native.ask("POST", "/templates", json=template, status=201)
    assert await native.ask("GET", f"/templates/{applied['id']}") == applied
    assert (await native.ask("POST", f"/templates/{applied['id']}/urge"))["urges"] == 1
    reviews = (await native.ask("GET", "/reviews", params={"kind": "template"}))["items"]
    assert applied["id"] in {review["subject_id"] for review in reviews}
    saved = await native.ask("POST", "/templates", params={"submit": "false"}, json=template | {"square_brackets": True}, status=201)
    assert (saved["status"], saved["square_brackets"]) == ("draft", True)
    again = await native.ask("PUT", f"/templates/{saved['id']}", params={"submit": "false"}, json=template | {"content": "{1}"})
    assert again["status"] == "draft"
    await native.ask("POST", f"/templates/{saved['id']}/stop", status=409)
    assert (await native.ask("PUT", f"/templates/{saved['id']}", json=template))["status"] == "pending"
    await native.ask("DELETE", f"/templates/{applied['id']}", status=409)
