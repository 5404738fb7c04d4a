"""Alarm contacts: who is told of what, by letter, message or web hook; and where an account's review results are posted."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from hongyan.control import rules, tokens
from hongyan.control.apps import CheckUrl, callable_url
from hongyan.control.audit import Audit
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.control.permissions import demand, own_app, within
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.kit.webhook import new_secret
from hongyan.model.actor import Actor, Permission
from hongyan.model.alarm import AlarmKind
from hongyan.model.snapshot import AccountKind
from hongyan.store import accounts, alarms
from hongyan.store.alarms import AlarmRow, ContactRow, ReviewHook
from hongyan.store.snapshots import publish

MOST: Mapping[AccountKind, int] = {AccountKind.ENTERPRISE: 5, AccountKind.INDIVIDUAL: 2}
"""Contacts of an application (Tencent document 382/9558)."""
PAGE_MOST = 500
NEWEST = 2**62
TEST = "test"
TEST_PAUSE_S = 60.0
HOUR_S = 3600.0
TESTS_AN_HOUR = 20
EVERYTHING = tuple(AlarmKind)
EMAIL_MOST = 254
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,61}")


class Draft(msgspec.Struct, frozen=True):
    """A contact as somebody asks for it."""

    name: str
    email: str = ""
    phone: str = ""
    hook_url: str = ""
    kinds: tuple[AlarmKind, ...] = EVERYTHING
    english: bool = False
    """The language it is told in."""


class Change(msgspec.Struct, frozen=True):
    """What to change of a contact; what is left out stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    email: str | msgspec.UnsetType = msgspec.UNSET
    phone: str | msgspec.UnsetType = msgspec.UNSET
    hook_url: str | msgspec.UnsetType = msgspec.UNSET
    kinds: tuple[AlarmKind, ...] | msgspec.UnsetType = msgspec.UNSET
    english: bool | msgspec.UnsetType = msgspec.UNSET


class Contact(msgspec.Struct, frozen=True):
    """A contact with the secret of its web hook, which is shown this once."""

    contact: ContactRow
    hook_secret: str = ""


class Hook(msgspec.Struct, frozen=True):
    """Where review results are posted; the secret is shown once."""

    account_id: int
    url: str
    secret: str = ""


