"""Huawei's placeholders and ours: `${1}`, `${NUM_6}`, `${TEXT}` become {1}, {2} ... with types, and back.

Sources: huawei.md, section 7.1 (both generations of placeholders), 7.2 (what a value of each type may be), 7.3 (content).
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

from hongyan.model.message import Kind
from hongyan.model.papers import Submitted, Variable
from hongyan.model.template import take_apart
from hongyan.model.values import SHORT, SHORT_MOST, ValueType

MOST = 20
"""Placeholders of a content, and characters of an ordinary value."""
LONGEST_CONTENT = 500
OPT_OUT = "拒收请回复R"

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
_NUMBER = re.compile(r"[1-9][0-9]?")
_SIZED = re.compile(r"(NUM|TXT)_([1-9][0-9]?)")
_BRACE = re.compile(r"[{}｛｝﹛﹜]")

UNSAID = Variable(ValueType.FREE, longest=MOST)
"""Nothing is said of it: section 7.2, the general rule."""
TYPES: Mapping[str, Variable] = {
    "PHONE": Variable(ValueType.PHONE, longest=15),
    "CHARDIGIT": Variable(ValueType.CHARDIGIT, longest=MOST),
    "DATETIME": Variable(ValueType.DATETIME, longest=MOST),
    "MONEY": Variable(ValueType.MONEY, longest=MOST),
    "TEXT": Variable(ValueType.TEXT, longest=MOST),
    # What these two may be is not documented: like text, and like text of any length.
    "NEWTEXT": UNSAID,
    "LONGTEXT": Variable(ValueType.FREE),
}
"""By `variable_type`."""
NAMES: Mapping[str, Variable] = {
    **TYPES,
    "DATE": Variable(ValueType.DATE),
    "TIME": Variable(ValueType.TIME),
}
"""Placeholders whose name is their type."""
BACK: Mapping[ValueType, str] = {
    ValueType.ANY: "TEXT",
    ValueType.CODE: "CHARDIGIT",
    ValueType.DIGITS: "CHARDIGIT",
    ValueType.WORD: "CHARDIGIT",
    ValueType.CHARDIGIT: "CHARDIGIT",
    ValueType.DATETIME: "DATETIME",
    ValueType.DATE: "DATETIME",
    ValueType.TIME: "DATETIME",
    ValueType.MONEY: "MONEY",
    ValueType.PHONE: "PHONE",
    ValueType.TEXT: "TEXT",
    ValueType.FREE: "TEXT",
}
"""The nearest `variable_type` of a type that was not said in Huawei's words."""
LENGTHS: Mapping[ValueType, int] = {ValueType.CODE: 6, ValueType.PHONE: 15, ValueType.DATE: 10, ValueType.TIME: 8}
"""Characters of a value where they are not `MOST`."""


class Attribute(msgspec.Struct, frozen=True):
    """What is said of a placeholder beside the content."""

    index: int
    """From 1, in the order in which placeholders appear."""
    type: str
    about: str = ""


class Fault(msgspec.Struct, frozen=True):
    """Why a content cannot be taken."""

    zh: str
    en: str
    undescribed: bool = False
    """A text variable without its description."""


class Taken(msgspec.Struct, frozen=True):
    """A content as it is kept."""

    content: str
    variables: tuple[Variable, ...]


def taken(content: str, kind: Kind, attributes: Sequence[Attribute]) -> Taken | Fault:
    """The content with {1}, {2} ... and what each may be."""
    names = _PLACEHOLDER.findall(content)
    fault = _misshapen(content, names) or _misused(content, names, kind)
    if fault is not None:
        return fault
    numbered = all(name.isdigit() for name in names)
    numbers = [int(name) for name in names] if numbered else list(range(1, len(names) + 1))
    count = max(numbers, default=0)
    if set(numbers) != set(range(1, count + 1)):
        return Fault("变量编号要从 ${1} 开始，中间不能缺号。", "Number the variables from ${1} without gaps.")
    said = _said(attributes, count)
    if isinstance(said, Fault):
        return said
    named = dict(zip(numbers, names, strict=True))
    variables = tuple(_variable(named[number], said.get(number), kind) for number in range(1, count + 1))
    order = iter(numbers)
    return Taken(_PLACEHOLDER.sub(lambda _found: f"{{{next(order)}}}", content), variables)


