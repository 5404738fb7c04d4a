"""A shop whose program was written for Huawei Cloud: its application, numbers and templates, and requests as it makes them."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from hongyan.doors.huawei import auth, schema, signing
from hongyan.doors.huawei.routes import HuaweiDoor
from hongyan.doors.huawei.times import utc
from hongyan.kit.door import Request
from hongyan.model import long_id
from hongyan.model.limits import Limits
from hongyan.model.message import Accepted, Caller, Kind, Outcome, Refused, SendCommand
from hongyan.model.phone import parse
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import (
    EMPTY,
    Account,
    AccountKind,
    App,
    AppAccess,
    FromNumber,
    Network,
    Scope,
    Signature,
    Snapshot,
    Template,
)

APP_ID = 1400006666
KEY, SECRET = "c8RWg3ggEcyd4D3p94bf3Y7x1Ile", "q4Ii87BhST9vcs8wvrzN80SfD7Al"
NOW = 1_795_348_486.0
"""When the SDK was asked for what is in captures/huawei/calls.json."""
ALIAS = "8ff55eac1d0b478ab3c06c3c6a492300"
CODE, NOTICE, MARKETING, UNIVERSAL, ABROAD, BOUND = 19, 20, 21, 22, 23, 24
FROM, FROM_CODES, FROM_ABROAD, FROM_ELSEWHERE, FROM_GONE = (
    "8823040504797",
    "8823040504798",
    "8823040504799",
    "8823040504700",
    "8823040504701",
)
TO = "+8615123456789"
WSSE = 'WSSE realm="SDP",profile="UsernameToken",type="Appkey"'

Answering = Callable[[SendCommand], list[Outcome] | Refusal]


def app(app_id: int, *, account_id: int = 1, enabled: bool = True, networks: tuple[Network, ...] = ()) -> App:
    return App(
        id=app_id,
        account_id=account_id,
        name="shop",
        app_key="",
        enabled=enabled,
        limits=Limits(),
        unlimited_phones=frozenset(),
        pull=False,
        report_url="",
        reply_url="",
        context_in_reports=False,
        sender_id="",
        extend_allowed=False,
        networks=networks,
    )


def template(id_: int, kind: Kind, scope: Scope = Scope.MAINLAND, **more: Any) -> Template:
    return Template(id=id_, account_id=1, app_id=None, kind=kind, scope=scope, content="您的验证码为{1}，{2}分钟", params=2, **more)


def number(text: str, signature_id: int | None, sign_name: str, kind: Kind | None = None, app_id: int = APP_ID) -> FromNumber:
    return FromNumber(number=text, account_id=1, app_id=app_id, signature_id=signature_id, sign_name=sign_name, kind=kind)


def snapshot(*apps: App) -> Snapshot:
    accounts = [Account(1, "one", AccountKind.ENTERPRISE, enabled=True), Account(9, "x", AccountKind.ENTERPRISE, enabled=False)]
    all_apps = [app(APP_ID), app(2, account_id=9), app(3, enabled=False), *apps]
    templates = [
        template(CODE, Kind.VERIFICATION, alias=ALIAS),
        template(NOTICE, Kind.NOTICE),
        template(MARKETING, Kind.MARKETING),
        template(UNIVERSAL, Kind.NOTICE, universal=True),
        template(ABROAD, Kind.NOTICE, Scope.INTERNATIONAL),
        template(BOUND, Kind.NOTICE, signature_id=8),
    ]
    numbers = [
        number(FROM, 7, "鸿雁"),
        number(FROM_CODES, 7, "鸿雁", Kind.VERIFICATION),
        number(FROM_ABROAD, None, ""),
        number(FROM_ELSEWHERE, 7, "鸿雁", app_id=4),
        number(FROM_GONE, 5, ""),
    ]
    signatures = [
        Signature(id=7, account_id=1, app_id=None, name="鸿雁", scope=Scope.MAINLAND),
        Signature(id=8, account_id=1, app_id=None, name="商城", scope=Scope.MAINLAND, usages=frozenset({Kind.MARKETING})),
    ]
    return Snapshot(
        version=1,
        accounts={each.id: each for each in accounts},
        keys=EMPTY.keys,
        apps={each.id: each for each in all_apps},
        signatures={(each.account_id, each.name, each.scope): each for each in signatures},
        templates={each.id: each for each in templates},
        packages=EMPTY.packages,
        links=EMPTY.links,
        access={
            KEY: AppAccess(KEY, SECRET, APP_ID, 1),
            "of-a-stopped-account": AppAccess("of-a-stopped-account", SECRET, 2, 9),
            "of-a-stopped-app": AppAccess("of-a-stopped-app", SECRET, 3, 1),
        },
        from_numbers={each.number: each for each in numbers},
        aliases={(1, ALIAS): CODE},
    )


class Platform:
    """What is behind the door, as far as it can tell: takes every send with one answer."""

    def __init__(self, answer: Answering, control: Snapshot | None = None) -> None:
        self.snapshot = control or snapshot()
        self._answer = answer
        self.commands: list[SendCommand] = []
        self.callers: set[Caller] = set()
        self.admitted = True
        self.used: dict[str, str] = {}

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        self.callers.add(caller)
        self.commands.append(command)
        return self._answer(command)

    async def admit(self, account_id: int, action: str, rate: int) -> bool:
        assert account_id
        assert action.startswith("/sms/")
        assert rate
        return self.admitted

    async def first(self, key: str, nonce: str, number: str, until: float) -> bool:
        assert until > NOW
        return self.used.setdefault(f"{key} {nonce}", number) == number


def accept_all(command: SendCommand) -> list[Outcome] | Refusal:
    found = [(raw, parse(raw)) for raw in command.phones]
    if command.misfit is not None:
        return [Refused(raw, "", command.misfit.reason, command.misfit.detail) for raw in command.phones]
    return [
        Refused(raw, "", Reject.BAD_NUMBER) if phone is None else Accepted(100 + at, phone.number, phone.region, 2)
        for at, (raw, phone) in enumerate(found)
    ]


def door(platform: Platform, *, once: bool = False, window_s: float = auth.WINDOW_S) -> HuaweiDoor:
    return HuaweiDoor(
        directory=platform,
        send=platform,
        rates=platform,
        check_url=lambda url: "a private address" if "10.0.0." in url else None,
        clock=lambda: NOW,
        nonces=platform if once else None,
        window_s=window_s,
    )


def request(path: str, headers: dict[str, str], body: bytes, *, method: str = "POST", client: str = "192.0.2.1") -> Request:
    given = {name.lower().encode(): value.encode() for name, value in headers.items()}
    return Request(method, path, b"", given, body, client, too_large=False, request_id="b1fbdd9c-8b5c-4c7a-8a52-2a2d1f5b7a11")


def token(*, nonce: str = "c8aba7b2f0e14d0f", created: str = utc(NOW), raw: bool = False, secret: str = SECRET, key: str = KEY) -> str:
    digest = auth.digest(nonce, created, secret)
    written = base64.b64encode(digest if raw else digest.hex().encode()).decode()
    return f'UsernameToken Username="{key}",PasswordDigest="{written}",Nonce="{nonce}",Created="{created}"'


def form(**fields: str | None) -> bytes:
    usual = {"from": FROM, "to": TO, "templateId": ALIAS, "templateParas": '["369751","5"]'}
    given = usual | {name.rstrip("_"): value for name, value in fields.items()}
    return urlencode({name: value for name, value in given.items() if value is not None}).encode()


def by_token(body: bytes, *, path: str = schema.SEND, client: str = "192.0.2.1", **how: Any) -> Request:
    """As the demos and SMS4J ask."""
    content_type = schema.FORM if path == schema.SEND else schema.JSON
    return request(path, {"content-type": content_type, "authorization": WSSE, "x-wsse": token(**how)}, body, client=client)


def by_signature(body: bytes, *, path: str = schema.SEND, secret: str = SECRET, key: str = KEY, at: float = NOW) -> Request:
    """As Huawei's signers ask: the date and the content type are signed, the host is not."""
    content_type = schema.FORM if path == schema.SEND else schema.JSON
    headers = {"content-type": content_type}
    told = signing.sign(key, secret, signing.Signed("POST", path, b"", {b"content-type": content_type.encode()}, body), at)
    return request(path, headers | told, body)


def diff(*contents: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"from": FROM, "smsContent": list(contents)} | more).encode()


def content(to: list[str], template_id: int = CODE, paras: tuple[Any, ...] = ("369751", "5"), **more: Any) -> dict[str, Any]:
    return {"to": to, "templateId": long_id.written(template_id), "templateParas": list(paras)} | more
