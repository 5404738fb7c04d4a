"""Lanes, routes, limits and what answers mean."""

import itertools

import pytest

from hongyan.kit import ids
from hongyan.model import numbering
from hongyan.model.carrier import Declined, Lost, NotSent, SubmitOutcome, Submitted, Throttled, Verdict
from hongyan.model.message import FINAL, NEXT, Kind, Message, Status, advance
from hongyan.model.snapshot import LinkConfig, Scope
from hongyan.model.ways import ROUTES, Route, serves
from hongyan.pipeline.callbacks import retry_at
from hongyan.pipeline.conclude import COPIES, RESOLVE_AFTER_S, Doubt, Fail, PutBack, Taken, conclude, ended, reference_of
from hongyan.pipeline.lanes import Lanes
from hongyan.pipeline.routing import LinkState, Reach, choose, reach, way_of

number = itertools.count(1)


def message(app_id: int = 1, kind: Kind = Kind.NOTICE, segments: int = 1, phone: int = 8613800138000) -> Message:
    return Message(
        app_id=app_id, id=next(number), phone=phone, kind=kind, text="x", segments=segments, sender_id="", extend="",
        expires_at=1e12,
    )  # fmt: skip


HOME = Route(Scope.MAINLAND, "")
ABROAD = Route(Scope.INTERNATIONAL, "")


def route_of(message: Message) -> Route:
    return HOME if str(message.phone).startswith("86") else ABROAD


def filled(*messages: Message) -> Lanes:
    lanes = Lanes(100, route_of)
    for one in messages:
        assert lanes.reserve(one.kind, 1) == 1
    lanes.push(messages)
    return lanes


def test_codes_go_before_notices_and_notices_before_marketing() -> None:
    lanes = filled(message(kind=Kind.MARKETING), message(kind=Kind.NOTICE), message(kind=Kind.VERIFICATION))
    assert [m.kind for m in lanes.take(10, lambda m: m.segments)] == [Kind.VERIFICATION, Kind.NOTICE, Kind.MARKETING]


def test_applications_take_turns_within_a_kind() -> None:
    lanes = filled(*[message(app_id=1) for _ in range(4)], *[message(app_id=2) for _ in range(2)])
    assert [m.app_id for m in lanes.take(4, lambda m: m.segments)] == [1, 2, 1, 2]
    assert [m.app_id for m in lanes.take(4, lambda m: m.segments)] == [1, 1]


def test_a_long_message_at_the_front_waits_for_room_rather_than_being_overtaken() -> None:
    long = message(segments=5)
    lanes = filled(long, message(segments=1))
    assert lanes.take(3, lambda m: m.segments) == []
    assert lanes.take(5, lambda m: m.segments)[0] is long


def test_a_message_with_nowhere_to_go_does_not_hold_up_other_applications() -> None:
    lanes = filled(message(app_id=1), message(app_id=2))
    assert [m.app_id for m in lanes.take(5, lambda m: None if m.app_id == 1 else 1)] == [2]


def test_a_message_with_nowhere_to_go_holds_up_only_those_that_go_the_same_way() -> None:
    stuck, same_way, other_way = message(), message(), message(phone=6591234567)
    lanes = filled(stuck, same_way, other_way)
    assert lanes.take(5, lambda m: 1 if m.phone == other_way.phone else None) == [other_way]
    assert lanes.take(5, lambda _: 1) == [stuck, same_way]


def test_a_full_lane_of_one_kind_leaves_the_room_of_the_others() -> None:
    lanes = Lanes(3, route_of)
    assert lanes.reserve(Kind.MARKETING, 5) == 3
    assert lanes.reserve(Kind.MARKETING, 1) == 0
    assert lanes.reserve(Kind.VERIFICATION, 2) == 2
    lanes.unreserve(Kind.MARKETING, 3)
    assert lanes.room(Kind.MARKETING) == 3


def test_clearing_gives_all_room_back() -> None:
    lanes = filled(message(), message())
    assert len(lanes.clear()) == 2
    assert len(lanes) == 0
    assert lanes.room(Kind.NOTICE) == 100


def link(link_id: int, room: int, **changes: object) -> LinkState:
    settings = {"id": link_id, "name": f"l{link_id}", "protocol": "smpp", "host": "h", "port": 1, "system_id": "s", "password": "p"}
    config = LinkConfig(**(settings | changes))  # type: ignore[arg-type]
    return LinkState(config, room, config.window * config.sessions)


def test_the_preferred_link_is_chosen_then_the_emptier_one() -> None:
    links = [link(1, 5, priority=100), link(2, 9, priority=100), link(3, 1, priority=200)]
    chosen = choose(links, HOME, 1)
    assert chosen is links[1]


def test_every_number_has_a_way_and_every_way_a_route() -> None:
    plan = numbering.build()
    assert ROUTES[way_of(plan, 8613800138000)] == Route(Scope.MAINLAND, "cmcc")
    assert ROUTES[way_of(plan, 8600000000000)] == Route(Scope.MAINLAND, "")
    assert ROUTES[way_of(plan, 14155550123)] == Route(Scope.INTERNATIONAL, "")
    assert {route.carrier for route in ROUTES.values()} == {"", *plan.networks.values()}


