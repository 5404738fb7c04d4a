"""How an application wants its callbacks, and with what they are signed."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, Field

from hongyan.control.callbacks import LONGEST_OVERLAP_S, OVERLAP_S, CallbackChange, Callbacks
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import Body, PathId
from hongyan.doors.rest.resource import Operation, router
from hongyan.doors.rest.views import shown, view_of

SettingsView = view_of(Callbacks.get, "CallbackSettings")


class Settings(Body):
    """What to change; what is left out stays."""

    native: bool = Field(default=False, description="The native body with Standard Webhooks headers, whatever API a message came through.")
    signed: bool = Field(default=False, description="Callbacks in Huawei's words are signed with the application's access key.")
    reply_time: bool = Field(default=False, description="Uplinks in Huawei's words say when they were written.")


class Secret(BaseModel):
    secret: str = Field(description="Callbacks in the native body are signed with each one in force.")
    ends_at: float | None = Field(description="Until when it signs; null for the one in use.")


class Rotation(Body):
    overlap_s: Annotated[float, Field(ge=0, le=LONGEST_OVERLAP_S)] = Field(
        default=OVERLAP_S, description="Seconds for which the old secret signs too; 0 when others know it."
    )


def routes(callbacks: Callbacks) -> APIRouter:
    """Everything under /apps/{app_id}/callbacks."""
    door = CallbackPaths(callbacks)
    return router(
        "callbacks",
        "/apps/{app_id}/callbacks",
        [
            Operation("GET", "", "getCallbacks", door.get, "How it wants its callbacks", SettingsView, also=(404,)),
            Operation("PATCH", "", "changeCallbacks", door.change, "Change that", SettingsView, also=(404, 409)),
            Operation("GET", "/secrets", "listCallbackSecrets", door.secrets, "What signs them", list[Secret], also=(404,)),
            Operation("POST", "/secrets/rotate", "rotateCallbackSecret", door.rotate, "A new secret", list[Secret], also=(404,)),
        ],
    )


class CallbackPaths:
    """The endpoints."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks

    async def get(self, asks: Asks, app_id: PathId) -> Any:
        return shown(await self._callbacks.get(asks, app_id), SettingsView)

    async def change(self, asks: Asks, app_id: PathId, wanted: Settings) -> Any:
        """Where callbacks go is said by the application: `report_url` and `reply_url`."""
        change = msgspec.structs.replace(CallbackChange(), **wanted.model_dump(exclude_unset=True))
        return shown(await self._callbacks.change(asks, app_id, change), SettingsView)

    async def secrets(self, asks: Asks, app_id: PathId) -> list[Secret]:
        """Those in force, the newest first."""
        return [Secret(secret=found.secret, ends_at=found.ends_at) for found in await self._callbacks.secrets(asks, app_id)]

    async def rotate(self, asks: Asks, app_id: PathId, wanted: Rotation) -> list[Secret]:
        """Requests are signed with the new one and, for a while, the old one."""
        found = await self._callbacks.rotate(asks, app_id, wanted.overlap_s)
        return [Secret(secret=secret.secret, ends_at=secret.ends_at) for secret in found]
