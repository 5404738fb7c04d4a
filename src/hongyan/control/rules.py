"""What may be called a name, a signature, a template, a callback address: pure rules, each with its refusal.

Sources: the product rules of Tencent Cloud SMS (documents 382/39022 signatures, 382/39023 templates, and the FAQ of 2018).
"""

import re
import unicodedata
from collections.abc import Callable
from urllib.parse import urlsplit

from hongyan.control.errors import ControlError, Fault
from hongyan.model.limits import Limits
from hongyan.model.message import Kind
from hongyan.model.phone import parse
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.model.template import TemplateFault, placeholders

NAME_MOST = 100
ALLOWLIST_MOST = 300
LIVE_KEYS_MOST = 2
SEGMENTS_MOST = 1_000_000_000_000
LIMIT_MOST = 1_000_000
URL_MOST = 1_000
REASON_MOST = 200

SIGNATURE_LENGTH: dict[Scope, tuple[int, int]] = {Scope.MAINLAND: (2, 12), Scope.INTERNATIONAL: (2, 15)}
CONTENT_MOST: dict[Scope, int] = {Scope.MAINLAND: 500, Scope.INTERNATIONAL: 2_000}

NEUTRAL = frozenset({
    "测试", "测试签名", "测试短信", "验证码", "短信验证码", "验证", "通知", "短信通知", "提醒", "短信", "签名", "短信签名", "公告", "系统",
    "系统通知", "系统消息", "消息", "客服", "公司", "平台", "官方", "营销", "推广", "活动", "优惠",
    "test", "testing", "code", "verify", "verification", "verificationcode", "otp", "notice", "notification", "notify", "sms", "message",
    "alert", "info", "system", "sign", "signature", "aabb", "abc", "demo", "example",
})  # fmt: skip
"""Names that say nothing about who sends (FAQ 2018: "中性化签名")."""

_SIGNATURE = re.compile(r"[A-Za-z0-9\u3400-\u4dbf\u4e00-\u9fff]+")
_SENDER = re.compile(r"[0-9]{1,20}|[A-Za-z0-9 ]{1,11}")
_PRINTABLE_ASCII = re.compile(r"[\x21-\x7e]+")
_OPT_OUT = re.compile(
    r"回复?\s*(?:TD|T|N|R)\s*退订|退订(?:请)?回复?\s*(?:TD|T|N|R)(?![A-Z])|拒收(?:请)?回复?\s*(?:TD|T|N|R)(?![A-Z])"
    r"|\b(?:reply|text|send)\s+(?:STOP|TD|T|N|R)\b",
    re.IGNORECASE,
)

TEMPLATE_FAULTS: dict[TemplateFault, tuple[str, str]] = {
    TemplateFault.NOT_A_NUMBER: (
        "变量要写成 {1}、{2}……：半角花括号里只有数字，不以 0 开头。",
        "Write placeholders as {1}, {2}, ...: digits in plain braces, without a leading zero.",
    ),
    TemplateFault.NOT_CONSECUTIVE: (
        "变量必须从 {1} 开始连续编号，中间不能缺号。",
        "Number the placeholders from {1} without gaps.",
    ),
    TemplateFault.TOO_MANY: ("变量最多 99 个。", "At most 99 placeholders are possible."),
}


def _invalid(zh: str, en: str) -> ControlError:
    return ControlError(Fault.INVALID, zh, en)


def name(text: str) -> str:
    """The name without blanks around it: 1 to 100 printable characters."""
    plain = text.strip()
    if not 1 <= len(plain) <= NAME_MOST or not plain.isprintable():
        raise _invalid(f"名称需为 1 到 {NAME_MOST} 个可见字符。", f"A name has 1 to {NAME_MOST} printable characters.")
    return plain


def reason(text: str) -> str:
    """Why a number is on a list: at most 200 printable characters, or nothing."""
    plain = text.strip()
    if len(plain) > REASON_MOST or not plain.isprintable():
        raise _invalid(f"原因最多 {REASON_MOST} 个可见字符。", f"A reason has at most {REASON_MOST} printable characters.")
    return plain


def signature(text: str, scope: Scope) -> str:
    """The signature without blanks and without the brackets that the platform adds itself."""
    plain = text.strip().removeprefix("【").removesuffix("】")
    least, most = SIGNATURE_LENGTH[scope]
    if not least <= len(plain) <= most or _SIGNATURE.fullmatch(plain) is None:
        raise _invalid(
            f"签名需为 {least} 到 {most} 个汉字、字母或数字，不带【】和符号。",
            f"A signature has {least} to {most} Chinese characters, letters or digits, no brackets or symbols.",
        )
    if unicodedata.normalize("NFKC", plain).casefold().rstrip("0123456789") in NEUTRAL | {""}:
        raise _invalid(
            f"“{plain}”是中性化签名，看不出是谁发的：请用公司、产品或商标的名称。",
            f"“{plain}” does not say who sends: use the name of a company, product or trademark.",
        )
    return plain


def template(content: str, kind: Kind, scope: Scope, account: AccountKind) -> str:
    """The body of a template that may be reviewed, without blanks around it."""
    plain = content.strip()
    for rule in TEMPLATE_RULES:
        rule(plain, kind, scope, account)
    return plain


def _template_length(content: str, _kind: Kind, scope: Scope, _account: AccountKind) -> None:
    if not 1 <= len(content) <= CONTENT_MOST[scope]:
        raise _invalid(
            f"模板正文需为 1 到 {CONTENT_MOST[scope]} 个字符，现为 {len(content)} 个。",
            f"A template has 1 to {CONTENT_MOST[scope]} characters, this one has {len(content)}.",
        )


