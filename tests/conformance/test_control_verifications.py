"""Account verification on a real PostgreSQL: papers, a reviewer, and what follows."""

import asyncio
import itertools
import os
import zlib
from pathlib import Path

import msgspec
import pytest

from acting import OPERATOR
from hongyan.control.errors import ControlError, Fault
from hongyan.control.plane import ControlPlane, assemble
from hongyan.kit.blobs import Directory
from hongyan.kit.db import Database
from hongyan.kit.secretbox import SecretBox
from hongyan.model.actor import GRANTS, Actor, ActorKind, Role
from hongyan.model.credit_code import check_letter
from hongyan.model.identity import VerificationDraft, VerificationStatus, is_identity_number, masked_number
from hongyan.model.papers import ReviewKind
from hongyan.model.snapshot import AccountKind, Scope

MONDAY_TEN = 1_795_399_200.0
"""2026-11-23, 10:00 in Asia/Shanghai."""
BODY = "91310000MA1K3YQ6X"
CODE = BODY + check_letter(BODY)
PERSON = "11010519491231002X"
"""The sample of the standard."""
REVIEWER = Actor(kind=ActorKind.USER, id="77", name="reviewer", permissions=GRANTS[Role.REVIEWER])

numbers = itertools.count(1)


class Clock:
    now = MONDAY_TEN

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def control(database: Database, clock: Clock, tmp_path: Path) -> ControlPlane:
    box, blobs = SecretBox(bytes(32), os.urandom), Directory(tmp_path / "documents")
    return assemble(database, box, clock=clock, entropy=os.urandom, check_url=lambda _url: None, blobs=blobs)


def picture() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    head = (1).to_bytes(4) + (1).to_bytes(4) + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


async def newcomer(control: ControlPlane, kind: AccountKind = AccountKind.ENTERPRISE) -> tuple[Actor, int, int]:
    """An owner, their account that nobody has looked at yet, and a document of theirs."""
    account = (await control.accounts.create(OPERATOR, f"newcomer {next(numbers)}", kind, verified=False)).id
    owner = Actor(kind=ActorKind.USER, id="7", name="owner", permissions=GRANTS[Role.OWNER], account_id=account)
    document = await control.documents.add(owner, account, "licence.png", picture())
    return owner, account, document.id


def enterprise(document: int) -> VerificationDraft:
    return VerificationDraft(kind=AccountKind.ENTERPRISE, name="鸿雁科技有限公司", number=CODE.lower(), documents=(document, document))


async def refused(asked: object) -> ControlError:
    with pytest.raises(ControlError) as caught:
        await asked  # type: ignore[misc]
    return caught.value


async def test_an_account_buys_nothing_before_somebody_has_looked_at_who_it_is(control: ControlPlane) -> None:
    owner, account, document = await newcomer(control)
    app = (await control.apps.create(OPERATOR, account, "shop")).app.id
    assert (await refused(control.packages.buy(OPERATOR, app, Scope.MAINLAND, 100))).why == "account_not_verified"
    applied = await control.verifications.apply(owner, account, enterprise(document))
    assert (applied.status, applied.number_shown, applied.documents) == (VerificationStatus.PENDING, CODE, (document,))
    [waiting] = [row for row in await control.review.queue(REVIEWER, kinds=[ReviewKind.ACCOUNT]) if row.account_id == account]
    await control.review.approve(REVIEWER, waiting.id)
    found = await control.accounts.get(owner, account)
    assert (found.kind, found.verified_at, found.verified_name) == (AccountKind.ENTERPRISE, MONDAY_TEN, "鸿雁科技有限公司")
    await control.packages.buy(OPERATOR, app, Scope.MAINLAND, 100)
    actions = [row.action for row in await control.audit.page(owner)]
    assert {"account.submit", "account.approve", "account.verified"} <= set(actions)
    assert (await refused(control.documents.delete(owner, document))).code is Fault.IN_USE


async def test_a_person_s_number_is_masked_and_looking_at_it_is_noted(control: ControlPlane, database: Database) -> None:
    owner, account, document = await newcomer(control, AccountKind.INDIVIDUAL)
    draft = VerificationDraft(kind=AccountKind.INDIVIDUAL, name="张三", number=PERSON, documents=(document,))
    applied = await control.verifications.apply(owner, account, draft)
    assert applied.number_shown == "110*************2X"
    assert await control.verifications.number(REVIEWER, applied.id) == PERSON
    assert (await refused(control.verifications.number(owner, applied.id))).code is Fault.NOT_ALLOWED
    async with database.connection() as conn:
        kept = str([dict(row) for table in ("verifications", "reviews", "audit_log") for row in await conn.fetch(f"select * from {table}")])
    assert PERSON not in kept
    assert "account.reveal" in kept
    await control.verifications.approve(REVIEWER, account)
    assert (await control.accounts.get(owner, account)).kind is AccountKind.INDIVIDUAL


async def test_a_person_s_account_may_become_an_enterprise_s_and_never_the_other_way_round(control: ControlPlane) -> None:
    owner, account, document = await newcomer(control, AccountKind.INDIVIDUAL)
    person = VerificationDraft(kind=AccountKind.INDIVIDUAL, name="张三", number=PERSON, documents=(document,))
    await control.verifications.apply(owner, account, person)
    await control.verifications.approve(REVIEWER, account)
    await control.verifications.apply(owner, account, enterprise(document))
    await control.verifications.approve(REVIEWER, account)
    assert (await control.snapshots.load()).accounts[account].kind is AccountKind.ENTERPRISE
    assert (await refused(control.verifications.apply(owner, account, person))).why == "verification_downgrade"