def test_messages_are_ours_where_we_are_bound_and_everywhere_when_we_are_alone() -> None:
    mobile, telecom = (link(n, 1, carriers=(carrier,), scopes=(Scope.MAINLAND,)).config for n, carrier in ((1, "cmcc"), (2, "ctcc")))
    both = [mobile, telecom]
    assert reach(Route(Scope.MAINLAND, "cmcc"), both, [mobile], alone=False) is Reach.HERE
    assert reach(Route(Scope.MAINLAND, "ctcc"), both, [mobile], alone=False) is Reach.ELSEWHERE
    assert reach(Route(Scope.MAINLAND, "ctcc"), both, [], alone=True) is Reach.HERE
    assert reach(ABROAD, both, both, alone=True) is Reach.NOWHERE


def test_a_link_that_does_not_serve_the_number_is_not_chosen() -> None:
    links = [link(1, 5, scopes=(Scope.INTERNATIONAL,)), link(2, 5, carriers=("ctcc",))]
    assert choose(links, Route(Scope.MAINLAND, "cmcc"), 1) is None
    assert choose(links, Route(Scope.MAINLAND, "ctcc"), 1) is links[1]
    assert not any(serves(state.config, Route(Scope.MAINLAND, "cmcc")) for state in links)


def test_a_message_longer_than_a_window_goes_when_the_whole_window_is_free() -> None:
    assert choose([link(1, 2, window=3)], HOME, 5) is None
    assert choose([link(1, 3, window=3)], HOME, 5) is not None


@pytest.mark.parametrize(
    ("answers", "conclusion"),
    [
        ([Submitted("a")], Taken()),
        ([Submitted("a"), Submitted("b")], Taken()),
        ([Throttled(1.5, "x")], PutBack(1.5, 0)),
        ([Submitted("a"), Throttled(2.0, "x"), Throttled(3.0, "x")], PutBack(3.0, 0b001)),
        ([NotSent("x"), Submitted("a")], PutBack(0.05, 0b10)),
        ([Declined("ESME_RINVDSTADR")], Fail("ESME_RINVDSTADR")),
        ([Throttled(1.0, "x"), Declined("no")], Fail("no")),
        ([Lost("gone")], Doubt((1,), 0, "gone")),
        ([Submitted("a"), Lost("gone"), Declined("no")], Doubt((2,), 0b1, "gone")),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, list) else "+".join(type(v).__name__ for v in value),
)
def test_answers_to_segments_mean_one_thing_for_the_message(answers: list[SubmitOutcome], conclusion: object) -> None:
    assert conclude(list(enumerate(answers, start=1))) == conclusion


def test_a_long_message_is_delivered_when_every_segment_is() -> None:
    first = (Verdict.DELIVERED, "DELIVRD", 10.0)
    assert ended(2, [first]) is None
    end = ended(2, [first, (Verdict.DELIVERED, "DELIVRD", 12.0)])
    assert end is not None
    assert (end.status, end.done_at) == (Status.DELIVERED, 12.0)


def test_the_first_failed_segment_ends_a_long_message() -> None:
    end = ended(3, [(Verdict.DELIVERED, "DELIVRD", 10.0), (Verdict.FAILED, "UNDELIV", 11.0)])
    assert end is not None
    assert (end.status, end.code) == (Status.FAILED, "UNDELIV")


def test_codes_and_marketing_are_never_sent_a_second_time_on_a_guess() -> None:
    assert (COPIES[Kind.VERIFICATION], COPIES[Kind.NOTICE], COPIES[Kind.MARKETING]) == (1, 2, 1)
    assert RESOLVE_AFTER_S[Kind.VERIFICATION] == 5.0
    assert RESOLVE_AFTER_S[Kind.NOTICE] == 60.0


@pytest.mark.parametrize("current", Status)
@pytest.mark.parametrize("reported", Status)
def test_no_report_ever_leaves_a_final_status(current: Status, reported: Status) -> None:
    assert NEXT.keys() == set(Status)
    after = advance(current, reported)
    assert after in (current, reported)
    if current in FINAL:
        assert after is current


def test_callbacks_are_tried_ever_more_rarely_for_a_day() -> None:
    delays = [retry_at(n, 0.0, 0.0, 0.5) for n in range(1, 20)]
    assert delays[:3] == [5.0, 10.0, 20.0]
    assert max(d for d in delays if d is not None) == 3600.0
    assert retry_at(3, 0.0, 86_400.0, 0.5) is None


def test_references_of_messages_that_follow_each_other_hardly_ever_meet() -> None:
    """16 bits are few, and a receipt in doubt is found by them: of a thousand some eight pairs meet by chance."""
    references = {reference_of(ids.first_id_at(1_800_000_000 + n / 100) + worker, 1) for n in range(500) for worker in (0, 1 << 12)}
    assert len(references) > 980
