"""Statistics: what was asked for, how it ended, what was bought."""

from typing import Annotated

import msgspec
from msgspec import Meta

from hongyan.doors.tencent.times import HOUR_S, hour, in_china
from hongyan.doors.tencent_v5 import errors
from hongyan.doors.tencent_v5.errors import Failure
from hongyan.doors.tencent_v5.schema import Answer, Number, Request, number, text
from hongyan.model.statistics import EndCount, Failing, PackageCount, SendCount, by_failing, delivered

LONGEST_S = 32 * 86_400
MOST_PACKAGES = 500
GIFT, BOUGHT = 0, 1


class PullCount(Request, frozen=True):
    """A stretch of time that is counted."""

    begin_date: Annotated[Number, Meta(description="The first hour, yyyymmddhh in UTC+8.")] = None
    end_date: Annotated[Number, Meta(description="The last hour, yyyymmddhh in UTC+8; it counts.")] = None

    def period(self, now: float) -> tuple[float, float] | Failure:
        """From when up to when is counted (Unix seconds), at most 32 days."""
        begin, end = hour(text(self.begin_date)), hour(text(self.end_date))
        if begin is None or begin > now:
            return Failure(errors.BAD_PACKAGE, "begin_date must be an hour yyyymmddhh in UTC+8 that has begun")
        if end is None or not begin <= end < begin + LONGEST_S:
            return Failure(
                errors.BAD_PACKAGE, "end_date must be an hour yyyymmddhh in UTC+8, not before begin_date, at most 32 days in all"
            )
        return begin, min(end + HOUR_S, begin + LONGEST_S, now + HOUR_S)


class PullSendStatus(PullCount, frozen=True):
    pass


class PullCallbackStatus(PullCount, frozen=True):
    pass


class GetSmsPackages(Request, frozen=True):
    length: Annotated[Number, Meta(description="1 to 500.")] = None
    offset: Annotated[Number, Meta(description="0 when it is absent.")] = None

    def cut(self) -> slice | Failure:
        """Which of them are asked for."""
        length, offset = number(self.length), 0 if self.offset is None else number(self.offset)
        if length is None or not 1 <= length <= MOST_PACKAGES:
            return Failure(errors.BAD_PACKAGE, f"length must be 1 to {MOST_PACKAGES}")
        if offset is None:
            return Failure(errors.BAD_PACKAGE, "offset must be a number from 0 on")
        return slice(offset, offset + length)


class Sends(msgspec.Struct, frozen=True):
    request: int
    success: int
    bill_number: Annotated[int, Meta(description="Segments.")]


class SendsAnswer(Answer, frozen=True):
    data: Sends


class Ends(msgspec.Struct, frozen=True):
    success: Annotated[int, Meta(description="Messages that were accepted.")]
    status: Annotated[int, Meta(description="Messages that have ended.")]
    status_success: int
    status_fail: int
    status_fail_0: Annotated[int, Meta(description="Trouble of the carrier's, and whatever is in no other.")]
    status_fail_1: Annotated[int, Meta(description="No such number.")]
    status_fail_2: Annotated[int, Meta(description="Off, out of reach or suspended.")]
    status_fail_3: Annotated[int, Meta(description="On a blacklist.")]
    status_fail_4: Annotated[int, Meta(description="Too often.")]


class EndsAnswer(Answer, frozen=True):
    data: Ends


class Package(msgspec.Struct, frozen=True):
    create_time: str
    from_time: str
    to_time: str
    amount: int
    type: Annotated[int, Meta(description="0 a gift, 1 bought.")]
    package_id: int
    used: int


class Packages(Answer, frozen=True):
    total: int
    data: list[Package]


def sends(count: SendCount) -> SendsAnswer:
    return SendsAnswer(errors.OK, "", Sends(request=count.numbers, success=count.accepted, bill_number=count.segments))


def ends(count: EndCount) -> EndsAnswer:
    """The sorts of failures add up to the failures."""
    sorts, success = by_failing(count), delivered(count)
    failed = sum(sorts.values())
    return EndsAnswer(
        errors.OK,
        "",
        Ends(
            success=count.accepted,
            status=success + failed,
            status_success=success,
            status_fail=failed,
            status_fail_0=sorts[Failing.INTERNAL],
            status_fail_1=sorts[Failing.INVALID_NUMBER],
            status_fail_2=sorts[Failing.OFF],
            status_fail_3=sorts[Failing.BLACKLIST],
            status_fail_4=sorts[Failing.FREQUENCY],
        ),
    )


def package(count: PackageCount) -> Package:
    return Package(
        create_time=in_china(int(count.created_at)),
        from_time=in_china(int(count.effective_at)),
        to_time=in_china(int(count.expires_at)),
        amount=count.segments,
        type=GIFT if count.gift else BOUGHT,
        package_id=count.id,
        used=count.gone,
    )
