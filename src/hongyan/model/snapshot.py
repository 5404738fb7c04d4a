"""Control facts as the pipeline sees them: immutable, versioned, complete."""

import enum
import functools
import ipaddress
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from hongyan.model.actor import CLASSIC, Permission
from hongyan.model.alarm import AlarmKind
from hongyan.model.answering import USUAL, Answering
from hongyan.model.callback import CallbackSettings
from hongyan.model.limits import Limits, Window
from hongyan.model.message import Kind
from hongyan.model.money import ChargeRule, PackageKind
from hongyan.model.protection import Hours, Protection
from hongyan.model.senders import NO_SENDERS, SenderNumbers
from hongyan.model.tariff import Tariff
from hongyan.model.values import LENIENT, ValueRules
from hongyan.model.words import Words

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class Scope(enum.IntEnum):
    """Where a template, signature or package is good for."""

    MAINLAND = 0
    INTERNATIONAL = 1


class AccountKind(enum.IntEnum):
    INDIVIDUAL = 1
    ENTERPRISE = 2


class Account(msgspec.Struct, frozen=True):
    id: int
    name: str
    kind: AccountKind
    enabled: bool
    stops_at: float | None = None
    """From then on nothing is accepted, since a bill is unpaid; None when none is."""
    charge: ChargeRule = ChargeRule.SUBMIT


class ApiKey(msgspec.Struct, frozen=True):
    """A SecretId and its secret, decrypted: never log or print it."""

    secret_id: str
    secret_key: str
    account_id: int
    enabled: bool
    user_id: int | None = None
    """Whose it is; None: the account's."""
    allow: tuple[Network, ...] = ()
    """Networks it may be used from; empty means anywhere."""
    permissions: frozenset[Permission] = CLASSIC
    """What it may do: its scopes, as far as its user may."""

    def admits(self, address: str) -> bool:
        """Whether it may be used from this IP address; no address is in no network."""
        return not self.allow or _within(self.allow, address)


