"""Applications: SdkAppID and AppKey, frequency limits, callbacks, allow-list."""

from collections.abc import Callable, Sequence

import msgspec

from hongyan.control import access, rules, tokens
from hongyan.control.access import AccessPair
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, own_app, within
from hongyan.kit.db import Connection, Database, UniqueViolation
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import Actor, Permission
from hongyan.model.limits import Limits, Preset, Window, described
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.store import accounts, apps, protections, senders
from hongyan.store.apps import AppRow
from hongyan.store.snapshots import publish

CheckUrl = Callable[[str], str | None]
"""Why a callback address must not be called (it leads inside our own network), or None."""
PAGE_MOST = 500
MOST = 1_000
"""Applications of an account."""
PROJECT_MOST = 128
DEFAULT = Preset(Limits())
HUAWEI = "huawei"
"""The preset of applications that are made for Huawei's API."""


class NewApp(msgspec.Struct, frozen=True):
    app: AppRow
    app_key: str
    access: AccessPair | None = None
    """Of Huawei's API, when it was asked for."""


class AppChange(msgspec.Struct, frozen=True):
    """What to change of an application; what is left out stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET
    pull: bool | msgspec.UnsetType = msgspec.UNSET
    report_url: str | msgspec.UnsetType = msgspec.UNSET
    reply_url: str | msgspec.UnsetType = msgspec.UNSET
    context_in_reports: bool | msgspec.UnsetType = msgspec.UNSET
    sender_id: str | msgspec.UnsetType = msgspec.UNSET
    extend_allowed: bool | msgspec.UnsetType = msgspec.UNSET
    networks: Sequence[str] | msgspec.UnsetType = msgspec.UNSET
    """From where its AppKey may be used; empty means from anywhere."""
    scope: Scope | msgspec.UnsetType | None = msgspec.UNSET
    """What it is for, where that is said; it can send anywhere all the same."""
    project_id: str | msgspec.UnsetType = msgspec.UNSET
    """What it is booked under, with its name; nothing here depends on it."""
    project_name: str | msgspec.UnsetType = msgspec.UNSET
    preset: str | msgspec.UnsetType = msgspec.UNSET
    """A vendor's limits in place of all there were, by the names of `model.limits.PRESETS`; the other fields count on top of it."""
    limits: dict[str, int] = {}
    """By the names of `Limits`."""
    windows: Sequence[Window] | msgspec.UnsetType = msgspec.UNSET
    """All limits that have no name."""


NOTHING = AppChange()


