"""The linter: what a reviewer would refuse, told to the applicant before submission, with the place and the rule.

Pure: drafts and rules in, findings out, all of them and not only the first.
"""

import enum
import re
import unicodedata
from collections.abc import Callable, Iterator

import msgspec

from hongyan.model.links import links, starts_as_link
from hongyan.model.lookalike import hidden, named, plain
from hongyan.model.message import Kind
from hongyan.model.rules.names import ADDED, NEUTRAL
from hongyan.model.rules.sets import OptOut, RuleSet
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.model.template import Shape, TemplateFault, misplaced, placeholders, take_apart
from hongyan.model.values import BRACKETS, CODES, ODD_SYMBOLS, SHORT, SHORT_MOST, ValueType
from hongyan.model.words import Severity, Words


class Flaw(enum.StrEnum):
    """What can be wrong with a draft: stable codes, which doors translate."""

    SIGNATURE_LENGTH = "signature_length"
    SIGNATURE_CHARACTER = "signature_character"
    SIGNATURE_NEUTRAL = "signature_neutral"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    HIDDEN_CHARACTER = "hidden_character"
    BRACKET = "bracket"
    ODD_SYMBOL = "odd_symbol"
    PLACEHOLDER_FORM = "placeholder_form"
    PLACEHOLDER_GAP = "placeholder_gap"
    PLACEHOLDERS_TOO_MANY = "placeholders_too_many"
    PLACEHOLDERS_DENIED = "placeholders_denied"
    PLACEHOLDERS_ONLY = "placeholders_only"
    PLACEHOLDERS_TOUCH = "placeholders_touch"
    PLACEHOLDER_IN_LINK = "placeholder_in_link"
    VALUE_TYPES = "value_types"
    VERIFICATION_UNNAMED = "verification_unnamed"
    MARKETING_DENIED = "marketing_denied"
    OPT_OUT_MISSING = "opt_out_missing"
    LINK_DISGUISED = "link_disguised"
    LINK = "link"
    FORBIDDEN_WORD = "forbidden_word"
    SUSPICIOUS_WORD = "suspicious_word"


ADVICE = frozenset({Flaw.LINK, Flaw.SUSPICIOUS_WORD})
"""These a reviewer looks at; the draft can be submitted all the same."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong: what, by which rule, and what to do."""

    code: Flaw
    zh: str
    en: str
    at: int | None = None
    """Where in the draft, from 0; None when it is about the whole."""

    @property
    def refuses(self) -> bool:
        """The draft cannot be submitted like this."""
        return self.code not in ADVICE


class SignatureDraft(msgspec.Struct, frozen=True):
    name: str
    """Without brackets."""
    scope: Scope


class TemplateDraft(msgspec.Struct, frozen=True):
    content: str
    kind: Kind
    scope: Scope
    types: tuple[ValueType, ...] = ()
    """What each placeholder stands for; empty when nothing is said."""
    longests: tuple[int, ...] = ()
    """Characters that the values of each may have at most, 0 for what its type allows; as many as types, or none."""


def signature(draft: SignatureDraft, rules: RuleSet, account: AccountKind, words: Words | None = None) -> list[Finding]:
    """Everything wrong with a signature, in the order in which it stands in it. Individuals follow the same rules."""
    del account
    return [*_signature_characters(draft), *_signature_length(draft, rules), *_neutral(draft.name), *_words(draft.name, words)]


def template(draft: TemplateDraft, rules: RuleSet, account: AccountKind, words: Words | None = None) -> list[Finding]:
    """Everything wrong with a template."""
    shape = take_apart(draft.content)
    found = [finding for rule in TEMPLATE_RULES for finding in rule(draft, shape, rules, account)]
    return [*found, *_words(draft.content, words)]


def _signature_length(draft: SignatureDraft, rules: RuleSet) -> Iterator[Finding]:
    least, most = rules.signature_length[draft.scope]
    if not least <= len(draft.name) <= most:
        yield Finding(
            Flaw.SIGNATURE_LENGTH,
            f"签名需为 {least} 到 {most} 个字，现为 {len(draft.name)} 个。",
            f"A signature has {least} to {most} characters, this one has {len(draft.name)}.",
        )


_SIGNATURE_CHARACTER = re.compile(r"[A-Za-z0-9\u3400-\u4dbf\u4e00-\u9fff]")


