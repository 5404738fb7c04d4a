"""A group: the requests that share one transaction, from their questions to their rows and answers."""

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.model.message import Accepted, Message, Outcome
from hongyan.model.numbering import Numbering
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import PackageRef, Scope
from hongyan.pipeline import checks
from hongyan.pipeline.compose import VALIDITY_S, Composed, Draft, refused
from hongyan.pipeline.routing import way_of
from hongyan.store import commits, messages, queue
from hongyan.store.messages import LOCK_BUCKETS, Facts, NewMessage

Packages = Mapping[tuple[int, Scope], tuple[PackageRef, ...]]


class OutOfPackageError(Exception):
    """A package had less left than was seen a moment ago: another process drew on it."""


class Waiting(msgspec.Struct):
    """A request that waits for its group's commit."""

    composed: Composed
    answer: asyncio.Future[list[Outcome] | Refusal]


class Promise(msgspec.Struct, frozen=True):
    """A draft that passed every check."""

    draft: Draft
    id: int
    package_id: int
    way: int


class Group:
    """One try at a group. Thrown away when the try fails; the drafts are decided anew in the next."""

    def __init__(
        self, requests: Sequence[Waiting], now: float, horizon: checks.Horizon, new_id: Callable[[], int], numbering: Numbering
    ) -> None:
        self.now = now
        self.promises: list[Promise] = []
        self._requests = requests
        self._horizon = horizon
        self._new_id = new_id
        self._numbering = numbering
        self._outcomes: list[dict[int, Outcome]] = [{} for _ in requests]

    async def decide(self, tx: Connection, packages: Packages) -> None:
        """Ask the database, application by application, and decide every draft in the order of arrival."""
        by_app: dict[int, list[tuple[int, Draft]]] = {}
        for place, request in enumerate(self._requests):
            for draft in request.composed.drafts:
                by_app.setdefault(draft.body.app.id, []).append((place, draft))
        buckets = {_bucket(app_id, draft.phone.number) for app_id, members in by_app.items() for _, draft in members}
        await messages.lock(tx, sorted(buckets))
        for app_id, members in by_app.items():
            purses = {
                scope: [p for p in packages.get((app_id, scope), ()) if p.effective_at <= self.now < p.expires_at]
                for scope in {draft.body.scope for _, draft in members}
            }
            limits = members[0][1].body.app.limits
            facts = await messages.facts(
                tx,
                app_id,
                list({draft.phone.number for _, draft in members}),
                since_id=self._horizon.since(limits),
                most=checks.enough_history(limits),
                packages=[package.id for purse in purses.values() for package in purse],
            )
            for place, draft in members:
                self._outcomes[place][draft.position] = self._decide(draft, facts, purses[draft.body.scope])

    def _decide(self, draft: Draft, facts: Facts, purse: Sequence[PackageRef]) -> Outcome:
        body, number = draft.body, draft.phone.number
        history = facts.recent.get(number, ())
        package = _first_with(purse, facts.available, body.segments)
        standing = checks.Standing(
            recent=checks.recent(history, body.content_hash, self._horizon),
            blacklisted=number in facts.blacklisted,
            opted_out=number in facts.opted_out,
            limited=number not in body.app.unlimited_phones,
            affordable=package is not None,
        )
        if (reason := checks.first_refusal(draft, standing)) is not None or package is None:
            return refused(draft.phone, reason or Reject.NO_PACKAGE)
        message_id = self._new_id()
        facts.available[package] -= body.segments
        facts.recent[number] = [(message_id, body.content_hash), *history]
        self.promises.append(Promise(draft, message_id, package, way_of(self._numbering, number)))
        return Accepted(message_id, number, draft.phone.region, body.segments)

    async def write(self, tx: Connection, owners: Sequence[int | None]) -> None:
        """Messages, queue entries and reserves. Raises OutOfPackageError, which must roll all back: look again and try again."""
        rows: dict[int, list[tuple[NewMessage, int | None]]] = {}
        for promise, owner in zip(self.promises, owners, strict=True):
            rows.setdefault(promise.draft.body.app.id, []).append((self._row(promise), owner))
        for app_id in sorted(rows):
            mine = rows[app_id]
            if not await messages.promise(tx, app_id, [row for row, _ in mine], [owner for _, owner in mine], now=self.now):
                raise OutOfPackageError
        if None in owners:
            await queue.ring(tx)

    async def was_written(self, tx: Connection) -> bool:
        """Whether a try whose commit was not answered is there after all; the answer holds once `tx` is committed.

        The lock is held until a commit that is still under way has ended: without it "not yet" would look like "no".
        """
        one = self.promises[0].draft
        await messages.lock(tx, [_bucket(one.body.app.id, one.phone.number)])
        await commits.seal(tx)
        return await messages.exists(tx, one.body.app.id, self.promises[0].id)

    def answers(self) -> list[list[Outcome] | Refusal]:
        """One answer for each request, in order."""
        return [
            [decided[n] if outcome is None else outcome for n, outcome in enumerate(request.composed.outcomes)]
            for request, decided in zip(self._requests, self._outcomes, strict=True)
        ]

    def message(self, promise: Promise) -> Message:
        """The dispatcher's view of what has just been committed."""
        body = promise.draft.body
        return Message(
            app_id=body.app.id,
            id=promise.id,
            phone=promise.draft.phone.number,
            kind=body.template.kind,
            text=body.text,
            segments=body.segments,
            sender_id=body.sender_id or body.app.sender_id,
            extend=body.extend,
            expires_at=self.now + VALIDITY_S[body.template.kind],
            way=promise.way,
        )

    def _row(self, promise: Promise) -> NewMessage:
        draft, body = promise.draft, promise.draft.body
        return NewMessage(
            id=promise.id,
            phone=draft.phone.number,
            kind=body.template.kind,
            dialect=body.dialect,
            segments=body.segments,
            validity_s=VALIDITY_S[body.template.kind],
            template_id=body.template.id,
            signature_id=None if body.signature is None else body.signature.id,
            package_id=promise.package_id,
            content_hash=body.content_hash,
            region=draft.phone.region,
            text=body.text,
            session_context=body.session_context,
            extend=body.extend,
            sender_id=body.sender_id or body.app.sender_id,
            request_id=body.request_id,
            way=promise.way,
        )


def _first_with(purse: Sequence[PackageRef], available: Mapping[int, int], segments: int) -> int | None:
    """The package that expires first among those with enough left."""
    for package in purse:
        if available.get(package.id, 0) >= segments:
            return package.id
    return None


def _bucket(app_id: int, number: int) -> int:
    return zlib.crc32(b"%d:%d" % (app_id, number)) % LOCK_BUCKETS
