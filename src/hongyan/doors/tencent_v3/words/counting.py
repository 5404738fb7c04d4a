"""What is asked for afterwards: statistics, packages, records of one number, codes that were typed in."""

import re
from typing import Annotated

from msgspec import Meta

from hongyan.doors.tencent.times import HOUR_S, hour
from hongyan.doors.tencent.words import WORDS, serial_no
from hongyan.doors.tencent_v3 import errors
from hongyan.doors.tencent_v3.errors import FAULTS, Failure
from hongyan.doors.tencent_v3.schema import SECONDS, Answer, Code, Id, Request, RequestId, Zero
from hongyan.model.message import Status
from hongyan.model.statistics import Attempted, EndCount, Failing, PackageCount, SendCount, by_failing, delivered

LONGEST_S = 32 * 86_400
MOST_PACKAGES = 500
MOST_RECORDS = 50
USUAL_RECORDS = 20
FARTHEST_RECORD = 1_000

_HOUR = {"pattern": "^[0-9]{10}$"}
BeginHour = Annotated[str, Meta(description="The first hour, yyyymmddhh in UTC+8.", extra_json_schema=_HOUR)]
EndHour = Annotated[str, Meta(description="The last hour, yyyymmddhh in UTC+8; it counts.", extra_json_schema=_HOUR)]
Until = Annotated[str, Meta(description="yyyymmddhh in UTC+8; after BeginTime and before now.", extra_json_schema=_HOUR)]
MostPackages = Annotated[int, Meta(description="How many at most.", extra_json_schema={"minimum": 1, "maximum": MOST_PACKAGES})]
Offset = Annotated[int, Meta(description="How many to leave out.", extra_json_schema={"minimum": 0, "maximum": 2**31 - 1})]


class CountPeriod(Request, frozen=True):
    """SendStatusStatistics and CallbackStatusStatistics."""

    begin_time: BeginHour
    end_time: EndHour
    sms_sdk_app_id: Id
    limit: Zero
    offset: Zero

    def period(self, now: float) -> tuple[float, float] | Failure:
        """From when up to when is counted (Unix seconds), at most 32 days."""
        begin, end = hour(self.begin_time), hour(self.end_time)
        if begin is None or begin > now:
            return Failure(errors.BEGIN_WRONG, "an hour yyyymmddhh in UTC+8 that has begun")
        if end is None or not begin <= end < begin + LONGEST_S:
            return Failure(errors.END_WRONG, "an hour yyyymmddhh in UTC+8, not before BeginTime, at most 32 days in all")
        return begin, min(end + HOUR_S, begin + LONGEST_S, now + HOUR_S)


class CountPackages(Request, frozen=True):
    sms_sdk_app_id: Id
    limit: MostPackages
    offset: Offset
    begin_time: BeginHour
    end_time: Until

    def period(self, now: float) -> tuple[float, float | None] | Failure:
        """From when up to when they were bought (Unix seconds)."""
        begin, end = hour(self.begin_time), hour(self.end_time)
        if begin is None:
            return Failure(errors.BEGIN_WRONG, "an hour yyyymmddhh in UTC+8")
        if end is None or not begin < end < now:
            return Failure(errors.END_WRONG, "an hour yyyymmddhh in UTC+8, after BeginTime and before now")
        return begin, end


class EveryPackage(Request, frozen=True):
    """The same in 2019-07-11, which knows no period."""

    sms_sdk_app_id: Id
    limit: MostPackages
    offset: Offset

    def period(self, _now: float) -> tuple[float, float | None] | Failure:
        return 0.0, None


class DescribeSendRecordList(Request, frozen=True):
    phone_number: str
    sms_sdk_app_id: Id
    begin_time: Annotated[int, Meta(description="Unix seconds, within the last 72 hours.", extra_json_schema=SECONDS)]
    end_time: Annotated[int | None, Meta(description="Unix seconds; now when it is absent.", extra_json_schema=SECONDS)] = None
    limit: Annotated[int | None, Meta(description="20 when it is absent.", extra_json_schema={"minimum": 1, "maximum": MOST_RECORDS})] = (
        None
    )
    offset: Annotated[
        int | None, Meta(description="0 when it is absent.", extra_json_schema={"minimum": 0, "maximum": FARTHEST_RECORD})
    ] = None


class ReportConversion(Request, frozen=True):
    sms_sdk_app_id: Id
    serial_no: Annotated[str, Meta(description="Of a verification message whose code was typed in.")]
    conversion_time: Annotated[int | None, Meta(description="Unix seconds; now when it is absent.", extra_json_schema=SECONDS)] = None