def _template_characters(content: str, _kind: Kind, _scope: Scope, _account: AccountKind) -> None:
    if any(unicodedata.category(char) in {"Cc", "Cs"} and char != "\n" for char in content):
        raise _invalid("模板正文不能有控制字符。", "A template has no control characters.")


def _template_brackets(content: str, _kind: Kind, _scope: Scope, _account: AccountKind) -> None:
    if "【" in content or "】" in content:
        raise _invalid(
            "模板正文不能有【】：签名由平台自动加在前面。",
            "A template has no 【】: the platform puts the signature in front by itself.",
        )


def _template_placeholders(content: str, _kind: Kind, _scope: Scope, _account: AccountKind) -> None:
    found = placeholders(content)
    if isinstance(found, TemplateFault):
        raise _invalid(*TEMPLATE_FAULTS[found])
    if not re.sub(r"\{[0-9]+\}|[\s\W]", "", content):
        raise _invalid("模板不能只有变量：请写出固定的文字。", "A template cannot be placeholders only: write the text around them.")


def _verification_says_so(content: str, kind: Kind, _scope: Scope, _account: AccountKind) -> None:
    if kind is Kind.VERIFICATION and "验证码" not in content and "code" not in content.casefold():
        raise _invalid(
            "验证码模板的正文必须有“验证码”三个字（国际短信也可用 code）。",
            "A verification template must say 验证码 or “code”.",
        )


def _marketing_is_for_enterprises(_content: str, kind: Kind, _scope: Scope, account: AccountKind) -> None:
    if kind is Kind.MARKETING and account is AccountKind.INDIVIDUAL:
        raise ControlError(
            Fault.NOT_ALLOWED,
            "个人账号不能发营销短信：请改用企业账号。",
            "Individual accounts cannot send marketing messages: use an enterprise account.",
        )


def _marketing_can_be_refused(content: str, kind: Kind, _scope: Scope, _account: AccountKind) -> None:
    if kind is Kind.MARKETING and _OPT_OUT.search(content) is None:
        raise _invalid(
            "营销模板必须写明退订方式，例如“拒收请回复R”或“回T退订”。",
            "A marketing template must say how to opt out, for example “拒收请回复R”, “回T退订” or “reply STOP”.",
        )


TemplateRule = Callable[[str, Kind, Scope, AccountKind], None]

TEMPLATE_RULES: tuple[TemplateRule, ...] = (
    _template_length,
    _template_characters,
    _template_brackets,
    _template_placeholders,
    _verification_says_so,
    _marketing_is_for_enterprises,
    _marketing_can_be_refused,
)
"""In the order in which they are checked."""


def limits(changes: dict[str, int]) -> dict[str, int]:
    """Frequency limits by name; 0 switches one off."""
    for which, value in changes.items():
        if which not in Limits.__struct_fields__:
            raise _invalid(
                f"没有频率限制 {which}，可用的是 {'、'.join(Limits.__struct_fields__)}。",
                f"There is no limit {which}; there are {', '.join(Limits.__struct_fields__)}.",
            )
        if not 0 <= value <= LIMIT_MOST:
            raise _invalid(
                f"频率限制 {which} 需为 0 到 {LIMIT_MOST} 的整数，0 表示不限。",
                f"The limit {which} is a number from 0 to {LIMIT_MOST}; 0 means no limit.",
            )
    return changes


def callback_url(url: str) -> str:
    """An absolute http or https address without user name or fragment; empty switches the callback off."""
    plain = url.strip()
    if plain and not _usable_url(plain):
        raise _invalid(
            "回调地址需为完整的 http:// 或 https:// 地址，不带用户名和 #；留空表示不回调。",
            "A callback address is a full http:// or https:// URL without user name and #; leave it empty for no callback.",
        )
    return plain


def _usable_url(url: str) -> bool:
    if len(url) > URL_MOST or _PRINTABLE_ASCII.fullmatch(url) is None:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and port != 0
        and parts.username is None
        and parts.password is None
        and "#" not in url
        and "\\" not in url
    )


def phones(written: list[str]) -> list[int]:
    """E.164 digits of each number, every one once, in the order given; the first that cannot be read is refused by its place."""
    found: dict[int, None] = {}
    for place, raw in enumerate(written, start=1):
        phone = parse(raw)
        if phone is None:
            raise _invalid(
                f"第 {place} 个号码无法识别：请写 11 位手机号，或 +国家码号码。",
                f"Number {place} cannot be read: write 11 digits (mainland China), or +<country code><number>.",
            )
        found[phone.number] = None
    return list(found)


def sender(number: str) -> str:
    """1 to 20 digits, or an alphanumeric name of at most 11 characters (SMPP 3.4 section 5.2.8, GSM 03.40 section 9.1.2.5)."""
    plain = number.strip()
    if _SENDER.fullmatch(plain) is None:
        raise _invalid(
            "发送号码需为 1 到 20 位数字，或最多 11 个字母、数字的名称。",
            "A sender is 1 to 20 digits, or a name of at most 11 letters and digits.",
        )
    return plain


def segments(count: int) -> int:
    """The size of a package."""
    if not 1 <= count <= SEGMENTS_MOST:
        raise _invalid(f"套餐包条数需为 1 到 {SEGMENTS_MOST}。", f"A package has 1 to {SEGMENTS_MOST} segments.")
    return count
