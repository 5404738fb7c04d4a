"""Windows, time-outs, keep-alive: the rules of one session by example."""

import pytest

from hongyan.wire.codec import Unencodable
from hongyan.wire.session import Alive, Answered, Broken, Late, Received, Session, SessionOver, TimedOut, Unreadable, WindowFull
from hongyan.wire.smpp import Smpp
from hongyan.wire.smpp.pdu import (
    BindTransceiver,
    BindTransceiverResp,
    DeliverSm,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Pdu,
    SubmitSm,
    SubmitSmResp,
    Unbind,
)

SMPP = Smpp()


def session(window: int = 10, first_sequence: int = 1, keepalive: float = 30.0) -> Session[Pdu]:
    return Session(SMPP, window=window, keepalive=keepalive, patience=10.0, now=0.0, first_sequence=first_sequence)


def test_a_silent_peer_is_probed_then_given_up() -> None:
    ours = session()
    assert ours.deadline() == 30.0
    assert ours.tick(29.9) == []
    assert ours.outgoing() == b""
    assert ours.tick(30.0) == []
    assert ours.outgoing() == SMPP.encode(SMPP.keepalive(1))
    assert ours.deadline() == 40.0
    assert ours.tick(39.9) == []
    assert ours.tick(40.0) == [Broken("peer is silent")]
    assert ours.broken == "peer is silent"


def test_an_answered_probe_shows_that_the_peer_lives_and_starts_the_wait_again() -> None:
    ours = session()
    ours.tick(30.0)
    assert ours.receive(SMPP.encode(EnquireLinkResp(1)), 31.0) == [Alive()]
    assert ours.deadline() == 61.0
    assert ours.tick(60.0) == []


def test_other_traffic_does_not_stand_for_the_answer_to_a_probe() -> None:
    ours = session()
    ours.tick(30.0)
    assert ours.receive(SMPP.encode(DeliverSm(1)), 35.0) == [Received(DeliverSm(1))]
    assert ours.tick(40.0) == [Broken("peer is silent")]


def test_traffic_puts_the_probe_off() -> None:
    ours = session()
    ours.receive(SMPP.encode(DeliverSm(1)), 20.0)
    assert ours.deadline() == 50.0
    ours.outgoing()
    assert ours.tick(49.0) == []
    assert ours.outgoing() == b""


def test_a_session_without_keepalive_never_probes_an_idle_peer() -> None:
    ours = session(keepalive=0.0)
    assert ours.deadline() is None
    assert ours.tick(9_999.0) == []
    assert ours.outgoing() == b""


def test_the_peers_probe_is_answered_without_the_application_even_when_the_window_is_full() -> None:
    ours = session(window=1)
    ours.request(SubmitSm(), 0.0, "a")
    ours.outgoing()
    assert ours.receive(SMPP.encode(EnquireLink(77)), 1.0) == []
    assert ours.outgoing() == SMPP.encode(EnquireLinkResp(77))


def test_a_probe_and_a_bind_do_not_count_against_the_window() -> None:
    ours = session(window=1)
    ours.request(BindTransceiver(), 0.0, "bind", windowed=False)
    ours.request(SubmitSm(), 29.0, "a")
    assert ours.room == 0
    ours.receive(SMPP.encode(BindTransceiverResp(1)), 0.5)
    assert ours.tick(30.6) == []
    assert ours.room == 0
    assert ours.in_flight == 1


def test_asking_beyond_the_window_is_refused() -> None:
    ours = session(window=2)
    ours.request(SubmitSm(), 0.0)
    ours.request(SubmitSm(), 0.0)
    with pytest.raises(WindowFull):
        ours.request(SubmitSm(), 0.0)
    ours.receive(SMPP.encode(SubmitSmResp(1)), 0.0)
    assert ours.room == 1


def test_what_cannot_be_encoded_leaves_no_trace() -> None:
    ours = session()
    with pytest.raises(Unencodable):
        ours.request(SubmitSm(source_addr="1" * 21), 0.0, "a")
    assert ours.in_flight == 0
    assert ours.outgoing() == b""
    assert ours.request(SubmitSm(), 0.0, "b") == 1


def test_after_a_time_out_there_is_room_once_the_peer_has_shown_that_it_lives() -> None:
    ours = session(window=1)
    ours.request(SubmitSm(), 0.0, "a")
    ours.outgoing()
    assert ours.deadline() == 10.0
    assert ours.tick(10.0) == [TimedOut("a", 1)]
    assert ours.in_flight == 0
    assert ours.outgoing() == SMPP.encode(EnquireLink(2))
    assert ours.room == 0
    with pytest.raises(WindowFull):
        ours.request(SubmitSm(), 10.0, "b")
    assert ours.receive(SMPP.encode(EnquireLinkResp(2)), 10.1) == [Alive()]
    assert ours.room == 1


