"""Papers and their review on a real PostgreSQL: who may do what in which state, and what follows from decisions."""

import asyncio
import contextlib
import itertools
import os
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from acting import OPERATOR
from hongyan.control.errors import ControlError, Fault
from hongyan.control.lint import Flaw
from hongyan.control.plane import ControlPlane, assemble
from hongyan.control.review import CLAIM_S
from hongyan.control.rules import LintError
from hongyan.kit.blobs import Directory
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.credit_code import check_letter
from hongyan.model.message import Kind
from hongyan.model.papers import (
    SIGNATURE_ACTS,
    TENCENT_ACTS,
    Act,
    Acts,
    DocumentKind,
    Filing,
    Purpose,
    QualificationDraft,
    QualificationStatus,
    ReviewKind,
    ReviewState,
    ReviewStatus,
    SignatureDraft,
    SignatureKind,
    SignatureState,
    TemplateDraft,
    Variable,
)
from hongyan.model.protection import WordAction
from hongyan.model.rules.sets import CURRENT
from hongyan.model.snapshot import AccountKind, Scope
from hongyan.model.values import ValueType

MONDAY_TEN = 1_795_399_200.0
"""2026-11-23, 10:00 in Asia/Shanghai."""
BODY = "91310000MA1K3YQ6X"
CODE = BODY + check_letter(BODY)
SIGNATURE = SignatureDraft(name="鸿雁科技", scope=Scope.MAINLAND)
TEMPLATE = TemplateDraft(name="code", kind=Kind.VERIFICATION, scope=Scope.MAINLAND, content="您的验证码是{1}，{2}分钟有效")

names = (f"papers {n}" for n in itertools.count(1))


class Clock:
    now = MONDAY_TEN

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def control(database: Database, clock: Clock, tmp_path: Path) -> ControlPlane:
    return assemble(
        database,
        SecretBox(bytes(32), os.urandom),
        clock=clock,
        entropy=os.urandom,
        check_url=lambda _url: None,
        blobs=Directory(tmp_path / "documents"),
    )


def person(role: Role, account_id: int | None, name: str = "") -> Actor:
    return Actor(kind=ActorKind.USER, id=name or role, name=name or role, permissions=GRANTS[role], account_id=account_id)


REVIEWER = person(Role.REVIEWER, None, "reviewer one")
OTHER_REVIEWER = person(Role.REVIEWER, None, "reviewer two")


async def tenant(control: ControlPlane) -> Actor:
    return person(Role.OWNER, (await control.accounts.create(OPERATOR, next(names), AccountKind.ENTERPRISE)).id)


def its(actor: Actor) -> int:
    assert actor.account_id is not None
    return actor.account_id


def picture(width: int = 1) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    head = width.to_bytes(4) + (1).to_bytes(4) + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * (width + 1))) + chunk(b"IEND", b"")


async def refused(doing: Awaitable[object]) -> ControlError:
    with pytest.raises(ControlError) as caught:
        await doing
    return caught.value


async def qualified(control: ControlPlane, owner: Actor, *, company: str = "鸿雁科技有限公司") -> int:
    licence = await control.documents.add(owner, its(owner), "licence.png", picture())
    draft = QualificationDraft(name=company, company=company, credit_code=CODE, documents=(licence.id,))
    return (await control.qualifications.add(owner, its(owner), draft)).id


# From nothing to a signature that can be sent with.


async def test_a_tenant_gets_from_a_licence_to_a_signature_and_a_template_that_can_be_sent_with(control: ControlPlane) -> None:
    owner = await tenant(control)
    qualification = await qualified(control, owner)
    signature = await control.signatures.add(owner, its(owner), msgspec.structs.replace(SIGNATURE, qualification_id=qualification))
    template = await control.templates.add(owner, its(owner), TEMPLATE)
    assert (await control.signatures.get(owner, signature.id)).state is SignatureState.PENDING_QUALIFICATION_REVIEW
    assert (await refused(control.signatures.approve(REVIEWER, signature.id))).why == "qualification_not_approved"
    seen: list[ReviewKind] = []
    while (review := await control.review.claim_next(REVIEWER)) is not None:
        await control.review.approve(REVIEWER, review.id)
        if review.account_id == its(owner):
            seen.append(review.kind)
    # The signature can be decided on once its qualification is.
    assert seen == [ReviewKind.TEMPLATE, ReviewKind.QUALIFICATION, ReviewKind.SIGNATURE]
    snapshot = await control.snapshots.load()
    assert snapshot.signatures[its(owner), "鸿雁科技", Scope.MAINLAND].id == signature.id
    assert snapshot.templates[template.id].params == 2
    shown = await control.signatures.get(owner, signature.id)
    assert shown.state is SignatureState.REVIEW_PROCESSING_COMPLETED
    assert shown.qualification is not None
    actions = {row.action for row in await control.audit.page(owner)}
    assert actions >= {"document.add", "qualification.submit", "qualification.approve", "signature.submit", "signature.approve",
                       "template.submit", "template.approve"}  # fmt: skip
    assert await control.audit.verify() is None


async def test_a_rejected_qualification_takes_the_signatures_that_wait_for_it_along(control: ControlPlane) -> None:
    owner = await tenant(control)
    qualification = await qualified(control, owner)
    signature = await control.signatures.add(owner, its(owner), msgspec.structs.replace(SIGNATURE, qualification_id=qualification))
    await control.qualifications.reject(REVIEWER, qualification, ["wrong_code"], "请核对")
    shown = await control.signatures.get(owner, signature.id)
    assert (shown.row.status, shown.row.reasons) == (ReviewStatus.REJECTED, ("no_qualification",))
    again = msgspec.structs.replace(SIGNATURE, qualification_id=qualification)
    assert (await refused(control.signatures.change(owner, signature.id, again))).why == "qualification_not_approved"


