"""Tencent's words for what went wrong: one total table from our reasons, and the faults of the protocol itself.

Sources: the common error codes (Tencent document 382/38780) and the service's own (382/59177). The texts that the real service is known to
send are kept as they are in both languages; the others are ours.
"""

import enum

import msgspec

from hongyan.model.reject import Refusal, Reject

ENGLISH = "en-US"
OK = "Ok"
SENT = "send success"
DESCRIBED = "Describe success"


class Where(enum.Enum):
    """Where a code stands in the answer."""

    STATUS = "status"
    """In the entry of each number it concerns."""
    ERROR = "error"
    """In `Response.Error`: the whole request was refused."""


class Fault(msgspec.Struct, frozen=True):
    """A code with its text."""

    code: str
    en: str
    zh: str
    where: Where = Where.ERROR


class Failure(msgspec.Struct, frozen=True):
    """The whole request is refused; `detail` tells the developer what was wrong and never repeats a secret or a code."""

    fault: Fault
    detail: str = ""


def message(fault: Fault, detail: str, language: str) -> str:
    """The text for a customer: the fault's, then the detail. `language` is X-TC-Language; anything but "en-US" is zh-CN, the default."""
    text = fault.en if language == ENGLISH else fault.zh
    return f"{text}: {detail}" if detail else text


def _status(code: str, en: str, zh: str = "") -> Fault:
    return Fault(code, en, zh or en, Where.STATUS)


def _error(code: str, en: str, zh: str = "") -> Fault:
    return Fault(code, en, zh or en)


# Faults of the envelope: signatures, actions, sizes.
INVALID_AUTHORIZATION = _error("AuthFailure.InvalidAuthorization", "the Authorization is not valid", "请求头部的 Authorization 不符合要求")
SIGNATURE_EXPIRED = _error(
    "AuthFailure.SignatureExpire",
    "the signature has expired: the timestamp must be within 5 minutes of the server's clock",
    "签名过期：Timestamp 与服务器时间相差不得超过五分钟，请检查本地时间",
)
SECRET_ID_NOT_FOUND = _error("AuthFailure.SecretIdNotFound", "the SecretId does not exist", "密钥不存在，请检查 SecretId 是否正确")
INVALID_SECRET_ID = _error("AuthFailure.InvalidSecretId", "the SecretId is disabled", "密钥非法：该 SecretId 已被禁用")
SIGNATURE_FAILURE = _error(
    "AuthFailure.SignatureFailure", "The provided credentials could not be validated. Please check your signature is correct."
)
TOKEN_FAILURE = _error("AuthFailure.TokenFailure", "temporary credentials (Token) are not issued here", "Token 错误：此服务不签发临时密钥")
ACCOUNT_DISABLED = _error("AuthFailure.UnauthorizedOperation", "the account is disabled", "账号已停用，请求未授权")
ADDRESS_NOT_ALLOWED = _error(
    "UnauthorizedOperation.RequestIpNotInWhitelist",
    "the key may not be used from this address",
    "请求 IP 不在白名单中，请在密钥的允许地址里加上它",
)
MISSING_PARAMETER = _error("MissingParameter", "a required parameter is missing", "缺少参数")
UNKNOWN_PARAMETER = _error("UnknownParameter", "the request has an unknown parameter", "未知参数")
INVALID_PARAMETER = _error("InvalidParameter", "a parameter is wrong", "参数错误")
INVALID_VALUE = _error("InvalidParameterValue", "the value of a parameter is wrong", "参数取值错误")
INVALID_REQUEST = _error("InvalidRequest", "multipart bodies are not taken by any SMS action", "请求的 multipart 格式错误")
INVALID_ACTION = _error("InvalidAction", "no such action", "接口不存在")
NO_SUCH_VERSION = _error("NoSuchVersion", "no such version", "接口版本不存在")
ACTION_OFFLINE = _error("ActionOffline", "this action is not offered here", "接口未上线")
UNSUPPORTED_PROTOCOL = _error("UnsupportedProtocol", "only GET and POST are taken", "HTTP(S) 请求协议错误，只支持 GET 和 POST 请求")
TOO_LARGE = _error("RequestSizeLimitExceeded", "the request is too large", "请求包超过限制大小")
BAD_JSON = _error("FailedOperation.JsonParseFail", "the request body is not valid JSON", "解析请求包体时候失败，请求体不是合法的 JSON")
INTERNAL = _error("InternalError", "internal error; ask with the RequestId", "内部错误，请凭 RequestId 查询")
TIMED_OUT = _error("InternalError.Timeout", "this took too long, please try again", "请求超时，请稍后重试")
AWAY = _error(
    "InternalError.SendAndRecvFail",
    "the platform's storage is away; nothing was changed, please try again",
    "平台存储暂时不可用，未做任何更改，请稍后重试",
)
NOT_AN_OBJECT = _error("FailedOperation.FailResolvePacket", "the request body is no JSON object", "请求包解析失败，请求体应为 JSON 对象")
IN_USE = _error("ResourceInUse", "it is there already, or in use", "资源被占用")
LIMIT_EXCEEDED = _error("LimitExceeded", "there are too many", "超过配额限制")
FAILED = _error("FailedOperation", "this cannot be done now", "操作失败")
NOT_AUTHORIZED = _error("AuthFailure.UnauthorizedOperation", "you are not authorized to perform operation", "请求未授权")
TOO_OFTEN = _error("RequestLimitExceeded", "too many requests a second", "请求的次数超过了频率限制")

