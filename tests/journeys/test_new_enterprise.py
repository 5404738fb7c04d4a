"""A new enterprise, from its account to its first delivered message, by commands and the native API alone, the reviewer included."""

import contextlib
import datetime as dt
import json
import os
import subprocess
import sys
import uuid
from typing import Any, Self

import httpx2
import pytest

from hongyan.client import AsyncHongyan, Problem
from journeys.platform import Platform, phone, until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("laws_hold")]

PASSWORD = "correct horse battery staple 7"
LICENCE = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
CREDIT_CODE = "91350100M000100Y43"
"""The example of GB 32100-2015, section 5."""


def hongyan(platform: Platform, *arguments: str, told: str = "") -> Any:
    """What a command of the operator's says in JSON."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HONGYAN_")}
    environ |= {"HONGYAN_DATA_DIR": str(platform.settings.data_dir), "HONGYAN_LANG": "en"}
    command = [sys.executable, "-m", "hongyan", *arguments, "--json"]
    done = subprocess.run(command, env=environ, input=told, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


class Person:
    """Somebody in front of a browser."""

    def __init__(self, platform: Platform) -> None:
        self._http = httpx2.AsyncClient(
            base_url=f"http://{platform.address}/api/v1", trust_env=False, headers={"x-hongyan-console": "1", "accept-language": "en"}
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_fault: object) -> None:
        await self._http.aclose()

    async def do(self, method: str, path: str, body: Any = None, *, status: int | None = None, **more: Any) -> Any:
        answer = await self._http.request(method, path, **({"json": body} if body is not None else {}), **more)
        assert answer.status_code == status if status is not None else answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def sign_in(self, email: str) -> None:
        entered = await self.do("POST", "/session", {"email": email, "password": PASSWORD})
        assert entered["signed_in"]


async def test_a_new_enterprise_sends_its_first_message(platform: Platform) -> None:
    mark = uuid.uuid4().hex[:6]
    owner_email, reviewer_email = f"owner-{mark}@example.com", f"reviewer-{mark}@example.com"

    # The operator, by commands: an account, its owner's invitation, a reviewer.
    account = hongyan(platform, "account", "create", f"新企业 {mark}", "--unverified")
    invited = hongyan(platform, "member", "invite", owner_email, "--account", str(account["id"]), "--role", "owner")
    hongyan(platform, "user", "create", reviewer_email, "--name", "审核", "--role", "reviewer")
    hongyan(platform, "user", "password", reviewer_email, told=f"{PASSWORD}\n")

    async with Person(platform) as owner, Person(platform) as reviewer:
        # The owner joins, makes an application and hands in papers.
        await owner.do("POST", "/invitations/accepted", {"ticket": invited["ticket"], "name": "老板", "password": PASSWORD})
        await owner.sign_in(owner_email)
        made = await owner.do("POST", "/apps", {"name": "商城"})
        key = await owner.do("POST", "/keys", {"note": "生产"})
        document = await owner.do("POST", "/documents", params={"name": "licence.pdf"}, content=LICENCE)
        papers = {"kind": "enterprise", "name": f"新企业{mark}有限公司", "number": CREDIT_CODE, "documents": [document["id"]]}
        verification = await owner.do("POST", "/verifications", papers)
        qualification = await owner.do(
            "POST",
            "/qualifications",
            {"name": "营业执照", "company": f"新企业{mark}有限公司", "credit_code": CREDIT_CODE, "documents": [document["id"]]},
        )
        bad = await owner.do(
            "POST", "/signatures", {"name": "验证码", "scope": "mainland", "qualification_id": qualification["id"]}, status=422
        )
        assert "sender" in bad["detail"] or "who sends" in bad["detail"]
        signature = await owner.do(
            "POST", "/signatures", {"name": f"新企业{mark}", "scope": "mainland", "qualification_id": qualification["id"]}
        )
        linted = await owner.do(
            "POST", "/templates/lint", {"name": "登录", "kind": "verification", "scope": "mainland", "content": "您的验证码是{2}。"}
        )
        assert not linted["good"]
        template = await owner.do(
            "POST",
            "/templates",
            {"name": "登录", "kind": "verification", "scope": "mainland", "content": "您的验证码是{1}，{2}分钟内有效。"},
        )
        await owner.do("POST", f"/templates/{template['id']}/urge")

        # No package before somebody has looked at who they are.
        assert (await owner.do("GET", f"/accounts/{account['id']}"))["verified_at"] is None
        # Whoever may not review does not; the reviewer does, the qualification first.
        assert (await owner.do("GET", "/reviews/queue", status=403))["code"] == "not_allowed"
        await reviewer.sign_in(reviewer_email)
        assert {"day": "2026-10-10", "working": True, "name": "国庆节调休"} in await reviewer.do("GET", "/calendar/2026")
        refused = await reviewer.do("PUT", "/calendar/days/2027-02-08", {"working": False, "name": "春节"}, status=403)
        assert refused["code"] == "not_allowed"
        for kind, subject in (
            ("account", verification),
            ("qualification", qualification),
            ("signature", signature),
            ("template", template),
        ):
            [review] = [
                found
                for found in (await reviewer.do("GET", "/reviews/queue", params={"kinds": kind, "limit": 200}))["items"]
                if found["subject_id"] == subject["id"]
            ]
            assert review["due_at"] > review["submitted_at"]
            await reviewer.do("POST", f"/reviews/{review['id']}/claim")
            await reviewer.do("POST", f"/reviews/{review['id']}/approve", {})
        assert (await reviewer.do("POST", "/keys", {"account_id": account["id"]}, status=403))["code"] == "not_allowed"
        assert (await owner.do("GET", f"/templates/{template['id']}"))["status"] == "approved"

    # The operator books the package that was paid for; the program sends.
    hongyan(platform, "package", "buy", str(made["app"]["id"]), "1000")
    async with AsyncHongyan(f"http://{platform.address}", key["secret_id"], key["secret_key"], language="en") as program:

        async def sent() -> Any:
            # What was just decided is known everywhere within a second.
            with contextlib.suppress(Problem):
                found = await program.send(
                    app_id=made["app"]["id"], template_id=template["id"], to=[phone()], params=["385204", "5"], sign_name=signature["name"]
                )
                return found if found.accepted else None
            return None

        result = (await until(sent, "the first message is taken")).results[0]

        async def delivered() -> bool:
            return (await program.message(result.message_id or "")).status == "delivered"

        await until(delivered, "it is delivered")

    # The operator puts one off and takes it back.
    later = hongyan(platform, "schedule", "add", (dt.datetime.now(dt.UTC) + dt.timedelta(days=20)).isoformat(), "--to", phone())
    assert hongyan(platform, "schedule", "cancel", later["id"])["state"] == "cancelled"
    assert later["id"] in {found["id"] for found in hongyan(platform, "schedule", "list")}

    # Everything is on record.
    trail = hongyan(platform, "audit", "list", "--account", str(account["id"]))
    actions = {entry["action"] for entry in trail}
    assert {
        "key.create",
        "member.join",
        "account.verified",
        "qualification.approve",
        "signature.approve",
        "template.approve",
        "package.buy",
    } <= actions, actions
    assert hongyan(platform, "audit", "verify") == {"intact": True}
