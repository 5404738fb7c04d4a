"""How an application wants its callbacks: the native body or its vendor's, what is signed, and with which secrets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from hongyan.control import tokens
from hongyan.control.apps import CheckUrl, callable_url
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault
from hongyan.control.permissions import demand, own_app
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.kit.webhook import new_secret
from hongyan.model.actor import Actor, Permission
from hongyan.model.alarm import AlarmKind
from hongyan.model.callback import Access, CallbackSettings, first_secret
from hongyan.store import app_access, app_callbacks, apps, watermarks
from hongyan.store.app_access import SealedAccess
from hongyan.store.app_callbacks import CallbackRow, SealedSecret
from hongyan.store.snapshots import publish

EVERYTHING = tuple(kind.value for kind in AlarmKind)
OVERLAP_S = 86_400.0
LONGEST_OVERLAP_S = 30 * 86_400.0
SECRETS_MOST = 5
"""In force at a time: every request carries a signature with each."""


class CallbackChange(msgspec.Struct, frozen=True):
    """What to change; what is left out stays."""

    native: bool | msgspec.UnsetType = msgspec.UNSET
    signed: bool | msgspec.UnsetType = msgspec.UNSET
    reply_time: bool | msgspec.UnsetType = msgspec.UNSET
    event_url: str | msgspec.UnsetType = msgspec.UNSET
    """Where events beside messages go, in the native body; empty for nowhere."""
    event_kinds: tuple[AlarmKind, ...] | msgspec.UnsetType = msgspec.UNSET
    """Which of them; all, when an address is set and none was ever named."""
    voice_url: str | msgspec.UnsetType = msgspec.UNSET
    """Where what happens in calls goes; empty for nowhere."""


class CallbackSecret(msgspec.Struct, frozen=True):
    """One with which callbacks in the native body are signed: for the owner's eyes only."""

    secret: str
    ends_at: float | None
    """None for the one in use; the others are good until then, so that the receiver can be changed in between."""


class Callbacks:
    """Settings of applications, and their secrets. Every application has a secret; its first one follows from its AppKey."""

    def __init__(
        self, db: Database, audit: Audit, *, box: SecretBox, clock: Callable[[], float], entropy: tokens.Entropy, check_url: CheckUrl
    ) -> None:
        self._db = db
        self._audit = audit
        self._box = box
        self._clock = clock
        self._entropy = entropy
        self._check_url = check_url

    async def get(self, actor: Actor, app_id: int) -> CallbackRow:
        demand(actor, Permission.READ)
        async with self._db.connection() as conn:
            await own_app(conn, actor, app_id)
            return await app_callbacks.get(conn, app_id)

    async def change(self, actor: Actor, app_id: int, change: CallbackChange) -> CallbackRow:
        """All of it or nothing. Only an application with a key and secret in Huawei's API has something to sign with."""
        demand(actor, Permission.APPS)
        fields = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET}
        for name in fields.keys() & {"event_url", "voice_url"}:
            fields[name] = callable_url(fields[name], self._check_url)
        if "event_kinds" in fields:
            fields["event_kinds"] = tuple(kind.value for kind in AlarmKind if kind in fields["event_kinds"])
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id, lock=True)
            row = msgspec.structs.replace(await app_callbacks.get(tx, app_id), **fields)
            if row.event_url and not row.event_kinds:
                row = msgspec.structs.replace(row, event_kinds=EVERYTHING)
            if row.event_url or row.voice_url:
                await watermarks.begin(tx, app_id, watermarks.TOLD, 0)
            if fields.get("signed") and await app_access.get(tx, app_id) is None:
                raise ControlError(
                    Fault.WRONG_STATE,
                    f"应用 {app_id} 没有华为云接口密钥，无法为推送签名：请先用 hongyan access issue 签发。",
                    f"Application {app_id} has no key and secret in Huawei's API to sign with: issue them first (hongyan access issue).",
                    why="no_access",
                )
            await app_callbacks.put(tx, row)
            await self._audit.record(tx, actor, "callbacks.change", app_id, account_id=app.account_id, detail=_told(fields))
            await publish(tx, f"callbacks of app {app_id} changed", self._clock())
        return row

    async def secrets(self, actor: Actor, app_id: int) -> list[CallbackSecret]:
        """Those in force, the newest first: requests are signed with each of them."""
        demand(actor, Permission.KEYS)
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id)
            found = await self._secrets(tx, app_id)
            await self._audit.record(tx, actor, "callbacks.show_secret", app_id, account_id=app.account_id)
        return found

    async def rotate(self, actor: Actor, app_id: int, overlap_s: float = OVERLAP_S) -> list[CallbackSecret]:
        """A new secret; for `overlap_s` (at most 30 days, 0 for a secret that others know) the old one signs too, of up to five."""
        demand(actor, Permission.KEYS)
        if not 0 <= overlap_s <= LONGEST_OVERLAP_S:
            raise ControlError(
                Fault.INVALID,
                "旧密钥最多再用 30 天：请给出 0 到 2592000 秒。",
                "An old secret stays good for at most 30 days: give 0 to 2592000 seconds.",
            )
        now = self._clock()
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id, lock=True)
            await app_callbacks.forget_secrets(tx, app_id, now)
            there = await app_callbacks.secrets(tx, app_id)
            if overlap_s and len(there) >= SECRETS_MOST:
                raise ControlError(
                    Fault.TOO_MANY,
                    f"已有 {SECRETS_MOST} 个密钥同时有效：请等其中一个到期，或以 0 秒重叠轮换，旧密钥全部立即失效。",
                    f"{SECRETS_MOST} secrets sign already: wait until one ends, or rotate with an overlap of 0, which ends all of them.",
                )
            if not there:
                await self._add(tx, app_id, await self._first(tx, app_id), now)
            await app_callbacks.end_secrets(tx, app_id, now + overlap_s)
            await self._add(tx, app_id, new_secret(self._entropy), now)
            found = await self._secrets(tx, app_id)
            await self._audit.record(
                tx, actor, "callbacks.rotate_secret", app_id, account_id=app.account_id, detail={"overlap_s": int(overlap_s)}
            )
            await publish(tx, f"callback secrets of app {app_id} changed", now)
        return found

    async def _secrets(self, tx: Connection, app_id: int) -> list[CallbackSecret]:
        now = self._clock()
        found = await app_callbacks.secrets(tx, app_id)
        if not found:
            return [CallbackSecret(await self._first(tx, app_id), None)]
        return [
            CallbackSecret(self._box.open(row.secret_sealed, tokens.callback_context(app_id)), row.ends_at)
            for row in found
            if row.ends_at is None or row.ends_at > now
        ]

    async def _first(self, tx: Connection, app_id: int) -> str:
        return first_secret(await app_key_of(tx, self._box, app_id))

    async def _add(self, tx: Connection, app_id: int, secret: str, now: float) -> None:
        sealed = self._box.seal(secret, tokens.callback_context(app_id))
        await app_callbacks.add_secret(tx, SealedSecret(app_id, sealed, None), now)


