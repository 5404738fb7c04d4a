"""The reviewers' desk: what waits, who has it in hand, what was decided."""

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field

from hongyan.control.calendar import Calendar
from hongyan.control.reasons import BY_KIND
from hongyan.control.review import Review
from hongyan.control.signatures import Signatures
from hongyan.control.templates import Templates
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import MOST_ID, Body, OneAccount, PathId
from hongyan.doors.rest.paging import Cursor, Limit, Page, after, page
from hongyan.doors.rest.problems import language
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.views import shown, view_of
from hongyan.model.papers import Filing, ReviewKind, ReviewState

ReviewView = view_of(Review.get, "Review")
WaitingView = view_of(Review.waiting, "Waiting")
DayView = view_of(Calendar.days, "Day")
SignatureRowView = view_of(Signatures.add, "SignatureAsAppliedFor")
TemplateView = view_of(Templates.get, "Template")
Kinds = Annotated[list[ReviewKind], Query(description="Only these; all when none is named.")]
Note = Annotated[str, Field(max_length=500, description="For the applicant.")]


class Approval(Body):
    note: Note = ""


class Rejection(Body):
    """With reasons, a note, or both: the applicant reads them."""

    reasons: Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=10)] = Field(default=[], description="By their codes.")
    note: Note = ""


class Filed(Body):
    filing: Filing
    note: Note = ""


class Switch(Body):
    on: bool


class RuleView(BaseModel):
    """A rule that approves by itself."""

    name: str
    on: bool
    text: str


class Reason(BaseModel):
    kind: ReviewKind
    code: str
    text: str


class WorkingDay(Body):
    working: bool
    name: Annotated[str, Field(max_length=40, description="Why.")] = ""


def routes(*, review: Review, signatures: Signatures, templates: Templates, calendar: Calendar) -> APIRouter:
    """Everything under /reviews, /review-rules and /calendar, and what operators do with what was approved."""
    door, shelf, days = ReviewPaths(review), ShelfPaths(signatures, templates), CalendarPaths(calendar)
    act = (404, 409)
    return router(
        "review",
        "",
        [
            Operation("GET", "/reviews", "listReviews", door.page, "What was applied for, and what came of it", page_of(ReviewView),
                      also=(404,)),
            Operation("GET", "/reviews/queue", "reviewQueue", door.queue, "What waits, the most urgent first", page_of(ReviewView)),
            Operation("GET", "/reviews/waiting", "reviewsWaiting", door.waiting, "How much waits", list[WaitingView]),  # type: ignore[valid-type]
            Operation("GET", "/reviews/reasons", "reviewReasons", door.reasons, "Reasons to reject", list[Reason]),
            Operation("POST", "/reviews/next", "claimNextReview", door.claim_next, "Take the most urgent one", ReviewView | None),
            Operation("GET", "/reviews/{id}", "getReview", door.get, "One of them", ReviewView, also=(404,)),
            Operation("POST", "/reviews/{id}/claim", "claimReview", door.claim, "Take it in hand for half an hour", ReviewView, also=act),
            Operation("POST", "/reviews/{id}/release", "releaseReview", door.release, "Put it back", ReviewView, also=act),
            Operation("POST", "/reviews/{id}/approve", "approveReview", door.approve, "Approve", ReviewView, also=act),
            Operation("POST", "/reviews/{id}/reject", "rejectReview", door.reject, "Reject", ReviewView, also=act),
            Operation("POST", "/reviews/{id}/ask", "askReview", door.ask, "Ask for more papers", ReviewView, also=act),
            Operation("GET", "/review-rules", "listReviewRules", door.rules, "Rules that approve by themselves", list[RuleView]),
            Operation("PUT", "/review-rules/{name}", "switchReviewRule", door.switch, "Switch one", RuleView, also=(404,)),
            Operation("GET", "/calendar/{year}", "listDays", days.days, "Days that are other than their weekday says", list[DayView]),  # type: ignore[valid-type]
            Operation("PUT", "/calendar/days/{day}", "setDay", days.set_day, "Say whether a day is worked", DayView),
            Operation("DELETE", "/calendar/days/{day}", "unsetDay", days.unset_day, "Back to the packaged calendar", also=(404,)),
            Operation("POST", "/signatures/{id}/deactivate", "deactivateSignature", shelf.signature, "Take it out of use",
                      SignatureRowView, also=act),
            Operation("POST", "/signatures/{id}/filing", "fileSignature", shelf.file, "How far its filing is", SignatureRowView, also=act),
            Operation("POST", "/templates/{id}/deactivate", "deactivateTemplate", shelf.template, "Take it out of use", TemplateView,
                      also=act),
        ],
    )  # fmt: skip


