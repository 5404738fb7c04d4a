"""What may take the place of a placeholder: types of values, and what no value may be."""

import enum
import re
import unicodedata
from collections.abc import Mapping

import msgspec

from hongyan.model.links import has_link_or_ending, unsuspicious
from hongyan.model.lookalike import hidden
from hongyan.model.message import Kind
from hongyan.model.reject import Refusal, Reject


class ValueType(enum.StrEnum):
    """What a placeholder stands for."""

    ANY = "any"
    """Not said: whatever no rule forbids; in a verification template a code."""
    CODE = "code"
    DIGITS = "digits"
    WORD = "word"
    DATETIME = "datetime"
    MONEY = "money"
    PHONE = "phone"
    TEXT = "text"
    CHARDIGIT = "chardigit"
    DATE = "date"
    TIME = "time"
    FREE = "free"
    """Nearly anything; what it may not have would pass for a placeholder."""


class Form(msgspec.Struct, frozen=True):
    """How the values of a type are written."""

    pattern: re.Pattern[str]
    zh: str
    en: str


# Of mainland China: a mobile number, one with an area code, one that begins with 400 or 800.
_CONTACT = r"(?<![0-9])(?:1[3-9][0-9]{9}|0[0-9]{2,3}-?[0-9]{7,8}|[48]00-?[0-9]{3}-?[0-9]{4})(?![0-9])"

FORMS: Mapping[ValueType, Form] = {
    # Tencent's error 1038.
    ValueType.CODE: Form(re.compile("[0-9]{0,6}"), "0 到 6 位数字", "0 to 6 digits"),
    ValueType.DIGITS: Form(re.compile("[0-9]{1,20}"), "1 到 20 位数字", "1 to 20 digits"),
    # The others: huawei.md, sections 7.1 and 7.2.
    ValueType.WORD: Form(re.compile("[A-Za-z0-9_-]{1,20}"), "1 到 20 个字母、数字、_ 或 -", "1 to 20 letters, digits, _ or -"),
    ValueType.DATETIME: Form(
        re.compile("[0-9年月日号时点分秒周星期一二三四五六日天上下午早晚:/. -]{1,20}"),
        "1 到 20 个字符的日期或时间",
        "a date or time of 1 to 20 characters",
    ),
    ValueType.MONEY: Form(
        re.compile("[0-9.,，¥￥$元角分整零〇一二三四五六七八九十百千万亿壹贰叁肆伍陆柒捌玖拾佰仟]{1,20}"),
        "1 到 20 个字符的金额",
        "an amount of 1 to 20 characters",
    ),
    ValueType.PHONE: Form(re.compile("[0-9+-]{4,15}"), "4 到 15 位的号码", "a number of 4 to 15 digits, + or -"),
    ValueType.TEXT: Form(
        re.compile(f"(?!.*{_CONTACT})[^.。'<>{{}}]{{1,20}}", re.DOTALL),
        "1 到 20 个字，不含 . 。 ' < > { } 和电话号码",
        "1 to 20 characters, no . 。 ' < > { } and no telephone number",
    ),
    ValueType.CHARDIGIT: Form(re.compile("[A-Za-z0-9_]{1,20}"), "1 到 20 个字母、数字或 _", "1 to 20 letters, digits or _"),
    ValueType.DATE: Form(
        re.compile("[0-9]{4}/(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12][0-9]|3[01])"), "年/月/日，如 2026/11/22", "a date such as 2026/11/22"
    ),
    ValueType.TIME: Form(
        re.compile("(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?"), "时:分 或 时:分:秒", "a time such as 09:30 or 09:30:00"
    ),
    ValueType.FREE: Form(re.compile("[^'{}]+", re.DOTALL), "至少 1 个字，不含 ' { }", "at least 1 character, no ' { }"),
}
"""By type; ANY has no form."""
_CODE = FORMS[ValueType.CODE].pattern.fullmatch