async def test_a_mainland_signature_of_a_tenant_needs_papers_and_one_for_abroad_does_not(control: ControlPlane) -> None:
    owner = await tenant(control)
    assert (await refused(control.signatures.add(owner, its(owner), SIGNATURE))).why == "signature_qualification"
    proof = await control.documents.add(owner, its(owner), "licence.png", picture())
    with_proof = msgspec.structs.replace(SIGNATURE, proofs=(proof.id,))
    on_behalf = msgspec.structs.replace(with_proof, purpose=Purpose.ON_BEHALF)
    assert (await refused(control.signatures.add(owner, its(owner), on_behalf))).why == "signature_authorisation"
    assert (await control.signatures.add(owner, its(owner), with_proof)).proofs == (proof.id,)
    abroad = SignatureDraft(name="Hongyan", scope=Scope.INTERNATIONAL)
    assert (await control.signatures.add(owner, its(owner), abroad)).status is ReviewStatus.PENDING


# States.


async def test_approved_signatures_cannot_be_changed_and_tencent_s_pending_ones_can(control: ControlPlane) -> None:
    owner = await tenant(control)
    proof = await control.documents.add(owner, its(owner), "licence.png", picture())
    draft = msgspec.structs.replace(SIGNATURE, proofs=(proof.id,))
    signature = await control.signatures.add(owner, its(owner), draft)
    renamed = msgspec.structs.replace(draft, name="鸿雁云")
    assert (await refused(control.signatures.change(owner, signature.id, renamed))).why == "signature_pending"
    assert (await refused(control.signatures.delete(owner, signature.id))).why == "signature_pending"
    changed = await control.signatures.change(owner, signature.id, renamed, acts=TENCENT_ACTS)
    assert changed.name == "鸿雁云"
    history = await control.review.page(REVIEWER, kind=ReviewKind.SIGNATURE, subject_id=signature.id)
    assert [review.state for review in history] == [ReviewState.PENDING, ReviewState.WITHDRAWN]
    await control.signatures.approve(REVIEWER, signature.id)
    for acts in (TENCENT_ACTS, TENCENT_ACTS):
        assert (await refused(control.signatures.change(owner, signature.id, draft, acts=acts))).why == "signature_approved"
    assert (await refused(control.signatures.add(owner, its(owner), renamed))).why == "signature_approved"
    await control.signatures.delete(owner, signature.id)
    assert (its(owner), "鸿雁云", Scope.MAINLAND) not in (await control.snapshots.load()).signatures


@pytest.mark.parametrize(
    ("status", "modify", "delete", "urge"),
    [("pending", False, False, True), ("approved", False, True, False), ("inactive", False, True, False), ("rejected", True, True, False)],
)
async def test_the_four_states_of_a_template_allow_what_they_should(
    control: ControlPlane, status: str, modify: bool, delete: bool, urge: bool
) -> None:
    owner = await tenant(control)
    template = (await control.templates.add(owner, its(owner), TEMPLATE)).id
    if status in {"approved", "inactive"}:
        await control.templates.approve(REVIEWER, template)
    if status == "inactive":
        await control.templates.deactivate(REVIEWER, template)
    if status == "rejected":
        await control.templates.reject(REVIEWER, template, ["unclear"])
    tries: list[tuple[Awaitable[object], bool]] = [
        (control.templates.urge(owner, template), urge),
        (control.templates.change(owner, template, msgspec.structs.replace(TEMPLATE, content="验证码{1}，{2}分钟内有效")), modify),
    ]
    for doing, possible in tries:
        if possible:
            await doing
        else:
            assert (await refused(doing)).code is Fault.WRONG_STATE
    if modify:
        await control.templates.reject(REVIEWER, template, note="still unclear")
    if delete:
        await control.templates.delete(owner, template)
        assert (await refused(control.templates.get(owner, template))).code is Fault.NOT_FOUND
    else:
        assert (await refused(control.templates.delete(owner, template))).why == f"template_{status}"


async def test_a_draft_is_kept_until_it_is_handed_in(control: ControlPlane) -> None:
    owner = await tenant(control)
    unfinished = msgspec.structs.replace(TEMPLATE, content="{1}{2}")
    template = await control.templates.add(owner, its(owner), unfinished, submit=False)
    assert template.status is ReviewStatus.DRAFT
    assert await control.review.page(REVIEWER, kind=ReviewKind.TEMPLATE, subject_id=template.id) == []
    assert (await refused(control.templates.approve(REVIEWER, template.id))).why == "not_pending"
    saved = await control.templates.change(owner, template.id, msgspec.structs.replace(unfinished, name="other"), submit=False)
    assert (saved.name, saved.status) == ("other", ReviewStatus.DRAFT)
    with pytest.raises(LintError):
        await control.templates.change(owner, template.id, unfinished)
    assert (await control.templates.change(owner, template.id, TEMPLATE)).status is ReviewStatus.PENDING
    await control.templates.approve(REVIEWER, template.id)
    assert template.id in (await control.snapshots.load()).templates


async def test_of_an_approved_template_the_name_alone_can_be_changed_until_it_is_stopped(control: ControlPlane) -> None:
    owner = await tenant(control)
    template = (await control.templates.add(owner, its(owner), TEMPLATE)).id
    await control.templates.approve(REVIEWER, template)
    renamed = await control.templates.change(owner, template, msgspec.structs.replace(TEMPLATE, name="new"))
    assert (renamed.name, renamed.status) == ("new", ReviewStatus.APPROVED)
    other = msgspec.structs.replace(TEMPLATE, content="验证码{1}，{2}分钟内有效")
    assert (await refused(control.templates.change(owner, template, other))).why == "template_approved"
    assert (await refused(control.templates.change(owner, template, TEMPLATE, acts=TENCENT_ACTS))).why == "template_approved"
    assert (await control.templates.stop(owner, template)).status is ReviewStatus.STOPPED
    assert template not in (await control.snapshots.load()).templates
    assert (await refused(control.templates.stop(owner, template))).why == "template_stopped"
    assert (await refused(control.templates.approve(REVIEWER, template))).why == "not_pending"
    assert (await control.templates.change(owner, template, other)).status is ReviewStatus.PENDING


