"""Every setting of Hongyan, read once when a process starts and frozen.

A setting is an environment variable (`HONGYAN_` and its name in capitals) or a line of hongyan.toml; the environment wins. An unknown name
stops the start: a misspelt setting would otherwise be ignored in silence.
"""

import base64
import binascii
import difflib
import ipaddress
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

PREFIX = "HONGYAN_"
FILE = "hongyan.toml"
CONFIG = "CONFIG"
"""HONGYAN_CONFIG names the file itself, so it is no setting in it."""
ASIDE = frozenset({CONFIG, "FAULTS"})
"""Names that are none of the settings: the file itself, and fault points (kit.faults), which are for tests and cannot stay in a file."""

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class SettingsError(Exception):
    """The settings cannot be used; the text names each one that is wrong."""


class Lang(StrEnum):
    """The language of what people read on the command line and in the console before they choose."""

    ZH = "zh"
    EN = "en"


class Rules(StrEnum):
    """Which rules for signatures, templates and values are in force."""

    SEEDS = "seeds"
    CURRENT = "current"
    GUIDE2016 = "guide2016"


class SecondFactor(StrEnum):
    """Who has to have a second factor."""

    OPTIONAL = "optional"
    OPERATORS = "operators"
    EVERYONE = "everyone"


class LogLevel(StrEnum):
    """The least important log line that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How log lines look; auto is console on a terminal and json elsewhere."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


def default_data_dir() -> Path:
    """Where state is kept when nothing is said: root's under /var/lib, everybody else's where the platform keeps data."""
    if os.geteuid() == 0:
        return Path("/var/lib/hongyan")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "hongyan"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "hongyan"


def address(text: str) -> tuple[str, int]:
    """HOST:PORT as a pair; IPv6 hosts stand in brackets. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 - the largest port
        raise ValueError(f"{text!r} is not HOST:PORT")
    return (host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port))  # noqa: S104 - ":8080" says every address


def _is_address(text: str) -> str:
    address(text)
    return text


def _is_smtp(text: str) -> str:
    """No part of the address is repeated in a complaint: it holds a password."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("it cannot be read as an address") from None
    if text and (parts.scheme not in {"smtp", "smtps"} or not host or parts.path.strip("/") or parts.query):
        raise ValueError("it is written smtp://user:password@host:587 or smtps://user:password@host:465")
    return text


def _is_http(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise ValueError("it must begin with https:// (or http://)")
    return text


def _is_simulator(text: str) -> str:
    return text if text in {"embedded", "off"} else _is_address(text)


WRITABLE = frozenset({"primary", "read-write"})
"""What a session may be wanted for: everything else of libpq's `target_session_attrs` allows a standby."""


def _is_postgresql(text: str) -> str:
    """No part of the address is repeated in a complaint: it holds a password."""
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("it must begin with postgresql://")
    try:
        parts = urlsplit(text)
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError("it cannot be read as an address") from None
    servers = parts.netloc.partition("@")[2] if "@" in parts.netloc else parts.netloc
    if "@" in servers:
        raise ValueError("an @ in the password is written %40")
    if servers and not all(map(_SERVER.fullmatch, servers.split(","))):
        raise ValueError("after the @ come one or more HOST:PORT, separated by commas")
    wanted = query.get("target_session_attrs", ["primary"])[-1]
    if wanted not in WRITABLE:
        raise ValueError("target_session_attrs can only be primary or read-write: everything is written")
    return text


_SERVER = re.compile(r"(\[[0-9a-fA-F:.%]+\]|[^\[\]:,]+)(:\d{1,5})?")


def _is_place(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme == "s3" and not parts.netloc:
        raise ValueError("after s3:// comes the bucket's name")
    if "://" in text and parts.scheme != "s3":
        raise ValueError("it is a directory or s3://bucket/prefix")
    return text


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _is_webhook_secret(text: str) -> str:
    """No part of it is repeated in a complaint."""
    try:
        usable = text.startswith("whsec_") and len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) in range(24, 65)
    except binascii.Error:
        usable = False
    if not usable:
        raise ValueError("each is whsec_ and 24 to 64 octets in base64")
    return text


Address: TypeAlias = Annotated[str, AfterValidator(_is_address)]
Networks: TypeAlias = Annotated[tuple[Network, ...], BeforeValidator(_split)]


