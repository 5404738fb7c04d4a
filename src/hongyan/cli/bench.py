"""hongyan bench: load on the running platform, and what comes of it."""

import asyncio
import contextlib
import os
import platform as machine
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from hongyan.cli.output import CommandError
from hongyan.cli.session import actor, settings, terminal

if TYPE_CHECKING:
    from hongyan.cli.instance import State
    from hongyan.cli.load.campaign import Campaign
    from hongyan.cli.load.costs import Processes
    from hongyan.cli.load.measure import Api
    from hongyan.cli.load.receiver import Receiver
    from hongyan.control.sandbox import SandboxTenant
    from hongyan.kit.db import Database
    from hongyan.settings import Settings

MOST_NUMBERS = 200
CONNECTIONS = {True: 64, False: 16}
"""By default: for one number a request, and for several."""
DATABASE = "postgres"
SLOWEST_DRAIN_PER_S = 500
"""A campaign that drains more slowly is not waited for."""


class Plan(msgspec.Struct, frozen=True):
    """What to measure, as it was asked for."""

    numbers: int
    seconds: float
    warm_up_s: float
    connections: int
    rate: float | None
    """Requests a second."""
    template: str
    callbacks: bool
    campaign: int
    """Messages to be drained meanwhile."""


def bench(
    ctx: typer.Context,
    *,
    numbers: Annotated[int, typer.Option(min=1, max=MOST_NUMBERS, help="Numbers in each request.")] = 1,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long to measure.")] = 15.0,
    warm_up: Annotated[float, typer.Option(min=0, help="Seconds of the same load beforehand that do not count.")] = 3.0,
    connections: Annotated[
        int | None,
        typer.Option(min=1, max=4096, help="Keep-alive connections; otherwise 64 for one number, 16 for more.", show_default=False),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.1, help="Requests a second, whatever the answers; otherwise as many as are answered.", show_default=False),
    ] = None,
    template: Annotated[str, typer.Option(help="What is sent: verification, notice or marketing.")] = "verification",
    callbacks: Annotated[
        bool,
        typer.Option(
            "--callbacks/--no-callbacks", help="Report to a callback server on the loopback too; needs HONGYAN_CALLBACK_ALLOW=127.0.0.1/32."
        ),
    ] = False,
    campaign: Annotated[
        int,
        typer.Option(
            min=0, help="Marketing messages to have accepted beforehand, with the carrier away, and to drain during the measurement."
        ),
    ] = 0,
    journal: Annotated[
        Path | None, typer.Option(help="The simulator's journal; otherwise as HONGYAN_SIMULATOR_JOURNAL says.", show_default=False)
    ] = None,
) -> None:
    """Send signed requests to the running platform for a while and print one JSON object: rates, times, costs, losses."""
    import uvloop  # noqa: PLC0415 - `--help` does not wait for it

    plan = Plan(numbers, seconds, warm_up, connections or CONNECTIONS[numbers == 1], rate, template, callbacks, campaign)
    loaded = settings(ctx)
    result = uvloop.run(_measure(loaded, plan, journal or _journal(loaded)))
    terminal(ctx).out.write(msgspec.json.encode(result).decode() + "\n")


def _journal(loaded: "Settings") -> Path:
    if not loaded.simulator_journal:
        raise CommandError(
            "no_journal",
            "没有模拟运营商的日志就无法核对：用同一个 HONGYAN_SIMULATOR_JOURNAL=文件 启动平台和本命令，或直接用 `make bench`。",
            "Without the simulator's journal nothing can be compared: start the platform and this command with the same "
            "HONGYAN_SIMULATOR_JOURNAL=FILE, or use `make bench`.",
        )
    return Path(loaded.simulator_journal)


async def _measure(loaded: "Settings", plan: Plan, journal: Path) -> dict[str, Any]:
    from hongyan import wiring  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.cli.load.driver import Pace  # noqa: PLC0415 - as above
    from hongyan.cli.load.measure import PATIENCE_S, Bench, figures  # noqa: PLC0415 - as above

    async with wiring.control_plane(loaded) as control:
        tenant = await control.sandbox.ensure(actor(), "")
    async with wiring.database(loaded) as db, _reports(loaded, plan, int(tenant.sdk_app_id)) as receiver:
        door = _door(loaded)
        bench = Bench(
            api=_api(door, tenant, plan.template),
            address=door.address,
            journal=journal,
            settled=_settled(db, int(tenant.sdk_app_id)),
            processes=_processes(door.state, receiver),
            numbers_per_request=plan.numbers,
            heard=None if receiver is None else receiver.path,
            patience_s=max(PATIENCE_S, plan.campaign / SLOWEST_DRAIN_PER_S),
        )
        load_before = os.getloadavg()[0]
        if plan.warm_up_s:
            # The first calls after the sandbox was made may come before the platform knows it.
            warm = await bench.measure(Pace(plan.warm_up_s, plan.connections, plan.rate))
            if not warm.promises.ok:
                raise _nothing_taken(warm.promises.refused)
        campaign = await _campaign(loaded, plan, door, tenant, journal) if plan.campaign else None
        with _bar(plan.seconds):
            stretch = await bench.measure(Pace(plan.seconds, plan.connections, plan.rate))
        if not stretch.promises.ok:
            raise _nothing_taken(stretch.promises.refused)
    where = {
        "cores": os.cpu_count(),
        "load_average_before": round(load_before, 2),
        "load_average_after": round(os.getloadavg()[0], 2),
        "python": machine.python_version(),
    }
    meanwhile = {} if campaign is None else {"campaign": campaign.figures(stretch)}
    return {"scenario": msgspec.to_builtins(plan), **figures(stretch), **meanwhile, "machine": where}


