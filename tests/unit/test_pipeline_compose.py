"""What can be said about a request before the database is asked."""

import msgspec
import pytest

from hongyan.model.limits import Limits
from hongyan.model.message import Caller, Dialect, Kind, Refused, SendCommand
from hongyan.model.protection import Protection
from hongyan.model.reject import Refusal, Reject
from hongyan.model.snapshot import Account, AccountKind, App, Scope, Signature, Snapshot, Template
from hongyan.model.values import ValueRules, ValueType
from hongyan.model.words import Severity, Word, Words
from hongyan.pipeline.compose import Composed, compose, content_hash

APP = App(
    id=1400000001, account_id=1, name="shop", app_key="k", enabled=True, limits=Limits(), unlimited_phones=frozenset(), pull=True,
    report_url="", reply_url="", context_in_reports=False, sender_id="", extend_allowed=False,
)  # fmt: skip
CODE = Template(
    id=1, account_id=1, app_id=None, kind=Kind.VERIFICATION, scope=Scope.MAINLAND, content="您的验证码是{1}，{2}分钟内有效。", params=2
)
ABROAD = Template(id=2, account_id=1, app_id=None, kind=Kind.NOTICE, scope=Scope.INTERNATIONAL, content="Your order {1} left.", params=1)
SALE = Template(id=3, account_id=1, app_id=None, kind=Kind.MARKETING, scope=Scope.MAINLAND, content="今日特价，拒收请回复R", params=0)
NOTICE = Template(id=4, account_id=1, app_id=None, kind=Kind.NOTICE, scope=Scope.MAINLAND, content="{1}", params=1)
SNAPSHOT = Snapshot(
    version=1,
    accounts={
        1: Account(id=1, name="shop", kind=AccountKind.ENTERPRISE, enabled=True),
        2: Account(id=2, name="other", kind=AccountKind.INDIVIDUAL, enabled=True),
    },
    keys={},
    apps={APP.id: APP, 1400000002: msgspec.structs.replace(APP, id=1400000002, account_id=2)},
    signatures={
        (1, "鸿雁", Scope.MAINLAND): Signature(id=7, account_id=1, app_id=None, name="鸿雁", scope=Scope.MAINLAND),
        (2, "个人", Scope.MAINLAND): Signature(id=8, account_id=2, app_id=None, name="个人", scope=Scope.MAINLAND),
    },
    templates={t.id: t for t in (CODE, ABROAD, SALE, NOTICE, msgspec.structs.replace(SALE, id=5, account_id=2))},
    packages={},
    links=(),
)
OWNER = Caller(account_id=1, key_id="AKID")
NOON, NIGHT = 1_800_000_000.0 - 1_800_000_000 % 86_400 + 4 * 3600, 1_800_000_000.0 - 1_800_000_000 % 86_400 + 14 * 3600
"""12 and 22 o'clock in Shanghai."""
NOW = NOON


def command(**changes: object) -> SendCommand:
    usual = SendCommand(
        app_id=APP.id, template_id=1, phones=("+8613800138000",), dialect=Dialect.TENCENT_V3, sign_name="鸿雁", params=("123456", "5")
    )
    return msgspec.structs.replace(usual, **changes)


def only_refusal(composed: Composed | Refusal) -> Reject:
    assert isinstance(composed, Composed)
    [outcome] = composed.outcomes
    assert isinstance(outcome, Refused)
    assert not composed.drafts
    return outcome.reason


def test_a_good_request_becomes_a_draft_with_the_signature_in_front() -> None:
    composed = compose(SNAPSHOT, OWNER, command(), NOW)
    assert isinstance(composed, Composed)
    [draft] = composed.drafts
    assert draft.body.text == "【鸿雁】您的验证码是123456，5分钟内有效。"
    assert (draft.body.segments, draft.phone.number, draft.position) == (1, 8613800138000, 0)
    assert composed.outcomes == [None]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"app_id": 1400000009}, Reject.APP_NOT_FOUND),
        ({"app_id": 1400000002}, Reject.APP_NOT_YOURS),
        ({"phones": ()}, Reject.NO_NUMBERS),
        ({"phones": ("+8613800138000",) * 201}, Reject.TOO_MANY_NUMBERS),
        ({"phones": ("+8613800138000", "+6591234567")}, Reject.MIXED_REGIONS),
        ({"session_context": "x" * 512}, Reject.CONTEXT_TOO_LONG),
        ({"session_context": "a\x00b"}, Reject.BAD_REQUEST),
        ({"params": ("\ud800", "5")}, Reject.BAD_REQUEST),
        ({"extend": "12a"}, Reject.EXTEND_INVALID),
    ],
)
def test_faults_of_the_request_refuse_it_as_a_whole(changes: dict[str, object], reason: Reject) -> None:
    refusal = compose(SNAPSHOT, OWNER, command(**changes), NOW)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"phones": ("12345",)}, Reject.BAD_NUMBER),
        ({"sign_name": "没有"}, Reject.SIGNATURE_UNUSABLE),
        ({"sign_name": ""}, Reject.SIGNATURE_UNUSABLE),
        ({"template_id": 99}, Reject.TEMPLATE_UNUSABLE),
        ({"template_id": 5}, Reject.TEMPLATE_UNUSABLE),
        ({"params": ("123456",)}, Reject.PARAMS_MISMATCH),
        ({"params": ("12345a", "5")}, Reject.PARAM_FORMAT),
        ({"template_id": 4, "params": ("看 http://x.cn/a",)}, Reject.PARAM_HAS_LINK),
        ({"template_id": 4, "params": ("长" * 700,)}, Reject.TEXT_TOO_LONG),
        ({"template_id": 2, "params": ("1",)}, Reject.INTERNATIONAL_TEMPLATE_AT_HOME),
        ({"phones": ("+6591234567",)}, Reject.MAINLAND_TEMPLATE_ABROAD),
        ({"extend": "12"}, Reject.EXTEND_INVALID),
        ({"sender_id": "SHOP"}, Reject.SENDER_NOT_ALLOWED),
    ],
)
def test_faults_of_text_and_number_are_told_per_number(changes: dict[str, object], reason: Reject) -> None:
    assert only_refusal(compose(SNAPSHOT, OWNER, command(**changes), NOW)) is reason


