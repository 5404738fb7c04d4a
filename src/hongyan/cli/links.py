"""hongyan link, hongyan sender."""

import getpass
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hongyan.cli.options import AfterText, Most, OneApp, ScopeName
from hongyan.cli.output import CommandError, plain
from hongyan.cli.session import actor, terminal, with_control

if TYPE_CHECKING:
    from hongyan.model.snapshot import LinkConfig

LINK_COLUMNS = ("id", "name", "host", "port", "system_id", "bind", "window", "rate", "scopes", "carriers", "priority", "enabled")
SENDER_COLUMNS = ("number", "extension_digits", "link_id", "app_id", "created_at")
EXTENSION_COLUMNS = ("extension", "signature_id", "account_id", "app_id", "assigned_at", "released_at")
LISTS = ("scopes", "carriers")
FROM_INPUT = "-"

Name = Annotated[str, typer.Argument(metavar="NAME", help="The link's name.", show_default=False)]
Fields = Annotated[
    list[str],
    typer.Argument(
        metavar="FIELD=VALUE...",
        help="host, port, system_id, password (- reads it from standard input), bind (trx or tx+rx), system_type, service_type, "
        "sessions, window, rate (segments a second), sender_id, keepalive_s, response_s, default_alphabet (gsm7 or latin1), "
        "scopes (mainland,international), carriers (cmcc,cucc,ctcc,cbn), priority.",
        show_default=False,
    ),
]
Number = Annotated[str, typer.Argument(metavar="NUMBER", help="The sender number.", show_default=False)]


def add(ctx: typer.Context, name: Name, fields: Fields) -> None:
    """Add a link to a carrier (SMPP 3.4)."""
    from hongyan.model.snapshot import LinkConfig  # noqa: PLC0415 - `--help` does not wait for it

    given = {"password": ""} | _read(fields)
    missing = [field for field in ("host", "port", "system_id") if field not in given]
    if missing:
        raise CommandError("usage", f"新通道需要 {', '.join(missing)}。", f"A new link needs {', '.join(missing)}.")
    config = _convert({"id": 0, "name": name, "protocol": "smpp"} | given, LinkConfig)
    terminal(ctx).show(_shown(with_control(ctx, lambda control: control.links.add(actor(), config))))


def list_(ctx: typer.Context) -> None:
    """List the links."""
    found = with_control(ctx, lambda control: control.links.every(actor()))
    terminal(ctx).table([_shown(link) for link in found], LINK_COLUMNS)


def set_(ctx: typer.Context, name: Name, fields: Fields) -> None:
    """Change a link; what is not named stays."""
    given = _read(fields)
    terminal(ctx).show(_shown(with_control(ctx, lambda control: control.links.change(actor(), name, given))))


def enable(ctx: typer.Context, name: Name) -> None:
    """Let a link carry messages."""
    terminal(ctx).show(_shown(with_control(ctx, lambda control: control.links.change(actor(), name, {"enabled": True}))))


def disable(ctx: typer.Context, name: Name) -> None:
    """Keep a link from carrying messages."""
    terminal(ctx).show(_shown(with_control(ctx, lambda control: control.links.change(actor(), name, {"enabled": False}))))


def add_sender(
    ctx: typer.Context,
    number: Number,
    link: Annotated[str | None, typer.Option(help="Only on this link.", show_default=False)] = None,
    app: OneApp = None,
    digits: Annotated[
        int, typer.Option("--extension-digits", min=0, max=9, help="An access code: so many digits behind it are a signature's.")
    ] = 0,
) -> None:
    """Register a sender number or an access code that a carrier gave us."""
    terminal(ctx).show(with_control(ctx, lambda control: control.senders.add(actor(), number, link, app, extension_digits=digits)))


def list_senders(ctx: typer.Context, after: AfterText = "", most: Most = 500) -> None:
    """List the sender numbers."""
    terminal(ctx).table(with_control(ctx, lambda control: control.senders.every(actor(), after=after, most=most)), SENDER_COLUMNS)


def extend_sender(
    ctx: typer.Context,
    number: Number,
    digits: Annotated[int, typer.Option("--extension-digits", min=1, max=9, help="So many digits behind it are a signature's.")],
) -> None:
    """Make a sender number an access code."""
    terminal(ctx).show(with_control(ctx, lambda control: control.senders.extend(actor(), number, digits)))


def list_extensions(ctx: typer.Context, number: Number, after: AfterText = "", most: Most = 500) -> None:
    """List which signature has which digits behind an access code."""
    found = with_control(ctx, lambda control: control.senders.extensions(actor(), number, after=after, most=most))
    terminal(ctx).table(found, EXTENSION_COLUMNS)


def remove_sender(ctx: typer.Context, number: Number) -> None:
    """Remove a sender number that no application shows."""
    with_control(ctx, lambda control: control.senders.remove(actor(), number))
    terminal(ctx).show({"number": number, "removed": True})


def _shown(link: "LinkConfig") -> dict[str, Any]:
    fields: dict[str, Any] = plain(link)
    del fields["password"]
    return fields


def _read(fields: list[str]) -> dict[str, Any]:
    """FIELD=VALUE as a link's fields; how many there are and which exist is for the control plane to say."""
    import msgspec  # noqa: PLC0415 - `--help` does not wait for it

    from hongyan.model.snapshot import LinkConfig  # noqa: PLC0415 - as above

    types = {field.name: field.type for field in msgspec.structs.fields(LinkConfig)}
    given: dict[str, Any] = {}
    for text in fields:
        field, equals, value = text.partition("=")
        if not equals or field not in types:
            raise CommandError("usage", f"请写成 字段=值，没有 {field} 这个字段。", f"Write FIELD=VALUE; there is no field {field}.")
        parts: Any = [_part(field, part) for part in value.split(",") if part] if field in LISTS else value
        given[field] = _convert(_secret() if (field, value) == ("password", FROM_INPUT) else parts, types[field], field)
    return given


def _part(field: str, part: str) -> object:
    if field != "scopes":
        return part
    if part not in set(ScopeName):
        raise CommandError("usage", "scopes 只能是 mainland 和 international。", "scopes are mainland and international.")
    return ScopeName(part).scope


def _convert(value: object, kind: Any, field: str = "") -> Any:
    import msgspec  # noqa: PLC0415 - `--help` does not wait for it

    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError as fault:
        raise CommandError("usage", f"{field} 的值不对：{fault}", f"The value of {field} does not fit: {fault}") from fault


def _secret() -> str:
    return getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
