"""What an application has approved: the signature it sends with when it names none."""

from collections.abc import Iterable, Mapping

import msgspec

from hongyan.model.snapshot import EMPTY, App, Scope, Signature, Snapshot


class Of(msgspec.Struct, frozen=True):
    """What one application may use."""

    default_sign_name: str
    """The first approved one for the mainland; empty when there is none."""


class Approved:
    """Answers for the newest snapshot; looked through once for each."""

    def __init__(self) -> None:
        self._snapshot = EMPTY
        self._signatures: Mapping[int, list[Signature]] = {}
        self._of: dict[int, Of] = {}

    def of(self, snapshot: Snapshot, app: App) -> Of:
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._signatures = _by_account(snapshot.signatures.values())
            self._of = {}
        if (known := self._of.get(app.id)) is None:
            known = self._of[app.id] = Of(self._default(app))
        return known

    def _default(self, app: App) -> str:
        usable = [s for s in self._signatures.get(app.account_id, ()) if s.scope is Scope.MAINLAND and s.app_id in {None, app.id}]
        return min(usable, key=lambda signature: signature.id).name if usable else ""


def _by_account(signatures: Iterable[Signature]) -> dict[int, list[Signature]]:
    found: dict[int, list[Signature]] = {}
    for signature in signatures:
        found.setdefault(signature.account_id, []).append(signature)
    return found