def test_an_individual_account_may_not_send_marketing() -> None:
    asked = command(app_id=1400000002, template_id=5, sign_name="个人", params=())
    assert only_refusal(compose(SNAPSHOT, Caller(account_id=2, key_id="AKID"), asked, NOW)) is Reject.MARKETING_DENIED


def test_a_number_given_twice_is_sent_to_once() -> None:
    composed = compose(SNAPSHOT, OWNER, command(phones=("13800138000", "+8613800138000", "+8613800138001")), NOW)
    assert isinstance(composed, Composed)
    assert [draft.position for draft in composed.drafts] == [0, 2]
    repeated = composed.outcomes[1]
    assert isinstance(repeated, Refused)
    assert repeated.reason is Reject.SAME_CONTENT


def test_one_bad_number_does_not_fail_the_others() -> None:
    composed = compose(SNAPSHOT, OWNER, command(phones=("nonsense", "+8613800138001")), NOW)
    assert isinstance(composed, Composed)
    assert [draft.phone.number for draft in composed.drafts] == [8613800138001]


def test_abroad_a_signature_may_be_left_out() -> None:
    composed = compose(SNAPSHOT, OWNER, command(phones=("+6591234567",), template_id=2, params=("77",), sign_name=""), NOW)
    assert isinstance(composed, Composed)
    assert composed.drafts[0].body.text == "Your order 77 left."


def test_a_template_says_in_which_brackets_the_signature_stands() -> None:
    square = msgspec.structs.replace(NOTICE, id=6, content="您好{1}", square_brackets=True)
    composed = compose(msgspec.structs.replace(SNAPSHOT, templates={6: square}), OWNER, command(template_id=6, params=("张三",)), NOW)
    assert isinstance(composed, Composed)
    assert composed.drafts[0].body.text == "[鸿雁]您好张三"


def test_the_same_text_has_the_same_hash_in_every_process() -> None:
    assert content_hash("【鸿雁】您的验证码是1") == -5629098835417512220


def test_what_the_template_says_of_its_values_counts() -> None:
    """Limits of the account and types of values come with the snapshot; a link may also be made with the text beside a value."""
    limited = msgspec.structs.replace(NOTICE, id=6, content="您的订单No.{1}已到", values=ValueRules(types=(ValueType.WORD,), longest=6))
    snapshot = msgspec.structs.replace(SNAPSHOT, templates={**SNAPSHOT.templates, 6: limited})
    for value, reason in (("A-12", None), ("A 12", Reject.PARAM_FORMAT), ("A-12345", Reject.PARAM_TOO_LONG), ("cn", Reject.PARAM_HAS_LINK)):
        composed = compose(snapshot, OWNER, command(template_id=6, params=(value,)), NOW)
        assert isinstance(composed, Composed)
        if reason is None:
            assert composed.drafts
        else:
            assert only_refusal(composed) is reason


def guarded(**changes: object) -> Snapshot:
    return msgspec.structs.replace(SNAPSHOT, apps={APP.id: msgspec.structs.replace(APP, **changes)})


def test_a_stopped_application_sends_nothing() -> None:
    refusal = compose(guarded(stopped=True), OWNER, command(), NOW)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reject.APP_DISABLED


@pytest.mark.parametrize(
    ("protection", "region", "open_"),
    [
        (Protection(closed=("SG",)), "+6591234567", False),
        (Protection(closed=("SG",)), "+85261234567", True),
        (Protection(only=("HK",)), "+85261234567", True),
        (Protection(only=("HK",)), "+6591234567", False),
        (Protection(only=("HK",)), "+8613800138000", True),
        (Protection(closed=("CN",)), "+8613800138000", False),
    ],
)
def test_a_country_that_is_closed_is_refused_by_itself(protection: Protection, region: str, *, open_: bool) -> None:
    at_home = region.startswith("+86")
    asked = command(phones=(region,)) if at_home else command(phones=(region,), template_id=2, params=("77",), sign_name="")
    composed = compose(guarded(protection=protection), OWNER, asked, NOW)
    if open_:
        assert isinstance(composed, Composed)
        assert len(composed.drafts) == 1
    else:
        assert only_refusal(composed) is Reject.COUNTRY_CLOSED


