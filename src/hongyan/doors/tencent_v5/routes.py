"""The door for programs that speak Tencent's v5 API (qcloudsms): SDK AppID and AppKey, one path for each call.

HTTP status is always 200: the official SDKs never look into the body of any other answer. SMS and voice are served on one host.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeAlias

import msgspec
import structlog
from starlette.requests import Request as WebRequest
from starlette.responses import Response as WebResponse
from starlette.routing import Route

from hongyan.doors.tencent import callbacks
from hongyan.doors.tencent.times import in_china
from hongyan.doors.tencent.words import MOST_PULLED, national, serial_no
from hongyan.doors.tencent_v5 import auth, errors, schema
from hongyan.doors.tencent_v5.approved import Approved
from hongyan.doors.tencent_v5.auth import Where
from hongyan.doors.tencent_v5.errors import FAULTS, OF_THE_REQUEST, Failure, failure
from hongyan.doors.tencent_v5.schema import (
    CALLS,
    UPLOAD,
    Answer,
    Detail,
    Isms,
    MultiSms,
    PullStatus,
    PullStatus4Mobile,
    QuerySms4Mobile,
    SendVoice,
    StatusVoiceFile,
    Tel,
    number,
    text,
)
from hongyan.kit.door import HotDoor, Request, Response
from hongyan.model.event import ReplyEvent, ReportEvent
from hongyan.model.matching import Match, Matchers, Mismatch
from hongyan.model.message import Accepted, Caller, Dialect, Kind, Outcome, Refused, SendCommand, Status
from hongyan.model.phone import parse
from hongyan.model.reject import Refusal, Reject
from hongyan.model.sent import Sent
from hongyan.model.snapshot import App, Scope, Snapshot
from hongyan.model.template import split_text

log = structlog.get_logger()

CONTENT_TYPE = b"application/json"
LOOK_BACK_S = 32 * 86_400
"""How far back one number may be asked about."""
CLOCK_SLACK_S = 300
MOST_SHOWN = 100
VOICE_FILE_LIMIT = 400 * 1024
KINDS: Mapping[int | None, frozenset[Kind]] = {0: frozenset({Kind.VERIFICATION, Kind.NOTICE}), 1: frozenset({Kind.MARKETING})}
"""Which templates a text may be of, by its type."""
NO_VOICE = Failure(errors.NOT_SUPPORTED, "voice calls are not offered here")


class Directory(Protocol):
    """Where the door reads applications and their keys."""

    @property
    def snapshot(self) -> Snapshot: ...


class Sends(Protocol):
    """Who takes messages."""

    async def accept(self, caller: Caller, command: SendCommand) -> list[Outcome] | Refusal:
        """One outcome for each number, in order, or a refusal of the whole request."""
        ...


class Pulls(Protocol):
    """Who hands out reports and replies, and knows what was sent; times are Unix seconds."""

    async def reports(self, app_id: int, limit: int) -> list[ReportEvent]: ...

    async def replies(self, app_id: int, limit: int) -> list[ReplyEvent]: ...

    async def reports_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReportEvent]: ...

    async def replies_of(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> list[ReplyEvent]: ...

    async def sent_to(self, app_id: int, phone: int, begin: float, end: float, limit: int) -> tuple[int, list[Sent]]: ...


class Asker(msgspec.Struct, frozen=True):
    """Whose request it is, proved by its sig."""

    app: App
    request_id: str
    chinese: bool
    """In which language it is told what was wrong."""

    @property
    def caller(self) -> Caller:
        return Caller(account_id=self.app.account_id, key_id=str(self.app.id))


Act: TypeAlias = Callable[[Any, Asker], Awaitable[Answer | Failure]]
"""A call: its request, and who asks."""


class TencentV5Door:
    """Takes a request, answers in the words of v5. One value serves all paths."""

    def __init__(self, *, directory: Directory, send: Sends, pulls: Pulls, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._send = send
        self._pulls = pulls
        self._clock = clock
        self._approved = Approved()
        self._matchers = Matchers()
        acts: Mapping[type[schema.Request], Act] = {
            schema.SingleSms: self._send_one,
            MultiSms: self._send_many,
            Isms: self._send_one,
            PullStatus: self._pull,
            PullStatus4Mobile: self._pull_of,
            QuerySms4Mobile: self._query,
            SendVoice: self._ring,
            StatusVoiceFile: self._no_voice,
        }
        self._calls: Mapping[str, tuple[msgspec.json.Decoder[Any], Act]] = {
            path: (msgspec.json.Decoder(call.request), acts[call.request]) for path, call in CALLS.items()
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
                decoder, act = self._calls[request.path]
                asked = schema.read(decoder, request.body)
                answer = await self._answer(request, asked, act)
        except Exception:
            log.exception("request_failed", request_id=request.request_id, path=request.path)
            answer = Failure(errors.OTHER, f"ask with the request id {request.request_id}")
        if isinstance(answer, Failure):
            return _failed(answer, asked, chinese=_chinese(request.headers))
        return Response(schema.encode(answer), CONTENT_TYPE)

    async def _answer(self, request: Request, asked: Any, act: Act) -> Answer | Failure:
        if isinstance(asked, Failure) and asked.fault.gateway:
            return asked
        found = self._application(request)
        if isinstance(found, Failure):
            return found
        if isinstance(asked, Failure):
            return asked
        app, where = found
        wrong = self._verify(app, where, text(asked.sig), text(asked.time), asked.tails())
        return await act(asked, Asker(app, request.request_id, _chinese(request.headers))) if wrong is None else wrong

    def _application(self, request: Request) -> tuple[App, Where] | Failure:
        where = auth.read(request.query)
        if isinstance(where, Failure):
            return where
        app = auth.application(where, self._directory.snapshot)
        return app if isinstance(app, Failure) else (app, where)

    def _verify(self, app: App, where: Where, sig: str, time: str, tails: tuple[str, ...] | Failure) -> Failure | None:
        return auth.verify(app, sig=sig, random=where.random, time=time, tails=tails, now=self._clock())

    # Sending.

    async def _send_one(self, asked: schema.SingleSms | Isms, who: Asker) -> Answer | Failure:
        command = self._command(asked, who)
        answer = command if isinstance(command, Failure) else await self._send.accept(who.caller, command)
        if isinstance(answer, Failure):
            return answer
        if isinstance(answer, Refusal):
            return failure(answer)
        [outcome] = answer
        if isinstance(outcome, Refused):
            return Failure(FAULTS[outcome.reason], outcome.detail)
        told = (errors.OK, "OK", text(asked.ext), outcome.segments, serial_no(outcome.message_id))
        return schema.IsmsResult(*told, asked.numbers()[0].nation) if isinstance(asked, Isms) else schema.SendResult(*told)

    async def _send_many(self, asked: MultiSms, who: Asker) -> Answer | Failure:
        command = self._command(asked, who)
        answer = command if isinstance(command, Failure) else await self._send.accept(who.caller, command)
        if isinstance(answer, Failure):
            return answer
        if isinstance(answer, Refusal):
            return failure(answer)
        for outcome in answer:
            if isinstance(outcome, Refused) and outcome.reason in OF_THE_REQUEST:
                return Failure(FAULTS[outcome.reason], outcome.detail)
        details = [_detail(outcome, tel, chinese=who.chinese) for outcome, tel in zip(answer, asked.numbers(), strict=True)]
        return schema.MultiResult(errors.OK, "OK", text(asked.ext), details)

    def _command(self, asked: schema.Send, who: Asker) -> SendCommand | Failure:
        """The send in nobody's dialect."""
        phones = tuple([tel.phone() for tel in asked.numbers()])
        mainland = next((phone.mainland for phone in map(parse, phones) if phone is not None), True)
        what = self._by_template(asked) if asked.by_template() else self._by_content(asked, who, mainland=mainland)
        if isinstance(what, Failure):
            return what
        sign_name, match = what
        if not sign_name and mainland:
            sign_name = self._approved.default_sign_name(self._directory.snapshot, who.app)
        return SendCommand(
            app_id=who.app.id,
            template_id=match.template_id,
            phones=phones,
            dialect=Dialect.TENCENT_V5,
            sign_name=sign_name,
            params=match.params,
            session_context=text(asked.ext),
            extend=text(asked.extend),
            request_id=who.request_id,
        )

    def _by_template(self, asked: schema.Send) -> tuple[str, Match] | Failure:
        """The signature that was named, the template and its values."""
        template_id = number(asked.tpl_id)
        if template_id is None:
            return Failure(errors.TEMPLATE, "tpl_id must be a number")
        return text(asked.sign), Match(template_id, asked.values())

    def _by_content(self, asked: schema.Send, who: Asker, *, mainland: bool) -> tuple[str, Match] | Failure:
        """The same for a text that must be an approved template's, with a signature in front or without."""
        if asked.msg is None:
            return Failure(errors.BAD_PACKAGE, "cannot get /tpl_id or /msg")
        kinds = KINDS.get(0 if asked.type is None else number(asked.type))
        if kinds is None:
            return Failure(errors.BAD_PACKAGE, "type must be 0 for normal messages or 1 for marketing")
        sign_name, body = split_text(text(asked.msg))
        matcher = self._matchers.of(self._directory.snapshot, who.app)
        found = matcher.match(body, kinds=kinds, scope=Scope.MAINLAND if mainland else Scope.INTERNATIONAL)
        if isinstance(found, Mismatch):
            return Failure(errors.CONTENT, found.zh if who.chinese else found.reason)
        return sign_name or text(asked.sign), found

    # What became of it.

    async def _pull(self, asked: PullStatus, who: Asker) -> Answer | Failure:
        replies, most = _which(asked)
        if isinstance(most, Failure):
            return most
        if not who.app.pull:
            return failure(Refusal(Reject.NOT_SWITCHED_ON, "switch pulling on for it first"))
        return _replies(await self._pulls.replies(who.app.id, most)) if replies else _reports(await self._pulls.reports(who.app.id, most))

    async def _pull_of(self, asked: PullStatus4Mobile, who: Asker) -> Answer | Failure:
        replies, most = _which(asked)
        if isinstance(most, Failure):
            return most
        stretch = self._stretch(asked)
        if isinstance(stretch, Failure):
            return stretch
        if replies:
            return _replies(await self._pulls.replies_of(who.app.id, *stretch, most))
        return _reports(await self._pulls.reports_of(who.app.id, *stretch, most))

    async def _query(self, asked: QuerySms4Mobile, who: Asker) -> Answer | Failure:
        stretch = self._stretch(asked)
        if isinstance(stretch, Failure):
            return stretch
        count, sent = await self._pulls.sent_to(who.app.id, *stretch, MOST_SHOWN)
        return schema.Queried(errors.OK, "OK", count, int(count > MOST_SHOWN), [_sent(each) for each in sent])

    def _stretch(self, asked: PullStatus4Mobile | QuerySms4Mobile) -> tuple[int, float, float] | Failure:
        """Number, begin and end of what may be asked about."""
        begin, end, now = number(asked.begin_time), number(asked.end_time), int(self._clock())
        if begin is None or end is None:
            return Failure(errors.BAD_PACKAGE, "begin_time and end_time must be Unix seconds")
        end = min(end, now + CLOCK_SLACK_S)
        if begin < now - LOOK_BACK_S - CLOCK_SLACK_S:
            return Failure(errors.BAD_PACKAGE, f"begin_time may be {LOOK_BACK_S // 86_400} days back at most")
        if begin > end:
            return Failure(errors.BAD_PACKAGE, "begin_time is after end_time or to come")
        phone = parse(Tel(asked.nationcode, asked.mobile).phone())
        if phone is None:
            return Failure(errors.NUMBER_WRONG, "give the country code as nationcode and the number without it as mobile")
        return phone.number, float(begin), float(end)

    # Voice, which is told apart from what does not exist at all.

    async def _ring(self, asked: SendVoice, _who: Asker) -> Answer | Failure:
        phone = None if asked.tel is None else parse(asked.tel.phone())
        if phone is None or not phone.mainland:
            return Failure(errors.NUMBER_WRONG, "voice is for mainland numbers")
        if asked.msg is not None and not text(asked.msg).isdecimal():
            return Failure(errors.CODE_FORMAT)
        return NO_VOICE

    async def _no_voice(self, _asked: StatusVoiceFile, _who: Asker) -> Answer | Failure:
        return NO_VOICE

    def _upload(self, request: Request) -> Answer | Failure:
        found = self._application(request)
        if isinstance(found, Failure):
            return found
        app, where = found
        sig = request.headers.get(b"authorization", b"").decode("latin-1")
        digest = request.headers.get(b"x-content-sha1", b"").decode("latin-1")
        wrong = self._verify(app, where, sig, where.time, (f"&content-sha1={digest}",))
        if wrong is not None:
            return wrong
        if len(request.body) > VOICE_FILE_LIMIT:
            return Failure(errors.BAD_PACKAGE, f"a file may have {VOICE_FILE_LIMIT // 1024} KB")
        if hashlib.sha1(request.body, usedforsecurity=False).hexdigest() != digest.lower():
            return Failure(errors.BAD_PACKAGE, "x-content-sha1 is not of this body")
        return NO_VOICE


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
    elif isinstance(asked, schema.Sending | SendVoice):
        answer = schema.Refused(fault.result, said, text(asked.ext))
    else:
        answer = Answer(fault.result, said)
    return Response(schema.encode(answer), CONTENT_TYPE)


