"""The signature that an application sends with when it names none."""

from collections.abc import Mapping

from hongyan.model.snapshot import EMPTY, App, Scope, Signature, Snapshot


class Approved:
    """Answers for the newest snapshot; looked through once for each."""

    def __init__(self) -> None:
        self._snapshot = EMPTY
        self._by_account: Mapping[int, list[Signature]] = {}
        self._names: dict[int, str] = {}

    def default_sign_name(self, snapshot: Snapshot, app: App) -> str:
        """The first approved one for the mainland; empty when there is none."""
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._by_account = _by_account(snapshot)
            self._names = {}
        if (name := self._names.get(app.id)) is None:
            usable = [signature for signature in self._by_account.get(app.account_id, ()) if signature.usable_by(app.id)]
            name = self._names[app.id] = min(usable, key=lambda signature: signature.id).name if usable else ""
        return name


def _by_account(snapshot: Snapshot) -> dict[int, list[Signature]]:
    found: dict[int, list[Signature]] = {}
    for signature in snapshot.signatures.values():
        if signature.scope is Scope.MAINLAND:
            found.setdefault(signature.account_id, []).append(signature)
    return found