# Faults of single fields.
LIMIT_WRONG = _error("InvalidParameterValue.LimitVerifyFail", "Limit is wrong", "Limit 参数校验失败")
OFFSET_WRONG = _error("InvalidParameterValue.OffsetVerifyFail", "Offset is wrong", "Offset 参数校验失败")
BEGIN_WRONG = _error("InvalidParameterValue.BeginTimeVerifyFail", "BeginTime is wrong", "BeginTime 参数校验失败")
END_WRONG = _error("InvalidParameterValue.EndTimeVerifyFail", "EndTime is wrong", "EndTime 参数校验失败")
RANGE_WRONG = _error(
    "InvalidParameterValue.InvalidStartTime", "BeginTime must not be after EndTime", "无效的拉取起始/截止时间，BeginTime 不能晚于 EndTime"
)
NUMBER_WRONG = _error("InvalidParameterValue.IncorrectPhoneNumber", "the phone number is malformed", "手机号格式错误")
NUMBER_UNREADABLE = _status(
    "FailedOperation.PhoneNumberParseFail", "the number cannot be read as E.164", "号码解析失败，请检查号码是否符合 E.164 标准"
)
MULTI_EMPTY = _error("InvalidParameterValue.MultiSmsInfoSetEmpty", "MultiSmsInfoSet is empty", "MultiSmsInfoSet 参数为空")
DOMESTIC_NUMBER = _error(
    "UnsupportedOperation.ContainDomesticPhoneNumber",
    "the request has a mainland number; this action sends abroad only, use SendSms",
    "群发请求里含有国内手机号，此接口仅支持国际/港澳台手机号，国内手机号请使用 SendSms",
)

