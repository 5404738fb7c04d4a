"""What every action knows of the request beside its fields, and the application it is about."""

from typing import Protocol

import msgspec

from hongyan.control.errors import ControlError
from hongyan.control.errors import Fault as ControlFault
from hongyan.doors.tencent.words import decimal
from hongyan.doors.tencent_v3 import errors
from hongyan.doors.tencent_v3.errors import Failure, Fault, failure
from hongyan.model.actor import Actor, ActorKind, Permission
from hongyan.model.message import Caller
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import App, Snapshot

CLOCK_SLACK_S = 300
"""A customer's clock may differ a little from ours when it names a time."""


class Context(msgspec.Struct, frozen=True):
    """Who asks, and how to answer."""

    caller: Caller
    permissions: frozenset[Permission]
    """Of the key."""
    language: str
    """X-TC-Language."""
    request_id: str
    client: str
    """The address the request came from."""
    number: str
    """Made of the request's proof (`model.replay.request_id`): what its messages carry."""

    @property
    def actor(self) -> Actor:
        """The key, as control services want to know it."""
        caller = self.caller
        return Actor(
            kind=ActorKind.KEY,
            id=caller.key_id,
            name=caller.key_id,
            permissions=self.permissions,
            account_id=caller.account_id,
            address=self.client,
        )


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


REFUSED: dict[ControlFault, Fault] = {
    ControlFault.NOT_FOUND: errors.INVALID_VALUE,
    ControlFault.INVALID: errors.INVALID_VALUE,
    ControlFault.TAKEN: errors.IN_USE,
    ControlFault.IN_USE: errors.IN_USE,
    ControlFault.TOO_MANY: errors.LIMIT_EXCEEDED,
    ControlFault.NOT_ALLOWED: errors.NOT_AUTHORIZED,
    ControlFault.WRONG_STATE: errors.FAILED,
    ControlFault.NOT_SIGNED_IN: errors.NOT_AUTHORIZED,
    ControlFault.TOO_OFTEN: errors.TOO_OFTEN,
}
"""What a control service's refusal is called where an action has no words of its own."""


def refusal(fault: ControlError, context: Context) -> Failure:
    """A control service's refusal in Tencent's words, its text in the language asked for."""
    return Failure(REFUSED[fault.code], fault.en if context.language == errors.ENGLISH else fault.zh)
