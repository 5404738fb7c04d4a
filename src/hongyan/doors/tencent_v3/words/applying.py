"""Signatures and templates: what is applied for, changed, deleted and described."""

from typing import Annotated

from msgspec import Meta

from hongyan.doors.tencent import kinds
from hongyan.doors.tencent_v3.schema import MOST_INTEGER, Answer, Request, RequestId
from hongyan.model.message import Kind
from hongyan.model.papers import QualificationStatus, SignatureState

MOST_IDS = 100
MOST_LISTED = 100
USUAL_LISTED = 10
DELETED = "return successfully!"
BOTH_SCOPES = 3

_ANY = {"format": "int64", "minimum": 0, "maximum": MOST_INTEGER}
SignId = Annotated[int, Meta(description="Of the signature.", extra_json_schema=_ANY)]
TemplateId = Annotated[int, Meta(description="Of the template.", extra_json_schema=_ANY)]
SignType = Annotated[
    int,
    Meta(
        description="0 company, 1 app, 2 web site, 3 public account, 4 trademark, 5 government or public institution, 6 mini-program.",
        extra_json_schema={"minimum": 0, "maximum": 6},
    ),
]
DocumentType = Annotated[
    int,
    Meta(
        description="0 three-in-one certificate, 1 business licence, 2 organisation code, 3 social credit code, 4 the app's backend, "
        "5 ICP filing, 6 mini-program settings, 7 trademark certificate, 8 public account settings.",
        extra_json_schema={"minimum": 0, "maximum": 8},
    ),
]
International = Annotated[int, Meta(description="0 in mainland China, 1 abroad.", extra_json_schema={"minimum": 0, "maximum": 1})]
SignPurpose = Annotated[int, Meta(description="0 own use, 1 on behalf of another.", extra_json_schema={"minimum": 0, "maximum": 1})]
Image = Annotated[str, Meta(description="Base64 of a PNG or JPEG picture or a PDF, at most 5 MB.")]
Commission = Annotated[str | None, Meta(description="Base64 of the letter of authorisation, when it is on behalf of another.")]
Remark = Annotated[str | None, Meta(description="For the reviewer.")]
QualificationId = Annotated[int | None, Meta(description="An approved qualification; 0 or nothing for none.", extra_json_schema=_ANY)]
SmsType = Annotated[
    int,
    Meta(
        description="1 marketing, 2 notice, 3 verification code; 0, as before 2024, is a code when the text says so, else a notice.",
        extra_json_schema={"minimum": 0, "maximum": 3},
    ),
]
Ids = Annotated[list[int] | None, Meta(description="Only these; at most 100.", extra_json_schema={"maxItems": MOST_IDS})]
MostListed = Annotated[
    int | None, Meta(description="10 when it is absent; used without ids.", extra_json_schema={"minimum": 0, "maximum": MOST_LISTED})
]
Skipped = Annotated[
    int | None, Meta(description="How many to leave out; used without ids.", extra_json_schema={"minimum": 0, "maximum": 2**31 - 1})
]


class AddSmsSign(Request, frozen=True):
    sign_name: str
    sign_type: SignType
    document_type: DocumentType
    international: International
    sign_purpose: SignPurpose
    proof_image: Image
    commission_image: Commission = None
    remark: Remark = None
    qualification_id: QualificationId = None


class ModifySmsSign(Request, frozen=True):
    sign_id: SignId
    sign_name: str
    sign_type: SignType
    document_type: DocumentType
    international: International
    sign_purpose: SignPurpose
    proof_image: Image
    commission_image: Commission = None
    remark: Remark = None
    qualification_id: QualificationId = None


class DeleteSmsSign(Request, frozen=True):
    sign_id: SignId


class DescribeSmsSignList(Request, frozen=True):
    international: International
    sign_id_set: Ids = None
    limit: MostListed = None
    offset: Skipped = None


class AddSmsTemplate(Request, frozen=True):
    template_name: str
    template_content: Annotated[str, Meta(description="With {1}, {2} ... for the values.")]
    sms_type: SmsType
    international: International
    remark: str


class ModifySmsTemplate(Request, frozen=True):
    template_id: TemplateId
    template_name: str
    template_content: str
    sms_type: SmsType
    international: International
    remark: str


class DeleteSmsTemplate(Request, frozen=True):
    template_id: TemplateId


class DescribeSmsTemplateList(Request, frozen=True):
    international: Annotated[
        int, Meta(description="0 in mainland China, 1 abroad, 3 both.", extra_json_schema={"enum": [0, 1, BOTH_SCOPES]})
    ]
    template_id_set: Ids = None
    limit: MostListed = None
    offset: Skipped = None


