"""Signatures, as the management API tells of them. Their 12 statuses are the names of `model.papers.SignatureState`."""

from typing import Annotated

import msgspec
from msgspec import Meta

from hongyan.doors.huawei.words.common import Listing, Tenant, Type
from hongyan.model.papers import Purpose, SignatureKind, SignatureState

ORDERS = {"create_time": "created", "update_time": "changed", "signature_name": "name", "status": "status"}
SOURCES = {
    0: SignatureKind.COMPANY,
    1: SignatureKind.WEBSITE,
    2: SignatureKind.APP,
    3: SignatureKind.PUBLIC_ACCOUNT,
    4: SignatureKind.SHOP,
    5: SignatureKind.TRADEMARK,
}
"""`signature_source`."""
SOURCE_OF = {kind: number for number, kind in SOURCES.items()} | {SignatureKind.GOVERNMENT: 0, SignatureKind.MINI_PROGRAM: 3}
PURPOSES = {"Yes": Purpose.ON_BEHALF, "No": Purpose.OWN}
"""`is_involved_third`."""
PURPOSE_OF = {purpose: word for word, purpose in PURPOSES.items()}
STATES = {state.value.upper(): state for state in SignatureState}

Source = Annotated[
    int | None, Meta(description="0 company, 1 filed web site, 2 app, 3 public account or mini-program, 4 shop, 5 trademark.")
]
Third = Annotated[str | None, Meta(description="Yes or No: on behalf of another, which needs a letter of authorisation.")]


class SignatureAsked(msgspec.Struct, frozen=True):
    """A signature as it is applied for; of a change, what is left out stays."""

    app_id: str | None = None
    signature_name: str | None = None
    signature_type: Type = None
    signature_source: Source = None
    source_title_content: str | None = None
    apply_desc: str | None = None
    file_id: Annotated[str | None, Meta(description="The licence: an uploaded file.")] = None
    is_involved_third: Third = None
    power_attorney_fileid: str | None = None
    qualification_id: str | None = None


class SignaturesAsked(Listing, frozen=True):
    app_name: str | None = None
    signature_id: str | None = None
    signature_name: str | None = None
    signature_type: Type = None
    site: Annotated[str | None, Meta(description="cn or intl.")] = None
    status: Annotated[str | None, Meta(description="One of the 12 statuses.")] = None


class SignatureMade(msgspec.Struct, frozen=True):
    id: str
    signature_id: str
    signature_name: str


class Signature(msgspec.Struct, frozen=True):
    id: str
    create_time: str | None
    update_time: str | None
    customer_id: str
    tenant: Tenant
    signature_name: str
    signature_id: str
    signature_type: str | None
    app_name: str | None
    apply_desc: str
    channel_num: Annotated[str | None, Meta(description="What a request names as from, once it is approved.")]
    review_desc: str
    file_id: str | None
    status: str
    site: str
    signature_source: int
    is_involved_third: str
    power_attorney_file_id: str | None
    urge_status: str
    urge_time: str | None
    urge_desc: str | None
    app_key: str | None
    source_title_content: str
    signature_usage: str | None
    qualification_id: str | None
    qualification_name: str | None


class Signatures(msgspec.Struct, frozen=True):
    results: list[Signature]
    total: int