class Apps:
    """Applications and the numbers exempt from their limits."""

    def __init__(
        self,
        db: Database,
        audit: Audit,
        *,
        box: SecretBox,
        clock: Callable[[], float],
        entropy: tokens.Entropy,
        check_url: CheckUrl,
        limits: Limits,
    ) -> None:
        """`limits` are those of a new application."""
        self._db = db
        self._audit = audit
        self._box = box
        self._clock = clock
        self._entropy = entropy
        self._check_url = check_url
        self._limits = limits

    async def create(self, actor: Actor, account_id: int, name: str, first: AppChange = NOTHING, *, with_access: bool = False) -> NewApp:
        """With the default limits, no callback address and pull switched off, but for what `first` says (limits as a preset).

        `with_access` gives it a key and secret of Huawei's API, and that vendor's limits unless others are named.
        """
        demand(actor, Permission.APPS, account_id)
        if with_access:
            demand(actor, Permission.KEYS, account_id)
        plain = rules.name(name)
        fields = self._checked(first)
        preset = first.preset or (HUAWEI if with_access else "")
        chosen = rules.preset(preset) if preset else Preset(self._limits)
        now = self._clock()
        try:
            async with self._db.transaction() as tx:
                if await accounts.lock(tx, account_id) is None:
                    raise not_found(Noun.ACCOUNT, account_id)
                if await apps.count(tx, account_id) >= MOST:
                    raise _too_many()
                made = await issue(tx, self._box, self._entropy, account_id=account_id, name=plain, pull=False, now=now, preset=chosen)
                await _keep_hours(tx, made.app.id, chosen, now)
                if fields:
                    changed = _found(await apps.change(tx, made.app.id, fields, {}), made.app.id)
                    made = msgspec.structs.replace(made, app=changed)
                detail = {"name": plain} | ({"preset": preset} if preset else {})
                await self._audit.record(tx, actor, "app.create", made.app.id, account_id=account_id, detail=detail)
                if with_access:
                    made = msgspec.structs.replace(made, access=await self._give_access(tx, actor, made.app, now))
                await publish(tx, f"app {made.app.id} created", now)
        except UniqueViolation as fault:
            raise _taken(plain) from fault
        return made

    async def _give_access(self, tx: Connection, actor: Actor, app: AppRow, now: float) -> AccessPair:
        pair = AccessPair(app.id, tokens.access_key(self._entropy), tokens.access_secret(self._entropy))
        await access.put(tx, self._box, app.account_id, pair, now)
        await self._audit.record(tx, actor, "access.issue", app.id, account_id=app.account_id, detail={"key": pair.access_key})
        return pair

    async def count(self, actor: Actor, account_id: int) -> int:
        """How many applications the account has, of at most `MOST`."""
        demand(actor, Permission.READ, account_id)
        async with self._db.connection() as conn:
            return await apps.count(conn, account_id)

    async def every(self, actor: Actor, account_id: int | None = None, *, after_id: int = 0, most: int = PAGE_MOST) -> list[AppRow]:
        """An account's applications, or for the operator all; in the order of their ids, at most 500."""
        demand(actor, Permission.READ)
        only = within(actor, account_id)
        async with self._db.connection() as conn:
            return await apps.page(conn, account_id=only, after_id=after_id, most=max(1, min(most, PAGE_MOST)))

    async def get(self, actor: Actor, app_id: int) -> AppRow:
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            return await own_app(conn, actor, app_id)

    async def app_key(self, actor: Actor, app_id: int) -> str:
        """The AppKey in clear: for the owner's eyes only."""
        demand(actor, Permission.KEYS)
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id)
            sealed = await apps.sealed(tx, app_id)
            await self._audit.record(tx, actor, "app.show_key", app_id, account_id=app.account_id)
        return self._box.open(sealed[0].app_key_sealed, tokens.app_context(app_id))

    async def change(self, actor: Actor, app_id: int, change: AppChange) -> AppRow:
        """All of it or, when one value is refused, nothing. A preset may switch the hours of marketing on; none switches them off."""
        demand(actor, Permission.APPS)
        fields = self._checked(change)
        limits = _limits(change)
        if not fields and limits == NO_LIMITS:
            return await self.get(actor, app_id)
        now = self._clock()
        try:
            async with self._db.transaction() as tx:
                before = await own_app(tx, actor, app_id, lock=True)
                if limits != NO_LIMITS:
                    await _may_set_limits(tx, actor, before)
                if fields.get("sender_id"):
                    await _may_show(tx, app_id, str(fields["sender_id"]))
                app = _found(await apps.change(tx, app_id, fields, limits.named, limits.windows), app_id)
                if change.preset is not msgspec.UNSET:
                    await _keep_hours(tx, app_id, rules.preset(change.preset), now)
                changed = fields | limits.named | limits.told
                detail = {name: value if isinstance(value, str | int) else _listed(value) for name, value in changed.items()}
                await self._audit.record(tx, actor, "app.change", app_id, account_id=app.account_id, detail=detail)
                await publish(tx, f"app {app_id} changed", now)
        except UniqueViolation as fault:
            raise _taken(str(fields["name"])) from fault
        return app

    def _checked(self, change: AppChange) -> dict[str, object]:
        fields = {
            field: value for field, value in msgspec.structs.asdict(change).items() if field not in OF_LIMITS and value is not msgspec.UNSET
        }
        if "name" in fields:
            fields["name"] = rules.name(fields["name"])
        if fields.get("sender_id"):
            fields["sender_id"] = rules.sender(fields["sender_id"])
        if "networks" in fields:
            fields["networks"] = rules.networks(fields["networks"])
        for which in ("project_id", "project_name"):
            if which in fields:
                fields[which] = _label(fields[which])
        if "scope" in fields:
            fields["scope"] = None if fields["scope"] is None else int(fields["scope"])
        for which in ("report_url", "reply_url"):
            if which in fields:
                fields[which] = callable_url(fields[which], self._check_url)
        return fields

    async def allow(self, actor: Actor, app_id: int, written: list[str]) -> list[int]:
        """Exempt numbers from the frequency limits; the whole allow-list afterwards, at most 300."""
        demand(actor, Permission.APPS)
        phones = rules.phones(written)
        now = self._clock()
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id, lock=True)
            added = await apps.allow(tx, app_id, phones)
            listed = await apps.allowed(tx, app_id)
            if len(listed) > rules.ALLOWLIST_MOST:
                raise ControlError(
                    Fault.TOO_MANY,
                    f"每个应用的频率白名单最多 {rules.ALLOWLIST_MOST} 个号码，加上这些会有 {len(listed)} 个：请先移除一些。",
                    f"An allow-list has at most {rules.ALLOWLIST_MOST} numbers; with these it would have {len(listed)}: remove some first.",
                )
            await self._audit.record(tx, actor, "app.allow", app_id, account_id=app.account_id, detail={"numbers": added})
            await publish(tx, f"allow-list of app {app_id} changed", now)
        return listed

    async def disallow(self, actor: Actor, app_id: int, written: list[str]) -> list[int]:
        """Take numbers off the allow-list; the rest of it."""
        demand(actor, Permission.APPS)
        phones = rules.phones(written)
        now = self._clock()
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id, lock=True)
            removed = await apps.disallow(tx, app_id, phones)
            listed = await apps.allowed(tx, app_id)
            await self._audit.record(tx, actor, "app.disallow", app_id, account_id=app.account_id, detail={"numbers": removed})
            await publish(tx, f"allow-list of app {app_id} changed", now)
        return listed

    async def allowed(self, actor: Actor, app_id: int) -> list[int]:
        """E.164 digits of the numbers exempt from the limits."""
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            return await apps.allowed(conn, app_id)


