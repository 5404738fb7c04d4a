"""What a signature has to show: the kinds of its documents, the qualification it rests on, a letter where it is another's."""

import msgspec

from hongyan.control import documents, rules
from hongyan.control.desk import OTHERS, Submission
from hongyan.control.errors import ControlError, Fault, Noun, not_found
from hongyan.kit.db import Connection
from hongyan.model.actor import Actor
from hongyan.model.papers import (
    GOOD,
    PROOFS,
    Purpose,
    QualificationStatus,
    ReviewKind,
    SignatureDraft,
    SignatureKind,
    is_named_after,
)
from hongyan.model.rules.sets import RuleSet
from hongyan.model.snapshot import Scope
from hongyan.model.words import Words
from hongyan.store import qualifications
from hongyan.store.qualifications import QualificationRow
from hongyan.store.signatures import SignatureRow

PROOFS_MOST = 10


def checked(draft: SignatureDraft, in_force: RuleSet, words: Words) -> SignatureDraft:
    """The draft as it is kept. Raises with what is wrong about its name, its kind or its documents."""
    name = rules.signature(draft.name, draft.scope, in_force, words=words)
    if draft.kind in in_force.closed_kinds:
        raise invalid("kind", "网站、公众号、小程序类签名已不再受理：请用公司、APP 或商标的名称申请。",
                       "Signatures of this kind are closed: apply under the name of a company, app or trademark.")  # fmt: skip
    if draft.document_kind in in_force.closed_documents:
        raise invalid("document_kind", "这种证明已不再受理：请换成证照或商标注册证书。",
                       "Documents of this kind prove nothing any more: hand in a licence or a trademark certificate.")  # fmt: skip
    if draft.document_kind is not None and draft.document_kind not in PROOFS[draft.kind]:
        raise invalid("document_kind", "证明类型与签名类型不符：请按签名类型选择证明。",
                       "These documents do not prove a signature of this kind: choose the ones that do.")  # fmt: skip
    if len(draft.proofs) > PROOFS_MOST:
        raise invalid("proofs", f"证明文件最多 {PROOFS_MOST} 份。", f"At most {PROOFS_MOST} proofs are possible.")
    return msgspec.structs.replace(
        draft,
        name=name,
        proofs=tuple(dict.fromkeys(draft.proofs)),
        remark=rules.remark(draft.remark),
        source_title=rules.remark(draft.source_title),
    )


async def in_order(
    tx: Connection, actor: Actor, account_id: int, draft: SignatureDraft, *, in_force: RuleSet, now: float
) -> QualificationRow | None:
    """The qualification, once the papers are in order. The operator who applies for somebody vouches for what is not there."""
    await documents.usable(tx, account_id, (*draft.proofs, draft.authorisation))
    qualification = None if draft.qualification_id is None else await usable(tx, account_id, draft.qualification_id, now)
    if actor.account_id is None:
        return qualification
    if draft.purpose is Purpose.ON_BEHALF and draft.authorisation is None and (
        qualification is None or qualification.authorisation is None
    ):  # fmt: skip
        raise invalid("authorisation", "他用签名需要授权委托书：请上传对方盖章的委托书。",
                       "A signature on behalf of another needs their letter of authorisation: upload it.")  # fmt: skip
    if draft.scope is Scope.MAINLAND and qualification is None and (in_force.qualification or not draft.proofs):
        raise invalid("qualification", "国内签名需要资质：请先申请资质，再在申请签名时选择它。",
                       "A mainland signature needs a qualification: apply for one first, then name it here.")  # fmt: skip
    return qualification


async def usable(tx: Connection, account_id: int, qualification_id: int, now: float) -> QualificationRow:
    """The qualification, kept from changing. Raises unless it is approved, or can still be, and has not expired."""
    found = await qualifications.lock(tx, qualification_id, account_id=account_id)
    if found is None:
        raise not_found(Noun.QUALIFICATION, qualification_id)
    if found.status in {QualificationStatus.REJECTED, QualificationStatus.INCOMPLETE}:
        raise ControlError(
            Fault.WRONG_STATE,
            f"资质“{found.name}”未通过审核：请先补充或修改它。",
            f"The qualification “{found.name}” was not approved: mend it first.",
            why="qualification_not_approved",
        )
    if found.valid_until is not None and found.valid_until <= now:
        raise ControlError(
            Fault.WRONG_STATE,
            f"资质“{found.name}”已过有效期：请先更新证照。",
            f"The qualification “{found.name}” has expired: hand in a valid licence first.",
            why="qualification_expired",
        )
    return found


def submission(row: SignatureRow, qualification: QualificationRow | None, others: list[int]) -> Submission:
    """What the reviewer is to decide on; `others` are accounts that send with this name already."""
    good = qualification is not None and qualification.status in GOOD
    company = qualification.company if qualification is not None and good and qualification.purpose is Purpose.OWN else ""
    own = row.purpose is Purpose.OWN and row.kind is SignatureKind.COMPANY and not others
    return Submission(
        kind=ReviewKind.SIGNATURE,
        subject_id=row.id,
        account_id=row.account_id,
        app_id=row.app_id,
        title=row.name,
        facts={
            "scope": row.scope, "kind": row.kind, "purpose": row.purpose, "document_kind": row.document_kind, "proofs": row.proofs,
            "authorisation": row.authorisation, "qualification_id": row.qualification_id,
            "company": "" if qualification is None else qualification.company, "remark": row.remark, "activation": row.activation,
            OTHERS: others,
        },
        plain=own and is_named_after(row.name, company),
        waits=qualification is not None and not good,
    )  # fmt: skip


def invalid(what: str, zh: str, en: str) -> ControlError:
    return ControlError(Fault.INVALID, zh, en, why=f"signature_{what}")
