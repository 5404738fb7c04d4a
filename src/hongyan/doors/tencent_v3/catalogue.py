"""Every action of both versions: what it reads, what it answers, how often a second an account may ask for it."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from hongyan.doors.tencent_v3.schema import Answer, Request
from hongyan.doors.tencent_v3.words import applying, counting, older, pulling, sending
from hongyan.model.actor import Permission

CURRENT, OLDER = "2021-01-11", "2019-07-11"


class Action(NamedTuple):
    """One action of one version."""

    summary: str
    rate: int
    """Requests a second that an account may make of it."""
    needs: Permission
    """What the key must be allowed."""
    request: type[Request]
    answer: type[Answer]


class Meaning(NamedTuple):
    """What an action is, whatever the version."""

    summary: str
    rate: int
    needs: Permission


MEANINGS: Mapping[str, Meaning] = {
    "SendSms": Meaning("Send one text to up to 200 numbers", 3000, Permission.SEND),
    "SendMultiGlobalSms": Meaning("Send up to 200 numbers abroad a text each", 100, Permission.SEND),
    "PullSmsSendStatus": Meaning("Reports not handed out before, each once", 100, Permission.REVEAL),
    "PullSmsReplyStatus": Meaning("Replies not handed out before, each once", 100, Permission.REVEAL),
    "PullSmsSendStatusByPhoneNumber": Meaning("Reports of one number, as often as asked", 20, Permission.REVEAL),
    "PullSmsReplyStatusByPhoneNumber": Meaning("Replies of one number, as often as asked", 20, Permission.REVEAL),
    "DescribePhoneNumberInfo": Meaning("What numbers say of themselves", 1000, Permission.READ),
    "SendStatusStatistics": Meaning("How much was sent", 10, Permission.READ),
    "CallbackStatusStatistics": Meaning("How it ended", 10, Permission.READ),
    "SmsPackagesStatistics": Meaning("What is left in packages", 10, Permission.MONEY_READ),
    "DescribeSendRecordList": Meaning("What one number was sent", 20, Permission.REVEAL),
    "ReportConversion": Meaning("A code was typed in", 1000, Permission.SEND),
    "AddSmsSign": Meaning("Apply for a signature", 1, Permission.APPLY),
    "ModifySmsSign": Meaning("Change a signature that is not approved", 1, Permission.APPLY),
    "DeleteSmsSign": Meaning("Delete a signature", 1, Permission.APPLY),
    "DescribeSmsSignList": Meaning("Signatures and their review", 20, Permission.READ),
    "AddSmsTemplate": Meaning("Apply for a template", 2, Permission.APPLY),
    "ModifySmsTemplate": Meaning("Change a template that is not approved", 20, Permission.APPLY),
    "DeleteSmsTemplate": Meaning("Delete a template", 1, Permission.APPLY),
    "DescribeSmsTemplateList": Meaning("Templates and their review", 20, Permission.READ),
}
"""With the rates of documents 382/52077 and 382/38764; they have none for SendMultiGlobalSms and DescribeSendRecordList."""

Forms: TypeAlias = Mapping[str, tuple[type[Request], type[Answer]]]

CURRENT_FORMS: Forms = {
    "SendSms": (sending.SendSms, sending.SendStatusSet),
    "SendMultiGlobalSms": (sending.SendMultiGlobalSms, sending.SendMultiStatusSet),
    "PullSmsSendStatus": (pulling.PullQueue, pulling.PullSmsSendStatusSet),
    "PullSmsReplyStatus": (pulling.PullQueue, pulling.PullSmsReplyStatusSet),
    "PullSmsSendStatusByPhoneNumber": (pulling.PullNumber, pulling.PullSmsSendStatusSet),
    "PullSmsReplyStatusByPhoneNumber": (pulling.PullNumber, pulling.PullSmsReplyStatusSet),
    "DescribePhoneNumberInfo": (sending.DescribePhoneNumberInfo, sending.PhoneNumberInfoSet),
    "SendStatusStatistics": (counting.CountPeriod, counting.SendStatusStatisticsAnswer),
    "CallbackStatusStatistics": (counting.CountPeriod, counting.CallbackStatusStatisticsAnswer),
    "SmsPackagesStatistics": (counting.CountPackages, counting.SmsPackagesStatisticsSet),
    "DescribeSendRecordList": (counting.DescribeSendRecordList, counting.SendRecordSet),
    "ReportConversion": (counting.ReportConversion, counting.ReportConversionAnswer),
    "AddSmsSign": (applying.AddSmsSign, applying.AddSignAnswer),
    "ModifySmsSign": (applying.ModifySmsSign, applying.ModifySignAnswer),
    "DeleteSmsSign": (applying.DeleteSmsSign, applying.DeleteSignAnswer),
    "DescribeSmsSignList": (applying.DescribeSmsSignList, applying.DescribeSignListAnswer),
    "AddSmsTemplate": (applying.AddSmsTemplate, applying.AddTemplateAnswer),
    "ModifySmsTemplate": (applying.ModifySmsTemplate, applying.ModifyTemplateAnswer),
    "DeleteSmsTemplate": (applying.DeleteSmsTemplate, applying.DeleteTemplateAnswer),
    "DescribeSmsTemplateList": (applying.DescribeSmsTemplateList, applying.DescribeTemplateListAnswer),
}
OLDER_FORMS: Forms = {
    "SendSms": (older.OlderSendSms, sending.SendStatusSet),
    "PullSmsSendStatus": (older.OlderPullQueue, older.OlderReportSet),
    "PullSmsReplyStatus": (older.OlderPullQueue, older.OlderReplySet),
    "PullSmsSendStatusByPhoneNumber": (older.OlderPullNumber, older.OlderReportSet),
    "PullSmsReplyStatusByPhoneNumber": (older.OlderPullNumber, older.OlderReplySet),
    "SendStatusStatistics": (older.OlderCountPeriod, counting.SendStatusStatisticsAnswer),
    "CallbackStatusStatistics": (older.OlderCountPeriod, counting.CallbackStatusStatisticsAnswer),
    "SmsPackagesStatistics": (older.OlderCountPackages, older.OlderPackageSet),
    "AddSmsSign": (older.OlderAddSmsSign, older.OlderAddSignAnswer),
    "ModifySmsSign": (older.OlderModifySmsSign, older.OlderModifySignAnswer),
    "DeleteSmsSign": (applying.DeleteSmsSign, applying.DeleteSignAnswer),
    "DescribeSmsSignList": (older.OlderDescribeSmsSignList, applying.DescribeSignListAnswer),
    "AddSmsTemplate": (applying.AddSmsTemplate, applying.AddTemplateAnswer),
    "ModifySmsTemplate": (applying.ModifySmsTemplate, applying.ModifyTemplateAnswer),
    "DeleteSmsTemplate": (applying.DeleteSmsTemplate, applying.DeleteTemplateAnswer),
    "DescribeSmsTemplateList": (older.OlderDescribeSmsTemplateList, older.OlderDescribeTemplateListAnswer),
}
OLDER_RATES: Mapping[str, int] = {"ModifySmsTemplate": 1}
"""Where the older version has another."""


def _actions(forms: Forms, rates: Mapping[str, int]) -> dict[str, Action]:
    return {
        name: Action(meaning.summary, rates.get(name, meaning.rate), meaning.needs, *forms[name])
        for name, meaning in MEANINGS.items()
        if name in forms
    }


ACTIONS: Mapping[str, Mapping[str, Action]] = {
    CURRENT: _actions(CURRENT_FORMS, {}),
    OLDER: _actions(OLDER_FORMS, OLDER_RATES),
}
"""By version; every action that is answered."""

OFFLINE: Mapping[str, frozenset[str]] = {
    "2020-09-02": frozenset({"SendCodeVoice", "SendTtsVoice"}),  # the service vms; the version alone tells it apart
}
"""Actions that exist at Tencent and not here, by version."""
