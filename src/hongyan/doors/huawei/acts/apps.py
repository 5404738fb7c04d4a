"""Applications through the management API."""

from typing import TypeVar

import msgspec

from hongyan.control import apps as control_apps
from hongyan.control.apps import AppChange
from hongyan.control.inventory import AppEntry
from hongyan.control.plane import ControlPlane
from hongyan.doors.huawei import manage_errors as errors
from hongyan.doors.huawei.acts.context import Asker
from hongyan.doors.huawei.manage_errors import Refused
from hongyan.doors.huawei.words import apps as words
from hongyan.doors.huawei.words.apps import AppChanged, AppCount, AppMade, Apps, AppsAsked, AppUpdate, CountAsked, NewApp
from hongyan.doors.huawei.words.common import REGION_OF, cut, moment, needed, scope_of, tenant, the_id, told_at
from hongyan.model import long_id
from hongyan.model.actor import system
from hongyan.model.listing import AppsWanted
from hongyan.model.message import Kind
from hongyan.model.papers import SignatureDraft, TemplateDraft, Variable
from hongyan.model.snapshot import Scope
from hongyan.model.values import ValueType

T = TypeVar("T")

PRESET = "huawei"
"""Its limits are those that a program written for Huawei Cloud counts on."""
TEST_SIGN, TEST_NAME = "试用{number:06}", "试用"
TEST_SIGNS = 1_000_000
TEST_TEMPLATE = "您的测试验证码是{1}，请勿告诉他人。"


class AppActs:
    """The five calls for applications."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control

    async def create(self, asked: NewApp, who: Asker) -> AppMade:
        name = needed(asked.app_name, "app_name")
        scope = scope_of(asked.region, "region") or Scope.MAINLAND
        first = msgspec.structs.replace(_change(asked, scope), preset=PRESET)
        made = await self._control.apps.create(who.actor, who.account_id, name, first, with_access=True)
        assert made.access is not None  # noqa: S101 - it was asked for
        if asked.create_sign_and_template and scope is Scope.MAINLAND:
            await self._for_tests(who, made.app.id)
        secret = made.access.access_secret if asked.show_secret else None
        return AppMade(long_id.written(made.app.id), made.app.name, made.access.access_key, secret)

    async def _for_tests(self, who: Asker, app_id: int) -> None:
        """A signature and a template that the platform applies for by itself; a reviewer decides on them as on all others."""
        actor = system("huawei create_sign_and_template")
        sign = SignatureDraft(
            name=TEST_SIGN.format(number=app_id % TEST_SIGNS), scope=Scope.MAINLAND, app_id=app_id, usage=Kind.VERIFICATION
        )
        signature = await self._control.signatures.add(actor, who.account_id, sign)
        template = TemplateDraft(
            name=TEST_NAME,
            kind=Kind.VERIFICATION,
            scope=Scope.MAINLAND,
            content=TEST_TEMPLATE,
            app_id=app_id,
            signature_id=signature.id,
            variables=(Variable(ValueType.DIGITS, longest=6),),
        )
        await self._control.templates.add(actor, who.account_id, template)

    async def change(self, asked: AppUpdate, who: Asker, which: str) -> AppChanged:
        app_id = the_id(which, errors.NO_APP, "app")
        entry = await self._control.inventory.app(who.actor, who.account_id, app_id)
        scope = scope_of(asked.region, "region")
        change = _change(asked, scope or entry.row.scope or Scope.MAINLAND)
        if asked.app_name is not None:
            change = msgspec.structs.replace(change, name=asked.app_name)
        if scope is None:
            change = msgspec.structs.replace(change, scope=msgspec.UNSET)
        row = await self._control.apps.change(who.actor, app_id, change)
        return AppChanged(long_id.written(row.id), row.name, entry.beside.access_key)

    async def get(self, _asked: object, who: Asker, which: str) -> words.App:
        app_id = the_id(which, errors.NO_APP, "app")
        return _told(await self._control.inventory.app(who.actor, who.account_id, app_id), who)

    async def every(self, asked: AppsAsked, who: Asker) -> Apps:
        if asked.status not in {None, words.LAUNCHED, words.SUSPENDED, *words.NEVER}:
            raise Refused(errors.invalid("status 不存在。", "There is no such status."))
        wanted = AppsWanted(
            name=asked.app_name,
            scope=scope_of(asked.region, "region"),
            live=None if asked.status is None else asked.status == words.LAUNCHED,
            since=moment(asked.start_time, "start_time"),
            until=moment(asked.end_time, "end_time"),
        )
        found, total = await self._control.inventory.apps(who.actor, who.account_id, wanted, cut(asked, words.ORDERS))
        if asked.status in words.NEVER:
            return Apps([], 0)
        return Apps([_told(entry, who) for entry in found], total)

    async def count(self, asked: CountAsked, who: Asker) -> AppCount:
        wanted = AppsWanted(scope=scope_of(asked.region, "region"))
        _found, used = await self._control.inventory.apps(who.actor, who.account_id, wanted, cut(AppsAsked(limit=0), words.ORDERS))
        return AppCount(control_apps.MOST, used)


def _change(asked: NewApp | AppUpdate, scope: Scope) -> AppChange:
    """What is said of an application; where replies go can be said for the mainland alone."""
    url = asked.up_link_addr
    return AppChange(
        scope=scope,
        reply_url=msgspec.UNSET if url is None or scope is Scope.INTERNATIONAL else url,
        project_id=_unset(asked.enterprise_project_id),
        project_name=_unset(asked.enterprise_project_name),
    )


def _unset(value: T | None) -> T | msgspec.UnsetType:
    return msgspec.UNSET if value is None else value


def _told(entry: AppEntry, who: Asker) -> words.App:
    row, beside = entry.row, entry.beside
    return words.App(
        id=long_id.written(row.id),
        create_time=told_at(row.created_at),
        update_time=told_at(row.created_at),
        customer_id=long_id.written(row.account_id),
        resource_id=None,
        developer_account=who.account_name,
        app_name=row.name,
        omp_app_name=row.name,
        app_key=beside.access_key,
        up_link_addr=row.reply_url,
        status=words.LAUNCHED if row.enabled and not beside.stopped else words.SUSPENDED,
        industry=None,
        region=REGION_OF[row.scope or Scope.MAINLAND],
        intl_channel_num=beside.from_number,
        enterprise_project_id=row.project_id or words.PROJECT_ID,
        enterprise_project_name=row.project_name or words.PROJECT_NAME,
        ip_white_list=",".join(row.networks),
        app_access_addr=who.origin,
        protocol="HTTP/HTTPS",
        platform=None,
        is_support_multiomp=False,
        tenant=tenant(row.account_id, who.account_name),
    )
