"""hongyan simulate: tell the simulated carrier what to do."""

import asyncio
from typing import Annotated, Any

import typer

from hongyan.cli.output import CommandError
from hongyan.cli.session import settings, terminal

Control = Annotated[
    str | None,
    typer.Option(help="Its control channel, a socket path or a loopback port; otherwise the running platform's.", show_default=False),
]
Next = Annotated[int, typer.Argument(metavar="COUNT", min=0, help="How many submits.", show_default=False)]


def reply(
    ctx: typer.Context,
    phone: Annotated[str, typer.Argument(help="The handset's number.", show_default=False)],
    text: Annotated[str, typer.Argument(help="What it writes.", show_default=False)],
    to: Annotated[str, typer.Option(help="The number it writes to; otherwise the one it last heard from.", show_default=False)] = "",
    control: Control = None,
) -> None:
    """Let a handset send a text."""
    _order(ctx, control, {"do": "reply", "phone": phone, "text": text, "to": to})


def answer(
    ctx: typer.Context,
    phone: Annotated[str, typer.Argument(help="The handset's number, with country code.", show_default=False)],
    text: Annotated[str, typer.Argument(help="What it writes; empty for nothing any more.", show_default=False)],
    control: Control = None,
) -> None:
    """Let a handset write back to each message it is sent."""
    _order(ctx, control, {"do": "answer", "phone": phone, "text": text})


def throttle(
    ctx: typer.Context,
    per_s: Annotated[float, typer.Option(min=0, help="Take so many submits a second; 0 for any number.")] = 0.0,
    count: Annotated[int, typer.Option("--next", min=0, help="Throttle so many submits whatever the rate.")] = 0,
    control: Control = None,
) -> None:
    """Answer submits with “throttled”; without options stop doing so."""
    _order(ctx, control, {"do": "throttle", "per_s": per_s, "next": count})


def queue_full(ctx: typer.Context, count: Next, control: Control = None) -> None:
    """Answer the next submits with “message queue full”."""
    _order(ctx, control, {"do": "queue_full", "next": count})


def drop(
    ctx: typer.Context,
    refuse_s: Annotated[float, typer.Option(min=0, help="Refuse binds for so many seconds.")] = 0.0,
    close: Annotated[bool, typer.Option("--close/--no-close", help="Cut the connections there are.")] = True,
    control: Control = None,
) -> None:
    """Cut all connections, and refuse new ones for a while."""
    _order(ctx, control, {"do": "drop", "close": close, "refuse_s": refuse_s})


def slow(
    ctx: typer.Context,
    delay_s: Annotated[float, typer.Argument(metavar="SECONDS", min=0, help="How much later; 0 for at once.", show_default=False)],
    control: Control = None,
) -> None:
    """Answer every submit later."""
    _order(ctx, control, {"do": "slow", "delay_s": delay_s})


def swallow(ctx: typer.Context, count: Next, control: Control = None) -> None:
    """Take the next submits and send their receipts, but never answer them."""
    _order(ctx, control, {"do": "swallow", "next": count})


def receipts(
    ctx: typer.Context,
    delay_s: Annotated[float | None, typer.Option(min=0, help="Seconds from a submit to its receipt.", show_default=False)] = None,
    copies: Annotated[int | None, typer.Option(min=1, max=10, help="How often each is sent.", show_default=False)] = None,
    control: Control = None,
) -> None:
    """Change when and how often receipts come."""
    given = {"delay_s": delay_s, "copies": copies}
    _order(ctx, control, {"do": "receipts"} | {name: value for name, value in given.items() if value is not None})


def stats(ctx: typer.Context, control: Control = None) -> None:
    """Show what it has seen and which faults are on."""
    _order(ctx, control, {"do": "stats"})


def seen(
    ctx: typer.Context,
    phone: Annotated[str, typer.Option(help="Only this number, as it was submitted.", show_default=False)] = "",
    duplicates: Annotated[bool, typer.Option("--duplicates", help="Only numbers that got a copy.")] = False,
    after: Annotated[int, typer.Option(min=0, help="Where the page before ended.")] = 0,
    control: Control = None,
) -> None:
    """Show which numbers were sent to, and how often."""
    _order(ctx, control, {"do": "seen", "phone": phone, "duplicates": duplicates, "after": after})


def reset(ctx: typer.Context, control: Control = None) -> None:
    """Switch all faults off and forget what was seen."""
    _order(ctx, control, {"do": "reset"})


def _order(ctx: typer.Context, control: str | None, order: dict[str, Any]) -> None:
    from hongyan.simulator.control import ask  # noqa: PLC0415 - `--help` does not wait for it

    where = control or _running(ctx)
    try:
        answer = asyncio.run(ask(where, order))
    except OSError as fault:
        raise _nobody(where) from fault
    if not answer.pop("ok"):
        raise CommandError("refused", f"模拟运营商没有照做：{answer['error']}", f"The simulator did not do it: {answer['error']}")
    terminal(ctx).show(answer or {"done": True})


def _running(ctx: typer.Context) -> str:
    from hongyan.cli.worker import simulator_at  # noqa: PLC0415 - as above

    loaded = settings(ctx)
    found = simulator_at(loaded)
    if found is None:
        raise _nobody(str(loaded.run_dir))
    return found.control


def _nobody(where: str) -> CommandError:
    return CommandError(
        "unreachable",
        f"在 {where} 找不到模拟运营商：先用 `hongyan serve` 启动平台，或用 --control 指明它的控制通道。",
        f"There is no simulated carrier at {where}: start the platform with `hongyan serve`, or name its channel with --control.",
    )


def serve(
    ctx: typer.Context,
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Where it listens for SMPP; 0 takes a free port.")] = 2775,
    host: Annotated[str, typer.Option(help="The address it listens on.")] = "127.0.0.1",
    control: Annotated[str, typer.Option(help="Its control channel: a socket path or a loopback port.", show_default=False)] = "",
    password: Annotated[str, typer.Option(help="What everybody who binds must give; empty takes any.", show_default=False)] = "",
    receipt_delay_s: Annotated[float, typer.Option(min=0, help="Seconds from a submit to its receipt.")] = 0.3,
    journal: Annotated[str, typer.Option(help="A file that gets a line for each submit.", show_default=False)] = "",
) -> None:
    """Run the simulated carrier alone: it outlives what is tested against it."""
    from hongyan.simulator.config import SimulatorConfig  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.simulator.server import serve as run  # noqa: PLC0415 - as above

    settings(ctx)
    out = terminal(ctx)
    config = SimulatorConfig(password=password, receipt_delay_s=receipt_delay_s, journal=journal)
    try:
        asyncio.run(run(config, host, port, control, lambda bound: out.show({"host": host, "port": bound, "control": control})))
    except OSError as fault:
        raise CommandError(
            "address",
            f"{host}:{port} 不能监听：{fault}。换一个 --port。",
            f"{host}:{port} cannot be listened on: {fault}. Choose another --port.",
        ) from fault
