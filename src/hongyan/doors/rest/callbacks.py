"""How an application wants its callbacks, with what they are signed, what became of them, and telling them once more."""

import enum
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, Field

from hongyan.control.callbacks import LONGEST_OVERLAP_S, OVERLAP_S, CallbackChange, Callbacks
from hongyan.control.deliveries import NEWEST, Deliveries
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import Body, PathId, UnixTime, Url
from hongyan.doors.rest.paging import Cursor, Limit, after, page
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.views import shown, view_of
from hongyan.model.alarm import AlarmKind
from hongyan.model.event import EventKind
from hongyan.model.message import Dialect

SettingsView = view_of(Callbacks.get, "CallbackSettings")
EndpointView = view_of(Deliveries.endpoints, "FailingEndpoint")
DeliveryView = view_of(Deliveries.page, "Delivery")
DeadView = view_of(Deliveries.dead, "DeadEvents", texts=("id",))


class Kinds(enum.StrEnum):
    report = "report"
    reply = "reply"
    notice = "notice"
    voice = "voice"


class Testable(enum.StrEnum):
    """Kinds of which an event can be made up."""

    report = "report"
    reply = "reply"
    voice = "voice"


class Dialects(enum.StrEnum):
    native = "native"
    tencent_v3 = "tencent_v3"
    tencent_v5 = "tencent_v5"
    huawei = "huawei"


class Settings(Body):
    """What to change; what is left out stays."""

    native: bool = Field(default=False, description="The native body with Standard Webhooks headers, whatever API a message came through.")
    signed: bool = Field(default=False, description="Callbacks in Huawei's words are signed with the application's access key.")
    reply_time: bool = Field(default=False, description="Uplinks in Huawei's words say when they were written.")
    event_url: Url = Field(default="", description="Where reviews and alarms are posted, in the native body; empty for nowhere.")
    event_kinds: Annotated[list[AlarmKind], Field(max_length=len(AlarmKind))] = Field(default=[], description="Which; else all.")
    voice_url: Url = Field(default="", description="Where what happens in calls is posted; empty for nowhere.")


class Secret(BaseModel):
    secret: str = Field(description="Callbacks in the native body are signed with each one in force.")
    ends_at: float | None = Field(description="Until when it signs; null for the one in use.")


class Rotation(Body):
    overlap_s: Annotated[float, Field(ge=0, le=LONGEST_OVERLAP_S)] = Field(
        default=OVERLAP_S, description="Seconds for which the old secret signs too; 0 when others know it."
    )


class Stretch(Body):
    begin: UnixTime = Field(description="Within the last seven days.")
    end: UnixTime
    kinds: list[Kinds] = Field(default=list(Kinds), min_length=1, max_length=len(Kinds))
    dead: bool = Field(default=False, description="Only what nobody took for a day.")


class Replayed(BaseModel):
    events: int
    bundles: int
    next_begin: float | None = Field(description="Where to go on, when there was more than one call takes; null when that was all.")


class Test(Body):
    kind: Testable = Testable.report
    dialect: Dialects | None = Field(default=None, description="For messages of which API; by default Tencent's, or the native body.")


def routes(callbacks: Callbacks, deliveries: Deliveries) -> APIRouter:
    """Everything under /apps/{app_id}/callbacks."""
    door, became = CallbackPaths(callbacks), DeliveryPaths(deliveries)
    return router(
        "callbacks",
        "/apps/{app_id}/callbacks",
        [
            Operation("GET", "", "getCallbacks", door.get, "How it wants its callbacks", SettingsView, also=(404,)),
            Operation("PATCH", "", "changeCallbacks", door.change, "Change that", SettingsView, also=(404, 409)),
            Operation("GET", "/secrets", "listCallbackSecrets", door.secrets, "What signs them", list[Secret], also=(404,)),
            Operation("POST", "/secrets/rotate", "rotateCallbackSecret", door.rotate, "A new secret", list[Secret], also=(404, 409)),
            Operation("GET", "/endpoints", "listFailingEndpoints", became.endpoints, "Addresses that fail",
                      list[EndpointView], also=(404,)),  # type: ignore[valid-type]
            Operation("GET", "/deliveries", "listDeliveries", became.page, "What was sent and answered",
                      page_of(DeliveryView), also=(404,)),
            Operation("GET", "/dead", "listDeadEvents", became.dead, "What nobody took", page_of(DeadView), also=(404,)),
            Operation("POST", "/replay", "replayEvents", became.replay, "Tell it once more", Replayed, also=(404,)),
            Operation("POST", "/test", "testCallbacks", became.test, "Send a made-up event", DeliveryView, also=(404, 409, 429)),
        ],
    )  # fmt: skip


