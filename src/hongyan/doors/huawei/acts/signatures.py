"""Signatures through the management API."""

from hongyan.control import reasons
from hongyan.control.inventory import SignatureEntry
from hongyan.control.plane import ControlPlane
from hongyan.doors.huawei import manage_errors as errors
from hongyan.doors.huawei.acts.context import Asker
from hongyan.doors.huawei.manage_errors import Refused
from hongyan.doors.huawei.words import signatures as words
from hongyan.doors.huawei.words.common import (
    KINDS,
    REGION_OF,
    TYPES,
    Nothing,
    cut,
    moment,
    needed,
    one_of,
    scope_of,
    tenant,
    the_id,
    told_at,
)
from hongyan.doors.huawei.words.signatures import SignatureAsked, SignatureMade, Signatures, SignaturesAsked
from hongyan.model import long_id
from hongyan.model.listing import SignaturesWanted
from hongyan.model.papers import ReviewKind, SignatureDraft
from hongyan.model.snapshot import Scope

URGED, NOT_URGED = "Urged", "NotUrged"
"""`urge_status`; Huawei's words are not documented."""


class SignatureActs:
    """The six calls for signatures."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self._keep = control.signatures

    async def create(self, asked: SignatureAsked, who: Asker) -> SignatureMade:
        for name in ("app_id", "signature_type"):
            needed(getattr(asked, name), name)
        name = needed(asked.signature_name, "signature_name")
        row = await self._keep.add(who.actor, who.account_id, _draft(asked, SignatureDraft(name=name, scope=Scope.MAINLAND)))
        return SignatureMade(long_id.written(row.id), long_id.written(row.id), row.name)

    async def change(self, asked: SignatureAsked, who: Asker, which: str) -> SignatureMade:
        row = (await self._keep.get(who.actor, _id(which))).row
        before = SignatureDraft(
            name=row.name,
            scope=row.scope,
            app_id=row.app_id,
            kind=row.kind,
            purpose=row.purpose,
            document_kind=row.document_kind,
            proofs=row.proofs,
            authorisation=row.authorisation,
            qualification_id=row.qualification_id,
            remark=row.remark,
            usage=row.usage,
            source_title=row.source_title,
        )
        row = await self._keep.change(who.actor, row.id, _draft(asked, before))
        return SignatureMade(long_id.written(row.id), long_id.written(row.id), row.name)

    async def delete(self, _asked: object, who: Asker, which: str) -> Nothing:
        await self._keep.delete(who.actor, _id(which))
        return Nothing()

    async def enable(self, _asked: object, who: Asker, which: str) -> Nothing:
        await self._keep.activate(who.actor, _id(which))
        return Nothing()

    async def get(self, _asked: object, who: Asker, which: str) -> words.Signature:
        return _told(await self._control.inventory.signature(who.actor, who.account_id, _id(which)), who)

    async def every(self, asked: SignaturesAsked, who: Asker) -> Signatures:
        if asked.status is not None and asked.status not in words.STATES:
            raise Refused(errors.invalid("status 不存在。", "There is no such status."))
        wanted = SignaturesWanted(
            id=None if asked.signature_id is None else _id(asked.signature_id),
            name=asked.signature_name,
            usage=one_of(asked.signature_type, KINDS, "signature_type"),
            scope=scope_of(asked.site, "site"),
            state=None if asked.status is None else words.STATES[asked.status],
            app_name=asked.app_name,
            since=moment(asked.start_time, "start_time"),
            until=moment(asked.end_time, "end_time"),
        )
        found, total = await self._control.inventory.signatures(who.actor, who.account_id, wanted, cut(asked, words.ORDERS))
        return Signatures([_told(entry, who) for entry in found], total)


def _id(which: str) -> int:
    return the_id(which, errors.SIGNATURE_ID, "signature")


def _draft(asked: SignatureAsked, before: SignatureDraft) -> SignatureDraft:
    """What is asked for, and where that is silent what was there before."""
    if asked.signature_source is not None and asked.signature_source not in words.SOURCES:
        raise Refused(errors.invalid("signature_source 为 0 到 5。", "signature_source is 0 to 5."))
    if asked.is_involved_third is not None and asked.is_involved_third not in words.PURPOSES:
        raise Refused(errors.invalid("is_involved_third 为 Yes 或 No。", "is_involved_third is Yes or No."))
    kind = before.kind if asked.signature_source is None else words.SOURCES[asked.signature_source]
    return SignatureDraft(
        name=before.name if asked.signature_name is None else asked.signature_name,
        scope=before.scope,
        app_id=the_id(asked.app_id, errors.NO_APP, "app") if asked.app_id else before.app_id,
        kind=kind,
        purpose=before.purpose if asked.is_involved_third is None else words.PURPOSES[asked.is_involved_third],
        document_kind=before.document_kind if kind is before.kind and not asked.file_id else None,
        proofs=(the_id(asked.file_id, errors.NO_FILE, "file"),) if asked.file_id else before.proofs,
        authorisation=(
            the_id(asked.power_attorney_fileid, errors.NO_FILE, "file") if asked.power_attorney_fileid else before.authorisation
        ),
        qualification_id=(
            the_id(asked.qualification_id, errors.INVALID, "qualification") if asked.qualification_id else before.qualification_id
        ),
        remark=before.remark if asked.apply_desc is None else asked.apply_desc,
        usage=one_of(asked.signature_type, KINDS, "signature_type") or before.usage,
        source_title=before.source_title if asked.source_title_content is None else asked.source_title_content,
    )


def _told(entry: SignatureEntry, who: Asker) -> words.Signature:
    row, beside, qualification = entry.signature.row, entry.beside, entry.signature.qualification
    usage = None if row.usage is None else TYPES[row.usage]
    zh, _en = reasons.told(ReviewKind.SIGNATURE, row.reasons, row.note)
    return words.Signature(
        id=long_id.written(row.id),
        create_time=told_at(row.created_at),
        update_time=told_at(row.decided_at if row.decided_at and row.decided_at > row.submitted_at else row.submitted_at),
        customer_id=long_id.written(row.account_id),
        tenant=tenant(row.account_id, who.account_name),
        signature_name=row.name,
        signature_id=long_id.written(row.id),
        signature_type=usage,
        app_name=beside.app_name,
        apply_desc=row.remark,
        channel_num=beside.from_number,
        review_desc=zh,
        file_id=long_id.written(row.proofs[0]) if row.proofs else None,
        status=entry.signature.state.value.upper(),
        site=REGION_OF[row.scope],
        signature_source=words.SOURCE_OF[row.kind],
        is_involved_third=words.PURPOSE_OF[row.purpose],
        power_attorney_file_id=None if row.authorisation is None else long_id.written(row.authorisation),
        urge_status=NOT_URGED if beside.urged_at is None else URGED,
        urge_time=told_at(beside.urged_at),
        urge_desc=None,
        app_key=beside.access_key,
        source_title_content=row.source_title,
        signature_usage=usage,
        qualification_id=None if row.qualification_id is None else long_id.written(row.qualification_id),
        qualification_name=None if qualification is None else qualification.name,
    )