class Settings(BaseModel):
    """Everything that can be set. `load` makes one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Field(
        default_factory=default_data_dir, description="Directory of all local state: embedded database, keys, run files."
    )
    database_url: Annotated[str, AfterValidator(_is_postgresql)] | None = Field(
        default=None,
        repr=False,
        description="PostgreSQL 15 or newer, `postgresql://user:password@host/database`; of several hosts, "
        "`postgresql://user:password@h1:5432,h2:5432/database`, the one that is the primary is used. "
        "Unset: an embedded PostgreSQL in the data directory.",
    )
    database_connections: int = Field(default=4, ge=2, le=64, description="Connections of each process to the database.")
    http: Address = Field(default="127.0.0.1:8080", description="Where HTTP is served, HOST:PORT. Port 0 takes a free one.")
    trusted_proxies: Networks = Field(
        default=(), description="Networks of reverse proxies whose X-Forwarded-For header is believed, separated by commas."
    )
    max_body: int = Field(default=10 * 1024 * 1024, ge=1024, description="Largest request body in bytes.")
    processes: int = Field(
        default=0, ge=0, le=64, description="Serving processes without the simulator; 0 chooses by the number of processor cores."
    )
    simulator: Annotated[str, AfterValidator(_is_simulator)] = Field(
        default="embedded",
        description="The simulated carrier: `embedded` runs one beside the platform, `off` none, HOST:PORT uses one that runs elsewhere.",
    )
    simulator_receipt_delay_s: float = Field(
        default=0.3, ge=0, le=3600, description="Seconds from a submit to its delivery report in the embedded simulator."
    )
    simulator_journal: str = Field(
        default="", description="File to which the embedded simulator writes a line for each submit; empty for none."
    )
    request_rates: float = Field(
        default=1.0,
        ge=0,
        le=1000,
        description="Multiplies how many requests a second an account may make of each action, over all nodes; 0 for no limits.",
    )
    wsse_window_s: float = Field(
        default=86_400.0,
        ge=60,
        le=172_800,
        description="How far Created of Huawei's X-WSSE may be from now, seconds; programs are known to write local time as UTC.",
    )
    wsse_once: bool = Field(
        default=False,
        description="Let a Nonce of Huawei's X-WSSE be used for one request alone. Costs a write to the database for each request.",
    )
    master_key: str = Field(
        default="",
        repr=False,
        description="Key under which secrets are stored, 32 bytes in base64. Unset: `master.key` in the data directory.",
    )
    documents: Annotated[str, AfterValidator(_is_place)] = Field(
        default="",
        description="Where documents that customers hand in are kept: a directory, or `s3://bucket/prefix`. Several machines need a bucket "
        "or a shared directory. Unset: `documents` in the data directory.",
    )
    pdf_font: Path | None = Field(
        default=None,
        description="TrueType font (.ttf) for Chinese in summaries of bills, embedded as far as it is used. Unset: readers use their own.",
    )
    s3_endpoint: str = Field(default="", description="Address of the S3-compatible service of that bucket; empty for Amazon's.")
    s3_region: str = Field(default="us-east-1", description="Region of that bucket.")
    s3_key_id: str = Field(default="", description="Access key of that bucket; empty takes the machine's own role or environment.")
    s3_secret: str = Field(default="", repr=False, description="Secret of that access key.")
    callback_allow: Networks = Field(
        default=(),
        description="Private networks to which callbacks may go, separated by commas (for example `10.1.0.0/16,127.0.0.1/32`). "
        "Public addresses are always allowed, private ones never without this.",
    )
    callback_timeout_s: float = Field(default=5, gt=0, le=60, description="Seconds a customer's callback server has to answer.")
    callbacks_at_once: int = Field(
        default=64,
        ge=1,
        le=1000,
        description="Addresses of callbacks that are posted to at the same time in each process, each with at most four requests.",
    )
    smtp: Annotated[str, AfterValidator(_is_smtp)] = Field(
        default="",
        repr=False,
        description="Mail server for alarms, `smtp://user:password@host:587` (TLS when it is offered, always with a password) or "
        "`smtps://host:465`. Empty: no mail is sent.",
    )
    mail_from: str = Field(default="hongyan@localhost", description="Address from which mail is sent.")
    alarm_signature: str = Field(default="鸿雁", description="Signature of alarms by message, as carriers have it on file.")
    alarm_quiet_s: float = Field(
        default=300, ge=1, le=86_400, description="After an alarm of a kind, further ones are gathered for so many seconds and told as one."
    )
    payment_secrets: Annotated[tuple[Annotated[str, AfterValidator(_is_webhook_secret)], ...], BeforeValidator(_split)] = Field(
        default=(),
        repr=False,
        description="Secrets with which a payment provider signs its web hooks (`whsec_...`, standardwebhooks.com), separated by commas "
        "while one takes another's place. Empty: payments are confirmed by the operator alone.",
    )
    accept_group_max: int = Field(
        default=500, ge=1, le=5000, description="Most messages that share one transaction when they are accepted."
    )
    max_backlog: int = Field(
        default=20_000, ge=200, description="Messages that may wait in one process to be accepted; further requests are told to slow down."
    )
    queue_max: int = Field(
        default=5_000_000,
        ge=100,
        description="Messages that may wait in the database for carriers. From 80 % of it marketing is told to slow down, from 90 % "
        "notices too, from 100 % codes as well.",
    )
    dispatch_capacity: int = Field(default=20_000, ge=100, description="Messages a dispatching process holds in memory at a time.")
    console_url: Annotated[str, AfterValidator(_is_http)] = Field(
        default="",
        description="Where people reach the console, `https://sms.example.com`: for links in letters. Unset: letters hold tickets.",
    )
    session_idle_s: float = Field(default=1800, ge=60, le=86_400, description="Seconds without use after which a person is signed out.")
    session_longest_s: float = Field(default=43_200, ge=300, le=30 * 86_400, description="Seconds after which a person signs in anew.")
    second_factor: SecondFactor = Field(
        default=SecondFactor.OPTIONAL,
        description="Who may do nothing before having set up a second factor: `optional` (nobody), `operators` or `everyone`.",
    )
    rules: Rules = Field(
        default=Rules.SEEDS,
        description="Rules for signatures, templates and values: seeds, current (stricter, as the clouds have them today) or guide2016 "
        "(as seeds, signatures of 2 to 8 characters).",
    )
    lang: Lang = Field(default=Lang.ZH, description="Language of the command line and of sign-in pages: zh or en.")
    log_level: LogLevel = Field(default=LogLevel.INFO, description="Least important log line written: debug, info, warning or error.")
    log_format: LogFormat = Field(default=LogFormat.AUTO, description="json, console, or auto: console on a terminal and json elsewhere.")
    shutdown_s: float = Field(default=10, ge=1, le=300, description="Seconds within which everything has ended after SIGTERM.")

    @property
    def http_address(self) -> tuple[str, int]:
        return address(self.http)

    @property
    def bucket(self) -> dict[str, str]:
        """How the bucket of documents is reached."""
        return {"endpoint": self.s3_endpoint, "region": self.s3_region, "key_id": self.s3_key_id, "secret": self.s3_secret}

    @property
    def run_dir(self) -> Path:
        """Where running processes leave what others need to find them: process ids, sockets, metrics."""
        return self.data_dir / "run"

    @property
    def office_socket(self) -> Path:
        """Where the process with the role `console` answers for others of this machine."""
        return self.run_dir / "office.sock"


def load(environ: Mapping[str, str] | None = None, directory: Path | None = None, **given: object) -> Settings:
    """The settings from `given` (options of a command), the environment and hongyan.toml, in this order. Raises SettingsError.

    The file is the one that HONGYAN_CONFIG names, or hongyan.toml in `directory` (the current one).
    """
    environ = os.environ if environ is None else environ
    named = {name.removeprefix(PREFIX).lower(): value for name, value in environ.items() if name.startswith(PREFIX) and value}
    aside = {name: named.pop(name.lower(), None) for name in ASIDE}
    config = aside[CONFIG]
    path = Path(config) if config else (directory or Path.cwd()) / FILE
    if config and not path.is_file():
        raise SettingsError(f"{PREFIX}{CONFIG} names {path}, which is not there")
    from_file = _read(path) if path.is_file() else {}
    wrong = [
        *(_unknown(name, PREFIX + name.upper(), PREFIX) for name in named),
        *(_unknown(name, f"{name} in {path}", "") for name in from_file),
    ]
    if any(wrong):
        raise SettingsError("\n".join(filter(None, wrong)))
    try:
        return Settings.model_validate({**from_file, **named, **{name: value for name, value in given.items() if value is not None}})
    except ValidationError as fault:
        # The values are left out: one may be a password that went into the wrong place.
        lines = [f"{PREFIX}{str(error['loc'][0]).upper()}: {error['msg'].removeprefix('Value error, ')}" for error in fault.errors()]
        raise SettingsError("\n".join(lines)) from None


def reference() -> str:
    """The page of the documentation that lists every setting, in Markdown."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_default_text(field.get_default(call_default_factory=False))} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            f"Environment variables, or lines of `{FILE}` (the name in small letters without `{PREFIX}`) in the current directory or where",
            f"`{PREFIX}{CONFIG}` points. The environment wins. An unknown name stops the start. This page is generated from `settings.py`.",
            "",
            "| setting | default | meaning |",
            "| --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _default_text(value: object) -> str:
    match value:
        case None | "" | ():
            return "-"
        case StrEnum():
            return f"`{value.value}`"
        case _ if isinstance(value, (str, int, float)):
            return f"`{value}`"
        case _:
            return "by the platform"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as fault:
        raise SettingsError(f"{path} cannot be read: {fault}") from None


def _unknown(name: str, shown: str, prefix: str) -> str | None:
    if name in Settings.model_fields:
        return None
    near = difflib.get_close_matches(name, Settings.model_fields, n=1)
    hint = f"; did you mean {prefix + (near[0].upper() if prefix else near[0])}?" if near else ""
    return f"There is no setting {shown}{hint}"