async def test_a_second_template_of_a_name_is_refused_where_that_is_asked_for(control: ControlPlane) -> None:
    owner = await tenant(control)
    await control.templates.add(owner, its(owner), TEMPLATE, only=True)
    assert (await refused(control.templates.add(owner, its(owner), TEMPLATE, only=True))).why == "template_name_taken"
    await control.templates.add(owner, its(owner), TEMPLATE)


async def test_with_a_signature_go_the_templates_that_are_for_it_alone(control: ControlPlane) -> None:
    owner = await tenant(control)
    signature = (await control.signatures.add(OPERATOR, its(owner), SIGNATURE)).id
    await control.signatures.approve(REVIEWER, signature)
    bound, free = msgspec.structs.replace(TEMPLATE, signature_id=signature), TEMPLATE
    gone = [(await control.templates.add(owner, its(owner), bound)).id for _ in range(2)]
    stays = (await control.templates.add(owner, its(owner), free)).id
    await control.templates.approve(REVIEWER, gone[0])
    await control.signatures.delete(owner, signature)
    assert [row.id for row in await control.templates.page(owner)] == [stays]
    assert gone[0] not in (await control.snapshots.load()).templates
    assert await control.review.page(REVIEWER, kind=ReviewKind.TEMPLATE, subject_id=gone[1], state=ReviewState.PENDING) == []


async def test_a_document_says_what_it_is(control: ControlPlane) -> None:
    owner = await tenant(control)
    added = await control.documents.add(owner, its(owner), "licence.png", picture(), "营业执照")
    assert (await control.documents.get(owner, added.id)).about == "营业执照"
    assert not await control.documents.in_use(owner, added.id)
    await control.signatures.add(owner, its(owner), msgspec.structs.replace(SIGNATURE, proofs=(added.id,)))
    assert await control.documents.in_use(owner, added.id)


@pytest.mark.parametrize("acts", [SIGNATURE_ACTS, TENCENT_ACTS])
@pytest.mark.parametrize("status", [ReviewStatus.PENDING, ReviewStatus.APPROVED, ReviewStatus.REJECTED, ReviewStatus.INACTIVE])
async def test_the_four_states_of_a_signature_allow_what_they_should(control: ControlPlane, status: ReviewStatus, acts: Acts) -> None:
    owner = await tenant(control)
    proof = await control.documents.add(owner, its(owner), "licence.png", picture())
    draft = msgspec.structs.replace(SIGNATURE, proofs=(proof.id,))
    signature = (await control.signatures.add(owner, its(owner), draft)).id
    if status in {ReviewStatus.APPROVED, ReviewStatus.INACTIVE}:
        await control.signatures.approve(REVIEWER, signature)
    if status is ReviewStatus.INACTIVE:
        await control.signatures.deactivate(REVIEWER, signature)
    if status is ReviewStatus.REJECTED:
        await control.signatures.reject(REVIEWER, signature, ["mismatch"])
    renamed = msgspec.structs.replace(draft, name="鸿雁云")
    tries: list[tuple[Act, Callable[[], Awaitable[object]]]] = [
        (Act.URGE, lambda: control.signatures.urge(owner, signature)),
        (Act.MODIFY, lambda: control.signatures.change(owner, signature, renamed, acts=acts)),
        (Act.DELETE, lambda: control.signatures.delete(owner, signature, acts=acts)),
    ]
    for act, doing in tries:
        if act is Act.DELETE and status is ReviewStatus.REJECTED:
            await control.signatures.reject(REVIEWER, signature, ["mismatch"])  # it was modified
        if act in acts[status]:
            await doing()
        else:
            assert (await refused(doing())).why == f"signature_{status}"


async def test_an_inactive_signature_is_used_again_once_that_is_approved(control: ControlPlane) -> None:
    owner = await tenant(control)
    signature = (await control.signatures.add(OPERATOR, its(owner), SIGNATURE)).id
    await control.signatures.approve(REVIEWER, signature)
    await control.signatures.deactivate(REVIEWER, signature)
    assert (await control.signatures.get(owner, signature)).state is SignatureState.TO_BE_ACTIVATED
    await control.signatures.activate(owner, signature)
    assert (await control.signatures.get(owner, signature)).state is SignatureState.PENDING_ACTIVATE
    await control.signatures.reject(REVIEWER, signature, note="not yet")
    assert (await control.signatures.get(owner, signature)).row.status is ReviewStatus.INACTIVE
    await control.signatures.activate(owner, signature)
    await control.signatures.approve(REVIEWER, signature)
    assert (its(owner), "鸿雁科技", Scope.MAINLAND) in (await control.snapshots.load()).signatures


