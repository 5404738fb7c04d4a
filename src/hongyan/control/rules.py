"""What may be called a name, a signature, a template, a callback address: pure rules, each with its refusal.

Sources: the product rules of Tencent Cloud SMS (documents 382/39022 signatures, 382/39023 templates, and the FAQ of 2018).
"""

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from hongyan.control import lint
from hongyan.control.errors import ControlError, Fault
from hongyan.model.limits import LONGEST_S, PRESETS, Limits, Preset, Window
from hongyan.model.message import Kind
from hongyan.model.phone import parse
from hongyan.model.rules.sets import SEEDS, RuleSet
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.model.words import Words

NAME_MOST = 100
ALLOWLIST_MOST = 300
LIVE_KEYS_MOST = 2
SEGMENTS_MOST = 1_000_000_000_000
LIMIT_MOST = 1_000_000
WINDOWS_MOST = 16
URL_MOST = 1_000
NETWORKS_MOST = 50
REASON_MOST = 200
REMARK_MOST = 1_000
ALIAS_MOST = 32

_SENDER = re.compile(r"[0-9]{1,20}|[A-Za-z0-9 ]{1,11}")
_FROM_NUMBER = re.compile(r"[0-9A-Za-z]{6,21}")
_ACCESS_KEY = re.compile(r"[0-9A-Za-z_-]{8,64}")
_ACCESS_SECRET = re.compile(r"[\x21-\x7e]{16,128}")
_ALIAS = re.compile(r"[0-9A-Za-z_-]{1,32}")
_PRINTABLE_ASCII = re.compile(r"[\x21-\x7e]+")


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


def remark(text: str) -> str:
    """For reviewers: at most 1,000 characters, lines and all."""
    plain = text.strip().replace("\r\n", "\n")
    if len(plain) > REMARK_MOST or not all(char.isprintable() or char == "\n" for char in plain):
        raise _invalid(
            f"备注最多 {REMARK_MOST} 个字符，不能有控制字符。", f"A remark has at most {REMARK_MOST} characters, no control characters."
        )
    return plain


def signature(
    text: str, scope: Scope, rules: RuleSet = SEEDS, account: AccountKind = AccountKind.ENTERPRISE, words: Words | None = None
) -> str:
    """The signature without blanks and without the brackets that the platform adds itself. Raises LintError with all that is wrong."""
    plain = text.strip().removeprefix("【").removesuffix("】")
    submit(lint.signature(lint.SignatureDraft(plain, scope), rules, account, words))
    return plain


def template(content: str, kind: Kind, scope: Scope, account: AccountKind, rules: RuleSet = SEEDS) -> str:
    """The body of a template that may be reviewed, without blanks around it. Raises LintError with all that is wrong."""
    plain = content.strip()
    submit(lint.template(lint.TemplateDraft(plain, kind, scope), rules, account))
    return plain


class LintError(ControlError):
    """A draft that a reviewer would refuse; `findings` says why, each with its place."""

    def __init__(self, findings: list[lint.Finding]) -> None:
        denied = any(finding.code is lint.Flaw.MARKETING_DENIED for finding in findings)
        super().__init__(
            Fault.NOT_ALLOWED if denied else Fault.INVALID,
            "\n".join(finding.zh for finding in findings),
            "\n".join(finding.en for finding in findings),
            why=findings[0].code.value,
        )
        self.findings = findings


def submit(findings: list[lint.Finding]) -> list[lint.Finding]:
    """What is left as advice when nothing speaks against submission; raises LintError otherwise."""
    if refusing := [finding for finding in findings if finding.refuses]:
        raise LintError(refusing)
    return findings


