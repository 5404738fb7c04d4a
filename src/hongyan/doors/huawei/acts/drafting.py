"""From a request for a template to a draft, with what Huawei asks of a content beyond what every template has to be."""

from typing import Protocol

import msgspec

from hongyan.control.plane import ControlPlane
from hongyan.doors.huawei import manage_errors as errors
from hongyan.doors.huawei.acts.context import Asker
from hongyan.doors.huawei.manage_errors import Failure, Refused, invalid
from hongyan.doors.huawei.words import templates as words
from hongyan.doors.huawei.words.common import KINDS, needed, one_of, scope_of, the_id
from hongyan.doors.huawei.words.syntax import OPT_OUT, Attribute, Fault, Taken, content_of, taken, type_of
from hongyan.doors.huawei.words.templates import COUNTRY_BY_ID, TemplateAsked
from hongyan.model import long_id
from hongyan.model.message import Kind
from hongyan.model.papers import Submitted, TemplateDraft, Variable
from hongyan.model.snapshot import Scope
from hongyan.model.template import TemplateFault, placeholders
from hongyan.model.values import ValueType


class Template(Protocol):
    """A template as it is kept."""

    @property
    def app_id(self) -> int | None: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def scope(self) -> Scope: ...
    @property
    def content(self) -> str: ...
    @property
    def variables(self) -> tuple[Variable, ...]: ...
    @property
    def remark(self) -> str: ...
    @property
    def signature_id(self) -> int | None: ...
    @property
    def universal(self) -> bool: ...
    @property
    def alias(self) -> str: ...
    @property
    def square_brackets(self) -> bool: ...
    @property
    def submitted(self) -> Submitted | None: ...


class Drafting:
    """Makes drafts. Raises `Refused`, or the ControlError of a signature that there is not."""

    def __init__(self, control: ControlPlane) -> None:
        self._signatures = control.signatures

    def variables(self, row: Template) -> tuple[Variable, ...]:
        """What is known of each placeholder, those of which nothing was said included."""
        count = placeholders(row.content)
        if isinstance(count, TemplateFault):
            return row.variables
        unsaid = ValueType.CODE if row.kind is Kind.VERIFICATION else ValueType.ANY
        return (*row.variables, *(Variable(unsaid) for _ in range(count - len(row.variables))))

    async def new(self, asked: TemplateAsked, who: Asker) -> TemplateDraft:
        needed(asked.app_id, "app_id")
        needed(asked.template_name, "template_name")
        content = needed(asked.template_content, "template_content")
        scope = scope_of(asked.region, "region") or Scope.MAINLAND
        if scope is Scope.MAINLAND:
            needed(asked.template_type, "template_type")
        kind = one_of(asked.template_type, KINDS, "template_type") or _guessed(content)
        return await self._draft(asked, who, kind, scope)

    async def changed(self, row: Template, asked: TemplateAsked, who: Asker) -> TemplateDraft:
        """What is left out stays."""
        scope = scope_of(asked.region, "region") or row.scope
        kind = one_of(asked.template_type, KINDS, "template_type") or row.kind
        before = self._as_asked(row)
        whole = _completed(asked, before)
        same = asked.template_content in {None, before.template_content} and asked.variable_attributes is None
        if same and kind is row.kind:
            # Not read anew: it may have come another way, and be what is never written here.
            draft = await self._unread(whole, who, kind, scope, unbound=_unbound(row))
            return msgspec.structs.replace(
                draft, content=row.content, variables=row.variables, alias=row.alias, submitted=_with_countries(row.submitted, draft)
            )
        return msgspec.structs.replace(await self._draft(whole, who, kind, scope, unbound=_unbound(row)), alias=row.alias)

    def _as_asked(self, row: Template) -> TemplateAsked:
        """As somebody would ask for what there is."""
        return TemplateAsked(
            app_id=None if row.app_id is None else long_id.written(row.app_id),
            template_name=row.name,
            template_content=content_of(row.content, row.submitted),
            template_desc=row.remark,
            sign_id=None if row.signature_id is None else long_id.written(row.signature_id),
            universal_template=int(row.universal),
            brackets=words.BRACKETS_OF[row.square_brackets],
            send_country=[] if row.submitted is None else list(row.submitted.countries),
            variable_attributes=[
                words.Attribute(index, type_of(index, variable, row.submitted), variable.about)
                for index, variable in enumerate(row.variables, 1)
                if row.submitted is None or str(index) in row.submitted.types
            ],
        )

    async def _draft(self, asked: TemplateAsked, who: Asker, kind: Kind, scope: Scope, *, unbound: bool = False) -> TemplateDraft:
        draft = await self._unread(asked, who, kind, scope, unbound=unbound)
        content = (asked.template_content or "").strip()
        attributes = asked.variable_attributes or []
        found = taken(content, kind, [Attribute(each.variable_index, each.variable_type, each.variable_desc or "") for each in attributes])
        if isinstance(found, Fault):
            raise Refused(Failure(errors.UNDESCRIBED if found.undescribed else errors.INVALID, found.zh, found.en))
        _said(found, kind, scope)
        types = {str(each.variable_index): each.variable_type for each in attributes}
        countries = () if draft.submitted is None else draft.submitted.countries
        return msgspec.structs.replace(
            draft, content=found.content, variables=found.variables, submitted=Submitted(content, types, countries)
        )

    async def _unread(self, asked: TemplateAsked, who: Asker, kind: Kind, scope: Scope, *, unbound: bool) -> TemplateDraft:
        """All of it but the content and what is said of its placeholders; with `unbound` no signature has to be named."""
        app_id = the_id(asked.app_id, errors.NO_APP, "app") if asked.app_id else None
        universal = _universal(asked)
        square = words.BRACKETS.get(asked.brackets or "CN")
        if square is None:
            raise Refused(invalid("brackets 为 CN（【】）或 GB（[]）。", "brackets is CN for 【】 or GB for []."))
        signature_id = None
        if scope is Scope.MAINLAND and not universal and (asked.sign_id or not unbound):
            signature_id = await self._signature(needed(asked.sign_id, "sign_id"), app_id, kind, who)
        countries = tuple(dict.fromkeys(asked.send_country or ())) if scope is Scope.INTERNATIONAL else ()
        if len(countries) > words.MOST_COUNTRIES or any(each not in COUNTRY_BY_ID for each in countries):
            raise Refused(invalid("send_country 里有不存在的国家：请用查询发送国家接口返回的 ID。",
                                  "send_country has one that there is not: use the ids of the list of countries."))  # fmt: skip
        return TemplateDraft(
            name=asked.template_name or "",
            kind=kind,
            scope=scope,
            content="",
            app_id=app_id,
            remark=asked.template_desc or "",
            signature_id=signature_id,
            universal=universal,
            square_brackets=square,
            submitted=Submitted(countries=countries),
        )

    async def _signature(self, sign_id: str, app_id: int | None, kind: Kind, who: Asker) -> int:
        """The signature it is for: of the same application, and for what the template is for."""
        row = (await self._signatures.get(who.actor, the_id(sign_id, errors.SIGNATURE_ID, "signature"))).row
        if row.scope is not Scope.MAINLAND or row.app_id not in {None, app_id}:
            raise Refused(Failure(errors.NO_SIGNATURE, f"该应用没有签名 {sign_id}。", f"The application has no signature {sign_id}."))
        if row.usage not in {None, kind}:
            raise Refused(invalid("模板类型与签名类型不一致。", "The template is of another type than its signature."))
        return row.id


