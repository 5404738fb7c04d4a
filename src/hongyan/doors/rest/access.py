"""What programs written for Huawei Cloud name: an application's key and secret, and from numbers."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from hongyan.control.access import Access, AccessPair
from hongyan.control.from_numbers import FromNumbers
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import MOST_ID, Body, Id, OneAccount, OneApp, PathId
from hongyan.doors.rest.paging import Cursor, Limit, page, text_after
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.views import names_of, shown, view_of
from hongyan.model.message import Kind

FromNumberView = view_of(FromNumbers.add, "FromNumber")
Kinds: Any = names_of(Kind)
OneSignature = Annotated[int | None, Query(ge=1, le=MOST_ID, description="Only of this signature.")]
Number = Annotated[str, Path(min_length=1, max_length=21)]


class Pair(BaseModel):
    """By it an application sends in Huawei's API."""

    app_id: int
    access_key: str
    access_secret: str


class KeptPair(Body):
    access_key: Annotated[str, Field(min_length=8, max_length=64)]
    access_secret: Annotated[str, Field(min_length=16, max_length=128)]


class NewFromNumber(Body):
    app_id: Id
    number: Annotated[str, Field(min_length=6, max_length=21, description="6 to 21 digits or letters.")]
    signature_id: Id | None = Field(default=None, description="Null: for messages abroad, without a signature.")
    kind: Kinds | None = Field(default=None, description="What may be sent from it; null: what its signature is for.")


def routes(access: Access, numbers: FromNumbers) -> APIRouter:
    """Everything under /apps/{app_id}/access and /from-numbers."""
    pairs, given = AccessPaths(access), FromNumberPaths(numbers)
    return router(
        "huawei",
        "",
        [
            Operation("GET", "/apps/{app_id}/access", "getAccess", pairs.show, "Its key and secret in Huawei's API", Pair, also=(404,)),
            Operation("POST", "/apps/{app_id}/access", "issueAccess", pairs.issue, "Give it a pair", Pair, 201, (404, 409)),
            Operation("PUT", "/apps/{app_id}/access", "keepAccess", pairs.keep, "The pair a program has", Pair, also=(404, 409)),
            Operation("DELETE", "/apps/{app_id}/access", "removeAccess", pairs.remove, "Take it away", also=(404,)),
            Operation("POST", "/apps/{app_id}/access/rotate", "rotateAccess", pairs.rotate, "A new secret", Pair, also=(404,)),
            Operation("GET", "/from-numbers", "listFromNumbers", given.page, "From numbers", page_of(FromNumberView), also=(404,)),
            Operation("POST", "/from-numbers", "addFromNumber", given.add, "Keep one", FromNumberView, 201, (404, 409)),
            Operation("DELETE", "/from-numbers/{number}", "removeFromNumber", given.remove, "Take it away", also=(404,)),
        ],
    )


class AccessPaths:
    """The endpoints of one application's pair."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def show(self, asks: Asks, app_id: PathId) -> Pair:
        return _pair(await self._access.show(asks, app_id))

    async def issue(self, asks: Asks, app_id: PathId) -> Pair:
        """With it come from numbers, for each signature that is or will be approved."""
        return _pair(await self._access.issue(asks, app_id))

    async def keep(self, asks: Asks, app_id: PathId, wanted: KeptPair) -> Pair:
        """So that nothing in the program has to be changed; instead of what the application had."""
        return _pair(await self._access.keep(asks, app_id, wanted.access_key, wanted.access_secret))

    async def rotate(self, asks: Asks, app_id: PathId) -> Pair:
        """The key stays; the old secret is good no more."""
        return _pair(await self._access.rotate(asks, app_id))

    async def remove(self, asks: Asks, app_id: PathId) -> None:
        await self._access.remove(asks, app_id)


class FromNumberPaths:
    """The endpoints under /from-numbers."""

    def __init__(self, numbers: FromNumbers) -> None:
        self._numbers = numbers

    async def page(
        self,
        asks: Asks,
        account_id: OneAccount = None,
        app_id: OneApp = None,
        *,
        signature_id: OneSignature = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> Any:
        found = await self._numbers.page(
            asks, account_id=account_id, app_id=app_id, signature_id=signature_id, after=text_after(cursor), most=limit + 1
        )
        return page(found, limit, lambda row: row.number, lambda row: shown(row, FromNumberView))

    async def add(self, asks: Asks, wanted: NewFromNumber) -> Any:
        """One that a program has already; the operator's alone."""
        kind = None if wanted.kind is None else Kind[wanted.kind.name]
        row = await self._numbers.add(asks, wanted.app_id, wanted.number, signature_id=wanted.signature_id, kind=kind)
        return shown(row, FromNumberView)

    async def remove(self, asks: Asks, number: Number) -> None:
        """The operator's alone."""
        await self._numbers.remove(asks, number)


def _pair(pair: AccessPair) -> Pair:
    return Pair(app_id=pair.app_id, access_key=pair.access_key, access_secret=pair.access_secret)
