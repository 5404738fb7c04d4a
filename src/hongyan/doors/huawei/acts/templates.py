"""Templates through the management API."""

import msgspec

from hongyan.control import reasons
from hongyan.control.errors import ControlError
from hongyan.control.inventory import TemplateEntry
from hongyan.control.plane import ControlPlane
from hongyan.doors.huawei import manage_errors as errors
from hongyan.doors.huawei.acts.context import Asker
from hongyan.doors.huawei.acts.drafting import Drafting
from hongyan.doors.huawei.manage_errors import Refused
from hongyan.doors.huawei.words import templates as words
from hongyan.doors.huawei.words.common import (
    KINDS,
    REGION_OF,
    TYPES,
    Nothing,
    cut,
    moment,
    one_of,
    scope_of,
    tenant,
    the_id,
    told_at,
)
from hongyan.doors.huawei.words.syntax import content_of, length_of, type_of
from hongyan.doors.huawei.words.templates import (
    COUNTRIES,
    COUNTRY_BY_ID,
    CountriesAsked,
    Country,
    Deleted,
    Ids,
    NotDeleted,
    TemplateAsked,
    TemplateMade,
    Templates,
    TemplatesAsked,
    Variable,
    Variables,
)
from hongyan.model import long_id
from hongyan.model.listing import TemplatesWanted
from hongyan.model.papers import ReviewKind, ReviewStatus

URGED, NOT_URGED = "Urged", "NotUrged"
FLOWS = frozenset({words.SAVE, words.SUBMIT, words.STOP})


