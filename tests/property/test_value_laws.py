"""No text that a template refuses can be sent through any value, whatever stands beside it."""

import unicodedata

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from hongyan.control import lint
from hongyan.model.links import links
from hongyan.model.message import Kind
from hongyan.model.rules.sets import RULE_SETS, RuleSet, value_rules
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.model.template import fill, joins_link, placeholders, take_apart
from hongyan.model.values import refused_params

FULL_WIDTH = {char: chr(ord(char) + 0xFEE0) for char in map(chr, range(0x21, 0x7F))}
CIRCLED = {chr(ord("a") + at): chr(0x24D0 + at) for at in range(26)}
CYRILLIC = dict(zip("aceopxy", "асеорху", strict=True))
HIDDEN = "\u200b\u200d\u2060\ufeff\u00ad\u202e\u200f\U000e0041\u034f"

BAD = [
    "第一\n第二", "恭喜\u202e您", "http://evil.cn", "www.evil", "evil.com", "t.cn/Ab1", "evil点com", "【银行】", "〖银行〗", "百度.com",
    "evil。com",
]  # fmt: skip
BITS = [
    "http", "https", ":", "//", "www", ".", "com", "cn", "net", "evil", "baidu", "t", "/", "Ab1", "点", "dot", "(", ")", "[", "]", "。",
    "@", "-", "_", "x", "c", "o", "m", "中国", "百度", "10", "0", "1", "8080", "?", "#", "xn--", "验证码", "，", "公司", "ｃｏｍ", "．",
    "{", "}", "%s", " ", "\n", "\u200b",
]  # fmt: skip
FIXED = [
    "您的订单", "已发货，", "No.", "请看", "，谢谢", "。", "(", "a", "http", "点", "-", "com", ".", "公司", "中国电信", ".com", "www",
    "@", "：", "1.", "code: ", " is ", ". It", ") ", " ", " o ",
]  # fmt: skip

texts = st.lists(st.sampled_from(BITS), max_size=6).map("".join)
rule_sets = st.sampled_from(list(RULE_SETS.values()))


@st.composite
def disguised(draw: st.DrawFn) -> str:
    """Something that is refused, with each character as it is or in some disguise, and hidden ones between."""
    made = []
    for char in draw(st.sampled_from(BAD)):
        table = draw(st.sampled_from([{}, {}, FULL_WIDTH, CIRCLED, CYRILLIC]))
        made.append(table.get(char, char))
        if draw(st.integers(0, 5)) == 0:
            made.append(draw(st.sampled_from(HIDDEN)))
    return draw(st.sampled_from(["", "您好", "a ", "，"])) + "".join(made) + draw(st.sampled_from(["", "谢谢", " b", "。"]))


@st.composite
def contents(draw: st.DrawFn) -> str:
    """The content of a template with one to four placeholders, some touching, one perhaps twice."""
    count = draw(st.integers(1, 4))
    fixed = st.lists(st.sampled_from(FIXED), max_size=3).map("".join)
    made = draw(fixed) + "".join(f"{{{which}}}{draw(fixed)}" for which in range(1, count + 1))
    return made + (f"{{{draw(st.integers(1, count))}}}。" if draw(st.booleans()) else "")


@settings(max_examples=400)
@given(disguised(), st.sampled_from([Kind.NOTICE, Kind.MARKETING, Kind.VERIFICATION]))
def test_what_is_refused_is_refused_in_every_disguise(text: str, kind: Kind) -> None:
    assert refused_params(kind, (text,)) is not None
    assert refused_params(kind, ("1", text)) is not None


@settings(max_examples=600)
@given(contents(), st.lists(texts, min_size=4, max_size=4), rule_sets, st.sampled_from(AccountKind), st.sampled_from(Scope))
@example("请看baidu.{1}谢谢", ["com", "", "", ""], RULE_SETS["seeds"], AccountKind.ENTERPRISE, Scope.MAINLAND)
@example("{1}.{2}", ["t", "cn/a", "", ""], RULE_SETS["seeds"], AccountKind.ENTERPRISE, Scope.MAINLAND)
@example("在{1}{2}", ["evil.", "com", "", ""], RULE_SETS["seeds"], AccountKind.ENTERPRISE, Scope.MAINLAND)
@example("{1}中国电信", ["百度.", "", "", ""], RULE_SETS["seeds"], AccountKind.ENTERPRISE, Scope.MAINLAND)
def test_nothing_that_a_template_refuses_is_sent_through_its_values(
    content: str, values: list[str], rules: RuleSet, account: AccountKind, scope: Scope
) -> None:
    findings = lint.template(lint.TemplateDraft(content, Kind.NOTICE, scope), rules, account)
    assume(not any(finding.refuses for finding in findings))
    count = placeholders(content)
    assert isinstance(count, int)
    params = tuple(values[:count])
    body = fill(content, params)
    if refused_params(Kind.NOTICE, params, value_rules(rules, account)) is not None or joins_link(content, params, body):
        return
    fixed = sum(1 for literal in take_apart(content).literals for _ in links(literal.text))
    assert sum(1 for _ in links(body)) == fixed
    whole = lint.template(lint.TemplateDraft(body.replace("{", "(").replace("}", ")"), Kind.NOTICE, scope), rules, account)
    assert {finding.code for finding in whole if finding.refuses} <= {lint.Flaw.EMPTY, lint.Flaw.TOO_LONG, lint.Flaw.PLACEHOLDERS_ONLY}
    assert "【" not in unicodedata.normalize("NFKC", body)
