"""Signatures and templates, over the same services as the console and the commands."""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import TypeAlias

import msgspec

from hongyan.control import reasons
from hongyan.control.documents import Documents
from hongyan.control.errors import ControlError
from hongyan.control.qualifications import Qualifications
from hongyan.control.signatures import Signature, Signatures
from hongyan.control.templates import Templates
from hongyan.doors.tencent_v3 import errors
from hongyan.doors.tencent_v3.acts.context import Context, Directory, refusal
from hongyan.doors.tencent_v3.errors import Failure, Fault
from hongyan.doors.tencent_v3.schema import MOST_INTEGER, Answer
from hongyan.doors.tencent_v3.words import applying
from hongyan.doors.tencent_v3.words.applying import (
    BOTH_SCOPES,
    DELETED,
    MOST_IDS,
    MOST_LISTED,
    USUAL_LISTED,
    AddSmsSign,
    AddSmsTemplate,
    DeleteSmsSign,
    DeleteSmsTemplate,
    DescribeSmsSignList,
    DescribeSmsTemplateList,
    ModifySmsSign,
    ModifySmsTemplate,
    kind_of,
)
from hongyan.model.message import Kind
from hongyan.model.papers import (
    GOOD,
    PROOFS,
    TENCENT_ACTS,
    TENCENT_KINDS,
    DocumentKind,
    Purpose,
    ReviewKind,
    ReviewStatus,
    SignatureDraft,
    SignatureKind,
    TemplateDraft,
)
from hongyan.model.snapshot import AccountKind, Scope

Words: TypeAlias = Mapping[str, Fault]
"""Faults by the rule that a control service names (`ControlError.why`)."""

SIGN_WORDS: Words = {
    "signature_length": errors.SIGN_LENGTH,
    "signature_character": errors.SIGN_WRONG,
    "signature_neutral": errors.SIGN_WRONG,
    "forbidden_word": errors.DIRTY_WORD,
    "signature_document_kind": errors.DOCUMENT_TYPE_WRONG,
    "signature_authorisation": errors.MISSING_COMMISSION,
    "signature_qualification": errors.MISSING_QUALIFICATION,
    "no_qualification": errors.NO_QUALIFICATION,
    "qualification_not_approved": errors.QUALIFICATION_NOT_APPROVED,
    "qualification_expired": errors.QUALIFICATION_NOT_APPROVED,
    "signature_pending": errors.SIGN_PENDING,
    "signature_approved": errors.SIGN_PASSED,
    "signature_inactive": errors.SIGN_PASSED,
    "too_many_signatures": errors.TOO_MANY_SIGNS,
    "scope_fixed": errors.INTERNATIONAL_WRONG,
    "no_signature": errors.NO_SIGN_TO_MODIFY,
}
TEMPLATE_WORDS: Words = {
    "marketing_denied": errors.NO_MARKETING_TEMPLATES,
    "opt_out_missing": errors.NO_OPT_OUT,
    "placeholders_denied": errors.NO_VARIABLES,
    "forbidden_word": errors.DIRTY_TEMPLATE,
    "too_many_templates": errors.TOO_MANY_TEMPLATES,
    "template_approved": errors.TEMPLATE_PASSED,
    "template_inactive": errors.TEMPLATE_PASSED,
    "scope_fixed": errors.INTERNATIONAL_WRONG,
    "no_template": errors.NO_TEMPLATE_TO_MODIFY,
    **dict.fromkeys(
        (
            *("empty", "too_long", "hidden_character", "bracket", "odd_symbol", "placeholder_form", "placeholder_gap", "placeholders_only"),
            *("placeholders_too_many", "placeholders_touch", "placeholder_in_link", "value_types", "verification_unnamed"),
            "link_disguised",
        ),
        errors.TEMPLATE_FORMAT,
    ),
}
DELETING_SIGN: Words = {"no_signature": errors.NO_SIGN}
DELETING_TEMPLATE: Words = {"no_template": errors.NO_TEMPLATE}

