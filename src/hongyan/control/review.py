"""Review of signatures and templates: which decision may follow which."""

from hongyan.control.errors import ControlError, Fault, Noun
from hongyan.store.signatures import ReviewStatus

FROM: dict[ReviewStatus, frozenset[ReviewStatus]] = {
    # A rejected or inactive one is applied for again, or the operator takes the decision back.
    ReviewStatus.PENDING: frozenset(),
    ReviewStatus.APPROVED: frozenset({ReviewStatus.PENDING, ReviewStatus.REJECTED, ReviewStatus.INACTIVE}),
    ReviewStatus.REJECTED: frozenset({ReviewStatus.PENDING}),
    ReviewStatus.INACTIVE: frozenset({ReviewStatus.APPROVED}),
}
"""By decision: the statuses it may be taken in."""

WORDS: dict[ReviewStatus, tuple[str, str]] = {
    ReviewStatus.PENDING: ("待审核", "pending"),
    ReviewStatus.APPROVED: ("已通过", "approved"),
    ReviewStatus.REJECTED: ("已驳回", "rejected"),
    ReviewStatus.INACTIVE: ("已停用", "inactive"),
}


def decided(noun: Noun, which: int, current: ReviewStatus, decision: ReviewStatus) -> bool:
    """True when the decision changes something, False when it stands already; raises when it cannot be taken now."""
    if current is decision:
        return False
    if current in FROM[decision]:
        return True
    zh, en, _ = noun.value
    raise ControlError(
        Fault.WRONG_STATE,
        f"{zh} {which} 现在是“{WORDS[current][0]}”，不能改为“{WORDS[decision][0]}”。",
        f"The {en} {which} is {WORDS[current][1]} now and cannot become {WORDS[decision][1]}.",
    )
