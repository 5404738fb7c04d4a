"""What becomes of replies: who wants no more messages, and what is answered."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from hongyan.control.answers import NEWEST, Answerings, Change
from hongyan.control.optouts import OptOuts
from hongyan.control.replies import Replies
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import MOST_ID, Body, Id, Note, Number, PathId
from hongyan.doors.rest.inputs import body_of, struct_from
from hongyan.doors.rest.paging import Cursor, Limit, after, page
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.views import shown, view_of

AnsweringView = view_of(Answerings.get, "AppAnswering")
AnswerView = view_of(Answerings.sent, "Answer", leave_out=("app_id", "began_at", "claimed_at"), texts=("id", "reply_id"))
AnsweringChange: Any = body_of(Change, "AnsweringChange")
CSV = "text/csv; charset=utf-8"
TheApp = Annotated[int, Query(ge=1, le=MOST_ID, description="The application.")]
OnePhone = Annotated[str | None, Query(pattern="^[0-9]{5,15}$", description="Only of this number: digits with country code.")]
OneSign = Annotated[str, Query(max_length=100, description="Only those that answered a message with this signature.")]


class Heard(BaseModel):
    """What a handset wrote."""

    id: str
    phone: str
    text: str
    at: float
    sign_name: str = Field(description="The signature it was written to, or of the message it answers.")
    extend: str
    to: str = Field(description="The number it was written to.")
    message_id: str | None = Field(description="What it answers.")


class OptedOut(BaseModel):
    """A number that wants no more messages of an application."""

    phone: str
    created_at: float
    text: str = Field(description="What the handset wrote; empty when a person put it there.")
    sign_name: str = Field(description="The signature of the message it answered.")


class Numbers(Body):
    app_id: Id
    numbers: Annotated[list[Number], Field(min_length=1, max_length=1_000)]
    reason: Note = ""


class Changed(BaseModel):
    numbers: int = Field(description="How many it made a difference to.")


def routes(*, replies: Replies, optouts: OptOuts, answerings: Answerings) -> APIRouter:
    """Everything under /replies and /opt-outs, and what applications answer."""
    heard, listed, answering = ReplyPaths(replies), OptOutPaths(optouts), AnsweringPaths(answerings)
    return router(
        "replies",
        "",
        [
            Operation("GET", "/replies", "listReplies", heard.page, "Replies, the newest first", page_of(Heard), also=(404,)),
            Operation("GET", "/opt-outs", "listOptOuts", listed.page, "Who wants no more", page_of(OptedOut), also=(404,)),
            Operation("POST", "/opt-outs", "addOptOuts", listed.add, "Who said so elsewhere", Changed, also=(404,)),
            Operation("POST", "/opt-outs/removed", "removeOptOuts", listed.lift, "Who wants to hear again", Changed, also=(404,)),
            Operation("GET", "/opt-outs/file", "exportOptOuts", listed.hand_out, "All of them as CSV", str, also=(404,), text=CSV),
            Operation("GET", "/apps/{app_id}/answering", "getAnswering", answering.get, "What it does with replies", AnsweringView,
                      also=(404,)),
            Operation("PATCH", "/apps/{app_id}/answering", "changeAnswering", answering.change, "Change it", AnsweringView,
                      also=(404, 409)),
            Operation("GET", "/apps/{app_id}/answers", "listAnswers", answering.sent, "What it answered, the newest first",
                      page_of(AnswerView), also=(404,)),
        ],
    )  # fmt: skip


class ReplyPaths:
    """The endpoint under /replies."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies

    async def page(self, asks: Asks, app_id: TheApp, phone: OnePhone = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        """Looking takes nothing away from those who fetch."""
        number = None if phone is None else int(phone)
        found = await self._replies.page(asks, app_id, phone=number, before_id=after(cursor, NEWEST), most=limit + 1)

        def heard(row: Any) -> Heard:
            return Heard(
                id=str(row.id),
                phone=f"+{row.phone}",
                text=row.text,
                at=row.received_at,
                sign_name=row.sign_name,
                extend=row.extend,
                to=row.to,
                message_id=None if row.message_id is None else str(row.message_id),
            )

        return page(found, limit, lambda row: row.id, heard)


class OptOutPaths:
    """The endpoints under /opt-outs."""

    def __init__(self, optouts: OptOuts) -> None:
        self._optouts = optouts

    async def page(self, asks: Asks, app_id: TheApp, sign_name: OneSign = "", cursor: Cursor = None, limit: Limit = 50) -> Any:
        """By number."""
        found = await self._optouts.page(asks, app_id, sign_name=sign_name, after_phone=after(cursor), most=limit + 1)

        def seen(row: Any) -> OptedOut:
            return OptedOut(phone=f"+{row.phone}", created_at=row.created_at, text=row.text, sign_name=row.sign_name)

        return page(found, limit, lambda row: row.phone, seen)

    async def add(self, asks: Asks, wanted: Numbers) -> Changed:
        """What waits for them is taken back within a second."""
        return Changed(numbers=await self._optouts.add(asks, wanted.app_id, list(wanted.numbers), wanted.reason))

    async def lift(self, asks: Asks, wanted: Numbers) -> Changed:
        """Only when they have taken their wish back."""
        return Changed(numbers=await self._optouts.lift(asks, wanted.app_id, list(wanted.numbers), wanted.reason))

    async def hand_out(self, asks: Asks, app_id: TheApp) -> StreamingResponse:
        """number, text, sign_name, since."""
        rows = self._optouts.hand_out(asks, app_id)
        # What is refused is refused before the first line has gone out.
        first = await anext(rows)

        async def whole() -> Any:
            yield first
            async for row in rows:
                yield row

        name = {"content-disposition": 'attachment; filename="opt-outs.csv"'}
        return StreamingResponse(whole(), media_type=CSV, headers=name)


class AnsweringPaths:
    """The endpoints of what an application does with replies."""

    def __init__(self, answerings: Answerings) -> None:
        self._answerings = answerings

    async def get(self, asks: Asks, app_id: PathId) -> Any:
        """With every word that is understood."""
        return shown(await self._answerings.get(asks, app_id), AnsweringView)

    async def change(self, asks: Asks, app_id: PathId, wanted: AnsweringChange) -> Any:
        """All of it or, when one value is refused, nothing. A keyword whose template is null is forgotten."""
        return shown(await self._answerings.change(asks, app_id, struct_from(Change, wanted)), AnsweringView)

    async def sent(self, asks: Asks, app_id: PathId, cursor: Cursor = None, limit: Limit = 50) -> Any:
        """Of the last month."""
        found = await self._answerings.sent(asks, app_id, before_id=after(cursor, NEWEST), most=limit + 1)
        return page(found, limit, lambda answer: answer.id, lambda answer: shown(answer, AnswerView))