@functools.lru_cache(maxsize=4096)
def _within(networks: tuple[Network, ...], address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    plain = getattr(found, "ipv4_mapped", None) or found
    return any(plain in network for network in networks)


class App(msgspec.Struct, frozen=True):
    """An application (SdkAppID) as the pipeline needs it; `app_key` is decrypted: never log or print it."""

    id: int
    account_id: int
    name: str
    app_key: str
    enabled: bool
    limits: Limits
    unlimited_phones: frozenset[int]
    """Numbers on the frequency allow-list."""
    pull: bool
    """The pull API is switched on."""
    report_url: str
    reply_url: str
    context_in_reports: bool
    """SessionContext is handed back in reports and pulls."""
    sender_id: str
    """The number its messages show; empty means the link's own."""
    extend_allowed: bool
    protection: Protection | None = None
    """None when nothing is set."""
    marketing_hours: Hours | None = None
    """When marketing may be sent; None means at any time."""
    windows: tuple[Window, ...] = ()
    """Frequency limits beside those with a name."""
    marketing_deferred: bool = False
    """What is asked for outside the hours is accepted and sent when they begin."""
    stopped: bool = False
    """By the emergency stop: nothing is accepted, and what waits is taken back."""
    watched: frozenset[AlarmKind] = frozenset()
    """What its alarm contacts want to be told of."""
    answering: Answering = USUAL
    """What it does with replies."""
    networks: tuple[Network, ...] = ()
    """From where its AppKey may be used; empty means from anywhere."""

    def admits(self, address: str) -> bool:
        """Whether its AppKey may be used from this IP address; no address is in no network."""
        return not self.networks or _within(self.networks, address)


class Signature(msgspec.Struct, frozen=True):
    """An approved sender name."""

    id: int
    account_id: int
    app_id: int | None
    """Only for this application; None for all of the account's."""
    name: str
    scope: Scope
    also: frozenset[int] = frozenset()
    """More applications that have the same name approved for themselves."""
    usages: frozenset[Kind] = frozenset()
    """What programs written for Huawei Cloud may send with it where they name it; empty means anything."""

    def usable_by(self, app_id: int) -> bool:
        """Whether this application may send with it."""
        return self.app_id is None or self.app_id == app_id or app_id in self.also


class Template(msgspec.Struct, frozen=True):
    """An approved body with {1}..{n}."""

    id: int
    account_id: int
    app_id: int | None
    kind: Kind
    scope: Scope
    content: str
    params: int
    """How many values it takes."""
    values: ValueRules = LENIENT
    """What they may be."""
    signature_id: int | None = None
    """The one signature it is for; None for any."""
    universal: bool = False
    """Whoever sends it by a from number names the signature."""
    alias: str = ""
    """Another id, unique in its account."""
    square_brackets: bool = False
    """The signature stands in [] and not in 【】."""


class AppAccess(msgspec.Struct, frozen=True):
    """An application's key and secret in Huawei's API; `secret` is decrypted: never log or print it."""

    key: str
    secret: str
    app_id: int
    account_id: int


class FromNumber(msgspec.Struct, frozen=True):
    """What programs written for Huawei Cloud name as the sender. No handset ever sees it."""

    number: str
    account_id: int
    app_id: int
    signature_id: int | None
    """None: for messages abroad, without a signature."""
    sign_name: str = ""
    """The signature's, while messages may carry it."""
    kind: Kind | None = None
    """What may be sent from it; None: anything."""


class PackageRef(msgspec.Struct, frozen=True):
    """A prepaid package that may be drawn on; what is left in it only the database knows."""

    id: int
    app_id: int
    scope: Scope
    effective_at: float
    expires_at: float
    kind: PackageKind = PackageKind.GENERAL


class LinkConfig(msgspec.Struct, frozen=True):
    """One account's session(s) to a carrier; `password` is decrypted: never log or print it."""

    id: int
    name: str
    protocol: str
    """"smpp"."""
    host: str
    port: int
    system_id: str
    password: str
    bind: str = "trx"
    """"trx", or "tx+rx" for two sessions."""
    system_type: str = ""
    sessions: int = 1
    window: int = 100
    """Submits in flight per session."""
    rate: float = 0.0
    """Segments a second over all sessions; 0 means unpaced."""
    sender_id: str = ""
    keepalive_s: float = 30.0
    response_s: float = 60.0
    default_alphabet: str = "gsm7"
    """What data_coding 0 means there: "gsm7" or "latin1"."""
    service_type: str = ""
    scopes: tuple[Scope, ...] = (Scope.MAINLAND, Scope.INTERNATIONAL)
    carriers: tuple[str, ...] = ()
    """Home networks it serves; empty means all."""
    priority: int = 100
    """The smaller one is preferred."""
    enabled: bool = True


class Snapshot(msgspec.Struct, frozen=True):
    """Everything the pipeline may know about customers, in one value that never changes."""

    version: int
    accounts: dict[int, Account]
    keys: dict[str, ApiKey]
    apps: dict[int, App]
    signatures: dict[tuple[int, str, Scope], Signature]
    """By (account, name, scope): a name that was applied for once for each kind of message is one here."""
    templates: dict[int, Template]
    """By id; ids are unique over all accounts."""
    packages: dict[tuple[int, Scope], tuple[PackageRef, ...]]
    """By (application, scope), the one that expires first in front."""
    links: tuple[LinkConfig, ...]
    words: Words | None = None
    """What refuses a text or has it looked at; None when the list is empty."""
    sharing: frozenset[int] = frozenset()
    """Accounts with a blacklist of their own for all their applications; 0 among them when the operator has one."""
    tariffs: Mapping[int, Tariff] = {}
    """The prices of accounts that pay later, by account."""
    access: dict[str, AppAccess] = {}
    """By key."""
    senders: SenderNumbers = NO_SENDERS
    """Access codes, and whose the digits behind them are."""
    from_numbers: dict[str, FromNumber] = {}
    """By number."""
    signatures_by_id: dict[int, Signature] = {}
    """Each that was applied for."""
    aliases: dict[tuple[int, str], int] = {}
    """Templates by account and alias."""
    callbacks: dict[int, CallbackSettings] = {}
    """Of applications that have set something."""


EMPTY = Snapshot(version=0, accounts={}, keys={}, apps={}, signatures={}, templates={}, packages={}, links=())
