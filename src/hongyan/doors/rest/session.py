"""Signing in, and what people change about themselves."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from hongyan.control.credentials import Credentials
from hongyan.control.login import CodeWanted, Login, Place, SignedIn
from hongyan.control.sessions import Sessions
from hongyan.doors.rest.auth import COOKIE, Asks, session_token
from hongyan.doors.rest.fields import Address, Body, Id, Name, PathId
from hongyan.doors.rest.resource import Operation, router
from hongyan.doors.rest.views import shown, view_of

MeView = view_of(Login.me, "Me")
SessionView = view_of(Sessions.every, "Session")
FactorView = view_of(Credentials.begin_second_factor, "NewFactor")
Password = Annotated[str, Field(min_length=1, max_length=1_000)]
Code = Annotated[str, Field(min_length=1, max_length=64)]
Ticket = Annotated[str, Field(min_length=1, max_length=200)]
DEVICE = "hongyan_device"
DEVICE_S = 90 * 86_400


class SignIn(Body):
    email: Address
    password: Password


class SecondStep(Body):
    token: Ticket
    code: Code = Field(description="Of the device, or a recovery code in its place.")


class Entered(BaseModel):
    """Signed in (the session is in a cookie), or one step before it."""

    signed_in: bool
    code_wanted: str | None = Field(default=None, description="Give it back as `token` with the code; good for five minutes.")
    expires_at: float


class Elsewhere(Body):
    account_id: Id | None = Field(description="null: as what one is at the operator's.")


class NewPassword(Body):
    present: Password
    wanted: Password


class WithTicket(Body):
    ticket: Ticket
    password: Password


class Joining(Body):
    ticket: Ticket
    name: Name
    password: Password


class Forgotten(Body):
    email: Address


class Proof(Body):
    password: Password


class Confirmation(Body):
    code: Code


class RecoveryCodes(BaseModel):
    codes: list[str] = Field(description="Shown this once; each stands in for the device once.")


def routes(*, login: Login, credentials: Credentials, sessions: Sessions) -> APIRouter:
    """Everything under /session, /sessions, /password and /second-factor."""
    door, mine = SessionPaths(login, sessions), CredentialPaths(credentials)
    return router(
        "session",
        "",
        [
            Operation("POST", "/session", "signIn", door.sign_in, "Sign in", Entered, also=(429,)),
            Operation("POST", "/session/code", "enterCode", door.enter_code, "The second step", Entered, also=(429,)),
            Operation("GET", "/session", "me", door.me, "Who is signed in", MeView),
            Operation("PATCH", "/session", "workIn", door.work_in, "Work in another account", MeView, also=(404,)),
            Operation("DELETE", "/session", "signOut", door.sign_out, "Sign out"),
            Operation("GET", "/sessions", "listSessions", door.every, "One's own sessions", list[SessionView]),  # type: ignore[valid-type]
            Operation("DELETE", "/sessions/{session_id}", "endSession", door.end, "End one", also=(404,)),
            Operation("POST", "/password", "changePassword", mine.change, "Change one's password", also=(429,)),
            Operation("POST", "/password/forgotten", "forgotPassword", mine.forgot, "Have a letter sent", also=(429,)),
            Operation("POST", "/password/ticket", "setPassword", mine.set_password, "Set it with a ticket", Entered, also=(404, 429)),
            Operation("POST", "/invitations/accepted", "acceptInvitation", mine.accept, "Join an account", also=(404, 409, 429)),
            Operation("POST", "/second-factor", "beginSecondFactor", mine.begin, "Begin with one", FactorView, also=(409, 429)),
            Operation("POST", "/second-factor/confirmed", "confirmSecondFactor", mine.confirm, "Put it in force", RecoveryCodes,
                      also=(409, 429)),
            Operation("POST", "/second-factor/codes", "newRecoveryCodes", mine.codes, "New recovery codes", RecoveryCodes, also=(409, 429)),
            Operation("POST", "/second-factor/ended", "endSecondFactor", mine.end, "Do without one", also=(409, 429)),
        ],
    )  # fmt: skip


def _place(request: Request) -> Place:
    return Place(
        address=request.client.host if request.client else "",
        agent=request.headers.get("user-agent", ""),
        device=request.cookies.get(DEVICE, ""),
    )


def _entered(request: Request, response: Response, made: SignedIn | CodeWanted) -> Entered:
    if isinstance(made, CodeWanted):
        return Entered(signed_in=False, code_wanted=made.token, expires_at=made.expires_at)
    # Behind a proxy it is the proxy that knows; a cookie without the mark would be refused by nobody over plain http.
    secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
    response.set_cookie(COOKIE, made.token, httponly=True, samesite="strict", secure=secure, path="/")
    response.set_cookie(DEVICE, made.device, max_age=DEVICE_S, httponly=True, samesite="strict", secure=secure, path="/api/v1")
    return Entered(signed_in=True, expires_at=made.expires_at)


class SessionPaths:
    """The endpoints under /session and /sessions."""

    def __init__(self, login: Login, sessions: Sessions) -> None:
        self._login = login
        self._sessions = sessions

    async def sign_in(self, wanted: SignIn, request: Request, response: Response) -> Entered:
        """With a second factor a code is asked for; otherwise the session begins."""
        return _entered(request, response, await self._login.sign_in(wanted.email, wanted.password, _place(request)))

    async def enter_code(self, wanted: SecondStep, request: Request, response: Response) -> Entered:
        return _entered(request, response, await self._login.enter_code(wanted.token, wanted.code, _place(request)))

    async def me(self, asks: Asks) -> Any:
        return shown(await self._login.me(asks), MeView)

    async def work_in(self, asks: Asks, wanted: Elsewhere, request: Request) -> Any:
        """From now on the session acts there."""
        token = session_token(request)
        await self._login.work_in(token, wanted.account_id)
        actor = await self._login.actor(token, asks.address)
        return shown(await self._login.me(actor or asks), MeView)

    async def sign_out(self, _asks: Asks, request: Request, response: Response) -> None:
        await self._login.sign_out(session_token(request))
        response.delete_cookie(COOKIE, path="/")

    async def every(self, asks: Asks) -> Any:
        """The newest first."""
        return [shown(row, SessionView) for row in await self._sessions.every(asks)]

    async def end(self, asks: Asks, session_id: PathId) -> None:
        await self._sessions.end(asks, session_id)


class CredentialPaths:
    """The endpoints about passwords, invitations and second factors."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def change(self, asks: Asks, wanted: NewPassword, request: Request) -> None:
        """Ends one's other sessions."""
        await self._credentials.change_password(asks, wanted.present, wanted.wanted, session_token(request))

    async def forgot(self, wanted: Forgotten, request: Request) -> None:
        """The answer is the same when there is no such person."""
        await self._credentials.forgot(wanted.email, _place(request).address)

    async def set_password(self, wanted: WithTicket, request: Request, response: Response) -> Entered:
        """Signs in, unless there is a second factor to be asked for."""
        made = await self._credentials.set_password(wanted.ticket, wanted.password, _place(request))
        return Entered(signed_in=False, expires_at=0.0) if made is None else _entered(request, response, made)

    async def accept(self, wanted: Joining, request: Request) -> None:
        """Then sign in."""
        await self._credentials.accept(wanted.ticket, wanted.name, wanted.password, _place(request))

    async def begin(self, asks: Asks, wanted: Proof) -> Any:
        """In force once a code of it was given."""
        return shown(await self._credentials.begin_second_factor(asks, wanted.password), FactorView)

    async def confirm(self, asks: Asks, wanted: Confirmation) -> RecoveryCodes:
        return RecoveryCodes(codes=await self._credentials.confirm_second_factor(asks, wanted.code))

    async def codes(self, asks: Asks, wanted: Proof) -> RecoveryCodes:
        """In the place of those there were."""
        return RecoveryCodes(codes=await self._credentials.new_recovery_codes(asks, wanted.password))

    async def end(self, asks: Asks, wanted: Proof) -> None:
        await self._credentials.end_second_factor(asks, wanted.password)