def _label(text: str) -> str:
    plain = text.strip()
    if len(plain) > PROJECT_MOST or not plain.isprintable():
        raise ControlError(
            Fault.INVALID,
            f"企业项目的编号和名称各最多 {PROJECT_MOST} 个可见字符。",
            f"A project's id and name have at most {PROJECT_MOST} printable characters each.",
        )
    return plain


def _too_many() -> ControlError:
    return ControlError(
        Fault.TOO_MANY,
        f"每个账号最多 {MOST} 个应用：请先停用并改用现有的。",
        f"An account has at most {MOST} applications: use one there is.",
        why="too_many_apps",
    )


OF_LIMITS = frozenset({"preset", "limits", "windows"})


class LimitChange(msgspec.Struct, frozen=True):
    """What is written of the limits."""

    named: dict[str, int] = {}
    windows: tuple[Window, ...] | None = None
    told: dict[str, str] = {}
    """For the audit log."""


NO_LIMITS = LimitChange()


def _limits(change: AppChange) -> LimitChange:
    named, windows = rules.limits(change.limits), None if change.windows is msgspec.UNSET else rules.windows(change.windows)
    told = {} if windows is None else {"windows": "; ".join(map(described, windows))}
    if change.preset is msgspec.UNSET:
        return LimitChange(named, windows, told)
    preset = rules.preset(change.preset)
    whole = msgspec.structs.asdict(preset.limits) | named
    return LimitChange(whole, preset.windows if windows is None else windows, {"preset": change.preset} | told)


async def _keep_hours(tx: Connection, app_id: int, preset: Preset, now: float) -> None:
    """Switch the hours of marketing on where the preset has them."""
    before = await protections.get(tx, app_id)
    if preset.marketing_hours and not before.settings.marketing_hours:
        settings = msgspec.structs.replace(before.settings, marketing_hours=True)
        await protections.put(tx, msgspec.structs.replace(before, settings=settings), now)


def callable_url(url: str, check: CheckUrl) -> str:
    """An address that may be called, or empty."""
    plain = rules.callback_url(url)
    why_not = check(plain) if plain else None
    if why_not is not None:
        raise ControlError(
            Fault.NOT_ALLOWED,
            f"回调地址不可用（{why_not}）：请用公网地址；内网地址需由运营者把其网段写入 HONGYAN_CALLBACK_ALLOW（如 127.0.0.1/32）并重启。",
            f"This callback address cannot be used ({why_not}): use a public one, or have the operator put its network into "
            "HONGYAN_CALLBACK_ALLOW (for example 127.0.0.1/32) and restart.",
        )
    return plain


async def _may_set_limits(tx: Connection, actor: Actor, app: AppRow) -> None:
    """Individuals have the default limits (seed 002); the operator may set others for them."""
    account = await accounts.get(tx, app.account_id)
    if actor.account_id is not None and account is not None and account.kind is AccountKind.INDIVIDUAL:
        raise ControlError(
            Fault.NOT_ALLOWED,
            "个人账号不能修改频率限制：请完成企业认证，或联系运营者。",
            "An individual account cannot change frequency limits: have it verified as an enterprise, or ask the operator.",
        )


def _found(app: AppRow | None, app_id: int) -> AppRow:
    if app is None:
        raise not_found(Noun.APP, app_id)
    return app


def _taken(name: str) -> ControlError:
    return ControlError(
        Fault.TAKEN,
        f"该账号已有名为“{name}”的应用：请换个名称。",
        f"The account has an application named “{name}” already: choose another name.",
        why="app_taken",
    )


async def _may_show(tx: Connection, app_id: int, number: str) -> None:
    sender = await senders.lock(tx, number)
    if sender is None:
        raise not_found(Noun.SENDER, number)
    if sender.app_id not in {None, app_id}:
        raise ControlError(
            Fault.NOT_ALLOWED,
            f"号码 {number} 归应用 {sender.app_id} 专用：请另选一个。",
            f"The number {number} belongs to application {sender.app_id}: choose another one.",
        )


async def issue(
    tx: Connection, box: SecretBox, entropy: tokens.Entropy, *, account_id: int, name: str, pull: bool, now: float, preset: Preset = DEFAULT
) -> NewApp:
    """A new application, written with its AppKey sealed. Raises `UniqueViolation`."""
    app_id = await apps.next_id(tx)
    app_key = tokens.app_key(entropy)
    app = await apps.add(
        tx,
        app_id=app_id,
        account_id=account_id,
        name=name,
        app_key_sealed=box.seal(app_key, tokens.app_context(app_id)),
        limits=preset.limits,
        windows=preset.windows,
        pull=pull,
        now=now,
    )
    return NewApp(app=app, app_key=app_key)


async def owned(tx: Connection, app_id: int | None, account_id: int) -> None:
    """Refuse an application that does not exist or belongs to another account, in the same words."""
    if app_id is None:
        return
    app = await apps.get(tx, app_id)
    if app is None or app.account_id != account_id:
        raise not_found(Noun.APP, app_id)


def _listed(values: object) -> str:
    return ",".join(values) if isinstance(values, tuple) else str(values)