def _misshapen(content: str, names: Sequence[str]) -> Fault | None:
    """How placeholders are written."""
    if _BRACE.search(_PLACEHOLDER.sub("", content)) is not None:
        return Fault("花括号只能用在变量里，写作 ${1} 或 ${NUM_6}。", "Braces belong to variables alone, written ${1} or ${NUM_6}.")
    if len({name.isdigit() for name in names}) > 1:
        return Fault("编号变量和命名变量不能混用。", "Numbered and named variables cannot be mixed.")
    for name in names:
        sized = _SIZED.fullmatch(name)
        if sized is not None and int(sized[2]) > MOST:
            return Fault(f"变量 ${{{name}}} 太长：最多 {MOST}。", f"The variable ${{{name}}} is too long: at most {MOST}.")
        if _NAME.fullmatch(name) is None and _NUMBER.fullmatch(name) is None:
            shown = name[:40]
            return Fault(f"变量 ${{{shown}}} 写法不对。", f"${{{shown}}} is no variable.")
    return None


def _misused(content: str, names: Sequence[str], kind: Kind) -> Fault | None:
    """Where they stand, and what the content has to say."""
    if len(names) > MOST:
        return Fault(f"变量最多 {MOST} 个。", f"At most {MOST} variables are possible.")
    if len(content) > LONGEST_CONTENT:
        return Fault(f"模板内容最多 {LONGEST_CONTENT} 个字符。", f"A content has at most {LONGEST_CONTENT} characters.")
    if any(not between.strip() for between in _PLACEHOLDER.split(content)[2:-1:2]):
        return Fault("两个变量不能相连。", "Two variables cannot touch.")
    if kind is Kind.VERIFICATION and len(names) != 1:
        return Fault("验证码模板有且仅有一个变量。", "A verification template has exactly one variable.")
    return None


def _said(attributes: Sequence[Attribute], count: int) -> Mapping[int, Attribute] | Fault:
    said: dict[int, Attribute] = {}
    for attribute in attributes:
        if attribute.type not in TYPES:
            known = ", ".join(TYPES)
            return Fault(
                f"没有变量类型 {attribute.type[:20]}：可用 {known}。", f"There is no variable type {attribute.type[:20]}: use {known}."
            )
        if not 1 <= attribute.index <= count or attribute.index in said:
            at = attribute.index
            return Fault(f"变量索引 {at} 不对：应为 1 到 {count}，各一次。", f"The variable index {at} is wrong: 1 to {count}, each once.")
        if attribute.type == "TEXT" and not attribute.about.strip():
            at = attribute.index
            return Fault(f"变量 {at} 是 TEXT，需要变量说明。", f"Variable {at} is a TEXT and needs its variable_desc.", undescribed=True)
        said[attribute.index] = attribute
    return said


def _variable(name: str, said: Attribute | None, kind: Kind) -> Variable:
    sized = _SIZED.fullmatch(name)
    if said is not None:
        found = msgspec.structs.replace(TYPES[said.type], about=said.about)
    elif sized is not None:
        found = Variable(ValueType.DIGITS if sized[1] == "NUM" else ValueType.FREE, longest=int(sized[2]))
    else:
        found = NAMES.get(name, UNSAID)
    if kind is not Kind.VERIFICATION:
        return found
    typed = found.type if found.type in SHORT else ValueType.FREE
    return msgspec.structs.replace(found, type=typed, longest=min(found.longest or SHORT_MOST, SHORT_MOST))


def content_of(content: str, submitted: Submitted | None) -> str:
    """As it was handed in here; of one that came another way, with `${1}` for {1}."""
    if submitted is not None and submitted.content:
        return submitted.content
    shape = take_apart(content)
    parts = [shape.literals[0].text]
    for which, literal in zip(shape.order, shape.literals[1:], strict=True):
        parts.append(f"${{{which + 1}}}{literal.text}")
    return "".join(parts)


def type_of(index: int, variable: Variable, submitted: Submitted | None) -> str:
    """The `variable_type` of a placeholder, from 1: the one that was said, else the nearest."""
    said = None if submitted is None else submitted.types.get(str(index))
    return said or BACK[variable.type]


def length_of(variable: Variable) -> int:
    """Characters that a value of it may have at most."""
    return variable.longest or LENGTHS.get(variable.type, MOST)