class CallbackPaths:
    """The endpoints."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks

    async def get(self, asks: Asks, app_id: PathId) -> Any:
        return shown(await self._callbacks.get(asks, app_id), SettingsView)

    async def change(self, asks: Asks, app_id: PathId, wanted: Settings) -> Any:
        """Where callbacks go is said by the application: `report_url` and `reply_url`."""
        given = wanted.model_dump(exclude_unset=True)
        if "event_kinds" in given:
            given["event_kinds"] = tuple(wanted.event_kinds)
        change = msgspec.structs.replace(CallbackChange(), **given)
        return shown(await self._callbacks.change(asks, app_id, change), SettingsView)

    async def secrets(self, asks: Asks, app_id: PathId) -> list[Secret]:
        """Those in force, the newest first."""
        return [Secret(secret=found.secret, ends_at=found.ends_at) for found in await self._callbacks.secrets(asks, app_id)]

    async def rotate(self, asks: Asks, app_id: PathId, wanted: Rotation) -> list[Secret]:
        """Requests are signed with the new one and, for a while, the old one."""
        found = await self._callbacks.rotate(asks, app_id, wanted.overlap_s)
        return [Secret(secret=secret.secret, ends_at=secret.ends_at) for secret in found]


class DeliveryPaths:
    """The endpoints about what became of them."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    async def endpoints(self, asks: Asks, app_id: PathId) -> Any:
        """Those that fail, the longest first; one that is well again is not among them."""
        return [shown(row, EndpointView) for row in await self._deliveries.endpoints(asks, app_id=app_id)]

    async def page(self, asks: Asks, app_id: PathId, *, failed: bool = False, cursor: Cursor = None, limit: Limit = 50) -> Any:
        """The newest hundred of each address, for three days."""
        found = await self._deliveries.page(asks, app_id, failed=failed, before_id=after(cursor, NEWEST), most=limit + 1)
        return page(found, limit, lambda row: row.id, lambda row: shown(row, DeliveryView))

    async def dead(self, asks: Asks, app_id: PathId, cursor: Cursor = None, limit: Limit = 50) -> Any:
        """In bundles of up to a hundred events; kept for a week."""
        found = await self._deliveries.dead(asks, app_id, before_id=after(cursor, NEWEST), most=limit + 1)
        return page(found, limit, lambda row: row.id, lambda row: shown(row, DeadView))

    async def replay(self, asks: Asks, app_id: PathId, wanted: Stretch) -> Replayed:
        """With the ids the events had; what is still being told is left alone."""
        kinds = [EventKind[kind.name.upper()] for kind in wanted.kinds]
        done = await self._deliveries.replay(asks, app_id, wanted.begin, wanted.end, kinds=kinds, dead=wanted.dead)
        return Replayed(events=done.events, bundles=done.bundles, next_begin=done.next_begin)

    async def test(self, asks: Asks, app_id: PathId, wanted: Test) -> Any:
        """To the application's address for this kind; at most six times a minute."""
        dialect = None if wanted.dialect is None else Dialect[wanted.dialect.name.upper()]
        return shown(await self._deliveries.test(asks, app_id, EventKind[wanted.kind.name.upper()], dialect), DeliveryView)