class Alarms:
    """Contacts of applications, tests of them, and what they were told."""

    def __init__(
        self, db: Database, audit: Audit, *, box: SecretBox, clock: Callable[[], float], entropy: tokens.Entropy, check_url: CheckUrl
    ) -> None:
        self._db = db
        self._audit = audit
        self._box = box
        self._clock = clock
        self._entropy = entropy
        self._check_url = check_url

    async def add(self, actor: Actor, app_id: int, draft: Draft) -> Contact:
        """At most five for an application, of an individual's two."""
        demand(actor, Permission.CONTACTS)
        fields = self._checked(msgspec.structs.asdict(draft))
        now = self._clock()
        async with self._db.transaction() as tx:
            app = await own_app(tx, actor, app_id, lock=True)
            await _room(tx, app.account_id, app_id)
            row = msgspec.convert({**fields, "id": 0, "account_id": app.account_id, "app_id": app_id, "created_at": now}, ContactRow)
            secret = new_secret(self._entropy) if row.hook_url else ""
            sealed = self._box.seal(secret, tokens.hook_context(app.account_id)) if secret else None
            made = await alarms.add_contact(tx, row, sealed)
            await self._note(tx, actor, made, "alarm_contact.add")
        return Contact(made, secret)

    async def change(self, actor: Actor, contact_id: int, change: Change) -> Contact:
        """All of it or nothing. With another web hook comes another secret."""
        demand(actor, Permission.CONTACTS)
        fields = self._checked({name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET})
        async with self._db.transaction() as tx:
            before = _found(await alarms.contact(tx, contact_id, actor.account_id), contact_id)
            if not fields:
                return Contact(before)
            if not msgspec.convert(msgspec.to_builtins(before) | fields, ContactRow).media:
                raise _unreachable()
            secret = ""
            if fields.get("hook_url", before.hook_url) != before.hook_url:
                secret = new_secret(self._entropy) if fields["hook_url"] else ""
                fields["hook_secret_sealed"] = self._box.seal(secret, tokens.hook_context(before.account_id)) if secret else None
            changed = _found(await alarms.change_contact(tx, contact_id, fields), contact_id)
            await self._note(tx, actor, changed, "alarm_contact.change")
        return Contact(changed, secret)

    async def remove(self, actor: Actor, contact_id: int) -> None:
        """It is told nothing any more, not even what was on its way."""
        demand(actor, Permission.CONTACTS)
        async with self._db.transaction() as tx:
            gone = _found(await alarms.contact(tx, contact_id, actor.account_id), contact_id)
            await alarms.remove_contact(tx, contact_id)
            await self._note(tx, actor, gone, "alarm_contact.remove")

    async def _note(self, tx: Connection, actor: Actor, contact: ContactRow, action: str) -> None:
        detail: dict[str, str | int | bool | None] = {
            "app_id": contact.app_id,
            "kinds": " ".join(contact.kinds),
            "media": " ".join(contact.media),
        }
        await self._audit.record(tx, actor, action, contact.id, account_id=contact.account_id, detail=detail)
        # What is watched for is in the snapshot: nobody counts what nobody wants to know.
        await publish(tx, f"alarm contacts of app {contact.app_id} changed", self._clock())

    async def contacts(
        self, actor: Actor, *, app_id: int | None = None, account_id: int | None = None, after_id: int = 0, most: int = PAGE_MOST
    ) -> list[ContactRow]:
        """Of an application, an account, or for the operator all; in the order of their ids, at most 500."""
        demand(actor, Permission.READ)
        only = within(actor, account_id)
        async with self._db.connection() as conn:
            if app_id is not None:
                await own_app(conn, actor, app_id)
            return await alarms.contacts(conn, account_id=only, app_id=app_id, after_id=after_id, most=max(1, min(most, PAGE_MOST)))

    async def test(self, actor: Actor, contact_id: int) -> list[AlarmRow]:
        """Tell the contact, by every way it has, that this is a test; at most once a minute. What came of it is in `told`."""
        demand(actor, Permission.CONTACTS)
        now = self._clock()
        async with self._db.transaction() as tx:
            contact = _found(await alarms.contact(tx, contact_id, actor.account_id), contact_id)
            await own_app(tx, actor, contact.app_id, lock=True)
            # Whoever removes and adds contacts could otherwise have strangers written to without end.
            if await alarms.tests_since(tx, contact.account_id, now - HOUR_S) >= TESTS_AN_HOUR:
                raise ControlError(
                    Fault.TOO_MANY,
                    f"每个账号一小时内最多发 {TESTS_AN_HOUR} 条测试告警：请稍后再试。",
                    f"An account sends at most {TESTS_AN_HOUR} tests an hour: wait before trying again.",
                )
            if await alarms.tested_since(tx, contact_id, now - TEST_PAUSE_S):
                raise ControlError(
                    Fault.TOO_MANY,
                    "一分钟内只能测试一次：请稍后再试。",
                    "A contact is tested at most once a minute: wait before trying again.",
                )
            return [await alarms.add(tx, _test(contact, medium, now)) for medium in contact.media]

    async def told(self, actor: Actor, *, account_id: int | None = None, before_id: int = NEWEST, most: int = 100) -> list[AlarmRow]:
        """What contacts were told or are about to be, the newest first, at most 500."""
        demand(actor, Permission.READ)
        only = within(actor, account_id)
        async with self._db.connection() as conn:
            return await alarms.page(conn, account_id=only, before_id=before_id, most=max(1, min(most, PAGE_MOST)))

    async def set_review_hook(self, actor: Actor, account_id: int, url: str) -> Hook:
        """Where every decision on the account's applications is posted, signed with a new secret; an empty address ends it."""
        demand(actor, Permission.CONTACTS, account_id)
        plain = callable_url(url, self._check_url)
        now = self._clock()
        secret = new_secret(self._entropy) if plain else ""
        async with self._db.transaction() as tx:
            if await accounts.get(tx, account_id) is None:
                raise not_found(Noun.ACCOUNT, account_id)
            if plain:
                sealed = self._box.seal(secret, tokens.hook_context(account_id))
                await alarms.put_review_hook(tx, ReviewHook(account_id, plain, sealed), now)
            else:
                await alarms.remove_review_hook(tx, account_id)
            await self._audit.record(tx, actor, "review_hook.set", account_id, account_id=account_id, detail={"url": plain})
        return Hook(account_id, plain, secret)

    async def review_hook(self, actor: Actor, account_id: int) -> Hook:
        demand(actor, Permission.READ, account_id)
        async with self._db.connection() as conn:
            hook = await alarms.review_hook(conn, account_id)
        return Hook(account_id, "" if hook is None else hook.url)

    def _checked(self, fields: dict[str, Any]) -> dict[str, Any]:
        checks: dict[str, Callable[[Any], object]] = {
            "name": rules.name, "email": _email, "phone": _phone, "hook_url": self._hook, "kinds": _kinds,
        }  # fmt: skip
        for field, check in checks.items():
            if field in fields:
                fields[field] = check(fields[field])
        if {"email", "phone", "hook_url"} <= fields.keys() and not (fields["email"] or fields["phone"] or fields["hook_url"]):
            raise _unreachable()
        return fields

    def _hook(self, url: str) -> str:
        return callable_url(url, self._check_url)


def _test(contact: ContactRow, medium: alarms.Medium, now: float) -> AlarmRow:
    return AlarmRow(
        id=0,
        account_id=contact.account_id,
        app_id=contact.app_id,
        contact_id=contact.id,
        medium=medium,
        kind=TEST,
        happened=1,
        facts={},
        first_at=now,
        last_at=now,
        created_at=now,
        due_at=now,
        attempts=0,
        told_at=None,
        error="",
    )


async def _room(tx: Connection, account_id: int, app_id: int) -> None:
    account = await accounts.get(tx, account_id)
    most = MOST[AccountKind.INDIVIDUAL if account is None else account.kind]
    if len(await alarms.contacts(tx, app_id=app_id)) >= most:
        raise ControlError(
            Fault.TOO_MANY,
            f"每个应用最多 {most} 个告警联系人：请先删除一个。",
            f"An application has at most {most} alarm contacts: remove one first.",
        )


def _found(contact: ContactRow | None, contact_id: int) -> ContactRow:
    if contact is None:
        raise not_found(Noun.CONTACT, contact_id)
    return contact


def _unreachable() -> ControlError:
    return ControlError(
        Fault.INVALID,
        "联系人至少要有邮箱、手机号、回调地址中的一个。",
        "A contact has at least one of an e-mail address, a phone number and a web hook.",
    )


def _email(text: str) -> str:
    plain = text.strip()
    if plain and (len(plain) > EMAIL_MOST or _EMAIL.fullmatch(plain) is None):
        raise ControlError(Fault.INVALID, "邮箱格式不正确，应如 name@example.com。", "An e-mail address is written name@example.com.")
    return plain


def _phone(text: str) -> int | None:
    return rules.phones([text])[0] if text.strip() else None


def _kinds(kinds: Sequence[AlarmKind]) -> list[str]:
    return [kind.value for kind in AlarmKind if kind in set(kinds)]
