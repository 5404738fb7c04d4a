"""Who asks, proved by the sig of the request."""

from typing import Protocol

import msgspec

from hongyan.control.errors import ControlError
from hongyan.control.errors import Fault as ControlFault
from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.errors import Failure, Fault
from hongyan.model.actor import GRANTS, Actor, ActorKind, Permission, Role
from hongyan.model.message import Caller
from hongyan.model.snapshot import App, Snapshot


class Directory(Protocol):
    """Where the door reads applications and their keys."""

    @property
    def snapshot(self) -> Snapshot: ...


class Asker(msgspec.Struct, frozen=True):
    """Whose request it is, proved by its sig."""

    app: App
    request_id: str
    """Made of the request's proof: what its messages carry."""
    chinese: bool
    """In which language it is told what was wrong."""
    address: str
    """Where the request came from."""

    @property
    def caller(self) -> Caller:
        return Caller(account_id=self.app.account_id, key_id=str(self.app.id))

    @property
    def actor(self) -> Actor:
        """The application's key, as control services want to know it."""
        return Actor(
            kind=ActorKind.KEY,
            id=str(self.app.id),
            name=f"sdkappid {self.app.id}",
            permissions=PERMISSIONS,
            account_id=self.app.account_id,
            address=self.address,
        )


PERMISSIONS = GRANTS[Role.DEVELOPER] | {Permission.MONEY_READ}
"""What an AppKey may do, within its application."""

REFUSED: dict[ControlFault, Fault] = {
    ControlFault.INVALID: errors.BAD_PACKAGE,
    ControlFault.NOT_ALLOWED: errors.NOT_PERMITTED,
}
"""What a control service's refusal is called; any other is 1007."""


def refusal(fault: ControlError, who: Asker, invalid: Fault = errors.BAD_PACKAGE) -> Failure:
    """A control service's refusal by number; `invalid` is the number for what cannot be applied for like this."""
    if fault.why in SENSITIVE:
        found = errors.SENSITIVE
    else:
        found = invalid if fault.code is ControlFault.INVALID else REFUSED.get(fault.code, errors.OTHER)
    return Failure(found, (fault.zh if who.chinese else fault.en).replace("\n", " "))


SENSITIVE = frozenset({"forbidden_word"})