async def test_filing_is_noted_step_by_step_and_failing_lets_it_be_changed(control: ControlPlane) -> None:
    owner = await tenant(control)
    signature = (await control.signatures.add(OPERATOR, its(owner), SIGNATURE)).id
    await control.signatures.approve(REVIEWER, signature)
    assert (await refused(control.signatures.file(REVIEWER, signature, Filing.REGISTERED))).why == "filing_order"
    for filing in (Filing.PROCESSING, Filing.REGISTERING):
        await control.signatures.file(REVIEWER, signature, filing)
        # It was approved before filing was asked for: it stays in use.
        assert (await control.signatures.get(owner, signature)).state is SignatureState.REVIEW_PASSED_REAL_NAME_REGISTRATING
        assert (its(owner), "鸿雁科技", Scope.MAINLAND) in (await control.snapshots.load()).signatures
    await control.signatures.file(REVIEWER, signature, Filing.FAILED, "主体不一致")
    assert (await control.signatures.get(owner, signature)).state is SignatureState.REVIEW_PASSED_REAL_NAME_REGISTRATE_FAIL
    await control.signatures.change(OPERATOR, signature, msgspec.structs.replace(SIGNATURE, name="鸿雁云"))
    snapshot = await control.snapshots.load()
    assert not [name for account, name, _ in snapshot.signatures if account == its(owner)]


async def test_a_change_of_an_approved_qualification_leaves_it_good_until_it_is_decided(control: ControlPlane) -> None:
    owner = await tenant(control)
    qualification = await qualified(control, owner)
    await control.qualifications.approve(REVIEWER, qualification)
    before = await control.qualifications.get(owner, qualification)
    wanted = QualificationDraft(name="renamed", company="鸿雁云有限公司", credit_code=CODE, documents=before.documents)
    await control.qualifications.change(owner, qualification, wanted)
    waiting = await control.qualifications.get(owner, qualification)
    assert (waiting.status, waiting.company) == (QualificationStatus.CHANGE_PENDING, "鸿雁科技有限公司")
    await control.qualifications.reject(REVIEWER, qualification, ["not_found"])
    kept = await control.qualifications.get(owner, qualification)
    assert (kept.status, kept.company) == (QualificationStatus.CHANGE_REJECTED, "鸿雁科技有限公司")
    await control.qualifications.change(owner, qualification, wanted)
    await control.qualifications.approve(REVIEWER, qualification)
    changed = await control.qualifications.get(owner, qualification)
    assert (changed.status, changed.company, changed.change) == (QualificationStatus.APPROVED, "鸿雁云有限公司", None)


async def test_a_qualification_is_not_given_a_name_that_another_has(control: ControlPlane) -> None:
    owner = await tenant(control)
    first = await qualified(control, owner, company="一号有限公司")
    await control.qualifications.approve(REVIEWER, first)
    row = await control.qualifications.get(owner, first)
    draft = QualificationDraft(name="二号有限公司", company=row.company, credit_code=CODE, documents=row.documents)
    await control.qualifications.change(owner, first, draft)
    second = await qualified(control, owner, company="二号有限公司")
    assert (await refused(control.qualifications.approve(REVIEWER, first))).why == "qualification_exists"
    await control.qualifications.reject(REVIEWER, first, note="name taken")
    assert (await refused(control.qualifications.change(owner, first, draft))).why == "qualification_exists"
    assert (await refused(control.qualifications.add(owner, its(owner), draft))).why == "qualification_exists"
    await control.qualifications.delete(owner, second)
    await control.qualifications.change(owner, first, draft)
    await control.qualifications.approve(REVIEWER, first)
    assert (await control.qualifications.get(owner, first)).name == "二号有限公司"


async def test_more_papers_can_be_asked_for(control: ControlPlane) -> None:
    owner = await tenant(control)
    qualification = await qualified(control, owner)
    [review] = await control.review.page(owner, subject_id=qualification, kind=ReviewKind.QUALIFICATION)
    await control.review.ask(REVIEWER, review.id, ["unreadable"])
    row = await control.qualifications.get(owner, qualification)
    assert (row.status, row.reasons) == (QualificationStatus.INCOMPLETE, ("unreadable",))
    draft = QualificationDraft(name=row.name, company=row.company, credit_code=CODE, documents=row.documents)
    assert (await control.qualifications.change(owner, qualification, draft)).status is QualificationStatus.PENDING


async def test_by_the_rules_in_force_today_a_signature_needs_a_qualification_and_is_filed_before_it_is_used(
    database: Database, clock: Clock, tmp_path: Path
) -> None:
    box = SecretBox(bytes(32), os.urandom)
    today = assemble(
        database, box, clock=clock, entropy=os.urandom, check_url=lambda _url: None, rules=CURRENT, blobs=Directory(tmp_path / "d")
    )
    owner = await tenant(today)
    proof = await today.documents.add(owner, its(owner), "licence.png", picture())
    with_proof = msgspec.structs.replace(SIGNATURE, proofs=(proof.id,))
    assert (await refused(today.signatures.add(owner, its(owner), with_proof))).why == "signature_qualification"
    for closed in (SignatureKind.WEBSITE, SignatureKind.PUBLIC_ACCOUNT, SignatureKind.MINI_PROGRAM):
        of_kind = msgspec.structs.replace(with_proof, kind=closed)
        assert (await refused(today.signatures.add(owner, its(owner), of_kind))).why == "signature_kind"
    filed = msgspec.structs.replace(with_proof, kind=SignatureKind.APP, document_kind=DocumentKind.ICP_FILING)
    assert (await refused(today.signatures.add(owner, its(owner), filed))).why == "signature_document_kind"
    qualification = await qualified(today, owner)
    await today.qualifications.approve(REVIEWER, qualification)
    signature = await today.signatures.add(owner, its(owner), msgspec.structs.replace(SIGNATURE, qualification_id=qualification))
    await today.signatures.approve(REVIEWER, signature.id)
    states = [(await today.signatures.get(owner, signature.id)).state]
    used = [(its(owner), "鸿雁科技", Scope.MAINLAND) in (await today.snapshots.load()).signatures]
    for filing in (Filing.REGISTERING, Filing.REGISTERED):
        await today.signatures.file(REVIEWER, signature.id, filing)
        states.append((await today.signatures.get(owner, signature.id)).state)
        used.append((its(owner), "鸿雁科技", Scope.MAINLAND) in (await today.snapshots.load()).signatures)
    assert states == [
        SignatureState.PROCESSING,
        SignatureState.REAL_NAME_REGISTRATING,
        SignatureState.REVIEW_PROCESSING_COMPLETED,
    ]
    assert used == [False, False, True]


