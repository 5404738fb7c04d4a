"""Applying for signatures and templates, changing and listing them.

An application sees what it may use, and changes what was applied for with it alone. Refusals of the control services are ControlErrors.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from hongyan.control import reasons
from hongyan.control.documents import Documents
from hongyan.control.qualifications import Qualifications
from hongyan.control.signatures import Signatures
from hongyan.control.templates import Templates
from hongyan.doors.tencent.kinds import kind_of, sms_type
from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.acts.context import Asker
from hongyan.doors.tencent_v5.errors import Failure
from hongyan.doors.tencent_v5.schema import Answer, Number, Text, number, text
from hongyan.doors.tencent_v5.words.papers import (
    STATUSES,
    AddSign,
    AddTemplate,
    DelSign,
    DelTemplate,
    GetSign,
    GetTemplate,
    ModSign,
    ModTemplate,
    SignAnswer,
    SignData,
    SignList,
    SignState,
    TemplateAnswer,
    TemplateData,
    TemplateList,
    TemplateState,
    cut_of,
    ids_of,
    scope_of,
    told_at,
)
from hongyan.kit.blobs import BlobError
from hongyan.model.message import Kind
from hongyan.model.papers import GOOD, TENCENT_ACTS, Purpose, ReviewKind, SignatureDraft, TemplateDraft
from hongyan.model.snapshot import Scope

TITLE = 20
"""So many characters of a content name a template that was given no title."""
NOT_ITS_OWN = Failure(errors.NOT_PERMITTED, "it was not applied for with this sdkappid")


class Papers(NamedTuple):
    """Who keeps what is applied for."""

    documents: Documents
    qualifications: Qualifications
    signatures: Signatures
    templates: Templates


Told: TypeAlias = Answer | Failure


class SignActs:
    """The four calls for signatures."""

    def __init__(self, papers: Papers, clock: Callable[[], float]) -> None:
        self._papers = papers
        self._keep = papers.signatures
        self._clock = clock

    async def add(self, asked: AddSign, who: Asker) -> Told:
        scope = scope_of(asked.international)
        proofs = await self._proofs(asked.pic, who)
        if isinstance(scope, Failure):
            return scope
        if isinstance(proofs, Failure):
            return proofs
        draft = SignatureDraft(
            name=text(asked.text),
            scope=scope,
            app_id=who.app.id,
            proofs=proofs,
            qualification_id=await self._qualification(who) if scope is Scope.MAINLAND else None,
            remark=text(asked.remark),
        )
        row = await self._keep.add(who.actor, who.app.account_id, draft)
        return SignAnswer(errors.OK, "", SignData(row.id, int(row.scope), STATUSES[row.status], row.name))

    async def modify(self, asked: ModSign, who: Asker) -> Told:
        sign_id = number(asked.sign_id)
        if sign_id is None:
            return Failure(errors.BAD_PACKAGE, "cannot get /sign_id")
        row = (await self._keep.get(who.actor, sign_id)).row
        if row.app_id != who.app.id:
            return NOT_ITS_OWN
        proofs = await self._proofs(asked.pic, who)
        if isinstance(proofs, Failure):
            return proofs
        draft = SignatureDraft(
            name=text(asked.text),
            scope=row.scope,
            app_id=row.app_id,
            kind=row.kind,
            purpose=row.purpose,
            document_kind=row.document_kind,
            proofs=proofs or row.proofs,
            authorisation=row.authorisation,
            qualification_id=row.qualification_id,
            remark=row.remark if asked.remark is None else text(asked.remark),
        )
        row = await self._keep.change(who.actor, row.id, draft, acts=TENCENT_ACTS)
        return SignAnswer(errors.OK, "", SignData(row.id, int(row.scope), STATUSES[row.status], row.name))

    async def delete(self, asked: DelSign, who: Asker) -> Told:
        ids = ids_of(asked.sign_id, "sign_id")
        if isinstance(ids, Failure):
            return ids
        if not all([(await self._keep.get(who.actor, each)).row.app_id == who.app.id for each in ids]):
            return NOT_ITS_OWN
        for each in dict.fromkeys(ids):
            await self._keep.delete(who.actor, each, acts=TENCENT_ACTS)
        return Answer(errors.OK, "")

    async def every(self, asked: GetSign, who: Asker) -> Told:
        cut = cut_of(asked.sign_id, asked.sign_page, "sign")
        if isinstance(cut, Failure):
            return cut
        account_id, app_id = who.app.account_id, who.app.id
        found = await self._keep.page(who.actor, account_id=account_id, app_id=app_id, ids=cut.ids, most=cut.most, offset=cut.offset)
        listed = [
            SignState(
                id=row.id,
                international=int(row.scope),
                text=row.name,
                status=STATUSES[row.status],
                reply=_reply(ReviewKind.SIGNATURE, row.reasons, row.note),
                apply_time=told_at(row.submitted_at),
                reply_time=told_at(row.decided_at),
            )
            for row in (each.row for each in found)
        ]
        told = SignList(errors.OK, "", "", len(listed), listed)
        if cut.ids is not None:
            return told
        return msgspec.structs.replace(told, total=await self._keep.total(who.actor, account_id, app_id=app_id))

    async def _proofs(self, pic: Text, who: Asker) -> tuple[int, ...] | Failure:
        """The picture as a document of the account; none when none was given."""
        written = text(pic).strip()
        if not written:
            return ()
        try:
            content = base64.b64decode(written.partition("base64,")[2] or written, validate=True)
        except (binascii.Error, ValueError):
            return Failure(errors.BAD_PACKAGE, "pic is not base64")
        try:
            return ((await self._papers.documents.add(who.actor, who.app.account_id, "pic", content)).id,)
        except BlobError as fault:
            return Failure(errors.OTHER, fault.zh if who.chinese else fault.en)

    async def _qualification(self, who: Asker) -> int | None:
        """What a mainland signature rests on, since these calls cannot name it: the account's own, the first that is good."""
        now = self._clock()
        for row in await self._papers.qualifications.page(who.actor, account_id=who.app.account_id, most=500):
            if row.status in GOOD and row.purpose is Purpose.OWN and (row.valid_until is None or row.valid_until > now):
                return row.id
        return None


