"""What the operator looks after: links and sender numbers."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from hongyan.control.links import Links
from hongyan.control.senders import Senders
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import Body, Id, Name
from hongyan.doors.rest.paging import Cursor, Limit, page, text_after
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.views import names_of, shown, view_of
from hongyan.model.snapshot import LinkConfig, Scope

LinkView = view_of(Links.add, "Link", leave_out=("password",))
SenderView = view_of(Senders.add, "Sender")
ExtensionView = view_of(Senders.extensions, "Extension")
Scopes: Any = names_of(Scope)
SenderNumber = Annotated[str, Path(min_length=1, max_length=20)]
LinkName = Annotated[str, Path(min_length=1, max_length=100)]


class LinkFields(Body):
    """What a link is; what is left out stays, or is as usual."""

    protocol: Annotated[str, Field(max_length=20)] = "smpp"
    host: Annotated[str, Field(max_length=253)] = ""
    port: Annotated[int, Field(ge=1, le=65_535)] = 2775
    system_id: Annotated[str, Field(max_length=63)] = ""
    password: Annotated[str, Field(max_length=63, description="Goes in and never comes out.")] = ""
    bind: Annotated[str, Field(max_length=10)] = "trx"
    system_type: Annotated[str, Field(max_length=63)] = ""
    sessions: Annotated[int, Field(ge=1, le=64)] = 1
    window: Annotated[int, Field(ge=1, le=10_000)] = 100
    rate: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0
    sender_id: Annotated[str, Field(max_length=20)] = ""
    keepalive_s: Annotated[float, Field(ge=1, le=3_600)] = 30.0
    response_s: Annotated[float, Field(ge=1, le=3_600)] = 60.0
    default_alphabet: Annotated[str, Field(max_length=20)] = "gsm7"
    service_type: Annotated[str, Field(max_length=63)] = ""
    scopes: Annotated[list[Scopes], Field(max_length=2)] = Field(default=list(Scopes))
    carriers: Annotated[list[Annotated[str, Field(max_length=10)]], Field(max_length=10)] = Field(default=[])
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    enabled: bool = True


class NewLink(LinkFields):
    name: Name
    host: Annotated[str, Field(min_length=1, max_length=253)]
    system_id: Annotated[str, Field(min_length=1, max_length=63)]


class NewSender(Body):
    number: Annotated[str, Field(min_length=1, max_length=20)]
    link: Name | None = Field(default=None, description="Only shown on this link.")
    app_id: Id | None = Field(default=None, description="Only shown by this application.")
    extension_digits: Annotated[int, Field(ge=0, le=9)] = Field(
        default=0, description="An access code: so many digits behind it tell signatures apart; 13 to 20 digits in all."
    )


class MoreDigits(Body):
    extension_digits: Annotated[int, Field(ge=1, le=9)]


def routes(*, links: Links, senders: Senders) -> APIRouter:
    """Everything under /links and /senders."""
    ours, numbers = LinkPaths(links), SenderPaths(senders)
    return router(
        "operator",
        "",
        [
            Operation("GET", "/links", "listLinks", ours.every, "Links to carriers, the preferred one in front", list[LinkView]),  # type: ignore[valid-type]
            Operation("POST", "/links", "addLink", ours.add, "Add one", LinkView, 201, (409,)),
            Operation("PATCH", "/links/{name}", "changeLink", ours.change, "Change it", LinkView, also=(404,)),
            Operation("GET", "/senders", "listSenders", numbers.page, "Sender numbers", page_of(SenderView)),
            Operation("POST", "/senders", "addSender", numbers.add, "Add one", SenderView, 201, (404, 409)),
            Operation("PATCH", "/senders/{number}", "extendSender", numbers.extend, "Make it an access code", SenderView, also=(404, 409)),
            Operation(
                "GET",
                "/senders/{number}/extensions",
                "listExtensions",
                numbers.extensions,
                "Which signature has which digits",
                page_of(ExtensionView),
                also=(404,),
            ),
            Operation("DELETE", "/senders/{number}", "removeSender", numbers.remove, "Take one away", also=(404, 409)),
        ],
    )


class LinkPaths:
    """The endpoints under /links."""

    def __init__(self, links: Links) -> None:
        self._links = links

    async def every(self, asks: Asks) -> Any:
        return [shown(link, LinkView) for link in await self._links.every(asks)]

    async def add(self, asks: Asks, wanted: NewLink) -> Any:
        config = LinkConfig(id=0, **_fields(wanted.model_dump()))
        return shown(await self._links.add(asks, config), LinkView)

    async def change(self, asks: Asks, name: LinkName, wanted: LinkFields) -> Any:
        """Sessions are made anew where that is needed; what is in flight ends first."""
        return shown(await self._links.change(asks, name, _fields(wanted.model_dump(exclude_unset=True))), LinkView)


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    lists: dict[str, Any] = {name: tuple(given[name]) for name in ("carriers",) if name in given}
    if "scopes" in given:
        lists["scopes"] = tuple(Scope[scope.name] for scope in given["scopes"])
    return given | lists


class SenderPaths:
    """The endpoints under /senders."""

    def __init__(self, senders: Senders) -> None:
        self._senders = senders

    async def page(self, asks: Asks, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._senders.every(asks, after=text_after(cursor), most=limit + 1)
        return page(found, limit, lambda sender: sender.number, lambda sender: shown(sender, SenderView))

    async def add(self, asks: Asks, wanted: NewSender) -> Any:
        made = await self._senders.add(asks, wanted.number, wanted.link, wanted.app_id, extension_digits=wanted.extension_digits)
        return shown(made, SenderView)

    async def extend(self, asks: Asks, number: SenderNumber, wanted: MoreDigits) -> Any:
        """Every approved signature gets digits behind it."""
        return shown(await self._senders.extend(asks, number, wanted.extension_digits), SenderView)

    async def extensions(self, asks: Asks, number: SenderNumber, cursor: Cursor = None, limit: Limit = 50) -> Any:
        """Of an account's signatures; the operator sees all."""
        found = await self._senders.extensions(asks, number, after=text_after(cursor), most=limit + 1)
        return page(found, limit, lambda row: row.extension, lambda row: shown(row, ExtensionView))

    async def remove(self, asks: Asks, number: SenderNumber) -> None:
        await self._senders.remove(asks, number)