async def test_an_expired_licence_carries_no_new_signature(control: ControlPlane, clock: Clock) -> None:
    owner = await tenant(control)
    licence = await control.documents.add(owner, its(owner), "licence.png", picture())
    draft = QualificationDraft(name="q", company="c", credit_code=CODE, documents=(licence.id,), valid_until=clock.now + 60)
    qualification = (await control.qualifications.add(owner, its(owner), draft)).id
    await control.qualifications.approve(REVIEWER, qualification)
    clock.now += 61
    resting = msgspec.structs.replace(SIGNATURE, qualification_id=qualification)
    assert (await refused(control.signatures.add(owner, its(owner), resting))).why == "qualification_expired"
    assert (await refused(control.qualifications.add(owner, its(owner), draft))).why == "qualification_valid_until"


async def test_an_old_signature_is_given_a_qualification_and_stays_in_use_meanwhile(control: ControlPlane) -> None:
    owner = await tenant(control)
    signature = (await control.signatures.add(OPERATOR, its(owner), SIGNATURE)).id
    await control.signatures.approve(REVIEWER, signature)
    assert (await control.signatures.get(owner, signature)).state is SignatureState.REVIEW_PASSED
    qualification = await qualified(control, owner)
    await control.signatures.supplement(owner, signature, qualification)
    assert (await control.signatures.get(owner, signature)).state is SignatureState.REVIEW_PASSED_QUALIFICATION_PROCESSING
    assert (its(owner), "鸿雁科技", Scope.MAINLAND) in (await control.snapshots.load()).signatures
    await control.qualifications.approve(REVIEWER, qualification)
    assert (await control.signatures.get(owner, signature)).state is SignatureState.REVIEW_PROCESSING_COMPLETED


# What is refused before anybody looks at it.


async def test_all_that_is_wrong_with_a_template_is_told_before_it_is_submitted(control: ControlPlane) -> None:
    owner = await tenant(control)
    await control.words.add(OPERATOR, ["内部暗号"], WordAction.REFUSE)
    content = "在线荷官\u200b等你，内 部 暗 号，{1}和{3}"
    fault = await refused(control.templates.add(owner, its(owner), msgspec.structs.replace(TEMPLATE, kind=Kind.NOTICE, content=content)))
    assert isinstance(fault, LintError)
    found = [finding.code for finding in fault.findings]
    assert sorted(found) == [Flaw.FORBIDDEN_WORD, Flaw.FORBIDDEN_WORD, Flaw.HIDDEN_CHARACTER, Flaw.PLACEHOLDER_GAP]
    assert fault.why == found[0]
    assert (await refused(control.signatures.add(OPERATOR, its(owner), SignatureDraft(name="验证码", scope=Scope.MAINLAND)))).why == (
        Flaw.SIGNATURE_NEUTRAL
    )
    await control.words.remove(OPERATOR, ["内部暗号"])


async def test_what_a_placeholder_stands_for_is_in_the_snapshot(control: ControlPlane) -> None:
    owner = await tenant(control)
    draft = msgspec.structs.replace(
        TEMPLATE, kind=Kind.NOTICE, content="您好{1}，共{2}元", variables=(Variable(about="称呼"), Variable(ValueType.MONEY, "金额"))
    )
    template = await control.templates.add(owner, its(owner), draft)
    await control.templates.approve(REVIEWER, template.id)
    assert (await control.templates.get(owner, template.id)).variables == draft.variables
    assert (await control.snapshots.load()).templates[template.id].values.types == (ValueType.ANY, ValueType.MONEY)


# How many.


async def test_an_application_has_at_most_200_signatures_even_when_asked_at_once(control: ControlPlane, database: Database) -> None:
    owner = await tenant(control)
    mine, other = [(await control.apps.create(OPERATOR, its(owner), name)).app.id for name in ("one", "two")]
    async with database.connection() as conn:
        await conn.execute(
            "insert into signatures (account_id, app_id, name, scope, status, created_at) "
            "select $1, case when n < 100 then $2::bigint end, 's' || n, 0, 'rejected', now() from generate_series(1, 198) n",
            its(owner), mine,
        )  # fmt: skip

    async def add(app_id: int | None, number: int) -> object:
        return await control.signatures.add(
            OPERATOR, its(owner), SignatureDraft(name=f"鸿雁{number}号", scope=Scope.MAINLAND, app_id=app_id)
        )

    outcomes = await asyncio.gather(*(add(mine, n) for n in range(4)), return_exceptions=True)
    assert sorted(isinstance(outcome, ControlError) for outcome in outcomes) == [False, False, True, True]
    assert {outcome.why for outcome in outcomes if isinstance(outcome, ControlError)} == {"too_many_signatures"}
    assert (await refused(add(None, 9))).code is Fault.TOO_MANY
    await add(other, 10)


async def test_an_application_has_at_most_2000_templates(control: ControlPlane, database: Database) -> None:
    owner = await tenant(control)
    async with database.connection() as conn:
        await conn.execute(
            "insert into templates (account_id, name, kind, scope, content, status, created_at) "
            "select $1, 't', 2, 0, '您好', 'rejected', now() from generate_series(1, 1999)", its(owner),
        )  # fmt: skip
    await control.templates.add(owner, its(owner), TEMPLATE)
    assert (await refused(control.templates.add(owner, its(owner), TEMPLATE))).why == "too_many_templates"
    assert await control.templates.total(owner, its(owner)) == 2000


