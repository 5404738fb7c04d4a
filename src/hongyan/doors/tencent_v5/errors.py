"""The numbers of the v5 API for what went wrong: one total table from our reasons, the faults of the protocol itself, and the gateway's.

Sources: Tencent's v5 error pages of 2021-07 (SMS) and of product 1128 (voice), and the texts that its service is known to send ("package
format error, ..."); what has a code in API 3.0 alone has the number of its nearest relative. Texts that nobody has seen are ours.
"""

import msgspec

from hongyan.model.reject import Refusal, Reject

OK = 0


class Fault(msgspec.Struct, frozen=True):
    """A number with its text."""

    result: int
    en: str
    zh: str
    gateway: bool = False
    """Told in the envelope of the gateway in front of the service, where no `result` is."""


class Failure(msgspec.Struct, frozen=True):
    """The whole request is refused; `detail` tells the developer what was wrong and never repeats a secret or a code."""

    fault: Fault
    detail: str = ""


def message(fault: Fault, detail: str, *, chinese: bool) -> str:
    """The text for a customer: the fault's, then the detail."""
    text = fault.zh if chinese else fault.en
    return f"{text}, {detail}" if detail else text


def _gateway(result: int, en: str, zh: str) -> Fault:
    return Fault(result, en, zh, gateway=True)


# Faults before a call is known or its body read.
NOT_POST = _gateway(60002, "only POST is taken", "HTTP 请求解析失败，只支持 POST")
TOO_LARGE = _gateway(60002, "the request is too large", "HTTP 请求解析失败，请求包过大")
BAD_JSON = _gateway(60003, "the body is not valid JSON in UTF-8", "JSON 解析失败，请求包体不是合法的 UTF-8 JSON")
APP_ID_INVALID = _gateway(60006, "sdkappid is not a number", "sdkappid 无效，应为数字")
CALLED_TOO_OFTEN = _gateway(60007, "the call rate is exceeded, please try again", "调用频率超过限制，请稍后重试")
WRONG_URL = _gateway(60009, "wrong URL", "请求的 URL 错误")
APP_ID_MISSING = _gateway(60012, "there is no sdkappid in the URL", "URL 中没有 sdkappid")

# Faults of a call.
SIG_WRONG = Fault(1001, "sig check failed", "sig 校验失败")
SIG_MISSING = Fault(1003, "sig is missing or empty", "请求包体没有 sig 字段或 sig 为空")
SENSITIVE = Fault(1002, "the text contains a sensitive word", "短信内容中含有敏感词")
BAD_PACKAGE = Fault(1004, "package format error", "请求包体解析失败，请检查字段格式")
NOT_PERMITTED = Fault(1006, "no permission", "请求没有权限")
OTHER = Fault(1007, "other error", "其他错误")
SIGNATURE = Fault(1012, "the signature is malformed or not approved", "签名格式错误或者签名未审批")
ADDRESS_NOT_ALLOWED = Fault(1009, "the source address is not on the allow list", "请求 IP 不在白名单中")
NO_SUCH_CALL = Fault(1011, "no such REST API", "不存在该 REST API 接口")
TEMPLATE = Fault(1014, "package format error, sdkappid not have this tpl_id", "模板未审批或不属于该应用")
CONTENT = Fault(1014, "the text does not match any approved template", "模板未审批或内容不匹配")
TEMPLATE_FORM = Fault(1014, "package format error, this cannot be a template", "模板格式错误")
NUMBER_WRONG = Fault(1016, "the mobile number is malformed", "手机号格式错误")
CODE_FORMAT = Fault(1018, "a voice code has only digits", "语音验证码只能为数字")
NO_SUCH_APP = Fault(1019, "package format error, no such sdkappid", "sdkappid 不存在")
APP_DISABLED = Fault(1020, "this sdkappid is disabled", "sdkappid 已停用，禁止提供服务")
TIME_WRONG = Fault(1021, "the time of the request differs too much from the server's", "请求发起时间不正常，请检查服务器时间")
NOT_SUPPORTED = Fault(1030, "this request is not supported", "不支持该请求")

