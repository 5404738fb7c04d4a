"""Links: our accounts at carriers."""

import re
from collections.abc import Callable, Mapping

import msgspec

from hongyan.control import rules, tokens
from hongyan.control.audit import Audit, Detail
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand
from hongyan.kit.db import Connection, Database, UniqueViolation
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import Actor, Permission
from hongyan.model.snapshot import LinkConfig
from hongyan.store import links
from hongyan.store.links import SealedLink
from hongyan.store.snapshots import publish

PROTOCOLS = frozenset({"smpp"})
BINDS = frozenset({"trx", "tx+rx"})
ALPHABETS = frozenset({"gsm7", "latin1"})
CARRIERS = frozenset({"cmcc", "cucc", "ctcc", "cbn"})

_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_ASCII = re.compile(r"[\x20-\x7e]{0,63}")

RANGES: dict[str, tuple[int, int]] = {
    "port": (1, 65_535),
    "sessions": (1, 64),
    "window": (1, 10_000),
    "rate": (0, 1_000_000),
    "keepalive_s": (1, 3_600),
    "response_s": (1, 3_600),
    "priority": (0, 1_000_000),
}

Rule = tuple[Callable[[LinkConfig], bool], str, str]

SMPP_LONGEST = {"system_id": 15, "password": 8, "system_type": 12, "service_type": 5}
"""Characters, without the NUL that ends them (SMPP 3.4 sections 4.1 and 4.4)."""


def _fits_smpp(config: LinkConfig) -> bool:
    return all(len(getattr(config, field)) <= most for field, most in SMPP_LONGEST.items())


RULES: tuple[Rule, ...] = (
    (lambda c: c.protocol in PROTOCOLS, "协议目前只有 smpp。", "The only protocol for now is smpp."),
    (lambda c: _HOST.fullmatch(c.host) is not None, "主机需为域名或 IP 地址。", "The host is a name or an IP address."),
    (
        lambda c: all(_ASCII.fullmatch(text) for text in (c.system_id, c.password, c.system_type, c.service_type)),
        "账号、密码、system_type 和 service_type 最多 63 个 ASCII 字符。",
        "system_id, password, system_type and service_type have at most 63 ASCII characters.",
    ),
    (
        _fits_smpp,
        "SMPP 允许的长度：账号 15、密码 8、system_type 12、service_type 5 个字符。",
        "SMPP takes 15 characters of system_id, 8 of password, 12 of system_type and 5 of service_type.",
    ),
    (lambda c: c.bind in BINDS, "绑定方式是 trx 或 tx+rx。", "bind is trx or tx+rx."),
    (lambda c: c.default_alphabet in ALPHABETS, "默认字符集是 gsm7 或 latin1。", "default_alphabet is gsm7 or latin1."),
    (lambda c: set(c.carriers) <= CARRIERS, "运营商只能是 cmcc、cucc、ctcc、cbn。", "carriers are among cmcc, cucc, ctcc and cbn."),
    (lambda c: bool(c.scopes), "至少服务一个范围：mainland 或 international。", "A link serves mainland, international or both."),
)
"""What a link must satisfy beside `RANGES`, with the refusal in both languages."""


def checked(config: LinkConfig) -> LinkConfig:
    """The link with its name and sender in order; the first rule it breaks is refused."""
    config = msgspec.structs.replace(config, name=rules.name(config.name), sender_id=config.sender_id and rules.sender(config.sender_id))
    for field, (least, most) in RANGES.items():
        if not least <= getattr(config, field) <= most:
            raise ControlError(Fault.INVALID, f"通道的 {field} 需为 {least} 到 {most}。", f"{field} of a link is {least} to {most}.")
    for satisfied, zh, en in RULES:
        if not satisfied(config):
            raise ControlError(Fault.INVALID, zh, en)
    return config