TEMPLATE_STATUS: Mapping[ReviewStatus, int] = {
    ReviewStatus.PENDING: applying.IN_REVIEW,
    ReviewStatus.APPROVED: applying.IN_USE,
    ReviewStatus.REJECTED: applying.NOT_IN_USE,
    ReviewStatus.INACTIVE: applying.NOT_IN_USE,
    ReviewStatus.DRAFT: applying.NOT_IN_USE,
    ReviewStatus.STOPPED: applying.NOT_IN_USE,
}
SCOPES: Mapping[int, Scope] = {int(scope): scope for scope in Scope}


class Papers(msgspec.Struct, frozen=True):
    """The services that the actions stand on."""

    signatures: Signatures
    templates: Templates
    documents: Documents
    qualifications: Qualifications


class PaperActs:
    """What is applied for."""

    def __init__(self, directory: Directory, papers: Papers, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._papers = papers
        self._clock = clock

    # Signatures.

    async def add_sign(self, asked: AddSmsSign, context: Context) -> Answer | Failure:
        try:
            draft = self._not_enterprise(context) or await self._sign_draft(asked, context)
            if isinstance(draft, Failure):
                return draft
            added = await self._papers.signatures.add(context.actor, context.caller.account_id, draft)
        except ControlError as fault:
            return _told(fault, SIGN_WORDS, context)
        return applying.AddSignAnswer(applying.AddSignStatus(added.id), context.request_id)

    async def modify_sign(self, asked: ModifySmsSign, context: Context) -> Answer | Failure:
        try:
            draft = self._not_enterprise(context) or await self._sign_draft(asked, context)
            if isinstance(draft, Failure):
                return draft
            changed = await self._papers.signatures.change(context.actor, _id(asked.sign_id), draft, acts=TENCENT_ACTS)
        except ControlError as fault:
            return _told(fault, SIGN_WORDS, context)
        return applying.ModifySignAnswer(applying.ModifySignStatus(changed.id), context.request_id)

    async def delete_sign(self, asked: DeleteSmsSign, context: Context) -> Answer | Failure:
        if (fault := self._not_enterprise(context)) is not None:
            return fault
        try:
            await self._papers.signatures.delete(context.actor, _id(asked.sign_id), acts=TENCENT_ACTS)
        except ControlError as refused:
            return _told(refused, DELETING_SIGN, context)
        return applying.DeleteSignAnswer(applying.DeleteStatus(DELETED, int(self._clock())), context.request_id)

    async def describe_signs(self, asked: DescribeSmsSignList, context: Context) -> Answer | Failure:
        fault = (
            self._not_enterprise(context) or _wrong_scope(asked.international) or _wrong_list(asked.sign_id_set, asked.limit, asked.offset)
        )
        if fault is not None:
            return fault
        most, offset = _page(asked.sign_id_set, asked.limit, asked.offset)
        found = await self._papers.signatures.page(
            context.actor,
            account_id=context.caller.account_id,
            scope=SCOPES[asked.international],
            ids=_ids(asked.sign_id_set),
            most=most,
            offset=offset,
        )
        told = [_sign_status(signature, context) for signature in found] if most else []
        return applying.DescribeSignListAnswer(told, context.request_id)

    async def _sign_draft(self, asked: AddSmsSign | ModifySmsSign, context: Context) -> SignatureDraft | Failure:
        """What is applied for, its papers handed in."""
        if (fault := _wrong_sign(asked)) is not None:
            return fault
        qualification = asked.qualification_id or None
        if qualification is not None:
            found = await self._papers.qualifications.get(context.actor, _id(qualification))
            if found.status not in GOOD:
                return Failure(errors.QUALIFICATION_NOT_APPROVED)
        proof = await self._document(asked.proof_image, "ProofImage", context)
        if isinstance(proof, Failure):
            return proof
        letter = await self._document(asked.commission_image, "CommissionImage", context) if asked.commission_image else None
        if isinstance(letter, Failure):
            return letter
        return SignatureDraft(
            name=asked.sign_name,
            scope=SCOPES[asked.international],
            kind=SignatureKind(asked.sign_type),
            purpose=Purpose(asked.sign_purpose),
            document_kind=DocumentKind(asked.document_type),
            proofs=(proof,),
            authorisation=letter,
            qualification_id=qualification,
            remark=asked.remark or "",
        )

    async def _document(self, image: str, name: str, context: Context) -> int | Failure:
        content = _decoded(image)
        if content is None:
            return Failure(errors.IMAGE_WRONG, f"{name} must be base64 without a data: prefix")
        try:
            return (await self._papers.documents.add(context.actor, context.caller.account_id, name, content)).id
        except ControlError as fault:
            if fault.why.startswith("document_"):
                return Failure(errors.IMAGE_WRONG, fault.en if context.language == errors.ENGLISH else fault.zh)
            raise

    # Templates.

    async def add_template(self, asked: AddSmsTemplate, context: Context) -> Answer | Failure:
        try:
            draft = self._template_draft(asked, context)
            if isinstance(draft, Failure):
                return draft
            if draft.scope is Scope.MAINLAND and not await self._papers.signatures.total(context.actor, context.caller.account_id):
                return Failure(errors.NO_SIGN_YET)
            added = await self._papers.templates.add(context.actor, context.caller.account_id, draft)
        except ControlError as fault:
            return _told(fault, TEMPLATE_WORDS, context)
        return applying.AddTemplateAnswer(applying.AddTemplateStatus(str(added.id)), context.request_id)

    async def modify_template(self, asked: ModifySmsTemplate, context: Context) -> Answer | Failure:
        try:
            draft = self._template_draft(asked, context)
            if isinstance(draft, Failure):
                return draft
            changed = await self._papers.templates.change(context.actor, _id(asked.template_id), draft, acts=TENCENT_ACTS)
        except ControlError as fault:
            return _told(fault, TEMPLATE_WORDS, context)
        return applying.ModifyTemplateAnswer(applying.ModifyTemplateStatus(changed.id), context.request_id)

    async def delete_template(self, asked: DeleteSmsTemplate, context: Context) -> Answer | Failure:
        if (fault := self._not_enterprise(context)) is not None:
            return fault
        try:
            await self._papers.templates.delete(context.actor, _id(asked.template_id), acts=TENCENT_ACTS)
        except ControlError as refused:
            return _told(refused, DELETING_TEMPLATE, context)
        return applying.DeleteTemplateAnswer(applying.DeleteStatus(DELETED, int(self._clock())), context.request_id)

    async def describe_templates(self, asked: DescribeSmsTemplateList, context: Context) -> Answer | Failure:
        wrong_scope = None if asked.international == BOTH_SCOPES else _wrong_scope(asked.international)
        fault = self._not_enterprise(context) or wrong_scope or _wrong_list(asked.template_id_set, asked.limit, asked.offset)
        if fault is not None:
            return fault
        most, offset = _page(asked.template_id_set, asked.limit, asked.offset)
        found = await self._papers.templates.page(
            context.actor,
            account_id=context.caller.account_id,
            scope=SCOPES.get(asked.international),
            ids=_ids(asked.template_id_set),
            most=most,
            offset=offset,
        )
        told = [
            applying.DescribeTemplateListStatus(
                template_id=row.id,
                international=int(row.scope),
                status_code=TEMPLATE_STATUS[row.status],
                review_reply=_reply(ReviewKind.TEMPLATE, row.status, row.reasons, row.note, context),
                template_name=row.name,
                create_time=int(row.submitted_at),
                template_content=row.content,
            )
            for row in found
        ]
        return applying.DescribeTemplateListAnswer(told if most else [], context.request_id)

    def _template_draft(self, asked: AddSmsTemplate | ModifySmsTemplate, context: Context) -> TemplateDraft | Failure:
        kind = kind_of(asked.sms_type, asked.template_content)
        if kind is Kind.MARKETING and self._not_enterprise(context) is not None:
            return Failure(errors.NO_MARKETING_TEMPLATES)
        if (fault := self._not_enterprise(context) or _wrong_scope(asked.international)) is not None:
            return fault
        if kind is None:
            return Failure(errors.SMS_TYPE_WRONG, f"1 marketing, 2 notice, 3 verification code; it is {asked.sms_type}")
        return TemplateDraft(
            name=asked.template_name,
            kind=kind,
            scope=SCOPES[asked.international],
            content=asked.template_content,
            remark=asked.remark,
        )

    def _not_enterprise(self, context: Context) -> Failure | None:
        account = self._directory.snapshot.accounts[context.caller.account_id]
        return Failure(errors.NOT_ENTERPRISE) if account.kind is AccountKind.INDIVIDUAL else None


def _wrong_sign(asked: AddSmsSign | ModifySmsSign) -> Failure | None:
    if (fault := _wrong_scope(asked.international)) is not None:
        return fault
    kind = next((kind for kind in TENCENT_KINDS if kind == asked.sign_type), None)
    if kind is None:
        return Failure(errors.INVALID_VALUE, f"SignType is 0 to 6; it is {asked.sign_type}")
    if asked.sign_purpose not in {purpose.value for purpose in Purpose}:
        return Failure(errors.SIGN_PURPOSE_WRONG, f"it is {asked.sign_purpose}")
    if asked.document_type not in PROOFS[kind]:
        proving = ", ".join(str(int(document)) for document in sorted(PROOFS[kind]))
        return Failure(
            errors.DOCUMENT_TYPE_WRONG, f"a signature of SignType {int(kind)} is proved by {proving}; it is {asked.document_type}"
        )
    return None


def _wrong_scope(international: int) -> Failure | None:
    return None if international in SCOPES else Failure(errors.INTERNATIONAL_WRONG, f"0 or 1; it is {international}")


def _wrong_list(ids: list[int] | None, limit: int | None, offset: int | None) -> Failure | None:
    if ids:
        return Failure(errors.LIMIT_WRONG, f"at most {MOST_IDS} ids; {len(ids)} were given") if len(ids) > MOST_IDS else None
    if not 0 <= (limit or 0) <= MOST_LISTED:
        return Failure(errors.LIMIT_WRONG, f"at most {MOST_LISTED}; it is {limit}")
    return None if 0 <= (offset or 0) < 2**31 else Failure(errors.OFFSET_WRONG, f"it is {offset}")


def _page(ids: list[int] | None, limit: int | None, offset: int | None) -> tuple[int, int]:
    """How many at most, and how many to leave out."""
    if ids:
        return MOST_IDS, 0
    return USUAL_LISTED if limit is None else limit, offset or 0


def _ids(given: list[int] | None) -> list[int] | None:
    return [_id(each) for each in given] if given else None


def _id(given: int) -> int:
    """An id that can be looked for; 0 is nobody's."""
    return given if 0 <= given <= MOST_INTEGER else 0


def _decoded(image: str) -> bytes | None:
    plain = image.partition(",")[2] if image.startswith("data:") else image
    try:
        return base64.b64decode("".join(plain.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _sign_status(signature: Signature, context: Context) -> applying.DescribeSignListStatus:
    row, qualification = signature.row, signature.qualification
    return applying.DescribeSignListStatus(
        sign_id=row.id,
        international=int(row.scope),
        status_code=applying.SIGN_STATUS[signature.state],
        review_reply=_reply(ReviewKind.SIGNATURE, row.status, row.reasons, row.note, context),
        sign_name=row.name,
        create_time=int(row.submitted_at),
        qualification_id=0 if qualification is None else qualification.id,
        qualification_name="" if qualification is None else qualification.name,
        qualification_status_code=applying.NO_QUALIFICATION
        if qualification is None
        else applying.QUALIFICATION_STATUS[qualification.status],
    )


def _reply(kind: ReviewKind, status: ReviewStatus, codes: tuple[str, ...], note: str, context: Context) -> str:
    """What the reviewer answered, in the language asked for; nothing before there is an answer."""
    if status is ReviewStatus.PENDING:
        return ""
    zh, en = reasons.told(kind, codes, note) if status is ReviewStatus.REJECTED else (note, note)
    return en if context.language == errors.ENGLISH else zh


def _told(fault: ControlError, words: Words, context: Context) -> Failure:
    found = words.get(fault.why)
    if found is None:
        return refusal(fault, context)
    return Failure(found, fault.en if context.language == errors.ENGLISH else fault.zh)