class ReviewPaths:
    """The endpoints under /reviews."""

    def __init__(self, review: Review) -> None:
        self._review = review

    async def page(  # noqa: PLR0917 - a question's parts, each by name
        self,
        asks: Asks,
        account_id: OneAccount = None,
        kind: ReviewKind | None = None,
        state: ReviewState | None = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Any:
        """The newest first: an account's own, or for the operator all."""
        found = await self._review.page(
            asks, account_id=account_id, kind=kind, state=state, before_id=after(cursor, MOST_ID), most=limit + 1
        )
        return page(found, limit, lambda row: row.id, lambda row: shown(row, ReviewView))

    async def queue(self, asks: Asks, kinds: Kinds = [], cursor: Cursor = None, limit: Limit = 50) -> Page[Any]:  # noqa: B006 - FastAPI's way
        found = await self._review.queue(asks, kinds=tuple(kinds) or tuple(ReviewKind), after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda row: row.id, lambda row: shown(row, ReviewView))

    async def waiting(self, asks: Asks) -> Any:
        """By kind, and how many of them longer than promised."""
        return [shown(row, WaitingView) for row in await self._review.waiting(asks)]

    async def reasons(self, _asks: Asks, request: Request) -> list[Reason]:
        english = language(request) == "en"
        return [Reason(kind=kind, code=code, text=words[english]) for kind, by_code in BY_KIND.items() for code, words in by_code.items()]

    async def claim_next(self, asks: Asks, kinds: Kinds = []) -> Any:  # noqa: B006 - as queue
        """Of those that nobody has in hand; null when there is none."""
        row = await self._review.claim_next(asks, tuple(kinds) or tuple(ReviewKind))
        return None if row is None else shown(row, ReviewView)

    async def get(self, asks: Asks, id: PathId) -> Any:  # noqa: A002 - as the path has it
        return shown(await self._review.get(asks, id), ReviewView)

    async def claim(self, asks: Asks, id: PathId) -> Any:  # noqa: A002 - as get
        return shown(await self._review.claim(asks, id), ReviewView)

    async def release(self, asks: Asks, id: PathId) -> Any:  # noqa: A002 - as get
        return shown(await self._review.release(asks, id), ReviewView)

    async def approve(self, asks: Asks, id: PathId, wanted: Approval) -> Any:  # noqa: A002 - as get
        """What was applied for is good from now on."""
        return shown(await self._review.approve(asks, id, wanted.note), ReviewView)

    async def reject(self, asks: Asks, id: PathId, wanted: Rejection) -> Any:  # noqa: A002 - as get
        return shown(await self._review.reject(asks, id, wanted.reasons, wanted.note), ReviewView)

    async def ask(self, asks: Asks, id: PathId, wanted: Rejection) -> Any:  # noqa: A002 - as get
        """For qualifications and accounts."""
        return shown(await self._review.ask(asks, id, wanted.reasons, wanted.note), ReviewView)

    async def rules(self, asks: Asks, request: Request) -> list[RuleView]:
        english = language(request) == "en"
        return [RuleView(name=rule.name, on=rule.on, text=rule.en if english else rule.zh) for rule in await self._review.rules(asks)]

    async def switch(self, asks: Asks, name: str, wanted: Switch, request: Request) -> RuleView:
        """From now on; what waits already is decided by somebody."""
        rule = await self._review.switch_rule(asks, name, on=wanted.on)
        return RuleView(name=rule.name, on=rule.on, text=rule.en if language(request) == "en" else rule.zh)


class ShelfPaths:
    """What the operator does with signatures and templates after their review."""

    def __init__(self, signatures: Signatures, templates: Templates) -> None:
        self._signatures = signatures
        self._templates = templates

    async def signature(self, asks: Asks, id: PathId) -> Any:  # noqa: A002 - as the path has it
        return shown(await self._signatures.deactivate(asks, id), SignatureRowView)

    async def file(self, asks: Asks, id: PathId, wanted: Filed) -> Any:  # noqa: A002 - as signature
        """With the carriers; the account is told how it ended."""
        return shown(await self._signatures.file(asks, id, wanted.filing, wanted.note), SignatureRowView)

    async def template(self, asks: Asks, id: PathId) -> Any:  # noqa: A002 - as signature
        """The account can only apply for another."""
        return shown(await self._templates.deactivate(asks, id), TemplateView)


class CalendarPaths:
    """The endpoints under /calendar: by working days reviews are due."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar

    async def days(self, asks: Asks, year: Annotated[int, Path(ge=1, le=9999)]) -> Any:
        """Holidays, and weekend days that are worked for them."""
        return [shown(day, DayView) for day in await self._calendar.days(asks, year)]

    async def set_day(self, asks: Asks, day: dt.date, wanted: WorkingDay) -> Any:
        return shown(await self._calendar.set_day(asks, day, working=wanted.working, name=wanted.name), DayView)

    async def unset_day(self, asks: Asks, day: dt.date) -> None:
        await self._calendar.unset_day(asks, day)