class AddSignStatus(Answer, frozen=True):
    sign_id: int


class AddSignAnswer(Answer, frozen=True):
    add_sign_status: AddSignStatus
    request_id: RequestId


class ModifySignStatus(Answer, frozen=True):
    sign_id: int


class ModifySignAnswer(Answer, frozen=True):
    modify_sign_status: ModifySignStatus
    request_id: RequestId


class DeleteStatus(Answer, frozen=True):
    """Of a signature or a template."""

    delete_status: str
    delete_time: int


class DeleteSignAnswer(Answer, frozen=True):
    delete_sign_status: DeleteStatus
    request_id: RequestId


class DescribeSignListStatus(Answer, frozen=True):
    sign_id: int
    international: int
    status_code: Annotated[int, Meta(description="0 in use, 1 under review, 2 approved and not yet in use, -1 refused or not in use.")]
    review_reply: str
    sign_name: str
    create_time: int
    qualification_id: int
    qualification_name: str
    qualification_status_code: Annotated[
        int, Meta(description="0 pending, 1 approved, 2 refused, 3 to be completed, 4 a change pending, 5 a change refused; -1 none.")
    ]


class DescribeSignListAnswer(Answer, frozen=True):
    describe_sign_list_status_set: list[DescribeSignListStatus]
    request_id: RequestId


class AddTemplateStatus(Answer, frozen=True):
    template_id: Annotated[str, Meta(description="Text here, a number everywhere else.")]


class AddTemplateAnswer(Answer, frozen=True):
    add_template_status: AddTemplateStatus
    request_id: RequestId


class ModifyTemplateStatus(Answer, frozen=True):
    template_id: int


class ModifyTemplateAnswer(Answer, frozen=True):
    modify_template_status: ModifyTemplateStatus
    request_id: RequestId


class DeleteTemplateAnswer(Answer, frozen=True):
    delete_template_status: DeleteStatus
    request_id: RequestId


class DescribeTemplateListStatus(Answer, frozen=True):
    template_id: int
    international: int
    status_code: Annotated[int, Meta(description="0 in use, 1 under review, -1 refused or not in use.")]
    review_reply: str
    template_name: str
    create_time: int
    template_content: str


class DescribeTemplateListAnswer(Answer, frozen=True):
    describe_template_status_set: list[DescribeTemplateListStatus]
    request_id: RequestId


IN_USE, IN_REVIEW, WAITING, NOT_IN_USE = 0, 1, 2, -1
SIGN_STATUS: dict[SignatureState, int] = {
    SignatureState.PENDING_QUALIFICATION_REVIEW: IN_REVIEW,
    SignatureState.PENDING_REVIEW: IN_REVIEW,
    SignatureState.PENDING_ACTIVATE: IN_REVIEW,
    SignatureState.PROCESSING: WAITING,
    SignatureState.REAL_NAME_REGISTRATING: WAITING,
    SignatureState.REVIEW_PROCESSING_COMPLETED: IN_USE,
    SignatureState.REVIEW_PASSED: IN_USE,
    SignatureState.REVIEW_PASSED_QUALIFICATION_PROCESSING: IN_USE,
    SignatureState.REVIEW_PASSED_REAL_NAME_REGISTRATING: IN_USE,
    SignatureState.REVIEW_PASSED_REAL_NAME_REGISTRATE_FAIL: IN_USE,
    SignatureState.REVIEW_NOT_PASS: NOT_IN_USE,
    SignatureState.TO_BE_ACTIVATED: NOT_IN_USE,
}
NO_QUALIFICATION = -1
QUALIFICATION_STATUS: dict[QualificationStatus, int] = {
    QualificationStatus.PENDING: 0,
    QualificationStatus.APPROVED: 1,
    QualificationStatus.REJECTED: 2,
    QualificationStatus.INCOMPLETE: 3,
    QualificationStatus.CHANGE_PENDING: 4,
    QualificationStatus.CHANGE_REJECTED: 5,
}
SMS_TYPES: dict[int, Kind] = {1: Kind.MARKETING, 2: Kind.NOTICE, 3: Kind.VERIFICATION}


def kind_of(sms_type: int, content: str) -> Kind | None:
    """The kind that a SmsType means, also one from before 2024; None when it means none."""
    return SMS_TYPES.get(sms_type) or kinds.kind_of(sms_type, content)
