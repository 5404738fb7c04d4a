"""Rule sets: wherever the product's rules changed over time, the old and the new are data.

Sources: the guide of 2016 (2 to 8 characters for a signature), the FAQ of 2018, the documents 382/39022 (signatures), 382/39023
(templates) and 382/100568 as they are today; tencent-v3, section 11, gives each rule with its years.
"""

import enum
from collections.abc import Mapping

import msgspec

from hongyan.model.limits import PRESETS, Limits
from hongyan.model.message import Kind
from hongyan.model.papers import DocumentKind, SignatureKind
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.model.values import ValueRules, ValueType


class OptOut(enum.StrEnum):
    """How a marketing template must say that one can opt out."""

    ANYWHERE = "anywhere"
    """Any of the usual forms, anywhere: 回T退订, 退订回TD, 拒收请回复R, reply STOP."""
    REPLY_R_LAST = "reply_r_last"
    """At the mainland the text ends with 拒收请回复R."""


class RuleSet(msgspec.Struct, frozen=True):
    """All rules about what is applied for and what may be sent."""

    signature_length: Mapping[Scope, tuple[int, int]]
    content_most: Mapping[Scope, int]
    """Characters in a template's content."""
    placeholders_most: int
    no_placeholders: frozenset[tuple[Kind, Scope]]
    """Templates that may have none at all (Tencent's UnsupportedTemplateVariable)."""
    touching: bool
    """Two placeholders may stand side by side."""
    odd_symbols: bool
    """Symbols such as ★ ※ → and pictures are allowed."""
    opt_out: OptOut
    value_longest: Mapping[AccountKind, int]
    """Characters of a value; 0 means no limit."""
    signatures_most: int
    """An application may have so many."""
    templates_most: int
    qualification: bool
    """A mainland signature needs a qualification; otherwise a proof of its own will do."""
    closed_kinds: frozenset[SignatureKind]
    """Signatures of these kinds are applied for no more."""
    closed_documents: frozenset[DocumentKind]
    """These prove nothing any more."""
    filing: bool
    """An approved mainland signature is filed with the carriers before anything is sent with it."""
    limits: Limits
    """The frequency limits of a new application."""
    marketing_hours: tuple[int, int] | None
    """The hours in Shanghai between which marketing is sent; None means at any time."""


SEEDS = RuleSet(
    signature_length={Scope.MAINLAND: (2, 12), Scope.INTERNATIONAL: (2, 15)},
    content_most={Scope.MAINLAND: 500, Scope.INTERNATIONAL: 2_000},
    placeholders_most=99,
    no_placeholders=frozenset(),
    touching=True,
    odd_symbols=True,
    opt_out=OptOut.ANYWHERE,
    value_longest={AccountKind.INDIVIDUAL: 12, AccountKind.ENTERPRISE: 0},
    signatures_most=200,
    templates_most=2_000,
    qualification=False,
    closed_kinds=frozenset(),
    closed_documents=frozenset(),
    filing=False,
    limits=PRESETS["seeds"].limits,
    marketing_hours=None,
)

CURRENT = msgspec.structs.replace(
    SEEDS,
    no_placeholders=frozenset({(Kind.NOTICE, Scope.MAINLAND), (Kind.MARKETING, Scope.MAINLAND)}),
    touching=False,
    odd_symbols=False,
    opt_out=OptOut.REPLY_R_LAST,
    value_longest={AccountKind.INDIVIDUAL: 6, AccountKind.ENTERPRISE: 0},
    signatures_most=50,
    templates_most=200,
    qualification=True,
    closed_kinds=frozenset({SignatureKind.WEBSITE, SignatureKind.PUBLIC_ACCOUNT, SignatureKind.MINI_PROGRAM}),
    closed_documents=frozenset({DocumentKind.ICP_FILING, DocumentKind.MINI_PROGRAM, DocumentKind.PUBLIC_ACCOUNT}),
    filing=True,
    limits=PRESETS["current"].limits,
    marketing_hours=(8, 22),
)

GUIDE_2016 = msgspec.structs.replace(SEEDS, signature_length={Scope.MAINLAND: (2, 8), Scope.INTERNATIONAL: (2, 15)})

RULE_SETS: Mapping[str, RuleSet] = {"seeds": SEEDS, "current": CURRENT, "guide2016": GUIDE_2016}
"""By the name that `HONGYAN_RULES` has for it."""


def value_rules(rules: RuleSet, account: AccountKind, types: tuple[ValueType, ...] = ()) -> ValueRules:
    """What the values of a template of such an account may be."""
    return ValueRules(types=types, longest=rules.value_longest[account], odd_symbols=rules.odd_symbols)