# The desk.


async def test_reviews_are_due_by_working_hours_and_urging_moves_one_to_the_front(control: ControlPlane, clock: Clock) -> None:
    owner = await tenant(control)
    first = await control.templates.add(owner, its(owner), TEMPLATE)
    clock.now += 60
    second = await control.templates.add(owner, its(owner), TEMPLATE)
    reviews = {row.subject_id: row for row in await control.review.page(owner, kind=ReviewKind.TEMPLATE)}
    assert reviews[first.id].due_at == MONDAY_TEN + 2 * 3600
    signature = await control.signatures.add(OPERATOR, its(owner), SIGNATURE)
    [review] = await control.review.page(owner, kind=ReviewKind.SIGNATURE)
    assert (review.subject_id, review.due_at) == (signature.id, clock.now + 4.5 * 3600)
    clock.now += 60
    await control.templates.urge(owner, second.id)
    assert (await refused(control.templates.urge(owner, second.id))).code is Fault.TOO_MANY
    mine = [row.subject_id for row in await control.review.queue(REVIEWER, kinds=[ReviewKind.TEMPLATE]) if row.account_id == its(owner)]
    assert mine == [second.id, first.id]
    paged = await control.review.queue(REVIEWER, kinds=[ReviewKind.TEMPLATE], after_id=reviews[second.id].id)
    assert second.id not in {row.subject_id for row in paged}


async def test_who_has_a_review_in_hand_keeps_it_for_half_an_hour(control: ControlPlane, clock: Clock) -> None:
    owner = await tenant(control)
    template = await control.templates.add(owner, its(owner), TEMPLATE)
    [review] = await control.review.page(owner, subject_id=template.id, kind=ReviewKind.TEMPLATE)
    await control.review.claim(REVIEWER, review.id)
    for doing in (control.review.claim, control.review.approve, control.review.release):
        assert (await refused(doing(OTHER_REVIEWER, review.id))).why == "review_claimed"
    clock.now += CLAIM_S + 1
    await control.review.claim(OTHER_REVIEWER, review.id)
    closed = await control.review.approve(OTHER_REVIEWER, review.id)
    assert (closed.decided_by, closed.state) == ("reviewer two", ReviewState.APPROVED)
    assert (await refused(control.review.approve(OTHER_REVIEWER, review.id))).why == "review_decided"
    assert (await control.review.get(owner, review.id)).decided_name == ""


async def test_two_reviewers_who_ask_for_the_next_get_different_ones(control: ControlPlane, database: Database) -> None:
    async with database.connection() as conn:
        await conn.execute("update reviews set state = 'withdrawn' where state = 'pending'")
    owner = await tenant(control)
    for _ in range(4):
        await control.templates.add(owner, its(owner), TEMPLATE)
    taken = await asyncio.gather(*(control.review.claim_next(person(Role.REVIEWER, None, f"r{n}")) for n in range(6)))
    ids = [review.id for review in taken if review is not None]
    assert len(ids) == len(set(ids)) == 4


async def test_a_decision_taken_by_two_at_once_is_taken_once(control: ControlPlane) -> None:
    owner = await tenant(control)
    template = await control.templates.add(owner, its(owner), TEMPLATE)
    [review] = await control.review.page(owner, subject_id=template.id, kind=ReviewKind.TEMPLATE)
    outcomes = await asyncio.gather(
        control.review.approve(REVIEWER, review.id), control.review.reject(OTHER_REVIEWER, review.id, ["forbidden"]), return_exceptions=True
    )
    assert sorted(isinstance(outcome, ControlError) for outcome in outcomes) == [False, True]


async def test_applicants_and_reviewers_who_act_at_once_never_hold_each_other_up_for_ever(control: ControlPlane) -> None:
    owner = await tenant(control)
    qualification = await qualified(control, owner)
    draft = msgspec.structs.replace(SIGNATURE, qualification_id=qualification)
    signature = (await control.signatures.add(owner, its(owner), draft)).id
    template = (await control.templates.add(owner, its(owner), TEMPLATE)).id
    row = await control.qualifications.get(owner, qualification)
    again = QualificationDraft(name=row.name, company=row.company, credit_code=CODE, documents=row.documents)

    async def decide(reject: bool) -> None:
        for review in await control.review.queue(REVIEWER):
            if review.account_id == its(owner):
                deciding = control.review.reject(REVIEWER, review.id, note="no") if reject else control.review.approve(REVIEWER, review.id)
                with contextlib.suppress(ControlError):
                    await deciding

    async def apply(which: int) -> None:
        acts: list[Callable[[], Awaitable[object]]] = [
            lambda: control.signatures.change(owner, signature, draft, acts=TENCENT_ACTS),
            lambda: control.qualifications.change(owner, qualification, again),
            lambda: control.templates.change(owner, template, TEMPLATE, acts=TENCENT_ACTS),
            lambda: control.qualifications.reject(REVIEWER, qualification, note="no"),
            lambda: control.signatures.reject(REVIEWER, signature, note="no"),
        ]
        with contextlib.suppress(ControlError):
            await acts[which % len(acts)]()

    async with asyncio.timeout(60):
        for _ in range(4):
            await asyncio.gather(*(apply(n) if n % 3 else decide(n % 2 == 0) for n in range(24)))
    assert await control.audit.verify() is None
    # What waits has one review that is open, what does not has none; what is approved is in the snapshot, and nothing else.
    open_ones = [(review.kind, review.subject_id) for review in await control.review.page(owner, state=ReviewState.PENDING)]
    shown = await control.signatures.get(owner, signature)
    waits = {
        (ReviewKind.SIGNATURE, signature): shown.row.status is ReviewStatus.PENDING,
        (ReviewKind.TEMPLATE, template): (await control.templates.get(owner, template)).status is ReviewStatus.PENDING,
        (ReviewKind.QUALIFICATION, qualification): (await control.qualifications.get(owner, qualification)).status
        in {QualificationStatus.PENDING, QualificationStatus.CHANGE_PENDING},
    }
    assert sorted(open_ones) == sorted(subject for subject, waiting in waits.items() if waiting)
    snapshot = await control.snapshots.load()
    assert ((its(owner), SIGNATURE.name, Scope.MAINLAND) in snapshot.signatures) == (shown.row.status is ReviewStatus.APPROVED)
    assert (template in snapshot.templates) == ((await control.templates.get(owner, template)).status is ReviewStatus.APPROVED)


