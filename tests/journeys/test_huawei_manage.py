"""Huawei's management API over HTTP through the front process: signatures and their mutations, limits, and every operation under attack."""

import json
import os
import time
import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.config import ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi import checks

from acting import OPERATOR
from hongyan.control.keys import KeyChange
from hongyan.doors import published
from hongyan.doors.huawei.signing import Signed, outgoing, sign
from hongyan.kit.db import Database
from hongyan.model.snapshot import Scope
from journeys.customers import Customer
from journeys.platform import phone

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

BASE = "/v2/p-1/msgsms"
NOT_FOR_IT = (
    checks.positive_data_acceptance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.ignored_auth,
    checks.ensure_resource_availability,
    checks.use_after_free,
)
PLAIN = settings(
    database=None, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate], print_blob=False
)


def png() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    # Another picture each time: the same one again is the same file.
    size = 1 + time.time_ns() % 1000
    head = size.to_bytes(4) + (1).to_bytes(4) + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * (size + 1))) + chunk(b"IEND", b"")


class Program:
    """Signs with the customer's key."""

    def __init__(self, customer: Customer, http: httpx2.AsyncClient) -> None:
        self.customer = customer
        self._http = http

    def headers(self, method: str, url: str, body: bytes = b"", *, at: float | None = None) -> dict[str, str]:
        named = {"content-type": "application/json"}
        key, secret = self.customer.tenant.secret_id, self.customer.tenant.secret_key
        return named | sign(key, secret, outgoing(method, url, named, body), time.time() if at is None else at)

    def url(self, path: str) -> str:
        return f"http://{self.customer.platform.address}{BASE}{path}"

    async def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        signed = self.headers(method, self.url(path), content) if headers is None else headers
        return await self._http.request(method, self.url(path), headers=dict(signed), content=content or None)


@pytest.fixture
def program(customer: Customer, http: httpx2.AsyncClient) -> Program:
    return Program(customer, http)


async def test_what_is_made_here_is_what_everybody_sees(program: Program) -> None:
    made = await program.ask("POST", "/apps", {"app_name": f"app {time.time_ns()}", "show_secret": True})
    assert made.status_code == 201, made.text
    assert made.headers["x-request-id"]
    app_id = int(made.json()["id"], 16)
    async with program.customer.platform.control() as control:
        app = await control.apps.get(OPERATOR, app_id)
        assert (await control.access.show(OPERATOR, app_id)).access_secret == made.json()["app_secret"]
        assert app.windows
    listed = await program.ask("GET", f"/apps?app_name={app.name.replace(' ', '%20')}&limit=1")
    assert [each["id"] for each in listed.json()["results"]] == [made.json()["id"]]
    assert listed.json()["results"][0]["app_access_addr"] == f"http://{program.customer.platform.address}"