def test_an_answer_after_the_time_out_is_late_and_comes_once() -> None:
    ours = session()
    ours.request(SubmitSm(), 0.0, "a")
    ours.tick(10.0)
    answer = SubmitSmResp(1, 0, "id-1")
    assert ours.receive(SMPP.encode(answer) * 2, 11.0) == [Late("a", 1, answer)]


def test_only_an_unanswered_probe_ends_a_session_whose_requests_time_out() -> None:
    ours = session()
    ours.request(SubmitSm(), 0.0, "a")
    ours.request(SubmitSm(), 5.0, "b")
    ours.outgoing()
    assert ours.tick(10.0) == [TimedOut("a", 1)]
    assert ours.tick(15.0) == [TimedOut("b", 2)]
    assert ours.tick(20.0) == [Broken("peer is silent")]


def test_a_nack_with_our_sequence_is_an_answer() -> None:
    ours = session()
    ours.request(SubmitSm(), 0.0, "a")
    assert ours.receive(SMPP.encode(GenericNack(1, 3)), 1.0) == [Answered("a", 1, GenericNack(1, 3))]


def test_answers_to_nothing_are_ignored() -> None:
    ours = session()
    assert ours.receive(SMPP.encode(SubmitSmResp(9)) + SMPP.encode(GenericNack(0, 3)), 1.0) == []


def test_answers_may_come_out_of_order() -> None:
    ours = session()
    for token in "abc":
        ours.request(SubmitSm(), 0.0, token)
    stream = b"".join(SMPP.encode(SubmitSmResp(number)) for number in (3, 1, 2))
    assert [event.token for event in ours.receive(stream, 0.0)] == ["c", "a", "b"]  # type: ignore[union-attr]


def test_sequence_numbers_wrap_and_skip_those_in_flight() -> None:
    ours = session(first_sequence=0x7FFFFFFF)
    assert [ours.request(SubmitSm(), 0.0) for _ in range(2)] == [0x7FFFFFFF, 1]
    again = session(first_sequence=1)
    again.request(SubmitSm(), 0.0)
    again._next = 1
    assert again.request(SubmitSm(), 0.0) == 2


def test_a_lost_connection_tells_what_was_in_flight_and_what_never_left() -> None:
    ours = session()
    ours.request(SubmitSm(), 0.0, "written")
    ours.outgoing()
    ours.request(SubmitSm(), 0.0, "queued")
    assert ours.eof(1.0) == [Broken("connection closed", lost=("written",), unsent=("queued",))]
    with pytest.raises(SessionOver):
        ours.request(SubmitSm(), 2.0)
    ours.respond(EnquireLinkResp(1))
    assert ours.eof(3.0) == []


@pytest.mark.parametrize("length", [0, 15, 65_553, 0xFFFFFFFF])
def test_an_impossible_length_is_nacked_and_breaks_the_session(length: int) -> None:
    ours = session()
    events = ours.receive(length.to_bytes(4) + SubmitSm.command_id.to_bytes(4) + bytes(4) + (5).to_bytes(4), 1.0)
    assert events == [Broken(f"impossible frame length {length}")]
    assert ours.outgoing() == SMPP.encode(GenericNack(5, 2))


def test_an_unknown_command_is_nacked_and_the_session_goes_on() -> None:
    ours = session()
    frame = (16).to_bytes(4) + (0x111).to_bytes(4) + bytes(4) + (5).to_bytes(4)
    events = ours.receive(frame + SMPP.encode(Unbind(6)), 1.0)
    assert events == [Unreadable(5, "unknown command 0x00000111"), Received(Unbind(6))]
    assert ours.outgoing() == SMPP.encode(GenericNack(5, 3))


def test_late_answers_are_remembered_within_bounds() -> None:
    ours = session(window=20_000)
    for token in range(10_001):
        ours.request(SubmitSm(), 0.0, token)
    assert len(ours.tick(10.0)) == 10_001
    assert ours.receive(SMPP.encode(SubmitSmResp(1)), 11.0) == []
    assert ours.receive(SMPP.encode(SubmitSmResp(2)), 11.0) == [Late(1, 2, SubmitSmResp(2))]
