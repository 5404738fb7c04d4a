"""Signatures and templates: what is applied for, and what has become of it. Statuses have other numbers here than in API 3.0."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hongyan.doors.tencent.times import in_china
from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.errors import Failure
from hongyan.doors.tencent_v5.schema import Answer, Number, Request, Text, number
from hongyan.model.papers import ReviewStatus
from hongyan.model.snapshot import Scope

MOST_LISTED = 50
MOST_NAMED = 200
APPROVED, PENDING, REFUSED = 0, 1, 2
STATUSES: dict[ReviewStatus, int] = {
    ReviewStatus.APPROVED: APPROVED,
    ReviewStatus.PENDING: PENDING,
    ReviewStatus.REJECTED: REFUSED,
    ReviewStatus.INACTIVE: REFUSED,
    ReviewStatus.DRAFT: REFUSED,
    ReviewStatus.STOPPED: REFUSED,
}

International = Annotated[Number, Meta(description="0 mainland China, 1 elsewhere; 0 when it is absent.")]
Ids = Annotated[list[Number] | None, Meta(description="At most 200.")]
Picture = Annotated[Text, Meta(description="A proof: a picture or PDF in base64, without a data: prefix.")]


class Page(msgspec.Struct, frozen=True):
    max: Annotated[Number, Meta(description="1 to 50.")] = None
    offset: Annotated[Number, Meta(description="0 when it is absent.")] = None


class AddSign(Request, frozen=True):
    text: Annotated[Text, Meta(description="The name, without brackets.")] = None
    pic: Picture = None
    remark: Text = None
    international: International = None


class ModSign(Request, frozen=True):
    sign_id: Number = None
    text: Text = None
    pic: Picture = None
    remark: Text = None


class DelSign(Request, frozen=True):
    sign_id: Ids = None


class GetSign(Request, frozen=True):
    """Either some, or a page of all."""

    sign_id: Ids = None
    sign_page: Page | None = None


class AddTemplate(Request, frozen=True):
    text: Text = None
    type: Annotated[Number, Meta(description="0 normal, 1 marketing.")] = None
    title: Text = None
    remark: Text = None
    international: International = None


class ModTemplate(Request, frozen=True):
    tpl_id: Number = None
    text: Text = None
    type: Annotated[Number, Meta(description="0 normal, 1 marketing.")] = None
    title: Text = None
    remark: Text = None


class DelTemplate(Request, frozen=True):
    tpl_id: Ids = None


class GetTemplate(Request, frozen=True):
    """Either some, or a page of all."""

    tpl_id: Ids = None
    tpl_page: Page | None = None


class Cut(msgspec.Struct, frozen=True):
    """What is to be listed: some by their ids, or a page."""

    ids: tuple[int, ...] | None
    most: int = MOST_NAMED
    offset: int = 0


def scope_of(written: Number) -> Scope | Failure:
    given = 0 if written is None else number(written)
    if given not in {0, 1}:
        return Failure(errors.BAD_PACKAGE, "international must be 0 for mainland China or 1 for elsewhere")
    return Scope(given)


def ids_of(written: list[Number] | None, name: str) -> tuple[int, ...] | Failure:
    found = [number(each) for each in written or ()]
    ids = tuple([each for each in found if each is not None])
    if not ids or len(ids) < len(found) or len(ids) > MOST_NAMED:
        return Failure(errors.BAD_PACKAGE, f"{name} must be a list of 1 to {MOST_NAMED} numbers")
    return ids


def cut_of(named: list[Number] | None, page: Page | None, noun: str) -> Cut | Failure:
    """What is to be listed."""
    if (named is None) == (page is None):
        return Failure(errors.BAD_PACKAGE, f"give either {noun}_id or {noun}_page")
    if page is None:
        ids = ids_of(named, f"{noun}_id")
        return ids if isinstance(ids, Failure) else Cut(ids)
    most, offset = number(page.max), 0 if page.offset is None else number(page.offset)
    if most is None or not 1 <= most <= MOST_LISTED:
        return Failure(errors.BAD_PACKAGE, f"max must be 1 to {MOST_LISTED}")
    if offset is None or offset > 2**31 - 1:
        return Failure(errors.BAD_PACKAGE, "offset must be a number from 0 on")
    return Cut(None, most, offset)


class SignData(msgspec.Struct, frozen=True):
    id: int
    international: int
    status: Annotated[int, Meta(description="0 approved, 1 pending, 2 refused or out of use.")]
    text: str


class TemplateData(SignData, frozen=True):
    type: int


class SignAnswer(Answer, frozen=True):
    data: SignData


class TemplateAnswer(Answer, frozen=True):
    data: TemplateData


class SignState(msgspec.Struct, frozen=True):
    id: int
    international: int
    text: str
    status: int
    reply: Annotated[str, Meta(description="What the reviewer says.")]
    apply_time: str
    reply_time: str


class TemplateState(SignState, frozen=True):
    type: int
    title: str


class SignList(Answer, frozen=True):
    msg: str
    count: int
    data: list[SignState]
    total: int | UnsetType = UNSET
    """Of all there are; in pages alone."""


class TemplateList(Answer, frozen=True):
    msg: str
    count: int
    data: list[TemplateState]
    total: int | UnsetType = UNSET


def told_at(second: float | None) -> str:
    return "" if second is None else in_china(int(second))
