"""Why a message did not arrive: the rules over what is known of it."""

import msgspec
import pytest

from hongyan.control.explain import End as Ended
from hongyan.control.explain import Facts, Reported, Taken, Telling, Waiting, explain, explain_refusal, raw_codes
from hongyan.model.carrier import Verdict
from hongyan.model.causes import Situation, words
from hongyan.model.message import Kind, Status
from hongyan.model.protection import MARKETING_HOURS, hours_began
from hongyan.model.receipt_codes import Category, Stage, meanings
from hongyan.model.reject import Reject
from hongyan.model.replay import request_id, signed_at

NOW = 1_800_000_000.0
ACCEPTED = NOW - 5.0


def facts(**known: object) -> Facts:
    return Facts(**({"now": NOW, "kind": Kind.NOTICE, "segments": 1, "accepted_at": ACCEPTED} | known))  # type: ignore[arg-type]


def taken(*, after: float = 0.1, sequence: int = 1, total: int = 1) -> Taken:
    return Taken(sequence=sequence, total=total, link="one", carrier_id=f"c{sequence}", submitted_at=ACCEPTED + after)


def waiting(*, later: float = 0.0, attempted: bool = False, doubtful: bool = False, linked: bool = True) -> Waiting:
    return Waiting(not_before=ACCEPTED + later, attempted_at=ACCEPTED if attempted else None, doubtful=doubtful, linked=linked)


def end(status: Status, code: str = "", *, charged: int | None = 1, by_link: bool = True, after: float = 1.0) -> Ended:
    return Ended(status, code, charged, by_link, ACCEPTED + after, ACCEPTED + after)


def causes(known: Facts) -> list[str]:
    return [each.cause for each in explain(known)]


@pytest.mark.parametrize(
    ("known", "cause"),
    [
        pytest.param({"waiting": waiting()}, "path.waiting", id="in the queue"),
        pytest.param({"waiting": waiting(linked=False)}, "path.no_link", id="no link serves it"),
        pytest.param({"waiting": waiting(later=5.5)}, "path.retrying", id="back in the queue"),
        pytest.param({"waiting": waiting(attempted=True)}, "path.in_flight", id="no answer yet"),
        pytest.param({"waiting": waiting(attempted=True, doubtful=True)}, "path.doubtful", id="the answer was lost"),
        pytest.param({"waiting": waiting(), "stopped": True}, "path.stopping", id="its application was stopped"),
        pytest.param({"waiting": waiting(later=3600), "kind": Kind.MARKETING}, "path.deferred", id="waits for its hours"),
        pytest.param({"waiting": waiting(later=3), "begins_at": ACCEPTED + 3}, "path.waiting", id="its hours have begun"),
        pytest.param({"held_at": ACCEPTED}, "path.held", id="held"),
        pytest.param({}, "path.in_flight", id="between the queue and the carrier"),
        pytest.param({"taken": [taken()]}, "path.awaiting_receipt", id="no receipt yet"),
        pytest.param({"taken": [taken()], "now": NOW + 600}, "path.no_receipt_yet", id="no receipt for long"),
        pytest.param(
            {
                "taken": [taken(total=2), taken(sequence=2, total=2)],
                "reports": [Reported(1, Verdict.DELIVERED, "DELIVRD", NOW)],
                "segments": 2,
            },
            "path.partly_reported",
            id="one of two segments reported",
        ),
        pytest.param({"taken": [taken()], "end": end(Status.DELIVERED, "DELIVRD")}, "path.delivered", id="delivered"),
        pytest.param({"taken": [taken()], "end": end(Status.DELIVERED, "DELIVRD", after=900)}, "path.delivered_late", id="after long"),
        pytest.param({"end": end(Status.UNKNOWN, "UNKNOWN", charged=None, by_link=False)}, "path.unknown_outcome", id="nobody knows"),
        pytest.param({"end": end(Status.EXPIRED, "EXPIRED", charged=0, by_link=False)}, "path.expired_in_queue", id="never sent"),
        pytest.param(
            {"end": end(Status.EXPIRED, "EXPIRED", charged=0, by_link=False), "doubts": 1}, "path.expired_unknown", id="never known"
        ),
        pytest.param({"end": end(Status.EXPIRED, "EXPIRED", by_link=False)}, "path.expired_without_receipt", id="72 hours"),
        pytest.param({"end": end(Status.EXPIRED, "EXPIRED")}, "carrier.timeout", id="the carrier gave up"),
        pytest.param({"end": end(Status.FAILED, "STOPPED", charged=0, by_link=False)}, "path.stopped", id="taken back"),
        pytest.param({"end": end(Status.FAILED, "REFUSED", charged=0, by_link=False)}, "path.held_refused", id="a reviewer refused it"),
        pytest.param({"end": end(Status.EXPIRED, "HELD", charged=0, by_link=False)}, "path.held_expired", id="nobody reviewed it"),
        pytest.param({"end": end(Status.FAILED, "REFUSED")}, "carrier.frequency", id="the same word said by a carrier"),
        pytest.param({"end": end(Status.FAILED, "RINVDSTADR", charged=0)}, "carrier.bad_number", id="refused at the carrier's door"),
        pytest.param(
            {"end": end(Status.FAILED, "SGIP:1", charged=0), "taken": [taken()]}, "carrier.empty_number", id="failed and given back"
        ),
        pytest.param({"end": end(Status.FAILED, "MC:0055")}, "carrier.handset_full", id="inbox full"),
        pytest.param({"end": end(Status.FAILED, "MB:99x9")}, "carrier.gateway_error", id="of a known family"),
        pytest.param({"end": end(Status.FAILED, "QQ:0042")}, "path.unknown_code", id="of no list"),
    ],
)
def test_what_decides_stands_in_front(known: dict[str, object], cause: str) -> None:
    assert causes(facts(**known))[0] == cause


