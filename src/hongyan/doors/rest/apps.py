"""Applications and keys."""

import enum
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from hongyan.control.apps import AppChange, Apps
from hongyan.control.keys import KeyChange, Keys
from hongyan.doors.rest.auth import Asks
from hongyan.doors.rest.fields import Body, Id, Name, Note, OneAccount, PathId, Url
from hongyan.doors.rest.inputs import body_of, struct_from
from hongyan.doors.rest.paging import Cursor, Limit, after, page, text_after
from hongyan.doors.rest.problems import Refused
from hongyan.doors.rest.resource import Operation, page_of, router
from hongyan.doors.rest.views import shown, view_of
from hongyan.model.actor import Actor
from hongyan.model.limits import PRESETS, Window

AppView = view_of(Apps.get, "App")
KeyView = view_of(Keys.change, "Key")
SecretId = Annotated[str, Path(min_length=1, max_length=100)]
Numbers = Annotated[list[Annotated[str, Field(max_length=40)]], Field(min_length=1, max_length=300)]


WindowChange: Any = body_of(Window, "LimitWindow")
PresetName = enum.StrEnum("PresetName", {name: name for name in PRESETS})  # type: ignore[misc]  # made from the table


class NewApplication(Body):
    name: Name
    account_id: Id | None = Field(default=None, description="Whose it will be; the operator must say it.")


class ApplicationChange(Body):
    """What to change; what is left out stays."""

    name: Name = ""
    enabled: bool = True
    pull: bool = False
    report_url: Url = ""
    reply_url: Url = ""
    context_in_reports: bool = False
    sender_id: Annotated[str, Field(max_length=20)] = ""
    extend_allowed: bool = False
    networks: Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=100)] = Field(
        default=[], description="Addresses and networks its AppKey may be used from; empty means any."
    )
    preset: PresetName | None = Field(default=None, description="A vendor's limits in place of all there were.")
    limits: dict[str, Annotated[int, Field(ge=0, le=1_000_000)]] = Field(
        default={}, description="Frequency limits by name; 0 switches one off."
    )
    windows: Annotated[list[WindowChange], Field(max_length=16)] = Field(
        default=[], description="All frequency limits that have no name: so many messages in so many seconds, 0 for a calendar day."
    )


class MadeApplication(BaseModel):
    app: AppView  # type: ignore[valid-type]  # made from the struct
    app_key: str = Field(description="Of the v5 API; it can be asked for again.")


class AppKey(BaseModel):
    app_key: str


class NumberList(BaseModel):
    numbers: list[str]


class NumbersWanted(Body):
    numbers: Numbers


class NewApiKey(Body):
    account_id: Id | None = None
    note: Note = ""
    allow: Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=100)] = Field(
        default=[], description="Addresses and networks it may be used from; empty means any."
    )
    scopes: Annotated[list[str], Field(max_length=30)] | None = Field(default=None, description="What it may do; null for what is usual.")


class ApiKeyChange(Body):
    """What to change; what is left out stays."""

    note: Note = ""
    allow: Annotated[list[Annotated[str, Field(max_length=50)]], Field(max_length=100)] = Field(default=[])
    scopes: Annotated[list[str], Field(max_length=30)] | None = None
    enabled: bool = True


class MadeKey(BaseModel):
    secret_id: str
    secret_key: str = Field(description="Shown this once.")


def routes(apps: Apps, keys: Keys) -> APIRouter:
    """Everything under /apps and /keys."""
    door, locks = Applications(apps), ApiKeys(keys)
    return router(
        "applications",
        "",
        [
            Operation("GET", "/apps", "listApps", door.page, "Applications", page_of(AppView), also=(404,)),
            Operation("POST", "/apps", "createApp", door.create, "Make one", MadeApplication, 201, (404, 409)),
            Operation("GET", "/apps/{app_id}", "getApp", door.get, "One of them", AppView, also=(404,)),
            Operation("PATCH", "/apps/{app_id}", "changeApp", door.change, "Change it", AppView, also=(404, 409)),
            Operation("GET", "/apps/{app_id}/key", "getAppKey", door.key, "Its AppKey", AppKey, also=(404,)),
            Operation("GET", "/apps/{app_id}/allowed", "listAllowed", door.allowed, "Numbers without limits", NumberList, also=(404,)),
            Operation("POST", "/apps/{app_id}/allowed", "allowNumbers", door.allow, "Add some", NumberList, also=(404, 409)),
            Operation("POST", "/apps/{app_id}/disallowed", "disallowNumbers", door.disallow, "Take some off", NumberList, also=(404,)),
            Operation("GET", "/keys", "listKeys", locks.page, "API keys", page_of(KeyView), also=(404,)),
            Operation("POST", "/keys", "createKey", locks.create, "Make one", MadeKey, 201, (404, 409)),
            Operation("PATCH", "/keys/{secret_id}", "changeKey", locks.change, "Change it", KeyView, also=(404, 409)),
            Operation("DELETE", "/keys/{secret_id}", "removeKey", locks.remove, "Remove one that is disabled", also=(404, 409)),
        ],
    )