def networks(written: Sequence[str]) -> tuple[str, ...]:
    """Addresses and networks that a key may be used from, as they are written for good."""
    if len(written) > NETWORKS_MOST:
        raise ControlError(
            Fault.TOO_MANY, f"一个密钥最多限定 {NETWORKS_MOST} 个地址段。", f"A key is bound to at most {NETWORKS_MOST} networks."
        )
    found: list[str] = []
    for text in written:
        try:
            found.append(str(ipaddress.ip_network(text.strip(), strict=False)))
        except ValueError:
            raise ControlError(
                Fault.INVALID,
                f"“{text[:60]}”不是 IP 地址或地址段：请写成 192.0.2.7 或 10.0.0.0/8。",
                f"“{text[:60]}” is no IP address or network: write it as 192.0.2.7 or 10.0.0.0/8.",
            ) from None
    return tuple(dict.fromkeys(found))


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


def preset(named: str) -> Preset:
    """What a vendor has for all its applications."""
    found = PRESETS.get(named)
    if found is None:
        raise _invalid(
            f"没有名为“{named[:40]}”的频率限制预设，可用的是 {'、'.join(PRESETS)}。",
            f"There are no limits named “{named[:40]}”; there are {', '.join(PRESETS)}.",
        )
    return found


def windows(wanted: Sequence[Window]) -> tuple[Window, ...]:
    """Windows of frequency limits beside those with a name: each at most a day long, at most 16."""
    if len(wanted) > WINDOWS_MOST:
        raise ControlError(
            Fault.TOO_MANY, f"一个应用最多 {WINDOWS_MOST} 个频率窗口。", f"An application has at most {WINDOWS_MOST} windows of limits."
        )
    for window in wanted:
        if not (1 <= window.most <= LIMIT_MOST and 0 <= window.seconds <= LONGEST_S):
            raise _invalid(
                f"频率窗口的条数需为 1 到 {LIMIT_MOST}，时长需为 1 到 {LONGEST_S} 秒，0 秒表示自然日。",
                f"A window has 1 to {LIMIT_MOST} messages in 1 to {LONGEST_S} seconds; 0 seconds mean a calendar day.",
            )
    return tuple(dict.fromkeys(wanted))


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


def from_number(number: str) -> str:
    """6 to 21 digits and letters: as the vendor gave it (String(1-21) there)."""
    plain = number.strip()
    if _FROM_NUMBER.fullmatch(plain) is None:
        raise _invalid("通道号需为 6 到 21 位数字或字母。", "A from number is 6 to 21 digits or letters.")
    return plain


def access_pair(key: str, secret: str) -> tuple[str, str]:
    """A key and a secret that a program has already; a secret of fewer than 16 characters could be guessed."""
    if _ACCESS_KEY.fullmatch(key.strip()) is None:
        raise _invalid("key 需为 8 到 64 个字母、数字、下划线或连字符。", "A key is 8 to 64 letters, digits, underscores and hyphens.")
    if _ACCESS_SECRET.fullmatch(secret.strip()) is None:
        raise _invalid("secret 需为 16 到 128 个可见字符，不带空格。", "A secret is 16 to 128 printable characters without blanks.")
    return key.strip(), secret.strip()


def alias(text: str) -> str:
    """Another id of a template: up to 32 letters, digits, underscores and hyphens, not all digits; empty for none."""
    plain = text.strip()
    if plain and (_ALIAS.fullmatch(plain) is None or (plain.isdigit() and len(plain) < ALIAS_MOST)):
        raise _invalid(
            f"模板别名需为 1 到 {ALIAS_MOST} 个字母、数字、下划线或连字符，不满 {ALIAS_MOST} 位时不能全是数字。",
            f"An alias is 1 to {ALIAS_MOST} letters, digits, underscores and hyphens; one of fewer than {ALIAS_MOST} is not digits alone.",
        )
    return plain


def segments(count: int) -> int:
    """The size of a package."""
    if not 1 <= count <= SEGMENTS_MOST:
        raise _invalid(f"套餐包条数需为 1 到 {SEGMENTS_MOST}。", f"A package has 1 to {SEGMENTS_MOST} segments.")
    return count
