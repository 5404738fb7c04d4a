"""What an application is protected with, messages that wait for a person, words, and counts."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from hongyan.control.held import HeldMessages
from hongyan.control.protection import Change, Protections
from hongyan.control.statistics import Statistics
from hongyan.control.words import WordList
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import MOST_ID, Body, Id, OneApp, PathId
from hongyan.doors.rest.inputs import body_of, struct_from
from hongyan.doors.rest.paging import Cursor, Limit, after, page, text_after
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.views import shown, view_of
from hongyan.model.protection import WordAction

GuardedView = view_of(Protections.get, "Protection")
StoppedView = view_of(Protections.stop, "Stopped")
HeldView = view_of(HeldMessages.page, "HeldMessage", texts=("message_id",))
WordView = view_of(WordList.page, "Word")
SendsView = view_of(Statistics.sends, "Sends")
EndsView = view_of(Statistics.ends, "Ends")
ProtectionChange: Any = body_of(Change, "ProtectionChange")
Reason = Annotated[str, Field(max_length=200)]
Begin = Annotated[float, Query(ge=0, le=253_402_300_799, description="Unix seconds.")]
Words = Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(min_length=1, max_length=1_000)]


class Stop(Body):
    reason: Reason = ""


class HeldOnes(Body):
    app_id: Id
    message_ids: Annotated[list[Annotated[str, Field(pattern="^[0-9]{1,19}$")]], Field(min_length=1, max_length=500)]
    reason: Reason = ""


class Done(BaseModel):
    message_ids: list[str] = Field(description="Those that were still held.")


class NewWords(Body):
    words: Words
    action: WordAction
    reason: Reason = ""


class OldWords(Body):
    words: Words


class Counted(BaseModel):
    words: int = Field(description="How many it made a difference to.")


def routes(*, protections: Protections, held: HeldMessages, words: WordList, statistics: Statistics) -> APIRouter:
    """Everything under /apps/{app_id}/protection, /held, /words and /statistics."""
    shield, shelf, listed, counts = ProtectionPaths(protections), HeldPaths(held), WordPaths(words), CountPaths(statistics)
    return router(
        "guards",
        "",
        [
            Operation("GET", "/apps/{app_id}/protection", "getProtection", shield.get, "Its protection", GuardedView, also=(404,)),
            Operation("PATCH", "/apps/{app_id}/protection", "changeProtection", shield.change, "Change it", StoppedView, also=(404, 409)),
            Operation("POST", "/apps/{app_id}/stop", "stopApp", shield.stop, "The emergency stop", StoppedView, also=(404,)),
            Operation("POST", "/apps/{app_id}/resume", "resumeApp", shield.resume, "Let it send again", StoppedView, also=(404, 409)),
            Operation("GET", "/held", "listHeld", shelf.page, "Messages that wait for a person", page_of(HeldView), also=(404,)),
            Operation("POST", "/held/release", "releaseHeld", shelf.release, "Let them go", Done, also=(404,)),
            Operation("POST", "/held/refuse", "refuseHeld", shelf.refuse, "Do not send them", Done, also=(404,)),
            Operation("GET", "/words", "listWords", listed.page, "The operator's words", page_of(WordView)),
            Operation("POST", "/words", "addWords", listed.add, "Add some", Counted, also=(409,)),
            Operation("POST", "/words/removed", "removeWords", listed.remove, "Take some off", Counted),
            Operation("GET", "/statistics/sends", "countSends", counts.sends, "What was asked for and promised", SendsView, also=(404,)),
            Operation("GET", "/statistics/ends", "countEnds", counts.ends, "How it ended", EndsView, also=(404,)),
        ],
    )


class ProtectionPaths:
    """The endpoints of one application's protection."""

    def __init__(self, protections: Protections) -> None:
        self._protections = protections

    async def get(self, asks: Asks, app_id: PathId) -> Any:
        """With the day's counts."""
        return shown(await self._protections.get(asks, app_id), GuardedView)

    async def change(self, asks: Asks, app_id: PathId, wanted: ProtectionChange) -> Any:
        """All of it or, when one value is refused, nothing."""
        return shown(await self._protections.change(asks, app_id, struct_from(Change, wanted)), StoppedView)

    async def stop(self, asks: Asks, app_id: PathId, wanted: Stop) -> Any:
        """Nothing more is accepted, and what waits is not sent; nobody pays for it."""
        return shown(await self._protections.stop(asks, app_id, wanted.reason), StoppedView)

    async def resume(self, asks: Asks, app_id: PathId) -> Any:
        """What the operator has stopped only the operator lets go."""
        return shown(await self._protections.resume(asks, app_id), StoppedView)


class HeldPaths:
    """The endpoints under /held."""

    def __init__(self, held: HeldMessages) -> None:
        self._held = held

    async def page(self, asks: Asks, app_id: OneApp = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        """The oldest first."""
        found = await self._held.page(asks, app_id=app_id, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda held: held.message_id, lambda held: shown(held, HeldView))

    async def release(self, asks: Asks, wanted: HeldOnes) -> Done:
        """One whose validity has ended meanwhile ends as expired."""
        done = await self._held.release(asks, wanted.app_id, _ids(wanted))
        return Done(message_ids=[str(id_) for id_ in done])

    async def refuse(self, asks: Asks, wanted: HeldOnes) -> Done:
        """Their segments are given back, and the customer is told."""
        done = await self._held.refuse(asks, wanted.app_id, _ids(wanted), wanted.reason)
        return Done(message_ids=[str(id_) for id_ in done])


def _ids(wanted: HeldOnes) -> list[int]:
    return [min(int(written), MOST_ID) for written in wanted.message_ids]


class WordPaths:
    """The endpoints under /words: the operator's."""

    def __init__(self, words: WordList) -> None:
        self._words = words

    async def page(self, asks: Asks, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._words.page(asks, after=text_after(cursor), most=limit + 1)
        return page(found, limit, lambda row: row.word, lambda row: shown(row, WordView))

    async def add(self, asks: Asks, wanted: NewWords) -> Counted:
        """They are found however they are spaced or disguised."""
        return Counted(words=await self._words.add(asks, wanted.words, wanted.action, wanted.reason))

    async def remove(self, asks: Asks, wanted: OldWords) -> Counted:
        return Counted(words=await self._words.remove(asks, wanted.words))


class CountPaths:
    """The endpoints under /statistics."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics

    async def sends(self, asks: Asks, app_id: Annotated[int, Query(ge=1, le=MOST_ID)], begin: Begin, end: Begin) -> Any:
        """Of the whole hours from `begin` up to `end`, at most 32 days."""
        return shown(await self._statistics.sends(asks, app_id, begin, end), SendsView)

    async def ends(self, asks: Asks, app_id: Annotated[int, Query(ge=1, le=MOST_ID)], begin: Begin, end: Begin) -> Any:
        """Of the messages accepted from `begin` up to `end`, at most 32 days."""
        return shown(await self._statistics.ends(asks, app_id, begin, end), EndsView)