def _signature_characters(draft: SignatureDraft) -> Iterator[Finding]:
    for at, char in enumerate(draft.name):
        if _SIGNATURE_CHARACTER.match(char) is None:
            yield Finding(
                Flaw.SIGNATURE_CHARACTER,
                f"第 {at + 1} 个字 {named(char)} 不能用在签名里：只能是汉字、半角字母和数字，不带【】、空格和符号。",
                f"Character {at + 1}, {named(char)}, cannot be in a signature: Chinese characters, plain letters and digits only, "
                "no brackets, blanks or symbols.",
                at,
            )


_TWO = 2
"""QQ is a name, aaa is none."""


def _neutral(name: str) -> Iterator[Finding]:
    core = re.sub(r"[\W_0-9]", "", plain(name))
    for added in ADDED:
        rest = core.removeprefix(added).removesuffix(added)
        if rest in NEUTRAL or not rest:
            core = rest
    if core in NEUTRAL or not core or (len(core) > _TWO and len(set(core)) == 1):
        yield Finding(
            Flaw.SIGNATURE_NEUTRAL,
            f"“{name}”是中性化签名，看不出是谁发的：请用公司、产品或商标的名称。",
            f"“{name}” does not say who sends: use the name of a company, product or trademark.",
        )


TemplateRule = Callable[[TemplateDraft, Shape, RuleSet, AccountKind], Iterator[Finding]]


def _length(draft: TemplateDraft, _shape: Shape, rules: RuleSet, _account: AccountKind) -> Iterator[Finding]:
    most = rules.content_most[draft.scope]
    if not draft.content.strip():
        yield Finding(Flaw.EMPTY, "模板正文是空的。", "The template has no text.")
    elif len(draft.content) > most:
        yield Finding(
            Flaw.TOO_LONG,
            f"模板正文最多 {most} 个字符，现为 {len(draft.content)} 个。",
            f"A template has at most {most} characters, this one has {len(draft.content)}.",
            most,
        )


def _characters(draft: TemplateDraft, _shape: Shape, rules: RuleSet, _account: AccountKind) -> Iterator[Finding]:
    for at in hidden(draft.content):
        if (char := draft.content[at]) != "\n":
            yield Finding(
                Flaw.HIDDEN_CHARACTER,
                f"第 {at + 1} 个字符 {named(char)} 看不见或会打乱显示：请删去。",
                f"Character {at + 1}, {named(char)}, is invisible or disturbs the line: take it out.",
                at,
            )
    for at, char in enumerate(draft.content):
        if any(part in BRACKETS for part in unicodedata.normalize("NFKC", char)):
            yield Finding(
                Flaw.BRACKET,
                f"第 {at + 1} 个字符是 {char}：模板正文不能有【】一类的括号，签名由平台自动加在前面。",
                f"Character {at + 1} is {char}: a template has no such brackets, the platform puts the signature in front by itself.",
                at,
            )
    if not rules.odd_symbols:
        for symbol in ODD_SYMBOLS.finditer(draft.content):
            yield Finding(
                Flaw.ODD_SYMBOL,
                f"第 {symbol.start() + 1} 个字符 {symbol[0]} 是特殊符号：现行规则只允许文字、数字和常用标点。",
                f"Character {symbol.start() + 1}, {symbol[0]}, is a special symbol: words, digits and ordinary punctuation only.",
                symbol.start(),
            )


PLACEHOLDER_FAULTS: dict[TemplateFault, tuple[Flaw, str, str]] = {
    TemplateFault.NOT_A_NUMBER: (
        Flaw.PLACEHOLDER_FORM,
        "第 {at} 个字符处的 {braced} 不是变量：变量要写成 {{1}}、{{2}}……：半角花括号里只有数字，不以 0 开头。",
        "{braced} at character {at} is no placeholder: write them as {{1}}, {{2}}, ...: digits in plain braces, without a leading zero.",
    ),
    TemplateFault.NOT_CONSECUTIVE: (
        Flaw.PLACEHOLDER_GAP,
        "缺少变量 {braced}：变量必须从 {{1}} 开始连续编号，中间不能缺号。",
        "{braced} is missing: number the placeholders from {{1}} without gaps.",
    ),
    TemplateFault.TOO_MANY: (
        Flaw.PLACEHOLDERS_TOO_MANY,
        "第 {at} 个字符处的 {braced} 编号太大：变量最多 99 个。",
        "{braced} at character {at} has too large a number: at most 99 placeholders are possible.",
    ),
}


