"""Why a message is not taken, as the native API says it."""

from collections.abc import Mapping

from hongyan.doors.rest.problems import Refused
from hongyan.model.reject import Refusal, Reject

REJECTS: Mapping[Reject, int] = {
    Reject.APP_NOT_FOUND: 404,
    Reject.APP_NOT_YOURS: 404,
    Reject.APP_DISABLED: 403,
    Reject.MARKETING_DENIED: 403,
    Reject.NOT_SWITCHED_ON: 409,
    Reject.NO_PACKAGE: 409,
    Reject.ARREARS: 403,
    Reject.NO_CREDIT: 409,
    Reject.TOO_BUSY: 503,
    Reject.INTERNAL: 503,
}
"""Refusals of a whole send request that are no 422."""


def refused(refusal: Refusal) -> Refused:
    """A refusal of a whole send request as this door says it."""
    reason = Reject.APP_NOT_FOUND if refusal.reason is Reject.APP_NOT_YOURS else refusal.reason
    zh, en = WORDS[reason]
    detail = "" if refusal.reason is Reject.APP_NOT_YOURS else refusal.detail
    headers = {"retry-after": "1"} if refusal.reason is Reject.TOO_BUSY else {}
    return Refused(
        REJECTS.get(reason, 422),
        reason.value,
        f"{zh}{f'（{detail}）' if detail else ''}",
        f"{en}{f': {detail}' if detail else ''}",
        headers,
    )


def words(reason: Reject, detail: str, lang: str) -> str:
    """One number's refusal for people."""
    zh, en = WORDS[reason]
    return f"{en}{f': {detail}' if detail else ''}" if lang == "en" else f"{zh}{f'（{detail}）' if detail else ''}"


WORDS: Mapping[Reject, tuple[str, str]] = {
    Reject.BAD_REQUEST: ("请求格式不正确", "The request cannot be read"),
    Reject.MISSING_PARAMETER: ("缺少参数", "A parameter is missing"),
    Reject.UNKNOWN_PARAMETER: ("有不认识的参数", "A parameter is unknown"),
    Reject.NO_NUMBERS: ("没有号码：至少写一个", "No number is given"),
    Reject.TOO_MANY_NUMBERS: ("号码过多：请分几次发送", "Too many numbers: send in several requests"),
    Reject.APP_NOT_FOUND: ("没有这个应用：请核对 app_id", "There is no such application: check app_id"),
    Reject.APP_NOT_YOURS: ("没有这个应用：请核对 app_id", "There is no such application: check app_id"),
    Reject.APP_DISABLED: ("应用已停用：先启用它", "The application is disabled: enable it first"),
    Reject.NOT_SWITCHED_ON: ("功能未开通", "This is not switched on"),
    Reject.ARREARS: (
        "账号欠费停服：请付清账单，几分钟内自动恢复",
        "The account is stopped for arrears: pay its bills, and it resumes within minutes",
    ),
    Reject.TOO_BUSY: ("平台繁忙：请稍后重试", "The platform is busy: try again later"),
    Reject.INTERNAL: ("平台内部错误：是否已受理请查询后再决定重发", "An error of the platform: look the message up before sending again"),
    Reject.SIGNATURE_UNUSABLE: ("签名不可用：须是本应用已审核通过的签名", "The signature is not an approved one of this application"),
    Reject.TEMPLATE_UNUSABLE: ("模板不可用：须是本应用已审核通过的模板", "The template is not an approved one of this application"),
    Reject.PARAMS_MISMATCH: ("变量个数与模板不符", "The number of values is not the template's"),
    Reject.PARAM_FORMAT: ("变量的值不符合规则", "A value breaks a rule"),
    Reject.PARAM_TOO_LONG: ("变量的值过长", "A value is too long"),
    Reject.PARAM_HAS_LINK: ("变量里不能有链接：链接要写进模板并通过审核", "A value has a link: links belong in the reviewed template"),
    Reject.TEXT_TOO_LONG: ("短信过长", "The text is too long"),
    Reject.CONTEXT_TOO_LONG: ("context 过长", "The context is too long"),
    Reject.EXTEND_INVALID: ("扩展码不可用", "The extension cannot be used"),
    Reject.SENDER_NOT_ALLOWED: ("发送号码不可用", "The sender id cannot be used"),
    Reject.MARKETING_DENIED: (
        "个人账号不能发送营销短信：请先完成企业认证",
        "An individual account may not send marketing: verify as an enterprise",
    ),
    Reject.BAD_NUMBER: ("号码无法识别：请写 +国家码号码", "The number cannot be read: write +<country code><number>"),
    Reject.MIXED_REGIONS: ("境内和境外号码要分开发送", "Send to mainland numbers and to numbers abroad in two requests"),
    Reject.MAINLAND_TEMPLATE_ABROAD: ("境内模板不能发往境外", "A mainland template cannot be sent abroad"),
    Reject.INTERNATIONAL_TEMPLATE_AT_HOME: ("国际模板不能发往境内", "An international template cannot be sent in the mainland"),
    Reject.REGION_NOT_SERVED: ("未开通该国家或地区", "The country or region is not served"),
    Reject.BLACKLISTED: ("号码在黑名单中", "The number is on a blacklist"),
    Reject.OPTED_OUT: ("用户已退订", "The user has opted out"),
    Reject.SAME_CONTENT: ("同一号码一分钟内相同内容过多", "The same text went to this number too often within a minute"),
    Reject.LIMIT_30_SECONDS: ("超过一分钟内的频率限制", "Over a limit of up to a minute"),
    Reject.LIMIT_HOUR: ("超过一小时内的频率限制", "Over a limit of up to an hour"),
    Reject.LIMIT_DAY: ("超过一天内的频率限制", "Over a limit of up to a day"),
    Reject.SAME_CONTENT_DAY: ("超过一天内相同内容的限制", "Over a limit of the same text within a day"),
    Reject.MARKETING_HOURS: ("营销短信只能在允许的时段发送", "Marketing may only be sent at its hours"),
    Reject.SENSITIVE_WORD: ("短信内容含有禁用词", "The text has a word that is not allowed"),
    Reject.COUNTRY_CLOSED: (
        "应用未开放该国家或地区：可在保护设置里打开",
        "The application does not send to this country: open it in its protection",
    ),
    Reject.APP_DAY: ("超过应用当日总量上限", "Over the application's cap of the day"),
    Reject.MAINLAND_DAY: ("超过应用当日境内上限", "Over the application's cap of the day for the mainland"),
    Reject.ABROAD_DAY: ("超过应用当日境外上限", "Over the application's cap of the day for abroad"),
    Reject.COUNTRY_DAY: ("超过应用当日对该国家或地区的上限", "Over the application's cap of the day for this country"),
    Reject.ACCOUNT_DAY: ("超过账号当日国际短信上限", "Over the account's cap of the day for messages abroad"),
    Reject.NO_PACKAGE: ("套餐包余量不足：请购买套餐包", "No package has enough left: buy one"),
    Reject.NO_CREDIT: (
        "信用额度已用完：请付账单，或联系运营方提高额度",
        "The credit limit is used up: pay a bill, or ask the operator for a higher one",
    ),
}
"""For people; total over `Reject`."""
