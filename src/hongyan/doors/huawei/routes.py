"""The door for programs that speak Huawei Cloud's send API (MSGSMS): an application's key and secret, two paths."""

from collections.abc import Callable
from typing import Protocol

import structlog

from hongyan.control.apps import CheckUrl
from hongyan.doors.huawei import auth, errors, schema
from hongyan.doors.huawei.acts.sends import Directory, SendActs, Sends
from hongyan.doors.huawei.auth import Asker
from hongyan.doors.huawei.errors import Failure
from hongyan.doors.huawei.schema import SendRefused, Sent
from hongyan.doors.huawei.signing import Signed
from hongyan.doors.huawei.words import sending
from hongyan.kit.door import HotDoor, Request, Response

log = structlog.get_logger()

RATE = 1_000
"""So many requests a second an account may send; the vendor recommends no more than 500 numbers."""


class Rates(Protocol):
    """Who knows how often something was asked for."""

    async def admit(self, account_id: int, action: str, rate: int) -> bool:
        """Whether the account may ask for this now, of which there may be `rate` requests a second."""
        ...


class Nonces(Protocol):
    """Who knows which nonces were used."""

    async def first(self, key: str, nonce: str, number: str, until: float) -> bool:
        """Whether the nonce was not used before, or by this very request; it is remembered until then, Unix seconds."""
        ...


class HuaweiDoor:
    """Takes a request, answers in the vendor's words. One value serves both paths."""

    def __init__(
        self,
        *,
        directory: Directory,
        send: Sends,
        rates: Rates,
        check_url: CheckUrl,
        clock: Callable[[], float],
        nonces: Nonces | None = None,
        window_s: float = auth.WINDOW_S,
    ) -> None:
        """With `nonces` a nonce is good once; `window_s` is how far Created may be from now."""
        self._directory = directory
        self._sends = SendActs(directory, send, check_url, clock)
        self._rates = rates
        self._clock = clock
        self._nonces = nonces
        self._window_s = window_s

    @property
    def doors(self) -> dict[str, HotDoor]:
        """Itself, under every path that it answers."""
        return {schema.SEND: self, schema.SEND_DIFF: self}

    async def __call__(self, request: Request) -> Response:
        """The answer to any request; never an exception."""
        number = request.request_id
        try:
            who = self._asker(request)
            if isinstance(who, Failure):
                return told(who, number)
            answer = await self._answer(request, who)
            # What its messages and refusals are noted under, so that they can be asked for by it.
            number = who.number
        except Exception:
            log.exception("request_failed", request_id=request.request_id, path=request.path)
            answer = Failure(errors.SYSTEM, f"Ask with the request id {request.request_id}.")
        return told(answer, number)

    def _asker(self, request: Request) -> Asker | Failure:
        if request.method != "POST":
            return Failure(errors.ILLEGAL, f"Only POST is taken, {request.method} was used.")
        if request.too_large:
            return Failure(errors.ILLEGAL, "The body is too large.")
        signed = Signed(request.method, request.path, request.query, request.headers, request.body)
        return auth.authenticate(signed, request.client, self._directory.snapshot, self._clock(), window_s=self._window_s)

    async def _answer(self, request: Request, who: Asker) -> Sent | Failure:
        asked = sending.read(request.path, sending.header(request.headers, b"content-type"), request.body)
        if isinstance(asked, Failure):
            return asked
        if (wrong := await self._denied(who, request.path)) is not None:
            return wrong
        return await self._sends.send(asked, who, request.request_id)

    async def _denied(self, who: Asker, path: str) -> Failure | None:
        if not await self._rates.admit(who.app.account_id, path, RATE):
            return Failure(errors.TOO_OFTEN, f"{RATE} a second are allowed.")
        if self._nonces is None or not who.nonce:
            return None
        first = await self._nonces.first(who.key, who.nonce, who.number, who.until)
        return None if first else Failure(errors.AUTHENTICATION, "The Nonce was used for another request already.")


def told(answer: Sent | Failure, request_id: str) -> Response:
    """An answer as it goes out."""
    headers = ((b"x-request-id", request_id.encode()),)
    if isinstance(answer, Failure):
        body = schema.encode(SendRefused(answer.fault.code, errors.description(answer.fault, answer.detail)))
        return Response(body, schema.CONTENT_TYPE, answer.fault.status, headers)
    taken = any(entry.status == errors.OK for entry in answer.result)
    return Response(schema.encode(answer), schema.CONTENT_TYPE, 200 if taken else errors.NOT_SENT.status, headers)
