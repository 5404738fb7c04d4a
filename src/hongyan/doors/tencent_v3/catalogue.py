"""Every action of both versions: what it reads, what it answers, how often a second an account may ask for it."""

from collections.abc import Mapping
from typing import NamedTuple

from hongyan.doors.tencent_v3.schema import Answer, Request
from hongyan.doors.tencent_v3.words import older, pulling, sending

CURRENT, OLDER = "2021-01-11", "2019-07-11"


class Action(NamedTuple):
    """What an action reads, and answers when nothing is wrong."""

    summary: str
    request: type[Request]
    answer: type[Answer]


ACTIONS: Mapping[str, Mapping[str, Action]] = {
    CURRENT: {
        "SendSms": Action("Send one text to up to 200 numbers", sending.SendSms, sending.SendStatusSet),
        "SendMultiGlobalSms": Action("Send up to 200 numbers abroad a text each", sending.SendMultiGlobalSms, sending.SendMultiStatusSet),
        "PullSmsSendStatus": Action("Reports not handed out before, each once", pulling.PullQueue, pulling.PullSmsSendStatusSet),
        "PullSmsReplyStatus": Action("Replies not handed out before, each once", pulling.PullQueue, pulling.PullSmsReplyStatusSet),
        "PullSmsSendStatusByPhoneNumber": Action(
            "Reports of one number, as often as asked", pulling.PullNumber, pulling.PullSmsSendStatusSet
        ),
        "PullSmsReplyStatusByPhoneNumber": Action(
            "Replies of one number, as often as asked", pulling.PullNumber, pulling.PullSmsReplyStatusSet
        ),
        "DescribePhoneNumberInfo": Action("What numbers say of themselves", sending.DescribePhoneNumberInfo, sending.PhoneNumberInfoSet),
    },
    OLDER: {
        "SendSms": Action("Send one text to up to 200 numbers", older.OlderSendSms, sending.SendStatusSet),
        "PullSmsSendStatus": Action("Reports not handed out before, each once", older.OlderPullQueue, older.OlderReportSet),
        "PullSmsReplyStatus": Action("Replies not handed out before, each once", older.OlderPullQueue, older.OlderReplySet),
        "PullSmsSendStatusByPhoneNumber": Action("Reports of one number, as often as asked", older.OlderPullNumber, older.OlderReportSet),
        "PullSmsReplyStatusByPhoneNumber": Action("Replies of one number, as often as asked", older.OlderPullNumber, older.OlderReplySet),
    },
}
"""By version; every action that is answered."""

OFFLINE: Mapping[str, frozenset[str]] = {
    CURRENT: frozenset(
        {
            *("AddSmsSign", "AddSmsTemplate", "CallbackStatusStatistics", "DeleteSmsSign", "DeleteSmsTemplate", "DescribeSendRecordList"),
            *("DescribeSmsSignList", "DescribeSmsTemplateList", "ModifySmsSign", "ModifySmsTemplate", "ReportConversion"),
            *("SendStatusStatistics", "SmsPackagesStatistics"),
        }
    ),
    OLDER: frozenset(
        {
            *("AddSmsSign", "AddSmsTemplate", "CallbackStatusStatistics", "DeleteSmsSign", "DeleteSmsTemplate", "DescribeSmsSignList"),
            *("DescribeSmsTemplateList", "ModifySmsSign", "ModifySmsTemplate", "SendStatusStatistics", "SmsPackagesStatistics"),
        }
    ),
    "2020-09-02": frozenset({"SendCodeVoice", "SendTtsVoice"}),  # the service vms; the version alone tells it apart
}
"""Actions that exist at Tencent and not here, by version."""
