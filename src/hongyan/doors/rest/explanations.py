"""Why somebody did not get a message: of one message, or of all that a number was to be sent."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from hongyan.control.explain import CauseFound, RawCode
from hongyan.control.records import DAYS_BACK, MOST_DAYS, MOST_EXPLAINED, Explanation, Inquiry, Records
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import OneApp, PathId
from hongyan.doors.rest.messages import Entry, entry, number_of
from hongyan.doors.rest.problems import Refused, language
from hongyan.doors.rest.resource import Operation, router
from hongyan.model.causes import Who

Days = Annotated[int, Query(ge=1, le=MOST_DAYS, description="So many days back; refusals are kept for three.")]
Most = Annotated[int, Query(ge=1, le=MOST_EXPLAINED, description="At most so many, the newest.")]
OfRequest = Annotated[str, Query(max_length=80, description="Only of the request that was answered with this X-Request-Id.")]
ToNumber = Annotated[str, Query(max_length=40, description="+<country code><number>; a mainland number may be 11 digits.")]


class ExplanationCause(BaseModel):
    """One thing that explains it, and what to do about it."""

    cause: str = Field(description="For programs: check.*, carrier.* or path.*, as in the how-to page on messages that do not arrive.")
    who: Who = Field(description="Who can do something about it.")
    text: str
    advice: str = Field(description="What to do next.")
    seen: str = Field(description="What it was concluded from, where there is more to say than the cause.")


class ExplanationCode(BaseModel):
    """A code as it was said, for support."""

    code: str
    stage: str = Field(description="submit, receipt or platform.")
    segment: int = Field(description="0: the message as a whole.")
    sources: list[str] = Field(description="The lists that have it.")
    text: str


class ExplanationSegment(BaseModel):
    """A segment that a carrier took, under the carrier's id: for support."""

    segment: int
    total: int
    link: str
    carrier_id: str
    submitted_at: float = Field(description="Unix seconds.")


class MessageExplanation(BaseModel):
    """Why somebody got a message late, or not, or why that is not known."""

    message_id: str | None = Field(description="Null: it was refused, nothing was promised.")
    app_id: int
    phone: str = Field(description="Masked for whoever may not see whole numbers.")
    at: float = Field(description="When it was taken or refused; Unix seconds.")
    kind: str | None
    status: str = Field(description="The message's status, or refused.")
    code: str
    request_id: str
    causes: list[ExplanationCause] = Field(description="In front what decides, then what else should be known.")
    hops: list[Entry]
    codes: list[ExplanationCode]
    taken: list[ExplanationSegment]


class NumberExplanation(BaseModel):
    """What a number was to be sent of late, each explained."""

    phone: str
    since: float = Field(description="Unix seconds.")
    explanations: list[MessageExplanation] = Field(description="The newest first.")
    causes: list[ExplanationCause] = Field(description="What is to be said when there is none.")


def routes(records: Records) -> APIRouter:
    """Beside what is under /messages, and mounted in front of it."""

    async def of_message(asks: Asks, message_id: PathId, request: Request) -> MessageExplanation:
        """Every hop with its time, what stopped or delayed it, what to do next and who can, and the raw codes."""
        found = await records.explain(asks, message_id)
        if found is None:
            raise Refused(404, "not_found", f"没有短信 {message_id}。", f"There is no message {message_id}.")
        return shown(found, language(request))

    async def of_number(
        asks: Asks,
        request: Request,
        *,
        phone: ToNumber,
        app_id: OneApp = None,
        request_id: OfRequest = "",
        days: Days = DAYS_BACK,
        limit: Most = 5,
    ) -> NumberExplanation:
        """Messages to a number and what was refused for it, each explained; and what it means when there is none of either."""
        to = number_of(phone)
        found = await records.inquire(asks, to, app_id=app_id, request_id=request_id, days=days, most=limit)
        return _number(found, language(request))

    return router(
        "messages",
        "/messages",
        [
            Operation("GET", "/explanations", "explainNumber", of_number, "Why a number got nothing", NumberExplanation, also=(404,)),
            Operation(
                "GET",
                "/{message_id}/explanation",
                "explainMessage",
                of_message,
                "Why a message did not arrive",
                MessageExplanation,
                also=(404,),
            ),
        ],
    )


def shown(found: Explanation, lang: str) -> MessageExplanation:
    """An explanation in this door's words."""
    return MessageExplanation(
        message_id=None if found.message_id is None else str(found.message_id),
        app_id=found.app_id,
        phone=found.phone,
        at=found.at,
        kind=None if found.kind is None else found.kind.name.lower(),
        status="refused" if found.status is None else found.status.name.lower(),
        code=found.code,
        request_id=found.request_id,
        causes=[_cause(each, lang) for each in found.causes],
        hops=[entry(each, lang) for each in found.hops],
        codes=[_code(each, lang) for each in found.codes],
        taken=[
            ExplanationSegment(
                segment=each.sequence, total=each.total, link=each.link, carrier_id=each.carrier_id, submitted_at=each.submitted_at
            )
            for each in found.taken
        ],
    )


def _number(found: Inquiry, lang: str) -> NumberExplanation:
    return NumberExplanation(
        phone=found.phone,
        since=found.since,
        explanations=[shown(each, lang) for each in found.explanations],
        causes=[_cause(each, lang) for each in found.causes],
    )


def _cause(found: CauseFound, lang: str) -> ExplanationCause:
    if lang == "en":
        return ExplanationCause(cause=found.cause, who=found.who, text=found.en, advice=found.do_en, seen=found.note_en)
    return ExplanationCause(cause=found.cause, who=found.who, text=found.zh, advice=found.do_zh, seen=found.note_zh)


def _code(found: RawCode, lang: str) -> ExplanationCode:
    return ExplanationCode(
        code=found.code, stage=found.stage, segment=found.segment, sources=list(found.sources), text=found.en if lang == "en" else found.zh
    )