def _placeholders(draft: TemplateDraft, shape: Shape, rules: RuleSet, _account: AccountKind) -> Iterator[Finding]:
    count = placeholders(draft.content)
    if isinstance(count, TemplateFault):
        for fault, at, braced in misplaced(draft.content):
            code, zh, en = PLACEHOLDER_FAULTS[fault]
            yield Finding(code, zh.format(at=at + 1, braced=braced), en.format(at=at + 1, braced=braced), at)
        return
    if count and (draft.kind, draft.scope) in rules.no_placeholders:
        yield Finding(
            Flaw.PLACEHOLDERS_DENIED,
            "现行规则下，国内的通知和营销模板不能有变量：请写成固定的文字。",
            "By the rules in force notices and marketing for mainland China have no placeholders: write fixed text.",
            shape.literals[1].at - 3,
        )
    if count > rules.placeholders_most:
        yield Finding(
            Flaw.PLACEHOLDERS_TOO_MANY,
            f"变量最多 {rules.placeholders_most} 个，现为 {count} 个。",
            f"At most {rules.placeholders_most} placeholders are possible, there are {count}.",
        )
    if draft.content.strip() and not re.sub(r"[\W_]", "", "".join(literal.text for literal in shape.literals)):
        yield Finding(
            Flaw.PLACEHOLDERS_ONLY,
            "模板不能只有变量：请写出固定的文字。",
            "A template cannot be placeholders only: write the text around them.",
        )
    yield from _types(draft, count)


def _types(draft: TemplateDraft, count: int) -> Iterator[Finding]:
    if draft.types and len(draft.types) != count:
        yield Finding(
            Flaw.VALUE_TYPES,
            f"模板有 {count} 个变量，却给了 {len(draft.types)} 个变量类型。",
            f"The template has {count} placeholders, {len(draft.types)} types are given.",
        )
    elif draft.kind is Kind.VERIFICATION and not all(map(_of_a_code, draft.types, draft.longests or (0,) * count)):
        yield Finding(
            Flaw.VALUE_TYPES,
            f"验证码模板的变量只能是 0 到 6 位数字（code），或写明最多 {SHORT_MOST} 个字符的 digits、chardigit、free。",
            "The values of a verification template are codes: 0 to 6 digits, or digits, chardigit or free that say they have at most "
            f"{SHORT_MOST} characters.",
        )


def _of_a_code(typed: ValueType, longest: int) -> bool:
    return typed in CODES or (typed in SHORT and 1 <= longest <= SHORT_MOST)


def _touching(_draft: TemplateDraft, shape: Shape, rules: RuleSet, _account: AccountKind) -> Iterator[Finding]:
    if rules.touching:
        return
    for literal in shape.literals[1:-1]:
        if not literal.text.strip():
            yield Finding(
                Flaw.PLACEHOLDERS_TOUCH,
                f"第 {literal.at + 1} 个字符处两个变量连在一起：中间请写上固定的文字。",
                f"At character {literal.at + 1} two placeholders touch: write some text between them.",
                literal.at,
            )


_OF_A_LINK = re.compile(r"[a-z0-9./:@_。?#&=%~+-]*")


def _fixed_links(_draft: TemplateDraft, shape: Shape, _rules: RuleSet, _account: AccountKind) -> Iterator[Finding]:
    last = len(shape.literals) - 1
    for which, literal in enumerate(shape.literals):
        if which and starts_as_link(literal.text):
            yield _in_link(literal.at)
        for link in links(literal.text):
            text = literal.text[link.at : link.end]
            if (which and _joined(literal.text[: link.at])) or (which < last and _joined(literal.text[link.end :])):
                yield _in_link(literal.at + link.at)
            elif text.casefold() != plain(text):
                yield Finding(
                    Flaw.LINK_DISGUISED,
                    f"第 {literal.at + link.at + 1} 个字符起的链接用了全角、不可见或形似的字符：请用普通的半角字符写。",
                    f"The link at character {literal.at + link.at + 1} is disguised (full-width, invisible, look-alike): write it plainly.",
                    literal.at + link.at,
                )
            else:
                yield Finding(
                    Flaw.LINK,
                    f"第 {literal.at + link.at + 1} 个字符起有链接：网址须已 ICP 备案，审核时会核对。",
                    f"There is a link at character {literal.at + link.at + 1}: its site must be ICP-filed, the reviewer will look.",
                    literal.at + link.at,
                )


