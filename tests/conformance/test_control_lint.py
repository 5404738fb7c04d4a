"""What is applied for is read by the linter, with the operator's words and the rules in force."""

import itertools
import os
from collections.abc import Awaitable

import pytest

from acting import OPERATOR
from hongyan.control.lint import Flaw
from hongyan.control.plane import ControlPlane, assemble
from hongyan.control.rules import LintError
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.message import Kind
from hongyan.model.papers import SignatureDraft, TemplateDraft, Variable
from hongyan.model.protection import WordAction
from hongyan.model.rules.sets import CURRENT, SEEDS, RuleSet
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.model.values import ValueType

NOW = 1_795_400_000.0
names = (f"lint {n}" for n in itertools.count(1))


def plane(database: Database, rules: RuleSet) -> ControlPlane:
    box = SecretBox(bytes(32), os.urandom)
    return assemble(database, box, clock=lambda: NOW, entropy=os.urandom, check_url=lambda _url: None, rules=rules)


def template(content: str, kind: Kind = Kind.NOTICE, *types: ValueType) -> TemplateDraft:
    return TemplateDraft(name="one", kind=kind, scope=Scope.MAINLAND, content=content, variables=tuple(Variable(typed) for typed in types))


async def refused(control: ControlPlane, account_id: int, draft: TemplateDraft | SignatureDraft) -> list[Flaw]:
    applied: Awaitable[object]
    if isinstance(draft, TemplateDraft):
        applied = control.templates.add(OPERATOR, account_id, draft)
    else:
        applied = control.signatures.add(OPERATOR, account_id, draft)
    with pytest.raises(LintError) as caught:
        await applied
    assert caught.value.zh.count("\n") == caught.value.en.count("\n") == len(caught.value.findings) - 1
    return [finding.code for finding in caught.value.findings]


async def test_everything_wrong_is_told_at_once_and_nothing_is_kept(database: Database) -> None:
    control = plane(database, SEEDS)
    account_id = (await control.accounts.create(OPERATOR, next(names), AccountKind.INDIVIDUAL)).id
    draft = template("【x】看http://a.cn/{1}", Kind.MARKETING)
    assert await refused(control, account_id, draft) == [
        Flaw.MARKETING_DENIED, Flaw.OPT_OUT_MISSING, Flaw.BRACKET, Flaw.BRACKET, Flaw.PLACEHOLDER_IN_LINK,
    ]  # fmt: skip
    assert await refused(control, account_id, SignatureDraft(name="测试", scope=Scope.MAINLAND)) == [Flaw.SIGNATURE_NEUTRAL]


async def test_the_operators_words_count_and_go_before_those_that_come_with_the_platform(database: Database) -> None:
    control = plane(database, SEEDS)
    account_id = (await control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)).id
    assert await refused(control, account_id, template("本店代-开发票，欢迎来电")) == [Flaw.FORBIDDEN_WORD, Flaw.FORBIDDEN_WORD]
    await control.words.add(OPERATOR, ["代开发票", "开发票"], WordAction.HOLD, "税务")
    await control.words.add(OPERATOR, ["鸿鹄"], WordAction.REFUSE)
    try:
        assert (await control.templates.add(OPERATOR, account_id, template("本店代-开发票，欢迎来电"))).content == "本店代-开发票，欢迎来电"
        assert await refused(control, account_id, template("鸿\u3000鵠之志")) == [Flaw.FORBIDDEN_WORD]
        assert await refused(control, account_id, SignatureDraft(name="鸿鹄科技", scope=Scope.MAINLAND)) == [Flaw.FORBIDDEN_WORD]
    finally:
        await control.words.remove(OPERATOR, ["代开发票", "开发票", "鸿鹄"])


async def test_the_rules_in_force_and_the_types_of_a_template_reach_the_pipeline(database: Database) -> None:
    for rules, longest in ((SEEDS, 12), (CURRENT, 6)):
        control = plane(database, rules)
        account_id = (await control.accounts.create(OPERATOR, next(names), AccountKind.INDIVIDUAL)).id
        draft = template("验证码{1}，{2}分钟", Kind.VERIFICATION, ValueType.CODE, ValueType.ANY)
        row = await control.templates.add(OPERATOR, account_id, draft)
        await control.templates.approve(OPERATOR, row.id)
        values = (await control.snapshots.load()).templates[row.id].values
        assert values.types == (ValueType.CODE, ValueType.ANY)
        assert (values.longest, values.odd_symbols) == (longest, rules.odd_symbols)
