"""Who asks: the key of a program, or the session of a person."""

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeAlias, cast

from fastapi import Depends, Request

from hongyan.control.login import Login
from hongyan.doors.rest.problems import Refused
from hongyan.model.actor import Actor, ActorKind
from hongyan.model.snapshot import Snapshot

Authenticate: TypeAlias = Callable[[Request], Awaitable[Actor]]
"""Raises `Refused` when nobody is known."""

CHALLENGE = {"www-authenticate": 'Basic realm="hongyan", charset="UTF-8", Bearer'}
NOT_A_KEY = b"\x00"


def pair(authorization: str) -> tuple[str, str] | None:
    """SecretId and SecretKey from `Basic base64(id:key)` or `Bearer id:key`; None when it is neither."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "basic":
        try:
            rest = base64.b64decode(rest.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            return None
    elif scheme.lower() != "bearer":
        return None
    secret_id, colon, secret_key = rest.strip().partition(":")
    return (secret_id, secret_key) if colon and secret_id else None


def by_key(snapshot: Snapshot, authorization: str, address: str) -> Actor:
    """The actor behind a key. Raises Refused in the same words whether the key is unknown, disabled or has another secret."""
    given = pair(authorization)
    key = None if given is None else snapshot.keys.get(given[0])
    # Compared in any case: how long an answer takes tells nobody which keys there are.
    same = hmac.compare_digest((given[1] if given else "").encode(), key.secret_key.encode() if key is not None else NOT_A_KEY)
    account = None if key is None else snapshot.accounts.get(key.account_id)
    if key is None or not same or not key.enabled or account is None or not account.enabled:
        raise unknown()
    if not key.admits(address):
        raise Refused(
            403,
            "address_not_allowed",
            f"这个密钥不能从 {address} 使用：请在密钥的允许地址里加上它。",
            f"This key may not be used from {address}: add the address to those it is allowed.",
        )
    return Actor(
        kind=ActorKind.KEY, id=key.secret_id, name=key.secret_id, permissions=key.permissions, account_id=key.account_id, address=address
    )


def unknown() -> Refused:
    return Refused(
        401,
        "not_authenticated",
        "密钥或会话无效：请用启用中的 SecretId 和 SecretKey（HTTP Basic），或重新登录。",
        "The key or the session is not valid: use an enabled SecretId and SecretKey (HTTP Basic), or sign in again.",
        CHALLENGE,
    )


COOKIE = "hongyan_session"
MADE_BY = "x-hongyan-console"
"""A page of another site can have a browser send its cookies, but not a header of this name (Fetch standard, section 3.2)."""
HARMLESS = frozenset({"GET", "HEAD"})


def session_token(request: Request) -> str:
    """What the session's cookie says; empty when there is none."""
    return request.cookies.get(COOKIE, "")


def authenticator(snapshot: Callable[[], Snapshot], login: Login, used: Callable[[str, str], None]) -> Authenticate:
    """Knows programs by their keys and people by their sessions; `used` is told the SecretId and where it was used from."""

    async def authenticate(request: Request) -> Actor:
        address = request.client.host if request.client else ""
        if "authorization" not in request.headers and (token := session_token(request)):
            return await _by_session(request, login, token, address)
        actor = by_key(snapshot(), request.headers.get("authorization", ""), address)
        used(actor.id, address)
        return actor

    return authenticate


async def _by_session(request: Request, login: Login, token: str, address: str) -> Actor:
    if request.method not in HARMLESS and MADE_BY not in request.headers:
        raise Refused(
            403,
            "not_from_console",
            f"用会话修改内容时须带请求头 {MADE_BY}：程序请改用密钥。",
            f"What changes something by a session must have the header {MADE_BY}; programs use a key.",
        )
    actor = await login.actor(token, address)
    if actor is None:
        raise unknown()
    return actor


async def current_actor(request: Request) -> Actor:
    authenticate = cast("Authenticate", request.app.state.authenticate)
    return await authenticate(request)


Asks: TypeAlias = Annotated[Actor, Depends(current_actor)]
"""Who asks, as an endpoint's parameter."""