class TemplateActs:
    """The four calls for templates."""

    def __init__(self, papers: Papers) -> None:
        self._keep = papers.templates

    async def add(self, asked: AddTemplate, who: Asker) -> Told:
        scope, kind = scope_of(asked.international), _kind(asked.type, asked.text)
        if isinstance(scope, Failure):
            return scope
        if isinstance(kind, Failure):
            return kind
        draft = TemplateDraft(
            name=text(asked.title).strip() or text(asked.text).strip()[:TITLE],
            kind=kind,
            scope=scope,
            content=text(asked.text),
            app_id=who.app.id,
            remark=text(asked.remark),
        )
        row = await self._keep.add(who.actor, who.app.account_id, draft)
        data = TemplateData(row.id, int(row.scope), STATUSES[row.status], row.content, sms_type(row.kind))
        return TemplateAnswer(errors.OK, "", data)

    async def modify(self, asked: ModTemplate, who: Asker) -> Told:
        tpl_id, kind = number(asked.tpl_id), _kind(asked.type, asked.text)
        if tpl_id is None:
            return Failure(errors.BAD_PACKAGE, "cannot get /tpl_id")
        if isinstance(kind, Failure):
            return kind
        row = await self._keep.get(who.actor, tpl_id)
        if row.app_id != who.app.id:
            return NOT_ITS_OWN
        draft = TemplateDraft(
            name=text(asked.title).strip() or row.name,
            kind=kind,
            scope=row.scope,
            content=text(asked.text),
            app_id=row.app_id,
            remark=row.remark if asked.remark is None else text(asked.remark),
        )
        row = await self._keep.change(who.actor, row.id, draft, acts=TENCENT_ACTS)
        data = TemplateData(row.id, int(row.scope), STATUSES[row.status], row.content, sms_type(row.kind))
        return TemplateAnswer(errors.OK, "", data)

    async def delete(self, asked: DelTemplate, who: Asker) -> Told:
        ids = ids_of(asked.tpl_id, "tpl_id")
        if isinstance(ids, Failure):
            return ids
        if not all([(await self._keep.get(who.actor, each)).app_id == who.app.id for each in ids]):
            return NOT_ITS_OWN
        for each in dict.fromkeys(ids):
            await self._keep.delete(who.actor, each, acts=TENCENT_ACTS)
        return Answer(errors.OK, "")

    async def every(self, asked: GetTemplate, who: Asker) -> Told:
        cut = cut_of(asked.tpl_id, asked.tpl_page, "tpl")
        if isinstance(cut, Failure):
            return cut
        account_id, app_id = who.app.account_id, who.app.id
        found = await self._keep.page(who.actor, account_id=account_id, app_id=app_id, ids=cut.ids, most=cut.most, offset=cut.offset)
        listed = [
            TemplateState(
                id=row.id,
                international=int(row.scope),
                text=row.content,
                status=STATUSES[row.status],
                reply=_reply(ReviewKind.TEMPLATE, row.reasons, row.note),
                apply_time=told_at(row.submitted_at),
                reply_time=told_at(row.decided_at),
                type=sms_type(row.kind),
                title=row.name,
            )
            for row in found
        ]
        told = TemplateList(errors.OK, "", "", len(listed), listed)
        if cut.ids is not None:
            return told
        return msgspec.structs.replace(told, total=await self._keep.total(who.actor, account_id, app_id=app_id))


def _kind(written: Number, content: Text) -> Kind | Failure:
    given = number(written)
    kind = None if given is None else kind_of(given, text(content))
    return Failure(errors.BAD_PACKAGE, "type must be 0 for normal templates or 1 for marketing") if kind is None else kind


def _reply(kind: ReviewKind, codes: Sequence[str], note: str) -> str:
    return reasons.told(kind, codes, note)[0]
