"""A group: an application's requests that share one commit, from their questions to their rows and answers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from hongyan.kit.db import Connection
from hongyan.kit.ids import time_of
from hongyan.model.answering import Answers
from hongyan.model.billing import day_of
from hongyan.model.limits import Rule, enough_history
from hongyan.model.message import VALIDITY_S, Accepted, Message, Outcome
from hongyan.model.money import CARRIES, PackageKind
from hongyan.model.numbering import Numbering
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import App, PackageRef, Scope
from hongyan.model.tariff import Tariff
from hongyan.pipeline import caps, checks
from hongyan.pipeline.caps import Caps
from hongyan.pipeline.compose import Composed, Draft, refused
from hongyan.pipeline.credit import CreditLeft, Spending
from hongyan.pipeline.ports import IN_LANE
from hongyan.pipeline.routing import way_of
from hongyan.store import charges, commits, credit, daily_counts, held, messages
from hongyan.store.charges import NewCharge
from hongyan.store.messages import Facts, NewMessage, bucket
from hongyan.store.queue import ASLEEP

TWICE_S = 2.0
"""Whoever signs the same twice within a second, without a nonce, may mean two messages; what comes later than that is a copy."""
Purses = Mapping[Scope, Sequence[PackageRef]]
"""An application's packages that can be drawn on now, the one that expires first in front."""
History = dict[int, list[checks.Past]]


class Waiting(msgspec.Struct):
    """A request that waits for its group's commit."""

    composed: Composed
    answer: asyncio.Future[list[Outcome] | Refusal]


class Promise(msgspec.Struct, frozen=True):
    """A draft that nothing speaks against."""

    request: int
    """The place of its request in the group."""
    draft: Draft
    message: Message
    package_id: int
    """On credit minus the id of the price, which is so kept with the message."""
    seen: int
    """Recent messages to its number that were known when it was decided."""
    delay_s: float = 0.0
    """So long it waits before it may be sent."""

    @property
    def aside(self) -> bool:
        """It goes to nobody yet: a person looks at it first, or its time has not come."""
        return self.delay_s > 0 or bool(self.draft.body.suspicious)


class Written(msgspec.Struct, frozen=True):
    """What came of a try."""

    requests: set[int]
    """By place: those whose messages are there."""
    facts: Facts | None
    """What is known about all the others."""


class CapPassedError(Exception):
    """With the group's messages the application would pass a daily cap, or its account owe too much: nothing was written."""