class Links:
    """The operator's alone, known by name. Passwords go in and never come out: `LinkConfig.password` is empty in all that is returned."""

    def __init__(self, db: Database, audit: Audit, box: SecretBox, clock: Callable[[], float]) -> None:
        self._db = db
        self._audit = audit
        self._box = box
        self._clock = clock

    async def add(self, actor: Actor, config: LinkConfig) -> LinkConfig:
        """A new link; `config.id` is not looked at."""
        demand(actor, Permission.OPERATE)
        wanted = checked(config)
        now = self._clock()
        try:
            async with self._db.transaction() as tx:
                link_id = await links.add(tx, wanted, self._sealed(wanted), now)
                await self._audit.record(tx, actor, "link.add", wanted.name, detail=_told(wanted))
                await publish(tx, f"link {link_id} added", now)
        except UniqueViolation as fault:
            raise ControlError(
                Fault.TAKEN,
                f"已有名为“{wanted.name}”的通道：换个名称，或用 `hongyan link set` 修改它。",
                f"There is a link named “{wanted.name}” already: choose another name, or change that one with `hongyan link set`.",
            ) from fault
        return msgspec.structs.replace(wanted, id=link_id, password="")

    async def every(self, actor: Actor) -> list[LinkConfig]:
        """The preferred one in front."""
        demand(actor, Permission.OPERATE)
        async with self._db.connection() as conn:
            return [link.config for link in await links.every(conn)]

    async def change(self, actor: Actor, name: str, changes: Mapping[str, object]) -> LinkConfig:
        """Set fields of `LinkConfig` by name, all except `id` and `name`; a password that is not among them stays."""
        demand(actor, Permission.OPERATE)
        if unknown := changes.keys() - (set(LinkConfig.__struct_fields__) - {"id", "name"}):
            raise ControlError(
                Fault.INVALID, f"通道没有可改的 {', '.join(sorted(unknown))}。", f"A link has no {', '.join(sorted(unknown))} to change."
            )
        now = self._clock()
        async with self._db.transaction() as tx:
            link = await links.named(tx, name)
            if link is None:
                raise not_found(Noun.LINK, name)
            return await self._become(tx, actor, link, changes, now)

    async def ensure(self, actor: Actor, config: LinkConfig) -> LinkConfig:
        """Add the link, or make the one of that name be like it. Nothing is published when it is so already."""
        demand(actor, Permission.OPERATE)
        wanted = checked(config)
        changes = {field: value for field, value in msgspec.structs.asdict(wanted).items() if field not in {"id", "name"}}
        while True:
            async with self._db.transaction() as tx:
                link = await links.named(tx, wanted.name)
                if link is not None:
                    return await self._become(tx, actor, link, changes, self._clock())
            try:
                return await self.add(actor, wanted)
            except ControlError as fault:
                # Someone else added it in between: it is there to be changed now.
                if fault.code is not Fault.TAKEN:
                    raise

    async def _become(self, tx: Connection, actor: Actor, link: SealedLink, changes: Mapping[str, object], now: float) -> LinkConfig:
        password = self._box.open(link.password_sealed, tokens.link_context(link.config.name))
        current = msgspec.structs.replace(link.config, password=password)
        wanted = checked(_with(current, changes))
        if wanted != current:
            sealed = link.password_sealed if wanted.password == password else self._sealed(wanted)
            await links.change(tx, wanted, sealed)
            await self._audit.record(tx, actor, "link.change", wanted.name, detail=_told(wanted, current))
            await publish(tx, f"link {wanted.id} changed", now)
        return msgspec.structs.replace(wanted, password="")

    def _sealed(self, config: LinkConfig) -> bytes:
        return self._box.seal(config.password, tokens.link_context(config.name))


def _told(config: LinkConfig, before: LinkConfig | None = None) -> Detail:
    """What the audit log says of a link: its fields, of a change those that differ; of the password only that it changed."""
    fields = msgspec.structs.asdict(config)
    if before is not None:
        fields = {name: value for name, value in fields.items() if value != getattr(before, name)}
    secret = {"password": "new"} if "password" in fields and before is not None else {}
    return {name: str(value) for name, value in fields.items() if name not in {"id", "name", "password"}} | secret


def _with(config: LinkConfig, changes: Mapping[str, object]) -> LinkConfig:
    try:
        return msgspec.convert(msgspec.structs.asdict(config) | dict(changes), LinkConfig)
    except msgspec.ValidationError as fault:
        raise ControlError(Fault.INVALID, f"通道的值不对：{fault}", f"A value does not fit a link: {fault}") from fault