class TemplateActs:
    """The calls for templates, and the countries they can be for."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self._keep = control.templates
        self._drafting = Drafting(control)

    async def create(self, asked: TemplateAsked, who: Asker) -> TemplateMade:
        if _flow(asked) == words.STOP:
            raise Refused(errors.invalid("新建模板不能是 Disable。", "A new template cannot be Disable."))
        draft = await self._drafting.new(asked, who)
        row = await self._keep.add(who.actor, who.account_id, draft, submit=_flow(asked) == words.SUBMIT, only=True)
        return TemplateMade(long_id.written(row.id), row.name)

    async def change(self, asked: TemplateAsked, who: Asker, which: str) -> TemplateMade:
        row = await self._keep.get(who.actor, _id(which))
        if _flow(asked) == words.STOP:
            row = await self._keep.stop(who.actor, row.id)
        else:
            draft = await self._drafting.changed(row, asked, who)
            row = await self._keep.change(who.actor, row.id, draft, submit=_flow(asked) == words.SUBMIT)
        return TemplateMade(long_id.written(row.id), row.name)

    async def delete(self, _asked: object, who: Asker, which: str) -> Nothing:
        await self._keep.delete(who.actor, _id(which))
        return Nothing()

    async def delete_some(self, asked: Ids, who: Asker) -> Deleted:
        if not 1 <= len(asked.ids) <= words.MOST_AT_ONCE:
            most = words.MOST_AT_ONCE
            raise Refused(errors.invalid(f"ids 需有 1 到 {most} 个。", f"Give 1 to {most} ids."))
        gone: list[str] = []
        kept: list[NotDeleted] = []
        for which in dict.fromkeys(asked.ids):
            try:
                await self._keep.delete(who.actor, _id(which))
            except ControlError as refused:
                kept.append(NotDeleted(which, f"{errors.told(refused, errors.FAILED).fault.code}: {refused.en}"))
            except Refused as refused:
                kept.append(NotDeleted(which, f"{refused.failure.fault.code}: {refused.failure.en}"))
            else:
                gone.append(which)
        return Deleted(len(gone), gone, len(kept), kept)

    async def get(self, _asked: object, who: Asker, which: str) -> words.Template:
        return _told(await self._control.inventory.template(who.actor, who.account_id, _id(which)), who)

    async def every(self, asked: TemplatesAsked, who: Asker) -> Templates:
        known = None if asked.template_id is None else long_id.read(asked.template_id)
        wanted = _with_flow(
            asked.flow_status,
            TemplatesWanted(
                id=known,
                alias=asked.template_id,
                name=asked.template_name,
                kind=one_of(asked.template_type, KINDS, "template_type"),
                scope=scope_of(asked.region, "region"),
                has_values=_yes(asked.has_variable),
                sign_name=asked.sign_name,
                app_name=asked.app_name,
                access_key=asked.app_key,
                since=moment(asked.start_time, "start_time"),
                until=moment(asked.end_time, "end_time"),
            ),
        )
        found, total = await self._control.inventory.templates(who.actor, who.account_id, wanted, cut(asked, words.ORDERS))
        return Templates([_told(entry, who) for entry in found], total)

    async def variables(self, _asked: object, who: Asker, which: str) -> Variables:
        row = await self._keep.get(who.actor, _id(which))
        listed = [
            Variable(
                id=row.id * 100 + index,
                user_name=who.account_name,
                temp_name=row.name,
                variable_index=index,
                variable_type=type_of(index, variable, row.submitted),
                variable_length=length_of(variable),
                variable_desc=variable.about,
            )
            for index, variable in enumerate(self._drafting.variables(row), 1)
        ]
        return Variables(listed, len(listed))

    async def countries(self, asked: CountriesAsked, _who: Asker) -> list[Country]:
        en, zh = (asked.country_name_en or "").casefold(), asked.country_name_zh or ""
        return [each for each in COUNTRIES if en in each.country_name_en.casefold() and zh in each.country_name_zh]


def _id(which: str) -> int:
    return the_id(which, errors.NO_TEMPLATE, "template")


def _flow(asked: TemplateAsked) -> str:
    if asked.flow_status is None:
        return words.SUBMIT
    if asked.flow_status not in FLOWS:
        known = ", ".join(sorted(FLOWS))
        raise Refused(errors.invalid(f"flow_status 只能是 {known}。", f"flow_status is one of {known}."))
    return asked.flow_status


def _with_flow(flow: str | None, wanted: TemplatesWanted) -> TemplatesWanted:
    if flow is None:
        return wanted
    if flow == words.SIGN_REVIEWING:
        return msgspec.structs.replace(wanted, status=ReviewStatus.PENDING, sign_waits=True)
    if flow not in words.STATUS_OF:
        known = ", ".join((*words.STATUS_OF, words.SIGN_REVIEWING))
        raise Refused(errors.invalid(f"flow_status 只能是 {known}。", f"flow_status is one of {known}."))
    status = words.STATUS_OF[flow]
    return msgspec.structs.replace(wanted, status=status, sign_waits=False if status is ReviewStatus.PENDING else None)


def _yes(text: str | None) -> bool | None:
    if text is None:
        return None
    if text.lower() not in words.WORDS_OF_YES:
        raise Refused(errors.invalid("has_variable 为 true 或 false。", "has_variable is true or false."))
    return words.WORDS_OF_YES[text.lower()]


def _told(entry: TemplateEntry, who: Asker) -> words.Template:
    row, beside = entry.row, entry.beside
    waits = beside.sign_waits and row.status is ReviewStatus.PENDING
    flow = words.SIGN_REVIEWING if waits else words.FLOWS[row.status]
    zh, _en = reasons.told(ReviewKind.TEMPLATE, row.reasons, row.note)
    countries = () if row.submitted is None else row.submitted.countries
    first: list[int | None] = [*countries[: words.SHOWN_COUNTRIES], None, None, None]
    named = [COUNTRY_BY_ID[each].country_name_zh for each in countries[: words.SHOWN_COUNTRIES] if each in COUNTRY_BY_ID]
    return words.Template(
        id=long_id.written(row.id),
        create_time=told_at(row.created_at),
        update_time=told_at(row.decided_at if row.decided_at and row.decided_at > row.submitted_at else row.submitted_at),
        customer_id=long_id.written(row.account_id),
        tenant=tenant(row.account_id, who.account_name),
        template_name=row.name,
        template_id=row.alias or long_id.written(row.id),
        template_type=TYPES[row.kind],
        app_name=beside.app_name,
        app_key=beside.access_key,
        sign_id=None if row.signature_id is None else long_id.written(row.signature_id),
        template_content=content_of(row.content, row.submitted),
        has_variable=words.YES if "{1}" in row.content else words.NO,
        template_desc=row.remark,
        review_desc=zh,
        review_order=None,
        flow_status=flow,
        universal_template=int(row.universal),
        status=flow,
        region=REGION_OF[row.scope],
        brackets=words.BRACKETS_OF[row.square_brackets],
        site=REGION_OF[row.scope],
        urge_status=NOT_URGED if beside.urged_at is None else URGED,
        urge_time=told_at(beside.urged_at),
        urge_desc=None,
        send_country1=first[0],
        send_country2=first[1],
        send_country3=first[2],
        is_support_multiomp=False,
        country_name="~".join(named),
    )
