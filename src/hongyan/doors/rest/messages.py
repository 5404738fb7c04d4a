"""Messages: sending them, and what became of them."""

import enum
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field

from hongyan.control.idempotency import Answered, IdempotencyKeys, Interrupted
from hongyan.control.permissions import demand
from hongyan.control.records import Glance, Records
from hongyan.control.timeline import Entry as TimelineEntry
from hongyan.control.timeline import Timeline
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import MOST_ID, Body, Id, OneApp, PathId
from hongyan.doors.rest.paging import Cursor, Limit, Page, after, page
from hongyan.doors.rest.problems import Refused, language
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.words import refused, words
from hongyan.model.actor import Actor, Permission
from hongyan.model.message import Accepted, Caller, Dialect, Outcome, SendCommand
from hongyan.model.message import Refused as RefusedNumber
from hongyan.model.phone import parse
from hongyan.model.reject import Refusal, Reject
from hongyan.model.replay import part
from hongyan.pipeline.accept import Preview
from hongyan.products.once import Answers, SendOnce

MOST_RECIPIENTS = 200
Text = Annotated[str, Field(max_length=2_000)]
Values = Annotated[list[Text], Field(max_length=99)]
IdempotencyKey = Annotated[
    str | None, Header(max_length=128, description="1 to 128 visible ASCII characters; the same request under the same key happens once.")
]
OneNumber = Annotated[str | None, Query(max_length=40, description="Only to this number.")]


class Recipient(Body):
    """One number, with values of its own when its text is its own."""

    phone: Annotated[str, Field(max_length=40, description="+<country code><number>; a mainland number may be 11 digits.")]
    params: Values | None = Field(default=None, description="Values of its own; without them the request's.")
    context: Annotated[str, Field(max_length=511)] | None = Field(default=None, description="Handed back in its events.")


class Send(Body):
    """A text to one number or to many, the same for all or different for each."""

    app_id: Id = Field(description="The application it is sent for.")
    template_id: Id = Field(description="An approved template of the application.")
    to: Annotated[list[Recipient | str], Field(min_length=1, max_length=MOST_RECIPIENTS, description="Numbers, or numbers with values.")]
    params: Values = Field(default=[], description="The values of {1}, {2}, ...")
    sign_name: Annotated[str, Field(max_length=40)] = Field(default="", description="An approved signature, without brackets.")
    context: Annotated[str, Field(max_length=511)] = Field(default="", description="Handed back in events.")
    extend: Annotated[str, Field(max_length=12, pattern="^[0-9]*$")] = Field(default="", description="Digits after the sender number.")
    sender_id: Annotated[str, Field(max_length=20)] = Field(default="", description="Abroad only: what the handset shows.")


