"""Structured logs in which no number is whole and no secret appears, whatever a caller passes."""

import logging
import re
import sys
from collections.abc import Collection, Mapping, MutableMapping
from typing import Any, TextIO

import msgspec
import structlog

DROPPED = frozenset({"secret", "password", "token", "authorization", "cookie", "text", "params", "content", "body", "key"})
"""A key with one of these among its words (secret_key, template_params) loses its value."""
NUMBERS = frozenset({"phone", "phones", "mobile", "msisdn", "destination"})
"""Values under these keys are numbers, however they are written."""
GONE = "(left out)"

# Mainland numbers with or without a country code, and whatever is written with a plus. Longer runs of digits are ids.
PHONE = re.compile(r"(?<!\d)(?:(?:\+|00)?86)?1[3-9]\d{9}(?!\d)|\+\d{8,15}(?!\d)")
DIGITS = re.compile(r"\d{7,}")
DEEPEST = 6

QUIET = ("alembic", "asyncio", "asyncpg", "httpx2", "httpcore2", "uvicorn.error")
"""Libraries whose everyday lines are nobody's concern; their warnings are."""


def masked(number: str) -> str:
    """A number as logs may show it: 138****0000, +86138****0000."""
    return f"{number[:-8]}****{number[-4:]}"


def scrub(value: object, numbers: re.Pattern[str] = PHONE, depth: int = 0) -> object:
    """The value with every number in it masked, down through dicts, lists and tuples; what lies deeper than that is left out."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return masked(str(value)) if numbers.fullmatch(str(value)) else value
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        return GONE if depth >= DEEPEST else _scrub_inside(value, numbers, depth + 1)
    return numbers.sub(lambda found: masked(found.group()), str(value))


def _scrub_inside(value: Mapping[object, object] | Collection[object], numbers: re.Pattern[str], depth: int) -> object:
    if isinstance(value, Mapping):
        return {str(name): _scrub_named(str(name), inner, numbers, depth) for name, inner in value.items()}
    return [scrub(inner, numbers, depth) for inner in value]


def _scrub_named(name: str, value: object, numbers: re.Pattern[str], depth: int) -> object:
    words = name.lower().replace("-", "_").split("_")
    if not DROPPED.isdisjoint(words):
        return GONE
    return scrub(value, numbers if NUMBERS.isdisjoint(words) else DIGITS, depth)


def scrubber(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """The structlog processor that stands last before the renderer."""
    return {name: _scrub_named(name, value, PHONE, 0) for name, value in event.items()}


def configure(*, level: str, style: str, process: str, stream: TextIO | None = None) -> None:
    """Send this process's log lines, and those of its libraries, to `stream` (standard error); `process` is on every line.

    `style` is json, console or auto (console on a terminal). Call it once, at the start of a process.
    """
    out = stream or sys.stderr
    console = style == "console" or (style == "auto" and out.isatty())
    least = logging.getLevelNamesMapping()[level.upper()]

    def name_process(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_process,
        structlog.processors.format_exc_info,
    ]
    renderer: Any = structlog.dev.ConsoleRenderer(colors=console and out.isatty()) if console else structlog.processors.JSONRenderer(_json)
    structlog.configure(
        processors=[*shared, scrubber, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        # One write a line: processes share the file.
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=True,
    )
    sink = logging.StreamHandler(out)
    sink.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, scrubber, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [sink]
    root.setLevel(least)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))


def _json(event: object, **_options: object) -> str:
    return msgspec.json.encode(event).decode()
