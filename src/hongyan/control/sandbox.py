"""The sandbox: a tenant with everything needed to send at once."""

from collections.abc import Callable

import msgspec

from hongyan.control import stock, tokens
from hongyan.control.access import AccessPair
from hongyan.control.access import put as put_access
from hongyan.control.apps import NewApp
from hongyan.control.apps import issue as issue_app
from hongyan.control.audit import Audit
from hongyan.control.keys import NewKey
from hongyan.control.keys import issue as issue_key
from hongyan.control.permissions import demand
from hongyan.kit.db import Connection, Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model import long_id
from hongyan.model.actor import Actor, Permission
from hongyan.model.message import Kind
from hongyan.model.papers import ReviewStatus, TemplateDraft
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.store import accounts, app_access, apps, from_numbers, keys, signatures, templates
from hongyan.store.snapshots import publish

NAME = "sandbox"
SIGN_NAME = "鸿雁沙箱"
SEGMENTS = 10_000_000
PROJECT_ID = "0" * 32
"""Any other is as good."""


class Sample(msgspec.Struct, frozen=True):
    """A template of the sandbox with values that fit it."""

    kind: Kind
    scope: Scope
    content: str
    params: tuple[str, ...]


SAMPLES: dict[str, Sample] = {
    "verification": Sample(Kind.VERIFICATION, Scope.MAINLAND, "您的登录验证码为{1}，{2}分钟内有效，请勿告诉他人。", ("385204", "5")),
    "notice": Sample(Kind.NOTICE, Scope.MAINLAND, "您的订单{1}已发货，{2}。", ("20260001", "预计明天送达")),
    "marketing": Sample(Kind.MARKETING, Scope.MAINLAND, "会员日全场{1}折，{2}当天有效，欢迎光临。拒收请回复R", ("八", "本周六")),
    "international": Sample(
        Kind.VERIFICATION, Scope.INTERNATIONAL, "Your verification code is {1}. It is valid for {2} minutes.", ("385204", "5")
    ),
}


class SandboxTemplate(msgspec.Struct, frozen=True):
    id: str
    content: str
    params: tuple[str, ...]


