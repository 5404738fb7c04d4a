"""Papers: what an account applies for, the states of each, and what may be done in which.

Sources: the numbers of kinds and documents are those of Tencent's AddSmsSign; the states of a signature that is filed under real names and
the acts by state are Huawei's (product pages of 2023 and 2024).
"""

import enum
import re
from collections.abc import Mapping

import msgspec

from hongyan.model.message import Kind
from hongyan.model.snapshot import Scope
from hongyan.model.values import ValueType


class ReviewKind(enum.StrEnum):
    """What somebody decides on."""

    QUALIFICATION = "qualification"
    SIGNATURE = "signature"
    TEMPLATE = "template"
    ACCOUNT = "account"
    """Who an account says it is."""


class ReviewState(enum.StrEnum):
    """Where one review stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    INCOMPLETE = "incomplete"
    """More papers are asked for."""
    WITHDRAWN = "withdrawn"
    """What it was about was changed or taken back before a decision."""


class ReviewStatus(enum.StrEnum):
    """Where a signature or template stands; only approved ones can be sent with."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    INACTIVE = "inactive"
    """Approved once, then taken out of use."""
    DRAFT = "draft"
    """A template that was saved and not yet handed in."""
    STOPPED = "stopped"
    """A template that its account took out of use; it can be handed in again."""


class QualificationStatus(enum.StrEnum):
    """Where a qualification stands; a change of an approved one leaves it good until it is decided."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    INCOMPLETE = "incomplete"
    CHANGE_PENDING = "change_pending"
    CHANGE_REJECTED = "change_rejected"


GOOD = frozenset({QualificationStatus.APPROVED, QualificationStatus.CHANGE_PENDING, QualificationStatus.CHANGE_REJECTED})
"""A signature can rest on a qualification in these."""


class SignatureKind(enum.IntEnum):
    """What the name in brackets is the name of."""

    COMPANY = 0
    APP = 1
    WEBSITE = 2
    PUBLIC_ACCOUNT = 3
    TRADEMARK = 4
    GOVERNMENT = 5
    MINI_PROGRAM = 6
    SHOP = 7
    """In a marketplace of others."""


TENCENT_KINDS = frozenset(SignatureKind) - {SignatureKind.SHOP}
"""Those that Tencent's APIs know."""


class DocumentKind(enum.IntEnum):
    """What a proof is."""

    THREE_IN_ONE = 0
    LICENCE = 1
    ORGANISATION_CODE = 2
    CREDIT_CODE = 3
    APP_BACKEND = 4
    ICP_FILING = 5
    MINI_PROGRAM = 6
    TRADEMARK = 7
    PUBLIC_ACCOUNT = 8


PROOFS: Mapping[SignatureKind, frozenset[DocumentKind]] = {
    SignatureKind.COMPANY: frozenset({DocumentKind.THREE_IN_ONE, DocumentKind.LICENCE}),
    SignatureKind.APP: frozenset({
        DocumentKind.THREE_IN_ONE, DocumentKind.LICENCE, DocumentKind.ORGANISATION_CODE, DocumentKind.CREDIT_CODE,
        DocumentKind.APP_BACKEND,
    }),
    SignatureKind.WEBSITE: frozenset({
        DocumentKind.THREE_IN_ONE, DocumentKind.LICENCE, DocumentKind.ORGANISATION_CODE, DocumentKind.CREDIT_CODE,
        DocumentKind.ICP_FILING,
    }),
    SignatureKind.PUBLIC_ACCOUNT: frozenset({
        DocumentKind.THREE_IN_ONE, DocumentKind.LICENCE, DocumentKind.ORGANISATION_CODE, DocumentKind.CREDIT_CODE,
        DocumentKind.PUBLIC_ACCOUNT,
    }),
    SignatureKind.TRADEMARK: frozenset({DocumentKind.TRADEMARK}),
    SignatureKind.GOVERNMENT: frozenset({DocumentKind.ORGANISATION_CODE, DocumentKind.CREDIT_CODE}),
    SignatureKind.MINI_PROGRAM: frozenset({
        DocumentKind.THREE_IN_ONE, DocumentKind.LICENCE, DocumentKind.ORGANISATION_CODE, DocumentKind.CREDIT_CODE,
        DocumentKind.MINI_PROGRAM,
    }),
    SignatureKind.SHOP: frozenset({
        DocumentKind.THREE_IN_ONE, DocumentKind.LICENCE, DocumentKind.ORGANISATION_CODE, DocumentKind.CREDIT_CODE,
    }),
}  # fmt: skip
"""Which documents prove a signature of which kind."""


class Purpose(enum.IntEnum):
    """For whom: on behalf of another needs a letter of authorisation."""

    OWN = 0
    ON_BEHALF = 1


class Filing(enum.StrEnum):
    """Where an approved signature stands with the carriers, who keep a register of names."""

    NONE = "none"
    """Not asked for."""
    PROCESSING = "processing"
    """About to be handed in."""
    REGISTERING = "registering"
    """Handed in."""
    REGISTERED = "registered"
    FAILED = "failed"
    """Carriers said no; what is sent with it they may refuse."""


