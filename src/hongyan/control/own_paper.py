"""A qualification, signature or template as a transaction holds it: kept from changing, and in the order that keeps deadlocks away."""

from typing import Protocol, TypeVar

from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.kit.db import Connection
from hongyan.model.papers import ReviewKind
from hongyan.store import accounts, reviews
from hongyan.store.reviews import ReviewRow


class Paper(Protocol):
    """A row of any of them."""

    @property
    def account_id(self) -> int: ...


P_co = TypeVar("P_co", bound=Paper, covariant=True)


class Shelf(Protocol[P_co]):
    """The module of `store` that has them."""

    async def get(self, conn: Connection, which: int, /, *, account_id: int | None) -> P_co | None: ...

    async def lock(self, conn: Connection, which: int, /, *, account_id: int | None) -> P_co | None: ...


async def own_paper(tx: Connection, shelf: Shelf[P_co], noun: Noun, which: int, account_id: int | None) -> P_co:
    """Of the account, or of any (None): kept from changing until the transaction ends, and the account's other papers too.

    Applicants and reviewers wait here. Raises ControlError when there is none.
    """
    seen = await shelf.get(tx, which, account_id=account_id)
    if seen is not None:
        await accounts.lock(tx, seen.account_id)
    row = await shelf.lock(tx, which, account_id=account_id)
    if row is None:
        raise not_found(noun, which)
    return row


async def open_review(tx: Connection, kind: ReviewKind, noun: Noun, which: int) -> ReviewRow:
    """The review that waits for a decision on it. Raises ControlError when none does."""
    review = await reviews.lock_open(tx, kind, which)
    if review is None:
        zh, en, _ = noun.value
        raise ControlError(Fault.WRONG_STATE, f"{zh} {which} 不在审核中。", f"The {en} {which} is not under review.", why="not_pending")
    return review


def same_scope() -> ControlError:
    """What was applied for stays for the mainland, or for elsewhere."""
    return ControlError(
        Fault.INVALID,
        "国内、国际类型不能修改：请另外申请。",
        "Whether it is for the mainland or for elsewhere cannot be changed: apply for another one.",
        why="scope_fixed",
    )
