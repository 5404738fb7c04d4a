"""What signatures and templates have in common: applied for, decided on, and in use once approved."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from hongyan.control.acts import allowed
from hongyan.control.audit import Audit
from hongyan.control.desk import Desk
from hongyan.control.errors import ControlError, Fault, Noun
from hongyan.control.own_paper import Paper, Shelf, open_review, own_paper
from hongyan.control.permissions import demand
from hongyan.kit.db import Connection, Database
from hongyan.model.actor import Actor, Permission
from hongyan.model.papers import Act, Acts, ReviewKind, ReviewState, ReviewStatus
from hongyan.model.rules.sets import RuleSet
from hongyan.model.snapshot import Scope
from hongyan.store.reviews import ReviewRow
from hongyan.store.snapshots import publish


class InUse(Paper, Protocol):
    """A row of either."""

    @property
    def id(self) -> int: ...

    @property
    def name(self) -> str: ...

    @property
    def status(self) -> ReviewStatus: ...


R = TypeVar("R", bound=InUse)
R_co = TypeVar("R_co", bound=InUse, covariant=True)


class Cabinet(Shelf[R_co], Protocol[R_co]):
    """The module of `store` that has them."""

    async def remove(self, conn: Connection, which: int, /) -> None: ...

    async def total(self, conn: Connection, *, account_id: int, scope: Scope | None, app_id: int | None) -> int: ...


class Reviewed(ABC, Generic[R]):
    """One of the two services, but for how its papers are applied for and shown."""

    _kind: ReviewKind
    _noun: Noun
    _acts: Acts
    """What the account may do in which state, unless a dialect's own are given."""
    _shelf: Cabinet[R]

    def __init__(self, db: Database, audit: Audit, desk: Desk, clock: Callable[[], float], in_force: RuleSet) -> None:
        self._db = db
        self._audit = audit
        self._desk = desk
        self._clock = clock
        self._in_force = in_force

    @abstractmethod
    async def decided(self, tx: Connection, actor: Actor, review: ReviewRow) -> str | None:
        """As `control.desk.Subject` has it."""

    @abstractmethod
    async def _set_status(self, tx: Connection, row: R, status: ReviewStatus) -> None:
        """Without a review."""

    async def delete(self, actor: Actor, which: int, *, acts: Acts | None = None) -> None:
        """For good; messages that were accepted with it are still sent."""
        demand(actor, Permission.APPLY)
        async with self._db.transaction() as tx:
            row = await self._mine(tx, actor, which)
            allowed(self._noun, which, row.status, Act.DELETE, self._acts if acts is None else acts)
            await self._desk.withdraw(tx, actor, self._kind, which)
            others = await self._remove_with(tx, actor, row)
            await self._shelf.remove(tx, which)
            detail = {"name": row.name, "status": row.status}
            await self._audit.record(tx, actor, f"{self._kind}.delete", which, account_id=row.account_id, detail=detail)
            if others or row.status is ReviewStatus.APPROVED:
                await publish(tx, f"{self._kind} {which} deleted", self._clock())

    async def _remove_with(self, tx: Connection, actor: Actor, row: R) -> bool:  # noqa: ARG002 - whoever has something to remove needs them
        """Take away what cannot be without it; whether the pipeline must look again."""
        return False

    async def urge(self, actor: Actor, which: int) -> ReviewRow:
        """Ask for a decision: at most once an hour."""
        demand(actor, Permission.APPLY)
        async with self._db.transaction() as tx:
            row = await self._mine(tx, actor, which)
            allowed(self._noun, which, row.status, Act.URGE, self._acts)
            return await self._desk.urge(tx, actor, self._kind, which)

    async def total(self, actor: Actor, account_id: int, scope: Scope | None = None, app_id: int | None = None) -> int:
        """How many the account has, or one of its applications may use, whatever became of them."""
        demand(actor, Permission.READ, account_id)
        async with self._db.connection() as conn:
            return await self._shelf.total(conn, account_id=account_id, scope=scope, app_id=app_id)

    async def approve(self, actor: Actor, which: int, note: str = "") -> R:
        """Decide on what waits; one that was rejected or taken out of use is put back."""
        demand(actor, Permission.REVIEW)
        async with self._db.transaction() as tx:
            row = await self._any(tx, which)
            if row.status is ReviewStatus.PENDING:
                review = await open_review(tx, self._kind, self._noun, which)
                await self._desk.decide(tx, actor, self, review, ReviewState.APPROVED, note=note)
            elif row.status in {ReviewStatus.DRAFT, ReviewStatus.STOPPED}:
                raise self._not_handed_in(which)
            elif row.status is not ReviewStatus.APPROVED:
                await self._put(tx, actor, row, ReviewStatus.APPROVED, "reinstate")
            return await self._any(tx, which)

    async def reject(self, actor: Actor, which: int, codes: Sequence[str] = (), note: str = "") -> R:
        """With reasons (`control.reasons`), a note, or both."""
        demand(actor, Permission.REVIEW)
        async with self._db.transaction() as tx:
            await self._any(tx, which)
            review = await open_review(tx, self._kind, self._noun, which)
            await self._desk.decide(tx, actor, self, review, ReviewState.REJECTED, codes=codes, note=note)
            return await self._any(tx, which)

    async def deactivate(self, actor: Actor, which: int) -> R:
        """Take an approved one out of use. A signature may be asked for again; instead of a template another is applied for."""
        demand(actor, Permission.REVIEW)
        async with self._db.transaction() as tx:
            row = await self._any(tx, which)
            if row.status not in {ReviewStatus.APPROVED, ReviewStatus.INACTIVE}:
                raise self._not_approved(which)
            if row.status is ReviewStatus.APPROVED:
                await self._put(tx, actor, row, ReviewStatus.INACTIVE, "deactivate")
            return await self._any(tx, which)

    async def _put(self, tx: Connection, actor: Actor, row: R, status: ReviewStatus, verb: str) -> None:
        await self._set_status(tx, row, status)
        await self._audit.record(tx, actor, f"{self._kind}.{verb}", row.id, account_id=row.account_id, detail={"name": row.name})
        await publish(tx, f"{self._kind} {row.id} {status}", self._clock())

    async def _mine(self, tx: Connection, actor: Actor, which: int) -> R:
        return await own_paper(tx, self._shelf, self._noun, which, actor.account_id)

    async def _any(self, tx: Connection, which: int) -> R:
        return await own_paper(tx, self._shelf, self._noun, which, None)

    def _not_handed_in(self, which: int) -> ControlError:
        zh, en, _ = self._noun.value
        return ControlError(
            Fault.WRONG_STATE,
            f"{zh} {which} 未提交审核：等账号提交后再审。",
            f"The {en} {which} was not handed in: its account has to do that first.",
            why="not_pending",
        )

    def _not_approved(self, which: int) -> ControlError:
        zh, en, _ = self._noun.value
        return ControlError(
            Fault.WRONG_STATE,
            f"{zh} {which} 未通过审核，谈不上停用。",
            f"The {en} {which} is not approved, so it cannot be taken out of use.",
            why=f"{self._kind}_not_approved",
        )
