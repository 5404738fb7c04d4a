"""Links in a text, in whatever disguise: what a handset makes a link of, and what only people would read as one.

Every pattern here takes time in proportion to the text; none is made from what a customer wrote.
"""

import enum
import re
from collections.abc import Iterator

import msgspec

from hongyan.model.lookalike import PLAIN

_TLDS = (
    "com|cn|net|org|gov|edu|mil|cc|top|xyz|vip|club|site|shop|info|biz|io|co|tv|app|link|online|store|tech|ltd|wang|mobi|asia|"
    "hk|tw|mo|jp|kr|uk|ru|icu|ink|live|cloud|ai|fun|win|xin|ren|work|website|space|press|pro|group|"
    "de|fr|eu|nl|pl|cz|br|mx|ca|au|nz|sg|th|vn|ph|pw|tk|ga|cf|gq|ws|gg|gl|gd|ly|vc|lt|lv|ee|ro|hu|bg|gr|tr|ae|za|ng|ke|se|dk|fi|ch|ie|"
    "art|bar|beer|best|bet|bid|blog|buzz|cam|casino|center|chat|city|click|cool|date|design|dev|email|fit|game|games|gold|host|"
    "kim|law|loan|lol|love|luxe|market|me|monster|network|news|ninja|one|party|plus|poker|quest|rocks|run|sale|sbs|show|social|"
    "stream|studio|team|today|tools|trade|video|wiki|world|yoga|zone|bond|cfd|cyou|rest|skin|hair|beauty|makeup|lat|mom|support|ltda"
)
"""Endings that make a name a domain even without a path behind it."""
_COMMON = "com|cn|net|org|cc|top|xyz|vip|hk|tw|io|co|info|biz|icu|ltd"
"""Those that do so after a name that is not Latin, where a stop may end a sentence."""
_CHINESE = (
    "中国|中國|公司|网络|網絡|网址|网站|商城|网店|在线|中文网|我爱你|手机|移动|集团|香港|台湾|台灣|新加坡|政务|公益|世界|健康|娱乐|游戏|商店|"
    "购物|企业|信息|广东|佛山|餐厅|招聘|时尚|慈善|机构|八卦|рф|みんな|コム|닷컴|한국"
)
_SPACED = r"(?:c\s*o\s*m|c\s*n|n\s*e\s*t)(?![a-z0-9_-])"
_DOT = r"[(\[{<]\s*(?:dot|[.。点點])\s*[)\]}>]"
_LABEL = "a-z0-9_-"
_START = rf"(?<![{_LABEL}])(?<![{_LABEL}][.。])"
"""Where a name's first label begins: looking from every label on would take quadratic time."""

_LINK = re.compile(
    r"[a-z0-9]://|(?:https?|hxxps?)\s*[:;]|(?<![a-z0-9])www\s*[.。][a-z0-9]"
    rf"|(?<![{_LABEL}])xn--[{_LABEL}]*[.。][a-z0-9]|[{_LABEL}][.。]xn--[a-z0-9]"
    # A bare domain.
    rf"|{_START}(?:[{_LABEL}]+[.。])+(?:{_TLDS})(?![{_LABEL}])"
    # Any other ending is a link when a path or port follows: t.ly/abc, t.ly:8080, 10.0.0.1/x.
    rf"|{_START}(?:[{_LABEL}]+[.。])+[a-z]{{2,24}}(?:[/?#][a-z0-9]|:[0-9]{{3,5}}(?![0-9]))"
    r"|(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}[/:][a-z0-9]"
    # A name in another script.
    rf"|[^\W\x00-\x7f]\.(?:{_COMMON})(?![{_LABEL}])"
    rf"|[a-z0-9\u0400-\u9fff\uac00-\ud7a3-]\.(?:{_CHINESE})(?![\u4e00-\u9fff])|[a-z0-9-]。(?:{_CHINESE})(?![\u4e00-\u9fff])"
    # The dot as a word, in brackets, or between blanks.
    rf"|[a-z0-9-]\s*[点點]\s*(?:{_COMMON})(?![{_LABEL}])|[\u4e00-\u9fff][点點](?:com|cn|net|org|cc)(?![{_LABEL}])"
    rf"|[a-z0-9-]\s*{_DOT}\s*(?:{_COMMON})(?![{_LABEL}])|[a-z0-9-] dot (?:{_COMMON})(?![{_LABEL}])"
    rf"|[a-z0-9](?:\s+[.。]\s*|[.。]\s+){_SPACED}|[a-z0-9][.。](?:c\s+o\s*m|c\s*o\s+m|c\s+n|n\s+e\s*t|n\s*e\s+t)(?![{_LABEL}])"
)
_EMAIL = re.compile(r"(?<![a-z0-9._%+-])[a-z0-9._%+-]{1,64}@(?:[a-z0-9-]{1,63}\.)+[a-z]{2,24}(?![a-z0-9_-]|[/:?#][a-z0-9]|\.[a-z0-9])")
_ENDING = re.compile(
    rf"\s*(?:[.。]\s*(?:{_TLDS}|{_SPACED})|(?:[点點]|{_DOT})\s*(?:{_COMMON})|dot (?:{_COMMON}))(?![{_LABEL}])"
    rf"|\s*[.。](?:{_CHINESE})(?![\u4e00-\u9fff])"
)
_UNSUSPICIOUS = re.compile(
    "[-0-9A-Za-z_\u4e00-\u4e35\u4e37-\u4e3e\u4e40-\u70b8\u70ba-\u9ede\u9ee0-\u9fff，！？、（）《》“”%+*#]*|[0-9 :+-]*"
)
"""Texts of these alone have no link: no dot in any form (丶, 点 and 點 among them), no stroke (丿), colons and blanks with digits only."""
_OF_A_SCHEME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789+-")
_OF_A_LINK = frozenset("abcdefghijklmnopqrstuvwxyz0123456789./:@_?#&=%~+-")
_HINT = re.compile("[.。点點]|://|http|hxxp|www|dot")

