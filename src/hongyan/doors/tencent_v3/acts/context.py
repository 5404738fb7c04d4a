"""What every action knows of the request beside its fields, and the application it is about."""

from typing import Protocol

import msgspec

from hongyan.doors.tencent.words import decimal
from hongyan.doors.tencent_v3 import errors
from hongyan.doors.tencent_v3.errors import Failure, failure
from hongyan.model.message import Caller
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import App, Snapshot


class Context(msgspec.Struct, frozen=True):
    """Who asks, and how to answer."""

    caller: Caller
    language: str
    """X-TC-Language."""
    request_id: str
    client: str
    """The address the request came from."""


class Directory(Protocol):
    """Where the door reads keys and applications."""

    @property
    def snapshot(self) -> Snapshot: ...


def app_of(directory: Directory, sms_sdk_app_id: str, caller: Caller) -> App | Failure:
    """The caller's application."""
    app_id = decimal(sms_sdk_app_id)
    app = None if app_id is None else directory.snapshot.apps.get(app_id)
    if app is None:
        return failure(Refusal(Reject.APP_NOT_FOUND))
    if app.account_id != caller.account_id:
        return failure(Refusal(Reject.APP_NOT_YOURS))
    return app if app.enabled else failure(Refusal(Reject.APP_DISABLED))


def wrong_page(limit: int, offset: int, most: int) -> Failure | None:
    """Why no page can be cut out like this; offsets are always 0."""
    if not 1 <= limit <= most:
        return Failure(errors.LIMIT_WRONG, f"1 to {most}; it is {limit}")
    if offset != 0:
        return Failure(errors.OFFSET_WRONG, f"always 0; it is {offset}")
    return None
