"""Applications, as the management API tells of them."""

from typing import Annotated

import msgspec
from msgspec import Meta

from hongyan.doors.huawei.words.common import Listing, Region, Tenant

ORDERS = {"create_time": "created", "update_time": "changed", "app_name": "name", "status": "status"}
LAUNCHED, SUSPENDED = "LAUNCHED", "SUSPENDED"
NEVER = frozenset({"CREATED", "PROCESSING"})
"""Statuses of applications that are not ready; here they are ready at once."""
PROJECT_ID, PROJECT_NAME = "0", "default"

Secret = Annotated[bool | None, Meta(description="Have app_secret in the answer.")]
UpLink = Annotated[str | None, Meta(description="Where replies are pushed to; for cn.")]


class NewApp(msgspec.Struct, frozen=True):
    app_name: str | None = None
    region: Region = None
    up_link_addr: UpLink = None
    create_sign_and_template: Annotated[bool | None, Meta(description="Apply for a test signature and template, too; for cn.")] = None
    enterprise_project_id: str | None = None
    enterprise_project_name: str | None = None
    show_secret: Secret = None


class AppUpdate(msgspec.Struct, frozen=True):
    """What is left out stays."""

    app_name: str | None = None
    region: Region = None
    up_link_addr: UpLink = None
    create_sign_and_template: bool | None = None
    enterprise_project_id: str | None = None
    enterprise_project_name: str | None = None


class AppsAsked(Listing, frozen=True):
    app_name: str | None = None
    region: Region = None
    status: Annotated[str | None, Meta(description="CREATED, SUSPENDED, LAUNCHED or PROCESSING.")] = None


class CountAsked(msgspec.Struct, frozen=True):
    region: Region = None


class AppMade(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    app_name: str
    app_key: str
    app_secret: str | None = None


class AppChanged(msgspec.Struct, frozen=True):
    id: str
    app_name: str
    app_key: str | None


class App(msgspec.Struct, frozen=True):
    id: str
    create_time: str | None
    update_time: str | None
    customer_id: str
    resource_id: str | None
    developer_account: str
    app_name: str
    omp_app_name: str
    app_key: str | None
    up_link_addr: str
    status: str
    industry: int | None
    region: str
    intl_channel_num: str | None
    enterprise_project_id: str
    enterprise_project_name: str
    ip_white_list: str
    app_access_addr: Annotated[str, Meta(description="Where messages are sent to: the address of this very server.")]
    protocol: str
    platform: str | None
    is_support_multiomp: bool
    tenant: Tenant


class Apps(msgspec.Struct, frozen=True):
    results: list[App]
    total: int


class AppCount(msgspec.Struct, frozen=True):
    total: Annotated[int, Meta(description="How many an account may have.")]
    used: int