FILINGS: Mapping[Filing, frozenset[Filing]] = {
    Filing.NONE: frozenset({Filing.PROCESSING}),
    Filing.PROCESSING: frozenset({Filing.REGISTERING, Filing.FAILED}),
    Filing.REGISTERING: frozenset({Filing.REGISTERED, Filing.FAILED}),
    # A register can strike a name off again.
    Filing.REGISTERED: frozenset({Filing.FAILED, Filing.PROCESSING}),
    Filing.FAILED: frozenset({Filing.PROCESSING, Filing.REGISTERING}),
}
"""What may follow what."""


class SignatureState(enum.StrEnum):
    """Everything about a signature in one word, as people are told it."""

    PENDING_QUALIFICATION_REVIEW = "pending_qualification_review"
    PENDING_REVIEW = "pending_review"
    PROCESSING = "processing"
    REAL_NAME_REGISTRATING = "real_name_registrating"
    REVIEW_PROCESSING_COMPLETED = "review_processing_completed"
    REVIEW_NOT_PASS = "review_not_pass"  # noqa: S105 - no password
    REVIEW_PASSED = "review_passed"
    REVIEW_PASSED_QUALIFICATION_PROCESSING = "review_passed_qualification_processing"
    REVIEW_PASSED_REAL_NAME_REGISTRATING = "review_passed_real_name_registrating"
    REVIEW_PASSED_REAL_NAME_REGISTRATE_FAIL = "review_passed_real_name_registrate_fail"
    TO_BE_ACTIVATED = "to_be_activated"
    PENDING_ACTIVATE = "pending_activate"


SENDABLE = frozenset({
    SignatureState.REVIEW_PROCESSING_COMPLETED,
    SignatureState.REVIEW_PASSED,
    SignatureState.REVIEW_PASSED_QUALIFICATION_PROCESSING,
    SignatureState.REVIEW_PASSED_REAL_NAME_REGISTRATING,
    SignatureState.REVIEW_PASSED_REAL_NAME_REGISTRATE_FAIL,
})  # fmt: skip
"""Messages may carry a signature in these; in all but the first carriers may refuse some."""


class Standing(msgspec.Struct, frozen=True):
    """What a signature's state follows from."""

    scope: Scope
    status: ReviewStatus
    filing: Filing
    sends_unfiled: bool
    """It may be sent with while it is being filed: it was approved before filing was asked for."""
    activation: bool
    """What is pending is that an inactive one be used again."""
    qualification: QualificationStatus | None
    """Of the qualification it rests on."""


def state_of(standing: Standing) -> SignatureState:
    """The state in one word."""
    waiting = standing.qualification is not None and standing.qualification not in GOOD
    match standing.status:
        case ReviewStatus.REJECTED:
            return SignatureState.REVIEW_NOT_PASS
        case ReviewStatus.INACTIVE | ReviewStatus.STOPPED:
            return SignatureState.TO_BE_ACTIVATED
        case ReviewStatus.PENDING | ReviewStatus.DRAFT if waiting:
            return SignatureState.PENDING_QUALIFICATION_REVIEW
        case ReviewStatus.PENDING | ReviewStatus.DRAFT:
            return SignatureState.PENDING_ACTIVATE if standing.activation else SignatureState.PENDING_REVIEW
        case ReviewStatus.APPROVED:
            return _approved(standing, waiting=waiting)


FILED: Mapping[Filing, tuple[SignatureState, SignatureState]] = {
    Filing.PROCESSING: (SignatureState.PROCESSING, SignatureState.REVIEW_PASSED_REAL_NAME_REGISTRATING),
    Filing.REGISTERING: (SignatureState.REAL_NAME_REGISTRATING, SignatureState.REVIEW_PASSED_REAL_NAME_REGISTRATING),
    Filing.REGISTERED: (SignatureState.REVIEW_PROCESSING_COMPLETED, SignatureState.REVIEW_PROCESSING_COMPLETED),
    Filing.FAILED: (SignatureState.REVIEW_PASSED_REAL_NAME_REGISTRATE_FAIL, SignatureState.REVIEW_PASSED_REAL_NAME_REGISTRATE_FAIL),
}
"""Of an approved one by its filing: when it may not be sent with unfiled, and when it may."""


def _approved(standing: Standing, *, waiting: bool) -> SignatureState:
    if standing.filing in FILED:
        return FILED[standing.filing][standing.sends_unfiled]
    if waiting:
        return SignatureState.REVIEW_PASSED_QUALIFICATION_PROCESSING
    lacking = standing.qualification is None and standing.scope is Scope.MAINLAND
    return SignatureState.REVIEW_PASSED if lacking else SignatureState.REVIEW_PROCESSING_COMPLETED


LEGAL_FORMS = ("集团股份有限公司", "集团有限公司", "股份有限公司", "有限责任公司", "有限公司", "集团", "公司")
_PLACE = re.compile(r"[（(][^（）()]*[）)]")


def is_named_after(name: str, company: str) -> bool:
    """Whether the name is the company's own: whole, without its legal form, and without a place in brackets.

    A part of it is not: 科技 or 中国 is in the names of many.
    """
    names = {company, _PLACE.sub("", company)}
    for whole in tuple(names):
        form = next((form for form in LEGAL_FORMS if whole.endswith(form)), "")
        names.add(whole.removesuffix(form))
    return name in names


