"""The states of papers, as tables."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongyan.control.acts import ACTS, STATUSES
from hongyan.control.desk import ALARMS, DUE_S, RULES
from hongyan.control.errors import ControlError
from hongyan.control.reasons import BY_KIND, checked, told
from hongyan.model.credit_code import LETTERS, check_letter, is_credit_code
from hongyan.model.papers import (
    FILINGS,
    GOOD,
    PROOFS,
    SENDABLE,
    SIGNATURE_ACTS,
    TEMPLATE_ACTS,
    TENCENT_ACTS,
    Act,
    DocumentKind,
    Filing,
    QualificationStatus,
    ReviewKind,
    ReviewStatus,
    SignatureKind,
    SignatureState,
    Standing,
    is_named_after,
    state_of,
)
from hongyan.model.snapshot import Scope

EVERY = [
    Standing(scope=scope, status=status, filing=filing, sends_unfiled=unfiled, activation=activation, qualification=qualification)
    for scope, status, filing, unfiled, activation, qualification in itertools.product(
        Scope, ReviewStatus, Filing, (False, True), (False, True), (None, *QualificationStatus)
    )
]


def test_every_state_of_a_signature_can_be_reached() -> None:
    assert {state_of(standing) for standing in EVERY} == set(SignatureState)


def test_only_approved_signatures_can_be_sent_with_and_only_filed_ones_where_that_is_asked_for() -> None:
    for standing in EVERY:
        filed = standing.sends_unfiled or standing.filing in {Filing.NONE, Filing.REGISTERED, Filing.FAILED}
        assert (state_of(standing) in SENDABLE) == (standing.status is ReviewStatus.APPROVED and filed)


@pytest.mark.parametrize(
    ("status", "filing", "unfiled", "qualification", "state"),
    [
        ("pending", "none", True, "pending", "pending_qualification_review"),
        ("pending", "none", True, "approved", "pending_review"),
        ("approved", "processing", False, "approved", "processing"),
        ("approved", "registering", False, "approved", "real_name_registrating"),
        ("approved", "registered", False, "approved", "review_processing_completed"),
        ("rejected", "none", True, "approved", "review_not_pass"),
        ("approved", "none", True, None, "review_passed"),
        ("approved", "none", True, "pending", "review_passed_qualification_processing"),
        ("approved", "registering", True, "approved", "review_passed_real_name_registrating"),
        ("approved", "failed", True, "approved", "review_passed_real_name_registrate_fail"),
        ("inactive", "none", True, "approved", "to_be_activated"),
    ],
)
def test_the_states_as_the_product_names_them(status: str, filing: str, unfiled: bool, qualification: str | None, state: str) -> None:
    standing = Standing(
        scope=Scope.MAINLAND,
        status=ReviewStatus(status),
        filing=Filing(filing),
        sends_unfiled=unfiled,
        activation=False,
        qualification=None if qualification is None else QualificationStatus(qualification),
    )
    assert state_of(standing) == state


def test_the_tables_are_total() -> None:
    for acts in (SIGNATURE_ACTS, TEMPLATE_ACTS, TENCENT_ACTS):
        assert set(acts) == set(ReviewStatus)
        # What is approved is never changed.
        assert Act.MODIFY not in acts[ReviewStatus.APPROVED] | acts[ReviewStatus.INACTIVE]
    assert set(STATUSES) == set(ReviewStatus)
    assert set(ACTS) == set(Act)
    assert set(PROOFS) == set(SignatureKind)
    assert set().union(*PROOFS.values()) == set(DocumentKind)
    assert set(FILINGS) == set(Filing)
    assert set(DUE_S) == set(ALARMS) == set(BY_KIND) == set(ReviewKind)
    assert all(rule.kinds.isdisjoint({ReviewKind.ACCOUNT}) for rule in RULES.values())
    assert QualificationStatus.PENDING not in GOOD


def test_a_refusal_needs_a_reason_that_there_is() -> None:
    for kind in ReviewKind:
        for wrong in ((), ("nonsense",), ("other",)):
            with pytest.raises(ControlError):
                checked(kind, wrong, "")
        assert checked(kind, ("other", "other"), "a note") == ("other",)
        assert checked(kind, (), "a note") == ()
        for code in BY_KIND[kind]:
            zh, en = told(kind, (code,), "a note")
            assert zh.endswith("a note")
            assert en.endswith("a note")
            assert all(told(kind, (code,), ""))


@pytest.mark.parametrize(
    ("name", "company", "named"),
    [
        ("鸿雁科技", "鸿雁科技有限公司", True),
        ("鸿雁科技有限公司", "鸿雁科技有限公司", True),
        ("鸿雁", "鸿雁集团股份有限公司", True),
        ("鸿雁科技", "鸿雁科技（北京）有限公司", True),
        ("鸿雁科技", "鸿雁(上海)科技股份有限公司", True),
        ("科技", "鸿雁科技有限公司", False),
        ("鸿雁", "鸿雁科技有限公司", False),
        ("有限公司", "鸿雁科技有限公司", False),
        ("鸿雁", "", False),
    ],
)
def test_a_name_is_the_company_s_own_or_it_is_not(name: str, company: str, named: bool) -> None:
    assert is_named_after(name, company) is named


@pytest.mark.parametrize("code", ["91350100M000100Y43", "9144030071526726XG", "91330106673959654P"])
def test_credit_codes_of_companies_agree_with_their_check(code: str) -> None:
    assert is_credit_code(code)


@given(st.text(LETTERS, min_size=17, max_size=17), st.integers(0, 16), st.sampled_from(LETTERS))
def test_a_single_wrong_character_of_a_credit_code_is_noticed(body: str, at: int, wrong: str) -> None:
    code = body + check_letter(body)
    assert is_credit_code(code)
    changed = code[:at] + wrong + code[at + 1 :]
    assert is_credit_code(changed) == (changed == code)


@pytest.mark.parametrize(
    "code", ["", "9135010", "91350100M000100Y4", "91350100M000100Y44", "91350100m000100y43", "９1350100M000100Y43", "I" * 18]
)
def test_what_is_no_credit_code(code: str) -> None:
    assert not is_credit_code(code)
