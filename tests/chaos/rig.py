"""A platform whose every part can be killed, with what must never die beside it: the carrier, the callback server and the load."""

import asyncio
import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import msgspec

from acting import OPERATOR
from chaos.history import Answer, Book, Request, Written
from hongyan import wiring
from hongyan.cli.load.answers import TencentAnswers
from hongyan.cli.load.driver import Load, Pace
from hongyan.cli.load.numbers import STEP, Numbers
from hongyan.cli.load.promises import Promises
from hongyan.cli.load.requests import Requests, Target
from hongyan.control.apps import AppChange
from hongyan.control.sandbox import SandboxTenant
from hongyan.kit.loops import cancel
from hongyan.kit.sink import Sink
from hongyan.model.money import ChargeRule
from hongyan.simulator.control import ask
from journeys.customers import Customer, sign_up
from journeys.nodes import free_port
from journeys.platform import Platform, handset, until

BACK_S = 60.0
SEGMENTS = 50_000_000


class Stream(msgspec.Struct, frozen=True):
    """Requests of one kind: `numbers` in each, `rate` a second."""

    kind: str
    numbers: int
    rate: float
    connections: int
    params: tuple[str, ...] = ()


STREAMS: tuple[Stream, ...] = (
    Stream("verification", 1, 30, 12),
    Stream("notice", 1, 15, 8),
    Stream("notice", 1, 4, 4, ("20260001", "很长的说明，" * 20)),
    Stream("marketing", 1, 4, 4),
    Stream("verification", 20, 1, 2),
    Stream("notice", 200, 0.4, 2),
    Stream("marketing", 200, 0.4, 2),
)
"""Mixed load of some 260 messages a second; `--rate` multiplies it."""
LATER_NUMBERS = 3
"""Numbers of a send at a time."""
STREAM_NUMBERS = 10_000_000
"""How far the streams are apart in the one order of numbers."""
TROUBLE = ("0001", "0004", "0006", "0007", "0009")
"""Handsets whose messages fail, are refused, whose receipts overtake answers or come twice: they are sent to again and again."""
ASIDE = frozenset(handset(last).removeprefix("+") for last in TROUBLE)


