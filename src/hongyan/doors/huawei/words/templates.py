"""Templates, as the management API tells of them."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from hongyan.doors.huawei.words.common import Listing, Region, Tenant, Type
from hongyan.model.countries import COUNTRY_NAMES, COUNTRY_NAMES_ZH
from hongyan.model.papers import ReviewStatus

ORDERS = {"create_time": "created", "update_time": "changed", "template_name": "name", "flow_status": "status", "status": "status"}
SIGN_REVIEWING = "SignReviewing"
FLOWS: Mapping[ReviewStatus, str] = {
    ReviewStatus.DRAFT: "Pending",
    ReviewStatus.PENDING: "Reviewing",
    ReviewStatus.APPROVED: "Adopted",
    ReviewStatus.INACTIVE: "Adopted_inactive",
    ReviewStatus.REJECTED: "Reject",
    ReviewStatus.STOPPED: "Disable",
}
"""`flow_status`; one under review whose signature is, too, is SignReviewing."""
STATUS_OF = {flow: status for status, flow in FLOWS.items()}
SAVE, SUBMIT, STOP = "Pending", "Reviewing", "Disable"
BRACKETS = {"CN": False, "GB": True}
"""`brackets`: whether they are square."""
BRACKETS_OF = {square: word for word, square in BRACKETS.items()}
YES, NO = "true", "false"
WORDS_OF_YES = {"true": True, "1": True, "y": True, "yes": True, "false": False, "0": False, "n": False, "no": False}
"""`has_variable`, in any case; which of these Huawei writes is not documented."""
MOST_AT_ONCE = 50
MOST_COUNTRIES = 300
SHOWN_COUNTRIES = 3


class Attribute(msgspec.Struct, frozen=True):
    variable_index: int
    variable_type: Annotated[str, Meta(description="PHONE, CHARDIGIT, DATETIME, MONEY, TEXT, NEWTEXT or LONGTEXT.")]
    variable_desc: Annotated[str | None, Meta(description="Needed for TEXT.")] = None


class TemplateAsked(msgspec.Struct, frozen=True):
    """A template as it is applied for; of a change, what is left out stays."""

    app_id: str | None = None
    template_name: str | None = None
    template_type: Type = None
    template_content: Annotated[str | None, Meta(description="With ${1}, ${2} ... or ${NUM_6}, ${TXT_20}, ${DATE}, ${TIME}.")] = None
    template_desc: str | None = None
    region: Region = None
    sign_id: Annotated[str | None, Meta(description="The signature's id; for cn, unless it is universal.")] = None
    universal_template: Annotated[int | None, Meta(description="1: for any signature of its type; else 0.")] = None
    brackets: Annotated[str | None, Meta(description="CN for 【】, GB for [].")] = None
    send_country: Annotated[list[int] | None, Meta(description="Of /country; for intl.")] = None
    variable_attributes: list[Attribute] | None = None
    flow_status: Annotated[str | None, Meta(description="Pending: save it. Reviewing: hand it in. Disable: take it out of use.")] = None


class TemplatesAsked(Listing, frozen=True):
    app_key: str | None = None
    app_name: str | None = None
    flow_status: str | None = None
    has_variable: str | None = None
    region: Region = None
    sign_name: str | None = None
    template_id: str | None = None
    template_name: str | None = None
    template_type: Type = None


class TemplateMade(msgspec.Struct, frozen=True):
    id: str
    template_name: str


class Template(msgspec.Struct, frozen=True):
    id: str
    create_time: str | None
    update_time: str | None
    customer_id: str
    tenant: Tenant
    template_name: str
    template_id: Annotated[str, Meta(description="What a request that sends names as templateId.")]
    template_type: str
    app_name: str | None
    app_key: str | None
    sign_id: str | None
    template_content: str
    has_variable: str
    template_desc: str
    review_desc: str
    review_order: str | None
    flow_status: str
    universal_template: int
    status: str
    region: str
    brackets: str
    site: str
    urge_status: str
    urge_time: str | None
    urge_desc: str | None
    send_country1: int | None
    send_country2: int | None
    send_country3: int | None
    is_support_multiomp: bool
    country_name: str


class Templates(msgspec.Struct, frozen=True):
    results: list[Template]
    total: int


class Variable(msgspec.Struct, frozen=True):
    id: int
    user_name: str
    temp_name: str
    variable_index: int
    variable_type: str
    variable_length: int
    variable_desc: str


class Variables(msgspec.Struct, frozen=True):
    results: list[Variable]
    total: int


class Ids(msgspec.Struct, frozen=True):
    ids: Annotated[list[str], Meta(description="1 to 50.")]


class NotDeleted(msgspec.Struct, frozen=True):
    id: str
    error_msg: str


class Deleted(msgspec.Struct, frozen=True):
    success_count: int
    success_ids: list[str]
    failed_count: int
    failed_template_list: list[NotDeleted]


class CountriesAsked(msgspec.Struct, frozen=True):
    country_name_en: str | None = None
    country_name_zh: str | None = None


class Country(msgspec.Struct, frozen=True):
    country_id: int
    country_name_en: str
    country_name_zh: str


HOME = "CN"


def country_id(region: str) -> int:
    """The number of a country, made of its two letters so that it is the same for good."""
    return (ord(region[0]) - ord("A")) * 26 + ord(region[1]) - ord("A") + 1


COUNTRIES = [Country(country_id(region), name, COUNTRY_NAMES_ZH[region]) for region, name in COUNTRY_NAMES.items() if region != HOME]
"""Wherever messages abroad can go."""
COUNTRY_BY_ID = {country.country_id: country for country in COUNTRIES}