FAULTS: dict[Reject, Fault] = {
    Reject.BAD_REQUEST: BAD_PACKAGE,
    Reject.MISSING_PARAMETER: BAD_PACKAGE,
    Reject.UNKNOWN_PARAMETER: BAD_PACKAGE,
    Reject.NO_NUMBERS: Fault(1004, "package format error, cannot get /tel/mobile", "请求包体解析失败，没有 tel"),
    Reject.TOO_MANY_NUMBERS: Fault(1046, "at most 200 numbers in one request", "调用群发 API 接口单次提交的手机号个数超过 200 个"),
    Reject.APP_NOT_FOUND: NO_SUCH_APP,
    Reject.APP_NOT_YOURS: NO_SUCH_APP,
    Reject.APP_DISABLED: APP_DISABLED,
    Reject.NOT_SWITCHED_ON: Fault(1030, "this is not switched on for the sdkappid", "不支持该请求，该应用未开通"),
    Reject.ARREARS: Fault(1033, "the service is suspended because a bill is unpaid", "欠费被停止服务，请付清账单"),
    Reject.TOO_BUSY: Fault(1008, "the service is busy, please try again", "请求下发超时，请稍后重试"),
    Reject.INTERNAL: OTHER,
    Reject.SIGNATURE_UNUSABLE: SIGNATURE,
    Reject.TEMPLATE_UNUSABLE: TEMPLATE,
    Reject.PARAMS_MISMATCH: Fault(1014, "package format error, template params error", "模板变量与已审批的模板不匹配"),
    Reject.PARAM_FORMAT: Fault(1038, "the format of a template value is wrong", "模板变量格式错误，验证码模板变量为 0 到 6 位数字"),
    Reject.PARAM_TOO_LONG: Fault(1036, "a template value is too long", "单个模板变量字符数超过规定范围"),
    Reject.PARAM_HAS_LINK: Fault(1048, "a template value contains a link", "禁止在模板变量中使用 URL"),
    Reject.TEXT_TOO_LONG: Fault(1017, "the message is too long", "请求的短信内容太长"),
    Reject.CONTEXT_TOO_LONG: Fault(1004, "package format error, ext is too long", "请求包体解析失败，ext 过长"),
    Reject.EXTEND_INVALID: Fault(1006, "extend is not switched on or not valid", "请求没有权限，扩展码未开通或格式错误"),
    Reject.SENDER_NOT_ALLOWED: NOT_PERMITTED,
    Reject.MARKETING_DENIED: Fault(1032, "an individual account may not send marketing messages", "个人用户没有发营销短信的权限"),
    Reject.MARKETING_HOURS: Fault(
        1029, "marketing messages are sent from 8:00 to 22:00 only", "营销短信发送时间限制，只能在 8:00 到 22:00 发送"
    ),
    Reject.SENSITIVE_WORD: SENSITIVE,
    Reject.BAD_NUMBER: NUMBER_WRONG,
    Reject.MIXED_REGIONS: Fault(
        1034, "the request has mainland and overseas numbers, send them in two requests", "群发请求里既有国内手机号也有国际手机号"
    ),
    Reject.MAINLAND_TEMPLATE_ABROAD: Fault(
        1014, "package format error, a mainland template cannot be sent to an overseas number", "国内短信模板不支持发送国际/港澳台手机号"
    ),
    Reject.INTERNATIONAL_TEMPLATE_AT_HOME: Fault(
        1014, "package format error, an overseas template cannot be sent to a mainland number", "国际/港澳台短信模板不支持发送国内手机号"
    ),
    Reject.REGION_NOT_SERVED: Fault(1045, "no service for this country or region", "不支持该地区短信下发"),
    Reject.BLACKLISTED: Fault(1015, "the mobile number is on the blacklist", "手机号在黑名单库中"),
    Reject.OPTED_OUT: Fault(1015, "the recipient has unsubscribed", "手机号在黑名单库中，用户已退订"),
    Reject.SAME_CONTENT: Fault(
        1023, "the frequency of one number with the same text within 30 seconds is over the limit", "单个手机号 30 秒内下发相同内容超过上限"
    ),
    Reject.LIMIT_30_SECONDS: Fault(
        1023, "the frequency of one number within 30 seconds is over the limit", "单个手机号 30 秒内下发短信条数超过上限"
    ),
    Reject.LIMIT_HOUR: Fault(
        1024, "the frequency of one number within 1 hour is over the limit", "单个手机号 1 小时内下发短信条数超过上限"
    ),
    Reject.LIMIT_DAY: Fault(1025, "the daily frequency of one number is over the limit", "单个手机号日下发短信条数超过上限"),
    Reject.SAME_CONTENT_DAY: Fault(1026, "the same text was sent to one number too often", "单个手机号下发相同内容超过上限"),
    Reject.COUNTRY_CLOSED: Fault(1045, "the application does not send to this country or region", "该应用未开放此国家或地区"),
    Reject.APP_DAY: Fault(1022, "the application's daily cap is reached", "业务短信日下发条数超过设定的上限"),
    Reject.MAINLAND_DAY: Fault(1022, "the application's daily cap for mainland China is reached", "国内短信日下发条数超过设定的上限"),
    Reject.ABROAD_DAY: Fault(1047, "the application's daily cap for numbers abroad is reached", "国际短信日下发条数超过设定的上限"),
    Reject.COUNTRY_DAY: Fault(
        1047, "the application's daily cap for this country or region is reached", "该国家或地区日下发条数超过设定的上限"
    ),
    Reject.ACCOUNT_DAY: Fault(1047, "the account's daily cap for numbers abroad is reached", "账号的国际短信日下发条数超过设定的上限"),
    Reject.NO_PACKAGE: Fault(1031, "no segments are left in the packages", "套餐包余量不足"),
    Reject.NO_CREDIT: Fault(1031, "the credit limit of the account is used up", "账号的信用额度已用完"),
}
"""Every reason in the numbers of v5."""

OF_THE_REQUEST: frozenset[Reject] = frozenset(
    {
        *(Reject.SIGNATURE_UNUSABLE, Reject.TEMPLATE_UNUSABLE, Reject.PARAMS_MISMATCH, Reject.PARAM_FORMAT, Reject.PARAM_TOO_LONG),
        *(Reject.PARAM_HAS_LINK, Reject.TEXT_TOO_LONG, Reject.EXTEND_INVALID, Reject.SENDER_NOT_ALLOWED, Reject.MARKETING_DENIED),
        *(Reject.MAINLAND_TEMPLATE_ABROAD, Reject.INTERNATIONAL_TEMPLATE_AT_HOME, Reject.MIXED_REGIONS),
        *(Reject.MARKETING_HOURS, Reject.SENSITIVE_WORD),
    }
)
"""Reasons that hold for all numbers of a request alike: when none was taken, a call with many numbers is answered as a whole."""

EVERY: frozenset[Fault] = frozenset({*(fault for fault in vars().values() if isinstance(fault, Fault)), *FAULTS.values()})
"""Every fault that the door can tell."""


def failure(refusal: Refusal) -> Failure:
    """A refusal of the whole request in the numbers of v5."""
    return Failure(FAULTS[refusal.reason], refusal.detail)