class Answer(enum.StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Result(BaseModel):
    """What became of one number; in the order they were given."""

    phone: str
    status: Answer
    message_id: str | None = Field(default=None, description="The message's number; decimal digits.")
    segments: int = Field(default=0, description="What it is charged as.")
    region: str = Field(default="", description="ISO 3166 code of the number's country.")
    code: str | None = Field(default=None, description="Why it was refused, for programs.")
    detail: str | None = Field(default=None, description="Why it was refused, for people.")


class Sent(BaseModel):
    accepted: int = Field(description="How many were taken; these survive a crash from here on.")
    results: list[Result]


class PreviewedText(BaseModel):
    """One text, and the places of its numbers in the request."""

    text: str = Field(description="As handsets would show it.")
    places: list[int]


class Previewed(BaseModel):
    """What a request would come to if it were sent now."""

    would_be_accepted: int
    segments: int = Field(description="What it would be charged as, all numbers together.")
    texts: list[PreviewedText]
    results: list[Result]


class Entry(BaseModel):
    at: float = Field(description="Unix seconds.")
    step: str
    text: str


class MessageGlance(BaseModel):
    """A message in a list."""

    message_id: str
    app_id: int
    phone: str = Field(description="Masked for whoever may not see whole numbers.")
    kind: str
    segments: int
    accepted_at: float = Field(description="Unix seconds.")
    status: str
    code: str = Field(description="The carrier's word for its end.")


class MessageTimeline(BaseModel):
    """One message from its promise to its end."""

    message_id: str
    app_id: int
    phone: str
    kind: str
    segments: int
    status: str
    code: str = Field(description="The carrier's word for its end.")
    entries: list[Entry]


Grouped: TypeAlias = tuple[list[int], SendCommand]
"""A command, and the places of its numbers in the request."""
LookAhead: TypeAlias = Callable[[Caller, SendCommand], Awaitable[Preview | Refusal]]
"""What a request would come to."""


def routes(door: "Messages") -> APIRouter:
    """Everything under /messages."""
    return router(
        "messages",
        "/messages",
        [
            Operation("POST", "", "sendMessages", door.send, "Send", Sent, also=(404, 409)),
            Operation("POST", "/preview", "previewMessages", door.preview, "Try without sending", Previewed, also=(404,)),
            Operation("GET", "", "listMessages", door.page, "Messages, the newest first", page_of(MessageGlance), also=(404,)),
            Operation("GET", "/{message_id}", "getMessage", door.timeline, "A message's timeline", MessageTimeline, also=(404,)),
        ],
    )


class Messages:
    """The endpoints."""

    def __init__(self, *, send: SendOnce, preview: LookAhead, keys: IdempotencyKeys, records: Records, clock: Callable[[], float]) -> None:
        self._send = send
        self._preview = preview
        self._keys = keys
        self._records = records
        self._clock = clock

    async def send(self, asks: Asks, wanted: Send, request: Request, response: Response, idempotency_key: IdempotencyKey = None) -> Sent:
        """Send a text to up to 200 numbers. Numbers that cannot be sent to are refused one by one; the others are taken.

        With an Idempotency-Key the same request may be sent again for 24 hours: it happens once, and is answered the same.
        """
        caller = sender(asks)
        request_id, lang = str(request.state.request_id), language(request)
        if idempotency_key is None:
            return await self._send_now(caller, wanted, request_id, lang)
        before = await self._keys.begin(caller.account_id, idempotency_key, wanted.model_dump_json().encode(), request_id)
        if isinstance(before, Answered):
            response.headers["idempotent-replayed"] = "true"
            return Sent.model_validate_json(before.answer)
        try:
            if before is None:
                sent = await self._send_now(caller, wanted, request_id, lang)
            else:
                sent = await self._send_rest(caller, wanted, before, lang)
        except Refused as why:
            # Nothing of it was taken, unless nobody knows: then whoever asks again under the key finds what was promised.
            if why.code != Reject.INTERNAL.value:
                await self._keys.forget(caller.account_id, idempotency_key)
            raise
        await self._keys.finish(caller.account_id, idempotency_key, 200, sent.model_dump_json().encode())
        return sent

    async def _send_now(self, caller: Caller, wanted: Send, request_id: str, lang: str) -> Sent:
        groups = grouped(wanted, request_id)
        return told(groups, await self._send.first(caller, [command for _, command in groups]), lang)

    async def _send_rest(self, caller: Caller, wanted: Send, before: Interrupted, lang: str) -> Sent:
        groups = grouped(wanted, before.request_id)
        asked = [command for _, command in groups]
        return told(groups, await self._send.again(caller, asked, since=before.since, until=self._clock()), lang)

    async def preview(self, asks: Asks, wanted: Send, request: Request) -> Previewed:
        """The same request, checked in every way: approvals, values, limits, blacklists, money. Nothing is sent or kept."""
        caller, lang = sender(asks), language(request)
        results: dict[int, Result] = {}
        texts: list[PreviewedText] = []
        for places, command in grouped(wanted, str(request.state.request_id)):
            found = await self._preview(caller, command)
            if isinstance(found, Refusal):
                raise refused(found)
            texts.append(PreviewedText(text=found.text, places=places))
            told_of = (result(outcome, lang).model_copy(update={"message_id": None}) for outcome in found.outcomes)
            results |= dict(zip(places, told_of, strict=True))
        whole = [results[place] for place in sorted(results)]
        would = [found for found in whole if found.status is Answer.ACCEPTED]
        return Previewed(would_be_accepted=len(would), segments=sum(found.segments for found in would), texts=texts, results=whole)

    async def page(
        self, asks: Asks, app_id: OneApp = None, phone: OneNumber = None, cursor: Cursor = None, limit: Limit = 50
    ) -> Page[MessageGlance]:
        """The newest first; of one application, or to one number."""
        number = None if phone is None else number_of(phone)
        found = await self._records.latest(asks, app_id=app_id, phone=number, before_id=after(cursor, MOST_ID), most=limit + 1)
        return page(found, limit, lambda glance: glance.message_id, glimpse)

    async def timeline(self, asks: Asks, message_id: PathId, request: Request) -> MessageTimeline:
        """Everything that happened to a message, in order, in words."""
        found = await self._records.timeline(asks, message_id)
        if found is None:
            raise Refused(404, "not_found", f"没有短信 {message_id}。", f"There is no message {message_id}.")
        return shown(found, language(request))


def number_of(phone: str) -> int:
    """The digits of a number. Raises Refused for what is none."""
    parsed = parse(phone)
    if parsed is None:
        raise Refused(
            422,
            "bad_number",
            "号码无法识别：请写 +国家码号码。",
            "The number cannot be read: write +<country code><number>.",
        )
    return parsed.number


def sender(asks: Actor) -> Caller:
    """Whoever asks, as one who sends. Raises ControlError or Refused when they may not."""
    demand(asks, Permission.SEND)
    if asks.account_id is None:
        raise Refused(
            403,
            "no_account",
            "运营方自己不发短信：请用账号的密钥或成员身份发送。",
            "The operator itself sends nothing: use a key or a member of an account.",
        )
    return Caller(account_id=asks.account_id, key_id=asks.id)


def told(groups: Sequence[Grouped], answers: Answers, lang: str) -> Sent:
    """What became of each number. Raises Refused when nothing of the request was taken for one reason that concerns all of it."""
    first = answers[0]
    if isinstance(first, Refusal) and all(isinstance(answer, Refusal) for answer in answers):
        raise refused(first)
    results: dict[int, Result] = {}
    for (places, command), answer in zip(groups, answers, strict=True):
        outcomes = (
            [RefusedNumber(phone, "", answer.reason, answer.detail) for phone in command.phones] if isinstance(answer, Refusal) else answer
        )
        results |= {place: result(outcome, lang) for place, outcome in zip(places, outcomes, strict=True)}
    whole = [results[place] for place in sorted(results)]
    return Sent(accepted=sum(found.status is Answer.ACCEPTED for found in whole), results=whole)


def commands(wanted: Send, request_id: str) -> list[SendCommand]:
    """The request as commands of one text each."""
    return [command for _, command in grouped(wanted, request_id)]


def grouped(wanted: Send, request_id: str) -> list[Grouped]:
    """The request as commands of one text each, with the places of their numbers; equal values and contexts go together."""
    groups: dict[tuple[tuple[str, ...], str], tuple[list[int], list[str]]] = {}
    for place, to in enumerate(wanted.to):
        recipient = Recipient(phone=to) if isinstance(to, str) else to
        params = tuple(wanted.params if recipient.params is None else recipient.params)
        context = wanted.context if recipient.context is None else recipient.context
        places, phones = groups.setdefault((params, context), ([], []))
        places.append(place)
        phones.append(recipient.phone)
    return [
        (
            places,
            SendCommand(
                app_id=wanted.app_id,
                template_id=wanted.template_id,
                phones=tuple(phones),
                dialect=Dialect.NATIVE,
                sign_name=wanted.sign_name,
                params=params,
                session_context=context,
                extend=wanted.extend,
                sender_id=wanted.sender_id,
                request_id=part(request_id, number),
            ),
        )
        for number, ((params, context), (places, phones)) in enumerate(groups.items())
    ]


def result(outcome: Outcome, lang: str) -> Result:
    """One number's outcome in this door's words."""
    if isinstance(outcome, Accepted):
        return Result(
            phone=f"+{outcome.phone}",
            status=Answer.ACCEPTED,
            message_id=str(outcome.message_id),
            segments=outcome.segments,
            region=outcome.region,
        )
    return Result(
        phone=outcome.phone,
        status=Answer.REFUSED,
        region=outcome.region,
        code=outcome.reason.value,
        detail=words(outcome.reason, outcome.detail, lang),
    )


def glimpse(found: Glance) -> MessageGlance:
    """A message of a list in this door's words."""
    return MessageGlance(
        message_id=str(found.message_id),
        app_id=found.app_id,
        phone=found.phone,
        kind=found.kind.name.lower(),
        segments=found.segments,
        accepted_at=found.accepted_at,
        status=found.status.name.lower(),
        code=found.code,
    )


def shown(found: Timeline, lang: str) -> MessageTimeline:
    """A timeline in this door's words."""
    return MessageTimeline(
        message_id=str(found.message_id),
        app_id=found.app_id,
        phone=found.phone,
        kind=found.kind.name.lower(),
        segments=found.segments,
        status=found.status.name.lower(),
        code=found.code,
        entries=[entry(each, lang) for each in found.entries],
    )


def entry(found: TimelineEntry, lang: str) -> Entry:
    """One thing that happened, in this door's words."""
    return Entry(at=found.at, step=found.step.value, text=found.en if lang == "en" else found.zh)
