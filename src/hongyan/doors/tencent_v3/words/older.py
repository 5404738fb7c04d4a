"""Version 2019-07-11: the same actions in other names and types. Requests are turned into those of 2021-01-11, answers back.

What traps whoever writes this by hand: PurePhoneNumber is the number with its plus and PhoneNumber the one without country code, the end of
a period is EndDataTime, periods are integers, SignApplyId is an integer in one answer and text in another.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol, TypeAlias, cast, runtime_checkable

import msgspec
from msgspec import Meta

from hongyan.doors.tencent.times import in_china
from hongyan.doors.tencent_v3.schema import Answer, Id, Request, RequestId, Zero
from hongyan.doors.tencent_v3.words import applying, counting, pulling, sending
from hongyan.doors.tencent_v3.words.pulling import Begin, End, Most
from hongyan.doors.tencent_v3.words.sending import ExtendCode, Numbers, SenderId, SessionContext, SignName, Values

_HOUR = {"minimum": 10**9, "maximum": 10**10 - 1}
BeginHour = Annotated[int, Meta(description="The first hour, yyyymmddhh in UTC+8.", extra_json_schema=_HOUR)]
EndHour = Annotated[int, Meta(description="The last hour, yyyymmddhh in UTC+8; it counts.", extra_json_schema=_HOUR)]


@runtime_checkable
class Older(Protocol):
    """A request of this version."""

    def current(self) -> Request:
        """The same in the words of 2021-01-11."""
        ...


class OlderSendSms(Request, frozen=True):
    phone_number_set: Numbers
    template_id: Id = msgspec.field(name="TemplateID")
    sms_sdk_appid: Id
    sign: SignName = None
    template_param_set: Values = None
    extend_code: ExtendCode = None
    session_context: SessionContext = None
    sender_id: SenderId = None

    def current(self) -> sending.SendSms:
        return sending.SendSms(
            phone_number_set=self.phone_number_set,
            sms_sdk_app_id=self.sms_sdk_appid,
            template_id=self.template_id,
            sign_name=self.sign,
            template_param_set=self.template_param_set,
            extend_code=self.extend_code,
            session_context=self.session_context,
            sender_id=self.sender_id,
        )


class OlderPullQueue(Request, frozen=True):
    limit: Most
    sms_sdk_appid: Id

    def current(self) -> pulling.PullQueue:
        return pulling.PullQueue(limit=self.limit, sms_sdk_app_id=self.sms_sdk_appid)


class OlderPullNumber(Request, frozen=True):
    send_date_time: Begin
    offset: Zero
    limit: Most
    phone_number: str
    sms_sdk_appid: Id
    end_date_time: End = None

    def current(self) -> pulling.PullNumber:
        return pulling.PullNumber(
            begin_time=self.send_date_time,
            offset=self.offset,
            limit=self.limit,
            phone_number=self.phone_number,
            sms_sdk_app_id=self.sms_sdk_appid,
            end_time=self.end_date_time,
        )


class OlderCountPeriod(Request, frozen=True):
    """SendStatusStatistics and CallbackStatusStatistics."""

    start_date_time: BeginHour
    end_data_time: EndHour
    sms_sdk_appid: Id
    limit: Zero
    offset: Zero

    def current(self) -> counting.CountPeriod:
        return counting.CountPeriod(
            begin_time=str(self.start_date_time),
            end_time=str(self.end_data_time),
            sms_sdk_app_id=self.sms_sdk_appid,
            limit=self.limit,
            offset=self.offset,
        )


class OlderCountPackages(Request, frozen=True):
    sms_sdk_appid: Id
    limit: counting.MostPackages
    offset: counting.Offset

    def current(self) -> counting.EveryPackage:
        return counting.EveryPackage(sms_sdk_app_id=self.sms_sdk_appid, limit=self.limit, offset=self.offset)


class OlderAddSmsSign(Request, frozen=True):
    sign_name: str
    sign_type: applying.SignType
    document_type: applying.DocumentType
    international: applying.International
    used_method: applying.SignPurpose
    proof_image: applying.Image
    commission_image: applying.Commission = None
    remark: applying.Remark = None
    qualification_id: applying.QualificationId = None

    def current(self) -> applying.AddSmsSign:
        return applying.AddSmsSign(
            sign_name=self.sign_name,
            sign_type=self.sign_type,
            document_type=self.document_type,
            international=self.international,
            sign_purpose=self.used_method,
            proof_image=self.proof_image,
            commission_image=self.commission_image,
            remark=self.remark,
            qualification_id=self.qualification_id,
        )


class OlderModifySmsSign(Request, frozen=True):
    sign_id: applying.SignId
    sign_name: str
    sign_type: applying.SignType
    document_type: applying.DocumentType
    international: applying.International
    used_method: applying.SignPurpose
    proof_image: applying.Image
    commission_image: applying.Commission = None
    remark: applying.Remark = None
    qualification_id: applying.QualificationId = None

    def current(self) -> applying.ModifySmsSign:
        return applying.ModifySmsSign(
            sign_id=self.sign_id,
            sign_name=self.sign_name,
            sign_type=self.sign_type,
            document_type=self.document_type,
            international=self.international,
            sign_purpose=self.used_method,
            proof_image=self.proof_image,
            commission_image=self.commission_image,
            remark=self.remark,
            qualification_id=self.qualification_id,
        )


AllIds = Annotated[list[int], Meta(description="At most 100.", extra_json_schema={"maxItems": applying.MOST_IDS})]


class OlderDescribeSmsSignList(Request, frozen=True):
    sign_id_set: AllIds
    international: applying.International

    def current(self) -> applying.DescribeSmsSignList:
        return applying.DescribeSmsSignList(international=self.international, sign_id_set=self.sign_id_set, limit=0)


class OlderDescribeSmsTemplateList(Request, frozen=True):
    template_id_set: AllIds
    international: applying.International

    def current(self) -> applying.DescribeSmsTemplateList:
        return applying.DescribeSmsTemplateList(international=self.international, template_id_set=self.template_id_set, limit=0)


class OlderReport(Answer, frozen=True):
    user_receive_time: Annotated[str, Meta(description="In UTC+8.")]
    user_receive_unix_time: int
    nation_code: str
    pure_phone_number: Annotated[str, Meta(description="With the plus and the country code.")]
    phone_number: Annotated[str, Meta(description="Without the country code.")]
    serial_no: str
    report_status: str
    description: str


class OlderReportSet(Answer, frozen=True):
    pull_sms_send_status_set: list[OlderReport]
    request_id: RequestId


class OlderReply(Answer, frozen=True):
    extend_code: str
    nation_code: str
    phone_number: str
    sign: str
    reply_content: str
    reply_time: Annotated[str, Meta(description="In UTC+8.")]
    reply_unix_time: int


class OlderReplySet(Answer, frozen=True):
    pull_sms_reply_status_set: list[OlderReply]
    request_id: RequestId


def reports(told: pulling.PullSmsSendStatusSet) -> OlderReportSet:
    return OlderReportSet([_report(report) for report in told.pull_sms_send_status_set], told.request_id)


def _report(told: pulling.PullSmsSendStatus) -> OlderReport:
    return OlderReport(
        user_receive_time=in_china(told.user_receive_time),
        user_receive_unix_time=told.user_receive_time,
        nation_code=told.country_code,
        pure_phone_number=told.phone_number,
        phone_number=told.subscriber_number,
        serial_no=told.serial_no,
        report_status=told.report_status,
        description=told.description,
    )


def replies(told: pulling.PullSmsReplyStatusSet) -> OlderReplySet:
    return OlderReplySet([_reply(reply) for reply in told.pull_sms_reply_status_set], told.request_id)


def _reply(told: pulling.PullSmsReplyStatus) -> OlderReply:
    return OlderReply(
        extend_code=told.extend_code,
        nation_code=told.country_code,
        phone_number=told.phone_number,
        sign=told.sign_name,
        reply_content=told.reply_content,
        reply_time=in_china(told.reply_time),
        reply_unix_time=told.reply_time,
    )


class OlderPackage(Answer, frozen=True):
    package_create_time: Annotated[str, Meta(description="In UTC+8, as all times that are text.")]
    package_create_unix_time: int
    package_effective_time: str
    package_effective_unix_time: int
    package_expired_time: str
    package_expired_unix_time: int
    amount_of_package: int
    type_of_package: Annotated[int, Meta(description="0 a gift, 1 bought.")]
    package_id: int
    current_usage: int


class OlderPackageSet(Answer, frozen=True):
    sms_packages_statistics_set: list[OlderPackage]
    request_id: RequestId


def packages(told: counting.SmsPackagesStatisticsSet) -> OlderPackageSet:
    return OlderPackageSet([_package(package) for package in told.sms_packages_statistics_set], told.request_id)


def _package(told: counting.SmsPackagesStatistics) -> OlderPackage:
    return OlderPackage(
        package_create_time=in_china(told.package_create_time),
        package_create_unix_time=told.package_create_time,
        package_effective_time=in_china(told.package_effective_time),
        package_effective_unix_time=told.package_effective_time,
        package_expired_time=in_china(told.package_expired_time),
        package_expired_unix_time=told.package_expired_time,
        amount_of_package=told.package_amount,
        type_of_package=told.package_type,
        package_id=told.package_id,
        current_usage=told.current_usage,
    )


class OlderAddSignStatus(Answer, frozen=True):
    sign_id: int
    sign_apply_id: Annotated[int, Meta(description="The same.")]


class OlderAddSignAnswer(Answer, frozen=True):
    add_sign_status: OlderAddSignStatus
    request_id: RequestId


class OlderModifySignStatus(Answer, frozen=True):
    sign_id: int
    sign_apply_id: Annotated[str, Meta(description="The same, as text.")]


class OlderModifySignAnswer(Answer, frozen=True):
    modify_sign_status: OlderModifySignStatus
    request_id: RequestId


class OlderDescribeTemplateListStatus(Answer, frozen=True):
    template_id: int
    international: int
    status_code: int
    review_reply: str
    template_name: str
    create_time: int


class OlderDescribeTemplateListAnswer(Answer, frozen=True):
    describe_template_status_set: list[OlderDescribeTemplateListStatus]
    request_id: RequestId


def added_sign(told: applying.AddSignAnswer) -> OlderAddSignAnswer:
    sign_id = told.add_sign_status.sign_id
    return OlderAddSignAnswer(OlderAddSignStatus(sign_id, sign_id), told.request_id)


def modified_sign(told: applying.ModifySignAnswer) -> OlderModifySignAnswer:
    sign_id = told.modify_sign_status.sign_id
    return OlderModifySignAnswer(OlderModifySignStatus(sign_id, str(sign_id)), told.request_id)


def templates(told: applying.DescribeTemplateListAnswer) -> OlderDescribeTemplateListAnswer:
    return OlderDescribeTemplateListAnswer([_template(each) for each in told.describe_template_status_set], told.request_id)


def _template(told: applying.DescribeTemplateListStatus) -> OlderDescribeTemplateListStatus:
    return OlderDescribeTemplateListStatus(
        template_id=told.template_id,
        international=told.international,
        status_code=told.status_code,
        review_reply=told.review_reply,
        template_name=told.template_name,
        create_time=told.create_time,
    )


Rewrite: TypeAlias = Callable[[Any], Answer]

REWRITES: Mapping[type[Answer], Rewrite] = {
    pulling.PullSmsSendStatusSet: reports,
    pulling.PullSmsReplyStatusSet: replies,
    counting.SmsPackagesStatisticsSet: packages,
    applying.AddSignAnswer: added_sign,
    applying.ModifySignAnswer: modified_sign,
    applying.DescribeTemplateListAnswer: templates,
}
"""Answers that this version words otherwise."""


def rewritten(answer: Answer) -> Answer:
    """An answer of 2021-01-11 in the words of this version."""
    rewrite = REWRITES.get(type(answer))
    return answer if rewrite is None else rewrite(answer)


def current(asked: Request) -> Request:
    """A request of this version in the words of 2021-01-11; many are the same in both."""
    return cast("Older", asked).current() if isinstance(asked, Older) else asked
