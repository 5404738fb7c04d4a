"""Reports and replies, fetched: the same rows that callbacks are made from, each handed out once."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from hongyan.control.permissions import demand
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import Body, Id
from hongyan.doors.rest.problems import Refused
from hongyan.doors.rest.resource import Operation, router
from hongyan.model.actor import Actor, Permission
from hongyan.model.phone import e164
from hongyan.model.snapshot import Snapshot
from hongyan.pipeline.pulls import PullService


class Fetch(Body):
    """What to fetch of which application."""

    app_id: Id
    limit: Annotated[int, Field(ge=1, le=100)] = 100


class Report(BaseModel):
    """How a message ended."""

    message_id: str
    phone: str
    status: str
    code: str = Field(description="The carrier's word.")
    at: float
    segments: int
    context: str = Field(description="Empty unless the application wants it in reports.")


class Reply(BaseModel):
    """What a handset wrote."""

    phone: str
    text: str
    at: float
    sign_name: str
    extend: str


def routes(pulls: PullService, snapshot: Callable[[], Snapshot]) -> APIRouter:
    """Everything under /events."""
    door = Events(pulls, snapshot)
    return router(
        "events",
        "/events",
        [
            Operation("POST", "/reports", "fetchReports", door.reports, "Fetch reports", list[Report], also=(404, 409)),
            Operation("POST", "/replies", "fetchReplies", door.replies, "Fetch replies", list[Reply], also=(404, 409)),
        ],
    )


class Events:
    """The endpoints."""

    def __init__(self, pulls: PullService, snapshot: Callable[[], Snapshot]) -> None:
        self._pulls = pulls
        self._snapshot = snapshot

    async def reports(self, asks: Asks, wanted: Fetch) -> list[Report]:
        """The oldest that were not fetched yet, each once; pulling must be switched on for the application."""
        app_id = self._app(asks, wanted.app_id)
        return [
            Report(
                message_id=str(event.message_id),
                phone=e164(event.phone),
                status=event.status.name.lower(),
                code=event.code,
                at=event.at,
                segments=event.segments,
                context=event.session_context,
            )
            for event in await self._pulls.reports(app_id, wanted.limit)
        ]

    async def replies(self, asks: Asks, wanted: Fetch) -> list[Reply]:
        """The oldest that were not fetched yet, each once; pulling must be switched on for the application."""
        app_id = self._app(asks, wanted.app_id)
        return [
            Reply(phone=e164(event.phone), text=event.text, at=event.at, sign_name=event.sign_name, extend=event.extend)
            for event in await self._pulls.replies(app_id, wanted.limit)
        ]

    def _app(self, asks: Actor, app_id: int) -> int:
        demand(asks, Permission.REVEAL)
        app = self._snapshot().apps.get(app_id)
        if app is None or asks.account_id not in {None, app.account_id}:
            raise Refused(404, "app_not_found", f"没有应用 {app_id}。", f"There is no application {app_id}.")
        if not app.pull:
            raise Refused(
                409,
                "not_switched_on",
                "应用没有打开拉取：先 PATCH /apps/{id} 把 pull 设为 true。",
                "Pulling is not switched on: first PATCH /apps/{id} with pull true.",
            )
        return app_id