def test_marketing_keeps_to_its_hours_and_codes_do_not() -> None:
    snapshot = guarded(marketing_hours=(8, 22))
    sale = command(template_id=3, params=())
    assert len(compose(snapshot, OWNER, sale, NOON).drafts) == 1  # type: ignore[union-attr]
    assert len(compose(snapshot, OWNER, sale, NIGHT - 1).drafts) == 1  # type: ignore[union-attr]
    assert only_refusal(compose(snapshot, OWNER, sale, NIGHT)) is Reject.MARKETING_HOURS
    assert len(compose(snapshot, OWNER, command(), NIGHT).drafts) == 1  # type: ignore[union-attr]


WORDS = Words([Word("贷款", Severity.SUSPICIOUS), Word("博彩"), Word("订单", Severity.SUSPICIOUS)])


@pytest.mark.parametrize(
    ("content", "value", "suspicious"),
    [
        ("{1}", "您好", ""),
        ("{1}", "低息贷 款", "贷款"),
        ("{1}", "您的訂單", "订单"),
        ("您的订单{1}", "好", ""),
        ("您的订单{1}", "贷款", "贷款"),
    ],
)
def test_a_suspicious_word_is_noted_unless_it_was_approved_with_the_template(content: str, value: str, suspicious: str) -> None:
    templates = {4: msgspec.structs.replace(NOTICE, content=content)}
    snapshot = msgspec.structs.replace(SNAPSHOT, words=WORDS, templates=templates)
    composed = compose(snapshot, OWNER, command(template_id=4, params=(value,)), NOW)
    assert [draft.body.suspicious for draft in composed.drafts] == [suspicious]  # type: ignore[union-attr]


def test_a_forbidden_word_is_refused() -> None:
    snapshot = msgspec.structs.replace(SNAPSHOT, words=WORDS)
    assert only_refusal(compose(snapshot, OWNER, command(template_id=4, params=("贷款博 彩",)), NOW)) is Reject.SENSITIVE_WORD


def test_an_account_in_arrears_stops_at_the_very_second_and_another_one_does_not() -> None:
    account = msgspec.structs.replace(SNAPSHOT.accounts[1], stops_at=NOW)
    snapshot = msgspec.structs.replace(SNAPSHOT, accounts={**SNAPSHOT.accounts, 1: account})
    assert isinstance(compose(snapshot, OWNER, command(), NOW - 0.001), Composed)
    refusal = compose(snapshot, OWNER, command(), NOW)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reject.ARREARS
    assert isinstance(compose(snapshot, Caller(2, "k"), command(app_id=1400000002, template_id=5, params=()), NOW), Composed)


def test_of_signatures_with_one_name_the_one_that_is_known_is_taken() -> None:
    twin = Signature(id=9, account_id=1, app_id=None, name="鸿雁", scope=Scope.MAINLAND)
    known = msgspec.structs.replace(SNAPSHOT, signatures_by_id={9: twin, 8: SNAPSHOT.signatures[2, "个人", Scope.MAINLAND]})
    for wanted, found in ((9, 9), (None, 7), (8, 7), (77, 7)):
        composed = compose(known, OWNER, command(signature_id=wanted), NOW)
        assert isinstance(composed, Composed)
        [draft] = composed.drafts
        assert draft.body.signature is not None
        assert draft.body.signature.id == found


def test_what_the_door_knows_to_be_wrong_is_told_of_every_number() -> None:
    misfit = Refusal(Reject.SENDER_NOT_ALLOWED, "why")
    composed = compose(SNAPSHOT, OWNER, command(misfit=misfit, phones=("+8613800138000", "12")), NOW)
    assert isinstance(composed, Composed)
    assert [outcome.reason for outcome in composed.outcomes if isinstance(outcome, Refused)] == [
        Reject.SENDER_NOT_ALLOWED,
        Reject.BAD_NUMBER,
    ]


@pytest.mark.parametrize(("dialect", "most"), [(Dialect.TENCENT_V3, 200), (Dialect.HUAWEI, 500)])
def test_a_dialect_says_how_many_numbers_a_request_has(dialect: Dialect, most: int) -> None:
    phones = tuple(str(13800000000 + n) for n in range(most))
    assert isinstance(compose(SNAPSHOT, OWNER, command(dialect=dialect, phones=phones), NOW), Composed)
    too_many = compose(SNAPSHOT, OWNER, command(dialect=dialect, phones=(*phones, "13900000000")), NOW)
    assert isinstance(too_many, Refusal)
    assert too_many.reason is Reject.TOO_MANY_NUMBERS
