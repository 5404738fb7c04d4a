"""hongyan serve, demo, migrate."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from hongyan.cli.session import settings, terminal


def migrate(ctx: typer.Context) -> None:
    """Bring the database's tables up to date."""
    from hongyan import wiring  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.kit.migrate import head  # noqa: PLC0415 - as above

    loaded = settings(ctx)

    async def run() -> str:
        async with wiring.database(loaded):
            return head()

    terminal(ctx).show({"version": asyncio.run(run())})


def demo(
    ctx: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", envvar="ONCE", help="End afterwards instead of staying up.")] = False,
    sdk_python: Annotated[Path, typer.Option(help="The Python that has the official SDK; `make demo` prepares it.")] = Path(
        ".venv-sdk/bin/python"
    ),
) -> None:
    """Start everything, send one message of each kind with the official SDK, show what became of them."""
    from hongyan.cli.demo import run  # noqa: PLC0415 - `--help` does not wait for it

    raise typer.Exit(asyncio.run(run(settings(ctx), terminal(ctx), once=once, sdk_python=sdk_python)))