async def test_what_was_rejected_can_be_handed_in_again_and_says_why(control: ControlPlane, clock: Clock) -> None:
    owner, account, document = await newcomer(control)
    await control.verifications.apply(owner, account, enterprise(document))
    assert (await refused(control.verifications.apply(owner, account, enterprise(document)))).why == "verification_pending"
    await control.verifications.urge(owner, account)
    assert (await refused(control.verifications.urge(owner, account))).code is Fault.TOO_MANY
    rejected = await control.verifications.reject(REVIEWER, account, ("unreadable",), "page two")
    assert (rejected.status, rejected.reasons, rejected.note) == (VerificationStatus.REJECTED, ("unreadable",), "page two")
    assert (await control.accounts.get(owner, account)).verified_at is None
    clock.now += 60
    await control.verifications.apply(owner, account, enterprise(document))
    assert (await control.verifications.withdraw(owner, account)).status is VerificationStatus.WITHDRAWN
    assert (await refused(control.verifications.approve(REVIEWER, account))).why == "not_pending"
    states = [row.status for row in await control.verifications.page(owner)]
    assert states == [VerificationStatus.WITHDRAWN, VerificationStatus.REJECTED]
    assert [row for row in await control.review.queue(REVIEWER, kinds=[ReviewKind.ACCOUNT]) if row.account_id == account] == []


async def test_a_reviewer_does_not_decide_on_what_their_own_account_applied_for(control: ControlPlane) -> None:
    owner, account, document = await newcomer(control)
    made = await control.users.create(OPERATOR, f"reviewer-{account}@example.com", "Reviewer", Role.REVIEWER)
    await control.members.add(OPERATOR, account, made.email, Role.READER)
    reviewer = Actor(kind=ActorKind.USER, id=str(made.user_id), name=made.email, permissions=GRANTS[Role.REVIEWER])
    await control.verifications.apply(owner, account, enterprise(document))
    assert (await refused(control.verifications.approve(reviewer, account))).why == "own_application"
    administrator = msgspec.structs.replace(reviewer, permissions=GRANTS[Role.ADMINISTRATOR])
    assert (await control.verifications.approve(administrator, account)).status is VerificationStatus.APPROVED


async def test_more_papers_can_be_asked_for(control: ControlPlane) -> None:
    owner, account, document = await newcomer(control)
    await control.verifications.apply(owner, account, enterprise(document))
    [waiting] = [row for row in await control.review.queue(REVIEWER, kinds=[ReviewKind.ACCOUNT]) if row.account_id == account]
    await control.review.ask(REVIEWER, waiting.id, ["bad_authorisation"])
    assert (await control.verifications.page(owner))[0].status is VerificationStatus.INCOMPLETE
    assert (await control.verifications.apply(owner, account, enterprise(document))).status is VerificationStatus.PENDING


async def test_two_who_hand_in_at_once_hand_in_once(control: ControlPlane) -> None:
    owner, account, document = await newcomer(control)
    asked = (control.verifications.apply(owner, account, enterprise(document)) for _ in range(4))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, ControlError) for answer in answers) == 3


async def test_only_owners_hand_in_and_only_for_their_own_account_with_their_own_papers(control: ControlPlane) -> None:
    owner, account, document = await newcomer(control)
    stranger, other, theirs = await newcomer(control)
    for role in (Role.DEVELOPER, Role.FINANCE, Role.READER):
        somebody = Actor(kind=ActorKind.USER, id="8", name=role, permissions=GRANTS[role], account_id=account)
        assert (await refused(control.verifications.apply(somebody, account, enterprise(document)))).code is Fault.NOT_ALLOWED
    assert (await refused(control.verifications.apply(owner, other, enterprise(theirs)))).code is Fault.NOT_FOUND
    assert (await refused(control.verifications.apply(owner, account, enterprise(theirs)))).code is Fault.NOT_FOUND
    assert (await refused(control.verifications.page(owner, account_id=other))).code is Fault.NOT_FOUND
    assert (await refused(control.verifications.approve(owner, account))).code is Fault.NOT_ALLOWED
    await control.verifications.apply(stranger, other, enterprise(theirs))
    assert await control.verifications.page(owner) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"number": CODE[:-1] + ("0" if CODE[-1] != "0" else "1")}, "verification_credit_code"),
        ({"number": PERSON}, "verification_credit_code"),
        ({"kind": AccountKind.INDIVIDUAL}, "verification_identity_number"),
        ({"documents": ()}, "verification_documents"),
        ({"documents": tuple(range(1, 8))}, "verification_documents"),
    ],
)
async def test_papers_that_cannot_be_right_are_refused_before_anybody_looks(
    control: ControlPlane, change: dict[str, object], why: str
) -> None:
    owner, account, document = await newcomer(control)
    draft = msgspec.structs.replace(enterprise(document), **change)
    assert (await refused(control.verifications.apply(owner, account, draft))).why == why


@pytest.mark.parametrize("wrong", ["", "110105194912310021", "11010519491301002X", "1101051949123100", "11010519491231００2X", "x" * 18])
def test_an_identity_number_agrees_with_its_check_and_has_a_birthday(wrong: str) -> None:
    assert is_identity_number(PERSON)
    assert not is_identity_number(wrong)
    assert masked_number(PERSON).count("*") == 13