class SendStatusStatistics(Answer, frozen=True):
    fee_count: int
    request_count: int
    request_success_count: int


class SendStatusStatisticsAnswer(Answer, frozen=True):
    send_status_statistics: SendStatusStatistics
    request_id: RequestId


class CallbackStatusStatistics(Answer, frozen=True):
    callback_count: int
    request_success_count: int
    callback_fail_count: int
    callback_success_count: int
    internal_error_count: int
    invalid_number_count: int
    shutdown_error_count: int
    black_list_count: int
    frequency_limit_count: int


class CallbackStatusStatisticsAnswer(Answer, frozen=True):
    callback_status_statistics: CallbackStatusStatistics
    request_id: RequestId


class SmsPackagesStatistics(Answer, frozen=True):
    package_create_time: int
    package_effective_time: int
    package_expired_time: int
    package_amount: int
    package_type: Annotated[int, Meta(description="0 a gift, 1 bought.")]
    package_id: int
    current_usage: int


class SmsPackagesStatisticsSet(Answer, frozen=True):
    sms_packages_statistics_set: list[SmsPackagesStatistics]
    request_id: RequestId


class SendRecord(Answer, frozen=True):
    phone_number: str
    serial_no: str
    send_status: Annotated[int, Meta(description="1 refused, 2 delivered, 3 under way, 4 failed.")]
    request_code: Code
    status_code: str
    iso_code: str
    content: Annotated[str, Meta(description="The text with its digits masked; empty for what was refused.")]
    send_time: int
    user_receive_time: int


class SendRecordSet(Answer, frozen=True):
    send_record_set: list[SendRecord]
    total_count: int
    request_id: RequestId


class ReportConversionStatus(Answer, frozen=True):
    code: str
    message: str


class ReportConversionAnswer(Answer, frozen=True):
    report_conversion_status: ReportConversionStatus
    request_id: RequestId


CONVERTED = ReportConversionStatus("OK", "success")
GIFT, BOUGHT = 0, 1
REFUSED, DELIVERED, UNDER_WAY, FAILED = 1, 2, 3, 4


def send_count(count: SendCount) -> SendStatusStatistics:
    return SendStatusStatistics(fee_count=count.segments, request_count=count.numbers, request_success_count=count.accepted)


def callback_count(count: EndCount) -> CallbackStatusStatistics:
    """The sorts of failures add up to the failures."""
    sorts, success = by_failing(count), delivered(count)
    failed = sum(sorts.values())
    return CallbackStatusStatistics(
        callback_count=success + failed,
        request_success_count=count.accepted,
        callback_fail_count=failed,
        callback_success_count=success,
        internal_error_count=sorts[Failing.INTERNAL],
        invalid_number_count=sorts[Failing.INVALID_NUMBER],
        shutdown_error_count=sorts[Failing.OFF],
        black_list_count=sorts[Failing.BLACKLIST],
        frequency_limit_count=sorts[Failing.FREQUENCY],
    )


def package(count: PackageCount) -> SmsPackagesStatistics:
    return SmsPackagesStatistics(
        package_create_time=int(count.created_at),
        package_effective_time=int(count.effective_at),
        package_expired_time=int(count.expires_at),
        package_amount=count.segments,
        package_type=GIFT if count.gift else BOUGHT,
        package_id=count.id,
        current_usage=count.gone,
    )


def record(attempted: Attempted, phone: int) -> SendRecord:
    """One number of a request in the words of DescribeSendRecordList."""
    ended = attempted.status
    status = (
        REFUSED if attempted.refused is not None else UNDER_WAY if ended is None else DELIVERED if ended is Status.DELIVERED else FAILED
    )
    return SendRecord(
        phone_number=f"+{phone}",
        serial_no="" if attempted.refused is not None else serial_no(attempted.id),
        send_status=status,
        request_code=errors.OK if attempted.refused is None else FAULTS[attempted.refused].code,
        status_code="" if ended is None else attempted.code or WORDS.get(ended, "UNKNOWN"),
        iso_code=attempted.region,
        content=masked(attempted.text),
        send_time=int(attempted.at),
        user_receive_time=int(attempted.done_at) if status == DELIVERED else 0,
    )


_DIGITS = re.compile(r"\d+")
_SHOWN = 3


def masked(text: str) -> str:
    """Codes and numbers unreadable: of a run of digits the first and the last at most."""
    return _DIGITS.sub(lambda run: f"{run[0][0]}****{run[0][-1]}" if len(run[0]) >= _SHOWN else "*" * len(run[0]), text)
