"""A hundred thousand receipts, repeated, shuffled, ahead of their answers, ids spelt otherwise: each is applied exactly once."""

import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from acting import OPERATOR
from hongyan.model.carrier import Receipt, Submitted, Verdict
from hongyan.model.message import Kind, Message, Status
from hongyan.model.snapshot import Scope
from hongyan.model.text import Alphabet
from hongyan.pipeline.conclude import reference_of
from hongyan.pipeline.ports import Delivery, OutboundSegment, SegmentOutcome
from hongyan.store import tallies
from journeys.rig import LINK, Rig, running_rig

pytestmark = pytest.mark.slow

LONG_MESSAGES, LONG = 2_000, 3
REPEATED = 0.05
AT_ONCE = 500
"""So many answers and receipts come between two looks at the clock."""
TURN_S = 0.1
FIRST_ID = 10**15
FIRST_PHONE = 8613700000000

SPELLINGS: tuple[tuple[str, str], ...] = (
    ("{}", "{}"),
    ("{}", "{:x}"),
    ("{:x}", "{}"),
    ("{:x}", "{:X}"),
    ("{}", "{:020d}"),
    ("{}", "  {}"),
    ("{:X}", "{:x} "),
    ("{:016x}", "{:X}"),
    ("{:020d}", "{:X}"),
)
"""How carriers write one number in the answer and in the receipt."""

INSERT = """
with m as (
    insert into messages (app_id, id, phone, accepted_at, expires_at, kind, dialect, segments, template_id, signature_id, package_id,
                          content_hash, region, text, session_context, extend, sender_id, request_id)
    select $1, id, phone, $2::timestamptz, $2::timestamptz + interval '1 day', 2, 1, segments, 1, 1, $3, 0, 'CN', '', '', '', '', ''
      from unnest($4::bigint[], $5::bigint[], $6::smallint[]) u(id, phone, segments)
), q as (
    insert into queue (app_id, id, kind, way, not_before, owner, attempted_at, attempts, link_id)
    select $1, id, 2, 0, $2::timestamptz, $7, $2::timestamptz, 1, $8 from unnest($4::bigint[]) u(id)
), l as (insert into ledger_entries (app_id, package_id, kind, segments, at, note) values ($1, $3, 'hold', $9, $2::timestamptz, 'flood'))
update packages set available = available - $9, held = held + $9 where app_id = $1 and id = $3
"""


class Sent(msgspec.Struct, frozen=True):
    """A segment with a carrier, and what that will say of it."""

    segment: OutboundSegment
    answer_id: str
    receipt_id: str
    verdict: Verdict


@pytest.fixture
async def rig(database_url: str) -> AsyncIterator[Rig]:
    async with running_rig(database_url) as made:
        yield made


def made_up(rig: Rig, receipts: int, chance: random.Random) -> list[Sent]:
    """As many segments as there are to be receipts."""
    sent: list[Sent] = []
    messages = receipts - LONG_MESSAGES * (LONG - 1)
    for number in range(messages):
        total = LONG if number < LONG_MESSAGES else 1
        message_id = rig.engine.new_id()
        for sequence in range(1, total + 1):
            answer, receipt = chance.choice(SPELLINGS)
            segment = OutboundSegment(
                app_id=rig.app.id,
                message_id=message_id,
                sequence=sequence,
                total=total,
                phone=FIRST_PHONE + number,
                sender_id="",
                alphabet=Alphabet.GSM7,
                text="",
                udh_reference=0,
                reference=reference_of(message_id, sequence),
                validity_s=300,
            )
            verdict = Verdict.FAILED if total == 1 and chance.random() < 0.1 else Verdict.DELIVERED
            number_there = FIRST_ID + len(sent)
            sent.append(Sent(segment, answer.format(number_there), receipt.format(number_there), verdict))
    return sent