def _joined(between: str) -> bool:
    return _OF_A_LINK.fullmatch(plain(between)) is not None


def _in_link(at: int) -> Finding:
    return Finding(
        Flaw.PLACEHOLDER_IN_LINK,
        f"第 {at + 1} 个字符处，变量与链接相连：变量里不能传链接或链接的一部分，请把整个网址写成固定的文字，并与变量隔开。",
        f"At character {at + 1} a placeholder touches a link: values cannot be a link or a part of one; write the whole address as fixed "
        "text, apart from placeholders.",
        at,
    )


def _verification(draft: TemplateDraft, _shape: Shape, _rules: RuleSet, _account: AccountKind) -> Iterator[Finding]:
    if draft.kind is Kind.VERIFICATION and "code" not in draft.content.casefold() and not any(map(draft.content.__contains__, _CODE_WORDS)):
        yield Finding(
            Flaw.VERIFICATION_UNNAMED,
            f"验证码模板的正文必须有“{'”、“'.join(_CODE_WORDS)}”之一（国际短信也可用 code）。",
            f"A verification template must say {', '.join(_CODE_WORDS)} or “code”.",
        )


_OPT_OUT = re.compile(
    r"回复?\s*(?:TD|T|N|R)\s*退订|退订(?:请)?回复?\s*(?:TD|T|N|R)(?![A-Z])|拒收(?:请)?回复?\s*(?:TD|T|N|R)(?![A-Z])"
    r"|\b(?:reply|text|send)\s+(?:STOP|TD|T|N|R)\b",
    re.IGNORECASE,
)
_CODE_WORDS = ("验证码", "注册码", "校验码", "动态码")
_REPLY_R = "拒收请回复R"


def _marketing(draft: TemplateDraft, _shape: Shape, rules: RuleSet, account: AccountKind) -> Iterator[Finding]:
    if draft.kind is not Kind.MARKETING:
        return
    if account is AccountKind.INDIVIDUAL:
        yield Finding(
            Flaw.MARKETING_DENIED,
            "个人账号不能发营销短信：请改用企业账号。",
            "Individual accounts cannot send marketing messages: use an enterprise account.",
        )
    if rules.opt_out is OptOut.REPLY_R_LAST and draft.scope is Scope.MAINLAND:
        if not draft.content.rstrip().endswith(_REPLY_R):
            yield Finding(
                Flaw.OPT_OUT_MISSING,
                f"营销模板必须以“{_REPLY_R}”结尾。",
                f"A marketing template must end with “{_REPLY_R}”.",
            )
    elif _OPT_OUT.search(draft.content) is None:
        yield Finding(
            Flaw.OPT_OUT_MISSING,
            "营销模板必须写明退订方式，例如“拒收请回复R”或“回T退订”。",
            "A marketing template must say how to opt out, for example “拒收请回复R”, “回T退订” or “reply STOP”.",
        )


TEMPLATE_RULES: tuple[TemplateRule, ...] = (
    _marketing,
    _length,
    _characters,
    _placeholders,
    _touching,
    _fixed_links,
    _verification,
)
"""In the order in which their findings are told."""


def _words(text: str, words: Words | None) -> Iterator[Finding]:
    for hit in words.find(text) if words is not None else ():
        shown, place = text[hit.at : hit.end], hit.at + 1
        zh, en = (f"（{hit.word.topic}）", f" ({hit.word.topic})") if hit.word.topic else ("", "")
        if hit.word.severity is Severity.FORBIDDEN:
            yield Finding(
                Flaw.FORBIDDEN_WORD,
                f"第 {place} 个字符起的“{shown}”是违禁内容{zh}，不能发送。",
                f"“{shown}” at character {place} is forbidden content{en} and cannot be sent.",
                hit.at,
            )
        else:
            yield Finding(
                Flaw.SUSPICIOUS_WORD,
                f"第 {place} 个字符起的“{shown}”是敏感内容{zh}，审核会更严格。",
                f"“{shown}” at character {place} is sensitive{en}: review is stricter.",
                hit.at,
            )