class SandboxHuawei(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """What a program written for Huawei Cloud needs."""

    app_key: str
    app_secret: str
    from_: str
    template_id: str
    """Of the verification template."""
    template_paras: str
    """Values that fit it, as the request has them: a JSON array in a text."""
    ak: str
    sk: str
    project_id: str


class SandboxTenant(msgspec.Struct, frozen=True):
    """What a program needs to send (architecture, section 5). Ids are texts, as the SDKs want them."""

    endpoint: str
    """http://HOST:PORT."""
    host: str
    """HOST:PORT alone, as the SDKs' endpoint setting wants it."""
    secret_id: str
    secret_key: str
    sdk_app_id: str
    app_key: str
    sign_name: str
    templates: dict[str, SandboxTemplate]
    huawei: SandboxHuawei


class Sandbox:
    """Made once; asked again it gives the same, and puts back what has been used up or taken away."""

    def __init__(self, db: Database, audit: Audit, box: SecretBox, clock: Callable[[], float], entropy: tokens.Entropy) -> None:
        self._db = db
        self._audit = audit
        self._box = box
        self._clock = clock
        self._entropy = entropy

    async def ensure(self, actor: Actor, endpoint: str) -> SandboxTenant:
        """The tenant, complete; `endpoint` is where the platform's doors listen.

        An enterprise with a key, an application with pull on, an approved signature, approved templates, and packages of
        10,000,000 segments at home and abroad. The operator's alone.
        """
        demand(actor, Permission.ADMINISTER)
        now = self._clock()
        async with self._db.transaction() as tx:
            account = await accounts.ensure(tx, name=NAME, kind=AccountKind.ENTERPRISE, now=now)
            made: list[str] = []
            key = await self._key(tx, account.id, now, made)
            app = await self._app(tx, account.id, now, made)
            await stock.signature(tx, account.id, SIGN_NAME, made=made, now=now)
            samples = await _templates(tx, account.id, now, made)
            await stock.segments(tx, app.app.id, SEGMENTS, note="sandbox", made=made, now=now)
            await stock.own_prices(tx, account.id, made=made, now=now)
            pair = await self._access(tx, account.id, app.app.id, now, made)
            number = await _number(tx, account.id, app.app.id, now, made)
            if made:
                await self._audit.record(tx, actor, "sandbox.ensure", account.id, account_id=account.id, detail={"made": ", ".join(made)})
                await publish(tx, "sandbox: " + ", ".join(made), now)
        return SandboxTenant(
            endpoint=endpoint,
            host=endpoint.partition("://")[2],
            secret_id=key.secret_id,
            secret_key=key.secret_key,
            sdk_app_id=str(app.app.id),
            app_key=app.app_key,
            sign_name=SIGN_NAME,
            templates=samples,
            huawei=SandboxHuawei(
                app_key=pair.access_key,
                app_secret=pair.access_secret,
                from_=number,
                template_id=long_id.written(int(samples["verification"].id)),
                template_paras=msgspec.json.encode(SAMPLES["verification"].params).decode(),
                ak=key.secret_id,
                sk=key.secret_key,
                project_id=PROJECT_ID,
            ),
        )

    async def _access(self, tx: Connection, account_id: int, app_id: int, now: float, made: list[str]) -> AccessPair:
        there = await app_access.sealed(tx, app_id)
        if there:
            return AccessPair(app_id, there[0].access_key, self._box.open(there[0].secret_sealed, tokens.access_context(app_id)))
        made.append("Huawei key")
        pair = AccessPair(app_id, tokens.access_key(self._entropy), tokens.access_secret(self._entropy))
        await put_access(tx, self._box, account_id, pair, now)
        return pair

    async def _key(self, tx: Connection, account_id: int, now: float, made: list[str]) -> NewKey:
        key = await keys.first_live(tx, account_id)
        if key is None:
            made.append("key")
            return await issue_key(tx, self._box, self._entropy, account_id, now)
        secret_id, sealed = key
        secret = self._box.open(sealed, tokens.key_context(secret_id))
        return NewKey(secret_id=secret_id, secret_key=secret, account_id=account_id)

    async def _app(self, tx: Connection, account_id: int, now: float, made: list[str]) -> NewApp:
        app = await apps.named(tx, account_id, NAME)
        if app is None:
            made.append("application")
            return await issue_app(tx, self._box, self._entropy, account_id=account_id, name=NAME, pull=True, now=now)
        if not (app.enabled and app.pull):
            made.append("application switched on")
            app = await apps.change(tx, app.id, {"enabled": True, "pull": True}, {}) or app
        sealed = (await apps.sealed(tx, app.id))[0]
        return NewApp(app=app, app_key=self._box.open(sealed.app_key_sealed, tokens.app_context(app.id)))


async def _number(tx: Connection, account_id: int, app_id: int, now: float, made: list[str]) -> str:
    if await from_numbers.add_lacking(tx, account_id, now):
        made.append("from numbers")
    signature = await signatures.of_name(tx, account_id, SIGN_NAME, Scope.MAINLAND)
    signature_id = None if signature is None else signature.id
    return (await from_numbers.page(tx, account_id=account_id, app_id=app_id, signature_id=signature_id, most=1))[0].number


async def _templates(tx: Connection, account_id: int, now: float, made: list[str]) -> dict[str, SandboxTemplate]:
    found = await templates.approved(tx, account_id)
    ids = {(row.name, row.content): row.id for row in reversed(found) if row.app_id is None}
    result: dict[str, SandboxTemplate] = {}
    for name, sample in SAMPLES.items():
        template_id = ids.get((name, sample.content))
        if template_id is None:
            made.append(f"template {name}")
            draft = TemplateDraft(name=name, kind=sample.kind, scope=sample.scope, content=sample.content)
            template_id = (await templates.add(tx, account_id, draft, ReviewStatus.APPROVED, now)).id
        result[name] = SandboxTemplate(id=str(template_id), content=sample.content, params=sample.params)
    return result