async def test_from_an_empty_account_to_a_message_with_huaweis_apis_alone(
    program: Program, http: httpx2.AsyncClient, database: Database
) -> None:
    """But for what the operator does: papers are approved, and a package is given."""
    told = (await program.ask("POST", "/apps", {"app_name": f"app {time.time_ns()}", "show_secret": True})).json()
    app_id = int(told["id"], 16)
    form = httpx2.Request("POST", program.url("/upload-files"), files={"file": ("licence.png", png())})
    content = form.read()
    named = {"content-type": form.headers["content-type"]}
    url, key, secret = program.url("/upload-files"), program.customer.tenant.secret_id, program.customer.tenant.secret_key
    headers = named | sign(key, secret, outgoing("POST", url, named, content), time.time())
    uploaded = await program.ask("POST", "/upload-files", content, headers)
    assert uploaded.status_code == 201, uploaded.text
    wanted = {"app_id": told["id"], "signature_name": f"鸿雁{app_id % 10**6}", "signature_type": "VERIFY_CODE_TYPE"}
    signed = await program.ask("POST", "/signatures", wanted | {"file_id": uploaded.json()["file_id"]})
    assert signed.status_code == 201, signed.text
    text = {
        "app_id": told["id"],
        "template_name": "code",
        "template_type": "VERIFY_CODE_TYPE",
        "template_content": "您的校验码是${NUM_6}，请勿告诉他人",
        "sign_id": signed.json()["id"],
    }
    made = await program.ask("POST", "/templates", text)
    assert made.status_code == 201, made.text
    async with program.customer.platform.control() as control:
        await control.signatures.approve(OPERATOR, int(signed.json()["id"], 16))
        await control.templates.approve(OPERATOR, int(made.json()["id"], 16))
        await control.packages.buy(OPERATOR, app_id, Scope.MAINLAND, 100)
    channel = (await program.ask("GET", f"/signatures/{signed.json()['id']}")).json()["channel_num"]
    template = (await program.ask("GET", f"/templates/{made.json()['id']}")).json()
    assert template["flow_status"] == "Adopted"

    async def sent(*values: str) -> dict[str, Any]:
        fields = {"from": channel, "to": to, "templateId": template["template_id"], "templateParas": json.dumps(values)}
        body, where = urlencode(fields).encode(), f"http://{program.customer.platform.address}/sms/batchSendSms/v1"
        own = {"content-type": "application/x-www-form-urlencoded"}
        proof = sign(told["app_key"], told["app_secret"], outgoing("POST", where, own, body), time.time())
        answer: dict[str, Any] = (await http.post(where, content=body, headers=own | proof)).json()
        return answer

    to = phone()
    await program.customer.known()
    answer = await sent("123456")
    assert answer["code"] == "000000", answer
    assert (await sent("12a"))["code"] != "000000"
    async with database.connection() as conn:
        texts = [row["text"] for row in await conn.fetch("select text from messages where app_id = $1", app_id)]
    assert texts == [f"【鸿雁{app_id % 10**6}】您的校验码是123456，请勿告诉他人"]


async def test_a_signature_is_good_for_one_request_alone(program: Program) -> None:
    body = json.dumps({"app_name": f"app {time.time_ns()}"}).encode()
    right = program.headers("POST", program.url("/apps"), body)
    wrong: list[tuple[str, str, bytes, dict[str, str]]] = [
        ("POST", "/apps", body.replace(b"app_name", b"App_name"), right),
        ("POST", "/apps?x=1", body, right),
        ("POST", "/signatures", body, right),
        ("PUT", "/apps", body, right),
        ("POST", "/apps", body, right | {"content-type": "text/plain"}),
        ("POST", "/apps", body, right | {"X-Sdk-Date": right["X-Sdk-Date"].replace("Z", "").replace("T", "T")[:-1] + "0Z"}),
        ("POST", "/apps", body, right | {"Host": "example.com"}),
        ("POST", "/apps", body, right | {"Authorization": right["Authorization"].replace("content-type;", "")}),
        (
            "POST",
            "/apps",
            body,
            right | {"Authorization": right["Authorization"][:-1] + ("0" if right["Authorization"][-1] != "0" else "1")},
        ),
        ("POST", "/apps", body, right | {"Authorization": right["Authorization"].replace("SDK-HMAC-SHA256", "SDK-HMAC-SM3")}),
        ("POST", "/apps", body, {name: value for name, value in right.items() if name != "X-Sdk-Date"}),
        ("POST", "/apps", body, {"content-type": "application/json"}),
        ("POST", "/apps", body, {"X-Auth-Token": "MIIE"}),
        ("POST", "/apps", body, program.headers("POST", program.url("/apps"), body, at=time.time() - 901)),
        ("POST", "/apps", body, program.headers("POST", program.url("/apps"), body, at=time.time() + 930)),
    ]
    for method, path, content, headers in wrong:
        answer = await program.ask(method, path, content, headers)
        told = answer.json()
        if headers.get("X-Sdk-Date") == right["X-Sdk-Date"] or headers is right or "X-Sdk-Date" not in headers:
            assert (answer.status_code, told["error_code"]) == (401, "APIGW.0301"), (method, path, headers, answer.text)
        assert set(told) == {"error_code", "error_msg", "error_detail", "request_id"}
        assert answer.status_code == 401
    assert "X-Auth-Token" in (await program.ask("GET", "/apps", headers={"X-Auth-Token": "MIIE"})).json()["error_msg"]
    first, again = await program.ask("POST", "/apps", body, right), await program.ask("POST", "/apps", body, right)
    # Sent twice it makes nothing twice.
    assert (first.status_code, again.status_code, again.json()["error_code"]) == (201, 400, "MSGSMS.0029")