# Faults of signatures and templates.
NOT_ENTERPRISE = _error(
    "FailedOperation.NotEnterpriseCertification",
    "signatures and templates are applied for through the API by enterprise accounts alone",
    "非企业认证无法使用签名及模板相关接口",
)
INTERNATIONAL_WRONG = _error(
    "InvalidParameterValue.InvalidInternational", "International is wrong", "International 参数错误：0 国内短信，1 国际/港澳台短信"
)
IMAGE_WRONG = _error("InvalidParameterValue.ImageInvalid", "the image is wrong", "传入的图片错误，请检查 base64 编码和文件内容")
SIGN_LENGTH = _error("InvalidParameterValue.SignNameLengthTooLong", "the signature's length is wrong", "签名内容长度不符合要求")
SIGN_WRONG = _error("FailedOperation.ParametersOtherError", "the signature is wrong", "签名内容不符合要求")
SIGN_PURPOSE_WRONG = _error("InvalidParameterValue.InvalidSignPurpose", "SignPurpose is 0 or 1", "SignPurpose 参数错误：0 自用，1 他用")
USED_METHOD_WRONG = _error("InvalidParameterValue.InvalidUsedMethod", "UsedMethod is 0 or 1", "UsedMethod 参数错误：0 自用，1 他用")
DOCUMENT_TYPE_WRONG = _error(
    "InvalidParameterValue.InvalidDocumentType", "DocumentType does not fit SignType", "DocumentType 字段校验错误，与签名类型不符"
)
DIRTY_WORD = _error("InvalidParameter.DirtyWordFound", "a forbidden word was found", "存在敏感词")
MISSING_COMMISSION = _error("MissingParameter", "CommissionImage is missing", "缺少参数 CommissionImage")
MISSING_QUALIFICATION = _error("MissingParameter", "QualificationId is missing", "缺少参数 QualificationId")
NO_QUALIFICATION = _error("InvalidParameterValue.QualificationIdNotFound", "there is no such qualification", "资质 ID 不存在")
QUALIFICATION_NOT_APPROVED = _error(
    "FailedOperation.QualificationIdNotApproved", "the qualification is not approved", "资质 ID 对应的资质未审核通过"
)
SIGN_PENDING = _error(
    "InvalidParameterValue.SignExistAndUnapproved", "the signature is waiting for review already", "已存在相同的待审核签名"
)
SIGN_PASSED = _error(
    "InvalidParameterValue.SignAlreadyPassedCheck", "the signature is approved already", "此签名已经通过审核，不可修改或再次申请"
)
TOO_MANY_SIGNS = _error("FailedOperation.SignNumberLimit", "there are too many signatures", "签名个数达到最大值")
NO_SIGN = _error("FailedOperation.SignIdNotExist", "there is no such signature", "签名 ID 不存在")
NO_SIGN_TO_MODIFY = _error(
    "FailedOperation.MissingSignatureToModify", "there is no such signature", "此签名 ID 未提交申请或不存在，不能进行修改"
)
NO_SIGN_YET = _error("FailedOperation.MissingSignature", "apply for a signature first", "没有签名，申请模板之前需要先申请签名")
SMS_TYPE_WRONG = _error("InvalidParameterValue.InvalidSmsType", "SmsType is wrong", "SmsType 参数错误")
TEMPLATE_FORMAT = _error("InvalidParameterValue.InvalidTemplateFormat", "the template's format is wrong", "模板格式错误")
NO_OPT_OUT = _error(
    "InvalidParameterValue.MarketingTemplateWithoutUnsubscribe", "a marketing template says how to opt out", "营销模板需写明退订方式"
)
NO_VARIABLES = _error(
    "InvalidParameterValue.UnsupportedTemplateVariable",
    "mainland notice and marketing templates may not have variables",
    "国内通知、营销模板不支持变量",
)
DIRTY_TEMPLATE = _error("InvalidParameterValue.TemplateWithDirtyWords", "the template has forbidden words", "模板中存在敏感词")
NO_MARKETING_TEMPLATES = _error(
    "FailedOperation.ForbidAddMarketingTemplates", "individual accounts cannot apply for marketing templates", "个人用户不能申请营销短信"
)
TOO_MANY_TEMPLATES = _error("FailedOperation.TemplateNumberLimit", "there are too many templates", "模板个数达到最大值")
TEMPLATE_PASSED = _error(
    "FailedOperation.TemplateAlreadyPassedCheck", "an approved template cannot be changed", "此模板已经通过审核，不可修改"
)
NO_TEMPLATE = _error("FailedOperation.TemplateIdNotExist", "there is no such template", "模板 ID 不存在")
NO_TEMPLATE_TO_MODIFY = _error(
    "FailedOperation.MissingTemplateToModify", "there is no such template", "此模板 ID 未提交申请或不存在，不能进行修改"
)

