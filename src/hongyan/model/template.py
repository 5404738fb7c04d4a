"""Templates: placeholders {1}..{n}, filling them, the signature in front, and what a value may not be."""

import enum
import functools
import re
import unicodedata

import msgspec

from hongyan.model.message import Kind
from hongyan.model.reject import Refusal, Reject


class TemplateFault(enum.Enum):
    """Why a body cannot be a template."""

    NOT_A_NUMBER = "a placeholder is written {1}: digits in plain braces, without leading zero"
    NOT_CONSECUTIVE = "placeholders are numbered from 1 without gaps"
    TOO_MANY = "more than 99 placeholders"


_BRACED = re.compile(r"[{｛]\s*([^{}｛｝]*?)\s*[}｝]")
_PLACEHOLDER = re.compile(r"\{([1-9][0-9]?)\}")
_MOST = 99


def placeholders(content: str) -> int | TemplateFault:
    """How many values the body takes. A number may occur again; a brace that opens or closes nothing is plain text."""
    numbers: set[int] = set()
    for braced in _BRACED.finditer(content):
        if (found := _PLACEHOLDER.fullmatch(braced[0])) is None:
            return TemplateFault.TOO_MANY if re.fullmatch(r"\{[1-9][0-9]+\}", braced[0]) else TemplateFault.NOT_A_NUMBER
        numbers.add(int(found[1]))
    count = len(numbers)
    return count if numbers == set(range(1, count + 1)) else TemplateFault.NOT_CONSECUTIVE


class Body(msgspec.Struct, frozen=True):
    """A template's content made ready to be filled."""

    form: str
    """The body as a %-form with one %s for each placeholder."""
    order: tuple[int, ...]
    """Which value goes into each, from 0."""
    natural: bool
    """The order is 0, 1, 2, ...: values can be used as they come."""


@functools.lru_cache(maxsize=10_000)
def prepare(content: str) -> Body:
    """The body ready for `fill`; remembered, since a service has few templates and fills each many times."""
    order = tuple(int(number) - 1 for number in _PLACEHOLDER.findall(content))
    form = _PLACEHOLDER.sub("%s", content.replace("%", "%%"))
    return Body(form=form, order=order, natural=order == tuple(range(len(order))))


def fill(content: str, params: tuple[str, ...]) -> str:
    """The body with its values in place; a value is never read for placeholders. `len(params)` must be what `placeholders` says."""
    ready = prepare(content)
    if ready.natural:
        return ready.form % params
    return ready.form % tuple(params[at] for at in ready.order)


def compose_text(sign_name: str, body: str) -> str:
    """The text a handset shows: 【signature】 in front, or the body alone when there is no signature (only allowed abroad)."""
    return f"【{sign_name}】{body}" if sign_name else body


# What a value may not be. Each rule says whether one value breaks it.

_CODE = re.compile(r"[0-9]{0,6}")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
_SURE_TLDS = (
    "com|cn|net|org|gov|edu|cc|top|xyz|vip|club|site|shop|info|biz|io|co|tv|app|link|online|store|tech|ltd|wang|mobi|asia|"
    "hk|tw|jp|kr|uk|ru|icu|ink|live|cloud|ai|fun|win|xin|ren|work|website|space|press|pro|group"
)
_LINK = re.compile(
    r"https?\s*:|[a-z][a-z0-9+-]*://|(?<![a-z0-9])www\s*[.。]"
    # A bare domain; what follows an @ is an e-mail address and no link.
    rf"|(?<![a-z0-9@._-])(?:[a-z0-9-]+[.。])+(?:{_SURE_TLDS})(?![a-z0-9_-])"
    # Any other ending is a link when a path follows: t.ly/abc, 10.0.0.1/x, 10.0.0.1:80.
    r"|(?<![a-z0-9@._-])(?:[a-z0-9-]+[.。])+[a-z]{2,24}/[a-z0-9]"
    r"|(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}[/:][a-z0-9]"
    # Written in Chinese, as handsets link it too.
    r"|[a-z0-9\u4e00-\u9fff-]+\.(?:中国|公司|网络|网址)(?![\u4e00-\u9fff])"
)


def not_a_code(value: str) -> bool:
    """A verification template takes 0 to 6 digits and nothing else (Tencent's error 1038)."""
    return _CODE.fullmatch(value) is None


def has_brackets(value: str) -> bool:
    """The brackets of a signature could pass for a second sender."""
    return "【" in value or "】" in value


def has_link(value: str) -> bool:
    """A link in a value was never reviewed (Tencent's error 1048). Full-width letters and invisible characters do not hide it."""
    if value.isascii() and value.isalnum():
        return False
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", value)).casefold()
    if "." not in plain and "。" not in plain and "http" not in plain and "://" not in plain:
        return False
    return _LINK.search(plain) is not None


def refused_params(kind: Kind, params: tuple[str, ...], longest: int = 0) -> Refusal | None:
    """The first fault in the values, or None. `longest` is the most characters a value may have; 0 means no limit; codes have their own.

    The detail names the position and the rule; it never repeats a value, which may be a code.
    """
    for position, value in enumerate(params, start=1):
        if kind is Kind.VERIFICATION:
            if not_a_code(value):
                return Refusal(
                    Reject.PARAM_FORMAT, f"value {position} of a verification template must be 0 to 6 digits, it has {_shape(value)}"
                )
            continue  # digits can be none of what follows
        if longest and len(value) > longest:
            return Refusal(Reject.PARAM_TOO_LONG, f"value {position} has {len(value)} characters, {longest} are allowed")
        if has_link(value):
            return Refusal(Reject.PARAM_HAS_LINK, f"value {position} has a link; links belong in the reviewed template")
        if has_brackets(value):
            return Refusal(Reject.PARAM_FORMAT, f"value {position} has 【 or 】, which are kept for the signature")
    return None


def _shape(value: str) -> str:
    return f"{len(value)} digits" if value.isascii() and value.isdigit() else "other characters"