def account_of(asks: Actor, named: int | None) -> int:
    """The account something is made for: the actor's own; the operator has to name one."""
    account_id = named if asks.account_id is None else asks.account_id
    if account_id is None:
        raise Refused(
            422,
            "account_missing",
            "请写明 account_id：运营方要说明是哪个账号。",
            "Name the account_id: the operator has to say whose it is.",
        )
    if named not in {None, account_id}:
        raise Refused(404, "not_found", f"没有账号 {named}。", f"There is no account {named}.")
    return account_id


class Applications:
    """The endpoints under /apps."""

    def __init__(self, apps: Apps) -> None:
        self._apps = apps

    async def page(self, asks: Asks, account_id: OneAccount = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._apps.every(asks, account_id, after_id=after(cursor), most=limit + 1)
        return page(found, limit, lambda app: app.id, lambda app: shown(app, AppView))

    async def create(self, asks: Asks, wanted: NewApplication) -> Any:
        """With the default limits, no callback address, and pull switched off."""
        made = await self._apps.create(asks, account_of(asks, wanted.account_id), wanted.name)
        return MadeApplication(app=shown(made.app, AppView), app_key=made.app_key)

    async def get(self, asks: Asks, app_id: PathId) -> Any:
        return shown(await self._apps.get(asks, app_id), AppView)

    async def change(self, asks: Asks, app_id: PathId, wanted: ApplicationChange) -> Any:
        given = wanted.model_dump(exclude_unset=True)
        if "windows" in given:
            given["windows"] = [struct_from(Window, window) for window in wanted.windows]
        given["preset"] = msgspec.UNSET if wanted.preset is None else wanted.preset.value
        change = msgspec.structs.replace(AppChange(), **given)
        return shown(await self._apps.change(asks, app_id, change), AppView)

    async def key(self, asks: Asks, app_id: PathId) -> AppKey:
        return AppKey(app_key=await self._apps.app_key(asks, app_id))

    async def allowed(self, asks: Asks, app_id: PathId) -> NumberList:
        return _numbers(await self._apps.allowed(asks, app_id))

    async def allow(self, asks: Asks, app_id: PathId, wanted: NumbersWanted) -> NumberList:
        return _numbers(await self._apps.allow(asks, app_id, wanted.numbers))

    async def disallow(self, asks: Asks, app_id: PathId, wanted: NumbersWanted) -> NumberList:
        return _numbers(await self._apps.disallow(asks, app_id, wanted.numbers))


class ApiKeys:
    """The endpoints under /keys."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def page(self, asks: Asks, account_id: OneAccount = None, cursor: Cursor = None, limit: Limit = 50) -> Any:
        found = await self._keys.every(asks, account_id, after=text_after(cursor), most=limit + 1)
        return page(found, limit, lambda key: key.secret_id, lambda key: shown(key, KeyView))

    async def create(self, asks: Asks, wanted: NewApiKey) -> MadeKey:
        """A member's key is their own. The secret is shown this once."""
        account_id = account_of(asks, wanted.account_id)
        made = await self._keys.create(asks, account_id, note=wanted.note, allow=wanted.allow, scopes=wanted.scopes)
        return MadeKey(secret_id=made.secret_id, secret_key=made.secret_key)

    async def change(self, asks: Asks, secret_id: SecretId, wanted: ApiKeyChange) -> Any:
        given = wanted.model_dump(exclude_unset=True)
        enabled = given.pop("enabled", None)
        row = await self._keys.change(asks, secret_id, msgspec.structs.replace(KeyChange(), **given))
        if enabled is not None and enabled != row.enabled:
            row = await self._keys.set_enabled(asks, secret_id, enabled=enabled)
        return shown(row, KeyView)

    async def remove(self, asks: Asks, secret_id: SecretId) -> None:
        await self._keys.remove(asks, secret_id)


def _numbers(found: list[int]) -> NumberList:
    return NumberList(numbers=[f"+{number}" for number in found])