@pytest.mark.parametrize("status", Status)
def test_every_status_is_explained(status: Status) -> None:
    ended = None if status < Status.UNKNOWN else end(status, "")
    assert explain(facts(end=ended, taken=[taken()] if status is Status.SUBMITTED else []))


@pytest.mark.parametrize("reason", Reject)
def test_every_refusal_is_explained(reason: Reject) -> None:
    assert [each.cause for each in explain_refusal(reason, "", NOW, None)] == [f"check.{reason.value}"]


def test_a_code_that_lists_read_differently_is_told_with_every_reading() -> None:
    told = explain(facts(end=end(Status.FAILED, "MILIMIT")))
    assert [each.cause for each in told] == ["carrier.suspended", "carrier.frequency"]
    assert "huawei" in told[1].note_en


def test_a_vague_word_counts_only_where_no_list_says_more() -> None:
    assert [meaning.category for meaning in meanings("UNDELIV", Stage.RECEIPT)] == [Category.EMPTY_OR_OFF]
    assert [meaning.category for meaning in meanings("UNKNOWN", Stage.RECEIPT)] == [Category.UNKNOWN_STATE]


def test_a_number_means_one_thing_in_an_answer_and_another_in_a_receipt() -> None:
    assert [meaning.category for meaning in meanings("SGIP:1", Stage.SUBMIT)] == [Category.LINK_SETUP]
    assert [meaning.category for meaning in meanings("SGIP:1", Stage.RECEIPT)] == [Category.EMPTY_NUMBER]


def test_a_request_that_was_signed_long_before_it_came_was_held_up_by_its_sender() -> None:
    told = explain(facts(signed_at=ACCEPTED - 8, taken=[taken()], end=end(Status.DELIVERED, "DELIVRD")))
    assert [each.cause for each in told] == ["path.delivered", "path.request_late"]
    assert "8.0 s" in told[1].note_en
    assert causes(facts(signed_at=ACCEPTED - 2, waiting=waiting())) == ["path.waiting"]
    assert [each.cause for each in explain_refusal(Reject.TOO_BUSY, "", NOW, NOW - 60)] == ["check.too_busy", "path.request_late"]


