"""Numbers that are never sent to, and people who are told when something is wrong."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from hongyan.control.alarms import EVERYTHING, NEWEST, Alarms, Change, Draft
from hongyan.control.blacklist import Blacklist, Where
from hongyan.doors.rest.apps import account_of
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import Body, Id, Name, Note, Number, OneAccount, OneApp, PathId, Url
from hongyan.doors.rest.paging import Cursor, Limit, after, page
from hongyan.doors.rest.problems import language
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.views import shown, view_of
from hongyan.model.alarm import AlarmKind

ContactView = view_of(Alarms.contacts, "AlarmContact")
AlarmView = view_of(Alarms.told, "Alarm")
CSV = "text/csv; charset=utf-8"
Email = Annotated[str, Field(max_length=254)]
Kinds = Annotated[list[AlarmKind], Field(max_length=len(AlarmKind))]


class Listed(BaseModel):
    """A number on a blacklist."""

    phone: str
    reason: str
    created_at: float
    opted_out: bool = Field(description="Put there by the handset's own reply.")


class Counted(BaseModel):
    numbers: int = Field(description="How many it made a difference to.")


class ToList(Body):
    """Onto whose list: an application's, else an account's; the operator's without either."""

    app_id: Id | None = None
    account_id: Id | None = None
    numbers: Annotated[list[Number], Field(min_length=1, max_length=1_000)]
    reason: Note = ""


class FromList(Body):
    app_id: Id | None = None
    account_id: Id | None = None
    numbers: Annotated[list[Number], Field(min_length=1, max_length=1_000)]
    opted_out: bool = Field(default=False, description="Lift the wish of those who replied T too: only when they have taken it back.")


class WrongRow(BaseModel):
    line: int
    detail: str


class Import(BaseModel):
    """What came of a file."""

    added: int
    known: int
    wrong: int
    faults: list[WrongRow] = Field(description="The first hundred rows that could not be read.")


class NewContact(Body):
    app_id: Id
    name: Name
    email: Email = ""
    phone: Annotated[str, Field(max_length=40)] = ""
    hook_url: Url = ""
    kinds: Kinds = Field(default=list(EVERYTHING), description="What it is told of.")
    english: bool = Field(default=False, description="The language it is told in.")


class ContactChange(Body):
    """What to change; what is left out stays."""

    name: Name = ""
    email: Email = ""
    phone: Annotated[str, Field(max_length=40)] = ""
    hook_url: Url = ""
    kinds: Kinds = Field(default=[])
    english: bool = False


class MadeContact(BaseModel):
    contact: ContactView  # type: ignore[valid-type]  # made from the struct
    hook_secret: str = Field(description="With which its web hook is signed; shown this once, empty when it has none.")


class ReviewHook(BaseModel):
    account_id: int
    url: str
    secret: str = Field(description="Shown when it was just made.")


class NewReviewHook(Body):
    url: Url = Field(description="Where decisions are posted; empty ends it.")
    account_id: Id | None = None


def routes(*, blacklist: Blacklist, alarms: Alarms) -> APIRouter:
    """Everything under /blacklist, /alarm-contacts, /alarms and /review-hook."""
    lists, bells = BlacklistPaths(blacklist), AlarmPaths(alarms)
    return router(
        "contacts",
        "",
        [
            Operation("GET", "/blacklist", "listBlacklist", lists.page, "Numbers never sent to", page_of(Listed), also=(404,)),
            Operation("POST", "/blacklist", "addToBlacklist", lists.add, "Add some", Counted, also=(404, 409)),
            Operation("POST", "/blacklist/removed", "removeFromBlacklist", lists.remove, "Take some off", Counted, also=(404,)),
            Operation("POST", "/blacklist/file", "importBlacklist", lists.take_in, "Add those of a CSV file", Import, also=(404, 409, 413)),
            Operation("GET", "/blacklist/file", "exportBlacklist", lists.hand_out, "All of it as CSV", str, also=(404,), text=CSV),
            Operation("GET", "/alarm-contacts", "listAlarmContacts", bells.page, "Who is told", page_of(ContactView), also=(404,)),
            Operation("POST", "/alarm-contacts", "addAlarmContact", bells.add, "Add one", MadeContact, 201, (404, 409)),
            Operation("PATCH", "/alarm-contacts/{contact_id}", "changeAlarmContact", bells.change, "Change it", MadeContact, also=(404,)),
            Operation("DELETE", "/alarm-contacts/{contact_id}", "removeAlarmContact", bells.remove, "Remove it", also=(404,)),
            Operation("POST", "/alarm-contacts/{contact_id}/test", "testAlarmContact", bells.test, "Tell it that this is a test",
                      list[AlarmView], also=(404, 429)),  # type: ignore[valid-type]
            Operation("GET", "/alarms", "listAlarms", bells.told, "What was told, the newest first", page_of(AlarmView), also=(404,)),
            Operation("GET", "/review-hook", "getReviewHook", bells.hook, "Where decisions are posted", ReviewHook, also=(404,)),
            Operation("PUT", "/review-hook", "setReviewHook", bells.set_hook, "Post them there", ReviewHook, also=(404,)),
        ],
    )  # fmt: skip