class Act(enum.StrEnum):
    """What an applicant may want to do with what they applied for."""

    MODIFY = "modify"
    DELETE = "delete"
    URGE = "urge"
    ACTIVATE = "activate"
    RENAME = "rename"
    """Change its name and nothing else."""
    STOP = "stop"
    """Take it out of use."""


Acts = Mapping[ReviewStatus, frozenset[Act]]

SIGNATURE_ACTS: Acts = {
    ReviewStatus.PENDING: frozenset({Act.URGE}),
    ReviewStatus.APPROVED: frozenset({Act.DELETE}),
    ReviewStatus.INACTIVE: frozenset({Act.DELETE, Act.ACTIVATE}),
    ReviewStatus.REJECTED: frozenset({Act.MODIFY, Act.DELETE}),
    ReviewStatus.DRAFT: frozenset(),
    ReviewStatus.STOPPED: frozenset(),
}
"""One whose filing failed may be modified too, though it is approved."""

TEMPLATE_ACTS: Acts = {
    ReviewStatus.PENDING: frozenset({Act.URGE}),
    ReviewStatus.APPROVED: frozenset({Act.DELETE, Act.RENAME, Act.STOP}),
    ReviewStatus.INACTIVE: frozenset({Act.DELETE}),
    ReviewStatus.REJECTED: frozenset({Act.MODIFY, Act.DELETE}),
    ReviewStatus.DRAFT: frozenset({Act.MODIFY, Act.DELETE}),
    ReviewStatus.STOPPED: frozenset({Act.MODIFY, Act.DELETE}),
}

TENCENT_ACTS: Acts = {
    ReviewStatus.PENDING: frozenset({Act.MODIFY, Act.DELETE, Act.URGE}),
    ReviewStatus.APPROVED: frozenset({Act.DELETE}),
    ReviewStatus.INACTIVE: frozenset({Act.DELETE, Act.ACTIVATE}),
    ReviewStatus.REJECTED: frozenset({Act.MODIFY, Act.DELETE}),
    ReviewStatus.DRAFT: frozenset({Act.MODIFY, Act.DELETE}),
    ReviewStatus.STOPPED: frozenset({Act.MODIFY, Act.DELETE}),
}
"""What programs written for Tencent Cloud expect: what is pending can still be changed or taken back."""


class SignatureDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A signature as somebody applies for it."""

    name: str
    scope: Scope
    app_id: int | None = None
    """Only for this application; None for all of the account's."""
    kind: SignatureKind = SignatureKind.COMPANY
    purpose: Purpose = Purpose.OWN
    document_kind: DocumentKind | None = None
    """What the proofs are."""
    proofs: tuple[int, ...] = ()
    """Documents."""
    authorisation: int | None = None
    """The letter of authorisation, a document."""
    qualification_id: int | None = None
    remark: str = ""
    """For the reviewer."""
    usage: Kind | None = None
    """What is sent with it, where that was said; None: anything."""
    source_title: str = ""
    """The whole name of the site, app, shop ... that the name is of."""


class Variable(msgspec.Struct, frozen=True):
    """What an applicant says of a placeholder."""

    type: ValueType = ValueType.ANY
    about: str = ""
    longest: int = 0
    """Characters its values may have at most; 0: as many as its type allows."""


class Submitted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A template in the words of a vendor's API, where they are others than ours: shown there as it was handed in."""

    content: str = ""
    """With the vendor's placeholders."""
    types: dict[str, str] = {}
    """What was said of placeholders, in the vendor's words, by their numbers."""
    countries: tuple[int, ...] = ()
    """Where it is to be sent to, by the numbers of that API."""


class TemplateDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A template as somebody applies for it."""

    name: str
    kind: Kind
    scope: Scope
    content: str
    app_id: int | None = None
    variables: tuple[Variable, ...] = ()
    """Of {1}, {2} ... in this order; what is not said of one may be anything."""
    remark: str = ""
    signature_id: int | None = None
    """The one signature it is for; None for any of the account's."""
    universal: bool = False
    """For any signature, which each request made for Huawei Cloud then names."""
    alias: str = ""
    """Another id, by which a program that was written for another platform knows it."""
    square_brackets: bool = False
    """The signature stands in [] and not in 【】."""
    submitted: Submitted | None = None


class QualificationDraft(msgspec.Struct, frozen=True, kw_only=True):
    """Who stands behind signatures, and the papers that show it."""

    name: str
    """What the account calls it."""
    purpose: Purpose = Purpose.OWN
    company: str
    """As on the licence."""
    credit_code: str
    """The unified social credit code, 18 characters."""
    document_kind: DocumentKind = DocumentKind.LICENCE
    documents: tuple[int, ...]
    """The licence."""
    authorisation: int | None = None
    """A letter by the company, when the purpose is on behalf of another."""
    valid_until: float | None = None
    """When the licence ends; None for one without an end."""
    contact: str = ""
    """Who answers questions about it."""
    remark: str = ""