async def test_what_is_not_there_or_too_large_is_told_in_its_words(program: Program) -> None:
    for method, path in (("GET", "/nothing"), ("DELETE", "/apps"), ("GET", "/templates/1/variable"), ("GET", "/apps/")):
        answer = await program.ask(method, path)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "APIGW.0101"), (method, path)
    for path in (
        "/apps?limit=x",
        "/apps?start_time=yesterday",
        "/templates?sort_dir=up",
        "/apps?region=moon",
        "/apps?app_name=%00",
        "/apps?app_name=%ff",
    ):
        answer = await program.ask("GET", path)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "MSGSMS.0002"), path
    for body in (b"{", b"[]", b'{"app_name": 7}', b'{"app_name": "\\ud800"}', b'{"app_name": "\\u0000"}', b'{"app_name": ""}', b"\xff"):
        answer = await program.ask("POST", "/apps", body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "MSGSMS.0002"), body
    large = await program.ask("POST", "/apps", b" " * (11 * 1024 * 1024))
    assert (large.status_code, large.json()["error_code"]) == (413, "APIGW.0201")
    no_file = await program.ask("POST", "/upload-files", b"no form")
    assert (no_file.status_code, no_file.json()["error_code"]) == (400, "MSGSMS.0002")


async def test_a_key_is_bound_to_its_networks(program: Program) -> None:
    platform, tenant = program.customer.platform, program.customer.tenant
    async with platform.control() as control:
        await control.keys.change(OPERATOR, tenant.secret_id, KeyChange(allow=["192.0.2.0/24"]))

    try:
        await program.customer.known()
        answer = await program.ask("GET", "/apps-count")
        assert (answer.status_code, answer.json()["error_code"]) == (403, "MSGSMS.0003")
    finally:
        async with platform.control() as control:
            await control.keys.change(OPERATOR, tenant.secret_id, KeyChange(allow=[]))
    await program.customer.known()
    assert (await program.ask("GET", "/apps-count")).status_code == 200


class Sdk(requests.auth.AuthBase):
    """Signs what is about to be sent, whatever it is."""

    def __init__(self, customer: Customer) -> None:
        self._customer = customer

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        at = urlsplit(request.url or "")
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else bytes(body)
        signed = Signed(request.method or "", at.path, at.query.encode(), {b"host": at.netloc.encode()}, content)
        tenant = self._customer.tenant
        request.headers.update(sign(tenant.secret_id, tenant.secret_key, signed, time.time()) | {"Host": at.netloc})
        return request


async def test_every_operation_keeps_to_the_document(customer: Customer, request: pytest.FixtureRequest) -> None:
    """No answer is an error of the platform, and every one is what the document says."""
    count = max(3, request.config.getoption("attack_cases") // 400)
    config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(base_url=f"http://{customer.platform.address}")))
    schema = schemathesis.openapi.from_dict(json.loads(published.served()), config=config)
    schema.config.generation.update(modes=list(GenerationMode))
    seen: Counter[int] = Counter()
    faults: dict[str, str] = {}
    with requests.Session() as session:
        session.trust_env = False
        session.auth = Sdk(customer)
        for found in schema.get_all_operations():
            operation = found.ok()
            if not operation.path.startswith("/v2/"):
                continue

            @settings(PLAIN, max_examples=count)
            @given(case=operation.as_strategy())
            def attack(case: Any) -> None:
                response = case.call(session=session)
                seen[response.status_code] += 1
                try:
                    case.validate_response(response, excluded_checks=list(NOT_FOR_IT))
                except schemathesis.core.failures.FailureGroup as group:
                    faults[case.operation.label] = "\n".join(str(fault) for fault in group.exceptions) + f"\n{response.request.body!r}"

            (seed(11)(attack) if os.environ.get("CI") else attack)()
    assert faults == {}
    assert seen[500] == seen[401] == 0, seen
    assert seen[200] + seen[201] > 0, seen
    assert seen[400] + seen[404] > 0, seen