_OPEN_LEFT = re.compile(
    r"(?:[^\W\u3400-\u9fff]|[.。点點(\[{<]\s*|[a-z0-9][:/?#]|(?:dot|[.。点點])\s*[)\]}>]\s*|[.。]\s*[cn](?:\s*[oe])?\s+|\bdot\s+|(?:www|https?|hxxps?)\s+)$"
)
_OPEN_RIGHT = re.compile(
    r"[^\W\u3400-\u9fff]|\s*[/:;#?-]|\s*[.。点點](?:[a-z0-9]|\s*[cn])|\s*[(\[{<]|\s*[)\]}>]\s*[a-z]"
    rf"|\s+(?:(?:c\s*)?(?:o\s*)?m|(?:c\s*)?n|(?:n\s*)?(?:e\s*)?t|dot|{_COMMON})(?![{_LABEL}])|[.。]?(?:{_CHINESE})"
)
_OPEN_BETWEEN = re.compile(r"\s*(?:[.。点點]|[coen]|c\s*o|n\s*e)?\s*$")
_OPEN_LEFT_DIGITS = re.compile(r"[.。]\s*$|[.。][a-z]{2,24}:$")
_OPEN_RIGHT_DIGITS = re.compile(r"[.。](?:[0-9]|$)")


class Openness(enum.IntEnum):
    """Which harmless values could be part of a link that begins or ends in the text beside them."""

    NONE = 0
    WORDS = 1
    """Those that are more than digits."""
    ALL = 2


def openness(left: str, right: str, *, first: bool, last: bool) -> Openness:
    """How open a value is between two fixed texts; `first` and `last`: no other value stands before or behind them."""
    left, right = left.translate(PLAIN), right.translate(PLAIN)
    if (not left and not first) or (not right and not last):
        return Openness.ALL
    if _OPEN_LEFT_DIGITS.search(left) or (_OPEN_RIGHT_DIGITS.match(right) and not (last and right[1:] == "")):
        return Openness.ALL
    between = (not last and _OPEN_BETWEEN.match(right)) or (not first and _OPEN_BETWEEN.match(left))
    return Openness.WORDS if between or _OPEN_LEFT.search(left) or _OPEN_RIGHT.match(right) else Openness.NONE


class Link(msgspec.Struct, frozen=True):
    """A stretch of a text that is, or ends in, a link."""

    at: int
    """Where it begins, from 0."""
    end: int
    """Behind its last character."""


def unsuspicious(text: str) -> bool:
    """Certainly without links, brackets, controls or anything in disguise: most values. False says nothing."""
    return _UNSUSPICIOUS.fullmatch(text) is not None


def has_link(text: str) -> bool:
    """Whether a link is in the text, however it is disguised. An e-mail address is none."""
    return not unsuspicious(text) and _search(text.translate(PLAIN))


def has_link_or_ending(text: str) -> bool:
    """Whether a link is in the text, or the end of one in front: `.com` makes one of any word before it."""
    if unsuspicious(text):
        return False
    seen = text.translate(PLAIN)
    return _HINT.search(seen) is not None and (_LINK.search(_without_emails(seen)) is not None or _ENDING.match(seen) is not None)


def starts_as_link(text: str) -> bool:
    """Whether the text would make a link of any word in front of it: `.com`."""
    return not unsuspicious(text) and _ENDING.match(text.translate(PLAIN)) is not None


def links(text: str) -> Iterator[Link]:
    """Each link, in order, by its place in the text as it was given."""
    if unsuspicious(text) or not _search(text.translate(PLAIN)):
        return
    seen, places = PLAIN.places(text)
    seen = _without_emails(seen)
    done = 0
    for found in _LINK.finditer(seen):
        at, end = found.span()
        if at < done:
            continue
        while at > done and seen[at - 1] in _OF_A_SCHEME:
            at -= 1
        while end < len(seen) and seen[end] in _OF_A_LINK:
            end += 1
        done = end
        yield Link(places[at], places[end - 1] + 1)


def _search(seen: str) -> bool:
    return _HINT.search(seen) is not None and _LINK.search(_without_emails(seen)) is not None


def _without_emails(seen: str) -> str:
    return _EMAIL.sub(lambda found: "\x00" * len(found[0]), seen) if "@" in seen else seen