def test_long_in_the_queue_is_told_but_not_of_what_a_reviewer_had() -> None:
    late = facts(taken=[taken(after=45)], end=end(Status.DELIVERED, "DELIVRD", after=46))
    assert causes(late) == ["path.delivered", "path.queued_long"]


def test_marketing_that_slept_until_its_hours_began_was_held_up_by_no_link() -> None:
    opening = hours_began(MARKETING_HOURS, NOW)
    for late, found in ((1.0, []), (45.0, ["path.queued_long"])):
        segment = msgspec.structs.replace(taken(), submitted_at=opening + late)
        known = facts(kind=Kind.MARKETING, accepted_at=opening - 10 * 3600.0 - 60.0, hours=MARKETING_HOURS, taken=[segment])
        assert [cause for cause in causes(known) if cause == "path.queued_long"] == found


def test_a_long_message_of_which_a_part_failed_names_the_parts() -> None:
    reports = [Reported(1, Verdict.DELIVERED, "DELIVRD", NOW), Reported(2, Verdict.FAILED, "MK:0001", NOW)]
    known = facts(taken=[taken(total=2), taken(sequence=2, total=2)], reports=reports, end=end(Status.FAILED, "MK:0001", charged=2))
    told = explain(known)
    assert [each.cause for each in told] == ["carrier.empty_number", "path.partly_delivered"]
    assert told[1].note_en == "arrived: 1; failed: 2 (MK:0001)"
    assert [(raw.segment, raw.code, raw.sources) for raw in raw_codes(known)] == [
        (1, "DELIVRD", ("smpp",)), (2, "MK:0001", ("tencent",)),
    ]  # fmt: skip


def test_that_the_customer_s_system_was_not_told_is_told() -> None:
    delivered = {"taken": [taken()], "end": end(Status.DELIVERED, "DELIVRD")}
    assert causes(facts(**delivered, told=Telling(owed=False))) == ["path.delivered", "path.nobody_told"]
    failing = Telling(owed=True, failing=True, error="HTTP 500")
    assert explain(facts(**delivered, told=failing))[1].note_en == "the last time: HTTP 500"
    assert causes(facts(**delivered, told=Telling(owed=True, paused=True, error="x"))) == ["path.delivered", "path.callback_paused"]
    assert causes(facts(**delivered, told=Telling(owed=True, given_up=True))) == ["path.delivered", "path.callback_given_up"]
    assert causes(facts(waiting=waiting(), told=Telling(owed=False))) == ["path.waiting"]


def test_what_the_next_message_will_meet_is_told() -> None:
    assert causes(facts(waiting=waiting(), opted_out=True, blacklisted=True)) == [
        "path.waiting", "path.opted_out_now", "path.blacklisted_now",
    ]  # fmt: skip


def test_the_time_a_request_was_signed_at_is_read_from_its_number_or_not_known() -> None:
    told = request_id(b"key", b"signature", at=int(NOW))
    assert signed_at(told, NOW + 200) == NOW
    assert signed_at(f"{told}.3", NOW) == NOW
    assert signed_at(told, NOW + 3600) is None
    assert signed_at(request_id(b"key", b"signature"), NOW) is None
    assert signed_at("b2f6d8f2-8f0d-4a43-a1f0-0d5d6f2f7a10", NOW) is None
    assert signed_at("", NOW) is None
    assert request_id(b"key", b"other", at=int(NOW)) != told == request_id(b"key", b"signature", at=int(NOW))


def test_whoever_has_opted_out_is_not_looked_for_on_a_blacklist() -> None:
    for cause in (Reject.OPTED_OUT, Situation.OPTED_OUT_NOW):
        assert "hongyan optout remove" in words(cause).do_en
        assert "hongyan optout remove" in words(cause).do_zh