FAULTS: dict[Reject, Fault] = {
    Reject.BAD_REQUEST: INVALID_PARAMETER,
    Reject.MISSING_PARAMETER: MISSING_PARAMETER,
    Reject.UNKNOWN_PARAMETER: UNKNOWN_PARAMETER,
    Reject.NO_NUMBERS: _error(
        "MissingParameter.EmptyPhoneNumberSet", "PhoneNumberSet is empty", "传入的号码列表为空，请确认您的参数中是否传入号码"
    ),
    Reject.TOO_MANY_NUMBERS: _error(
        "LimitExceeded.PhoneNumberCountLimit", "at most 200 numbers in one request", "调用接口单次提交的手机号个数超过 200 个"
    ),
    Reject.APP_NOT_FOUND: _error("InvalidParameterValue.SdkAppIdNotExist", "the SmsSdkAppId does not exist", "SmsSdkAppId 不存在"),
    Reject.APP_NOT_YOURS: _error("UnauthorizedOperation.SmsSdkAppIdVerifyFail", "request SmsSdk AppId verify fail"),
    Reject.APP_DISABLED: _error(
        "UnauthorizedOperation.SdkAppIdIsDisabled", "the application is disabled", "此 SmsSdkAppId 禁止提供服务，应用已停用"
    ),
    Reject.NOT_SWITCHED_ON: _error("UnsupportedOperation", "this is not switched on for the application", "操作不支持：该应用未开通此接口"),
    Reject.ARREARS: _error(
        "UnauthorizedOperation.ServiceSuspendDueToArrears",
        "the service is suspended because a bill is unpaid",
        "欠费被停止服务：请付清账单，付清后几分钟内自动恢复",
    ),
    Reject.TOO_BUSY: _error("RequestLimitExceeded", "too many requests at once, please try again", "请求的次数超过了频率限制，请稍后重试"),
    Reject.INTERNAL: INTERNAL,
    Reject.SIGNATURE_UNUSABLE: _status(
        "FailedOperation.SignatureIncorrectOrUnapproved", "the signature is not approved or badly formed", "签名未审批或格式错误"
    ),
    Reject.TEMPLATE_UNUSABLE: _status(
        "FailedOperation.TemplateIncorrectOrUnapproved",
        "template is not approved or request content does not match the approved template content",
    ),
    Reject.PARAMS_MISMATCH: _status(
        "FailedOperation.TemplateParamSetNotMatchApprovedTemplate", "request content does not match the template content"
    ),
    Reject.PARAM_FORMAT: _status("InvalidParameterValue.TemplateParameterFormatError", "Verification code template parameter format error"),
    Reject.PARAM_TOO_LONG: _status(
        "InvalidParameterValue.TemplateParameterLengthLimit", "a template value is too long", "单个模板变量字符数超过规定范围"
    ),
    Reject.PARAM_HAS_LINK: _status(
        "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", "a template value contains a link", "禁止在模板变量中使用 URL"
    ),
    Reject.TEXT_TOO_LONG: _status("InvalidParameterValue.ContentLengthLimit", "the message is too long", "请求的短信内容太长"),
    Reject.CONTEXT_TOO_LONG: _error(
        "InvalidParameterValue", "SessionContext must be less than 512 bytes", "参数取值错误：SessionContext 长度需小于 512 字节"
    ),
    Reject.EXTEND_INVALID: _error(
        "InvalidParameterValue", "ExtendCode is not switched on or not valid", "参数取值错误：ExtendCode 未开通或格式错误"
    ),
    Reject.SENDER_NOT_ALLOWED: _error(
        "UnauthorizedOperation.RequestPermissionDeny",
        "the SenderId is not registered for the application",
        "请求没有权限：该应用未登记此 SenderId",
    ),
    Reject.MARKETING_DENIED: _status(
        "UnauthorizedOperation.IndividualUserMarketingSmsPermissionDeny",
        "individual accounts may not send marketing messages",
        "个人用户没有发营销短信的权限",
    ),
    Reject.MARKETING_HOURS: _status(
        "FailedOperation.MarketingSendTimeConstraint",
        "marketing messages are sent from 8:00 to 22:00 (Asia/Shanghai)",
        "营销短信发送时间限制：为避免骚扰用户，营销短信只允许在 8 点到 22 点发送",
    ),
    Reject.SENSITIVE_WORD: _status("FailedOperation.ContainSensitiveWord", "the message contains a sensitive word", "短信内容中含有敏感词"),
    Reject.BAD_NUMBER: _status("InvalidParameterValue.IncorrectPhoneNumber", "the phone number is malformed", "手机号格式错误"),
    Reject.MIXED_REGIONS: _status(
        "UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber",
        "the request has mainland and overseas numbers; send them in two requests",
        "群发请求里既有国内手机号也有国际手机号，请分开发送",
    ),
    Reject.MAINLAND_TEMPLATE_ABROAD: _status(
        "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone",
        "a mainland template cannot be sent to an overseas number",
        "国内短信模板不支持发送国际/港澳台手机号",
    ),
    Reject.INTERNATIONAL_TEMPLATE_AT_HOME: _status(
        "UnsupportedOperation.GlobalTemplateToChineseMainlandPhone",
        "an overseas template cannot be sent to a mainland number",
        "国际/港澳台短信模板不支持发送国内手机号",
    ),
    Reject.REGION_NOT_SERVED: _status(
        "UnsupportedOperation.UnsupportedRegion", "no service for this country or region", "不支持该地区短信下发"
    ),
    Reject.BLACKLISTED: _status("FailedOperation.PhoneNumberInBlacklist", "the number is on the blacklist", "手机号在免打扰名单库中"),
    Reject.OPTED_OUT: _status(
        "FailedOperation.PhoneNumberInBlacklist", "the recipient has unsubscribed", "手机号在免打扰名单库中，用户已退订"
    ),
    Reject.SAME_CONTENT: _status(
        "LimitExceeded.PhoneNumberThirtySecondLimit",
        "the number of sms messages sent from a single mobile number within 30 seconds exceeds the upper limit",
    ),
    Reject.LIMIT_30_SECONDS: _status(
        "LimitExceeded.PhoneNumberThirtySecondLimit",
        "the number of sms messages sent from a single mobile number within 30 seconds exceeds the upper limit",
    ),
    Reject.LIMIT_HOUR: _status(
        "LimitExceeded.PhoneNumberOneHourLimit",
        "the number of sms messages sent from a single mobile number within 1 hour exceeds the upper limit",
    ),
    Reject.LIMIT_DAY: _status(
        "LimitExceeded.PhoneNumberDailyLimit",
        "the number of sms messages sent from a single mobile number every day exceeds the upper limit",
    ),
    Reject.SAME_CONTENT_DAY: _status(
        "LimitExceeded.PhoneNumberSameContentDailyLimit",
        "the number of the same sms messages sent from a single mobile number exceeds the upper limit",
    ),
    Reject.COUNTRY_CLOSED: _status(
        "LimitExceeded.AppCountryOrRegionInBlacklist",
        "the application does not send to this country or region",
        "该国家/地区不在应用允许发送的范围内",
    ),
    Reject.APP_DAY: _status(
        "LimitExceeded.AppDailyLimit", "the application has reached its daily limit", "业务短信日下发条数超过设定的上限"
    ),
    Reject.MAINLAND_DAY: _status(
        "LimitExceeded.AppMainlandChinaDailyLimit",
        "the application has reached its daily limit for mainland China",
        "应用的国内短信日下发条数超过设定的上限",
    ),
    Reject.ABROAD_DAY: _status(
        "LimitExceeded.AppGlobalDailyLimit",
        "the application has reached its daily limit for numbers outside mainland China",
        "应用的国际/港澳台短信日下发条数超过设定的上限",
    ),
    Reject.COUNTRY_DAY: _status(
        "LimitExceeded.AppCountryOrRegionDailyLimit",
        "the application has reached its daily limit for this country or region",
        "应用在该国家/地区的日下发条数超过设定的上限",
    ),
    Reject.ACCOUNT_DAY: _status(
        "LimitExceeded.DailyLimit",
        "the account has reached its daily limit for numbers outside mainland China",
        "账号的国际/港澳台短信日下发条数超过设定的上限",
    ),
    Reject.NO_PACKAGE: _status(
        "FailedOperation.InsufficientBalanceInSmsPackage", "no segments are left in the packages", "套餐包余量不足，请购买套餐包"
    ),
    Reject.NO_CREDIT: _status(
        "FailedOperation.InsufficientBalanceInSmsPackage", "the credit limit of the account is used up", "账号的信用额度已用完，请付账单"
    ),
}
"""Every reason in Tencent's words."""

