"""A customer of the platform: the official SDK where it matters what the customer sees, plain signed requests where many are needed."""

import asyncio
import contextlib
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Self

import httpx2
import msgspec

from acting import OPERATOR
from hongyan.cli import tc3
from hongyan.control.apps import AppChange
from hongyan.control.sandbox import SandboxTemplate, SandboxTenant
from hongyan.doors.tencent.words import message_id
from hongyan.kit import ids
from hongyan.kit.sink import Sink
from hongyan.model.billing import day_of
from hongyan.model.message import VALIDITY_S, Dialect, Kind
from hongyan.model.papers import TemplateDraft
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.model.tariff import NewPrice
from hongyan.store import messages
from hongyan.store.messages import NewMessage
from hongyan.store.queue import ASLEEP
from journeys.platform import Platform, until

ROOT = Path(__file__).parents[2]
SDK_PYTHON = ROOT / ".venv-sdk/bin/python"
DRIVER = ROOT / "tests/contract/sdk/driver.py"
DRIVER_V5 = ROOT / "tests/contract/sdk/driver_v5.py"
VERSION = "2021-01-11"
PLENTY = 1_000_000


class Sdk:
    """The official client in a process of its own; one call at a time."""

    def __init__(self, driver: Path = DRIVER) -> None:
        assert SDK_PYTHON.exists(), "the SDK's environment is missing; create it with: make .venv-sdk/.installed"
        # The SDK honours proxies, and a loopback address is nothing for them.
        environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        self._process = subprocess.Popen([SDK_PYTHON, driver], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    async def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = await asyncio.to_thread(self._ask, order)
        return answer

    def _ask(self, order: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class SdkV5(Sdk):
    """The official client of the v5 API."""

    def __init__(self) -> None:
        super().__init__(DRIVER_V5)


class Customer:
    """One application of the sandbox account, with its keys, signature, templates and packages."""

    def __init__(self, platform: Platform, sdk: Sdk, tenant: SandboxTenant, app_id: int, http: httpx2.AsyncClient) -> None:
        self.platform = platform
        self.tenant = tenant
        self.app_id = app_id
        self._sdk = sdk
        self._http = http

    # Through the SDK.

    async def sdk(self, action: str, **params: Any) -> dict[str, Any]:
        """The SDK's response, or {"error", "message"}."""
        order = {
            "endpoint": self.platform.address,
            "secret_id": self.tenant.secret_id,
            "secret_key": self.tenant.secret_key,
            "action": action,
            "params": params,
        }
        answer = await self.ask(order)
        ok: dict[str, Any] = answer.get("ok", answer)
        return ok

    async def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """What the SDK makes of any instruction (tests/contract/sdk/driver.py)."""
        return await self._sdk.ask(order)

    async def send(self, to: str | Sequence[str], kind: str = "notice", **more: Any) -> list[dict[str, Any]]:
        """SendSms through the SDK: one status for each number."""
        answer = await self.sdk("SendSms", **self.request(to, kind, **more))
        assert "SendStatusSet" in answer, answer
        statuses: list[dict[str, Any]] = answer["SendStatusSet"]
        return statuses

    async def send_one(self, to: str, kind: str = "notice", **more: Any) -> "Sent":
        """A message that must be accepted."""
        [status] = await self.send(to, kind, **more)
        assert status["Code"] == "Ok", status
        return Sent(status)

    async def pull(self, action: str = "PullSmsSendStatus", limit: int = 100, **more: Any) -> list[dict[str, Any]]:
        answer = await self.sdk(action, SmsSdkAppId=str(self.app_id), Limit=limit, **more)
        [records] = [value for name, value in answer.items() if name.endswith("StatusSet")]
        assert isinstance(records, list)
        return records

    async def pulled(self, count: int, action: str = "PullSmsSendStatus", within_s: float = 15.0) -> list[dict[str, Any]]:
        """As many records as that, as they come."""
        records: list[dict[str, Any]] = []

        async def enough() -> bool:
            records.extend(await self.pull(action))
            return len(records) >= count

        await until(enough, f"{count} records from {action}", within_s)
        assert len(records) == count, records
        return records

    # Directly.

    def request(self, to: str | Sequence[str], kind: str = "notice", params: Sequence[str] | None = None, **more: Any) -> dict[str, Any]:
        template = self.tenant.templates[kind]
        return {
            "PhoneNumberSet": [to] if isinstance(to, str) else list(to),
            "SmsSdkAppId": str(self.app_id),
            "SignName": self.tenant.sign_name if kind != "international" else "",
            "TemplateId": template.id,
            "TemplateParamSet": list(template.params if params is None else params),
        } | more

    async def call(self, action: str, request: dict[str, Any]) -> dict[str, Any]:
        """The Response of a plain signed call. Raises httpx2.HTTPError when nobody answers."""
        return await self.post(action, json.dumps(request).encode())

    async def post(self, action: str, body: bytes) -> dict[str, Any]:
        """The same with any body."""
        address = self.platform.address
        headers = tc3.headers(
            secret_id=self.tenant.secret_id,
            secret_key=self.tenant.secret_key,
            host=address,
            action=action,
            version=VERSION,
            body=body,
            at=int(time.time()),
        )
        response = await self._http.post(f"http://{address}/", content=body, headers=headers)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        answer: dict[str, Any] = response.json()["Response"]
        return answer

    async def submit(self, to: Sequence[str], kind: str = "notice", **more: Any) -> list[dict[str, Any]]:
        """SendSms directly: one status for each number, or one made of the error."""
        answer = await self.call("SendSms", self.request(to, kind, **more))
        if "Error" in answer:
            return [{"Code": answer["Error"]["Code"], "PhoneNumber": number} for number in to]
        statuses: list[dict[str, Any]] = answer["SendStatusSet"]
        return statuses

    # As the operator sees it.

    async def change(self, **changes: Any) -> None:
        async with self.platform.control() as control:
            await control.apps.change(OPERATOR, self.app_id, AppChange(**changes))
        await self.known()

    async def ready(self) -> None:
        """Wait until the platform says that it is ready."""

        async def says_so() -> bool:
            with contextlib.suppress(httpx2.HTTPError, OSError, ValueError):
                return (await self._http.get(f"http://{self.platform.address}/readyz")).status_code == 200
            return False

        await until(says_so, "the platform is ready", within_s=30)

    async def template(self, content: str, kind: Kind, scope: Scope = Scope.MAINLAND, *, approved: bool = True) -> str:
        """A template of this application alone; its id as requests have it."""
        async with self.platform.control() as control:
            account_id = (await control.apps.get(OPERATOR, self.app_id)).account_id
            added = await control.templates.add(
                OPERATOR, account_id, TemplateDraft(name="its own", kind=kind, scope=scope, content=content, app_id=self.app_id)
            )
            if approved:
                await control.templates.approve(OPERATOR, added.id)
        await self.known()
        return str(added.id)

    async def known(self) -> None:
        """Wait until the running platform has the newest snapshot."""
        async with self.platform.control() as control:
            version = await control.snapshots.version()
        await until(lambda: self._loaded(version), f"snapshot {version} is loaded")

    def _loaded(self, version: int) -> bool:
        seen = [line for line in self.platform.log_lines() if line.get("event") == "snapshot"]
        newest: dict[str, int] = {}
        for line in seen:
            newest[line["process"]] = line["version"]
        return all(newest.get(name, 0) >= version for name in self.platform.state["processes"] if name != "simulator")


Newcomer = Callable[..., Awaitable[Customer]]
"""Signs up another customer."""


class Sent:
    """An accepted message."""

    def __init__(self, status: dict[str, Any]) -> None:
        self.at = time.time()
        self.serial: str = status["SerialNo"]
        self.fee: int = status["Fee"]
        self.phone: str = status["PhoneNumber"]
        found = message_id(self.serial)
        assert found is not None
        self.id: int = found


class CallbackServer:
    """The customer's own server: what reports and replies came in."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    def reports(self) -> list[dict[str, Any]]:
        return [report for body in self.sink.bodies("/reports") for report in json.loads(body)]

    def replies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.sink.bodies("/replies")]

    async def report_of(self, sent: Sent, within_s: float = 15.0) -> dict[str, Any]:
        """The one report of a message."""

        def its() -> list[dict[str, Any]]:
            return [report for report in self.reports() if report["sid"] == sent.serial]

        await until(its, f"a report of {sent.serial}", within_s)
        [report] = its()
        return report

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, customer: Customer) -> AsyncIterator[Self]:
        async with Sink() as sink:
            await customer.change(report_url=f"{sink.url}/reports", reply_url=f"{sink.url}/replies")
            yield cls(sink)


async def sign_up(platform: Platform, name: str, *, mainland: int = PLENTY, international: int = PLENTY) -> tuple[SandboxTenant, int]:
    """An application of its own in the sandbox account, pull switched on, with packages of so many segments."""
    async with platform.control() as control:
        tenant = await control.sandbox.ensure(OPERATOR, f"http://{platform.address}")
        [sandbox] = [app for app in await control.apps.every(OPERATOR) if str(app.id) == tenant.sdk_app_id]
        made = await control.apps.create(OPERATOR, sandbox.account_id, name)
        for scope, segments in ((Scope.MAINLAND, mainland), (Scope.INTERNATIONAL, international)):
            if segments:
                await control.packages.buy(OPERATOR, made.app.id, scope, segments)
        await control.apps.change(OPERATOR, made.app.id, AppChange(pull=True, context_in_reports=True))
    return tenant, made.app.id


async def pays_later(platform: Platform, *, price_milli: int, limit_milli: int) -> tuple[SandboxTenant, int]:
    """An enterprise of its own with an application that has no package, and credit for messages to France."""
    content = "Your order {1} has left our house."
    async with platform.control() as control:
        sandbox = await control.sandbox.ensure(OPERATOR, f"http://{platform.address}")
        account = await control.accounts.create(OPERATOR, f"pays later {time.time_ns()}", AccountKind.ENTERPRISE)
        key = await control.keys.create(OPERATOR, account.id)
        app = await control.apps.create(OPERATOR, account.id, "abroad", AppChange(pull=True))
        draft = TemplateDraft(name="order", kind=Kind.NOTICE, scope=Scope.INTERNATIONAL, content=content)
        template = await control.templates.add(OPERATOR, account.id, draft)
        await control.templates.approve(OPERATOR, template.id)
        await control.prices.add(OPERATOR, [NewPrice("FR", price_milli, day_of(time.time()))], account_id=account.id)
        await control.credits.set(OPERATOR, account.id, limit_milli)
    samples = {"international": SandboxTemplate(id=str(template.id), content=content, params=("7",))}
    tenant = msgspec.structs.replace(
        sandbox, secret_id=key.secret_id, secret_key=key.secret_key, sdk_app_id=str(app.app.id), app_key=app.app_key, templates=samples
    )
    return tenant, app.app.id


async def sleeping(customer: Customer, to: str, seconds: float) -> int:
    """A marketing message that was promised now and sleeps for so long, as at night; its id."""
    now = time.time()
    async with customer.platform.database() as db, db.connection() as conn:
        package = await conn.fetchval("select id from packages where app_id = $1 and scope = 0", customer.app_id)
        template = int(customer.tenant.templates["marketing"].id)
        row = NewMessage(
            request=0, seen=0, owner=ASLEEP, link_id=None, id=ids.first_id_at(now), phone=int(to.removeprefix("+")), kind=Kind.MARKETING,
            dialect=Dialect.TENCENT_V3, segments=1, validity_s=VALIDITY_S[Kind.MARKETING], template_id=template, signature_id=None,
            package_id=package, content_hash=1, region="CN", text="早上好。拒收请回复R", session_context="", extend="", sender_id="",
            request_id="", way=0,
        )  # fmt: skip
        scope = messages.Scope(since_id=row.id, most=1, packages=[package])
        said = await messages.promise(conn, customer.app_id, [row], scope, [0], now=now, delays=[seconds])
    assert said is not None
    assert said[0] == set()
    return row.id
