"""What all of the management API's words have in common: ids, times, pages (huawei.md, section 8)."""

import datetime as dt
from typing import Annotated

import msgspec
from msgspec import Meta

from hongyan.doors.huawei.manage_errors import Failure, Fault, Refused, invalid
from hongyan.model import long_id
from hongyan.model.listing import Cut
from hongyan.model.message import Kind
from hongyan.model.snapshot import Scope

CHINA = dt.timezone(dt.timedelta(hours=8))
WRITTEN = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d")
"""Times as requests may write them; the one with Z is UTC, the others are UTC+8."""
YEARS = (1971, 9000)

USUAL = 10
"""Entries of a page when nothing is said."""
MOST = 500

KINDS = {"VERIFY_CODE_TYPE": Kind.VERIFICATION, "PROMOTION_TYPE": Kind.MARKETING, "NOTIFY_TYPE": Kind.NOTICE}
"""`signature_type` and `template_type`."""
TYPES = {kind: name for name, kind in KINDS.items()}
REGIONS = {"cn": Scope.MAINLAND, "intl": Scope.INTERNATIONAL}
REGION_OF = {scope: name for name, scope in REGIONS.items()}

Type = Annotated[str | None, Meta(description="VERIFY_CODE_TYPE, PROMOTION_TYPE or NOTIFY_TYPE.")]
Region = Annotated[str | None, Meta(description="cn: mainland China; intl: elsewhere.")]
SortKey = Annotated[str | None, Meta(description="create_time, update_time, status, or the name.")]
SortDir = Annotated[str | None, Meta(description="desc or asc; desc when it is absent.")]
Moment = Annotated[str | None, Meta(description="yyyy-MM-dd HH:mm:ss, in UTC+8.")]
Limit = Annotated[int | None, Meta(description="10 when it is absent; at most 500.")]
Offset = Annotated[int | None, Meta(description="How many to leave out.")]


class Listing(msgspec.Struct, frozen=True):
    """What every list can be asked."""

    start_time: Moment = None
    end_time: Moment = None
    limit: Limit = None
    offset: Offset = None
    sort_dir: SortDir = None
    sort_key: SortKey = None


class Tenant(msgspec.Struct, frozen=True):
    customer_id: str
    customer_name: str
    enterprise_name: str


class Nothing(msgspec.Struct, frozen=True):
    """An empty answer."""


def tenant(account_id: int, name: str) -> Tenant:
    return Tenant(long_id.written(account_id), name, name)


def the_id(text: str, wrong: Fault, noun: str) -> int:
    """The id in a path or body: 32 hexadecimal digits, or decimal ones. Raises `Refused` when it is none."""
    found = long_id.read(text.strip())
    if found is None:
        raise Refused(Failure(wrong, f"{noun} {text[:40]} 不是有效的主键 ID。", f"{noun} {text[:40]} is no id."))
    return found


def told_at(moment: float | None) -> str | None:
    """yyyy-MM-dd HH:mm:ss in UTC+8."""
    return None if moment is None else dt.datetime.fromtimestamp(moment, CHINA).strftime("%Y-%m-%d %H:%M:%S")


def moment(text: str | None, name: str) -> float | None:
    """Unix seconds. Raises `Refused` for what is no time."""
    if text is None:
        return None
    for form in WRITTEN:
        try:
            found = dt.datetime.strptime(text.strip(), form).replace(tzinfo=dt.UTC if form.endswith("Z") else CHINA)
        except ValueError:
            continue
        if YEARS[0] <= found.year <= YEARS[1]:
            return found.timestamp()
    raise Refused(invalid(f"{name} 应写成 yyyy-MM-dd HH:mm:ss。", f"Write {name} as yyyy-MM-dd HH:mm:ss."))


def cut(asked: Listing, orders: dict[str, str]) -> Cut:
    """The part and the order of a list. Raises `Refused`."""
    order = orders.get(asked.sort_key or "create_time")
    if order is None:
        known = ", ".join(orders)
        raise Refused(invalid(f"sort_key 只能是 {known}。", f"sort_key is one of {known}."))
    if asked.sort_dir not in {None, "asc", "desc"}:
        raise Refused(invalid("sort_dir 只能是 desc 或 asc。", "sort_dir is desc or asc."))
    most, offset = USUAL if asked.limit is None else asked.limit, asked.offset or 0
    if most < 0 or not 0 <= offset < 2**31:
        raise Refused(invalid("limit、offset 不能是负数。", "limit and offset are not negative."))
    return Cut(order=order, descending=asked.sort_dir != "asc", most=min(most, MOST), offset=offset)


def one_of(text: str | None, known: dict[str, Kind], name: str) -> Kind | None:
    """The kind that a type means. Raises `Refused` for one that there is not."""
    if text is None:
        return None
    if text not in known:
        raise Refused(invalid(f"{name} 只能是 {'、'.join(known)}。", f"{name} is one of {', '.join(known)}."))
    return known[text]


def scope_of(text: str | None, name: str) -> Scope | None:
    """The scope of a region or site, in any case. Raises `Refused` for one that there is not."""
    if text is None:
        return None
    if text.lower() not in REGIONS:
        raise Refused(invalid(f"{name} 只能是 cn（国内）或 intl（国际）。", f"{name} is cn or intl."))
    return REGIONS[text.lower()]


def needed(text: str | None, name: str) -> str:
    """What has to be there. Raises `Refused` when it is not."""
    if text is None or not text.strip():
        raise Refused(invalid(f"缺少参数 {name}。", f"The parameter {name} is missing."))
    return text