async def _campaign(loaded: "Settings", plan: Plan, door: "Door", tenant: "SandboxTenant", journal: Path) -> "Campaign":
    """A campaign that has begun to drain."""
    from hongyan.cli.load.campaign import Campaign  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.cli.worker import simulator_at  # noqa: PLC0415 - as above
    from hongyan.simulator.control import ask  # noqa: PLC0415 - as above

    simulator = simulator_at(loaded)
    if simulator is None:
        raise CommandError(
            "no_simulator",
            "积压要靠平台自己的模拟运营商离线来形成：用默认的 HONGYAN_SIMULATOR=embedded 启动平台，或直接用 `make bench`。",
            "A campaign piles up while the platform's own simulated carrier is away: start the platform with HONGYAN_SIMULATOR=embedded "
            "(the default), or use `make bench`.",
        )

    async def order(what: dict[str, Any]) -> None:
        await ask(simulator.control, what)

    campaign = Campaign(_api(door, tenant, "marketing"), door.address, journal, order)
    try:
        await campaign.accept(plan.campaign)
    finally:
        await campaign.release()
    if not campaign.promises.ok:
        raise _nothing_taken(campaign.promises.refused)
    return campaign


@contextlib.asynccontextmanager
async def _reports(loaded: "Settings", plan: Plan, app_id: int) -> "AsyncIterator[Receiver | None]":
    """A callback server to which the sandbox reports while the block lasts; None when none is wanted."""
    if not plan.callbacks:
        yield None
        return
    from hongyan import wiring  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.cli.load.receiver import receiver  # noqa: PLC0415 - as above
    from hongyan.control.apps import AppChange  # noqa: PLC0415 - as above

    with tempfile.TemporaryDirectory(prefix="hongyan-bench-") as directory:
        async with receiver(Path(directory) / "heard") as running:
            async with wiring.control_plane(loaded) as control:
                before = (await control.apps.get(actor(), app_id)).report_url
                await control.apps.change(actor(), app_id, AppChange(report_url=running.url))
            try:
                yield running
            finally:
                async with wiring.control_plane(loaded) as control:
                    await control.apps.change(actor(), app_id, AppChange(report_url=before))


@contextlib.contextmanager
def _bar(seconds: float) -> Iterator[None]:
    """A progress bar on standard error while the block lasts, for people only: nothing where no terminal is."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.progress import Progress  # noqa: PLC0415 - as above

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("bench", total=seconds)
        turning = asyncio.create_task(_advance(lambda: progress.advance(bar, 0.2)))
        try:
            yield
        finally:
            turning.cancel()


async def _advance(step: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(0.2)
        step()


class Door(msgspec.Struct, frozen=True):
    """The running platform, and where it takes requests."""

    state: "State"
    address: tuple[str, int]


def _door(loaded: "Settings") -> Door:
    from hongyan.cli.instance import running  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.settings import address  # noqa: PLC0415 - as above

    state = running(loaded)
    if state is None:
        raise CommandError(
            "not_running",
            f"数据目录 {loaded.data_dir} 上没有平台在运行：先用 `hongyan serve` 启动，或直接用 `make bench`。",
            f"No platform runs on {loaded.data_dir}: start one with `hongyan serve`, or use `make bench`.",
        )
    host, port = address(state.http)
    return Door(state, ("127.0.0.1" if host == "0.0.0.0" else host, port))  # noqa: S104 - compared, not bound


def _api(door: Door, tenant: "SandboxTenant", template: str) -> "Api":
    """SendSms with one of the sandbox's templates."""
    from hongyan.cli.load.answers import TencentAnswers  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.cli.load.measure import Api  # noqa: PLC0415 - as above
    from hongyan.cli.load.requests import Requests, Target  # noqa: PLC0415 - as above

    if template not in tenant.templates or template == "international":
        raise CommandError("usage", f"没有模板 {template}。", f"There is no template {template}.")
    host, port = door.address
    return Api(partial(Requests, Target.of(tenant, template, f"{host}:{port}")), TencentAnswers())


def _processes(state: "State", receiver: "Receiver | None") -> "Processes":
    """Whose costs are counted, by name."""
    from hongyan.cli.load.costs import Processes  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.cli.load.measure import LOAD, RECEIVER  # noqa: PLC0415 - as above

    pids = {"supervisor": state.pid, **state.processes, LOAD: os.getpid()}
    if receiver is not None:
        pids[RECEIVER] = receiver.pid
    if state.database_pid is not None:
        pids[DATABASE] = state.database_pid
    return Processes(pids, frozenset({DATABASE}))


def _settled(db: "Database", app_id: int) -> Callable[..., Any]:
    """Asks the database how the messages accepted since a moment ended."""
    from hongyan.cli.load.measure import Settled  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.kit.ids import first_id_at  # noqa: PLC0415 - as above
    from hongyan.store import tallies  # noqa: PLC0415 - as above

    async def ask(since: float, begin: float, end: float) -> Settled:
        async with db.connection() as conn:
            tally = await tallies.of(conn, app_id, from_id=first_id_at(since), to_id=2**63 - 1, begin=begin, end=end)
        return Settled(delivered=tally.delivered, between=tally.settled_between, last_at=tally.last_settled_at)

    return ask


def _nothing_taken(refused: dict[str, int]) -> CommandError:
    why = ", ".join(f"{code} ({count})" for code, count in refused.items()) or "no answer"
    return CommandError("nothing_accepted", f"平台一条都没有受理：{why}", f"The platform accepted nothing: {why}")
