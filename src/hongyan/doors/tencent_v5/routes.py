"""The door for programs that speak Tencent's v5 API (qcloudsms): SDK AppID and AppKey, one path for each call.

HTTP status is always 200: the official SDKs never look into the body of any other answer. SMS and voice are served on one host.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

import msgspec
import structlog
from starlette.requests import Request as WebRequest
from starlette.responses import Response as WebResponse
from starlette.routing import Route

from hongyan.control.errors import ControlError
from hongyan.doors.tencent_v5 import auth, errors, schema
from hongyan.doors.tencent_v5.acts import voice
from hongyan.doors.tencent_v5.acts.context import Asker, Directory, refusal
from hongyan.doors.tencent_v5.acts.counts import CountActs, Counts
from hongyan.doors.tencent_v5.acts.papers import Papers, SignActs, TemplateActs
from hongyan.doors.tencent_v5.acts.pulls import PullActs, Pulls, Records
from hongyan.doors.tencent_v5.acts.sends import SendActs, Sends
from hongyan.doors.tencent_v5.auth import Where
from hongyan.doors.tencent_v5.catalogue import CALLS, UPLOAD, Call
from hongyan.doors.tencent_v5.errors import Failure
from hongyan.doors.tencent_v5.schema import Answer, text
from hongyan.doors.tencent_v5.words.counting import GetSmsPackages, PullCallbackStatus, PullSendStatus
from hongyan.doors.tencent_v5.words.papers import AddSign, AddTemplate, DelSign, DelTemplate, GetSign, GetTemplate, ModSign, ModTemplate
from hongyan.doors.tencent_v5.words.pulling import PullStatus, PullStatus4Mobile, QuerySms4Mobile
from hongyan.doors.tencent_v5.words.sending import Isms, MultiSms, Sending, SingleSms
from hongyan.doors.tencent_v5.words.voice import SendVoice, StatusVoiceFile
from hongyan.kit.door import HotDoor, Request, Response
from hongyan.model.replay import request_id
from hongyan.model.snapshot import AccountKind, App

log = structlog.get_logger()

CONTENT_TYPE = b"application/json"
INDIVIDUAL = Failure(errors.NOT_PERMITTED, "individual accounts apply for signatures and templates in the console")


class Statistics(Counts, Records, Protocol):
    """Who counts, and looks numbers up."""


class Rates(Protocol):
    """Who knows how often something was asked for."""

    async def admit(self, account_id: int, action: str, rate: int) -> bool:
        """Whether the account may ask for this now, of which there may be `rate` requests a second."""
        ...


Act: TypeAlias = Callable[[Any, Asker], Awaitable[Answer | Failure]]
"""A call: its request, and who asks."""


class TencentV5Door:
    """Takes a request, answers in the words of v5. One value serves all paths."""

    def __init__(
        self,
        *,
        directory: Directory,
        send: Sends,
        pulls: Pulls,
        counts: Statistics,
        papers: Papers,
        rates: Rates,
        clock: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._rates = rates
        self._clock = clock
        sending, pulling, counting = SendActs(directory, send), PullActs(pulls, counts, clock), CountActs(counts, clock)
        signs, templates = SignActs(papers, clock), TemplateActs(papers)
        acts: Mapping[type[schema.Request], Act] = {
            SingleSms: sending.one,
            MultiSms: sending.many,
            Isms: sending.one,
            PullStatus: pulling.pull,
            PullStatus4Mobile: pulling.pull_of,
            QuerySms4Mobile: pulling.query,
            PullSendStatus: counting.sends,
            PullCallbackStatus: counting.ends,
            GetSmsPackages: counting.packages,
            AddSign: signs.add,
            ModSign: signs.modify,
            DelSign: signs.delete,
            GetSign: signs.every,
            AddTemplate: templates.add,
            ModTemplate: templates.modify,
            DelTemplate: templates.delete,
            GetTemplate: templates.every,
            SendVoice: voice.ring,
            StatusVoiceFile: voice.status,
        }
        self._calls: Mapping[str, tuple[msgspec.json.Decoder[Any], Call, Act]] = {
            path: (msgspec.json.Decoder(call.request), call, acts[call.request]) for path, call in CALLS.items()
        }

    @property
    def doors(self) -> dict[str, HotDoor]:
        """Itself, under every path that it answers."""
        return dict.fromkeys((*CALLS, UPLOAD), self)

    async def __call__(self, request: Request) -> Response:
        """The answer to any request; never an exception."""
        asked: schema.Request | Failure | None = None
        try:
            if (wrong := _misfit(request)) is not None:
                answer: Answer | Failure = wrong
            elif request.path == UPLOAD:
                answer = self._upload(request)
            else:
                decoder, call, act = self._calls[request.path]
                asked = schema.read(decoder, request.body)
                answer = await self._answer(request, asked, call, act)
        except Exception:
            log.exception("request_failed", request_id=request.request_id, path=request.path)
            answer = Failure(errors.OTHER, f"ask with the request id {request.request_id}")
        if isinstance(answer, Failure):
            return _failed(answer, asked, chinese=_chinese(request.headers))
        return Response(schema.encode(answer), CONTENT_TYPE)

    async def _answer(self, request: Request, asked: Any, call: Call, act: Act) -> Answer | Failure:
        if isinstance(asked, Failure) and asked.fault.gateway:
            return asked
        found = self._application(request)
        if isinstance(found, Failure):
            return found
        if isinstance(asked, Failure):
            return asked
        app, where = found
        wrong = self._verify(app, where, text(asked.sig), text(asked.time), asked.tails())
        if wrong is None:
            wrong = await self._denied(request, call, app)
        if wrong is not None:
            return wrong
        proof = (str(app.id).encode(), text(asked.sig).encode(), where.random.encode(), request.body)
        number = request_id(*proof, at=int(text(asked.time)))
        who = Asker(app, number, _chinese(request.headers), request.client)
        try:
            return await act(asked, who)
        except ControlError as fault:
            return refusal(fault, who, call.invalid)

    async def _denied(self, request: Request, call: Call, app: App) -> Failure | None:
        """Why an application that has proved itself may not ask for this, or not now."""
        if not app.admits(request.client):
            return Failure(errors.ADDRESS_NOT_ALLOWED, f"it is {request.client}")
        if call.enterprises and self._directory.snapshot.accounts[app.account_id].kind is AccountKind.INDIVIDUAL:
            return INDIVIDUAL
        if not await self._rates.admit(app.account_id, request.path, call.rate):
            return Failure(errors.CALLED_TOO_OFTEN, f"{call.rate} a second are allowed")
        return None

    def _application(self, request: Request) -> tuple[App, Where] | Failure:
        where = auth.read(request.query)
        if isinstance(where, Failure):
            return where
        app = auth.application(where, self._directory.snapshot)
        return app if isinstance(app, Failure) else (app, where)

    def _verify(self, app: App, where: Where, sig: str, time: str, tails: tuple[str, ...] | Failure) -> Failure | None:
        return auth.verify(app, sig=sig, random=where.random, time=time, tails=tails, now=self._clock())

    def _upload(self, request: Request) -> Answer | Failure:
        found = self._application(request)
        if isinstance(found, Failure):
            return found
        app, where = found
        sig = request.headers.get(b"authorization", b"").decode("latin-1")
        digest = request.headers.get(b"x-content-sha1", b"").decode("latin-1")
        wrong = self._verify(app, where, sig, where.time, (f"&content-sha1={digest}",))
        if wrong is None and not app.admits(request.client):
            wrong = Failure(errors.ADDRESS_NOT_ALLOWED, f"it is {request.client}")
        return voice.upload(request.body, digest) if wrong is None else wrong


def routes() -> list[Route]:
    """What is under /v5 and no call: answered like Tencent's gateway does, by any process with doors."""

    async def unknown(request: WebRequest) -> WebResponse:
        chinese = request.headers.get("accept-language", "").lower().startswith("zh")
        path = request.url.path
        if path in CALLS or path == UPLOAD:
            wrong = Failure(errors.NOT_POST)
        elif path.startswith((schema.SMS, schema.VOICE)):
            wrong = Failure(errors.NO_SUCH_CALL)
        else:
            wrong = Failure(errors.WRONG_URL)
        answer = _failed(wrong, None, chinese=chinese)
        return WebResponse(answer.body, media_type=CONTENT_TYPE.decode())

    return [Route("/v5/{rest:path}", unknown, methods=["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])]


def _misfit(request: Request) -> Failure | None:
    if request.method != "POST":
        return Failure(errors.NOT_POST, f"{request.method} was used")
    return Failure(errors.TOO_LARGE) if request.too_large else None


def _chinese(headers: Mapping[bytes, bytes]) -> bool:
    return headers.get(b"accept-language", b"").lower().startswith(b"zh")


def _failed(wrong: Failure, asked: schema.Request | Failure | None, *, chinese: bool) -> Response:
    fault = wrong.fault
    said = errors.message(fault, wrong.detail, chinese=chinese)
    answer: Answer | schema.Gateway
    if fault.gateway:
        answer = schema.Gateway("FAIL", said, fault.result)
    elif isinstance(asked, Sending | SendVoice):
        answer = schema.Refused(fault.result, said, text(asked.ext))
    else:
        answer = Answer(fault.result, said)
    return Response(schema.encode(answer), CONTENT_TYPE)