OLDER_WORDS: dict[str, Fault] = {
    LIMIT_WRONG.code: _error("InvalidParameter", "Limit is wrong", "Limit 参数校验失败"),
    OFFSET_WRONG.code: _error("InvalidParameter", "Offset is wrong", "Offset 参数校验失败"),
    SIGN_PURPOSE_WRONG.code: USED_METHOD_WRONG,
    DIRTY_WORD.code: _error("InvalidParameter.InvalidParameters", DIRTY_WORD.en, DIRTY_WORD.zh),
    DIRTY_TEMPLATE.code: _error("InvalidParameter.InvalidParameters", DIRTY_TEMPLATE.en, DIRTY_TEMPLATE.zh),
    TEMPLATE_FORMAT.code: _error("InvalidParameter.InvalidParameters", TEMPLATE_FORMAT.en, TEMPLATE_FORMAT.zh),
    NO_MARKETING_TEMPLATES.code: NOT_ENTERPRISE,
}
"""What 2019-07-11 says instead of codes that it does not have yet."""

EVERY: frozenset[Fault] = frozenset(
    {*(fault for fault in vars().values() if isinstance(fault, Fault)), *FAULTS.values(), *OLDER_WORDS.values()}
)
"""Every fault that the door can tell."""


def codes() -> list[str]:
    """Every code an answer can have, in order."""
    return sorted({OK, *(fault.code for fault in EVERY)})


def failure(refusal: Refusal) -> Failure:
    """A refusal of the whole request in Tencent's words."""
    return Failure(FAULTS[refusal.reason], refusal.detail)