class Carrier:
    """The simulated carrier in a process of its own."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self.journal = home / "carrier.jsonl"
        self.control = str(home / "carrier.sock")
        self._log = home / "carrier.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        Path(self.control).unlink(missing_ok=True)
        command = [sys.executable, "-m", "hongyan", "simulate", "serve", "--port", str(self.port), "--control", self.control]
        command += ["--password", wiring.SIMULATOR_PASSWORD, "--journal", str(self.journal)]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HONGYAN_")}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=inherited, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()

    async def order(self, **order: object) -> None:
        answer = await ask(self.control, order)
        assert answer["ok"], answer

    async def owed(self) -> int:
        """Receipts it has still to deliver."""
        return int((await ask(self.control, {"do": "stats"}))["owed"])


class Rig:
    """Everything that runs, and the book about it."""

    def __init__(self, platform: Platform, carrier: Carrier, book: Book, http: httpx2.AsyncClient) -> None:
        self.platform = platform
        self.carrier = carrier
        self.book = book
        self.book_path = platform.home / "book.jsonl"
        self.app_id = 0
        self._http = http
        self._loads: list[Load] = []
        self._sending: list[asyncio.Task[None]] = []
        self._trouble: asyncio.Task[None] | None = None
        self._later: asyncio.Task[None] | None = None
        self._customer: Customer | None = None

    async def sign_up(self, report_url: str) -> SandboxTenant:
        tenant, self.app_id = await sign_up(self.platform, "chaos", mainland=SEGMENTS, international=0)
        async with self.platform.control() as control:
            await control.apps.change(OPERATOR, self.app_id, AppChange(report_url=report_url, pull=False))
            await control.apps.allow(OPERATOR, self.app_id, [handset(last) for last in TROUBLE])
            account_id = (await control.apps.get(OPERATOR, self.app_id)).account_id
            await control.accounts.set_charge(OPERATOR, account_id, ChargeRule.DELIVERED)
        self._customer = Customer(self.platform, None, tenant, self.app_id, self._http)
        await self._customer.known()
        return tenant

    def send(self, tenant: SandboxTenant, *, first: int, rate: float) -> None:
        """Start the load: each stream has numbers of its own."""
        host, port = self.platform.address.split(":")
        for place, stream in enumerate(STREAMS):
            target = Target.of(tenant, stream.kind, f"{host}:{port}")
            target = msgspec.structs.replace(target, sdk_app_id=str(self.app_id), params=stream.params or target.params)
            numbers = Numbers((first + place * STREAM_NUMBERS) * STEP)
            promises = Written(Promises(numbers, stream.numbers, TencentAnswers()), stream.kind, f"{place}", self.book)
            pace = Pace(seconds=86_400, connections=stream.connections, rate=stream.rate * rate)
            self._loads.append(Load(Requests(target, numbers, stream.numbers), promises, pace, (host, int(port))))
        self._sending = [asyncio.create_task(load.run()) for load in self._loads]
        self._trouble = asyncio.create_task(self._send_trouble())
        self._later = asyncio.create_task(self._put_off(tenant, Numbers((first + len(STREAMS) * STREAM_NUMBERS) * STEP)))

    async def quiet(self) -> None:
        """End the load and wait for its last answers."""
        await self._nothing_more()
        for load in self._loads:
            load.stop()
        await asyncio.gather(*self._sending)

    async def give_up(self) -> None:
        """End the load at once."""
        await self._nothing_more()
        await cancel(*self._sending)

    async def _nothing_more(self) -> None:
        await cancel(*(task for task in (self._trouble, self._later) if task is not None))

    async def _put_off(self, tenant: SandboxTenant, numbers: Numbers) -> None:
        """Sends at a time, over the native API; each says what was promised as any request does."""
        template = tenant.templates["verification"]
        asked = {"app_id": self.app_id, "template_id": int(template.id), "sign_name": tenant.sign_name, "params": list(template.params)}
        for index in itertools.count(step=LATER_NUMBERS):
            phones = [f"86{numbers.national(index + place)}" for place in range(LATER_NUMBERS)]
            body = asked | {"to": [f"+{phone}" for phone in phones], "send_at": time.time() + 0.2}
            self.book.write(Request(f"later-{index}", "verification", time.monotonic(), phones))
            with contextlib.suppress(httpx2.HTTPError, OSError):
                address = f"http://{self.platform.address}/api/v1/schedules"
                answer = await self._http.post(address, json=body, auth=(tenant.secret_id, tenant.secret_key))
                if answer.status_code in {201, 422}:
                    ok = phones if answer.status_code == 201 else []
                    self.book.write(Answer(f"later-{index}", time.monotonic(), ok))
            await asyncio.sleep(0.3)

    async def _send_trouble(self) -> None:
        assert self._customer is not None
        while True:
            for last in TROUBLE:
                with contextlib.suppress(httpx2.HTTPError, OSError, ValueError, AssertionError):
                    await self._customer.submit([handset(last)], "notice")
                await asyncio.sleep(0.05)

    # What can be done to it.

    def pids(self) -> dict[str, int]:
        """Processes by name, "platform" the parent, "database" the postmaster; none while an earlier platform is written down."""
        assert self.platform.process is not None
        with contextlib.suppress(OSError, ValueError):
            state = self.platform.state
            if state["pid"] != self.platform.process.pid:
                return {}
            found = {**state["processes"], "platform": state["pid"], "database": state["database_pid"]}
            return {name: pid for name, pid in found.items() if pid}
        return {}

    def kill(self, *names: str) -> None:
        """SIGKILL to those that live."""
        pids = self.pids()
        for name in names:
            if name in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pids[name], signal.SIGKILL)

    async def restart(self) -> None:
        """Start the platform again, as its service manager would, once the remains of the last one are gone."""
        assert self.platform.process is not None
        await asyncio.to_thread(self.platform.process.wait)
        await asyncio.to_thread(self.platform.start)
        # Orphans of the last one may have answered in its place.
        await until(self.pids, "it has written down what runs", BACK_S)
        await self.back()

    async def back(self) -> None:
        """Wait until it is ready."""
        await until(lambda: asyncio.to_thread(self.platform.is_ready), "the platform is ready", BACK_S)


@contextlib.asynccontextmanager
async def rig(*, seed: int, rate: float) -> AsyncIterator[Rig]:
    """A running rig under load for as long as the block lasts."""
    port = free_port()
    platform = Platform(HTTP=f"127.0.0.1:{port}", PROCESSES="3", FAULTS="on", LOG_LEVEL="info")
    carrier = Carrier(platform.home)
    platform._given["SIMULATOR"] = f"127.0.0.1:{carrier.port}"
    book = Book(platform.home / "book.jsonl")
    try:
        carrier.start()
        await asyncio.to_thread(platform.start)
        async with Sink(book.hit) as sink, httpx2.AsyncClient(timeout=5, trust_env=False) as http:
            built = Rig(platform, carrier, book, http)
            tenant = await built.sign_up(f"{sink.url}/reports")
            built.send(tenant, first=seed * 1_000_003, rate=rate)
            try:
                yield built
            finally:
                await built.give_up()
    finally:
        await asyncio.to_thread(platform.destroy)
        carrier.stop()
        book.close()