async def test_a_refusal_says_why_to_the_applicant_and_in_a_notice(control: ControlPlane, database: Database) -> None:
    owner = await tenant(control)
    template = await control.templates.add(owner, its(owner), TEMPLATE)
    assert (await refused(control.templates.reject(REVIEWER, template.id))).code is Fault.INVALID
    assert (await refused(control.templates.reject(REVIEWER, template.id, ["nonsense"]))).code is Fault.INVALID
    await control.templates.reject(REVIEWER, template.id, ["unclear"], "请写场景")
    async with database.connection() as conn:
        [facts] = await conn.fetch("select kind, app_id, facts from notices where account_id = $1", its(owner))
    told = msgspec.json.decode(facts["facts"])
    assert (facts["kind"], told["id"], told["approved"], told["name"]) == ("template", template.id, False, "code")
    assert told["reasons"].endswith("请写场景")


@pytest.mark.parametrize(("rule", "plain"), [("plain-templates", True), ("everything", True), ("everything", False), (None, True)])
async def test_rules_approve_by_themselves_when_they_are_switched_on(control: ControlPlane, rule: str | None, plain: bool) -> None:
    owner = await tenant(control)
    if rule is not None:
        await control.review.switch_rule(OPERATOR, rule, on=True)
    content = TEMPLATE.content if plain else TEMPLATE.content + " www.hongyan.example"
    template = await control.templates.add(owner, its(owner), msgspec.structs.replace(TEMPLATE, content=content))
    assert (template.status is ReviewStatus.APPROVED) == (rule is not None)
    assert (template.id in (await control.snapshots.load()).templates) == (rule is not None)
    if rule is not None:
        await control.review.switch_rule(OPERATOR, rule, on=False)
        [review] = await control.review.page(OPERATOR, kind=ReviewKind.TEMPLATE, subject_id=template.id)
        assert review.decided_by == rule


async def test_a_signature_named_after_its_company_is_approved_by_rule_when_the_qualification_is(control: ControlPlane) -> None:
    owner = await tenant(control)
    qualification = await qualified(control, owner, company="专名科技有限公司")
    await control.review.switch_rule(OPERATOR, "company-signatures", on=True)
    named = await control.signatures.add(
        owner, its(owner), SignatureDraft(name="专名科技", scope=Scope.MAINLAND, qualification_id=qualification)
    )
    other = await control.signatures.add(
        owner, its(owner), SignatureDraft(name="专名", scope=Scope.MAINLAND, qualification_id=qualification)
    )
    await control.qualifications.approve(REVIEWER, qualification)
    await control.review.switch_rule(OPERATOR, "company-signatures", on=False)
    assert (await control.signatures.get(owner, named.id)).row.status is ReviewStatus.APPROVED
    assert (await control.signatures.get(owner, other.id)).row.status is ReviewStatus.PENDING
    assert (its(owner), "专名科技", Scope.MAINLAND) in (await control.snapshots.load()).signatures


async def test_a_reviewer_sees_who_else_has_the_name_or_the_company_and_no_rule_approves_then(control: ControlPlane) -> None:
    first, second = await tenant(control), await tenant(control)
    drafts = []
    for owner in (first, second):
        qualification = await qualified(control, owner, company="独家科技有限公司")
        await control.qualifications.approve(REVIEWER, qualification)
        drafts.append(SignatureDraft(name="独家科技", scope=Scope.MAINLAND, qualification_id=qualification))
    await control.review.switch_rule(OPERATOR, "company-signatures", on=True)
    mine = await control.signatures.add(first, its(first), drafts[0])
    theirs = await control.signatures.add(second, its(second), drafts[1])
    await control.review.switch_rule(OPERATOR, "company-signatures", on=False)
    assert (mine.status, theirs.status) == (ReviewStatus.APPROVED, ReviewStatus.PENDING)
    [review] = await control.review.page(REVIEWER, kind=ReviewKind.SIGNATURE, subject_id=theirs.id)
    assert review.facts["others"] == [its(first)]
    [review] = await control.review.page(REVIEWER, kind=ReviewKind.QUALIFICATION, account_id=its(second))
    assert its(first) in review.facts["others"]
    for review in await control.review.page(second):
        assert "others" not in review.facts
        assert "others" not in (await control.review.get(second, review.id)).facts


# Who may.