class Group:
    """Requests of one application, decided together.

    The first try assumes that nothing speaks against any number, which is so for most. The statement that promises them leaves out, and
    tells of, those about whose numbers more is known; these are decided with that knowledge and tried again.
    """

    def __init__(
        self,
        app: App,
        requests: Sequence[Waiting],
        now: float,
        *,
        horizon: checks.Horizon,
        purses: Purses,
        new_id: Callable[[], int],
        numbering: Numbering,
        tariff: Tariff | None = None,
    ) -> None:
        """`tariff` has the prices of an account that pays later."""
        self.app = app
        self.now = now
        self.facts: Facts | None = None
        self.counted: dict[str, int] = {}
        """What the application has sent today, as far as it was last seen, by place (`model.protection.Protection`)."""
        self.listed: set[int] = set()
        """Numbers on a blacklist that is not the application's alone."""
        bodies = [request.composed.drafts[0].body for request in requests]
        self.holding = any(body.suspicious for body in bodies)
        """Some of it is to be looked at by a person before it is sent."""
        self.deferring = any(body.not_before for body in bodies)
        """Some of it is to be sent later."""
        self.repeated: dict[tuple[int, str], int] = {}
        """By number and request: the message that this very request was promised before."""
        self.credit: CreditLeft | None = None
        """What the account may still owe, as far as it was last seen."""
        abroad = tariff is not None and any(request.composed.drafts[0].body.scope is Scope.INTERNATIONAL for request in requests)
        self._tariff = tariff if abroad else None
        self._spending: Spending | None = None
        self._counting = app.protection if app.protection is not None and app.protection.counts else None
        self._quota: Caps | None = None
        self._requests = requests
        self._horizon = horizon
        self._purses = purses
        self._general = all(package.kind is PackageKind.GENERAL for purse in purses.values() for package in purse)
        self._new_id = new_id
        self._numbering = numbering
        self._outcomes: list[dict[int, Outcome]] = [{} for _ in requests]
        self._open = list(range(len(requests)))
        self._scope = messages.Scope(
            since_id=horizon.since,
            most=enough_history(app.limits, app.windows),
            packages=[package.id for purse in purses.values() for package in purse],
        )

    # Deciding: pure.

    def decide(self, available: Mapping[int, int]) -> list[Promise]:
        """What may be promised now. `available` is what packages were last seen to have; what is known for certain counts before it.

        While nothing is known, a request that shares a number with an earlier one waits: what becomes of the first decides about it.
        """
        left = dict(available if self.facts is None else self.facts.available)
        self._quota = None if self._counting is None else Caps(self._counting, self.counted)
        self._spending = None if self._tariff is None else Spending(self._tariff, self.credit, self.now)
        recent: History = {}
        promises: list[Promise] = []
        same: set[tuple[int, str]] = set()
        waiting: set[int] = set()
        for place in self._open:
            drafts = self._requests[place].composed.drafts
            if self.facts is None:
                if any(draft.phone.number in recent for draft in drafts):
                    continue
                promises += self._supposed(place, drafts, left, recent)
            elif any((draft.phone.number, draft.body.request_id) in same for draft in drafts):
                # The same request twice: what becomes of the first decides about it.
                waiting.add(place)
            else:
                judged = self._judged(place, drafts, self.facts, left, recent)
                same |= {(promise.message.phone, promise.draft.body.request_id) for promise in judged}
                promises += judged
        promised = waiting | {promise.request for promise in promises}
        if self.facts is not None:
            self._open = [place for place in self._open if place in promised]
        return promises

    def _supposed(self, place: int, drafts: Sequence[Draft], left: dict[int, int], recent: History) -> list[Promise]:
        """All drafts of a request, if no package and no daily cap is known to have too little for them."""
        promises: list[Promise] = []
        if self.listed and any(draft.phone.number in self.listed for draft in drafts):
            return []
        for draft in drafts:
            needed = draft.body.segments
            if self._quota is not None:
                if self._quota.passed(draft.phone.region) is not None:
                    return []
                self._quota.take(draft.phone.region)
            package = next((p.id for p in self._purse(draft) if left.get(p.id, needed) >= needed), None)
            if package is None:
                credit_ = self._on_credit(draft)
                if isinstance(credit_, Reject):
                    return []
                package = credit_
            if package in left or package < 0:
                self._draw(package, draft, left)
            promises.append(self._promise(place, draft, package, 0, recent))
        return promises

    def _on_credit(self, draft: Draft) -> int | Reject:
        """Where no package has enough left: what stands in its place when the account's credit pays, or why nothing does."""
        if self._spending is None or draft.body.scope is not Scope.INTERNATIONAL:
            return Reject.NO_PACKAGE
        return self._spending.payer(draft.phone.region, draft.body.segments)

    def _draw(self, package: int, draft: Draft, left: dict[int, int]) -> None:
        if package in left:
            left[package] -= draft.body.segments
        elif package < 0 and self._spending is not None:
            self._spending.take(draft.phone.region, draft.body.segments)

    def _judged(self, place: int, drafts: Sequence[Draft], facts: Facts, left: dict[int, int], recent: History) -> list[Promise]:
        """The drafts of a request that pass every check; the others are refused."""
        promises: list[Promise] = []
        for draft in drafts:
            number, segments = draft.phone.number, draft.body.segments
            again = self.repeated.get((number, draft.body.request_id))
            if again is not None and not draft.body.of_proof:
                self._outcomes[place][draft.position] = Accepted(again, number, draft.phone.region, segments)
                continue
            before = facts.recent.get(number, ())
            package = next((p.id for p in self._purse(draft) if left.get(p.id, 0) >= segments), None)
            payer = self._on_credit(draft) if package is None else package
            standing = checks.Standing(
                passed=self._passed(draft, [*recent.get(number, ()), *before]),
                blacklisted=number in facts.blacklisted or number in self.listed,
                opted_out=number in facts.opted_out and draft.body.answers is not Answers.OPT_OUT,
                unpayable=payer if isinstance(payer, Reject) else None,
                cap=None if self._quota is None else self._quota.passed(draft.phone.region),
            )
            if (reason := checks.first_refusal(draft, standing)) is not None or isinstance(payer, Reject):
                why = standing.passed.detail if standing.passed is not None and reason is standing.passed.reject else ""
                self._outcomes[place][draft.position] = refused(draft.phone, reason or Reject.NO_PACKAGE, why)
                continue
            if again is not None and time_of(again) < self.now - TWICE_S:
                # A copy is answered as a second wish would be, as long as that is a refusal; it never sends.
                self._outcomes[place][draft.position] = Accepted(again, number, draft.phone.region, segments)
                continue
            self._draw(payer, draft, left)
            if self._quota is not None:
                self._quota.take(draft.phone.region)
            promises.append(self._promise(place, draft, payer, len(before), recent))
        return promises

    def _passed(self, draft: Draft, history: Sequence[checks.Past]) -> Rule | None:
        if draft.body.answers is not Answers.NOTHING or draft.phone.number in self.app.unlimited_phones:
            return None
        return checks.passed(history, draft.body.template.kind, draft.body.content_hash, self._horizon)

    def _promise(self, place: int, draft: Draft, package_id: int, seen: int, recent: History) -> Promise:
        body, number = draft.body, draft.phone.number
        delay_s = max(0.0, body.not_before - self.now) if body.not_before else 0.0
        message = Message(
            app_id=body.app.id,
            id=self._new_id(),
            phone=number,
            kind=body.template.kind,
            text=body.text,
            segments=body.segments,
            sender_id=body.sender_id or body.app.sender_id,
            extend=body.extend,
            signature_id=None if body.signature is None else body.signature.id,
            expires_at=self.now + delay_s + VALIDITY_S[body.template.kind],
            way=way_of(self._numbering, number),
        )
        recent.setdefault(number, []).append((message.id, body.content_hash, message.kind))
        self._outcomes[place][draft.position] = Accepted(message.id, number, draft.phone.region, body.segments)
        return Promise(place, draft, message, package_id, seen, delay_s)

    def _purse(self, draft: Draft) -> Sequence[PackageRef]:
        """The packages that pay for it, the one that expires first in front."""
        purse = self._purses[draft.body.scope]
        return purse if self._general else [package for package in purse if draft.body.template.kind in CARRIES[package.kind]]

    @property
    def numbers(self) -> list[int]:
        """Of the requests that are not settled."""
        return list({draft.phone.number for place in self._open for draft in self._requests[place].composed.drafts})

    # A request that comes again.

    async def find_repeated(self, conn: Connection, pairs: Sequence[tuple[int, str]]) -> None:
        """Learn which of `lately` were promised by that very request."""
        self.repeated = await messages.repeated(conn, self.app.id, pairs, since_id=self._horizon.repeats)

    def lately(self) -> list[tuple[int, str]]:
        """Open numbers with their requests that were sent to so lately that it may have been by the very same request."""
        if self.facts is None:
            return []
        recent, since = self.facts.recent, self._horizon.repeats
        return [
            (draft.phone.number, draft.body.request_id)
            for place in self._open
            for draft in self._requests[place].composed.drafts
            if draft.body.request_id and any(id_ >= since for id_, _, _ in recent.get(draft.phone.number, ()))
        ]

    # Writing.

    @property
    def counts(self) -> bool:
        """The day's messages are counted."""
        return self._counting is not None

    @property
    def together(self) -> bool:
        """More is written than the promise: a transaction has to hold it together."""
        return self.holding or self._counting is not None or self._tariff is not None

    async def look(self, conn: Connection) -> Facts:
        """Learn all there is about the open requests' numbers and packages."""
        if self._counting is not None:
            self.counted = {count.region: count.messages for count in await daily_counts.of_today(conn, [self.app.id], self.now)}
        if self._tariff is not None:
            await self._look_at_credit(conn)
        self.facts = await messages.facts(conn, self.app.id, self.numbers, self._scope)
        return self.facts

    async def write(self, conn: Connection, promises: Sequence[Promise], places: Sequence[int], engine: int | None) -> Written:
        """Promise them, all of a request or none.

        `places` is where each message goes then, as `pipeline.ports.HandOver.make_room` said. What is returned counts from the commit on:
        tell `settle` then. Raises CapPassedError, after which nothing may be committed.
        """
        buckets = sorted({bucket(self.app.id, promise.message.phone) for promise in promises})
        rows = [self._row(promise, place, engine) for promise, place in zip(promises, places, strict=True)]
        delays = [promise.delay_s for promise in promises] if self.deferring else ()
        left_out = await messages.promise(conn, self.app.id, rows, self._scope, buckets, now=self.now, delays=delays)
        if left_out is None:
            return Written(set(), None)
        stale, facts = left_out
        if self.together:
            await self._write_besides(conn, [promise for promise in promises if promise.request not in stale])
        written = {promise.request for promise in promises} - stale
        # What came with the refusal is of use only when it tells of all that is still open.
        return Written(written, facts if set(self._open) - written == stale else None)

    async def _write_besides(self, conn: Connection, kept: Sequence[Promise]) -> None:
        """Count the day's messages, and take those that a person has to look at out of the queue before anybody can see them there."""
        if self._counting is not None and kept:
            added = caps.tally(self._counting, (promise.draft.phone.region for promise in kept))
            counted = await daily_counts.add(conn, self.app.id, self.now, added)
            if caps.over(self._counting, counted, (promise.draft.phone.region for promise in kept)):
                self.counted |= {place: count - added[place] for place, count in counted.items()}
                raise CapPassedError
            self.counted |= counted
        await self._charge(conn, [promise for promise in kept if promise.package_id < 0])
        suspicious = {promise.message.id: promise.draft.body.suspicious for promise in kept if promise.draft.body.suspicious}
        if suspicious:
            await held.hold(conn, self.app.id, suspicious, self.now)

    async def _charge(self, conn: Connection, promises: Sequence[Promise]) -> None:
        """Set aside what they cost; the credit's row stays locked until the commit, so it comes last."""
        if not promises or self._spending is None:
            return
        account_id = self.app.account_id
        new = [
            NewCharge(promise.message.id, -promise.package_id, region, segments, self._spending.cost(region, segments))
            for promise in promises
            for region, segments in [(promise.draft.phone.region, promise.message.segments)]
        ]
        await charges.add(conn, self.app.id, account_id, new)
        cost, note = sum(charge.milli for charge in new), f"messages from {new[0].id}"
        held_ = await credit.hold(
            conn, account_id, cost, messages=len(new), today=day_of(self.now), app_id=self.app.id, note=note, now=self.now
        )
        if not held_:
            await self._look_at_credit(conn)
            raise CapPassedError

    async def _look_at_credit(self, conn: Connection) -> None:
        row = await credit.get(conn, self.app.account_id)
        self.credit = CreditLeft(0, None) if row is None else CreditLeft(row.left_milli, row.messages_left(day_of(self.now)))

    async def written(self, tx: Connection, promises: Sequence[Promise]) -> Written:
        """After a connection broke in `write`: the requests that are there nevertheless; the answer holds once `tx` is committed.

        The lock is held until a commit that is still under way has ended: without it "not yet" would look like "no".
        """
        await messages.lock_numbers(tx, self.app.id, [promises[0].message.phone])
        await commits.seal(tx)
        present = await messages.present(tx, self.app.id, [promise.message.id for promise in promises])
        return Written({promise.request for promise in promises if promise.message.id in present}, None)

    def settle(self, written: Written) -> None:
        """These requests are durable; with the facts, if there are any, the others are decided anew."""
        self._open = [place for place in self._open if place not in written.requests]
        self.facts = written.facts

    @property
    def done(self) -> bool:
        return not self._open

    def decided(self) -> list[list[Outcome]]:
        """What each request would be answered if everything that was decided came to pass."""
        return [
            [decided[n] if outcome is None else outcome for n, outcome in enumerate(request.composed.outcomes)]
            for request, decided in zip(self._requests, self._outcomes, strict=True)
        ]

    def answers(self, otherwise: Refusal) -> list[list[Outcome] | Refusal]:
        """One answer for each request, in order; `otherwise` for those that are neither durable nor refused."""
        return [
            otherwise
            if place in self._open
            else [decided[n] if outcome is None else outcome for n, outcome in enumerate(request.composed.outcomes)]
            for place, (request, decided) in enumerate(zip(self._requests, self._outcomes, strict=True))
        ]

    def _row(self, promise: Promise, place: int, engine: int | None) -> NewMessage:
        draft, body, message = promise.draft, promise.draft.body, promise.message
        return NewMessage(
            request=promise.request,
            seen=~promise.seen if body.answers is Answers.OPT_OUT else promise.seen,
            owner=ASLEEP if promise.delay_s else engine if place >= IN_LANE else None,
            link_id=place if place > IN_LANE else None,
            id=message.id,
            phone=message.phone,
            kind=message.kind,
            dialect=body.dialect,
            segments=body.segments,
            validity_s=VALIDITY_S[message.kind],
            template_id=body.template.id,
            signature_id=None if body.signature is None else body.signature.id,
            package_id=promise.package_id,
            content_hash=body.content_hash,
            region=draft.phone.region,
            text=body.text,
            session_context=body.session_context,
            extend=body.extend,
            sender_id=message.sender_id,
            request_id=body.request_id,
            way=message.way,
        )