CODES = frozenset({ValueType.ANY, ValueType.CODE})
"""In a verification template these are codes by Tencent's rule."""
SHORT = frozenset({ValueType.DIGITS, ValueType.CHARDIGIT, ValueType.FREE})
"""A verification template may have values of these too, when it says that they have no more than `SHORT_MOST` characters."""
SHORT_MOST = 8
"""Huawei's rule for codes (huawei.md, section 7.3)."""

LONGEST = 700
"""No value can be longer: a whole message has 10 segments of 67."""

BRACKETS = "【】〖〗〚〛⟦⟧⦗⦘❲❳⁅⁆"
"""Those of a signature, and those that pass for them; forms for vertical lines are the same to NFKC."""
_BRACKET = re.compile(f"[{BRACKETS}]")

ODD_SYMBOLS = re.compile(
    "[\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u2500-\u27bf\u2900-\u297f\u2b00-\u2bff\u3012\u3013\u3020\u3200-\u33ff\u2020-\u2023\u203b￥"
    "\U0001f000-\U0001faff]"
)
"""Arrows, boxes, stars, enclosed and squared letters, pictures, the full-width yen sign (tencent-v3, section 11: 'no odd symbols')."""


class ValueRules(msgspec.Struct, frozen=True):
    """What the values of one template may be."""

    types: tuple[ValueType, ...] = ()
    """By placeholder; those beyond the last are ANY."""
    longest: int = 0
    """Characters a value may have at most; 0 means no limit. Codes have their own."""
    longests: tuple[int, ...] = ()
    """The same by placeholder, where the template says so."""
    odd_symbols: bool = True
    """Symbols are allowed."""


LENIENT = ValueRules()


def refused_params(kind: Kind, params: tuple[str, ...], rules: ValueRules = LENIENT) -> Refusal | None:
    """The first fault in the values, or None.

    The detail names the position and the rule; it never repeats a value, which may be a code.
    """
    for position, value in enumerate(params, start=1):
        typed = rules.types[position - 1] if position <= len(rules.types) else ValueType.ANY
        if kind is Kind.VERIFICATION and typed in CODES:
            if _CODE(value) is None:
                return Refusal(
                    Reject.PARAM_FORMAT, f"value {position} of a verification template must be 0 to 6 digits, it has {_shape(value)}"
                )
            continue  # digits can be none of what follows
        if (refusal := _text_fault(position, value, rules)) is not None:
            return refusal
        if typed is not ValueType.ANY and (form := FORMS[typed]).pattern.fullmatch(value) is None:
            return Refusal(Reject.PARAM_FORMAT, f"value {position} must be {form.en}, it has {_shape(value)}")
    return None


def _text_fault(position: int, value: str, rules: ValueRules) -> Refusal | None:
    """What no text may be that nobody has reviewed."""
    longest = rules.longest or LONGEST
    if position <= len(rules.longests) and (own := rules.longests[position - 1]):
        longest = min(longest, own)
    if len(value) > longest:
        return Refusal(Reject.PARAM_TOO_LONG, f"value {position} has {len(value)} characters, {longest} are allowed")
    if unsuspicious(value):
        return None
    if has_link_or_ending(value):
        return Refusal(Reject.PARAM_HAS_LINK, f"value {position} has a link; links belong in the reviewed template")
    fault = _character_fault(value, rules)
    return None if fault is None else Refusal(Reject.PARAM_FORMAT, f"value {position} has {fault}")


def _character_fault(value: str, rules: ValueRules) -> str | None:
    if has_brackets(value):
        return "【 or 】, which are kept for the signature"
    if (at := next(hidden(value), None)) is not None:
        return f"U+{ord(value[at]):04X} at character {at + 1}: it is invisible or breaks the line"
    if not rules.odd_symbols and (odd := ODD_SYMBOLS.search(value)) is not None:
        return f"the symbol U+{ord(odd[0]):04X}, which the rules in force do not allow"
    return None


def has_brackets(value: str) -> bool:
    """The brackets of a signature could pass for a second sender."""
    return not value.isascii() and _BRACKET.search(unicodedata.normalize("NFKC", value)) is not None


def _shape(value: str) -> str:
    return f"{len(value)} digits" if value.isascii() and value.isdigit() else "other characters"
