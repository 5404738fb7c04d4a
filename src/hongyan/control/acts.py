"""Which act is allowed in which state, with the refusal that says so."""

from collections.abc import Mapping

from hongyan.control.errors import ControlError, Fault, Noun
from hongyan.model.papers import Act, Acts, ReviewStatus

STATUSES: Mapping[ReviewStatus, tuple[str, str]] = {
    ReviewStatus.PENDING: ("待审核", "pending"),
    ReviewStatus.APPROVED: ("已通过", "approved"),
    ReviewStatus.REJECTED: ("已驳回", "rejected"),
    ReviewStatus.INACTIVE: ("已停用", "inactive"),
    ReviewStatus.DRAFT: ("草稿", "a draft"),
    ReviewStatus.STOPPED: ("自行停用", "stopped by its account"),
}
ACTS: Mapping[Act, tuple[str, str]] = {
    Act.MODIFY: ("修改", "changed"),
    Act.DELETE: ("删除", "deleted"),
    Act.URGE: ("催审", "urged"),
    Act.ACTIVATE: ("重新启用", "activated"),
    Act.RENAME: ("改名", "renamed"),
    Act.STOP: ("停用", "stopped"),
}


def allowed(noun: Noun, which: int, status: ReviewStatus, act: Act, acts: Acts) -> None:
    """Raises unless the act is allowed in this state."""
    if act in acts[status]:
        return
    zh, en, _ = noun.value
    others = [other for other, possible in acts.items() if act in possible]
    raise ControlError(
        Fault.WRONG_STATE,
        f"{zh} {which} 现在是“{STATUSES[status][0]}”，不能{ACTS[act][0]}：{'、'.join(STATUSES[other][0] for other in others)}的才可以。",
        f"The {en} {which} is {STATUSES[status][1]} now and cannot be {ACTS[act][1]}: only what is "
        f"{' or '.join(STATUSES[other][1] for other in others)} can.",
        why=f"{noun.name.lower()}_{status}",
    )