def _unbound(row: Template) -> bool:
    """It came another way, where templates are for any signature."""
    return row.signature_id is None and not row.universal


def _universal(asked: TemplateAsked) -> bool:
    if asked.universal_template not in {None, 0, 1}:
        raise Refused(invalid("universal_template 为 0 或 1。", "universal_template is 0 or 1."))
    return asked.universal_template == 1


def _completed(asked: TemplateAsked, before: TemplateAsked) -> TemplateAsked:
    given = {name: value for name in asked.__struct_fields__ if (value := getattr(asked, name)) is not None}
    if asked.template_content not in {None, before.template_content} and "variable_attributes" not in given:
        given["variable_attributes"] = []
    if given.get("universal_template") == 1 and "sign_id" not in given:
        before = msgspec.structs.replace(before, sign_id=None)
    return msgspec.structs.replace(before, **given)


def _with_countries(submitted: Submitted | None, draft: TemplateDraft) -> Submitted | None:
    countries = () if draft.submitted is None else draft.submitted.countries
    if submitted is None:
        return Submitted(countries=countries) if countries else None
    return msgspec.structs.replace(submitted, countries=countries)


def _guessed(content: str) -> Kind:
    """Of a template for abroad, of which no type is told: a code where it says so."""
    says = "code" in content.casefold() or "验证码" in content
    return Kind.VERIFICATION if says and content.count("${") == 1 else Kind.NOTICE


def _said(found: Taken, kind: Kind, scope: Scope) -> None:
    if kind is Kind.MARKETING and scope is Scope.MAINLAND and OPT_OUT not in found.content:
        raise Refused(invalid(f"推广类模板必须写明“{OPT_OUT}”。", f"A promotion has to say “{OPT_OUT}”."))