def shuffled(sent: list[Sent], chance: random.Random) -> Iterator[tuple[Sent, bool]]:
    """Answers (False) and receipts (True) as they arrive: about a third of the receipts before their answers, some twice."""
    arrivals: list[tuple[float, int, bool]] = []
    for place in range(len(sent)):
        arrivals.append((place, place, False))
        arrivals.append((place + chance.uniform(-2_000, 4_000), place, True))
        if chance.random() < REPEATED:
            arrivals.append((place + chance.uniform(-2_000, 20_000), place, True))
    arrivals.sort()
    return ((sent[place], receipt) for _, place, receipt in arrivals)


async def promise(rig: Rig, sent: list[Sent]) -> None:
    """Put their messages where an engine has them that has just written them to the carrier."""
    messages = {one.segment.message_id: one.segment for one in sent}
    await rig.control.packages.buy(OPERATOR, rig.app.id, Scope.MAINLAND, len(sent) + 1_000)
    package = max(await rig.control.packages.every(OPERATOR, rig.app.id), key=lambda package: package.segments)
    async with rig.db.transaction() as tx:
        await tx.execute(
            INSERT, rig.app.id, rig.at_now, package.id, list(messages), [s.phone for s in messages.values()],
            [s.total for s in messages.values()], rig.engine.id, LINK, len(sent),
        )  # fmt: skip
    by_message = itertools.groupby(sent, key=lambda one: one.segment.message_id)
    for message_id, group in by_message:
        segments = [one.segment for one in group]
        message = Message(rig.app.id, message_id, segments[0].phone, Kind.NOTICE, "", len(segments), "", "", rig.now + 300)
        rig.recorder.expect(message, LINK, segments, [], attempted_at=rig.now)


async def test_every_receipt_is_applied_once_whatever_its_order_and_spelling(rig: Rig, receipts: int) -> None:
    chance = random.Random(2026)  # noqa: S311 - a seeded shuffle
    sent = made_up(rig, receipts, chance)
    await promise(rig, sent)
    began, parked_ever = rig.now, 0
    arrivals = shuffled(sent, chance)
    while batch := list(itertools.islice(arrivals, AT_ONCE)):
        for one, is_receipt in batch:
            if is_receipt:
                code = "DELIVRD" if one.verdict is Verdict.DELIVERED else "UNDELIV"
                told = Receipt(LINK, one.receipt_id, one.verdict, code, one.segment.phone, None, rig.now)
                assert rig.recorder.delivery(rig.link, Delivery(told, ack=None))
            else:
                rig.recorder.outcome(SegmentOutcome(one.segment, LINK, Submitted(one.answer_id), rig.now))
        await rig.written()
        parked_ever = max(parked_ever, await rig.parked())
        rig.now += TURN_S
        await rig.upkeep.retry_parked()
    turns = 0
    while await rig.parked():
        assert turns < 1000, "receipts stay parked"
        turns += 1
        rig.now += 10.0
        await rig.upkeep.retry_parked()

    assert parked_ever > receipts / 1000
    verdicts = Counter(one.verdict for one in sent if one.segment.total == 1)
    failed = verdicts[Verdict.FAILED]
    messages = receipts - LONG_MESSAGES * (LONG - 1)
    async with rig.db.connection() as conn:
        tally = await tallies.of(conn, rig.app.id, from_id=0, to_id=1 << 62, begin=began, end=rig.now + 1)
        assert (tally.settled, tally.delivered, tally.settled_between) == (messages, messages - failed, messages)
        statuses = dict(await conn.fetch("select status, count(*) from settlements where app_id = $1 group by 1", rig.app.id))
        assert statuses == {Status.DELIVERED: messages - failed, Status.FAILED: failed}
        owed = await conn.fetchrow("select count(*), count(distinct i) from outbox o, unnest(o.ids) i where o.app_id = $1", rig.app.id)
        assert tuple(owed) == (messages, messages)
        reports = await conn.fetchval("select count(*) from reports where app_id = $1", rig.app.id)
        assert reports == LONG_MESSAGES * LONG
    held, used = (sum(each) for each in zip(*await rig.balances(), strict=True))
    assert (held, used) == (0, receipts)
    assert len(rig.link.acknowledged) >= receipts
    assert await rig.broken() == {}