async def test_another_account_s_papers_are_as_absent_as_those_that_never_were(control: ControlPlane) -> None:
    owner, stranger = await tenant(control), await tenant(control)
    licence = await control.documents.add(owner, its(owner), "licence.png", picture())
    qualification = await qualified(control, owner)
    signature = (await control.signatures.add(OPERATOR, its(owner), SIGNATURE)).id
    template = (await control.templates.add(owner, its(owner), TEMPLATE)).id
    review = (await control.review.page(owner))[0].id
    draft = QualificationDraft(name="q", company="c", credit_code=CODE, documents=(licence.id,))
    never = 10**12
    for which in (
        lambda n: control.documents.read(stranger, n or licence.id),
        lambda n: control.documents.get(stranger, n or licence.id),
        lambda n: control.documents.delete(stranger, n or licence.id),
        lambda n: control.qualifications.get(stranger, n or qualification),
        lambda n: control.qualifications.urge(stranger, n or qualification),
        lambda n: control.qualifications.delete(stranger, n or qualification),
        lambda n: control.qualifications.add(stranger, its(stranger), msgspec.structs.replace(draft, documents=(n or licence.id,))),
        lambda n: control.signatures.get(stranger, n or signature),
        lambda n: control.signatures.urge(stranger, n or signature),
        lambda n: control.signatures.activate(stranger, n or signature),
        lambda n: control.signatures.delete(stranger, n or signature),
        lambda n: control.signatures.change(stranger, n or signature, msgspec.structs.replace(SIGNATURE, scope=Scope.INTERNATIONAL)),
        lambda n: control.signatures.add(stranger, its(stranger), msgspec.structs.replace(SIGNATURE, qualification_id=n or qualification)),
        lambda n: control.signatures.add(stranger, its(stranger), msgspec.structs.replace(SIGNATURE, proofs=(n or licence.id,))),
        lambda n: control.templates.get(stranger, n or template),
        lambda n: control.templates.urge(stranger, n or template),
        lambda n: control.templates.delete(stranger, n or template),
        lambda n: control.templates.change(stranger, n or template, TEMPLATE),
        lambda n: control.review.get(stranger, n or review),
    ):
        there, nowhere = await refused(which(0)), await refused(which(never))
        assert there.code is nowhere.code is Fault.NOT_FOUND
        assert [char for char in there.en if not char.isdigit()] == [char for char in nowhere.en if not char.isdigit()]
    for page in (control.documents.page, control.qualifications.page, control.signatures.page, control.templates.page, control.review.page):
        assert await page(stranger) == []
        assert (await refused(page(stranger, account_id=its(owner)))).code is Fault.NOT_FOUND


async def test_readers_do_not_apply_and_tenants_do_not_review(control: ControlPlane) -> None:
    owner = await tenant(control)
    reader = person(Role.READER, its(owner))
    template = (await control.templates.add(owner, its(owner), TEMPLATE)).id
    for doing in (
        control.templates.add(reader, its(owner), TEMPLATE),
        control.documents.add(reader, its(owner), "x.png", picture()),
        control.templates.approve(owner, template),
        control.templates.reject(owner, template, ["unclear"]),
        control.templates.deactivate(owner, template),
        control.review.queue(owner),
        control.review.rules(owner),
        control.review.switch_rule(REVIEWER, "everything", on=True),
        control.review.claim_next(owner),
    ):
        assert (await refused(doing)).code is Fault.NOT_ALLOWED
    assert (await control.templates.get(reader, template)).status is ReviewStatus.PENDING


# Documents.


async def test_a_document_comes_back_as_it_was_and_lies_sealed(control: ControlPlane, tmp_path: Path) -> None:
    owner = await tenant(control)
    added = await control.documents.add(owner, its(owner), "../../etc/营业执照\u202egnp.exe", picture() + b"<script>")
    assert (added.media_type, added.name) == ("image/png", "营业执照gnp.png")
    read = await control.documents.read(REVIEWER, added.id)
    assert read.content == picture()
    assert (await control.documents.read(owner, added.id)).content == picture()
    # That a reviewer looked at it is noted.
    assert [row.actor for row in await control.audit.page(OPERATOR, account_id=its(owner)) if row.action == "document.read"] == [
        "reviewer one"
    ]
    again = await control.documents.add(owner, its(owner), "again.png", picture())
    assert (again.id, again.place) == (added.id, added.place)
    stored = [path for path in (tmp_path / "documents").rglob("*") if path.is_file()]
    assert len(stored) == 1
    assert b"PNG" not in stored[0].read_bytes()
    assert (tmp_path / "documents").stat().st_mode & 0o077 == 0


async def test_a_document_in_use_stays_and_one_that_is_not_goes_with_its_bytes(control: ControlPlane, tmp_path: Path) -> None:
    owner = await tenant(control)
    qualification = await qualified(control, owner)
    [licence] = (await control.qualifications.get(owner, qualification)).documents
    assert (await refused(control.documents.delete(owner, licence))).why == "document_in_use"
    await control.qualifications.delete(owner, qualification)
    await control.documents.delete(owner, licence)
    assert [path for path in (tmp_path / "documents").rglob("*") if path.is_file()] == []


async def test_the_same_content_added_and_deleted_at_once_is_never_a_row_without_bytes(control: ControlPlane) -> None:
    owner = await tenant(control)

    async def add() -> None:
        await control.documents.add(owner, its(owner), "x.png", picture())

    async def delete() -> None:
        for row in await control.documents.page(owner):
            with contextlib.suppress(ControlError):  # somebody was faster
                await control.documents.delete(owner, row.id)

    await asyncio.gather(*(add() if n % 2 else delete() for n in range(20)))
    for row in await control.documents.page(owner):
        assert (await control.documents.read(owner, row.id)).content == picture()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "document_empty"), (b"MZ\x90", "document_unknown"), (picture()[:-3], "document_broken"),
        (b"\0" * (5 * 1024 * 1024 + 1), "document_too_large"),
    ],
)  # fmt: skip
async def test_what_is_no_document_is_refused_with_the_reason(control: ControlPlane, content: bytes, why: str) -> None:
    owner = await tenant(control)
    assert (await refused(control.documents.add(owner, its(owner), "x.png", content))).why == why