class BlacklistPaths:
    """The endpoints under /blacklist."""

    def __init__(self, blacklist: Blacklist) -> None:
        self._blacklist = blacklist

    async def page(self, asks: Asks, app_id: OneApp = None, account_id: OneAccount = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._blacklist.page(asks, _where(asks, app_id, account_id), after_phone=after(cursor), most=limit + 1)

        def listed(row: Any) -> Listed:
            return Listed(phone=f"+{row.phone}", reason=row.reason, created_at=row.created_at, opted_out=row.opted_out)

        return page(found, limit, lambda row: row.phone, listed)

    async def add(self, asks: Asks, wanted: ToList) -> Counted:
        """Those that are on it keep their first reason."""
        where = _where(asks, wanted.app_id, wanted.account_id)
        return Counted(numbers=await self._blacklist.add(asks, where, list(wanted.numbers), wanted.reason))

    async def remove(self, asks: Asks, wanted: FromList) -> Counted:
        where = _where(asks, wanted.app_id, wanted.account_id)
        return Counted(numbers=await self._blacklist.remove(asks, where, list(wanted.numbers), opted_out=wanted.opted_out))

    async def take_in(self, asks: Asks, request: Request, app_id: OneApp = None, account_id: OneAccount = None) -> Import:
        """The body is the file: `number[,reason]` a row, UTF-8."""
        made = await self._blacklist.take_in(asks, _where(asks, app_id, account_id), await request.body())
        english = language(request) == "en"
        faults = [WrongRow(line=fault.line, detail=fault.en if english else fault.zh) for fault in made.faults]
        return Import(added=made.added, known=made.known, wrong=made.wrong, faults=faults)

    async def hand_out(self, asks: Asks, app_id: OneApp = None, account_id: OneAccount = None) -> StreamingResponse:
        """number, reason, opted_out, since."""
        rows = self._blacklist.hand_out(asks, _where(asks, app_id, account_id))
        # What is refused is refused before the first line has gone out.
        first = await anext(rows)

        async def whole() -> Any:
            yield first
            async for row in rows:
                yield row

        name = {"content-disposition": 'attachment; filename="blacklist.csv"'}
        return StreamingResponse(whole(), media_type=CSV, headers=name)


class AlarmPaths:
    """The endpoints about alarms."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms

    async def page(self, asks: Asks, app_id: OneApp = None, account_id: OneAccount = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._alarms.contacts(asks, app_id=app_id, account_id=account_id, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda contact: contact.id, lambda contact: shown(contact, ContactView))

    async def add(self, asks: Asks, wanted: NewContact) -> MadeContact:
        """At most five for an application, of an individual's two."""
        fields = wanted.model_dump(exclude={"app_id"})
        made = await self._alarms.add(asks, wanted.app_id, Draft(**fields | {"kinds": tuple(wanted.kinds)}))
        return MadeContact(contact=shown(made.contact, ContactView), hook_secret=made.hook_secret)

    async def change(self, asks: Asks, contact_id: PathId, wanted: ContactChange) -> MadeContact:
        """With another web hook comes another secret."""
        given = wanted.model_dump(exclude_unset=True)
        if "kinds" in given:
            given["kinds"] = tuple(wanted.kinds)
        made = await self._alarms.change(asks, contact_id, msgspec.structs.replace(Change(), **given))
        return MadeContact(contact=shown(made.contact, ContactView), hook_secret=made.hook_secret)

    async def remove(self, asks: Asks, contact_id: PathId) -> None:
        await self._alarms.remove(asks, contact_id)

    async def test(self, asks: Asks, contact_id: PathId) -> Any:
        """By every way it has, at most once a minute; what came of it is among the alarms."""
        return [shown(alarm, AlarmView) for alarm in await self._alarms.test(asks, contact_id)]

    async def told(self, asks: Asks, account_id: OneAccount = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._alarms.told(asks, account_id=account_id, before_id=after(cursor, NEWEST), most=limit + 1)
        return page(found, limit, lambda alarm: alarm.id, lambda alarm: shown(alarm, AlarmView))

    async def hook(self, asks: Asks, account_id: OneAccount = None) -> ReviewHook:
        found = await self._alarms.review_hook(asks, account_of(asks, account_id))
        return ReviewHook(account_id=found.account_id, url=found.url, secret="")

    async def set_hook(self, asks: Asks, wanted: NewReviewHook) -> ReviewHook:
        """Signed as Standard Webhooks says, with a new secret each time it is set."""
        made = await self._alarms.set_review_hook(asks, account_of(asks, wanted.account_id), wanted.url)
        return ReviewHook(account_id=made.account_id, url=made.url, secret=made.secret)


def _where(asks: Any, app_id: int | None, account_id: int | None) -> Where:
    """A member's shared list is their account's; only the operator has one of its own."""
    if app_id is None and account_id is None and asks.account_id is not None:
        return Where(account_id=asks.account_id)
    return Where(app_id=app_id, account_id=account_id)