def _told(fields: Mapping[str, Any]) -> dict[str, str | int | bool | None]:
    return {name: " ".join(value) if isinstance(value, tuple) else value for name, value in fields.items()}


async def settings_of(conn: Connection, box: SecretBox, app_id: int) -> CallbackSettings:
    """What one application has set."""
    found = [(box.open(s.secret_sealed, tokens.callback_context(app_id)), s.ends_at) for s in await app_callbacks.secrets(conn, app_id)]
    pair = next(iter(await app_access.sealed(conn, app_id)), None)
    return _settings(await app_callbacks.get(conn, app_id), found, pair, box)


async def app_key_of(conn: Connection, box: SecretBox, app_id: int) -> str:
    """The AppKey, opened: from it follows an application's first secret."""
    [row] = await apps.sealed(conn, app_id)
    return box.open(row.app_key_sealed, tokens.app_context(app_id))


async def settings(tx: Connection, box: SecretBox, access: Sequence[SealedAccess]) -> dict[int, CallbackSettings]:
    """What applications have set, for the snapshot."""
    secrets: dict[int, list[tuple[str, float | None]]] = {}
    for secret in await app_callbacks.secrets(tx):
        opened = box.open(secret.secret_sealed, tokens.callback_context(secret.app_id))
        secrets.setdefault(secret.app_id, []).append((opened, secret.ends_at))
    rows = {row.app_id: row for row in await app_callbacks.every(tx)}
    pairs = {pair.app_id: pair for pair in access}
    return {
        app_id: _settings(rows.get(app_id, CallbackRow(app_id)), secrets.get(app_id, []), pairs.get(app_id), box)
        for app_id in rows.keys() | secrets.keys()
    }


def _settings(row: CallbackRow, secrets: Sequence[tuple[str, float | None]], pair: SealedAccess | None, box: SecretBox) -> CallbackSettings:
    return CallbackSettings(
        native=row.native,
        access=Access(pair.access_key, box.open(pair.secret_sealed, tokens.access_context(row.app_id))) if row.signed and pair else None,
        reply_time=row.reply_time,
        event_url=row.event_url,
        event_kinds=frozenset(row.event_kinds),
        voice_url=row.voice_url,
        secrets=tuple(secrets),
    )
