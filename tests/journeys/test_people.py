"""People and programs prove who they are, over HTTP through the front process."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx2
import pyotp
import pytest

from journeys.platform import Platform, until
from shell import Shell, shell_on

pytestmark = pytest.mark.slow

PASSWORD = "seven quiet herons"


class Person:
    """Somebody at a browser, or a program with a key."""

    def __init__(self, platform: Platform, key: tuple[str, str] | None = None) -> None:
        self._http = httpx2.AsyncClient(
            base_url=f"http://{platform.address}/api/v1",
            headers={"x-hongyan-console": "tests", "accept-language": "en"},
            trust_env=False,
            timeout=30,
            auth=key,
        )

    async def ask(self, method: str, path: str, *, status: int | None = None, **more: Any) -> Any:
        answer = await self._http.request(method, path, **more)
        assert answer.status_code == status if status else answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    async def enter(self, email: str) -> None:
        entered = await self.ask("POST", "/session", json={"email": email, "password": PASSWORD})
        assert entered["signed_in"] is True

    async def leave(self) -> None:
        await self._http.aclose()


@pytest.fixture
async def at(platform: Platform) -> Any:
    """Makes people, who leave in the end."""
    made: list[Person] = []

    def come(key: tuple[str, str] | None = None) -> Person:
        made.append(Person(platform, key))
        return made[-1]

    yield come
    await asyncio.gather(*(person.leave() for person in made))


@pytest.fixture
def operator(platform: Platform) -> Iterator[Shell]:
    """Somebody on the machine."""
    with shell_on(DATA_DIR=str(platform.settings.data_dir)) as shell:
        yield shell


async def test_a_key_works_from_its_networks_only_and_says_when_it_was_used(operator: Shell, at: Callable[..., Person]) -> None:
    tag = uuid.uuid4().hex[:8]
    account = operator.ask("account", "create", f"Bound {tag}")["id"]
    bound = operator.ask("key", "create", "--account", str(account), "--allow", "192.0.2.0/24", "--scope", "read")
    free = operator.ask("key", "create", "--account", str(account), "--scope", "read")
    elsewhere, here = at((bound["secret_id"], bound["secret_key"])), at((free["secret_id"], free["secret_key"]))

    def known(person: Person, status: int) -> Callable[[], Awaitable[bool]]:
        async def asked() -> bool:
            return (await person._http.get("/me")).status_code == status

        return asked

    await until(known(elsewhere, 403), "the key is known, and not from here")
    await until(known(here, 200), "the other key is good from anywhere")
    assert (await here.ask("GET", "/me"))["permissions"] == ["read"]
    assert (await here.ask("POST", "/apps", json={"name": "x"}, status=403))["code"] == "not_allowed"

    def used() -> bool:
        rows = operator.ask("key", "list", "--account", str(account))
        return [row["address"] for row in rows if row["used_at"]] == ["127.0.0.1"]

    await until(used, "its last use is written", within_s=25)


async def test_signing_in_takes_the_second_factor_and_guessing_ends_by_address(operator: Shell, at: Callable[..., Person]) -> None:
    tag = uuid.uuid4().hex[:8]
    email = f"admin-{tag}@example.com"
    operator.ask("user", "create", email, "--name", "Admin", "--role", "administrator")
    operator.ask("user", "password", email, given=PASSWORD + "\n")
    admin, other = at(), at()
    await admin.enter(email)
    factor = await admin.ask("POST", "/second-factor", json={"password": PASSWORD})
    device = pyotp.TOTP(factor["secret"])
    codes = (await admin.ask("POST", "/second-factor/confirmed", json={"code": device.now()}))["codes"]
    half = await other.ask("POST", "/session", json={"email": email, "password": PASSWORD})
    assert (half["signed_in"], (await other._http.get("/session")).status_code) == (False, 401)
    entered = await other.ask("POST", "/session/code", json={"token": half["code_wanted"], "code": codes[0]})
    assert entered["signed_in"] is True
    assert len((await other.ask("GET", "/users", params={"limit": 200}))["items"]) >= 1
    await admin.ask("DELETE", "/session")
    assert (await admin._http.get("/session")).status_code == 401
    guesser = at()
    statuses = []
    for n in range(12):
        wrong, pretended = {"email": email, "password": f"guess number {n}"}, {"x-forwarded-for": f"198.51.100.{n}"}
        statuses.append((await guesser._http.post("/session", json=wrong, headers=pretended)).status_code)
    assert statuses == [401] * 10 + [429] * 2
