"""hongyan serve: the whole platform in one command."""

import asyncio
from typing import Annotated

import typer

from hongyan.cli.output import CommandError


def serve(
    role: Annotated[
        list[str] | None, typer.Option("--role", help="Only this role: api, dispatch, callbacks, jobs or console.", show_default=False)
    ] = None,
    http: Annotated[str | None, typer.Option("--http", help="Where HTTP is served, HOST:PORT.", show_default=False)] = None,
) -> None:
    """Run the platform until it is stopped."""
    from hongyan.cli.instance import ROLES, supervise  # noqa: PLC0415 - `--help` does not wait for it
    from hongyan.kit import log  # noqa: PLC0415 - as above
    from hongyan.settings import load  # noqa: PLC0415 - as above

    roles = frozenset(role or ROLES)
    if not roles <= ROLES:
        unknown = ", ".join(sorted(roles - ROLES))
        raise CommandError("usage", f"没有这样的角色：{unknown}", f"There is no such role: {unknown}")
    settings = load(http=http)
    log.configure(level=settings.log_level, style=settings.log_format, process="serve")
    asyncio.run(supervise(settings, roles))
