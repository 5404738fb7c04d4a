"""How a command reaches the platform."""

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar, cast

import typer

from hongyan.cli.output import Terminal

if TYPE_CHECKING:
    from hongyan.control.plane import ControlPlane
    from hongyan.model.actor import Actor
    from hongyan.settings import Settings

T = TypeVar("T")


def terminal(ctx: typer.Context) -> Terminal:
    """Where this command prints."""
    return cast("Terminal", ctx.obj)


def settings(ctx: typer.Context) -> "Settings":
    """The settings; from here on hongyan.toml may choose the language, and only warnings are logged."""
    from hongyan.kit import log  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.settings import load  # noqa: PLC0415 - as above

    loaded = load(terminal(ctx).environ)
    log.configure(level="warning", style="auto", process="cli")
    if "lang" in loaded.model_fields_set:
        terminal(ctx).lang = loaded.lang.value
    return loaded


def actor() -> "Actor":
    """Whoever runs this command, as the machine knows them: what they change is noted under that name."""
    from hongyan.model import actor as actors  # noqa: PLC0415 - as above

    number = os.getuid()
    try:
        login = pwd.getpwuid(number).pw_name
    except KeyError:
        login = f"uid {number}"
    return actors.command(login)


def with_control(ctx: typer.Context, work: Callable[["ControlPlane"], Awaitable[T]]) -> T:
    """Do the work on the control plane; the embedded database is started or joined, and its tables are up to date."""
    from hongyan import wiring  # noqa: PLC0415 - as above

    loaded = settings(ctx)

    async def run() -> T:
        async with wiring.control_plane(loaded) as control:
            return await work(control)

    return asyncio.run(run())


def endpoint(ctx: typer.Context) -> str:
    """Where the platform of these settings takes calls: what a running one says, else what is set."""
    from hongyan.cli.instance import running  # noqa: PLC0415 - as above

    loaded = settings(ctx)
    found = running(loaded)
    return f"http://{found.http if found is not None else loaded.http}"