def _detail(outcome: Outcome, tel: Tel, *, chinese: bool) -> Detail:
    if isinstance(outcome, Accepted):
        return Detail(errors.OK, "OK", tel.number, tel.nation, outcome.segments, serial_no(outcome.message_id))
    fault = FAULTS[outcome.reason]
    return Detail(fault.result, errors.message(fault, outcome.detail, chinese=chinese), tel.number, tel.nation)


def _which(asked: PullStatus) -> tuple[bool, int | Failure]:
    """Whether replies are asked for, and how many of what it is."""
    kind, most = number(asked.type), number(asked.max)
    if kind not in {0, 1}:
        return False, Failure(errors.BAD_PACKAGE, "type must be 0 for reports or 1 for replies")
    if most is None or not 1 <= most <= MOST_PULLED:
        return False, Failure(errors.BAD_PACKAGE, f"max must be 1 to {MOST_PULLED}")
    return kind == 1, most


def _reports(events: list[ReportEvent]) -> Answer:
    return schema.PulledReports(errors.OK, "ok", len(events), [callbacks.report(event) for event in events])


def _replies(events: list[ReplyEvent]) -> Answer:
    return schema.PulledReplies(errors.OK, "ok", len(events), [callbacks.reply(event) for event in events])


def _sent(sent: Sent) -> schema.SentSms:
    sign_name, body = sent.parts
    event = None if sent.status is None or sent.done_at is None else _as_event(sent, sent.status, sent.done_at)
    report = None if event is None or sent.status is Status.UNKNOWN else callbacks.report(event)
    return schema.SentSms(
        result=errors.OK,
        errmsg="OK",
        nationcode=str(sent.country_code),
        mobile=national(sent.phone, sent.country_code),
        sign=sign_name,
        text=schema.masked(body),
        send_time=in_china(int(sent.at)),
        type=int(sent.kind is Kind.MARKETING),
        sid=serial_no(sent.message_id),
        user_receive_time=report.user_receive_time if report else "",
        report_status=report.report_status if report else "",
        status=report.errmsg if report else "",
        description=report.description if report else "",
    )


def _as_event(sent: Sent, status: Status, done_at: float) -> ReportEvent:
    return ReportEvent(
        0, sent.message_id, sent.message_id, sent.phone, sent.country_code, status, sent.code, done_at, "", Dialect.TENCENT_V5
    )
