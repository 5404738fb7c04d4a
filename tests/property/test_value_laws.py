"""No text that a template refuses can be sent through any value, whatever stands beside it."""

import unicodedata

import msgspec
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from hongyan.control import lint
from hongyan.model.limits import Limits
from hongyan.model.links import links
from hongyan.model.message import Caller, Dialect, Kind, SendCommand
from hongyan.model.rules.sets import RULE_SETS, RuleSet, value_rules
from hongyan.model.rules.words import built_in
from hongyan.model.snapshot import EMPTY, Account, AccountKind, App, Scope, Signature, Template
from hongyan.model.template import fill, joins_link, placeholders, take_apart
from hongyan.model.values import refused_params
from hongyan.model.words import Words
from hongyan.pipeline.compose import Composed, compose

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
    "@", "：", "1.", ":", ";", "；", "#", "?", "code: ", " is ", ". It", ") ", " ", " o ",
]  # fmt: skip

WORDS = Words(built_in())

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


@settings(max_examples=200)
@given(disguised(), st.sampled_from([Kind.NOTICE, Kind.MARKETING, Kind.VERIFICATION]))
def test_what_is_refused_is_refused_in_every_disguise(text: str, kind: Kind) -> None:
    assert refused_params(kind, (text,)) is not None
    assert refused_params(kind, ("1", text)) is not None


@settings(max_examples=400)
@given(contents(), st.lists(texts, min_size=4, max_size=4), rule_sets, st.sampled_from(AccountKind), st.sampled_from(Scope))
@example("请看baidu.{1}谢谢", ["com", "", "", ""], RULE_SETS["seeds"], AccountKind.ENTERPRISE, Scope.MAINLAND)
@example("{1}.{2}", ["t", "cn/a", "", ""], RULE_SETS["seeds"], AccountKind.ENTERPRISE, Scope.MAINLAND)
@example("在{1}{2}", ["evil.", "com", "", ""], RULE_SETS["seeds"], AccountKind.ENTERPRISE, Scope.MAINLAND)
@example("您的订单{1}", ["．公司http", "", "", ""], RULE_SETS["seeds"], AccountKind.ENTERPRISE, Scope.MAINLAND)
@example("{1}您的订单.com", ["xn--http", "", "", ""], RULE_SETS["seeds"], AccountKind.ENTERPRISE, Scope.MAINLAND)
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


APP = App(
    id=1, account_id=1, name="", app_key="", enabled=True, limits=Limits(), unlimited_phones=frozenset(), pull=False, report_url="",
    reply_url="", context_in_reports=False, sender_id="", extend_allowed=False,
)  # fmt: skip
SIGNATURE = Signature(id=1, account_id=1, app_id=None, name="鸿雁", scope=Scope.MAINLAND)
ACCOUNT = Account(id=1, name="", kind=AccountKind.ENTERPRISE, enabled=True)


@settings(max_examples=150)
@given(contents(), st.lists(texts | disguised(), min_size=4, max_size=4), st.sampled_from(["鸿雁", "【鸿雁】", "别人", "鸿雁】【别人", ""]))
def test_what_is_composed_begins_with_the_approved_signature_and_has_no_other(content: str, values: list[str], sign_name: str) -> None:
    count = placeholders(content)
    assert isinstance(count, int)
    template = Template(id=1, account_id=1, app_id=None, kind=Kind.NOTICE, scope=Scope.MAINLAND, content=content, params=count)
    snapshot = msgspec.structs.replace(
        EMPTY, apps={1: APP}, accounts={1: ACCOUNT}, templates={1: template}, signatures={(1, "鸿雁", Scope.MAINLAND): SIGNATURE}
    )
    command = SendCommand(
        app_id=1, template_id=1, phones=("+8613800138000",), dialect=Dialect.NATIVE, sign_name=sign_name, params=tuple(values[:count])
    )
    composed = compose(snapshot, Caller(account_id=1, key_id=""), command, now=0.0)
    if isinstance(composed, Composed):
        for draft in composed.drafts:
            assert draft.body.text.startswith("【鸿雁】")
            assert unicodedata.normalize("NFKC", draft.body.text).count("【") == 1
            assert draft.body.text.count("\n") == 0


@settings(max_examples=200)
@given(st.sampled_from([word.text for word in built_in()]), st.data())
def test_a_word_is_found_through_every_value_and_in_every_disguise(word: str, data: st.DataObject) -> None:
    """Cut anywhere over two values, widened, spaced, with invisible characters."""
    between = st.sampled_from(["", "", "", " ", "*", "\u200b", "-", "\u3000"])
    written = "".join(data.draw(st.sampled_from([char, FULL_WIDTH.get(char, char)])) + data.draw(between) for char in word)
    cut = data.draw(st.integers(0, len(written)))
    params = (written[:cut], written[cut:])
    for content in ("您好，{1}{2}，谢谢", "您好，{1} {2}，谢谢"):
        hit = WORDS.brought(content, params, fill(content, params))
        assert (hit is not None) or (word.isascii() and len(word) < 4) or all(map(str.isdigit, params))
